"""What an auditor knows of a bill: the invoice it must become, or every reason why it must not.

Worked out from Ramp's bill and the demo company's own tables, with none of the application's code.
"""

import datetime as dt
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.world import Expectation, World
from sandbox.world_catalog import (
    COST_CENTERS,
    DEFAULT_TERMS,
    DIGITS,
    IN_RAMP,
    INACTIVE,
    NATURALS,
    TERMS_OF,
    UNUSABLE_ACCOUNTS,
    Row,
    mapped_account,
    period_closed,
    vendor_num,
)
from sandbox.world_sketch import START_DATE
from tests.journeys.truth import planned, seen

_VENDORS = {vendor.name: vendor for vendor in IN_RAMP}
_CARDS = ("CARD", "ONE_TIME_CARD", "ONE_TIME_CARD_DELIVERY")


@dataclass(slots=True)
class Books:
    """What people have changed since the world began, as far as it decides about a bill."""

    world: World
    vendors: dict[str, str] = field(default_factory=dict)  # Ramp's vendor id → VendorID
    accounts: dict[str, str] = field(default_factory=dict)  # Ramp's account → whole account
    centers: dict[str, str] = field(default_factory=dict)  # Ramp's cost center → segment value
    periods: dict[tuple[str, int, int], bool] = field(default_factory=dict)  # → closed
    inactive: dict[tuple[str, str], bool] = field(default_factory=dict)  # company, VendorID
    given: dict[str, tuple[str, str]] = field(default_factory=dict)  # bill → number, replaced one

    def company_of(self, bill: Row) -> str:
        """The Epicor company that the bill's entity is routed to, "" for none."""
        ids = self.world._objects.entity_ids
        return next((company for company, row in ids.items() if row == bill["entity_id"]), "")

    def closed(self, company: str, day: dt.date) -> bool:
        """Whether the period around a day is closed just now."""
        known = self.periods.get((company, day.year, day.month))
        return period_closed(company, day) if known is None else known


@dataclass(frozen=True, slots=True)
class Verdict:
    """What must become of a bill as it is now: an invoice, unless there are reasons against it.

    `wanted` says whether Ramp wants it in the ledger, `ready` whether it also offers it still.
    """

    invoice: Expectation | None
    reasons: frozenset[str]
    wanted: bool
    ready: bool

    @property
    def enterable(self) -> bool:
        return self.ready and not self.reasons


def judge(bill: Row, books: Books) -> Verdict:
    """The verdict about one bill as the Ramp stand-in holds it."""
    reasons: set[str] = set()
    company = books.company_of(bill)
    vendor_id = _vendor(bill, company, books, reasons)
    lines = _lines(bill, company, books, reasons)
    currency = bill["amount"]["currency_code"]
    total = _major(bill["amount"])
    number = (bill.get("invoice_number") or "").strip() or f"RAMP-{bill['id'][:8]}"
    given, replaced = books.given.get(bill["id"], ("", ""))
    if given and number != replaced and number.casefold() != given.casefold():
        reasons.add("invalid_bill")  # Ramp has a third number: a person says which one counts
    number = given or number
    if not company:
        reasons.add("no_route")
    if sum(amount for _, amount in lines) != total or not total or len(number) > 50:
        reasons.add("invalid_bill")
    if currency == "XXQ":
        reasons.add("invalid_bill")
    if bill.get("purchase_order_ids") or (bill["payment"] or {}).get("payment_method") in _CARDS:
        reasons.add("needs_review")
    issued = _day(bill["issued_at"])
    apply_on = _day(bill["accounting_date"]) if bill.get("accounting_date") else issued
    if company and books.closed(company, apply_on):
        reasons.add("period_closed")
    wanted = _wanted(bill, issued)
    ready = wanted and bill["sync_status"] == "NOT_SYNCED"
    if vendor_id is None or not company:
        return Verdict(None, frozenset(reasons), wanted, ready)
    return Verdict(
        Expectation(
            outcome="entered",
            company=company,
            vendor_num=vendor_num(company, vendor_id),
            vendor_id=vendor_id,
            invoice_num=number,
            credit=total < 0,
            invoice_date=issued,
            apply_date=apply_on,
            due_date=_day(bill["due_at"]),
            currency=currency,
            terms=TERMS_OF[vendor_id] or DEFAULT_TERMS,
            total=total,
            lines=tuple(lines),
            stamp=bill["id"],
            pay_hold=(bill["payment"] or {}).get("payment_method") != "PAID_MANUALLY",
        ),
        frozenset(reasons),
        wanted,
        ready,
    )


