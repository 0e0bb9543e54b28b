"""Every operation of the Ramp stand-in: path, verb, scope, query parameters. See docs/ramp.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox import ramp_operations as op
from sandbox.ramp_bills import BILL_PARAMS
from sandbox.ramp_coding import ACCOUNTS, FIELDS, OPTIONS, VENDORS
from sandbox.ramp_http import PAGING, Kind
from sandbox.ramp_vendors import VENDOR_PARAMS


@dataclass(frozen=True, slots=True)
class Route:
    """One operation; `run` gets the system, the request, its parameters and the ids in the path."""

    run: op.Run
    scope: str
    params: Mapping[str, Kind] = field(default_factory=dict)


READ, WRITE = "accounting:read", "accounting:write"
ENTITY_PARAMS: dict[str, Kind] = {
    **PAGING,
    "currency": "str",
    "entity_name": "str",
    "is_primary": "bool",
}
ORDER_PARAMS: dict[str, Kind] = {
    **PAGING,
    "creation_source": frozenset(
        ("RAMP", "DEVELOPER_API", "ACCOUNTING_PROVIDER", "EXTERNAL_IMPORT")
    ),
    "receipt_status": frozenset(
        ("NOT_RECEIVED", "PARTIALLY_RECEIVED", "FULLY_RECEIVED", "OVER_RECEIVED")
    ),
    "from_created_at": "datetime",
    "to_created_at": "datetime",
    "entity_id": "str",
    "three_way_match_enabled": "bool",
    "include_archived": "bool",
}
TRANSACTION_PARAMS: dict[str, Kind] = {
    **PAGING,
    **dict.fromkeys(
        [
            "sk_category_id",
            "department_id",
            "limit_id",
            "location_id",
            "merchant_id",
            "card_id",
            "spend_program_id",
            "statement_id",
            "approval_status",
            "user_id",
            "awaiting_approval_by_user_id",
            "trip_id",
            "accounting_field_selection_id",
            "entity_id",
        ],
        "str",
    ),
    **dict.fromkeys(("synced_after", "from_date", "to_date"), "datetime"),
    **dict.fromkeys(("min_amount", "max_amount"), "decimal"),
    **dict.fromkeys(
        [
            "sync_ready",
            "has_no_sync_commits",
            "requires_memo",
            "include_merchant_data",
            "order_by_date_asc",
            "order_by_date_desc",
            "order_by_amount_asc",
            "order_by_amount_desc",
        ],
        "bool",
    ),
    "state": frozenset(
        ["ALL", "CLEARED", "COMPLETION", "DECLINED", "ERROR", "PENDING", "PENDING_INITIATION"]
    ),
    "sync_status": frozenset(("NOT_SYNC_READY", "SYNC_READY", "SYNCED")),
}


def _coding_routes() -> dict[str, dict[str, Route]]:
    routes: dict[str, dict[str, Route]] = {}
    for path, name, kind in (
        ("accounts", "accounts", ACCOUNTS),
        ("vendors", "vendors", VENDORS),
        ("fields", "fields", FIELDS),
        ("field-options", "options", OPTIONS),
    ):
        routes[f"/accounting/{path}"] = {
            "GET": Route(op.lister(name), READ, kind.params),
            "POST": Route(op.uploader(name), WRITE),
        }
        routes[f"/accounting/{path}/{{id}}"] = {
            "GET": Route(op.getter(name), READ),
            "PATCH": Route(op.patcher(name), WRITE),
            "DELETE": Route(op.remover(name), WRITE),
        }
    routes["/accounting/fields"]["POST"] = Route(op.create_field, WRITE)
    routes["/accounting/field-options"] = {
        "GET": Route(op.list_options, READ, OPTIONS.params),
        "POST": Route(op.upload_options, WRITE),
    }
    return routes


ROUTES: dict[str, dict[str, Route]] = {
    "/bills": {"GET": Route(op.list_bills, "bills:read", BILL_PARAMS)},
    "/bills/{id}": {"GET": Route(op.get_bill, "bills:read")},
    "/business": {"GET": Route(op.get_business, "business:read")},
    "/entities": {"GET": Route(op.list_entities, "entities:read", ENTITY_PARAMS)},
    "/entities/{id}": {"GET": Route(op.get_entity, "entities:read")},
    "/vendors": {"GET": Route(op.list_vendors, "vendors:read", VENDOR_PARAMS)},
    "/vendors/{id}": {
        "GET": Route(op.get_vendor, "vendors:read"),
        "PATCH": Route(op.patch_vendor, "vendors:write"),
    },
    "/vendors/{id}/contacts": {"GET": Route(op.list_contacts, "vendors:read", PAGING)},
    "/purchase-orders": {
        "GET": Route(op.list_purchase_orders, "purchase_orders:read", ORDER_PARAMS)
    },
    "/purchase-orders/{id}": {
        "GET": Route(op.get_purchase_order, "purchase_orders:read"),
        "PATCH": Route(op.patch_purchase_order, "purchase_orders:write"),
    },
    "/transactions": {"GET": Route(op.list_transactions, "transactions:read", TRANSACTION_PARAMS)},
    "/accounting/all-connections": {"GET": Route(op.all_connections, READ)},
    "/accounting/connection": {
        "GET": Route(op.get_connection, READ),
        "POST": Route(op.create_connection, WRITE),
        "DELETE": Route(op.delete_connection, WRITE),
    },
    "/accounting/connection/{id}/reactivate": {"POST": Route(op.reactivate_connection, WRITE)},
    "/accounting/syncs": {"POST": Route(op.post_syncs, WRITE)},
    # Webhooks have no scope of their own: any live token will do.
    "/webhooks": {"GET": Route(op.list_webhooks, ""), "POST": Route(op.create_webhook, "")},
    "/webhooks/{id}": {
        "GET": Route(op.get_webhook, ""),
        "DELETE": Route(op.delete_webhook, ""),
    },
    "/webhooks/{id}/verify": {"POST": Route(op.verify_webhook, "")},
    **_coding_routes(),
}
