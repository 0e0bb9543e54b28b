"""Several worker processes on one tenant, and a queue that loses tasks or brings them twice."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

import sandbox
from audit.ledger.models import Posting
from connector.jobs import schedule
from connector.jobs.models import Job
from connector.sync.bills.run import enqueue_sync
from tests.journeys import truth
from tests.simulation.crashes_scene import INSIDE
from tests.simulation.processes import Child, Zygote

pytestmark = pytest.mark.slow

BILLS = 16
HOUR_S = 3600.0
PLACES = [
    "/bills",
    "APInvoiceSvc/GetRows",
    "APInvGrpSvc/Update",
    "GetNewAPInvHedInvoice",
    "UpdateMaster",
    "accounting/syncs",
]
Worker = Callable[..., Child]


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote([INSIDE]) as running:
        yield running


@pytest.fixture
def box() -> Iterator[sandbox.Sandbox]:
    with sandbox.start(bills=BILLS) as running:
        running.ramp.app.set_rate_limit(None)
        yield running


@pytest.fixture
def worker(zygote: Zygote, box: Any, tmp_path: Path) -> Worker:
    """worker(at_s=…, **plan) -> a process that runs one cycle of the tenant."""
    database = zygote.new_database(tmp_path / "world.sqlite3")
    urls = {"ramp_url": box.ramp.url, "epicor_url": box.epicor.url}
    slug = zygote.call(f"{INSIDE}:set_up", database=database, seed=1, bills=BILLS, **urls)

    def begin(at_s: float = 0.0, **plan: Any) -> Child:
        action = {"do": "sync", "tenant": slug}
        return zygote.run(action, database=database, clock_offset_s=at_s, plan=plan)

    return begin


def check(box: Any) -> None:
    """Every bill once in Epicor and once in Ramp."""
    entered = truth.check(box)["entered"]
    calls = [call for call in box.ramp.state()["syncs"] if not call["repeated"]]
    told = Counter(bill_id for call in calls for bill_id in call["successful"])
    assert len(told) >= entered > 8
    assert set(told.values()) == {1}


def test_two_workers_at_once_enter_each_bill_once(box, worker):
    together = [worker(real_lanes=True), worker(real_lanes=True)]

    outcomes = [child.wait() for child in together]

    assert [outcome.traceback for outcome in outcomes] == ["", ""]
    worker(HOUR_S).wait()
    check(box)


@pytest.mark.parametrize("place", PLACES)
def test_a_worker_that_stands_still_for_a_while_changes_nothing(box, worker, place):
    first = worker(pause_before=place)
    assert first.until_pause()

    second = worker().wait()
    first_outcome = first.wait()

    assert (first_outcome.traceback, second.traceback) == ("", "")
    for hours in (1, 2):
        assert worker(hours * HOUR_S).wait().ok
    check(box)


@pytest.mark.parametrize("place", PLACES)
def test_a_worker_that_wakes_up_after_its_lease_is_over_changes_nothing(box, worker, place):
    first = worker(pause_before=place)
    assert first.until_pause()

    for hours in (1, 2, 3):
        assert worker(hours * HOUR_S).wait().ok
    first.wait()

    for hours in (4, 5, 6):
        assert worker(hours * HOUR_S).wait().ok
    check(box)


def enqueue_and_work(tenant: Any, *, times: int) -> None:
    """A minute's tick; then every task in the queue is done this many times, in turn."""
    enqueue_sync(tenant)
    schedule.tick()
    while tasks := list(OrmQ.objects.order_by("id")):
        OrmQ.objects.filter(pk__in=[row.pk for row in tasks]).delete()
        for row in tasks * times:
            import_string(row.task["func"])(*row.task["args"], **row.task["kwargs"])


def test_a_task_that_comes_twice_changes_nothing(start):
    box, tenant = start(bills=BILLS)

    enqueue_and_work(tenant, times=2)

    assert Posting.objects.filter(tenant=tenant, state=Posting.State.CONFIRMED).exists()
    check(box)


def test_a_task_that_is_lost_is_enqueued_again(start):
    box, tenant = start(bills=BILLS)
    enqueue_and_work(tenant, times=0)
    assert not Posting.objects.filter(tenant=tenant).exists()

    Job.objects.update(run_at=timezone.now())
    enqueue_and_work(tenant, times=1)

    check(box)
