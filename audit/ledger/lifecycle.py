"""The life of a posting: every legal step, and nothing else may change its state.

    queued -> in_flight -> entered -> confirmed          the good way
    in_flight -> queued                                  try again (not before ...)
    in_flight -> in_doubt -> entered | queued            perhaps applied: look up first
    entered | confirmed -> removed                       taken out of Epicor by a person
    removed -> queued                                    a person wants it entered anew
    queued -> dismissed                                  handled outside, with a reason
    removed | dismissed | held -> entered                it is there: our record was behind

A hold (why a person is needed) is separate from the state. Each step is an UPDATE that names the
state and the owner it expects, and writes its entry in the trail in the same transaction. When
the row moved on meanwhile, nothing changes and LostLeaseError says so.

Who works on a posting is in audit/ledger/leases.py, how a write ended in audit/ledger/outcomes.py;
this is where others find all the steps.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.canonical_json import plain
from audit.ledger import holds
from audit.ledger.allowed import not_to_be_kept
from audit.ledger.intake import PostingSeed, open_many, update_values
from audit.ledger.leases import (
    NO_LEASE,
    claim,
    claim_doubtful,
    claim_rechecks,
    extend_lease,
    keep_leases,
    postpone,
    reap,
    release,
    release_many,
    take,
)
from audit.ledger.models import IN_EPICOR, Posting
from audit.ledger.outcomes import (
    mark_confirmed_many,
    mark_entered,
    mark_found,
    mark_in_doubt,
    mark_rechecked,
    settle_not_there,
)
from audit.trail import log
from audit.transitions import LostLeaseError, change, change_some, entry, follow, locked, store
from audit.writes import attempts
from connector.domain.errors import Hold, Reason

__all__ = [
    "LostLeaseError",
    "PostingSeed",
    "claim",
    "claim_doubtful",
    "claim_rechecks",
    "clear_duplicates",
    "dismiss",
    "dismiss_as_same",
    "enter_again",
    "extend_lease",
    "hold",
    "hold_many",
    "keep",
    "keep_leases",
    "mark_confirmed_many",
    "mark_entered",
    "mark_found",
    "mark_in_doubt",
    "mark_rechecked",
    "mark_removed",
    "open_many",
    "postpone",
    "reap",
    "release",
    "release_many",
    "replay",
    "request_recheck",
    "requeue_changed",
    "settle_not_there",
    "take",
    "update_values",
]

State = Posting.State

LOOK_AGAIN = timedelta(hours=1)  # so often is looked up what is in doubt and held


def hold(posting: Posting, hold: Hold, *, owner: str = "") -> None:
    """Opens a hold: the posting waits for a person. In flight goes back to queued.

    In doubt, entered and confirmed keep their state. `owner` is the lease we have, "" for none.
    """
    hold_many([(posting, hold)], owner=owner)


def hold_many(pairs: Sequence[tuple[Posting, Hold]], *, owner: str = "") -> None:
    """`hold` for a whole slice in a constant number of queries. All or nothing.

    A hold that is already open on a posting nobody works on stays as it is. What is in doubt is
    looked up again within the hour, whatever a person does; that it is still held is no news then.
    """
    news = [(posting, hold) for posting, hold in pairs if not holds.is_open(posting, hold)]
    if not news:
        return
    postings = [posting for posting, _ in news]
    later = timezone.now() + LOOK_AGAIN
    ours = Q(state=State.IN_FLIGHT, lease_owner=owner) | Q(
        state__in=[State.QUEUED, State.IN_DOUBT, *IN_EPICOR], lease_owner__in=["", owner]
    )
    with transaction.atomic():
        rows = {row.pk: row for row in locked(postings, ours, "held")}
        values = {pk: _given_back(row, later) for pk, row in rows.items()}
        news = [
            (posting, hold)
            for posting, hold in news
            if posting.state != State.IN_DOUBT or not holds.has_hold(rows[posting.pk], hold)
        ]
        for posting, reason in news:
            values[posting.pk] |= holds.columns(rows[posting.pk], reason)
        store(
            [(row, values[pk]) for pk, row in rows.items()],
            [entry(posting, "posting.held", holds.trail_body(reason)) for posting, reason in news],
        )
        holds.replace(news)
    for posting in postings:
        follow(posting, values[posting.pk])


def _given_back(row: Posting, later: datetime) -> dict[str, Any]:
    state = State.QUEUED if row.state == State.IN_FLIGHT else row.state
    return {"state": state, "not_before": later if state == State.IN_DOUBT else None, **NO_LEASE}


def mark_removed(
    posting: Posting,
    *,
    actor: str,
    reason: str,
    owner: str = "",
    body: Mapping[str, Any] | None = None,
) -> None:
    """A person took the invoice out of Epicor: entered or confirmed -> removed.

    `owner` is the lease we have, "" for none. Nothing of it is in doubt any more.
    """
    ready = Q(state__in=IN_EPICOR, lease_owner=owner)
    with transaction.atomic():
        _finish(posting, ready, State.REMOVED, actor, reason, body or {})
        attempts.settle(
            posting.tenant_id, "posting", posting.bill_id, "The invoice is not in Epicor any more."
        )


def keep(posting: Posting, *, actor: str, reason: str) -> None:
    """A person accepts what is in Epicor as it is: the hold of something entered closes.

    What was accepted is remembered (the content of the bill that the hold was about, or the
    differences that it named), so that it is not raised again; what came later is. ValueError
    without a reason, and for what nobody can accept because nobody knows what it is, or because
    it is not there.
    """
    if not reason.strip():
        raise ValueError(f"Say why bill {posting.bill_id} stays as it is; nothing was changed.")
    if refusal := not_to_be_kept(posting):
        raise ValueError(f"Bill {posting.bill_id} cannot stay as it is: {refusal.sentence}.")
    differences = plain(posting.hold_detail.get("differences") or [])
    drifted = posting.hold_reason == Reason.MISMATCH  # it is Epicor that differs, not the bill
    seen = posting.hold_detail.get("content") or posting.seen_hash
    # Exactly the hold and the content that the person saw.
    ready = Q(state__in=IN_EPICOR, lease_owner="", seen_hash=posting.seen_hash)
    ready &= holds.as_seen(posting) & ~Q(hold_reason="")
    body = {"reason": reason.strip(), "message": posting.hold_message}
    with transaction.atomic():
        # What was verified may be newer than what is on the person's screen.
        row = Posting.objects.select_for_update().get(pk=posting.pk)
        pays = {
            name: posting.hold_detail[name] for name in [holds.PAYS] if name in posting.hold_detail
        }
        changes: dict[str, Any] = {"kept": {**row.kept, posting.hold_reason: differences, **pays}}
        if not drifted and row.not_before is None:
            changes["entered_hash"] = seen
        sentence = entry(posting, "posting.kept", body, actor)
        change([posting], ready, {**changes, **holds.NONE}, "kept as it is", [sentence])
        holds.clear([posting.pk])


def enter_again(posting: Posting, *, actor: str, reason: str) -> None:
    """A person wants a removed bill entered anew: removed -> queued, due now."""
    body = {"reason": reason.strip()}
    changes: dict[str, Any] = {
        "state": State.QUEUED,
        "company": "",
        "vendor_num": None,
        "group_id": "",
        "sys_rev_id": None,
        "entered_hash": "",
        "entered_as": {},
        "kept": {},
        "entered_at": None,
        "confirmed_at": None,
    }
    change(
        [posting],
        Q(state=State.REMOVED),
        {**changes, "not_before": None, "failed_attempts": 0, "look_ups": 0},
        "queued again",
        [entry(posting, "posting.enter_again", body, actor)],
    )


def clear_duplicates(
    posting: Posting,
    keys: Collection[tuple[str, int, str]],
    *,
    bills: Collection[str] = (),
    actor: str,
    reason: str,
) -> None:
    """A person said that these invoices, and these bills of ours, are different ones.

    They are never suspected again for this bill, which is tried anew.
    """
    known = {tuple(key) for key in posting.twins_cleared}
    cleared = [list(key) for key in sorted(known | set(keys))]
    cleared_bills = sorted({*posting.bills_cleared, *bills})
    answer = {"twins_cleared": cleared, "bills_cleared": cleared_bills, "not_before": None}
    with transaction.atomic():
        change(
            [posting],
            _as_seen(posting),
            {**answer, **holds.NONE},
            "marked as different",
            [entry(posting, "posting.twins_cleared", {"reason": reason.strip()}, actor)],
        )
        holds.clear([posting.pk])


def _as_seen(posting: Posting) -> Q:
    return Q(state=State.QUEUED, lease_owner="") & holds.as_seen(posting)


def dismiss_as_same(posting: Posting, other_id: str, *, actor: str, reason: str) -> None:
    """A person said that this is the invoice of another bill: queued -> dismissed.

    Raises ValueError with a sentence when the other bill is not on its way into Epicor either,
    and LostLeaseError when the hold is not the one that the person saw.
    """
    why = reason.strip() or f"It is the same invoice as bill {other_id}."
    with transaction.atomic():
        rows = Posting.objects.select_for_update()
        other = rows.filter(tenant_id=posting.tenant_id, bill_id=other_id).first()
        if other is None or other.state in (State.DISMISSED, State.REMOVED):
            raise ValueError(
                f"Bill {other_id} is not entered and will not be (it is dismissed, or was taken "
                f"out of Epicor), so bill {posting.bill_id} stays. Nothing was changed; replay it "
                "to have it entered."
            )
        body = {"same_as": other_id}
        _finish(posting, _as_seen(posting), State.DISMISSED, actor, why, body)


def dismiss(posting: Posting, *, actor: str, reason: str) -> None:
    """Handled outside, never entered: queued -> dismissed. ValueError without a reason."""
    _finish(posting, Q(state=State.QUEUED), State.DISMISSED, actor, reason, {})


def _finish(
    posting: Posting, ready: Q, state: State, actor: str, reason: str, body: Mapping[str, Any]
) -> None:
    if not reason.strip():
        raise ValueError(f"Say why bill {posting.bill_id} is {state}; nothing was changed.")
    sentence = entry(posting, f"posting.{state}", {"reason": reason.strip(), **body}, actor)
    changes = {"state": state, "not_before": None, **NO_LEASE, **holds.NONE}
    with transaction.atomic():
        change([posting], ready, changes, state, [sentence])
        holds.clear([posting.pk])


def replay(postings: Sequence[Posting], *, actor: str) -> int:
    """A person asks to try again now; says how many postings that moved.

    Queued or in doubt: the hold closes and it is due now. Entered or confirmed with a hold: it
    is only verified or converged again, and the hold stays until that succeeds.
    """
    now = timezone.now()
    waits = Q(state=State.QUEUED) & (~Q(hold_reason="") | Q(not_before__gt=now))
    waits |= Q(state=State.IN_DOUBT) & ~Q(hold_reason="")
    held = Q(state__in=IN_EPICOR) & ~Q(hold_reason="")
    with transaction.atomic():
        tried = _try_again(postings, waits, "posting.replayed", actor, now, {})
        flagged = change_some(postings, held, {"not_before": now}, "posting.replayed", actor, {})
    return tried + len(flagged)


def requeue_changed(postings: Sequence[Posting]) -> int:
    """The bills changed in Ramp while held: the holds close and they are tried again."""
    held = Q(state=State.QUEUED) & ~Q(hold_reason="")
    body = {"message": "Changed in Ramp, tried again."}
    now = timezone.now()
    return _try_again(postings, held, "posting.requeued", log.SYSTEM, now, body)


def request_recheck(postings: Sequence[Posting], *, message: str, actor: str = log.SYSTEM) -> int:
    """Flags entered or confirmed postings to be verified or converged again, now."""
    return _request_recheck(postings, {}, message, actor)


def request_recheck_for(posting: Posting, payer: str, *, message: str) -> int:
    """The same of something entered without a draft, because this one pays it: noted, so that it
    is asked once for each payer."""
    with transaction.atomic():
        row = Posting.objects.select_for_update().get(pk=posting.pk)
        noted = {"kept": {**row.kept, holds.ASKED: str(payer)}}
        return _request_recheck([posting], noted, message, log.SYSTEM)


def _request_recheck(
    postings: Sequence[Posting], also: Mapping[str, Any], message: str, actor: str
) -> int:
    changes = {"not_before": timezone.now(), **also}
    unasked = Q(state__in=IN_EPICOR, not_before=None)
    body = {"message": message}
    return len(change_some(postings, unasked, changes, "posting.recheck_asked", actor, body))


def _try_again(
    postings: Sequence[Posting],
    ready: Q,
    action: str,
    actor: str,
    now: datetime,
    body: Mapping[str, Any],
) -> int:
    changes = {"not_before": now, "failed_attempts": 0, **holds.NONE}
    with transaction.atomic():
        moved = change_some(postings, ready, changes, action, actor, body)
        holds.clear(moved)
    return len(moved)
