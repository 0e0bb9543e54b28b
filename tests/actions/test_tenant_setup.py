"""The jobs of the setup against the stand-ins: what they find, and that they write nothing."""

import json
from typing import Any

import pytest

from audit.ledger.models import Posting
from connector.actions import rehearsal, tenant_setup
from connector.actions.job_results import result_text
from connector.http_client.models import AccessToken
from connector.jobs import lease, queue, registry, runner
from connector.jobs.models import Job
from connector.management import demo_data
from connector.tenants import connection_test, sections
from connector.tenants import setup as tenants_setup
from connector.tenants.entities import names_of
from connector.tenants.models import EntityRoute, RampCredentials, Tenant
from mappings.models import CatalogRefresh, EpicorSegment, EpicorVendor
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tenant(box: Any) -> Tenant:
    """A tenant in the making: connected, not routed, not live."""
    box.ramp.app.set_rate_limit(None)
    tenant = sections.create({"slug": "acme", "name": "A", "time_zone": "UTC"}, actor="root")
    file = box.world.tenant_file(box.ramp.url, box.epicor.url)
    builders.store_settings(tenant, {name: file[name] for name in ("ramp", "epicor")})
    return tenant


def route(tenant: Tenant, box: Any, *names: str) -> None:
    file = box.world.tenant_file(box.ramp.url, box.epicor.url)
    wanted = names or ("entities", "currencies", "dimensions")
    document = {name: file[name] for name in wanted}
    builders.store_settings(tenant, {**document, "posting": file["posting"]})


def done(tenant: Tenant, kind: str) -> Job:
    job = queue.request(tenant, kind, title="Test", actor="ann")[0]
    assert runner.run(job.pk)
    job.refresh_from_db()
    assert job.finished_at is not None
    return job


def test_every_job_has_its_work() -> None:
    kinds = (
        tenant_setup.TEST,
        tenant_setup.ENTITIES,
        tenant_setup.CHART,
        tenant_setup.CATALOGS,
        tenant_setup.TWINS,
        tenant_setup.REHEARSAL,
    )
    assert all(registry.find(kind).kind == kind for kind in kinds)


