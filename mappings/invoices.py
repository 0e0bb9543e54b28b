"""Mirrors Epicor's recent AP invoices, so that a bill typed by hand is noticed before we write.

The mirror is a hint: it may be minutes old, and what people delete in Epicor stays here until
somebody looks for it. Whoever finds a candidate here must look at it in Epicor.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Q

from audit.canonical_json import text
from audit.ledger.models import IN_EPICOR, Posting
from connector.domain.chunks import chunks
from connector.domain.search_days import moved
from mappings.duplicate_rules import (
    NEAR,
    Candidate,
    Facts,
    IncomingBill,
    Key,
    is_duplicate,
    normalised,
    same_key,
)
from mappings.models import InvoiceWindow, TargetInvoice

BATCH = 1000
_UPDATED = [
    "number_key",
    "invoice_date",
    "currency_code",
    "total",
    "stamp",
    "posted",
    "group_id",
    "entry_person",
    "pay_hold",
    "sys_rev_id",
    "seen_at",
]


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One invoice as Epicor has it; `total` in its own currency, negative for a debit memo."""

    vendor_num: int
    invoice_num: str
    invoice_date: date | None
    currency_code: str
    total: Decimal
    stamp: str = ""
    posted: bool = False
    group_id: str = ""
    entry_person: str = ""
    sys_rev_id: int | None = None
    pay_hold: bool | None = None  # None: not known

    def candidate(self, company: str) -> Candidate:
        """The same as something that a bill can be compared with."""
        facts = Facts(
            company=company,
            vendor_num=self.vendor_num,
            invoice_num=self.invoice_num,
            invoice_date=self.invoice_date,
            currency_code=self.currency_code,
            total=self.total,
        )
        return Candidate(
            facts,
            stamp=self.stamp,
            posted=self.posted,
            group_id=self.group_id,
            entry_person=self.entry_person,
            pay_hold=self.pay_hold,
        )


def store(tenant_id: int, company: str, rows: Iterable[InvoiceRow], *, seen_at: datetime) -> int:
    """Write these invoices over what was known of them; returns how many. Deletes none."""
    by_key = {(row.vendor_num, text(row.invoice_num, 255)): row for row in rows}
    for piece in chunks(by_key.items(), BATCH):
        TargetInvoice.objects.bulk_create(
            [
                TargetInvoice(
                    tenant_id=tenant_id,
                    company=company,
                    vendor_num=vendor_num,
                    invoice_num=number,
                    number_key=normalised(number),
                    invoice_date=row.invoice_date,
                    currency_code=text(row.currency_code, 16),
                    total=row.total,
                    stamp=text(row.stamp, 255),
                    posted=row.posted,
                    group_id=text(row.group_id, 16),
                    entry_person=text(row.entry_person, 75),
                    pay_hold=row.pay_hold,
                    sys_rev_id=row.sys_rev_id,
                    seen_at=seen_at,
                )
                for (vendor_num, number), row in piece
            ],
            update_conflicts=True,
            unique_fields=["tenant", "company", "vendor_num", "invoice_num"],
            update_fields=_UPDATED,
        )
    return len(by_key)


def forget(tenant_id: int, keys: Collection[Key]) -> int:
    """Delete these from the mirror, because Epicor does not have them; returns how many.

    The numbers as the mirror has them.
    """
    wanted = {same_key(key) for key in keys}
    if not wanted:
        return 0
    rows = TargetInvoice.objects.filter(
        tenant_id=tenant_id,
        company__in={company for company, _, _ in keys},
        vendor_num__in={vendor_num for _, vendor_num, _ in keys},
        invoice_num__in={number for _, _, number in keys},
    ).values_list("pk", "company", "vendor_num", "invoice_num")
    doomed = [pk for pk, *key in rows if same_key(key) in wanted]
    for piece in chunks(doomed):
        TargetInvoice.objects.filter(pk__in=piece).delete()
    return len(doomed)


# -- how far it was read ---------------------------------------------------------------------------


