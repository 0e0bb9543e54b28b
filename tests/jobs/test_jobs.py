"""The minute tick begins each tenant's run once when its time has come; steps take turns."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail import log
from audit.trail.models import AuditEntry
from connector.actions.job_results import result_text
from connector.domain.errors import AccessError
from connector.jobs import heartbeat, lease, queue, registry, runner
from connector.jobs import schedule as minutes
from connector.jobs.models import Heartbeat, Job
from connector.jobs.registry import Continue, Done
from connector.sync import scheduling
from connector.sync.bills import nightly
from connector.sync.bills.nightly import AGAIN, NIGHTLY
from connector.sync.bills.run import RUNS, SOME, SYNC, enqueue_sync
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


def enqueued(*kinds: str) -> list[int]:
    """The tenants whose run waits in the queue; the queue is emptied."""
    tasks = [row.task for row in OrmQ.objects.order_by("id")]
    OrmQ.objects.all().delete()
    ids = [task["args"][0] for task in tasks if task["func"] == "connector.jobs.runner.run"]
    jobs = Job.objects.in_bulk(ids)
    return [jobs[pk].tenant_id for pk in ids if jobs[pk].kind in (kinds or RUNS)]


def due_at(tenant: Tenant) -> datetime | None:
    return FinanceCalendar.objects.get(tenant=tenant).next_run_at


def test_a_run_begins_once_each_time_it_is_due(tenant: Tenant, clock: list[datetime]) -> None:
    minutes.tick()
    assert enqueued() == []
    assert due_at(tenant) == NOW.replace(minute=15)
    clock[0] = NOW.replace(minute=14)
    minutes.tick()
    assert enqueued() == []
    clock[0] = NOW.replace(minute=15)
    minutes.tick()
    minutes.tick()  # another worker, or the same one twice
    assert enqueued() == [tenant.pk]
    assert due_at(tenant) == NOW.replace(minute=30)


def test_two_ticks_that_read_the_same_row_begin_one_run(
    tenant: Tenant, clock: list[datetime]
) -> None:
    FinanceCalendar.objects.update(next_run_at=NOW)
    first, second = FinanceCalendar.objects.get(), FinanceCalendar.objects.get()
    assert scheduling.enqueue_if_due(first, NOW) is True
    assert scheduling.enqueue_if_due(second, NOW) is False
    assert enqueued() == [tenant.pk]


def test_after_a_night_without_workers_one_run_begins(
    tenant: Tenant, clock: list[datetime]
) -> None:
    FinanceCalendar.objects.update(next_run_at=NOW - timedelta(hours=9))
    minutes.tick()
    minutes.tick()
    assert enqueued() == [tenant.pk]


def test_a_changed_calendar_counts_from_the_next_tick(
    tenant: Tenant, clock: list[datetime]
) -> None:
    FinanceCalendar.objects.update(next_run_at=NOW + timedelta(days=20))
    minutes.tick()
    assert enqueued() == []
    assert due_at(tenant) == NOW.replace(minute=15)


def test_a_bad_calendar_pauses_that_tenant_only_until_it_is_corrected(
    tenant: Tenant, clock: list[datetime]
) -> None:
    bad = builders.make_tenant("bad")
    FinanceCalendar.objects.filter(tenant=bad).update(sync_cron="whenever")
    FinanceCalendar.objects.update(next_run_at=NOW)
    minutes.tick()
    minutes.tick()
    assert enqueued() == [tenant.pk]
    bad.refresh_from_db()
    assert "'whenever'" in bad.paused_reason
    assert [e.action for e in AuditEntry.objects.filter(tenant=bad)] == ["tenant.paused"]
    FinanceCalendar.objects.filter(tenant=bad).update(sync_cron="*/5 * * * *")
    minutes.tick()
    bad.refresh_from_db()
    assert bad.paused_reason == ""
    assert enqueued() == [bad.pk]


def test_a_bad_calendar_does_not_hide_a_pause_for_access(
    tenant: Tenant, clock: list[datetime]
) -> None:
    Tenant.objects.update(paused_reason="Epicor refuses the key.")
    FinanceCalendar.objects.update(sync_cron="whenever")
    minutes.tick()
    FinanceCalendar.objects.update(sync_cron="*/5 * * * *")
    minutes.tick()
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
    minutes.tick()
    lost.refresh_from_db()
    assert lost.state == "queued"
    assert [name for name, _ in heartbeat.workers()] == [heartbeat.cluster_name()]


def test_what_breaks_in_the_tick_stops_nothing_else(
    tenant: Tenant, clock: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = builders.make_tenant("other")
    FinanceCalendar.objects.update(next_run_at=NOW)
    reap = lifecycle.reap

    def breaks_for_acme(tenant_id: int, now: datetime) -> int:
        if tenant_id == tenant.pk:
            raise ValueError("no")
        return reap(tenant_id, now)

    def breaks(now: datetime) -> None:
        raise ValueError("no")

    monkeypatch.setattr(lifecycle, "reap", breaks_for_acme)
    registry.load()
    monkeypatch.setattr(registry, "_every_minute", [breaks, *registry._every_minute])

    with pytest.raises(RuntimeError, match="breaks"):
        minutes.tick()

    sealing = [row for row in OrmQ.objects.all() if "seal_audit" in str(row.task)]
    assert sealing
    assert enqueued() == [other.pk]


def test_the_trail_of_every_tenant_is_sealed(tenant: Tenant) -> None:
    other = builders.make_tenant("other")
    for one in (tenant, other):
        log.record(one.pk, "thing.done", subject_kind="tenant", subject_id=one.slug)
    assert minutes.seal_audit() == 2
    assert not AuditEntry.objects.filter(seq__isnull=True).exists()


class Steps:
    """The function of the runs: how each of its steps ends, and what was seen meanwhile."""

    def __init__(self, *more: bool, error: Exception | None = None) -> None:
        self.more = list(more)
        self.error = error
        self.done: list[tuple[int, str]] = []
        self.was_busy = False

    def __call__(self, job: Job, **arguments: Any) -> Done | Continue:
        assert job.stop_at - time.monotonic() <= 5
        self.done.append((job.step, job.tenant.slug))
        self.was_busy = heartbeat.is_busy(heartbeat.cluster_name(), timezone.now())
        if self.error:
            raise self.error
        more = self.more.pop(0) if self.more else False
        return Continue({"at": job.step + 1}) if more else Done("synced")


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """In place of what runs do."""
    made = Steps()
    registry.load()
    monkeypatch.setattr(registry, "_handlers", dict(registry._handlers))
    for kind in RUNS:
        registry.job(kind)(made)
    return made


def drain(most: int = 100) -> list[str]:
    """Do what is in the queue, in its order, like one worker; the ends of the jobs' tasks."""
    ends = []
    for _ in range(most):
        row = OrmQ.objects.order_by("id").first()
        if row is None:
            return ends
        task = row.task
        row.delete()
        if task["func"] == "connector.jobs.runner.run":
            ends.append(runner.run(*task["args"]))
    raise AssertionError("the queue never empties")


