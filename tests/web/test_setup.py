"""The pages of the setup: each step valid, invalid, left and resumed; who may; no secrets."""

import logging
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.actions import tenant_setup
from connector.jobs.models import Job
from connector.tenants import pauses, sections, setup
from connector.tenants.models import (
    EntityRoute,
    EpicorCredentials,
    FinanceCalendar,
    Membership,
    PostingSettings,
    RampCredentials,
    Tenant,
)
from connector.web.settings.steps import STEPS
from mappings.models import CurrencyMapping, Dimension, EpicorCurrency, EpicorSegment
from tests import builders

SECRET, OTHER = "ramp_sec_Shh77", "another-Shh78"
RAMP = {
    "ramp.base_url": "https://demo-api.ramp.com/developer/v1/",
    "ramp.client_id": "ramp-id",
    "ramp.client_secret": SECRET,
    "ramp.webhook_secret": "",
}
EPICOR = {
    "epicor.base_url": "https://acme.epicorsaas.com/live",
    "epicor.deployment": "cloud",
    "epicor.api_version": "v2",
    "epicor.api_key": SECRET,
    "company": "EPIC06",
    "epicor.auth.method": "oauth2",
    "epicor.auth.token_url": "https://login.example.com/connect/token",
    "epicor.auth.client_id": "id",
    "epicor.auth.client_secret": OTHER,
    "epicor.auth.scope": "",
    "epicor.rate_group": "MAIN",
    "epicor.ca_file": "",
}
RULES = {
    "posting.start_date": "2026-06-01",
    "posting.po_bills": "expense",
    "posting.card_paid": "hold",
    "calendar.closed_period": "next_open",
    "posting.default_terms": "N30",
    "posting.after_entry_edits": "hold",
    "posting.group_prefix": "ML",
    "posting.lanes": "3",
    "posting.stamp_column": "ExternalID",
    "posting.writer": "two_step",
    "posting.skeleton_method": "auto",
}
CALENDAR = {"calendar.sync_cron": "0 9 * * 1-5", "calendar.blackout": "2026-12-31, 2026-12-24"}


@pytest.fixture
def making(db: None) -> Tenant:
    return sections.create(
        {"slug": "acme", "name": "Acme", "time_zone": "America/New_York"}, actor="root"
    )


@pytest.fixture
def client(making: Tenant) -> Client:
    client = Client()
    client.force_login(builders.make_user("ann", making, "admin"))
    return client


def text(client: Client, step: str) -> str:
    answer = client.get(f"/t/acme/setup/{step}")
    assert answer.status_code == 200
    return answer.content.decode()


def seen(client: Client, step: str) -> str:
    page = text(client, f"{step}/")
    return page.split('name="seen" value="')[1].split('"')[0]


def save(client: Client, step: str, values: dict[str, Any], *, mark: str | None = None) -> Any:
    typed = {**values, "seen": seen(client, step) if mark is None else mark}
    return client.post(f"/t/acme/setup/{step}/save", typed)


def job(tenant: Tenant, kind: str, **values: Any) -> Job:
    return builders.make_job(tenant, kind, **{**builders.over("Said."), **values})


