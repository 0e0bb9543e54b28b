"""Which acts fit a bill as it is now, and why the others do not. From the posting alone."""

from typing import Any

from audit.ledger import invoice_number
from audit.ledger.dismissal import refused as dismissal_refused
from audit.ledger.models import Posting
from connector.actions.questions import asked_of, can_answer
from connector.domain.errors import Reason
from connector.domain.invoice_key import too_long, unseen

_State = Posting.State
# Reasons that often end with "handled outside": dismissing is one click away in the list.
_OFTEN_DISMISSED = (
    Reason.DUPLICATE_SUSPECTED,
    Reason.ARCHIVED,
    Reason.SYNCED_ELSEWHERE,
    Reason.NEEDS_REVIEW,
    Reason.ASKED,
)
_UNTRIED = {
    _State.IN_FLIGHT: "is being entered right now",
    _State.IN_DOUBT: "may be in Epicor and is looked up again by itself",
    _State.REMOVED: "was removed from Epicor; on its own page it can be entered again",
    _State.DISMISSED: "is dismissed, so it is never entered",
}


def not_replayed(posting: Posting) -> str:
    """Why it cannot be tried again now, as the rest of a sentence, or ""."""
    if posting.state in (_State.QUEUED, _State.IN_DOUBT) or posting.in_epicor:
        if posting.hold_reason or posting.in_epicor:
            return ""
        if posting.state == _State.QUEUED:
            return "" if posting.not_before else "is entered by itself with the next run"
    return _UNTRIED[_State(posting.state)]


def not_dismissed(posting: Posting) -> str:
    """Why it cannot be marked as handled outside, or ""."""
    if posting.in_epicor:
        return "is in Epicor: keep it as it is, or remove it there"
    return dismissal_refused(posting)


def not_kept(posting: Posting) -> str:
    """Why what is in Epicor cannot be accepted as it is, or ""."""
    if not posting.in_epicor:
        return "is not in Epicor, so there is nothing to keep"
    return dismissal_refused(posting)


def not_triaged(posting: Posting) -> str:
    """Why it cannot be assigned or put off, or ""."""
    return "" if posting.hold_reason else "does not wait for a person"


def not_different(posting: Posting) -> str:
    """Why nobody can say that its suspected invoices are others, or ""."""
    known = suspects(posting)
    if posting.state != _State.QUEUED or not known:
        return "does not wait because of an invoice in Epicor, or a bill, that may be the same"
    if any(one.get("same_key") for one in known):
        return (
            "has the very number of another invoice of this vendor, and Epicor takes a number only "
            "once: if it is a different one, give the bill another number, here or in Ramp"
        )
    return ""


def not_gone_on(posting: Posting) -> str:
    """Why nobody can say that it goes on in spite of a question of Epicor, or ""."""
    asked = asked_of(posting)
    if asked is None:
        return "does not wait because of a question of Epicor"
    if not asked.answerable:
        return "waits for an answer that only Epicor's own screen can give"
    return "" if can_answer(posting) else _UNTRIED[_State(posting.state)]


def not_numbered(posting: Posting) -> str:
    """Why it cannot be given another number now, or ""."""
    return invoice_number.refused(posting)


def needs_number(posting: Posting) -> bool:
    """Whether another number is what it probably waits for, or has been given already.

    Epicor has its number, another bill has it, it is too long, or it cannot be seen whole.
    """
    known = suspects(posting)
    taken = any(one.get("same_key") for one in known) or not known
    return (
        bool(posting.given_num)
        or (posting.hold_reason == Reason.DUPLICATE_SUSPECTED and taken)
        or (posting.hold_reason == Reason.INVALID_BILL and _is_unfit(posting.invoice_num))
    )


def _is_unfit(number: str) -> bool:
    return bool(too_long(number) or unseen(number))


def suspects(posting: Posting) -> list[dict[str, Any]]:
    """The invoices in Epicor, and the bills of ours, that its hold suspects to be the same."""
    if posting.hold_reason != Reason.DUPLICATE_SUSPECTED:
        return []
    return list(posting.hold_detail.get("twins") or ())


def offered(posting: Posting) -> dict[str, bool]:
    """What the page offers for it, by name of the act."""
    waiting = bool(suspects(posting)) and posting.state == _State.QUEUED
    removed = posting.state == _State.REMOVED
    offers = {
        "replay": not not_replayed(posting),
        "ours": waiting,
        "different": not not_different(posting),
        "go_on": not not_gone_on(posting),
        "number": not not_numbered(posting),
        "number_first": needs_number(posting) and not not_numbered(posting),
        "keep": not not_kept(posting),
        "remove": posting.in_epicor,
        "again": posting.in_epicor or removed,
        "dismiss": not not_dismissed(posting),
        "dismiss_first": posting.hold_reason in _OFTEN_DISMISSED and not not_dismissed(posting),
        "assign": bool(posting.hold_reason),
        "snooze": bool(posting.hold_reason),
        "note": True,
    }
    return {name: True for name, yes in offers.items() if yes}