def test_a_run_is_done_and_the_worker_shows_that_it_is_busy(tenant: Tenant, steps: Steps) -> None:
    enqueue_sync(tenant)
    assert drain() == ["synced"]
    assert steps.done == [(0, "acme")]
    assert steps.was_busy
    assert not heartbeat.is_busy(heartbeat.cluster_name(), timezone.now())
    assert heartbeat.last_beat(heartbeat.cluster_name()) is not None


def test_an_expected_error_is_the_result_of_the_job(tenant: Tenant, steps: Steps) -> None:
    steps.error = AccessError("Ramp refuses the secret.")
    enqueue_sync(tenant)
    assert drain() == ["Ramp refuses the secret."]
    job = Job.objects.get()
    assert (job.state, result_text(job)) == ("failed", "Ramp refuses the secret.")


def test_a_bug_is_logged_and_noted_without_its_words(
    tenant: Tenant, steps: Steps, caplog: pytest.LogCaptureFixture
) -> None:
    steps.error = KeyError("ramp_tok_oops")
    enqueue_sync(tenant)
    assert drain() == ["unforeseen"]
    assert [one for one in caplog.records if one.exc_info and one.levelname == "ERROR"]
    job = Job.objects.get()
    assert job.failed
    assert "KeyError" in result_text(job)
    assert "tok" not in str((job.data, result_text(job)))
    assert not heartbeat.is_busy(heartbeat.cluster_name(), timezone.now())


