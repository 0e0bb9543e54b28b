"""mappings.tables: the right rows for a slice of bills, in a number of queries that stays."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connector.tenants.models import Tenant
from mappings import tables as tables_module
from mappings.catalog import (
    AccountRow,
    CurrencyRow,
    SegmentRow,
    SegmentValueRow,
    TermsRow,
    VendorRow,
    add_issued,
    replace_accounts,
    replace_currencies,
    replace_segment_values,
    replace_segments,
    replace_terms,
    replace_vendors,
)
from mappings.coding import (
    CodingRequest,
    CurrencyTarget,
    Field,
    FieldChoice,
    LineRequest,
    Ref,
    Tables,
    Validity,
    VendorTarget,
)
from mappings.models import (
    CurrencyMapping,
    Dimension,
    DimensionMapping,
    GLAccountMapping,
    VendorMapping,
)
from mappings.resolve import resolve
from mappings.tables import load_tables

pytestmark = pytest.mark.django_db
CO = "EPIC06"
DAY = date(2026, 11, 3)


@pytest.fixture
def tenant():
    return Tenant.objects.create(slug="acme", name="Acme", time_zone="UTC")


def fill(tenant, count=3):
    """`count` vendors and cost centers with their mappings, one account, terms and currencies."""
    replace_vendors(
        tenant.pk, CO, [VendorRow(n, f"V{n}", f"Vendor {n}", "N30") for n in range(count)]
    )
    values = [SegmentValueRow(1, "6000"), *(SegmentValueRow(2, f"{n:03}") for n in range(count))]
    replace_segment_values(tenant.pk, CO, values)
    replace_segments(tenant.pk, CO, [SegmentRow(1, "Natural"), SegmentRow(2, "CC", dynamic=True)])
    replace_accounts(tenant.pk, CO, [AccountRow("6000|000")])
    replace_terms(tenant.pk, CO, [TermsRow("N30")])
    replace_currencies(
        tenant.pk, CO, [CurrencyRow("USD", is_base=True), CurrencyRow("X", inactive=True)]
    )
    Dimension.objects.create(
        tenant=tenant, ramp_field="cost_center", segment=2, kind="cost_centers", default="000"
    )
    CurrencyMapping.objects.create(tenant=tenant, iso="USD", epicor_code="USD")
    VendorMapping.objects.bulk_create(
        VendorMapping(tenant=tenant, ramp_id=f"v-{n}", epicor_id=f"V{n}") for n in range(count)
    )
    GLAccountMapping.objects.create(tenant=tenant, ramp_id="a-1", epicor_id="6000|000")
    DimensionMapping.objects.bulk_create(
        DimensionMapping(
            tenant=tenant, field="cost_centers", ramp_id=f"cc-{n}", epicor_id=f"{n:03}"
        )
        for n in range(count)
    )


def bill(n, lines=1):
    return CodingRequest(
        company=CO,
        vendor=Ref(f"v-{n}", ""),
        vendor_remote_id="",
        currency="USD",
        default_terms="",
        apply_on=DAY,
        lines=tuple(
            LineRequest(
                (Ref("a-1", ""),), (FieldChoice(Field("cost_center"), (Ref(f"cc-{n}", ""),)),)
            )
            for _ in range(lines)
        ),
    )


def test_only_the_rows_that_the_bills_refer_to_are_read(tenant):
    other = Tenant.objects.create(slug="other", name="Other", time_zone="UTC")
    fill(tenant)
    VendorMapping.objects.create(tenant=other, ramp_id="v-1", epicor_id="STRANGER")
    replace_vendors(other.pk, CO, [VendorRow(9, "V1", "Stranger")])
    add_issued(tenant.pk, "cost_centers", ["cc-1", "cc-2"])
    loaded = load_tables(tenant.pk, [bill(1)])
    assert loaded.vendor_mappings == {("", "v-1"): "V1"}
    assert loaded.account_mappings == {("", "a-1"): "6000|000"}
    assert loaded.dimension_mappings == {("", "cost_centers", "cc-1"): "001"}
    assert loaded.vendors == {(CO, "V1"): VendorTarget(1, "V1", "Vendor 1", "N30")}
    assert loaded.accounts == {(CO, "6000|000"): Validity()}
    assert loaded.segment_values == {
        (CO, 1, "6000"): Validity(),
        (CO, 2, "000"): Validity(),
        (CO, 2, "001"): Validity(),
    }
    assert loaded.issued == {
        "vendors": frozenset(),
        "gl_accounts": frozenset(),
        "cost_centers": frozenset({"cc-1"}),
    }
    assert loaded.epicor_currencies == {
        (CO, "USD"): CurrencyTarget(2),
        (CO, "X"): CurrencyTarget(2, inactive=True),
    }
    assert resolve(bill(1), loaded).lines[0].account == "6000|001"


def test_a_mapping_without_target_counts_as_none(tenant):
    fill(tenant)
    VendorMapping.objects.filter(ramp_id="v-1").update(epicor_id="")
    assert load_tables(tenant.pk, [bill(1)]).vendor_mappings == {}


@pytest.mark.parametrize("count", [1, 50])
def test_a_slice_costs_twelve_queries_whatever_its_size(tenant, count):
    fill(tenant, 60)
    requests = [bill(n, lines=4) for n in range(count)]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        loaded = load_tables(tenant.pk, requests)
    assert len(queries) == 12
    assert [resolve(request, loaded).vendor_num for request in requests] == list(range(count))


def test_long_lists_are_asked_in_pieces(tenant, monkeypatch):
    fill(tenant, 7)
    monkeypatch.setattr(tables_module.chunks, "__defaults__", (2,))
    requests = [bill(n) for n in range(7)]
    loaded = load_tables(tenant.pk, requests)
    assert [resolve(request, loaded).vendor_num for request in requests] == list(range(7))


def test_no_bills_need_no_query(tenant):
    with CaptureQueriesContext(connection) as queries:
        assert load_tables(tenant.pk, []) == Tables()
    assert not queries.captured_queries


def test_a_vendor_code_that_was_used_twice_means_the_older_number(tenant):
    fill(tenant)
    replace_vendors(tenant.pk, CO, [VendorRow(5, "V1", "Old"), VendorRow(9, "V1", "New")])
    assert load_tables(tenant.pk, [bill(1)]).vendors[CO, "V1"].vendor_num == 5
