"""Ramp's bills: which of them a query means, which are ready for the ERP, and how they change.

A stored bill is never edited in place: a change stores a new object, so that an answer being
written on another thread stays whole.
"""

import copy
import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from sandbox.ramp_http import PAGING, Kind, Params, RampError, Row, invalid, moment, not_found
from sandbox.world_catalog import DIGITS

METHODS = frozenset(
    [
        "ACH",
        "CARD",
        "CHECK",
        "DOMESTIC_WIRE",
        "INTERNATIONAL",
        "ONE_TIME_CARD",
        "ONE_TIME_CARD_DELIVERY",
        "PAID_MANUALLY",
        "SWIFT",
        "UNSPECIFIED",
        "VENDOR_CREDIT",
    ]
)
APPROVALS = frozenset(["INITIALIZED", "PENDING", "APPROVED", "REJECTED", "TERMINATED"])
SYNC_STATUSES = frozenset(["NOT_SYNCED", "BILL_SYNCED", "BILL_AND_PAYMENT_SYNCED"])

# Which date of the bill each pair of from_/to_ parameters means.
_DATES: dict[str, Callable[[Row], str | None]] = {
    "created_at": lambda bill: bill.get("created_at"),
    "due_date": lambda bill: bill.get("due_at"),
    "issued_date": lambda bill: bill.get("issued_at"),
    "paid_at": lambda bill: bill.get("paid_at"),
    "payment_date": lambda bill: (bill.get("payment") or {}).get("payment_date"),
}

BILL_PARAMS: dict[str, Kind] = {
    **PAGING,
    "entity_id": "uuid",
    "vendor_id": "uuid",
    "accounting_field_selection_id": "str",
    "approval_status": APPROVALS,
    "payment_method": METHODS,
    "payment_status": frozenset(("OPEN", "PAID")),
    "sync_status": SYNC_STATUSES,
    "sync_ready": "bool",
    "is_archived": "bool",
    "min_amount": "decimal",
    "max_amount": "decimal",
    "invoice_number": "str",
    "remote_id": "str",
    "draft_bill_id": "uuid",
    "payment_id": "uuid",
    "customer_friendly_payment_id": "str",
    "status_summaries": "str",
    "is_accounting_sync_enabled": "bool",
    "payment_details_missing": "bool",
    **{f"{side}_{name}": "datetime" for name in _DATES for side in ("from", "to")},
}

Test = Callable[[Row], bool]


def approved(bill: Row) -> bool:
    """Whether a bill may be exported at all."""
    return bill["approval_status"] == "APPROVED" and bill["archived_at"] is None


def sync_ready(bill: Row) -> bool:
    """Whether a bill has export work outstanding. Source: docs/ramp.md, "Readiness"."""
    if not approved(bill):
        return False
    if bill["sync_status"] == "NOT_SYNCED":
        return True
    return bool(bill["sync_status"] == "BILL_SYNCED" and bill["status"] == "PAID")


def ready_for(sync_type: str, bill: Row) -> bool:
    """Whether POST /accounting/syncs accepts this bill for this sync type."""
    if not approved(bill) or bill.get("enable_accounting_sync") is False:
        return False
    if sync_type == "BILL_SYNC":
        return bool(bill["sync_status"] == "NOT_SYNCED")
    return bool(bill["sync_status"] == "BILL_SYNCED" and bill["status"] == "PAID")


def major_amount(bill: Row) -> Decimal:
    """The total in major units."""
    amount = bill["amount"]
    return Decimal(amount["amount"]).scaleb(-DIGITS.get(amount["currency_code"], 2))


def _selected(bill: Row, selection_id: str) -> bool:
    groups = [bill["accounting_field_selections"]]
    for name in ("line_items", "inventory_line_items"):
        groups += [line["accounting_field_selections"] for line in bill.get(name) or ()]
    return any(chosen["id"] == selection_id for group in groups for chosen in group)


