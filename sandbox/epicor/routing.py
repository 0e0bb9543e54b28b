"""From an address to a set or a method: /api/v2/odata/{Company}/{Service}/{SetOrMethod} and v1."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from sandbox.epicor import groups, invoices, others, skeletons
from sandbox.epicor.auth import ApiKey, Logins
from sandbox.epicor.call import Call, Handler, Switches, checked_parameters, sent_parameters
from sandbox.epicor.contract import SERVICES, Method, Service
from sandbox.epicor.errors import API, ApiError, bad_call, business, internal
from sandbox.epicor.odata import ADDRESS, find_entity, metadata, read_one, read_set
from sandbox.epicor.reads import get_by_id, get_list, get_rows
from sandbox.epicor.tables import Store
from sandbox.epicor.where import V1, V2
from sandbox.server import BadJson, Request, Response, json_response

AP_INVOICE = "Erp.BO.APInvoiceSvc"
SKELETON = "GetNewAPInvHedInvoice"

HANDLERS: dict[tuple[str, str], Handler] = {
    **{("Erp.BO.APInvGrpSvc", name): handler for name, handler in groups.METHODS.items()},
    **{(AP_INVOICE, name): handler for name, handler in skeletons.METHODS.items()},
    **{(AP_INVOICE, name): handler for name, handler in invoices.METHODS.items()},
    **others.METHODS,
}
GENERIC: dict[str, Handler] = {"GetRows": get_rows, "GetList": get_list, "GetByID": get_by_id}


@dataclass(frozen=True, slots=True)
class Address:
    """What a request is about, once login, key, company and scope are checked."""

    service: Service
    rest: str  # set, key or method
    company: str
    user: str
    dialect: str


def segments(request: Request) -> list[str]:
    """The decoded parts of the path; a slash inside a key stays inside its part."""
    raw = request.target.partition("?")[0] if request.target else ""
    if not raw:
        return request.path.strip("/").split("/")
    return [unquote(part) for part in raw.strip("/").split("/")]


def nowhere(what: str) -> ApiError:
    """There is no such service, set or method (404)."""
    return ApiError(404, API, f"Unable to find '{what}'.")


@dataclass(slots=True)
class Router:
    """Finds and runs what an API address means."""

    store: Store
    switches: Switches
    logins: Logins
    clock: Callable[[], dt.datetime]

    def api(self, request: Request, parts: list[str]) -> Response:
        """Answer an address below /api: `parts` begins with v1 or v2."""
        user = self.logins.user_of(request)
        version, rest = parts[0], parts[1:]
        if version == "v2":
            address = self._address_v2(request, rest, user)
        elif version == "v1":
            address = self._address_v1(request, rest, user)
        else:
            raise nowhere(version)
        return self._dispatch(request, address)

    # -- addresses -------------------------------------------------------------------------------

    def _address_v2(self, request: Request, parts: list[str], user: str) -> Address:
        key = self.logins.key_of(request)
        if len(parts) < 2 or parts[0] != "odata":
            raise nowhere(parts[0] if parts else "")
        company, service, rest = parts[1], _part(parts, 2), "/".join(parts[3:])
        _call_settings(request)
        return self._checked(service, rest, company, user, key, V2)

    def _address_v1(self, request: Request, parts: list[str], user: str) -> Address:
        settings = _call_settings(request)
        company = settings.get("Company", self.store.companies[0])
        service, rest = _part(parts, 0), "/".join(parts[1:])
        return self._checked(service, rest, company, user, None, V1)

    def _checked(
        self, service: str, rest: str, company: str, user: str, key: ApiKey | None, dialect: str
    ) -> Address:
        if service not in SERVICES:
            raise nowhere(service)
        self.logins.check_company(company, key)
        if company not in self.store.companies:
            raise business(f"Company {company} is not valid.")
        self.logins.check_scope(service, key)
        return Address(SERVICES[service], rest, company, user, dialect)

    # -- sets and methods ------------------------------------------------------------------------

    def _dispatch(self, request: Request, address: Address) -> Response:
        service, rest = address.service, address.rest
        if rest == "$metadata":
            return metadata(service)
        method = self._method(service, rest)
        if method is not None:
            return self._run(request, address, method)
        match = ADDRESS.fullmatch(rest)
        entity = find_entity(service, match["set"]) if match else None
        if match is None or entity is None:
            raise nowhere(f"{service.name}/{rest}")
        if request.method == "POST" and match["key"] is None:
            return self._insert(request, address, entity.name)
        if request.method != "GET":
            raise bad_call(f"{request.method} on {entity.name} is not supported here.")
        if service.name in self.switches.heavy:
            raise internal()
        main = service.tables[0] if entity.name == "List" else entity.table
        table = self.store.table(address.company, service.stored(main))
        if match["key"] is not None:
            return read_one(entity, table, match["key"], request.query, address.dialect)
        counting = match["count"] is not None
        return read_set(
            service,
            entity,
            table,
            request.query,
            dialect=address.dialect,
            count_only=counting,
            limit=self.switches.page_limit,
            links=self.switches.next_links,
        )

    def _method(self, service: Service, name: str) -> Method | None:
        """The method behind a name; the skeleton's name is a switch."""
        if service.name == AP_INVOICE and name in (SKELETON, self.switches.skeleton):
            return service.methods[SKELETON] if name == self.switches.skeleton else None
        return service.methods.get(name)

    def _run(self, request: Request, address: Address, method: Method) -> Response:
        if request.method not in (("GET", "POST") if method.reads else ("POST",)):
            raise nowhere(f"{request.method} {address.service.name}/{method.name}")
        try:
            sent = sent_parameters(request, method)
        except BadJson as error:
            raise bad_call(str(error)) from error
        params = checked_parameters(sent, method, address.service)
        handler = HANDLERS.get((address.service.name, method.name)) or GENERIC[method.name]
        returned, outs = handler(self.call(address, method, params))
        answer: dict[str, Any] = {"parameters": outs}
        if returned is not None:
            answer = {"returnObj": returned, **answer}
        return Response(200, answer)

    def call(self, address: Address, method: Method, params: dict[str, Any]) -> Call:
        """A method call made by the address's user."""
        return Call(
            self.store,
            self.switches,
            address.service,
            method,
            address.company,
            address.user,
            self.clock(),
            params,
        )

    def _insert(self, request: Request, address: Address, name: str) -> Response:
        """POST on a set: a new row (201)."""
        table = address.service.sets[name].table if name != "List" else ""
        try:
            sent = request.json()
        except BadJson as error:
            raise bad_call(str(error)) from error
        params = checked_parameters({"ds": {table: [sent]}}, _INSERT, address.service)
        call = self.call(address, _INSERT, params)
        row = params["ds"][table][0]
        if table == "APInvGrp":
            added = call.table(table).full(groups.save_new_group(call, row))
        elif table == "APInvHedAttch":
            added = others.add_attachment(call, row)
        else:
            raise bad_call(f"POST on {name} is not supported here.")
        return json_response(201, added)


_INSERT = Method("POST", (("ds", "ds"),), ())


def _part(parts: list[str], index: int) -> str:
    return parts[index] if len(parts) > index else ""


def _call_settings(request: Request) -> dict[str, str]:
    """The CallSettings header: company and site. Raises 400."""
    text = request.headers.get("CallSettings")
    if not text:
        return {}
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise bad_call("The CallSettings header is not JSON.") from error
    if not isinstance(settings, dict):
        raise bad_call("The CallSettings header must be a JSON object.")
    return settings
