"""Amounts as people count them: exact decimals with as many digits as the currency has. Pure."""

from decimal import Decimal

from connector.domain.digits import decimals_of as decimals_of
from connector.domain.digits import digits_of, money_text, plain_amount
from connector.domain.errors import InvalidBillError


def exponent(currency: str) -> int:
    """How many decimals the currency has (USD 2, JPY 0, KWD 3).

    Raises InvalidBillError for a code that ISO 4217 does not give decimals.
    """
    digits = digits_of(currency)
    if digits is None:
        raise InvalidBillError(
            f"{currency or 'An empty code'} is not a currency that we know, so the amount cannot "
            "be read. Nothing was sent; correct the currency in Ramp.",
            detail={"why": "currency", "currency": currency},
        )
    return digits


def from_minor(amount: int, currency: str, rate: int | None = None) -> Decimal:
    """Minor units as an exact major amount: 1234 of USD is 12.34, 1234 of JPY is 1234.

    `rate` is how many minor units Ramp says one major unit has; it is preferred to our table.
    Raises InvalidBillError for an unknown currency and for a rate that is no power of ten.
    Source: docs/ramp.md, "Money".
    """
    digits = exponent(currency)
    if rate is None:
        return Decimal(amount).scaleb(-digits)
    text = str(rate)
    if rate <= 0 or text.rstrip("0") != "1":
        raise InvalidBillError(
            f"Ramp says that one {currency} has {rate} minor units, which cannot be. "
            "Nothing was sent; ask Ramp's support.",
            detail={"why": "minor_units", "currency": currency, "rate": text},
        )
    return Decimal(amount).scaleb(1 - len(text))


# As people and files have them: with the currency's own digits.
format_amount = plain_amount
format_money = money_text
