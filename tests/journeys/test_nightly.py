"""The nightly proof: in steps, over deaths and trouble, and proven only when all was read back."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from audit.ledger.models import IN_EPICOR, Posting
from audit.trail.models import AuditEntry
from connector.actions import background
from connector.domain.errors import OutageError
from connector.sync import scheduling
from connector.sync.bills import nightly, verify
from connector.sync.bills.run import run_cycle
from connector.sync.bills.verify_result import Drift, Place, Proof
from connector.tenants.models import FinanceCalendar, Tenant

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """Ends a step like a signal: nothing of it is caught or put right."""


@pytest.fixture
def night(start, monkeypatch) -> tuple[Any, Tenant]:
    """Entered invoices in two companies; each step of a proof reads four."""
    box, tenant = start(bills=30)
    run_cycle(tenant)
    monkeypatch.setattr(verify, "AT_ONCE", 4)
    monkeypatch.setattr(background, "STEP_S", 0.0)
    monkeypatch.setattr(scheduling, "NIGHT_BEGINS", 0)
    return box, tenant


def entered(tenant: Tenant) -> Any:
    return Posting.objects.filter(tenant=tenant, state__in=IN_EPICOR).order_by("pk")


def calendar() -> FinanceCalendar:
    return FinanceCalendar.objects.select_related("tenant").get()


def proofs(tenant: Tenant) -> list[dict[str, Any]]:
    rows = AuditEntry.objects.filter(tenant=tenant, action="tenant.reproved")
    return [row.body for row in rows.order_by("at")]


def to_its_end(tenant: Tenant, most: int = 50) -> int:
    """The steps that are rung one after the other; how many were needed."""
    for number in range(1, most):
        if background.reprove_tenant(tenant.pk, calendar().proof_steps) == "done":
            return number
    raise AssertionError("the proof never ends")


def test_all_is_read_back_in_steps_and_only_then_the_day_is_proven(night):
    box, tenant = night
    wrong = entered(tenant).filter(currency="USD", amount__gt=10).first()
    key = (wrong.company, wrong.vendor_num, wrong.invoice_num)
    box.epicor.app.delete_invoice(*key)

    assert background.reprove_tenant(tenant.pk, 0) == "more"
    assert (calendar().reproved_on, proofs(tenant)) == (None, [])
    steps = 1 + to_its_end(tenant)

    assert steps >= entered(tenant).count() / 4
    assert calendar().reproved_on is not None
    assert (calendar().proof, calendar().proof_until) == ({}, None)
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

    to_its_end(tenant)
    whole = verify.reprove(tenant, days=nightly.DAYS)

    (by_night, by_hand) = proofs(tenant)
    assert by_night == by_hand
    assert len(whole.drifted) == 5


def test_a_doubled_ring_does_no_step_twice(night):
    _, tenant = night
    assert background.reprove_tenant(tenant.pk, 0) == "more"
    before = calendar().proof

    assert background.reprove_tenant(tenant.pk, 0) == "done"

    assert calendar().proof == before
    assert calendar().proof_steps == 1


def test_the_proof_of_a_dead_worker_goes_on_where_it_was(night, later, monkeypatch):
    _, tenant = night
    background.reprove_tenant(tenant.pk, 0)
    background.reprove_tenant(tenant.pk, 1)
    place = calendar().proof
    with monkeypatch.context() as patched:

        def dies(*_: Any, **__: Any) -> None:
            raise Killed

        patched.setattr(nightly, "prove", dies)
        with pytest.raises(Killed):
            background.reprove_tenant(tenant.pk, 2)

    assert not scheduling.ring_reprove(calendar(), timezone.now())  # perhaps it still lives
    later(minutes=6)
    assert scheduling.ring_reprove(calendar(), timezone.now())
    assert calendar().proof == place
    to_its_end(tenant)

    (proof,) = proofs(tenant)
    assert proof["proven"] == entered(tenant).count()


def test_a_worker_that_was_thought_dead_notes_nothing(night, monkeypatch):
    _, tenant = night
    real = nightly.prove

    def overtaken(*args: Any, **kwargs: Any) -> bool:
        monkeypatch.setattr(nightly, "prove", real)
        to_its_end(tenant)
        real(*args, **kwargs)
        return False

    monkeypatch.setattr(nightly, "prove", overtaken)
    background.reprove_tenant(tenant.pk, 0)

    assert len(proofs(tenant)) == 1
    assert calendar().reproved_on is not None
    assert calendar().proof == {}


def test_trouble_with_epicor_is_tried_again_and_goes_on_from_there(night, later, monkeypatch):
    _, tenant = night
    background.reprove_tenant(tenant.pk, 0)
    place = calendar().proof
    with monkeypatch.context() as patched:

        def away(*_: Any, **__: Any) -> None:
            raise OutageError("Epicor is away.")

        patched.setattr(verify, "look_up", away)
        assert background.reprove_tenant(tenant.pk, 1) == "Epicor is away."

    assert calendar().proof == place
    assert calendar().reproved_on is None
    assert not scheduling.ring_reprove(calendar(), timezone.now())
    later(minutes=11)
    assert scheduling.ring_reprove(calendar(), timezone.now())
    to_its_end(tenant)
    assert proofs(tenant)[0]["proven"] == entered(tenant).count()


def test_a_proof_over_midnight_counts_for_the_night_in_which_it_began(night, later):
    _, tenant = night
    background.reprove_tenant(tenant.pk, 0)
    began = calendar().proof["day"]
    later(days=1)

    to_its_end(tenant)

    assert str(calendar().reproved_on) == began
    assert scheduling.ring_reprove(calendar(), timezone.now())


def test_the_command_does_not_disturb_the_night(night):
    _, tenant = night
    background.reprove_tenant(tenant.pk, 0)
    before = calendar().proof

    verify.reprove(tenant, days=5)

    assert calendar().proof == before
    assert calendar().reproved_on is None


def test_what_is_kept_between_two_steps_keeps_every_digit():
    drift = Drift("b", "EPIC06", 7, "N-1", "KWD", Decimal("10.005"), None, ["gone"])
    other = Drift("c", "EPIC06", 7, "N-2", "USD", Decimal("0.10"), Decimal("0.30"), ["x"])
    proof = Proof(3, [drift, other])
    proof.unexplained["KWD"] += Decimal("10.005")
    place = Place(datetime(2026, 11, 1, 2, 3, 4, 567, tzinfo=UTC), "EPIC06", 99, proof)

    again = Place.restored(place.stored())

    assert again == place
    assert again.proof.sentence == proof.sentence
