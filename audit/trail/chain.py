"""A tenant's chain: how it begins, how it stands, and what people decide about it.

It begins with its tenant and is never made again by itself. Only `restart` begins another one
behind what is there: when the key is lost, or when the chain is damaged and cannot be restored.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from audit.trail import heads, log, trail_key
from audit.trail.models import AuditEntry, Chain
from audit.trail.verification import ACKNOWLEDGED, RESTARTED, Verification, is_ours

_MANY = 10_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found, when and for whom."""

    at: datetime
    actor: str
    entries: int
    ok: bool
    message: str

    @property
    def sentence(self) -> str:
        """The result in a sentence."""
        if self.ok:
            return f"Every one of the {self.entries:,} entries is where and what it was."
        return f"The chain does not fit. {self.message}"


@dataclass(frozen=True, slots=True)
class ChainState:
    """The state of a chain. `waiting`: entries not sealed yet, at most 10,001."""

    sealed: int
    waiting: int
    sealed_at: datetime | None
    verdict: Verdict | None
    head: heads.Head | None = None


class CannotAcknowledgeError(Exception):
    """There is nothing to acknowledge, or something that nobody may wave through."""


def begin(tenant_id: int) -> Chain:
    """Begin the chain of a new tenant, in the transaction that makes it.

    Raises WrongAuditKeyError when other tenants' chains were begun with another key.
    """
    trail_key.require()
    chain = Chain(tenant_id=tenant_id)
    chain.start_mac = trail_key.start_mac(tenant_id, chain.chain_id, chain.start_seq)
    chain.last_mac = chain.start_mac
    chain.save(force_insert=True)
    return chain


def acknowledge(tenant_id: int, slug: str, found: Verification, *, reason: str, actor: str) -> int:
    """Put on the record that a person knows why these findings are there; says how many.

    Only what may have an honest cause: a restored database, a clock that was moved. Raises
    CannotAcknowledgeError when nothing is to be acknowledged, or something is forged or lost.
    """
    damage = [one for one in found.findings if not one.key]
    if damage:
        raise CannotAcknowledgeError(f"This cannot be acknowledged. {damage[0].message}")
    if not found.findings:
        raise CannotAcknowledgeError("The audit chain fits; there is nothing to acknowledge.")
    log.record(
        tenant_id,
        ACKNOWLEDGED,
        subject_kind="audit",
        subject_id=slug,
        actor=actor,
        body={
            "reason": reason,
            "findings": [one.key for one in found.findings],
            "messages": [one.message for one in found.findings],
        },
    )
    heads.write(Chain.objects.get(tenant_id=tenant_id))
    log.seal(tenant_id)
    return len(found.findings)


def restart(tenant_id: int, slug: str, *, reason: str, actor: str) -> int:
    """Begin another chain behind what is there; returns how many entries prove nothing any more.

    They keep their order and stay readable. The new chain's first entry says who did it and why.
    """
    with transaction.atomic():
        mine = AuditEntry.objects.filter(tenant_id=tenant_id)
        old = Chain.objects.select_for_update().filter(tenant_id=tenant_id).first()
        chain = old or Chain(tenant_id=tenant_id)
        was = str(heads.of(chain)) if old else None
        last = max(chain.last_seq, mine.aggregate(last=Max("seq"))["last"] or 0)
        waiting = mine.filter(seq__isnull=True).order_by("at", "id")
        for number, pk in enumerate(waiting.values_list("pk", flat=True), start=last + 1):
            mine.filter(pk=pk).update(seq=number)
            last = number
        chain.chain_id, chain.start_seq, chain.last_seq = uuid.uuid4(), last, last
        chain.start_mac = trail_key.start_mac(tenant_id, chain.chain_id, last)
        chain.last_mac = chain.start_mac
        chain.save()
        # Numbers that nothing has by now; none may go missing or be filled later.
        missing = last - mine.filter(seq__gte=1).count()
        log.record(
            tenant_id,
            RESTARTED,
            subject_kind="audit",
            subject_id=slug,
            actor=actor,
            body={
                "reason": reason,
                "entries": last,
                "was": was,
                "chain": str(chain.chain_id),
                "missing": missing,
            },
        )
    heads.write(chain)
    log.seal(tenant_id)
    return last


def state(tenant_id: int) -> ChainState:
    """How the tenant's chain stands, in three queries, however long it is."""
    head = Chain.objects.filter(tenant_id=tenant_id).first() or Chain()
    waiting = AuditEntry.objects.filter(tenant_id=tenant_id, seq__isnull=True).order_by()
    return ChainState(
        sealed=head.last_seq,
        waiting=waiting[: _MANY + 1].count(),
        sealed_at=head.sealed_at,
        verdict=last_verdict(tenant_id),
        head=heads.of(head) if head.last_seq else None,
    )


def last_verdict(tenant_id: int) -> Verdict | None:
    """The newest verification on the record that this program wrote, and nobody changed."""
    rows = AuditEntry.objects.filter(tenant_id=tenant_id, action="audit.verified")
    newest = rows.order_by("-at", "-id").iterator(chunk_size=10)
    entry = next((row for row in newest if is_ours(row)), None)
    if entry is None:
        return None
    body = entry.body if isinstance(entry.body, dict) else {}
    return Verdict(
        at=entry.at,
        actor=entry.actor,
        entries=int(body.get("entries") or 0),
        ok=body.get("ok") is True,
        message=str(body.get("message") or ""),
    )


def record(tenant_id: int, slug: str, found: Verification, *, actor: str) -> None:
    """Put the result of a verification that a person asked for on the record."""
    log.record(
        tenant_id,
        "audit.verified",
        subject_kind="audit",
        subject_id=slug,
        actor=actor,
        body={
            "entries": found.entries,
            "unsealed": found.unsealed,
            "ok": found.ok,
            "first_bad": found.first_bad,
            "message": found.message,
        },
    )
