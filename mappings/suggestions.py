"""Reads what suggestions are made from: the catalogs, the other mappings, and past invoices.

For one reference at a time, in a constant number of queries. The names of a catalog are kept in
memory until it is read from Epicor again.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet

from mappings import catalog, suggest
from mappings.coding import GL_ACCOUNTS, SEGMENT_SEPARATOR, VENDORS, Validity, dimension_field
from mappings.duplicate_rules import normalised
from mappings.models import (
    CatalogRefresh,
    Dimension,
    DimensionMapping,
    EpicorAccount,
    EpicorSegmentValue,
    EpicorVendor,
    GLAccountMapping,
    TargetInvoice,
    VendorMapping,
)
from mappings.suggest import Catalog, Known, RampReference, Suggestion, Target

_SHORTEST_NUMBER = 4  # shorter invoice numbers are the same by chance
_BILLS = 20  # as many waiting bills are compared with past invoices
_ACCOUNTS = 400
_VALUES = 20_000
_MAPPINGS = 2000


@dataclass(frozen=True, slots=True)
class Reference:
    """A Ramp reference without target: `numbers` are the codes Ramp knows it by.

    `bills`: number and amount (major units) of bills that wait for it.
    """

    kind: str
    company: str
    ramp_id: str
    name: str
    numbers: frozenset[str] = frozenset()
    bills: Sequence[tuple[str, Decimal | None]] = ()


def suggestions(tenant_id: int, reference: Reference, *, today: date) -> list[Suggestion]:
    """The best targets of a reference, best first; none when nothing is alike."""
    asked = RampReference(reference.name, reference.numbers | {reference.ramp_id} - {""})
    if reference.kind == VENDORS:
        return _vendors(tenant_id, reference, asked)
    if reference.kind == GL_ACCOUNTS:
        return _accounts(tenant_id, reference, asked, today)
    return _values(tenant_id, reference, asked, today)


# -- vendors ---------------------------------------------------------------------------------------


def _vendors(tenant_id: int, reference: Reference, asked: RampReference) -> list[Suggestion]:
    company = reference.company
    read_at = _read_at(tenant_id, company, catalog.VENDORS)
    read = _vendor_catalog if read_at else _vendor_catalog.__wrapped__
    known_vendors, ids = read(tenant_id, company, read_at)
    names = suggest.alike(asked.name, known_vendors)
    near = {known_vendors.targets[place].id for place in names}
    numbers, amounts = _past_invoices(
        tenant_id, company, reference.bills, [num for num, id_ in ids.items() if id_ in near]
    )
    known = Known(
        mapped=_mapped_elsewhere(tenant_id, reference),
        same_number=_by_id(numbers, ids),
        same_amount=_by_id(amounts, ids),
    )
    return suggest.suggest(asked, known_vendors, known, names=names)


@lru_cache(maxsize=8)
def _vendor_catalog(
    tenant_id: int, company: str, read_at: datetime | None
) -> tuple[Catalog, Mapping[int, str]]:
    """The usable vendors of a company, and the VendorID of each vendor number."""
    rows = EpicorVendor.objects.filter(tenant_id=tenant_id, company=company, inactive=False)
    found = list(rows.order_by("vendor_num").values_list("vendor_num", "vendor_id", "name"))
    targets = (Target(id_, name, frozenset({id_, str(num)})) for num, id_, name in found)
    return Catalog.of(targets), {num: id_ for num, id_, _ in found}


def _past_invoices(
    tenant_id: int,
    company: str,
    bills: Sequence[tuple[str, Decimal | None]],
    near: Sequence[int],
) -> tuple[Counter[int], Counter[int]]:
    """How many mirrored invoices of each vendor have a bill's number, and how many its amount."""
    keys = {normalised(number) for number, _ in bills[:_BILLS]}
    keys = {key for key in keys if len(key) >= _SHORTEST_NUMBER}
    totals = {amount for _, amount in bills[:_BILLS] if amount}
    rows = TargetInvoice.objects.filter(tenant_id=tenant_id, company=company)
    numbered = rows.filter(number_key__in=keys).values_list("vendor_num", flat=True)
    alike = rows.filter(vendor_num__in=near, total__in=totals).exclude(number_key__in=keys)
    priced = alike.values_list("vendor_num", flat=True)
    return Counter(numbered[:_ACCOUNTS]), Counter(priced[:_ACCOUNTS])


def _by_id(counts: Counter[int], ids: Mapping[int, str]) -> dict[str, int]:
    return {ids[num]: count for num, count in counts.items() if num in ids}


# -- GL accounts -----------------------------------------------------------------------------------


