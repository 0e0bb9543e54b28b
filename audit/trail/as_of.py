"""What the trail says of something at a moment: a fold over the `changes` of its entries. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


class Entry(Protocol):
    """What is needed of an entry of the trail."""

    @property
    def action(self) -> str: ...
    @property
    def body(self) -> Any: ...
    @property
    def changes(self) -> Any: ...


def fold(entries: Iterable[Entry]) -> dict[str, Any]:
    """The columns after these entries, oldest first, in plain JSON.

    A column that nothing ever changed is missing: it has its default.
    """
    values: dict[str, Any] = {}
    for entry in entries:
        values |= {name: after for name, (_, after) in pairs(entry.changes)}
    return values


def pairs(changes: Any) -> list[tuple[str, tuple[Any, Any]]]:
    """The columns of `changes` with their values before and after; what is none is left out."""
    items = changes.items() if isinstance(changes, Mapping) else ()
    return [(name, (pair[0], pair[1])) for name, pair in items if _is_pair(pair)]


def before_and_after(changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was there before and what is after, without what is empty."""
    known = pairs(changes)
    before = {name: was for name, (was, _) in known if was not in (None, "")}
    return before, {name: now for name, (_, now) in known if now not in (None, "")}


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


@dataclass(slots=True)
class Then:
    """What was on the record of one bill at a moment: columns of its posting in plain JSON.

    `in_flight` is not on the record, because a worker's taking a bill is no news: such a bill is
    `queued` here, with an attempt in `sending` once something was about to be sent.
    """

    values: dict[str, Any]
    said: str = ""  # the message of the last hold
    sending: dict[str, str] = field(default_factory=dict)  # attempts begun and not over

    @property
    def known(self) -> bool:
        """Whether the bill had been seen by then."""
        return bool(self.values)

    @property
    def state(self) -> str:
        """Where the bill stood, "" before it was seen."""
        return str(self.values.get("state", "queued")) if self.known else ""

    @property
    def hold_reason(self) -> str:
        """Why it waited for a person, "" when it did not."""
        return str(self.values.get("hold_reason") or "")

    @property
    def hold_message(self) -> str:
        """What its hold said."""
        return self.said if self.hold_reason else ""

    @property
    def held_since(self) -> datetime | None:
        """When its hold was opened."""
        try:
            return datetime.fromisoformat(str(self.values.get("hold_opened_at")))
        except ValueError:
            return None


def rebuild(entries: Iterable[Entry]) -> Then:
    """The bill after these entries of its trail (subject kind `posting`), oldest first."""
    trail = list(entries)
    then = Then(fold(trail))
    for entry in trail:
        body = entry.body if isinstance(entry.body, Mapping) else {}
        attempt = str(body.get("attempt"))
        if entry.action == "posting.held":
            then.said = str(body.get("message") or "")
        elif entry.action == "attempt.begun":
            then.sending[attempt] = str(body.get("action") or "")
        elif entry.action in ("attempt.finished", "attempt.resolved"):
            then.sending.pop(attempt, None)
    return then
