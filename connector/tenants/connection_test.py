"""Tests both systems of a tenant, permission by permission, without writing anything.

Every check says what was tried, and when it failed what to change and where.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from connector.domain.errors import AccessError, PostingError, TransientError
from connector.epicor import address, contract
from connector.epicor.client import EpicorClient
from connector.ramp import accounting_fields
from connector.ramp.client import READS, RampClient
from connector.tenants.entities import name_in, remember
from connector.tenants.epicor_connection import connect_epicor, credentials
from connector.tenants.models import EntityRoute, PostingSettings, RampCredentials, Tenant
from connector.tenants.ramp_connection import address_hint, connect_ramp, granted_scopes
from mappings.models import Dimension

REACH = "reach"  # the name of the check that fails when a host does not answer
STAMP_LENGTH = 36  # a Ramp bill id
_WRITE = "accounting:write"
_PROBES = ("business", "entities", "bills", "vendors", "connections")
_SERVICES: Sequence[tuple[str, str, str, str]] = (
    (contract.VENDOR, "Vendors", "Vendor", "VendorNum"),
    (contract.BOOK, "GLBooks", "GLBook", "BookID"),
    (contract.GL_ACCOUNT, "GLAccounts", "GLAccount", "GLAccount1"),
    (contract.CHART, "COASegments", "COASegment", "SegmentNbr"),
    (contract.SEGMENT_VALUE, "COASegValues", "COASegValues", "SegmentCode"),
    (contract.TERMS, "PurTerms", "PurTerms", "TermsCode"),
    (contract.CURRENCY, "Currencies", "Currency", "CurrencyCode"),
    (contract.PERIOD, "GLBookPerSearches", "GLBookPer", "FiscalPeriod"),
    (contract.EARLIEST_DATE, "EADs", "EADComp", "Company"),
    (contract.AP_GROUP, "APInvGrps", "APInvGrp", "GroupID"),
    (contract.AP_INVOICE, "APInvoices", "APInvHed", "InvoiceNum"),
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried; `fix` is "" when nothing needs doing."""

    name: str
    ok: bool
    message: str
    fix: str = ""


Watch = Callable[[Check], None]  # is told each check as it is made


@dataclass(slots=True)
class Side:
    """The checks of one system, in the order they were made."""

    checks: list[Check] = field(default_factory=list)
    reachable: bool = True
    watch: Watch | None = None

    @property
    def ok(self) -> bool:
        """Whether all of them passed."""
        return all(check.ok for check in self.checks)

    def add(self, name: str, message: str, *, ok: bool = True, fix: str = "") -> None:
        """Note a check."""
        check = Check(name, ok, message, fix)
        self.checks.append(check)
        if self.watch is not None:
            self.watch(check)

    def attempt(self, name: str, what: Callable[[], str], *, fix: str = "") -> bool:
        """Make a check that passes unless it raises; its result is the message."""
        if not self.reachable:
            return False
        try:
            self.add(name, what())
        except PostingError as error:
            self._failed(name, error, fix)
            return False
        return True

    def _failed(self, name: str, error: PostingError, fix: str) -> None:
        if isinstance(error, TransientError) and "status" not in error.detail:
            self.reachable = False
            name, fix = REACH, fix or "Check the address, the network and the firewall."
        self.add(name, error.message, ok=False, fix=fix or _advice(error.message))

    def as_json(self) -> dict[str, Any]:
        """The side as `ping --json` shows it."""
        return {"ok": self.ok, "checks": [asdict(check) for check in self.checks]}


def ping(tenant: Tenant) -> dict[str, Any]:
    """Test both systems; returns {ramp: {ok, checks[{name, ok, message, fix}]}, epicor: {…}}."""
    return {"ramp": ping_ramp(tenant).as_json(), "epicor": ping_epicor(tenant).as_json()}


def unreachable(report: dict[str, Any]) -> list[str]:
    """The sentences of the hosts that did not answer."""
    return [
        check["message"]
        for side in report.values()
        for check in side["checks"]
        if check["name"] == REACH and not check["ok"]
    ]


# -- Ramp ------------------------------------------------------------------------------------------


