"""The settings page: everyone sees what is set, admins change it, nobody reads a secret back."""

import json
import logging
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.actions import tenant_setup
from connector.jobs.models import Job
from connector.tenants import sections
from connector.tenants.list_forms import Currencies
from connector.tenants.models import (
    EntityRoute,
    FinanceCalendar,
    Membership,
    PostingSettings,
    RampCredentials,
    Tenant,
)
from connector.tenants.sections import SECTIONS
from connector.tenants.tenant_file import apply
from mappings.models import CurrencyMapping, Dimension, EpicorSegment
from tests import builders
from tests.web.rows import SECRET, block, make_posting

HOME = "/t/acme/settings/"


def person(tenant: Tenant, role: str) -> Client:
    client = Client()
    client.force_login(builders.make_user(role, tenant, role))
    return client


@pytest.fixture
def admin(tenant: Tenant) -> Client:
    return person(tenant, "admin")


def text(client: Client, page: str = "") -> str:
    answer = client.get(HOME + page)
    assert answer.status_code == 200
    return answer.content.decode()


def save(client: Client, key: str, values: dict[str, Any]) -> Any:
    mark = text(client, f"{key}/").split('name="seen" value="')[1].split('"')[0]
    return client.post(f"{HOME}{key}/save", {**values, "seen": mark}, follow=True)


RAMP = {"ramp.base_url": "http://127.0.0.1:9", "ramp.client_id": "id"}


@pytest.mark.parametrize("role", Membership.Role.values)
def test_every_role_sees_what_is_set_and_no_secret(tenant: Tenant, role: str) -> None:
    client = person(tenant, role)
    RampCredentials.objects.update(webhook_secret=None)
    page = text(client)
    for expected in ("127.0.0.1:9", "EPIC06", "Set.", "Not set.", "Wait for a person"):
        assert expected in page
    assert SECRET not in page
    assert ("Change</a>" in page) is (role == "admin")
    assert ("Pause</button>" in page) is (role == "admin")