class TestNewTenant:
    @pytest.fixture
    def root(self, db: None) -> Client:
        client = Client()
        client.force_login(User.objects.create_superuser("root", "", "root"))
        return client

    def test_an_empty_installation_leads_here(self, root: Client) -> None:
        assert root.get("/").url == "/setup/"
        assert "Nothing is connected yet" in root.get("/setup/").content.decode()

    def test_it_is_made_and_its_setup_begins(self, root: Client) -> None:
        typed = {"slug": "acme", "name": "Acme", "time_zone": "UTC"}
        answer = root.post("/setup/create", typed)
        assert (answer.status_code, answer.url) == (302, "/t/acme/setup/")
        assert "Not live yet" in root.get("/t/acme/").content.decode()
        assert root.get("/").url == "/t/acme/"

    def test_faults_are_shown_at_their_fields_and_what_was_typed_stays(self, root: Client) -> None:
        typed = {"slug": "a b", "name": "<b>Acme", "time_zone": "Mars"}
        answer = root.post("/setup/create", typed)
        page = answer.content.decode()
        assert answer.status_code == 422
        assert "Short name must be 1 to 50 letters" in page
        assert "Time zone must be a time zone such as" in page
        assert "&lt;b&gt;Acme" in page
        assert not Tenant.objects.exists()

    def test_sent_twice_it_is_made_once(self, root: Client) -> None:
        typed = {"slug": "acme", "name": "Acme", "time_zone": "UTC"}
        root.post("/setup/create", typed)
        again = root.post("/setup/create", typed)
        assert again.status_code == 422
        assert "is taken by another company" in again.content.decode()
        assert Tenant.objects.count() == 1

    @pytest.mark.parametrize("role", [*Membership.Role.values, None])
    def test_only_superusers(self, db: None, role: str | None) -> None:
        tenant = builders.make_tenant("one") if role else None
        client = Client()
        client.force_login(builders.make_user("ann", tenant, role or "admin"))
        assert client.get("/setup/").status_code == 403
        typed = {"slug": "acme", "name": "Acme", "time_zone": "UTC"}
        assert client.post("/setup/create", typed).status_code == 403
        assert not Tenant.objects.filter(slug="acme").exists()

    def test_without_login(self, db: None) -> None:
        assert Client().get("/setup/").url == "/admin/login/?next=/setup/"
        assert Client().post("/setup/create").status_code == 302

    def test_the_chooser_leads_here_for_superusers(self, root: Client, db: None) -> None:
        builders.make_tenant("a")
        builders.make_tenant("b")
        assert 'href="/setup/"' in root.get("/").content.decode()


