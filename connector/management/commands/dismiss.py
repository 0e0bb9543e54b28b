"""`dismiss TENANT BILL_ID --reason TEXT`: handled outside, or accepted as it is in Epicor."""

from typing import Any

from django.core.management.base import CommandParser

from audit.ledger.allowed import settling
from connector.actions.bill_jobs import settle_one
from connector.management.base import CommandProblem, TenantCommand, actor
from connector.management.commands.bill import find_posting


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
        try:
            why = settle_one(settling(posting), posting, reason=options["reason"], actor=actor())
        except ValueError as error:
            raise CommandProblem(str(error)) from error
        if why:
            raise CommandProblem(f"Bill {posting.bill_id} {why}. Nothing was changed.")
        self.emit(
            {"bill": posting.bill_id, "state": posting.state},
            lambda: (
                f"Bill {posting.bill_id} stays in Epicor as it is; the hold is closed."
                if posting.in_epicor
                else f"Bill {posting.bill_id} is dismissed and will never be entered."
            ),
        )
