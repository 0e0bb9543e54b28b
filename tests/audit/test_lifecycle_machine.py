"""Random walks of several workers and people over some postings: only legal steps ever happen."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from audit.ledger import invoice_number, lifecycle
from audit.ledger.lifecycle import LostLeaseError
from audit.ledger.models import Blocker, Posting
from audit.trail import log
from audit.trail.models import AuditEntry
from audit.trail.verification import verify
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.domain.errors import Hold, Reason
from tests.audit.build import enter, make_tenant, seed, unmapped

START = datetime.fromisoformat("2099-01-01T00:00:00+00:00")  # after any "now" of the code
WORKERS = st.sampled_from(["w1", "w2"])
BILLS = ["a", "b"]
TOLD = ("state", "hold_reason", "hold_message", "twins_cleared", "entered_as", "entered_hash")
TOLD += ("given_num",)
PICK = st.integers(0, 3)  # 0 is what was claimed last
EDGES = {
    "queued": {"in_flight", "dismissed"},
    "in_flight": {"queued", "in_doubt", "entered"},
    "in_doubt": {"queued", "entered"},
    "entered": {"confirmed", "removed"},
    "confirmed": {"removed"},
    "removed": {"queued"},
    "dismissed": set(),
}


class PostingLife(RuleBasedStateMachine):
    """Workers keep what they claimed even after they lost it, as a paused process would."""

    @initialize()
    def open_bills(self) -> None:
        self.tenant = make_tenant(uuid4().hex)
        self.now = START
        self.handles: list[tuple[str, Posting]] = []  # newest first, also those long lost
        self.screens: dict[str, Posting] = {}  # what a person looks at, perhaps for a while
        lifecycle.open_many(self.tenant.pk, [seed(bill_id) for bill_id in BILLS])
        self.entries = AuditEntry.objects.filter(tenant=self.tenant)
        self.before, self.told = self.look(), self.tell()

    def tell(self) -> Counter[str]:
        """How much is on the record about each bill."""
        return Counter(self.entries.values_list("subject_id", flat=True))

    def look(self) -> dict[str, Posting]:
        return {row.bill_id: row for row in Posting.objects.filter(tenant=self.tenant)}

    def take(self, claim: Callable[..., list[Posting]], worker: str, limit: int) -> None:
        leased = {
            row.bill_id
            for row in self.look().values()
            if row.lease_until is not None and row.lease_until >= self.now
        }
        got = claim(self.tenant.pk, owner=worker, limit=limit, lease_s=60, now=self.now)
        assert leased.isdisjoint(posting.bill_id for posting in got)
        for posting in got:
            assert posting.not_before is None or posting.not_before <= self.now
            # What is in doubt is looked up, and what is entered verified, while it is held.
            assert posting.state != "in_flight" or not posting.hold_reason
        assert len(got) <= limit
        self.handles = [(worker, posting) for posting in got] + self.handles

    def with_one(self, pick: int, step: Callable[[Posting, str], Any]) -> None:
        """A step by a worker; it can only work while the worker has the lease."""
        if not self.handles:
            return
        worker, posting = self.handles[pick % len(self.handles)]
        row = self.look()[posting.bill_id]
        try:
            step(posting, worker)
        except LostLeaseError:
            after = self.look()[posting.bill_id]
            assert (after.state, after.updated_at) == (row.state, row.updated_at)
        else:
            untouched = self.look()[posting.bill_id].updated_at == row.updated_at
            assert row.lease_owner == worker or self.is_unclaimed(row) or untouched

    @staticmethod
    def is_unclaimed(row: Posting) -> bool:
        return row.state != "in_flight" and row.lease_owner == ""

    @rule(worker=WORKERS, limit=st.integers(1, 2))
    def claim(self, worker: str, limit: int) -> None:
        self.take(lifecycle.claim, worker, limit)

    @rule(worker=WORKERS)
    def claim_doubtful(self, worker: str) -> None:
        self.take(lifecycle.claim_doubtful, worker, 2)

    @rule(worker=WORKERS)
    def claim_rechecks(self, worker: str) -> None:
        self.take(lifecycle.claim_rechecks, worker, 2)

    @rule(bill_id=st.sampled_from(BILLS), worker=WORKERS)
    def take_for_a_person(self, bill_id: str, worker: str) -> None:
        posting = self.look()[bill_id]
        free = posting.lease_until is None or posting.lease_until < self.now
        ended = posting.state in {"in_flight", "removed", "dismissed"}
        until = self.now + timedelta(seconds=60)
        try:
            lifecycle.take(posting, owner=worker, until=until, now=self.now)
        except LostLeaseError:
            assert ended or not free
        else:
            assert free
            assert not ended
            self.handles = [(worker, posting), *self.handles]

    @rule(bill_id=st.sampled_from(BILLS), worker=WORKERS)
    def enter_at_once(self, bill_id: str, worker: str) -> None:
        """A short cut, so that walks get past entering more often."""
        self.take_for_a_person(bill_id, worker)
        self.only_legal_steps_and_each_on_the_record()
        if self.handles and self.handles[0][1].bill_id == bill_id:
            self.with_one(0, enter)

    @rule(pick=PICK, seconds=st.sampled_from([1, 60]))
    def extend(self, pick: int, seconds: int) -> None:
        until = self.now + timedelta(seconds=seconds)
        self.with_one(pick, lambda p, w: lifecycle.extend_lease([p], owner=w, until=until))

    @rule(pick=PICK, wait=st.booleans(), failed=st.booleans())
    def postpone(self, pick: int, wait: bool, failed: bool) -> None:
        moment = self.now + timedelta(seconds=90) if wait else None
        self.with_one(
            pick, lambda p, w: lifecycle.postpone([p], owner=w, not_before=moment, failed=failed)
        )

    @rule(pick=PICK)
    def remove_under_a_lease(self, pick: int) -> None:
        self.with_one(
            pick, lambda p, w: lifecycle.mark_removed(p, actor="Ann", reason="Twice.", owner=w)
        )

    @rule(pick=PICK, wait=st.booleans())
    def release(self, pick: int, wait: bool) -> None:
        moment = self.now + timedelta(seconds=90) if wait else None
        self.with_one(pick, lambda p, w: lifecycle.release(p, owner=w, not_before=moment))

    @rule(pick=PICK, gaps=st.booleans())
    def hold(self, pick: int, gaps: bool) -> None:
        why = unmapped() if gaps else Hold(Reason.REFUSED, "Epicor said no.")
        self.with_one(pick, lambda p, w: lifecycle.hold(p, why, owner=w))

    @rule(pick=PICK)
    def send_and_hear_nothing(self, pick: int) -> None:
        if self.handles:
            bill_id = self.handles[pick % len(self.handles)][1].bill_id
            attempts.begin(self.tenant.pk, "posting", bill_id, "enter_invoice", request={})

    @rule(pick=PICK)
    def doubt(self, pick: int) -> None:
        self.with_one(
            pick,
            lambda p, w: lifecycle.mark_in_doubt(p, owner=w, message="?", not_before=self.now),
        )

    @rule(pick=PICK)
    def settle(self, pick: int) -> None:
        self.with_one(pick, lambda p, w: lifecycle.settle_not_there(p, owner=w))

    @rule(pick=PICK)
    def enter(self, pick: int) -> None:
        self.with_one(pick, enter)

    @rule(pick=PICK)
    def recheck(self, pick: int) -> None:
        self.with_one(
            pick,
            lambda p, w: lifecycle.mark_rechecked(
                p, owner=w, sys_rev_id=1, entered_hash="h", body={}
            ),
        )

    @rule(bill_id=st.sampled_from(BILLS))
    def confirm(self, bill_id: str) -> None:
        lifecycle.mark_confirmed_many([self.look()[bill_id]], body={})

    @rule(bill_id=st.sampled_from(BILLS), person=st.sampled_from(["replay", "ask", "changed"]))
    def again(self, bill_id: str, person: str) -> None:
        posting = self.look()[bill_id]
        if person == "replay":
            lifecycle.replay([posting], actor="Ann")
        elif person == "ask":
            lifecycle.request_recheck([posting], message="Look again.")
        else:
            lifecycle.requeue_changed([posting])

    @rule(bill_id=st.sampled_from(BILLS), remove=st.booleans())
    def finish(self, bill_id: str, remove: bool) -> None:
        posting = self.look()[bill_id]
        step = lifecycle.mark_removed if remove else lifecycle.dismiss
        wanted = {"entered", "confirmed"} if remove else {"queued"}
        try:
            step(posting, actor="Ann", reason="By hand.")
            assert posting.state in {"removed", "dismissed"}
            assert self.before[bill_id].state in wanted
        except LostLeaseError:
            assert posting.state not in wanted or posting.lease_owner

    @rule(bill_id=st.sampled_from(BILLS))
    def enter_again(self, bill_id: str) -> None:
        self.as_a_person(
            bill_id,
            lambda p: lifecycle.enter_again(p, actor="Ann", reason="Once more."),
            lambda row: row.state == "removed",
        )

    @rule(bill_id=st.sampled_from(BILLS), number=st.sampled_from(["1", "2"]))
    def clear_duplicates(self, bill_id: str, number: str) -> None:
        self.as_a_person(
            bill_id,
            lambda p: lifecycle.clear_duplicates(
                p, [("EPIC06", 7, number)], actor="Ann", reason="No."
            ),
            lambda row: row.state == "queued",
        )
        assert all(len(key) == 3 for key in self.look()[bill_id].twins_cleared)

    @rule(bill_id=st.sampled_from(BILLS), number=st.sampled_from(["N-1", "N-2", ""]))
    def give_a_number(self, bill_id: str, number: str) -> None:
        row = self.look()[bill_id]
        try:
            if number:
                invoice_number.give(self.look()[bill_id], number, actor="Ann", reason="Taken.")
            else:
                invoice_number.take_back(self.look()[bill_id], actor="Ann", reason="Free again.")
        except (invoice_number.NumberError, invoice_number.NotNowError):
            assert self.look()[bill_id].updated_at == row.updated_at
            return
        # Only a bill that waits, and of which nothing can be under way.
        assert row.state == "queued"
        assert not row.lease_owner
        sent = Attempt.objects.filter(attempts.OPEN, tenant=self.tenant, subject_id=bill_id)
        assert not sent.exists()
        assert self.look()[bill_id].given_num == number
        assert not self.look()[bill_id].hold_reason
        others = [one for one in self.look().values() if one.bill_id != bill_id]
        waiting = [one for one in others if one.state in {"queued", "in_flight", "in_doubt"}]
        assert not number or all(one.given_num != number for one in waiting)

    @rule(bill_id=st.sampled_from(BILLS))
    def read_the_screen(self, bill_id: str) -> None:
        self.screens[bill_id] = self.look()[bill_id]

    @rule(bill_id=st.sampled_from(BILLS))
    def keep_what_the_screen_showed(self, bill_id: str) -> None:
        screen = self.screens.pop(bill_id, None) or self.look()[bill_id]
        hold = (screen.hold_reason, screen.hold_version)
        self.as_a_person(
            bill_id,
            lambda _: lifecycle.keep(screen, actor="Ann", reason="It is right."),
            lambda row: (
                row.state in {"entered", "confirmed"}
                and not row.lease_owner
                and bool(row.hold_reason)
                and (row.hold_reason, row.hold_version) == hold
            ),
        )

    def as_a_person(
        self, bill_id: str, step: Callable[[Posting], None], may: Callable[[Posting], bool]
    ) -> None:
        """A step that works exactly when the row allows it, and otherwise changes nothing."""
        row = self.look()[bill_id]
        try:
            step(self.look()[bill_id])
        except LostLeaseError:
            assert not may(row)
            assert self.look()[bill_id].updated_at == row.updated_at
        else:
            assert may(row)

    @rule(seconds=st.sampled_from([1, 61]))
    def time_passes_and_the_dead_are_reaped(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        lifecycle.reap(self.tenant.pk, self.now)
        doubtful = Attempt.objects.filter(attempts.OPEN, tenant=self.tenant)
        sent = set(doubtful.values_list("subject_id", flat=True))
        for bill_id, row in self.look().items():
            if self.before[bill_id].state == "in_flight" and row.state != "in_flight":
                assert row.state == ("in_doubt" if bill_id in sent else "queued")
            assert row.lease_until is None or row.lease_until >= self.now

    @invariant()
    def only_legal_steps_and_each_on_the_record(self) -> None:
        rows, told = self.look(), self.tell()
        for bill_id, row in rows.items():
            old = self.before[bill_id]
            assert row.state == old.state or row.state in EDGES[old.state]
            if any(getattr(row, name) != getattr(old, name) for name in TOLD):
                # Being taken is no news; what comes of it is.
                assert told[bill_id] > self.told[bill_id] or row.state == "in_flight"
            if old.lease_until is not None and old.lease_until >= self.now:
                assert row.lease_owner in {"", old.lease_owner}
        self.before, self.told = rows, told

    @invariant()
    def a_row_never_contradicts_itself(self) -> None:
        for row in self.look().values():
            assert bool(row.lease_owner) == (row.lease_until is not None)
            assert row.state != "in_flight" or row.lease_owner
            assert row.state not in {"queued", "removed", "dismissed"} or not row.lease_owner
            assert row.state not in {"removed", "dismissed"} or not row.hold_reason
            assert bool(row.hold_reason) == (row.hold_opened_at is not None)
            assert bool(row.entered_at) == (row.state in {"entered", "confirmed", "removed"})
            assert bool(row.entered_at) == bool(row.entered_as)
            assert bool(row.confirmed_at) <= bool(row.entered_at)
            assert row.look_ups == 0 or row.state == "in_doubt"

    @invariant()
    def blockers_belong_to_open_holds(self) -> None:
        loose = Blocker.objects.filter(posting__tenant=self.tenant)
        assert not loose.exclude(posting__hold_reason="vendor_unmapped").exists()

    def teardown(self) -> None:
        if hasattr(self, "tenant"):
            assert log.seal(self.tenant.pk) == self.entries.count()
            assert verify(self.tenant.pk).ok


@pytest.mark.django_db
def test_random_walks_stay_legal() -> None:
    run_state_machine_as_test(
        PostingLife,
        settings=settings(
            max_examples=60,
            phases=[Phase.generate],  # making a failing walk shorter would take minutes
            stateful_step_count=40,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