class TestForms:
    def test_the_ramp_app(self, client: Client) -> None:
        page = text(client, "ramp/")
        for scope in ("accounting:write", "business:read", "Client Credentials", "api.ramp.com"):
            assert scope in page
        answer = save(client, "ramp", RAMP)
        assert (answer.status_code, answer.url) == (302, "/t/acme/setup/epicor/")
        stored = RampCredentials.objects.get()
        assert (stored.base_url, stored.client_secret) == ("https://demo-api.ramp.com", SECRET)
        assert stored.webhook_secret is None
        page = text(client, "ramp/")
        assert SECRET not in page
        assert "by ann" in page
        assert "Leave it empty to keep it" in page

    def test_an_empty_secret_keeps_the_stored_one_and_a_tick_removes(self, client: Client) -> None:
        save(client, "ramp", {**RAMP, "ramp.webhook_secret": OTHER})
        save(client, "ramp", {**RAMP, "ramp.client_secret": "", "ramp.client_id": "new"})
        stored = RampCredentials.objects.get()
        assert (stored.client_id, stored.client_secret) == ("new", SECRET)
        assert stored.webhook_secret == OTHER
        save(client, "ramp", {**RAMP, "ramp.webhook_secret.remove": "1"})
        assert RampCredentials.objects.get().webhook_secret is None

    def test_what_is_refused_is_told_by_field_and_no_secret_comes_back(
        self, client: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        answer = save(client, "ramp", {**RAMP, "ramp.base_url": "ftp://x", "ramp.client_id": ""})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert "Address of Ramp must be an address such as" in page
        assert "Client ID is required" in page
        assert "ftp://x" in page
        assert SECRET not in page
        assert not RampCredentials.objects.exists()
        assert SECRET not in caplog.text

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            (
                "epicor.base_url",
                "https://acme.epicorsaas.com/live/api/v1/x",
                "Address of Epicor names v1, but the API version is v2; it must end at",
            ),
            (
                "epicor.base_url",
                "http://acme.example.com/live",
                "Epicor must begin with https: over",
            ),
            ("epicor.base_url", "https://h", "Address of Epicor must name the instance, too, as"),
            ("epicor.base_url", "https://h/live/odata", "Address of Epicor must end at the inst"),
            ("epicor.base_url", "https://user:pw@h/live", "without user"),
            ("epicor.deployment", "saas", "one of: cloud"),
            ("epicor.api_version", "v3", "one of: v2, v1"),
            ("epicor.auth.method", "ntlm", "one of: oauth2"),
            ("epicor.api_key", "", "is required"),
            ("epicor.auth.token_url", "", "is required"),
            ("epicor.auth.client_secret", "", "is required"),
            ("epicor.auth.token_url", "http://login.example.com/t", "must begin with https"),
            ("epicor.ca_file", "/no/such.pem", "must be the path of a file with certificates"),
            ("company", "E" * 17, "One Epicor company must have at most 16 characters"),
            ("company", "E\x01", "One Epicor company must be one line"),
            ("epicor.auth.client_id", "a\x01b", "control characters"),
        ],
    )
    def test_the_epicor_connection_refused(
        self, client: Client, field: str, value: str, said: str
    ) -> None:
        answer = save(client, "epicor", {**EPICOR, field: value})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert said in page
        assert SECRET not in page
        assert OTHER not in page
        assert not EpicorCredentials.objects.exists()
        assert setup.company(Tenant.objects.get()) == ""

    @pytest.mark.parametrize(
        ("step", "field", "address", "asked"),
        [
            ("ramp", "ramp.base_url", "https://evil.example.com", "Client secret"),
            ("epicor", "epicor.base_url", "https://evil.example.com/live", "API key"),
            ("epicor", "epicor.base_url", "https://acme.epicorsaas.com:8443/live", "API key"),
            ("epicor", "epicor.auth.token_url", "https://evil.example.com/t", "Client secret"),
        ],
    )
    def test_a_stored_secret_goes_to_no_other_host(
        self, client: Client, making: Tenant, step: str, field: str, address: str, asked: str
    ) -> None:
        form = RAMP if step == "ramp" else EPICOR
        save(client, step, form)
        before = sections.values(making)
        kept = {name: "" if name in sections.SECRETS else text for name, text in form.items()}
        answer = save(client, step, {**kept, field: address})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert f"{asked} must be given again" in page
        assert SECRET not in page
        assert sections.values(making) == before
        assert save(client, step, {**form, field: address}).status_code == 302
        assert sections.values(making)[field] == address

    def test_another_path_on_the_same_host_keeps_them(self, client: Client) -> None:
        save(client, "epicor", EPICOR)
        kept = {name: "" if name in sections.SECRETS else text for name, text in EPICOR.items()}
        other = {**kept, "epicor.base_url": "https://ACME.epicorsaas.com:443/other"}
        assert save(client, "epicor", other).status_code == 302
        assert EpicorCredentials.objects.get().api_key == SECRET

    def test_the_epicor_connection_stored(self, client: Client, making: Tenant) -> None:
        assert save(client, "epicor", EPICOR).url == "/t/acme/setup/test/"
        stored = EpicorCredentials.objects.get()
        assert (stored.api_key, stored.client_secret) == (SECRET, OTHER)
        assert setup.company(making) == "EPIC06"
        page = text(client, "epicor/")
        assert "EPIC06" in page
        assert SECRET not in page
        assert OTHER not in page

    def test_another_login_method_clears_the_old_ones_secrets(self, client: Client) -> None:
        save(client, "epicor", EPICOR)
        basic = {
            **{name: value for name, value in EPICOR.items() if not name.startswith("epicor.auth")},
            "epicor.api_key": "",
            "epicor.auth.method": "basic",
            "epicor.auth.username": "u",
            "epicor.auth.password": "p",
        }
        assert save(client, "epicor", basic).status_code == 302
        stored = EpicorCredentials.objects.get()
        assert (stored.auth_method, stored.username, stored.password) == ("basic", "u", "p")
        assert (stored.client_id, stored.client_secret, stored.api_key) == ("", None, SECRET)

    def test_rules(self, client: Client) -> None:
        assert save(client, "rules", RULES).url == "/t/acme/setup/calendar/"
        stored = PostingSettings.objects.get()
        assert (stored.lanes, stored.group_prefix, stored.closed_period) == (3, "ML", "next_open")
        assert stored.pay_hold is False  # the box was not ticked
        save(client, "rules", {**RULES, "posting.pay_hold": "1", "posting.lanes": ""})
        stored = PostingSettings.objects.get()
        assert (stored.pay_hold, stored.lanes) == (True, 2)
        assert not FinanceCalendar.objects.exists()

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("posting.start_date", "1/2/2026", "must be a day"),
            ("posting.lanes", "9", "from 1 to 8"),
            ("posting.lanes", "two", "from 1 to 8"),
            ("posting.group_prefix", "ABC", "1 or 2"),
            ("posting.stamp_column", "a b", "name of a column"),
            ("posting.writer", "fast", "one of: two_step"),
        ],
    )
    def test_rules_refused(self, client: Client, field: str, value: str, said: str) -> None:
        answer = save(client, "rules", {**RULES, field: value})
        assert answer.status_code == 422
        assert said in answer.content.decode()
        assert not PostingSettings.objects.exists()

    def test_what_the_test_said_of_the_stamp_column(self, client: Client, making: Tenant) -> None:
        assert "This column was not tested yet" in text(client, "rules/")
        check = {"name": "EPIC06 ExternalID", "ok": True, "message": "ExternalID takes 50."}
        job(making, tenant_setup.TEST, details={"epicor": [check], "ramp": []})
        assert "Last test, EPIC06 ExternalID: ExternalID takes 50." in text(client, "rules/")

    def test_the_calendar_is_kept_until_live(self, client: Client, making: Tenant) -> None:
        assert save(client, "calendar", CALENDAR).url == "/t/acme/setup/twins/"
        assert setup.planned_calendar(making) == {
            "sync_cron": "0 9 * * 1-5",
            "blackout": ["2026-12-24", "2026-12-31"],
        }
        page = text(client, "calendar/")
        assert "0 9 * * 1-5" in page
        assert "At 09:00 from Monday to Friday." in page
        assert '<option value="*/15 * * * *">Every 15 minutes</option>' in page
        bad = {"calendar.sync_cron": "hourly", "calendar.blackout": "soon"}
        answer = save(client, "calendar", bad)
        assert answer.status_code == 422
        assert "must be five cron fields" in answer.content.decode()
        assert not FinanceCalendar.objects.exists()

    def test_two_admins_at_once(self, client: Client, making: Tenant) -> None:
        second = Client()
        second.force_login(builders.make_user("bob", making, "admin"))
        mark = seen(client, "rules")
        assert save(second, "rules", RULES, mark=mark).status_code == 302
        answer = save(client, "rules", {**RULES, "posting.lanes": "5"}, mark=mark)
        assert answer.status_code == 409
        page = answer.content.decode()
        assert "bob did at" in page
        assert "Nothing of yours was stored" in page.replace("\n", " ")
        assert PostingSettings.objects.get().lanes == 3
        assert 'value="3"' in page  # what is stored now

    def test_a_double_click_stores_once(self, client: Client) -> None:
        mark = seen(client, "ramp")
        assert save(client, "ramp", RAMP, mark=mark).status_code == 302
        assert save(client, "ramp", RAMP, mark=mark).status_code == 302
        assert AuditEntry.objects.filter(action="tenant_changed").count() == 1

    @pytest.mark.parametrize("mark", ["", "x", "ä\x01"])
    def test_a_form_without_its_mark_stores_nothing(self, client: Client, mark: str) -> None:
        assert save(client, "ramp", RAMP, mark=mark).status_code == 409
        assert not RampCredentials.objects.exists()