def windows(tenant_id: int) -> dict[str, InvoiceWindow]:
    """What was read so far, by company."""
    rows = InvoiceWindow.objects.filter(tenant_id=tenant_id)
    return {row.company: row for row in rows}


def note_window(tenant_id: int, company: str, *, since: date, read_at: datetime) -> None:
    """Remember that every change since that day was read; `read_at` is when the reading began."""
    InvoiceWindow.objects.update_or_create(
        tenant_id=tenant_id, company=company, defaults={"since": since, "read_at": read_at}
    )


# -- which may be the same -------------------------------------------------------------------------


def candidates(tenant_id: int, asked: Sequence[IncomingBill]) -> dict[str, list[Candidate]]:
    """The mirrored invoices that are probably these bills, by bill id; only bills that have some.

    Never one that carries a stamp of ours or that we hold for another bill of this tenant, nor
    one that a person called different. Three queries, however many bills.
    """
    by_vendor: dict[tuple[str, int], list[IncomingBill]] = defaultdict(list)
    for one in asked:
        by_vendor[one.facts.company, one.facts.vendor_num].append(one)
    found: dict[str, dict[Candidate, None]] = defaultdict(dict)
    for row in _similar(tenant_id, asked):
        candidate = _candidate(row)
        for one in by_vendor[row.company, row.vendor_num]:
            if candidate.key not in one.cleared and is_duplicate(one.facts, candidate.facts):
                found[one.bill_id][candidate] = None
    theirs = _without_ours(tenant_id, [c for some in found.values() for c in some])
    kept = {
        bill_id: [candidate for candidate in some if candidate in theirs]
        for bill_id, some in found.items()
    }
    return {bill_id: some for bill_id, some in kept.items() if some}


def stamps_of_ours(tenant_id: int, stamps: Collection[str]) -> set[str]:
    """Which of these stamps are bills of this tenant. One query."""
    wanted = set(stamps) - {""}
    if not wanted:
        return set()
    rows = Posting.objects.filter(tenant_id=tenant_id, bill_id__in=wanted)
    return set(rows.values_list("bill_id", flat=True))


def _similar(tenant_id: int, asked: Sequence[IncomingBill]) -> Iterator[TargetInvoice]:
    """Whatever shares vendor and number, or vendor and total, with one of them; and a bit more."""
    rows = TargetInvoice.objects.filter(
        tenant_id=tenant_id,
        company__in={one.facts.company for one in asked},
        vendor_num__in={one.facts.vendor_num for one in asked},
    ).order_by("pk")
    numbers = {one.number_key for one in asked} - {""}
    if numbers:
        yield from rows.filter(number_key__in=numbers)
    days = [one.facts.invoice_date for one in asked if one.facts.invoice_date is not None]
    if days:
        yield from rows.filter(
            total__in={one.facts.total for one in asked},
            invoice_date__range=(moved(min(days), -NEAR), moved(max(days), NEAR)),
        )


def _candidate(row: TargetInvoice) -> Candidate:
    known = {name.name: getattr(row, name.name) for name in fields(InvoiceRow)}
    return InvoiceRow(**known).candidate(row.company)


def _without_ours(tenant_id: int, found: Sequence[Candidate]) -> set[Candidate]:
    """Those that no bill of this tenant has, neither by stamp nor as its invoice."""
    if not found:
        return set()
    held = Q(
        state__in=IN_EPICOR,
        company__in={candidate.company for candidate in found},
        vendor_num__in={candidate.vendor_num for candidate in found},
        invoice_num__in={candidate.invoice_num for candidate in found},
    )
    stamped = Q(bill_id__in={candidate.stamp for candidate in found} - {""})
    rows = Posting.objects.filter(held | stamped, tenant_id=tenant_id)
    stamps, keys = set(), set()
    for bill_id, state, company, vendor_num, number in rows.values_list(
        "bill_id", "state", "company", "vendor_num", "invoice_num"
    ):
        stamps.add(bill_id)
        if state in IN_EPICOR and vendor_num is not None:
            keys.add(same_key((company, vendor_num, number)))
    return {c for c in found if c.stamp not in stamps and c.key not in keys}
