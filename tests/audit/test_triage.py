"""Who looks after a bill, until when it sleeps, and notes: conditional, and on the record."""

from datetime import UTC, datetime

import pytest

from audit.ledger import lifecycle, triage
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.tenants.models import Tenant
from tests.audit.build import actions, make_tenant, opened, unmapped

pytestmark = pytest.mark.django_db

FRIDAY = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def waiting(tenant: Tenant) -> list[Posting]:
    found = opened(tenant, "a", "b")
    for posting in found:
        lifecycle.hold(posting, unmapped())
    return found


def test_assigning_moves_what_is_not_theirs_yet_and_says_which(waiting: list[Posting]) -> None:
    a, b = waiting
    assert triage.assign([a], "ann", actor="bob") == [a.pk]
    assert triage.assign([a, b], "ann", actor="bob") == [b.pk]
    assert triage.assign([a, b], "ann", actor="bob") == []
    assert set(Posting.objects.values_list("assignee", flat=True)) == {"ann"}
    assert actions(a.tenant, "a").count("posting.assigned") == 1


def test_a_concurrent_triage_is_not_overwritten(waiting: list[Posting]) -> None:
    a, b = waiting
    Posting.objects.filter(pk=a.pk).update(assignee="eve", snoozed_until=FRIDAY)
    assert triage.assign([a, b], "ann", actor="bob") == [b.pk]
    assert triage.snooze([a, b], None, actor="bob") == []
    a.refresh_from_db()
    assert (a.assignee, a.snoozed_until) == ("eve", FRIDAY)


def test_what_does_not_wait_any_more_is_left_alone(waiting: list[Posting]) -> None:
    a, _ = waiting
    Posting.objects.filter(pk=a.pk).update(hold_reason="")
    assert triage.assign([a], "ann", actor="bob") == []
    assert triage.snooze([a], FRIDAY, actor="bob") == []


def test_snoozing_and_waking_are_told(waiting: list[Posting]) -> None:
    a, _ = waiting
    assert triage.snooze([a], FRIDAY, actor="ann") == [a.pk]
    assert triage.snooze([a], None, actor="ann") == [a.pk]
    assert actions(a.tenant, "a")[-2:] == ["posting.snoozed", "posting.woken"]
    entry = AuditEntry.objects.get(action="posting.snoozed")
    assert entry.changes == {"snoozed_until": [None, "2026-11-27T00:00:00+00:00"]}


@pytest.mark.parametrize(
    ("words", "said"), [("", "Write what"), (" \n", "Write"), ("x" * 2001, "2,000")]
)
def test_a_note_needs_words_and_not_too_many(waiting: list[Posting], words: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        triage.note(waiting, words, actor="ann")
    assert not AuditEntry.objects.filter(action="posting.noted").exists()


def test_the_newest_notes_come_first_by_bill(tenant: Tenant, waiting: list[Posting]) -> None:
    triage.note(waiting, " first ", actor="ann")
    triage.note(waiting[:1], "second\x00", actor="bob")
    found = triage.notes(tenant.pk, ["a", "b", "c"])
    assert [(n.actor, n.body["note"]) for n in found["a"]] == [
        ("bob", "second\ufffd"),
        ("ann", "first"),
    ]
    assert [n.body["note"] for n in found["b"]] == ["first"]
    assert "c" not in found
    assert triage.notes(make_tenant("other").pk, ["a"]) == {}


def test_what_a_person_has_in_view_has_a_mark_that_changes_with_it(
    waiting: list[Posting],
) -> None:
    a, _ = waiting
    mark = triage.seen(a)
    assert mark == triage.seen(Posting.objects.get(pk=a.pk))
    for name, value in {
        "state": "in_flight",
        "hold_reason": "refused",
        "hold_version": "x",
        "seen_hash": "x",
        "assignee": "ann",
        "snoozed_until": FRIDAY,
    }.items():
        other = Posting.objects.get(pk=a.pk)
        setattr(other, name, value)
        assert triage.seen(other) != mark
