"""What a drawn bill is: its sketch, the plan of which kinds come when, and the truth about it."""

import datetime as dt
import random
from dataclasses import dataclass
from decimal import Decimal

from sandbox.world_catalog import (
    DEFAULT_TERMS,
    DIGITS,
    TERMS_OF,
    Vendor,
    coded_account,
    vendor_num,
)
from sandbox.world_typed import TypedInvoice

FIRST_DAY, LAST_DAY = dt.date(2026, 3, 1), dt.date(2026, 11, 15)
LAST_APPLY = dt.date(2026, 11, 20)
START_DATE = dt.date(2026, 1, 1)

# One block of 200 bills holds every planted case; the rest is plain.
EXCEPTIONS = {
    "vendor_unmapped": 2,
    "vendor_unusable": 2,
    "account_unmapped": 2,
    "account_inactive": 1,
    "account_missing": 1,
    "dimension_unmapped": 2,
    "no_route": 2,
    "invalid_sum": 1,
    "invalid_currency": 1,
    "invalid_zero": 1,
    "invalid_number": 1,
    "period_june": 1,
    "period_february": 1,
    "period_no_accounting_date": 1,
    "review_po": 1,
    "review_card": 1,
    "review_one_time_card": 1,
    "duplicate": 2,
}
IGNORED = {"before_start": 2, "sync_off": 2, "pending": 1, "rejected": 1}
PAIRED = {"pair_a": 2, "pair_b": 2}
SPECIAL = {
    "no_number": 4,
    "padded_number": 3,
    "longest_number": 1,
    "credit": 8,
    "inventory": 6,
    "discount": 8,
    "tax": 20,
    "thirty_lines": 1,
}
BLOCK = 200

MEMOS = (
    "Monthly service",
    "Q3 retainer – Beratung",
    "発注番号 4711",
    "Café & Küche: Möbel",
    "Renewal 'gold' plan",
    'Signs "large" 24"',
    "Ремонт офиса",
    "Hosting 🚀 eu-west",
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must become of one bill.

    `outcome`: entered | exception | one_of | ignored. Of the bills that share a `group` exactly one
    is entered, the others are held as duplicate_suspected. The fields from `company` on are the
    truth about the AP invoice, for outcomes entered and one_of; amounts are in major units of
    `currency`, signed as in Ramp (a credit is negative).
    """

    outcome: str
    reason: str | None = None
    group: str | None = None
    company: str | None = None
    vendor_num: int | None = None
    vendor_id: str | None = None
    invoice_num: str | None = None
    credit: bool = False
    invoice_date: dt.date | None = None
    apply_date: dt.date | None = None
    due_date: dt.date | None = None
    currency: str | None = None
    terms: str | None = None
    total: Decimal | None = None
    lines: tuple[tuple[str, Decimal], ...] = ()
    stamp: str | None = None
    pay_hold: bool = True  # False: it is paid outside Ramp


@dataclass(slots=True)
class Line:
    """One line of a bill, before it is JSON. None as account or cost center: the bill's default."""

    minor: int
    account: str | None
    cost_center: str | None = None
    quantity: int = 0  # more than 0: an inventory line


@dataclass(slots=True)
class Sketch:
    """One bill as the world sees it."""

    index: int
    bill_id: str
    kind: str
    company: str  # "" = the entity without a route
    vendor: Vendor
    currency: str
    issued: dt.date
    apply_on: dt.date | None
    due: dt.date
    number: str | None
    lines: list[Line]
    default_account: str | None = None
    default_cost_center: str | None = None
    total_off_by: int = 0
    approval: str = "APPROVED"
    sync_enabled: bool | None = None
    payment_method: str | None = None
    paid: bool = False
    has_po: bool = False
    group: str | None = None
    outcome: str = "entered"
    reason: str | None = None

    @property
    def total_minor(self) -> int:
        """The bill's total in minor units; for one planted case not the sum of its lines."""
        return sum(line.minor for line in self.lines) + self.total_off_by


def major(minor: int, currency: str) -> Decimal:
    """Minor units as a Decimal with the currency's own digits."""
    return Decimal(minor).scaleb(-DIGITS[currency])


def plan(rng: random.Random, bills: int) -> list[str]:
    """The kind of each bill, shuffled within blocks of 200; the very first one is plain."""
    special = [
        kind
        for group in (EXCEPTIONS, IGNORED, PAIRED, SPECIAL)
        for kind, times in group.items()
        for _ in range(times)
    ]
    kinds: list[str] = []
    while len(kinds) < bills:
        block = special + ["plain"] * (BLOCK - 1 - len(special))
        rng.shuffle(block)
        kinds += ["plain", *block]
    return kinds[:bills]


def typed_twin(sketch: Sketch, number: str) -> TypedInvoice:
    """The invoice a person typed from the same piece of paper."""
    vendor = sketch.vendor
    return TypedInvoice(
        company=sketch.company,
        vendor_num=vendor_num(sketch.company, vendor.target),
        vendor_id=vendor.target,
        invoice_num=number,
        day=sketch.issued,
        currency=sketch.currency,
        total=major(sketch.total_minor, sketch.currency),
        account="6100|01|000",
        terms=vendor.terms or DEFAULT_TERMS,
        posted=sketch.index % 2 == 0,
    )


def expectation(sketch: Sketch) -> Expectation:
    """What must become of the bill, and for one that can be entered the exact AP invoice."""
    if sketch.outcome not in ("entered", "one_of"):
        return Expectation(sketch.outcome, sketch.reason)
    vendor_id = sketch.vendor.target
    lines = tuple(
        (
            coded_account(
                sketch.company,
                line.account or sketch.default_account or "",
                line.cost_center or sketch.default_cost_center,
            ),
            major(line.minor, sketch.currency),
        )
        for line in sorted(sketch.lines, key=lambda line: line.quantity > 0)
    )
    terms = TERMS_OF[vendor_id] or DEFAULT_TERMS
    number = (sketch.number or "").strip()
    return Expectation(
        outcome=sketch.outcome,
        group=sketch.group,
        company=sketch.company,
        vendor_num=vendor_num(sketch.company, vendor_id),
        vendor_id=vendor_id,
        invoice_num=number or f"RAMP-{sketch.bill_id[:8]}",
        credit=sketch.total_minor < 0,
        invoice_date=sketch.issued,
        apply_date=sketch.apply_on or sketch.issued,
        due_date=sketch.due,
        currency=sketch.currency,
        terms=terms,
        total=major(sketch.total_minor, sketch.currency),
        lines=lines,
        stamp=sketch.bill_id,
        pay_hold=sketch.payment_method != "PAID_MANUALLY",
    )
