"""What a file of mappings would do, row by row, before anything is done."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mappings import checks
from mappings.changes import CHANGED, NEW, Change, Key, compare, stored
from mappings.files import MappingRow
from mappings.impact import Impact, open_holds
from mappings.import_export import Effect
from mappings.kinds import check_kind
from mappings.known_ids import folded, unknown_rows
from mappings.targets import Targets
from mappings.usage import Usage, used

ERROR = "error"


@dataclass(frozen=True, slots=True)
class Preview:
    """The effect of each row in order, what is wrong, and which bills would be unblocked.

    `unusable`: so many rows name a target that Epicor has and that cannot be used today;
    `misnamed`: so many call their target otherwise than Epicor does. `used`: what went through
    the targets that change, in the last year. `unknown`: the rows whose Ramp id nothing knows.
    """

    effects: tuple[Effect, ...]
    errors: Mapping[int, str]  # by row number
    freed: Impact
    unusable: int
    misnamed: int
    used: Usage
    unknown: tuple[int, ...] = ()

    @property
    def counts(self) -> Counter[str]:
        """How many rows are new, changed, kept, same or wrong."""
        return Counter(effect.what for effect in self.effects)


def preview(tenant_id: int, kind: str, rows: Sequence[MappingRow]) -> Preview:
    """What importing these rows would do now; changes nothing. Raises UnknownKindError."""
    check_kind(tenant_id, kind)
    rows = folded(tenant_id, kind, rows)
    targets, found = checks.check(tenant_id, kind, rows)
    errors = dict(found)
    storable = [row for row in rows if not checks.size_error(row)]
    known = stored(tenant_id, kind, storable)
    changes = {
        change.row.number: change for change in compare(tenant_id, kind, storable, known, targets)
    }
    effects = tuple(
        Effect(ERROR, "") if row.number in errors else _effect(changes[row.number]) for row in rows
    )
    real = [
        change
        for number, change in changes.items()
        if number not in errors and change.effect in (NEW, CHANGED)
    ]
    freed = open_holds(tenant_id).impact_of(kind, {change.key for change in real}, known.keys())
    return Preview(
        effects,
        errors,
        freed,
        sum(_is_unusable(change, targets) for change in real),
        sum(misnamed(change.row, targets.name(change.row)) for change in real),
        _used(tenant_id, kind, real, {*known, *(change.key for change in changes.values())}),
        tuple(unknown_rows(tenant_id, kind, [change.row for change in real])),
    )


def misnamed(row: MappingRow, name: str) -> bool:
    """Whether a row calls its target otherwise than Epicor does, capitals and spaces apart."""
    plain = [" ".join(text.casefold().split()) for text in (row.epicor_name, name)]
    return bool(all(plain) and plain[0] != plain[1])


def _used(tenant_id: int, kind: str, real: Sequence[Change], others: Collection[Key]) -> Usage:
    """What went through the references whose target becomes another, however they have it."""
    keys = {change.key for change in real if change.now.target not in ("", change.then.target)}
    found = Usage()
    for one in used(tenant_id, kind, keys, others).values():
        found.add(one.bills, one.sums)
    return found


def _effect(change: Change) -> Effect:
    return Effect(change.meaning, change.now.target)


def _is_unusable(change: Change, targets: Targets) -> bool:
    """Whether the target cannot be used today in any company that the mapping is for."""
    company = change.row.company
    companies = [company] if company else sorted(targets.companies)
    problems = [targets.problem([one], change.new) for one in companies]
    return bool(problems) and all(problems)