def ping_ramp(tenant: Tenant, *, watch: Watch | None = None) -> Side:
    """Login, permissions, accounting connection and routes."""
    side = Side(watch=watch)
    try:
        client = connect_ramp(tenant)
    except AccessError as error:
        side.add("settings", error.message, ok=False, fix="Add Ramp in the settings.")
        return side
    try:
        _ramp_checks(side, client, tenant)
    finally:
        client.close()
    return side


def _ramp_checks(side: Side, client: RampClient, tenant: Tenant) -> None:
    base_url = RampCredentials.objects.get(tenant=tenant).base_url
    hint = address_hint(base_url)
    if not _ramp_login(side, client, hint):
        return
    for name in _PROBES:
        scope = READS[name][1]
        side.attempt(scope, lambda name=name: _probed(client, name))  # type: ignore[misc]
    side.attempt(_WRITE, lambda: _may_report(tenant))
    side.attempt("connection", lambda: _connection(client))
    side.attempt("routes", lambda: _routes(client, tenant))
    side.attempt("fields", lambda: _fields(client, tenant))


def _ramp_login(side: Side, client: RampClient, hint: str) -> bool:
    """Whether we get in. A missing permission is no refused login."""

    def enter() -> str:
        try:
            business = client.business()
        except AccessError as error:
            if not error.detail.get("scope"):
                raise
            return "Ramp accepts our login."
        name = str(business.get("business_name_legal") or "a business")
        return f"Ramp accepts our login as {name.rstrip('.')}."

    return side.attempt("login", enter, fix=hint)


def _probed(client: RampClient, name: str) -> str:
    client.probe(name)
    return f"We may read {name.replace('_', ' ')}."


def _may_report(tenant: Tenant) -> str:
    """Writing cannot be tried without writing, but the login says what it may do."""
    scopes = granted_scopes(tenant)
    if scopes is None:
        return "Ramp gave the login and did not say what it may do; the first result will show."
    if _WRITE not in scopes:
        raise AccessError(
            "Our login may not report results to Ramp. Bills would be entered and stay unconfirmed "
            f"in Ramp; grant the app the scope {_WRITE} in Ramp."
        )
    return "We may report results."


def _connection(client: RampClient) -> str:
    active = [row for row in client.connections() if row.get("is_active")]
    names = ", ".join(str(row.get("remote_provider_name") or "without a name") for row in active)
    if not active:
        raise AccessError(
            "No accounting connection is active in Ramp, so no result can be reported; connect "
            "Epicor Kinetic in Ramp's accounting settings."
        )
    if "epicor" not in names.lower():
        raise AccessError(
            f"The active accounting connection in Ramp is {names}, not one of ours, so results "
            "would go to its bills; connect Epicor Kinetic in Ramp's accounting settings."
        )
    return f"The accounting connection {names} is active."


def _routes(client: RampClient, tenant: Tenant) -> str:
    rows = list(client.entities())
    remember(tenant, rows)
    entities = {str(row.get("id")): name_in(row) or str(row.get("id")) for row in rows}
    routed = set(EntityRoute.objects.filter(tenant=tenant).values_list("ramp_entity_id", flat=True))
    unknown = sorted(routed - entities.keys())
    if unknown:
        raise AccessError(
            f"Ramp has no entity {', '.join(unknown)}; correct entities in the settings."
        )
    waiting = sorted(name for key, name in entities.items() if key not in routed)
    if waiting:
        return f"Bills of {', '.join(waiting)} will wait: no Epicor company is named for them."
    return "Every entity has its Epicor company."


def _fields(client: RampClient, tenant: Tenant) -> str:
    """Whether every field that fills a segment is one that Ramp has."""
    named = list(
        Dimension.objects.filter(tenant=tenant).values_list("ramp_field", flat=True).order_by("pk")
    )
    if not named:
        return "No accounting field fills a segment."
    rows = client.fields()
    wrong = accounting_fields.faults(named, rows)
    if wrong:
        has = ", ".join(sorted(str(row.get("id")) for row in rows)) or "none"
        raise AccessError(
            f"{' '.join(wrong.values())} What is chosen there decides nothing, and the default is "
            f"taken in its place. Ramp's fields are: {has}; correct dimensions in the settings."
        )
    return f"Ramp has the fields that fill segments: {', '.join(named)}."


# -- Epicor ----------------------------------------------------------------------------------------


