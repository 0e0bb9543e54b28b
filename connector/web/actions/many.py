"""Acts on many bills at once: replay, dismiss, keep, assign, snooze, note, and "different"."""

from datetime import datetime
from functools import partial
from typing import Any

from django.utils import timezone

from audit.ledger import triage
from audit.ledger.allowed import Action
from audit.ledger.models import Posting
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
from connector.web.actions.forms import AssignForm, NoteForm, ReasonForm, SnoozeForm
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


def settled(order: Order, chosen: list[Posting], *, action: Action, what: str) -> Done:
    """Handled outside and never entered, or kept as it is in Epicor."""
    reason, actor = order.values["reason"], order.actor
    if len(chosen) > _AT_ONCE:
        arguments = {"reason": reason, "keep": action == Action.KEEP}
        return _by_a_worker(order, chosen, SETTLE, what, arguments)
    before = described(chosen)
    done, left = settle_all(action, chosen, reason=reason, actor=actor)
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


# -- the acts --------------------------------------------------------------------------------------

REPLAY = Act(
    "replay",
    "Replay",
    "replay",
    refusal_of(Action.REPLAY),
    replay_asked,
    will="tried again now. What is in Epicor is only compared once more.",
    button="Replay",
    stopped=refusal,
)
DIFFERENT = Act(
    "different",
    "Different: it is a different invoice, enter it",
    "decide",
    refusal_of(Action.NOT_DUPLICATE),
    marked_not_duplicate,
    ReasonForm,
    will="entered, because the suspected invoices are different ones. They are never suspected "
    "again.",
    button="Not a duplicate, enter",
)
DISMISS = Act(
    "dismiss",
    "Dismiss",
    "dismiss",
    refusal_of(Action.DISMISS),
    partial(settled, action=Action.DISMISS, what="dismissed; never entered."),
    ReasonForm,
    will="marked as handled outside and never entered. This cannot be taken back. Ramp still pays "
    "what it pays, and Epicor will not have it: enter it there by hand if the ledger needs it.",
    button="Dismiss",
    danger=True,
)
KEEP = Act(
    "keep",
    "Keep as it is",
    "dismiss",
    refusal_of(Action.KEEP),
    partial(settled, action=Action.KEEP, what="kept as in Epicor."),
    ReasonForm,
    will="accepted as in Epicor. The same differences are not raised again.",
    button="Keep as it is",
)
ASSIGN = Act(
    "assign",
    "Assign",
    "decide",
    refusal_of(Action.TRIAGE),
    assigned,
    AssignForm,
    will="looked after by whom you choose below.",
    button="Assign",
)
SNOOZE = Act(
    "snooze",
    "Snooze",
    "decide",
    refusal_of(Action.TRIAGE),
    snoozed,
    SnoozeForm,
    will="hidden from the list until a day.",
    button="Snooze",
)
NOTE = Act(
    "note",
    "Add a note",
    "decide",
    _anything,
    noted,
    NoteForm,
    will="given this note, which stays on their record.",
    button="Add the note",
)
