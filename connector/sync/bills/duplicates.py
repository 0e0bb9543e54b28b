"""Invoices that people typed by hand: noticed before we write, and shown to a person who decides.

The mirror says which invoices might be a bill (`candidates_for`); they are looked up in Epicor
together with the bill's own keys; only what is really there and still alike holds the bill.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from audit.ledger.duplicates import Other
from audit.ledger.models import Posting
from connector.domain.difference import NOT_THERE, PAY_HOLD, Difference
from connector.domain.errors import Hold, Reason
from connector.domain.money import format_amount, format_money
from connector.epicor.ap_invoice.draft import APInvoiceDraft
from connector.epicor.ap_invoice.rows import TOTALS, Row, SavedInvoice, same_number
from connector.epicor.values import amount, flag, text
from connector.sync import clock
from connector.sync.bills import payment_hold
from connector.sync.bills.prepare import Prepared
from connector.sync.bills.typed_invoices import (
    Span,
    covers,
    invoice_row,
    refresh_invoices,
    spans,
)
from connector.sync.context import Cycle
from mappings import invoices
from mappings.duplicate_rules import Candidate, Facts, IncomingBill, Key, is_duplicate, same_key
from mappings.models import InvoiceWindow

MAX_AGE = timedelta(minutes=5)
_SHOWN = 10

Candidates = Mapping[str, Sequence[Candidate]]
Live = Mapping[Key, SavedInvoice]  # by key as `mappings.duplicate_rules.same_key` writes it


def refresh_mirror(cycle: Cycle, companies: Collection[str]) -> None:
    """Mirror what changed in these companies, unless that was done in this run or just now.

    Raises AccessError, TransientError.
    """
    now = timezone.now()
    known = invoices.windows(cycle.tenant.pk)
    start_date = cycle.posting.start_date
    wanted: list[Span] = []
    for company in sorted(set(companies)):
        window = known.get(company)
        if window is None or not covers(window, start_date) or not _is_young(cycle, window, now):
            wanted += spans(company, window, start_date, now)
    refresh_invoices(
        cycle.epicor,
        cycle.tenant.pk,
        wanted,
        stamp_column=cycle.profile.stamp_column,
        now=now,
        at_once=cycle.lanes,
    )


def _is_young(cycle: Cycle, window: InvoiceWindow, now: datetime) -> bool:
    read_in_the_future = window.read_at > now + clock.DIFFER
    return window.read_at >= min(cycle.started_at, now - MAX_AGE) and not read_in_the_future


def candidates_for(cycle: Cycle, jobs: Sequence[Prepared]) -> dict[str, list[Candidate]]:
    """What the mirror suspects, by bill id; of bills that are not in Epicor and not in doubt.

    Database only, in a constant number of queries. Their keys belong into the look-up.
    """
    asked = [
        IncomingBill(job.posting.bill_id, facts_of(job.draft), _cleared(job.posting))
        for job in jobs
        if not job.posting.in_epicor and job.posting.state != Posting.State.IN_DOUBT
    ]
    return invoices.candidates(cycle.tenant.pk, asked) if asked else {}


def keys_of(candidates: Candidates) -> dict[str, list[Key]]:
    """What to look up in Epicor, by bill id: the numbers as they are written there."""
    return {
        bill_id: [(c.company, c.vendor_num, c.invoice_num) for c in some]
        for bill_id, some in candidates.items()
    }


def still_there(cycle: Cycle, candidates: Candidates, there: Live) -> dict[str, list[Candidate]]:
    """The candidates as they are in Epicor now: those that are gone are forgotten.

    One that meanwhile carries a stamp of ours is not suspected. Database only, at most three
    queries.
    """
    column = cycle.profile.stamp_column
    gone = [
        (c.company, c.vendor_num, c.invoice_num)
        for some in candidates.values()
        for c in some
        if c.key not in there
    ]
    invoices.forget(cycle.tenant.pk, gone)
    fresh = {
        bill_id: [
            live(company, there[company, vendor_num, number], column)
            for company, vendor_num, number in dict.fromkeys(c.key for c in some if c.key in there)
        ]
        for bill_id, some in candidates.items()
    }
    stamps = {c.stamp for some in fresh.values() for c in some}
    ours = invoices.stamps_of_ours(cycle.tenant.pk, stamps)
    return {
        bill_id: [c for c in some if c.stamp not in ours] for bill_id, some in fresh.items() if some
    }


def suspected(
    job: Prepared, there: Sequence[Candidate], others: Sequence[Other] = ()
) -> Hold | None:
    """The hold of a bill that is probably one of these invoices (from `still_there`). Pure.

    `others`: bills of ours with its number.
    """
    facts = facts_of(job.draft)
    alike = [candidate for candidate in there if is_duplicate(facts, candidate.facts)]
    return duplicate_hold(job.draft, alike, others) if alike or others else None


def same_key_hold(
    draft: APInvoiceDraft, saved: SavedInvoice, stamp_column: str, others: Sequence[Other] = ()
) -> Hold:
    """The hold of a bill whose very number the vendor already has in Epicor. Pure."""
    return duplicate_hold(draft, [live(draft.company, saved, stamp_column)], others)


def duplicate_hold(
    draft: APInvoiceDraft, alike: Sequence[Candidate], others: Sequence[Other] = ()
) -> Hold:
    """The hold that shows a person the bill beside what may be the same invoice. Pure.

    `alike`: invoices in Epicor, `others`: bills of ours. `detail` is {"twins": […]}, each as
    `told` writes it, at most ten.
    """
    ours = [_candidate(other) for other in others]
    known = {candidate.key for candidate in ours}
    every = [*ours, *(candidate for candidate in alike if candidate.key not in known)]
    taken = [candidate for candidate in every if candidate.key == facts_of(draft).key]
    shown = [*taken, *(candidate for candidate in every if candidate not in taken)][:_SHOWN]
    names = "; ".join(_sentence(draft, candidate) for candidate in shown)
    credit = next((said for one in shown if (said := _credit(draft, one))), "")
    message = (
        f"{_start(shown, taken)}{names}. The bill is {_described(facts_of(draft))}. {credit}"
        f"Nothing was entered. {_advice(shown, taken)}"
    )
    detail = {"twins": [candidate_json(draft, candidate) for candidate in shown]}
    return Hold(Reason.DUPLICATE_SUSPECTED, message, detail)


def candidate_json(draft: APInvoiceDraft, candidate: Candidate) -> dict[str, Any]:
    """One suspected invoice as JSON, for pages and commands. `same_key`: Epicor would refuse ours.

    `total` is a decimal string with the currency's digits, negative for a debit memo;
    `may_be_paid`: Ramp pays the bill, and Epicor would pay this invoice as well. `bill` is the id
    of our own bill that it is, in `bill_state`, "" for what people typed; `credit_beside`: one of
    the two is a credit and the other is not.
    """
    facts = candidate.facts
    return {
        "company": facts.company,
        "vendor_num": facts.vendor_num,
        "vendor_id": draft.vendor_id if facts.key[:2] == draft.key[:2] else "",
        "invoice_num": facts.invoice_num,
        "invoice_date": facts.invoice_date.isoformat() if facts.invoice_date else None,
        "total": format_amount(facts.total, facts.currency_code),
        "currency": facts.currency_code,
        "entry_person": candidate.entry_person,
        "group_id": candidate.group_id,
        "posted": candidate.posted,
        "stamp": candidate.stamp,
        "same_key": facts.key == facts_of(draft).key,
        "may_be_paid": may_be_paid(draft, candidate),
        "bill": candidate.bill,
        "bill_state": candidate.state,
        "credit_beside": bool(_credit(draft, candidate)),
    }


def live(company: str, saved: SavedInvoice, stamp_column: str) -> Candidate:
    """An invoice as it is in Epicor now, to be compared or told."""
    return invoice_row(saved.header or {}, stamp_column).candidate(company)


def may_be_paid(draft: APInvoiceDraft, candidate: Candidate) -> bool:
    """Whether Epicor would pay the invoice although the tenant's bills are paid by Ramp. Pure."""
    return draft.pay_hold and candidate.pay_hold is False


