"""Which bills a person may dismiss, or keep as they are in Epicor: one rule for pages and commands.

A bill that is not in Epicor is dismissed: handled outside, never entered. For one that is entered
only its hold closes: what is there stays as it is.
"""

from collections.abc import Mapping

from audit.ledger.holds import not_to_be_kept
from audit.ledger.models import Posting

_State = Posting.State
_IN_EPICOR = (
    "is entered in Epicor and nothing about it waits for a person; if it must not be there, "
    "remove it"
)
_WHY_NOT: Mapping[Posting.State, str] = {
    _State.IN_FLIGHT: "is being entered right now; wait until that is done and look again",
    _State.IN_DOUBT: "may be in Epicor already; wait for the look-up, or check the invoice there",
    _State.ENTERED: _IN_EPICOR,
    _State.CONFIRMED: _IN_EPICOR,
    _State.REMOVED: "was entered and taken out of Epicor again; nothing is left to dismiss",
    _State.DISMISSED: "is dismissed already, with the reason given then",
}


def refused(posting: Posting) -> str:
    """Why this cannot be dismissed (or kept as it is) now, as the rest of a sentence, or ""."""
    if posting.in_epicor and posting.hold_reason:
        return not_to_be_kept(posting)
    return _WHY_NOT.get(_State(posting.state), "")