class TestLists:
    def test_entities_from_what_ramp_showed(self, client: Client, making: Tenant) -> None:
        rows = [
            {"id": "e-1", "name": "Acme <US>", "currency": "USD"},
            {"id": "e-2", "name": "Acme EU", "currency": "EUR"},
        ]
        result = {"entities": rows, "companies": [{"code": "EPIC06", "name": "Main"}]}
        job(making, tenant_setup.ENTITIES, details=result)
        page = text(client, "entities/")
        assert "Acme &lt;US&gt;" in page
        assert '<option value="EPIC06">Main</option>' in page
        typed = builders.lines(
            "entities",
            ramp_entity_id=["e-1", "e-2"],
            company=["EPIC06", ""],
            site=["MfgSys", ""],
        )
        assert save(client, "entities", typed).url == "/t/acme/setup/coding/"
        (route,) = EntityRoute.objects.all()
        assert (route.ramp_entity_id, route.company, route.site) == ("e-1", "EPIC06", "MfgSys")
        assert 'value="EPIC06"' in text(client, "entities/")

    def test_entities_typed_by_hand_and_refused_by_line(self, client: Client) -> None:
        typed = builders.lines(
            "entities",
            ramp_entity_id=["", "e-1", "e-1", "e-3"],
            company=["", "EPIC06", "EPIC07", ""],
            site=["", "", "", "MfgSys"],
        )
        answer = save(client, "entities", typed)
        page = answer.content.decode()
        assert answer.status_code == 422
        assert "names e-1 a second time" in page
        assert "Epicor company is required" in page
        assert page.index("EPIC07") < page.index("Epicor company is required")
        assert not EntityRoute.objects.exists()

    def test_at_least_one_entity(self, client: Client) -> None:
        answer = save(client, "entities", {})
        assert answer.status_code == 422
        assert "must name at least one entity" in answer.content.decode()

    def test_a_field_that_ramp_does_not_have_is_told(self, client: Client, making: Tenant) -> None:
        Dimension.objects.create(
            tenant=making, ramp_field="Cost Center", segment=3, kind="cost_centers"
        )
        assert "Ramp has no field" not in text(client, "coding/")  # nobody has asked Ramp yet
        job(making, tenant_setup.CHART, details={"fields": [{"id": "cc", "name": "Cost Center"}]})
        assert "the field Cost Center has the id cc" in text(client, "coding/")
        assert "1 field that Ramp does not have" in text(client, "live/")
        Dimension.objects.update(ramp_field="cc")
        assert "Ramp has no field" not in text(client, "coding/")
        assert "Ramp does not have" not in text(client, "live/")

    def test_currencies_and_dimensions_are_proposed(self, client: Client, making: Tenant) -> None:
        EpicorCurrency.objects.create(tenant=making, company="EPIC06", code="USD")
        EpicorSegment.objects.create(tenant=making, company="EPIC06", number=3, name="Department")
        job(making, tenant_setup.CHART, details={"fields": [{"id": "cc", "name": "Cost Center"}]})
        Posting.objects.create(tenant=making, bill_id="b", currency="CAD")
        page = text(client, "coding/")
        for expected in ("Proposed", "Epicor has no currency of this code", "3 Department", "cc"):
            assert expected in page
        typed = builders.lines(
            "currencies", iso=["usd", "CAD", ""], epicor_code=["USD", "", ""]
        ) | builders.lines(
            "dimensions", ramp_field=["cc"], segment=["3"], kind=[""], default=["000"]
        )
        assert save(client, "coding", typed).url == "/t/acme/setup/rules/"
        assert CurrencyMapping.objects.get().iso == "USD"
        one = Dimension.objects.get()
        assert (one.ramp_field, one.segment, one.kind) == ("cc", 3, "dimension:cc")

    def test_coding_refused(self, client: Client) -> None:
        typed = builders.lines(
            "currencies", iso=["USD", "usd", "dollar"], epicor_code=["USD", "EUR", "USD"]
        ) | builders.lines(
            "dimensions",
            ramp_field=["cc", "cc", ""],
            segment=["3", "99", "2"],
            kind=["", "", ""],
            default=["", "", ""],
        )
        answer = save(client, "coding", typed)
        page = answer.content.decode()
        assert answer.status_code == 422
        assert "Currency names USD a second time" in page
        assert "Currency must be a currency code such as USD" in page
        assert "Segment must be a whole number from 1 to 20" in page
        assert "names cc a second time" in page
        assert "Ramp field is required" in page
        assert not CurrencyMapping.objects.exists()


