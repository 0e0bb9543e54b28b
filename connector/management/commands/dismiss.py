"""`dismiss TENANT BILL_ID --reason TEXT`: a bill was handled outside and is never entered."""

from typing import Any

from django.core.management.base import CommandParser

from audit import postings
from audit.models import Posting
from connector.commands import CommandProblem, TenantCommand
from connector.management.commands.bill import find_posting

ACTOR = "command line"
_State = Posting.State
_WHY_NOT = {
    _State.IN_FLIGHT: "is being entered right now; wait until that is done and look again",
    _State.IN_DOUBT: "may be in Epicor already; wait for the look-up, or check the invoice there",
    _State.ENTERED: "is entered in Epicor; take the invoice out there if it must not be",
    _State.CONFIRMED: "is entered in Epicor; take the invoice out there if it must not be",
    _State.REMOVED: "was entered and taken out of Epicor again; nothing is left to dismiss",
    _State.DISMISSED: "is dismissed already, with the reason given then",
}


class Command(TenantCommand):
    help = "Mark a bill as handled outside: it is never entered. Needs a reason."

    def add_arguments(self, parser: CommandParser) -> None:
        """TENANT BILL_ID --reason TEXT."""
        super().add_arguments(parser)
        parser.add_argument("bill_id", metavar="BILL_ID", help="the bill's id in Ramp")
        parser.add_argument("--reason", metavar="TEXT", required=True, help="why, for the record")

    def run(self, options: dict[str, Any]) -> None:
        """Dismiss the bill if it is not entered and nobody enters it right now."""
        posting = find_posting(self.tenant, options["bill_id"])
        if why_not := _WHY_NOT.get(_State(posting.state)):
            raise CommandProblem(f"Bill {posting.bill_id} {why_not}. Nothing was changed.")
        try:
            postings.dismiss(posting, actor=ACTOR, reason=options["reason"])
        except (ValueError, postings.LostLeaseError) as error:
            raise CommandProblem(str(error)) from error
        self.emit(
            {"bill": posting.bill_id, "state": posting.state},
            lambda: f"Bill {posting.bill_id} is dismissed and will never be entered.",
        )
