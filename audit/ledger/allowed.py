"""What a person may do to a bill as it stands, and why not: one table for pages and commands.

What Epicor or Ramp would have to be asked about is not in it, nor what a form needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from audit.ledger.holds import GONE, suspects
from audit.ledger.models import Posting
from connector.domain.errors import Reason


class Action(StrEnum):
    """What a person decides about a bill."""

    REPLAY = "replay"
    DISMISS = "dismiss"
    KEEP = "keep"  # accept what is in Epicor as it is
    REMOVE = "remove"
    ENTER_AGAIN = "enter_again"
    ADOPT = "adopt"  # an invoice that a person typed is this bill
    NOT_DUPLICATE = "tell_apart"  # what the hold suspects is another invoice
    RENUMBER = "renumber"
    GO_ON = "go_on"  # accept what Epicor asked
    TRIAGE = "triage"  # assign, snooze


class Status(StrEnum):
    """How a bill stands: its state, with or without a hold."""

    QUEUED = "queued"
    LATER = "later"  # queued, and not before some moment
    HELD = "held"
    IN_FLIGHT = "in_flight"
    DOUBTFUL = "doubtful"
    DOUBTFUL_HELD = "doubtful_held"
    THERE = "there"  # entered or confirmed
    THERE_HELD = "there_held"
    REMOVED = "removed"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: a code, and the rest of a sentence about the bill."""

    code: str
    sentence: str


def allowed(posting: Posting, action: Action) -> Refusal | None:
    """Why a person may not do this to the bill now; None when they may."""
    refusal = TABLE[action].get(status_of(posting))
    if action == Action.TRIAGE and posting.hold_reason:
        return None  # whatever its state, while somebody works on it
    if refusal is not None:
        return refusal
    if action == Action.KEEP:
        return not_to_be_kept(posting)
    if action == Action.NOT_DUPLICATE:
        return _not_cleared(posting)
    if action == Action.RENUMBER and posting.lease_owner:
        return Refusal("leased", "is being worked on just now; look at it again")
    return None


def why_not(posting: Posting, action: Action) -> str:
    """The same as the rest of a sentence, "" when they may."""
    refusal = allowed(posting, action)
    return "" if refusal is None else refusal.sentence


def settling(posting: Posting) -> Action:
    """What "handled by a person" means for it: what is in Epicor is kept, all else dismissed."""
    return Action.KEEP if posting.in_epicor else Action.DISMISS


def status_of(posting: Posting) -> Status:
    """How it stands."""
    held = bool(posting.hold_reason)
    if posting.in_epicor:
        return Status.THERE_HELD if held else Status.THERE
    if posting.state == Posting.State.IN_DOUBT:
        return Status.DOUBTFUL_HELD if held else Status.DOUBTFUL
    if posting.state != Posting.State.QUEUED:
        return Status(posting.state)
    if held:
        return Status.HELD
    return Status.LATER if posting.not_before else Status.QUEUED


def not_to_be_kept(posting: Posting) -> Refusal | None:
    """Why what an open hold is about cannot be accepted as it is: nobody knows what it is."""
    if posting.hold_detail.get(GONE):
        return _GONE
    why = Reason(posting.hold_reason).words.not_kept if posting.hold_reason else ""
    return Refusal("unknown", why) if why else None


def _not_cleared(posting: Posting) -> Refusal | None:
    known = suspects(posting)
    if not known:
        return _NOT_SUSPECTED
    taken = next((one for one in known if one.get("same_key")), None)
    if taken is None:
        return None
    owner = f"bill {taken['bill']}" if taken.get("bill") else "an invoice that Epicor has"
    number = taken["invoice_num"]
    return Refusal("same_number", _SAME_NUMBER.format(owner=owner, number=number))


