"""Looks before it writes: what Epicor already has of some bills, by every key and by the stamp."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from audit.ledger.models import Posting
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.domain.invoice_key import Key as Key
from connector.epicor.ap_invoice.rows import Row, SavedInvoice
from connector.epicor.client import EpicorClient
from connector.epicor.find_invoices import find, stamp_of
from connector.sync.bills.prepare import Prepared
from connector.sync.context import Cycle


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one company: one request for a whole slice of bills."""

    company: str
    keys: frozenset[tuple[int, str]]
    stamps: frozenset[str]
    stamp_column: str

    def search(self, client: EpicorClient) -> list[SavedInvoice]:
        """HTTP only, so that a lane can do it. Raises AccessError, TransientError."""
        return find(
            client, self.company, keys=self.keys, stamps=self.stamps, stamp_column=self.stamp_column
        )


@dataclass(slots=True)
class Found:
    """What Epicor has, by our stamp and by natural key; `sent`: every key sent for a bill."""

    stamp_column: str
    sent: Mapping[str, Collection[Key]]
    by_stamp: dict[str, list[tuple[str, SavedInvoice]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    by_key: dict[Key, SavedInvoice] = field(default_factory=dict)

    def add(self, company: str, invoices: Sequence[SavedInvoice]) -> None:
        """Take in one company's answer."""
        for invoice in invoices:
            header = invoice.header or {}
            self.by_key[key_of(company, header)] = invoice
            if stamp := stamp_of(header, self.stamp_column, self.sent):
                self.by_stamp[stamp].append((company, invoice))

    def places(self, posting: Posting) -> list[tuple[str, SavedInvoice]]:
        """All that may be the invoice of an entered bill: under its key, and with its stamp."""
        stamped = self.by_stamp.get(posting.bill_id, [])
        named = self.by_key.get(attempts.same(entered_key(posting)))
        if named is None or any(saved is named for _, saved in stamped):
            return list(stamped)
        return [(posting.company, named), *stamped]

    def unstamped(self, key: Key) -> SavedInvoice | None:
        """What is there under a key without any stamp."""
        there = self.by_key.get(attempts.same(key))
        if there is None or stamp_of(there.header or {}, self.stamp_column, self.sent):
            return None
        return there

    def own(self, bill_id: str) -> SavedInvoice | None:
        """The one invoice that carries the bill's stamp, if there is exactly one."""
        mine = self.by_stamp.get(bill_id, [])
        return mine[0][1] if len(mine) == 1 else None


def questions(
    cycle: Cycle,
    jobs: Sequence[Prepared],
    more: Mapping[str, Collection[Key]] | None = None,
    blind: Sequence[Posting] = (),
) -> tuple[list[Question], Found]:
    """What to ask about these bills, and where the answers go.

    Asked for are the key about to be sent, every key ever sent, the key it was entered under,
    the stamp in every routed company, and `more` keys by bill. Of `blind` bills nobody knows what
    would be sent now.
    """
    postings = [*(job.posting for job in jobs), *blind]
    bill_ids = [posting.bill_id for posting in postings]
    sent = attempts.keys_of(cycle.tenant.pk, bill_ids)
    drafted = {job.posting.bill_id: job.draft.key for job in jobs}
    keys: dict[str, set[tuple[int, str]]] = {company: set() for company in cycle.companies}
    for posting in postings:
        bill_id = posting.bill_id
        asked = {*sent[bill_id], *(more or {}).get(bill_id, ())}
        if bill_id in drafted:
            asked.add(drafted[bill_id])
        if posting.in_epicor:
            asked.add(entered_key(posting))
        for company, vendor_num, number in asked:
            keys.setdefault(company, set()).add((vendor_num, number))
    column = cycle.profile.stamp_column
    stamps = frozenset(bill_ids)
    queries = [Question(name, frozenset(wanted), stamps, column) for name, wanted in keys.items()]
    return queries, Found(column, sent)


def look_up(
    cycle: Cycle,
    bill_ids: Collection[str],
    keys: Collection[Key] = (),
    *,
    also: Collection[str] = (),
) -> Found:
    """What is in Epicor with the stamps of these bills, in every routed company and in `also`, and
    under these keys; one request a company. Raises AccessError, TransientError.
    """
    found = Found(cycle.profile.stamp_column, dict.fromkeys(bill_ids, ()))
    everywhere = {*cycle.companies, *also} if bill_ids else set()
    for company in sorted(everywhere | {key[0] for key in keys}):
        wanted = frozenset(
            (vendor_num, number) for name, vendor_num, number in keys if name == company
        )
        question = Question(company, wanted, frozenset(bill_ids), found.stamp_column)
        found.add(company, question.search(cycle.epicor))
    return found


def entered_key(posting: Posting) -> Key:
    """The key under which a bill was entered."""
    return (posting.company, posting.vendor_num or 0, posting.invoice_num)


def key_of(company: str, header: Row) -> Key:
    """The natural key of an invoice, ready to be compared."""
    return attempts.same(
        (company, int(header.get("VendorNum") or 0), str(header.get("InvoiceNum")))
    )


def key_sent(attempt: Attempt) -> Key:
    """The natural key under which a write was sent, ready to be compared."""
    return attempts.same((attempt.company, attempt.vendor_num or 0, attempt.invoice_num))


def name_of(company: str, invoice: SavedInvoice) -> str:
    """How an invoice is called towards people."""
    header = invoice.header or {}
    vendor = header.get("VendorNumVendorID") or header.get("VendorNum")
    return f"{company} vendor {vendor} invoice {header.get('InvoiceNum')}"
