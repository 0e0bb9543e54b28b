"""Sections of the settings: saved whole or not at all, never over somebody else's change."""

import pytest

from audit.trail.models import AuditEntry
from connector.http_client.models import AccessToken
from connector.tenants import sections, setup, tenant_file
from connector.tenants.form_fields import SettingsError
from connector.tenants.models import (
    FinanceCalendar,
    PostingSettings,
    RampCredentials,
    Tenant,
)
from connector.tenants.sections import SECTIONS, ChangedMeanwhileError
from tests.builders import make_epicor_credentials, make_ramp_credentials, make_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant() -> Tenant:
    made = make_tenant("acme")
    make_ramp_credentials(made, client_secret="very-hidden")
    make_epicor_credentials(made)
    return made


def mark(tenant, key):
    return sections.mark(SECTIONS[key], sections.values(tenant))


def typed(tenant, key, changes):
    """What the page of a section sends: all of its fields, secrets empty unless given."""
    form = SECTIONS[key].form
    shown = form(instance=sections.row_of(tenant, form))
    values = {one.html_name: one.value() for one in shown if one.name not in form.secrets()}
    values = {path: value for path, value in (values | changes).items() if value is not False}
    return {path: "" if value is None else str(value) for path, value in values.items()}


def save(tenant, key, changes, *, seen=None, actor="ann"):
    seen = mark(tenant, key) if seen is None else seen
    posted = typed(tenant, key, changes)
    return sections.save(tenant, SECTIONS[key], posted, seen=seen, actor=actor)


def test_each_setting_is_in_one_section_and_each_column_in_one_form():
    paths = [path for section in SECTIONS.values() for path in section.paths]
    assert len(paths) == len(set(paths))
    left = {"id", "tenant", "next_run_at"}
    for form in sections.FORMS[1:]:
        columns = {field.name for field in form._meta.model._meta.fields}
        assert columns - left == set(form.base_fields)


def test_secrets_are_those_that_the_models_encrypt():
    assert {
        "ramp.client_secret",
        "ramp.webhook_secret",
        "epicor.api_key",
        "epicor.auth.client_secret",
        "epicor.auth.password",
    } == sections.SECRETS


def test_saving_names_what_changed_and_who(tenant):
    assert save(tenant, "rules", {"posting.lanes": 1, "posting.group_prefix": "R"}) == [
        "posting.lanes"
    ]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.body) == (
        "tenant_changed",
        "ann",
        {"changed": ["posting.lanes"]},
    )


def test_the_second_of_two_is_told_and_stores_nothing(tenant):
    seen = mark(tenant, "rules")
    save(tenant, "rules", {"posting.lanes": 1}, seen=seen, actor="bob")
    with pytest.raises(ChangedMeanwhileError, match="bob did at 20"):
        save(tenant, "rules", {"posting.lanes": 3, "posting.po_bills": "expense"}, seen=seen)
    settings = PostingSettings.objects.get()
    assert (settings.lanes, settings.po_bills) == (1, "hold")
    assert AuditEntry.objects.count() == 1


def test_the_same_sent_twice_is_no_trouble(tenant):
    seen = mark(tenant, "rules")
    assert save(tenant, "rules", {"posting.lanes": 1}, seen=seen)
    assert save(tenant, "rules", {"posting.lanes": 1}, seen=seen) == []
    assert AuditEntry.objects.count() == 1


def test_another_section_does_not_disturb(tenant):
    seen = mark(tenant, "rules")
    save(tenant, "tenant", {"name": "Other", "time_zone": "UTC"})
    assert save(tenant, "rules", {"posting.lanes": 1}, seen=seen)


def test_a_changed_secret_changes_the_mark_but_is_not_in_it(tenant):
    before = mark(tenant, "ramp")
    save(tenant, "ramp", {"ramp.client_secret": "another"})
    assert mark(tenant, "ramp") != before
    assert "hidden" not in before


