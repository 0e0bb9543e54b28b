"""Bills and purchase orders as Ramp's JSON, from the world's sketches.

Optional fields are left out or null here and there, as the real API does.
"""

import datetime as dt
import random
from typing import Any

from sandbox.world_catalog import DIGITS, IN_RAMP, Row, Vendor
from sandbox.world_ramp import SET_UP_AT, RampObjects, linked
from sandbox.world_sketch import Line, Sketch

CARD_METHODS = ("CARD", "ONE_TIME_CARD")


class BillWriter:
    """Writes bills that refer to the objects of one world."""

    def __init__(self, objects: RampObjects) -> None:
        self._objects = objects
        self.id = objects.id
        self._vendor_blocks = {vendor.name: self._bill_vendor(vendor) for vendor in IN_RAMP}
        self._owner = {"id": self.id("user", "owner"), "first_name": "Ada", "last_name": "Byron"}

    def _bill_vendor(self, vendor: Vendor) -> Row:
        block: Row = {
            "id": self._objects.vendor_id(vendor),
            "name": vendor.name,
            "type": "BUSINESS",
        }
        if linked(vendor):
            block |= {
                "remote_id": vendor.vendor_id,
                "remote_code": vendor.vendor_id,
                "remote_name": vendor.name,
            }
        elif len(vendor.name) % 2:
            block |= {"remote_id": None, "remote_code": None, "remote_name": None}
        return block

    def bill(self, sketch: Sketch, rng: random.Random, memo: str) -> Row:
        """The bill as GET /bills gives it. Source: docs/ramp.md, "Bills"."""
        style = rng.getrandbits(16)
        rate = 10 ** DIGITS[sketch.currency] if style & 1 and sketch.currency != "XXQ" else None
        created = created_at(sketch, rng)
        bill: Row = {
            "id": sketch.bill_id,
            "status": "PAID" if sketch.paid else "OPEN",
            "approval_status": sketch.approval,
            "sync_status": "NOT_SYNCED",
            "amount": money(sketch.total_minor, sketch.currency, rate),
            "fx_conversion_rate": "1.0",
            "issued_at": day_text(sketch.issued, style >> 1 & 3),
            "due_at": day_text(sketch.due, 0),
            "created_at": created,
            "archived_at": None,
            "entity_id": self._objects.entity_ids[sketch.company],
            "vendor": self._vendor_blocks[sketch.vendor.name],
            "vendor_contact_id": None,
            "bill_owner": self._owner,
            "line_items": [
                self._line(line, sketch.currency, rate, memo if style & 8 else None)
                for line in sketch.lines
                if not line.quantity
            ],
            "inventory_line_items": [
                self._inventory_line(line, sketch.currency, rate)
                for line in sketch.lines
                if line.quantity
            ],
            "accounting_field_selections": self._objects.selections(
                sketch.default_account, sketch.default_cost_center
            ),
            "invoice_urls": [f"https://files.ramp.example/{sketch.bill_id}.pdf?signature=sandbox"],
            "payment": self._payment(sketch, rate),
        }
        self._optional(bill, sketch, style, memo)
        return bill

    def _optional(self, bill: Row, sketch: Sketch, style: int, memo: str) -> None:
        """The fields that the API sometimes leaves out and sometimes sends as null."""
        null = bool(style & 16)
        put(bill, "invoice_number", sketch.number, null=null)
        apply_on = None if sketch.apply_on is None else day_text(sketch.apply_on, 0)
        put(bill, "accounting_date", apply_on, null=null)
        put(bill, "paid_at", day_text(sketch.due, 0) if sketch.paid else None, null=null)
        put(bill, "remote_id", None, null=bool(style & 32))
        put(bill, "deep_link_url", None, null=bool(style & 32))
        put(bill, "memo", memo if style & 64 else None, null=False)
        put(bill, "vendor_memo", memo[:20] if style & 128 else None, null=bool(style & 256))
        enabled = True if style & 512 else None
        enabled = enabled if sketch.sync_enabled is None else sketch.sync_enabled
        put(bill, "enable_accounting_sync", enabled, null=False)
        no_orders: list[str] | None = [] if style & 1024 else None
        orders = [self.id("po", sketch.bill_id)] if sketch.has_po else no_orders
        put(bill, "purchase_order_ids", orders, null=False)
        put(bill, "status_summary", status_summary(sketch) if style & 2048 else None, null=False)
        if style & 4096 and not bill["inventory_line_items"]:
            bill["inventory_line_items"] = None

    def _line(self, line: Line, currency: str, rate: int | None, memo: str | None) -> Row:
        row: Row = {
            "amount": money(line.minor, currency, rate),
            "accounting_field_selections": self._objects.selections(line.account, line.cost_center),
        }
        if memo is not None or line.minor % 2:
            row["memo"] = memo
        return row

    def _inventory_line(self, line: Line, currency: str, rate: int | None) -> Row:
        return {
            **self._line(line, currency, rate, "Stock"),
            "unit_price": money(line.minor // line.quantity, currency, rate),
            "unit_quantity": line.quantity,
        }

    def _payment(self, sketch: Sketch, rate: int | None) -> Row | None:
        method = sketch.payment_method
        if method is None:
            return None
        details: Row
        if method in CARD_METHODS:
            details = {"spend_limit_id": self.id("limit", sketch.bill_id), "transaction_ids": []}
        elif method == "PAID_MANUALLY":
            details = {"manual_payment_method": "CHECK"}
        else:
            details = {
                "source_bank_account_id": None,
                "vendor_account_id": None,
                "approval_status": "APPROVED",
            }
        day = day_text(sketch.due, 0)
        # Every seventh payment covers several bills: its amount is the group's, not the bill's.
        share = 3 if sketch.index % 7 == 0 else 1
        return {
            "amount": money(sketch.total_minor * share, sketch.currency, rate),
            "payment_method": method,
            "payment_date": day,
            "effective_date": day if sketch.paid else None,
            "trace_id": None,
            "details": details,
        }

    def purchase_order(self, sketch: Sketch) -> Row:
        """The purchase order behind a bill that has one."""
        amount = money(sketch.total_minor, sketch.currency, None)
        keys = ("archived_at", "memo", "net_payment_terms", "promise_date", "remote_id", "user_id")
        spend = ("spend_end_date", "spend_request_id", "spend_start_date", "spend_total_amount")
        return {
            **dict.fromkeys((*keys, *spend)),
            "id": self.id("po", sketch.bill_id),
            "purchase_order_number": f"PO-{sketch.index:06d}",
            "name": "Laptops",
            "amount": amount,
            "billing_status": "PARTIALLY_BILLED",
            "receipt_status": "NOT_RECEIVED",
            "creation_source": "RAMP",
            "created_at": SET_UP_AT,
            "vendor_id": self._objects.vendor_id(sketch.vendor),
            "entity_id": self._objects.entity_ids[sketch.company],
            "bill_ids": [sketch.bill_id],
            "transaction_ids": [],
            "three_way_match_enabled": False,
            "accounting_field_selections": [],
            "line_items": [
                {
                    "id": self.id("po-line", f"{sketch.bill_id}:{number}"),
                    "description": "Item",
                    "amount": money(line.minor, sketch.currency, None),
                    "unit_price": money(line.minor, sketch.currency, None),
                    "unit_quantity": 1,
                    "remote_id": None,
                    "accounting_field_selections": self._objects.selections(
                        line.account, line.cost_center
                    ),
                }
                for number, line in enumerate(sketch.lines)
            ],
        }


def put(row: Row, name: str, value: Any, *, null: bool) -> None:
    """Set an optional field; without a value it is null or left out."""
    if value is not None or null:
        row[name] = value


def money(minor: int, currency: str, rate: int | None) -> Row:
    """A CurrencyAmount; newer answers also carry the conversion rate."""
    amount: Row = {"amount": minor, "currency_code": currency}
    if rate is not None:
        amount["minor_unit_conversion_rate"] = rate
    return amount


def day_text(day: dt.date, style: int) -> str:
    """A calendar day as a datetime. The offset never moves the day."""
    return (
        day.isoformat()
        + (
            "T00:00:00+00:00",
            "T00:00:00+00:00",
            "T00:00:00Z",
            "T00:00:00",
        )[style]
    )


def created_at(sketch: Sketch, rng: random.Random) -> str:
    """When the bill came into Ramp: within three days of its issue."""
    moment = dt.datetime.combine(sketch.issued, dt.time(8), tzinfo=dt.UTC)
    return (moment + dt.timedelta(seconds=rng.randrange(3 * 86_400))).isoformat()


def status_summary(sketch: Sketch) -> str:
    """The finer state that newer answers carry."""
    if sketch.approval != "APPROVED":
        return "APPROVAL_PENDING" if sketch.approval == "PENDING" else "APPROVAL_REJECTED"
    return "PAYMENT_COMPLETED" if sketch.paid else "PAYMENT_SCHEDULED"
