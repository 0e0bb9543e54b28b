"""The minute tick rings each tenant once when its time has come; jobs only wrap one call."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from audit import log
from audit.failures import AccessError
from audit.models import AuditEntry, Posting
from connector import heartbeat, jobs, schedules
from connector.models import FinanceCalendar, Heartbeat, SyncRun, Tenant
from tests import builders

NOW = datetime(2026, 11, 24, 10, 7, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time; put another in to let it pass."""
    times = [NOW]
    monkeypatch.setattr(timezone, "now", lambda: times[0])
    return times


@pytest.fixture
def tenant(db: None) -> Tenant:
    return builders.make_tenant("acme")


def rung() -> list[int]:
    """The tenants whose cycle waits in the queue; the queue is emptied."""
    tasks = [row.task for row in OrmQ.objects.order_by("id")]
    OrmQ.objects.all().delete()
    return [task["args"][0] for task in tasks if task["func"] == "connector.jobs.run_tenant"]


def due_at(tenant: Tenant) -> datetime | None:
    return FinanceCalendar.objects.get(tenant=tenant).next_run_at


def test_a_tenant_is_rung_once_each_time_it_is_due(tenant: Tenant, clock: list[datetime]) -> None:
    jobs.tick()
    assert rung() == []
    assert due_at(tenant) == NOW.replace(minute=15)
    clock[0] = NOW.replace(minute=14)
    jobs.tick()
    assert rung() == []
    clock[0] = NOW.replace(minute=15)
    jobs.tick()
    jobs.tick()  # another worker, or the same one rung twice
    assert rung() == [tenant.pk]
    assert due_at(tenant) == NOW.replace(minute=30)


def test_two_ticks_that_read_the_same_row_ring_once(tenant: Tenant, clock: list[datetime]) -> None:
    FinanceCalendar.objects.update(next_run_at=NOW)
    first, second = FinanceCalendar.objects.get(), FinanceCalendar.objects.get()
    assert jobs._ring_if_due(first, NOW) is True
    assert jobs._ring_if_due(second, NOW) is False
    assert rung() == [tenant.pk]


def test_after_a_night_without_workers_a_tenant_is_rung_once(
    tenant: Tenant, clock: list[datetime]
) -> None:
    FinanceCalendar.objects.update(next_run_at=NOW - timedelta(hours=9))
    jobs.tick()
    jobs.tick()
    assert rung() == [tenant.pk]


def test_a_changed_calendar_counts_from_the_next_tick(
    tenant: Tenant, clock: list[datetime]
) -> None:
    FinanceCalendar.objects.update(next_run_at=NOW + timedelta(days=20))
    jobs.tick()
    assert rung() == []
    assert due_at(tenant) == NOW.replace(minute=15)


def test_a_bad_calendar_pauses_that_tenant_only_until_it_is_corrected(
    tenant: Tenant, clock: list[datetime]
) -> None:
    bad = builders.make_tenant("bad")
    FinanceCalendar.objects.filter(tenant=bad).update(sync_cron="whenever")
    FinanceCalendar.objects.update(next_run_at=NOW)
    jobs.tick()
    jobs.tick()
    assert rung() == [tenant.pk]
    bad.refresh_from_db()
    assert "'whenever'" in bad.paused_reason
    assert [e.action for e in AuditEntry.objects.filter(tenant=bad)] == ["tenant_paused"]
    FinanceCalendar.objects.filter(tenant=bad).update(sync_cron="*/5 * * * *")
    jobs.tick()
    bad.refresh_from_db()
    assert bad.paused_reason == ""
    assert rung() == [bad.pk]


def test_a_bad_calendar_does_not_hide_a_pause_for_access(
    tenant: Tenant, clock: list[datetime]
) -> None:
    Tenant.objects.update(paused_reason="Epicor refuses the key.")
    FinanceCalendar.objects.update(sync_cron="whenever")
    jobs.tick()
    FinanceCalendar.objects.update(sync_cron="*/5 * * * *")
    jobs.tick()
    tenant.refresh_from_db()
    assert tenant.paused_reason == "Epicor refuses the key."


def test_the_tick_takes_back_work_of_dead_workers_and_gives_a_sign_of_life(
    tenant: Tenant, clock: list[datetime]
) -> None:
    lost = Posting.objects.create(
        tenant=tenant,
        bill_id="b",
        state="in_flight",
        lease_owner="dead",
        lease_until=NOW - timedelta(seconds=1),
    )
    Heartbeat.objects.create(name="worker:long-gone:1", at=NOW - timedelta(days=2))
    assert jobs.tick()["taken_back"] == 1
    lost.refresh_from_db()
    assert lost.state == "queued"
    assert [name for name, _ in heartbeat.workers()] == [heartbeat.cluster_name()]


def test_the_trail_of_every_tenant_is_sealed(tenant: Tenant) -> None:
    other = builders.make_tenant("other")
    for one in (tenant, other):
        log.record(one.pk, "thing.done", subject_kind="tenant", subject_id=one.slug)
    assert jobs.seal_audit() == 2
    assert not AuditEntry.objects.filter(seq__isnull=True).exists()


class Cycle:
    """Stands in for the cycle, and says whether the worker showed itself busy meanwhile."""

    def __init__(self, error: Exception | None = None) -> None:
        self.tenants: list[Tenant] = []
        self.error = error
        self.was_busy = False

    def __call__(self, tenant: Tenant, **options: Any) -> None:
        self.tenants.append(tenant)
        self.was_busy = heartbeat.is_busy(heartbeat.cluster_name(), timezone.now())
        if self.error:
            raise self.error


def test_a_rung_tenant_runs_one_cycle(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    cycle = Cycle()
    monkeypatch.setattr(jobs, "run_cycle", cycle)
    assert jobs.run_tenant(tenant.pk) == "done"
    assert cycle.tenants == [tenant]
    assert cycle.was_busy
    assert not heartbeat.is_busy(heartbeat.cluster_name(), timezone.now())
    assert heartbeat.last_beat(heartbeat.cluster_name()) is not None


def test_a_cycle_that_cannot_run_ends_in_a_sentence(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "run_cycle", Cycle(AccessError("Ramp refuses the secret.")))
    assert jobs.run_tenant(tenant.pk) == "Ramp refuses the secret."


def test_a_bug_in_a_cycle_is_not_swallowed(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "run_cycle", Cycle(KeyError("oops")))
    with pytest.raises(KeyError):
        jobs.run_tenant(tenant.pk)
    assert not heartbeat.is_busy(heartbeat.cluster_name(), timezone.now())


def test_a_tenant_that_is_running_or_gone_is_left_alone(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    cycle = Cycle()
    monkeypatch.setattr(jobs, "run_cycle", cycle)
    run = SyncRun.objects.create(tenant=tenant, started_at=timezone.now())
    assert jobs.run_tenant(tenant.pk) == "already running"
    assert jobs.run_tenant(0) == "gone"
    assert cycle.tenants == []
    run.started_at -= timedelta(seconds=jobs.RUN_TIMEOUT_S + 1)  # its worker was killed
    run.save()
    assert jobs.run_tenant(tenant.pk) == "done"


@pytest.mark.parametrize(
    "name",
    [schedules.TICK, *(f"connector.jobs.{job}" for job in ["run_tenant", "seal_audit", "beat"])],
)
def test_the_names_in_the_queue_are_functions(name: str) -> None:
    assert callable(import_string(name))