def _accounts(
    tenant_id: int, reference: Reference, asked: RampReference, today: date
) -> list[Suggestion]:
    """A chart may list a hundred thousand accounts: only those that share a number or a word."""
    mapped = _mapped_elsewhere(tenant_id, reference)
    wanted = Q(account__in=list(mapped))
    for number in asked.numbers:
        wanted |= Q(account=number) | Q(account__startswith=number + SEGMENT_SEPARATOR)
    words = sorted(set(suggest.plain_name(asked.name).split()), key=lambda w: (-len(w), w))
    long_ones = [word for word in words if len(word) > 2][:2]
    if long_ones:
        wanted |= reduce(or_, (Q(description__icontains=word) for word in long_ones))
    rows = EpicorAccount.objects.filter(wanted, tenant_id=tenant_id, company=reference.company)
    targets = [
        Target(
            account,
            description,
            frozenset({account, account.split(SEGMENT_SEPARATOR)[0]}),
            Validity(active, start, end).problem(today),
        )
        for account, description, active, start, end in rows.order_by("account").values_list(
            "account", "description", "active", "effective_from", "effective_to"
        )[:_ACCOUNTS]
    ]
    usual = _usual_tails(tenant_id, reference.company)
    known = Known(
        mapped=mapped, usual={t.id: usual[_tail(t.id)] for t in targets if _tail(t.id) in usual}
    )
    return suggest.suggest(asked, Catalog.of(targets), known)


def _usual_tails(tenant_id: int, company: str) -> Counter[str]:
    """How often each ending of an account, all but its first segment, is mapped to.

    What the company has of its own says more than what was mapped for every company: where it has
    any, only that counts.
    """
    rows = GLAccountMapping.objects.filter(tenant_id=tenant_id, company__in=["", company])
    found = list(rows.order_by("-id").values_list("company", "epicor_id")[:_MAPPINGS])
    own = [whole for owner, whole in found if owner]
    return Counter(_tail(whole) for whole in own or [whole for _, whole in found])


def _tail(account: str) -> str:
    return account.partition(SEGMENT_SEPARATOR)[2]


# -- values of segments ----------------------------------------------------------------------------


def _values(
    tenant_id: int, reference: Reference, asked: RampReference, today: date
) -> list[Suggestion]:
    numbers = segments_of(tenant_id, reference.kind)
    rows = EpicorSegmentValue.objects.filter(
        tenant_id=tenant_id, company=reference.company, number__in=numbers
    )
    targets = [
        Target(code, name, frozenset({code}), Validity(active, start, end).problem(today))
        for code, name, active, start, end in rows.order_by("code").values_list(
            "code", "name", "active", "effective_from", "effective_to"
        )[:_VALUES]
    ]
    known = Known(mapped=_mapped_elsewhere(tenant_id, reference))
    return suggest.suggest(asked, Catalog.of(targets), known)


def segments_of(tenant_id: int, kind: str) -> list[int]:
    """The numbers of the segments that a dimension kind overwrites."""
    rows = Dimension.objects.filter(tenant_id=tenant_id, kind=kind)
    return list(rows.values_list("segment", flat=True))


def mapped_now(tenant_id: int, kind: str, ramp_id: str) -> dict[str, str]:
    """What a reference is mapped to by company, "" meaning every company."""
    rows = _stored(tenant_id, kind, ramp_id).order_by("company")
    return dict(rows.values_list("company", "epicor_id")[:_ACCOUNTS])


# -- all kinds -------------------------------------------------------------------------------------


def _mapped_elsewhere(tenant_id: int, reference: Reference) -> dict[str, str]:
    """What the same reference is mapped to in other companies: target -> company."""
    known = mapped_now(tenant_id, reference.kind, reference.ramp_id)
    return {id_: company for company, id_ in known.items() if company != reference.company}


def _stored(tenant_id: int, kind: str, ramp_id: str) -> QuerySet[Any]:
    """The mappings of a reference, one for each company."""
    known: dict[str, type[Any]] = {VENDORS: VendorMapping, GL_ACCOUNTS: GLAccountMapping}
    model = known.get(kind, DimensionMapping)
    extra = {} if kind in known else {"field": dimension_field(kind)}
    rows: QuerySet[Any] = model.objects.filter(tenant_id=tenant_id, ramp_id=ramp_id, **extra)
    return rows


def _read_at(tenant_id: int, company: str, name: str) -> datetime | None:
    rows = CatalogRefresh.objects.filter(tenant_id=tenant_id, company=company, catalog=name)
    return rows.values_list("refreshed_at", flat=True).first()


__all__ = [
    "Reference",
    "Suggestion",
    "mapped_now",
    "segments_of",
    "suggestions",
]
