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
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, DateTimeField, F, Q, Value, When
from django.utils import timezone

from audit import attempts, holds, log
from audit.failures import Hold, Reason
from audit.keys import number_key
from audit.models import IN_EPICOR, AuditEntry, Posting
from audit.plain import plain, text
from audit.seen import PostingSeed, open_many, update_values
from audit.steps import LostLeaseError, change, change_some, due, entry, free, lease, update

__all__ = [
    "LostLeaseError",
    "PostingSeed",
    "ask_recheck",
    "claim",
    "claim_doubtful",
    "claim_rechecks",
    "clear_twins",
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
    "requeue_changed",
    "settle_not_there",
    "take",
    "update_values",
]

State = Posting.State

LOOK_AGAIN = timedelta(hours=1)  # so often is looked up what is in doubt and held
_LEASED = [State.IN_FLIGHT, State.IN_DOUBT, *IN_EPICOR]
_REAP_AT_ONCE = 500
_NO_LEASE: Mapping[str, Any] = {"lease_owner": "", "lease_until": None}


def claim(
    tenant_id: int,
    *,
    owner: str,
    limit: int,
    lease_s: float,
    now: datetime,
    ids: Collection[int] | None = None,
) -> list[Posting]:
    """Takes up to `limit` queued postings that are due and have no hold; they become in flight.

    `ids` narrows to these Posting ids. Two workers never get the same one. The lease ends
    `lease_s` seconds after `now`.
    """
    ready = Q(state=State.QUEUED, hold_reason="") & due(now)
    until = now + timedelta(seconds=lease_s)
    return lease(
        tenant_id, ready, owner=owner, until=until, limit=limit, ids=ids, state=State.IN_FLIGHT
    )


def claim_doubtful(
    tenant_id: int,
    *,
    owner: str,
    limit: int,
    lease_s: float,
    now: datetime,
    ids: Collection[int] | None = None,
) -> list[Posting]:
    """Leases postings in doubt whose look-up is due, also while a person is asked about them."""
    ready = Q(state=State.IN_DOUBT) & due(now) & free(now)
    until = now + timedelta(seconds=lease_s)
    return lease(tenant_id, ready, owner=owner, until=until, limit=limit, ids=ids)


def claim_rechecks(
    tenant_id: int,
    *,
    owner: str,
    limit: int,
    lease_s: float,
    now: datetime,
    ids: Collection[int] | None = None,
) -> list[Posting]:
    """Leases entered or confirmed postings that somebody asked to verify or converge again."""
    ready = Q(state__in=IN_EPICOR, not_before__lte=now) & free(now)
    until = now + timedelta(seconds=lease_s)
    return lease(tenant_id, ready, owner=owner, until=until, limit=limit, ids=ids)


def take(posting: Posting, *, owner: str, until: datetime, now: datetime) -> None:
    """Leases one posting for what a person asked, whatever holds it; queued becomes in flight.

    Raises LostLeaseError when somebody works on it just now, or when it is at its end.
    """
    ready = Q(state__in=[State.QUEUED, State.IN_DOUBT, *IN_EPICOR]) & free(now)
    taken = Case(When(state=State.QUEUED, then=Value(State.IN_FLIGHT)), default=F("state"))
    with transaction.atomic():
        changes = {"state": taken, "lease_owner": owner, "lease_until": until}
        update([posting], ready, changes, "taken")
    posting.refresh_from_db()


def extend_lease(postings: Sequence[Posting], *, owner: str, until: datetime) -> None:
    """Moves the end of our leases to `until`. LostLeaseError when one of them is not ours."""
    change(postings, Q(state__in=_LEASED, lease_owner=owner), {"lease_until": until}, "extended")


