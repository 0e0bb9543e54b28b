"""A month of bills, whole: from what Ramp says is ready to Epicor's ledger and back."""

import pytest
from django.core.management import call_command

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.writes.models import Attempt
from connector.management import demo_data
from connector.sync.bills.run import run_cycle
from mappings.files import MappingRow
from mappings.import_export import import_mappings
from tests.journeys import truth

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("update_master", "most"), [("all", 2.6), ("named", 4.7), ("echo", 4.7)])
def test_every_enterable_bill_is_in_epicor_once_to_the_cent(start, update_master, most):
    box, tenant = start(bills=200, update_master=update_master)
    before = sum(box.epicor.calls.values())

    summary = run_cycle(tenant)

    outcomes = truth.check(box)
    assert outcomes["exception"] > 0
    assert demo_data.surprises(tenant, box.world) == []
    assert summary.entered == summary.confirmed > 150
    calls = sum(box.epicor.calls.values()) - before
    assert calls == summary.calls["epicor"]
    # Opening the groups of nine months in two companies is a fixed part of a first sync.
    assert calls / summary.entered < most


def test_ramp_learns_the_result_of_every_bill(start):
    box, tenant = start(bills=200)

    run_cycle(tenant)

    bills = box.ramp.state()["bills"]
    for posting in Posting.objects.filter(tenant=tenant, state=Posting.State.CONFIRMED):
        row = bills[posting.bill_id]
        assert row["sync_status"] == "BILL_SYNCED"
        assert row["deep_link_url"].endswith(f"/t/demo/bills/{posting.bill_id}")


def test_a_second_sync_with_nothing_new_writes_nothing(start):
    box, tenant = start(bills=200)
    run_cycle(tenant)
    attempts = Attempt.objects.count()
    invoices = len(box.epicor.state()["invoices"])

    summary = run_cycle(tenant)

    assert (summary.entered, summary.confirmed) == (0, 0)
    assert Attempt.objects.count() == attempts
    assert len(box.epicor.state()["invoices"]) == invoices
    assert summary.calls["epicor"] + summary.calls["ramp"] <= 6 + 1 + 1  # the names of entities
    assert demo_data.surprises(tenant, box.world) == []


def test_a_new_mapping_and_a_replay_enter_the_bill(start):
    box, tenant = start(bills=200)
    run_cycle(tenant)
    posting = Posting.objects.filter(tenant=tenant, hold_reason="vendor_unmapped").first()
    assert posting is not None
    row = MappingRow(2, posting.vendor_ramp_id, posting.vendor_name, "ACME", "Acme")
    assert import_mappings(tenant.pk, "vendors", [row], actor="clerk").errors == ()

    assert lifecycle.replay([posting], actor="clerk") == 1
    summary = run_cycle(tenant, only_ids=[posting.pk])

    assert (summary.entered, summary.confirmed) == (1, 1)
    posting.refresh_from_db()
    assert posting.state == Posting.State.CONFIRMED
    assert len(truth.ledger(box)[posting.bill_id]) == 1


def test_the_chain_of_a_whole_month_verifies(start):
    _, tenant = start(bills=60)
    run_cycle(tenant)

    call_command("verify_audit", tenant.slug)


def test_a_dry_run_writes_to_neither_system(start):
    box, tenant = start(bills=60)
    invoices = len(box.epicor.state()["invoices"])

    summary = run_cycle(tenant, dry_run=True)

    assert summary.entered > 30
    assert len(box.epicor.state()["invoices"]) == invoices
    assert not Attempt.objects.exists()
    assert not any("syncs" in label for label in box.ramp.calls)


def test_an_answer_lost_after_the_save_enters_nothing_twice(start):
    box, tenant = start(bills=40)
    box.epicor.fail_next("UpdateMaster", "reset_after", times=3)

    first = run_cycle(tenant)
    assert first.in_doubt == 3
    Posting.objects.filter(tenant=tenant, state="in_doubt").update(not_before=None)
    second = run_cycle(tenant)

    assert second.in_doubt == 0
    assert second.entered == 3
    truth.check(box)
    assert demo_data.surprises(tenant, box.world) == []
