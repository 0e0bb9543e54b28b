"""What begins by itself, looked at every minute: runs by the calendar, retries that came due, and
the nightly proof."""

from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import IN_EPICOR, Posting
from connector.jobs.models import Job
from connector.jobs.registry import every_minute
from connector.jobs.schedule import each_alone
from connector.sync import clock
from connector.sync.bills.nightly import enqueue_proof
from connector.sync.bills.run import RUNS, enqueue_sync, under_way
from connector.sync.bills.stages import blacked_out
from connector.tenants import pauses
from connector.tenants.models import FinanceCalendar, Tenant
from connector.tenants.schedule import BadScheduleError, next_run

HEALS_AFTER = timedelta(minutes=10)  # an outage is looked at again, however rare the cycles are
NIGHT_BEGINS = 2  # o'clock in the tenant's zone
_State = Posting.State


@every_minute
def enqueue_what_is_due(now: datetime) -> None:
    """Begin the runs and proofs whose time has come, and take back what dead workers had."""
    clock.watch(now)
    calendars = {one.tenant_id: one for one in FinanceCalendar.objects.select_related("tenant")}
    tenants = Tenant.objects.order_by("pk")
    each_alone({one.slug: partial(_look_after, one, calendars.get(one.pk), now) for one in tenants})


def _look_after(tenant: Tenant, calendar: FinanceCalendar | None, now: datetime) -> None:
    reaped = lifecycle.reap(tenant.pk, now)
    if calendar is not None:
        enqueue_if_due(calendar, now)
        enqueue_retries(calendar, now, reaped=reaped > 0)
        enqueue_nightly(calendar, now)


def enqueue_if_due(calendar: FinanceCalendar, now: datetime) -> bool:
    """Begin a run when the tenant's time has come; keep `next_run_at` true to the calendar.

    A tenant that is paused runs, too: that is how it notices that it can work again. Not so
    while a person's pause stands.
    """
    tenant = calendar.tenant
    try:
        upcoming = next_run(calendar.sync_cron, tenant.time_zone, now)
    except BadScheduleError as error:
        reason = f"The schedule of syncs cannot be followed. {error} Correct it in the settings."
        pauses.for_calendar(tenant, reason)
        return False
    if pauses.kind(tenant) == pauses.CALENDAR:
        pauses.end(tenant, pauses.CALENDAR)
    if calendar.next_run_at == upcoming:
        return False
    # A moment in the future that is not `upcoming` belongs to an older calendar.
    due = calendar.next_run_at is not None and calendar.next_run_at <= now
    stands = pauses.kind(tenant) in pauses.DECIDED
    with transaction.atomic():
        claimed = FinanceCalendar.objects.filter(
            pk=calendar.pk, next_run_at=calendar.next_run_at
        ).update(next_run_at=upcoming)
        if due and claimed and not stands:
            enqueue_sync(tenant)
    return bool(due and claimed) and not stands


def enqueue_retries(calendar: FinanceCalendar, now: datetime, *, reaped: bool = False) -> bool:
    """Between the cycles: begin a run for bills whose time to be tried again has come."""
    tenant = calendar.tenant
    if under_way(tenant) is not None:
        return False
    paused = Tenant.objects.get(pk=tenant.pk)
    if pauses.kind(paused) == pauses.OUTAGE:
        return _enqueue_to_heal(tenant, now)
    if pauses.stops(paused) or not _is_followable(calendar):
        return False
    if not reaped and not _has_retries(tenant, now):
        return False
    enqueue_sync(tenant, due_only=True)
    return True


def enqueue_nightly(calendar: FinanceCalendar, now: datetime) -> bool:
    """From 02:00 in the tenant's zone, until the day is proven: have entered invoices read back."""
    if not _is_followable(calendar) or pauses.stops(calendar.tenant):
        return False
    local = now.astimezone(ZoneInfo(calendar.tenant.time_zone))
    return local.hour >= NIGHT_BEGINS and enqueue_proof(calendar.tenant, local.date(), now)


def _enqueue_to_heal(tenant: Tenant, now: datetime) -> bool:
    lately = Job.objects.filter(tenant=tenant, kind__in=RUNS, finished_at__gt=now - HEALS_AFTER)
    if lately.exists():
        return False
    enqueue_sync(tenant)
    return True


def _has_retries(tenant: Tenant, now: datetime) -> bool:
    """Whether something that was put off is due; what was never tried waits for the cycle."""
    waiting = Q(state=_State.IN_DOUBT, lease_owner="")
    if not blacked_out(tenant):  # what is only read goes on
        waiting |= Q(state=_State.QUEUED, hold_reason="")
    asked = Q(state__in=IN_EPICOR, hold_reason__gt="", lease_owner="")
    rows = Posting.objects.filter(waiting | asked, tenant=tenant, not_before__lte=now)
    return rows.exists()


def _is_followable(calendar: FinanceCalendar) -> bool:
    """Whether the calendar's zone and schedule can be read; if not there is a banner already."""
    try:
        next_run(calendar.sync_cron, calendar.tenant.time_zone, timezone.now())
    except BadScheduleError:
        return False
    return True
