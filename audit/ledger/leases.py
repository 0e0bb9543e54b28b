"""Who works on a posting: claiming, leasing and giving back. Part of audit/ledger/lifecycle.py's
steps."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from audit.ledger.models import IN_EPICOR, Posting
from audit.trail.models import AuditEntry
from audit.transitions import FREE, change, due, entry, lease, store, update
from audit.writes import attempts

State = Posting.State

NO_LEASE: Mapping[str, Any] = {"lease_owner": "", "lease_until": None}
_LEASED = [State.IN_FLIGHT, State.IN_DOUBT, *IN_EPICOR]
_REAP_AT_ONCE = 500


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
    ready = Q(state=State.IN_DOUBT) & due(now) & FREE
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
    ready = Q(state__in=IN_EPICOR, not_before__lte=now) & FREE
    until = now + timedelta(seconds=lease_s)
    return lease(tenant_id, ready, owner=owner, until=until, limit=limit, ids=ids)


def take(posting: Posting, *, owner: str, until: datetime, now: datetime) -> None:
    """Leases one posting for what a person asked, whatever holds it; queued becomes in flight.

    What a dead worker had is taken back first. Raises LostLeaseError when somebody works on it just
    now, or when it is at its end.
    """
    reap(posting.tenant_id, now)
    ready = Q(state__in=[State.QUEUED, State.IN_DOUBT, *IN_EPICOR]) & FREE
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
    already_recorded = bool(cause) and _is_last_entry(posting, "posting.released", cause)
    _release([posting], owner, not_before, [] if already_recorded else [body], failed=failed)


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
        {"state": State.QUEUED, "not_before": not_before, **NO_LEASE},
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
        if message and not (cause and _is_last_entry(posting, "posting.postponed", cause))
    ]
    change(
        postings,
        Q(state__in=[State.IN_DOUBT, *IN_EPICOR], lease_owner=owner),
        {"not_before": not_before, **NO_LEASE},
        "given back",
        [entry(posting, "posting.postponed", body) for posting in new],
        failed=failed,
    )


def _is_last_entry(posting: Posting, action: str, cause: str) -> bool:
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
        entries, steps = [], []
        for posting in lost:
            doubt = doubts.get(posting.bill_id)
            state = posting.state
            if state == State.IN_FLIGHT:
                state = State.QUEUED if doubt is None else State.IN_DOUBT
            # The write's own deadline must be over before a look-up can say anything.
            until = now if doubt is None else max(now, doubt.until or now)
            due_again = None if state == State.QUEUED else until
            body = {"owner": posting.lease_owner, "to": state}
            entries.append(entry(posting, "posting.reaped", body))
            steps.append((posting, {"state": state, "not_before": due_again, **NO_LEASE}))
        store(steps, entries)
    return len(lost)