class TestConnectionTest:
    def test_without_any_company_it_says_what_to_add(self, tenant: Tenant) -> None:
        job = done(tenant, tenant_setup.TEST)
        assert job.failed
        assert "1 of " in result_text(job)
        assert job.details["epicor"][-1]["name"] == "companies"
        assert all(check["ok"] for check in job.details["ramp"])

    def test_all_is_well_with_the_company_named_first(self, box: Any, tenant: Tenant) -> None:
        before = box.epicor.app.state()
        tenants_setup.name_company(tenant, "EPIC06")
        job = done(tenant, tenant_setup.TEST)
        assert not job.failed, result_text(job)
        assert job.details["mark"] == tenant_setup.connections_mark(tenant)
        names = [check["name"] for check in job.details["epicor"]]
        assert {"EPIC06 APInvoices", "EPIC06 ExternalID"} <= set(names)
        assert (job.done, job.total) == (
            connection_test.checks_of(1),
            connection_test.checks_of(1),
        )
        assert box.epicor.app.state() == before

    def test_a_permission_ticked_later_counts_at_once(self, tenant: Tenant) -> None:
        tenants_setup.name_company(tenant, "EPIC06")
        AccessToken.objects.create(tenant=tenant, system="ramp", token="old", made_for="old")
        done(tenant, tenant_setup.TEST)
        assert AccessToken.objects.get(system="ramp").token != "old"

    def test_what_fails_is_named_with_its_fix_and_no_secret(self, tenant: Tenant) -> None:
        stored = RampCredentials.objects.get()
        stored.client_secret = "ramp_sec_wrong"
        stored.save()
        job = done(tenant, tenant_setup.TEST)
        assert job.failed
        (login,) = job.details["ramp"]
        assert "ramp.client_secret" in login["fix"]
        assert "ramp_sec_wrong" not in json.dumps(job.details) + result_text(job)
        assert "sandbox-api-key" not in json.dumps(job.details)

    def test_watchers_see_each_check_as_it_is_made(
        self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[int] = []
        shown = lease.show

        def show(job: Job, result: Any) -> None:
            seen.append(len(result["ramp"]) + len(result["epicor"]))
            shown(job, result)

        monkeypatch.setattr(lease, "show", show)
        done(tenant, tenant_setup.TEST)
        assert seen[:5] == [1, 2, 3, 4, 5]


class TestWhatThereIs:
    def test_entities_and_companies(self, tenant: Tenant) -> None:
        tenants_setup.name_company(tenant, "EPIC06")
        job = done(tenant, tenant_setup.ENTITIES)
        assert result_text(job) == "3 entities in Ramp. 2 companies in Epicor."
        names = {one["name"] for one in job.details["entities"]}
        assert names == set(names_of(tenant).values())  # kept for the pages
        assert names == {"Acme US", "Acme Europe", "Acme Canada"}
        codes = [one["code"] for one in job.details["companies"]]
        assert codes == ["EPIC06", "EPIC07"]

    def test_companies_that_cannot_be_listed_are_typed(self, box: Any, tenant: Tenant) -> None:
        tenants_setup.name_company(tenant, "EPIC06")
        box.epicor.app.logins.keys.clear()
        job = done(tenant, tenant_setup.ENTITIES)
        assert not job.failed
        assert "Type the Epicor companies" in result_text(job)
        assert len(job.details["entities"]) == 3
        assert job.details["companies"] == []

    def test_no_company_is_asked_when_none_is_named(self, tenant: Tenant) -> None:
        job = done(tenant, tenant_setup.ENTITIES)
        assert "Name one company in the Epicor step" in result_text(job)

    def test_the_chart(self, box: Any, tenant: Tenant) -> None:
        route(tenant, box, "entities")
        job = done(tenant, tenant_setup.CHART)
        assert job.details["fields"] == [
            {"id": "cost_center", "name": "Cost Center", "is_active": True}
        ]
        assert EpicorSegment.objects.filter(tenant=tenant, company="EPIC07").exists()
        assert job.done == job.total == 9

    @pytest.mark.parametrize(
        "kind",
        [tenant_setup.CHART, tenant_setup.CATALOGS, tenant_setup.TWINS, tenant_setup.REHEARSAL],
    )
    def test_without_routes_it_says_so(self, tenant: Tenant, kind: str) -> None:
        job = done(tenant, kind)
        assert job.failed
        assert "nothing was read" in result_text(job)

    def test_all_catalogs_with_their_rows(self, box: Any, tenant: Tenant) -> None:
        route(tenant, box)
        job = done(tenant, tenant_setup.CATALOGS)
        vendors = EpicorVendor.objects.filter(tenant=tenant).count()
        assert f"{vendors:,} vendors" in result_text(job)
        assert {one["over"] for one in job.details["read"]} == {True}
        assert len(job.details["read"]) == job.total == 14
        assert CatalogRefresh.objects.filter(tenant=tenant).count() == 14

    def test_a_long_catalog_says_how_far_it_is(
        self, box: Any, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        route(tenant, box)
        done(tenant, tenant_setup.CATALOGS)  # so that the number to expect is known
        monkeypatch.setattr("connector.epicor.client.PAGE", 10)
        seen: list[dict[str, Any]] = []
        shown = lease.show

        def show(job: Job, result: Any) -> None:
            seen.append(dict(result["read"][-1]))
            shown(job, result)

        monkeypatch.setattr(lease, "show", show)
        done(tenant, tenant_setup.CATALOGS)
        some = [one for one in seen if one["name"] == "vendors" and not one["over"]]
        assert some[0]["rows"] == 10
        assert some[0]["of"] > 10


class TestBills:
    def test_duplicates_are_listed_and_nothing_is_written(self, box: Any, tenant: Tenant) -> None:
        demo_data.install_mappings(tenant, box.world)  # before the chart is known, as the demo does
        route(tenant, box)
        bill_id, plan = next(
            (key, plan) for key, plan in box.world.expected().items() if plan.outcome == "entered"
        )
        box.epicor.app.type_invoice(
            plan.company,
            plan.vendor_num,
            plan.invoice_num,
            plan.total,
            day=plan.invoice_date,
            currency=plan.currency,
        )
        before = box.epicor.app.state()
        job = done(tenant, tenant_setup.TWINS)
        assert not job.failed, result_text(job)
        assert job.details["count"] == 1
        assert f"{job.details['missed']} bills could not be compared yet" in result_text(job)
        (found,) = job.details["twins"]
        assert (found["bill"], found["twins"][0]["entry_person"]) == (bill_id, "jsmith")
        assert box.epicor.app.state() == before
        assert box.ramp.app.syncs.calls == []
        assert set(Posting.objects.values_list("state", "hold_reason")) == {("queued", "")}

    def test_ten_bills_are_rehearsed_without_mappings(self, box: Any, tenant: Tenant) -> None:
        route(tenant, box)
        job = done(tenant, tenant_setup.REHEARSAL)
        assert len(job.details["bills"]) == 10
        assert not any(one["ok"] for one in job.details["bills"])
        assert {"message", "next_step", "reason"} <= job.details["bills"][0].keys()

    def test_ten_bills_are_rehearsed_with_mappings(self, box: Any, tenant: Tenant) -> None:
        demo_data.install_mappings(tenant, box.world)
        route(tenant, box)
        before = box.epicor.app.state()
        job = done(tenant, tenant_setup.REHEARSAL)
        good = [one for one in job.details["bills"] if one["ok"]]
        assert good
        assert good[0]["lines"][0]["account"].count("|") == 2
        assert f"{len(good)} would be entered" in result_text(job)
        assert box.epicor.app.state() == before
        assert box.ramp.app.syncs.calls == []

    def test_the_ten_are_as_different_as_possible(self, tenant: Tenant) -> None:
        for number in range(30):
            vendor = "big" if number < 25 else f"v{number}"
            Posting.objects.create(tenant=tenant, bill_id=f"b{number}", vendor_ramp_id=vendor)
        chosen = rehearsal._ten(Posting.objects.filter(tenant=tenant))
        assert len(chosen) == 10
        assert len({one.vendor_ramp_id for one in chosen}) == 6

    def test_an_empty_ramp_is_no_failure(self, box: Any, tenant: Tenant) -> None:
        route(tenant, box)
        for bill_id in box.world.expected():
            box.ramp.app.archive_bill(bill_id)
        job = done(tenant, tenant_setup.REHEARSAL)
        assert not job.failed
        assert "nothing to rehearse" in result_text(job)

    def test_an_outage_is_a_sentence(self, box: Any, tenant: Tenant) -> None:
        route(tenant, box)
        box.ramp.stop()
        job = done(tenant, tenant_setup.TWINS)
        assert job.failed
        assert "Ramp" in result_text(job)
        assert EntityRoute.objects.filter(tenant=tenant).count() == 2
