import copy
import json
from datetime import date, timedelta

import certifi
import pytest
from django.utils import timezone

from audit.trail.models import AuditEntry
from connector.tenants import sections, tenant_file
from connector.tenants.form_fields import SettingsError
from connector.tenants.models import (
    EntityRoute,
    EpicorCredentials,
    FinanceCalendar,
    PostingSettings,
    RampCredentials,
    Tenant,
)
from connector.tenants.tenant_file import apply, read
from mappings.models import CurrencyMapping, Dimension
from tests.builders import make_tenant

WHOLE = {
    "slug": "acme",
    "name": "Acme Consulting",
    "time_zone": "America/New_York",
    "ramp": {
        "base_url": "https://demo-api.ramp.com/developer/v1/",
        "client_id": "ramp-id",
        "client_secret": "ramp-secret",
        "webhook_secret": "hook-secret",
    },
    "epicor": {
        "base_url": "https://acme.epicorsaas.com/live",
        "deployment": "cloud",
        "api_version": "v2",
        "api_key": "epicor-key",
        "auth": {
            "method": "oauth2",
            "token_url": "https://login.example.com/connect/token",
            "client_id": "epicor-id",
            "client_secret": "epicor-secret",
            "scope": "epicor_erp",
        },
        "rate_group": "MAIN",
        "ca_file": None,
    },
    "entities": [{"ramp_entity_id": "e-1", "company": "EPIC06", "site": "MfgSys"}],
    "currencies": {"USD": "USD", "EUR": "EURO"},
    "dimensions": [
        {"ramp_field": "cost_center", "segment": 3, "kind": "cost_centers", "default": "000"}
    ],
    "posting": {
        "start_date": "2026-01-01",
        "group_prefix": "ML",
        "lanes": 3,
        "writer": "update_ext",
        "skeleton_method": "auto",
        "stamp_column": "ExternalID",
        "pay_hold": False,
        "po_bills": "expense",
        "card_paid": "enter",
        "default_terms": "N30",
        "after_entry_edits": "hold",
    },
    "calendar": {
        "sync_cron": "*/15 * * * 1-5",
        "closed_period": "next_open",
        "blackout": ["2026-12-25"],
    },
}
REQUIRED = {
    "slug": "acme",
    "name": "Acme",
    "time_zone": "UTC",
    "ramp": {"base_url": "https://h", "client_id": "i", "client_secret": "s"},
    "epicor": {
        "base_url": "https://acme.epicorsaas.com/live",
        "deployment": "cloud",
        "api_version": "v2",
        "api_key": "k",
        "auth": {"method": "basic", "username": "u", "password": "p"},
    },
    "entities": [{"ramp_entity_id": "e-1", "company": "EPIC06"}],
}


def with_value(path, value, document=WHOLE):
    """The document with one value replaced, or added, at a dotted path."""
    changed = copy.deepcopy(document)
    *sections, name = path.split(".")
    place = changed
    for section in sections:
        place = place.setdefault(section, {})
    place[name] = value
    return changed


def without(path, document=WHOLE):
    changed = copy.deepcopy(document)
    *sections, name = path.split(".")
    place = changed
    for section in sections:
        place = place[section]
    del place[name]
    return changed


def problems(document):
    with pytest.raises(SettingsError) as caught:
        apply(document)
    return caught.value.sentences


