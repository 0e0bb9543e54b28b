"""The sentences in which an invoice differs from its bill, read again and written for people. Pure.

They are kept as they were found ("Invoice total is 119.00, expected 120.00"), because a person who
keeps an invoice as it is accepts exactly these; amounts become money when somebody reads them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from connector.domain.money import format_money

_SENTENCE = re.compile(r"^(?P<field>.+?) is (?P<actual>.*?), expected (?P<expected>.*)$", re.S)
_AMOUNT = re.compile(r"^(Invoice total|Sum of .*|Variance|Line \d+ amount)$")


@dataclass(frozen=True, slots=True)
class Differing:
    """One point: what Epicor has, and what was expected."""

    field: str
    actual: str
    expected: str


def read(sentence: str, currency: str = "") -> Differing | None:
    """The point that a sentence names, None for another sentence; with a currency, as money."""
    match = _SENTENCE.match(sentence)
    if match is None:
        return None
    field, actual, expected = match["field"], match["actual"], match["expected"]
    if currency and _AMOUNT.match(field):
        actual, expected = _money(actual, currency), _money(expected, currency)
    return Differing(field, actual, expected)


def listed(sentences: Iterable[object], currency: str) -> str:
    """Several in one text, with their amounts as money."""
    found = [(str(one), read(str(one), currency)) for one in sentences]
    return "; ".join(
        f"{point.field} is {point.actual}, expected {point.expected}" if point else sentence
        for sentence, point in found
    )


def _money(text: str, currency: str) -> str:
    try:
        return format_money(Decimal(text), currency)
    except InvalidOperation:
        return text
