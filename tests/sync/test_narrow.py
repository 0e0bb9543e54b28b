"""An unexpected error is narrowed to its item, and what is no item's fault is raised."""

from collections.abc import Generator

import pytest
from django import db
from django.core.exceptions import ImproperlyConfigured

from audit.ledger.lifecycle import LostLeaseError
from audit.ledger.models import Posting
from connector.domain.errors import Hold, OutageError, Reason, TransientError
from connector.ramp.bill_content import envelope
from connector.sync.narrow import (
    bug,
    guarded,
    hold_bug,
    hold_unread,
    is_unexpected,
    narrow,
    sort_out,
)
from tests import builders
from tests.audit.build import claimed, make_tenant, opened


def _step(bad, seen=None):
    def step(items):
        if seen is not None:
            seen.append(list(items))
        if bad & set(items):
            raise OverflowError("date value out of range")
        return sum(items)

    return step


@pytest.mark.parametrize("bad", [set(), {1}, {8}, {3, 4}, set(range(1, 9))])
def test_every_item_is_done_or_named(bad):
    broken = []
    found = narrow(list(range(1, 9)), _step(bad), lambda one, _: broken.append(one))
    assert set(broken) == bad
    assert sum(found) == sum(range(1, 9)) - sum(bad)


def test_one_bad_item_costs_few_repetitions():
    seen = []
    narrow(list(range(64)), _step({37}, seen), lambda *_: None)
    assert len(seen) <= 2 * 6 + 1


def test_nothing_is_done_for_nothing():
    assert narrow([], _step(set()), lambda *_: None) == []


@pytest.mark.parametrize(
    "error",
    [
        OutageError("Epicor is away."),
        LostLeaseError("taken"),
        db.OperationalError("locked"),
        db.InterfaceError("closed"),
        db.ProgrammingError("no such table"),
        OSError("disk full"),
        MemoryError(),
        ImproperlyConfigured("no key"),
    ],
)
def test_what_is_no_bills_fault_is_raised_at_once(error):
    seen = []

    def step(items):
        seen.append(items)
        raise error

    with pytest.raises(type(error)):
        narrow([1, 2], step, lambda *_: None)
    assert len(seen) == 1


def test_a_value_that_the_database_refuses_is_the_bills_fault():
    assert is_unexpected(db.DataError("value too long"))
    assert is_unexpected(db.IntegrityError("null value"))


def _error(message):
    with pytest.raises(ValueError, match=r".") as raised:
        _raise(message)
    return raised.value


def _raise(message):
    raise ValueError(message)


def test_the_hold_says_what_broke_and_where_without_credentials():
    hold = bug(_error("password=hunter2hunter2 " + "x" * 9000))
    assert hold.reason == Reason.BUG
    assert "ValueError" in hold.message
    assert "hunter2" not in hold.message + str(hold.detail)
    assert len(hold.detail["said"]) <= 300
    assert hold.detail["where"].startswith("tests/sync/test_narrow.py:")
    assert bug(ValueError("never raised")).detail["where"] == ""


@pytest.mark.django_db
def test_bills_that_break_a_sorting_step_are_held():
    one, two = opened(make_tenant(), "one", "two")

    def step(some):
        if two in some:
            raise KeyError("x")
        return [posting.bill_id for posting in some], [(one, Hold(Reason.REFUSED, "No."))]

    good, held = sort_out([one, two], step)
    assert good == ["one"]
    assert [(posting.bill_id, hold.reason) for posting, hold in held] == [
        ("one", "refused"),
        ("two", "bug"),
    ]


@pytest.mark.django_db
def test_hold_bug_skips_a_bill_under_lease():
    (posting,) = claimed(make_tenant(), "one")
    Posting.objects.filter(pk=posting.pk).update(lease_owner="another")
    hold_bug(Posting.objects.get(pk=posting.pk), ValueError("x"))
    posting.refresh_from_db()
    assert (posting.state, posting.hold_reason) == ("in_flight", "")


@pytest.mark.django_db
def test_a_bill_that_was_never_seen_gets_its_posting_once():
    tenant = make_tenant()
    seed = envelope(builders.bill_payload(id="odd"), "unread")
    for _ in range(2):
        hold_unread(tenant.pk, seed, _error("x"))
    posting = Posting.objects.get(tenant=tenant)
    assert (posting.bill_id, posting.hold_reason) == ("odd", "bug")


def test_an_unexpected_error_of_a_task_ends_that_task_alone() -> None:
    broken: list[Exception] = []

    def task() -> Generator[str, int, None]:
        assert (yield "question") == 42
        raise KeyError("no")

    running = guarded(task(), broken.append)
    assert next(running) == "question"
    with pytest.raises(StopIteration):
        running.send(42)
    assert [type(error) for error in broken] == [KeyError]


def test_an_error_that_is_no_bills_fault_ends_more_than_its_task() -> None:
    broken: list[Exception] = []

    def task() -> Generator[str, int, None]:
        yield "question"
        raise TransientError("Epicor is away.")

    running = guarded(task(), broken.append)
    next(running)
    with pytest.raises(TransientError):
        running.send(42)
    assert broken == []