def lenient(cycle: Cycle, *, any_period: bool = False) -> Cycle:
    """The cycle without the rules about entering alone: what is there already broke none of them.

    `any_period`: also in a period that takes nothing any more.
    """
    closed = "any" if any_period else "next_open"
    policy = replace(cycle.policy, po_bills="expense", card_paid="enter", closed_period=closed)
    return replace(cycle, policy=policy)


def facts_of(draft: APInvoiceDraft) -> Facts:
    """What makes the invoice that we would enter recognisable."""
    return Facts(
        company=draft.company,
        vendor_num=draft.vendor_num,
        invoice_num=draft.invoice_num,
        invoice_date=draft.invoice_date,
        currency_code=draft.currency_code,
        total=draft.total,
    )


def adopted_differences(
    posting: Posting, saved: SavedInvoice, *, held: bool | None = None
) -> list[Difference]:
    """In what an adopted invoice is no longer what a person said is ours. Pure.

    `held`: whether Ramp pays it now, where that is known better than from the record.
    """
    noted = payment_hold.known(posting)
    held = held if held is not None else noted is not None and noted.hold
    if saved.header is None:
        return [NOT_THERE]
    known = posting.entered_as
    header = saved.header
    found = key_differences(header, known["vendor_num"], known["invoice_num"])
    found += money_differences(header, amount(known["total"]), known["currency_code"])
    if held and not flag(header.get("PayHold")):
        found.append(Difference(PAY_HOLD, expected=True, actual=False))
    return found


