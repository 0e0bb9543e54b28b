"""Acts on many bills at once: replay, dismiss, keep, assign, snooze, note, and "different"."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST

from audit.ledger import lifecycle, triage
from audit.ledger.allowed import Action
from audit.ledger.models import Posting
from audit.permissions import requires
from audit.trail import log
from connector.actions import requests
from connector.actions.bill_jobs import (
    NOT_DUPLICATE,
    SETTLE,
    mark_all_not_duplicate,
    name_of,
    settle_all,
)
from connector.actions.replay import refusal
from connector.jobs import queue
from connector.sync.catalogs import request_refresh
from connector.web.actions.available import refusal_of
from connector.web.actions.dialogs import act
from connector.web.actions.forms import ActForm, AssignForm, NoteForm, ReasonForm, SnoozeForm
from connector.web.actions.preview import Act, Done, Order, described, named

_AT_ONCE = requests.AT_ONCE
_MEANWHILE = "changed at this moment; look at it again"


# -- tried again -----------------------------------------------------------------------------------


def replayed(order: Order, chosen: list[Posting]) -> Done:
    """Have them tried again now; the job shows how far they are."""
    title = f"Replay of {described(chosen)}"
    subject = chosen[0].bill_id if len(chosen) == 1 else ""
    job = requests.request_replay(order.tenant, chosen, title, actor=order.actor, subject=subject)
    return Done(f"{described(chosen)}: tried again now.", job)


def replay_asked(order: Order, chosen: list[Posting]) -> Done:
    """The same for a person who mended something in Epicor: the catalogs are read again first."""
    request_refresh(order.tenant, chosen)
    return replayed(order, chosen)


def marked_not_duplicate(order: Order, chosen: list[Posting]) -> Done:
    """Their suspected invoices are others: each is tried again now."""
    reason = order.values["reason"]
    if len(chosen) > _AT_ONCE:
        return _by_a_worker(
            order, chosen, NOT_DUPLICATE, "a different invoice.", {"reason": reason}
        )
    freed, left = mark_all_not_duplicate(chosen, reason=reason, actor=order.actor)
    log.seal(order.tenant.pk)
    if not freed:
        return Done("Nothing was changed.", left=left)
    again = replayed(order, freed)
    return Done(f"{described(freed)}: a different invoice, entered now.", again.job, left)


# -- settled by a person ---------------------------------------------------------------------------


def dismissed(order: Order, chosen: list[Posting]) -> Done:
    """Handled outside, never entered."""
    return _settled(order, chosen, lifecycle.dismiss, "dismissed; never entered.")


def kept(order: Order, chosen: list[Posting]) -> Done:
    """What is in Epicor stays as it is."""
    return _settled(order, chosen, lifecycle.keep, "kept as in Epicor.")


def _settled(order: Order, chosen: list[Posting], step: Callable[..., None], what: str) -> Done:
    reason, actor = order.values["reason"], order.actor
    if len(chosen) > _AT_ONCE:
        arguments = {"reason": reason, "keep": step is lifecycle.keep}
        return _by_a_worker(order, chosen, SETTLE, what, arguments)
    before = described(chosen)
    done, left = settle_all(step, chosen, reason=reason, actor=actor)
    if not left:
        return Done(f"{before}: {what}")
    return Done(f"{done:,} of {len(chosen):,} bills: {what}", left=left)


def _by_a_worker(
    order: Order, chosen: list[Posting], kind: str, what: str, arguments: dict[str, Any]
) -> Done:
    """Too many for the request: a worker does it to those that still are as the person saw them."""
    marks = {str(posting.pk): triage.seen(posting) for posting in chosen}
    job, _ = queue.request(
        order.tenant,
        kind,
        title=f"{described(chosen)}: {what}",
        actor=order.actor,
        arguments={**arguments, "seen": marks},
        total=len(chosen),
    )
    return Done(f"{described(chosen)}: under way.", job)


# -- who, when, and what to know -------------------------------------------------------------------


def assigned(order: Order, chosen: list[Posting]) -> Done:
    """Somebody looks after them, or nobody."""
    to = order.values["assignee"]
    wanted = [posting for posting in chosen if posting.assignee != to]
    moved = triage.assign(wanted, to, actor=order.actor)
    return Done(f"{described(chosen)}: assigned to {to or 'nobody'}.", left=_lost(wanted, moved))


def snoozed(order: Order, chosen: list[Posting]) -> Done:
    """Not shown before a day."""
    until: datetime | None = order.values["until"]
    wanted = [posting for posting in chosen if posting.snoozed_until != until]
    moved = triage.snooze(wanted, until, actor=order.actor)
    when = f"snoozed until {timezone.localdate(until)}" if until else "shown again"
    return Done(f"{described(chosen)}: {when}.", left=_lost(wanted, moved))


def noted(order: Order, chosen: list[Posting]) -> Done:
    """Words on the record of each."""
    triage.note(chosen, order.values["note"], actor=order.actor)
    return Done(f"{described(chosen)}: noted.")


def _lost(wanted: list[Posting], moved: list[int]) -> list[tuple[str, str]]:
    lost = [name_of(posting) for posting in wanted if posting.pk not in set(moved)]
    return [(named(lost), _MEANWHILE)] if lost else []


def _anything(posting: Posting) -> str:
    return ""


REPLAY = Act(
    "replay",
    "Replay",
    "tried again now. What is in Epicor is only compared once more.",
    "Replay",
    ActForm,
    refusal_of(Action.REPLAY),
    replay_asked,
    stopped=refusal,
)
DIFFERENT = Act(
    "different",
    "Different: it is a different invoice, enter it",
    "entered, because the suspected invoices are different ones. They are never suspected again.",
    "Not a duplicate, enter",
    ReasonForm,
    refusal_of(Action.NOT_DUPLICATE),
    marked_not_duplicate,
)
DISMISS = Act(
    "dismiss",
    "Dismiss",
    "marked as handled outside and never entered. This cannot be taken back. Ramp still pays what "
    "it pays, and Epicor will not have it: enter it there by hand if the ledger needs it.",
    "Dismiss",
    ReasonForm,
    refusal_of(Action.DISMISS),
    dismissed,
    danger=True,
)
KEEP = Act(
    "keep",
    "Keep as it is",
    "accepted as in Epicor. The same differences are not raised again.",
    "Keep as it is",
    ReasonForm,
    refusal_of(Action.KEEP),
    kept,
)
ASSIGN = Act(
    "assign",
    "Assign",
    "looked after by whom you choose below.",
    "Assign",
    AssignForm,
    refusal_of(Action.TRIAGE),
    assigned,
)
SNOOZE = Act(
    "snooze",
    "Snooze",
    "hidden from the list until a day.",
    "Snooze",
    SnoozeForm,
    refusal_of(Action.TRIAGE),
    snoozed,
)
NOTE = Act(
    "note",
    "Add a note",
    "given this note, which stays on their record.",
    "Add the note",
    NoteForm,
    _anything,
    noted,
)


# -- addresses -------------------------------------------------------------------------------------


@require_POST
@requires("replay")
def replay(request: HttpRequest, slug: str) -> HttpResponse:
    """Try bills again."""
    return act(request, REPLAY)


@require_POST
@requires("dismiss")
def dismiss(request: HttpRequest, slug: str) -> HttpResponse:
    """Mark bills as handled outside."""
    return act(request, DISMISS)


@require_POST
@requires("dismiss")
def keep(request: HttpRequest, slug: str) -> HttpResponse:
    """Accept what is in Epicor."""
    return act(request, KEEP)


@require_POST
@requires("decide")
def mark_not_duplicate(request: HttpRequest, slug: str) -> HttpResponse:
    """Say that the suspected invoices are different ones."""
    return act(request, DIFFERENT)


@require_POST
@requires("decide")
def assign(request: HttpRequest, slug: str) -> HttpResponse:
    """Say who looks after bills."""
    return act(request, ASSIGN)


@require_POST
@requires("decide")
def snooze(request: HttpRequest, slug: str) -> HttpResponse:
    """Put bills off until a day."""
    return act(request, SNOOZE)


@require_POST
@requires("decide")
def note(request: HttpRequest, slug: str) -> HttpResponse:
    """Note something about bills."""
    return act(request, NOTE)


urlpatterns = [
    path("acts/replay/", replay, name="act-replay"),
    path("acts/dismiss/", dismiss, name="act-dismiss"),
    path("acts/keep/", keep, name="act-keep"),
    path("acts/different/", mark_not_duplicate, name="act-different"),
    path("acts/assign/", assign, name="act-assign"),
    path("acts/snooze/", snooze, name="act-snooze"),
    path("acts/note/", note, name="act-note"),
]
