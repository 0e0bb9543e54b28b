"""`exceptions TENANT`: what waits for a person; exit code 1 when anything does."""

from typing import Any

from audit.ledger.waiting import Cause, ExceptionQueue, exceptions
from connector.domain.money import format_amount
from connector.management.base import NEEDS_A_PERSON, TenantCommand
from connector.sync import clock
from connector.sync.bills import under_way


class Command(TenantCommand):
    help = "List what waits for a person: what to fix, how many bills and how much money wait."

    def run(self, options: dict[str, Any]) -> None:
        """Print the queue, the biggest cause first."""
        queue = exceptions(self.tenant.pk)
        code = NEEDS_A_PERSON if queue.count else 0
        parts = [_table(queue), under_way.notice(self.tenant), clock.notice()]
        text = "\n\n".join(filter(None, parts))
        self.emit(queue.as_json(format_amount), lambda: text, code=code)


def _table(queue: ExceptionQueue) -> str:
    if not queue.count:
        return "Nothing waits for a person."
    lines = [f"{queue.count} {_bills(queue.count)} for a person. What to fix:", ""]
    for cause in queue.causes:
        lines += [_cause(cause), f"    {cause.next_step}"]
    lines += ["", "The bills, oldest first:", ""]
    for item in queue.items:
        amount = "?" if item.amount is None else format_amount(item.amount, item.currency)
        name = f"{item.vendor_name or '?'}, {item.invoice_num or 'no number'}"
        money = f"{amount:>14} {item.currency:<3}"
        lines.append(f"{item.bill:<36}  {item.reason:<19}  {money}  {name}")
    return "\n".join(lines)


def _cause(cause: Cause) -> str:
    parts = [f"{format_amount(a, c)} {c}" for c, a in sorted(cause.sums.items())]
    if cause.unreadable:
        parts.append(f"{cause.unreadable} amount{'s' * (cause.unreadable > 1)} unreadable")
    sums = ", ".join(parts)
    subject = " ".join(part for part in (cause.subject, cause.company) if part)
    return f"{cause.reason:<19}  {subject:<40}  {cause.bills:>5}  {sums}"


def _bills(count: int) -> str:
    return "bill waits" if count == 1 else "bills wait"