class TestPieces:
    def test_the_address_is_explained(self, client: Client) -> None:
        query = {"epicor.base_url": "https://acme.epicorsaas.com/live/api/v2/odata/EPIC06"}
        query |= {"epicor.api_version": "v2", "epicor.deployment": "cloud"}
        answer = client.get("/t/acme/setup/epicor/address/", query)
        page = answer.content.decode()
        assert "<html" not in page
        assert "EPIC06" in page
        assert "The address must end at the instance, before /api" in page
        assert client.get("/t/acme/setup/epicor/address/").status_code == 200

    def test_the_fields_of_a_method(self, client: Client) -> None:
        def fields(method: str) -> str:
            answer = client.get("/t/acme/setup/epicor/login/", {"epicor.auth.method": method})
            return answer.content.decode()

        assert "epicor.auth.password" in fields("basic")
        assert "epicor.auth.token_url" in fields("oauth2")
        assert "epicor.auth" not in fields("nonsense")

    def test_the_next_runs_leave_out_blackout_days(self, client: Client) -> None:
        def runs(cron: str, days: str = "") -> str:
            query = {"calendar.sync_cron": cron, "calendar.blackout": days}
            return client.get("/t/acme/setup/calendar/runs/", query).content.decode()

        assert runs("0 9 * * *").count(", 09:00</li>") == 5
        tomorrow = timezone.now() + timezone.timedelta(days=1)
        assert "nothing is entered" in runs("0 9 * * *", f"{tomorrow:%Y-%m-%d}")
        assert "Five fields are needed" in runs("daily")
        assert "not a cron expression" in runs("99 * * * *")


