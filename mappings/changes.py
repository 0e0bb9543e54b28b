"""What rows would change in the stored mappings, and writing it down with its entries.

A row is the wish: this reference of this company shall have this target; "" as target takes the
mapping away. Every change of a tenant's mappings, whoever wants it, takes the same lock first, so
that what was compared is what is written.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils import timezone

from audit.trail.log import NewEntry, changes, record_many
from connector.domain.chunks import chunks
from mappings.effective import EVERY, NEVER_MAPPED, OWN, Applied, Today, today_of
from mappings.files import MappingRow
from mappings.kinds import AnyMapping, Store, store_of
from mappings.models import MappingRules, ProposedMapping
from mappings.targets import Targets

BATCH = 1000
NEW, CHANGED, REMOVED, SAME = "new", "changed", "removed", "same"
KEPT = "kept"  # another row is stored, and every bill still gets the target that it gets today
Values = dict[str, str]  # epicor_id, epicor_name, ramp_name
Key = tuple[str, str]  # company, ramp_id
_FIELDS = ["epicor_id", "epicor_name", "ramp_name", "source", "updated_at", "updated_by"]
_ACTIONS = {NEW: "mapping_created", CHANGED: "mapping_changed", REMOVED: "mapping_deleted"}


@dataclass(frozen=True, slots=True)
class Change:
    """What one row does; None before = there is no such mapping, None after = it goes.

    `today`: what applies to the reference now, whatever it comes from.
    """

    row: MappingRow
    before: Values | None
    after: Values | None
    today: Today = NEVER_MAPPED

    @property
    def key(self) -> Key:
        """Company and reference."""
        return self.row.company, self.row.ramp_id

    @property
    def effect(self) -> str:
        """What becomes of the stored row: new, changed, removed or same."""
        if self.before == self.after:
            return SAME
        if self.before is None:
            return NEW
        return REMOVED if self.after is None else CHANGED

    @property
    def old(self) -> str:
        """The target before, "" for none."""
        return self.before["epicor_id"] if self.before else ""

    @property
    def new(self) -> str:
        """The target afterwards, "" for none."""
        return self.after["epicor_id"] if self.after else ""

    @property
    def now(self) -> Applied:
        """What bills get today."""
        return self.today.now

    @property
    def then(self) -> Applied:
        """What bills get afterwards."""
        if self.after is None:
            return self.today.without
        return Applied(self.new, OWN if self.row.company else EVERY)

    @property
    def meaning(self) -> str:
        """What it means for bills: new, changed, removed, kept or same."""
        if self.effect == SAME:
            return SAME
        if self.now.target == self.then.target:
            return CHANGED if self.effect == CHANGED else KEPT
        if not self.now.target:
            return NEW
        return CHANGED if self.then.target else REMOVED


def lock(tenant_id: int) -> MappingRules:
    """The tenant's rules, locked until the transaction ends: changes are made one by one."""
    MappingRules.objects.get_or_create(tenant_id=tenant_id)
    return MappingRules.objects.select_for_update().get(tenant_id=tenant_id)


def needs_approval(tenant_id: int) -> bool:
    """Whether changes of the tenant's mappings count only once somebody else approved them."""
    return MappingRules.objects.filter(tenant_id=tenant_id, needs_approval=True).exists()


def stored(tenant_id: int, kind: str, rows: Sequence[MappingRow]) -> dict[Key, AnyMapping]:
    """The mappings that these rows are about, by company and reference."""
    store = store_of(kind)
    found: dict[Key, AnyMapping] = {}
    for piece in chunks(sorted({row.ramp_id for row in rows})):
        mine = store.model._default_manager.filter(
            tenant_id=tenant_id, ramp_id__in=piece, **store.extra
        )
        found.update({(mapping.company, mapping.ramp_id): mapping for mapping in mine})
    return found


