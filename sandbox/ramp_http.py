"""How the Ramp stand-in talks: its error bodies, its query and body checks, its pages.

It is stricter than Ramp: an undocumented query parameter or body key is refused, so that a
misspelt filter cannot silently return everything.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from sandbox.wire import Request, Response, json_response

Row = dict[str, Any]
PREFIX = "/developer/v1"
INVALID = "DEVELOPER_7001"
NOT_READY = "DEVELOPER_7062"
NO_CONNECTION = "DEVELOPER_7089"
ACCESS = "DEVELOPER_7100"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class RampError(Exception):
    """An answer other than success. `info` says what is wrong with which field."""

    def __init__(
        self, status: int, code: str, message: str, info: Mapping[str, list[str]] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.info = dict(info or {})

    def response(self) -> Response:
        """The error in Ramp's two shapes, the new and the old one. Source: docs/ramp.md."""
        message = str(self)
        return json_response(
            self.status,
            {
                "error_v2": {
                    "error_code": self.code,
                    "additional_info": self.info,
                    "notes": "",
                    "message": message,
                },
                "error": self.info or {"message": message},
            },
        )


def invalid(name: str, problem: str) -> RampError:
    """A 422 about one query parameter or body key."""
    return RampError(422, INVALID, f"{name}: {problem}", {name: [problem]})


def not_found(what: str) -> RampError:
    """A 404 about one object."""
    return RampError(404, "DEVELOPER_7004", f"{what} not found")


# -- query parameters ----------------------------------------------------------------------------

Params = dict[str, Any]
Kind = str | frozenset[str]
PAGING: dict[str, Kind] = {"start": "uuid", "page_size": "int"}


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def moment(text: str) -> dt.datetime:
    """An ISO 8601 date and time, UTC when it has no offset. Raises ValueError for a bare day."""
    if "T" not in text:
        raise ValueError(text)
    parsed = dt.datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)


def _uuid(text: str) -> str:
    if not UUID.fullmatch(text):
        raise ValueError(text)
    return text


_PARSERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "str": (str, "Not a valid string."),
    "uuid": (_uuid, "Not a valid UUID."),
    "int": (int, "Not a valid integer."),
    "bool": (_boolean, "Not a valid boolean."),
    "datetime": (moment, "Not a valid datetime."),
    "decimal": (Decimal, "Not a valid number."),
}


def read_params(request: Request, allowed: Mapping[str, Kind]) -> Params:
    """The query, typed. Raises RampError for an unknown, repeated or malformed parameter."""
    params: Params = {}
    for name, text in request.query:
        if name not in allowed:
            raise invalid(name, "Unknown field.")
        if name in params:
            raise invalid(name, "Given more than once.")
        params[name] = _typed(name, text, allowed[name])
    if not 2 <= params.get("page_size", 20) <= 100:
        raise invalid("page_size", "Value must be between 2 and 100")
    return params


def _typed(name: str, text: str, kind: Kind) -> Any:
    if isinstance(kind, frozenset):
        if text not in kind:
            raise invalid(name, f"Must be one of: {', '.join(sorted(kind))}.")
        return text
    parse, problem = _PARSERS[kind]
    try:
        return parse(text)
    except (ValueError, InvalidOperation) as error:
        raise invalid(name, problem) from error


# -- bodies --------------------------------------------------------------------------------------

BodySpec = Mapping[str, Any]  # name -> type | frozenset of values; "name!" is required


def check_object(body: Any, spec: BodySpec, where: str) -> Row:
    """A JSON object with known keys, required ones present, each of its type. Raises RampError."""
    if not isinstance(body, dict):
        raise invalid(where or "_schema", "Invalid input type.")
    known = {name.rstrip("!"): kind for name, kind in spec.items()}
    for name, value in body.items():
        if name not in known:
            raise invalid(where + name, "Unknown field.")
        kind = known[name]
        good = value in kind if isinstance(kind, frozenset) else isinstance(value, kind)
        if not good or (isinstance(value, bool) and kind is int):
            raise invalid(where + name, "Invalid value.")
    for name in spec:
        if name.endswith("!") and name[:-1] not in body:
            raise invalid(where + name[:-1], "Missing data for required field.")
    return body


def check_list(body: Row, name: str, spec: BodySpec, most: int) -> list[Row]:
    """A list of 1 to `most` objects. Raises RampError; an empty list is refused, too."""
    items = body[name]
    if not 1 <= len(items) <= most:
        raise invalid(name, f"Length must be between 1 and {most}.")
    return [check_object(item, spec, f"{name}.{number}.") for number, item in enumerate(items)]


# -- pages ---------------------------------------------------------------------------------------


def page(request: Request, params: Params, rows: Iterable[Row], key: str = "id") -> Response:
    """One page of rows that follow `start`, with the absolute address of the next one.

    `rows` are all matching rows after `start`; they are consumed only as far as needed.
    """
    size = params.get("page_size", 20)
    data: list[Row] = []
    more = False
    for row in rows:
        if len(data) == size:
            more = True
            break
        data.append(row)
    following = None
    if more:
        query = [(name, text) for name, text in request.query if name != "start"]
        query.append(("start", data[-1][key]))
        host = request.headers.get("host", "localhost")
        following = f"http://{host}{request.path}?{urlencode(query)}"
    return json_response(200, {"data": data, "page": {"next": following}})


def after(rows: list[Row], start: str | None, key: str = "id") -> list[Row]:
    """The rows that follow the one called `start`. Raises RampError when there is none."""
    if start is None:
        return rows
    for number, row in enumerate(rows):
        if row[key] == start:
            return rows[number + 1 :]
    raise invalid("start", "Not the id of a row of this list.")