class TestJobs:
    @pytest.mark.parametrize("step", [key for key, step in STEPS.items() if step.job])
    def test_asking_twice_asks_once(self, client: Client, step: str) -> None:
        for _ in range(2):
            assert client.post(f"/t/acme/setup/{step}/ask").url == f"/t/acme/setup/{step}/"
        assert Job.objects.get().kind == STEPS[step].job
        assert "hx-trigger" in text(client, f"{step}/")

    @pytest.mark.parametrize("step", ["ramp", "live", "nonsense"])
    def test_only_steps_that_ask(self, client: Client, step: str) -> None:
        assert client.post(f"/t/acme/setup/{step}/ask").status_code == 404

    def test_progress_and_end_are_a_piece(self, client: Client, making: Tenant) -> None:
        row = job(
            making,
            tenant_setup.TEST,
            state="open",
            finished_at=None,
            code="",
            done=3,
            total=24,
            details={"ramp": [{"name": "login", "ok": True, "message": "Fine.", "fix": ""}]},
        )
        address = f"/t/acme/setup/jobs/{row.pk}/"
        answer = client.get(address)
        page = answer.content.decode()
        assert "3 of 24 done" in page
        assert "Fine." in page
        assert "HX-Refresh" not in answer.headers
        Job.objects.update(**builders.over(failed=True))
        assert client.get(address).headers["HX-Refresh"] == "true"
        quiet = client.get(address, headers={"HX-Current-URL": "http://x/t/acme/settings/"})
        assert "HX-Refresh" not in quiet.headers

    def test_another_tenants_job_and_other_kinds_are_not_found(
        self, client: Client, making: Tenant
    ) -> None:
        foreign = job(builders.make_tenant("other"), tenant_setup.TEST)
        replay = job(making, "replay")
        for row in (foreign, replay):
            assert client.get(f"/t/acme/setup/jobs/{row.pk}/").status_code == 404

    def test_names_in_results_are_text(self, client: Client, making: Tenant) -> None:
        bad = "<script>alert(1)</script>"
        bill = {"bill": "b", "number": bad, "vendor_name": bad, "amount": "1.00 USD", "ok": False}
        bill |= {"reason": "refused", "message": bad, "next_step": bad}
        job(making, tenant_setup.REHEARSAL, details={"bills": [bill]})
        twin = {"company": bad, "invoice_num": bad, "total": "1", "currency": "USD"}
        twins = [{"bill": "b", "number": bad, "amount": "1", "twins": [twin]}]
        job(making, tenant_setup.TWINS, details={"twins": twins, "count": 1})
        for step in ("rehearsal/", "twins/"):
            page = text(client, step)
            assert "<script>alert" not in page
            assert "&lt;script&gt;alert" in page


