"""Mirroring Epicor's master data: each catalog of each company is what the stand-in has."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from connector.domain.errors import AccessError, TransientError
from connector.epicor.catalogs import (
    earliest_apply_on,
    main_book,
    refresh_catalog,
    refresh_catalogs,
)
from connector.epicor.client import EpicorClient
from connector.epicor.metadata import lengths
from connector.tenants.epicor_connection import connect_epicor
from connector.tenants.models import EpicorCredentials, Tenant
from mappings import catalog
from mappings.models import (
    CatalogRefresh,
    EpicorAccount,
    EpicorCurrency,
    EpicorPeriod,
    EpicorSegment,
    EpicorSegmentValue,
    EpicorTerms,
    EpicorVendor,
)
from tests.builders import connect, make_tenant

pytestmark = pytest.mark.django_db(transaction=True)
TABLES = {
    EpicorVendor: "Vendor",
    EpicorAccount: "GLAccount",
    EpicorSegment: "COASegment",
    EpicorSegmentValue: "COASegValues",
    EpicorTerms: "PurTerms",
    EpicorCurrency: "Currency",
    EpicorPeriod: "GLBookPer",
}


@pytest.fixture
def tenant(box: Any) -> Tenant:
    return connect(make_tenant("demo"), box)


@pytest.fixture
def client(tenant: Tenant) -> Iterator[EpicorClient]:
    made = connect_epicor(tenant)
    yield made
    made.close()


def table(box: Any, name: str, company: str = "EPIC06") -> Any:
    return box.epicor.app.store.table(company, name)


@pytest.mark.parametrize("way", ["v2", "v1", "heavy"])
def test_every_catalog(box: Any, tenant: Tenant, way: str) -> None:
    if way == "v1":
        EpicorCredentials.objects.update(api_version="v1")
    if way == "heavy":
        services = "GLAccount Vendor COA COASegValues PurTerms Currency GLBook GLBookPerSearch EAD"
        box.epicor.app.switches.heavy |= {f"Erp.BO.{name}Svc" for name in services.split()}
    segments = table(box, "COASegment").rows.values()
    next(row for row in segments if row["SegmentNbr"] == 2)["Dynamic"] = True
    client = connect_epicor(tenant)
    companies = ("EPIC06", "EPIC07")
    wanted = [(company, name) for company in companies for name in catalog.ALL_CATALOGS]
    assert len(list(refresh_catalogs(client, tenant.pk, wanted, at_once=4))) == len(wanted)
    for company in companies:
        for model, name in TABLES.items():
            stored = model.objects.filter(tenant=tenant, company=company).count()
            assert stored == len(table(box, name, company).rows), name
    vendor = EpicorVendor.objects.get(tenant=tenant, company="EPIC06", vendor_id="ACME")
    row = table(box, "Vendor").where("VendorID", "ACME")[0]
    assert (vendor.vendor_num, vendor.name) == (row["VendorNum"], row["Name"])
    november = catalog.period_of(tenant.pk, "EPIC06", date(2026, 11, 3))
    assert november is not None
    assert november.label == "2026-11"
    assert EpicorSegment.objects.get(tenant=tenant, company="EPIC06", dynamic=True).number == 2
    refreshed = CatalogRefresh.objects.get(company="EPIC06", catalog="periods")
    assert refreshed.earliest_apply_on == date(2026, 1, 1)


def test_only_what_was_asked_for(tenant: Tenant, client: EpicorClient) -> None:
    assert refresh_catalog(client, tenant.pk, "EPIC06", "terms") == EpicorTerms.objects.count() > 0
    assert not EpicorVendor.objects.exists()
    assert client.calls <= 2


def test_the_main_book_of_a_company_is_read_once(
    box: Any, tenant: Tenant, client: EpicorClient
) -> None:
    names = ("accounts", "segments", "segment_values", "periods")
    box.epicor.reset_calls()
    list(refresh_catalogs(client, tenant.pk, [("EPIC06", name) for name in names], at_once=4))
    asked = box.epicor.calls
    assert asked["GET /Erp.BO.GLBookSvc/GLBooks"] == 2, asked  # a page, and the end of them


def test_what_is_left_out_is_not_stored(tenant: Tenant, client: EpicorClient) -> None:
    reading = refresh_catalogs(
        client, tenant.pk, [("EPIC06", "terms"), ("EPIC06", "vendors")], at_once=2
    )
    next(reading)
    next(reading)
    reading.close()
    assert EpicorTerms.objects.exists()
    assert not EpicorVendor.objects.exists()


def test_a_login_that_ends_while_catalogs_are_read_is_renewed(
    box: Any, tenant: Tenant, client: EpicorClient
) -> None:
    box.epicor.fail_next("Currencies", "status", status=401, body="{}")
    wanted = [("EPIC06", name) for name in ("vendors", "currencies", "terms")]
    list(refresh_catalogs(client, tenant.pk, wanted, at_once=3))
    assert EpicorCurrency.objects.exists()
    assert EpicorTerms.objects.exists()


def test_a_login_that_is_refused_twice_ends_the_reading(
    box: Any, tenant: Tenant, client: EpicorClient
) -> None:
    box.epicor.fail_next("Currencies", "status", 9, status=401, body="{}")
    with pytest.raises(AccessError):
        list(refresh_catalogs(client, tenant.pk, [("EPIC06", "currencies")], at_once=2))
    assert not EpicorCurrency.objects.exists()


def test_a_failed_reading_leaves_the_mirror_as_it_was(
    box: Any, tenant: Tenant, client: EpicorClient
) -> None:
    refresh_catalog(client, tenant.pk, "EPIC06", "vendors")
    before = EpicorVendor.objects.count()
    box.epicor.fail_next("Vendors", "status", status=403, body="{}")
    with pytest.raises(AccessError):
        refresh_catalog(client, tenant.pk, "EPIC06", "vendors")
    assert EpicorVendor.objects.count() == before > 0


def test_the_main_book_and_the_earliest_date(box: Any, client: EpicorClient) -> None:
    assert main_book(client, "EPIC06")["MainBook"] is True
    assert earliest_apply_on(client, "EPIC06") == date(2026, 1, 1)
    table(box, "GLBook").rows.clear()
    with pytest.raises(TransientError, match="main general ledger book"):
        main_book(client, "EPIC06")


def test_lengths(client: EpicorClient) -> None:
    found = client.column_lengths("EPIC06", "Erp.BO.APInvoiceSvc", "APInvHed")["APInvHed"]
    assert found["InvoiceNum"] == 50
    assert found["Posted"] is None
    both = client.column_lengths("EPIC06", "Erp.BO.APInvoiceSvc", "APInvHed", "APInvDtl", "None")
    assert (both["APInvDtl"]["Description"], both["None"]) == (1000, {})
    with pytest.raises(TransientError):
        lengths("<html", ["APInvHed"])
