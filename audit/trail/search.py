"""Searching the trail: by person, action, subject and time, newest first, a page at a time.

Every search reads an index of AuditEntry backwards and stops after a page; nothing counts a
million rows. The texts of reasons and messages are not searched: no index covers them.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q, QuerySet

from audit.trail.log import SYSTEM
from audit.trail.models import AuditEntry

SINGLE = ("attempt.begun", "attempt.finished", "attempt.resolved")  # one for each request
MANY = 10_000  # more than so many are not counted
Subject = tuple[str, str]  # kind, id


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for; "" and None mean any. `subjects`: any of these, none when empty."""

    actor: str = ""
    people_only: bool = False
    singles: bool = True  # also single requests to Ramp and Epicor
    action: str = ""
    kind: str = ""  # of the subject
    subjects: Sequence[Subject] | None = None
    since: datetime | None = None
    until: datetime | None = None  # not included


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: entries older than this one follow."""

    at: datetime
    pk: uuid.UUID

    def __str__(self) -> str:
        return f"{self.at.astimezone(UTC):%Y%m%dT%H%M%S.%f}-{self.pk.hex}"

    @classmethod
    def parse(cls, text: str) -> "Place | None":
        """The place that str() wrote; None when it is not one."""
        moment, _, key = text.partition("-")
        try:
            at = datetime.strptime(moment, "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
            return cls(at, uuid.UUID(hex=key))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, newest first; `older` is where the next page begins, None at the end."""

    entries: list[AuditEntry]
    older: Place | None


def found(tenant_id: int, wanted: Wanted) -> QuerySet[AuditEntry]:
    """The entries that fit, newest first."""
    fits = Q(tenant_id=tenant_id)
    for name, value in (("actor", wanted.actor), ("action", wanted.action)):
        if value:
            fits &= Q(**{name: value})
    fits &= _left_in(wanted)
    if wanted.kind:
        fits &= Q(subject_kind=wanted.kind)
    if wanted.subjects is not None:
        fits &= _any_of(wanted.subjects)
    if wanted.since is not None:
        fits &= Q(at__gte=wanted.since)
    if wanted.until is not None:
        fits &= Q(at__lt=wanted.until)
    return AuditEntry.objects.filter(fits).order_by("-at", "-id")


def page(entries: QuerySet[AuditEntry], after: Place | None, size: int) -> Page:
    """The next `size` entries after a place (None: from the newest). Entries that are added
    meanwhile are newer than every place, so no page repeats or skips one."""
    if after is not None:
        # The first condition lets the database begin in the index; the second is exact.
        older = Q(at__lt=after.at) | Q(at=after.at, id__lt=after.pk)
        entries = entries.filter(Q(at__lte=after.at) & older)
    rows = list(entries[: size + 1])
    shown = rows[:size]
    last = shown[-1] if len(rows) > size else None
    return Page(shown, Place(last.at, last.pk) if last is not None else None)


def how_many(entries: QuerySet[AuditEntry], most: int = MANY) -> int:
    """How many fit, at most `most` + 1."""
    # By a column that the indexes have: the rows themselves are not read.
    return entries.order_by().values("at")[: most + 1].count()


def _left_in(wanted: Wanted) -> Q:
    """Without what is not to be shown; the indexes have what this looks at."""
    fits = Q()
    if wanted.people_only:
        fits &= ~Q(actor=SYSTEM)
    if not wanted.singles:
        fits &= ~Q(action__in=SINGLE)
    return fits


def _any_of(subjects: Sequence[Subject]) -> Q:
    by_kind: dict[str, list[str]] = {}
    for kind, key in subjects:
        by_kind.setdefault(kind, []).append(key)
    fits = Q(pk__in=[])
    for kind, keys in by_kind.items():
        fits |= Q(subject_kind=kind, subject_id__in=keys)
    return fits