class TestProgress:
    def test_steps_are_left_and_resumed(self, client: Client) -> None:
        assert "Ramp app" in text(client, "")
        save(client, "rules", RULES)
        save(client, "ramp", RAMP)
        page = text(client, "")
        assert page.count("check_circle") == 2
        assert 'mc-primary" href="/t/acme/setup/epicor/"' in page

    def test_a_test_is_worth_nothing_once_a_connection_changed(
        self, client: Client, making: Tenant
    ) -> None:
        save(client, "ramp", RAMP)
        result = {"mark": tenant_setup.connections_mark(making), "ramp": [], "epicor": []}
        job(making, tenant_setup.TEST, details=result)
        assert "a connection changed since" not in text(client, "")
        save(client, "ramp", {**RAMP, "ramp.client_secret": OTHER})
        assert "a connection changed since" in text(client, "")

    @pytest.mark.parametrize(
        ("result", "note", "warned"),
        [
            ({"count": 0, "missed": 0}, "done", False),
            ({"count": 2, "missed": 0}, "2 possible duplicates", True),
            ({"count": 1, "missed": 7}, "1 possible duplicate, 7 not compared", True),
            ({"count": 0, "missed": 7}, "7 not compared", True),
        ],
    )
    def test_duplicates_and_bills_not_compared_stay_visible(
        self, client: Client, making: Tenant, result: dict[str, int], note: str, warned: bool
    ) -> None:
        job(making, tenant_setup.TWINS, details={"twins": [], **result})
        page = text(client, "")
        step = page.split("Bills typed by hand</a>")[1].split("</li>")[0]
        assert note in step
        assert ("mc-warned" in page) is warned

    @pytest.mark.parametrize("step", ["", *(f"{key}/" for key in STEPS)])
    def test_a_constant_number_of_queries(self, client: Client, making: Tenant, step: str) -> None:
        def count() -> int:
            with CaptureQueriesContext(connection) as found:
                text(client, step)
            return len(found)

        text(client, step)
        rows = [{"id": "e0", "name": "E0", "currency": "USD"}]
        job(making, tenant_setup.ENTITIES, details={"entities": rows, "companies": []})
        job(making, tenant_setup.CHART, details={"fields": [{"id": "f0", "name": "F0"}]})
        EpicorSegment.objects.create(tenant=making, company="E", number=1, name="One")
        few = count()
        many = [{"id": f"e{n}", "name": f"E{n}", "currency": "USD"} for n in range(30)]
        job(making, tenant_setup.ENTITIES, details={"entities": many, "companies": []})
        fields = [{"id": f"f{n}", "name": f"F{n}"} for n in range(30)]
        job(making, tenant_setup.CHART, details={"fields": fields})
        for number in range(2, 9):
            EpicorSegment.objects.create(
                tenant=making, company="E", number=number, name=f"S{number}"
            )
        for number in range(40):
            Posting.objects.create(tenant=making, bill_id=f"b{number}", currency="USD")
        assert count() == few
        assert few <= 45


