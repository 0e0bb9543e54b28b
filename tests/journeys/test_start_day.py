"""The start date cuts by the tenant's day, not by UTC's, from the first sync to going live."""

from datetime import date

import pytest
from django.utils import timezone

from audit.ledger.models import Posting
from connector.actions import go_live
from connector.sync.bills.run import run_cycle
from connector.tenants.models import PostingSettings, Tenant

START = date(2026, 4, 1)
CASES = (
    ("Australia/Sydney", "2026-03-31T13:30:00+00:00", True),
    ("Australia/Sydney", "2026-03-31T12:30:00+00:00", False),
    ("America/Los_Angeles", "2026-04-01T06:30:00+00:00", False),
    ("America/Los_Angeles", "2026-04-01T07:30:00+00:00", True),
)


@pytest.mark.parametrize(("zone", "created_at", "ours"), CASES)
def test_a_bill_created_near_midnight_is_ours_by_the_tenant_s_day(start, zone, created_at, ours):
    box, tenant = start(bills=12)
    Tenant.objects.filter(pk=tenant.pk).update(time_zone=zone)
    tenant.refresh_from_db()
    expected = box.world.expected()
    bill_id = next(key for key, one in expected.items() if one.outcome == "entered")
    box.ramp.app.edit_bill(
        bill_id, {"issued_at": "2026-03-20T00:00:00+00:00", "created_at": created_at}
    )
    PostingSettings.objects.filter(tenant=tenant).update(start_date=None)
    run_cycle(tenant, dry_run=True)  # the bill is known before the day is chosen
    posting = Posting.objects.get(tenant=tenant, bill_id=bill_id)
    assert posting.state == Posting.State.QUEUED
    PostingSettings.objects.filter(tenant=tenant).update(start_date=START)
    go_live._leave_old(tenant)
    assert Posting.objects.filter(tenant=tenant, bill_id=bill_id).exists() is ours
    Posting.objects.filter(tenant=tenant, state=Posting.State.QUEUED).delete()
    run_cycle(tenant)
    entered = Posting.objects.filter(tenant=tenant, bill_id=bill_id, entered_at__isnull=False)
    assert entered.exists() is ours
    assert timezone.get_current_timezone_name() == "UTC"
