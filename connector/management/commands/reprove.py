"""`reprove TENANT --days N`: reads entered invoices back and compares each to the cent."""

from typing import Any

from django.core.management.base import CommandParser

from connector.management.base import NEEDS_A_PERSON, CommandProblem, TenantCommand
from connector.sync.bills.verify import reprove
from connector.sync.bills.verify_result import Proof


class Command(TenantCommand):
    help = "Read back what was entered and compare it to the cent; holds what has drifted."

    def add_arguments(self, parser: CommandParser) -> None:
        """TENANT --days N."""
        super().add_arguments(parser)
        parser.add_argument(
            "--days", type=int, required=True, metavar="N", help="entered in the last N days"
        )

    def run(self, options: dict[str, Any]) -> None:
        """Prove and print; exit code 1 when something drifted."""
        days = int(options["days"])
        if not 1 <= days <= 36500:
            raise CommandProblem("--days must be at least 1 and at most 36500. Nothing was read.")
        proof = reprove(self.tenant, days=days)
        code = NEEDS_A_PERSON if proof.drifted else 0
        self.emit(proof.as_json(), lambda: _table(proof), code=code)


def _table(proof: Proof) -> str:
    lines = []
    for drift in proof.drifted:
        name = f"{drift.company} vendor {drift.vendor_num} invoice {drift.invoice_num}"
        lines.append(f"{drift.bill}  {name}: {'; '.join(drift.sentences)}")
    if proof.drifted:
        lines.append(
            "Each of these waits for a person now (exceptions lists them): correct the invoice in "
            "Epicor and prove again, or keep it as it is: dismiss with a reason."
        )
    return "\n".join([*lines, f"{proof.sentence}."])
