"""How many bills of the last year used some mappings, and for how much money, as last counted."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal

from connector.domain.chunks import chunks
from mappings.models import ReferenceUse, UseCount

Key = tuple[str, str]  # company, reference


@dataclass(slots=True)
class Usage:
    """Bills, with their money in major units per currency."""

    bills: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)

    def add(self, bills: int, sums: dict[str, Decimal]) -> None:
        """So many more, of another company or another mapping."""
        self.bills += bills
        for currency, amount in sums.items():
            self.sums[currency] = self.sums.get(currency, Decimal(0)) + amount


def used(
    tenant_id: int, kind: str, keys: Collection[Key], others: Collection[Key] = ()
) -> dict[Key, Usage]:
    """What went through each of these mappings; `others`: mappings that there are besides.

    A mapping for all companies has no part in a company that has one of its own.
    """
    rows: dict[str, list[tuple[str, int, dict[str, Decimal]]]] = defaultdict(list)
    for piece in chunks(sorted({ref for _, ref in keys})):
        found = ReferenceUse.objects.filter(tenant_id=tenant_id, kind=kind, ramp_id__in=piece)
        for ref, company, bills, sums in found.values_list("ramp_id", "company", "bills", "sums"):
            money = {currency: Decimal(amount) for currency, amount in sums.items()}
            rows[ref].append((company, bills, money))
    specific = set(others)
    answer: dict[Key, Usage] = {}
    for company, ref in keys:
        mine = answer[company, ref] = Usage()
        for where, bills, money in rows[ref]:
            if where == company or (not company and (where, ref) not in specific):
                mine.add(bills, money)
    return answer


def is_counted(tenant_id: int) -> bool:
    """Whether uses were counted at all: before that, none means nothing."""
    return UseCount.objects.filter(tenant_id=tenant_id).exists()
