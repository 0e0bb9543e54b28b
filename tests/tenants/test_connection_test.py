"""`ping` against the stand-ins: what is well, and what each kind of trouble is called."""

import io
import json
from typing import Any

import pytest

from connector.management.commands.ping import Command
from connector.tenants.connection_test import ping
from connector.tenants.models import (
    EntityRoute,
    EpicorCredentials,
    PostingSettings,
    RampCredentials,
    Tenant,
)
from tests.builders import connect, make_tenant

pytestmark = pytest.mark.django_db(transaction=True)
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def tenant(box: Any) -> Tenant:
    made = connect(make_tenant("demo"), box)
    route(made, box)
    return made


@pytest.fixture(autouse=True)
def connections_stay_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.management.base.connections.close_all", lambda: None)


def route(tenant: Tenant, box: Any) -> None:
    EntityRoute.objects.filter(tenant=tenant).delete()
    for row in box.world.tenant_file(box.ramp.url, box.epicor.url)["entities"]:
        EntityRoute.objects.create(tenant=tenant, **row)


def failed(report: dict[str, Any], side: str) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in report[side]["checks"] if not check["ok"]}


def shell(*argv: str) -> tuple[int, str, str]:
    command, out, err = Command(), io.StringIO(), io.StringIO()
    command.stdout._out, command.stderr._out = out, err
    code = 0
    try:
        command.run_from_argv(["manage.py", "ping", *argv])
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    return code, out.getvalue(), err.getvalue()


class TestAllWell:
    def test_every_check_passes_and_nothing_is_written(self, box: Any, tenant: Tenant) -> None:
        before = box.epicor.app.state()
        code, out, err = shell("demo", "--json")
        report = json.loads(out)
        assert (code, err) == (0, "")
        assert failed(report, "ramp") == failed(report, "epicor") == {}
        assert set(report) == {"ramp", "epicor"}
        for side in report.values():
            assert set(side) == {"ok", "checks"}
            assert all(set(c) == {"name", "ok", "message", "fix"} for c in side["checks"])
        assert box.epicor.app.state() == before
        names = {check["name"] for check in report["epicor"]["checks"]}
        companies = set(EntityRoute.objects.values_list("company", flat=True))
        assert {f"{company} APInvoices" for company in companies} <= names

    def test_the_table_is_for_people(self, tenant: Tenant) -> None:
        code, out, _ = shell("demo")
        assert code == 0
        assert "Ramp: all well" in out
        assert "ok   login" in out

    def test_version_1_as_well(self, tenant: Tenant) -> None:
        EpicorCredentials.objects.update(api_version="v1")
        report = ping(tenant)
        assert report["epicor"]["ok"]
        assert any(check["name"] == "unusual" for check in report["epicor"]["checks"])


class TestRampTrouble:
    def test_a_refused_login(self, tenant: Tenant) -> None:
        stored = RampCredentials.objects.get()
        stored.client_secret = "wrong"
        stored.save()
        report = ping(tenant)
        assert set(failed(report, "ramp")) == {"login"}
        assert "ramp.client_secret" in failed(report, "ramp")["login"]["fix"]
        assert report["epicor"]["ok"]

    def test_a_missing_permission_is_named(self, box: Any, tenant: Tenant) -> None:
        box.ramp.fail_next("GET /developer/v1/vendors", "status", times=1, status=403, body="{}")
        assert set(failed(ping(tenant), "ramp")) == {"vendors:read"}

    def test_a_login_that_may_not_report_is_found_without_writing(
        self, box: Any, tenant: Tenant
    ) -> None:
        assert ping(tenant)["ramp"]["ok"]  # a token that still may is kept
        box.ramp.app.revoke_scope("accounting:write")
        found = failed(ping(tenant), "ramp")
        assert set(found) == {"accounting:write"}
        assert "grant the app the scope accounting:write" in found["accounting:write"]["message"]

    def test_an_entity_that_ramp_does_not_have(self, tenant: Tenant) -> None:
        EntityRoute.objects.create(tenant=tenant, ramp_entity_id="gone", company="EPIC06")
        assert "gone" in failed(ping(tenant), "ramp")["routes"]["message"]

    def test_no_credentials(self) -> None:
        report = ping(make_tenant("bare"))
        assert set(failed(report, "ramp")) == {"settings"}
        assert set(failed(report, "epicor")) == {"address"}


class TestEpicorTrouble:
    def test_a_revoked_key(self, box: Any, tenant: Tenant) -> None:
        box.epicor.app.logins.keys.clear()
        login = failed(ping(tenant), "epicor")["login"]
        assert "API key" in login["message"]
        assert "epicor.api_key" in login["fix"]

    def test_a_narrow_scope_names_each_service(self, box: Any, tenant: Tenant) -> None:
        denied = next(iter(box.epicor.app.logins.keys.values())).denied
        denied.add("Erp.BO.VendorSvc")
        companies = set(EntityRoute.objects.values_list("company", flat=True))
        assert set(failed(ping(tenant), "epicor")) == {f"{name} Vendors" for name in companies}

    def test_a_company_we_are_not_let_into(self, box: Any, tenant: Tenant) -> None:
        EntityRoute.objects.exclude(company="EPIC06").delete()
        EntityRoute.objects.create(tenant=tenant, ramp_entity_id="x", company="NOPE")
        box.epicor.app.logins.denied_companies.add("NOPE")
        assert "NOPE company" in failed(ping(tenant), "epicor")

    def test_a_heavy_service_is_read_the_other_way(self, box: Any, tenant: Tenant) -> None:
        box.epicor.app.switches.heavy.add("Erp.BO.VendorSvc")
        report = ping(tenant)
        assert report["epicor"]["ok"]
        assert any("slower" in check["message"] for check in report["epicor"]["checks"])

    @pytest.mark.parametrize(
        ("column", "word"), [("Nowhere", "no column"), ("Description", "30 characters")]
    )
    def test_a_stamp_column_that_cannot_hold_a_bill_id(
        self, tenant: Tenant, column: str, word: str
    ) -> None:
        PostingSettings.objects.update(stamp_column=column)
        found = failed(ping(tenant), "epicor")[f"EPIC06 {column}"]
        assert word in found["message"]
        assert "posting.stamp_column" in found["fix"]

    def test_a_mixed_up_address(self, tenant: Tenant) -> None:
        stored = EpicorCredentials.objects.get()
        stored.base_url += "/api/v1"
        stored.save()
        code, out, _ = shell("demo", "--json")
        assert code == 1
        assert set(failed(json.loads(out), "epicor")) == {"address"}

    def test_no_routes(self, tenant: Tenant) -> None:
        EntityRoute.objects.all().delete()
        assert set(failed(ping(tenant), "epicor")) == {"companies"}


class TestCouldNotRun:
    def test_an_unknown_tenant(self, tenant: Tenant) -> None:
        code, out, err = shell("nobody", "--json")
        assert (code, out) == (2, "")
        assert "nobody" in err

    def test_a_host_that_is_not_there(self, tenant: Tenant) -> None:
        EpicorCredentials.objects.update(auth_method="basic", base_url=f"{NOWHERE}/kinetic")
        code, out, err = shell("demo", "--json")
        report = json.loads(out)
        assert code == 2
        assert report["ramp"]["ok"]
        assert set(failed(report, "epicor")) == {"reach"}
        assert NOWHERE in err
        assert len(err.strip().splitlines()) == 1
