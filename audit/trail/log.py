"""The trail: who did what to which bill and when, and the seal that shows later changes to it.

Entries are written in the transaction of the change they tell of, each with its own HMAC. Within
a minute a job seals them: each gets the next number of its tenant and an HMAC that ties it to
everything before it. Only entries with their own HMAC are sealed. The keys and formulas are in
audit/trail/trail_key.py, checking is audit/trail/verification.py.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max, Q
from django.utils import timezone

from audit.canonical_json import digest, plain, text
from audit.trail import heads, trail_key
from audit.trail.models import AuditEntry, Chain

logger = logging.getLogger(__name__)

SYSTEM = "system"
SEAL_BATCH = 5000
_WRITE_BATCH = 1000
_TABLE = AuditEntry._meta.db_table
_Place = tuple[datetime, UUID]
Changes = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class NewEntry:
    """One sentence for the trail; `body` is JSON-like and already redacted by the caller.

    `changes`: what it does to the row of its subject, {column: [before, after]}.
    """

    tenant_id: int
    action: str
    subject_kind: str
    subject_id: str
    actor: str = SYSTEM
    body: Mapping[str, Any] = field(default_factory=dict)
    changes: Changes = field(default_factory=dict)


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Changes:
    """Both sides of something small, all of it: what it was (None: nothing) and what it is."""
    was, now = before or {}, after or {}
    return {name: [was.get(name), now.get(name)] for name in {**was, **now}}


def record(
    tenant_id: int,
    action: str,
    *,
    subject_kind: str,
    subject_id: str,
    actor: str = SYSTEM,
    body: Mapping[str, Any] | None = None,
    changes: Changes | None = None,
) -> AuditEntry:
    """Writes one entry in the caller's transaction. Raises WrongAuditKeyError."""
    trail_key.require()
    about = (tenant_id, action, subject_kind, subject_id, actor)
    entry = _entry(NewEntry(*about, body or {}, changes or {}))
    entry.save(force_insert=True)
    return entry


def record_many(entries: Iterable[NewEntry]) -> int:
    """Writes many entries in the caller's transaction; says how many. Raises WrongAuditKeyError."""
    trail_key.require()
    rows = [_entry(new) for new in entries]
    AuditEntry.objects.bulk_create(rows, batch_size=_WRITE_BATCH)
    return len(rows)


def _entry(new: NewEntry) -> AuditEntry:
    body = plain(new.body)
    entry = AuditEntry(
        tenant_id=new.tenant_id,
        at=timezone.now(),
        action=new.action,
        subject_kind=new.subject_kind,
        subject_id=text(new.subject_id, 255),
        actor=text(new.actor, 150),
        body=body,
        changes=plain(new.changes),
        body_digest=digest(body),
    )
    entry.own_mac = trail_key.own_mac(entry)
    return entry


def seal(tenant_id: int) -> int:
    """Seals every entry that is still open, oldest first; says how many. Safe to run twice.

    Each batch is one transaction that locks the tenant's chain, so two workers take turns. What
    was not written with our key is left open and told; so is a chain that is gone or foreign.
    """
    total, place = 0, None
    while True:
        sealed, place = _seal_batch(tenant_id, place)
        total += sealed
        if place is None:
            return total


def _seal_batch(tenant_id: int, after: _Place | None) -> tuple[int, _Place | None]:
    """How many were sealed, and where to go on (None at the end)."""
    with transaction.atomic():
        chain = Chain.objects.select_for_update().filter(tenant_id=tenant_id).first()
        if chain is None or not trail_key.begun_with_it(chain):
            logger.error(
                "The audit trail of tenant number %s is not sealed: the record of its chain's "
                "beginning is gone or was changed. Run verify_audit.",
                tenant_id,
            )
            return 0, None
        entries, more = _open_ones(tenant_id, after)
        ours = [
            entry for entry in entries if trail_key.same(entry.own_mac, trail_key.own_mac(entry))
        ]
        _log_refused(tenant_id, len(entries) - len(ours))
        if ours:
            _tie(chain, ours)
    if ours:
        heads.note(chain)
        logger.info(
            "The audit trail of %s is sealed up to entry number %s.",
            chain.tenant.slug,
            chain.last_seq,
            extra={"data": {"tenant": chain.tenant.slug, "audit_head": str(heads.of(chain))}},
        )
    return len(ours), (entries[-1].at, entries[-1].pk) if more else None


def _open_ones(tenant_id: int, after: _Place | None) -> tuple[list[AuditEntry], bool]:
    """The next entries without a seal, oldest first, and whether more follow."""
    rows = AuditEntry.objects.filter(tenant_id=tenant_id, seq__isnull=True)
    if after is not None:
        at, pk = after
        rows = rows.filter(Q(at__gt=at) | Q(at=at, id__gt=pk))
    entries = list(rows.order_by("at", "id")[: SEAL_BATCH + 1])
    return entries[:SEAL_BATCH], len(entries) > SEAL_BATCH


def _log_refused(tenant_id: int, count: int) -> None:
    if count:
        logger.error(
            "%s audit entries of tenant number %s were not written by this program, or changed "
            "since; they are not sealed. Run verify_audit.",
            count,
            tenant_id,
        )


def _tie(chain: Chain, entries: Sequence[AuditEntry]) -> None:
    """Give each the next place behind the chain's head, and move the head."""
    last = AuditEntry.objects.filter(tenant_id=chain.tenant_id).aggregate(last=Max("seq"))["last"]
    # A chain row that somebody set back must not make us hand out a number twice: the damage
    # stays visible where it was done, and sealing goes on behind it.
    seq, link = max(chain.last_seq, last or 0), chain.last_mac
    for entry in entries:
        seq += 1
        entry.seq = seq
        entry.mac = trail_key.seal_mac(link, seq, entry.own_mac)
        link = trail_key.link_of(seq, entry.mac)
    _store(entries)
    chain.last_seq, chain.last_mac, chain.sealed_at = seq, link, timezone.now()
    chain.save(update_fields=["last_seq", "last_mac", "sealed_at"])


def _store(entries: Sequence[AuditEntry]) -> None:
    """Writes place and HMAC of each entry: one prepared statement, run for all of them.

    bulk_update would build an expression for each value: twenty times the work.
    """
    key = AuditEntry._meta.pk
    rows = [(row.seq, row.mac, key.get_db_prep_value(row.pk, connection)) for row in entries]
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {_TABLE} SET seq = %s, mac = %s WHERE id = %s", rows)  # noqa: S608
