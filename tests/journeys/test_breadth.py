"""The same bills through the other ways in: v1, other logins, heavy services, other policies."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail import log
from connector.actions.remove import remove
from connector.ramp.bill_content import envelope
from connector.sync.bills import due as due_bills
from connector.sync.bills.run import run_cycle
from connector.sync.models import Bill
from connector.tenants.models import (
    EpicorCredentials,
    FinanceCalendar,
    LearnedFact,
    PostingSettings,
)
from mappings.models import CatalogRefresh
from tests.builders import bill_payload, make_tenant
from tests.journeys import truth
from tests.journeys.test_twins import plain_bills


@pytest.mark.parametrize(
    ("version", "method"),
    [("v1", "basic"), ("v1", "token_resource"), ("v2", "token_resource"), ("v2", "basic")],
)
def test_every_version_and_login_enters_the_same_invoices(start, version, method):
    box, tenant = start(bills=12)
    config = box.world.config
    EpicorCredentials.objects.filter(tenant=tenant).update(
        api_version=version,
        auth_method=method,
        deployment="on_premises",
        username=config.epicor_user,
    )
    row = EpicorCredentials.objects.get(tenant=tenant)
    row.password = config.epicor_password
    row.save()

    summary = run_cycle(tenant)

    assert summary.entered > 5
    truth.check(box)


def test_services_that_cannot_do_odata_are_read_by_get_rows(start):
    box, tenant = start(bills=12)
    box.epicor.app.heavy(
        ["Erp.BO.VendorSvc", "Erp.BO.GLAccountSvc", "Erp.BO.PurTermsSvc", "Erp.BO.CurrencySvc"]
    )
    CatalogRefresh.objects.all().delete()

    summary = run_cycle(tenant)

    assert summary.entered > 5
    truth.check(box)


def test_the_policies_let_held_bills_through(start):
    box, tenant = start(bills=200)
    PostingSettings.objects.filter(tenant=tenant).update(
        po_bills="expense", card_paid="enter", closed_period="next_open"
    )

    run_cycle(tenant)

    left = set(Posting.objects.exclude(hold_reason="").values_list("hold_reason", flat=True))
    assert not left & {"needs_review", "period_closed"}
    moved = [
        row
        for row in Posting.objects.filter(tenant=tenant, state="confirmed")
        if box.world.expected()[row.bill_id].reason == "period_closed"
    ]
    assert moved
    for row in moved:
        invoice = truth.ledger(box)[row.bill_id][0]
        assert str(invoice["header"]["ApplyDate"])[:10] == row.apply_on.isoformat()
        assert row.apply_on.day == 1


@pytest.mark.slow
@pytest.mark.parametrize("whole", [True, False])
def test_a_blackout_day_leaves_no_bill_in_doubt_and_writes_nothing(start, later, whole):
    box, tenant = start(bills=12)
    if whole:  # all of it was saved before the answer was lost
        LearnedFact.objects.update_or_create(tenant=tenant, name="saves", defaults={"value": "all"})
    box.epicor.fail_next("UpdateMaster", "reset_after", times=1, skip=1)
    run_cycle(tenant)
    posting = Posting.objects.get(tenant=tenant, state="in_doubt")
    today = timezone.now().astimezone(ZoneInfo(tenant.time_zone)).date()
    days = [(today + timedelta(days=more)).isoformat() for more in (0, 1)]
    FinanceCalendar.objects.filter(tenant=tenant).update(blackout=days)
    before = box.epicor.state()["invoices"]
    box.epicor.reset_calls()
    for _ in range(3):
        later(minutes=20)
        run_cycle(tenant)

    posting.refresh_from_db()
    assert box.epicor.state()["invoices"] == before
    assert not any("Update" in call for call in box.epicor.calls)
    FinanceCalendar.objects.filter(tenant=tenant).update(blackout=[])
    later(hours=2)
    run_cycle(tenant)
    posting.refresh_from_db()
    assert (posting.state, posting.hold_reason) == ("confirmed", "")
    truth.check(box)


def blacked_out_from_now_on(tenant):
    today = timezone.now().astimezone(ZoneInfo(tenant.time_zone)).date()
    days = [(today + timedelta(days=more)).isoformat() for more in (0, 1)]
    FinanceCalendar.objects.filter(tenant=tenant).update(blackout=days)


@pytest.mark.slow
def test_what_is_to_be_entered_again_waits_for_the_end_of_a_blackout_day(start):
    box, tenant = start(bills=12)
    run_cycle(tenant)
    posting = Posting.objects.filter(tenant=tenant, state="confirmed").first()
    remove(tenant, posting, actor="Ann", reason="Wrong account.", enter_again=True)
    blacked_out_from_now_on(tenant)
    box.epicor.reset_calls()

    run_cycle(tenant)

    posting.refresh_from_db()
    assert (posting.state, posting.hold_reason) == ("queued", "")
    assert not any("Update" in call for call in box.epicor.calls)
    FinanceCalendar.objects.filter(tenant=tenant).update(blackout=[])
    run_cycle(tenant)
    posting.refresh_from_db()
    assert posting.state == "confirmed"
    truth.check(box)


@pytest.mark.slow
def test_what_ramp_does_not_have_as_synced_any_more_waits_for_the_end_of_a_blackout_day(start):
    box, tenant = start(bills=12)
    bill_id = next(iter(plain_bills(box)))
    run_cycle(tenant, dry_run=True)
    posting = Posting.objects.get(tenant=tenant, bill_id=bill_id)
    bill = Bill.objects.get(tenant=tenant, bill_id=bill_id)
    bill.payload["sync_status"] = "BILL_SYNCED"  # as we read it; it was reset in Ramp since
    bill.save()
    blacked_out_from_now_on(tenant)
    box.epicor.reset_calls()

    run_cycle(tenant, only_ids=[posting.pk])

    posting.refresh_from_db()
    assert (posting.state, posting.hold_reason) == ("queued", "")
    assert any("APInvoice" in call for call in box.epicor.calls)  # it was looked up
    assert not any("Update" in call for call in box.epicor.calls)


@pytest.mark.django_db
def test_of_what_ramp_has_as_synced_only_what_is_due_and_not_told_by_us_is_claimed(monkeypatch):
    monkeypatch.setattr(due_bills, "_MOST_SYNCED", 1)
    tenant = make_tenant("many")
    now = timezone.now()
    for number, later in enumerate((1, 1, 0, 0)):
        bill_id = f"bill-{number}"
        lifecycle.open_many(tenant.pk, [envelope(bill_payload(id=bill_id), "h")])
        payload = {"id": bill_id, "sync_status": "BILL_SYNCED"}
        values = {"payload": payload, "content_hash": "h", "seen_at": now}
        Bill.objects.update_or_create(tenant=tenant, bill_id=bill_id, defaults=values)
        due = {"not_before": now + timedelta(hours=later)} if later else {}
        Posting.objects.filter(bill_id=bill_id).update(**due)
    log.record(tenant.pk, "posting.confirmed", subject_kind="posting", subject_id="bill-2")
    how = {"owner": "w", "limit": 50, "lease_s": 300, "now": now}
    claimed = due_bills.claim_synced(tenant.pk, **how)
    assert [one.bill_id for one in claimed] == ["bill-3"]


def test_a_blackout_day_enters_nothing_unless_forced(start):
    box, tenant = start(bills=12)
    today = timezone.now().astimezone(ZoneInfo(tenant.time_zone)).date().isoformat()
    calendar = tenant.calendar
    calendar.blackout = [today]
    calendar.save()

    assert run_cycle(tenant).entered == 0
    assert run_cycle(tenant, force=True).entered > 5
    truth.check(box)
