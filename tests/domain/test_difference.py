"""Differences between invoice and bill: kept as values, said in words only for people."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.difference import (
    AMOUNTS,
    FIELDS,
    NOT_THERE,
    WHOLE,
    Difference,
    fact,
    in_words,
    listed,
    restored,
    stored,
)
from connector.domain.money import format_money

TEXT = st.text(max_size=12)
AMOUNT = st.decimals(-(10**15), 10**15, places=4)
VALUE = st.one_of(st.none(), st.booleans(), TEXT, AMOUNT, st.dates(), st.lists(TEXT, max_size=3))
FIELD = st.sampled_from([*FIELDS, *WHOLE, "stamp:ExternalID"])
POINT = st.builds(Difference.of, FIELD, VALUE, VALUE, st.integers(0, 2500))


@given(st.lists(POINT, max_size=4))
def test_what_is_stored_as_json_is_read_back_as_it_was(points: list[Difference]) -> None:
    assert restored(json.loads(json.dumps(stored(points)))) == points


def test_nothing_stored_is_no_difference() -> None:
    assert restored(None) == restored([]) == []


@given(AMOUNT, st.integers(0, 6))
def test_amounts_are_the_same_fact_in_whatever_form(amount: Decimal, zeros: int) -> None:
    written = Decimal(f"{amount:f}" + ("0" * zeros if "." in f"{amount:f}" else ""))
    assert fact(written) == fact(amount)
    assert Decimal(str(fact(amount))) == amount


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("  N30 ", "N30"),
        (True, True),
        (Decimal("-0.00"), "0"),
        (Decimal("1E+3"), "1000"),
        (Decimal("120.1500"), "120.15"),
        (date(2026, 12, 1), "2026-12-01"),
        ([1, 2], ("1", "2")),
        (7, "7"),
    ],
)
def test_fact_writes_each_kind_of_value_in_one_way(value: Any, expected: Any) -> None:
    assert fact(value) == expected


@pytest.mark.parametrize(
    ("point", "currency", "words"),
    [
        (
            Difference("total", "14813.2", "1119"),
            "USD",
            "Invoice total is 1,119.00 USD, expected 14,813.20 USD",
        ),
        (Difference("line_amount", "6", "5", 3), "JPY", "Line 3 amount is 5 JPY, expected 6 JPY"),
        (Difference("line_amount", "6", "", 3), "JPY", "Line 3 amount is blank, expected 6 JPY"),
        (Difference("variance", "0", "5"), "", "Variance is 5, expected 0"),
        (Difference("terms", "60", "30"), "USD", "Terms is 30, expected 60"),
        (
            Difference("pay_hold", expected=True, actual=False),
            "",
            "Payment hold is no, expected yes",
        ),
        (
            Difference("line_account", "6", ("1|2", "3"), 2),
            "",
            "Line 2 account is 1|2 and 3, expected 6",
        ),
        (
            Difference("line_numbers", ("1", "2"), ("1", "3")),
            "",
            "Numbering of the lines is 1, 3, expected 1 to 2",
        ),
        (
            Difference("line_numbers", ("1",), ()),
            "",
            "Numbering of the lines is none, expected 1 to 1",
        ),
        (
            Difference.of_stamp("ExternalID", "b1", ""),
            "",
            "Bill id (ExternalID) is blank, expected b1",
        ),
        (NOT_THERE, "USD", "The invoice is not in Epicor"),
        (
            Difference("several", actual=("A", "B")),
            "",
            "2 invoices carry this bill's stamp: A, B",
        ),
        (
            Difference("elsewhere", "queued", ("A",)),
            "",
            "It is waiting here, and in Epicor as A",
        ),
        (Difference("not_taken", actual="no"), "", "Ramp does not take it as synced: no"),
    ],
)
def test_in_words_names_field_and_values(point: Difference, currency: str, words: str) -> None:
    assert str(in_words(point, currency)) == words


@given(POINT.filter(lambda point: point.field.partition(":")[0] not in AMOUNTS))
def test_in_words_says_something_of_every_field(point: Difference) -> None:
    said = in_words(point, "USD")
    assert said.field
    assert bool(said.expected) is point.names_values


def test_listed_is_one_text_of_at_most_ten() -> None:
    some = [Difference("total", "120", "1119"), NOT_THERE, Difference("terms", "60", "30")]
    assert listed(some, "USD") == (
        "Invoice total is 1,119.00 USD, expected 120.00 USD; The invoice is not in Epicor; "
        "Terms is 30, expected 60"
    )
    assert listed(some * 9, "USD").count("; ") == 9


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("1200", "USD", "1,200.00 USD"),
        ("-1119898", "JPY", "-1,119,898 JPY"),
        ("12.3456", "KWD", "12.3456 KWD"),
        ("12.5", "US$", "12.5 US$"),
        ("1", "", "1"),
    ],
)
def test_money_is_written_one_way(amount: str, currency: str, expected: str) -> None:
    assert format_money(Decimal(amount), currency) == expected
