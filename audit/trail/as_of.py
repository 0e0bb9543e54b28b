"""A bill as it was at a moment, rebuilt from what the trail says up to then. Pure.

Each entry is a step of audit/ledger/lifecycle.py or audit/ledger/intake.py; what it changes on the
row is written here once more, as the reader sees it. A test walks both side by side and compares.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

_IN_EPICOR = ("entered", "confirmed")
_DAYS = ("issued_on", "due_on", "apply_on")
_FACTS = ("company", "vendor_num", "invoice_num", "group_id", "apply_on")
_FORGOTTEN: Mapping[str, Any] = {
    "company": "",
    "vendor_num": None,
    "group_id": "",
}


class Entry(Protocol):
    """What is needed of an entry of the trail."""

    @property
    def at(self) -> datetime: ...
    @property
    def action(self) -> str: ...
    @property
    def body(self) -> Any: ...


@dataclass(slots=True)
class Then:
    """What was on the record of one bill at a moment.

    `values` has the columns of the posting by name (amounts Decimal in major units, days as
    date); a name that is missing is not on the record.
    """

    hold_reason: str = ""
    hold_message: str = ""
    hold_detail: Any = field(default_factory=dict)
    held_since: datetime | None = None
    values: dict[str, Any] = field(default_factory=dict)
    twins_cleared: list[Any] = field(default_factory=list)
    bills_cleared: list[Any] = field(default_factory=list)
    entered_at: datetime | None = None
    confirmed_at: datetime | None = None
    sending: dict[int, str] = field(default_factory=dict)  # attempts begun and not over

    @property
    def state(self) -> str:
        """Where the bill stood, "" before it was seen."""
        return str(self.values.get("state", ""))

    @property
    def known(self) -> bool:
        """Whether the bill had been seen by then."""
        return bool(self.state)


def rebuild(entries: Iterable[Entry]) -> Then:
    """The bill after these entries of its trail (subject kind `posting`), oldest first.

    `in_flight` is not on the record, because a worker's taking a bill is no news: such a bill is
    `queued` here, with an attempt in `sending` once something was about to be sent.
    """
    then = Then()
    for entry in entries:
        step = _STEPS.get(entry.action)
        if step is not None:
            step(then, entry.body if isinstance(entry.body, Mapping) else {}, entry.at)
    return then


Step = Callable[[Then, Mapping[str, Any], datetime], None]


def _opened(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    then.values |= {name: _value(name, value) for name, value in body.items()}
    then.values |= {**_FORGOTTEN, "state": "queued", "given_num": ""}


def _seen_changed(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    changes = body.get("changes")
    for name, pair in changes.items() if isinstance(changes, Mapping) else ():
        if isinstance(pair, list) and len(pair) == 2:
            then.values[name] = _value(name, pair[1])


def _held(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    reason = str(body.get("reason") or "")
    if reason != then.hold_reason or then.held_since is None:
        then.held_since = at
    then.hold_reason = reason
    then.hold_message = str(body.get("message") or "")
    then.hold_detail = body.get("detail") or {}


def _free(then: Then) -> None:
    then.hold_reason = then.hold_message = ""
    then.hold_detail, then.held_since = {}, None


def _doubtful(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    if then.state == "queued":
        then.values["state"] = "in_doubt"


def _settled(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    if then.state == "in_doubt":
        then.values["state"] = "queued"
    _free(then)


def _reaped(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    if then.state == "queued" and body.get("to") == "in_doubt":
        then.values["state"] = "in_doubt"


def _entered(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    then.values["state"], then.entered_at = "entered", at
    then.values |= {name: _value(name, body[name]) for name in _FACTS if name in body}
    _free(then)


def _rechecked(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    if "apply_on" in body:
        then.values["apply_on"] = _value("apply_on", body["apply_on"])
    _free(then)


def _closed(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    _free(then)


def _confirmed(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    if then.state == "entered":
        then.values["state"], then.confirmed_at = "confirmed", at


def _removed(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    then.values["state"] = "removed"
    _free(then)


def _dismissed(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    then.values["state"] = "dismissed"
    _free(then)


def _enter_again(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    then.values["state"], then.entered_at, then.confirmed_at = "queued", None, None
    then.values |= _FORGOTTEN


def _twins_cleared(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    keys = body.get("keys")
    then.twins_cleared = list(keys) if isinstance(keys, list) else []
    bills = body.get("bills")
    then.bills_cleared = list(bills) if isinstance(bills, list) else []
    _free(then)


def _numbered(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    then.values["given_num"] = str(body.get("given") or "")
    _free(then)


def _tried_again(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    if then.state not in _IN_EPICOR:  # what is in Epicor keeps its hold until it is verified
        _free(then)


def _begun(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    if isinstance(body.get("attempt"), int):
        then.sending[body["attempt"]] = str(body.get("action") or "")


def _over(then: Then, body: Mapping[str, Any], at: datetime) -> None:
    then.sending.pop(body.get("attempt", 0), None)


_STEPS: Mapping[str, Step] = {
    "posting.opened": _opened,
    "posting.seen_changed": _seen_changed,
    "posting.held": _held,
    "posting.in_doubt": _doubtful,
    "posting.settled": _settled,
    "posting.reaped": _reaped,
    "posting.entered": _entered,
    "posting.rechecked": _rechecked,
    "posting.confirmed": _confirmed,
    "posting.removed": _removed,
    "posting.dismissed": _dismissed,
    "posting.kept": _closed,
    "posting.enter_again": _enter_again,
    "posting.twins_cleared": _twins_cleared,
    "posting.numbered": _numbered,
    "posting.replayed": _tried_again,
    "posting.requeued": _tried_again,
    "attempt.begun": _begun,
    "attempt.finished": _over,
    "attempt.resolved": _over,
}


def _value(name: str, value: Any) -> Any:
    """A column's value as the row has it; what cannot be read stays as it was written."""
    if value is None or not isinstance(value, str):
        return value
    try:
        if name == "amount":
            return Decimal(value)
        return date.fromisoformat(value) if name in _DAYS else value
    except (ValueError, InvalidOperation):
        return value