_GONE = Refusal(
    "gone",
    "its invoice is not in Epicor any more; record the removal (remove), and have the bill "
    "entered again if it is still owed",
)
_NOT_SUSPECTED = Refusal(
    "not_suspected",
    "does not wait because of an invoice in Epicor, or a bill, that may be the same",
)
_SAME_NUMBER = (
    "has the very number ({number}) of {owner}, and of a vendor Epicor takes a number only once: "
    "if it is a different one, give the bill another number, here or in Ramp"
)

_Row = Mapping[Status, Refusal]


def _row(**sentences: str) -> _Row:
    """A row of the table: the standings that refuse, each with its sentence.

    `doubtful`, `there` and `queued` stand for the held (or later) ones as well.
    """
    also = {
        "queued": (Status.LATER, Status.HELD),
        "doubtful": (Status.DOUBTFUL_HELD,),
        "there": (Status.THERE_HELD,),
    }
    found: dict[Status, Refusal] = {}
    for name, sentence in sentences.items():
        refusal = Refusal(name, sentence)
        for one in (Status(name), *also.get(name, ())):
            found[one] = refusal
    return found


def _only(row: _Row, *free: Status) -> _Row:
    """The row without what it allows."""
    return {one: refusal for one, refusal in row.items() if one not in free}


_BEING_ENTERED = "is being entered right now; wait until that is done and look again"
_UNTRIED = _row(
    queued="is entered by itself with the next run",
    in_flight="is being entered right now",
    doubtful="may be in Epicor and is looked up again by itself",
    removed=(
        "was removed from Epicor by a person; to enter it anew: on its page, or with "
        "remove … --enter-again"
    ),
    dismissed="is dismissed, so it is never entered",
)
_NOTHING_THERE = Refusal("not_there", "is not in Epicor, so there is nothing to keep")
_REMOVE = _row(
    queued="is not entered, so there is nothing to remove; dismiss it if it must not be",
    in_flight=_BEING_ENTERED,
    doubtful="may be in Epicor; it is looked up by itself first, so look again later",
    removed="was removed already; ask for entering it again if it is still owed",
    dismissed="is dismissed: it was never entered by us",
)
_ANSWER = _row(
    in_flight=_BEING_ENTERED,
    doubtful="may be in Epicor already; it is looked up first, then answer again",
    there="is entered in Epicor already; remove it there first if another one is right",
    removed="was entered and taken out of Epicor again; enter it again first",
    dismissed="is dismissed, so nothing of it is entered",
)
TABLE: Mapping[Action, _Row] = {
    Action.REPLAY: _only(_UNTRIED, Status.LATER, Status.HELD, Status.DOUBTFUL_HELD),
    Action.DISMISS: _row(
        in_flight=_BEING_ENTERED,
        doubtful="may be in Epicor already; wait for the look-up, or check the invoice there",
        there="is in Epicor: keep it as it is, or remove it there",
        removed="was entered and taken out of Epicor again; nothing is left to dismiss",
        dismissed="is dismissed already, with the reason given then",
    ),
    Action.KEEP: {
        **_only(dict.fromkeys(Status, _NOTHING_THERE), Status.THERE_HELD),
        Status.THERE: Refusal(
            "not_held",
            "is entered in Epicor and nothing about it waits for a person; if it must not be "
            "there, remove it",
        ),
    },
    Action.REMOVE: _REMOVE,
    Action.ENTER_AGAIN: _only(_REMOVE, Status.REMOVED),
    Action.ADOPT: _ANSWER,
    Action.NOT_DUPLICATE: _ANSWER,
    Action.RENUMBER: _row(
        in_flight=_BEING_ENTERED,
        doubtful="may be in Epicor already, under the number that was sent; it is looked up",
        there="is entered in Epicor already; remove it there first and enter it again",
        removed="was taken out of Epicor again; have it entered again first",
        dismissed="is dismissed, so it is never entered",
    ),
    Action.GO_ON: _only(_UNTRIED, Status.QUEUED, Status.LATER, Status.HELD),
    Action.TRIAGE: dict.fromkeys(Status, Refusal("not_held", "does not wait for a person")),
}
