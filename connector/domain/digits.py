"""How many decimals a currency has, and amounts written with them. Pure."""

from decimal import Decimal

from iso4217 import Currency

# Ramp's codes beside ISO 4217 for the same money; stable coins are left out on purpose.
_BESIDE_ISO = {"CNH": 2}


def digits_of(currency: str) -> int | None:
    """The decimals of a currency (USD 2, JPY 0, KWD 3); None where ISO 4217 gives it none."""
    if currency in _BESIDE_ISO:
        return _BESIDE_ISO[currency]
    try:
        digits = Currency(currency).exponent
    except ValueError:
        return None
    return None if digits is None else int(digits)


def plain_amount(amount: Decimal, currency: str) -> str:
    """The amount with the currency's own digits: 1200.00 for USD, 1200 for JPY.

    The zeros that a database adds go; an amount that has more digits than the currency keeps
    them. Of an unknown currency zeros beyond the cents go, because showing must not fail.
    """
    digits = digits_of(currency)
    least = min(2, _decimals(amount)) if digits is None else digits
    return f"{amount.quantize(Decimal(1).scaleb(-max(decimals_of(amount), least))):f}"


def decimals_of(amount: Decimal) -> int:
    """How many decimals an amount needs: 1 for 1.20, 0 for 1.00 and 100."""
    return _decimals(amount.normalize())


def _decimals(amount: Decimal) -> int:
    return max(0, -int(amount.as_tuple().exponent))


def money_text(amount: Decimal, currency: str) -> str:
    """The amount as people read it everywhere: 1,200.00 USD."""
    return f"{Decimal(plain_amount(amount, currency)):,f} {currency}".strip()
