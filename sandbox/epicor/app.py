"""The Epicor stand-in: Kinetic's REST interface for accounts payable, on loopback, with memory.

Addresses: /connect/token (OAuth2), /kinetic/TokenResource.svc/, /kinetic/api/v1/… and
/kinetic/api/v2/odata/{Company}/…. Company EPIC01 exists but is closed to the integration user.

Actions for POST /_sandbox/do, each also a method here: type_invoice, edit_invoice,
delete_invoice, post_group, pay_invoice, lock_group, unlock_group, close_period,
deactivate_vendor, auto_lock, deny_company, expire_tokens, set_token_seconds, revoke_key,
narrow_scope, heavy, ask_next, ask_no_more, set_update_master, rename_skeleton,
require_complete_rows, limit_pages.
`vendor` is a VendorID or a VendorNum everywhere.
"""

import datetime as dt
import threading
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from sandbox.epicor import groups, people
from sandbox.epicor.auth import ApiKey, Logins, wants_json, xml_refusal
from sandbox.epicor.call import Call, Question, Switches
from sandbox.epicor.contract import SERVICES
from sandbox.epicor.errors import ApiError
from sandbox.epicor.loading import load_world
from sandbox.epicor.odata import ADDRESS
from sandbox.epicor.routing import AP_INVOICE, SKELETON, Address, Router, nowhere, segments
from sandbox.epicor.skeletons import ASKING
from sandbox.epicor.tables import Row
from sandbox.epicor.where import V2
from sandbox.server import Request, Response

