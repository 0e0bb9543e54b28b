"""The changes of an entry in words: each column with its value before and after. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.canonical_json import canonical
from audit.labels import COLUMNS, STATES
from audit.trail.as_of import pairs
from connector.domain.reasons import LABELS

_NONE = "none"


@dataclass(frozen=True, slots=True)
class Changed:
    """One column, and its value before and after in words."""

    column: str
    before: str
    after: str

    @property
    def label(self) -> str:
        """What the column is called."""
        return COLUMNS.get(self.column, self.column.replace("_", " "))

    @property
    def sentence(self) -> str:
        """The change as a part of a sentence."""
        return f"{self.label} {self.before} → {self.after}"


def changed(changes: Any) -> list[Changed]:
    """The columns of an entry's changes, in the order of their names."""
    return [
        Changed(name, in_words(name, before), in_words(name, after))
        for name, (before, after) in sorted(pairs(changes))
    ]


def in_words(column: str, value: Any) -> str:
    """A column's value, in plain JSON, as people read it."""
    if value in (None, "", [], {}):
        return _NONE
    if isinstance(value, Mapping | list):
        return canonical(value).decode()
    if isinstance(value, bool):
        return "yes" if value else "no"
    try:
        return _WRITTEN.get(column, str)(str(value))
    except (ValueError, OverflowError):
        return str(value)


def _moment(value: str) -> str:
    return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M:%S} UTC"


_WRITTEN = {
    "state": lambda value: STATES.get(value, value),
    "hold_reason": lambda value: LABELS.get(value, value),
    "hold_opened_at": _moment,
    "snoozed_until": _moment,
}
