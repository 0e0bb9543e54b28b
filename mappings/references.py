"""The rows of some references: their mappings, and what bills name without one; how often.

Read from mappings, uses, open holds and our own uploads of one kind: a query each.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from audit.ledger.models import Blocker
from audit.ledger.sums import Money
from mappings.effective import IDENTITY as IDENTITY
from mappings.effective import NEVER_MAPPED, Today, identities
from mappings.kinds import store_of
from mappings.models import ProposedMapping, ReferenceUse

Sums = dict[str, Decimal]  # major units per currency
Ref = tuple[str, str]  # reference, company


@dataclass(slots=True)
class Row:
    """One line of the grid. `companies`: where bills use it; sums in major units per currency."""

    ramp_id: str
    company: str
    name: str = ""
    target: str = ""
    source: str = ""
    by: str = ""
    at: datetime | None = None
    companies: tuple[str, ...] = ()
    bills: int = 0
    waiting: int = 0
    # Of the rows of a page only:
    sums: Sums = field(default_factory=dict)
    waiting_money: Money = field(default_factory=Money)
    held: tuple[int, ...] = ()  # the postings that wait for it
    target_name: str = ""
    problem: str = ""
    proposed: ProposedMapping | None = None
    # Of one row that was asked for: what applies to it, also where it has no mapping of its own.
    today: Today = NEVER_MAPPED

    @property
    def label(self) -> str:
        """What people call the reference."""
        return self.name or self.ramp_id


@dataclass(slots=True)
class Waiting:
    """The bills that wait because of one reference in one company; each counts once."""

    name: str = ""
    unmapped: bool = False
    bills: dict[int, tuple[str, Decimal | None]] = field(default_factory=dict)


def open_holds(tenant_id: int, kind: str, ramp_id: str | None = None) -> dict[Ref, Waiting]:
    """What the open holds say of the kind's references: as many rows as there are exceptions."""
    rows = Blocker.objects.filter(kind=kind, posting__tenant_id=tenant_id).exclude(
        posting__hold_reason=""
    )
    rows = rows.exclude(ramp_id="") if ramp_id is None else rows.filter(ramp_id=ramp_id)
    found: dict[Ref, Waiting] = defaultdict(Waiting)
    columns = ("ramp_id", "company", "name", "reason", "posting_id")
    for ref, company, name, reason, posting, currency, amount in rows.order_by("id").values_list(
        *columns, "posting__currency", "posting__amount"
    ):
        wait = found[ref, company]
        wait.name = name or wait.name
        wait.unmapped = wait.unmapped or reason.endswith("_unmapped")
        wait.bills[posting] = (currency, amount)
    return dict(found)


@dataclass(slots=True)
class _Seen:
    """Where bills use a reference, how often, and under which id it may stand for itself."""

    name: str = ""
    issued_id: str = ""
    bills: dict[str, int] = field(default_factory=dict)  # by company


def _uses(tenant_id: int, kind: str, refs: Collection[str]) -> dict[str, _Seen]:
    rows = ReferenceUse.objects.filter(tenant_id=tenant_id, kind=kind, ramp_id__in=refs).order_by()
    found: dict[str, _Seen] = {}
    for ref, company, name, issued_id, bills in rows.values_list(
        "ramp_id", "company", "name", "issued_id", "bills"
    ):
        seen = found.get(ref)
        if seen is None:
            seen = found[ref] = _Seen()
        seen.name, seen.issued_id = name or seen.name, issued_id or seen.issued_id
        seen.bills[company] = bills
    return found


