"""Who is rung, and when: the calendar, retries that came due, lost rings, and the nightly proof.

Ringing means: a row says what is to be done, and a task in the queue asks a worker to look.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.ledger.models import IN_EPICOR, Posting
from connector.jobs import run_lease
from connector.jobs.models import Errand, SyncRun
from connector.jobs.queue import enqueue
from connector.sync.bills import nightly
from connector.sync.bills.run import KINDS
from connector.sync.bills.stages import blacked_out
from connector.tenants import pauses
from connector.tenants.models import FinanceCalendar, Tenant
from connector.tenants.schedule import BadScheduleError, next_run

# The queue rings a job again after `retry` seconds; twice the time-out must fit into that.
RUN_TIMEOUT_S = 280
LOST_AFTER = timedelta(seconds=60)  # a ring that nobody has answered, and nobody is at work
HEALS_AFTER = timedelta(minutes=10)  # an outage is looked at again, however rare the cycles are
NIGHT_BEGINS = 2  # o'clock in the tenant's zone
_State = Posting.State


def ring_tenant(tenant: Tenant, *, due_only: bool = False) -> None:
    """Ask for one cycle of the tenant; when one is under way, another one follows it.

    `due_only`: only what waits and is due is entered, nothing is pulled.
    """
    with transaction.atomic():
        run, new = run_lease.begin_in_background(tenant, KINDS, due_only=due_only)
        if new:
            ring_run(run)
        else:
            SyncRun.objects.filter(pk=run.pk, finished_at=None).update(again=True)


def ring_run(run: SyncRun) -> None:
    """Ask for the next step of a run, at the end of the queue."""
    enqueue(
        "connector.actions.background.run_tenant",
        run.tenant_id,
        run.pk,
        run.steps,
        timeout=RUN_TIMEOUT_S,
        task_name=f"cycle of {run.tenant.slug}",
    )


def ring_errand(errand: Errand) -> None:
    """Ask a worker for what a person asked for on a page."""
    enqueue(
        "connector.actions.background.run_errand",
        errand.pk,
        timeout=RUN_TIMEOUT_S,
        task_name=f"{errand.kind} for {errand.tenant.slug}",
    )


def ring_if_due(calendar: FinanceCalendar, now: datetime) -> bool:
    """Ring the tenant when its time has come; keep `next_run_at` true to the calendar.

    A tenant that is paused is rung, too: that is how it notices that it can work again. Not so
    while a person's pause stands.
    """
    tenant = calendar.tenant
    try:
        upcoming = next_run(calendar.sync_cron, tenant.time_zone, now)
    except BadScheduleError as error:
        reason = f"The tenant's schedule cannot be followed. {error} Correct it in the tenant file."
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
            ring_tenant(tenant)
    return bool(due and claimed) and not stands


def ring_retries(calendar: FinanceCalendar, now: datetime, *, reaped: bool = False) -> bool:
    """Between the cycles: ring a tenant for bills whose time to be tried again has come."""
    tenant = calendar.tenant
    if run_lease.unfinished(tenant) is not None:
        return False
    paused = Tenant.objects.get(pk=tenant.pk)
    if pauses.kind(paused) == pauses.OUTAGE:
        return _ring_to_heal(tenant, now)
    if pauses.stops(paused) or not _is_followable(calendar):
        return False
    if not reaped and not _has_retries(tenant, now):
        return False
    ring_tenant(tenant, due_only=True)
    return True


def ring_lost_runs(now: datetime) -> int:
    """Ring runs again that nobody is at: their worker died, or their ring was lost."""
    idle = SyncRun.objects.filter(
        Q(lease_owner="") | Q(lease_until__lt=now),
        Q(rung_at=None) | Q(rung_at__lt=now - LOST_AFTER),
        background=True,
        finished_at=None,
    )
    rung = 0
    for run in idle.select_related("tenant"):
        same = SyncRun.objects.filter(pk=run.pk, rung_at=run.rung_at, finished_at=None)
        if same.update(rung_at=now):
            ring_run(run)
            rung += 1
    return rung


def ring_reprove(calendar: FinanceCalendar, now: datetime) -> bool:
    """From 02:00 in the tenant's zone, until the day is proven: have entered invoices read back.

    Rings the first step, and any step whose ring was lost or whose worker died.
    """
    if not _is_followable(calendar) or pauses.stops(calendar.tenant):
        return False
    local = now.astimezone(ZoneInfo(calendar.tenant.time_zone))
    if local.hour < NIGHT_BEGINS or calendar.reproved_on == local.date():
        return False
    if calendar.proof_until is not None and calendar.proof_until > now:
        return False
    rows = FinanceCalendar.objects.filter(
        pk=calendar.pk, proof_until=calendar.proof_until, proof_steps=calendar.proof_steps
    )
    with transaction.atomic():
        claimed = bool(rows.update(proof_until=now + nightly.LEASE))
        if claimed:
            ring_proof(calendar.tenant, calendar.proof_steps)
    return claimed


def ring_proof(tenant: Tenant, step: int) -> None:
    """Ask for a step of the nightly proof, at the end of the queue."""
    enqueue(
        "connector.actions.background.reprove_tenant",
        tenant.pk,
        step,
        timeout=RUN_TIMEOUT_S,
        task_name=f"proof of {tenant.slug}",
    )


def _ring_to_heal(tenant: Tenant, now: datetime) -> bool:
    last = SyncRun.objects.filter(tenant=tenant, finished_at__isnull=False).first()
    if last is not None and last.finished_at is not None and last.finished_at > now - HEALS_AFTER:
        return False
    ring_tenant(tenant)
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
