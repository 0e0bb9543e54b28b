"""A run is a sequence of short steps: fair between tenants, taken over, paused by outages."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

import sandbox
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.actions.job_results import result_text
from connector.domain.errors import AccessError, OutageError, TransientError
from connector.http_client import circuit_breaker
from connector.jobs import lease, runner, schedule
from connector.jobs.models import Job
from connector.management import demo_data
from connector.sync.bills import stages
from connector.sync.bills.run import RUNS, SOME, SYNC, enqueue_sync, run_cycle, under_way
from connector.sync.bills.stages import Run
from connector.sync.context import Counts
from connector.tenants import pauses, tenant_file
from connector.tenants.models import Tenant
from sandbox.wire import json_response
from tests.journeys import truth

State = Posting.State
IN_EPICOR = (State.ENTERED, State.CONFIRMED)


class Killed(BaseException):
    """Ends a step like a signal: nothing of it is caught or put right."""


def is_run(task: dict[str, Any]) -> bool:
    """Whether it is a step of a run, and nothing else that workers do."""
    steps = task["func"] == "connector.jobs.runner.run"
    return steps and Job.objects.filter(pk=task["args"][0], kind__in=RUNS).exists()


def work(until: Callable[[], bool], most: int = 200) -> list[str]:
    """One worker: the queue's tasks in order until `until`; the tenants whose steps were done."""
    done: list[str] = []
    for _ in range(most):
        if until():
            return done
        row = OrmQ.objects.order_by("id").first()
        assert row is not None, "the queue is empty"
        task = row.task
        row.delete()
        import_string(task["func"])(*task["args"])
        if is_run(task):
            done.append(Job.objects.get(pk=task["args"][0]).tenant.slug)
    raise AssertionError("not in time")


def nothing_waits() -> bool:
    return not Job.objects.filter(kind__in=RUNS, in_process=False, state="open").exists()


def entered(tenant: Tenant) -> int:
    return Posting.objects.filter(tenant=tenant, state__in=IN_EPICOR).count()


def other_tenant(box: sandbox.Sandbox) -> Tenant:
    """A second customer, with systems of its own."""
    file = box.world.tenant_file(box.ramp.url, box.epicor.url)
    config = {**file, "slug": "other", "name": "Other"}
    tenant, _, _ = tenant_file.apply(config, actor="test")
    demo_data.install_mappings(tenant, box.world)
    return tenant


