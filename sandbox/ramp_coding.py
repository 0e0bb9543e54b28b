"""Ramp's coding lists: GL accounts, accounting vendors, custom fields and their options.

All belong to one accounting connection. `id` is the ERP's id, `ramp_id` is Ramp's uuid, and paths
carry the uuid. Uploads are all or nothing, and what exists already (hidden or not) is refused.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.ramp_http import (
    INVALID,
    PAGING,
    BodySpec,
    Kind,
    Params,
    RampError,
    Row,
    after,
    check_list,
    check_object,
    invalid,
    not_found,
)

MOST_ITEMS = 500
CLASSIFICATIONS = frozenset(
    ["ANY", "ASSET", "CREDCARD", "EQUITY", "EXPENSE", "LIABILITY", "REVENUE", "UNKNOWN"]
)
INPUT_TYPES = frozenset(("SINGLE_CHOICE", "BOOLEAN", "FREE_FORM_TEXT", "DATE"))
REQUIRED_FOR = frozenset(
    ["BILL", "BILL_PAYMENT", "PURCHASE_ORDER", "REIMBURSEMENT", "TRANSACTION", "VENDOR_CREDIT"]
)
YES = frozenset((True,))


@dataclass(frozen=True, slots=True)
class ListKind:
    """What one coding list accepts: its name, its filters, and its items' keys."""

    name: str
    items_key: str
    params: dict[str, Kind]
    create: BodySpec
    patch: BodySpec
    defaults: Row


COMMON: dict[str, Kind] = {**PAGING, "remote_id": "str", "is_active": "bool"}
ACCOUNTS = ListKind(
    "GL account",
    "gl_accounts",
    {**COMMON, "is_synced": "bool", "code": "str"},
    {"id!": str, "name!": str, "classification!": CLASSIFICATIONS, "code": str},
    {"name": str, "code": str, "reactivate": YES},
    {},
)
VENDORS = ListKind(
    "Accounting vendor",
    "vendors",
    {**COMMON, "is_synced": "bool"},
    {"id!": str, "name!": str, "code": str},
    {"name": str, "code": str, "reactivate": YES},
    {"is_synced": True},
)
FIELDS = ListKind(
    "Field",
    "fields",
    COMMON,
    {
        "id!": str,
        "name!": str,
        "input_type!": INPUT_TYPES,
        "display_name": (str, type(None)),
        "is_splittable": bool,
        "is_required_for": list,
    },
    {"name": str, "display_name": (str, type(None)), "is_splittable": bool},
    {"display_name": None, "is_splittable": False, "is_required_for": []},
)
OPTIONS = ListKind(
    "Field option",
    "options",
    {
        **COMMON,
        "field_id": "uuid",
        "field_remote_id": "str",
        "code": "str",
        "visibility": frozenset(("HIDDEN", "VISIBLE")),
    },
    {"id!": str, "value!": str, "code": str},
    {
        "value": str,
        "code": str,
        "display_name": str,
        "visibility": frozenset(("HIDDEN", "VISIBLE")),
        "reactivate": YES,
    },
    {"visibility": "VISIBLE"},
)


@dataclass(slots=True)
class CodingList:
    """One coding list of one connection."""

    kind: ListKind
    now: Callable[[], str]
    rows: list[Row] = field(default_factory=list)

    def get(self, ramp_id: str) -> Row:
        """One item by Ramp's uuid. Raises RampError 404."""
        for row in self.rows:
            if row["ramp_id"] == ramp_id:
                return row
        raise not_found(self.kind.name)

    def by_id(self, erp_id: str, scope: Row | None = None) -> Row | None:
        """One item by the ERP's id; `scope` are further keys it must have."""
        for row in self.rows:
            if row["id"] == erp_id and all(row[k] == v for k, v in (scope or {}).items()):
                return row
        return None

    def matching(self, params: Params) -> list[Row]:
        """The items after `start` that a query means."""
        columns = {"remote_id": "id", "is_active": "is_active", "is_synced": "is_synced"}
        wanted = {
            columns.get(name, name): value
            for name, value in params.items()
            if name not in ("start", "page_size", "field_remote_id")
        }
        return [
            row
            for row in after(self.rows, params.get("start"), "ramp_id")
            if all(row.get(name, name == "is_synced") == value for name, value in wanted.items())
        ]

    def upload(self, body: Row, scope: Row | None = None) -> Row:
        """Add every item or, when one exists or is wrong, none. Raises RampError 422."""
        items = check_list(body, self.kind.items_key, self.kind.create, MOST_ITEMS)
        seen: set[str] = set()
        for item in items:
            if item["id"] in seen or self.by_id(item["id"], scope):
                raise RampError(
                    422,
                    INVALID,
                    f"{self.kind.name} {item['id']} already exists; nothing was uploaded",
                    {self.kind.items_key: [f"{item['id']} already exists"]},
                )
            seen.add(item["id"])
        made = [self.add({**item, **(scope or {})}) for item in items]
        return {
            "uploaded": [row["ramp_id"] for row in made],
            self.kind.items_key: [public(row) for row in made],
        }

    def add(self, item: Row) -> Row:
        """Store one item under a new uuid."""
        row = {
            **self.kind.defaults,
            **item,
            "ramp_id": str(uuid.uuid4()),
            "is_active": True,
            "created_at": self.now(),
            "updated_at": self.now(),
        }
        self.rows.append(row)
        return row

    def patch(self, ramp_id: str, body: Row) -> Row:
        """Change one item; an empty code clears it, `reactivate` brings it back."""
        changes = dict(check_object(body, self.kind.patch, ""))
        if not changes:
            raise invalid("_schema", "No changes given.")
        old = self.get(ramp_id)
        if changes.pop("reactivate", False):
            changes["is_active"] = True
        if changes.get("code") == "":
            changes["code"] = None
        new = {**old, **changes, "updated_at": self.now()}
        self.rows[self.rows.index(old)] = new
        return public(new)

    def reactivate(self, old: Row) -> Row:
        """Bring one item back."""
        new = {**old, "is_active": True}
        self.rows[self.rows.index(old)] = new
        return new

    def deactivate(self, ramp_id: str) -> None:
        """Take one item out of use; it keeps existing."""
        old = self.get(ramp_id)
        self.rows[self.rows.index(old)] = {**old, "is_active": False, "updated_at": self.now()}


def public(row: Row) -> Row:
    """An item as answers show it: an option does not name its field."""
    return {name: value for name, value in row.items() if name != "field_id"}


def check_field(body: Row) -> Row:
    """The body of POST /accounting/fields. Raises RampError."""
    item = check_object(body, FIELDS.create, "")
    unknown = [name for name in item.get("is_required_for", []) if name not in REQUIRED_FOR]
    if unknown:
        raise invalid("is_required_for", f"Not valid: {unknown[0]}.")
    return item
