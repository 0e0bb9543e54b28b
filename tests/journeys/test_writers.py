"""A tenant's first sync with each writer, in each way that Epicor saves: the same ledger."""

from collections import Counter
from decimal import Decimal

import pytest

from connector.sync.bills.run import run_cycle
from connector.tenants.models import PostingSettings
from tests.journeys.conftest import Start
from tests.journeys.truth import check

CREATING = {"two_step": "UpdateMaster", "update_ext": "UpdateExt", "by_the_book": "ChangeExtCost"}


@pytest.mark.parametrize("mode", ["all", "named"])
@pytest.mark.parametrize("writer", ["update_ext", "by_the_book"])
def test_every_writer_enters_the_same_bills(start: Start, writer: str, mode: str) -> None:
    box, tenant = start(bills=40, update_master=mode)
    PostingSettings.objects.filter(tenant=tenant).update(writer=writer)
    run_cycle(tenant)
    assert check(box)["entered"] > 0
    calls = Counter(box.epicor.calls)
    used = [name for name in CREATING.values() if any(f"/{name}" in call for call in calls)]
    assert CREATING[writer] in used
    if writer == "update_ext":
        assert used == ["UpdateExt"]
    assert all(
        Decimal(str(invoice["header"]["DocInvoiceVariance"])) == 0
        for invoice in box.epicor.state()["invoices"]
    )
