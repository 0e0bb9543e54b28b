"""The errands of the setup against the stand-ins: what they find, and that they write nothing."""

import json
from typing import Any

import pytest

from audit.ledger.models import Posting
from connector.actions import rehearsal, requests, runner, tenant_setup
from connector.http_client.models import AccessToken
from connector.jobs.models import Errand
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


def done(tenant: Tenant, kind: str) -> Errand:
    errand = requests.ask(tenant, kind, "Test", actor="ann")
    assert runner.run(errand.pk)
    errand.refresh_from_db()
    assert errand.finished_at is not None
    return errand


def test_every_errand_has_its_work() -> None:
    kinds = (
        tenant_setup.TEST,
        tenant_setup.ENTITIES,
        tenant_setup.CHART,
        tenant_setup.CATALOGS,
        tenant_setup.TWINS,
        tenant_setup.REHEARSAL,
    )
    assert set(kinds) <= set(runner.WORK)
    assert all(len(kind) <= 24 for kind in kinds)


class TestConnectionTest:
    def test_without_any_company_it_says_what_to_add(self, tenant: Tenant) -> None:
        errand = done(tenant, tenant_setup.TEST)
        assert errand.failed
        assert "1 of " in errand.said
        assert errand.result["epicor"][-1]["name"] == "companies"
        assert all(check["ok"] for check in errand.result["ramp"])

    def test_all_is_well_with_the_company_named_first(self, box: Any, tenant: Tenant) -> None:
        before = box.epicor.app.state()
        tenants_setup.name_company(tenant, "EPIC06")
        errand = done(tenant, tenant_setup.TEST)
        assert not errand.failed, errand.said
        assert errand.result["mark"] == tenant_setup.connections_mark(tenant)
        names = [check["name"] for check in errand.result["epicor"]]
        assert {"EPIC06 APInvoices", "EPIC06 ExternalID"} <= set(names)
        assert (errand.done, errand.total) == (
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
        errand = done(tenant, tenant_setup.TEST)
        assert errand.failed
        (login,) = errand.result["ramp"]
        assert "ramp.client_secret" in login["fix"]
        assert "ramp_sec_wrong" not in json.dumps(errand.result) + errand.said
        assert "sandbox-api-key" not in json.dumps(errand.result)

    def test_watchers_see_each_check_as_it_is_made(
        self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[int] = []
        kept = runner.Report.keep

        def keep(self: runner.Report, result: Any) -> None:
            seen.append(len(result["ramp"]) + len(result["epicor"]))
            kept(self, result)

        monkeypatch.setattr(runner.Report, "keep", keep)
        done(tenant, tenant_setup.TEST)
        assert seen[:5] == [1, 2, 3, 4, 5]


class TestWhatThereIs:
    def test_entities_and_companies(self, tenant: Tenant) -> None:
        tenants_setup.name_company(tenant, "EPIC06")
        errand = done(tenant, tenant_setup.ENTITIES)
        assert errand.said == "3 entities in Ramp. 2 companies in Epicor."
        names = {one["name"] for one in errand.result["entities"]}
        assert names == set(names_of(tenant).values())  # kept for the pages
        assert names == {"Acme US", "Acme Europe", "Acme Canada"}
        codes = [one["code"] for one in errand.result["companies"]]
        assert codes == ["EPIC06", "EPIC07"]

    def test_companies_that_cannot_be_listed_are_typed(self, box: Any, tenant: Tenant) -> None:
        tenants_setup.name_company(tenant, "EPIC06")
        box.epicor.app.logins.keys.clear()
        errand = done(tenant, tenant_setup.ENTITIES)
        assert not errand.failed
        assert "Type the Epicor companies" in errand.said
        assert len(errand.result["entities"]) == 3
        assert errand.result["companies"] == []

    def test_no_company_is_asked_when_none_is_named(self, tenant: Tenant) -> None:
        errand = done(tenant, tenant_setup.ENTITIES)
        assert "Name one company in the Epicor step" in errand.said

    def test_the_chart(self, box: Any, tenant: Tenant) -> None:
        route(tenant, box, "entities")
        errand = done(tenant, tenant_setup.CHART)
        assert errand.result["fields"] == [
            {"id": "cost_center", "name": "Cost Center", "is_active": True}
        ]
        assert EpicorSegment.objects.filter(tenant=tenant, company="EPIC07").exists()
        assert errand.done == errand.total == 9

    @pytest.mark.parametrize(
        "kind",
        [tenant_setup.CHART, tenant_setup.CATALOGS, tenant_setup.TWINS, tenant_setup.REHEARSAL],
    )
    def test_without_routes_it_says_so(self, tenant: Tenant, kind: str) -> None:
        errand = done(tenant, kind)
        assert errand.failed
        assert "nothing was read" in errand.said

    def test_all_catalogs_with_their_rows(self, box: Any, tenant: Tenant) -> None:
        route(tenant, box)
        errand = done(tenant, tenant_setup.CATALOGS)
        vendors = EpicorVendor.objects.filter(tenant=tenant).count()
        assert f"{vendors:,} vendors" in errand.said
        assert {one["over"] for one in errand.result["read"]} == {True}
        assert len(errand.result["read"]) == errand.total == 14
        assert CatalogRefresh.objects.filter(tenant=tenant).count() == 14

    def test_a_long_catalog_says_how_far_it_is(
        self, box: Any, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        route(tenant, box)
        done(tenant, tenant_setup.CATALOGS)  # so that the number to expect is known
        monkeypatch.setattr("connector.epicor.client.PAGE", 10)
        seen: list[dict[str, Any]] = []
        kept = runner.Report.keep

        def keep(self: runner.Report, result: Any) -> None:
            seen.append(dict(result["read"][-1]))
            kept(self, result)

        monkeypatch.setattr(runner.Report, "keep", keep)
        done(tenant, tenant_setup.CATALOGS)
        some = [one for one in seen if one["name"] == "vendors" and not one["over"]]
        assert some[0]["rows"] == 10
        assert some[0]["of"] > 10


class TestBills:
    def test_twins_are_listed_and_nothing_is_written(self, box: Any, tenant: Tenant) -> None:
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
        errand = done(tenant, tenant_setup.TWINS)
        assert not errand.failed, errand.said
        assert errand.result["count"] == 1
        assert f"{errand.result['missed']} bills could not be compared yet" in errand.said
        (found,) = errand.result["twins"]
        assert (found["bill"], found["twins"][0]["entry_person"]) == (bill_id, "jsmith")
        assert box.epicor.app.state() == before
        assert box.ramp.app.syncs.calls == []
        assert set(Posting.objects.values_list("state", "hold_reason")) == {("queued", "")}

    def test_ten_bills_are_rehearsed_without_mappings(self, box: Any, tenant: Tenant) -> None:
        route(tenant, box)
        errand = done(tenant, tenant_setup.REHEARSAL)
        assert len(errand.result["bills"]) == 10
        assert not any(one["ok"] for one in errand.result["bills"])
        assert {"message", "next_step", "reason"} <= errand.result["bills"][0].keys()

    def test_ten_bills_are_rehearsed_with_mappings(self, box: Any, tenant: Tenant) -> None:
        demo_data.install_mappings(tenant, box.world)
        route(tenant, box)
        before = box.epicor.app.state()
        errand = done(tenant, tenant_setup.REHEARSAL)
        good = [one for one in errand.result["bills"] if one["ok"]]
        assert good
        assert good[0]["lines"][0]["account"].count("|") == 2
        assert f"{len(good)} would be entered" in errand.said
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
        errand = done(tenant, tenant_setup.REHEARSAL)
        assert not errand.failed
        assert "nothing to rehearse" in errand.said

    def test_an_outage_is_a_sentence(self, box: Any, tenant: Tenant) -> None:
        route(tenant, box)
        box.ramp.stop()
        errand = done(tenant, tenant_setup.TWINS)
        assert errand.failed
        assert "Ramp" in errand.said
        assert EntityRoute.objects.filter(tenant=tenant).count() == 2
