"""Signs of life of the background workers, kept as rows that every machine can read.

A cluster of worker processes is named by its machine and session; `worker` starts each cluster
in a session of its own, so that a process knows its cluster without being told.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from connector.jobs.models import Heartbeat

_WORKER = "worker:"
_BUSY = "busy:"
# A cluster without supervisor beats only with the minute tick, which is looked for twice a minute.
SEEN_WITHIN = timedelta(seconds=150)
_LONGEST_JOB = timedelta(minutes=10)  # a sign of life further in the future is none
_FORGET_AFTER = timedelta(days=1)


def cluster_name(session: int | None = None) -> str:
    """The name of the cluster of this process, or of the one in `session` on this machine."""
    number = os.getsid(0) if session is None else session
    return f"{socket.gethostname()[:36]}:{number}"


def beat() -> None:
    """Say that this cluster has just run something."""
    _write(_WORKER + cluster_name(), timezone.now())


@contextmanager
def busy(timeout_s: int) -> Iterator[None]:
    """Say that this process will be busy for `timeout_s` seconds at most: silence, not deafness."""
    name = f"{_BUSY}{cluster_name()}:{os.getpid()}"
    _write(name, timezone.now() + timedelta(seconds=timeout_s))
    beat()
    try:
        yield
    finally:
        Heartbeat.objects.filter(name=name).delete()
        beat()


def last_beat(cluster: str) -> datetime | None:
    """When the cluster last ran something."""
    return Heartbeat.objects.filter(name=_WORKER + cluster).values_list("at", flat=True).first()


def is_busy(cluster: str, now: datetime) -> bool:
    """Whether a process of the cluster is within the time that its job may take."""
    working = (now, now + _LONGEST_JOB)
    names = f"{_BUSY}{cluster}:"
    return Heartbeat.objects.filter(name__startswith=names, at__range=working).exists()


def any_worker_seen(now: datetime) -> bool:
    """Whether some worker, on any machine, has shown a sign of life lately."""
    seen = Q(name__startswith=_WORKER, at__range=(now - SEEN_WITHIN, now + SEEN_WITHIN))
    working = Q(name__startswith=_BUSY, at__range=(now, now + _LONGEST_JOB))
    return Heartbeat.objects.filter(seen | working).exists()


def workers() -> list[tuple[str, datetime]]:
    """Each known cluster and when it last ran something."""
    rows = Heartbeat.objects.filter(name__startswith=_WORKER).order_by("name")
    return [(name.removeprefix(_WORKER), at) for name, at in rows.values_list("name", "at")]


def forget_old(now: datetime) -> int:
    """Drop the rows of clusters that are long gone; returns how many."""
    return Heartbeat.objects.filter(at__lt=now - _FORGET_AFTER).delete()[0]


def _write(name: str, at: datetime) -> None:
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, at=at)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["at"],
    )
