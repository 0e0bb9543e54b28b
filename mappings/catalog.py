"""Mirrors Epicor's master data, so that a bill can be checked before anything is sent.

Each function replaces one catalog of one company whole: what Epicor no longer has, disappears.
The rows are read to the end before the transaction starts, because none is open across HTTP.
"""

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from connector.domain.chunks import chunks
from mappings.fiscal import PeriodState as PeriodState
from mappings.fiscal import PeriodTable as PeriodTable
from mappings.models import (
    CatalogRefresh,
    EpicorAccount,
    EpicorCurrency,
    EpicorPeriod,
    EpicorSegment,
    EpicorSegmentValue,
    EpicorTerms,
    EpicorVendor,
    IssuedReference,
)
from mappings.periods import PERIODS
from mappings.periods import period_of as period_of
from mappings.periods import periods as periods

BATCH = 1000

# Names of the catalogs in CatalogRefresh.
VENDORS = "vendors"
ACCOUNTS = "accounts"
SEGMENTS = "segments"
SEGMENT_VALUES = "segment_values"
TERMS = "terms"
CURRENCIES = "currencies"
_BEHIND = {
    VENDORS: (VENDORS, TERMS),
    TERMS: (VENDORS, TERMS),
    "currency": (CURRENCIES,),
    "period": (PERIODS,),
    "entity": (),
}
_CLOCKS_DIFFER = timedelta(minutes=5)  # between our machines
ALL_CATALOGS = (VENDORS, ACCOUNTS, SEGMENTS, SEGMENT_VALUES, TERMS, CURRENCIES, PERIODS)


@dataclass(frozen=True, slots=True)
class VendorRow:
    """One Epicor vendor."""

    vendor_num: int
    vendor_id: str
    name: str
    terms_code: str = ""
    currency_code: str = ""
    inactive: bool = False


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One account of the chart, internal form."""

    account: str
    description: str = ""
    active: bool = True
    effective_from: date | None = None
    effective_to: date | None = None


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One segment of the chart."""

    number: int
    name: str
    dynamic: bool = False


@dataclass(frozen=True, slots=True)
class SegmentValueRow:
    """One value of a segment."""

    number: int
    code: str
    name: str = ""
    active: bool = True
    effective_from: date | None = None
    effective_to: date | None = None


@dataclass(frozen=True, slots=True)
class TermsRow:
    """One kind of purchasing terms."""

    code: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class CurrencyRow:
    """One currency of the company."""

    code: str
    decimals: int = 2
    is_base: bool = False
    inactive: bool = False


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """One fiscal period, first to last day."""

    fiscal_year: int
    year_suffix: str
    period: int
    starts_on: date
    ends_on: date
    closed: bool = False


Row = VendorRow | AccountRow | SegmentRow | SegmentValueRow | TermsRow | CurrencyRow | PeriodRow


def replace_vendors(tenant_id: int, company: str, rows: Iterable[VendorRow]) -> int:
    """Mirror the company's vendors; returns how many there are."""
    return _replace(EpicorVendor, VENDORS, tenant_id, company, rows, ("vendor_num",))


def replace_accounts(tenant_id: int, company: str, rows: Iterable[AccountRow]) -> int:
    """Mirror the company's chart of accounts; returns how many accounts it lists."""
    return _replace(EpicorAccount, ACCOUNTS, tenant_id, company, rows, ("account",))


def replace_segments(tenant_id: int, company: str, rows: Iterable[SegmentRow]) -> int:
    """Mirror the segments of the company's chart; returns how many there are."""
    return _replace(EpicorSegment, SEGMENTS, tenant_id, company, rows, ("number",))


def replace_segment_values(tenant_id: int, company: str, rows: Iterable[SegmentValueRow]) -> int:
    """Mirror the values of all segments of the company; returns how many there are."""
    key = ("number", "code")
    return _replace(EpicorSegmentValue, SEGMENT_VALUES, tenant_id, company, rows, key)


def replace_terms(tenant_id: int, company: str, rows: Iterable[TermsRow]) -> int:
    """Mirror the company's purchasing terms; returns how many there are."""
    return _replace(EpicorTerms, TERMS, tenant_id, company, rows, ("code",))


def replace_currencies(tenant_id: int, company: str, rows: Iterable[CurrencyRow]) -> int:
    """Mirror the company's currencies; returns how many there are."""
    return _replace(EpicorCurrency, CURRENCIES, tenant_id, company, rows, ("code",))


def replace_periods(
    tenant_id: int,
    company: str,
    rows: Iterable[PeriodRow],
    *,
    earliest_apply_on: date | None = None,
) -> int:
    """Mirror the company's fiscal periods and its earliest apply date; returns how many."""
    key = ("fiscal_year", "year_suffix", "period")
    return _replace(EpicorPeriod, PERIODS, tenant_id, company, rows, key, earliest_apply_on)


def is_fresh(
    tenant_id: int, company: str, catalogs: Iterable[str], *, now: datetime, max_age: timedelta
) -> bool:
    """Whether each of these catalogs was read whole within `max_age` before `now`.

    Not when a person asked for it since (`request_refresh`), nor when it was read in the future.
    """
    names = set(catalogs)
    fresh = CatalogRefresh.objects.filter(
        asked_at=None,
        tenant_id=tenant_id,
        company=company,
        catalog__in=names,
        refreshed_at__range=(now - max_age, now + _CLOCKS_DIFFER),
    )
    return fresh.count() == len(names)


