"""Changes of mappings that wait for somebody else's approval: made, kept, replaced, withdrawn.

mappings/decisions.py approves and rejects them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.utils import timezone

from audit.trail.log import NewEntry, record_many
from audit.trail.models import AuditEntry
from connector.domain.chunks import chunks
from mappings.changes import BATCH, SAME, Change, Key, entry, stored, subject_of
from mappings.files import MappingRow
from mappings.kinds import AnyMapping as AnyMapping
from mappings.models import ProposedMapping

_EDITS = ("mapping_created", "mapping_changed", "mapping_deleted")


def propose(
    tenant_id: int,
    kind: str,
    changes: Sequence[Change],
    *,
    source: str,
    actor: str,
    withdraw: bool = True,
) -> dict[Key, int]:
    """Note what waits for approval; returns the proposal's id by company and reference.

    The same wish again changes nothing, and stays its first proposer's. Another wish replaces the
    one that waits, under a new id. To want what is already so withdraws it (`withdraw`). Call it
    inside the transaction that holds the lock and compared.
    """
    waiting = open_ones(tenant_id, kind, [change.row.ramp_id for change in changes])
    kept: dict[Key, int] = {}
    over: list[ProposedMapping] = []
    new: list[Change] = []
    for change in changes:
        old = waiting.get(change.key)
        if change.effect == SAME:
            over += [old] if old is not None and withdraw else []
        elif old is not None and _same(old, change):
            kept[change.key] = old.pk
        else:
            over += [old] if old is not None else []
            new.append(change)
    _withdraw(over, actor)
    return kept | _write(tenant_id, kind, new, source, actor)


def open_ones(tenant_id: int, kind: str, ramp_ids: Iterable[str]) -> dict[Key, ProposedMapping]:
    """The proposals about these references that wait, by company and reference."""
    found: dict[Key, ProposedMapping] = {}
    for piece in chunks(sorted(set(ramp_ids))):
        waiting = ProposedMapping.objects.filter(
            tenant_id=tenant_id, kind=kind, approved=None, ramp_id__in=piece
        )
        found.update({(row.company, row.ramp_id): row for row in waiting})
    return found


def waiting_for(tenant_id: int, actor: str) -> int:
    """How many changes wait that somebody else than `actor` proposed. One query."""
    waiting = ProposedMapping.objects.filter(tenant_id=tenant_id, approved=None)
    return waiting.exclude(proposed_by=actor).count()


def last_editors(waiting: Sequence[ProposedMapping]) -> dict[int, str]:
    """Who last edited the mapping that each is about, also one deleted since; "" for nobody.

    By proposal id; two queries for each kind.
    """
    by_kind: dict[tuple[int, str], list[ProposedMapping]] = defaultdict(list)
    for proposal in waiting:
        by_kind[proposal.tenant_id, proposal.kind].append(proposal)
    found: dict[int, str] = {}
    for (tenant_id, kind), group in by_kind.items():
        known = stored(tenant_id, kind, [row_of(proposal) for proposal in group])
        gone = _last_deleters(tenant_id, kind, [p for p in group if _key(p) not in known])
        for proposal in group:
            mapping = known.get(_key(proposal))
            editor = gone.get(_key(proposal), "") if mapping is None else mapping.updated_by
            found[proposal.pk] = editor
    return found


def _last_deleters(tenant_id: int, kind: str, group: Sequence[ProposedMapping]) -> dict[Key, str]:
    """Who last edited mappings that are no more, as the trail has it."""
    subjects = {subject_of(kind, proposal.ramp_id) for proposal in group}
    trail = AuditEntry.objects.filter(
        tenant_id=tenant_id, subject_kind="mapping", subject_id__in=subjects, action__in=_EDITS
    )
    found: dict[Key, str] = {}
    for actor, body in trail.order_by("at", "id").values_list("actor", "body"):
        key = (str(body.get("company", "")), str(body.get("ramp_id", "")))
        found[key] = str(body.get("by") or actor)
    return found


def _key(proposal: ProposedMapping) -> Key:
    return proposal.company, proposal.ramp_id


def row_of(proposal: ProposedMapping) -> MappingRow:
    """The wish of a proposal as a row."""
    return MappingRow(
        0,
        proposal.ramp_id,
        proposal.ramp_name,
        proposal.epicor_id,
        proposal.epicor_name,
        proposal.company,
    )


def proposal_entry(proposal: ProposedMapping, action: str, actor: str) -> NewEntry:
    """The sentence about a proposal for the trail."""
    after = {
        "epicor_id": proposal.epicor_id,
        "epicor_name": proposal.epicor_name,
        "ramp_name": proposal.ramp_name,
    }
    return NewEntry(
        tenant_id=proposal.tenant_id,
        action=action,
        subject_kind="mapping",
        subject_id=subject_of(proposal.kind, proposal.ramp_id),
        actor=actor,
        body={"kind": proposal.kind, "company": proposal.company, "ramp_id": proposal.ramp_id}
        | {"before": {"epicor_id": proposal.before} if proposal.before else None}
        | {"after": after if proposal.epicor_id else None}
        | {"proposal": proposal.pk, "by": proposal.proposed_by},
    )


def _same(old: ProposedMapping, change: Change) -> bool:
    return (old.epicor_id, old.before) == (change.new, change.now.target)


def _withdraw(over: Sequence[ProposedMapping], actor: str) -> None:
    """Their ids are never used again; what they were is on the record."""
    for piece in chunks([row.pk for row in over]):
        ProposedMapping.objects.filter(pk__in=piece).delete()
    record_many(proposal_entry(row, "mapping_withdrawn", actor) for row in over)


def _write(
    tenant_id: int, kind: str, changes: Sequence[Change], source: str, actor: str
) -> dict[Key, int]:
    now = timezone.now()
    made = ProposedMapping.objects.bulk_create(
        (
            ProposedMapping(
                tenant_id=tenant_id,
                kind=kind,
                company=change.row.company,
                ramp_id=change.row.ramp_id,
                epicor_id=change.new,
                epicor_name=(change.after or {}).get("epicor_name", ""),
                ramp_name=(change.after or change.before or {}).get("ramp_name", ""),
                source=source,
                before=change.now.target,
                proposed_by=actor,
                proposed_at=now,
            )
            for change in changes
        ),
        batch_size=BATCH,
    )
    ids = {(row.company, row.ramp_id): row.pk for row in made}
    record_many(
        entry(tenant_id, kind, change, "mapping_proposed", actor, proposal=ids[change.key])
        for change in changes
    )
    return ids
