"""An Epicor whose administrator lets no page have more than ten rows: nothing is cut off."""

import pytest

from audit.ledger.models import Posting
from connector.management import demo_data
from connector.sync.bills.run import run_cycle
from mappings.models import (
    CatalogRefresh,
    EpicorAccount,
    EpicorPeriod,
    EpicorSegmentValue,
    EpicorVendor,
    TargetInvoice,
)
from tests.journeys import truth

CATALOGS = (
    (EpicorVendor, "Vendor"),
    (EpicorAccount, "GLAccount"),
    (EpicorSegmentValue, "COASegValues"),
    (EpicorPeriod, "GLBookPer"),
    (TargetInvoice, "APInvHed"),
)


@pytest.mark.parametrize(("links", "heavy"), [(False, False), (True, False), (False, True)])
def test_a_first_sync_with_pages_of_ten_rows(start, links, heavy):
    box, tenant = start(bills=30)
    whole = {model: model.objects.filter(tenant=tenant).count() for model, _ in CATALOGS[:4]}
    assert all(count > 10 for count in whole.values())
    box.epicor.app.limit_pages(10, links=links)
    if heavy:
        box.epicor.app.heavy({"Erp.BO.VendorSvc", "Erp.BO.APInvoiceSvc", "Erp.BO.GLAccountSvc"})
    CatalogRefresh.objects.filter(tenant=tenant).delete()
    run_cycle(tenant)
    assert {model: model.objects.filter(tenant=tenant).count() for model in whole} == whole
    assert truth.check(box)["entered"] > 10
    assert demo_data.surprises(tenant, box.world) == []
    assert not Posting.objects.filter(tenant=tenant, state=Posting.State.IN_DOUBT).exists()


def test_typed_invoices_are_all_mirrored(start):
    box, tenant = start(bills=12)
    box.epicor.app.limit_pages(10)
    vendor = EpicorVendor.objects.filter(tenant=tenant, company="EPIC06", inactive=False).first()
    for number in range(25):
        box.epicor.app.type_invoice("EPIC06", vendor.vendor_num, f"TYPED-{number}", "10.00")
    run_cycle(tenant)
    seen = TargetInvoice.objects.filter(tenant=tenant, invoice_num__startswith="TYPED-")
    assert seen.count() == 25
