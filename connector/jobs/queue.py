"""Requesting a job, and the queue that asks a worker to look at it. The row is the truth."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.trail.log import SYSTEM
from connector.jobs import registry
from connector.jobs.models import Job
from connector.tenants.models import Tenant

UNREACHABLE = (
    "The queue that QUEUE_BROKER names does not answer. Nothing is lost; start Redis, or correct "
    "the address."
)
# The queue delivers a task again after `retry` seconds; twice the time-out must fit into that.
JOB_TIMEOUT_S = 280
LOST_AFTER = timedelta(seconds=60)  # a task that nobody has answered is enqueued again

logger = logging.getLogger(__name__)


def request(
    tenant: Tenant,
    kind: str,
    *,
    title: str = "",
    actor: str = SYSTEM,
    arguments: Mapping[str, Any] | None = None,
    subject: str = "",
    total: int = 0,
    key: str = "",
) -> tuple[Job, bool]:
    """Have a job done by a worker; the job, and whether it is new.

    While one of the same `key` is open, it is that one, whoever requested it. Raises KeyError for
    an unknown kind, TypeError for arguments that its function does not take.
    """
    handler = registry.find(kind)
    handler.check(arguments or {})
    values = {
        "kind": kind,
        "title": (title or handler.title)[:255],
        "actor": actor,
        "arguments": dict(arguments or {}),
        "subject": subject,
        "total": total,
    }
    while True:
        found = open_with(tenant, key) if key else None
        if found is not None:
            return found, False
        now = timezone.now()
        values |= {"created_at": now, "run_at": now + LOST_AFTER}
        try:
            with transaction.atomic():
                job = Job.objects.create(tenant=tenant, key=key, **values)
        except IntegrityError:
            continue  # somebody else was faster
        enqueue(job)
        return job, True


def open_with(tenant: Tenant, key: str) -> Job | None:
    """The tenant's job of this key that is not over."""
    rows = Job.objects.filter(tenant=tenant, key=key, state=Job.State.OPEN)
    return rows.select_related("tenant").first()


def follow_up(job: Job, kind: str) -> bool:
    """Have a job of this kind follow this one; False when it is over by now."""
    return bool(Job.objects.filter(pk=job.pk, state=Job.State.OPEN).update(follow_up=kind))


def enqueue(job: Job) -> None:
    """Ask a worker for the next step of a job, at the end of the queue."""
    name = f"{job.kind} of {job.tenant.slug}"
    send("connector.jobs.runner.run", job.pk, job.step, timeout=JOB_TIMEOUT_S, task_name=name)


def send(function: str, *args: Any, timeout: int | None = None, task_name: str = "") -> bool:
    """Ask a worker to run `function` with `args`; `timeout` in seconds, else the settings' own.

    Returns False when a Redis broker cannot be reached. Nothing is lost then: what is to be done
    is a row, and rows that nobody works on are enqueued again by the minute tick. With the
    database as broker the task is a row of the same transaction, and an error is the caller's.
    """
    from django_q.tasks import async_task  # here, so that commands start without Redis' client
    from redis.exceptions import RedisError

    options: dict[str, Any] = {"save": False}
    if timeout is not None:
        options["timeout"] = timeout
    if task_name:
        options["task_name"] = task_name[:100]
    try:
        async_task(function, *args, **options)
    except RedisError as error:
        logger.warning("The queue cannot be reached, the task waits: %s", error)
        return False
    return True


def length() -> int | None:
    """How many tasks wait; None when a Redis broker cannot be reached.

    Raises DatabaseError when the database is the broker and does not answer.
    """
    from django_q.brokers import get_broker
    from redis.exceptions import RedisError

    try:
        return int(get_broker().queue_size())
    except RedisError:
        return None
