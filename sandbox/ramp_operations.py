"""What each operation of the Ramp stand-in does; `ramp_routes` says where it is reached."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sandbox.ramp_coding import CodingList, check_field, public
from sandbox.ramp_http import (
    Params,
    RampError,
    Row,
    after,
    check_object,
    invalid,
    moment,
    not_found,
    page,
)
from sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from sandbox.ramp import Ramp

Run = Callable[..., Response]


def body_of(request: Request) -> Row:
    """The JSON object sent. Raises RampError."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise RampError(415, "DEVELOPER_7001", "The body must be application/json")
    body = request.json()
    if not isinstance(body, dict):
        raise invalid("_schema", "Invalid input type.")
    return body


# -- reading ---------------------------------------------------------------------------------------


def list_bills(ramp: "Ramp", request: Request, params: Params) -> Response:
    """GET /bills."""
    return page(request, params, ramp.bills.matching(params))


def get_bill(ramp: "Ramp", _: Request, __: Params, bill_id: str) -> Response:
    """GET /bills/{id}."""
    return json_response(200, ramp.bills.get(bill_id))


def get_business(ramp: "Ramp", _: Request, __: Params) -> Response:
    """GET /business."""
    return json_response(200, ramp.business)


def list_entities(ramp: "Ramp", request: Request, params: Params) -> Response:
    """GET /entities."""
    names = ("currency", "entity_name", "is_primary")
    wanted = {name: params[name] for name in names if name in params}
    rows = after(ramp.entities, params.get("start"))
    return page(request, params, [r for r in rows if wanted.items() <= _plain(r).items()])


def _plain(row: Row) -> Row:
    """The fields of a row that can be compared as dictionary items."""
    return {name: value for name, value in row.items() if not isinstance(value, list | dict)}


def get_entity(ramp: "Ramp", _: Request, __: Params, entity_id: str) -> Response:
    """GET /entities/{id}."""
    return json_response(200, find(ramp.entities, entity_id, "Entity"))


def find(rows: list[Row], row_id: str, name: str) -> Row:
    """One row by id. Raises RampError 404."""
    for row in rows:
        if row["id"] == row_id:
            return row
    raise not_found(name)


def list_purchase_orders(ramp: "Ramp", request: Request, params: Params) -> Response:
    """GET /purchase-orders."""
    names = ("creation_source", "receipt_status", "entity_id", "three_way_match_enabled")
    wanted = {name: params[name] for name in names if name in params}
    rows = [
        row
        for row in after(ramp.purchase_orders, params.get("start"))
        if wanted.items() <= _plain(row).items()
        and (params.get("include_archived") or row["archived_at"] is None)
        and params.get("from_created_at", moment(row["created_at"])) <= moment(row["created_at"])
        and moment(row["created_at"]) <= params.get("to_created_at", moment(row["created_at"]))
    ]
    return page(request, params, rows)


def get_purchase_order(ramp: "Ramp", _: Request, __: Params, order_id: str) -> Response:
    """GET /purchase-orders/{id}."""
    return json_response(200, find(ramp.purchase_orders, order_id, "Purchase order"))


def patch_purchase_order(ramp: "Ramp", request: Request, _: Params, order_id: str) -> Response:
    """PATCH /purchase-orders/{id}: the memo only, where the account can."""
    if not ramp.po_memo_patchable:
        raise RampError(405, "DEVELOPER_7005", "PATCH is not allowed here")
    old = find(ramp.purchase_orders, order_id, "Purchase order")
    changes = check_object(body_of(request), {"memo": (str, type(None))}, "")
    ramp.purchase_orders[ramp.purchase_orders.index(old)] = new = {**old, **changes}
    return json_response(200, new)


def list_transactions(_: "Ramp", request: Request, params: Params) -> Response:
    """GET /transactions: the demo has none."""
    return page(request, params, [])


# -- vendors ---------------------------------------------------------------------------------------


def list_vendors(ramp: "Ramp", request: Request, params: Params) -> Response:
    """GET /vendors."""
    return page(request, params, ramp.vendors.matching(params))


def get_vendor(ramp: "Ramp", _: Request, __: Params, vendor_id: str) -> Response:
    """GET /vendors/{id}."""
    return json_response(
        200, {**ramp.vendors.get(vendor_id), "custom_form_collection_response": None}
    )


def patch_vendor(ramp: "Ramp", request: Request, _: Params, vendor_id: str) -> Response:
    """PATCH /vendors/{id}."""
    return json_response(200, ramp.vendors.patch(vendor_id, body_of(request)))


def list_contacts(ramp: "Ramp", request: Request, params: Params, vendor_id: str) -> Response:
    """GET /vendors/{id}/contacts."""
    return page(request, params, after(ramp.vendors.contacts(vendor_id), params.get("start")))


# -- accounting ------------------------------------------------------------------------------------


def all_connections(ramp: "Ramp", _: Request, __: Params) -> Response:
    """GET /accounting/all-connections, not paged."""
    return json_response(200, {"connections": [item.row for item in ramp.connections.items]})