def compare(
    tenant_id: int,
    kind: str,
    rows: Sequence[MappingRow],
    known: Mapping[Key, AnyMapping],
    targets: Targets,
) -> list[Change]:
    """What each row does, in order. A blank name keeps the stored one, or is the catalog's.

    `known`: what `stored` found for these rows.
    """
    applied = today_of(tenant_id, kind, [(row.company, row.ramp_id) for row in rows], known)
    changes: list[Change] = []
    for row in rows:
        mapping = known.get((row.company, row.ramp_id))
        before = _values(mapping) if mapping is not None else None
        after = _after(row, before or {}, targets) if row.epicor_id else None
        today = applied[row.company, row.ramp_id]
        changes.append(Change(row, before, after, today))
    return changes


def _after(row: MappingRow, before: Values, targets: Targets) -> Values:
    kept = before.get("epicor_name", "") if before.get("epicor_id") == row.epicor_id else ""
    return {
        "epicor_id": row.epicor_id,
        "epicor_name": row.epicor_name or kept or targets.name(row)[:255],
        "ramp_name": row.ramp_name or before.get("ramp_name", ""),
    }


def _values(mapping: AnyMapping) -> Values:
    return {
        "epicor_id": mapping.epicor_id,
        "epicor_name": mapping.epicor_name,
        "ramp_name": mapping.ramp_name,
    }


def apply(
    tenant_id: int,
    kind: str,
    changes: Iterable[Change],
    known: Mapping[Key, AnyMapping],
    *,
    source: str,
    actor: str,
    proposal: ProposedMapping | None = None,
) -> None:
    """Write what changes, with an entry each; call it inside the transaction that compared.

    `actor` does it; of an approved proposal its proposer counts as the editor.
    """
    store = store_of(kind)
    editor = proposal.proposed_by if proposal is not None else actor
    real = [change for change in changes if change.effect != SAME]
    created = [
        _filled(_blank(tenant_id, store, change), change, source, editor)
        for change in real
        if change.effect == NEW
    ]
    updated = [
        _filled(known[change.key], change, source, editor)
        for change in real
        if change.effect == CHANGED
    ]
    gone = [known[change.key].pk for change in real if change.effect == REMOVED]
    manager = store.model._default_manager
    manager.bulk_create(created, batch_size=BATCH)  # type: ignore[arg-type]
    manager.bulk_update(updated, _FIELDS, batch_size=BATCH)  # type: ignore[arg-type]
    for piece in chunks(gone):
        manager.filter(pk__in=piece).delete()
    more = {} if proposal is None else {"proposal": proposal.pk, "by": editor}
    record_many(
        entry(tenant_id, kind, change, _ACTIONS[change.effect], actor, source=source, **more)
        for change in real
    )


def _blank(tenant_id: int, store: Store, change: Change) -> AnyMapping:
    company, ramp_id = change.key
    return store.model(tenant_id=tenant_id, company=company, ramp_id=ramp_id, **store.extra)


def _filled(mapping: AnyMapping, change: Change, source: str, editor: str) -> AnyMapping:
    for name, value in (change.after or {}).items():
        setattr(mapping, name, value)
    mapping.source = source
    mapping.updated_by = editor[:150]
    mapping.updated_at = timezone.now()
    return mapping


def entry(
    tenant_id: int, kind: str, change: Change, action: str, actor: str, **more: object
) -> NewEntry:
    """The entry about one change: which mapping, before and after.

    What is only proposed, or approved before it is written, changes nothing yet: it has both sides
    in its body.
    """
    row = change.row
    written = action in _ACTIONS.values()
    both = {"before": change.before, "after": change.after}
    return NewEntry(
        tenant_id=tenant_id,
        action=action,
        subject_kind="mapping",
        subject_id=subject_of(kind, row.ramp_id),
        actor=actor,
        body={"kind": kind, "company": row.company, "ramp_id": row.ramp_id}
        | ({} if written else both)
        | _applied(change)
        | more,
        changes=changes(change.before, change.after) if written else {},
    )


def _applied(change: Change) -> dict[str, object]:
    """What bills got, or get, without the mapping itself; nothing where nothing applies."""
    without = change.today.without
    if not without.target or (change.before is not None and change.after is not None):
        return {}
    return {"without": {"epicor_id": without.target, "by": without.by}}


def subject_of(kind: str, ramp_id: str) -> str:
    """How the trail names a mapping, whatever its company."""
    return f"{kind}:{ramp_id}"[:255]