def test_long_runs_take_turns_at_the_end_of_the_queue(tenant: Tenant, steps: Steps) -> None:
    steps.more = [True, True, True, True, False, False]
    for one in (tenant, builders.make_tenant("other")):
        enqueue_sync(one)
    drain()
    assert [slug for _, slug in steps.done] == ["acme", "other"] * 3


def test_doubled_tasks_of_every_step_do_each_step_once(tenant: Tenant, steps: Steps) -> None:
    steps.more = [True, True, False]
    enqueue_sync(tenant)
    job = Job.objects.get()
    for number in (0, 1, 2, 0, 1, 2):
        runner.run(job.pk, number)
    drain()
    assert [number for number, _ in steps.done] == [0, 1, 2]
    assert Job.objects.count() == 1


def test_a_lost_task_is_made_up_for_by_the_tick_once(
    tenant: Tenant, clock: list[datetime], steps: Steps
) -> None:
    steps.more = [True, False]
    proven(tenant, NOW.date())
    enqueue_sync(tenant)
    assert enqueued() == [tenant.pk]  # and lost with that
    minutes.tick()
    assert enqueued() == []  # it may still come
    clock[0] = NOW + timedelta(seconds=61)
    minutes.tick()
    minutes.tick()
    assert drain() == ["more", "synced"]


def test_a_leased_job_is_not_taken_until_its_lease_ends(
    tenant: Tenant, clock: list[datetime], steps: Steps
) -> None:
    enqueue_sync(tenant)
    job = Job.objects.get()
    proven(tenant, NOW.date())
    assert lease.take(job)
    assert drain() == ["under way"]
    assert runner.run(0) == "over"
    clock[0] = NOW + timedelta(seconds=100)
    minutes.tick()
    assert enqueued() == []
    clock[0] = NOW + timedelta(seconds=lease.LEASE_S + 1)  # its worker was killed
    minutes.tick()
    assert drain() == ["synced"]
    assert runner.run(job.pk, 0) == "over"
    with pytest.raises(lease.LostJobError):  # the one thought dead wakes up
        lease.give_back(job, Continue({}))
    with pytest.raises(lease.LostJobError):
        lease.report(job, 1)
    assert len(steps.done) == 1


def die(job: Job, clock: list[datetime], times: int) -> None:
    """So many workers take the job and are killed."""
    for _ in range(times):
        assert lease.take(Job.objects.get(pk=job.pk))
        clock[0] += timedelta(seconds=lease.LEASE_S + 1)


def test_a_step_that_kills_three_workers_ends_the_run(
    tenant: Tenant, clock: list[datetime], steps: Steps
) -> None:
    enqueue_sync(tenant)
    job = Job.objects.get()
    die(job, clock, times=3)
    assert runner.run(job.pk) == lease.GIVEN_UP
    job.refresh_from_db()
    assert (job.state, steps.done) == ("failed", [])
    assert "No bill is lost" in result_text(job)


def test_two_dead_workers_at_a_step_do_not_end_the_run(
    tenant: Tenant, clock: list[datetime], steps: Steps
) -> None:
    steps.more = [True]
    enqueue_sync(tenant)
    job = Job.objects.get()
    die(job, clock, times=2)
    assert runner.run(job.pk) == "more"
    die(job, clock, times=2)  # at another step: counted anew
    assert runner.run(job.pk) == "synced"


def test_a_job_with_one_try_is_not_done_again_after_a_dead_worker(
    tenant: Tenant, clock: list[datetime], steps: Steps
) -> None:
    registry.job("once", tries=1)(steps)
    job, _ = queue.request(tenant, "once")
    die(job, clock, times=1)
    assert runner.run(job.pk) == lease.LOST
    job.refresh_from_db()
    assert (job.state, steps.done) == ("failed", [])
    assert "ask once more" in result_text(job)


def test_what_is_requested_during_a_run_follows_it_once(tenant: Tenant, steps: Steps) -> None:
    steps.more = [True, False, False]
    assert enqueue_sync(tenant, due_only=True)
    assert not enqueue_sync(tenant, due_only=True)
    assert not enqueue_sync(tenant)
    drain()
    assert list(Job.objects.order_by("pk").values_list("kind", flat=True)) == [SOME, SYNC]
    assert len(steps.done) == 3


