"""Bills in the hands of a worker are named, and a living run keeps them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from connector.sync.bills import claim, due, under_way
from connector.sync.bills.outcomes import Outcomes
from connector.sync.context import Counts
from tests.audit.build import claimed, make_tenant

pytestmark = pytest.mark.django_db


class _Cycle:
    def __init__(self, tenant, owner):
        self.tenant, self.owner, self.counts = tenant, owner, Counts()


def test_what_a_dead_worker_holds_is_said_and_taken_back_within_minutes():
    tenant = make_tenant()
    assert under_way.notice(tenant) == ""
    now = timezone.now()
    claimed(tenant, "a", "b")
    until = now + timedelta(seconds=due.LEASE_S)
    Posting.objects.update(lease_until=until)

    assert "2 bills are in the hands of another worker" in under_way.notice(tenant)
    assert f"{until:%H:%M}" in under_way.notice(tenant)
    assert until - now <= timedelta(minutes=5)
    assert timedelta(minutes=5) >= claim.LEASE
    Posting.objects.update(lease_until=now - timedelta(seconds=1))
    assert "at the next run" in under_way.notice(tenant)


def test_a_living_run_keeps_its_bills_and_no_others(monkeypatch):
    tenant = make_tenant()
    mine, lost = claimed(tenant, "mine", "lost")
    soon = timezone.now() + timedelta(seconds=1)
    Posting.objects.update(lease_until=soon)
    Posting.objects.filter(pk=lost.pk).update(lease_owner="another")
    outcomes = Outcomes(_Cycle(tenant, mine.lease_owner))
    outcomes.add([mine, lost])

    outcomes.keep(300.0)
    assert Posting.objects.get(pk=mine.pk).lease_until == soon  # renewed just now
    outcomes._renewed_at -= 200
    outcomes.keep(300.0)

    assert Posting.objects.get(pk=mine.pk).lease_until > soon + timedelta(minutes=4)
    assert mine.lease_until > soon
    assert Posting.objects.get(pk=lost.pk).lease_until == soon
    assert lifecycle.reap(tenant.pk, soon + timedelta(minutes=2)) == 1
