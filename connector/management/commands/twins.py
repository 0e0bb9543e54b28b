"""`twins TENANT [BILL_ID …]`: bills that people may have typed into Epicor already."""

from typing import Any

from django.core.management.base import CommandParser

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from connector.actions.duplicates import adopt, different
from connector.domain.money import format_amount
from connector.management.base import NEEDS_A_PERSON, CommandProblem, TenantCommand, actor
from connector.management.commands.bill import find_posting
from connector.sync.bills.duplicate_list import BillWithDuplicates, DuplicateList, list_duplicates


class Command(TenantCommand):
    help = (
        "List the bills that may be in Epicor already, typed by hand, or that have the number of "
        "another bill (run it before going live); or say of one bill that the invoice or the other "
        "bill is it (--ours) or that they differ (--different)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """TENANT [BILL_ID (--ours [--invoice NUMBER] | --different) [--reason TEXT]]."""
        super().add_arguments(parser)
        parser.add_argument("bill_id", metavar="BILL_ID", nargs="?", help="the bill's id in Ramp")
        answer = parser.add_mutually_exclusive_group()
        answer.add_argument(
            "--ours",
            action="store_true",
            help="the invoice in Epicor, or the other bill, is this bill: do not enter",
        )
        answer.add_argument(
            "--different", action="store_true", help="they are different: enter the bill"
        )
        parser.add_argument("--invoice", metavar="NUMBER", default="", help="which one, for --ours")
        parser.add_argument("--reason", metavar="TEXT", default="", help="why, for the record")

    def run(self, options: dict[str, Any]) -> None:
        """Print the list (exit code 1 when there are any), or carry out the answer."""
        answered = options["ours"] or options["different"]
        if not (options["bill_id"] or answered or options["invoice"] or options["reason"]):
            self._list()
        elif options["bill_id"] is None or not answered:
            raise CommandProblem(
                "An answer needs both the bill and what it is: BILL_ID with --ours or --different. "
                "Nothing was changed."
            )
        elif options["invoice"] and options["different"]:
            raise CommandProblem(
                "--different is said of every invoice that the bill's hold names, so --invoice "
                "has no meaning with it. Nothing was changed."
            )
        else:
            self._answer(find_posting(self.tenant, options["bill_id"]), options)

    def _list(self) -> None:
        found = list_duplicates(self.tenant)
        document = {
            "count": len(found.items),
            "compared": found.compared,
            "not_compared": found.left_out,
            "items": [_item(item) for item in found.items],
        }
        code = NEEDS_A_PERSON if found.items or found.left_out else 0
        self.emit(document, lambda: _table(found), code=code)

    def _answer(self, posting: Posting, options: dict[str, Any]) -> None:
        given = {"actor": actor(), "reason": options["reason"]}
        todo = ""
        try:
            if options["ours"]:
                todo = adopt(self.tenant, posting, number=options["invoice"], **given)
                text = (
                    "is dismissed: it is the same invoice as another bill"
                    if posting.state == Posting.State.DISMISSED
                    else f"is entered as invoice {posting.invoice_num}, typed by hand"
                )
            else:
                different(self.tenant, posting, **given)
                text = "is tried again by the next sync"
        except lifecycle.LostLeaseError as error:
            raise CommandProblem(str(error)) from error
        self.emit(
            {"bill": posting.bill_id, "state": posting.state, "to_do": todo},
            lambda: f"Bill {posting.bill_id} {text}. {todo}".rstrip(),
            code=NEEDS_A_PERSON if todo else 0,
        )


def _item(item: BillWithDuplicates) -> dict[str, Any]:
    return {
        "bill": item.bill,
        "number": item.number,
        "amount": format_amount(item.amount, item.currency),
        "currency": item.currency,
        "twins": item.twins,
    }


def _table(found: DuplicateList) -> str:
    lines = [_compared(found), ""]
    if found.items:
        count = "1 bill looks" if len(found.items) == 1 else f"{len(found.items)} bills look"
        lines += [f"{count} like an invoice in Epicor, or like another bill:", ""]
    else:
        lines.append("None of these looks like an invoice in Epicor, or like another bill.")
    for item in found.items:
        amount = format_amount(item.amount, item.currency)
        lines.append(f"{item.bill:<36}  {item.number:<24}  {amount:>14} {item.currency}")
        for twin in item.twins:
            if twin["bill"]:
                lines.append(
                    f"    bill {twin['bill']}: {twin['invoice_num']} of "
                    f"{twin['invoice_date'] or '-'}, {twin['total']} {twin['currency']}, in "
                    f"{twin['company']}"
                )
                continue
            posted = "posted" if twin["posted"] else "not posted"
            unheld = ", no payment hold" if twin["may_be_paid"] else ""
            lines.append(
                f"    {twin['company']} {twin['invoice_num']} of {twin['invoice_date'] or '-'}, "
                f"{twin['total']} {twin['currency']}, by {twin['entry_person'] or 'unknown'} "
                f"(group {twin['group_id'] or '-'}, {posted}{unheld})"
            )
    return "\n".join(lines)


def _compared(found: DuplicateList) -> str:
    text = f"{_bills(found.compared)} compared with Epicor's invoices."
    if not found.left_out:
        return text
    return (
        f"{text} {_bills(found.left_out)} could not be compared yet, because something of them is "
        "not mapped or not right; a sync with --dry-run says what."
    )


def _bills(count: int) -> str:
    return "1 bill" if count == 1 else f"{count} bills"