def test_the_end_of_a_job_and_what_belongs_to_it_are_one(tenant: Tenant, steps: Steps) -> None:
    done: list[str] = []

    def overtaken(job: Job) -> Done:
        Job.objects.update(lease_owner="another")
        return Done("synced", commit=lambda: done.append("committed"))

    registry.job("slow")(overtaken)
    job, _ = queue.request(tenant, "slow")
    assert runner.run(job.pk) == "under way"
    assert done == []
    assert Job.objects.get().is_open


def test_an_error_at_the_end_of_a_job_is_its_result_at_once(tenant: Tenant, steps: Steps) -> None:
    def breaks(job: Job) -> Done:
        def commit() -> None:
            raise ValueError("no")

        return Done("synced", commit=commit)

    registry.job("slow")(breaks)
    job, _ = queue.request(tenant, "slow")
    assert runner.run(job.pk) == runner.UNEXPECTED
    row = Job.objects.get(pk=job.pk)
    assert (row.state, row.code, row.data) == ("failed", runner.UNEXPECTED, {"name": "ValueError"})
    assert row.lease_owner == ""


def test_arguments_that_a_function_does_not_take_are_refused_at_once(tenant: Tenant) -> None:
    with pytest.raises(TypeError):
        queue.request(tenant, SYNC, arguments={"budget": 1})
    with pytest.raises(KeyError):
        queue.request(tenant, "nonsense")
    assert not Job.objects.exists()


def test_a_job_that_this_version_does_not_know_ends_with_a_sentence(tenant: Tenant) -> None:
    job = builders.make_job(tenant, "of_another_version")
    assert runner.run(job.pk) == runner.UNKNOWN
    assert "does not know this kind of work" in result_text(Job.objects.get())


def test_a_job_of_unknown_kind_is_left_to_the_worker_that_has_it(tenant: Tenant) -> None:
    until = timezone.now() + timedelta(minutes=5)
    job = builders.make_job(
        tenant, "of_another_version", lease_owner="newer", lease_until=until, follow_up=SYNC
    )
    assert runner.run(job.pk) == runner.UNKNOWN
    assert Job.objects.get(pk=job.pk).is_open


def test_a_result_of_another_version_has_a_sentence(tenant: Tenant) -> None:
    job = builders.make_job(tenant, SYNC, state="done", code="of_another_version")
    assert result_text(job).startswith("Another version of the program did this")


def test_the_same_key_gives_the_same_job_while_it_is_open(tenant: Tenant, steps: Steps) -> None:
    first, new = queue.request(tenant, SYNC, actor="ann", key="k")
    again, second = queue.request(tenant, SOME, actor="bob", key="k")
    assert (first, new, second) == (again, True, False)
    assert again.actor == "ann"
    other, _ = queue.request(builders.make_tenant("other"), SYNC, key="k")
    assert other != first
    drain()
    assert queue.request(tenant, SYNC, key="k")[1]