INSTANCE = "kinetic"
FOREIGN_COMPANY = "EPIC01"
MODES = ("all", "named", "echo")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Epicor:
    """One Epicor environment. `update_master` (all, named, echo): what UpdateMaster saves.

    `clock` gives the current time (aware). Thread-safe: one lock around everything.
    """

    ACTIONS = frozenset(
        {
            "type_invoice", "edit_invoice", "delete_invoice", "post_group", "pay_invoice",
            "lock_group", "unlock_group", "close_period", "deactivate_vendor", "auto_lock",
            "deny_company", "expire_tokens", "set_token_seconds", "revoke_key", "narrow_scope",
            "heavy", "ask_next", "ask_no_more", "set_update_master", "rename_skeleton",
            "require_complete_rows", "limit_pages",
        }
    )  # fmt: skip

    def __init__(
        self,
        world: Any,
        *,
        clock: Callable[[], dt.datetime] | None = None,
        update_master: str = "all",
    ) -> None:
        self.clock = clock or _now
        self.store = load_world(world.epicor)
        self.switches = Switches()
        self.set_update_master(update_master)
        self.logins = Logins(world.config, self.clock)
        self.logins.denied_companies.add(FOREIGN_COMPANY)
        self._router = Router(self.store, self.switches, self.logins, self.clock)
        self._lock = threading.RLock()
        self._errors = count(1)

    # -- requests --------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        try:
            with self._lock, self.store.transaction():
                return self._answer(request)
        except ApiError as error:
            correlation_id = str(UUID(int=(0xC0 << 120) + next(self._errors)))
            if error.status == 401 and not wants_json(request):
                return xml_refusal(error, correlation_id)
            return Response(error.status, error.body(correlation_id))

    def _answer(self, request: Request) -> Response:
        parts = segments(request)
        if parts == ["connect", "token"]:
            return self.logins.oauth_token(request)
        if parts[0] != INSTANCE or len(parts) < 2:
            raise nowhere(request.path)
        if parts[1] == "TokenResource.svc":
            return self.logins.own_token(request)
        if parts[1] != "api" or len(parts) < 3:
            raise nowhere(request.path)
        return self._router.api(request, parts[2:])

    def label(self, request: Request) -> str:
        """The address without instance, version, company and key: /Service/SetOrMethod."""
        parts = segments(request)
        if len(parts) < 4 or parts[1] != "api":
            return request.path
        parts = parts[5:] if parts[3] == "odata" else parts[3:]
        match = ADDRESS.fullmatch("/".join(parts[1:]))
        if match is None:
            return "/" + "/".join(parts)
        key = "(key)" if match["key"] is not None else ""
        return f"/{parts[0]}/{match['set']}{key}{match['count'] or ''}"

    def state(self) -> dict[str, Any]:
        """The ledger: invoices (company, header, lines, distributions) and groups."""
        with self._lock:
            invoices, open_groups = [], []
            for company in self.store.companies:
                call = self._call(company, "auditor")
                invoices += [{"company": company, **entry} for entry in people.ledger(call)]
                table = call.table("APInvGrp")
                open_groups += [table.full(row) for row in table.rows.values()]
            return {"invoices": invoices, "groups": open_groups}

    def _call(self, company: str, user: str) -> Call:
        if company not in self.store.companies:
            raise ValueError(f"No company {company}.")
        service = SERVICES[AP_INVOICE]
        address = Address(service, "", company, user, V2)
        return self._router.call(address, service.methods["Update"], {})

    def _act(self, company: str, user: str, action: Callable[[Call], Any]) -> Any:
        """Something a person does, all or nothing; a refusal is a ValueError."""
        with self._lock:
            try:
                with self.store.transaction():
                    return action(self._call(company, user))
            except ApiError as error:
                raise ValueError(error.message) from error

    # -- what people do --------------------------------------------------------------------------

    def type_invoice(
        self,
        company: str,
        vendor: int | str,
        invoice_num: str,
        total: Decimal | str | int,
        *,
        user: str = "jsmith",
        **given: Any,
    ) -> Row:
        """A person types an invoice. Also: day, apply_day, group, currency, account, external_id,
        description. Returns its header."""
        amount = Decimal(total)
        return self._act(  # type: ignore[no-any-return]
            company,
            user,
            lambda call: people.type_invoice(call, vendor, invoice_num, amount, **given),
        )

    def edit_invoice(
        self,
        company: str,
        vendor: int | str,
        invoice_num: str,
        changes: Row,
        *,
        user: str = "jsmith",
    ) -> Row:
        """A person changes header columns. Returns the header."""
        return self._act(  # type: ignore[no-any-return]
            company, user, lambda call: people.edit_invoice(call, vendor, invoice_num, changes)
        )

    def delete_invoice(self, company: str, vendor: int | str, invoice_num: str) -> None:
        """A person deletes an invoice."""
        self._act(company, "jsmith", lambda call: people.delete_invoice(call, vendor, invoice_num))

    def post_group(self, company: str, group: str) -> int:
        """AP posts a group. Returns how many invoices became final."""
        return int(self._act(company, "jsmith", lambda call: people.post_group(call, group)))

    def pay_invoice(
        self,
        company: str,
        vendor: int | str,
        invoice_num: str,
        amount: Decimal | str | int | None = None,
    ) -> Row:
        """AP pays an invoice, wholly or in part. Returns the payment's row."""
        paid = None if amount is None else Decimal(amount)
        return self._act(  # type: ignore[no-any-return]
            company, "jsmith", lambda call: people.pay_invoice(call, vendor, invoice_num, paid)
        )

    def lock_group(self, company: str, group: str, user: str = "jsmith") -> None:
        """A person holds a group."""
        self._hold(company, group, user)

    def unlock_group(self, company: str, group: str) -> None:
        """Nobody holds the group any more."""
        self._hold(company, group, "")

    def _hold(self, company: str, group: str, user: str) -> None:
        def hold(call: Call) -> None:
            groups.put_group(call, groups.find_group(call, group), ActiveUserID=user)

        self._act(company, user or "jsmith", hold)

    def close_period(self, company: str, year: int, period: int, *, closed: bool = True) -> None:
        """Close (or open) a fiscal period of the main book."""
        self._act(
            company, "jsmith", lambda call: people.close_period(call, year, period, closed=closed)
        )

    def deactivate_vendor(self, company: str, vendor: int | str, *, inactive: bool = True) -> None:
        """Make a supplier inactive (or active)."""

        def change(call: Call) -> None:
            row = people.vendor_of(call, vendor)
            revision = call.store.next_revision()
            call.table("Vendor").put({**row, "Inactive": inactive, "SysRevID": revision})

        self._act(company, "jsmith", change)

    def auto_lock(self, company: str, *, on: bool = True) -> None:
        """Groups lock to whoever opens them (XbSyst.AutoLockFinGroups)."""

        def change(call: Call) -> None:
            table = call.table("XbSyst")
            for row in list(table.rows.values()):
                table.put({**row, "AutoLockFinGroups": on})

        self._act(company, "jsmith", change)

    # -- access ----------------------------------------------------------------------------------

    def deny_company(self, company: str, *, denied: bool = True) -> None:
        """Close a company to the integration user (or open it again)."""
        companies = self.logins.denied_companies
        (companies.add if denied else companies.discard)(company)

    def expire_tokens(self) -> None:
        """Every token given out so far is worthless."""
        with self._lock:
            self.logins.expire_all()

    def set_token_seconds(self, seconds: int) -> None:
        """How long the next tokens live."""
        self.logins.token_seconds = seconds

    def revoke_key(self, key: str | None = None, *, revoked: bool = True) -> None:
        """Disable an API key, or all of them (or enable them again)."""
        for each in self._keys(key):
            each.enabled = not revoked

    def narrow_scope(self, services: Iterable[str], key: str | None = None) -> None:
        """Leave these services, and only these, out of the key's access scope."""
        for each in self._keys(key):
            each.denied = set(services)

    def _keys(self, key: str | None) -> list[ApiKey]:
        return list(self.logins.keys.values()) if key is None else [self.logins.keys[key]]

    # -- how releases differ ---------------------------------------------------------------------

    def heavy(self, services: Iterable[str]) -> None:
        """OData GETs of these services, and only these, answer a generic 500."""
        self.switches.heavy = set(services)

    def limit_pages(self, most: int, *, links: bool = False) -> None:
        """No page has more rows than `most` (0 = as released); `links`: a set names the next."""
        self.switches.page_limit, self.switches.next_links = most, links

    def ask_next(
        self,
        message: str,
        method: str = "UpdateMaster",
        *,
        saved: bool = False,
        always: bool = False,
    ) -> None:
        """The next call of the method asks this (`always`: every one, until ask_no_more).

        UpdateMaster saves nothing then, unless it only says so (`saved`); a Change… method hands
        its row on as always. The message may name the invoice: "Is {InvoiceNum} right?".
        """
        known = ("UpdateMaster", *ASKING)
        if method not in known or (saved and method != "UpdateMaster"):
            raise ValueError(f"{method} cannot ask that; methods that ask: {', '.join(known)}.")
        self.switches.questions.append(Question(message, method, saved, always))

    def ask_no_more(self) -> None:
        """Nothing is asked any more."""
        self.switches.questions.clear()

    def set_update_master(self, mode: str) -> None:
        """What UpdateMaster saves: all rows, the named table, or the named table with echo."""
        if mode not in MODES:
            raise ValueError(f"Unknown mode {mode!r}; known: {', '.join(MODES)}.")
        self.switches.update_master = mode

    def rename_skeleton(self, name: str = SKELETON) -> None:
        """The name under which the skeleton method of invoices exists here."""
        self.switches.skeleton = name

    def require_complete_rows(self, *, required: bool = True) -> None:
        """Whether a changed row must come back with every column of its table."""
        self.switches.complete_rows = required