def keep_leases(postings: Sequence[Posting], *, owner: str, until: datetime) -> None:
    """The same for those that are still ours; one that was taken from us is left to whoever has it.

    Two queries.
    """
    ids = [posting.pk for posting in postings]
    mine = Posting.objects.filter(pk__in=ids, state__in=_LEASED, lease_owner=owner)
    mine.update(lease_until=until, updated_at=timezone.now())
    still = set(mine.values_list("pk", flat=True))
    for posting in postings:
        if posting.pk in still:
            posting.lease_until = until


def release(
    posting: Posting,
    *,
    owner: str,
    not_before: datetime | None = None,
    message: str = "",
    failed: bool = True,
    cause: str = "",
) -> None:
    """Back to the queue (in flight -> queued): nothing was applied, it will be tried again.

    `failed` counts a failed attempt; False when it only has to wait (calendar, tenant paused).
    `cause` names what it waits for: as long as nothing else happens, the trail says it once.
    """
    body = {"message": message, "not_before": not_before, "failed": failed, "cause": cause}
    told = bool(cause) and _told_last(posting, "posting.released", cause)
    _release([posting], owner, not_before, [] if told else [body], failed=failed)


def release_many(
    postings: Sequence[Posting],
    *,
    owner: str,
    not_before: datetime | None = None,
) -> None:
    """A whole slice back as it was, in a constant number of queries.

    Nothing was tried or decided, so that the trail says nothing of it either.
    """
    _release(postings, owner, not_before, [], failed=False)


def _release(
    postings: Sequence[Posting],
    owner: str,
    not_before: datetime | None,
    bodies: Sequence[Mapping[str, Any]],
    *,
    failed: bool,
) -> None:
    change(
        postings,
        Q(state=State.IN_FLIGHT, lease_owner=owner),
        {"state": State.QUEUED, "not_before": not_before, **_NO_LEASE},
        "released",
        [entry(one, "posting.released", body) for one in postings for body in bodies],
        failed=failed,
    )


def postpone(
    postings: Sequence[Posting],
    *,
    owner: str,
    not_before: datetime | None,
    message: str = "",
    failed: bool = False,
    cause: str = "",
) -> None:
    """Gives back postings in doubt, entered or confirmed as they are; due again `not_before`.

    None: what is entered is not looked at again by itself. Without a message nothing was tried or
    decided, and the trail says nothing; `cause` as with `release`.
    """
    body = {"message": message, "not_before": not_before, "failed": failed, "cause": cause}
    new = [
        posting
        for posting in postings
        if message and not (cause and _told_last(posting, "posting.postponed", cause))
    ]
    change(
        postings,
        Q(state__in=[State.IN_DOUBT, *IN_EPICOR], lease_owner=owner),
        {"not_before": not_before, **_NO_LEASE},
        "given back",
        [entry(posting, "posting.postponed", body) for posting in new],
        failed=failed,
    )


def _told_last(posting: Posting, action: str, cause: str) -> bool:
    """Whether the newest entry about this bill says the same already."""
    mine = AuditEntry.objects.filter(
        tenant_id=posting.tenant_id, subject_kind="posting", subject_id=posting.bill_id
    )
    last = mine.order_by("-at", "-id").values_list("action", "body").first()
    return last is not None and last[0] == action and last[1].get("cause") == cause


def reap(tenant_id: int, now: datetime) -> int:
    """Takes postings back from dead workers (lease over), up to 500; says how many.

    In flight: with a write that was perhaps applied it is in doubt, otherwise queued again. All
    others keep their state; what is entered is verified again, because nobody knows how far the
    dead worker came with it.
    """
    with transaction.atomic():
        over = Posting.objects.filter(
            tenant_id=tenant_id, state__in=_LEASED, lease_until__lt=now
        ).exclude(lease_owner="")
        lost = list(over.order_by("id").select_for_update(skip_locked=True)[:_REAP_AT_ONCE])
        doubts = attempts.doubts(tenant_id, [posting.bill_id for posting in lost])
        entries = []
        for posting in lost:
            doubt = doubts.get(posting.bill_id)
            if posting.state == State.IN_FLIGHT:
                posting.state = State.QUEUED if doubt is None else State.IN_DOUBT
            # The write's own deadline must be over before a look-up can say anything.
            until = now if doubt is None else max(now, doubt.until or now)
            posting.not_before = None if posting.state == State.QUEUED else until
            body = {"owner": posting.lease_owner, "to": posting.state}
            entries.append(entry(posting, "posting.reaped", body))
            posting.lease_owner, posting.lease_until = "", None
            posting.updated_at = timezone.now()
        names = ["state", "not_before", "lease_owner", "lease_until", "updated_at"]
        Posting.objects.bulk_update(lost, names)
        log.record_many(entries)
    return len(lost)


