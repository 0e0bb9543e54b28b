"""Errands of the setup: the connection test, and what both systems have.

Nothing here writes to Ramp or to Epicor.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from connector.actions.requests import ErrandError
from connector.domain.errors import PostingError
from connector.epicor import contract
from connector.epicor.catalogs import Books, refresh_catalog
from connector.epicor.client import EpicorClient
from connector.http_client.models import AccessToken
from connector.jobs.models import Errand
from connector.tenants import connection_test, sections, setup
from connector.tenants.entities import name_in, remember
from connector.tenants.epicor_connection import connect_epicor, keep_facts
from connector.tenants.models import Tenant
from connector.tenants.ramp_connection import connect_ramp
from mappings import catalog
from mappings.models import CatalogRefresh

if TYPE_CHECKING:
    from connector.actions.runner import Report

TEST, ENTITIES, CHART = "setup_test", "setup_entities", "setup_chart"
TWINS, REHEARSAL, CATALOGS = "setup_twins", "setup_rehearsal", "catalogs"
_CHART = (catalog.SEGMENTS, catalog.SEGMENT_VALUES, catalog.CURRENCIES, catalog.TERMS)


def test(errand: Errand, report: "Report") -> str:
    """Test both systems permission by permission; every check is shown as it is made."""
    tenant = errand.tenant
    # A permission that was ticked since the last login counts with a new login only.
    AccessToken.objects.filter(tenant=tenant).update(token=None, expires_at=None)
    first = setup.company(tenant)
    companies = connection_test.companies(tenant) or [name for name in [first] if name]
    result: dict[str, Any] = {"mark": connections_mark(tenant), "ramp": [], "epicor": []}
    expected = connection_test.checks_of(len(companies))
    report.at(0, expected)

    def watch(system: str) -> connection_test.Watch:
        def seen(check: connection_test.Check) -> None:
            result[system].append(asdict(check))
            report.keep(result)
            report.at(min(expected, len(result["ramp"]) + len(result["epicor"])))

        return seen

    connection_test.ping_ramp(tenant, watch=watch("ramp"))
    connection_test.ping_epicor(tenant, also=companies, watch=watch("epicor"))
    checks = [*result["ramp"], *result["epicor"]]
    failed = sum(not check["ok"] for check in checks)
    report.keep(result | {"failed": failed})
    report.at(len(checks), len(checks))
    if failed:
        raise ErrandError(
            f"{failed} of {len(checks)} checks need attention. Nothing was written; do what they "
            "say, then test again."
        )
    return f"All {len(checks)} checks passed. Nothing was written."


def connections_mark(tenant: Tenant) -> str:
    """Tells one state of both connections from another."""
    whole = sections.values(tenant)
    return "".join(sections.mark(sections.SECTIONS[name], whole) for name in ("ramp", "epicor"))


# -- what both systems have ------------------------------------------------------------------------


def entities(errand: Errand, report: "Report") -> str:
    """Ramp's entities and the Epicor companies that the integration user may use."""
    report.at(0, 2)
    ramp = connect_ramp(errand.tenant)
    try:
        rows = ramp.entities()
    finally:
        ramp.close()
    found = [
        {
            "id": str(row.get("id") or ""),
            "name": name_in(row),
            "currency": str(row.get("currency") or ""),
        }
        for row in rows
    ]
    remember(errand.tenant, rows)
    report.at(1, 2)
    companies, trouble = _companies(errand.tenant)
    report.keep({"entities": found, "companies": companies, "trouble": trouble})
    report.at(2, 2)
    return f"{counted(len(found), 'entity', 'entities')} in Ramp. {_told(companies, trouble)}"


def _told(companies: Sequence[dict[str, str]], trouble: str) -> str:
    if trouble:
        return f"Type the Epicor companies: they could not be listed. {trouble}"
    return f"{counted(len(companies), 'company', 'companies')} in Epicor."


def _companies(tenant: Tenant) -> tuple[list[dict[str, str]], str]:
    """The companies of the integration user, or why they cannot be listed."""
    first = setup.company(tenant)
    if not first:
        return [], "Name one company in the Epicor step, so that Epicor can be asked."
    try:
        client = connect_epicor(tenant)
        try:
            return _listed(client, first), ""
        finally:
            client.close()
    except PostingError as error:
        return [], error.message


