"""How one step of a posting is made: a conditional UPDATE and its sentence in the trail, together.

The legal steps themselves are in audit/ledger/lifecycle.py (with audit/ledger/leases.py,
audit/ledger/outcomes.py).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from audit.ledger.models import Posting
from audit.trail import log


class LostLeaseError(RuntimeError):
    """The posting moved on while we worked on it; nothing was changed by this call."""


def update(postings: Sequence[Posting], expected: Q, changes: Mapping[str, Any], did: str) -> None:
    """Changes exactly these rows if all are as `expected`; call it inside a transaction.

    Raises LostLeaseError when one is not; the transaction around it must then end without effect.
    """
    ids = [posting.pk for posting in postings]
    rows = Posting.objects.filter(expected, pk__in=ids)
    if rows.update(**changes, updated_at=timezone.now()) == len(ids):
        return
    raise LostLeaseError(_moved_on(postings, expected, did))


def change(
    postings: Sequence[Posting],
    expected: Q,
    changes: Mapping[str, Any],
    did: str,
    entries: Sequence[log.NewEntry] = (),
    *,
    failed: bool = False,
) -> None:
    """`update` in a transaction of its own, with trail; then the objects in memory follow.

    `did` completes "was not …" for people; `failed` counts one more failed attempt.
    """
    counted = {"failed_attempts": F("failed_attempts") + 1} if failed else {}
    with transaction.atomic():
        update(postings, expected, {**changes, **counted}, did)
        log.record_many(entries)
    for posting in postings:
        for name, value in changes.items():
            setattr(posting, name, value)
        posting.failed_attempts += len(counted)


def change_some(
    postings: Sequence[Posting],
    expected: Q,
    changes: Mapping[str, Any],
    action: str,
    actor: str,
    body: Mapping[str, Any],
) -> list[int]:
    """Changes those of the rows that are as `expected`, with trail; returns their ids.

    For steps that may come twice (two clicks, two workers): the second finds nothing to do.
    """
    by_id = {posting.pk: posting for posting in postings}
    with transaction.atomic():
        rows = Posting.objects.filter(expected, pk__in=list(by_id)).order_by("id")
        moved = list(rows.select_for_update())
        ids = [posting.pk for posting in moved]
        Posting.objects.filter(pk__in=ids).update(**changes, updated_at=timezone.now())
        log.record_many(
            entry(posting, action, {"hold": posting.hold_reason, **body}, actor)
            for posting in moved
        )
    for pk in ids:
        for name, value in changes.items():
            setattr(by_id[pk], name, value)
    return ids


def lease(
    tenant_id: int,
    ready: Q,
    *,
    owner: str,
    until: datetime,
    limit: int,
    ids: Collection[int] | None = None,
    **changes: Any,
) -> list[Posting]:
    """Takes up to `limit` postings that are `ready`, oldest first; two workers never share one.

    Three queries, however many rows: choose and lock, take what is still ready, read.
    """
    queue = Posting.objects.filter(ready, tenant_id=tenant_id)
    if ids is not None:
        queue = queue.filter(pk__in=list(ids))
    with transaction.atomic():
        locked = queue.order_by("id").select_for_update(skip_locked=True)
        chosen = list(locked.values_list("pk", flat=True)[:limit])
        Posting.objects.filter(ready, pk__in=chosen).update(
            lease_owner=owner, lease_until=until, updated_at=timezone.now(), **changes
        )
        mine = Posting.objects.filter(pk__in=chosen, lease_owner=owner, lease_until=until)
        return list(mine.order_by("id"))


def take_turns(tenant_id: int) -> None:
    """Until the transaction ends nobody else who takes turns for this tenant comes this far.

    The tenant's row is locked, for moments; rows that only refer to it are written meanwhile.
    """
    tenants = Posting._meta.get_field("tenant").related_model._default_manager
    list(tenants.select_for_update(no_key=True).filter(pk=tenant_id).values_list("pk"))


def entry(
    posting: Posting, action: str, body: Mapping[str, Any], actor: str = log.SYSTEM
) -> log.NewEntry:
    """The sentence about `posting` for the trail."""
    return log.NewEntry(
        tenant_id=posting.tenant_id,
        action=action,
        subject_kind="posting",
        subject_id=posting.bill_id,
        actor=actor,
        body=dict(body),
    )


# Nobody has it leased. What a dead worker had is taken back by `reap`, on the record, and by
# nothing else: the write that it perhaps sent may still arrive.
FREE = Q(lease_owner="")


def due(now: datetime) -> Q:
    """Postings that need not wait any longer."""
    return Q(not_before=None) | Q(not_before__lte=now)


def _moved_on(postings: Sequence[Posting], expected: Q, did: str) -> str:
    ids = [posting.pk for posting in postings]
    fine = Posting.objects.filter(expected, pk__in=ids).values_list("pk", flat=True)
    lost = Posting.objects.filter(pk__in=ids).exclude(pk__in=list(fine)).first()
    who = f"Bill {lost.bill_id} is {lost.state} by now" if lost else "The posting is gone"
    return f"{who}, so it was not {did}. Nothing was changed; look at it again before you go on."
