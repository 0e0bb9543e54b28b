"""What the background workers run. Each job loads, calls one function and reports.

The queue is a doorbell: a lost or doubled ring changes nothing, because our own rows say what
is due and claims decide who does it. A long run rings itself again at the end of the queue after
each short step, so that all tenants have their turns.
"""

import logging
from datetime import datetime

from django.utils import timezone

from audit.ledger import lifecycle
from audit.trail import log as audit_log
from connector.accounts import sessions
from connector.actions import mapping_usage, runner
from connector.domain.errors import PostingError
from connector.jobs import heartbeat, run_lease
from connector.jobs.models import SyncRun
from connector.jobs.queue import enqueue
from connector.sync import clock, scheduling
from connector.sync.bills import nightly
from connector.sync.bills.run import KINDS, advance
from connector.sync.scheduling import RUN_TIMEOUT_S, ring_proof, ring_run, ring_tenant
from connector.tenants.models import FinanceCalendar, Tenant

logger = logging.getLogger(__name__)

STEP_S = 4.5  # what is under way then still ends
_TIMEOUT_S = 120  # of every other job, as in the settings


def tick() -> dict[str, int]:
    """Every minute: ring the tenants whose time has come, take back lost work, tidy, seal."""
    now = timezone.now()
    with heartbeat.busy(_TIMEOUT_S):
        clock.watch(now)
        taken_back = reap(now)
        calendars = list(FinanceCalendar.objects.select_related("tenant"))
        rung = sum(scheduling.ring_if_due(calendar, now) for calendar in calendars)
        rung += sum(
            scheduling.ring_retries(calendar, now, reaped=taken_back.get(calendar.tenant_id, 0) > 0)
            for calendar in calendars
        )
        for calendar in calendars:
            scheduling.ring_reprove(calendar, now)
        scheduling.ring_lost_runs(now)
        runner.reap(now)
        runner.prune(now)
        mapping_usage.ask_old_counts(now)
        heartbeat.forget_old(now)
        sessions.forget_expired(now)
        enqueue("connector.actions.background.seal_audit")
    return {"rung": rung, "taken_back": sum(taken_back.values())}


def run_tenant(tenant_id: int, run_id: int | None = None, step: int | None = None) -> str:
    """Start the tenant's run, or do its step number `step`; returns how that ended.

    A doubled ring finds its step done, or somebody at it, and changes nothing.
    """
    with heartbeat.busy(RUN_TIMEOUT_S):
        tenant = Tenant.objects.filter(pk=tenant_id).first()
        if tenant is None:
            return "gone"
        run = _run_of(tenant, run_id)
        if run is None:
            return "over"
        try:
            more = advance(run, STEP_S, step=step)
        except PostingError as error:
            logger.warning("The cycle of %s stopped: %s", tenant.slug, error.message)
            return error.message
        if more:
            ring_run(run)
            return "more"
        if run.finished_at is None:
            return "already running"
        _ring_again(run)
        return run.error or "done"


def reprove_tenant(tenant_id: int, step: int | None = None) -> str:
    """Do a step of the tenant's nightly proof; returns how that ended.

    A doubled ring finds its step done, or somebody at it, and changes nothing.
    """
    with heartbeat.busy(RUN_TIMEOUT_S):
        tenant = Tenant.objects.filter(pk=tenant_id, calendar__isnull=False).first()
        if tenant is None:
            return "gone"
        try:
            following = nightly.advance(tenant, STEP_S, step=step)
        except PostingError as error:
            logger.warning("The proof of %s stopped: %s", tenant.slug, error.message)
            return error.message
        if following is None:
            return "done"
        ring_proof(tenant, following)
        return "more"


def run_errand(pk: int) -> bool:
    """Do what a person asked for on a page; False when it is done or somebody is at it."""
    with heartbeat.busy(RUN_TIMEOUT_S):
        return runner.run(pk)


def seal_audit() -> int:
    """Seal every tenant's new audit entries; returns how many."""
    with heartbeat.busy(_TIMEOUT_S):
        ids = list(Tenant.objects.values_list("pk", flat=True))
        return sum(audit_log.seal(tenant_id) for tenant_id in ids)


def reap(now: datetime) -> dict[int, int]:
    """Take back postings whose worker died; returns how many of which tenant."""
    ids = list(Tenant.objects.values_list("pk", flat=True))
    return {tenant_id: lifecycle.reap(tenant_id, now) for tenant_id in ids}


def beat() -> None:
    """Answer the supervisor: this cluster hears its doorbell."""
    heartbeat.beat()


def ring_beat() -> bool:
    """Ask for a sign of life through the queue; False when the queue cannot be reached."""
    return enqueue("connector.actions.background.beat")


def _run_of(tenant: Tenant, run_id: int | None) -> SyncRun | None:
    """The run that was rung, if it goes on; without a number the tenant's present or a new one."""
    if run_id is None:
        return run_lease.begin_in_background(tenant, KINDS)[0]
    rows = SyncRun.objects.filter(pk=run_id, tenant=tenant, background=True, finished_at=None)
    return rows.select_related("tenant").first()


def _ring_again(run: SyncRun) -> None:
    """The tenant was rung while it was running: what came meanwhile must not wait for long."""
    if SyncRun.objects.filter(pk=run.pk, again=True).update(again=False):
        ring_tenant(run.tenant)