def _listed(client: EpicorClient, first: str) -> list[dict[str, str]]:
    user = client.user(first)
    asked = {"userID": user, "whereClause": ""}
    pages = client.lists(first, contract.USER, "GetCompanyListForUser", asked)
    found = {
        str(row.get("Company") or ""): str(row.get("Name") or "")
        for page in pages
        for row in page.ds.get("CompanyList", ())
    }
    found.setdefault(first, "")
    return [{"code": code, "name": name} for code, name in sorted(found.items()) if code]


def chart(errand: Errand, report: "Report") -> str:
    """Ramp's accounting fields, and segments, currencies and terms of every routed company."""
    tenant = errand.tenant
    companies = connection_test.companies(tenant)
    if not companies:
        raise ErrandError("Name the Epicor companies of the entities first; nothing was read.")
    total = 1 + len(companies) * len(_CHART)
    report.at(0, total)
    ramp = connect_ramp(tenant)
    try:
        fields = [
            {
                "id": str(row.get("id") or ""),
                "name": str(row.get("name") or ""),
                "is_active": row.get("is_active") is not False,
            }
            for row in ramp.fields()
        ]
    finally:
        ramp.close()
    report.keep({"fields": fields})
    report.at(1)
    counts = _read(tenant, companies, _CHART, lambda done, _: report.at(1 + done, total))
    return (
        f"{counted(len(fields), 'accounting field', 'accounting fields')} in Ramp, "
        f"{counts[catalog.SEGMENTS]} segments and {counts[catalog.CURRENCIES]} currencies in "
        "Epicor."
    )


def catalogs(errand: Errand, report: "Report") -> str:
    """Mirror every catalog of every routed company now; the page shows which and how many rows."""
    companies = connection_test.companies(errand.tenant)
    if not companies:
        raise ErrandError("No Epicor company is named for any entity; nothing was read.")
    total = len(companies) * len(catalog.ALL_CATALOGS)
    report.at(0, total)
    shown: dict[str, Any] = {"read": []}

    def seen(done: int, what: dict[str, Any]) -> None:
        shown["read"] = [one for one in shown["read"] if one["over"]] + [what]
        report.keep(shown)
        report.at(done, total)

    counts = _read(errand.tenant, companies, catalog.ALL_CATALOGS, seen)
    rows = sum(counts.values())
    return f"{rows:,} rows of Epicor's lists are here, {counts[catalog.VENDORS]:,} vendors."


def _read(
    tenant: Tenant,
    companies: Sequence[str],
    names: Sequence[str],
    seen: Callable[[int, dict[str, Any]], None],
) -> dict[str, int]:
    """Mirror these catalogs, one after the other; how many rows each has, of all companies.

    `seen` is told how many catalogs are done, and of the present one how many rows were read and
    how many it had the last time.
    """
    client = connect_epicor(tenant)
    books = Books(client)
    counts = dict.fromkeys(names, 0)
    before = _sizes(tenant)
    try:
        for done, (company, name) in enumerate([(c, n) for c in companies for n in names]):
            what = {"company": company, "name": name, "of": before.get((company, name), 0)}
            client.watch = partial(_tell, seen, done, what)
            read = refresh_catalog(client, tenant.pk, company, name, books)
            counts[name] += read
            seen(done + 1, {**what, "rows": read, "over": True})
        return counts
    finally:
        keep_facts(tenant, client)
        client.close()


def _tell(
    seen: Callable[[int, dict[str, Any]], None], done: int, what: dict[str, Any], rows: int
) -> None:
    seen(done, {**what, "rows": rows, "over": False})


def _sizes(tenant: Tenant) -> dict[tuple[str, str], int]:
    rows = CatalogRefresh.objects.filter(tenant=tenant)
    return {(one.company, one.catalog): one.rows for one in rows}


def counted(number: int, one: str, many: str) -> str:
    """1 bill, 1,200 bills."""
    return f"{number:,} {one if number == 1 else many}"
