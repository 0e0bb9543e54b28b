"""What suggestions are read from: catalogs, other mappings, past invoices; a constant number."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from connector.tenants.models import Tenant
from mappings import invoices
from mappings.catalog import VendorRow, replace_vendors
from mappings.invoices import InvoiceRow
from mappings.models import (
    Dimension,
    DimensionMapping,
    EpicorAccount,
    EpicorSegmentValue,
    EpicorVendor,
    GLAccountMapping,
    VendorMapping,
)
from mappings.suggestions import Reference, mapped_now, suggestions
from mappings.target_search import name_of

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)


@pytest.fixture
def tenant() -> Tenant:
    return Tenant.objects.create(slug="acme", name="Acme", time_zone="UTC")


def told(tenant: Tenant, *values: Any, **more: Any) -> list[tuple[str, tuple[str, ...]]]:
    found = suggestions(tenant.pk, Reference(*values, **more), today=TODAY)
    return [(one.id, one.evidence) for one in found]


def test_a_vendor_is_known_by_name_number_other_companies_and_past_invoices(
    tenant: Tenant,
) -> None:
    rows = [VendorRow(1, "ACME", "Acme Inc."), VendorRow(2, "AWS", "Amazon Web Services")]
    replace_vendors(tenant.pk, "EPIC06", [*rows, VendorRow(3, "OLD", "Acme", inactive=True)])
    replace_vendors(tenant.pk, "EPIC07", [VendorRow(9, "ELSE", "Acme")])
    seen = timezone.now()
    typed = [
        InvoiceRow(2, "INV-12345", TODAY, "USD", Decimal("10.00")),
        InvoiceRow(1, "OTHER", TODAY, "USD", Decimal("77.00")),
    ]
    invoices.store(tenant.pk, "EPIC06", typed, seen_at=seen)

    assert told(tenant, "vendors", "EPIC06", "v-1", "ACME LLC") == [("ACME", ("same name",))]
    assert told(tenant, "vendors", "EPIC06", "v-1", "AMZN", frozenset({"AWS"})) == [
        ("AWS", ("same number AWS",))
    ]
    bills = [("Inv 12345", Decimal("10.00")), ("x", None)]
    assert told(tenant, "vendors", "EPIC06", "v-1", "AMZN", bills=bills) == [
        ("AWS", ("past invoices: 1 with the same number",))
    ]
    amount = [("zzz", Decimal("77.00"))]
    assert told(tenant, "vendors", "EPIC06", "v-1", "Acme", bills=amount) == [
        ("ACME", ("same name", "past invoices: 1 over the same amount"))
    ]
    VendorMapping.objects.create(tenant=tenant, company="EPIC07", ramp_id="v-1", epicor_id="AWS")
    assert told(tenant, "vendors", "EPIC06", "v-1", "AMZN") == [
        ("AWS", ("mapped so in company EPIC07",))
    ]
    assert told(tenant, "vendors", "EPIC09", "v-1", "Acme") == []


def test_names_are_kept_until_the_catalog_is_read_again(
    tenant: Tenant, django_assert_num_queries: Any
) -> None:
    replace_vendors(tenant.pk, "EPIC06", [VendorRow(1, "ACME", "Acme")])
    assert told(tenant, "vendors", "EPIC06", "v", "Zeta") == []
    with django_assert_num_queries(2):
        told(tenant, "vendors", "EPIC06", "v", "Acme")
    replace_vendors(tenant.pk, "EPIC06", [VendorRow(1, "ZETA", "Zeta")])
    assert told(tenant, "vendors", "EPIC06", "v", "Zeta") == [("ZETA", ("same name",))]


def test_without_a_refresh_nothing_is_kept(tenant: Tenant) -> None:
    assert told(tenant, "vendors", "EPIC06", "v", "Acme") == []
    EpicorVendor.objects.create(
        tenant=tenant, company="EPIC06", vendor_num=1, vendor_id="ACME", name="Acme"
    )
    assert told(tenant, "vendors", "EPIC06", "v", "Acme") == [("ACME", ("same name",))]


def test_accounts_by_number_name_and_the_usual_segments(tenant: Tenant) -> None:
    here: dict[str, Any] = {"tenant": tenant, "company": "EPIC06"}
    for account, description in [
        ("6000|01|000", "Office supplies"),
        ("6000|02|000", "Office supplies"),
        ("7000|01|000", "Supplies for the office"),
        ("8000|01|000", "Rent"),
    ]:
        EpicorAccount.objects.create(**here, account=account, description=description)
    yesterday = TODAY - timedelta(days=1)
    EpicorAccount.objects.create(
        **here, account="6000|09|000", description="Office supplies", effective_to=yesterday
    )
    GLAccountMapping.objects.create(**here, ramp_id="x", epicor_id="8000|01|000")

    found = told(tenant, "gl_accounts", "EPIC06", "6000", "Office supplies")
    assert [id_ for id_, _ in found] == ["6000|01|000", "6000|02|000", "7000|01|000"]
    assert found[0][1] == ("same name", "same number 6000", "other segments as in 1 mappings")
    assert found[1][1] == ("same name", "same number 6000")
    for number in range(3):  # what was mapped for every company says less than the company's own
        GLAccountMapping.objects.create(
            tenant=tenant, ramp_id=f"all-{number}", epicor_id="9000|02|000"
        )
    assert told(tenant, "gl_accounts", "EPIC06", "6000", "Office supplies") == found
    GLAccountMapping.objects.filter(company="EPIC06").delete()
    shared = told(tenant, "gl_accounts", "EPIC06", "6000", "Office supplies")
    assert shared[0] == (
        "6000|02|000",
        ("same name", "same number 6000", "other segments as in 3 mappings"),
    )
    GLAccountMapping.objects.create(
        tenant=tenant, company="EPIC07", ramp_id="9", epicor_id="8000|01|000"
    )
    assert told(tenant, "gl_accounts", "EPIC06", "9", "")[0][0] == "8000|01|000"


def test_values_are_those_of_the_kinds_segment(tenant: Tenant) -> None:
    Dimension.objects.create(tenant=tenant, ramp_field="p", segment=3, kind="dimension:project")
    here: dict[str, Any] = {"tenant": tenant, "company": "EPIC06"}
    EpicorSegmentValue.objects.create(**here, number=3, code="P1", name="Big project")
    EpicorSegmentValue.objects.create(**here, number=3, code="P2", name="Big project", active=False)
    EpicorSegmentValue.objects.create(**here, number=2, code="P3", name="Big project")
    DimensionMapping.objects.create(
        tenant=tenant, field="project", company="EPIC07", ramp_id="77", epicor_id="P1"
    )
    assert told(tenant, "dimension:project", "EPIC06", "77", "Project, big") == [
        ("P1", ("same name", "mapped so in company EPIC07"))
    ]
    assert mapped_now(tenant.pk, "dimension:project", "77") == {"EPIC07": "P1"}
    assert name_of(tenant.pk, "dimension:project", "P1", company="EPIC06") == "Big project"
    assert name_of(tenant.pk, "dimension:project", "P3", company="") == ""


def test_the_name_of_a_target_is_the_mirrors(tenant: Tenant) -> None:
    here: dict[str, Any] = {"tenant": tenant, "company": "EPIC06"}
    EpicorVendor.objects.create(**here, vendor_num=1, vendor_id="ACME", name="Acme")
    EpicorAccount.objects.create(**here, account="1|2", description="Cash")
    assert name_of(tenant.pk, "vendors", "ACME", company="") == "Acme"
    assert name_of(tenant.pk, "vendors", "ACME", company="EPIC07") == ""
    assert name_of(tenant.pk, "gl_accounts", "1|2", company="EPIC06") == "Cash"
