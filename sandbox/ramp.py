"""The Ramp stand-in: the Developer API of one business, with memory. Source: docs/ramp.md.

Actions (methods of `Ramp`, and POST /_sandbox/do {"action": name, …} over HTTP):
  edit_bill(bill_id, changes, remove=[])    top-level fields replaced or removed
  add_bill(bill)                            a whole bill as JSON
  approve_bill(bill_id), archive_bill(bill_id), pay_bill(bill_id, method="ACH")
  mark_synced_elsewhere(bill_id)            somebody pressed Export in Ramp
  expire_tokens(), set_token_lifetime(seconds)
  revoke_scope(scope), grant_scope(scope)   revoking also hits the tokens in use
  disconnect(), connect_direct(provider)    the accounting connection goes, or another takes over
  set_rate_limit(most, window_s=10, retry_after_s=None)     most=None switches it off
  set_features(vendor_name=…, po_memo=…)    what this account's API can do
  send_webhook(event, object_id, url=None, times=1, event_id=None, signature=None)
      a signed delivery to `url` (keyed with the tenant file's webhook_secret) or to every active
      subscription; answers the HTTP statuses
"""

import datetime as dt
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

from sandbox.ramp_access import Access, RateLimit
from sandbox.ramp_accounting import Connections, Syncs
from sandbox.ramp_bills import BILL_PARAMS, Bills
from sandbox.ramp_http import PREFIX, UUID, RampError, Row, read_params
from sandbox.ramp_routes import ROUTES, Route
from sandbox.ramp_vendors import Vendors
from sandbox.ramp_webhooks import Webhooks
from sandbox.wire import BadJson, Request, Response
from sandbox.world import World

__all__ = ["BILL_PARAMS", "Ramp"]


