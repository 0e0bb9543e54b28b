"""Doing jobs a short step at a time, so that all tenants have their turns.

A lost or doubled task changes nothing: the row says what is to be done, and the lease decides who
does it. A long job goes back to the end of the queue after each step.
"""

import logging
import time
from contextlib import suppress

from django.utils import timezone

from connector.jobs import heartbeat, lease, queue, registry
from connector.jobs.models import Job
from connector.jobs.registry import Continue, Done, JobError
from connector.tenants.models import zone_of

logger = logging.getLogger(__name__)

STEP_S = 4.5  # what is under way then still ends
# Results of every kind that failed.
MESSAGE, UNEXPECTED, UNKNOWN = "message", "unforeseen", "unknown_kind"


def run(pk: int, step: int | None = None) -> str:
    """In a worker: do step number `step` of a job; returns how that ended."""
    with heartbeat.busy(queue.JOB_TIMEOUT_S):
        return run_here(pk, step)


def run_here(pk: int, step: int | None = None) -> str:
    """The same while a person waits for the page.

    A doubled task finds its step done, or somebody at it, and changes nothing.
    """
    rows = Job.objects.filter(pk=pk, in_process=False, state=Job.State.OPEN)
    job = rows.select_related("tenant").first()
    if job is None:
        return "over"
    if not registry.knows(job.kind):
        # A newer version may have made it, and one of its workers may be at it.
        if lease.refuse(job, UNKNOWN):
            logger.error("Job %s of %s is of unknown kind %s", job.pk, job.tenant.slug, job.kind)
        return UNKNOWN
    try:
        with timezone.override(zone_of(job.tenant)):  # as on the tenant's pages
            more = advance(job, STEP_S, step=step)
    except Exception as error:
        # Unexpected errors are handled here alone: noted, so that the job does not stay open.
        expected = isinstance(error, (JobError, *registry.find(job.kind).expected))
        level = logging.WARNING if expected else logging.ERROR
        what = f"Job {job.pk} ({job.kind} of {job.tenant.slug}) stopped: {error}"
        logger.log(level, what, exc_info=not expected)
        return str(error) if expected else UNEXPECTED
    if more:
        if job.run_at <= timezone.now() + queue.LOST_AFTER:
            queue.enqueue(job)
        return "more"
    return job.code if job.finished_at is not None else "under way"


def advance(job: Job, budget_s: float, *, step: int | None = None) -> bool:
    """Do one step of a job, for about `budget_s` seconds; True when there is more to do.

    Nothing happens when another worker is at it, when the job is over, or when it is past `step`.
    Raises what the job's function raises, once it is noted as the job's result.
    """
    if not lease.take(job, step):
        return False
    handler = registry.find(job.kind)
    job.stop_at = time.monotonic() + budget_s
    try:
        result = handler.function(job, **job.arguments)
        if isinstance(result, Continue):
            lease.give_back(job, result)
            return True
        lease.finish(job, Job.State.DONE, result)
    except lease.LostJobError as lost:
        logger.warning("A step took too long: %s", lost)
    except JobError as error:
        _fail(job, Done(error.code, error.data))
        raise
    except handler.expected as error:
        _fail(job, Done(MESSAGE, {"message": str(error)}))
        raise
    except Exception as error:
        # Only its type: the message of an unexpected error may contain a secret.
        _fail(job, Done(UNEXPECTED, {"name": type(error).__name__}))
        raise
    return False


def _fail(job: Job, result: Done) -> None:
    with suppress(lease.LostJobError):
        lease.finish(job, Job.State.FAILED, result)