class TestLive:
    def ready(self, client: Client) -> None:
        save(client, "ramp", RAMP)
        save(client, "epicor", EPICOR)
        typed = builders.lines("entities", ramp_entity_id=["e"], company=["EPIC06"], site=[""])
        save(client, "entities", typed)
        save(client, "rules", RULES)
        save(client, "calendar", CALENDAR)

    def test_what_is_missing_is_listed_and_stops_it(self, client: Client) -> None:
        page = text(client, "live/")
        assert "Still missing" in page
        assert "entities: must name at least one entity" in page
        assert 'name="sure"' not in page
        answer = client.post("/t/acme/setup/live/go", {"sure": "1"}, follow=True)
        assert "Not live: " in answer.content.decode()
        assert not FinanceCalendar.objects.exists()

    def test_it_says_what_will_happen_and_warns_of_what_was_not_done(self, client: Client) -> None:
        self.ready(client)
        page = text(client, "live/")
        assert "Still missing" not in page
        for expected in ("EPIC06", "2026-06-01 and later", "09:00", "not done yet"):
            assert expected in page

    def test_without_the_tick_nothing_happens(self, client: Client) -> None:
        self.ready(client)
        client.post("/t/acme/setup/live/go", {})
        assert not FinanceCalendar.objects.exists()

    def test_live_from_the_next_cycle_on(self, client: Client, making: Tenant) -> None:
        self.ready(client)
        answer = client.post("/t/acme/setup/live/go", {"sure": "1"}, follow=True)
        assert "The first cycle begins" in answer.content.decode()
        assert FinanceCalendar.objects.get().next_run_at > timezone.now()
        assert not Job.objects.exists()
        assert pauses.kind(Tenant.objects.get()) == ""
        assert "is live." in text(client, "live/")
        assert "Not live yet" not in client.get("/t/acme/").content.decode()

    def test_live_without_connections_is_said(self, client: Client, making: Tenant) -> None:
        FinanceCalendar.objects.create(
            tenant=making, sync_cron="0 9 * * *", next_run_at=timezone.now()
        )
        page = text(client, "live/")
        assert "live, but not connected" in page
        assert 'class="mc-warned"' in page
        self.ready(client)
        assert "live, but not connected" not in text(client, "live/")

    def test_live_with_a_cycle_now_and_twice_is_told(self, client: Client) -> None:
        self.ready(client)
        typed = {"sure": "1", "now": "1"}
        client.post("/t/acme/setup/live/go", typed)
        again = client.post("/t/acme/setup/live/go", typed, follow=True)
        assert "is live already" in again.content.decode()
        assert Job.objects.count() == 1


@pytest.mark.parametrize("role", ["accountant", "approver", "auditor"])
def test_others_may_not_set_up(making: Tenant, role: str) -> None:
    client = Client()
    client.force_login(builders.make_user("x", making, role))
    pages = ["", "ramp/", "live/", "epicor/address/", "epicor/login/", "calendar/runs/"]
    for page in pages:
        assert client.get(f"/t/acme/setup/{page}").status_code == 403
    for page in ("ramp/save", "test/ask", "live/go"):
        assert client.post(f"/t/acme/setup/{page}").status_code == 403
    assert not Job.objects.exists()


def test_a_stranger_finds_nothing(making: Tenant) -> None:
    client = Client()
    client.force_login(builders.make_user("eve", builders.make_tenant("other"), "admin"))
    for page in ("", "ramp/", "epicor/address/"):
        assert client.get(f"/t/acme/setup/{page}").status_code == 404
    assert client.post("/t/acme/setup/ramp/save", RAMP).status_code == 404
    assert client.post("/t/acme/setup/live/go", {"sure": "1"}).status_code == 404


def test_unknown_steps_and_wrong_methods(client: Client) -> None:
    assert client.get("/t/acme/setup/nonsense/").status_code == 404
    assert client.post("/t/acme/setup/test/save").status_code == 404
    assert client.post("/t/acme/setup/ramp/").status_code == 405
    for page in ("ramp/save", "test/ask", "live/go"):
        assert client.get(f"/t/acme/setup/{page}").status_code == 405
