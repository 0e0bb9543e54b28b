"""What must hold after every act, and what must hold when the trouble is over."""

import datetime as dt
import json
from collections import Counter, defaultdict
from typing import Any

from tests.simulation import explanations, record, truth
from tests.simulation.explanations import normal
from tests.simulation.life import OUR_USER, Life, Violation
from tests.simulation.record import IN_EPICOR

Row = dict[str, Any]
NEAR_DAYS = 7
FRESH = dt.timedelta(minutes=15)  # so old may a copy of a bill be in a run that goes on
SEEN_AFTER = dt.timedelta(minutes=5)  # so old may our mirror of Epicor's invoices be


def after_act(life: Life) -> None:
    """Holds at every moment, also with trouble: nothing doubled, forbidden or told too early."""
    invoices = life.invoices()
    _own(life, invoices)
    _late_ones(life)
    _one_each(life, invoices)
    _one_number(life, invoices)
    _ramp_knows_only_what_is(life, invoices)


def _own(life: Life, invoices: list[Row]) -> None:
    """Note which invoice belongs to which bill; a new one must be of a bill that may be entered."""
    for one in invoices:
        head = one["header"]
        if head["EntryPerson"] != OUR_USER or head["SysRowID"] in life.owners:
            continue
        bill_id = head["ExternalID"]
        if bill_id not in life.bills:
            raise Violation("stamped", f"an invoice of ours has the stamp {bill_id!r}: {head}")
        life.owners[head["SysRowID"]] = bill_id
        _may_be(life, bill_id, head["InvoiceNum"])
        _nobodys_twin(life, bill_id, one, invoices)


def _nobodys_twin(life: Life, bill_id: str, new: Row, invoices: list[Row]) -> None:
    """What people typed is noticed before we write, also under another number or spelling."""
    if bill_id in life.different | life.sent_late:
        return
    there = {_key(one) for one in invoices}
    for typed in life.typed:
        key = (typed["company"], typed["vendor_num"], typed["number"].strip().casefold())
        old = life.act_began - typed["at"] > SEEN_AFTER
        if old and key in there and _alike(typed, new):
            raise Violation("twin", f"bill {bill_id} was entered beside what people typed: {typed}")


def _alike(typed: Row, new: Row) -> bool:
    head = new["header"]
    if (typed["company"], typed["vendor_num"]) != (new["company"], head["VendorNum"]):
        return False
    days = abs((typed["day"] - dt.date.fromisoformat(head["InvoiceDate"][:10])).days)
    money = (typed["total"], typed["currency"]) == (
        head["DocInvoiceVendorAmt"],
        head["CurrencyCode"],
    )
    return normal(typed["number"]) == normal(head["InvoiceNum"]) or (money and days <= NEAR_DAYS)


def _late_ones(life: Life) -> None:
    """Requests that take effect later were judged when they were sent."""
    for request in life.box.epicor.waiting():
        body = request.json() if "APInvoiceSvc" in request.path and request.body else {}
        ds = body.get("ds") if isinstance(body, dict) else None
        for head in (ds or {}).get("APInvHed") or ():
            bill_id = head.get("ExternalID")
            if bill_id in life.bills and bill_id not in life.owners.values():
                _may_be(life, bill_id, head.get("InvoiceNum"))
                life.sent_late.add(bill_id)


def _may_be(life: Life, bill_id: str, number: Any) -> None:
    known = life.bills[bill_id]
    lately = life.resumes and life.act_began - known.allowed_at <= FRESH
    if not known.allowed and not lately and bill_id not in life.sent_late:
        raise Violation(
            "allowed", f"bill {bill_id} was entered as {number!r} though it must not be"
        )