class Ramp:
    """One business on Ramp. `clock` gives seconds and decides when tokens and limits run out."""

    ACTIONS = frozenset(
        [
            "edit_bill",
            "add_bill",
            "approve_bill",
            "archive_bill",
            "pay_bill",
            "mark_synced_elsewhere",
            "expire_tokens",
            "set_token_lifetime",
            "revoke_scope",
            "grant_scope",
            "disconnect",
            "connect_direct",
            "set_rate_limit",
            "set_features",
            "send_webhook",
        ]
    )

    def __init__(self, world: World, *, clock: Callable[[], float] | None = None) -> None:
        clock = clock or time.monotonic
        config = world.config
        self.lock = threading.RLock()
        self.business: Row = world.ramp["business"]
        self.entities: list[Row] = world.ramp["entities"]
        self.purchase_orders: list[Row] = list(world.ramp["purchase_orders"])
        self.bills = Bills(world.ramp["bills"])
        self.connections = Connections(now)
        self.connections.load(world.ramp)
        self.vendors = Vendors(world.ramp["vendors"], self.bills, self.connections)
        self.syncs = Syncs(self.bills, self.connections)
        self.access = Access(
            config.ramp_client_id, config.ramp_client_secret, clock, set(config.ramp_scopes)
        )
        self.webhooks = Webhooks(self.business["id"], config.ramp_webhook_secret, now)
        self.rate_limit = RateLimit(clock)
        self.po_memo_patchable = True
        self._traces = itertools.count(1)

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        with self.lock:
            response = self.rate_limit.refuse() or self._answer(request)
            response.headers["x-trace-id"] = f"sandbox-{next(self._traces):012d}"
        return response

    def label(self, request: Request) -> str:
        """The path with every uuid as {id}, for counting."""
        return template(request.path)

    def _answer(self, request: Request) -> Response:
        try:
            return self._routed(request)
        except RampError as error:
            return error.response()
        except BadJson as error:
            return RampError(400, "DEVELOPER_7001", str(error)).response()

    def _routed(self, request: Request) -> Response:
        shape = template(request.path).removeprefix(PREFIX)
        if request.path.startswith(PREFIX) and shape == "/token":
            return self._only_post(request, self.access.issue)
        if request.path.startswith(PREFIX) and shape == "/token/revoke":
            return self._only_post(request, self.access.revoke)
        verbs = ROUTES.get(shape) if request.path.startswith(PREFIX) else None
        if verbs is None:
            raise RampError(404, "DEVELOPER_7004", f"No such path: {request.path}")
        route: Route | None = verbs.get(request.method)
        if route is None:
            raise RampError(405, "DEVELOPER_7005", f"{request.method} is not allowed here")
        self.access.check(request, route.scope)
        params = read_params(request, route.params)
        ids = [part for part in request.path.split("/") if UUID.fullmatch(part)]
        return route.run(self, request, params, *ids)

    def _only_post(self, request: Request, run: Callable[[Request], Response]) -> Response:
        if request.method != "POST":
            raise RampError(405, "DEVELOPER_7005", f"{request.method} is not allowed here")
        return run(request)

    def state(self) -> dict[str, Any]:
        """The ledger: bills with their sync state, every sync call, the connections."""
        with self.lock:
            return {
                "bills": {bill["id"]: self._bill_state(bill) for bill in self.bills},
                "syncs": list(self.syncs.calls),
                "export_errors": dict(self.syncs.export_errors),
                "connections": [item.row for item in self.connections.items],
                "accounting_vendors": len(self.connections.coding_list("vendors").rows),
                "gl_accounts": len(self.connections.coding_list("accounts").rows),
                "tokens_issued": len(self.access.tokens),
            }

    def _bill_state(self, bill: Row) -> Row:
        references = self.syncs.references.get(bill["id"], {})
        return {
            "sync_status": bill["sync_status"],
            "status": bill["status"],
            "approval_status": bill["approval_status"],
            "archived": bill["archived_at"] is not None,
            "deep_link_url": bill.get("deep_link_url"),
            "reference_id": references.get("BILL_SYNC"),
            "payment_reference_id": references.get("BILL_PAYMENT_SYNC"),
            "export_errors": self.syncs.export_errors.get(bill["id"], []),
        }

    # -- actions ---------------------------------------------------------------------------------

    def edit_bill(self, bill_id: str, changes: Row, remove: list[str] | None = None) -> None:
        """A user edits a bill in Ramp: whole top-level fields are replaced or removed."""
        with self.lock:
            self.bills.change(bill_id, changes, tuple(remove or ()))

    def add_bill(self, bill: Row) -> None:
        """A new bill, given whole."""
        with self.lock:
            self.bills.add(bill)

    def approve_bill(self, bill_id: str) -> None:
        """A bill is approved."""
        self.edit_bill(bill_id, {"approval_status": "APPROVED"})

    def archive_bill(self, bill_id: str) -> None:
        """A bill is archived: lists show it only when asked for archived ones."""
        self.edit_bill(bill_id, {"archived_at": now()})

    def pay_bill(self, bill_id: str, method: str = "ACH") -> None:
        """A bill is paid in full."""
        with self.lock:
            bill = self.bills.get(bill_id)
            payment = bill["payment"] or {
                "amount": bill["amount"],
                "details": {"manual_payment_method": "OTHER"},
                "trace_id": None,
            }
            moment = now()
            dates = {"payment_date": moment, "effective_date": moment}
            self.bills.change(
                bill_id,
                {
                    "status": "PAID",
                    "paid_at": moment,
                    "payment": {**payment, **dates, "payment_method": method},
                },
            )

    def mark_synced_elsewhere(self, bill_id: str) -> None:
        """Somebody marked the bill as synced in Ramp, behind our back."""
        self.edit_bill(bill_id, {"sync_status": "BILL_SYNCED"})

    def expire_tokens(self) -> None:
        """Every token issued so far is dead."""
        with self.lock:
            self.access.tokens.clear()

    def set_token_lifetime(self, seconds: int) -> None:
        """How long tokens issued from now on live."""
        self.access.lifetime_s = seconds

    def revoke_scope(self, scope: str) -> None:
        """The customer takes a scope away, also from tokens in use."""
        with self.lock:
            self.access.revoke_scope(scope)

    def grant_scope(self, scope: str) -> None:
        """The customer grants a scope; tokens in use do not get it."""
        self.access.scopes.add(scope)

    def disconnect(self) -> None:
        """The accounting connection is disconnected."""
        with self.lock:
            self.connections.disconnect()

    def connect_direct(self, provider: str = "NetSuite") -> None:
        """A direct connection to another ERP takes over."""
        with self.lock:
            if self.connections.active:
                self.connections.disconnect()
            self.connections.create(provider, direct=True)

    def set_rate_limit(
        self, most: int | None, window_s: float = 10, retry_after_s: int | None = None
    ) -> None:
        """Another limit; None switches it off. `retry_after_s`: also send Retry-After."""
        with self.lock:
            limit = self.rate_limit
            limit.most, limit.window_s, limit.retry_after_s = most, window_s, retry_after_s

    def set_features(self, *, vendor_name: bool = True, po_memo: bool = True) -> None:
        """What this account's API can do: rename vendors, write memos of purchase orders."""
        self.vendors.name_patchable = vendor_name
        self.po_memo_patchable = po_memo

    def send_webhook(
        self,
        event: str,
        object_id: str,
        url: str | None = None,
        times: int = 1,
        event_id: str | None = None,
        signature: str | None = None,
    ) -> list[int]:
        """Deliver one event `times` times to each target. Returns the statuses, 0 = no answer."""
        body = self.webhooks.payload(event, object_id, event_id)
        return [
            self.webhooks.deliver(target, body, signature)
            for target in self.webhooks.targets(event, url)
            for _ in range(times)
        ]


def template(path: str) -> str:
    """A path with every uuid as {id}."""
    return "/".join("{id}" if UUID.fullmatch(part) else part for part in path.split("/"))


def now() -> str:
    """This moment as Ramp writes it."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