def ping_epicor(tenant: Tenant, *, also: Sequence[str] = (), watch: Watch | None = None) -> Side:
    """Address, login, and for every company what the connector has to read.

    The companies are the routed ones; while there are none, those of `also`.
    """
    side = Side(watch=watch)
    try:
        client = connect_epicor(tenant)
    except AccessError as error:
        side.add("address", error.message, ok=False, fix="Correct Epicor in the settings.")
        return side
    side.add("address", "Address, version and login method go together.")
    stored = credentials(tenant)
    for warning in address.warnings(
        base_url=stored.base_url,
        deployment=stored.deployment,
        api_version=stored.api_version,
        auth_method=stored.auth_method,
    ):
        side.add("unusual", warning)
    try:
        _epicor_checks(side, client, tenant, companies(tenant) or sorted(set(also)))
    finally:
        client.close()
    return side


def companies(tenant: Tenant) -> list[str]:
    """The Epicor companies that entities are routed to, sorted."""
    routes = EntityRoute.objects.filter(tenant=tenant)
    return sorted(set(routes.values_list("company", flat=True)))


def checks_of(number: int) -> int:
    """How many checks there are when all goes well, with so many Epicor companies."""
    return len(_PROBES) + 7 + number * (len(_SERVICES) + 2)


def _epicor_checks(
    side: Side, client: EpicorClient, tenant: Tenant, companies: Sequence[str]
) -> None:
    if not companies:
        side.add(
            "companies",
            "No Epicor company is named for any Ramp entity.",
            ok=False,
            fix="Add entities in the settings.",
        )
        return
    if not side.attempt("login", lambda: _user(client, companies[0])):
        return
    stamp = PostingSettings.objects.filter(tenant=tenant).values_list("stamp_column", flat=True)
    column = stamp.first() or "ExternalID"
    for company in companies:
        for name, what in _company_checks(client, company, column):
            side.attempt(name, what)


def _company_checks(
    client: EpicorClient, company: str, column: str
) -> Iterator[tuple[str, Callable[[], str]]]:
    yield f"{company} company", lambda: _company(client, company)
    for place in _SERVICES:
        yield f"{company} {place[1]}", lambda place=place: _read(client, company, *place)  # type: ignore[misc]
    yield f"{company} {column}", lambda: _stamp(client, company, column)


def _user(client: EpicorClient, company: str) -> str:
    return f"Epicor accepts our login as {client.user(company)}."


def _company(client: EpicorClient, company: str) -> str:
    rows = client.rows(
        company,
        contract.COMPANY,
        "Companies",
        "Company",
        select=("Company1", "Name"),
        filter=f"Company1 eq {contract.quote(company)}",
        order_by="Company1",
        top=1,
    )
    found = next(iter(rows), None)
    if found is None or found["Company1"] != company:
        raise AccessError(
            f"Epicor shows no company {company}; correct its code (capitals matter) at "
            "the entities in the settings."
        )
    return f"We are let into {company} ({found['Name']})."


def _read(
    client: EpicorClient, company: str, service: str, entity_set: str, table: str, column: str
) -> str:
    rows = client.rows(
        company, service, entity_set, table, select=(column,), order_by=column, top=1
    )
    some = next(iter(rows), None) is not None
    slow = " (only the slower way)" if client.facts.get(f"heavy:{service}") else ""
    return f"We may read {entity_set}{slow}." if some else f"We may read {entity_set}: none yet."


def _stamp(client: EpicorClient, company: str, column: str) -> str:
    columns = client.column_lengths(company, contract.AP_INVOICE, "APInvHed")["APInvHed"]
    if column not in columns:
        raise AccessError(
            f"Invoices in {company} have no column {column}; name another one as "
            "posting.stamp_column."
        )
    limit = columns[column]
    if limit is not None and limit < STAMP_LENGTH:
        raise AccessError(
            f"{column} takes {limit} characters, a bill's id has {STAMP_LENGTH}; name a longer "
            "column as posting.stamp_column."
        )
    if limit is None:
        return f"{column} is there to hold a bill's id; Epicor names no limit for it."
    return f"{column} takes {limit} characters; a bill's id has {STAMP_LENGTH}."


def _advice(message: str) -> str:
    """The part of an error's message that says what to do: what follows its last semicolon."""
    advice = message.rpartition("; ")[2].strip()
    return advice[:1].upper() + advice[1:]
