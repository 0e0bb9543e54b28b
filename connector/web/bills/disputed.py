"""What an open hold says of the invoice in Epicor, put over what was sent. Pure.

While a hold says that the two differ, nothing on the page may say that they agree.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation

from audit.ledger.holds import GONE
from audit.ledger.models import Posting
from connector.domain.errors import Reason
from connector.web.bills.comparison import Line, Side, Value
from connector.web.bills.sides import (
    amount_value,
    day_value,
    flag_value,
    number_value,
    stored_value,
)
from connector.web.exceptions.texts import Point, point

_DISPUTES = (Reason.MISMATCH, Reason.CHANGED)
_LINE = re.compile(r"^Line (?P<number>\d+) (?P<what>amount|account)$")
_NUMBERING = "Numbering of the lines"
_NAMES: Mapping[str, str] = {"Invoice total": "Total", "Number": "Invoice number"}
_KEY = ("Company", "Vendor", "Invoice number", "Group")
_MORE = Line(amount=Value("a line more", means="more"))


def points_of(posting: Posting) -> list[Point]:
    """In what its open hold says that invoice and bill differ; amounts with their currency."""
    sentences = posting.hold_detail.get("differences") or []
    return [point(str(sentence), posting.currency) for sentence in sentences]


def disputes(posting: Posting) -> bool:
    """Whether its open hold says that Epicor has something else than the bill."""
    if posting.hold_reason in _DISPUTES:
        return True
    return posting.hold_reason == Reason.REFUSED and any(one.expected for one in points_of(posting))


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
    sentences = [str(one) for one in posting.hold_detail.get("differences") or []]
    points = [point(sentence) for sentence in sentences]
    if not points and posting.hold_reason == Reason.MISMATCH:
        return Side({name: sent.fields[name] for name in _KEY if name in sent.fields})
    named = [one for one in points if one.expected]
    if points and not named:
        return None
    fields, lines = dict(sent.fields), dict(sent.lines or {})
    for one in named:
        line = _LINE.match(one.field)
        if line is not None:
            number, what = int(line["number"]), line["what"]
            value = _read(what, one.in_epicor, posting.currency)
            before = lines.get(number, Line())
            lines[number] = (
                replace(before, amount=value)
                if what == "amount"
                else replace(before, account=value)
            )
        elif one.field == _NUMBERING:
            lines = _numbered(lines, one.in_epicor)
        else:
            name = _NAMES.get(one.field, one.field)
            fields[name] = _read(name, one.in_epicor, posting.currency)
    return Side(fields, None if sent.lines is None else lines)


def _numbered(lines: Mapping[int, Line], there: str) -> dict[int, Line]:
    """The lines that are there ("1, 2, 4" or "none"); what a line more says is not known."""
    numbers = [int(number) for number in re.findall(r"\d+", there)]
    return {number: lines.get(number, _MORE) for number in numbers}


def _read(name: str, text: str, currency: str) -> Value:
    """A value from the words of a hold; what cannot be read is shown as it is, and differs."""
    try:
        if name in ("Total", "amount"):
            return amount_value(Decimal(text), currency)
        if name.endswith(" date"):
            return day_value(date.fromisoformat(text))
    except (InvalidOperation, ValueError):
        return Value(text, text)
    if name == "account":
        accounts = tuple(text.split(" and ")) if text != "none" else ()
        return Value(", ".join(accounts) or "none", accounts)
    if name == "Vendor":
        return Value(f"number {text}", int(text) if text.isdecimal() else text)
    if name == "Payment hold":
        return flag_value(text == "yes")
    return number_value(text) if name == "Invoice number" else stored_value(text)
