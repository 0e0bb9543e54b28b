"""A person's pause: nothing ends it but a person, and nothing is written while it stands."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.trail.models import AuditEntry
from connector.actions.job_results import result_text
from connector.domain.errors import AccessError, OutageError
from connector.jobs import runner, schedule
from connector.jobs.models import Job
from connector.sync.bills import run as runs
from connector.tenants import pauses
from connector.tenants.models import FinanceCalendar, Tenant
from connector.tenants.pauses import PausedError
from connector.tenants.tenant_file import apply
from tests.builders import make_epicor_credentials, make_job, make_ramp_credentials, make_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant() -> Tenant:
    made = make_tenant("acme")
    make_ramp_credentials(made)
    make_epicor_credentials(made)
    return made


def paused(tenant: Tenant) -> Tenant:
    pauses.by_person(tenant, "  Month end is being closed. ", actor="ann")
    return Tenant.objects.get(pk=tenant.pk)


def test_it_says_who_and_why_and_is_on_the_record(tenant):
    row = paused(tenant)
    assert row.paused_reason == (
        "ann paused this company: Month end is being closed. "
        "Nothing is entered until it is resumed."
    )
    assert (row.paused_for, pauses.kind(row)) == ("person", "person")
    entry = AuditEntry.objects.get(action="tenant.paused")
    assert (entry.actor, entry.body["message"]) == ("ann", "Month end is being closed.")


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_reason_is_needed(tenant, reason):
    with pytest.raises(ValueError, match="Say why"):
        pauses.by_person(tenant, reason, actor="ann")
    assert Tenant.objects.get().paused_reason == ""


def test_the_second_one_is_told_about_the_first(tenant):
    paused(tenant)
    with pytest.raises(ValueError, match="ann paused this company: Month end"):
        pauses.by_person(tenant, "Mine", actor="bob")
    assert AuditEntry.objects.filter(action="tenant.paused").count() == 1


def test_neither_trouble_nor_a_good_run_nor_new_credentials_touch_it(tenant, monkeypatch):
    row = paused(tenant)
    pauses.for_access(tenant, AccessError("Epicor refuses the key."))
    pauses.for_outage(tenant, OutageError("Ramp is away."))
    pauses.for_calendar(tenant, "Bad.")
    assert pauses.end(tenant, pauses.ACCESS, pauses.OUTAGE) is False
    apply({"slug": "acme", "ramp": {"client_secret": "new"}})
    assert Tenant.objects.get().paused_reason == row.paused_reason


def test_it_is_put_over_a_banner_of_trouble(tenant):
    pauses.for_outage(tenant, OutageError("Ramp is away."))
    assert paused(tenant).paused_for == "person"


def test_the_calendar_goes_on_but_begins_no_run(tenant):
    FinanceCalendar.objects.update(next_run_at=timezone.now() - timedelta(minutes=1))
    paused(tenant)
    schedule.tick()
    assert not Job.objects.filter(kind__in=runs.RUNS).exists()
    assert FinanceCalendar.objects.get().next_run_at > timezone.now()


def test_a_run_that_is_under_way_stops_before_its_next_step(tenant):
    run = make_job(tenant, runs.SYNC)
    paused(tenant)
    with pytest.raises(PausedError, match="Month end is being closed"):
        runner.advance(run, 1.0)
    run.refresh_from_db()
    assert "Nothing was sent" in result_text(run)


def test_resuming_is_a_persons_act_too(tenant):
    paused(tenant)
    assert pauses.resume(tenant, actor="bob") is True
    assert pauses.resume(tenant, actor="bob") is False
    assert Tenant.objects.get().paused_reason == ""
    assert AuditEntry.objects.get(action="tenant.resumed").actor == "bob"


def test_resuming_does_not_end_another_pause(tenant):
    pauses.for_access(tenant, AccessError("Epicor refuses the key."))
    assert pauses.resume(tenant, actor="bob") is False
    assert Tenant.objects.get().paused_for == "access"
