"""The same bills through the other ways in: v1, other logins, heavy services, other policies."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from audit.ledger.models import Posting
from connector.sync.bills.run import run_cycle
from connector.tenants.models import (
    EpicorCredentials,
    FinanceCalendar,
    LearnedFact,
    PostingSettings,
)
from mappings.models import CatalogRefresh
from tests.journeys import truth


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


def test_a_blackout_day_enters_nothing_unless_forced(start):
    box, tenant = start(bills=12)
    today = timezone.now().astimezone(ZoneInfo(tenant.time_zone)).date().isoformat()
    calendar = tenant.calendar
    calendar.blackout = [today]
    calendar.save()

    assert run_cycle(tenant).entered == 0
    assert run_cycle(tenant, force=True).entered > 5
    truth.check(box)
