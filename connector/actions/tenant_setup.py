"""Jobs of the setup: the connection test, and what both systems have.

Nothing here writes to Ramp or to Epicor.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from connector.domain.errors import PostingError
from connector.epicor import contract
from connector.epicor.catalogs import Books, refresh_catalog
from connector.epicor.client import EpicorClient
from connector.http_client.models import AccessToken
from connector.jobs import lease
from connector.jobs.models import Job
from connector.jobs.registry import Done, JobError, job
from connector.tenants import connection_test, sections, setup
from connector.tenants.entities import name_in, remember
from connector.tenants.epicor_connection import connect_epicor, keep_facts
from connector.tenants.models import Tenant
from connector.tenants.ramp_connection import connect_ramp
from mappings import catalog
from mappings.models import CatalogRefresh

TEST, ENTITIES, CHART = "setup_test", "setup_entities", "setup_chart"
TWINS, REHEARSAL, CATALOGS = "setup_twins", "setup_rehearsal", "catalogs"
_CHART = (catalog.SEGMENTS, catalog.SEGMENT_VALUES, catalog.CURRENCIES, catalog.TERMS)


@job(TEST)
def test(job: Job) -> Done:
    """Test both systems permission by permission; every check is shown as it is made."""
    tenant = job.tenant
    # A permission that was ticked since the last login counts with a new login only.
    AccessToken.objects.filter(tenant=tenant).update(token=None, expires_at=None)
    first = setup.company(tenant)
    companies = connection_test.companies(tenant) or [name for name in [first] if name]
    result: dict[str, Any] = {"mark": connections_mark(tenant), "ramp": [], "epicor": []}
    expected = connection_test.checks_of(len(companies))
    lease.report(job, 0, expected)

    def watch(system: str) -> connection_test.Watch:
        def seen(check: connection_test.Check) -> None:
            result[system].append(asdict(check))
            lease.show(job, result)
            lease.report(job, min(expected, len(result["ramp"]) + len(result["epicor"])))

        return seen

    connection_test.ping_ramp(tenant, watch=watch("ramp"))
    connection_test.ping_epicor(tenant, also=companies, watch=watch("epicor"))
    checks = [*result["ramp"], *result["epicor"]]
    failed = sum(not check["ok"] for check in checks)
    job.done = job.total = len(checks)
    lease.show(job, result | {"failed": failed})
    if failed:
        raise JobError("checks_failed", failed=failed, checks=len(checks))
    return Done("checks_passed", {"checks": len(checks)})


def connections_mark(tenant: Tenant) -> str:
    """Tells one state of both connections from another."""
    whole = sections.values(tenant)
    return "".join(sections.mark(sections.SECTIONS[name], whole) for name in ("ramp", "epicor"))


# -- what both systems have ------------------------------------------------------------------------


@job(ENTITIES)
def entities(job: Job) -> Done:
    """Ramp's entities and the Epicor companies that the integration user may use."""
    lease.report(job, 0, 2)
    ramp = connect_ramp(job.tenant)
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
    remember(job.tenant, rows)
    lease.report(job, 1)
    companies, trouble = _companies(job.tenant)
    job.done = 2
    counts = {"entities": len(found), "companies": len(companies), "trouble": trouble}
    return Done("entities_read", counts, {**counts, "entities": found, "companies": companies})


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


@job(CHART)
def chart(job: Job) -> Done:
    """Ramp's accounting fields, and segments, currencies and terms of every routed company."""
    tenant = job.tenant
    companies = connection_test.companies(tenant)
    if not companies:
        raise JobError("no_companies")
    total = 1 + len(companies) * len(_CHART)
    lease.report(job, 0, total)
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
    lease.show(job, {"fields": fields})
    lease.report(job, 1)
    counts = _read(tenant, companies, _CHART, lambda done, _: lease.report(job, 1 + done))
    read = {"segments": counts[catalog.SEGMENTS], "currencies": counts[catalog.CURRENCIES]}
    return Done("chart_read", {"fields": len(fields), **read})


@job(CATALOGS)
def catalogs(job: Job) -> Done:
    """Mirror every catalog of every routed company now; the page shows which and how many rows."""
    companies = connection_test.companies(job.tenant)
    if not companies:
        raise JobError("no_companies")
    total = len(companies) * len(catalog.ALL_CATALOGS)
    lease.report(job, 0, total)
    shown: dict[str, Any] = {"read": []}

    def seen(done: int, what: dict[str, Any]) -> None:
        shown["read"] = [one for one in shown["read"] if one["over"]] + [what]
        lease.show(job, shown)
        lease.report(job, done)

    counts = _read(job.tenant, companies, catalog.ALL_CATALOGS, seen)
    sizes = {"rows": sum(counts.values()), "vendors": counts[catalog.VENDORS]}
    return Done("catalogs_read", sizes)


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
            client.watch = partial(_report_progress, seen, done, what)
            read = refresh_catalog(client, tenant.pk, company, name, books)
            counts[name] += read
            seen(done + 1, {**what, "rows": read, "over": True})
        return counts
    finally:
        keep_facts(tenant, client)
        client.close()


def _report_progress(
    seen: Callable[[int, dict[str, Any]], None], done: int, what: dict[str, Any], rows: int
) -> None:
    seen(done, {**what, "rows": rows, "over": False})


def _sizes(tenant: Tenant) -> dict[tuple[str, str], int]:
    rows = CatalogRefresh.objects.filter(tenant=tenant)
    return {(one.company, one.catalog): one.rows for one in rows}
