"""The queue that asks a worker to look: a doorbell, never the truth."""

import logging
from typing import Any

from django_q.brokers import get_broker
from django_q.tasks import async_task
from redis.exceptions import RedisError

UNREACHABLE = (
    "The queue that QUEUE_BROKER names does not answer. Nothing is lost; start Redis, or correct "
    "the address."
)

logger = logging.getLogger(__name__)


def enqueue(function: str, *args: Any, timeout: int | None = None, task_name: str = "") -> bool:
    """Ask a worker to run `function` with `args`; `timeout` in seconds, else the settings' own.

    Returns False when a Redis broker cannot be reached. Nothing is lost then: what is to be done
    is a row, and rows that nobody works on are enqueued again by the minute tick. With the
    database as broker the task is a row of the same transaction, and an error is the caller's.
    """
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
    try:
        return int(get_broker().queue_size())
    except RedisError:
        return None