def hold(posting: Posting, hold: Hold, *, owner: str = "") -> None:
    """Opens a hold: the posting waits for a person. In flight goes back to queued.

    In doubt, entered and confirmed keep their state. `owner` is the lease we have, "" for none.
    """
    hold_many([(posting, hold)], owner=owner)


def hold_many(pairs: Sequence[tuple[Posting, Hold]], *, owner: str = "") -> None:
    """`hold` for a whole slice in a constant number of queries. All or nothing.

    A hold that is already open with the same words on a posting nobody works on stays as it is.
    What is in doubt is looked up again within the hour, whatever a person does; that it is still
    held with the same words is no news then.
    """
    news = [(posting, hold) for posting, hold in pairs if not holds.is_open(posting, hold)]
    if not news:
        return
    postings = [posting for posting, _ in news]
    doubted = {posting.pk for posting in postings if posting.state == State.IN_DOUBT}
    later = timezone.now() + LOOK_AGAIN
    due_again = Case(
        When(state=State.IN_DOUBT, then=Value(later)), default=None, output_field=DateTimeField()
    )
    ours = Q(state=State.IN_FLIGHT, lease_owner=owner) | Q(
        state__in=[State.QUEUED, State.IN_DOUBT, *IN_EPICOR], lease_owner__in=["", owner]
    )
    landed = Case(When(state=State.IN_FLIGHT, then=Value(State.QUEUED)), default=F("state"))
    with transaction.atomic():
        update(postings, ours, {"state": landed, "not_before": due_again, **_NO_LEASE}, "held")
        news = [pair for pair in news if pair[0].pk not in doubted or not holds.says(*pair)]
        for posting in postings:
            if posting.state == State.IN_FLIGHT:
                posting.state = State.QUEUED
            posting.not_before = later if posting.pk in doubted else None
            posting.lease_owner, posting.lease_until = "", None
        for posting, reason in news:
            holds.write(posting, reason)
        Posting.objects.bulk_update(postings, list(holds.NONE))
        holds.replace(news)
        log.record_many(
            entry(posting, "posting.held", holds.told(reason)) for posting, reason in news
        )


def mark_in_doubt(
    posting: Posting, *, owner: str, message: str, not_before: datetime | None
) -> None:
    """Perhaps applied: in flight (or still) in doubt, to be looked up `not_before` that moment.

    `look_ups` counts the look-ups of this doubt that found nothing; it starts anew at 0.
    """
    begins = posting.state == State.IN_FLIGHT
    body = {"message": message, "not_before": not_before}
    change(
        [posting],
        Q(state__in=[State.IN_FLIGHT, State.IN_DOUBT], lease_owner=owner),
        {
            "state": State.IN_DOUBT,
            "not_before": not_before,
            "look_ups": 0 if begins else posting.look_ups + 1,
            **_NO_LEASE,
        },
        "marked as in doubt",
        [entry(posting, "posting.in_doubt", body)],
    )


