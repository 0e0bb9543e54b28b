"""Reads how long texts may be in this Epicor, from the description each service gives of itself.

Source: docs/epicor.md, "Addresses": `$metadata` is the only address that answers XML.
"""

from collections.abc import Collection, Mapping
from typing import Any

import httpx

from connector.domain.errors import TransientError
from connector.epicor.xml import load_xml
from connector.http_client.client import Api
from connector.http_client.outcomes import Answer

ADDRESS = "$metadata"


class EpicorApi(Api):
    """Takes XML for an answer where it is one; everywhere else it would be no usable answer."""

    def _classified(
        self, call: Any, response: httpx.Response, raw: bytes, elapsed_s: float
    ) -> Answer:
        if response.status_code == 200 and response.request.url.path.endswith(ADDRESS):
            text = raw.decode("utf-8-sig", "replace")
            return Answer(200, response.headers, None, text, "", elapsed_s)
        return super()._classified(call, response, raw, elapsed_s)


def lengths(document: str, tables: Collection[str]) -> Mapping[str, Mapping[str, int | None]]:
    """By table each column and how many characters it takes; None where no limit is named.

    Raises TransientError for a document that cannot be read.
    """
    try:
        root = load_xml(document)
    except ValueError:
        raise TransientError(
            "Epicor's description of its columns cannot be read. Nothing was changed; "
            "trying again is harmless."
        ) from None
    found: dict[str, dict[str, int | None]] = {table: {} for table in tables}
    for kind in root.iter():
        columns = found.get(str(kind.get("Name")))
        if _name(kind.tag) != "EntityType" or columns is None:
            continue
        for column in kind:
            if _name(column.tag) == "Property":
                limit = str(column.get("MaxLength") or "")
                columns[str(column.get("Name"))] = int(limit) if limit.isdecimal() else None
    return found


def _name(tag: object) -> str:
    """A tag without its namespace, which differs between the versions."""
    return str(tag).rsplit("}", 1)[-1]
