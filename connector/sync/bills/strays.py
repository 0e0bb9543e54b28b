"""Invoices with our stamp whose bills are not entered by our record: dismissed, removed, waiting.

A write that arrives hours later, or a person's copy. Each is a finding: the bill is shown as what
it is, in Epicor, and a person removes the invoice or keeps it.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from connector.domain.difference import Difference, in_words, stored
from connector.domain.errors import Hold, Reason
from connector.epicor.ap_invoice.rows import SavedInvoice
from connector.epicor.values import day
from connector.sync.bills.decide import Places, likeliest, own_revision
from connector.sync.bills.find_invoices import look_up, name_of
from connector.sync.bills.verify_result import Drift
from connector.sync.context import Cycle

AT_ONCE = 100  # stamps in one request
_State = Posting.State
_NOT_ENTERED = (_State.QUEUED, _State.DISMISSED, _State.REMOVED)
_MESSAGE = (
    "{difference}. Ramp was told nothing of it. Remove it from Epicor (a posted one is taken back "
    "there), or, if it is right, keep it as it is: dismiss with a reason. Its hold before: {before}"
)


def batch_after(tenant_id: int, since: datetime, after: int) -> list[Posting]:
    """The next bills that are not entered and changed since then."""
    rows = Posting.objects.filter(tenant_id=tenant_id, state__in=_NOT_ENTERED, lease_owner="")
    return list(rows.filter(updated_at__gte=since, pk__gt=after).order_by("pk")[:AT_ONCE])


def there_after_all(cycle: Cycle, batch: Sequence[Posting]) -> list[tuple[Posting, Places]]:
    """Which of these are in Epicor all the same, and where. One request a company.

    Raises AccessError, TransientError.
    """
    there = look_up(cycle, [posting.bill_id for posting in batch]).by_stamp
    return [(posting, there[posting.bill_id]) for posting in batch if posting.bill_id in there]


def total_of(saved: SavedInvoice) -> Decimal:
    """What an invoice is over, in major units of its currency."""
    return Decimal(str((saved.header or {}).get("DocInvoiceVendorAmt") or 0))


def shown(posting: Posting, places: Places) -> Drift | None:
    """The finding, and the bill held with it; None when somebody works on it just now.

    What is queued without a hold is left to the next run, which looks it up.
    """
    company, saved = likeliest(posting, places)
    header = saved.header or {}
    names = sorted(name_of(*place) for place in places)
    difference = Difference.of("elsewhere", posting.state, names)
    text = str(in_words(difference, posting.currency))
    key = (company, int(header.get("VendorNum") or 0), str(header.get("InvoiceNum") or ""))
    drift = Drift(
        bill=posting.bill_id,
        company=key[0],
        vendor_num=key[1],
        invoice_num=key[2],
        currency=posting.currency,
        entered=Decimal(0),
        live=sum((total_of(one) for _, one in places), Decimal(0)),
        differences=[difference],
    )
    if posting.state == _State.QUEUED and not posting.hold_reason:
        return drift
    before = posting.hold_message or "none."
    message = _MESSAGE.format(difference=text, before=before)
    try:
        with transaction.atomic():
            lifecycle.mark_found(
                posting,
                company=key[0],
                vendor_num=key[1],
                invoice_num=key[2],
                group_id=saved.group_id,
                sys_rev_id=own_revision(saved),
                apply_on=day(header.get("ApplyDate")),
                body={"message": text, "was": posting.state},
                due=False,
            )
            detail = {"differences": stored([difference])}
            lifecycle.hold(posting, Hold(Reason.MISMATCH, message, detail))
    except lifecycle.LostLeaseError:
        return None
    return drift