def request_refresh(tenant_id: int, wanted: Iterable[tuple[str, str]], *, now: datetime) -> None:
    """Have these catalogs, as (company, name), read by the next run, however young they are."""
    match = Q(pk__in=[])
    for company, name in wanted:
        match |= Q(company=company, catalog=name)
    CatalogRefresh.objects.filter(match, tenant_id=tenant_id).update(asked_at=now)


def asked_at(tenant_id: int, company: str, name: str) -> datetime | None:
    """When a person asked last for the catalog to be read again, as long as it was not."""
    rows = CatalogRefresh.objects.filter(tenant_id=tenant_id, company=company, catalog=name)
    return rows.values_list("asked_at", flat=True).first()


def was_read(tenant_id: int, company: str, name: str, asked: datetime | None) -> None:
    """It was read after it was `asked` for; what was asked for while it was read still stands."""
    rows = CatalogRefresh.objects.filter(tenant_id=tenant_id, company=company, catalog=name)
    rows.filter(asked_at=asked).update(asked_at=None)


def catalogs_behind(kind: str) -> tuple[str, ...]:
    """The catalogs by which a gap of this kind is judged (connector.domain.errors.Gap)."""
    if kind in _BEHIND:
        return _BEHIND[kind]
    return (ACCOUNTS, SEGMENTS, SEGMENT_VALUES)


def replace_issued(tenant_id: int, kind: str, ids: Iterable[str]) -> int:
    """Remember exactly these ids of a kind as uploaded by our own connection; returns how many."""
    wanted = {ramp_id for ramp_id in ids if ramp_id}
    with transaction.atomic():
        rows = IssuedReference.objects.filter(tenant_id=tenant_id, kind=kind)
        known = dict(rows.values_list("ramp_id", "pk"))
        _delete(IssuedReference, [pk for ramp_id, pk in known.items() if ramp_id not in wanted])
        add_issued(tenant_id, kind, wanted - known.keys())
    return len(wanted)


def add_issued(tenant_id: int, kind: str, ids: Iterable[str]) -> None:
    """Remember further ids as uploaded by our own connection; known ones stay."""
    IssuedReference.objects.bulk_create(
        (
            IssuedReference(tenant_id=tenant_id, kind=kind, ramp_id=ramp_id)
            for ramp_id in sorted(set(ids))
        ),
        batch_size=BATCH,
        ignore_conflicts=True,
    )


def _replace(
    model: type[models.Model],
    catalog: str,
    tenant_id: int,
    company: str,
    rows: Iterable[Row],
    key: tuple[str, ...],
    earliest_apply_on: date | None = None,
) -> int:
    """Write what is new or different, delete what is gone, and note the refresh."""
    wanted = {tuple(getattr(row, name) for name in key): row for row in rows}
    with transaction.atomic():
        unchanged, gone = _compare(model, tenant_id, company, key, wanted)
        _upsert(
            model,
            tenant_id,
            company,
            key,
            [row for row_key, row in wanted.items() if row_key not in unchanged],
        )
        _delete(model, gone)
        CatalogRefresh.objects.update_or_create(
            tenant_id=tenant_id,
            company=company,
            catalog=catalog,
            defaults={
                "refreshed_at": timezone.now(),
                "rows": len(wanted),
                "earliest_apply_on": earliest_apply_on,
            },
        )
    return len(wanted)


def _compare(
    model: type[models.Model],
    tenant_id: int,
    company: str,
    key: tuple[str, ...],
    wanted: Mapping[tuple[Any, ...], Row],
) -> tuple[set[tuple[Any, ...]], list[int]]:
    """The keys of stored rows that are right already, and the primary keys of those to delete."""
    unchanged: set[tuple[Any, ...]] = set()
    gone: list[int] = []
    some = next(iter(wanted.values()), None)
    names = [field.name for field in fields(some)] if some is not None else list(key)
    places = [names.index(name) for name in key]
    stored = model._default_manager.filter(tenant_id=tenant_id, company=company).order_by()
    for pk, *values in stored.values_list("pk", *names).iterator(chunk_size=2000):
        row_key = tuple(values[place] for place in places)
        row = wanted.get(row_key)
        if row is None:
            gone.append(pk)
        elif astuple(row) == tuple(values):
            unchanged.add(row_key)
    return unchanged, gone


def _upsert(
    model: type[models.Model],
    tenant_id: int,
    company: str,
    key: tuple[str, ...],
    rows: Iterable[Row],
) -> None:
    for piece in chunks(rows, BATCH):
        names = [field.name for field in fields(piece[0])]
        model._default_manager.bulk_create(
            (
                model(
                    tenant_id=tenant_id,
                    company=company,
                    **dict(zip(names, astuple(row), strict=True)),
                )
                for row in piece
            ),
            update_conflicts=True,
            unique_fields=["tenant", "company", *key],
            update_fields=[name for name in names if name not in key],
        )


def _delete(model: type[models.Model], pks: Iterable[int]) -> None:
    for piece in chunks(pks):
        model._default_manager.filter(pk__in=piece).delete()
