"""One bill must not stop a tenant: whatever is odd about it, the bills beside it go through."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from django.db import OperationalError

from audit.ledger.models import Posting
from connector.actions.replay import replay
from connector.sync.bills.duplicate_list import list_duplicates
from connector.sync.bills.run import run_cycle
from connector.sync.bills.verify import reprove
from connector.tenants.models import Tenant
from tests.journeys import poison, truth

State = Posting.State
ENDS = ("0001-01-01T00:00:00+00:00", "9999-12-31T00:00:00+00:00")


@pytest.fixture
def good(start) -> tuple[Any, Tenant, dict[str, Any]]:
    """Twelve bills, and one of them that is entered for sure, to make odd ones like."""
    box, tenant = start(bills=12)
    sure = _sure(box)
    rows = [row for row in box.ramp.app.bills if row["id"] in sure and row["line_items"]]
    like = next(r for r in rows if r["amount"]["amount"] > 0 and not r["inventory_line_items"])
    return box, tenant, {**like, "payment": None}


def _sure(box: Any) -> list[str]:
    return [key for key, one in box.world.expected().items() if one.outcome == "entered"]


@pytest.mark.parametrize("day", ENDS)
def test_a_bill_issued_at_an_end_of_the_calendar_stops_no_other(good, day):
    box, tenant, like = good
    changes = {"issued_at": day, "accounting_date": like["issued_at"]}
    box.ramp.app.add_bill(poison.spoiled(like, "END-1", changes))

    run_cycle(tenant, dry_run=True)
    assert list_duplicates(tenant).compared > 0
    run_cycle(tenant)

    truth.check(box)
    assert not Posting.objects.filter(tenant=tenant, hold_reason="bug").exists()


@pytest.mark.slow
def test_whatever_is_odd_about_bills_those_beside_them_are_entered_and_confirmed(good):
    box, tenant, like = good
    odd = [*poison.singles(like), *poison.pairs(like, 60)]
    for row in odd:
        box.ramp.app.add_bill(row)

    summary = run_cycle(tenant)
    run_cycle(tenant)

    assert summary.confirmed > 0
    truth.check(box)
    rows = {posting.bill_id: posting for posting in Posting.objects.filter(tenant=tenant)}
    assert not [p for p in rows.values() if p.state in (State.IN_FLIGHT, State.IN_DOUBT)]
    wanted = [r for r in odd if r["approval_status"] == "APPROVED"]
    wanted = [r for r in wanted if r.get("enable_accounting_sync") is not False]
    assert not [row for row in wanted if row["id"] not in rows]
    assert [p.hold_detail for p in rows.values() if p.hold_reason == "bug"] == []
    assert list_duplicates(tenant).left_out > 0
    assert reprove(tenant, days=1).drifted == []


# -- a mistake of ours that one bill meets, in each step -------------------------------------------


def _names(value: Any, bill_id: str) -> bool:
    """Whether an argument is, or holds, the bill."""
    if isinstance(value, str):
        return value == bill_id
    if isinstance(value, Mapping):
        return value.get("id") == bill_id
    if isinstance(value, Sequence):
        return any(_names(one, bill_id) for one in value)
    for name in ("bill_id", "stamp", "posting", "prepared", "item", "id"):
        if hasattr(value, name):
            return _names(getattr(value, name), bill_id)
    return False


@pytest.fixture
def breaks(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """breaks(place, bill_id): the function there breaks whenever it gets this bill."""

    def plant(place: str, bill_id: str) -> None:
        module, _, name = place.partition(":")
        owner: Any = importlib.import_module(module)
        *path, last = name.split(".")
        for part in path:
            owner = getattr(owner, part)
        real = getattr(owner, last)

        def broken(*args: Any, **kwargs: Any) -> Any:
            if any(_names(value, bill_id) for value in (*args, *kwargs.values())):
                raise OverflowError("date value out of range, api_key=hunter2hunter2")
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, last, broken)

    return plant


STEPS = (
    "connector.ramp.bill_content:hash_of",
    "connector.ramp.bill_content:parse_bill",
    "connector.sync.bills.pull:strip",
    "connector.sync.bills.intake:stops",
    "connector.sync.bills.prepare:parse_bill",
    "connector.sync.bills.prepare:draft_ap_invoice",
    "connector.sync.bills.look_up:candidates_for",
    "connector.sync.bills.look_up:questions",
    "connector.sync.bills.look_up:decide",
    "connector.sync.bills.enter:_converse",
    "connector.sync.bills.write_record:WriteRecord.begin",
    "connector.sync.bills.outcomes:differences",
    "connector.ramp.client:RampClient.sync",
)


@pytest.mark.parametrize("step", STEPS)
def test_a_bill_that_breaks_a_step_is_held_and_the_others_go_through(
    ready, breaks, monkeypatch, step
):
    box, tenant = ready
    bill_id = _sure(box)[1]
    breaks(step, bill_id)

    run_cycle(tenant)
    run_cycle(tenant)

    posting = Posting.objects.get(tenant=tenant, bill_id=bill_id)
    if posting.state == State.IN_DOUBT and not posting.hold_reason:  # looked up once more
        Posting.objects.filter(pk=posting.pk).update(not_before=None)
        run_cycle(tenant)
        posting.refresh_from_db()
    assert posting.hold_reason == "bug"
    assert posting.hold_detail["error"] == "OverflowError"
    assert ".py:" in posting.hold_detail["where"]
    assert "hunter2" not in str(posting.hold_detail) + posting.hold_message
    others = [one for one in _sure(box) if one != bill_id]
    confirmed = Posting.objects.filter(bill_id__in=others, state=State.CONFIRMED)
    assert confirmed.count() == len(others)

    monkeypatch.undo()
    assert replay([posting], actor="clerk") == 1
    run_cycle(tenant)

    posting.refresh_from_db()
    assert (posting.state, posting.hold_reason) == (State.CONFIRMED, "")
    truth.check(box)


def test_a_bill_that_breaks_a_rehearsal_is_counted_and_nothing_is_held(ready, breaks):
    box, tenant = ready
    bill_id = _sure(box)[1]
    run_cycle(tenant, dry_run=True)
    breaks("connector.sync.bills.rehearse:stops", bill_id)

    summary = run_cycle(tenant, dry_run=True)

    assert summary.entered >= len(_sure(box)) - 1
    assert not Posting.objects.exclude(hold_reason="").exists()


def test_a_bill_that_breaks_the_comparison_with_typed_invoices_is_counted_as_not_compared(
    ready, breaks
):
    box, tenant = ready
    run_cycle(tenant, dry_run=True)
    before = list_duplicates(tenant)
    breaks("connector.sync.bills.duplicate_list:candidates_for", _sure(box)[1])

    after = list_duplicates(tenant)

    assert (after.compared, after.left_out) == (before.compared - 1, before.left_out + 1)


def test_an_invoice_that_cannot_be_read_back_is_a_finding_and_the_others_are_proven(ready, breaks):
    box, tenant = ready
    run_cycle(tenant)
    entered = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).count()
    bill_id = _sure(box)[1]
    breaks("connector.sync.bills.verify:entered_draft", bill_id)

    proof = reprove(tenant, days=1)

    assert [drift.bill for drift in proof.drifted] == [bill_id]
    assert proof.proven == entered - 1
    assert Posting.objects.get(bill_id=bill_id).hold_reason == "bug"


def test_an_edit_that_cannot_be_compared_stops_no_other_edit(ready, breaks):
    box, tenant = ready
    run_cycle(tenant)
    broken, fine = _sure(box)[:2]
    for bill_id in (broken, fine):
        box.ramp.app.edit_bill(bill_id, {"due_at": "2027-02-01T00:00:00+00:00"})
    breaks("connector.sync.bills.detect_changes:content_hash", broken)

    run_cycle(tenant)

    held = Posting.objects.filter(tenant=tenant, hold_reason="bug")
    assert list(held.values_list("bill_id", flat=True)) == [broken]
    moved = Posting.objects.get(bill_id=fine)
    assert moved.seen_hash == moved.entered_hash
    assert moved.entered_as["due_date"] == "2027-02-01"


def test_trouble_of_the_database_is_no_bills_fault(ready, monkeypatch):
    _, tenant = ready

    def fails(*_: Any, **__: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("connector.sync.bills.pull.mirror", fails)
    with pytest.raises(OperationalError):
        run_cycle(tenant)
    assert not Posting.objects.filter(hold_reason="bug").exists()
