"""Bills and their money, per currency, and sums that are exact on every database.

SQLite keeps amounts as floating-point numbers and adds them as such. What it stores is exact to
fifteen digits; so each amount is turned into whole ten-thousandths before it is added, in two
parts, because a whole number of SQLite ends at nineteen digits.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Aggregate, Case, TextField, Value, When
from django.db.models.sql.compiler import SQLCompiler

_PART = 100_000_000  # major units
_SQLITE = (
    f"SUM(CAST(%(expressions)s / {_PART} AS INTEGER)) || ' ' || "
    f"SUM(CAST(ROUND((%(expressions)s - CAST(%(expressions)s / {_PART} AS INTEGER) * {_PART})"
    " * 10000) AS INTEGER))"
)


@dataclass(slots=True)
class Money:
    """Some bills and their amounts, per currency in major units; never added across currencies.

    `unreadable`: as many of the bills are in no sum. `credits`: as many are negative, by currency,
    and take `credited` (written as positive amounts) off the sums.
    """

    bills: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    unreadable: int = 0
    credits: dict[str, int] = field(default_factory=dict)
    credited: dict[str, Decimal] = field(default_factory=dict)

    def add(self, bills: int, currency: str, amount: Decimal | None) -> None:
        """More bills of one currency, all of the same sign, or all without a readable amount."""
        self.bills += bills
        if amount is None:
            self.unreadable += bills
            return
        self.sums[currency] = self.sums.get(currency, Decimal(0)) + amount
        if amount < 0:
            self.credits[currency] = self.credits.get(currency, 0) + bills
            self.credited[currency] = self.credited.get(currency, Decimal(0)) - amount

    def join(self, other: "Money") -> None:
        """The bills of another pile, too."""
        self.bills += other.bills
        self.unreadable += other.unreadable
        for currency, bills in other.credits.items():
            self.credits[currency] = self.credits.get(currency, 0) + bills
        for mine, more in ((self.sums, other.sums), (self.credited, other.credited)):
            for currency, amount in more.items():
                mine[currency] = mine.get(currency, Decimal(0)) + amount

    @property
    def netted(self) -> dict[str, Decimal]:
        """What credits take off sums that have other amounts, too, so that it cannot be seen."""
        return {
            currency: amount
            for currency, amount in self.credited.items()
            if self.sums[currency] != -amount
        }

    @property
    def netting(self) -> int:
        """How many credits do so."""
        return sum(self.credits[currency] for currency in self.netted)


def sign(column: str) -> Case:
    """Keeps credits, other amounts and unreadable ones apart in a grouping, as `Money.add` asks."""
    return Case(
        When(**{f"{column}__isnull": True}, then=Value(0)),
        When(**{f"{column}__lt": 0}, then=Value(-1)),
        default=Value(1),
    )


class ExactSum(Aggregate):
    """The sum of an amount column in major units as a Decimal, None when there is nothing to add.

    The argument must be a plain column (no expression with values of its own).
    """

    name = "ExactSum"
    function = "SUM"
    output_field = TextField()

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, Any]:
        """Two sums of whole numbers as one text."""
        return self.as_sql(compiler, connection, template=_SQLITE, **extra)

    def get_db_converters(self, connection: BaseDatabaseWrapper) -> list[Callable[..., Any]]:
        """PostgreSQL answers with a Decimal already."""
        return [_decimal]


def _decimal(value: Any, *_: Any) -> Decimal | None:
    if not isinstance(value, str):
        return value if value is None else Decimal(value)
    parts, rest = value.split()
    return Decimal(parts) * _PART + Decimal(rest).scaleb(-4)