def settle_not_there(
    posting: Posting, *, owner: str, not_before: datetime | None = None, message: str = ""
) -> None:
    """The look-up is sure that nothing was applied: in doubt -> queued, open attempts settled.

    Closes its hold. It counts as a failed attempt; tried again `not_before` that moment.
    """
    held = bool(posting.hold_reason)
    with transaction.atomic():
        change(
            [posting],
            Q(state=State.IN_DOUBT, lease_owner=owner),
            {
                "state": State.QUEUED,
                "not_before": not_before,
                "look_ups": 0,
                **_NO_LEASE,
                **holds.NONE,
            },
            "settled",
            [entry(posting, "posting.settled", {"message": message, "not_before": not_before})],
            failed=True,
        )
        if held:
            holds.clear([posting.pk])
        attempts.settle(
            posting.tenant_id,
            "posting",
            posting.bill_id,
            message or "The look-up found nothing in Epicor.",
        )


def mark_entered(
    posting: Posting,
    *,
    owner: str,
    company: str,
    vendor_num: int,
    invoice_num: str,
    group_id: str,
    sys_rev_id: int | None,
    entered_hash: str,
    entered_as: Mapping[str, Any],
    apply_on: date | None,
    body: Mapping[str, Any],
    actor: str = log.SYSTEM,
) -> None:
    """It is in Epicor, verified: in flight or in doubt -> entered. Closes hold and attempts.

    `entered_as` is the draft as it was verified, or {"adopted": true, …} when a person said that
    an invoice typed by hand is this bill (`actor`).
    """
    ours = Q(state__in=[State.IN_FLIGHT, State.IN_DOUBT], lease_owner=owner)
    facts = {
        "company": company,
        "vendor_num": vendor_num,
        "invoice_num": text(invoice_num, 255),
        "group_id": group_id,
        "sys_rev_id": sys_rev_id,
        "entered_hash": entered_hash,
        "apply_on": apply_on,
    }
    _enter(posting, ours, facts, {"entered_as": plain(entered_as)}, body, actor)


def mark_found(
    posting: Posting,
    *,
    company: str,
    vendor_num: int,
    invoice_num: str,
    group_id: str,
    sys_rev_id: int | None,
    apply_on: date | None,
    body: Mapping[str, Any],
    due: bool = True,
) -> None:
    """Our record is behind: what it calls removed, dismissed or held is in Epicor by our hand.

    -> entered. `due`: compared with the bill at once, and until then nobody is told; without it
    the caller holds it in the same transaction.
    """
    held = Q(state=State.QUEUED) & ~Q(hold_reason="")
    ready = (held | Q(state__in=[State.REMOVED, State.DISMISSED])) & Q(lease_owner="")
    facts = {
        "company": company,
        "vendor_num": vendor_num,
        "invoice_num": text(invoice_num, 255),
        "group_id": group_id,
        "sys_rev_id": sys_rev_id,
        "entered_hash": posting.seen_hash,
        "apply_on": apply_on,
    }
    changes: dict[str, Any] = {
        "entered_as": {},
        "kept": {},
        "not_before": timezone.now() if due else None,
    }
    _enter(posting, ready, facts, changes, body, log.SYSTEM)


def _enter(
    posting: Posting,
    ready: Q,
    facts: Mapping[str, Any],
    more: Mapping[str, Any],
    body: Mapping[str, Any],
    actor: str,
) -> None:
    changes = {
        **facts,
        **_NO_LEASE,
        **holds.NONE,
        "number_key": number_key(str(facts["invoice_num"])),
        "state": State.ENTERED,
        "entered_at": timezone.now(),
        "not_before": None,
        "failed_attempts": 0,
        "look_ups": 0,
        **more,
    }
    sentence = entry(posting, "posting.entered", {**facts, **body}, actor)
    held = bool(posting.hold_reason)
    with transaction.atomic():
        change([posting], ready, changes, "marked as entered", [sentence])
        if held:
            holds.clear([posting.pk])
        attempts.settle(posting.tenant_id, "posting", posting.bill_id, "The invoice is in Epicor.")


