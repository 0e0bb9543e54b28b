"""Reads what Ramp says is ready, page by page, and opens a posting for each new bill."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from audit import postings
from audit.failures import Hold, InvalidBillError, Reason
from audit.models import Posting
from connector.domain.draft import in_scope
from connector.models import Bill
from connector.ramp.content import content_hash, envelope, strip
from connector.ramp.parse import parse_bill
from connector.sync.context import Cycle

_APPROVED = ("APPROVED", "")


def pull_bills(cycle: Cycle) -> None:
    """Mirror every ready bill and open or update its posting. Holds one page in memory."""
    for page in cycle.ramp.bills(sync_ready=True):
        cycle.counts.fetched += len(page)
        take(cycle, page)


def take(cycle: Cycle, payloads: Sequence[dict[str, Any]]) -> None:
    """Mirror these bills; new ones in scope become postings, changed ones are tried again."""
    tenant_id = cycle.tenant.pk
    hashes = {str(row["id"]): content_hash(row) for row in payloads if row.get("id")}
    known = {
        row.bill_id: row for row in Posting.objects.filter(tenant_id=tenant_id, bill_id__in=hashes)
    }
    _mirror(cycle, payloads, hashes)
    new = [row for row in payloads if str(row.get("id")) not in known and _wanted(cycle, row)]
    postings.open_many(tenant_id, [envelope(row) for row in new])
    changed = [
        row
        for row in payloads
        if (posting := known.get(str(row.get("id")))) is not None
        and posting.seen_hash != hashes[posting.bill_id]
    ]
    cycle.counts.unchanged += len(known) - len(changed)
    if changed:
        _changed(cycle, changed, [known[str(row["id"])] for row in changed], hashes)


def _mirror(cycle: Cycle, payloads: Sequence[dict[str, Any]], hashes: dict[str, str]) -> None:
    now = timezone.now()
    Bill.objects.bulk_create(
        [
            Bill(
                tenant=cycle.tenant,
                bill_id=str(row["id"]),
                payload=strip(row),
                content_hash=hashes[str(row["id"])],
                seen_at=now,
            )
            for row in payloads
            if row.get("id")
        ],
        update_conflicts=True,
        unique_fields=["tenant", "bill_id"],
        update_fields=["payload", "content_hash", "seen_at"],
    )


def _wanted(cycle: Cycle, row: dict[str, Any]) -> bool:
    """Whether a bill we have not seen is ours to enter; what cannot be read is, to be held."""
    if not row.get("id") or str(row.get("sync_status") or "") not in ("NOT_SYNCED", ""):
        return False
    if str(row.get("approval_status") or "") not in _APPROVED:
        return False
    try:
        return in_scope(parse_bill(row), cycle.policy)
    except InvalidBillError:
        return row.get("enable_accounting_sync") is not False and not row.get("archived_at")


def _changed(
    cycle: Cycle,
    payloads: Sequence[dict[str, Any]],
    known: Sequence[Posting],
    hashes: dict[str, str],
) -> None:
    postings.update_values(cycle.tenant.pk, [envelope(row) for row in payloads])
    postings.requeue_changed([p for p in known if p.state == Posting.State.QUEUED])
    entered = [
        p
        for p in known
        if p.state in (Posting.State.ENTERED, Posting.State.CONFIRMED)
        and p.entered_hash != hashes[p.bill_id]
    ]
    message = (
        "The bill was changed in Ramp after it was entered in Epicor. Nothing was changed there. "
        "Compare both and correct the invoice in Epicor, or the bill in Ramp."
    )
    postings.hold_many([(p, Hold(Reason.CHANGED, message)) for p in entered])
