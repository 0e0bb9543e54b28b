"""When the machine's clock was set back: no time that was stored meanwhile may stop any work.

A clock that jumps a month ahead leaves leases, waiting times and signs of life in that month. Once
it is right again they would hold everything up without a word. So workers and commands look now
and then whether the clock is behind the latest time it showed; what lies further ahead than it
ever should is brought back, and people are told.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from axes.models import AccessAttempt, AccessFailureLog
from django.db import models, transaction
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from audit.ledger.models import Posting
from audit.trail import log
from audit.writes.models import Attempt
from connector.http_client.models import AccessToken, RequestSlot
from connector.jobs.models import Heartbeat, Job
from connector.sync.models import Bill, InvoiceGroup
from connector.tenants.models import Tenant
from mappings.models import CatalogRefresh, InvoiceWindow, UseCount

logger = logging.getLogger(__name__)

DIFFER = timedelta(minutes=2)  # so much may the clocks of our machines differ
SHOWN = timedelta(days=1)
_AGAIN = timedelta(hours=1)  # while one machine's clock stays wrong it is said no more often
_MARK = "clock"
_MOVED = "clock-moved:"
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored moment that work waits for, and how far ahead of now it ever lies.

    `back`: what it becomes, from now. `gently`: while the clock is known to have been set back,
    one that lies ahead at all is brought back: nothing is lost when it is due too early.
    """

    model: type[models.Model]
    name: str
    ahead: timedelta
    back: timedelta = timedelta(0)
    gently: bool = False


def _lease(model: type[models.Model], name: str, longest: timedelta) -> Stored:
    """Whoever has it may be alive: it ends when the longest one would."""
    return Stored(model, name, longest + DIFFER, longest)


_STORED = (
    _lease(Posting, "lease_until", 5 * _MINUTE),
    _lease(InvoiceGroup, "lease_until", 20 * _MINUTE),
    _lease(Job, "lease_until", 5 * _MINUTE),
    _lease(AccessToken, "lease_until", _MINUTE),
    _lease(Attempt, "deadline_at", 3 * _MINUTE),
    _lease(OrmQ, "lock", 20 * _MINUTE),
    Stored(Posting, "not_before", 2 * _DAY, gently=True),
    Stored(Posting, "tell_after", 2 * _DAY, gently=True),
    Stored(Posting, "snoozed_until", 367 * _DAY),
    Stored(Job, "run_at", 15 * _MINUTE, gently=True),
    Stored(Job, "created_at", DIFFER),
    Stored(Job, "finished_at", DIFFER),
    Stored(Schedule, "next_run", _DAY, gently=True),
    Stored(AccessAttempt, "attempt_time", DIFFER),
    Stored(AccessFailureLog, "attempt_time", DIFFER),
    Stored(UseCount, "counted_at", DIFFER, -_DAY),
    # What was read then was read before now; how long before, nobody knows.
    Stored(Bill, "seen_at", DIFFER, -_DAY),
    Stored(CatalogRefresh, "refreshed_at", DIFFER, -_DAY),
    Stored(InvoiceWindow, "read_at", DIFFER, -30 * _DAY),
)


def watch(now: datetime | None = None) -> timedelta:
    """Look at the clock; when it was set back, bring back what was stored ahead, and say so.

    Returns by how much it was set back, as far as that is known; 0 when all is well. Cheap while
    it is: two small queries.
    """
    now = now or timezone.now()
    latest = Heartbeat.objects.filter(name=_MARK).values_list("at", flat=True).first()
    if latest is None or latest <= now:
        Heartbeat.objects.update_or_create(name=_MARK, defaults={"at": now})
    if latest is None:
        return settle(now, moved=timedelta(0))
    if latest <= now + DIFFER:
        return timedelta(0)
    # One worker does it; another that looks meanwhile finds the mark in its place.
    if not Heartbeat.objects.filter(name=_MARK, at=latest).update(at=now):
        return timedelta(0)
    return settle(now, moved=latest - now)


def settle(now: datetime, *, moved: timedelta) -> timedelta:
    """Bring back whatever is stored further ahead than it ever should be, and say so.

    `moved`: by how much the clock is known to have been set back. Returns that, or how far the
    furthest of the moments lay ahead.
    """
    furthest, count = timedelta(0), 0
    with transaction.atomic():
        for stored in _STORED:
            limit = now if stored.gently and moved else now + stored.ahead
            rows = stored.model._default_manager.filter(**{f"{stored.name}__gt": limit})
            ahead = rows.aggregate(models.Max(stored.name))[f"{stored.name}__max"]
            if ahead is not None:
                count += rows.update(**{stored.name: now + stored.back})
                furthest = max(furthest, ahead - now)
        count += _signs_of_life(now)
        slots = RequestSlot.objects.filter(at__gt=now.timestamp() + 600)
        count += slots.delete()[0]
        by = moved or furthest
        if moved or count:
            _say(now, by, count)
    return by


def notice(now: datetime | None = None) -> str:
    """That the clock was set back lately, as a sentence for people; "" when it was not."""
    now = now or timezone.now()
    row = Heartbeat.objects.filter(name__startswith=_MOVED, at__gt=now - SHOWN).first()
    if row is None:
        return ""
    by = timedelta(seconds=int(row.name.removeprefix(_MOVED)))
    return sentence(row.at, by)


def sentence(at: datetime, by: timedelta) -> str:
    """What happened to the clock, and what became of what waited."""
    utc = at.astimezone(UTC)
    return (
        f"The clock of this installation was ahead by {_long(by)} and was set back on "
        f"{utc.day} {utc:%b %Y, %H:%M} UTC. What waited for that time goes on now; no "
        "bill is lost and none is entered twice. Times on the record from before are as the clock "
        "said. Have the machine's time synchronised."
    )


def _signs_of_life(now: datetime) -> int:
    """Drop signs of life from the future: they do not show that a worker is alive."""
    rows = Heartbeat.objects.exclude(name=_MARK).exclude(name__startswith=_MOVED)
    working = rows.filter(name__startswith="busy:", at__gt=now + 10 * _MINUTE)
    beats = rows.exclude(name__startswith="busy:").filter(at__gt=now + DIFFER)
    return working.update(at=now) + beats.update(at=now)


def _say(now: datetime, by: timedelta, count: int) -> None:
    text = sentence(now, by)
    logger.error("%s (%s stored times were brought back)", text, count)
    lately = Heartbeat.objects.filter(name__startswith=_MOVED, at__gt=now - _AGAIN)
    if lately.exists():
        return
    Heartbeat.objects.filter(name__startswith=_MOVED).delete()
    Heartbeat.objects.create(name=f"{_MOVED}{int(by.total_seconds())}", at=now)
    body = {"message": text, "seconds": int(by.total_seconds()), "brought_back": count}
    log.record_many(
        log.NewEntry(pk, "clock.set_back", "tenant", slug, log.SYSTEM, body)
        for pk, slug in Tenant.objects.values_list("pk", "slug")
    )


def _long(by: timedelta) -> str:
    if by >= 2 * _DAY:
        return f"{by.days} days"
    hours, rest = divmod(int(by.total_seconds()), 3600)
    minutes = max(1, round(rest / 60)) if not hours else round(rest / 60)
    return " ".join([*([f"{hours} h"] if hours else []), f"{minutes} min"])
