"""What may be done to a bill as it stands: every state, hold and action."""

from collections.abc import Mapping

import pytest
from django.utils import timezone

from audit.ledger.allowed import TABLE, Action, Status, allowed, settling, status_of, why_not
from audit.ledger.models import Posting
from connector.domain.errors import Reason

A, S = Action, Status
SUSPECT = {"twins": [{"company": "EPIC06", "vendor_num": 7, "invoice_num": "1"}]}
SAME = {"twins": [{**SUSPECT["twins"][0], "same_key": True}]}


def posting(one: Status, reason: str = "refused", detail: object = None) -> Posting:
    """One that stands so; where it is held, for this reason."""
    state = {
        S.LATER: "queued",
        S.HELD: "queued",
        S.DOUBTFUL: "in_doubt",
        S.DOUBTFUL_HELD: "in_doubt",
        S.THERE: "entered",
        S.THERE_HELD: "confirmed",
    }.get(one, one.value)
    held = one in (S.HELD, S.DOUBTFUL_HELD, S.THERE_HELD)
    return Posting(
        state=state,
        not_before=timezone.now() if one == S.LATER else None,
        hold_reason=reason if held else "",
        hold_detail=detail or {} if held else {},
    )


# The codes of what refuses, by action and standing; "" is allowed.
EXPECTED: Mapping[Action, Mapping[Status, str]] = {
    A.REPLAY: {
        S.QUEUED: "queued", S.LATER: "", S.HELD: "", S.IN_FLIGHT: "in_flight",
        S.DOUBTFUL: "doubtful", S.DOUBTFUL_HELD: "", S.THERE: "", S.THERE_HELD: "",
        S.REMOVED: "removed", S.DISMISSED: "dismissed",
    },
    A.DISMISS: {
        S.QUEUED: "", S.LATER: "", S.HELD: "", S.IN_FLIGHT: "in_flight",
        S.DOUBTFUL: "doubtful", S.DOUBTFUL_HELD: "doubtful", S.THERE: "there",
        S.THERE_HELD: "there", S.REMOVED: "removed", S.DISMISSED: "dismissed",
    },
    A.KEEP: {
        S.QUEUED: "not_there", S.LATER: "not_there", S.HELD: "not_there",
        S.IN_FLIGHT: "not_there", S.DOUBTFUL: "not_there", S.DOUBTFUL_HELD: "not_there",
        S.THERE: "not_held", S.THERE_HELD: "", S.REMOVED: "not_there", S.DISMISSED: "not_there",
    },
    A.REMOVE: {
        S.QUEUED: "queued", S.LATER: "queued", S.HELD: "queued", S.IN_FLIGHT: "in_flight",
        S.DOUBTFUL: "doubtful", S.DOUBTFUL_HELD: "doubtful", S.THERE: "", S.THERE_HELD: "",
        S.REMOVED: "removed", S.DISMISSED: "dismissed",
    },
    A.ENTER_AGAIN: {
        S.QUEUED: "queued", S.LATER: "queued", S.HELD: "queued", S.IN_FLIGHT: "in_flight",
        S.DOUBTFUL: "doubtful", S.DOUBTFUL_HELD: "doubtful", S.THERE: "", S.THERE_HELD: "",
        S.REMOVED: "", S.DISMISSED: "dismissed",
    },
    A.ADOPT: {
        S.QUEUED: "", S.LATER: "", S.HELD: "", S.IN_FLIGHT: "in_flight",
        S.DOUBTFUL: "doubtful", S.DOUBTFUL_HELD: "doubtful", S.THERE: "there",
        S.THERE_HELD: "there", S.REMOVED: "removed", S.DISMISSED: "dismissed",
    },
    A.NOT_DUPLICATE: {
        S.QUEUED: "not_suspected", S.LATER: "not_suspected", S.HELD: "not_suspected",
        S.IN_FLIGHT: "in_flight", S.DOUBTFUL: "doubtful", S.DOUBTFUL_HELD: "doubtful",
        S.THERE: "there", S.THERE_HELD: "there", S.REMOVED: "removed",
        S.DISMISSED: "dismissed",
    },
    A.RENUMBER: {
        S.QUEUED: "", S.LATER: "", S.HELD: "", S.IN_FLIGHT: "in_flight",
        S.DOUBTFUL: "doubtful", S.DOUBTFUL_HELD: "doubtful", S.THERE: "there",
        S.THERE_HELD: "there", S.REMOVED: "removed", S.DISMISSED: "dismissed",
    },
    A.GO_ON: {
        S.QUEUED: "", S.LATER: "", S.HELD: "", S.IN_FLIGHT: "in_flight",
        S.DOUBTFUL: "doubtful", S.DOUBTFUL_HELD: "doubtful", S.THERE: "", S.THERE_HELD: "",
        S.REMOVED: "removed", S.DISMISSED: "dismissed",
    },
    A.TRIAGE: {
        S.QUEUED: "not_held", S.LATER: "not_held", S.HELD: "", S.IN_FLIGHT: "not_held",
        S.DOUBTFUL: "not_held", S.DOUBTFUL_HELD: "", S.THERE: "not_held", S.THERE_HELD: "",
        S.REMOVED: "not_held", S.DISMISSED: "not_held",
    },
}  # fmt: skip


def code(one: Posting, action: Action) -> str:
    refusal = allowed(one, action)
    return "" if refusal is None else refusal.code


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("one", Status)
def test_allowed_refuses_by_state_and_hold(one: Status, action: Action) -> None:
    bill = posting(one)
    assert status_of(bill) == one
    assert code(bill, action) == EXPECTED[action][one]
    assert bool(why_not(bill, action)) is bool(EXPECTED[action][one])


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("one", [S.HELD, S.DOUBTFUL_HELD, S.THERE_HELD])
def test_allowed_asks_for_the_reason_only_where_something_is_kept(
    one: Status, action: Action, reason: Reason
) -> None:
    unknown = {Reason.IN_DOUBT, Reason.DUPLICATE_SUSPECTED, Reason.UNAVAILABLE, Reason.BUG}
    kept = action == A.KEEP and one == S.THERE_HELD and reason in unknown
    expected = "unknown" if kept else EXPECTED[action][one]
    assert code(posting(one, reason), action) == expected


@pytest.mark.parametrize(
    ("bill", "action", "expected"),
    [
        (posting(S.THERE_HELD, "mismatch", {"gone": True}), A.KEEP, "gone"),
        (posting(S.THERE_HELD, "mismatch"), A.KEEP, ""),
        (posting(S.HELD, "duplicate_suspected", SUSPECT), A.NOT_DUPLICATE, ""),
        (posting(S.HELD, "duplicate_suspected", SAME), A.NOT_DUPLICATE, "same_number"),
        (posting(S.HELD, "refused", SUSPECT), A.NOT_DUPLICATE, "not_suspected"),
        (Posting(state="queued", lease_owner="w1"), A.RENUMBER, "leased"),
        (Posting(state="in_flight", hold_reason="refused"), A.TRIAGE, ""),
    ],
)
def test_allowed_asks_for_what_the_hold_names(bill: Posting, action: Action, expected: str) -> None:
    assert code(bill, action) == expected


def test_what_is_in_epicor_is_kept_and_all_else_dismissed() -> None:
    assert {one: settling(posting(one)) for one in Status} == {
        one: A.KEEP if one in (S.THERE, S.THERE_HELD) else A.DISMISS for one in Status
    }


def test_every_sentence_goes_on_after_the_name_of_a_bill() -> None:
    for row in TABLE.values():
        for refusal in row.values():
            assert refusal.sentence[0].islower()
            assert not refusal.sentence.endswith(".")
