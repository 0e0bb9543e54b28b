"""`twins TENANT [BILL_ID …]`: bills that people may have typed into Epicor already."""

from typing import Any

from django.core.management.base import CommandParser

from audit import postings
from audit.models import Posting
from connector.commands import NEEDS_A_PERSON, CommandProblem, TenantCommand
from connector.domain.money import format_amount
from connector.management.commands.bill import find_posting
from connector.sync.twin_answers import adopt, different
from connector.sync.twin_list import BillWithTwins, list_twins

ACTOR = "command line"


class Command(TenantCommand):
    help = (
        "List the bills that may be in Epicor already, typed by hand (run it before going live); "
        "or say of one bill that an invoice is it (--ours) or that they differ (--different)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """TENANT [BILL_ID (--ours [--invoice NUMBER] | --different --reason TEXT)]."""
        super().add_arguments(parser)
        parser.add_argument("bill_id", metavar="BILL_ID", nargs="?", help="the bill's id in Ramp")
        answer = parser.add_mutually_exclusive_group()
        answer.add_argument(
            "--ours", action="store_true", help="the invoice in Epicor is this bill: do not enter"
        )
        answer.add_argument(
            "--different", action="store_true", help="they are different: enter the bill"
        )
        parser.add_argument("--invoice", metavar="NUMBER", default="", help="which one, for --ours")
        parser.add_argument("--reason", metavar="TEXT", default="", help="why, for --different")

    def run(self, options: dict[str, Any]) -> None:
        """Print the list (exit code 1 when there are any), or carry out the answer."""
        answered = options["ours"] or options["different"]
        if options["bill_id"] is None and not answered:
            self._list()
        elif options["bill_id"] is None or not answered:
            raise CommandProblem(
                "An answer needs both the bill and what it is: BILL_ID with --ours or --different. "
                "Nothing was changed."
            )
        else:
            self._answer(find_posting(self.tenant, options["bill_id"]), options)

    def _list(self) -> None:
        items = list_twins(self.tenant)
        document = {"count": len(items), "items": [_item(item) for item in items]}
        self.emit(document, lambda: _table(items), code=NEEDS_A_PERSON if items else 0)

    def _answer(self, posting: Posting, options: dict[str, Any]) -> None:
        try:
            if options["ours"]:
                adopt(self.tenant, posting, actor=ACTOR, number=options["invoice"])
                said = f"is entered as invoice {posting.invoice_num}, typed by hand"
            else:
                different(self.tenant, posting, actor=ACTOR, reason=options["reason"])
                said = "is tried again by the next sync"
        except postings.LostLeaseError as error:
            raise CommandProblem(str(error)) from error
        self.emit(
            {"bill": posting.bill_id, "state": posting.state},
            lambda: f"Bill {posting.bill_id} {said}.",
        )


def _item(item: BillWithTwins) -> dict[str, Any]:
    return {
        "bill": item.bill,
        "number": item.number,
        "amount": format_amount(item.amount, item.currency),
        "currency": item.currency,
        "twins": item.twins,
    }


def _table(items: list[BillWithTwins]) -> str:
    if not items:
        return "No bill that waits to be entered looks like an invoice in Epicor."
    count = "1 bill looks" if len(items) == 1 else f"{len(items)} bills look"
    lines = [f"{count} like an invoice that is in Epicor already:", ""]
    for item in items:
        amount = format_amount(item.amount, item.currency)
        lines.append(f"{item.bill:<36}  {item.number:<24}  {amount:>14} {item.currency}")
        for twin in item.twins:
            posted = "posted" if twin["posted"] else "not posted"
            lines.append(
                f"    {twin['company']} {twin['invoice_num']} of {twin['invoice_date'] or '-'}, "
                f"{twin['total']} {twin['currency']}, by {twin['entry_person'] or 'unknown'} "
                f"(group {twin['group_id'] or '-'}, {posted})"
            )
    return "\n".join(lines)
