"""mappings.catalog and periods: mirrors are replaced whole, and days find their period."""

from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from connector.tenants.models import Tenant
from mappings import catalog
from mappings.catalog import (
    AccountRow,
    CurrencyRow,
    PeriodRow,
    PeriodState,
    PeriodTable,
    SegmentRow,
    SegmentValueRow,
    TermsRow,
    VendorRow,
    is_fresh,
    period_of,
    periods,
    replace_periods,
    replace_vendors,
)
from mappings.fiscal import Period
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

CO = "EPIC06"
DAY = date(2026, 11, 3)


@pytest.fixture
def tenant(db):
    return Tenant.objects.create(slug="acme", name="Acme", time_zone="UTC")


def vendors(tenant):
    return {
        (row.company, row.vendor_num): row.name
        for row in EpicorVendor.objects.filter(tenant=tenant)
    }


@pytest.mark.parametrize(
    ("replace", "model", "name", "row"),
    [
        (
            catalog.replace_vendors,
            EpicorVendor,
            "vendors",
            VendorRow(7, "ACME", "Acme", "N30", "USD", inactive=True),
        ),
        (
            catalog.replace_accounts,
            EpicorAccount,
            "accounts",
            AccountRow("6000|01|000", "Hosting", False, DAY, DAY),
        ),
        (catalog.replace_segments, EpicorSegment, "segments", SegmentRow(3, "CC", True)),
        (
            catalog.replace_segment_values,
            EpicorSegmentValue,
            "segment_values",
            SegmentValueRow(3, "410", "Sales", False, DAY, DAY),
        ),
        (catalog.replace_terms, EpicorTerms, "terms", TermsRow("N30", "Net 30")),
        (
            catalog.replace_currencies,
            EpicorCurrency,
            "currencies",
            CurrencyRow("KWD", 3, True, True),
        ),
        (
            catalog.replace_periods,
            EpicorPeriod,
            "periods",
            PeriodRow(2026, "A", 11, DAY, DAY, True),
        ),
    ],
)
def test_each_catalog_is_stored_with_every_value(tenant, replace, model, name, row):
    assert replace(tenant.pk, CO, [row]) == 1
    stored = model.objects.get(tenant=tenant, company=CO)
    assert {field: getattr(stored, field) for field in type(row).__slots__} == {
        field: getattr(row, field) for field in type(row).__slots__
    }
    refresh = CatalogRefresh.objects.get(tenant=tenant)
    assert (refresh.company, refresh.catalog, refresh.rows) == (CO, name, 1)
    assert replace(tenant.pk, CO, []) == 0
    assert not model.objects.exists()


def test_what_changed_is_updated_what_is_gone_is_deleted_and_others_stay(tenant):
    other = Tenant.objects.create(slug="other", name="Other", time_zone="UTC")
    replace_vendors(other.pk, CO, [VendorRow(2, "B", "theirs")])
    replace_vendors(tenant.pk, "EPIC07", [VendorRow(2, "B", "of the other company")])
    replace_vendors(tenant.pk, CO, [VendorRow(n, f"V{n}", "old") for n in (1, 2, 3)])
    kept = EpicorVendor.objects.get(tenant=tenant, company=CO, vendor_num=2).pk
    rows = (VendorRow(n, f"V{n}", "old" if n == 3 else "new") for n in (2, 3, 4, 2))
    assert replace_vendors(tenant.pk, CO, rows) == 3
    assert vendors(tenant) == {
        ("EPIC07", 2): "of the other company",
        (CO, 2): "new",
        (CO, 3): "old",
        (CO, 4): "new",
    }
    assert vendors(other) == {(CO, 2): "theirs"}
    assert EpicorVendor.objects.get(tenant=tenant, company=CO, vendor_num=2).pk == kept


