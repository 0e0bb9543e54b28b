"""Which acts fit a bill as it is now, and why the others do not. From the posting alone."""

from collections.abc import Callable
from functools import partial

from audit.ledger.allowed import Action, why_not
from audit.ledger.holds import suspects
from audit.ledger.models import Posting
from connector.actions.questions import open_questions
from connector.domain.errors import Reason
from connector.domain.invoice_key import too_long, unseen

WhyNot = Callable[[Posting], str]


def refusal_of(action: Action) -> WhyNot:
    """Why a bill does not fit this action, as the rest of a sentence about it, or ""."""
    return partial(why_not, action=action)


def not_gone_on(posting: Posting) -> str:
    """Why nobody can say that it goes on in spite of a question of Epicor, or ""."""
    asked = open_questions(posting)
    if asked is None:
        return "does not wait because of a question of Epicor"
    if not asked.answerable:
        return "waits for an answer that only Epicor's own screen can give"
    return why_not(posting, Action.GO_ON)


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


def available_actions(posting: Posting) -> dict[str, bool]:
    """What the page offers for it, by name of the act."""
    may = {action: not why_not(posting, action) for action in Action}
    often = bool(posting.hold_reason) and Reason(posting.hold_reason).words.often_dismissed
    offers = {
        "replay": may[Action.REPLAY],
        "ours": may[Action.ADOPT] and bool(suspects(posting)),
        "different": may[Action.NOT_DUPLICATE],
        "go_on": not not_gone_on(posting),
        "number": may[Action.RENUMBER],
        "number_first": may[Action.RENUMBER] and needs_number(posting),
        "keep": may[Action.KEEP],
        "remove": may[Action.REMOVE],
        "again": may[Action.ENTER_AGAIN],
        "dismiss": may[Action.DISMISS],
        "dismiss_first": may[Action.DISMISS] and often,
        "assign": may[Action.TRIAGE],
        "snooze": may[Action.TRIAGE],
        "note": True,
    }
    return {name: True for name, yes in offers.items() if yes}