@pytest.fixture
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that end after one piece of work, except that entering gets time to enter some."""
    enter = stages.PHASES["enter"]

    def brief(cycle: Any, run: Run, stop_at: float) -> bool:
        return enter(cycle, run, stop_at + 1.7)

    monkeypatch.setitem(stages.PHASES, "enter", brief)
    monkeypatch.setattr(runner, "STEP_S", 0.0)


@pytest.mark.slow
def test_a_tenant_with_a_long_queue_delays_another_by_one_step_only(start, monkeypatch):
    box, big = start(bills=300)
    budgets = {big.slug: 1.7, "other": 60.0}
    steps = runner.advance

    def advance(job: Job, budget_s: float, *, step: int | None = None) -> bool:
        return steps(job, budgets[job.tenant.slug], step=step)

    monkeypatch.setattr(runner, "advance", advance)
    with sandbox.start(seed=2, bills=12) as second:
        second.ramp.app.set_rate_limit(None)
        small = other_tenant(second)
        enqueue_sync(big)
        work(lambda: entered(big) > 0)
        assert not nothing_waits()
        waiting = Posting.objects.filter(tenant=big, state=State.QUEUED, hold_reason="").count()
        assert waiting > 50

        enqueue_sync(small)
        order = work(lambda: entered(small) > 0)

        assert order == [big.slug, small.slug]
        work(nothing_waits)
        truth.check(box)
        truth.check(second)


@pytest.mark.slow
def test_a_run_in_many_steps_does_what_one_in_one_go_does(start, short_steps):
    box, tenant = start(bills=230)
    enqueue_sync(tenant)

    order = work(nothing_waits)

    run = Job.objects.get(kind__in=RUNS, in_process=False)
    assert len(order) == run.step + 1
    assert run.step > 8
    assert truth.check(box)["entered"] > 100
    assert demo_data.surprises(tenant, box.world) == []
    assert run.data["entered"] == run.data["confirmed"] == entered(tenant)
    ready = box.ramp.app.bills.matching({"sync_ready": True})
    known = {row["id"] for row in ready}
    assert run.data["fetched"] >= len(known)
    assert Posting.objects.filter(tenant=tenant).count() <= run.data["fetched"]


@pytest.mark.parametrize(
    "phase", ["refresh", "pull", "sweep", "settle", "enter", "confirm", "report"]
)
@pytest.mark.parametrize("before", [True, False])
def test_a_run_whose_worker_died_is_taken_over(start, monkeypatch, phase, before):
    box, tenant = start(bills=12)
    original = stages.PHASES[phase]
    deaths = []

    def die(cycle: Any, run: Run, stop_at: float) -> bool:
        if not deaths:
            deaths.append(phase)
            if not before:
                original(cycle, run, stop_at)
            raise Killed
        return original(cycle, run, stop_at)

    monkeypatch.setitem(stages.PHASES, phase, die)
    enqueue_sync(tenant)
    with pytest.raises(Killed):
        work(nothing_waits)
    assert not nothing_waits()
    schedule.tick()
    work(lambda: not OrmQ.objects.exists())
    assert not nothing_waits()  # its lease holds: a doubled ring changes nothing

    Job.objects.filter(kind__in=RUNS).update(
        lease_until=timezone.now() - timedelta(seconds=1), run_at=timezone.now()
    )
    schedule.tick()
    work(nothing_waits)

    run = Job.objects.get(kind__in=RUNS, in_process=False)
    assert (run.state, deaths) == ("done", [phase])
    truth.check(box)
    assert demo_data.surprises(tenant, box.world) == []
    assert Attempt.objects.filter(subject_kind="posting").count() == entered(tenant)


def test_doubled_and_lost_tasks_change_nothing(start, short_steps):
    box, tenant = start(bills=12)
    enqueue_sync(tenant)
    for number in range(60):
        if nothing_waits():
            break
        rows = [row.task for row in OrmQ.objects.order_by("id")]
        OrmQ.objects.all().delete()
        tasks = [task for task in rows if is_run(task)]
        if number % 3 == 0:  # lost: the tick rings again after a while
            Job.objects.update(run_at=timezone.now())
            schedule.tick()
            continue
        for task in tasks * 2:
            runner.run(*task["args"])

    assert nothing_waits()
    assert Job.objects.filter(kind__in=RUNS, in_process=False).count() == 1
    truth.check(box)
    assert Attempt.objects.filter(subject_kind="posting").count() == entered(tenant)


def test_copies_of_bills_count_as_read_in_this_run_for_a_quarter_of_an_hour(start):
    _, tenant = start(bills=12)
    from connector.sync.context import FRESH, open_cycle

    now = timezone.now()
    for began, bound in ((now - timedelta(minutes=5), now - timedelta(minutes=5)), (now, now)):
        cycle = open_cycle(tenant, began_at=began)
        cycle.close()
        assert cycle.started_at == bound
    old = open_cycle(tenant, began_at=now - timedelta(hours=2))
    old.close()
    assert timedelta(0) <= timezone.now() - FRESH - old.started_at < timedelta(minutes=1)


def test_a_foreground_run_goes_on_beside_one_in_the_background(start):
    box, tenant = start(bills=12)
    enqueue_sync(tenant)
    assert lease.take(under_way(tenant))

    assert run_cycle(tenant).entered > 5

    assert not nothing_waits()
    truth.check(box)


def test_a_due_only_run_enters_retries_without_reading_the_list(start):
    box, tenant = start(bills=12)
    box.epicor.fail_next(
        "UpdateMaster", "status", times=1, status=429, body={}, headers={"Retry-After": "300"}
    )
    run_cycle(tenant)
    Posting.objects.filter(state=State.QUEUED, hold_reason="", not_before__isnull=False).update(
        not_before=timezone.now() - timedelta(seconds=1)
    )
    lists = box.ramp.calls["GET /developer/v1/bills"]

    schedule.tick()
    work(nothing_waits)

    run = Job.objects.get(kind__in=RUNS, in_process=False)
    assert run.kind == SOME
    assert run.data["entered"] == 1
    assert box.ramp.calls["GET /developer/v1/bills"] == lists
    truth.check(box)


def test_pages_that_go_round_in_a_circle_end_the_run(start):
    box, tenant = start(bills=12)
    ids = [row["id"] for row in box.ramp.app.bills][:3]
    for number in range(20):
        following = f"{box.ramp.url}/developer/v1/bills?start={ids[number % 3]}"
        body = json_response(200, {"data": [], "page": {"next": following}}).body
        box.ramp.fail_next("GET /developer/v1/bills", "status", status=200, body=body)

    with pytest.raises(TransientError, match="repeat"):
        run_cycle(tenant)


def test_a_place_in_the_list_that_is_gone_begins_the_list_anew(start, short_steps):
    box, tenant = start(bills=12)
    enqueue_sync(tenant)
    place = {"start": "00000000-0000-4000-8000-00000000dead", "number": 4}
    Job.objects.filter(kind=SYNC).update(cursor={"phase": "pull", "place": place})
    work(nothing_waits)
    truth.check(box)


# -- trouble -------------------------------------------------------------------------------------


def banners(tenant: Tenant) -> list[str]:
    rows = AuditEntry.objects.filter(tenant=tenant, action__startswith="tenant.")
    pauses_only = rows.filter(action__in=["tenant.paused", "tenant.resumed"])
    return list(pauses_only.order_by("at", "pk").values_list("action", flat=True))


@pytest.mark.parametrize("system", ["ramp", "epicor"])
def test_an_outage_shows_one_banner_paints_no_bill_red_and_heals_by_itself(
    start, system, monkeypatch
):
    box, tenant = start(bills=12)
    away = getattr(box, system)
    away.fail_next("", "status", 1_000_000, status=503)

    for _ in range(3):
        with pytest.raises(TransientError):
            run_cycle(tenant)

    tenant.refresh_from_db()
    name = system.title()
    assert tenant.paused_reason.startswith(f"{name} has not been working since 20")
    assert "No bill is lost" in tenant.paused_reason
    assert "tried again by itself" in tenant.paused_reason
    assert pauses.kind(tenant) == "outage"
    assert banners(tenant) == ["tenant.paused"]
    assert not Posting.objects.exclude(hold_reason="").exists()
    assert set(Posting.objects.values_list("state", "lease_owner")) <= {(State.QUEUED, "")}
    assert result_text(Job.objects.first())

    away.clear_faults()
    monkeypatch.setattr(circuit_breaker, "_breakers", {})
    assert run_cycle(tenant).entered > 5

    tenant.refresh_from_db()
    assert (tenant.paused_reason, tenant.paused_at) == ("", None)
    assert banners(tenant) == ["tenant.paused", "tenant.resumed"]
    truth.check(box)


def test_a_system_that_goes_away_in_the_middle_stops_the_run_without_red_bills(start, monkeypatch):
    box, tenant = start(bills=40)
    box.epicor.fail_next("/", "status", 1_000_000, skip=30, status=503)

    with pytest.raises(TransientError):
        run_cycle(tenant)

    assert not Posting.objects.filter(hold_reason="unavailable").exists()
    assert not Posting.objects.exclude(lease_owner="").exists()
    tenant.refresh_from_db()
    assert pauses.kind(tenant) == "outage"
    box.epicor.clear_faults()
    monkeypatch.setattr(circuit_breaker, "_breakers", {})
    Posting.objects.exclude(not_before=None).update(not_before=None)
    run_cycle(tenant)
    tenant.refresh_from_db()
    assert tenant.paused_reason == ""


def test_an_outage_does_not_hide_that_access_is_missing(start):
    _, tenant = start(bills=12)
    pauses.for_access(tenant, AccessError("Epicor refuses the key."))
    pauses.for_outage(tenant, OutageError("Ramp is away.", detail={"system": "Ramp"}))
    tenant.refresh_from_db()
    assert (tenant.paused_reason, tenant.paused_for) == ("Epicor refuses the key.", "access")
    pauses.for_calendar(tenant, "Bad.")
    pauses.for_access(tenant, AccessError("Epicor refuses the key."))
    assert banners(tenant) == ["tenant.paused"]
    run_cycle(tenant)
    tenant.refresh_from_db()
    assert tenant.paused_reason == ""


def test_another_system_that_goes_away_is_told(start):
    _, tenant = start(bills=12)
    pauses.for_outage(tenant, OutageError("Ramp is away.", detail={"system": "Ramp"}))
    pauses.for_outage(tenant, OutageError("Epicor is away."))
    tenant.refresh_from_db()
    assert tenant.paused_reason.startswith("Epicor has")
    assert banners(tenant) == ["tenant.paused", "tenant.paused"]


def test_a_calendar_banner_stays_when_a_person_runs_a_cycle(start):
    _, tenant = start(bills=12)
    pauses.for_calendar(tenant, "The schedule cannot be followed.")
    run_cycle(tenant)
    tenant.refresh_from_db()
    assert pauses.kind(tenant) == "calendar"


@pytest.mark.parametrize("background", [True, False])
def test_an_unexpected_error_is_on_the_run_without_its_message(start, monkeypatch, background):
    _, tenant = start(bills=12)

    def fail(cycle: Any, run: Run, stop_at: float) -> bool:
        raise KeyError("ramp_business_tok_abcdefgh")

    monkeypatch.setitem(stages.PHASES, "sweep", fail)
    if background:
        enqueue_sync(tenant)
        work(nothing_waits)
    else:
        with pytest.raises(KeyError):
            run_cycle(tenant)

    run = Job.objects.first()
    assert run.state == "failed"
    assert "An unexpected error" in result_text(run)
    assert "KeyError" in result_text(run)
    assert "tok_" not in f"{run.data} {result_text(run)}"
    tenant.refresh_from_db()
    assert tenant.paused_reason == ""


def test_a_run_that_is_stopped_by_hand_is_over(start, monkeypatch):
    _, tenant = start(bills=12)

    def stop(cycle: Any, run: Run, stop_at: float) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setitem(stages.PHASES, "enter", stop)
    with pytest.raises(KeyboardInterrupt):
        run_cycle(tenant)
    run = Job.objects.first()
    assert run.state == "failed"
    assert "stopped before its end" in result_text(run)


def test_steps_in_which_nothing_moves_get_longer(start, monkeypatch):
    _, tenant = start(bills=12)
    given: list[float] = []

    def slow(cycle: Any, *, stop_at: float, ids: Any = None) -> bool:
        given.append(stop_at - stages.time.monotonic())
        return len(given) < 4

    monkeypatch.setattr(stages, "enter_due", slow)
    monkeypatch.setattr(stages.time, "monotonic", lambda: 100.0)
    run = Run(tenant, ["bills"], phase="enter")

    class Cycle:
        counts = Counts()

    Cycle.tenant = tenant
    while stages.PHASES["enter"](Cycle, run, 104.0):
        pass
    assert given == [4, 8, 16, 32]


def test_a_banner_stays_until_both_systems_have_answered(start, monkeypatch):
    box, tenant = start(bills=12)
    pauses.for_outage(tenant, OutageError("Epicor is away.", detail={"system": "Epicor"}))
    box.epicor.fail_next("", "status", 1_000_000, status=503)

    for options in ({"kinds": frozenset({"accounts"})}, {"only_ids": []}, {"dry_run": True}):
        with pytest.raises(TransientError):
            run_cycle(tenant, **options)
        monkeypatch.setattr(circuit_breaker, "_breakers", {})
    tenant.refresh_from_db()
    assert pauses.kind(tenant) == "outage"

    box.epicor.clear_faults()
    run_cycle(tenant, dry_run=True)
    tenant.refresh_from_db()
    assert pauses.kind(tenant) == "outage"
    run_cycle(tenant, only_ids=[])
    tenant.refresh_from_db()
    assert tenant.paused_reason == ""