def key_differences(
    header: Row, vendor_num: int | None, invoice_num: str | None = None
) -> list[Difference]:
    """Whether a saved header is another vendor's or has another number (None: any). Pure."""
    found = []
    # `int`, because a number that cannot be read is this bill's trouble and not Epicor's.
    if int(header.get("VendorNum") or 0) != vendor_num:
        found.append(Difference.of("vendor", vendor_num, header.get("VendorNum")))
    there = header.get("InvoiceNum")
    if invoice_num is not None and not same_number(text(there), invoice_num):
        found.append(Difference.of("number", invoice_num, there))
    return found


def money_differences(header: Row, total: Any, currency_code: str) -> list[Difference]:
    """In what the amounts of a saved header are not these. Pure."""
    found = [
        Difference.of(field, total, amount(header.get(name)))
        for field, name in TOTALS
        if amount(header.get(name)) != total
    ]
    if text(header.get("CurrencyCode")) != currency_code:
        found.append(Difference.of("currency", currency_code, header.get("CurrencyCode")))
    return found


# -- inside ----------------------------------------------------------------------------------------


def _cleared(posting: Posting) -> frozenset[Key]:
    return frozenset(same_key(key) for key in posting.twins_cleared)


def _described(facts: Facts) -> str:
    day = facts.invoice_date.isoformat() if facts.invoice_date else "no date"
    money = format_money(facts.total, facts.currency_code)
    return f"{facts.invoice_num} of {day} for {money}"


def _candidate(other: Other) -> Candidate:
    """A bill of ours, to be told beside what is in Epicor."""
    posting, (company, vendor_num, number) = other.posting, other.key
    facts = Facts(
        company=company,
        vendor_num=vendor_num,
        invoice_num=number,
        invoice_date=posting.issued_on,
        currency_code=posting.currency,
        total=posting.amount or Decimal(0),
    )
    group_id = posting.group_id if posting.in_epicor else ""
    return Candidate(facts, group_id=group_id, bill=posting.bill_id, state=posting.state)


def _start(shown: Sequence[Candidate], taken: Sequence[Candidate]) -> str:
    if all(twin.bill for twin in shown):
        return "Another bill of this vendor has the same number: "
    if taken:
        return "Epicor already has an invoice of this vendor with this number: "
    return "Epicor has an invoice of this vendor that is probably this bill: "


def _sentence(draft: APInvoiceDraft, found: Candidate) -> str:
    if found.bill:
        where = f"{found.company} ({STANDS[found.state]})"
        return f"bill {found.bill}, {_described(found.facts)} in {where}"
    posted = "posted" if found.posted else "not posted"
    unheld = ", no payment hold" if may_be_paid(draft, found) else ""
    stamp = f", stamped {found.stamp}" if found.stamp else ""
    return (
        f"{found.company} {_described(found.facts)}, entered by {found.entry_person or 'unknown'} "
        f"(group {found.group_id or '-'}, {posted}{unheld}{stamp})"
    )


def _credit(draft: APInvoiceDraft, candidate: Candidate) -> str:
    """That the two cannot be one document because one of them is a credit, or ""."""
    if draft.total < 0 < candidate.facts.total:
        return f"The bill is a credit, probably of invoice {candidate.invoice_num}. "
    if candidate.facts.total < 0 < draft.total:
        return f"{candidate.invoice_num} is a credit, probably of this bill. "
    return ""


def _advice(shown: Sequence[Candidate], taken: Sequence[Candidate]) -> str:
    if any(twin.stamp or twin.bill for twin in taken):
        return (
            "The number is another bill's. If both bills are the same, dismiss this one; if "
            "not, give this one another number, here or in Ramp."
        )
    if taken:
        return (
            "Compare the two: if it is the same bill, say that it is ours; if not, give this one "
            "another number, here or in Ramp, because Epicor takes a number of a vendor only once."
        )
    if all(twin.bill for twin in shown):
        return (
            "Compare the two bills, then say that it is the same invoice (this one is dismissed), "
            "or that it is a different one."
        )
    return "Compare the two, then say that it is ours, or that it is different."


# How another bill stands, towards people.
STANDS: Mapping[str, str] = {
    Posting.State.QUEUED: "sent before, to be sent again",
    Posting.State.IN_FLIGHT: "about to be entered",
    Posting.State.IN_DOUBT: "perhaps in Epicor, being looked up",
    Posting.State.ENTERED: "entered",
    Posting.State.CONFIRMED: "entered",
    Posting.State.REMOVED: "taken out of Epicor, with a write that has no answer yet",
    Posting.State.DISMISSED: "dismissed, with a write that has no answer yet",
}