@pytest.mark.django_db
class TestStoring:
    def test_a_whole_file_is_stored_whole(self):
        tenant, created, changed = apply(WHOLE)
        assert (tenant.slug, created) == ("acme", True)
        assert {"epicor.api_key", "entities", "currencies", "dimensions"} <= set(changed)
        ramp, epicor = RampCredentials.objects.get(), EpicorCredentials.objects.get()
        assert (ramp.base_url, ramp.client_secret) == ("https://demo-api.ramp.com", "ramp-secret")
        assert (epicor.auth_method, epicor.client_secret) == ("oauth2", "epicor-secret")
        assert (epicor.ca_file, epicor.rate_group) == ("", "MAIN")
        posting, calendar = PostingSettings.objects.get(), FinanceCalendar.objects.get()
        assert (posting.start_date, posting.lanes) == (date(2026, 1, 1), 3)
        assert (posting.pay_hold, posting.closed_period) == (False, "next_open")
        assert (calendar.sync_cron, calendar.blackout) == ("*/15 * * * 1-5", ["2026-12-25"])
        assert EntityRoute.objects.get().company == "EPIC06"
        assert dict(CurrencyMapping.objects.values_list("iso", "epicor_code")) == {
            "USD": "USD",
            "EUR": "EURO",
        }
        assert Dimension.objects.get().segment == 3

    def test_only_what_is_required_is_enough_and_the_rest_has_defaults(self):
        tenant, _, _ = apply(REQUIRED)
        assert (tenant.posting.writer, tenant.posting.pay_hold) == ("two_step", True)
        assert tenant.posting.start_date is None
        assert tenant.calendar.blackout == []

    def test_the_second_time_nothing_changes(self):
        apply(WHOLE)
        _, created, changed = apply(WHOLE)
        assert (created, changed) == (False, [])
        assert AuditEntry.objects.count() == 1

    def test_an_update_changes_what_it_names_and_keeps_the_rest(self):
        apply(WHOLE)
        _, created, changed = apply(
            {"slug": "acme", "ramp": {"client_secret": "new"}, "posting": {"lanes": 1}}
        )
        assert (created, changed) == (False, ["ramp.client_secret", "posting.lanes"])
        assert RampCredentials.objects.get().client_secret == "new"
        assert RampCredentials.objects.get().client_id == "ramp-id"
        assert PostingSettings.objects.get().group_prefix == "ML"
        assert EntityRoute.objects.count() == 1

    def test_null_clears(self):
        apply(WHOLE)
        cleared = {
            "slug": "acme",
            "ramp": {"webhook_secret": None},
            "posting": {"default_terms": None, "start_date": None, "lanes": None},
            "calendar": {"blackout": None},
            "currencies": None,
            "dimensions": None,
        }
        apply(cleared)
        posting = PostingSettings.objects.get()
        assert (posting.default_terms, posting.start_date, posting.lanes) == ("", None, 2)
        assert RampCredentials.objects.get().webhook_secret is None
        assert FinanceCalendar.objects.get().blackout == []
        assert not CurrencyMapping.objects.exists()
        assert not Dimension.objects.exists()

    @pytest.mark.parametrize(
        "path",
        [
            "ramp.webhook_secret",
            "ramp.client_secret",
            "epicor.api_key",
            "epicor.auth.client_secret",
            "epicor.ca_file",
            "posting.start_date",
            "posting.group_prefix",
            "posting.writer",
            "calendar.sync_cron",
            "calendar.blackout",
        ],
    )
    @pytest.mark.parametrize("empty", ["", " "])
    def test_an_empty_text_clears_nothing(self, path, empty):
        apply(with_value("epicor.ca_file", certifi.where()))
        before = sections.values(Tenant.objects.get())
        (problem,) = problems(with_value(path, empty, {"slug": "acme"}))
        assert problem.startswith(f"{path}: must be ")
        assert sections.values(Tenant.objects.get()) == before

    def test_an_empty_kind_is_refused(self):
        rows = [{"ramp_field": "f", "segment": 2, "kind": ""}]
        (problem,) = problems(with_value("dimensions", rows))
        assert problem.startswith("dimensions[0].kind: must be cost_centers or dimension:FIELD")
        assert "/ \\ ? # %" in problem
        assert "%%" not in problem

    def test_texts_that_were_optional_may_be_empty(self):
        document = WHOLE
        for path in ("epicor.auth.scope", "epicor.rate_group", "posting.default_terms"):
            document = with_value(path, "", document)
        document["entities"][0]["site"] = document["dimensions"][0]["default"] = ""
        apply(document)
        assert EpicorCredentials.objects.get().rate_group == ""
        assert (EntityRoute.objects.get().site, Dimension.objects.get().default) == ("", "")

    @pytest.mark.parametrize("value", [[], "", 0, False, "USD"])
    def test_no_other_empty_thing_than_null_deletes_the_currencies(self, value):
        apply(WHOLE)
        assert problems({"slug": "acme", "currencies": value}) == [
            'currencies: must be an object such as {"USD": "USD"}'
        ]
        assert CurrencyMapping.objects.count() == 2

    def test_lists_are_replaced_whole(self):
        apply(WHOLE)
        entities = [{"ramp_entity_id": "e-2", "company": "EPIC07"}]
        _, _, changed = apply({"slug": "acme", "entities": entities})
        assert changed == ["entities"]
        assert list(EntityRoute.objects.values_list("ramp_entity_id", "company", "site")) == [
            ("e-2", "EPIC07", "")
        ]

    def test_other_tenants_are_left_alone(self):
        other = make_tenant("other")
        apply(WHOLE)
        apply({"slug": "acme", "dimensions": [], "currencies": {}})
        assert EntityRoute.objects.filter(tenant=other).count() == 1

    def test_new_credentials_end_a_pause_and_other_changes_do_not(self):
        tenant, _, _ = apply(WHOLE)
        Tenant.objects.update(paused_reason="Ramp refused our login.", paused_at=timezone.now())
        apply({"slug": "acme", "posting": {"lanes": 1}})
        tenant.refresh_from_db()
        assert tenant.paused_reason
        apply({"slug": "acme", "ramp": {"client_secret": "new"}})
        tenant.refresh_from_db()
        assert (tenant.paused_reason, tenant.paused_at) == ("", None)

    def test_another_schedule_means_another_next_run(self):
        apply(WHOLE)
        soon = timezone.now() + timedelta(hours=1)
        FinanceCalendar.objects.update(next_run_at=soon)
        apply({"slug": "acme", "posting": {"lanes": 1}})
        assert FinanceCalendar.objects.get().next_run_at == soon
        apply({"slug": "acme", "calendar": {"sync_cron": "0 6 * * *"}})
        assert FinanceCalendar.objects.get().next_run_at is None

    def test_the_trail_names_what_changed_and_no_secret(self):
        apply(WHOLE)
        entry = AuditEntry.objects.get()
        assert entry.action == "tenant_created"
        assert "epicor.api_key" in entry.body["changed"]
        for secret in ("ramp-secret", "hook-secret", "epicor-key", "epicor-secret"):
            assert secret not in json.dumps(entry.body)

    def test_a_change_of_method_needs_the_new_method_s_login(self):
        apply(WHOLE)
        change = {"slug": "acme", "epicor": {"auth": {"method": "basic", "username": "u"}}}
        assert problems(change) == ["epicor.auth.password: is required"]
        assert EpicorCredentials.objects.get().auth_method == "oauth2"
        change["epicor"]["auth"]["password"] = "p"
        apply(change)
        assert EpicorCredentials.objects.get().auth_method == "basic"


