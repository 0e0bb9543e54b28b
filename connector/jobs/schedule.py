"""The minute tick: what is due is enqueued, what was lost is enqueued again, what is old goes."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from django.db.models import Exists, OuterRef
from django.utils import timezone

from audit.trail import log
from connector.jobs import heartbeat, lease, queue, registry
from connector.jobs.models import Job
from connector.tenants.models import Tenant

logger = logging.getLogger(__name__)

KEPT = timedelta(days=90)
_PRUNED_AT = 7  # minutes past each hour
_PRUNED_AT_ONCE = 500
_TIMEOUT_S = 120  # as in the settings


def tick() -> None:
    """Every minute, in a worker. Two at the same time do no harm: rows decide what is done."""
    now = timezone.now()
    with heartbeat.busy(_TIMEOUT_S):
        own = [enqueue_due, *([prune] if now.minute == _PRUNED_AT else []), heartbeat.forget_old]
        every = [*registry.minute_functions(), *own]
        steps = {f"{step.__module__}.{step.__name__}": partial(step, now) for step in every}
        each_alone({**steps, "seal": partial(queue.send, "connector.jobs.schedule.seal_audit")})


def each_alone(steps: Mapping[str, Callable[[], object]]) -> None:
    """Do each of these, by name, whatever becomes of the others. Raises RuntimeError at the end.

    What breaks for one tenant, or in one corner, must not stop the work of all.
    """
    failed = []
    for name, step in steps.items():
        try:
            step()
        except Exception:
            logger.exception("%s did not work; the others go on", name)
            failed.append(name)
    if failed:
        raise RuntimeError(f"Every minute's work failed in part: {', '.join(failed)}.")


def enqueue_due(now: datetime) -> int:
    """Enqueue jobs that waited, whose task was lost or whose worker died; says how many."""
    due = Job.objects.filter(
        lease.free(now), state=Job.State.OPEN, in_process=False, run_at__lte=now
    )
    count = 0
    for job in due.select_related("tenant").order_by("run_at"):
        same = Job.objects.filter(pk=job.pk, run_at=job.run_at, state=Job.State.OPEN)
        if same.update(run_at=now + queue.LOST_AFTER):
            queue.enqueue(job)
            count += 1
    return count


def prune(now: datetime) -> int:
    """Forget what was over long ago, some at a time; says how many.

    Of each kind a tenant's last one that worked and the last one that failed stay: pages show them.
    """
    newer = Job.objects.filter(
        tenant=OuterRef("tenant"),
        kind=OuterRef("kind"),
        state=OuterRef("state"),
        pk__gt=OuterRef("pk"),
    )
    old = Job.objects.filter(Exists(newer), finished_at__lt=now - KEPT).order_by("pk")
    ids = list(old.values_list("pk", flat=True)[:_PRUNED_AT_ONCE])
    return Job.objects.filter(pk__in=ids).delete()[0]


def seal_audit() -> int:
    """Seal every tenant's new audit entries; returns how many."""
    with heartbeat.busy(_TIMEOUT_S):
        ids = list(Tenant.objects.values_list("pk", flat=True))
        return sum(log.seal(tenant_id) for tenant_id in ids)
