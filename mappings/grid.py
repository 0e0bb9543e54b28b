"""The references of one kind as a person works through them: without target first, then by use.

mappings/listing.py says which references come next; everything about them is read for one page.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet

from connector.domain.chunks import chunks
from mappings import proposals
from mappings.coding import VENDORS
from mappings.effective import IDENTITY, today, unusable_identities
from mappings.kinds import store_of
from mappings.listing import ALL, NOT_MAPPED, Listing, Place, Wanted
from mappings.models import EpicorVendor, ReferenceUse, UseCount
from mappings.references import Ref, Row, Sums, Waiting, bills_of, open_holds, rows_of
from mappings.targets import Targets, targets_of

A_PAGE = 50
UNMAPPED, UNUSABLE, WAITING = "unmapped", "unusable", "waiting"
COUNTED = 1000  # more references without target than this are not counted for a page


@dataclass(frozen=True, slots=True)
class Grid:
    """A page of rows, where the next one begins (None: there is none), and what was counted.

    `unmapped` references have no target (COUNTED + 1: more than COUNTED); `mapped` mappings exist.
    """

    rows: list[Row]
    next: Place | None
    unmapped: int
    mapped: int
    counted: UseCount | None


def grid(tenant_id: int, kind: str, wanted: Wanted, at: Place | None = None) -> Grid:
    """One page of the kind's rows, from a place on; a constant number of queries."""
    at = at or Place()
    waiting = open_holds(tenant_id, kind)
    listing = _listing(tenant_id, kind, wanted, waiting)
    units, onwards = _page(listing, at)
    rows = _rows(tenant_id, kind, units, wanted, waiting)
    store = store_of(kind)
    mappings = store.model._default_manager.filter(tenant_id=tenant_id, **store.extra)
    return Grid(
        rows,
        onwards,
        _count_unmapped(listing) if at == Place() else 0,
        mappings.count(),
        UseCount.objects.filter(tenant_id=tenant_id).first(),
    )


def row_of(tenant_id: int, kind: str, ramp_id: str, company: str) -> Row:
    """One row, complete, also of a reference that nobody has seen."""
    waiting = open_holds(tenant_id, kind, ramp_id)
    found = rows_of(tenant_id, kind, [ramp_id], waiting)
    row = next((row for row in found if row.company == company), Row(ramp_id, company))
    complete(tenant_id, kind, [row], waiting)
    key = (company, ramp_id)
    row.today = today(tenant_id, kind, [key])[key]
    return row


# -- which rows ----------------------------------------------------------------------------------


def _listing(tenant_id: int, kind: str, wanted: Wanted, waiting: Mapping[Ref, Waiting]) -> Listing:
    """The lists to read from, with what the open holds and the catalogs say."""
    blocked = _blocked(tenant_id, kind, wanted, waiting)
    only: set[str] | None = None
    if wanted.show == WAITING:
        only = {ref for ref, _ in waiting}
    if wanted.show == UNUSABLE:
        only, blocked = _unusable(tenant_id, kind), []
    return Listing(tenant_id, kind, wanted, blocked, only)


def _blocked(
    tenant_id: int, kind: str, wanted: Wanted, waiting: Mapping[Ref, Waiting]
) -> list[str]:
    """References without target that bills wait for, most bills first."""
    if wanted.source:
        return []
    asked = {key: wait for key, wait in waiting.items() if wait.unmapped}
    store = store_of(kind)
    mapped: set[Ref] = set()
    for piece in chunks(sorted({ref for ref, _ in asked})):
        rows = store.model._default_manager.filter(
            tenant_id=tenant_id, ramp_id__in=piece, **store.extra
        )
        mapped.update(rows.values_list("ramp_id", "company"))
    bills: dict[str, set[int]] = defaultdict(set)
    names: dict[str, str] = {}
    for (ref, company), wait in asked.items():
        if (ref, company) in mapped or (ref, "") in mapped:
            continue
        if _fits(ref, company, wait.name, wanted):
            bills[ref].update(wait.bills)
            names[ref] = wait.name
    return sorted(bills, key=lambda ref: (-len(bills[ref]), names[ref].casefold(), ref))


def _fits(ref: str, company: str, name: str, wanted: Wanted) -> bool:
    start = wanted.start.casefold()
    if start and not (ref.casefold().startswith(start) or name.casefold().startswith(start)):
        return False
    return wanted.company in ("", ALL, company)


def _unusable(tenant_id: int, kind: str) -> set[str]:
    """The references whose target perhaps cannot be used in some company, by the catalogs."""
    return _unusable_mappings(tenant_id, kind) | unusable_identities(tenant_id, kind)


def _unusable_mappings(tenant_id: int, kind: str) -> set[str]:
    store = store_of(kind)
    mappings = store.model._default_manager.filter(tenant_id=tenant_id, **store.extra)
    if kind == VENDORS:
        usable = _usable_vendors(tenant_id)
        return set(mappings.exclude(epicor_id__in=usable).values_list("ramp_id", flat=True))
    pairs = list(mappings.values_list("ramp_id", "epicor_id"))
    targets = targets_of(tenant_id, kind, {code for _, code in pairs})
    bad = {code for _, code in pairs if targets.problem(targets.companies, code)}
    return {ref for ref, code in pairs if code in bad}


