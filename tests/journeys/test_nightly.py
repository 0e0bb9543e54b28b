"""The nightly proof: in steps, over deaths and trouble, and proven only when all was read back."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from audit.ledger.models import IN_EPICOR, Posting
from audit.trail.models import AuditEntry
from connector.domain.difference import Difference
from connector.domain.errors import OutageError
from connector.jobs import runner, schedule
from connector.jobs.models import Job
from connector.sync import scheduling
from connector.sync.bills import nightly, verify
from connector.sync.bills.run import run_cycle
from connector.sync.bills.verify_result import Drift, Place, Proof
from connector.tenants.models import FinanceCalendar, Tenant

pytestmark = pytest.mark.slow


GONE = Difference.of("invoice", "there", "gone", None)


class Killed(BaseException):
    """Ends a step like a signal: nothing of it is caught or put right."""


@pytest.fixture
def night(start, monkeypatch) -> tuple[Any, Tenant]:
    """Entered invoices in two companies; each step of a proof reads four."""
    box, tenant = start(bills=30)
    run_cycle(tenant)
    monkeypatch.setattr(verify, "AT_ONCE", 4)
    monkeypatch.setattr(runner, "STEP_S", 0.0)
    monkeypatch.setattr(scheduling, "NIGHT_BEGINS", 0)
    return box, tenant


def entered(tenant: Tenant) -> Any:
    return Posting.objects.filter(tenant=tenant, state__in=IN_EPICOR).order_by("pk")


def calendar() -> FinanceCalendar:
    return FinanceCalendar.objects.select_related("tenant").get()


def proofs(tenant: Tenant) -> list[dict[str, Any]]:
    rows = AuditEntry.objects.filter(tenant=tenant, action="tenant.reproved")
    return [row.body for row in rows.order_by("at")]


def begin(tenant: Tenant) -> Job:
    assert scheduling.enqueue_nightly(calendar(), timezone.now())
    return Job.objects.get(tenant=tenant, kind=nightly.NIGHTLY, state="open")


def again(job: Job) -> Job:
    return Job.objects.select_related("tenant").get(pk=job.pk)


def to_its_end(job: Job, most: int = 50) -> int:
    """The steps that are enqueued one after the other; how many were needed."""
    for number in range(1, most):
        if runner.run(job.pk, again(job).step) == "proven":
            return number
    raise AssertionError("the proof never ends")


def is_enqueued(job: Job) -> bool:
    """Whether the minute tick has it looked at now."""
    OrmQ.objects.all().delete()
    schedule.enqueue_due(timezone.now())
    return any(row.task["args"][0] == job.pk for row in OrmQ.objects.all())


def test_all_is_read_back_in_steps_and_only_then_the_day_is_proven(night):
    box, tenant = night
    wrong = entered(tenant).filter(currency="USD", amount__gt=10).first()
    key = (wrong.company, wrong.vendor_num, wrong.invoice_num)
    box.epicor.app.delete_invoice(*key)

    job = begin(tenant)
    assert runner.run(job.pk, 0) == "more"
    assert (again(job).state, proofs(tenant)) == ("open", [])
    steps = 1 + to_its_end(job)

    assert steps >= entered(tenant).count() / 4
    assert again(job).state == "done"
    assert not scheduling.enqueue_nightly(calendar(), timezone.now())
    (proof,) = proofs(tenant)
    assert proof["proven"] == entered(tenant).count() - 1
    assert [drift["bill"] for drift in proof["drifted"]] == [wrong.bill_id]
    dollars = next(one for one in proof["unexplained"] if one["currency"] == "USD")
    assert Decimal(dollars["amount"]) == wrong.amount
    wrong.refresh_from_db()
    assert wrong.hold_reason == "mismatch"


def test_steps_find_exactly_what_the_command_finds(night):
    box, tenant = night
    for posting in entered(tenant)[:9:2]:
        key = (posting.company, posting.vendor_num, posting.invoice_num)
        box.epicor.app.edit_invoice(*key, {"DueDate": "2027-02-01T00:00:00"})

    to_its_end(begin(tenant))
    whole = verify.reprove(tenant, days=nightly.DAYS)

    (by_night, by_hand) = proofs(tenant)
    assert by_night == by_hand
    assert len(whole.drifted) == 5


def test_a_doubled_task_does_no_step_twice(night):
    _, tenant = night
    job = begin(tenant)
    assert runner.run(job.pk, 0) == "more"
    before = again(job)

    assert runner.run(job.pk, 0) == "under way"

    assert (again(job).cursor, again(job).step) == (before.cursor, 1)


def test_the_proof_of_a_dead_worker_goes_on_where_it_was(night, later, monkeypatch):
    _, tenant = night
    job = begin(tenant)
    runner.run(job.pk, 0)
    runner.run(job.pk, 1)
    place = again(job).cursor
    with monkeypatch.context() as patched:

        def dies(*_: Any, **__: Any) -> None:
            raise Killed

        patched.setattr(nightly, "prove", dies)
        with pytest.raises(Killed):
            runner.run(job.pk, 2)

    later(minutes=2)
    assert not is_enqueued(job)  # perhaps it still lives
    later(minutes=4)
    assert is_enqueued(job)
    assert again(job).cursor == place
    to_its_end(job)

    (proof,) = proofs(tenant)
    assert proof["proven"] == entered(tenant).count()


def test_a_worker_that_was_thought_dead_notes_nothing(night, monkeypatch):
    _, tenant = night
    job = begin(tenant)
    real = nightly.prove

    def overtaken(*args: Any, **kwargs: Any) -> bool:
        monkeypatch.setattr(nightly, "prove", real)
        Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        to_its_end(job)
        real(*args, **kwargs)
        return False

    monkeypatch.setattr(nightly, "prove", overtaken)
    runner.run(job.pk, 0)

    assert len(proofs(tenant)) == 1
    assert again(job).state == "done"


def test_trouble_with_epicor_is_tried_again_and_goes_on_from_there(night, later, monkeypatch):
    _, tenant = night
    job = begin(tenant)
    runner.run(job.pk, 0)
    place = again(job).cursor
    with monkeypatch.context() as patched:

        def away(*_: Any, **__: Any) -> None:
            raise OutageError("Epicor is away.")

        patched.setattr(verify, "look_up", away)
        OrmQ.objects.all().delete()
        assert runner.run(job.pk, 1) == "more"

    assert not OrmQ.objects.exists()
    assert (again(job).state, again(job).cursor) == ("open", place)
    assert not is_enqueued(job)
    later(minutes=11)
    assert is_enqueued(job)
    to_its_end(job)
    assert proofs(tenant)[0]["proven"] == entered(tenant).count()


def test_a_proof_over_midnight_counts_for_the_night_in_which_it_began(night, later):
    _, tenant = night
    job = begin(tenant)
    runner.run(job.pk, 0)
    later(days=1)

    assert not scheduling.enqueue_nightly(calendar(), timezone.now())  # one at a time
    to_its_end(job)

    assert begin(tenant).subject > again(job).subject


def test_the_command_does_not_disturb_the_night(night):
    _, tenant = night
    job = begin(tenant)
    runner.run(job.pk, 0)
    before = again(job).cursor

    verify.reprove(tenant, days=5)

    assert (again(job).state, again(job).cursor) == ("open", before)


def test_what_is_kept_between_two_steps_keeps_every_digit():
    drift = Drift("b", "EPIC06", 7, "N-1", "KWD", Decimal("10.005"), None, [GONE])
    other = Drift("c", "EPIC06", 7, "N-2", "USD", Decimal("0.10"), Decimal("0.30"), [GONE])
    proof = Proof(3, [drift, other])
    proof.unexplained["KWD"] += Decimal("10.005")
    place = Place(datetime(2026, 11, 1, 2, 3, 4, 567, tzinfo=UTC), "EPIC06", 99, proof)

    again = Place.restored(place.stored())

    assert again == place
    assert again.proof.sentence == proof.sentence
