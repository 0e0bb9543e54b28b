"""The trail: who did what to which bill and when, and the seal that shows later changes to it.

Entries are written in the transaction of the change they tell of. Within a minute a job seals
them: each gets the next number of its tenant and an HMAC over its content and everything before
it. The HMAC key (AUDIT_KEY) is kept apart from the database, so that whoever can change rows
cannot also make the chain fit.

    mac(n)  = HMAC(key, link(n-1), n, id, tenant, at, action, subject, actor, body digest)
    link(n) = HMAC(key, n, mac(n))          only the newest link is stored, in `Chain`

The link is not the mac itself: a thief who cuts off the newest entries finds no link that fits
the shortened chain.
"""

import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from audit.models import AuditEntry, Chain
from audit.plain import canonical, digest, plain, text

SYSTEM = "system"
DROPPED = {"dropped": True}  # what stays of a body that retention removed; its digest remains
SEAL_BATCH = 5000
_WRITE_BATCH = 1000
_TELL_EVERY = 2000
_TABLE = AuditEntry._meta.db_table
_Problem = tuple[str, str]  # the bad entry and a sentence about it


@dataclass(frozen=True, slots=True)
class NewEntry:
    """One sentence for the trail; `body` is JSON-like and already redacted by the caller."""

    tenant_id: int
    action: str
    subject_kind: str
    subject_id: str
    actor: str = SYSTEM
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking a tenant's chain found.

    `first_bad` is the id of the first entry that does not fit, or `#N` when entry number N is
    missing; `message` says it in a sentence ("" when all is well).
    """

    entries: int
    unsealed: int
    first_bad: str | None = None
    message: str = ""

    @property
    def ok(self) -> bool:
        """True when every entry is where and what it was when it was sealed."""
        return self.first_bad is None


def record(
    tenant_id: int,
    action: str,
    *,
    subject_kind: str,
    subject_id: str,
    actor: str = SYSTEM,
    body: dict[str, Any] | None = None,
) -> AuditEntry:
    """Writes one entry in the caller's transaction."""
    entry = _entry(NewEntry(tenant_id, action, subject_kind, subject_id, actor, body or {}))
    entry.save(force_insert=True)
    return entry


def record_many(entries: Iterable[NewEntry]) -> int:
    """Writes many entries in the caller's transaction; says how many."""
    rows = [_entry(new) for new in entries]
    AuditEntry.objects.bulk_create(rows, batch_size=_WRITE_BATCH)
    return len(rows)


def _entry(new: NewEntry) -> AuditEntry:
    body = plain(new.body)
    return AuditEntry(
        tenant_id=new.tenant_id,
        at=timezone.now(),
        action=new.action,
        subject_kind=new.subject_kind,
        subject_id=text(new.subject_id, 255),
        actor=text(new.actor, 150),
        body=body,
        body_digest=digest(body),
    )


def seal(tenant_id: int) -> int:
    """Seals every entry that is still open, oldest first; says how many. Safe to run twice.

    Each batch is one transaction that locks the tenant's chain, so two workers take turns.
    """
    total = 0
    while True:
        sealed = _seal_batch(tenant_id)
        total += sealed
        if sealed < SEAL_BATCH:
            return total


def _seal_batch(tenant_id: int) -> int:
    Chain.objects.get_or_create(tenant_id=tenant_id)
    with transaction.atomic():
        chain = Chain.objects.select_for_update().get(tenant_id=tenant_id)
        mine = AuditEntry.objects.filter(tenant_id=tenant_id)
        entries = list(mine.filter(seq__isnull=True).order_by("at", "id")[:SEAL_BATCH])
        if not entries:
            return 0
        # A chain row that somebody set back must not make us hand out a number twice: the
        # damage stays visible where it was done, and sealing goes on behind it.
        seq = max(chain.last_seq, mine.aggregate(last=Max("seq"))["last"] or 0)
        link = chain.last_mac
        for entry in entries:
            seq += 1
            entry.seq = seq
            entry.mac = _mac(link, entry)
            link = _link(seq, entry.mac)
        _store(entries)
        chain.last_seq, chain.last_mac, chain.sealed_at = seq, link, timezone.now()
        chain.save(update_fields=["last_seq", "last_mac", "sealed_at"])
    return len(entries)


