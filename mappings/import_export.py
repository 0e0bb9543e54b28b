"""Takes mappings in from a file, all or nothing, and gives them out again.

Every row is checked before anything changes; one wrong row and nothing does. Each change is an
entry of the trail with the value before and after. Where mappings need approval, each row that
changes something becomes a proposal instead.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from mappings import checks, proposals
from mappings.changes import CHANGED, NEW, SAME, Change, apply, compare, lock, stored
from mappings.files import MappingFileError as MappingFileError
from mappings.files import MappingRow
from mappings.files import read_rows as read_rows
from mappings.kinds import UnknownKindError as UnknownKindError
from mappings.kinds import check_kind, store_of
from mappings.kinds import known_kinds as known_kinds
from mappings.known_ids import folded, unknown_rows

_SOURCE = "import"
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Effect:
    """What a row was said to do, so that it is imported only if it still does that."""

    what: str  # new, changed, kept, same: for the bills that name it
    old: str  # the target that applied before, "" for none


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did; with errors it did nothing. Errors are (row, message), file order.

    `proposed`: so many rows wait for approval and have changed nothing yet. `unknown`: the rows
    whose Ramp id no bill, mapping or upload of ours knows.
    """

    kind: str
    created: int
    updated: int
    unchanged: int
    errors: tuple[tuple[int, str], ...] = ()
    proposed: int = 0
    unknown: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The result as plain JSON values, as the command prints it."""
        return {
            "kind": self.kind,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "errors": [{"row": row, "message": message} for row, message in self.errors],
        }


def import_mappings(
    tenant_id: int,
    kind: str,
    rows: Sequence[MappingRow],
    *,
    actor: str,
    seen: Sequence[Effect] | None = None,
) -> ImportResult:
    """Create and update mappings of one kind; those that the rows do not name stay.

    A blank name keeps the stored name, or with a new target is the catalog's. `seen`: what the
    person was told of each row. Raises UnknownKindError, and MappingFileError when another change
    got in between.
    """
    check_kind(tenant_id, kind)
    rows = folded(tenant_id, kind, rows)
    targets, errors = checks.check(tenant_id, kind, rows)
    if errors:
        return ImportResult(kind, 0, 0, 0, errors)
    try:
        with transaction.atomic():
            rules = lock(tenant_id)
            known = stored(tenant_id, kind, rows)
            changes = compare(tenant_id, kind, rows, known, targets)
            _still_so(changes, seen)
            effects = Counter(change.effect for change in changes)
            moved = [change.row for change in changes if change.effect in (NEW, CHANGED)]
            unknown = tuple(unknown_rows(tenant_id, kind, moved)) if moved else ()
            if rules.needs_approval:
                waiting = proposals.propose(
                    tenant_id, kind, changes, source=_SOURCE, actor=actor, withdraw=False
                )
                return ImportResult(
                    kind, 0, 0, effects[SAME], proposed=len(waiting), unknown=unknown
                )
            apply(tenant_id, kind, changes, known, source=_SOURCE, actor=actor)
    except IntegrityError as error:
        raise MappingFileError(
            "Somebody imported the same mappings at the same moment; nothing of this file was"
            " changed. Import it again."
        ) from error
    return ImportResult(kind, effects[NEW], effects[CHANGED], effects[SAME], unknown=unknown)


def _still_so(changes: Sequence[Change], seen: Sequence[Effect] | None) -> None:
    """Raises MappingFileError naming the rows that would do something else by now."""
    if seen is None:
        return
    moved = [
        f"row {change.row.number} ({change.row.ramp_id}: was {was.old or 'not mapped'}, "
        f"is {change.now.target or 'not mapped'})"
        for change, was in zip(changes, seen, strict=True)
        if (change.meaning, change.now.target) != (was.what, was.old)
    ]
    if moved:
        shown = ", ".join(moved[:_SHOWN])
        more = f" and {len(moved) - _SHOWN} more" if len(moved) > _SHOWN else ""
        raise MappingFileError(
            f"{len(moved)} of these mappings changed after you looked: {shown}{more}. Nothing of "
            "this file was imported; look at what it does now and import it again."
        )


def export_mappings(tenant_id: int, kind: str) -> list[MappingRow]:
    """Every mapping of a kind, by company and Ramp id, numbered as in the file they become."""
    check_kind(tenant_id, kind)
    store = store_of(kind)
    mine = store.model._default_manager.filter(tenant_id=tenant_id, **store.extra).order_by(
        "company", "ramp_id"
    )
    values = mine.values_list("ramp_id", "ramp_name", "epicor_id", "epicor_name", "company")
    return [MappingRow(number, *cells) for number, cells in enumerate(values.iterator(), start=2)]
