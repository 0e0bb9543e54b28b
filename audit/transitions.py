"""How one step of a posting is made: a conditional UPDATE and its entry in the trail, together.

The entry's `changes` come from the values that the UPDATE writes, so that what the trail says and
what the row has cannot differ. The legal steps themselves are in audit/ledger/lifecycle.py (with
audit/ledger/leases.py, audit/ledger/outcomes.py).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from audit.canonical_json import plain
from audit.ledger.models import Posting
from audit.trail import log
from connector.domain.digits import decimals_of

# What `changes` never has: who works on it and when it is due again; what follows from other
# columns; the draft, which is in the attempt's coding; and what the entry says itself (who, when,
# why, and the words of a hold).
UNTOLD = frozenset(
    {
        *("not_before", "failed_attempts", "look_ups", "lease_owner", "lease_until"),
        *("told_version", "tell_failed", "tell_after", "created_at", "updated_at"),
        *("number_key", "entered_as", "hold_message", "hold_version"),
        *("entered_at", "confirmed_at", "given_by", "given_at", "given_why"),
    }
)


class LostLeaseError(RuntimeError):
    """The posting moved on while we worked on it; nothing was changed by this call."""


def locked(postings: Sequence[Posting], expected: Q, did: str) -> list[Posting]:
    """The rows of these as they are now, locked until the transaction ends.

    Raises LostLeaseError when one is not as `expected`; `did` completes "was not …" for people.
    """
    rows = Posting.objects.filter(expected, pk__in=[posting.pk for posting in postings])
    found = list(rows.order_by("id").select_for_update())
    if len(found) != len(postings):
        raise LostLeaseError(_moved_on(postings, expected, did))
    return found


def update(postings: Sequence[Posting], expected: Q, values: Mapping[str, Any], did: str) -> None:
    """Changes exactly these rows if all are as `expected`; call it inside a transaction.

    For steps that the trail does not tell. Raises LostLeaseError when one is not as expected; the
    transaction around it must then end without effect.
    """
    ids = [posting.pk for posting in postings]
    rows = Posting.objects.filter(expected, pk__in=ids)
    if rows.update(**values, updated_at=timezone.now()) != len(ids):
        raise LostLeaseError(_moved_on(postings, expected, did))


def change(
    postings: Sequence[Posting],
    expected: Q,
    values: Mapping[str, Any],
    did: str,
    entries: Sequence[log.NewEntry] = (),
    *,
    failed: bool = False,
) -> None:
    """`update` in a transaction of its own, with trail; then the objects in memory follow.

    Each of `entries` gets the `changes` of its posting. `failed` counts one more failed attempt.
    """
    counted = {"failed_attempts": F("failed_attempts") + 1} if failed else {}
    with transaction.atomic():
        rows = locked(postings, expected, did) if entries else []
        update(postings, expected, {**values, **counted}, did)
        _record(entries, {row.bill_id: changes_of(row, values) for row in rows})
    for posting in postings:
        follow(posting, values)
        posting.failed_attempts += len(counted)


def change_some(
    postings: Sequence[Posting],
    expected: Q,
    values: Mapping[str, Any],
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
        Posting.objects.filter(pk__in=ids).update(**values, updated_at=timezone.now())
        _record(
            [entry(row, action, body, actor) for row in moved],
            {row.bill_id: changes_of(row, values) for row in moved},
        )
    for pk in ids:
        follow(by_id[pk], values)
    return ids


def store(
    steps: Sequence[tuple[Posting, Mapping[str, Any]]], entries: Iterable[log.NewEntry]
) -> None:
    """Gives each row values of its own, with trail; the rows are locked in this transaction."""
    changes = {row.bill_id: changes_of(row, values) for row, values in steps}
    for row, values in steps:
        follow(row, {**values, "updated_at": timezone.now()})
    names = {name for _, values in steps for name in values} | {"updated_at"}
    Posting.objects.bulk_update([row for row, _ in steps], sorted(names), batch_size=1000)
    _record(entries, changes)


def changes_of(row: Posting, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """{column: [before, after]} in plain JSON of what differs and belongs on the record."""
    pairs = {
        name: [_plain(name, getattr(row, name)), _plain(name, value)]
        for name, value in values.items()
        if name not in UNTOLD
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _plain(name: str, value: Any) -> Any:
    """A value as the trail has it; that a worker took a bill is no news.

    Amounts are whole (99) or have two decimals or more (120.50).
    """
    if name == "state" and value == Posting.State.IN_FLIGHT:
        return Posting.State.QUEUED.value
    if isinstance(value, Decimal):
        digits = decimals_of(value)
        return f"{value:.{max(2, digits) if digits else 0}f}"
    return plain(value)


def _record(entries: Iterable[log.NewEntry], changes: Mapping[str, log.Changes]) -> None:
    log.record_many(replace(one, changes=changes[one.subject_id]) for one in entries)


def follow(posting: Posting, values: Mapping[str, Any]) -> None:
    """Gives the object in memory what its row got."""
    for name, value in values.items():
        setattr(posting, name, value)


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


def lock_tenant(tenant_id: int) -> None:
    """Lock the tenant's row until the transaction ends: other callers for this tenant wait.

    It is held for moments; rows that only refer to it are written meanwhile.
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
