"""Every legal step of a posting, and what happens when it moved on meanwhile."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from audit.ledger import holds, intake, lifecycle
from audit.ledger.lifecycle import LostLeaseError
from audit.ledger.models import Blocker, Posting
from audit.trail import log
from audit.trail.models import AuditEntry
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.domain.errors import Hold, Reason
from connector.tenants.models import Tenant
from tests.audit.build import (
    LATER,
    MUCH_LATER,
    NOW,
    actions,
    claimed,
    enter,
    make_tenant,
    opened,
    seed,
    unmapped,
    vendor_gap,
)

pytestmark = pytest.mark.django_db
State = Posting.State


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def fresh(posting: Posting) -> Posting:
    return Posting.objects.get(pk=posting.pk)


def begin(posting: Posting, deadline_at: Any = None) -> Attempt:
    return attempts.begin(
        posting.tenant_id,
        "posting",
        posting.bill_id,
        "enter_invoice",
        request={"InvoiceNum": posting.invoice_num},
        key=("EPIC06", 7, posting.invoice_num),
        deadline_at=deadline_at,
    )


def in_doubt(tenant: Tenant, bill_id: str = "b") -> Posting:
    (posting,) = claimed(tenant, bill_id)
    lifecycle.mark_in_doubt(posting, owner="w1", message="No answer.", not_before=NOW)
    return posting


def entered(tenant: Tenant, bill_id: str = "b") -> Posting:
    (posting,) = claimed(tenant, bill_id)
    enter(posting)
    return posting


# opening ------------------------------------------------------------------------------------


def test_bills_open_once_each_with_one_entry_in_the_trail(tenant: Tenant) -> None:
    assert lifecycle.open_many(tenant.pk, [seed("a"), seed("b"), seed("a")]) == 2
    assert lifecycle.open_many(tenant.pk, [seed("b"), seed("c")]) == 1
    assert lifecycle.open_many(tenant.pk, [seed("b")]) == 0
    assert lifecycle.open_many(tenant.pk, []) == 0

    rows = Posting.objects.filter(tenant=tenant).order_by("bill_id")
    assert [row.bill_id for row in rows] == ["a", "b", "c"]
    assert {row.state for row in rows} == {State.QUEUED}
    assert rows[0].amount == Decimal("120.50")
    for bill_id in "abc":
        assert actions(tenant, bill_id) == ["posting.opened"]


def test_another_tenant_may_have_the_same_bill(tenant: Tenant) -> None:
    opened(tenant, "a")
    assert lifecycle.open_many(make_tenant("other").pk, [seed("a")]) == 1


def test_what_no_column_can_hold_does_not_stop_the_bill(tenant: Tenant) -> None:
    hostile = seed("a", vendor_name="\x00N\ud800" + "x" * 400, amount=Decimal(10) ** 20)
    lifecycle.open_many(tenant.pk, [hostile, seed("b", amount=Decimal("NaN")), seed("c")])
    a, b, c = Posting.objects.order_by("bill_id")
    assert a.vendor_name == ("\ufffdN\ufffd" + "x" * 400)[:255]
    assert (a.amount, b.amount, c.amount) == (None, None, Decimal("120.50"))


def test_a_worker_that_was_faster_is_not_an_error(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown, calls = intake._unknown, []

    def late(tenant_id: int, seeds: list[Any]) -> list[Any]:
        calls.append(1)
        found = unknown(tenant_id, seeds)
        if len(calls) == 1:  # after our look, before our insert
            Posting.objects.create(tenant=tenant, bill_id="b")
        return found

    monkeypatch.setattr(intake, "_unknown", late)
    assert lifecycle.open_many(tenant.pk, [seed("a"), seed("b")]) == 1
    assert actions(tenant, "a") == ["posting.opened"]
    assert actions(tenant, "b") == []


def test_an_integrity_error_of_another_kind_is_raised(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise IntegrityError("something else")

    monkeypatch.setattr(intake, "_insert", broken)
    with pytest.raises(IntegrityError, match="something else"):
        lifecycle.open_many(tenant.pk, [seed("a")])


def test_values_follow_ramp_until_the_bill_is_entered(tenant: Tenant) -> None:
    opened(tenant, "a")
    entered(tenant, "b")
    changes = {"vendor_name": "Renamed", "amount": Decimal(5), "seen_hash": "c" * 64}
    assert lifecycle.update_values(tenant.pk, [seed("a", **changes), seed("b", **changes)]) == 2
    assert lifecycle.update_values(tenant.pk, [seed("a", **changes), seed("none")]) == 0

    a, b = Posting.objects.order_by("bill_id")
    assert (a.vendor_name, a.amount, a.seen_hash) == ("Renamed", 5, "c" * 64)
    assert (b.vendor_name, b.amount, b.seen_hash) == ("Nordwind Paper", Decimal("120.5"), "c" * 64)
    entry = AuditEntry.objects.get(subject_id="a", action="posting.seen_changed")
    assert entry.changes["vendor_name"] == ["Nordwind Paper", "Renamed"]


# claiming -----------------------------------------------------------------------------------


def test_claim_takes_due_postings_without_hold_oldest_first(tenant: Tenant) -> None:
    _, waiting, held, due, _ = opened(tenant, "1", "2", "3", "4", "5")
    opened(make_tenant("other"), "foreign")
    Posting.objects.filter(pk=waiting.pk).update(not_before=LATER)
    Posting.objects.filter(pk=due.pk).update(not_before=NOW)
    lifecycle.hold(held, unmapped())

    got = lifecycle.claim(tenant.pk, owner="w1", limit=2, lease_s=30, now=NOW)
    assert [posting.bill_id for posting in got] == ["1", "4"]
    assert {posting.state for posting in got} == {State.IN_FLIGHT}
    assert {posting.lease_until for posting in got} == {NOW + timedelta(seconds=30)}
    again = lifecycle.claim(tenant.pk, owner="w2", limit=9, lease_s=30, now=NOW)
    assert [posting.bill_id for posting in again] == ["5"]


def test_claim_can_be_narrowed_to_some_postings(tenant: Tenant) -> None:
    _, second = opened(tenant, "1", "2")
    kwargs: dict[str, Any] = {"owner": "w1", "limit": 9, "lease_s": 30, "now": NOW}
    assert lifecycle.claim(tenant.pk, ids=[], **kwargs) == []
    assert [p.bill_id for p in lifecycle.claim(tenant.pk, ids=[second.pk], **kwargs)] == ["2"]


def test_the_number_of_queries_does_not_grow_with_the_slice(
    tenant: Tenant, django_assert_max_num_queries: Any
) -> None:
    opened(tenant, *[f"b{n}" for n in range(50)])
    with django_assert_max_num_queries(5):  # with the savepoint of the test around it
        got = lifecycle.claim(tenant.pk, owner="w1", limit=50, lease_s=60, now=NOW)
    with django_assert_max_num_queries(10):
        lifecycle.hold_many([(p, unmapped(vendor_gap(p.bill_id))) for p in got], owner="w1")
    assert Blocker.objects.count() == 50


def test_doubtful_ones_are_leased_when_due_and_free(tenant: Tenant) -> None:
    posting = in_doubt(tenant)
    kwargs: dict[str, Any] = {"limit": 9, "lease_s": 60}
    early = NOW - timedelta(seconds=1)
    assert lifecycle.claim_doubtful(tenant.pk, owner="w2", now=early, **kwargs) == []
    (got,) = lifecycle.claim_doubtful(tenant.pk, owner="w2", now=NOW, **kwargs)
    assert (got.state, got.lease_owner) == (State.IN_DOUBT, "w2")
    assert lifecycle.claim_doubtful(tenant.pk, owner="w3", now=NOW, **kwargs) == []
    # Its worker died: it is taken back first, on the record, and never claimed over its head.
    assert lifecycle.claim_doubtful(tenant.pk, owner="w3", now=LATER, **kwargs) == []
    assert lifecycle.reap(tenant.pk, LATER) == 1
    (later,) = lifecycle.claim_doubtful(tenant.pk, owner="w3", now=LATER, **kwargs)
    assert (later.pk, later.lease_owner) == (posting.pk, "w3")
    assert [one.action for one in AuditEntry.objects.order_by("at")][-1] == "posting.reaped"


def test_doubt_with_a_hold_is_looked_up_again_within_the_hour(tenant: Tenant) -> None:
    posting = in_doubt(tenant)
    hold = Hold(Reason.BUG, "Nobody knows.")
    lifecycle.hold(posting, hold)
    assert fresh(posting).state == State.IN_DOUBT
    due = posting.not_before
    assert due is not None
    assert due <= timezone.now() + timedelta(hours=1)
    kwargs: dict[str, Any] = {"owner": "w2", "limit": 9, "lease_s": 60}
    assert lifecycle.claim_doubtful(tenant.pk, now=due - timedelta(minutes=5), **kwargs) == []
    (got,) = lifecycle.claim_doubtful(tenant.pk, now=due, **kwargs)

    lifecycle.hold_many([(got, hold)], owner="w2")  # still so: it is due again, and no news

    assert (fresh(posting).lease_owner, fresh(posting).hold_reason) == ("", "bug")
    assert AuditEntry.objects.filter(action="posting.held").count() == 1
    assert lifecycle.replay([posting], actor="Ann") == 1
    (got,) = lifecycle.claim_doubtful(tenant.pk, now=MUCH_LATER, **kwargs)
    assert got.hold_reason == ""


def test_a_hold_that_a_person_ended_meanwhile_opens_anew(tenant: Tenant) -> None:
    posting = in_doubt(tenant)
    lifecycle.hold(posting, Hold(Reason.BUG, "One.", {"why": "one"}))
    (mine,) = lifecycle.claim_doubtful(tenant.pk, owner="w2", limit=9, lease_s=60, now=MUCH_LATER)
    assert lifecycle.replay([fresh(posting)], actor="Ann") == 1

    lifecycle.hold_many([(mine, Hold(Reason.BUG, "One.", {"why": "one"}))], owner="w2")

    row = fresh(posting)
    assert (row.hold_reason, row.lease_owner) == ("bug", "")
    assert row.hold_opened_at is not None
    assert actions(tenant, posting.bill_id).count("posting.held") == 2


def test_a_settled_doubt_has_no_hold_any_more(tenant: Tenant) -> None:
    posting = in_doubt(tenant)
    lifecycle.hold(posting, Hold(Reason.BUG, "Nobody knows."))
    (got,) = lifecycle.claim_doubtful(tenant.pk, owner="w2", limit=9, lease_s=60, now=MUCH_LATER)
    lifecycle.settle_not_there(got, owner="w2")
    assert (fresh(posting).state, fresh(posting).hold_reason) == (State.QUEUED, "")


def test_a_lease_can_be_extended_by_its_owner_only(tenant: Tenant) -> None:
    got = claimed(tenant, "a", "b")
    lifecycle.extend_lease(got, owner="w1", until=LATER)
    assert {fresh(p).lease_until for p in got} == {got[0].lease_until} == {LATER}
    with pytest.raises(LostLeaseError, match="Bill a is in_flight by now"):
        lifecycle.extend_lease(got, owner="w2", until=MUCH_LATER)
    assert fresh(got[0]).lease_until == LATER


def test_one_lost_lease_changes_nothing_for_the_others(tenant: Tenant) -> None:
    one, two = claimed(tenant, "a", "b")
    lifecycle.release(two, owner="w1")
    with pytest.raises(LostLeaseError, match="Bill b is queued by now"):
        lifecycle.extend_lease([one, two], owner="w1", until=LATER)
    assert fresh(one).lease_until == NOW + timedelta(seconds=60)


def test_a_deleted_posting_is_a_lost_lease_too(tenant: Tenant) -> None:
    (posting,) = claimed(tenant, "a")
    pk = posting.pk
    Posting.objects.filter(pk=pk).delete()
    with pytest.raises(LostLeaseError, match="The posting is gone"):
        lifecycle.release(posting, owner="w1")


# back to the queue --------------------------------------------------------------------------


def test_release_counts_a_failure_and_notes_when_to_try_again(tenant: Tenant) -> None:
    (posting,) = claimed(tenant, "a")
    lifecycle.release(posting, owner="w1", not_before=LATER, message="Epicor is restarting.")
    row = fresh(posting)
    assert (row.state, row.not_before, row.failed_attempts) == (State.QUEUED, LATER, 1)
    assert (row.lease_owner, row.lease_until) == ("", None)
    assert (posting.state, posting.failed_attempts) == (State.QUEUED, 1)
    entry = AuditEntry.objects.get(subject_id="a", action="posting.released")
    assert entry.body["message"] == "Epicor is restarting."


def test_what_a_run_did_not_come_to_is_no_failure_and_no_news(tenant: Tenant) -> None:
    got = claimed(tenant, "a", "b")
    lifecycle.release_many(got, owner="w1", not_before=LATER)
    assert {fresh(p).failed_attempts for p in got} == {0}
    assert {fresh(p).not_before for p in got} == {LATER}
    assert actions(tenant, "a") == ["posting.opened"]


def test_one_cause_of_waiting_is_told_once_until_something_else_happens(tenant: Tenant) -> None:
    def wait(cause: str, *, failed: bool = False) -> list[str]:
        due = NOW - timedelta(hours=1)
        (posting,) = lifecycle.claim(tenant.pk, owner="w1", limit=1, lease_s=60, now=NOW)
        lifecycle.release(
            posting, owner="w1", not_before=due, message="Why.", failed=failed, cause=cause
        )
        return actions(tenant, "a")

    opened(tenant, "a")
    assert wait("not_ready") == ["posting.opened", "posting.released"]
    assert len(wait("not_ready")) == len(wait("not_ready")) == 2
    assert len(wait("other_bill")) == 3
    assert len(wait("", failed=True)) == 4  # a failure is told each time
    assert len(wait("", failed=True)) == 5
    assert len(wait("other_bill")) == 6
    assert len(wait("other_bill")) == 6


def test_what_is_in_doubt_or_entered_waits_without_repeating_itself(tenant: Tenant) -> None:
    (posting,) = claimed(tenant, "a")
    lifecycle.mark_in_doubt(posting, owner="w1", message="No answer.", not_before=NOW)
    for times, (message, cause) in enumerate(
        [("", ""), ("Busy.", "epicor_busy"), ("Busy.", "epicor_busy"), ("Gone.", "")]
    ):
        (row,) = lifecycle.claim_doubtful(tenant.pk, owner="w1", limit=1, lease_s=60, now=NOW)
        lifecycle.postpone([row], owner="w1", not_before=NOW, message=message, cause=cause)
        told = actions(tenant, "a").count("posting.postponed")
        assert told == (0, 1, 1, 2)[times]


def test_reaping_queues_what_was_never_sent_and_doubts_what_was(tenant: Tenant) -> None:
    claimed(tenant, "idle", "sent", "answered", "settled", "no-deadline")
    sent, answered, settled, bare = (
        begin(Posting.objects.get(bill_id=b), d)
        for b, d in [("sent", LATER), ("answered", NOW), ("settled", NOW), ("no-deadline", None)]
    )
    attempts.finish(answered, Attempt.Outcome.REFUSED, message="Closed period.")
    attempts.finish(bare, Attempt.Outcome.UNKNOWN)
    attempts.resolve([settled])
    assert not sent.resolved

    assert lifecycle.reap(tenant.pk, NOW + timedelta(seconds=60)) == 0  # not over yet
    moment = NOW + timedelta(seconds=61)
    assert lifecycle.reap(tenant.pk, moment) == 5
    states = dict(Posting.objects.values_list("bill_id", "state"))
    assert states == {
        "idle": State.QUEUED,
        "sent": State.IN_DOUBT,
        "answered": State.QUEUED,
        "settled": State.QUEUED,
        "no-deadline": State.IN_DOUBT,
    }
    assert Posting.objects.get(bill_id="sent").not_before == LATER
    assert Posting.objects.get(bill_id="no-deadline").not_before == moment
    assert actions(tenant, "idle")[-1] == "posting.reaped"
    assert lifecycle.reap(tenant.pk, MUCH_LATER) == 0


def test_a_worker_that_wakes_up_after_reaping_changes_nothing(tenant: Tenant) -> None:
    (posting,) = claimed(tenant, "a")
    lifecycle.reap(tenant.pk, LATER)
    before = actions(tenant, "a")
    with pytest.raises(LostLeaseError, match=r"Bill a is queued .* not marked as entered"):
        enter(posting)
    assert actions(tenant, "a") == before
    assert fresh(posting).state == State.QUEUED


# holds --------------------------------------------------------------------------------------


def test_a_hold_queues_the_posting_and_names_what_blocks_it(tenant: Tenant) -> None:
    (posting,) = claimed(tenant, "a")
    lifecycle.hold(posting, unmapped(vendor_gap("v1"), vendor_gap("v2")), owner="w1")
    row = fresh(posting)
    assert (row.state, row.lease_owner) == (State.QUEUED, "")
    assert (row.hold_reason, row.hold_detail) == (Reason.VENDOR_UNMAPPED, {"gaps": 2})
    assert row.hold_opened_at is not None
    assert [b.ramp_id for b in row.blockers.all()] == ["v1", "v2"]

    lifecycle.hold(row, Hold(Reason.REFUSED, "Another thing."))
    assert not row.blockers.exists()
    assert fresh(row).hold_message == "Another thing."


def test_the_same_hold_again_is_no_news(tenant: Tenant) -> None:
    (posting,) = opened(tenant, "a")
    lifecycle.hold(posting, unmapped())
    opened_at = fresh(posting).hold_opened_at
    lifecycle.hold(fresh(posting), unmapped())
    assert actions(tenant, "a") == ["posting.opened", "posting.held"]
    other = Hold(Reason.VENDOR_UNMAPPED, "Of another thing.", {"vendor": "v2"})
    lifecycle.hold(fresh(posting), other)
    assert fresh(posting).hold_opened_at == opened_at
    assert actions(tenant, "a").count("posting.held") == 2


HELD = Hold(Reason.REFUSED, "No.", {"said": "no", "correlation_id": "1"}, (vendor_gap("v1"),))


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"message": "Said in better words."}, True),
        ({"detail": {"said": "no", "correlation_id": "2"}}, True),
        ({"gaps": (replace(vendor_gap("v1"), message="Better words."),)}, True),
        ({"reason": Reason.ASKED}, False),
        ({"detail": {"said": "never", "correlation_id": "1"}}, False),
        ({"gaps": ()}, False),
        ({"gaps": (vendor_gap("v1"), vendor_gap("v2"))}, False),
        ({"gaps": (replace(vendor_gap("v1"), lines=(2,)),)}, False),
        ({"gaps": (replace(vendor_gap("v1"), facts=("inactive",)),)}, False),
    ],
)
def test_version_is_of_reason_facts_and_blockers_and_not_of_words(
    tenant: Tenant, changes: dict[str, Any], same: bool
) -> None:
    (posting,) = opened(tenant, "a")
    lifecycle.hold(posting, HELD)
    again = replace(HELD, **changes)
    assert (holds.version(again) == fresh(posting).hold_version) is same
    assert holds.is_open(fresh(posting), again) is same
    lifecycle.hold(fresh(posting), again)
    assert actions(tenant, "a").count("posting.held") == (1 if same else 2)


def test_something_entered_keeps_its_state_when_held(tenant: Tenant) -> None:
    posting = entered(tenant)
    lifecycle.hold(posting, Hold(Reason.CHANGED, "The total differs."), owner="w9")
    assert (fresh(posting).state, posting.state) == (State.ENTERED, State.ENTERED)


@pytest.mark.parametrize("owner", ["", "w2"])
def test_only_the_owner_can_hold_something_in_flight(tenant: Tenant, owner: str) -> None:
    (posting,) = claimed(tenant, "a")
    with pytest.raises(LostLeaseError, match="not held"):
        lifecycle.hold(posting, unmapped(), owner=owner)
    assert fresh(posting).hold_reason == ""
    assert not Blocker.objects.exists()


# outcomes -----------------------------------------------------------------------------------


def test_entering_notes_the_facts_closes_the_hold_and_settles_attempts(tenant: Tenant) -> None:
    (posting,) = claimed(tenant, "a")
    Posting.objects.filter(pk=posting.pk).update(failed_attempts=3)
    attempts.finish(begin(posting), Attempt.Outcome.UNKNOWN)
    lifecycle.mark_in_doubt(posting, owner="w1", message="Timeout.", not_before=NOW)
    lifecycle.hold(posting, unmapped())
    Posting.objects.filter(pk=posting.pk).update(lease_owner="w1")

    enter(posting, vendor_num=12)
    row = fresh(posting)
    assert (row.state, row.hold_reason, row.hold_detail) == (State.ENTERED, "", {})
    assert (row.company, row.vendor_num, row.sys_rev_id) == ("EPIC06", 12, 4711)
    assert (row.failed_attempts, row.not_before, row.lease_owner) == (0, None, "")
    assert row.entered_at == posting.entered_at
    assert row.entered_at is not None
    assert not row.blockers.exists()
    assert attempts.unresolved(tenant.pk, "posting", "a") == []
    entry = AuditEntry.objects.get(action="posting.entered")
    assert entry.body["changed_by"] == "connector"
    assert entry.changes["state"] == ["in_doubt", "entered"]
    assert entry.changes["vendor_num"] == [None, 12]


@pytest.mark.parametrize("before", ["removed", "dismissed", "held"])
@pytest.mark.parametrize("due", [True, False])
def test_what_is_found_in_epicor_is_entered_whatever_our_record_said(
    tenant: Tenant, before: str, due: bool
) -> None:
    posting = entered(tenant) if before == "removed" else opened(tenant, "a")[0]
    if before == "removed":
        lifecycle.mark_removed(posting, actor="Ann", reason="Wrong.")
    elif before == "dismissed":
        lifecycle.dismiss(posting, actor="Ann", reason="By hand.")
    else:
        lifecycle.hold(posting, unmapped())

    found(posting, due=due)

    row = fresh(posting)
    assert (row.state, row.hold_reason, row.invoice_num) == (State.ENTERED, "", "LATE-1")
    assert (row.entered_as, row.entered_hash) == ({}, row.seen_hash)
    assert (row.not_before is not None) is due
    assert not row.blockers.exists()
    assert actions(tenant, posting.bill_id)[-1] == "posting.entered"


def found(posting: Posting, *, due: bool = True) -> None:
    lifecycle.mark_found(
        posting,
        company="EPIC06",
        vendor_num=7,
        invoice_num="LATE-1",
        group_id="G1",
        sys_rev_id=1,
        apply_on=date(2026, 11, 2),
        body={},
        due=due,
    )


def test_what_waits_without_a_hold_is_found_by_the_run_alone(tenant: Tenant) -> None:
    (posting,) = opened(tenant, "a")
    with pytest.raises(LostLeaseError, match="not marked as entered"):
        found(posting)
    assert fresh(posting).state == State.QUEUED


def test_a_look_up_that_finds_nothing_queues_it_again(tenant: Tenant) -> None:
    (posting,) = claimed(tenant, "a")
    begin(posting)
    lifecycle.mark_in_doubt(posting, owner="w1", message="Timeout.", not_before=NOW)
    assert fresh(posting).look_ups == 0
    (leased,) = lifecycle.claim_doubtful(tenant.pk, owner="w2", limit=1, lease_s=60, now=NOW)
    lifecycle.mark_in_doubt(leased, owner="w2", message="Not there, once.", not_before=LATER)
    (leased,) = lifecycle.claim_doubtful(tenant.pk, owner="w2", limit=1, lease_s=60, now=LATER)
    lifecycle.settle_not_there(leased, owner="w2")
    row = fresh(posting)
    assert (row.state, row.not_before, row.look_ups) == (State.QUEUED, None, 0)
    assert attempts.unresolved(tenant.pk, "posting", "a") == []


def test_confirming_twice_is_harmless(tenant: Tenant) -> None:
    done, waiting = entered(tenant, "a"), opened(tenant, "b")[0]
    assert lifecycle.mark_confirmed_many([done, waiting], body={"sync_id": "s1"}) == 1
    assert lifecycle.mark_confirmed_many([done, waiting], body={"sync_id": "s1"}) == 0
    assert (fresh(done).state, done.state) == (State.CONFIRMED, State.CONFIRMED)
    assert fresh(done).confirmed_at is not None
    assert fresh(waiting).state == State.QUEUED
    assert actions(tenant, "a").count("posting.confirmed") == 1


def test_removing_is_for_what_is_in_epicor(tenant: Tenant) -> None:
    posting = entered(tenant, "a")
    lifecycle.mark_removed(posting, actor="Ann", reason="Wrong company", body={"invoice": "I"})
    assert fresh(posting).state == State.REMOVED
    assert AuditEntry.objects.get(action="posting.removed").actor == "Ann"
    with pytest.raises(LostLeaseError):
        lifecycle.mark_removed(posting, actor="Ann", reason="Again")


def test_dismissing_needs_a_reason_and_a_queued_posting(tenant: Tenant) -> None:
    (posting,) = opened(tenant, "a")
    lifecycle.hold(posting, unmapped())
    with pytest.raises(ValueError, match="Say why bill a is dismissed"):
        lifecycle.dismiss(posting, actor="Ann", reason="  ")
    assert fresh(posting).state == State.QUEUED
    lifecycle.dismiss(posting, actor="Ann", reason="Typed by hand")
    row = fresh(posting)
    assert (row.state, row.hold_reason) == (State.DISMISSED, "")
    assert not Blocker.objects.exists()
    entry = AuditEntry.objects.get(action="posting.dismissed")
    assert (entry.actor, entry.body["reason"]) == ("Ann", "Typed by hand")
    assert entry.changes["hold_reason"] == [Reason.VENDOR_UNMAPPED, ""]


# again --------------------------------------------------------------------------------------


def test_replay_closes_the_hold_or_ends_the_wait(tenant: Tenant) -> None:
    held, waiting, due = opened(tenant, "held", "waiting", "due")
    lifecycle.hold(held, unmapped())
    Posting.objects.filter(pk=waiting.pk).update(not_before=MUCH_LATER, failed_attempts=4)
    assert lifecycle.replay([held, waiting, due], actor="Ann") == 2
    assert fresh(held).hold_reason == held.hold_reason == ""
    assert not Blocker.objects.exists()
    assert fresh(waiting).failed_attempts == 0
    assert actions(tenant, "due") == ["posting.opened"]
    assert AuditEntry.objects.get(subject_id="held", action="posting.replayed").actor == "Ann"
    assert len(lifecycle.claim(tenant.pk, owner="w", limit=9, lease_s=1, now=MUCH_LATER)) == 3


def test_replay_of_something_entered_only_verifies_again(tenant: Tenant) -> None:
    posting = entered(tenant)
    kwargs: dict[str, Any] = {"owner": "w2", "limit": 9, "lease_s": 60, "now": MUCH_LATER}
    assert lifecycle.replay([posting], actor="Ann") == 0
    lifecycle.hold(posting, Hold(Reason.MISMATCH, "One cent off."))
    assert lifecycle.claim_rechecks(tenant.pk, **kwargs) == []
    assert lifecycle.replay([posting], actor="Ann") == 1
    assert lifecycle.claim(tenant.pk, **kwargs) == []
    (leased,) = lifecycle.claim_rechecks(tenant.pk, **kwargs)
    assert (leased.state, leased.hold_reason) == (State.ENTERED, Reason.MISMATCH)

    lifecycle.mark_rechecked(leased, owner="w2", sys_rev_id=2, entered_hash="h", body={})
    row = fresh(posting)
    assert (row.state, row.hold_reason, row.sys_rev_id) == (State.ENTERED, "", 2)
    assert row.apply_on == date(2026, 11, 2)
    assert lifecycle.claim_rechecks(tenant.pk, **kwargs) == []


def test_what_was_entered_without_a_draft_is_asked_about_once_for_each_payer(
    tenant: Tenant,
) -> None:
    posting = entered(tenant)
    Posting.objects.filter(pk=posting.pk).update(kept={"mismatch": ["Total"]})

    assert lifecycle.request_recheck_for(posting, "ramp", message="Ramp pays it.") == 1
    posting.refresh_from_db()
    assert posting.not_before is not None
    assert posting.kept == {"mismatch": ["Total"], "asked_for": "ramp"}
    # It is asked about already.
    assert lifecycle.request_recheck_for(posting, "outside", message="Paid outside.") == 0
    posting.refresh_from_db()
    assert posting.kept["asked_for"] == "ramp"


def test_a_recheck_is_asked_for_once(tenant: Tenant) -> None:
    posting, queued = entered(tenant), opened(tenant, "q")[0]
    lifecycle.mark_confirmed_many([posting], body={})
    assert lifecycle.request_recheck([posting, queued], message="Edited in Ramp.") == 1
    assert lifecycle.request_recheck([posting, queued], message="Edited in Ramp.") == 0
    (leased,) = lifecycle.claim_rechecks(tenant.pk, owner="w2", limit=9, lease_s=60, now=MUCH_LATER)
    lifecycle.mark_rechecked(
        leased,
        owner="w2",
        sys_rev_id=2,
        entered_hash="h",
        apply_on=date(2026, 12, 1),
        body={"lines": 2},
    )
    assert (fresh(posting).state, fresh(posting).apply_on) == (State.CONFIRMED, date(2026, 12, 1))


def test_a_held_bill_that_changed_in_ramp_is_tried_again(tenant: Tenant) -> None:
    held, free = opened(tenant, "held", "free")
    lifecycle.hold(held, unmapped())
    assert lifecycle.requeue_changed([held, free]) == 1
    assert fresh(held).hold_reason == ""
    assert actions(tenant, "held")[-1] == "posting.requeued"


# what must not be possible ------------------------------------------------------------------

STEPS: dict[str, Callable[[Posting], Any]] = {
    "release": lambda p: lifecycle.release(p, owner="w1"),
    "hold": lambda p: lifecycle.hold(p, unmapped(), owner="w1"),
    "mark_in_doubt": lambda p: lifecycle.mark_in_doubt(p, owner="w1", message="", not_before=None),
    "settle_not_there": lambda p: lifecycle.settle_not_there(p, owner="w1"),
    "mark_entered": enter,
    "mark_rechecked": lambda p: lifecycle.mark_rechecked(
        p, owner="w1", sys_rev_id=1, entered_hash="", body={}
    ),
    "mark_confirmed": lambda p: lifecycle.mark_confirmed_many([p], body={}),
    "mark_removed": lambda p: lifecycle.mark_removed(p, actor="A", reason="R", owner=p.lease_owner),
    "dismiss": lambda p: lifecycle.dismiss(p, actor="A", reason="R"),
    "replay": lambda p: lifecycle.replay([p], actor="A"),
    "requeue_changed": lambda p: lifecycle.requeue_changed([p]),
    "request_recheck": lambda p: lifecycle.request_recheck([p], message=""),
}
LEGAL: dict[str, dict[str, str]] = {
    "queued": {"hold": "queued", "dismiss": "dismissed"},
    "in_flight": {
        "release": "queued",
        "hold": "queued",
        "mark_in_doubt": "in_doubt",
        "mark_entered": "entered",
    },
    "in_doubt": {
        "hold": "in_doubt",
        "mark_in_doubt": "in_doubt",
        "settle_not_there": "queued",
        "mark_entered": "entered",
    },
    "entered": {
        "hold": "entered",
        "mark_rechecked": "entered",
        "mark_confirmed": "confirmed",
        "mark_removed": "removed",
        "request_recheck": "entered",
    },
    "confirmed": {
        "hold": "confirmed",
        "mark_rechecked": "confirmed",
        "mark_removed": "removed",
        "request_recheck": "confirmed",
    },
    "removed": {},
    "dismissed": {},
}


@pytest.mark.parametrize("state", LEGAL)
@pytest.mark.parametrize("step", STEPS)
def test_the_table_of_legal_steps_is_complete(tenant: Tenant, state: str, step: str) -> None:
    (posting,) = opened(tenant, "a")
    owner = "" if state in {"queued", "removed", "dismissed"} else "w1"
    Posting.objects.filter(pk=posting.pk).update(state=state, lease_owner=owner)
    posting.refresh_from_db()
    entries = AuditEntry.objects.count()
    try:
        moved = STEPS[step](posting) != 0
    except LostLeaseError:
        moved = False
    assert moved == (step in LEGAL[state])
    assert fresh(posting).state == posting.state == LEGAL[state].get(step, state)
    assert AuditEntry.objects.count() == entries + moved


BY_ITS_OWNER = ["release", "hold", "mark_in_doubt", "settle_not_there", "mark_entered"]


@pytest.mark.parametrize("state", ["in_flight", "in_doubt", "entered"])
@pytest.mark.parametrize("step", [*BY_ITS_OWNER, "mark_rechecked"])
def test_only_the_owner_of_the_lease_can_go_on(tenant: Tenant, state: str, step: str) -> None:
    (posting,) = opened(tenant, "a")
    Posting.objects.filter(pk=posting.pk).update(state=state, lease_owner="w2", lease_until=LATER)
    posting.refresh_from_db()
    with pytest.raises(LostLeaseError):
        STEPS[step](posting)  # as w1
    row = fresh(posting)
    assert (row.state, row.lease_owner, row.hold_reason) == (state, "w2", "")


def test_the_change_and_its_entry_are_one(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    (posting,) = claimed(tenant, "a")

    def broken(*_: Any) -> int:
        raise IntegrityError("no room for the trail")

    monkeypatch.setattr(log, "record_many", broken)
    with pytest.raises(IntegrityError):
        enter(posting)
    assert fresh(posting).state == State.IN_FLIGHT
