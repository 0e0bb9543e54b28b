"""What an open hold says of the invoice in Epicor, put over what was sent. Pure.

While a hold says that the two differ, nothing on the page may say that they agree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from audit.ledger.holds import GONE
from audit.ledger.models import Posting
from connector.domain.difference import Difference, Fact, Point, in_words, restored
from connector.domain.errors import Reason
from connector.web.bills.comparison import Line, Side, Value
from connector.web.bills.sides import (
    amount_value,
    day_value,
    flag_value,
    number_value,
    stored_value,
)

_DISPUTES = (Reason.MISMATCH, Reason.CHANGED)
# What the page calls the fields that it has.
_NAMES: Mapping[str, str] = {
    "company": "Epicor company",
    "vendor": "Vendor",
    "number": "Invoice number",
    "invoice_date": "Invoice date",
    "apply_date": "Apply date",
    "due_date": "Due date",
    "terms": "Terms",
    "currency": "Currency",
    "total": "Total",
    "pay_hold": "Payment hold",
}
_KEY = ("Epicor company", "Vendor", "Invoice number", "Group")
_MORE = Line(amount=Value("a line more", means="more"))


def differences_of(posting: Posting) -> list[Difference]:
    """In what its open hold says that invoice and bill differ."""
    return restored(posting.hold_detail.get("differences"))


def points_of(posting: Posting) -> list[Point]:
    """The same in words; amounts with their currency."""
    return [in_words(one, posting.currency) for one in differences_of(posting)]


def disputes(posting: Posting) -> bool:
    """Whether its open hold says that Epicor has something else than the bill."""
    if posting.hold_reason in _DISPUTES:
        return True
    named = any(one.names_values for one in differences_of(posting))
    return posting.hold_reason == Reason.REFUSED and named


def is_gone(posting: Posting) -> bool:
    """Whether its open hold says that the invoice is not in Epicor any more."""
    return bool(posting.hold_detail.get(GONE))


def unnamed(points: Sequence[Point]) -> str:
    """What is said of the whole invoice and belongs to no point, as a sentence, or ""."""
    return " ".join(f"{one.field.rstrip('.')}." for one in points if not one.expected)


def as_disputed(posting: Posting, sent: Side) -> Side | None:
    """What was sent, with the values that the hold says Epicor has instead.

    Only the key where the two were never compared, and None where the hold names no invoice.
    """
    points = differences_of(posting)
    if not points and posting.hold_reason == Reason.MISMATCH:
        return Side({name: sent.fields[name] for name in _KEY if name in sent.fields})
    named = [one for one in points if one.names_values]
    if points and not named:
        return None
    fields, lines = dict(sent.fields), dict(sent.lines or {})
    for one in named:
        value = _value(one, posting.currency)
        if one.field == "line_numbers":
            lines = _numbered(lines, one.actual)
        elif one.field == "line_amount":
            lines[one.line] = replace(lines.get(one.line, Line()), amount=value)
        elif one.field == "line_account":
            lines[one.line] = replace(lines.get(one.line, Line()), account=value)
        elif one.field in _NAMES:
            fields[_NAMES[one.field]] = value
    return Side(fields, None if sent.lines is None else lines)


def _numbered(lines: Mapping[int, Line], there: Fact) -> dict[int, Line]:
    """The lines that are there; what a line more says is not known."""
    numbers = [int(number) for number in there] if isinstance(there, tuple) else []
    return {number: lines.get(number, _MORE) for number in numbers}


def _day(text: str) -> Value:
    """A day; what is none is shown as it is, and differs."""
    try:
        return day_value(date.fromisoformat(text))
    except ValueError:
        return Value(text, text)


def _value(one: Difference, currency: str) -> Value:
    """What Epicor has; an empty value is known to be empty."""
    there = one.actual
    if isinstance(there, tuple):
        return Value(", ".join(there) or "none", there)
    if isinstance(there, bool):
        return flag_value(there)
    if not there:
        return stored_value("")
    if one.field in ("total", "line_amount"):
        return amount_value(Decimal(there), currency)
    if one.field.endswith("_date"):
        return _day(there)
    if one.field == "vendor":
        return Value(f"number {there}", int(there) if there.isdecimal() else there)
    return number_value(there) if one.field == "number" else stored_value(there)
