"""Ramp's accounting connections, and POST /accounting/syncs: how the ERP tells Ramp the result."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.ramp_bills import Bills, ready_for
from sandbox.ramp_coding import ACCOUNTS, FIELDS, OPTIONS, VENDORS, CodingList
from sandbox.ramp_http import (
    NO_CONNECTION,
    NOT_READY,
    UUID,
    RampError,
    Row,
    check_list,
    check_object,
    invalid,
    not_found,
)

MOST_SYNCS = 5000
BILL_SYNCS = ("BILL_SYNC", "BILL_PAYMENT_SYNC")
SYNC_TYPES = frozenset(
    (
        *BILL_SYNCS,
        *[
            "ACCRUAL_SYNC",
            "BANKING_TRANSACTION_SYNC",
            "BROKERAGE_ORDER_SYNC",
            "PAYEE_SYNC",
            "REIMBURSEMENT_SYNC",
            "STATEMENT_CREDIT_SYNC",
            "TRACKING_CATEGORY_OPTION_SYNC",
            "TRANSACTION_SYNC",
            "TRANSFER_SYNC",
            "WALLET_TRANSFER_SYNC",
            "REPAYMENT_SYNC",
        ],
    )
)
SYNC_BODY = {
    "idempotency_key!": str,
    "sync_type!": SYNC_TYPES,
    "successful_syncs": list,
    "failed_syncs": list,
}
SUCCESS = {"id!": str, "reference_id!": str, "deep_link_url": str}
FAILURE = {"id!": str, "error!": dict}


@dataclass(slots=True)
class Connection:
    """One accounting connection with its coding lists; `direct` ones are not ours to touch."""

    row: Row
    lists: dict[str, CodingList]
    direct: bool = False


@dataclass(slots=True)
class Connections:
    """All accounting connections; at most one is active and its lists are the ones in force."""

    now: Callable[[], str]
    items: list[Connection] = field(default_factory=list)

    def load(self, ramp: dict[str, Any]) -> None:
        """The connection and the coding lists of the world."""
        lists = self._empty_lists()
        lists["accounts"].rows = list(ramp["gl_accounts"])
        lists["vendors"].rows = list(ramp["accounting_vendors"])
        lists["fields"].rows = list(ramp["fields"])
        lists["options"].rows = list(ramp["field_options"])
        self.items = [Connection(row, lists) for row in ramp["connections"]]

    def _empty_lists(self) -> dict[str, CodingList]:
        kinds = {"accounts": ACCOUNTS, "vendors": VENDORS, "fields": FIELDS, "options": OPTIONS}
        return {name: CodingList(kind, self.now) for name, kind in kinds.items()}

    @property
    def active(self) -> Connection | None:
        """The connection in force."""
        return next((item for item in self.items if item.row["is_active"]), None)

    def require(self) -> Connection:
        """The active connection if the API made it. Raises RampError 400 otherwise."""
        active = self.active
        if active is None or active.direct:
            raise RampError(
                400, NO_CONNECTION, "No API based accounting connection exists for this business"
            )
        return active

    def coding_list(self, name: str) -> CodingList:
        """One list of the active connection, empty when there is none."""
        return self.active.lists[name] if self.active else self._empty_lists()[name]

    def create(self, provider: str, *, direct: bool = False) -> Row:
        """A new active connection with empty lists. Raises RampError when one is active."""
        self._none_active()
        row = {
            "id": str(uuid.uuid4()),
            "remote_provider_name": provider,
            "is_active": True,
            "status": "linked",
            "created_at": self.now(),
            "last_linked_at": self.now(),
        }
        self.items.append(Connection(row, self._empty_lists(), direct))
        return row

    def _none_active(self) -> None:
        if self.active:
            raise RampError(400, "DEVELOPER_7088", "Another accounting connection is active")

    def disconnect(self) -> None:
        """Disconnect the active connection. Raises RampError 404 without one of ours."""
        active = self.active
        if active is None or active.direct:
            raise not_found("Accounting connection")
        active.row = {**active.row, "is_active": False, "status": "unlinked"}

    def reactivate(self, connection_id: str) -> Row:
        """Bring a connection back with its lists. Raises RampError."""
        self._none_active()
        for item in self.items:
            if item.row["id"] == connection_id and not item.direct:
                item.row = {
                    **item.row,
                    "is_active": True,
                    "status": "linked",
                    "last_linked_at": self.now(),
                }
                return item.row
        raise not_found("Accounting connection")


class Syncs:
    """What the ERP told Ramp: marks bills as synced, remembers failures as export errors."""

    def __init__(self, bills: Bills, connections: Connections) -> None:
        self._bills = bills
        self._connections = connections
        self._by_key: dict[str, str] = {}
        self.calls: list[Row] = []
        self.references: dict[str, dict[str, str]] = {}
        self.export_errors: dict[str, list[str]] = {}

    def post(self, body: Row) -> Row:
        """Apply one call, whole or not at all. Source: docs/ramp.md, "Telling Ramp the result".

        Raises RampError: 422 for a malformed body, 400 without a connection, 422 DEVELOPER_7062
        naming every bill that is not ready (or synced already).
        """
        successes, failures = self._checked(body)
        self._connections.require()
        key, sync_type = body["idempotency_key"], body["sync_type"]
        call = {
            "idempotency_key": key,
            "sync_type": sync_type,
            "successful": [item["id"] for item in successes],
            "failed": {item["id"]: item["error"]["message"] for item in failures},
            "repeated": key in self._by_key,
        }
        if key not in self._by_key:
            self._all_ready(sync_type, [item["id"] for item in (*successes, *failures)])
            self._apply(sync_type, successes, failures)
            self._by_key[key] = str(uuid.uuid4())
        self.calls.append(call)
        return {"sync_id": self._by_key[key]}

    def _checked(self, body: Row) -> tuple[list[Row], list[Row]]:
        check_object(body, SYNC_BODY, "")
        if not body["idempotency_key"]:
            raise invalid("idempotency_key", "Missing data for required field.")
        successes = failures = list[Row]()
        if "successful_syncs" in body:
            successes = check_list(body, "successful_syncs", SUCCESS, MOST_SYNCS)
        if "failed_syncs" in body:
            failures = check_list(body, "failed_syncs", FAILURE, MOST_SYNCS)
        if not successes and not failures:
            raise invalid("successful_syncs", "Give successful_syncs or failed_syncs.")
        for item in failures:
            check_object(item["error"], {"message!": str}, "failed_syncs.error.")
        ids = [item["id"] for item in (*successes, *failures)]
        if bad := [item for item in ids if not UUID.fullmatch(item)]:
            raise invalid("id", f"Not a valid UUID: {bad[0]}")
        if len(set(ids)) < len(ids):
            raise invalid("id", "An id is given more than once.")
        return successes, failures

    def _all_ready(self, sync_type: str, ids: list[str]) -> None:
        bad = ids
        if sync_type in BILL_SYNCS:
            bad = [
                bill_id
                for bill_id in ids
                if (bill := self._bills.find(bill_id)) is None or not ready_for(sync_type, bill)
            ]
        if bad:
            names = ", ".join(bad)
            raise RampError(422, NOT_READY, f"These objects are not ready for sync: {names}")

    def _apply(self, sync_type: str, successes: list[Row], failures: list[Row]) -> None:
        whole = sync_type == "BILL_PAYMENT_SYNC"
        for item in successes:
            changes = {"sync_status": "BILL_AND_PAYMENT_SYNCED" if whole else "BILL_SYNCED"}
            if "deep_link_url" in item:
                changes["deep_link_url"] = item["deep_link_url"]
            self._bills.change(item["id"], changes)
            self.references.setdefault(item["id"], {})[sync_type] = item["reference_id"]
            self.export_errors.pop(item["id"], None)
        for item in failures:
            self.export_errors.setdefault(item["id"], []).append(item["error"]["message"])
