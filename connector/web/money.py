"""Bills and their money as every page counts them: per currency, never added across."""

from dataclasses import dataclass, field
from decimal import Decimal

from audit.queue import ExceptionQueue


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


def total(queue: ExceptionQueue) -> Pile:
    """All exceptions; each bill once, however many causes hold it."""
    pile = Pile()
    for item in queue.items:
        pile.add(1, item.currency, item.amount)
    return pile
