"""Bills and their money as every page counts them: per currency, exact, never added across."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Count, QuerySet

from audit.ledger.models import Posting
from audit.ledger.sums import ExactSum, sign
from audit.ledger.sums import Money as Pile


def piles(found: QuerySet[Posting], by: Any) -> Mapping[Any, Pile]:
    """The bills in a pile for each value of `by` (a column or an expression), in one query."""
    grouped: dict[Any, Pile] = {}
    rows = found.order_by().values_list(by, "currency", sign("amount"))
    for value, currency, _, bills, amount in rows.annotate(Count("pk"), ExactSum("amount")):
        grouped.setdefault(value, Pile()).add(bills, currency, amount)
    return grouped


def pile_of(found: QuerySet[Posting]) -> Pile:
    """All of the bills in one pile, in one query."""
    pile = Pile()
    rows = found.order_by().values_list("currency", sign("amount"))
    for currency, _, bills, amount in rows.annotate(Count("pk"), ExactSum("amount")):
        pile.add(bills, currency, amount)
    return pile


__all__ = ["Pile", "pile_of", "piles"]
