"""Amounts as people count them: exact decimals with as many digits as the currency has. Pure."""

from decimal import Decimal

from iso4217 import Currency

from audit.failures import InvalidBillError

# Ramp's codes beside ISO 4217 for the same money; stable coins are left out on purpose.
_BESIDE_ISO = {"CNH": 2}


def exponent(currency: str) -> int:
    """How many decimals the currency has (USD 2, JPY 0, KWD 3).

    Raises InvalidBillError for a code that ISO 4217 does not give decimals.
    """
    if currency in _BESIDE_ISO:
        return _BESIDE_ISO[currency]
    try:
        digits = Currency(currency).exponent
    except ValueError:
        digits = None
    if digits is None:
        raise InvalidBillError(
            f"{currency or 'An empty code'} is not a currency that we know, so the amount cannot "
            "be read. Nothing was sent; correct the currency in Ramp."
        )
    return int(digits)


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
            "Nothing was sent; ask Ramp's support."
        )
    return Decimal(amount).scaleb(1 - len(text))


def decimals_of(amount: Decimal) -> int:
    """How many decimals an amount needs: 1 for 1.20, 0 for 1.00 and 100."""
    return max(0, -int(amount.normalize().as_tuple().exponent))


def format_amount(amount: Decimal, currency: str) -> str:
    """The amount with the currency's own digits: 1200.00 for USD, 1200 for JPY.

    An amount that has more digits than the currency keeps them; an unknown currency changes
    nothing, because showing an amount must not fail.
    """
    try:
        digits = exponent(currency)
    except InvalidBillError:
        return f"{amount:f}"
    return f"{_at_least(amount, digits):f}"


def format_money(amount: Decimal, currency: str) -> str:
    """The amount as people read it everywhere: 1,200.00 USD."""
    return f"{Decimal(format_amount(amount, currency)):,f} {currency}".strip()


def _at_least(amount: Decimal, digits: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-max(decimals_of(amount), digits)))
