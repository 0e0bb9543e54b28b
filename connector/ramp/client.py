"""Everything we ask of Ramp and tell it. Source: docs/ramp.md.

All requests are made in the job's own thread: they share one budget with every other worker, and
the token is renewed through the database.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connector.domain.errors import TransientError
from connector.http_client.client import Api
from connector.http_client.outcomes import Answer
from connector.ramp.errors import NotFoundError, raise_for

Row = dict[str, Any]
PAGE = 100
MOST_SYNCS = 5000
PREFIX = "/developer/v1"

# Each read path and the scope it needs; `ping` asks them one by one.
READS: Mapping[str, tuple[str, str]] = {
    "bills": ("/bills", "bills:read"),
    "business": ("/business", "business:read"),
    "entities": ("/entities", "entities:read"),
    "vendors": ("/vendors", "vendors:read"),
    "connections": ("/accounting/all-connections", "accounting:read"),
    "accounting_vendors": ("/accounting/vendors", "accounting:read"),
    "gl_accounts": ("/accounting/accounts", "accounting:read"),
    "fields": ("/accounting/fields", "accounting:read"),
    "field_options": ("/accounting/field-options", "accounting:read"),
    "purchase_orders": ("/purchase-orders", "purchase_orders:read"),
    "transactions": ("/transactions", "transactions:read"),
}


def api_base(base_url: str) -> str:
    """The address below which the API lives, for a base with or without /developer/v1."""
    return base_url.rstrip("/").removesuffix(PREFIX).rstrip("/") + PREFIX


class RampClient:
    """One business on Ramp. Methods raise AccessError, RejectedError or TransientError."""

    def __init__(self, api: Api) -> None:
        self._api = api

    @property
    def calls(self) -> int:
        """How many requests went out."""
        return self._api.calls

    def close(self) -> None:
        """Close every connection."""
        self._api.close()

    # -- reading -----------------------------------------------------------------------------

    def bills(self, **filters: object) -> Iterator[list[Row]]:
        """Pages of bills, up to 100 each. Archived ones only with `is_archived=True`.

        Filters are Ramp's own; days mean the start of that day in UTC. A misspelt filter would
        be ignored by Ramp, so check the rows, too.
        """
        return self.pages("bills", **filters)

    def bill_page(self, start: str = "", **filters: object) -> tuple[list[Row], str]:
        """One page of bills after the one with the id `start`, and where the next one starts.

        "" means that there is no next page. Lets a run go on where another worker stopped.
        """
        path, what, scope = _read_of("bills")
        query = {"page_size": str(PAGE), **_query(filters), **({"start": start} if start else {})}
        body = self._get(path, what, scope, query)
        rows = _list(body, "data")
        following = _following(body, query)
        if following is None:
            return rows, ""
        after = following.get("start", "")
        if not after or after == start:
            raise endless("bills")
        return rows, after

    def bill(self, bill_id: str) -> Row:
        """One bill, whole. Raises NotFoundError for one that is absent."""
        if not bill_id or not all(sign.isalnum() or sign == "-" for sign in bill_id):
            raise NotFoundError(f"{bill_id!r} is not the id of a Ramp bill.")
        return _object(self._get(f"/bills/{bill_id}", "read a bill", "bills:read", {}))

    def business(self) -> Row:
        """The company itself; its id tells which business the login belongs to."""
        return _object(self._get(*_read_of("business"), {}))

    def entities(self) -> list[Row]:
        """The legal entities."""
        return self._all("entities")

    def connections(self) -> list[Row]:
        """Every accounting connection; at most one `is_active`."""
        return _list(self._get(*_read_of("connections"), {}), "connections")

    def vendors(self, **filters: object) -> Iterator[list[Row]]:
        """Pages of bill-pay vendors."""
        return self.pages("vendors", **filters)

    def accounting_vendors(self) -> list[Row]:
        """The vendor list that our connection uploaded; `id` is the VendorID."""
        return self._all("accounting_vendors")

    def gl_accounts(self) -> list[Row]:
        """The GL accounts that our connection uploaded; `id` is ours."""
        return self._all("gl_accounts")

    def fields(self) -> list[Row]:
        """The custom accounting fields; `id` is ours, `ramp_id` Ramp's."""
        return self._all("fields")

    def field_options(self, field_id: str) -> list[Row]:
        """The options of the field with this `ramp_id`."""
        return self._all("field_options", field_id=field_id)

    def pages(self, name: str, **filters: object) -> Iterator[list[Row]]:
        """Pages of one of READS that comes in pages."""
        path, what, scope = _read_of(name)
        query = {"page_size": str(PAGE), **_query(filters)}
        seen: set[tuple[tuple[str, str], ...]] = set()
        while True:
            body = self._get(path, what, scope, query)
            yield _list(body, "data")
            following = _following(body, query)
            if following is None:
                return
            query = following
            mark = tuple(sorted(query.items()))
            if mark in seen:
                raise endless(name)
            seen.add(mark)

    def probe(self, name: str) -> None:
        """Ask one of READS for very little, to learn whether it is allowed. Raises as above."""
        path, what, scope = _read_of(name)
        paged = name not in ("business", "connections", "field_options")
        if name == "field_options":
            fields = self.fields()
            if fields:
                self._get(path, what, scope, {"page_size": "2", "field_id": fields[0]["ramp_id"]})
            return
        self._get(path, what, scope, {"page_size": "2"} if paged else {})

    # -- telling -----------------------------------------------------------------------------

    def sync(
        self,
        sync_type: str,
        idempotency_key: str,
        successes: Sequence[Mapping[str, Any]] = (),
        failures: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        """Tell Ramp what became of bills; returns the id of Ramp's record of it.

        `successes` are {id, reference_id, deep_link_url}, `failures` {id, error: {message}}, of
        one `sync_type`, together at least one and each at most 5000. The same key again has no
        second effect, so the call may be repeated. Raises NotReadyError naming the ids because
        of which the whole call was refused, and UncertainOutcomeError for a refusal that is not
        Ramp's. Source: docs/ramp.md, "Telling Ramp the result".
        """
        if not successes and not failures:
            raise ValueError("There is nothing to tell Ramp.")
        if max(len(successes), len(failures)) > MOST_SYNCS:
            raise ValueError(f"Ramp takes at most {MOST_SYNCS} results a call.")
        body: Row = {"idempotency_key": idempotency_key, "sync_type": sync_type}
        if successes:
            body["successful_syncs"] = list(successes)
        if failures:
            body["failed_syncs"] = list(failures)
        answer = self._api.send("POST", "/accounting/syncs", json=body, repeatable=True)
        raise_for(answer, "report results", scope="accounting:write", writing=True)
        return str(_object(answer.json).get("sync_id", ""))

    # -- plumbing ----------------------------------------------------------------------------

    def _all(self, name: str, **filters: object) -> list[Row]:
        return [row for page in self.pages(name, **filters) for row in page]

    def _get(self, path: str, what: str, scope: str, query: Mapping[str, str]) -> Any:
        answer: Answer = self._api.send("GET", path, params=query, repeatable=True)
        raise_for(answer, what, scope=scope)
        return answer.json


def _read_of(name: str) -> tuple[str, str, str]:
    path, scope = READS[name]
    return path, f"read {name.replace('_', ' ')}", scope


def _query(filters: Mapping[str, object]) -> dict[str, str]:
    """Filters as Ramp wants them: true and false, and days as moments."""
    return {name: _parameter(value) for name, value in filters.items() if value is not None}


def _parameter(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date) and not isinstance(value, datetime):
        return f"{value.isoformat()}T00:00:00Z"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _following(body: Any, query: Mapping[str, str]) -> dict[str, str] | None:
    """The query of the next page. Only the query: the bearer never follows a given address."""
    page = body.get("page") if isinstance(body, dict) else None
    if not isinstance(page, dict) or not isinstance(page.get("next") or "", str):
        if not _list(body, "data"):
            return None
        # Taken for the last page, it would cut off in silence whatever follows.
        raise TransientError(
            "Ramp's answer does not say whether another page follows, so reading was stopped. "
            "Nothing was changed; trying again is harmless."
        )
    following = page.get("next")
    if not following:
        return None
    if "?" not in following and "/" not in following:
        return {**query, "start": following}
    return dict(parse_qsl(urlsplit(following).query))


def endless(name: str) -> TransientError:
    """The error for pages that never come to an end."""
    return TransientError(
        f"Ramp's pages of {name} repeat themselves, so reading was stopped. "
        "Nothing was changed; trying again is harmless."
    )


def _object(body: Any) -> Row:
    if not isinstance(body, dict):
        raise TransientError("Ramp's answer has another form than documented; nothing was changed.")
    return body


def _list(body: Any, key: str) -> list[Row]:
    rows = _object(body).get(key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TransientError(
            f"Ramp's answer has no readable {key}; nothing was changed, trying again is harmless."
        )
    return rows