def test_who_is_slower_at_the_same_moment_gets_the_job_of_the_faster(
    tenant: Tenant, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    faster, _ = queue.request(tenant, SYNC, key="k")
    real, looks = queue.open_with, [None]
    monkeypatch.setattr(queue, "open_with", lambda *a: looks.pop() if looks else real(*a))
    assert queue.request(tenant, SYNC, key="k") == (faster, False)


@pytest.mark.parametrize("kind", ["outage", "access"])
def test_a_paused_tenant_is_tried_at_its_time(
    tenant: Tenant, clock: list[datetime], kind: str
) -> None:
    Tenant.objects.update(paused_reason="Something.", paused_for=kind)
    FinanceCalendar.objects.update(next_run_at=NOW)
    minutes.tick()
    assert enqueued() == [tenant.pk]


def test_an_outage_is_looked_at_again_although_the_next_cycle_is_far(
    tenant: Tenant, clock: list[datetime]
) -> None:
    FinanceCalendar.objects.update(sync_cron="0 6 * * 1")
    Tenant.objects.update(paused_reason="Epicor is away.", paused_for="outage")
    builders.make_job(tenant, SYNC, **builders.over("Away.", failed=True))
    minutes.tick()
    assert enqueued() == []
    clock[0] = NOW + timedelta(minutes=10)
    minutes.tick()
    assert enqueued() == [tenant.pk]
    assert Job.objects.get(state="open").kind == SYNC


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
    minutes.tick()
    assert enqueued() == []
    clock[0] = NOW + timedelta(minutes=1)
    minutes.tick()
    minutes.tick()
    assert enqueued() == ([tenant.pk] if expected else [])
    assert set(Job.objects.filter(kind__in=RUNS).values_list("kind", flat=True)) <= {SOME}


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
    minutes.tick()
    assert enqueued() == []


@pytest.mark.parametrize(
    "values", [{"state": "in_doubt"}, {"state": "confirmed", "hold_reason": "changed"}]
)
def test_look_ups_go_on_on_a_blackout_day(
    tenant: Tenant, clock: list[datetime], values: dict[str, Any]
) -> None:
    retries(tenant, not_before=NOW - timedelta(minutes=1), **values)
    FinanceCalendar.objects.update(blackout=["2026-11-24"])
    minutes.tick()
    assert enqueued() == [tenant.pk]


def test_work_of_a_dead_worker_is_entered_before_the_next_cycle(
    tenant: Tenant, clock: list[datetime]
) -> None:
    over = NOW - timedelta(seconds=1)
    retries(tenant, state="in_flight", not_before=None, lease_owner="dead", lease_until=over)
    minutes.tick()
    assert enqueued() == [tenant.pk]


def proven(tenant: Tenant, day: date) -> None:
    builders.make_job(tenant, NIGHTLY, subject=day.isoformat(), **builders.over())


def test_the_proof_begins_once_a_night_in_the_tenants_zone(
    tenant: Tenant, clock: list[datetime]
) -> None:
    proven(tenant, NOW.date() - timedelta(days=1))
    clock[0] = datetime(2026, 11, 24, 6, 59, tzinfo=UTC)  # 01:59 in New York
    minutes.tick()
    assert enqueued(NIGHTLY) == []
    clock[0] = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
    calendar = FinanceCalendar.objects.select_related("tenant").get()
    assert scheduling.enqueue_nightly(calendar, clock[0])
    assert not scheduling.enqueue_nightly(calendar, clock[0])
    minutes.tick()
    assert enqueued(NIGHTLY) == [tenant.pk]
    Job.objects.filter(kind=NIGHTLY).update(**builders.over())
    minutes.tick()
    assert enqueued(NIGHTLY) == []
    clock[0] += timedelta(days=1)
    minutes.tick()
    assert enqueued(NIGHTLY) == [tenant.pk]


def test_a_day_that_a_fast_clock_has_proven_is_proven_again_when_it_comes(
    tenant: Tenant, clock: list[datetime]
) -> None:
    day = NOW.date()
    done = builders.make_job(
        tenant, "reprove", subject=day.isoformat(), state="done", finished_at=NOW
    )
    assert nightly.enqueue_proof(tenant, day, NOW) is False
    for wrong in (NOW + timedelta(days=1), NOW - timedelta(days=30)):
        Job.objects.filter(pk=done.pk).update(finished_at=wrong)
        assert nightly.enqueue_proof(tenant, day, NOW) is True
        Job.objects.exclude(pk=done.pk).delete()


def test_a_proof_that_failed_begins_again_after_a_while(
    tenant: Tenant, clock: list[datetime]
) -> None:
    calendar = FinanceCalendar.objects.select_related("tenant").get()
    assert scheduling.enqueue_nightly(calendar, NOW)
    Job.objects.update(**builders.over(failed=True))
    assert not scheduling.enqueue_nightly(calendar, NOW)
    assert scheduling.enqueue_nightly(calendar, NOW + AGAIN)


def test_the_proof_waits_while_the_tenant_is_paused(tenant: Tenant, clock: list[datetime]) -> None:
    Tenant.objects.update(paused_reason="Epicor is away.", paused_for="outage")
    calendar = FinanceCalendar.objects.select_related("tenant").get()
    assert not scheduling.enqueue_nightly(calendar, NOW)
    Tenant.objects.update(paused_reason="")
    calendar = FinanceCalendar.objects.select_related("tenant").get()
    assert scheduling.enqueue_nightly(calendar, NOW)
    Tenant.objects.update(paused_reason="Epicor is away.", paused_for="outage")
    assert drain() == ["more"]  # nothing was read
    assert Job.objects.get().run_at == NOW + AGAIN


@pytest.mark.parametrize(
    "name",
    [
        schedule.TICK,
        "connector.jobs.runner.run",
        "connector.jobs.schedule.seal_audit",
        "connector.jobs.heartbeat.beat",
    ],
)
def test_the_names_in_the_queue_are_functions(name: str) -> None:
    assert callable(import_string(name))
