"""Differences between invoice and bill, read again and written with their money."""

from decimal import Decimal

import pytest

from connector.domain.money import format_money
from connector.epicor.ap_invoice.difference import Differing, listed, read


@pytest.mark.parametrize(
    ("sentence", "currency", "expected"),
    [
        (
            "Invoice total is 1119.00, expected 14813.2",
            "USD",
            Differing("Invoice total", "1,119.00 USD", "14,813.20 USD"),
        ),
        ("Line 3 amount is 5, expected 6", "JPY", Differing("Line 3 amount", "5 JPY", "6 JPY")),
        ("Line 3 amount is blank, expected 6", "JPY", Differing("Line 3 amount", "blank", "6 JPY")),
        ("Variance is 5, expected 0", "", Differing("Variance", "5", "0")),
        ("Terms is 30, expected 60", "USD", Differing("Terms", "30", "60")),
        ("It is gone.", "USD", None),
    ],
)
def test_a_sentence_is_read(sentence: str, currency: str, expected: Differing | None) -> None:
    assert read(sentence, currency) == expected


def test_several_are_one_text_with_money() -> None:
    some = ["Invoice total is 1119.00, expected 120.00", "It is gone", "Terms is 30, expected 60"]
    assert listed(some, "USD") == (
        "Invoice total is 1,119.00 USD, expected 120.00 USD; It is gone; Terms is 30, expected 60"
    )


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
