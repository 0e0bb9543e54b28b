"""Looks before it writes: what Epicor already has of a slice of bills, and what follows from it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from audit import attempts
from audit.failures import Hold, Reason
from connector.epicor.dataset import Row, SavedInvoice
from connector.epicor.invoices import find, stamp_of
from connector.sync.context import Cycle
from connector.sync.prepare import Prepared

Key = tuple[str, int, str]


@dataclass(slots=True)
class Found:
    """What Epicor has, by our stamp and by natural key."""

    by_stamp: dict[str, list[tuple[str, SavedInvoice]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    by_key: dict[Key, SavedInvoice] = field(default_factory=dict)
    sent: dict[str, set[Key]] = field(default_factory=dict)  # every key ever sent, by bill


def look_up(cycle: Cycle, jobs: Sequence[Prepared]) -> Found:
    """Every key ever sent for these bills, the key about to be sent, and the stamp in every
    routed company: one request per company for a whole slice. Raises AccessError, TransientError.
    """
    bill_ids = [job.posting.bill_id for job in jobs]
    sent = attempts.keys_of(cycle.tenant.pk, bill_ids)
    keys: dict[str, set[tuple[int, str]]] = {company: set() for company in cycle.companies}
    for job in jobs:
        for company, vendor_num, number in {job.draft.key, *sent[job.posting.bill_id]}:
            keys.setdefault(company, set()).add((vendor_num, number))
    found = Found(sent=sent)
    column = cycle.habits.stamp_column
    for company, wanted in keys.items():
        for invoice in find(
            cycle.epicor, company, keys=wanted, stamps=bill_ids, stamp_column=column
        ):
            header = invoice.header or {}
            found.by_key[_key(company, header)] = invoice
            if stamp := stamp_of(header, column):
                found.by_stamp[stamp].append((company, invoice))
    return found


def judge(cycle: Cycle, job: Prepared, found: Found) -> SavedInvoice | Hold | None:
    """What to do with one bill: its own invoice to complete, a reason to stop, or None = enter."""
    column = cycle.habits.stamp_column
    mine = found.by_stamp.get(job.posting.bill_id, [])
    if len(mine) > 1:
        names = ", ".join(_name(company, invoice) for company, invoice in mine)
        return Hold(
            Reason.DUPLICATE_SUSPECTED,
            f"Epicor has more than one invoice stamped with this bill: {names}. Nothing more was "
            "entered. Delete the wrong one in Epicor, then replay.",
        )
    if mine:
        company, invoice = mine[0]
        if _key(company, invoice.header or {}) == _normal(job.draft.key):
            return invoice
        return Hold(
            Reason.CHANGED,
            f"The bill was entered as {_name(company, invoice)} and now has another company, "
            "vendor or number. Nothing more was entered. Remove that invoice in Epicor first, "
            "then replay.",
        )
    for key in found.sent.get(job.posting.bill_id, ()):
        if _normal(key) != _normal(job.draft.key) and _normal(key) in found.by_key:
            return Hold(
                Reason.CHANGED,
                f"We sent this bill before as {_name(key[0], found.by_key[_normal(key)])}, "
                "which is in Epicor without our stamp. Nothing more was entered. If it is this "
                "bill, remove it there first or dismiss this one; then replay.",
            )
    twin = found.by_key.get(_normal(job.draft.key))
    if twin is None:
        return None
    header = twin.header or {}
    whose = "another bill of ours" if stamp_of(header, column) else "somebody by hand"
    return Hold(
        Reason.DUPLICATE_SUSPECTED,
        f"Epicor already has {_name(job.draft.company, twin)}, entered by {whose} "
        f"({header.get('EntryPerson') or 'unknown'}, group {header.get('GroupID') or '-'}), over "
        f"{header.get('DocInvoiceVendorAmt')} {header.get('CurrencyCode')}. Nothing was entered. "
        "Compare the two: if it is the same bill, dismiss this one; if not, correct the number.",
    )


def twins_in_slice(jobs: Sequence[Prepared]) -> dict[int, Hold]:
    """Bills of one slice that share a key: the first goes, the others wait (by posting id)."""
    first: dict[Key, Prepared] = {}
    held: dict[int, Hold] = {}
    for job in jobs:
        earlier = first.setdefault(_normal(job.draft.key), job)
        if earlier is not job:
            held[job.posting.pk] = Hold(
                Reason.DUPLICATE_SUSPECTED,
                f"Bill {earlier.posting.bill_id} of the same vendor has the same number "
                f"{job.draft.invoice_num!r}. This one was not entered. If it is the same bill, "
                "dismiss it; if not, give it its own number in Ramp, then replay.",
            )
    return held


def _key(company: str, header: Row) -> Key:
    return _normal((company, int(header.get("VendorNum") or 0), str(header.get("InvoiceNum"))))


def _normal(key: Key) -> Key:
    company, vendor_num, number = key
    return (company, vendor_num, number.strip().casefold())


def _name(company: str, invoice: SavedInvoice) -> str:
    header = invoice.header or {}
    vendor = header.get("VendorNumVendorID") or header.get("VendorNum")
    return f"{company} vendor {vendor} invoice {header.get('InvoiceNum')}"


__all__ = ["Found", "judge", "look_up", "twins_in_slice"]
