"""The deterministic data that both stand-ins load, and the truth about every bill in it.

The same seed and number of bills give the same world. `expected()` says what must become of each
bill; it is known while the bill is drawn and uses no code of the application.
"""

import datetime as dt
import random
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sandbox.world_bills import BillArtist
from sandbox.world_catalog import (
    COMPANIES,
    COST_CENTERS,
    DEFAULT_TERMS,
    DEPARTMENTS,
    DIGITS,
    ENTERABLE,
    EU,
    INACTIVE_NATURAL,
    MISSING_NATURAL,
    NATURALS,
    SPLIT_NATURAL,
    TERMS,
    UNUSABLE_ACCOUNTS,
    US,
    Row,
    mapped_account,
    vendor_num,
)
from sandbox.world_epicor import EpicorTables
from sandbox.world_ramp import RampObjects
from sandbox.world_ramp_bills import BillWriter
from sandbox.world_sketch import MEMOS, Expectation, Sketch, expectation, plan
from sandbox.world_tenant import Config, tenant_file
from sandbox.world_typed import TypedInvoice, office_account

__all__ = ["Config", "Expectation", "World"]


class World:
    """One demo company. Attributes:

    ramp      name -> JSON objects: business, entities, vendors, bills, connections, gl_accounts,
              fields, field_options, accounting_vendors, purchase_orders, transactions
    epicor    company -> table -> rows with Epicor's column names
    config    the made-up logins
    """

    def __init__(self, seed: int = 1, bills: int = 200) -> None:
        self.seed = seed
        self.config = Config()
        self._objects = RampObjects(seed)
        rng = random.Random(f"world {seed}")
        artist = BillArtist(rng)
        writer = BillWriter(self._objects)
        self._expected: dict[str, Expectation] = {}
        drawn: list[Row] = []
        orders: list[Row] = []
        totals: dict[tuple[str, Decimal], list[str]] = {}
        for index, kind in enumerate(plan(rng, bills)):
            sketch = artist.draw(index, kind)
            drawn.append(writer.bill(sketch, rng, MEMOS[index % len(MEMOS)]))
            self._expected[sketch.bill_id] = expectation(sketch)
            totals.setdefault(_total_key(sketch), []).append(sketch.bill_id)
            if sketch.has_po:
                orders.append(writer.purchase_order(sketch))
        self.ramp: dict[str, Any] = {
            **self._objects.masters(),
            "bills": drawn,
            "purchase_orders": orders,
            "transactions": [],
        }
        typed = [_unmistakable(twin, totals) for twin in artist.typed]
        typed += self._office_invoices(rng, totals)
        self.epicor = EpicorTables(seed).build(typed)

    def expected(self) -> dict[str, Expectation]:
        """What must become of each bill, by bill id."""
        return dict(self._expected)

    def mapping_files(self) -> dict[str, list[Row]]:
        """The tenant's mapping files: kind -> rows (ramp_id, ramp_name, epicor_id, epicor_name,
        company; a blank company means all)."""
        vendors = [
            _mapping(self._objects.vendor_id(vendor), vendor.name, vendor.target, vendor.name)
            for vendor in ENTERABLE
            if vendor.link in ("mapped", "override")
        ]
        accounts = [
            _mapping(code, name, mapped_account(US, code), name)
            for code, (name, _) in NATURALS.items()
            if code != SPLIT_NATURAL
        ]
        accounts += [
            _mapping(SPLIT_NATURAL, "Rent", mapped_account(company, SPLIT_NATURAL), "Rent", company)
            for company in COMPANIES
        ]
        accounts += [
            _mapping(code, UNUSABLE_ACCOUNTS[code], mapped_account(US, code), "")
            for code in (INACTIVE_NATURAL, MISSING_NATURAL)
        ]
        centers = [
            _mapping(code, DEPARTMENTS[department], department, DEPARTMENTS[department])
            for code, department in COST_CENTERS.items()
        ]
        return {"vendors": vendors, "gl_accounts": accounts, "cost_centers": centers}

    def tenant_file(self, ramp_url: str, epicor_url: str) -> Row:
        """The tenant file of the demo, for stand-ins at these addresses."""
        return tenant_file(self.config, self._objects.entity_ids, ramp_url, epicor_url)

    def _office_invoices(
        self, rng: random.Random, totals: dict[tuple[str, Decimal], list[str]]
    ) -> list[TypedInvoice]:
        """Invoices that have nothing to do with Ramp; no bill has the same total."""
        made = []
        for company, currency in ((US, "USD"), (EU, "EUR")):
            pool = [vendor for vendor in ENTERABLE if company in vendor.companies]
            for number in range(12):
                vendor = rng.choice(pool)
                invoice = TypedInvoice(
                    company=company,
                    vendor_num=vendor_num(company, vendor.target),
                    vendor_id=vendor.target,
                    invoice_num=f"PAPER-{number:03d}",
                    day=dt.date(2026, 3 + number % 9, 10),
                    currency=currency,
                    total=Decimal(rng.randint(50_000, 900_000)).scaleb(-2),
                    account=office_account(company),
                    terms=vendor.terms if vendor.terms in TERMS else DEFAULT_TERMS,
                    posted=number % 3 != 0,
                )
                made.append(_unmistakable(invoice, totals))
        return made


def _total_key(sketch: Sketch) -> tuple[str, Decimal]:
    return sketch.currency, Decimal(sketch.total_minor).scaleb(-DIGITS[sketch.currency])


def _unmistakable(
    invoice: TypedInvoice, totals: dict[tuple[str, Decimal], list[str]]
) -> TypedInvoice:
    """The invoice with a total that at most its own twin among the bills has.

    Otherwise another bill could rightly be suspected to be the same invoice.
    """
    allowed = 0 if invoice.invoice_num.startswith("PAPER-") else 1
    total = invoice.total
    while len(totals.get((invoice.currency, total), ())) > allowed:
        total += Decimal(1)
        allowed = 0
    return replace(invoice, total=total)


def _mapping(ramp_id: str, ramp_name: str, epicor_id: str, name: str, company: str = "") -> Row:
    return {
        "ramp_id": ramp_id,
        "ramp_name": ramp_name,
        "epicor_id": epicor_id,
        "epicor_name": name,
        "company": company,
    }
