"""How the seal of a tenant's trail stands: what is sealed, what waits, what was verified."""

from dataclasses import dataclass
from datetime import datetime

from audit import log
from audit.models import AuditEntry, Chain

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


def state(tenant_id: int) -> ChainState:
    """How the tenant's chain stands, in three queries, however long it is."""
    head = Chain.objects.filter(tenant_id=tenant_id).first() or Chain()
    waiting = AuditEntry.objects.filter(tenant_id=tenant_id, seq__isnull=True).order_by()
    return ChainState(
        sealed=head.last_seq,
        waiting=waiting[: _MANY + 1].count(),
        sealed_at=head.sealed_at,
        verdict=last_verdict(tenant_id),
    )


def last_verdict(tenant_id: int) -> Verdict | None:
    """The newest verification on the record."""
    rows = AuditEntry.objects.filter(tenant_id=tenant_id, action="audit.verified")
    entry = rows.order_by("-at", "-id").first()
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


def record(tenant_id: int, slug: str, found: log.Verification, *, actor: str) -> None:
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
