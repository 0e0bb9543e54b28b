"""A bill as it was, rebuilt from the trail: after every step of random lives it equals the row."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from audit.ledger import invoice_number, lifecycle
from audit.ledger.models import Posting
from audit.trail import as_of
from audit.trail.as_of import Then, rebuild
from audit.trail.models import AuditEntry
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.domain.errors import Hold, Reason
from connector.tenants.models import Tenant
from tests.audit.build import MUCH_LATER, claimed, enter, make_tenant, opened, seed, unmapped
from tests.audit.test_lifecycle_machine import BILLS, PostingLife

COPIED = [
    "entity_id",
    "company",
    "vendor_ramp_id",
    "vendor_name",
    "vendor_num",
    "invoice_num",
    "given_num",
    "group_id",
    "amount",
    "currency",
    "issued_on",
    "due_on",
    "apply_on",
    "seen_hash",
]


def of_row(row: Posting) -> dict[str, Any]:
    """What the as-of view tells, from the row itself."""
    return {
        "state": "queued" if row.state == "in_flight" else row.state,
        "hold": (row.hold_reason, row.hold_message, row.hold_detail),
        "held": row.hold_opened_at is not None,
        "twins": (row.twins_cleared, row.bills_cleared),
        "entered": bool(row.entered_at) and row.state != "removed",
        "confirmed": bool(row.confirmed_at),
        **{name: getattr(row, name) for name in COPIED},
    }


def of_trail(then: Then) -> dict[str, Any]:
    return {
        "state": then.state,
        "hold": (then.hold_reason, then.hold_message, then.hold_detail),
        "held": then.held_since is not None,
        "twins": (then.twins_cleared, then.bills_cleared),
        "entered": bool(then.entered_at) and then.state != "removed",
        "confirmed": bool(then.confirmed_at),
        **then.values,
    }


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
            assert of_trail(rebuild(trail.order_by("at", "id"))) == of_row(row)


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

    changed = Hold(Reason.CHANGED, "The amount differs.", {"differences": [["amount", "1", "2"]]})
    person = {"actor": "ann", "reason": "So it is."}
    steps: list[Callable[[], Any]] = [
        lambda: lifecycle.hold(now(), unmapped()),
        lambda: lifecycle.update_values(tenant.pk, [seed("a", vendor_name="New", seen_hash="n")]),
        lambda: lifecycle.requeue_changed([now()]),
        lambda: lifecycle.mark_in_doubt(leased(), owner="w", message="?", not_before=None),
        lambda: lifecycle.settle_not_there(leased(lifecycle.claim_doubtful), owner="w"),
        lambda: lifecycle.hold(now(), Hold(Reason.DUPLICATE_SUSPECTED, "Twin?")),
        lambda: lifecycle.clear_twins(now(), [("EPIC06", 7, "1")], **person),
        lambda: lifecycle.hold(now(), Hold(Reason.DUPLICATE_SUSPECTED, "Taken.")),
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
        lambda: lifecycle.ask_recheck([now()], message="Look."),
        lambda: lifecycle.mark_confirmed_many([now()], body={}),
        lambda: lifecycle.mark_removed(now(), **person),
        lambda: lifecycle.enter_again(now(), **person),
        lambda: lifecycle.dismiss(now(), **person),
    ]
    for number, step in enumerate(steps):
        step()
        assert of_trail(rebuild(trail(tenant))) == of_row(now()), f"step {number}"
    told = {entry.action for entry in trail(tenant)}
    assert set(as_of._STEPS) - told == set(), "a step that this life does not take"


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
    assert (before.hold_reason, before.values["amount"]) == ("vendor_unmapped", Decimal("120.50"))
    assert (after.hold_reason, after.values["amount"]) == ("", Decimal("99.00"))


def test_while_something_was_being_sent_it_says_so(tenant: Tenant) -> None:
    (posting,) = claimed(tenant, "a")
    attempt = attempts.begin(tenant.pk, "posting", "a", "enter_invoice", request={})
    assert list(rebuild(trail(tenant)).sending.values()) == ["enter_invoice"]
    attempts.finish(attempt, attempt.Outcome.DONE)
    enter(posting)
    then = rebuild(trail(tenant))
    assert (then.state, then.sending, then.values["group_id"]) == ("entered", {}, "R261102A")


class Made:
    """An entry as an older release, or nobody, would have written it."""

    def __init__(self, action: str, body: Any) -> None:
        self.at, self.action, self.body = datetime(2026, 11, 1, tzinfo=UTC), action, body


def test_what_an_older_entry_does_not_tell_is_not_invented() -> None:
    then = rebuild([Made("posting.opened", {"seen_hash": "x", "number": "INV-1"})])
    assert then.known
    assert "amount" not in then.values


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(["changes", "amount", "due_on", "keys", "to", "attempt", "reason", "detail"])
BODIES = JSON | st.dictionaries(KEYS, JSON, max_size=4)


@given(st.lists(st.tuples(st.sampled_from(sorted(as_of._STEPS)), BODIES), max_size=6))
def test_no_body_breaks_it(steps: list[tuple[str, Any]]) -> None:
    rebuild(Made(action, body) for action, body in steps)


def test_bodies_that_retention_dropped_leave_the_states(tenant: Tenant) -> None:
    (posting,) = claimed(tenant, "a")
    enter(posting)
    AuditEntry.objects.update(body={"dropped": True})
    then = rebuild(trail(tenant))
    assert then.state == "entered"
    assert then.entered_at is not None
    assert then.entered_at - trail(tenant)[-1].at == timedelta(0)
