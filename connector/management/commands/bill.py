"""`bill TENANT BILL_ID`: one bill, whole: where it is, what was tried and what happened to it."""

from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.domain.money import format_amount
from connector.management.base import NEEDS_A_PERSON, CommandProblem, TenantCommand
from connector.tenants.models import Tenant


class Command(TenantCommand):
    help = "Show one bill: its state, its hold, every attempt to enter it and its history."

    def add_arguments(self, parser: CommandParser) -> None:
        """TENANT BILL_ID."""
        super().add_arguments(parser)
        parser.add_argument("bill_id", metavar="BILL_ID", help="the bill's id in Ramp")

    def run(self, options: dict[str, Any]) -> None:
        """Print the bill; exit code 1 when it waits for a person."""
        posting = find_posting(self.tenant, options["bill_id"])
        document = _document(posting)
        code = NEEDS_A_PERSON if posting.hold_reason else 0
        self.emit(document, lambda: _table(document), code=code)


def find_posting(tenant: Tenant, bill_id: str) -> Posting:
    """Our record of this bill. Raises CommandProblem, naming the bill, when there is none."""
    posting = Posting.objects.filter(tenant=tenant, bill_id=bill_id).first()
    if posting is None:
        raise CommandProblem(
            f"{tenant.name} has no bill {bill_id!r}. Nothing was changed. Check the id (it is the "
            f"one in the bill's address in Ramp), or run: python manage.py sync {tenant.slug}"
        )
    return posting


def _document(posting: Posting) -> dict[str, Any]:
    ours = {"tenant_id": posting.tenant_id, "subject_id": posting.bill_id}
    attempts = Attempt.objects.filter(**ours, subject_kind="posting").order_by("id")
    events = AuditEntry.objects.filter(**ours, subject_kind="posting").order_by("at", "id")
    amount = posting.amount
    return {
        "bill": posting.bill_id,
        "state": posting.state,
        "hold": _hold(posting),
        "company": posting.company,
        "vendor_num": posting.vendor_num,
        "invoice_num": posting.invoice_num,
        "group": posting.group_id,
        "amount": None if amount is None else format_amount(amount, posting.currency),
        "currency": posting.currency,
        "attempts": [_attempt(attempt) for attempt in attempts],
        "events": [_event(event) for event in events],
    }


def _hold(posting: Posting) -> dict[str, Any] | None:
    if not posting.hold_reason:
        return None
    return {
        "reason": posting.hold_reason,
        "message": posting.hold_message,
        "opened_at": posting.hold_opened_at,
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    names = ("action", "outcome", "resolved", "message", "started_at", "finished_at")
    key = ("company", "vendor_num", "invoice_num")
    content = ("request", "answer", "coding")
    return {name: getattr(attempt, name) for name in (*names, *key, *content)}


def _event(event: AuditEntry) -> dict[str, Any]:
    return {name: getattr(event, name) for name in ("at", "action", "actor", "body", "changes")}


def _table(document: dict[str, Any]) -> str:
    names = ("bill", "state", "company", "vendor_num", "invoice_num", "group")
    rows = [(name, document[name]) for name in names]
    rows.append(("amount", f"{document['amount'] or '?'} {document['currency']}"))
    lines = [f"{name.replace('_', ' '):<12} {'-' if v in ('', None) else v}" for name, v in rows]
    if hold := document["hold"]:
        lines += [f"{'waits for':<12} {hold['reason']}: {hold['message']}"]
    zone = timezone.get_current_timezone_name()
    lines += ["", f"Attempts (times in {zone}):"] if document["attempts"] else []
    for attempt in document["attempts"]:
        text = f"{attempt['action']} {attempt['outcome']} {attempt['message']}"
        lines.append(f"  {_at(attempt['started_at'])}  {text}".rstrip())
    lines += ["", f"History (times in {zone}):"]
    for event in document["events"]:
        did = f"{event['action']} by {event['actor']}{_entry_text(event['body'])}"
        lines.append(f"  {_at(event['at'])}  {did}")
    return "\n".join(lines)


def _at(moment: datetime) -> str:
    """A moment in the tenant's time zone, which is named once at the head of each list."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"


def _entry_text(body: dict[str, Any]) -> str:
    """What an entry of the trail says besides who did what."""
    texts = [str(body.get(name) or "") for name in ("reason", "message")]
    if body.get("adopted"):
        texts.insert(0, "typed by hand")
    if due := body.get("not_before"):
        texts.append(f"not before {str(due)[:16].replace('T', ' ')} UTC")
    words = "; ".join(filter(None, texts))
    return f": {words}" if words else ""
