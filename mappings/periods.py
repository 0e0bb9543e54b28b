"""Loads the mirrored fiscal periods of some companies."""

from collections.abc import Iterable
from datetime import date

from mappings.fiscal import Period, PeriodState, PeriodTable
from mappings.models import CatalogRefresh, EpicorPeriod

PERIODS = "periods"  # the catalog's name in CatalogRefresh


def periods(tenant_id: int, companies: Iterable[str]) -> PeriodTable:
    """The mirrored fiscal periods of these companies, in two queries."""
    names = set(companies)
    found: dict[str, list[Period]] = {}
    rows = EpicorPeriod.objects.filter(tenant_id=tenant_id, company__in=names)
    for row in rows.order_by("starts_on", "period").iterator():
        label = f"{row.fiscal_year}{row.year_suffix}-{row.period:02d}"
        found.setdefault(row.company, []).append(
            Period(label, row.starts_on, row.ends_on, row.closed)
        )
    refreshes = CatalogRefresh.objects.filter(
        tenant_id=tenant_id, company__in=names, catalog=PERIODS
    ).values_list("company", "earliest_apply_on")
    return PeriodTable(
        {company: tuple(listed) for company, listed in found.items()},
        {company: earliest for company, earliest in refreshes if earliest is not None},
    )


def period_of(tenant_id: int, company: str, day: date) -> PeriodState | None:
    """The period of one day in one company; None when the fiscal calendar has none."""
    return periods(tenant_id, [company]).find(company, day)
