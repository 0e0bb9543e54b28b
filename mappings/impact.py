"""Which held bills changes of mappings would unblock, and for how much money."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from audit.ledger.models import Blocker
from audit.ledger.sums import Money

Key = tuple[str, str]  # company, reference


@dataclass(frozen=True, slots=True)
class Impact:
    """Postings that wait for nothing else, with their money.

    `partly`: how many more wait for something else besides.
    """

    postings: tuple[int, ...]
    money: Money
    partly: int = 0

    @property
    def bills(self) -> int:
        """How many would be unblocked."""
        return len(self.postings)


@dataclass(slots=True)
class _Held:
    """One posting with everything that blocks it: (kind, reference, company)."""

    currency: str
    amount: Decimal | None
    gaps: set[tuple[str, str, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class OpenHolds:
    """Everything that waits for references, read once: as many rows as there are exceptions."""

    held: Mapping[int, _Held]
    by_ref: Mapping[tuple[str, str], Collection[int]]  # kind and reference → postings

    def impact_of(self, kind: str, keys: Collection[Key], others: Collection[Key] = ()) -> Impact:
        """What new targets of these mappings unblock; `others`: mappings that stay as they are.

        A mapping for all companies unblocks nothing in a company that has one of its own.
        """
        wanted, staying = set(keys), set(others) - set(keys)
        touched = {pk for _, ref in wanted for pk in self.by_ref.get((kind, ref), ())}
        free: list[int] = []
        money = Money()
        partly = 0
        for pk in sorted(touched):
            held = self.held[pk]
            solved = {gap for gap in held.gaps if _solves(gap, kind, wanted, staying)}
            if solved != held.gaps:
                partly += bool(solved)
                continue
            free.append(pk)
            money.add(1, held.currency, held.amount)
        return Impact(tuple(free), money, partly)


def _solves(
    gap: tuple[str, str, str], kind: str, wanted: Collection[Key], staying: Collection[Key]
) -> bool:
    its_kind, ref, company = gap
    if its_kind != kind:
        return False
    own = (company, ref)
    return own in wanted or (("", ref) in wanted and own not in staying)


def open_holds(tenant_id: int) -> OpenHolds:
    """What every held bill of the tenant waits for, in one query."""
    rows = Blocker.objects.filter(posting__tenant_id=tenant_id).exclude(posting__hold_reason="")
    held: dict[int, _Held] = {}
    by_ref: dict[tuple[str, str], set[int]] = defaultdict(set)
    columns = ("posting_id", "kind", "ramp_id", "company")
    for pk, kind, ref, company, currency, amount in rows.values_list(
        *columns, "posting__currency", "posting__amount"
    ):
        held.setdefault(pk, _Held(currency, amount)).gaps.add((kind, ref, company))
        by_ref[kind, ref].add(pk)
    return OpenHolds(held, by_ref)
