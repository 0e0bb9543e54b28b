"""Takes back what we entered and do not remember, after an older backup of ours was put back.

Ramp has such bills as synced, and Epicor has their invoices with our stamp; only our own record is
behind. What it does not know, or knows as dismissed or removed, is found here, while the bills are
read; what waits in it is looked up with the others. Nothing is ever written to Epicor for that:
what is found is entered as it is, and compared with the bill to the cent.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from audit.ledger import lifecycle
from audit.ledger.history import confirmed_before
from audit.ledger.models import Posting
from audit.writes.attempts import maybe_late
from connector.domain.errors import Hold
from connector.epicor.ap_invoice.rows import SavedInvoice
from connector.epicor.values import day
from connector.ramp.bill_content import content_hash, envelope, is_gone
from connector.sync.bills.decide import own_revision
from connector.sync.bills.find_invoices import look_up
from connector.sync.bills.ramp_status import SYNCED, Stop, is_synced
from connector.sync.context import Cycle
from connector.sync.models import Bill

LOOKED = "looked_up"  # in a hold's detail: nothing with our stamp is in Epicor
RECOVERED = (
    "It is in Epicor with our stamp and our record did not know it (an older backup was put "
    "back?); it is compared with the bill now."
)
_State = Posting.State
_Row = dict[str, Any]
_NOT_THERE = (
    " It carries a link to our page, so we have entered it once (an older backup was put back?), "
    "but no invoice with its stamp is in Epicor. If somebody typed it there, say which one is "
    "ours; if it was removed, dismiss it."
)


def linked(slug: str, payload: Mapping[str, Any]) -> bool:
    """Whether Ramp has the bill with the link to our page that only we tell it. Pure."""
    link = str(payload.get("deep_link_url") or "")
    return link.endswith(f"/t/{slug}/bills/{payload.get('id')}")


def not_found(slug: str, stop: Stop, payload: Mapping[str, Any]) -> Hold:
    """The hold of a bill that Ramp has as synced and that was looked up without success. Pure."""
    ours = linked(slug, payload)
    message = f"{stop.message}{_NOT_THERE if ours else ''}"
    return Hold(stop.reason, message, {"why": stop.why, LOOKED: True, "linked": ours})


def recover(cycle: Cycle, rows: Sequence[_Row], known: Mapping[str, Posting]) -> None:
    """Find ours among bills that Ramp has as synced; `known`: the postings that they have.

    One request a company, and only where one of them may be ours. Raises AccessError,
    TransientError.
    """
    synced = {str(row["id"]): row for row in rows if is_synced(row)}
    # What is archived waits as such (`follow_up`); the nightly proof looks for its stamp.
    waiting = [
        known[bill_id] for bill_id, row in synced.items() if not is_gone(row) and bill_id in known
    ]
    _look_up_waiting(cycle, waiting)
    ended = [
        known[bill_id]
        for bill_id in synced
        if bill_id in known and known[bill_id].state in (_State.REMOVED, _State.DISMISSED)
    ]
    late = maybe_late(cycle.tenant.pk, [posting.bill_id for posting in ended])
    ended = [posting for posting in ended if posting.bill_id not in late]
    new = [synced[bill_id] for bill_id in _unseen(cycle, synced.keys() - known.keys())]
    wanted = [*(posting.bill_id for posting in ended), *(str(row["id"]) for row in new)]
    there = look_up(cycle, wanted).by_stamp
    _open(cycle, [r for r in new if str(r["id"]) in there or linked(cycle.tenant.slug, r)])
    for posting in ended:
        if posting.bill_id in there:
            _found(posting, *there[posting.bill_id][0])


def _look_up_waiting(cycle: Cycle, some: Sequence[Posting]) -> None:
    """What waits for a person for another reason is tried again once: the look-up comes first."""
    held = [p for p in some if p.state == _State.QUEUED and p.hold_reason and not p.lease_owner]
    held = [posting for posting in held if not posting.hold_detail.get(LOOKED)]
    confirmed = confirmed_before(cycle.tenant.pk, [posting.bill_id for posting in held])
    lifecycle.requeue_changed([posting for posting in held if posting.bill_id not in confirmed])


def _unseen(cycle: Cycle, bill_ids: Collection[str]) -> list[str]:
    """Those of the bills that were not seen as synced before."""
    rows = Bill.objects.filter(tenant=cycle.tenant, bill_id__in=bill_ids)
    before = rows.filter(payload__sync_status__in=SYNCED).values_list("bill_id", flat=True)
    return sorted(set(bill_ids) - set(before))


def _open(cycle: Cycle, rows: Sequence[_Row]) -> None:
    """They become postings; the run looks them up like all that Ramp has as synced."""
    lifecycle.open_many(cycle.tenant.pk, [envelope(row, content_hash(row)) for row in rows])


def _found(posting: Posting, company: str, saved: SavedInvoice) -> None:
    header = saved.header or {}
    try:
        lifecycle.mark_found(
            posting,
            company=company,
            vendor_num=int(header.get("VendorNum") or 0),
            invoice_num=str(header.get("InvoiceNum") or ""),
            group_id=saved.group_id,
            sys_rev_id=own_revision(saved),
            apply_on=day(header.get("ApplyDate")),
            body={"message": RECOVERED, "was": posting.state},
        )
    except lifecycle.LostLeaseError:
        return  # somebody had it entered again this moment; that run looks it up
