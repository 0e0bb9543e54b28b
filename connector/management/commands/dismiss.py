"""`dismiss TENANT BILL_ID --reason TEXT`: handled outside, or accepted as it is in Epicor."""

from typing import Any

from django.core.management.base import CommandParser

from audit import postings
from audit.holds import not_to_be_kept
from audit.models import Posting
from connector.commands import CommandProblem, TenantCommand
from connector.management.commands.bill import find_posting

ACTOR = "command line"
_State = Posting.State
_IN_EPICOR = (
    "is entered in Epicor and nothing about it waits for a person; if it must not be there, "
    "remove it"
)
_WHY_NOT = {
    _State.IN_FLIGHT: "is being entered right now; wait until that is done and look again",
    _State.IN_DOUBT: "may be in Epicor already; wait for the look-up, or check the invoice there",
    _State.ENTERED: _IN_EPICOR,
    _State.CONFIRMED: _IN_EPICOR,
    _State.REMOVED: "was entered and taken out of Epicor again; nothing is left to dismiss",
    _State.DISMISSED: "is dismissed already, with the reason given then",
}


class Command(TenantCommand):
    help = "Mark a bill as handled outside, or what is entered as kept as it is. Needs a reason."

    def add_arguments(self, parser: CommandParser) -> None:
        """TENANT BILL_ID --reason TEXT."""
        super().add_arguments(parser)
        parser.add_argument("bill_id", metavar="BILL_ID", help="the bill's id in Ramp")
        parser.add_argument("--reason", metavar="TEXT", required=True, help="why, for the record")

    def run(self, options: dict[str, Any]) -> None:
        """Dismiss a bill that is not entered; close the hold of one that is."""
        posting = find_posting(self.tenant, options["bill_id"])
        if why_not := dismissal_refused(posting):
            raise CommandProblem(f"Bill {posting.bill_id} {why_not}. Nothing was changed.")
        step = postings.keep if posting.in_epicor else postings.dismiss
        try:
            step(posting, actor=ACTOR, reason=options["reason"])
        except (ValueError, postings.LostLeaseError) as error:
            raise CommandProblem(str(error)) from error
        self.emit(
            {"bill": posting.bill_id, "state": posting.state},
            lambda: (
                f"Bill {posting.bill_id} stays in Epicor as it is; the hold is closed."
                if posting.in_epicor
                else f"Bill {posting.bill_id} is dismissed and will never be entered."
            ),
        )


def dismissal_refused(posting: Posting) -> str:
    """Why this cannot be dismissed (or kept as it is) now, as the rest of a sentence, or ""."""
    if posting.in_epicor and posting.hold_reason:
        return not_to_be_kept(posting)
    return _WHY_NOT.get(_State(posting.state), "")
