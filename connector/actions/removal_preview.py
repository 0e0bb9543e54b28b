"""What removing an entered invoice would delete in Epicor, or why it cannot be removed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from django.utils import timezone

from audit.ledger.allowed import Action, why_not
from audit.ledger.models import Posting
from audit.writes import attempts
from connector.domain.invoice_key import Key
from connector.domain.money import format_amount
from connector.epicor.ap_invoice.rows import SavedInvoice
from connector.epicor.find_invoices import stamp_of
from connector.ramp.errors import NotFoundError
from connector.sync.bills.decide import revision
from connector.sync.bills.find_invoices import entered_key, look_up, name_of
from connector.sync.bills.invoice_groups import taken
from connector.sync.bills.ramp_status import SYNCED, stopped, stops
from connector.sync.context import Cycle, open_cycle
from connector.tenants.models import Tenant

_State = Posting.State
Found = Sequence[tuple[str, SavedInvoice]]


@dataclass(frozen=True, slots=True)
class LiveInvoice:
    """An invoice as it is in Epicor now; `total` in major units of Epicor's `currency` code.

    `changed` says that somebody saved it after we did: `changed_by`, on `changed_on`; `typed`
    that a person entered it, and not we.
    """

    company: str
    vendor_num: int
    invoice_num: str
    total: Decimal
    currency: str
    group: str
    vendor_id: str
    entered_by: str
    typed: bool
    changed: bool
    changed_by: str
    changed_on: str
    revision: int  # the highest SysRevID of its rows

    @property
    def key(self) -> Key:
        """The natural key in Epicor."""
        return (self.company, self.vendor_num, self.invoice_num)

    def as_json(self) -> dict[str, Any]:
        """What the command prints; the amount as text."""
        names = ("company", "vendor_num", "invoice_num", "currency", "group")
        shown = {name: value for name, value in asdict(self).items() if name in names}
        return {**shown, "total": format_amount(self.total, self.currency)}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person was shown before they said "remove": this invoice as it was, or none at all."""

    key: Key | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class RemovalPreview:
    """What a removal would delete (`invoice`, None = nothing is there any more), or why it cannot.

    `refusal` is a sentence for people, "" when nothing stands in the way; `synced` says that Ramp
    has the bill as entered; `again` that it was removed before, and is only entered anew.
    """

    posting: Posting
    invoice: LiveInvoice | None
    refusal: str = ""
    synced: bool = False
    again: bool = False

    @property
    def shown(self) -> Shown:
        """What a person who looks at this preview sees of Epicor."""
        invoice = self.invoice
        return Shown() if invoice is None else Shown(invoice.key, invoice.revision)


def preview_removal(
    tenant: Tenant, posting: Posting, *, enter_again: bool = False
) -> RemovalPreview:
    """What `remove` would do now. Writes nothing. Raises AccessError, TransientError, HeldError."""
    cycle = open_cycle(tenant, dry_run=True)
    try:
        return preview_for(cycle, posting, bill_now(cycle, posting), enter_again=enter_again)
    finally:
        cycle.close()


def preview_for(
    cycle: Cycle, posting: Posting, payload: Mapping[str, Any], *, enter_again: bool
) -> RemovalPreview:
    """The preview, with the bill as Ramp has it. Raises AccessError, TransientError."""
    if posting.state == _State.REMOVED and enter_again:
        stop = stops(cycle.tenant.pk, [posting], {posting.bill_id: payload}).get(posting.bill_id)
        refusal = f"{stop.message} Nothing was changed." if stop is not None else ""
        return RemovalPreview(posting, None, refusal, again=True)
    refusal = wrong_state(posting) if not posting.in_epicor else _unanswered(posting)
    stop = stopped(payload, ours=True) if enter_again else None
    if not refusal and stop is not None:
        refusal = f"{stop.message} So it cannot be entered again; nothing was removed."
    if refusal:
        return RemovalPreview(posting, None, refusal)
    synced = str(payload.get("sync_status")) in SYNCED
    found = live_invoices(cycle, posting)
    if not found:
        return RemovalPreview(posting, None, synced=synced)
    company, saved = found[0]
    invoice = _live(posting, company, saved)
    refusal = _not_ours(posting, found, cycle.profile.stamp_column) or _locked(cycle, invoice)
    return RemovalPreview(posting, invoice, refusal, synced=synced)