def _one_each(life: Life, invoices: list[Row]) -> None:
    """Never two invoices for one bill, however they came about."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for one in invoices:
        head = one["header"]
        bill_id = life.owners.get(head["SysRowID"]) or head["ExternalID"]
        if bill_id:
            found[bill_id].add(f"{one['company']}/{head['VendorNum']}/{head['InvoiceNum']}")
    for bill_id, posting in life.postings().items():
        adopted = json.loads(posting["entered_as"] or "{}").get("adopted")
        if adopted and posting["state"] in IN_EPICOR:
            found[bill_id].add(record.reference_of(posting))
    for bill_id, names in found.items():
        if len(names) > 1:
            raise Violation("doubled", f"bill {bill_id} is in Epicor as {sorted(names)}")


def _one_number(life: Life, invoices: list[Row]) -> None:
    """Never two invoices of ours under one number of a vendor, unless a person told them apart."""
    found: dict[tuple[str, int, str], str] = {}
    for one in invoices:
        head = one["header"]
        bill_id = life.owners.get(head["SysRowID"])
        if bill_id is None or bill_id in life.different:
            continue
        number = (one["company"], head["VendorNum"], normal(head["InvoiceNum"]))
        first = found.setdefault(number, bill_id)
        if first != bill_id:
            raise Violation("number", f"bills {first} and {bill_id} are both entered as {number}")


def _ramp_knows_only_what_is(life: Life, invoices: list[Row]) -> None:
    """What Ramp was told is entered is in our record as entered, and in Epicor."""
    there = {_key(one): one for one in invoices}
    postings = life.postings()
    for bill_id, row in life.box.ramp.state()["bills"].items():
        reference = row["reference_id"]
        if reference is None:
            continue
        posting = postings.get(bill_id)
        if bill_id in life.removed | life.poison:
            continue
        if posting is None or posting["state"] not in IN_EPICOR:
            state = posting and posting["state"]
            raise Violation("told", f"Ramp has {bill_id} as {reference}, our record: {state}")
        company, vendor_num, number = reference.split("/", 2)
        key = (company, int(vendor_num), number.strip().casefold())
        if key not in there and bill_id not in life.deleted | life.kept:
            raise Violation("told", f"Ramp has {bill_id} as {reference}, which Epicor has not")


def at_end(life: Life, *, healed: bool) -> None:
    """Holds when the trouble is over and time has passed; `healed`: a person replayed all, too."""
    after_act(life)
    postings = life.postings()
    found = _by_bill(life)
    for row in life.ramp_bills():
        bill_id = row["id"]
        posting = postings.get(bill_id)
        if posting is None:
            _never_seen(life, bill_id)
            continue
        _settled(life, posting, found.get(bill_id), healed=healed)
    record.one_writer(life)
    record.trail(life, postings)
    record.nothing_open(life, postings)
    record.books_agree(life, postings)


def _by_bill(life: Life) -> dict[str, Row]:
    found = {}
    for one in life.invoices():
        bill_id = life.owners.get(one["header"]["SysRowID"])
        if bill_id:
            found[bill_id] = one
    return found


def _never_seen(life: Life, bill_id: str) -> None:
    if life.verdict(bill_id).ready:
        raise Violation("lost", f"bill {bill_id} is ready in Ramp and has no posting")


def _settled(life: Life, posting: Row, invoice: Row | None, *, healed: bool) -> None:
    """One bill is at an end, or waits with a reason that is true."""
    bill_id, state, hold = posting["bill_id"], posting["state"], posting["hold_reason"]
    if state in ("in_flight", "in_doubt") and not hold:
        raise Violation("lost", f"bill {bill_id} is still {state}, without a hold")
    if hold:
        explanations.explained(life, posting, invoice, healed=healed)
    if state == "queued" and not hold:
        verdict = life.verdict(bill_id)
        if verdict.ready or (verdict.wanted and bill_id in life.again):
            raise Violation("lost", f"bill {bill_id} is queued and nobody does anything about it")
    if state == "entered" and not hold and life.verdict(bill_id).wanted:
        raise Violation("lost", f"bill {bill_id} is entered, and Ramp was never told")
    if state in IN_EPICOR and not hold:
        _exact(life, posting, invoice)
    if invoice is not None and state in ("queued", "dismissed", "removed") and not hold:
        raise Violation("lost", f"bill {bill_id} is in Epicor, and our record says {state}")


def _exact(life: Life, posting: Row, invoice: Row | None) -> None:
    """Entered means: there, and to the cent what the bill says."""
    bill_id = posting["bill_id"]
    adopted = json.loads(posting["entered_as"] or "{}").get("adopted")
    if adopted or bill_id in life.kept:
        return
    if invoice is None:
        if bill_id not in life.deleted:
            raise Violation("lost", f"bill {bill_id} is {posting['state']} but not in Epicor")
        return
    if invoice["header"]["SysRowID"] in life.touched:
        return
    known = life.bills[bill_id]
    wanted = life.verdict(bill_id).invoice
    shown = known.shown if bill_id in life.unseen_edits else [wanted]
    if not any(one is not None and truth.same(invoice, one) for one in shown):
        raise Violation(
            "cents",
            f"bill {bill_id} is in Epicor as {truth.seen(invoice)}, wanted "
            f"{[truth.planned(one) for one in shown if one is not None]}",
        )


def _key(one: Row) -> tuple[str, int, str]:
    head = one["header"]
    return one["company"], head["VendorNum"], head["InvoiceNum"].strip().casefold()


def totals(life: Life) -> Counter[str]:
    """What this world adds to the summary."""
    return Counter({**life.counts, "bills": len(life.bills)})
