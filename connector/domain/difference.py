"""In what an invoice differs from its bill, as a value that is stored and compared. Pure.

The words for it are made here, too, and only where a person reads them: nothing compares those.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from connector.domain.money import format_money

Fact = str | bool | tuple[str, ...]

PAY_HOLD = "pay_hold"
_STAMP = "stamp:"  # followed by the column that should carry the bill's id
_SHOWN = 10  # in one sentence


@dataclass(frozen=True, slots=True)
class Difference:
    """One point: its field, what was expected, what is there, and of which line (0 = none).

    `field` is a code of FIELDS or WHOLE. Values are as `fact` writes them.
    """

    field: str
    expected: Fact = ""
    actual: Fact = ""
    line: int = 0

    @classmethod
    def of(cls, field: str, expected: Any, actual: Any, line: int = 0) -> "Difference":
        """The point for two values of whatever type."""
        return cls(field, fact(expected), fact(actual), line)

    @classmethod
    def of_stamp(cls, column: str, expected: Any, actual: Any) -> "Difference":
        """The bill's id is not in this column."""
        return cls.of(_STAMP + column, expected, actual)

    @property
    def names_values(self) -> bool:
        """Whether two values stand against each other; else it is said of the whole invoice."""
        return self.field not in WHOLE

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "field": self.field,
            "expected": _plain(self.expected),
            "actual": _plain(self.actual),
            "line": self.line,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Difference":
        """What `as_json` gave."""
        return cls.of(stored["field"], stored["expected"], stored["actual"], stored["line"])


NOT_THERE = Difference("not_there")


def fact(value: Any) -> Fact:
    """A value as it is compared: yes or no, a list of texts, or a text.

    Amounts are decimals in major units without needless zeros, days ISO 8601, nothing is "".
    Spaces in and around a text do not count.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return value
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, list | tuple):
        return tuple(" ".join(str(one).split()) for one in value)
    return " ".join(str(value).split())


def stored(points: Iterable[Difference]) -> list[dict[str, Any]]:
    """Several as JSON."""
    return [point.as_json() for point in points]


def restored(rows: Iterable[Mapping[str, Any]] | None) -> list[Difference]:
    """What `stored` gave; nothing where nothing was stored."""
    return [Difference.from_json(row) for row in rows or ()]


# -- in words --------------------------------------------------------------------------------------

# What a field is called. Amounts are written with their currency.
FIELDS: Mapping[str, str] = {
    "company": "Company",
    "vendor": "Vendor",
    "number": "Number",
    "credit": "Credit (debit memo)",
    "invoice_date": "Invoice date",
    "apply_date": "Apply date",
    "due_date": "Due date",
    "terms": "Terms",
    "currency": "Currency",
    "total": "Invoice total",
    "lines_total": "Sum of the lines",
    "variance": "Variance",
    PAY_HOLD: "Payment hold",
    "line_numbers": "Numbering of the lines",
    "line_amount": "amount",
    "line_account": "account",
    "distributions_total": "Sum of the distributions",
}
AMOUNTS = frozenset({"total", "lines_total", "variance", "line_amount", "distributions_total"})
# What is said of an invoice as a whole; there `actual` is a text, or the names of invoices.
WHOLE: Mapping[str, str] = {
    "not_there": "The invoice is not in Epicor",
    "several": "{count} invoices carry this bill's stamp: {actual}",
    "elsewhere": "It is {expected} here, and in Epicor as {actual}",
    "not_taken": "Ramp does not take it as synced: {actual}",
    "not_compared": "It could not be compared ({actual})",
    "not_looked_for": "It could not be looked for ({actual})",
}
_STATES: Mapping[Fact, str] = {"queued": "waiting"}


@dataclass(frozen=True, slots=True)
class Point:
    """A difference as three cells; what is said of the whole invoice fills the first alone."""

    field: str
    actual: str = ""
    expected: str = ""

    def __str__(self) -> str:
        if not self.expected:
            return self.field
        return f"{self.field} is {self.actual}, expected {self.expected}"


def in_words(point: Difference, currency: str) -> Point:
    """A difference for people; `currency` is that of its amounts."""
    if not point.names_values:
        return Point(_of_whole(point))
    name, _, column = point.field.partition(":")
    label = f"Bill id ({column})" if column else FIELDS.get(name, name)
    if point.line:
        label = f"Line {point.line} {label}"
    actual, expected = _shown(point.actual, name, currency), _shown(point.expected, name, currency)
    if name == "line_numbers":
        expected = f"1 to {len(point.expected) if isinstance(point.expected, tuple) else 0}"
    return Point(label, actual, expected)


def listed(points: Sequence[Difference], currency: str) -> str:
    """Several (at most ten) in one text."""
    return "; ".join(str(in_words(point, currency)) for point in points[:_SHOWN])


def _of_whole(point: Difference) -> str:
    names = point.actual if isinstance(point.actual, tuple) else (str(point.actual),)
    here = _STATES.get(point.expected, point.expected)
    template = WHOLE[point.field]
    return template.format(count=len(names), actual=", ".join(names), expected=here)


def _shown(value: Fact, field: str, currency: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return (", " if field == "line_numbers" else " and ").join(
            one or "blank" for one in value
        ) or "none"
    if value and field in AMOUNTS:
        return format_money(Decimal(value), currency)
    return value or "blank"


def _decimal(value: Decimal) -> str:
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if value == 0 else text


def _plain(value: Fact) -> str | bool | list[str]:
    return list(value) if isinstance(value, tuple) else value