def test_a_refresh_without_changes_writes_only_that_it_happened(tenant):
    rows = [VendorRow(n, f"V{n}", "x") for n in range(2500)]
    replace_vendors(tenant.pk, CO, rows)
    with CaptureQueriesContext(connection) as queries:
        replace_vendors(tenant.pk, CO, rows)
    written = [q["sql"] for q in queries if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert len(written) == 1
    assert "catalogrefresh" in written[0]
    assert EpicorVendor.objects.count() == 2500


def test_a_source_that_breaks_off_changes_nothing(tenant):
    replace_vendors(tenant.pk, CO, [VendorRow(1, "A", "old")])

    def broken():
        yield VendorRow(1, "A", "new")
        raise TimeoutError

    with pytest.raises(TimeoutError):
        replace_vendors(tenant.pk, CO, broken())
    assert vendors(tenant) == {(CO, 1): "old"}


def test_freshness_needs_every_catalog_young_enough(tenant):
    now = timezone.now()

    def fresh(*names, later=timedelta(0)):
        return is_fresh(tenant.pk, CO, names, now=now + later, max_age=timedelta(hours=1))

    assert not fresh("vendors")
    replace_vendors(tenant.pk, CO, [])
    assert fresh("vendors")
    assert not fresh("vendors", "terms")
    assert not fresh("vendors", later=timedelta(hours=2))
    catalog.replace_terms(tenant.pk, CO, [])
    assert fresh("vendors", "terms")


def test_issued_ids_are_replaced_per_kind(tenant):
    def ids(kind):
        rows = IssuedReference.objects.filter(tenant=tenant, kind=kind)
        return set(rows.values_list("ramp_id", flat=True))

    catalog.replace_issued(tenant.pk, "gl_accounts", ["x"])
    assert catalog.replace_issued(tenant.pk, "vendors", ["A", "B", "A", ""]) == 2
    assert catalog.replace_issued(tenant.pk, "vendors", ["B", "C"]) == 2
    catalog.add_issued(tenant.pk, "vendors", ["C", "D"])
    assert ids("vendors") == {"B", "C", "D"}
    assert ids("gl_accounts") == {"x"}


# Periods ----------------------------------------------------------------------------------------


def month(number, *, closed=False, year=2026, suffix=""):
    first = date(year, number, 1)
    last = date(year + number // 12, number % 12 + 1, 1) - timedelta(days=1)
    return PeriodRow(year, suffix, number, first, last, closed)


def test_a_day_finds_its_period(tenant):
    rows = [month(9, closed=True), month(10), month(11, suffix="B")]
    replace_periods(tenant.pk, CO, rows, earliest_apply_on=date(2026, 10, 15))
    table = periods(tenant.pk, [CO, "EPIC07"])
    assert table.find(CO, date(2026, 9, 30)) == PeriodState("2026-09", True, True)
    assert table.find(CO, date(2026, 10, 14)) == PeriodState("2026-10", False, True)
    assert table.find(CO, date(2026, 10, 15)) == PeriodState("2026-10", False, False)
    assert table.find(CO, date(2026, 11, 1)) == PeriodState("2026B-11", False, False)
    assert table.find(CO, date(2026, 12, 1)) is None
    assert table.find("EPIC07", DAY) is None
    assert table.label(CO, date(2026, 11, 1)) == "2026B-11"
    assert table.label(CO, date(2026, 12, 1)) == "2026-12"
    assert period_of(tenant.pk, CO, DAY) == PeriodState("2026B-11", False, False)


def test_the_periods_of_a_slice_cost_two_queries(tenant):
    for company in ("A", "B", "C"):
        replace_periods(tenant.pk, company, [month(n) for n in range(1, 13)])
    with CaptureQueriesContext(connection) as queries:
        periods(tenant.pk, ["A", "B", "C"])
    assert len(queries) == 2


def table(*rows, earliest=None):
    listed = tuple(Period(str(n), *row) for n, row in enumerate(rows))
    return PeriodTable({CO: listed}, {CO: earliest} if earliest else {})


OPEN, CLOSED = False, True
OCTOBER = (date(2026, 10, 1), date(2026, 10, 31))
NOVEMBER = (date(2026, 11, 1), date(2026, 11, 30))
LAST_DAY = (date(2026, 10, 31), date(2026, 10, 31))


@pytest.mark.parametrize(
    ("rows", "earliest", "day", "expected"),
    [
        ([(*OCTOBER, CLOSED), (*NOVEMBER, OPEN)], None, date(2026, 10, 9), date(2026, 11, 1)),
        ([(*OCTOBER, OPEN), (*NOVEMBER, OPEN)], None, date(2026, 10, 9), date(2026, 10, 9)),
        ([(*OCTOBER, CLOSED), (*NOVEMBER, CLOSED)], None, date(2026, 10, 9), None),
        ([], None, date(2026, 10, 9), None),
        ([(*OCTOBER, OPEN)], None, date(2026, 11, 9), None),
        (
            [(*OCTOBER, OPEN), (*NOVEMBER, OPEN)],
            date(2026, 10, 20),
            date(2026, 10, 9),
            date(2026, 10, 20),
        ),
        (
            [(*OCTOBER, CLOSED), (*NOVEMBER, OPEN)],
            date(2026, 11, 5),
            date(2026, 10, 9),
            date(2026, 11, 5),
        ),
        # An open adjusting period on the closed month's last day: the day belongs to the month.
        (
            [(*OCTOBER, CLOSED), (*LAST_DAY, OPEN), (*NOVEMBER, OPEN)],
            None,
            date(2026, 10, 9),
            date(2026, 11, 1),
        ),
    ],
)
def test_the_next_open_day(rows, earliest, day, expected):
    assert table(*rows, earliest=earliest).next_open(CO, day) == expected


@given(
    st.lists(st.booleans(), max_size=6),
    st.none() | st.dates(date(2026, 1, 1), date(2026, 8, 1)),
    st.dates(date(2025, 12, 1), date(2026, 8, 1)),
)
def test_the_next_open_day_is_the_first_day_that_would_be_taken(closed, earliest, day):
    rows = [
        (date(2026, n, 1), date(2026, n + 1, 1) - timedelta(days=1), shut)
        for n, shut in enumerate(closed, start=1)
    ]
    calendar = table(*rows, earliest=earliest)
    days = (day + timedelta(days=n) for n in range(260))
    states = ((candidate, calendar.find(CO, candidate)) for candidate in days)
    expected = next((found for found, state in states if state and state.open), None)
    assert calendar.next_open(CO, day) == expected


def test_a_refresh_is_stamped_with_the_time(tenant, monkeypatch):
    moment = datetime(2026, 11, 3, 12, tzinfo=timezone.get_default_timezone())
    monkeypatch.setattr(catalog.timezone, "now", lambda: moment)
    replace_vendors(tenant.pk, CO, [])
    assert CatalogRefresh.objects.get().refreshed_at == moment
