"""The minute tick rings each tenant once when its time has come; jobs only wrap one call."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from audit.ledger.models import Posting
from audit.trail import log
from audit.trail.models import AuditEntry
from connector.actions import background
from connector.domain.errors import AccessError
from connector.jobs import heartbeat, run_lease
from connector.jobs.models import Heartbeat, SyncRun
from connector.sync import scheduling
from connector.sync.bills import nightly
from connector.tenants import schedule
from connector.tenants.models import FinanceCalendar, Tenant
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
    return [
        task["args"][0]
        for task in tasks
        if task["func"] == "connector.actions.background.run_tenant"
    ]


def due_at(tenant: Tenant) -> datetime | None:
    return FinanceCalendar.objects.get(tenant=tenant).next_run_at


def test_a_tenant_is_rung_once_each_time_it_is_due(tenant: Tenant, clock: list[datetime]) -> None:
    background.tick()
    assert rung() == []
    assert due_at(tenant) == NOW.replace(minute=15)
    clock[0] = NOW.replace(minute=14)
    background.tick()
    assert rung() == []
    clock[0] = NOW.replace(minute=15)
    background.tick()
    background.tick()  # another worker, or the same one rung twice
    assert rung() == [tenant.pk]
    assert due_at(tenant) == NOW.replace(minute=30)


def test_two_ticks_that_read_the_same_row_ring_once(tenant: Tenant, clock: list[datetime]) -> None:
    FinanceCalendar.objects.update(next_run_at=NOW)
    first, second = FinanceCalendar.objects.get(), FinanceCalendar.objects.get()
    assert scheduling.ring_if_due(first, NOW) is True
    assert scheduling.ring_if_due(second, NOW) is False
    assert rung() == [tenant.pk]


def test_after_a_night_without_workers_a_tenant_is_rung_once(
    tenant: Tenant, clock: list[datetime]
) -> None:
    FinanceCalendar.objects.update(next_run_at=NOW - timedelta(hours=9))
    background.tick()
    background.tick()
    assert rung() == [tenant.pk]


def test_a_changed_calendar_counts_from_the_next_tick(
    tenant: Tenant, clock: list[datetime]
) -> None:
    FinanceCalendar.objects.update(next_run_at=NOW + timedelta(days=20))
    background.tick()
    assert rung() == []
    assert due_at(tenant) == NOW.replace(minute=15)


def test_a_bad_calendar_pauses_that_tenant_only_until_it_is_corrected(
    tenant: Tenant, clock: list[datetime]
) -> None:
    bad = builders.make_tenant("bad")
    FinanceCalendar.objects.filter(tenant=bad).update(sync_cron="whenever")
    FinanceCalendar.objects.update(next_run_at=NOW)
    background.tick()
    background.tick()
    assert rung() == [tenant.pk]
    bad.refresh_from_db()
    assert "'whenever'" in bad.paused_reason
    assert [e.action for e in AuditEntry.objects.filter(tenant=bad)] == ["tenant.paused"]
    FinanceCalendar.objects.filter(tenant=bad).update(sync_cron="*/5 * * * *")
    background.tick()
    bad.refresh_from_db()
    assert bad.paused_reason == ""
    assert rung() == [bad.pk]


def test_a_bad_calendar_does_not_hide_a_pause_for_access(
    tenant: Tenant, clock: list[datetime]
) -> None:
    Tenant.objects.update(paused_reason="Epicor refuses the key.")
    FinanceCalendar.objects.update(sync_cron="whenever")
    background.tick()
    FinanceCalendar.objects.update(sync_cron="*/5 * * * *")
    background.tick()
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
    assert background.tick()["taken_back"] == 1
    lost.refresh_from_db()
    assert lost.state == "queued"
    assert [name for name, _ in heartbeat.workers()] == [heartbeat.cluster_name()]


def test_the_trail_of_every_tenant_is_sealed(tenant: Tenant) -> None:
    other = builders.make_tenant("other")
    for one in (tenant, other):
        log.record(one.pk, "thing.done", subject_kind="tenant", subject_id=one.slug)
    assert background.seal_audit() == 2
    assert not AuditEntry.objects.filter(seq__isnull=True).exists()


class Step:
    """Stands in for a step of a run, and says whether the worker showed itself busy meanwhile."""

    def __init__(self, *ends: bool, error: Exception | None = None) -> None:
        self.ends = list(ends)
        self.error = error
        self.done: list[tuple[int, str]] = []
        self.was_busy = False

    def __call__(self, run: SyncRun, budget_s: float, *, step: int | None = None) -> bool:
        if not run_lease.take(run, step):
            return False
        assert budget_s <= 5
        self.done.append((run.steps, run.tenant.slug))
        self.was_busy = heartbeat.is_busy(heartbeat.cluster_name(), timezone.now())
        if self.error:
            run_lease.finish(run, error="x")
            raise self.error
        more = self.ends.pop(0) if self.ends else False
        if more:
            run_lease.give_back(run)
        else:
            run_lease.finish(run)
        return more


def drain(most: int = 100) -> list[str]:
    """Do what is in the queue, in its order, like one worker; the ends of the runs' tasks."""
    ends = []
    for _ in range(most):
        row = OrmQ.objects.order_by("id").first()
        if row is None:
            return ends
        task = row.task
        row.delete()
        if task["func"] == "connector.actions.background.run_tenant":
            ends.append(background.run_tenant(*task["args"]))
    raise AssertionError("the queue never empties")


