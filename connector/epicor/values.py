"""Single values as Epicor's rows hold them. Pure.

Both versions of the interface: the first one writes decimals and long numbers as text. What
cannot be read is a TransientError, because nothing of ours was changed by it.
"""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.domain.errors import TransientError


def text(value: Any) -> str:
    """A code or name as Epicor keeps it; only what surrounds it is cut."""
    return "" if value is None else str(value).strip()


def number(value: Any) -> int:
    """A whole number. Raises TransientError."""
    try:
        return int(value)
    except (TypeError, ValueError):
        raise _unreadable(value, "a whole number") from None


def amount(value: Any) -> Decimal:
    """An amount in its own currency; None is nothing. Raises TransientError."""
    try:
        read = Decimal(0) if value is None else Decimal(str(value))
    except InvalidOperation:
        raise _unreadable(value, "an amount") from None
    if not read.is_finite():
        raise _unreadable(value, "an amount")
    return read


def flag(value: Any) -> bool:
    """Yes or no."""
    return value is True or str(value).lower() == "true"


def day(value: Any) -> date | None:
    """A calendar day; the time beside it means nothing. None for an empty one.

    Raises TransientError.
    """
    written = text(value)[:10]
    if not written or written.startswith("0001"):
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise _unreadable(value, "a date") from None


def _unreadable(value: Any, what: str) -> TransientError:
    return TransientError(f"Epicor gave {value!r} where {what} belongs. Nothing was changed by it.")