def _usable_vendors(tenant_id: int) -> QuerySet[EpicorVendor, Any]:
    """The codes of vendors that are active in every company whose vendors were read."""
    mirrored = EpicorVendor.objects.filter(tenant_id=tenant_id).order_by()
    companies = mirrored.values("company").distinct().count()
    counted = mirrored.values("vendor_id").annotate(
        companies=Count("company", distinct=True), off=Count("pk", filter=Q(inactive=True))
    )
    return counted.filter(companies=companies, off=0).values("vendor_id")


def _page(listing: Listing, at: Place) -> tuple[list[tuple[str, str]], Place | None]:
    """The references of a page with the list each is from, and where the next one begins."""
    units: list[tuple[str, str]] = []
    for section in listing.sections(at.section):
        passed = at.passed if section == at.section else 0
        room = A_PAGE - len(units)
        found = listing.refs(section, passed, room + 1)
        units += [(section, ref) for ref in found[:room]]
        if len(found) > room:
            return units, Place(section, passed + room)
    return units, None


def _rows(
    tenant_id: int,
    kind: str,
    units: Sequence[tuple[str, str]],
    wanted: Wanted,
    waiting: Mapping[Ref, Waiting],
) -> list[Row]:
    """The rows of these references in their order; one reference may have several."""
    by_ref: dict[str, list[Row]] = defaultdict(list)
    for row in rows_of(tenant_id, kind, sorted({ref for _, ref in units}), waiting):
        by_ref[row.ramp_id].append(row)
    rows: dict[Ref, Row] = {}
    for section, ref in units:
        for row in sorted(by_ref[ref], key=lambda row: row.company):
            if bool(row.target) != (section == NOT_MAPPED) and _shows(row, wanted):
                rows[row.ramp_id, row.company] = row
    complete(tenant_id, kind, list(rows.values()), waiting)
    if wanted.show == UNUSABLE:
        return [row for row in rows.values() if row.problem]
    return list(rows.values())


def _shows(row: Row, wanted: Wanted) -> bool:
    """Whether one of a reference's rows is what is wanted."""
    if wanted.source and row.source != wanted.source:
        return False
    if wanted.show == WAITING and not row.waiting:
        return False
    if wanted.company == ALL:
        return not row.company
    if not wanted.company or row.company == wanted.company:
        return True
    decided = row.target and row.source != IDENTITY
    return not decided and not row.company and wanted.company in row.companies


def _count_unmapped(listing: Listing) -> int:
    """How many references have no target; COUNTED + 1 when there are more than that."""
    rest = COUNTED + 1 - len(listing.blocked)
    loose = len(listing.loose()[:rest]) if rest > 0 else 0
    return min(len(listing.blocked) + loose, COUNTED + 1)


# -- the rows of a page, complete ----------------------------------------------------------------


def complete(
    tenant_id: int, kind: str, rows: Sequence[Row], waiting: Mapping[Ref, Waiting]
) -> None:
    """Add what only the rows that are shown need; a constant number of queries."""
    refs = [row.ramp_id for row in rows]
    targets = targets_of(tenant_id, kind, {row.target for row in rows if row.target})
    stored = _stored_names(tenant_id, kind, refs)
    used = _sums(tenant_id, kind, refs)
    asked = proposals.open_ones(tenant_id, kind, refs)
    mapped: dict[str, set[str]] = defaultdict(set)
    for ref, company in stored:
        mapped[ref].add(company)
    waits: dict[str, dict[str, Waiting]] = defaultdict(dict)
    for (ref, company), wait in waiting.items():
        waits[ref][company] = wait
    for row in rows:
        row.problem = _problem(row, targets) if row.target else ""
        row.target_name = _name(row, targets) or stored.get((row.ramp_id, row.company), "")
        row.sums = _total(used.get((row.ramp_id, company), {}) for company in row.companies)
        held = bills_of(row, mapped[row.ramp_id], waits[row.ramp_id])
        row.held = tuple(held)
        for currency, amount in held.values():
            row.waiting_money.add(1, currency, amount)
        row.proposed = asked.get((row.company, row.ramp_id))


def _problem(row: Row, targets: Targets) -> str:
    """Why the target cannot be used where bills use it, or anywhere when none does."""
    companies = [row.company] if row.company else [one for one in row.companies if one]
    if companies:
        return targets.problem(companies, row.target)
    found = [targets.problem([company], row.target) for company in sorted(targets.companies)]
    return ", ".join(found) if all(found) else ""


def _name(row: Row, targets: Targets) -> str:
    companies = (row.company, *row.companies, *sorted(targets.companies))
    found = (targets.names.get((company, row.target)) for company in companies)
    return next((name for name in found if name), "")


def _stored_names(tenant_id: int, kind: str, refs: Sequence[str]) -> dict[Ref, str]:
    store = store_of(kind)
    rows = store.model._default_manager.filter(tenant_id=tenant_id, ramp_id__in=refs, **store.extra)
    return {
        (ref, company): name
        for ref, company, name in rows.values_list("ramp_id", "company", "epicor_name")
    }


def _sums(tenant_id: int, kind: str, refs: Sequence[str]) -> dict[Ref, Sums]:
    rows = ReferenceUse.objects.filter(tenant_id=tenant_id, kind=kind, ramp_id__in=refs)
    return {
        (ref, company): {currency: Decimal(amount) for currency, amount in sums.items()}
        for ref, company, sums in rows.values_list("ramp_id", "company", "sums")
    }


def _total(many: Iterable[Mapping[str, Decimal]]) -> Sums:
    found: Sums = {}
    for sums in many:
        for currency, amount in sums.items():
            found[currency] = found.get(currency, Decimal(0)) + amount
    return found
