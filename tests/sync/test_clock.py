"""A clock that was ahead and is right again stops nothing, and people are told."""

from datetime import UTC, datetime, timedelta

import pytest
from axes.models import AccessAttempt
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.http_client import rate_limit
from connector.http_client.models import RequestSlot
from connector.jobs import heartbeat, schedule
from connector.jobs.models import Heartbeat
from connector.sync import clock
from connector.sync.bills.run import SYNC, under_way
from connector.sync.models import Bill, InvoiceGroup
from connector.tenants.models import Tenant
from mappings import catalog
from mappings.models import CatalogRefresh, InvoiceWindow
from tests import builders
from tests.audit.build import opened

pytestmark = pytest.mark.django_db

AHEAD = timedelta(days=30)


@pytest.fixture
def tenant() -> Tenant:
    return builders.make_tenant()


@pytest.fixture
def now() -> datetime:
    """The right time."""
    return timezone.now()


def _left_ahead(tenant: Tenant, now: datetime) -> Posting:
    """What workers stored while the clock was a month ahead."""
    ahead = now + AHEAD
    clock.watch(ahead)
    leased, waiting, telling = opened(tenant, "leased", "waiting", "telling")
    rows = Posting.objects
    rows.filter(pk=leased.pk).update(state="in_flight", lease_owner="w", lease_until=ahead)
    rows.filter(pk=waiting.pk).update(not_before=ahead)
    rows.filter(pk=telling.pk).update(state="entered", tell_after=ahead)
    moments = {"created_at": ahead, "run_at": ahead}
    builders.make_job(tenant, SYNC, key=SYNC, **moments)
    builders.make_job(tenant, "x", **moments, lease_owner="w", lease_until=ahead, finished_at=ahead)
    InvoiceGroup.objects.create(
        tenant=tenant, company="EPIC06", group_id="R1", fiscal_period="2026-11",
        opened_on=now.date(), lease_owner="w", lease_until=ahead,
    )  # fmt: skip
    Bill.objects.create(tenant=tenant, bill_id="waiting", payload={}, seen_at=ahead)
    CatalogRefresh.objects.create(
        tenant=tenant, company="EPIC06", catalog="periods", refreshed_at=ahead
    )
    InvoiceWindow.objects.create(tenant=tenant, company="EPIC06", since=now.date(), read_at=ahead)
    AccessAttempt.objects.create(username="ann", ip_address="10.0.0.1", failures_since_start=9)
    AccessAttempt.objects.update(attempt_time=ahead)
    Schedule.objects.create(name="tick", func="x", next_run=ahead)
    OrmQ.objects.create(key="x", payload="y", lock=ahead)
    Heartbeat.objects.create(name="worker:gone:1", at=ahead)
    Heartbeat.objects.create(name="busy:gone:1:2", at=ahead)
    RequestSlot.objects.create(budget="b", at=ahead.timestamp())
    return leased


def test_nothing_that_was_stored_ahead_holds_work_up(tenant, now):
    _left_ahead(tenant, now)

    assert clock.watch(now) == AHEAD

    soon = now + timedelta(minutes=25)
    for stored in clock._STORED:
        rows = stored.model._default_manager.filter(**{f"{stored.name}__gt": soon})
        assert not rows.exists(), (stored.model, stored.name)
    assert lifecycle.reap(tenant.pk, now + timedelta(minutes=6)) == 1
    due = lifecycle.claim(tenant.pk, owner="o", limit=9, lease_s=60, now=now)
    assert {row.bill_id for row in due} == {"leased", "waiting"}
    run = under_way(tenant)
    assert run is not None
    assert run.run_at <= now
    assert not RequestSlot.objects.exists()
    assert not heartbeat.is_busy("gone:1", now + timedelta(minutes=1))
    assert not heartbeat.any_worker_seen(now + timedelta(minutes=5))
    max_age = timedelta(hours=1)
    assert not catalog.is_fresh(tenant.pk, "EPIC06", ["periods"], now=now, max_age=max_age)


def test_people_are_told_once_on_the_record_and_for_a_day(tenant, now):
    _left_ahead(tenant, now)
    clock.watch(now)
    clock.watch(now + timedelta(seconds=5))

    entry = AuditEntry.objects.get(action="clock.set_back")
    assert entry.body["seconds"] == AHEAD.total_seconds()
    assert "30 days" in clock.notice(now)
    assert clock.notice(now + timedelta(days=2)) == ""


def test_a_short_jump_that_no_limit_shows_is_noticed_by_the_mark(tenant, now):
    clock.watch(now + timedelta(hours=3))
    (waiting,) = opened(tenant, "waiting")
    Posting.objects.filter(pk=waiting.pk).update(not_before=now + timedelta(hours=3, minutes=1))

    assert clock.watch(now) == timedelta(hours=3)

    due = lifecycle.claim(tenant.pk, owner="o", limit=9, lease_s=60, now=now)
    assert [row.bill_id for row in due] == ["waiting"]
    assert "3 h" in clock.notice(now)


def test_a_clock_that_is_right_changes_and_says_nothing(tenant, now):
    (waiting,) = opened(tenant, "waiting")
    later = now + timedelta(hours=4)
    Posting.objects.filter(pk=waiting.pk).update(not_before=later)
    for seconds in (0, 5, -60, 300):
        assert clock.watch(now + timedelta(seconds=seconds)) == timedelta(0)

    waiting.refresh_from_db()
    assert waiting.not_before == later
    assert clock.notice(now) == ""
    assert not AuditEntry.objects.filter(action="clock.set_back").exists()


def test_the_minute_tick_looks_at_the_clock(tenant, now):
    _left_ahead(tenant, now)
    schedule.tick()
    assert clock.notice() != ""


@pytest.mark.django_db(transaction=True)
def test_a_request_waits_for_no_moment_that_was_reserved_in_the_future():
    ahead = (datetime.now(UTC) + AHEAD).timestamp()
    RequestSlot.objects.bulk_create(RequestSlot(budget="b", at=ahead) for _ in range(5))
    assert rate_limit.reserve("b", limit=5) == 0
