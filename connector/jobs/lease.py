"""The row of a job: taken by one worker for a step, kept, given back, ended once.

Every change names the lease it relies on, so that a worker that was thought dead changes nothing
when it wakes up.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from connector.jobs import queue, registry
from connector.jobs.models import Job
from connector.jobs.registry import Continue, Done

LEASE_S = 300.0  # longer than a job may take, so that a living worker is never taken for dead
FREE: Mapping[str, Any] = {"lease_owner": "", "lease_until": None}
GIVEN_UP = "given_up"  # several workers died at the same step
LOST = "worker_lost"  # its one worker died


class LostJobError(RuntimeError):
    """Another worker has taken the job over; nothing was changed by this call."""


def free(now: datetime) -> Q:
    """Jobs that nobody has leased, or whose worker died."""
    return Q(lease_owner="") | Q(lease_until__lt=now)


def take(job: Job, step: int | None = None) -> bool:
    """Lease the job for one step; False when somebody has it, when it is over, or past `step`.

    A lease that ran out belongs to a worker that died: its step is done again, as often as the
    kind may be tried; then the job is given up.
    """
    now = timezone.now()
    rows = Job.objects.filter(free(now), pk=job.pk, state=Job.State.OPEN)
    if step is not None:
        rows = rows.filter(step=step)
    with transaction.atomic():
        died = bool(rows.exclude(lease_owner="").update(lost=F("lost") + 1))
        until = now + timedelta(seconds=LEASE_S)
        if not rows.update(lease_owner=uuid.uuid4().hex, lease_until=until):
            return False
    job.refresh_from_db()
    tries = registry.find(job.kind).tries
    if died and job.lost >= tries:
        finish(job, Job.State.FAILED, Done(GIVEN_UP if tries > 1 else LOST))
        return False
    return True


def keep(job: Job) -> None:
    """Note how far the job is, and go on having it. Raises LostJobError."""
    _change(job, lease_until=timezone.now() + timedelta(seconds=LEASE_S), **_place(job))


def report(job: Job, done: int, total: int | None = None) -> None:
    """So much of it is done, for people who watch. Raises LostJobError."""
    job.done, job.total = done, job.total if total is None else total
    _change(job, done=job.done, total=job.total)


def show(job: Job, details: Mapping[str, Any]) -> None:
    """What its page shows meanwhile: plain JSON without secrets. Raises LostJobError."""
    _change(job, details=dict(details))


def give_back(job: Job, result: Continue) -> None:
    """End a step that has a next one, which any worker may take. Raises LostJobError."""
    job.cursor = dict(result.cursor)
    wait = result.wait or queue.LOST_AFTER
    values = {"step": job.step + 1, "lost": 0, "run_at": timezone.now() + wait}
    _change(job, **_place(job), **_details(result), **values, **FREE)


def go_to(job: Job, cursor: Mapping[str, Any]) -> None:
    """Have the next step go on elsewhere; between two steps, by the one who began it."""
    _change(job, cursor=dict(cursor))


def finish(job: Job, state: str, result: Done) -> None:
    """The job is over; what was requested meanwhile follows it. Raises LostJobError."""
    ended = {"state": state, "finished_at": timezone.now()}
    came_of_it = {"code": result.code, "data": dict(result.data), **_details(result)}
    values = {**_place(job), **ended, **came_of_it, **FREE}
    with transaction.atomic():
        _store(job, values)
        if result.commit is not None:
            result.commit()
        kind = Job.objects.values_list("follow_up", flat=True).get(pk=job.pk)
        if kind:
            queue.request(job.tenant, kind, key=job.key)
    _follow(job, values)  # only now: had it been rolled back, the job would still be ours


def give_up(job: Job, code: str) -> None:
    """End a job that did not come to its end, if that is so; for the one who began it."""
    _fail(Q(), job, code)


def refuse(job: Job, code: str) -> bool:
    """End a job that nobody has taken; False when somebody has, or when it is over."""
    return _fail(free(timezone.now()), job, code)


def _fail(condition: Q, job: Job, code: str) -> bool:
    rows = Job.objects.filter(condition, pk=job.pk, state=Job.State.OPEN)
    values = {"state": Job.State.FAILED, "finished_at": timezone.now(), "code": code}
    return bool(rows.update(**values, **FREE))


def _place(job: Job) -> dict[str, Any]:
    return {
        "cursor": job.cursor,
        "counts": job.counts,
        "done": job.done,
        "total": job.total,
    }


def _details(result: Done | Continue) -> dict[str, Any]:
    return {} if result.details is None else {"details": dict(result.details)}


def _change(job: Job, **values: Any) -> None:
    _store(job, values)
    _follow(job, values)


def _store(job: Job, values: Mapping[str, Any]) -> None:
    rows = Job.objects.filter(pk=job.pk, lease_owner=job.lease_owner, state=Job.State.OPEN)
    if not rows.update(**values):
        raise LostJobError(f"Another worker goes on with job {job.pk}.")


def _follow(job: Job, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(job, name, value)