def same(invoice: dict[str, Any], wanted: Expectation) -> bool:
    """Whether Epicor's invoice is, to the cent, the wanted one."""
    try:
        return seen(invoice) == planned(wanted)
    except KeyError:
        return False  # a line has no distribution yet


def like(one: Expectation, two: Expectation) -> bool:
    """Whether two truths are the same invoice (which kind of bill it was does not matter)."""
    plain = {"outcome": "", "reason": None, "group": None}
    return replace(one, **plain) == replace(two, **plain)


def _wanted(bill: Row, issued: dt.date) -> bool:
    return (
        bill["approval_status"] == "APPROVED"
        and bill["archived_at"] is None
        and bill.get("enable_accounting_sync") is not False
        and max(issued, _day_of_creation(bill)) >= START_DATE
    )


def _day_of_creation(bill: Row) -> dt.date:
    """A moment has its day in the zone of the tenant (sandbox/world_tenant.py)."""
    moment = dt.datetime.fromisoformat(bill["created_at"])
    return moment.astimezone(ZoneInfo("America/New_York")).date()


def _vendor(bill: Row, company: str, books: Books, reasons: set[str]) -> str | None:
    vendor = _VENDORS[bill["vendor"]["name"]]
    target = books.vendors.get(bill["vendor"]["id"]) or vendor.target
    if vendor.link == "unmapped" and not books.vendors.get(bill["vendor"]["id"]):
        reasons.add("vendor_unmapped")
        return None
    if books.inactive.get((company, target), target == INACTIVE.vendor_id):
        reasons.add("vendor_unusable")
    try:
        vendor_num(company, target)
    except KeyError:
        reasons.add("vendor_unusable")
        return None
    return target


def _lines(bill: Row, company: str, books: Books, reasons: set[str]) -> list[tuple[str, Decimal]]:
    found = []
    defaults = _chosen(bill)
    for line in (*bill["line_items"], *(bill.get("inventory_line_items") or ())):
        chosen = {**defaults, **_chosen(line)}
        account = _account(chosen.get("account"), company, books, reasons)
        center = chosen.get("center")
        if center is not None and center not in COST_CENTERS and center not in books.centers:
            reasons.add("dimension_unmapped")
        department = books.centers.get(center or "") or COST_CENTERS.get(center or "", "000")
        natural, division, _ = account.split("|")
        found.append((f"{natural}|{division}|{department}", _major(line["amount"])))
    return found


def _account(name: str | None, company: str, books: Books, reasons: set[str]) -> str:
    if name in books.accounts:
        return books.accounts[name]
    if name in UNUSABLE_ACCOUNTS:
        reasons.add("account_unusable")
    elif name is None or (name not in NATURALS and "|" not in name):
        reasons.add("account_unmapped")
    return mapped_account(company, name or "0000")


def _chosen(owner: Row) -> dict[str, str]:
    return {
        "account" if row["category_info"]["type"] == "GL_ACCOUNT" else "center": row["external_id"]
        for row in owner["accounting_field_selections"]
    }


def _major(amount: Row) -> Decimal:
    return Decimal(amount["amount"]).scaleb(-DIGITS[amount["currency_code"]])


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text[:10])
