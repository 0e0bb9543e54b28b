"""`remove TENANT BILL_ID --reason TEXT`: takes an entered, unposted invoice out of Epicor again."""

from typing import Any

from django.core.management.base import CommandParser

from connector.actions.remove import RemovalPreview, preview_removal, remove
from connector.management.base import CommandProblem, TenantCommand, actor
from connector.management.commands.bill import find_posting


class Command(TenantCommand):
    help = "Delete the unposted invoice of a bill in Epicor, and enter the bill anew if asked to."

    def add_arguments(self, parser: CommandParser) -> None:
        """TENANT BILL_ID --reason TEXT, --enter-again, --dry-run."""
        super().add_arguments(parser)
        parser.add_argument("bill_id", metavar="BILL_ID", help="the bill's id in Ramp")
        parser.add_argument("--reason", metavar="TEXT", required=True, help="why, for the record")
        parser.add_argument(
            "--enter-again", action="store_true", help="queue the bill: the next sync enters it"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would be deleted; change nothing"
        )

    def run(self, options: dict[str, Any]) -> None:
        """Remove the invoice, or say in a sentence why it stays."""
        posting = find_posting(self.tenant, options["bill_id"])
        again = bool(options["enter_again"])
        if options["dry_run"]:
            plan = preview_removal(self.tenant, posting, enter_again=again)
            if plan.refusal:
                raise CommandProblem(plan.refusal)
        else:
            reason = str(options["reason"])
            plan = remove(self.tenant, posting, actor=actor(), reason=reason, enter_again=again)
        document = {
            "bill": posting.bill_id,
            "state": posting.state,
            "invoice": None if plan.invoice is None else plan.invoice.as_json(),
        }
        dry = bool(options["dry_run"])
        self.emit(document, lambda: _sentence(plan, again=again, dry=dry))


def _sentence(plan: RemovalPreview, *, again: bool, dry: bool) -> str:
    done = [_done(plan, dry=dry)]
    if again:
        done.append(f"The next sync {'would enter' if dry else 'enters'} the bill anew.")
    elif plan.synced:
        done.append(_OWED.format(owes="would owe" if dry else "owes"))
    return " ".join(done)


def _done(plan: RemovalPreview, *, dry: bool) -> str:
    invoice, bill_id = plan.invoice, plan.posting.bill_id
    if plan.again:
        return f"Bill {bill_id} was removed before."
    if invoice is None:
        recorded = "It would be recorded as removed." if dry else "It is recorded as removed now."
        return f"Nothing of bill {bill_id} is in Epicor any more. {recorded}"
    typed = f", typed by {invoice.entered_by or 'a person'}" if invoice.typed else ""
    name = (
        f"invoice {invoice.invoice_num} of {invoice.vendor_id} in {invoice.company} for "
        f"{invoice.as_json()['total']} {invoice.currency} (group {invoice.group}{typed})"
    )
    touched = f" {invoice.changed_by} changed it on {invoice.changed_on}."
    return f"{'Would delete' if dry else 'Deleted'} {name}.{touched if invoice.changed else ''}"


_OWED = (
    "Ramp still shows the bill as synced, and Epicor {owes} nothing for it now. If it is still "
    "owed, enter it again: the same command with --enter-again. If not, the reason on the record "
    "must say why, because no list shows it any more."
)
