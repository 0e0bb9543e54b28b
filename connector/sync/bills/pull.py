"""Reads what Ramp says is ready, page by page, and opens a posting for each new bill."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.intake import PostingSeed
from audit.ledger.models import Posting
from connector.domain.errors import InvalidBillError, RejectedError
from connector.epicor.ap_invoice.draft import since_start
from connector.ramp.bill_content import content_hash, envelope, strip
from connector.ramp.bills import parse_bill
from connector.sync.bills.follow_changes import follow_up
from connector.sync.bills.ramp_status import is_synced, stopped
from connector.sync.bills.recovery import recover
from connector.sync.context import Cycle
from connector.sync.models import Bill
from connector.sync.narrow import hold_unread, narrow

_Row = dict[str, Any]
_UNREAD = "unread"  # instead of the hash of a bill that has none: whatever is read later differs


def pull_page(cycle: Cycle, start: str = "") -> str:
    """Mirror the page of ready bills after the bill `start`, and open or update their postings.

    Returns the bill to go on after, "" when that was the last page.
    """
    try:
        page, start = cycle.ramp.bill_page(start, sync_ready=True)
    except RejectedError:
        if not start:
            raise
        # The bill we wanted to go on after is no place any more: read again from the first page.
        page, start = cycle.ramp.bill_page("", sync_ready=True)
    cycle.counts.fetched += len(page)
    opened, left_out = take(cycle, page)
    cycle.counts.opened += opened
    cycle.counts.left_out += left_out
    return start


def take(cycle: Cycle, payloads: Sequence[_Row]) -> tuple[int, int]:
    """Mirror these bills; new ones in scope become postings, known ones are followed up.

    Says how many were new, and how many are not ours to enter. A bill that cannot be taken in is
    held (bug), the others are not kept from it.
    """
    rows = [row for row in payloads if row.get("id")]
    taken = narrow(rows, partial(_take, cycle), partial(hold_broken, cycle))
    return sum(opened for opened, _ in taken), sum(left_out for _, left_out in taken)


def _take(cycle: Cycle, rows: Sequence[_Row]) -> tuple[int, int]:
    hashes = {str(row["id"]): content_hash(row) for row in rows}
    known = postings_of(cycle, rows)
    if not cycle.dry_run:
        recover(cycle, rows, known)
        mirror(cycle, rows, hashes)
    else:  # what Ramp has as synced is kept only once it was looked up
        asked = [row for row in rows if str(row["id"]) in known or not is_synced(row)]
        mirror(cycle, asked, hashes)
    new = [row for row in rows if str(row["id"]) not in known and _wanted(cycle, row)]
    seeds = [envelope(row, hashes[str(row["id"])]) for row in new]
    opened = lifecycle.open_many(cycle.tenant.pk, seeds)
    cycle.counts.unchanged += len(known) - see_again(cycle, rows, known, hashes)
    return opened, len(hashes.keys() - known.keys()) - len(seeds)


def hold_broken(cycle: Cycle, row: _Row, error: Exception) -> None:
    """Hold the bill of a row that broke a step, with what can be read of it."""
    bill_id = str(row["id"])[:64]
    bare = PostingSeed(
        bill_id=bill_id,
        seen_hash=_UNREAD,
        entity_id="",
        vendor_ramp_id="",
        vendor_name="",
        invoice_num="",
        amount=None,
        currency="",
        issued_on=None,
        due_on=None,
        apply_on=None,
    )
    whole = narrow([row], lambda _: envelope(row, _UNREAD), lambda *_: None)
    hold_unread(cycle.tenant.pk, whole[0] if whole else bare, error)


def postings_of(cycle: Cycle, rows: Sequence[_Row]) -> dict[str, Posting]:
    """The tenant's postings of these bills, by bill id."""
    ids = [str(row["id"]) for row in rows]
    found = Posting.objects.filter(tenant_id=cycle.tenant.pk, bill_id__in=ids)
    return {posting.bill_id: posting for posting in found}


def see_again(
    cycle: Cycle, rows: Sequence[_Row], known: Mapping[str, Posting], hashes: Mapping[str, str]
) -> int:
    """Bring the postings of known bills up to date, and do what follows; says how many changed.

    Both or none: what follows is decided from what the postings were before.
    """
    seen = [row for row in rows if str(row["id"]) in known]
    changed = [row for row in seen if known[str(row["id"])].seen_hash != hashes[str(row["id"])]]
    seeds = [envelope(row, hashes[str(row["id"])]) for row in changed]
    with transaction.atomic():
        if seeds:
            lifecycle.update_values(cycle.tenant.pk, seeds)
        follow_up(seen, known, hashes, pay_hold=cycle.policy.pay_hold)
    return len(changed)


def mirror(cycle: Cycle, rows: Sequence[_Row], hashes: Mapping[str, str]) -> None:
    """Keep these bills as they are in Ramp now."""
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
            for row in {str(row["id"]): row for row in rows}.values()
        ],
        update_conflicts=True,
        unique_fields=["tenant", "bill_id"],
        update_fields=["payload", "content_hash", "seen_at"],
    )


def _wanted(cycle: Cycle, row: _Row) -> bool:
    """Whether a bill we have not seen is ours to enter; what cannot be read is, to be held."""
    if stopped(row, ours=False) is not None:
        return False
    try:
        return since_start(parse_bill(row), cycle.policy)
    except InvalidBillError:
        return True