def get_connection(ramp: "Ramp", _: Request, __: Params) -> Response:
    """GET /accounting/connection: the active one."""
    active = ramp.connections.active
    if active is None:
        raise not_found("Accounting connection")
    return json_response(200, active.row)


def create_connection(ramp: "Ramp", request: Request, _: Params) -> Response:
    """POST /accounting/connection."""
    spec = {"remote_provider_name!": str, "reactivate": bool}
    body = check_object(body_of(request), spec, "")
    return json_response(201, ramp.connections.create(body["remote_provider_name"]))


def delete_connection(ramp: "Ramp", _: Request, __: Params) -> Response:
    """DELETE /accounting/connection."""
    ramp.connections.disconnect()
    return Response(204)


def reactivate_connection(ramp: "Ramp", _: Request, __: Params, connection_id: str) -> Response:
    """POST /accounting/connection/{id}/reactivate."""
    return json_response(200, ramp.connections.reactivate(connection_id))


def post_syncs(ramp: "Ramp", request: Request, _: Params) -> Response:
    """POST /accounting/syncs."""
    return json_response(201, ramp.syncs.post(body_of(request)))


def writable(ramp: "Ramp", name: str) -> CodingList:
    """A coding list that may be written. Raises RampError 400 without an API connection."""
    return ramp.connections.require().lists[name]


def lister(name: str) -> Run:
    """GET of a whole coding list."""

    def run(ramp: "Ramp", request: Request, params: Params) -> Response:
        rows = ramp.connections.coding_list(name).matching(params)
        return page(request, params, [public(row) for row in rows], "ramp_id")

    return run


def list_options(ramp: "Ramp", request: Request, params: Params) -> Response:
    """GET of a field's options; the field is named by uuid or, since 2026, by the ERP's id."""
    if "field_remote_id" in params:
        named = ramp.connections.coding_list("fields").by_id(params.pop("field_remote_id"))
        params["field_id"] = named["ramp_id"] if named else ""
    if "field_id" not in params:
        raise invalid("field_id", "Missing data for required field.")
    rows = ramp.connections.coding_list("options").matching(params)
    return page(request, params, [public(row) for row in rows], "ramp_id")


def getter(name: str) -> Run:
    """GET of one item of a coding list."""

    def run(ramp: "Ramp", _: Request, __: Params, ramp_id: str) -> Response:
        return json_response(200, public(ramp.connections.coding_list(name).get(ramp_id)))

    return run


def patcher(name: str) -> Run:
    """PATCH of one item of a coding list."""

    def run(ramp: "Ramp", request: Request, _: Params, ramp_id: str) -> Response:
        return json_response(200, writable(ramp, name).patch(ramp_id, body_of(request)))

    return run


def remover(name: str) -> Run:
    """DELETE of one item of a coding list: it is only taken out of use."""

    def run(ramp: "Ramp", _: Request, __: Params, ramp_id: str) -> Response:
        writable(ramp, name).deactivate(ramp_id)
        return Response(204)

    return run


def uploader(name: str) -> Run:
    """POST of items to a coding list."""

    def run(ramp: "Ramp", request: Request, _: Params) -> Response:
        coding_list = writable(ramp, name)
        body = check_object(body_of(request), {f"{coding_list.kind.items_key}!": list}, "")
        return json_response(201, coding_list.upload(body))

    return run


def upload_options(ramp: "Ramp", request: Request, _: Params) -> Response:
    """POST of options to one field."""
    body = check_object(body_of(request), {"field_id!": str, "options!": list}, "")
    writable(ramp, "fields").get(body["field_id"])
    scope = {"field_id": body["field_id"]}
    return json_response(201, writable(ramp, "options").upload(body, scope))


def create_field(ramp: "Ramp", request: Request, _: Params) -> Response:
    """POST of one field; a field with this id is returned, and reactivated if need be."""
    fields = writable(ramp, "fields")
    item = check_field(body_of(request))
    known = fields.by_id(item["id"])
    if known is None:
        return json_response(201, fields.add(item))
    return json_response(201, fields.reactivate(known))


# -- webhooks --------------------------------------------------------------------------------------


def list_webhooks(ramp: "Ramp", _: Request, __: Params) -> Response:
    """GET /webhooks: a bare array, not paged."""
    return json_response(200, ramp.webhooks.listed())


def create_webhook(ramp: "Ramp", request: Request, _: Params) -> Response:
    """POST /webhooks."""
    return json_response(201, ramp.webhooks.create(body_of(request)))


def get_webhook(ramp: "Ramp", _: Request, __: Params, webhook_id: str) -> Response:
    """GET /webhooks/{id}."""
    return json_response(200, ramp.webhooks.get(webhook_id))


def delete_webhook(ramp: "Ramp", _: Request, __: Params, webhook_id: str) -> Response:
    """DELETE /webhooks/{id}."""
    ramp.webhooks.delete(webhook_id)
    return Response(204)


def verify_webhook(ramp: "Ramp", request: Request, _: Params, webhook_id: str) -> Response:
    """POST /webhooks/{id}/verify."""
    return json_response(200, ramp.webhooks.verify(webhook_id, body_of(request)))