def mark_rechecked(
    posting: Posting,
    *,
    owner: str,
    sys_rev_id: int | None,
    entered_hash: str,
    entered_as: Mapping[str, Any] | None = None,
    apply_on: date | None = None,
    body: Mapping[str, Any],
) -> None:
    """Something entered was verified or converged again; keeps its state, closes its hold."""
    facts = {
        "sys_rev_id": sys_rev_id,
        "entered_hash": entered_hash,
        "apply_on": apply_on or posting.apply_on,
    }
    changes: dict[str, Any] = {**facts, **_NO_LEASE, **holds.NONE}
    changes |= {"not_before": None, "failed_attempts": 0}
    if entered_as is not None:
        changes["entered_as"] = plain(entered_as)
        kept = posting.kept.get(holds.PAYS)
        if kept and kept["hold"] != entered_as.get("pay_hold"):  # overtaken by what was verified
            changes["kept"] = {k: v for k, v in posting.kept.items() if k != holds.PAYS}
    ours = Q(state__in=IN_EPICOR, lease_owner=owner)
    sentence = entry(posting, "posting.rechecked", {**facts, **body})
    with transaction.atomic():
        change([posting], ours, changes, "marked as verified", [sentence])
        holds.clear([posting.pk])
        attempts.settle(
            posting.tenant_id, "posting", posting.bill_id, "The invoice in Epicor was verified."
        )


def mark_confirmed_many(postings: Sequence[Posting], *, body: Mapping[str, Any]) -> int:
    """Ramp knows (entered -> confirmed); those that are not entered any more are left alone."""
    changes = {"state": State.CONFIRMED, "confirmed_at": timezone.now()}
    changes |= {"tell_failed": 0, "tell_after": None}
    ready = Q(state=State.ENTERED)
    return len(change_some(postings, ready, changes, "posting.confirmed", log.SYSTEM, body))


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
    if why_not := holds.not_to_be_kept(posting):
        raise ValueError(f"Bill {posting.bill_id} cannot stay as it is: {why_not}.")
    differences = plain(posting.hold_detail.get("differences") or [])
    drifted = posting.hold_reason == Reason.MISMATCH  # it is Epicor that differs, not the bill
    seen = posting.hold_detail.get("content") or posting.seen_hash
    # Exactly the hold and the content that the person saw.
    ready = Q(state__in=IN_EPICOR, lease_owner="", seen_hash=posting.seen_hash) & Q(
        hold_reason=posting.hold_reason, hold_message=posting.hold_message
    )
    ready &= ~Q(hold_reason="")
    body = {
        "reason": reason.strip(),
        "hold": posting.hold_reason,
        "message": posting.hold_message,
        "differences": differences,
    }
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


def clear_twins(
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
    told_apart = sorted({*posting.bills_cleared, *bills})
    body = {"keys": cleared, "bills": told_apart, "reason": reason.strip()}
    answer = {"twins_cleared": cleared, "bills_cleared": told_apart, "not_before": None}
    with transaction.atomic():
        change(
            [posting],
            _as_seen(posting),
            {**answer, **holds.NONE},
            "marked as different",
            [entry(posting, "posting.twins_cleared", body, actor)],
        )
        holds.clear([posting.pk])


def _as_seen(posting: Posting) -> Q:
    """Exactly the hold that the person saw: another one may name what nobody looked at."""
    return Q(state=State.QUEUED, lease_owner="", hold_reason=posting.hold_reason) & Q(
        hold_message=posting.hold_message, hold_detail=posting.hold_detail
    )


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
    facts = {"reason": reason.strip(), "hold": posting.hold_reason, **body}
    sentence = entry(posting, f"posting.{state}", facts, actor)
    changes = {"state": state, "not_before": None, **_NO_LEASE, **holds.NONE}
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


def ask_recheck(postings: Sequence[Posting], *, message: str, actor: str = log.SYSTEM) -> int:
    """Flags entered or confirmed postings to be verified or converged again, now."""
    now = timezone.now()
    changes = {"not_before": now}
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
