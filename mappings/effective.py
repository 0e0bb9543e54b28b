"""What applies to a reference today: the one answer for pages, proposals, previews and decisions.

In the order in which a bill is coded (mappings/choose.py): the company's own mapping, the mapping
for every company, then the reference itself where our own upload gave its id to Ramp. An account
or a segment value stands for itself only where Epicor has it; a vendor always does, and a bill
then waits for the vendor.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from connector.domain.chunks import chunks
from mappings.coding import GL_ACCOUNTS, VENDORS
from mappings.kinds import AnyMapping, store_of
from mappings.models import (
    Dimension,
    EpicorAccount,
    EpicorSegmentValue,
    EpicorVendor,
    IssuedReference,
    ReferenceUse,
)

Key = tuple[str, str]  # company ("" = every one), reference
OWN, EVERY, IDENTITY = "own", "every", "identity"


@dataclass(frozen=True, slots=True)
class Applied:
    """A target and why it applies: a mapping of the company's own, one for every, or itself.

    Without a target nothing applies, and `by` is "".
    """

    target: str = ""
    by: str = ""


NOTHING = Applied()


@dataclass(frozen=True, slots=True)
class Today:
    """What applies now, and what would if the mapping itself were taken away."""

    now: Applied = NOTHING
    without: Applied = NOTHING


NEVER_MAPPED = Today()


def today(tenant_id: int, kind: str, keys: Collection[Key]) -> dict[Key, Today]:
    """What applies to each of these; four queries for every 5,000 references."""
    known = mapped(tenant_id, kind, {ref for _, ref in keys})
    return _today(tenant_id, kind, keys, known)


def mapped(tenant_id: int, kind: str, refs: Collection[str]) -> dict[Key, str]:
    """What these references are mapped to, by company and reference."""
    store = store_of(kind)
    found: dict[Key, str] = {}
    for piece in chunks(sorted(refs)):
        mine = store.model._default_manager.filter(
            tenant_id=tenant_id, ramp_id__in=piece, **store.extra
        ).order_by()
        for company, ref, target in mine.values_list("company", "ramp_id", "epicor_id"):
            found[company, ref] = target
    return found


def today_of(
    tenant_id: int, kind: str, keys: Collection[Key], known: Mapping[Key, AnyMapping]
) -> dict[Key, Today]:
    """The same where the mappings of these references were read already."""
    return _today(tenant_id, kind, keys, {key: one.epicor_id for key, one in known.items()})


def _today(
    tenant_id: int, kind: str, keys: Collection[Key], known: Mapping[Key, str]
) -> dict[Key, Today]:
    itself = identities(tenant_id, kind, {ref for _, ref in keys})
    found: dict[Key, Today] = {}
    for company, ref in keys:
        own, every = known.get((company, ref), ""), known.get(("", ref), "") if company else ""
        issued = _of_company(itself.get(ref, {}), company, kind)
        without = Applied(issued, IDENTITY) if issued else NOTHING
        without = Applied(every, EVERY) if every else without
        by = OWN if company else EVERY
        found[company, ref] = Today(Applied(own, by) if own else without, without)
    return found


def _of_company(itself: Mapping[str, str], company: str, kind: str) -> str:
    """What it stands for in a company; for "" wherever it does, and a vendor does everywhere."""
    if company in itself or (company and kind != VENDORS):
        return itself.get(company, "")
    return next((itself[one] for one in sorted(itself)), "")


def identities(tenant_id: int, kind: str, refs: Collection[str]) -> dict[str, dict[str, str]]:
    """What references stand for by themselves: reference → company → target.

    Companies are those whose bills name it and, of an account or a value, those that have it.
    """
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for piece in chunks(sorted(refs)):
        uses = identity_uses(tenant_id, kind).filter(ramp_id__in=piece).order_by()
        for ref, company, issued in uses.values_list("ramp_id", "company", "issued_id"):
            found[ref][company] = issued
        if kind != VENDORS:
            _named_by_none(tenant_id, kind, piece, found)
    return dict(found)


def _named_by_none(
    tenant_id: int, kind: str, refs: Collection[str], found: dict[str, dict[str, str]]
) -> None:
    """Accounts and values that no counted bill named yet: their id is what would be issued."""
    ours = IssuedReference.objects.filter(tenant_id=tenant_id, kind=kind, ramp_id__in=refs)
    ids = set(ours.values_list("ramp_id", flat=True))
    catalog, column = _catalog(tenant_id, kind)
    rows = catalog.filter(**{f"{column}__in": ids}).order_by()
    for company, code in rows.values_list("company", column):
        found[code][company] = code


def identity_uses(tenant_id: int, kind: str) -> QuerySet[ReferenceUse]:
    """The uses whose reference stands for itself in their company, mapped or not."""
    uses = ReferenceUse.objects.filter(tenant_id=tenant_id, kind=kind)
    return uses.filter(stands(tenant_id, kind))


def stands(tenant_id: int, kind: str) -> Q:
    """The condition of that, for a query of uses."""
    ours = IssuedReference.objects.filter(
        tenant_id=tenant_id, kind=kind, ramp_id=OuterRef("issued_id")
    )
    if kind == VENDORS:
        return Q(Exists(ours))
    catalog, column = _catalog(tenant_id, kind)
    there = catalog.filter(**{column: OuterRef("issued_id")})
    here = there.filter(company=OuterRef("company"))
    # Without a route nobody knows the company yet: then it is enough that one has it.
    return Q(Exists(ours)) & (Q(Exists(here)) | (Q(company="") & Q(Exists(there))))


def unusable_identities(tenant_id: int, kind: str) -> set[str]:
    """The references that stand for themselves in a company where that cannot be used today."""
    uses = identity_uses(tenant_id, kind).order_by()
    if kind == VENDORS:
        known = EpicorVendor.objects.filter(tenant_id=tenant_id)
        usable = known.filter(
            company=OuterRef("company"), vendor_id=OuterRef("issued_id"), inactive=False
        )
        # A company whose vendors were never read says nothing.
        uses = uses.filter(company__in=known.order_by().values("company")).exclude(Exists(usable))
    else:
        day = timezone.localdate()
        off = Q(active=False) | Q(effective_from__gt=day) | Q(effective_to__lt=day)
        catalog, column = _catalog(tenant_id, kind)
        rows = catalog.filter(off, **{column: OuterRef("issued_id")})
        uses = uses.filter(Exists(rows.filter(company=OuterRef("company"))))
    return set(uses.values_list("ramp_id", flat=True))


def _catalog(tenant_id: int, kind: str) -> tuple[QuerySet[Any], str]:
    """What Epicor has of a kind, and the name of its key."""
    if kind == GL_ACCOUNTS:
        return EpicorAccount.objects.filter(tenant_id=tenant_id), "account"
    numbers = Dimension.objects.filter(tenant_id=tenant_id, kind=kind).values("segment")
    values = EpicorSegmentValue.objects.filter(tenant_id=tenant_id, number__in=numbers)
    return values, "code"