def bill_now(cycle: Cycle, posting: Posting) -> dict[str, Any]:
    """The bill as it is in Ramp now; one that is gone there counts as archived."""
    try:
        return cycle.ramp.bill(posting.bill_id)
    except NotFoundError:
        return {"id": posting.bill_id, "archived_at": "unknown"}


def live_invoices(cycle: Cycle, posting: Posting) -> Found:
    """The invoices with the posting's key or its stamp: one request per company."""
    key = entered_key(posting)
    return look_up(cycle, [posting.bill_id], [key]).places(posting)


def _live(posting: Posting, company: str, saved: SavedInvoice) -> LiveInvoice:
    header = saved.header or {}
    return LiveInvoice(
        company=company,
        vendor_num=int(header.get("VendorNum") or 0),
        invoice_num=str(header.get("InvoiceNum") or ""),
        total=Decimal(str(header.get("DocInvoiceVendorAmt") or 0)),
        currency=str(header.get("CurrencyCode") or ""),
        group=saved.group_id,
        vendor_id=str(header.get("VendorNumVendorID") or ""),
        entered_by=str(header.get("EntryPerson") or ""),
        typed=posting.adopted,
        changed=revision(saved) != posting.sys_rev_id,
        changed_by=str(header.get("ChangedBy") or ""),
        changed_on=str(header.get("ChangeDate") or "")[:10],
        revision=revision(saved),
    )


def _not_ours(posting: Posting, found: Found, stamp_column: str) -> str:
    """Why this is nothing that we may delete."""
    if len(found) > 1:
        names = ", ".join(name_of(company, invoice) for company, invoice in found)
        return (
            f"Epicor has more than one invoice that may be this bill: {names}. Nothing was "
            "removed. Delete the wrong one in Epicor, then try again."
        )
    _, saved = found[0]
    header, name = saved.header or {}, name_of(*found[0])
    stamp = stamp_of(header, stamp_column, [posting.bill_id])
    if stamp not in ("", posting.bill_id):
        return (
            f"{name} carries the stamp of another bill ({stamp}), so it was not removed. Nothing "
            "was changed; compare the two bills."
        )
    if not stamp and not posting.adopted:
        return (
            f"{name} does not carry our stamp (any more), so it was not removed: perhaps a person "
            "typed it. Nothing was changed. If it must go, delete it in Epicor and try again."
        )
    if header.get("Posted"):
        return (
            f"{name} is posted to the ledger in Epicor, so it cannot be removed. Nothing was "
            "changed. Reverse it there (debit memo or correction), or keep it: dismiss with a "
            "reason."
        )
    return ""


def _locked(cycle: Cycle, invoice: LiveInvoice) -> str:
    """Why its group cannot be written into; the lock of whoever entered it is our own."""
    why = taken(cycle, invoice.company, invoice.group, ours=invoice.entered_by)
    return f"{why} Nothing was removed; close the group in Epicor, then try again." if why else ""


def _unanswered(posting: Posting) -> str:
    """A late delete must not hit the invoice that is entered anew: it waits for its deadline."""
    until = attempts.settled_at(posting.tenant_id, posting.bill_id)
    if until is None or until <= timezone.now():
        return ""
    return (
        f"A write for bill {posting.bill_id} has no answer from Epicor yet. Nothing more was "
        f"sent; try again after {until:%H:%M} UTC."
    )


def wrong_state(posting: Posting) -> str:
    """Why a posting that is not entered cannot be removed."""
    return f"Bill {posting.bill_id} {why_not(posting, Action.REMOVE)}. Nothing was changed."
