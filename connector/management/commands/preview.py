"""`preview TENANT BILL_ID`: the request that would enter a bill, and why each code was chosen."""

import json
from typing import Any

from django.core.management.base import CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from connector.management.base import NEEDS_A_PERSON, CommandProblem, TenantCommand
from connector.ramp.errors import NotFoundError
from connector.sync.bills.preview import Preview, preview

_DONE = ("entered", "confirmed", "removed", "dismissed")


class Command(TenantCommand):
    help = "Show what would be sent to Epicor for one bill, and why; sends and changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """TENANT BILL_ID."""
        super().add_arguments(parser)
        parser.add_argument("bill_id", metavar="BILL_ID", help="the bill's id in Ramp")

    def run(self, options: dict[str, Any]) -> None:
        """Print the preview; exit code 1 when something stops the bill."""
        bill_id = options["bill_id"]
        try:
            found = preview(self.tenant, bill_id)
        except NotFoundError as error:
            raise CommandProblem(
                f"Ramp has no bill {bill_id!r} for {self.tenant.name}. Check the id; nothing was "
                "sent to Epicor."
            ) from error
        code = NEEDS_A_PERSON if found.problems else 0
        document = found.as_json()
        if found.state in _DONE:
            document["request"] = None  # nothing is sent for it any more
        self.emit(document, lambda: _table(found, document), code=code)


def _table(found: Preview, document: dict[str, Any]) -> str:
    lines = [f"{problem['reason']}: {problem['message']}" for problem in document["problems"]]
    if found.state in _DONE:
        lines.append(f"This bill is {found.state}, so nothing is sent for it any more.")
    if found.prepared is None:
        return "\n".join([*lines, "Nothing can be sent as it is."])
    draft = document["draft"]
    name = "Credit" if draft["credit"] else "Invoice"
    lines.append(
        f"{name} {draft['invoice_num']} of {draft['vendor_id']} in {draft['company']}: "
        f"{draft['total']} {draft['currency_code']}, apply date {draft['apply_date']}"
    )
    for number, line in enumerate(draft["lines"], start=1):
        lines.append(
            f"  {number:>3}  {line['amount']:>14}  {line['account']}  {line['description']}"
        )
    lines += ["", "Why these codes:"]
    for entry in document["coding"]:
        place = f"line {entry['line']}" if entry["line"] else entry["field"]
        lines.append(f"  {place:<10} {entry['code']}: {' '.join(entry['why'])}")
    if document["request"] is not None:
        request = json.dumps(
            document["request"], cls=DjangoJSONEncoder, ensure_ascii=False, indent=2
        )
        lines += ["", "The request:", request]
    return "\n".join(lines)