def test_new_credentials_forget_the_tokens_of_that_system(tenant):
    for system in ("ramp", "epicor"):
        AccessToken.objects.create(tenant=tenant, system=system, token="t", made_for="x")
    save(tenant, "ramp", {"ramp.client_id": "new"})
    assert AccessToken.objects.get(system="ramp").token is None
    assert AccessToken.objects.get(system="epicor").token == "t"


def test_another_host_needs_its_secrets_again_and_a_tenant_file_does_not(tenant):
    moved = {"epicor.base_url": "http://127.0.0.1:10/kinetic"}
    with pytest.raises(SettingsError) as caught:
        save(tenant, "epicor", moved)
    # The login goes elsewhere, but what it gives would be shown to the new host.
    assert set(caught.value.problems) == {"epicor.api_key", "epicor.auth.client_secret"}
    moved |= {"epicor.api_key": "new"}
    with pytest.raises(SettingsError):
        save(tenant, "epicor", moved)
    moved |= {"epicor.auth.client_secret": "new"}
    assert "epicor.base_url" in save(tenant, "epicor", moved)
    tenant_file.apply({"slug": "acme", "ramp": {"base_url": "http://127.0.0.1:10"}})
    assert RampCredentials.objects.get().client_secret == "very-hidden"


def test_a_stored_secret_goes_to_no_first_host_either(tenant):
    RampCredentials.objects.update(base_url="")
    with pytest.raises(SettingsError) as caught:
        save(tenant, "ramp", {"ramp.base_url": "https://api.ramp.com"})
    assert set(caught.value.problems) == {"ramp.client_secret"}
    assert RampCredentials.objects.get().base_url == ""


def test_a_webhook_secret_is_sent_nowhere(tenant):
    moved = {"ramp.base_url": "https://api.ramp.com", "ramp.client_secret": "new"}
    assert save(tenant, "ramp", moved) == ["ramp.base_url", "ramp.client_secret"]
    assert RampCredentials.objects.get().webhook_secret == "hook"


def test_who_set_a_secret_is_known_from_the_trail(tenant):
    whole = sections.values(tenant)
    assert sections.set_by(tenant, whole)["ramp.client_secret"] is None  # from before the trail
    save(tenant, "ramp", {"ramp.client_secret": "another"}, actor="bob")
    found = sections.set_by(tenant, sections.values(tenant))
    assert found["ramp.client_secret"].actor == "bob"
    assert "epicor.auth.password" not in found


def test_faults_are_told_by_path(tenant):
    with pytest.raises(SettingsError) as caught:
        save(tenant, "rules", {"posting.lanes": 9, "posting.writer": "fast"})
    found = caught.value.problems
    assert found["posting.lanes"] == ["must be a whole number from 1 to 8"]
    assert set(found) == {"posting.lanes", "posting.writer"}


def test_the_calendar_of_a_live_tenant_is_stored_and_the_next_run_thought_over(tenant):
    golive_at = FinanceCalendar.objects.get()
    FinanceCalendar.objects.update(next_run_at="2030-01-01T00:00:00Z")
    assert save(tenant, "calendar", {"calendar.sync_cron": "0 7 * * *", "calendar.blackout": ""})
    row = FinanceCalendar.objects.get(pk=golive_at.pk)
    assert (row.sync_cron, row.next_run_at) == ("0 7 * * *", None)


def test_another_time_zone_means_another_next_run(tenant):
    FinanceCalendar.objects.update(next_run_at="2030-01-01T00:00:00Z")
    save(tenant, "tenant", {"time_zone": "Europe/Berlin"})
    assert FinanceCalendar.objects.get().next_run_at is None


def test_two_plan_a_calendar_at_once():
    tenant = sections.create({"slug": "n", "name": "N", "time_zone": "UTC"}, actor="root")
    seen = mark(tenant, "calendar")
    save(tenant, "calendar", {"calendar.sync_cron": "0 7 * * *"}, seen=seen, actor="bob")
    with pytest.raises(ChangedMeanwhileError):
        save(tenant, "calendar", {"calendar.sync_cron": "0 8 * * *"}, seen=seen)
    assert setup.planned_calendar(tenant)["sync_cron"] == "0 7 * * *"
