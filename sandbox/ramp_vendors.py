"""Ramp's vendors (the payees of bill pay): listing, and linking them to accounting vendors."""

from sandbox.ramp_accounting import Connections
from sandbox.ramp_bills import Bills
from sandbox.ramp_http import (
    PAGING,
    Kind,
    Params,
    Row,
    after,
    check_object,
    invalid,
    moment,
    not_found,
)

VENDOR_PARAMS: dict[str, Kind] = {
    **PAGING,
    "name": "str",
    "is_active": "bool",
    "vendor_owner_id": "uuid",
    "from_created_at": "datetime",
    "sk_category_ids": "str",
    "from_updated_at": "datetime",
    "to_updated_at": "datetime",
    "external_vendor_id": "str",
    "accounting_vendor_remote_ids": "str",
    "include_draft": "bool",
}
NULLABLE = (str, type(None))
ADDRESS = {
    "address_line_1!": str,
    "address_line_2": NULLABLE,
    "city!": str,
    "postal_code!": str,
    "country": NULLABLE,
    "state": NULLABLE,
}
PATCH = {
    "accounting_vendor_remote_id": str,
    "vendor_tracking_category_option_id": str,
    "address": dict,
    "country": str,
    "state": NULLABLE,
    "description": str,
    "is_active": bool,
    "external_vendor_id": str,
}


class Vendors:
    """All payees. `name_patchable`: whether this account may rename them (it could not always)."""

    def __init__(self, rows: list[Row], bills: Bills, connections: Connections) -> None:
        self._rows = list(rows)
        self._bills = bills
        self._connections = connections
        self.name_patchable = True

    def get(self, vendor_id: str) -> Row:
        """One vendor. Raises RampError 404."""
        for row in self._rows:
            if row["id"] == vendor_id:
                return row
        raise not_found("Vendor")

    def matching(self, params: Params) -> list[Row]:
        """The vendors after `start` that a query means."""
        return [row for row in after(self._rows, params.get("start")) if self._matches(row, params)]

    def _matches(self, row: Row, params: Params) -> bool:
        for name in ("name", "is_active", "vendor_owner_id", "external_vendor_id"):
            if name in params and row.get(name) != params[name]:
                return False
        remote_ids = params.get("accounting_vendor_remote_ids")
        if remote_ids and row["accounting_vendor_remote_id"] not in remote_ids.split(","):
            return False
        if "sk_category_ids" in params:
            return False  # no vendor of the demo has a category
        created = moment(row["created_at"])
        changed = moment(row["updated_at"]) if "updated_at" in row else created
        early = params.get("from_created_at", created) > created
        early = early or params.get("from_updated_at", changed) > changed
        return not early and bool(changed <= params.get("to_updated_at", changed))

    def patch(self, vendor_id: str, body: Row) -> Row:
        """Change one vendor; a new link shows at once on its bills. Raises RampError."""
        old = self.get(vendor_id)
        check_object(body, {**PATCH, "name": str} if self.name_patchable else PATCH, "")
        if "accounting_vendor_remote_id" in body and "vendor_tracking_category_option_id" in body:
            raise invalid("accounting_vendor_remote_id", "Give at most one of the two links.")
        if "address" in body:
            check_object(body["address"], ADDRESS, "address.")
        if "accounting_vendor_remote_id" in body:
            self._link(vendor_id, body["accounting_vendor_remote_id"])
        new = {**old, **body, "updated_at": self._connections.now()}
        self._rows[self._rows.index(old)] = new
        return new

    def _link(self, vendor_id: str, remote_id: str) -> None:
        known = self._connections.coding_list("vendors").by_id(remote_id)
        if known is None or not known["is_active"]:
            raise invalid("accounting_vendor_remote_id", "No active accounting vendor has this id.")
        remote = {"remote_id": remote_id, "remote_name": known["name"]}
        self._bills.relink(vendor_id, {**remote, "remote_code": known.get("code")})

    def contacts(self, vendor_id: str) -> list[Row]:
        """The contacts of one vendor."""
        return [
            {
                "id": contact_id,
                "email": "accounts@vendor.example",
                "first_name": None,
                "last_name": None,
                "phone": None,
                "is_default": True,
            }
            for contact_id in self.get(vendor_id)["contacts"]
        ]