def _store(entries: Sequence[AuditEntry]) -> None:
    """Writes place and HMAC of each entry: one prepared statement, run for all of them.

    bulk_update would build an expression for each value: twenty times the work.
    """
    key = AuditEntry._meta.pk
    rows = [(row.seq, row.mac, key.get_db_prep_value(row.pk, connection)) for row in entries]
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {_TABLE} SET seq = %s, mac = %s WHERE id = %s", rows)  # noqa: S608


def verify(tenant_id: int, tell: Callable[[int], None] | None = None) -> Verification:
    """Recomputes the whole chain of a tenant, in constant memory.

    Finds changed, removed, inserted and reordered entries, a cut-off end and a foreign key.
    Entries not sealed yet are counted, and only their bodies are checked. A body that retention
    dropped is accepted, because its digest is still part of the chain. `tell` hears every now and
    then how many sealed entries are done; what it raises ends the verification.
    """
    mine = AuditEntry.objects.filter(tenant_id=tenant_id)
    head = _head(tenant_id)
    sealed = mine.filter(seq__isnull=False).order_by("seq").iterator(chunk_size=2000)
    found, problem = _check_sealed(_telling(sealed, tell), head)
    # Sealing may have gone on meanwhile, so the end may be further than `head`, never nearer.
    if problem is None and _head(tenant_id).last_seq < found:
        problem = (f"#{found}", "The record of the chain's end was removed or set back.")
    unsealed = 0
    for entry in mine.filter(seq__isnull=True).order_by("at", "id").iterator(chunk_size=2000):
        unsealed += 1
        if problem is None and not _body_fits(entry):
            problem = (str(entry.pk), f"The body of entry {entry.pk} was changed.")
    first_bad, message = problem or (None, "")
    return Verification(found + unsealed, unsealed, first_bad, message)


def _telling(
    entries: Iterator[AuditEntry], tell: Callable[[int], None] | None
) -> Iterator[AuditEntry]:
    for number, entry in enumerate(entries, start=1):
        yield entry
        if tell is not None and number % _TELL_EVERY == 0:
            tell(number)


def _head(tenant_id: int) -> Chain:
    return Chain.objects.filter(tenant_id=tenant_id).first() or Chain(tenant_id=tenant_id)


def _check_sealed(entries: Iterator[AuditEntry], head: Chain) -> tuple[int, _Problem | None]:
    """How many there are, and the first that does not fit with a sentence about it."""
    found, link = 0, ""
    problem: _Problem | None = None
    for entry in entries:
        found += 1
        if problem is None:
            problem = _problem(entry, found, link)
            link = _link(found, entry.mac)
            if problem is None and found == head.last_seq and not _same(link, head.last_mac):
                problem = (str(entry.pk), f"The chain's end does not fit entry number {found}.")
    if problem is None and found < head.last_seq:
        problem = (f"#{found + 1}", f"Entry number {found + 1} and all after it are missing.")
    return found, problem


def _problem(entry: AuditEntry, expected_seq: int, link: str) -> _Problem | None:
    if entry.seq != expected_seq:
        return f"#{expected_seq}", f"Entry number {expected_seq} is missing."
    if not _same(entry.mac, _mac(link, entry)):
        what = f"Entry number {entry.seq} ({entry.action}) or its place in the chain was changed"
        return str(entry.pk), f"{what}, or it was sealed with another AUDIT_KEY."
    if not _body_fits(entry):
        return str(entry.pk), f"The body of entry number {entry.seq} ({entry.action}) was changed."
    return None


def _body_fits(entry: AuditEntry) -> bool:
    return entry.body == DROPPED or digest(entry.body) == entry.body_digest


def _mac(link: str, entry: AuditEntry) -> str:
    return _keyed(
        link,
        entry.seq,
        str(entry.pk),
        entry.tenant_id,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.action,
        entry.subject_kind,
        entry.subject_id,
        entry.actor,
        entry.body_digest,
    )


def _link(seq: int, mac: str) -> str:
    return _keyed("link", seq, mac)


def _keyed(*parts: str | int | None) -> str:
    key = settings.AUDIT_KEY.encode("utf-8")
    return hmac.digest(key, canonical(list(parts)), "sha256").hex()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8"), other.encode("utf-8"))
