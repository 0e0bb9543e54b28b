"""Bills and their money as every page counts them: per currency, exact, never added across."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet

from audit.models import Posting
from audit.sums import ExactSum


@dataclass(slots=True)
class Pile:
    """Some bills and their money, per currency in major units."""

    bills: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)

    def add(self, bills: int, currency: str, amount: Decimal | None) -> None:
        """Put more bills of one currency on the pile; unreadable amounts count as bills only."""
        self.bills += bills
        if amount is not None:
            self.sums[currency] = self.sums.get(currency, Decimal(0)) + amount


def piles(found: QuerySet[Posting], by: Any) -> Mapping[Any, Pile]:
    """The bills in a pile for each value of `by` (a column or an expression), in one query."""
    grouped: dict[Any, Pile] = {}
    rows = found.order_by().values_list(by, "currency").annotate(Count("pk"), ExactSum("amount"))
    for value, currency, bills, amount in rows:
        grouped.setdefault(value, Pile()).add(bills, currency, amount)
    return grouped


def pile_of(found: QuerySet[Posting]) -> Pile:
    """All of the bills in one pile, in one query."""
    pile = Pile()
    rows = found.order_by().values_list("currency").annotate(Count("pk"), ExactSum("amount"))
    for currency, bills, amount in rows:
        pile.add(bills, currency, amount)
    return pile