def test_a_rung_tenant_runs_one_cycle(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step()
    monkeypatch.setattr(background, "advance", step)
    assert background.run_tenant(tenant.pk) == "done"
    assert step.done == [(0, "acme")]
    assert step.was_busy
    assert not heartbeat.is_busy(heartbeat.cluster_name(), timezone.now())
    assert heartbeat.last_beat(heartbeat.cluster_name()) is not None


def test_a_cycle_that_cannot_run_ends_in_a_sentence(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "advance", Step(error=AccessError("Ramp refuses the secret.")))
    assert background.run_tenant(tenant.pk) == "Ramp refuses the secret."


def test_a_bug_in_a_cycle_is_not_swallowed(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "advance", Step(error=KeyError("oops")))
    with pytest.raises(KeyError):
        background.run_tenant(tenant.pk)
    assert not heartbeat.is_busy(heartbeat.cluster_name(), timezone.now())


def test_long_runs_take_turns_at_the_end_of_the_queue(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Step(True, True, True, True, False, False)
    monkeypatch.setattr(background, "advance", step)
    for one in (tenant, builders.make_tenant("other")):
        background.ring_tenant(one)
    drain()
    assert [slug for _, slug in step.done] == ["acme", "other"] * 3


def test_doubled_rings_of_every_step_do_each_step_once(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Step(True, True, False)
    monkeypatch.setattr(background, "advance", step)
    background.ring_tenant(tenant)
    run = SyncRun.objects.get()
    for number in (0, 1, 2, 0, 1, 2):
        background.run_tenant(tenant.pk, run.pk, number)
    drain()
    assert [number for number, _ in step.done] == [0, 1, 2]
    assert SyncRun.objects.count() == 1


def test_a_lost_ring_is_made_up_for_by_the_tick_once(
    tenant: Tenant, clock: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Step(True, False)
    monkeypatch.setattr(background, "advance", step)
    background.ring_tenant(tenant)
    assert rung() == [tenant.pk]  # and lost with that
    background.tick()
    assert rung() == []  # it may still come
    clock[0] = NOW + timedelta(seconds=61)
    background.tick()
    background.tick()
    assert drain() == ["more", "done"]


def test_a_run_that_somebody_is_at_is_left_alone_until_his_lease_ends(
    tenant: Tenant, clock: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Step()
    monkeypatch.setattr(background, "advance", step)
    run, _ = run_lease.begin_in_background(tenant, ["bills"])
    assert run_lease.take(run)
    assert background.run_tenant(tenant.pk) == "already running"
    assert background.run_tenant(0) == "gone"
    clock[0] = NOW + timedelta(seconds=100)
    background.tick()
    assert rung() == []
    clock[0] = NOW + timedelta(seconds=run_lease.LEASE_S + 1)  # its worker was killed
    background.tick()
    assert drain() == ["done"]
    assert background.run_tenant(tenant.pk, run.pk, 0) == "over"
    with pytest.raises(run_lease.LostTurnError):  # the one thought dead wakes up
        run_lease.give_back(run)
    assert len(step.done) == 1


def test_a_step_that_kills_its_worker_again_and_again_ends_the_run(
    tenant: Tenant, clock: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = run_lease.begin_in_background(tenant, ["bills"])
    for number in range(run_lease.MOST_LOST):
        assert run_lease.take(SyncRun.objects.get(pk=run.pk))
        clock[0] = NOW + timedelta(seconds=(number + 1) * (run_lease.LEASE_S + 1))
    assert "given up" in background.run_tenant(tenant.pk)
    run.refresh_from_db()
    assert run.finished_at is not None
    assert "No bill is lost" in run.error


def test_who_is_rung_while_running_runs_once_more(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Step(True, False, False)
    monkeypatch.setattr(background, "advance", step)
    background.ring_tenant(tenant)
    background.ring_tenant(tenant)
    background.ring_tenant(tenant)
    drain()
    assert SyncRun.objects.count() == 2
    assert len(step.done) == 3


@pytest.mark.parametrize("kind", ["outage", "access"])
def test_a_paused_tenant_is_rung_at_its_time(
    tenant: Tenant, clock: list[datetime], kind: str
) -> None:
    Tenant.objects.update(paused_reason="Something.", paused_for=kind)
    FinanceCalendar.objects.update(next_run_at=NOW)
    background.tick()
    assert rung() == [tenant.pk]


def test_an_outage_is_looked_at_again_although_the_next_cycle_is_far(
    tenant: Tenant, clock: list[datetime]
) -> None:
    FinanceCalendar.objects.update(sync_cron="0 6 * * 1")
    Tenant.objects.update(paused_reason="Epicor is away.", paused_for="outage")
    SyncRun.objects.create(tenant=tenant, started_at=NOW, finished_at=NOW, error="away")
    background.tick()
    assert rung() == []
    clock[0] = NOW + timedelta(minutes=10)
    background.tick()
    assert rung() == [tenant.pk]
    assert SyncRun.objects.get(finished_at=None).due_only is False


def retries(tenant: Tenant, **values: Any) -> Posting:
    defaults = {"state": "queued", "not_before": NOW + timedelta(minutes=1)}
    return Posting.objects.create(tenant=tenant, bill_id="b", **{**defaults, **values})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, True),
        ({"state": "in_doubt"}, True),
        ({"state": "confirmed", "hold_reason": "changed"}, True),  # replayed by a person
        ({"hold_reason": "refused"}, False),
        ({"not_before": None}, False),
        ({"not_before": NOW + timedelta(hours=1)}, False),
        ({"state": "dismissed"}, False),
        ({"state": "in_doubt", "lease_owner": "somebody"}, False),
    ],
)
def test_what_is_to_be_tried_again_does_not_wait_for_the_calendar(
    tenant: Tenant, clock: list[datetime], values: dict[str, Any], expected: bool
) -> None:
    retries(tenant, **values)
    background.tick()
    assert rung() == []
    clock[0] = NOW + timedelta(minutes=1)
    background.tick()
    background.tick()
    assert rung() == ([tenant.pk] if expected else [])
    assert all(run.due_only for run in SyncRun.objects.all())


@pytest.mark.parametrize(
    ("tenant_values", "calendar_values"),
    [
        ({"paused_reason": "No.", "paused_for": "access"}, {}),
        ({}, {"blackout": ["2026-11-24"]}),
        ({}, {"sync_cron": "whenever"}),
    ],
)
def test_retries_keep_pauses_and_blackout_days(
    tenant: Tenant,
    clock: list[datetime],
    tenant_values: dict[str, Any],
    calendar_values: dict[str, Any],
) -> None:
    retries(tenant, not_before=NOW - timedelta(minutes=1))
    Tenant.objects.update(**tenant_values)
    FinanceCalendar.objects.update(**calendar_values)
    background.tick()
    assert rung() == []


@pytest.mark.parametrize(
    "values", [{"state": "in_doubt"}, {"state": "confirmed", "hold_reason": "changed"}]
)
def test_look_ups_go_on_on_a_blackout_day(
    tenant: Tenant, clock: list[datetime], values: dict[str, Any]
) -> None:
    retries(tenant, not_before=NOW - timedelta(minutes=1), **values)
    FinanceCalendar.objects.update(blackout=["2026-11-24"])
    background.tick()
    assert rung() == [tenant.pk]


def test_work_of_a_dead_worker_is_entered_before_the_next_cycle(
    tenant: Tenant, clock: list[datetime]
) -> None:
    over = NOW - timedelta(seconds=1)
    retries(tenant, state="in_flight", not_before=None, lease_owner="dead", lease_until=over)
    background.tick()
    assert rung() == [tenant.pk]


def test_the_proof_is_rung_once_a_night_in_the_tenants_zone(
    tenant: Tenant, clock: list[datetime]
) -> None:
    def asked() -> int:
        tasks = [row.task["func"] for row in OrmQ.objects.all()]
        OrmQ.objects.all().delete()
        return tasks.count("connector.actions.background.reprove_tenant")

    FinanceCalendar.objects.update(reproved_on=NOW.date() - timedelta(days=1))
    clock[0] = datetime(2026, 11, 24, 6, 59, tzinfo=UTC)  # 01:59 in New York
    background.tick()
    assert asked() == 0
    clock[0] = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
    first, second = FinanceCalendar.objects.get(), FinanceCalendar.objects.get()
    assert scheduling.ring_reprove(first, clock[0])
    assert not scheduling.ring_reprove(second, clock[0])
    background.tick()
    assert asked() == 1
    clock[0] += timedelta(days=1)
    background.tick()
    assert asked() == 1


def test_a_lost_ring_of_the_proof_is_rung_again_and_a_waiting_one_is_not(
    tenant: Tenant, clock: list[datetime]
) -> None:
    def ring() -> bool:
        calendar = FinanceCalendar.objects.select_related("tenant").get()
        return scheduling.ring_reprove(calendar, clock[0])

    assert ring()
    clock[0] += timedelta(minutes=4)
    assert not ring()
    clock[0] += timedelta(minutes=2)
    assert ring()
    tasks = [row.task["args"] for row in OrmQ.objects.all()]
    assert tasks == [(tenant.pk, 0)] * 2
    FinanceCalendar.objects.update(reproved_on=clock[0].date(), proof_until=None)
    assert not ring()


def test_a_proof_goes_on_step_by_step_and_ends_in_a_sentence(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[int | None] = [1, None]

    def advance(tenant: Tenant, budget_s: float, *, step: int | None) -> int | None:
        assert budget_s <= 5
        assert heartbeat.is_busy(heartbeat.cluster_name(), timezone.now())
        if not ends:
            raise AccessError("Epicor refuses the key.")
        return ends.pop(0)

    monkeypatch.setattr(nightly, "advance", advance)
    assert background.reprove_tenant(tenant.pk, 0) == "more"
    assert [row.task["args"] for row in OrmQ.objects.all()] == [(tenant.pk, 1)]
    assert background.reprove_tenant(tenant.pk, 1) == "done"
    assert OrmQ.objects.count() == 1
    assert background.reprove_tenant(tenant.pk, 2) == "Epicor refuses the key."
    assert background.reprove_tenant(0) == "gone"


def test_the_proof_waits_while_the_tenant_is_paused(tenant: Tenant, clock: list[datetime]) -> None:
    Tenant.objects.update(paused_reason="Epicor is away.", paused_for="outage")
    calendar = FinanceCalendar.objects.select_related("tenant").get()
    assert not scheduling.ring_reprove(calendar, NOW)
    Tenant.objects.update(paused_reason="")
    calendar = FinanceCalendar.objects.select_related("tenant").get()
    assert scheduling.ring_reprove(calendar, NOW)


@pytest.mark.parametrize(
    "name",
    [
        schedule.TICK,
        *(
            f"connector.actions.background.{job}"
            for job in ["run_tenant", "reprove_tenant", "seal_audit", "beat"]
        ),
    ],
)
def test_the_names_in_the_queue_are_functions(name: str) -> None:
    assert callable(import_string(name))