def test_a_secret_is_written_and_never_read_back(
    admin: Client, tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fresh = "ramp_sec_Fresh99"
    answer = save(admin, "ramp", {**RAMP, "ramp.client_secret": fresh})
    page = answer.content.decode()
    assert "Old logins are forgotten. Test both connections now." in page
    assert "by admin" in page
    assert RampCredentials.objects.get().client_secret == fresh
    pages = [text(admin), text(admin, "ramp/"), page]
    pages += [admin.get(f"/t/acme/{where}").content.decode() for where in ("", "setup/ramp/")]
    pages.append(json.dumps(list(AuditEntry.objects.values_list("body", flat=True))))
    pages += [caplog.text, str(list(Job.objects.values()))]
    for shown in pages:
        assert fresh not in shown
        assert SECRET not in shown


@pytest.mark.parametrize("key", list(SECTIONS))
def test_every_section_has_its_form_for_admins_only(tenant: Tenant, key: str) -> None:
    page = text(person(tenant, "admin"), f"{key}/")
    assert 'name="seen"' in page
    assert SECRET not in page
    for role in ("accountant", "approver", "auditor"):
        client = person(tenant, role)
        assert client.get(f"{HOME}{key}/").status_code == 403
        assert client.post(f"{HOME}{key}/save", {"seen": "x"}).status_code == 403
    stranger = Client()
    stranger.force_login(builders.make_user("eve"))
    assert stranger.get(f"{HOME}{key}/").status_code == 404
    assert stranger.post(f"{HOME}{key}/save").status_code == 404


def test_what_is_refused_stays_in_the_form(admin: Client) -> None:
    answer = save(admin, "tenant", {"name": "", "time_zone": "Mars"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Name is required" in page
    assert 'value="Mars"' in page


def test_changes_are_listed_in_words_with_their_people(admin: Client, tenant: Tenant) -> None:
    save(admin, "tenant", {"name": "New name", "time_zone": "UTC"})
    page = text(admin)
    assert "Name, Time zone" in page
    apply({"slug": "acme", "posting": {"lanes": 1}}, actor="configure_tenant")
    page = text(admin)
    assert "configure_tenant" in page
    assert "Parallel invoice groups" in page


def test_sent_twice_changes_once(admin: Client, tenant: Tenant) -> None:
    first = save(admin, "ramp", {**RAMP, "ramp.client_id": "new"})
    assert "Old logins are forgotten" in first.content.decode()
    again = save(admin, "ramp", {**RAMP, "ramp.client_id": "new"})
    assert "nothing was changed" in again.content.decode()
    assert AuditEntry.objects.filter(action="tenant_changed").count() == 1


ODD = ["²", "9" * 40, "-1", "\x01", "\u202e", "[", "http://[", "<b>", "a" * 9000, "٣"]


@pytest.mark.parametrize("odd", ODD, ids=ascii)
@pytest.mark.parametrize("key", list(SECTIONS))
def test_odd_values_are_refused_by_field_and_nothing_is_stored(
    admin: Client, tenant: Tenant, key: str, odd: str
) -> None:
    before = sections.values(tenant)
    values = dict.fromkeys(SECTIONS[key].paths, odd)
    for one in SECTIONS[key].lists:
        columns = {name: [odd, odd] for name in one.columns}
        values |= builders.lines(one.path, **columns)
    answer = save(admin, key, values)
    assert answer.status_code == 422
    for one in SECTIONS[key].lists:
        counted = values | {f"{one.path}-TOTAL_FORMS": odd}
        assert save(admin, key, counted).status_code == 422
    assert sections.values(tenant) == before


@pytest.mark.parametrize("count", ["-1", "0", "1", "3", "2000"])
def test_another_number_of_rows_than_arrived_changes_nothing(
    admin: Client, tenant: Tenant, count: str
) -> None:
    before = sections.values(tenant)
    sent = builders.lines("currencies", iso=["CAD", "EUR"], epicor_code=["CAD", "EUR"])
    sent |= builders.lines("dimensions", ramp_field=[""]) | {"currencies-TOTAL_FORMS": count}
    answer = save(admin, "coding", sent)
    assert answer.status_code == 422
    assert "did not arrive whole: open the page again" in answer.content.decode()
    assert sections.values(tenant) == before


def test_too_many_rows_are_refused_before_any_is_made() -> None:
    claimed = {"currencies-TOTAL_FORMS": "5001", "currencies-INITIAL_FORMS": "0"}
    rows = Currencies({**claimed, "currencies-0-iso": "USD", "currencies-4999-iso": "EUR"})
    assert rows.problems() == {"currencies": ["must have at most 5000 rows"]}
    assert rows.forms == []


def test_a_segment_that_epicor_lost_stays_until_somebody_changes_it(
    admin: Client, tenant: Tenant
) -> None:
    EpicorSegment.objects.create(tenant=tenant, company="EPIC06", number=2, name="Department")
    Dimension.objects.create(tenant=tenant, ramp_field="cc", segment=7, kind="dimension:cc")
    page = text(admin, "coding/")
    assert '<option value="7" selected>7 (not in Epicor&#x27;s chart as last read)' in page
    sent = builders.lines("currencies", iso=[""])
    names = ("ramp_field", "segment", "kind", "default")
    stored = [_shown(page, f"dimensions-0-{name}") for name in names]
    sent |= builders.lines("dimensions", **{n: [v] for n, v in zip(names, stored, strict=True)})
    assert "nothing was changed" in save(admin, "coding", sent).content.decode()
    assert Dimension.objects.get().segment == 7


def _shown(page: str, name: str) -> str:
    """What the page's field holds."""
    after = page.split(f'name="{name}"')[1]
    if after.startswith(" value"):
        return after.split('"')[1]
    return after.split('" selected')[0].rpartition('"')[2]


def test_a_stored_login_secret_is_said_to_be_set(admin: Client) -> None:
    for page in ("/t/acme/settings/epicor/", "/t/acme/setup/epicor/"):
        shown = admin.get(page).content.decode()
        field = shown.split('id="f-epicor-auth-client_secret-help"')[1].split("</div>")[0]
        assert "Set." in field
        assert "Leave it empty to keep it." in field
        assert "Not set." not in field


def test_a_list_that_did_not_arrive_whole_changes_nothing(admin: Client, tenant: Tenant) -> None:
    answer = save(admin, "coding", builders.lines("currencies", iso=["CAD"], epicor_code=["CAD"]))
    assert answer.status_code == 422
    assert "did not arrive whole: open the page again" in answer.content.decode()
    assert not CurrencyMapping.objects.filter(iso="CAD").exists()


class TestWaitingBills:
    @pytest.fixture
    def lost(self, tenant: Tenant) -> Posting:
        posting = make_posting(tenant, "b-lost", hold_reason="no_route")
        block(posting, "e-9", "Acme Canada", kind="entity")
        return posting

    def routes(self, admin: Client, *ids: str) -> Any:
        values = builders.lines(
            "entities",
            ramp_entity_id=[builders.ENTITY, *ids],
            company=["EPIC06"] * (1 + len(ids)),
            site=[""] * (1 + len(ids)),
        )
        return save(admin, "entities", values)

    def test_a_route_says_what_it_frees_and_an_accountant_tries_again(
        self, admin: Client, tenant: Tenant, lost: Posting
    ) -> None:
        assert "1 bill waits for an entity route" in text(admin)
        assert "The setting is not there yet" in text(admin)
        said = self.routes(admin, "e-9").content.decode()
        assert "1 of 1 bills that waited for an entity route can be tried again" in said
        assert EntityRoute.objects.count() == 2
        assert "An accountant can have them tried again" in text(admin)
        accountant = person(tenant, "accountant")
        assert "Try 1 again" in text(accountant)
        answer = accountant.post(f"{HOME}replay/routes")
        job = Job.objects.exclude(actor="system").get()
        assert answer.url == f"/t/acme/activity/{job.pk}/"
        assert job.arguments == {"ids": [lost.pk]}
        lost.refresh_from_db()
        assert lost.hold_reason == ""
        again = accountant.post(f"{HOME}replay/routes", follow=True)
        assert "No bill waits for it any more" in again.content.decode()

    def test_what_something_of_the_same_kind_still_stops_is_not_freed(
        self, admin: Client, tenant: Tenant
    ) -> None:
        both = make_posting(tenant, "b-two", hold_reason="invalid_bill")
        block(both, "CAD", "CAD", kind="currency")
        block(both, "XXQ", "XXQ", kind="currency")
        other = builders.make_tenant("other")
        foreign = make_posting(other, "b-x", hold_reason="invalid_bill")
        block(foreign, "CAD", "CAD", kind="currency")
        typed = builders.lines("currencies", iso=["CAD"], epicor_code=["CAD"])
        save(admin, "coding", typed | builders.lines("dimensions", ramp_field=[""]))
        page = text(admin)
        assert "1 bill waits for a currency" in page
        assert "The setting is not there yet" in page

    def test_an_unmapped_value_is_no_missing_setting_but_a_field_taken_away_is(
        self, admin: Client, tenant: Tenant
    ) -> None:
        apply({"slug": "acme", "dimensions": [{"ramp_field": "cc", "segment": 3}]})
        held = make_posting(tenant, "b-dim", hold_reason="dimension_unmapped")
        block(held, "CC-1", "Sales", kind="dimension:cc")
        assert "for a dimension" not in text(admin)
        apply({"slug": "acme", "dimensions": []})
        assert "1 bill waits for a dimension" in text(admin)

    def test_admins_do_not_replay_and_other_kinds_do_not_exist(
        self, admin: Client, tenant: Tenant, lost: Posting
    ) -> None:
        assert admin.post(f"{HOME}replay/routes").status_code == 403
        accountant = person(tenant, "accountant")
        assert accountant.post(f"{HOME}replay/everything").status_code == 404


class TestPause:
    def test_paused_with_a_reason_and_resumed(self, admin: Client, tenant: Tenant) -> None:
        answer = admin.post(f"{HOME}pause", {"reason": "Month <end>"}, follow=True)
        page = answer.content.decode()
        assert "admin paused this company: Month &lt;end&gt;" in page
        assert "Resume</button>" in page
        assert "Pause</button>" not in page
        again = admin.post(f"{HOME}pause", {"reason": "Other"}, follow=True)
        assert "It is paused already" in again.content.decode()
        answer = admin.post(f"{HOME}resume", follow=True)
        assert "A cycle begins now" in answer.content.decode()
        assert Job.objects.filter(kind="sync").count() == 1
        answer = admin.post(f"{HOME}resume", follow=True)
        assert "nothing was changed" in answer.content.decode()
        assert Job.objects.filter(kind="sync").count() == 1

    def test_a_reason_is_needed(self, admin: Client, tenant: Tenant) -> None:
        assert b"Say why" in admin.post(f"{HOME}pause", follow=True).content
        assert Tenant.objects.get(pk=tenant.pk).paused_reason == ""

    @pytest.mark.parametrize("role", ["accountant", "approver", "auditor"])
    def test_only_admins(self, tenant: Tenant, role: str) -> None:
        client = person(tenant, role)
        assert client.post(f"{HOME}pause", {"reason": "x"}).status_code == 403
        assert client.post(f"{HOME}resume").status_code == 403
        assert client.post(f"{HOME}ask/test").status_code == 403


class TestAsking:
    @pytest.mark.parametrize(
        ("what", "kind"), [("test", tenant_setup.TEST), ("load", tenant_setup.CATALOGS)]
    )
    def test_asked_once_and_shown(self, admin: Client, what: str, kind: str) -> None:
        for _ in range(2):
            assert admin.post(f"{HOME}ask/{what}").url == HOME
        assert Job.objects.get().kind == kind
        assert "hx-trigger" in text(admin)

    def test_how_far_a_catalog_is(self, admin: Client) -> None:
        admin.post(f"{HOME}ask/load")
        read = [{"company": "EPIC06", "name": "vendors", "rows": 12000, "of": 20000, "over": False}]
        Job.objects.update(details={"read": read})
        assert "EPIC06 vendors: 12,000 of 20,000 so far" in text(admin)

    def test_nothing_else(self, admin: Client) -> None:
        assert admin.post(f"{HOME}ask/anything").status_code == 404


def test_a_superuser_may_all(tenant: Tenant) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root", "", "root"))
    assert "Change</a>" in text(client)
    assert client.get(f"{HOME}calendar/").status_code == 200


def test_a_calendar_is_told_in_words_with_the_next_cycle(admin: Client, tenant: Tenant) -> None:
    page = admin.get("/t/acme/settings/").content.decode()
    assert "every 15 minutes" in page
    assert ", next " in page
    FinanceCalendar.objects.update(sync_cron="0 0 31 2 *")
    page = admin.get("/t/acme/settings/").content.decode()
    assert "0 0 31 2 *" in page
    assert ", next " not in page
    Tenant.objects.update(paused_reason="x", paused_for="person")
    FinanceCalendar.objects.update(sync_cron="30 7 * * *")
    page = admin.get("/t/acme/settings/").content.decode()
    assert "daily at 07:30" in page
    assert ", next " not in page
    assert '<option value="Europe/Berlin">' in text(admin, "tenant/")


def test_the_calendar_of_a_live_tenant(admin: Client, tenant: Tenant) -> None:
    typed = {"calendar.sync_cron": "0 7 * * *", "calendar.blackout": "2026-12-31"}
    save(admin, "calendar", typed)
    row = FinanceCalendar.objects.get()
    assert (row.sync_cron, row.blackout, row.next_run_at) == ("0 7 * * *", ["2026-12-31"], None)


def test_the_rules_of_a_live_tenant(admin: Client, tenant: Tenant) -> None:
    page = text(admin, "rules/")
    assert "Start with bills of" in page
    values = {
        "posting.po_bills": "expense",
        "posting.card_paid": "enter",
        "calendar.closed_period": "hold",
        "posting.after_entry_edits": "update",
        "posting.writer": "two_step",
    }
    save(admin, "rules", values)
    stored = PostingSettings.objects.get()
    assert (stored.po_bills, stored.card_paid, stored.group_prefix) == ("expense", "enter", "R")


def test_a_constant_number_of_queries(admin: Client, tenant: Tenant) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as seen:
            text(admin)
        return len(seen)

    make_posting(tenant, "b0", hold_reason="no_route")
    block(Posting.objects.get(), "e-0", "E", kind="entity")
    few = count()
    for number in range(1, 40):
        row = make_posting(tenant, f"b{number}", hold_reason="no_route")
        block(row, f"e-{number}", "E", kind="entity")
        EntityRoute.objects.create(tenant=tenant, ramp_entity_id=f"r{number}", company="EPIC06")
        apply({"slug": "acme", "posting": {"lanes": 1 + number % 8}}, actor="ann")
    assert count() == few
    assert few <= 36