_TESTS: dict[str, Callable[[Any], Test]] = {
    "entity_id": lambda v: lambda bill: bill["entity_id"] == v,
    "vendor_id": lambda v: lambda bill: bill["vendor"]["id"] == v,
    "accounting_field_selection_id": lambda v: lambda bill: _selected(bill, v),
    "approval_status": lambda v: lambda bill: bill["approval_status"] == v,
    "payment_method": lambda v: lambda bill: (bill["payment"] or {}).get("payment_method") == v,
    "payment_status": lambda v: lambda bill: bill["status"] == v,
    "sync_status": lambda v: lambda bill: bill["sync_status"] == v,
    "sync_ready": lambda v: sync_ready if v else lambda _: True,
    "min_amount": lambda v: lambda bill: major_amount(bill) >= v,
    "max_amount": lambda v: lambda bill: major_amount(bill) <= v,
    "invoice_number": lambda v: lambda bill: bill.get("invoice_number") == v,
    "remote_id": lambda v: lambda bill: bill.get("remote_id") == v,
    "draft_bill_id": lambda v: lambda bill: bill.get("draft_bill_id") == v,
    "payment_id": lambda v: lambda bill: (bill["payment"] or {}).get("id") == v,
    "customer_friendly_payment_id": lambda v: (
        lambda bill: (bill["payment"] or {}).get("customer_friendly_payment_id") == v
    ),
    "status_summaries": lambda v: lambda bill: bill.get("status_summary") in v.split(","),
    "is_accounting_sync_enabled": lambda v: (
        lambda bill: bill.get("enable_accounting_sync", True) is v
    ),
    "payment_details_missing": lambda v: lambda bill: (bill["payment"] is None) is v,
}


def _date_test(side: str, name: str, limit: dt.datetime) -> Test:
    read = _DATES[name]

    def test(bill: Row) -> bool:
        text = read(bill)
        if text is None:
            return False
        try:
            found = moment(text)
        except (TypeError, ValueError):
            return False  # a bill spoiled by a test has no such day
        return found >= limit if side == "from" else found <= limit

    return test


def tests(params: Params) -> list[Test]:
    """The conditions that a query sets; archived bills only when they are asked for."""
    archived = params.get("is_archived", False)
    found: list[Test] = [lambda bill: (bill["archived_at"] is not None) is archived]
    for name, value in params.items():
        side, _, date = name.partition("_")
        if name in _TESTS:
            found.append(_TESTS[name](value))
        elif date in _DATES:
            found.append(_date_test(side, date, value))
    return found


class Bills:
    """All bills, in the order in which lists give them."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = list(rows)
        self._position = {row["id"]: number for number, row in enumerate(rows)}

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def get(self, bill_id: str) -> Row:
        """One bill. Raises RampError 404."""
        if bill_id not in self._position:
            raise not_found("Bill")
        return self._rows[self._position[bill_id]]

    def find(self, bill_id: str) -> Row | None:
        """One bill, or None."""
        return self._rows[self._position[bill_id]] if bill_id in self._position else None

    def matching(self, params: Params) -> Iterator[Row]:
        """The bills after `start` that a query means. Raises RampError for an unknown start."""
        start = params.get("start")
        if start is not None and start not in self._position:
            raise invalid("start", "Not the id of a bill.")
        first = 0 if start is None else self._position[start] + 1
        wanted = tests(params)
        return (
            bill
            for bill in (self._rows[number] for number in range(first, len(self._rows)))
            if all(test(bill) for test in wanted)
        )

    def add(self, bill: Row) -> None:
        """A new bill at the end. Raises RampError when the id is taken."""
        if bill["id"] in self._position:
            raise RampError(422, "DEVELOPER_7001", f"Bill {bill['id']} exists already")
        self._position[bill["id"]] = len(self._rows)
        self._rows.append(copy.deepcopy(bill))

    def change(self, bill_id: str, changes: Row, remove: tuple[str, ...] = ()) -> Row:
        """Store the bill with other top-level fields, and without those in `remove`."""
        merged = {**self.get(bill_id), **copy.deepcopy(changes)}
        for name in remove:
            merged.pop(name, None)
        self._rows[self._position[bill_id]] = merged
        return merged

    def relink(self, vendor_id: str, remote: Row) -> None:
        """Give every bill of a vendor its new accounting vendor."""
        for bill in list(self._rows):
            if bill["vendor"].get("id") == vendor_id:
                self.change(bill["id"], {"vendor": {**bill["vendor"], **remote}})
