"""Two workers at the same moment, each with a database connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connection, transaction

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail import log
from audit.trail.log import NewEntry
from audit.trail.models import AuditEntry
from audit.trail.verification import verify
from tests.audit.build import NOW, actions, make_tenant, opened, seed

pytestmark = pytest.mark.django_db(transaction=True)

on_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="needs PostgreSQL (set DATABASE_URL)"
)
WORKERS = 3


def together(work: Callable[[str], Any]) -> list[Any]:
    """Runs `work` in several threads that start at the same moment."""
    start = Barrier(WORKERS)

    def run(name: str) -> Any:
        try:
            connection.ensure_connection()
            start.wait(timeout=30)
            return work(name)
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(run, [f"w{n}" for n in range(WORKERS)]))


def test_workers_that_claim_together_never_share_a_posting() -> None:
    tenant = make_tenant()
    opened(tenant, *[f"b{n}" for n in range(60)])

    def claim_until_empty(name: str) -> list[str]:
        mine: list[str] = []
        while got := lifecycle.claim(tenant.pk, owner=name, limit=4, lease_s=60, now=NOW):
            assert {posting.lease_owner for posting in got} == {name}
            mine += [posting.bill_id for posting in got]
        return mine

    taken = [bill_id for mine in together(claim_until_empty) for bill_id in mine]
    assert len(taken) == len(set(taken))
    # A worker that found only locked rows stopped early; nothing is lost, the next claim has it.
    rest = lifecycle.claim(tenant.pk, owner="last", limit=99, lease_s=60, now=NOW)
    assert len(taken) + len(rest) == 60
    for row in Posting.objects.all():
        assert row.state == "in_flight"


def test_bills_opened_together_are_opened_once() -> None:
    tenant = make_tenant()
    seeds = [seed(f"b{n}") for n in range(40)]
    made = together(lambda _: lifecycle.open_many(tenant.pk, seeds))
    assert sum(made) == Posting.objects.count() == 40
    assert AuditEntry.objects.filter(action="posting.opened").count() == 40


def test_a_posting_is_dismissed_by_one_of_two_people() -> None:
    tenant = make_tenant()
    (posting,) = opened(tenant, "a")

    def dismiss(name: str) -> bool:
        try:
            lifecycle.dismiss(Posting.objects.get(pk=posting.pk), actor=name, reason="By hand")
        except lifecycle.LostLeaseError:
            return False
        return True

    assert sorted(together(dismiss)) == [False, False, True]
    assert actions(tenant, "a") == ["posting.opened", "posting.dismissed"]


def test_sealing_together_makes_one_chain() -> None:
    tenant = make_tenant()
    log.record_many(NewEntry(tenant.pk, "t", "k", str(n)) for n in range(50))
    assert sum(together(lambda _: log.seal(tenant.pk))) == 50
    found = verify(tenant.pk)
    assert (found.ok, found.entries, found.unsealed) == (True, 50, 0)


@on_postgresql
def test_a_claim_does_not_wait_for_rows_that_another_worker_is_taking() -> None:
    tenant = make_tenant()
    first, second = opened(tenant, "1", "2")
    locked, done = Event(), Event()

    def slow_worker() -> None:
        try:
            with transaction.atomic():
                Posting.objects.select_for_update().get(pk=first.pk)
                locked.set()
                assert done.wait(timeout=30)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(slow_worker)
        assert locked.wait(timeout=30)
        got = lifecycle.claim(tenant.pk, owner="w", limit=9, lease_s=60, now=NOW)
        done.set()
        slow.result(timeout=30)
    assert [posting.pk for posting in got] == [second.pk]