def rows_of(
    tenant_id: int, kind: str, refs: Collection[str], waiting: Mapping[Ref, Waiting]
) -> list[Row]:
    """Every mapping of these references, and where bills name them without one, in no order."""
    named = set(refs)
    waiting = {key: wait for key, wait in waiting.items() if key[0] in named}
    uses = _uses(tenant_id, kind, refs)
    rows = _mapped(tenant_id, kind, refs)
    specific: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        specific[row.ramp_id].add(row.company)
    for row in rows:
        seen = uses.get(row.ramp_id)
        if seen is not None:
            row.name = row.name or seen.name
            own = _own(row, specific[row.ramp_id], seen.bills)
            row.companies, row.bills = tuple(sorted(own)), sum(own.values())
    rows += _unmapped(tenant_id, kind, uses, specific, waiting)
    _count_waiting(rows, specific, waiting)
    return rows


def _mapped(tenant_id: int, kind: str, refs: Collection[str]) -> list[Row]:
    store = store_of(kind)
    stored = store.model._default_manager.filter(
        tenant_id=tenant_id, ramp_id__in=refs, **store.extra
    ).order_by()
    values = stored.values_list(
        "ramp_id", "company", "ramp_name", "epicor_id", "source", "updated_by", "updated_at"
    )
    return [Row(*columns) for columns in values]


def _own(row: Row, companies: set[str], used: Mapping[str, int]) -> dict[str, int]:
    """The uses that a mapping decides: a company's own mapping wins over that for all."""
    if row.company:
        return {row.company: used[row.company]} if row.company in used else {}
    return {company: bills for company, bills in used.items() if company not in companies - {""}}


def _unmapped(
    tenant_id: int,
    kind: str,
    uses: Mapping[str, _Seen],
    mapped: Mapping[str, set[str]],
    waiting: Mapping[Ref, Waiting],
) -> list[Row]:
    """References that bills name and no mapping covers; some stand for themselves in a company."""
    blocked: dict[str, dict[str, Waiting]] = defaultdict(dict)
    for (ref, company), wait in waiting.items():
        if wait.unmapped:
            blocked[ref][company] = wait
    loose = {
        ref: set(uses[ref].bills if ref in uses else ()) | set(blocked.get(ref, ()))
        for ref in uses.keys() | blocked.keys()
        if "" not in mapped.get(ref, ())
    }
    itself = identities(tenant_id, kind, loose)
    rows: list[Row] = []
    for ref, companies in loose.items():
        covered = mapped.get(ref, set())
        seen = uses.get(ref, _Seen())
        name = seen.name or next((w.name for w in blocked[ref].values() if w.name), "")
        own = itself.get(ref, {})
        targets = {
            company: "" if company in blocked[ref] else own.get(company, "")
            for company in companies - covered
        }
        for company, inside in _places(targets, covered):
            target = targets[inside[0]]
            source = IDENTITY if target else ""
            bills = sum(seen.bills.get(one, 0) for one in inside)
            rows.append(
                Row(ref, company, name, target, source, companies=tuple(inside), bills=bills)
            )
    return rows


def _places(targets: Mapping[str, str], covered: set[str]) -> Iterable[tuple[str, list[str]]]:
    """The rows of a reference: one where it is the same in all companies, else one for each."""
    if not targets:
        return
    if not covered and len(set(targets.values())) == 1:
        yield "", sorted(targets)
        return
    for company in sorted(targets.keys() - {""}):
        yield company, [company]


def _count_waiting(
    rows: Iterable[Row], mapped: Mapping[str, set[str]], waiting: Mapping[Ref, Waiting]
) -> None:
    by_ref: dict[str, dict[str, Waiting]] = defaultdict(dict)
    for (ref, company), wait in waiting.items():
        by_ref[ref][company] = wait
    for row in rows:
        if row.ramp_id in by_ref:
            row.waiting = len(bills_of(row, mapped.get(row.ramp_id, set()), by_ref[row.ramp_id]))


def bills_of(
    row: Row, companies: set[str], waits: Mapping[str, Waiting]
) -> dict[int, tuple[str, Decimal | None]]:
    """The bills that wait for this row: of its company, or of all that have none of their own."""
    found: dict[int, tuple[str, Decimal | None]] = {}
    for company, wait in waits.items():
        if company == row.company or (not row.company and company not in companies):
            found.update(wait.bills)
    return found