@pytest.mark.django_db
class TestProblems:
    @pytest.mark.parametrize("path", ["slug", *sorted(tenant_file.REQUIRED)])
    def test_what_is_required_is_asked_for(self, path):
        if path == "slug":
            with pytest.raises(SettingsError, match="slug: is required"):
                apply(without("slug"))
            return
        assert problems(without(path)) == [f"{path}: is required"]
        assert not Tenant.objects.exists()

    def test_entities_are_required(self):
        assert problems(without("entities")) == ["entities: is required"]
        assert problems(with_value("entities", [])) == ["entities: must name at least one entity"]

    @pytest.mark.parametrize(
        ("path", "value", "part"),
        [
            ("slug", "a b", "letters"),
            ("slug", 7, "letters"),
            ("slug", " acme", "letters"),
            ("slug", "x" * 51, "letters"),
            ("name", "", "text that is not empty"),
            ("name", "Ac\x00me", "one line without control characters"),
            ("epicor.rate_group", "  ", "text that is not empty"),
            ("epicor.auth.client_secret", "", "text that is not empty"),
            ("epicor.auth.token_url", "", "text that is not empty"),
            ("time_zone", "Mars/Base", "time zone"),
            ("time_zone", "../../etc/passwd", "time zone"),
            ("ramp.base_url", "ftp://x", "address"),
            ("ramp.base_url", "https://user:pass@x", "without user"),
            ("ramp.base_url", "https://x:port", "address"),
            ("ramp.base_url", "http://api.ramp.com", "must begin with https"),
            ("ramp.base_url", "http://127.0.0.1.example.com", "must begin with https"),
            ("epicor.auth.token_url", "http://login.example.com/t", "must begin with https"),
            ("ramp.client_secret", None, "null"),
            ("ramp.client_secret", 7, "text"),
            ("epicor.deployment", "saas", "cloud, on_premises"),
            ("epicor.api_version", 2, "v2, v1"),
            ("epicor.auth.method", "ntlm", "oauth2"),
            ("epicor.auth", None, "object"),
            ("epicor.ca_file", "/no/such/file.pem", "file with certificates (PEM)"),
            ("posting.start_date", "1/1/2026", "day"),
            ("posting.start_date", "2026-1-5", "day"),
            ("posting.start_date", " 2026-01-05", "day"),
            ("posting.start_date", "20260105", "day"),
            ("posting.group_prefix", " M", "1 or 2"),
            ("posting.group_prefix", "ABC", "1 or 2"),
            ("posting.lanes", 0, "1 to 8"),
            ("posting.lanes", True, "1 to 8"),
            ("posting.writer", "fast", "two_step"),
            ("posting.stamp_column", "a b", "name of a column"),
            ("posting.pay_hold", "yes", "true or false"),
            ("posting.po_bills", "enter", "po_lines"),
            ("posting.card_paid", [], "hold, enter"),
            ("posting.default_terms", "x" * 17, "16"),
            ("calendar.sync_cron", "every day", "cron"),
            ("calendar.sync_cron", "* * * * * *", "cron"),
            ("calendar.sync_cron", "0 0 30 2 *", "cron"),
            ("calendar.closed_period", "skip", "next_open"),
            ("calendar.blackout", ["soon"], "day"),
            ("calendar.blackout", ["2026-W01-1"], "day"),
            ("currencies", ["USD"], "object"),
            ("currencies.usd", "USD", "currency code"),
            ("currencies. USD", "USD", "currency code"),
            ("currencies.DOLLAR", "USD", "currency code"),
            ("currencies.USD", "", "text that is not empty"),
            ("currencies.USD", 7, "text"),
            ("entities", {}, "list"),
            ("dimensions", "x", "list"),
            ("sections", {}, "is not a key"),
            ("ramp.clientid", "x", "did you mean ramp.client_id"),
            ("epicor.auth.user", "x", "is not a key"),
        ],
    )
    def test_a_wrong_value_is_named_with_its_path(self, path, value, part):
        with pytest.raises(SettingsError) as caught:
            apply(with_value(path, value))
        missing = ["is required"]
        others = {p: texts for p, texts in caught.value.problems.items() if texts != missing}
        ((found, (problem,)),) = (others or caught.value.problems).items()
        assert found == path
        assert part in problem

    @pytest.mark.parametrize(
        ("name", "rows", "problem"),
        [
            ("entities", [7], "entities[0]: must be an object"),
            ("entities", [{"company": "A"}], "entities[0].ramp_entity_id: is required"),
            (
                "entities",
                [
                    {"ramp_entity_id": "e", "company": "A"},
                    {"ramp_entity_id": "e", "company": "B"},
                ],
                "entities[1].ramp_entity_id: names e a second time",
            ),
            (
                "entities",
                [{"ramp_entity_id": "e", "company": "A", "plant": "x"}],
                "entities[0].plant: is not a key; known: ramp_entity_id, company, site",
            ),
            (
                "dimensions",
                [{"ramp_field": "f", "segment": 0}],
                "dimensions[0].segment: must be a whole number from 1 to 20",
            ),
            (
                "dimensions",
                [{"ramp_field": "f", "segment": 2, "kind": "projects"}],
                "dimensions[0].kind: must be cost_centers or dimension:FIELD, where FIELD has up "
                "to 54 characters and none of / \\ ? # %",
            ),
            (
                "dimensions",
                [{"ramp_field": "a/b", "segment": 2}, {"ramp_field": "a?b", "segment": 3}],
                "dimensions[1].kind: names dimension:a-b a second time",
            ),
            (
                "dimensions",
                [{"ramp_field": "f", "segment": 2}, {"ramp_field": "g", "segment": 2}],
                "dimensions[1].segment: names 2 a second time",
            ),
        ],
    )
    def test_a_wrong_row_is_named_with_its_number(self, name, rows, problem):
        assert problems(with_value(name, rows)) == [problem]

    def test_an_empty_currency_key_is_named(self):
        document = with_value("currencies", {"": "USD"})
        assert problems(document) == ['currencies."": must be a currency code such as USD']

    @pytest.mark.parametrize("slug", [None, "", "a\x00b", "a" * 60, 7])
    def test_a_wrong_slug_is_one_sentence_beside_the_other_faults(self, slug):
        document = {"slug": slug, "posting": {"lanes": 99, "writer": "two_step"}, "extra": 1}
        with pytest.raises(SettingsError) as caught:
            apply(document)
        text = "is required" if slug is None else "must be 1 to 50 letters, digits, - or _"
        assert caught.value.problems == {
            "slug": [text],
            "posting.lanes": ["must be a whole number from 1 to 8"],
            "extra": ["is not a key"],
        }
        assert ".." not in str(caught.value)

    def test_a_dot_in_a_name_makes_no_path(self):
        apply(WHOLE)
        document = {"slug": "acme", "epicor.rate_group": "OTHER"}
        assert problems(document)[0].startswith("epicor.rate_group: is not a key")
        assert EpicorCredentials.objects.get().rate_group == "MAIN"

    def test_a_question_ends_without_a_dot(self):
        with pytest.raises(SettingsError, match=r"did you mean ramp\.client_id\?$"):
            apply(with_value("ramp.clientid", "x"))

    def test_all_problems_are_told_at_once_and_nothing_is_stored(self):
        document = with_value("posting.lanes", 99, without("ramp.client_id"))
        document["extra"] = 1
        assert problems(document) == [
            "posting.lanes: must be a whole number from 1 to 8",
            "extra: is not a key",
            "ramp.client_id: is required",
        ]
        assert not Tenant.objects.exists()

    def test_a_field_that_is_no_cost_center_gets_a_kind_of_its_own(self):
        rows = [{"ramp_field": "project", "segment": 4}]
        apply(with_value("dimensions", rows))
        dimension = Dimension.objects.get()
        assert (dimension.kind, dimension.default) == ("dimension:project", "")

    @pytest.mark.parametrize(
        "name", ["a/b", "a/import", "a?b", "a#b", "a%2fb", "a\\b", "a\nb", " a", ""]
    )
    def test_a_kind_that_no_address_can_have(self, name):
        rows = [{"ramp_field": "f", "segment": 2, "kind": f"dimension:{name}"}]
        problem = problems(with_value("dimensions", rows))[0]
        assert problem.startswith("dimensions[0].kind: must be cost_centers or dimension:FIELD")

    def test_a_field_with_such_signs_gets_a_kind_without_them(self):
        rows = [
            {"ramp_field": "Team / region", "segment": 4},
            {"ramp_field": "x" * 64, "segment": 5},
        ]
        apply(with_value("dimensions", rows))
        found = Dimension.objects.order_by("segment")
        assert [one.kind for one in found] == ["dimension:Team - region", f"dimension:{'x' * 54}"]

    def test_every_path_that_is_no_certificate_is_told_the_same(self, tmp_path):
        key, missing = tmp_path / "key.txt", tmp_path / "none.txt"
        key.write_text("secret")
        paths = [key, missing, tmp_path, "/etc/passwd", "/etc/shadow", "/dev/zero"]
        found = {tuple(problems(with_value("epicor.ca_file", str(path)))) for path in paths}
        assert len(found) == 1

    def test_a_file_with_certificates_is_taken(self):
        apply(with_value("epicor.ca_file", certifi.where()))
        assert EpicorCredentials.objects.get().ca_file == certifi.where()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"{", "line 1"),
        (b"[]", "one JSON object"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"slug": "a", "slug": "b"}', "given twice"),
        (b"[" * 100_000, "nested"),
        (b" " * 1_000_001, "too big"),
        (b'{"slug": ' + b"9" * 5000 + b"}", "has a number with too many digits"),
    ],
)
def test_a_file_that_cannot_be_read_is_explained(tmp_path, content, part):
    file = tmp_path / "tenant.json"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=part):
        apply(read(file))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.json cannot be read"):
        read(tmp_path / "none.json")


def test_a_file_written_on_windows_is_read(tmp_path):
    file = tmp_path / "tenant.json"
    file.write_text(json.dumps(WHOLE), encoding="utf-8-sig")
    assert read(file) == WHOLE
