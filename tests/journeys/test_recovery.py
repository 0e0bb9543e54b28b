"""After an older backup was put back: what is ours in Epicor and Ramp is adopted by itself."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.actions.remove import remove
from connector.domain.errors import Hold, Reason
from connector.sync.bills.run import run_cycle
from connector.sync.bills.verify import reprove
from connector.sync.models import Bill
from connector.tenants.models import FinanceCalendar, PostingSettings, Tenant
from mappings.models import CatalogRefresh
from tests.journeys import truth
from tests.journeys.backup import Backup
from tests.journeys.test_twins import of, plain_bills

pytestmark = pytest.mark.slow

State = Posting.State


def states(tenant: Tenant) -> dict[str, tuple[str, str]]:
    rows = Posting.objects.filter(tenant=tenant)
    return {p.bill_id: (str(p.state), str(p.hold_reason)) for p in rows}


def invoices(box: Any) -> list[str]:
    return sorted(
        f"{one['company']} {one['header']['VendorNum']} {one['header']['InvoiceNum']}"
        for one in box.epicor.state()["invoices"]
    )


def all_as_before(box: Any, tenant: Tenant, before: dict[str, Any], there: list[str]) -> None:
    assert invoices(box) == there  # nothing was entered, doubled or deleted
    assert states(tenant) == before
    truth.check(box)
    assert reprove(tenant, days=5).drifted == []


def test_bills_that_an_older_backup_never_saw_are_adopted_and_confirmed(ready):
    box, tenant = ready
    backup = Backup()
    run_cycle(tenant)
    run_cycle(tenant)
    before, there = states(tenant), invoices(box)
    done = {bill for bill, state in before.items() if state == (State.CONFIRMED, "")}
    assert len(done) > 5

    backup.put_back()
    assert not Posting.objects.filter(tenant=tenant).exists()
    run_cycle(tenant)

    all_as_before(box, tenant, before, there)


def bring_to(box: Any, tenant: Tenant, bill_id: str, state: str) -> Posting:
    """The bill is so when the backup is made."""
    if state == "in_doubt":
        box.epicor.fail_next("UpdateMaster", "reset_before", times=40)
    run_cycle(tenant, dry_run=state not in ("in_doubt", "removed"))
    box.epicor.clear_faults()
    posting = of(tenant, bill_id)
    if state == "removed":
        remove(tenant, posting, actor="Ann", reason="Wrong.", enter_again=False)
    elif state == "held":
        lifecycle.hold(posting, Hold(Reason.SYNCED_ELSEWHERE, "An older version said so."))
    elif state == "dismissed":
        lifecycle.dismiss(posting, actor="Ann", reason="By hand.")
    posting.refresh_from_db()
    return posting


def enter_after_all(tenant: Tenant, posting: Posting, state: str) -> None:
    """What happens afterwards, of which the backup knows nothing."""
    if state == "removed":
        remove(tenant, posting, actor="Ann", reason="Owed.", enter_again=True)
    elif state == "dismissed":
        Posting.objects.filter(pk=posting.pk).update(state=State.QUEUED)
    elif state == "held":
        lifecycle.replay([posting], actor="Ann")


@pytest.mark.parametrize("state", ["queued", "held", "in_doubt", "dismissed", "removed"])
def test_whatever_the_state_was_in_the_backup(ready, later, state):
    box, tenant = ready
    bill_id = next(iter(plain_bills(box)))
    posting = bring_to(box, tenant, bill_id, state)
    backup = Backup()
    enter_after_all(tenant, posting, state)
    for _ in range(3):
        later(minutes=15)
        run_cycle(tenant)
    before, there = states(tenant), invoices(box)
    assert before[bill_id] == (State.CONFIRMED, "")

    backup.put_back()
    assert states(tenant)[bill_id][0] == (State.QUEUED if state == "held" else state)
    run_cycle(tenant)

    all_as_before(box, tenant, before, there)
    assert AuditEntry.objects.filter(action="posting.confirmed", subject_id=bill_id).exists()


def test_what_differs_by_now_is_adopted_and_shown(ready):
    box, tenant = ready
    backup = Backup()
    run_cycle(tenant)
    bill_id, plan = next(iter(plain_bills(box).items()))
    changes = {"DueDate": "2026-12-30T00:00:00"}
    number = truth.ledger(box)[bill_id][0]["header"]["InvoiceNum"]
    box.epicor.app.edit_invoice(plan.company, plan.vendor_num, number, changes)

    backup.put_back()
    run_cycle(tenant)

    posting = of(tenant, bill_id)
    assert (posting.state, posting.hold_reason) == (State.ENTERED, "mismatch")
    assert truth.ledger(box)[bill_id][0]["header"]["DueDate"] == changes["DueDate"]


def test_what_somebody_else_marked_as_synced_waits_as_before_and_is_asked_about_once(ready):
    box, tenant = ready
    bill_id = next(iter(plain_bills(box)))
    run_cycle(tenant, dry_run=True)
    box.ramp.app.mark_synced_elsewhere(bill_id)
    run_cycle(tenant)
    assert states(tenant)[bill_id] == (State.QUEUED, "synced_elsewhere")
    run_cycle(tenant)
    run_cycle(tenant)
    held = AuditEntry.objects.filter(action="posting.held", subject_id=bill_id)
    assert held.count() == 1
    assert bill_id not in truth.ledger(box)


def test_bills_that_others_synced_are_not_ours_and_looked_up_once(ready):
    box, tenant = ready
    for row in list(box.ramp.app.bills):
        box.ramp.app.mark_synced_elsewhere(row["id"])
    run_cycle(tenant)
    assert not Posting.objects.filter(tenant=tenant).exists()
    assert Bill.objects.filter(tenant=tenant).exists()
    box.epicor.reset_calls()
    run_cycle(tenant)
    assert not any("APInvoiceSvc" in label for label in box.epicor.calls)


def test_a_bill_with_our_link_and_no_invoice_is_shown_to_a_person(ready):
    box, tenant = ready
    backup = Backup()
    run_cycle(tenant)
    bill_id, plan = next(iter(plain_bills(box).items()))
    number = truth.ledger(box)[bill_id][0]["header"]["InvoiceNum"]
    box.epicor.app.delete_invoice(plan.company, plan.vendor_num, number)

    backup.put_back()
    run_cycle(tenant)

    posting = of(tenant, bill_id)
    assert (posting.state, posting.hold_reason) == (State.QUEUED, "synced_elsewhere")
    assert "a link to our page" in posting.hold_message
    assert bill_id not in truth.ledger(box)


def test_a_closed_period_does_not_keep_an_invoice_from_being_adopted(ready):
    box, tenant = ready
    backup = Backup()
    run_cycle(tenant)
    run_cycle(tenant)
    before, there = states(tenant), invoices(box)
    for plan in plain_bills(box).values():
        box.epicor.app.close_period(plan.company, plan.apply_date.year, plan.apply_date.month)

    backup.put_back()
    PostingSettings.objects.filter(tenant=tenant).update(stamp_column="ExternalID")
    run_cycle(tenant)

    assert invoices(box) == there
    for bill_id in plain_bills(box):
        assert states(tenant)[bill_id] == before[bill_id]


@pytest.mark.parametrize("wrong", [False, True])
def test_an_apply_date_that_was_moved_by_our_own_rule_is_no_mismatch(ready, wrong):
    box, tenant = ready
    PostingSettings.objects.filter(tenant=tenant).update(closed_period="next_open")
    bill_id, plan = next(iter(plain_bills(box).items()))
    box.epicor.app.close_period(plan.company, plan.apply_date.year, plan.apply_date.month)
    CatalogRefresh.objects.all().delete()
    backup = Backup()
    run_cycle(tenant)
    run_cycle(tenant)
    before = of(tenant, bill_id)
    assert (before.state, before.hold_reason) == (State.CONFIRMED, "")
    assert before.apply_on > plan.apply_date
    if wrong:
        other = (before.apply_on + timedelta(days=1)).isoformat()
        key = (plan.company, plan.vendor_num, before.invoice_num)
        box.epicor.app.edit_invoice(*key, {"ApplyDate": f"{other}T00:00:00"})

    backup.put_back()
    run_cycle(tenant)

    posting = of(tenant, bill_id)
    if wrong:
        assert (posting.state, posting.hold_reason) == (State.ENTERED, "mismatch")
        (point,) = posting.hold_detail["differences"]
        assert (point["field"], point["actual"]) == ("apply_date", str(other))
    else:
        assert (posting.state, posting.hold_reason) == (State.CONFIRMED, "")
        assert posting.apply_on == before.apply_on
        assert reprove(tenant, days=5).drifted == []


@pytest.mark.parametrize("blackout", [True, False])
def test_what_waits_is_looked_up_at_once_also_on_a_blackout_day(ready, blackout):
    box, tenant = ready
    bill_id = next(iter(plain_bills(box)))
    posting = bring_to(box, tenant, bill_id, "held")
    backup = Backup()
    enter_after_all(tenant, posting, "held")
    run_cycle(tenant)
    run_cycle(tenant)
    there = invoices(box)

    backup.put_back()
    if blackout:
        today = timezone.now().astimezone(ZoneInfo(tenant.time_zone)).date().isoformat()
        FinanceCalendar.objects.filter(tenant=tenant).update(blackout=[today])
    box.epicor.reset_calls()
    run_cycle(tenant)

    posting = of(tenant, bill_id)
    assert (posting.in_epicor, posting.hold_reason) == (True, "")
    assert invoices(box) == there
    assert not any("Update" in call for call in box.epicor.calls)
