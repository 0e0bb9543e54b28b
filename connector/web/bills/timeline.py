"""What happened to a bill, newest first: the trail and the attempts in one, and its holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils.dateparse import parse_datetime

from audit.trail import log
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.http_client.redaction import redact_text

A_PAGE = 200
_HOLDS = 50
_OF_ATTEMPTS = ("attempt.begun", "attempt.finished", "attempt.resolved")  # the attempt says more
_HELD, _NOTED = "posting.held", "posting.noted"
_VERIFIED = ("posting.entered", "posting.rechecked")
_ENDS_A_HOLD = (
    *_VERIFIED,
    "posting.replayed",
    "posting.requeued",
    "posting.kept",
    "posting.dismissed",
    "posting.removed",
    "posting.enter_again",
    "posting.twins_cleared",
    "posting.numbered",
    "posting.settled",
    "posting.in_doubt",
)
_TEXTS = ("message", "reason", "note", "text")  # what a body says for people, first one wins


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: an entry of the trail, or an attempt with its outcome."""

    at: datetime
    action: str
    text: str
    actor: str
    key: str  # of the entry or the attempt, for the address of its detail
    more: bool  # whether the detail says more than this
    attempt: Attempt | None = None

    @property
    def is_note(self) -> bool:
        """Whether a person wrote it down."""
        return self.action == _NOTED


@dataclass(frozen=True, slots=True)
class Timeline:
    """Some events, newest first; `older` is the moment before which there are more, or None."""

    events: list[Event]
    older: datetime | None


@dataclass(frozen=True, slots=True)
class PastHold:
    """Why the bill waited, from when to when; `ended` None while it still does."""

    reason: str
    message: str
    opened: datetime
    ended: datetime | None = None
    ended_by: str = ""  # the action
    ended_actor: str = ""


def events_of(tenant_id: int, bill_id: str, *, before: datetime | None = None) -> Timeline:
    """The newest events of a bill, or those before a moment; three queries, however many."""
    ours = {"tenant_id": tenant_id, "subject_kind": "posting", "subject_id": bill_id}
    entries = AuditEntry.objects.filter(**ours).exclude(action__in=_OF_ATTEMPTS)
    attempts = Attempt.objects.filter(**ours).defer("request", "answer", "coding")
    if before is not None:
        entries, attempts = entries.filter(at__lt=before), attempts.filter(started_at__lt=before)
    found = [_of_entry(row) for row in entries.order_by("-at", "-id")[: A_PAGE + 1]]
    found += [_of_attempt(row) for row in attempts.order_by("-started_at", "-id")[: A_PAGE + 1]]
    found.sort(key=lambda event: event.at, reverse=True)
    return _page(found)


def _page(found: Sequence[Event]) -> Timeline:
    """The first events; what happened at the same moment is never torn apart."""
    if len(found) <= A_PAGE:
        return Timeline(list(found), None)
    last = found[A_PAGE].at
    shown = [event for event in found[:A_PAGE] if event.at > last] or list(found[:A_PAGE])
    return Timeline(shown, shown[-1].at)


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest entry of a bill's trail: a page that shows it is as new as the bill."""

    key: str = ""
    at: datetime | None = None


def mark(tenant_id: int, bill_id: str) -> Mark:
    """How far the trail of a bill is; one query."""
    rows = AuditEntry.objects.filter(
        tenant_id=tenant_id, subject_kind="posting", subject_id=bill_id
    )
    newest = rows.order_by("-at", "-id").values_list("pk", "at").first()
    return Mark() if newest is None else Mark(str(newest[0]), newest[1])


def moment(text: str | None) -> datetime | None:
    """The moment in an address; None for what is none."""
    try:
        found = parse_datetime(text) if text else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def milestones(tenant_id: int, bill_id: str) -> list[AuditEntry]:
    """The entries that open and end holds, newest first, the last few; one query."""
    rows = AuditEntry.objects.filter(
        tenant_id=tenant_id,
        subject_kind="posting",
        subject_id=bill_id,
        action__in=[_HELD, *_ENDS_A_HOLD],
    )
    return list(rows.order_by("-at", "-id")[: 2 * _HOLDS])


def verified_at(entries: Iterable[AuditEntry]) -> datetime | None:
    """When the invoice was last compared with the bill to the cent; from `milestones`."""
    return next((entry.at for entry in entries if entry.action in _VERIFIED), None)


def held_at(entries: Iterable[AuditEntry]) -> datetime | None:
    """When a hold last said something; from `milestones`."""
    return next((entry.at for entry in entries if entry.action == _HELD), None)


def holds(entries: Sequence[AuditEntry]) -> list[PastHold]:
    """Every hold, newest first, with what ended it; from `milestones`. Pure."""
    found: list[PastHold] = []
    following: AuditEntry | None = None
    for entry in entries:
        if entry.action == _HELD:
            body = entry.body if isinstance(entry.body, dict) else {}
            found.append(
                PastHold(
                    reason=str(body.get("reason") or ""),
                    message=redact_text(str(body.get("message") or "")),
                    opened=entry.at,
                    ended=following.at if following else None,
                    ended_by=following.action if following else "",
                    ended_actor=following.actor if following else "",
                )
            )
        following = entry
    return found[:_HOLDS]


def names_of(names: Iterable[str]) -> dict[str, str]:
    """What to call the actors of the trail: their full names where they have one; one query."""
    wanted = {name for name in names if name and name != log.SYSTEM}
    known = {user.username: user.get_full_name() for user in _users(wanted)}
    called = {name: f"{known[name]} ({name})" if known.get(name) else name for name in wanted}
    return {**called, log.SYSTEM: "the connector"}


def _users(names: set[str]) -> Iterable[User]:
    return User.objects.filter(username__in=names).only("username", "first_name", "last_name")


def _of_entry(entry: AuditEntry) -> Event:
    body: dict[str, Any] = entry.body if isinstance(entry.body, dict) else {}
    name = next((name for name in _TEXTS if body.get(name)), "")
    text = redact_text(str(body.get(name, "")))
    more = bool(entry.changes) or any(value for key, value in body.items() if key != name)
    return Event(entry.at, entry.action, text, entry.actor, str(entry.pk), more)


def _of_attempt(attempt: Attempt) -> Event:
    text = redact_text(attempt.message)
    key = str(attempt.pk)
    return Event(
        attempt.started_at, attempt.action, text, log.SYSTEM, key, more=True, attempt=attempt
    )
