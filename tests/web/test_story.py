"""What happened to a bill: one timeline, nothing lost between its pages, and the holds so far."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.tenants.models import Tenant
from connector.web.bills import timeline

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def entry(tenant: Tenant, action: str, at: datetime, **body: Any) -> AuditEntry:
    return AuditEntry.objects.create(
        tenant=tenant,
        at=at,
        action=action,
        subject_kind="posting",
        subject_id="b",
        actor=body.pop("actor", "system"),
        body=body,
        body_digest="x",
    )


def attempt(tenant: Tenant, at: datetime, **values: Any) -> Attempt:
    return Attempt.objects.create(
        tenant=tenant,
        subject_kind="posting",
        subject_id="b",
        action="enter_invoice",
        request_hash="x",
        started_at=at,
        **values,
    )


def test_entries_and_attempts_are_one_story_newest_first(tenant: Tenant) -> None:
    entry(tenant, "posting.opened", NOON)
    attempt(tenant, NOON + timedelta(minutes=2), outcome="refused", message="No.")
    entry(tenant, "attempt.begun", NOON + timedelta(minutes=2))  # the attempt says it
    entry(tenant, "posting.held", NOON + timedelta(minutes=3), reason="refused", message="Why.")
    entry(tenant, "posting.noted", NOON + timedelta(minutes=1), text="Called.", actor="ann")
    found = timeline.events_of(tenant.pk, "b")
    assert [(event.action, event.text) for event in found.events] == [
        ("posting.held", "Why."),
        ("enter_invoice", "No."),
        ("posting.noted", "Called."),
        ("posting.opened", ""),
    ]
    assert [event.is_note for event in found.events] == [False, False, True, False]
    assert found.older is None


@pytest.mark.parametrize("same", [1, 3])
def test_pages_of_the_story_lose_nothing(tenant: Tenant, same: int) -> None:
    """Also where several things happened at the very same moment."""
    for number in range(450):
        at = NOON + timedelta(microseconds=number // same)
        if number % 2:
            attempt(tenant, at)
        else:
            entry(tenant, "posting.rechecked", at)
    seen: list[str] = []
    before = None
    for _ in range(5):
        page = timeline.events_of(tenant.pk, "b", before=before)
        assert len(page.events) <= timeline.A_PAGE
        seen += [f"{event.attempt is None} {event.key}" for event in page.events]
        before = page.older
        if before is None:
            break
    assert before is None
    assert len(seen) == len(set(seen)) == 450


def test_two_hundred_and_one_events_are_two_pages(tenant: Tenant) -> None:
    for number in range(201):
        entry(tenant, "posting.rechecked", NOON + timedelta(seconds=number))
    page = timeline.events_of(tenant.pk, "b")
    assert len(page.events) == 200
    assert len(timeline.events_of(tenant.pk, "b", before=page.older).events) == 1


@pytest.mark.parametrize("text", [None, "", "x", "2026-02-30T00:00Z", "2026-11-24T12:00:00"])
def test_what_is_no_moment_is_none(text: str | None) -> None:
    assert timeline.moment(text) is None


def test_a_moment_survives_the_address(tenant: Tenant) -> None:
    at = NOON + timedelta(microseconds=1)
    assert timeline.moment(at.isoformat()) == at


def test_each_hold_says_what_ended_it(tenant: Tenant) -> None:
    minutes = [NOON + timedelta(minutes=number) for number in range(6)]
    entry(tenant, "posting.held", minutes[0], reason="vendor_unmapped", message="Map it.")
    entry(tenant, "posting.replayed", minutes[1], actor="ann")
    entry(tenant, "posting.held", minutes[2], reason="refused", message="No.")
    entry(tenant, "posting.held", minutes[3], reason="period_closed", message="Closed.")
    entry(tenant, "posting.entered", minutes[4])
    entry(tenant, "posting.held", minutes[5], reason="changed", message="Edited.")
    steps = timeline.milestones(tenant.pk, "b")
    found = [(h.reason, h.ended, h.ended_by, h.ended_actor) for h in timeline.holds(steps)]
    assert found == [
        ("changed", None, "", ""),
        ("period_closed", minutes[4], "posting.entered", "system"),
        ("refused", minutes[3], "posting.held", "system"),
        ("vendor_unmapped", minutes[1], "posting.replayed", "ann"),
    ]
    assert timeline.verified_at(steps) == minutes[4]
    assert timeline.verified_at([]) is None


def test_people_are_called_by_their_names(tenant: Tenant) -> None:
    User.objects.create_user("ann", first_name="Ann", last_name="Miller")
    User.objects.create_user("bob")
    assert timeline.names_of(["ann", "bob", "gone", "system", ""]) == {
        "ann": "Ann Miller (ann)",
        "bob": "bob",
        "gone": "gone",
        "system": "the connector",
    }


def test_texts_hide_what_looks_like_a_secret_and_details_say_more(tenant: Tenant) -> None:
    secret = "ramp_sec_VerySecret123"
    entry(tenant, "posting.held", NOON, message=f"Refused {secret} so", reason="refused")
    entry(tenant, "posting.replayed", NOON - timedelta(1), message="A person asked for it.")
    attempt(tenant, NOON - timedelta(2), message=f"Said {secret} so")
    found = timeline.events_of(tenant.pk, "b").events
    assert [event.text for event in found] == [
        "Refused [hidden] so",
        "A person asked for it.",
        "Said [hidden] so",
    ]
    assert [event.more for event in found] == [True, False, True]
    (hold,) = timeline.holds(timeline.milestones(tenant.pk, "b"))[:1]
    assert hold.message == "Refused [hidden] so"
