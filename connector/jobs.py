"""What the background workers run. Each job loads, calls one function and reports.

The queue is a doorbell: a lost or doubled ring changes nothing, because our own rows say what
is due and claims decide who does it.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from audit import log as audit_log
from audit import postings
from audit.failures import PostingError
from connector import heartbeat
from connector.models import FinanceCalendar, SyncRun, Tenant
from connector.schedules import BadScheduleError, next_run
from connector.sync.run import run_cycle

logger = logging.getLogger(__name__)

# The queue rings a job again after `retry` seconds; twice the time-out must fit into that.
RUN_TIMEOUT_S = 280
_TIMEOUT_S = 120  # of every other job, as in the settings
_PAUSED_BY_CALENDAR = "The tenant's schedule cannot be followed."


def tick() -> dict[str, int]:
    """Every minute: ring the tenants whose time has come, take back lost work, seal the trail."""
    now = timezone.now()
    with heartbeat.busy(_TIMEOUT_S):
        calendars = list(FinanceCalendar.objects.select_related("tenant"))
        rung = sum(_ring_if_due(calendar, now) for calendar in calendars)
        taken_back = reap(now)
        heartbeat.forget_old(now)
        async_task("connector.jobs.seal_audit", save=False)
    return {"rung": rung, "taken_back": taken_back}


def run_tenant(tenant_id: int) -> str:
    """One cycle of a tenant; returns how it ended, in a word or a sentence."""
    with heartbeat.busy(RUN_TIMEOUT_S):
        tenant = Tenant.objects.filter(pk=tenant_id).first()
        if tenant is None:
            return "gone"
        if _is_running(tenant):
            return "already running"
        try:
            run_cycle(tenant)
        except PostingError as error:
            logger.warning("The cycle of %s stopped: %s", tenant.slug, error.message)
            return error.message
        return "done"


def seal_audit() -> int:
    """Seal every tenant's new audit entries; returns how many."""
    with heartbeat.busy(_TIMEOUT_S):
        ids = list(Tenant.objects.values_list("pk", flat=True))
        return sum(audit_log.seal(tenant_id) for tenant_id in ids)


def reap(now: datetime) -> int:
    """Take back postings whose worker died; returns how many."""
    ids = list(Tenant.objects.values_list("pk", flat=True))
    return sum(postings.reap(tenant_id, now) or 0 for tenant_id in ids)


def beat() -> None:
    """Answer the supervisor: this cluster hears its doorbell."""
    heartbeat.beat()


def ring_beat() -> None:
    """Ask for a sign of life through the queue."""
    async_task("connector.jobs.beat", save=False)


def ring_tenant(tenant: Tenant) -> None:
    """Ask for one cycle of the tenant."""
    async_task(
        "connector.jobs.run_tenant",
        tenant.pk,
        timeout=RUN_TIMEOUT_S,
        task_name=f"cycle of {tenant.slug}"[:100],
    )


def _ring_if_due(calendar: FinanceCalendar, now: datetime) -> bool:
    """Ring the tenant when its time has come; keep `next_run_at` true to the calendar."""
    tenant = calendar.tenant
    try:
        upcoming = next_run(calendar.sync_cron, tenant.time_zone, now)
    except BadScheduleError as error:
        _pause(tenant, f"{_PAUSED_BY_CALENDAR} {error} Correct it in the tenant file.", now)
        return False
    if tenant.paused_reason.startswith(_PAUSED_BY_CALENDAR):
        _unpause(tenant)
    if calendar.next_run_at == upcoming:
        return False
    # A moment in the future that is not `upcoming` belongs to an older calendar.
    due = calendar.next_run_at is not None and calendar.next_run_at <= now
    with transaction.atomic():
        claimed = FinanceCalendar.objects.filter(
            pk=calendar.pk, next_run_at=calendar.next_run_at
        ).update(next_run_at=upcoming)
        if due and claimed:
            ring_tenant(tenant)
    return bool(due and claimed)


def _pause(tenant: Tenant, reason: str, now: datetime) -> None:
    """Show why the tenant's clock stands still; a banner about access is not painted over."""
    if tenant.paused_reason:
        return
    with transaction.atomic():
        changed = Tenant.objects.filter(pk=tenant.pk, paused_reason="").update(
            paused_reason=reason, paused_at=now
        )
        if changed:
            _record(tenant, "tenant_paused", {"reason": reason})


def _unpause(tenant: Tenant) -> None:
    with transaction.atomic():
        changed = Tenant.objects.filter(pk=tenant.pk, paused_reason=tenant.paused_reason).update(
            paused_reason="", paused_at=None
        )
        if changed:
            _record(tenant, "tenant_resumed", {})


def _record(tenant: Tenant, action: str, body: dict[str, str]) -> None:
    audit_log.record(tenant.pk, action, subject_kind="tenant", subject_id=tenant.slug, body=body)


def _is_running(tenant: Tenant) -> bool:
    since = timezone.now() - timedelta(seconds=RUN_TIMEOUT_S)
    return SyncRun.objects.filter(
        tenant=tenant, finished_at__isnull=True, started_at__gt=since
    ).exists()
