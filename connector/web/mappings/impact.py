"""What the rows of a mapping file would do, as their page shows it: Epicor's own names beside the
file's, and for each row the bills it frees and what went through it in the last year."""

from collections.abc import Sequence
from dataclasses import dataclass

from connector.actions.mapping_import import SeenRow, rows_of
from connector.jobs.models import Job
from mappings.changes import stored
from mappings.impact import Impact, open_holds
from mappings.preview import misnamed
from mappings.targets import targets_of
from mappings.usage import Usage, used


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One row; names are the catalog's, "" when it has none. `freed`: None when it does nothing."""

    seen: SeenRow
    name: str
    old_name: str
    misnamed: bool
    freed: Impact | None
    used: Usage


def shown_rows(looked: Job, rows: Sequence[SeenRow]) -> list[ShownRow]:
    """These rows of a preview, complete; a constant number of queries for a page of them."""
    tenant_id, kind = looked.tenant_id, looked.arguments["kind"]
    sound = [one for one in rows if not one.error]
    codes = {code for one in sound for code in (one.row.epicor_id, one.old) if code}
    targets = targets_of(tenant_id, kind, codes)
    keys = [(one.row.company, one.row.ramp_id) for one in sound]
    beside = {(row.company, row.ramp_id) for row in rows_of(looked)}
    beside |= stored(tenant_id, kind, [one.row for one in sound]).keys()
    uses, holds = used(tenant_id, kind, keys, beside), open_holds(tenant_id)
    shown: list[ShownRow] = []
    for one in rows:
        key, name = (one.row.company, one.row.ramp_id), targets.name(one.row)
        does = one.what in ("new", "changed") and not looked.subject
        freed = holds.impact_of(kind, {key}, beside) if does else None
        old = targets.called(one.row.company, one.old)
        shown.append(
            ShownRow(one, name, old, misnamed(one.row, name), freed, uses.get(key, Usage()))
        )
    return shown


def deeds(counts: dict[str, int]) -> str:
    """What an import of these rows does: "2 new, 1 changed"."""
    words = {"new": "new", "changed": "changed", "kept": "stored with the same target"}
    words["same"] = "unchanged"
    return ", ".join(f"{counts[what]:,} {word}" for what, word in words.items() if counts[what])
