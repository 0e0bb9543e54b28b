from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.errors import InvalidBillError
from connector.domain.money import exponent, format_amount, from_minor


@pytest.mark.parametrize(
    ("minor", "currency", "rate", "major"),
    [
        (1234, "USD", None, "12.34"),
        (1234, "USD", 100, "12.34"),
        (-1, "EUR", None, "-0.01"),
        (1234, "JPY", None, "1234"),
        (1234, "JPY", 1, "1234"),
        (1234, "KWD", None, "1.234"),
        (1234, "KWD", 1000, "1.234"),
        (1234, "CNH", None, "12.34"),
        (0, "USD", None, "0.00"),
        (99999999999999999, "USD", None, "999999999999999.99"),
    ],
)
def test_minor_units_become_exact_major_amounts(minor, currency, rate, major):
    assert str(from_minor(minor, currency, rate)) == major


@pytest.mark.parametrize("currency", ["", "XXQ", "USDC", "XAU", "dollar"])
def test_unknown_currencies_are_refused_by_name(currency):
    with pytest.raises(InvalidBillError, match=currency or "empty"):
        exponent(currency)


@pytest.mark.parametrize("rate", [0, -100, 60, 200])
def test_a_rate_that_is_no_power_of_ten_is_refused(rate):
    with pytest.raises(InvalidBillError, match="minor units"):
        from_minor(100, "USD", rate)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("1200", "USD", "1200.00"),
        ("1.2E+3", "USD", "1200.00"),
        ("1200.0000", "JPY", "1200"),
        ("0.5", "KWD", "0.500"),
        ("-3.1", "EUR", "-3.10"),
        ("0.125", "USD", "0.125"),
        ("7", "???", "7"),
        ("30108.9100", "USD", "30108.91"),
        ("30108.9100", "???", "30108.91"),
    ],
)
def test_amounts_are_shown_with_the_currency_s_own_digits(amount, currency, shown):
    assert format_amount(Decimal(amount), currency) == shown


@given(st.integers(-(10**15), 10**15), st.sampled_from(["USD", "JPY", "KWD"]))
def test_showing_and_reading_an_amount_loses_nothing(minor, currency):
    shown = format_amount(from_minor(minor, currency), currency)
    assert Decimal(shown).scaleb(exponent(currency)) == minor
