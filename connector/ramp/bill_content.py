"""What of a bill is kept, and whether its accounting content has changed since it was last seen."""

import hashlib
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from audit.canonical_json import text as storable
from audit.ledger.intake import PostingSeed
from connector.domain.bill import Bill, Selection, number_of
from connector.domain.errors import InvalidBillError
from connector.ramp.bills import Payload, amount, currency_of, day, parse_bill, text

# The keys behind the parsed content, for bills that cannot be parsed.
_RELEVANT = (
    "entity_id",
    "invoice_number",
    "issued_at",
    "due_at",
    "accounting_date",
    "amount",
    "line_items",
    "inventory_line_items",
    "accounting_field_selections",
    "purchase_order_ids",
    "purchase_order_id",
)


_GONE = ("REJECTED", "TERMINATED")


def is_gone(payload: Payload) -> bool:
    """Whether Ramp does not want the bill in the ledger: archived, rejected, terminated."""
    return bool(payload.get("archived_at")) or _rejected(payload.get("approval_status"))


def _rejected(approval: object) -> bool:
    return str(approval or "").upper() in _GONE


def strip(payload: Payload) -> dict[str, Any]:
    """The payload as it may be stored: plain JSON without the pre-signed invoice addresses."""
    kept = {key: value for key, value in payload.items() if key != "invoice_urls"}
    plain: dict[str, Any] = _clean(json.loads(json.dumps(kept, default=str)))
    return plain


def _clean(value: Any) -> Any:
    """Without the characters that a database refuses, so that one memo cannot stop a page."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {storable(str(key)): _clean(item) for key, item in value.items()}
    return value


def content_hash(payload: Payload) -> str:
    """SHA-256 of what accounting cares about: entity, vendor, number, days, currency, total,
    ordered lines with their coding, links to purchase orders.

    Never of payment, status, sync fields, memos, names or addresses. A bill that cannot be parsed
    is hashed by the same fields as they came, so that its correction is noticed. One that is gone
    (archived, rejected) has another hash than before, and its old one when it is back.
    """
    try:
        return hash_of(parse_bill(payload))
    except InvalidBillError:
        vendor = payload.get("vendor")
        raw: dict[str, Any] = {key: _without_memos(payload.get(key)) for key in _RELEVANT}
        raw["vendor"] = vendor.get("id") if isinstance(vendor, dict) else None
        return _digest({"unreadable": raw, **_marked(gone=is_gone(payload))})


def hash_of(bill: Bill, *, whatever_became: bool = False) -> str:
    """The content hash of a parsed bill; `whatever_became`: as if it were not archived."""
    gone = bill.archived or _rejected(bill.approval_status)
    return _digest(
        {
            **_marked(gone=gone and not whatever_became),
            "entity": bill.entity_id,
            "vendor": bill.vendor_id,
            "number": bill.invoice_number,
            "days": [str(bill.issued_on), str(bill.due_on), str(bill.accounting_on)],
            "total": [_number(bill.total), bill.currency],
            "lines": [
                [_number(line.amount), line.source == "po_line", _chosen(line.selections)]
                for line in bill.lines
            ],
            "selections": _chosen(bill.selections),
            "orders": sorted(bill.purchase_order_ids),
        }
    )


def envelope(payload: Payload, seen_hash: str = "") -> PostingSeed:
    """What can be shown of a bill before, or although, it cannot be parsed. Never raises.

    `seen_hash` is its content hash where that is known already. `amount` is in major units, None
    when it cannot be read.
    """
    found = payload.get("vendor")
    vendor: Payload = found if isinstance(found, dict) else {}
    bill_id = text(payload.get("id"))
    issued_on = _quiet(lambda: day(payload.get("issued_at"), "issue date"))
    apply_on = _quiet(lambda: day(payload.get("accounting_date"), "accounting date"))
    currency = currency_of(payload.get("amount"))
    return PostingSeed(
        bill_id=bill_id[:64],
        seen_hash=seen_hash or content_hash(payload),
        entity_id=text(payload.get("entity_id"))[:64],
        vendor_ramp_id=text(vendor.get("id"))[:64],
        vendor_name=text(vendor.get("name"))[:255],
        invoice_num=text(payload.get("invoice_number"))[:255] or number_of(bill_id),
        amount=_total(payload, currency),
        currency=currency[:8],
        issued_on=issued_on,
        due_on=_quiet(lambda: day(payload.get("due_at"), "due date")),
        apply_on=apply_on or issued_on,
    )


def _total(payload: Payload, currency: str) -> Decimal | None:
    try:
        total = amount(payload.get("amount"), "total", currency)
    except InvalidBillError:
        return None
    return total if abs(total) < Decimal(10) ** 15 else None  # what SQLite gives back exactly


def _quiet(read: Callable[[], date | None]) -> date | None:
    try:
        return read()
    except InvalidBillError:
        return None


def _chosen(selections: tuple[Selection, ...]) -> list[list[str]]:
    return sorted([item.field_type, item.field_id, item.option_id] for item in selections)


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _without_memos(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_memos(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_memos(item) for key, item in value.items() if key != "memo"}
    return value


def _marked(*, gone: bool) -> dict[str, bool]:
    return {"gone": True} if gone else {}


def _digest(value: dict[str, Any]) -> str:
    line = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).hexdigest()
