"""A bill as it was, rebuilt from the trail: after every step of random lives it equals the row."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from audit import transitions
from audit.ledger import invoice_number, lifecycle, triage
from audit.ledger.models import Posting
from audit.trail import events
from audit.trail.as_of import fold, pairs, rebuild
from audit.trail.differences import changed
from audit.trail.models import AuditEntry
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.domain.difference import Difference, stored
from connector.domain.errors import Hold, Reason
from connector.tenants.models import Tenant
from tests.audit.build import MUCH_LATER, claimed, enter, make_tenant, opened, seed, unmapped
from tests.audit.test_lifecycle_machine import BILLS, PostingLife

TOLD = [f.attname for f in Posting._meta.concrete_fields if f.attname not in transitions.UNTOLD]
TOLD = [name for name in TOLD if name not in ("id", "tenant_id", "bill_id")]


def of_row(row: Posting) -> dict[str, Any]:
    """Every column that belongs on the record, as the trail writes it."""
    written = transitions.changes_of(Posting(state=""), {n: getattr(row, n) for n in TOLD})
    return {name: pair[1] for name, pair in written.items()}


def of_trail(entries: Iterable[AuditEntry]) -> dict[str, Any]:
    """The same from the trail; a column that has its default is left out, as above."""
    then = {"state": "queued", **fold(entries)}
    return {name: value for name, value in then.items() if value not in ("", None, [], {})}


class RebuiltLife(PostingLife):
    """The same random lives, with bills that change in Ramp; each step is one more prefix."""

    @rule(
        bill_id=st.sampled_from(BILLS),
        amount=st.sampled_from([None, "120.50", "-3.1"]),
        name=st.sampled_from(["Nordwind Paper", "Nordwind <b>"]),
        due=st.sampled_from([None, date(2026, 12, 24)]),
    )
    def change_in_ramp(self, bill_id: str, amount: str | None, name: str, due: date | None) -> None:
        values = {"amount": None if amount is None else Decimal(amount), "vendor_name": name}
        new = seed(bill_id, due_on=due, seen_hash=f"{amount}{name}"[:64], **values)
        lifecycle.update_values(self.tenant.pk, [new])

    @invariant()
    def the_trail_tells_what_the_row_has(self) -> None:
        for bill_id, row in self.look().items():
            trail = self.entries.filter(subject_kind="posting", subject_id=bill_id)
            entries = list(trail.order_by("at", "id"))
            assert of_trail(entries) == of_row(row)
            assert rebuild(entries).hold_message == row.hold_message


@pytest.mark.django_db
def test_after_every_step_of_random_lives_the_trail_tells_what_the_row_has() -> None:
    run_state_machine_as_test(
        RebuiltLife,
        settings=settings(
            max_examples=40,
            phases=[Phase.generate],
            stateful_step_count=40,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def tenant(db: None) -> Tenant:
    return make_tenant()


def test_one_life_with_every_step_is_told_right_after_each(tenant: Tenant) -> None:
    (row,) = opened(tenant, "a")
    attempt: list[Attempt] = []
    hours = (MUCH_LATER + timedelta(hours=number) for number in range(100))

    def now() -> Posting:
        return Posting.objects.get(pk=row.pk)

    def leased(claim: Callable[..., list[Posting]] = lifecycle.claim) -> Posting:
        (posting,) = claim(tenant.pk, owner="w", limit=1, lease_s=60, now=next(hours))
        return posting

    def again() -> Posting:
        lifecycle.take(now(), owner="w", until=MUCH_LATER, now=next(hours))
        return now()

    def begin() -> None:
        attempt.append(attempts.begin(tenant.pk, "posting", "a", "enter_invoice", request={}))

    changed = Hold(
        Reason.CHANGED,
        "The amount differs.",
        {"differences": stored([Difference("total", "2", "1")])},
    )
    person = {"actor": "ann", "reason": "So it is."}
    steps: list[Callable[[], Any]] = [
        lambda: lifecycle.hold(now(), unmapped()),
        lambda: lifecycle.update_values(tenant.pk, [seed("a", vendor_name="New", seen_hash="n")]),
        lambda: lifecycle.requeue_changed([now()]),
        lambda: lifecycle.mark_in_doubt(leased(), owner="w", message="?", not_before=None),
        lambda: lifecycle.settle_not_there(leased(lifecycle.claim_doubtful), owner="w"),
        lambda: lifecycle.hold(now(), Hold(Reason.DUPLICATE_SUSPECTED, "Twin?")),
        lambda: lifecycle.clear_duplicates(now(), [("EPIC06", 7, "1")], **person),
        lambda: lifecycle.hold(now(), Hold(Reason.DUPLICATE_SUSPECTED, "Taken.")),
        lambda: triage.assign([now()], "bob", actor="ann"),
        lambda: triage.snooze([now()], MUCH_LATER, actor="ann"),
        lambda: triage.snooze([now()], None, actor="ann"),
        lambda: invoice_number.give(now(), "OTHER-1", **person),
        lambda: lifecycle.release(leased(), owner="w", message="Not now."),
        lambda: lifecycle.hold(now(), unmapped()),
        lambda: lifecycle.replay([now()], actor="ann"),
        lambda: (leased(), begin()),
        lambda: lifecycle.reap(tenant.pk, next(hours)),
        lambda: attempts.finish(attempt[0], Attempt.Outcome.UNKNOWN, message="No answer."),
        lambda: attempts.resolve(attempt),
        lambda: enter(leased(lifecycle.claim_doubtful), "w"),
        lambda: lifecycle.hold(now(), changed),
        lambda: lifecycle.replay([now()], actor="ann"),
        lambda: lifecycle.postpone([again()], owner="w", not_before=None),
        lambda: lifecycle.mark_rechecked(
            again(), owner="w", sys_rev_id=1, entered_hash="h", body={}, apply_on=date(2026, 1, 1)
        ),
        lambda: lifecycle.hold(now(), changed),
        lambda: lifecycle.keep(now(), **person),
        lambda: lifecycle.request_recheck([now()], message="Look."),
        lambda: lifecycle.mark_confirmed_many([now()], body={}),
        lambda: lifecycle.mark_removed(now(), **person),
        lambda: lifecycle.enter_again(now(), **person),
        lambda: lifecycle.dismiss(now(), **person),
    ]
    for number, step in enumerate(steps):
        step()
        entries = trail(tenant)
        assert of_trail(entries) == of_row(now()), f"step {number}"
        assert rebuild(entries).hold_message == now().hold_message
    assert every_step() - {entry.action for entry in entries} == set(), "a step not taken here"
    assert each_begins_where_the_last_ended(entries)


def every_step() -> set[str]:
    """The actions of the trail that change a posting."""
    no_change = {"posting.postponed", "posting.noted", "posting.looked_at"}
    return {name for name in events.ACTIONS if name.startswith("posting.")} - no_change


def each_begins_where_the_last_ended(entries: list[AuditEntry]) -> bool:
    values: dict[str, Any] = {}
    for entry in entries:
        for name, (before, after) in pairs(entry.changes):
            assert values.get(name, transitions._plain(name, getattr(Posting(), name))) == before
            values[name] = after
    return True


def trail(tenant: Tenant, bill_id: str = "a") -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(tenant=tenant, subject_id=bill_id).order_by("at", "id"))


def test_nothing_is_known_before_the_bill_was_seen() -> None:
    assert not rebuild([]).known


def test_an_earlier_moment_shows_what_was_known_then(tenant: Tenant) -> None:
    (posting,) = opened(tenant, "a")
    lifecycle.hold(posting, unmapped())
    new = seed("a", amount=Decimal("99.00"))
    lifecycle.update_values(tenant.pk, [new])
    lifecycle.replay(list(Posting.objects.all()), actor="ann")
    entries = trail(tenant)
    before, after = rebuild(entries[:2]), rebuild(entries)
    assert (before.hold_reason, before.values["amount"]) == ("vendor_unmapped", "120.50")
    assert (after.hold_reason, after.values["amount"]) == ("", "99")


def test_while_something_was_being_sent_it_says_so(tenant: Tenant) -> None:
    (posting,) = claimed(tenant, "a")
    attempt = attempts.begin(tenant.pk, "posting", "a", "enter_invoice", request={})
    assert list(rebuild(trail(tenant)).sending.values()) == ["enter_invoice"]
    attempts.finish(attempt, attempt.Outcome.DONE)
    enter(posting)
    then = rebuild(trail(tenant))
    assert (then.state, then.sending, then.values["group_id"]) == ("entered", {}, "R261102A")


class Made:
    """An entry as nobody would write it."""

    def __init__(self, action: str, body: Any, changes: Any) -> None:
        self.action, self.body, self.changes = action, body, changes


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(["amount", "due_on", "state", "hold_opened_at", "attempt", "reason"])
BODIES = JSON | st.dictionaries(KEYS, JSON, max_size=4)
CHANGES = BODIES | st.dictionaries(KEYS, st.lists(JSON, min_size=2, max_size=2), max_size=4)


@given(st.lists(st.tuples(st.sampled_from(sorted(events.ACTIONS)), BODIES, CHANGES), max_size=6))
def test_no_body_and_no_changes_break_it(steps: list[tuple[str, Any, Any]]) -> None:
    then = rebuild(Made(*step) for step in steps)
    assert isinstance(then.held_since, datetime | None)
    for step in steps:
        changed(step[2])


def test_a_body_that_retention_dropped_leaves_what_it_changed(tenant: Tenant) -> None:
    (posting,) = claimed(tenant, "a")
    enter(posting)
    AuditEntry.objects.update(body={"dropped": True})
    then = rebuild(trail(tenant))
    assert (then.state, then.values["company"]) == ("entered", "EPIC06")


def test_secrets_and_what_only_workers_need_are_never_in_changes(tenant: Tenant) -> None:
    (posting,) = claimed(tenant, "a")
    enter(posting)
    named = {name for entry in trail(tenant) for name, _ in pairs(entry.changes)}
    assert "state" in named
    assert named & transitions.UNTOLD == set()
    assert {field.attname for field in Posting._meta.concrete_fields} >= transitions.UNTOLD
    encrypted = [f for f in Posting._meta.concrete_fields if "Encrypted" in type(f).__name__]
    assert encrypted == []


def test_a_step_that_was_too_late_leaves_neither_a_value_nor_an_entry(tenant: Tenant) -> None:
    (posting,) = opened(tenant, "a")
    stale = Posting.objects.get(pk=posting.pk)
    lifecycle.dismiss(posting, actor="ann", reason="So it is.")
    before = trail(tenant)
    with pytest.raises(lifecycle.LostLeaseError):
        lifecycle.hold(stale, unmapped())
    assert trail(tenant) == before
    assert (stale.hold_reason, Posting.objects.get(pk=posting.pk).hold_reason) == ("", "")


def test_what_was_before_is_what_the_row_had_not_what_the_worker_thought(tenant: Tenant) -> None:
    (posting,) = opened(tenant, "a")
    stale = Posting.objects.get(pk=posting.pk)
    lifecycle.hold(posting, unmapped())
    lifecycle.dismiss(stale, actor="ann", reason="So it is.")
    assert trail(tenant)[-1].changes["hold_reason"] == ["vendor_unmapped", ""]
