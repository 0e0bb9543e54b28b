"""Sums of money that are exact on every database.

SQLite keeps amounts as floating-point numbers and adds them as such. What it stores is exact to
fifteen digits; so each amount is turned into whole ten-thousandths before it is added, in two
parts, because a whole number of SQLite ends at nineteen digits.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Aggregate, TextField
from django.db.models.sql.compiler import SQLCompiler

_PART = 100_000_000  # major units
_SQLITE = (
    f"SUM(CAST(%(expressions)s / {_PART} AS INTEGER)) || ' ' || "
    f"SUM(CAST(ROUND((%(expressions)s - CAST(%(expressions)s / {_PART} AS INTEGER) * {_PART})"
    " * 10000) AS INTEGER))"
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
