"""Takes mappings in from a file, all or nothing, and gives them out again.

Every row is checked before anything changes; one wrong row and nothing does. Each change is an
entry of the trail with the value before and after.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.log import NewEntry, record_many
from mappings.catalog import BATCH
from mappings.coding import COST_CENTERS, DIMENSION_PREFIX, GL_ACCOUNTS, VENDORS, dimension_field
from mappings.files import MappingFileError as MappingFileError
from mappings.files import MappingRow
from mappings.files import read_rows as read_rows
from mappings.models import Dimension, DimensionMapping, GLAccountMapping, VendorMapping
from mappings.targets import targets_for

_SIZES = {"ramp_id": 255, "ramp_name": 255, "epicor_id": 255, "epicor_name": 255, "company": 16}

AnyMapping = VendorMapping | GLAccountMapping | DimensionMapping


class UnknownKindError(Exception):
    """No such kind of mapping in this tenant; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did; with errors it did nothing. Errors are (row, message), file order."""

    kind: str
    created: int
    updated: int
    unchanged: int
    errors: tuple[tuple[int, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The result as plain JSON values, as the command prints it."""
        return {
            "kind": self.kind,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "errors": [{"row": row, "message": message} for row, message in self.errors],
        }


@dataclass(frozen=True, slots=True)
class _Store:
    """Where the mappings of a kind live."""

    model: type[VendorMapping] | type[GLAccountMapping] | type[DimensionMapping]
    extra: dict[str, str]  # the field of a dimension


def import_mappings(
    tenant_id: int, kind: str, rows: Sequence[MappingRow], *, actor: str
) -> ImportResult:
    """Create and update mappings of one kind; those that the rows do not name stay.

    A blank name keeps the stored name. Raises UnknownKindError, and MappingFileError when another
    import got in between.
    """
    store = _store(tenant_id, kind)
    errors = _errors(tenant_id, kind, rows)
    if errors:
        return ImportResult(kind, 0, 0, 0, errors)
    try:
        with transaction.atomic():
            return _apply(tenant_id, kind, store, rows, actor)
    except IntegrityError as error:
        raise MappingFileError(
            "Somebody imported the same mappings at the same moment; nothing of this file was"
            " changed. Import it again."
        ) from error


def export_mappings(tenant_id: int, kind: str) -> list[MappingRow]:
    """Every mapping of a kind, by company and Ramp id, numbered as in the file they become."""
    store = _store(tenant_id, kind)
    stored = store.model._default_manager.filter(tenant_id=tenant_id, **store.extra).order_by(
        "company", "ramp_id"
    )
    values = stored.values_list("ramp_id", "ramp_name", "epicor_id", "epicor_name", "company")
    return [MappingRow(number, *cells) for number, cells in enumerate(values.iterator(), start=2)]


def known_kinds(tenant_id: int) -> list[str]:
    """The kinds of mappings that this tenant can have."""
    kinds = [VENDORS, GL_ACCOUNTS, COST_CENTERS]
    named = Dimension.objects.filter(tenant_id=tenant_id).order_by("segment")
    kinds += [kind for kind in named.values_list("kind", flat=True) if kind not in kinds]
    return kinds


def _store(tenant_id: int, kind: str) -> _Store:
    kinds = known_kinds(tenant_id)
    if kind not in kinds:
        hint = ""
        if kind.startswith(DIMENSION_PREFIX):
            hint = " A dimension must be in the tenant file before its values can be mapped."
        raise UnknownKindError(
            f"There is no mapping kind {kind!r} here; use one of {', '.join(kinds)}.{hint}"
        )
    if kind == VENDORS:
        return _Store(VendorMapping, {})
    if kind == GL_ACCOUNTS:
        return _Store(GLAccountMapping, {})
    return _Store(DimensionMapping, {"field": dimension_field(kind)})


def _errors(tenant_id: int, kind: str, rows: Sequence[MappingRow]) -> tuple[tuple[int, str], ...]:
    """Everything that is wrong, by row; targets are only looked up for rows that are whole."""
    errors: list[tuple[int, str]] = []
    seen: dict[tuple[str, str], int] = {}
    whole: list[MappingRow] = []
    for row in rows:
        message = _row_error(row)
        first = seen.setdefault((row.company, row.ramp_id), row.number)
        if not message and first != row.number:
            message = f"ramp_id {row.ramp_id!r} is in row {first} already; keep one of them."
        if message:
            errors.append((row.number, message))
        else:
            whole.append(row)
    targets = targets_for(tenant_id, kind, whole)
    for row in whole:
        message = targets.error(row)
        if message:
            errors.append((row.number, message))
    return tuple(sorted(errors))


def _row_error(row: MappingRow) -> str:
    if not row.ramp_id:
        return "ramp_id is blank; every row needs the id that Ramp uses."
    if not row.epicor_id:
        return "epicor_id is blank; name the Epicor target or leave the row out."
    for name, size in _SIZES.items():
        if len(getattr(row, name)) > size:
            return f"{name} is longer than {size} characters."
        if "\x00" in getattr(row, name):
            return f"{name} contains a character that cannot be stored."
    return ""


def _apply(
    tenant_id: int, kind: str, store: _Store, rows: Sequence[MappingRow], actor: str
) -> ImportResult:
    stored = store.model._default_manager.select_for_update().filter(
        tenant_id=tenant_id, **store.extra
    )
    known: dict[tuple[str, str], AnyMapping] = {(row.company, row.ramp_id): row for row in stored}
    created: list[AnyMapping] = []
    updated: list[AnyMapping] = []
    entries: list[NewEntry] = []
    for row in rows:
        mapping = known.get((row.company, row.ramp_id))
        before = _values(mapping) if mapping is not None else None
        if mapping is None:
            mapping = store.model(
                tenant_id=tenant_id, company=row.company, ramp_id=row.ramp_id, **store.extra
            )
        _fill(mapping, row, actor)
        after = _values(mapping)
        if before == after:
            continue
        (created if before is None else updated).append(mapping)
        entries.append(_entry(tenant_id, kind, row, actor, before, after))
    _write(store, created, updated)
    record_many(entries)
    unchanged = len(rows) - len(created) - len(updated)
    return ImportResult(kind, len(created), len(updated), unchanged)


def _fill(mapping: AnyMapping, row: MappingRow, actor: str) -> None:
    mapping.epicor_id = row.epicor_id
    mapping.ramp_name = row.ramp_name or mapping.ramp_name
    mapping.epicor_name = row.epicor_name or mapping.epicor_name
    mapping.updated_by = actor[:150]
    mapping.updated_at = timezone.now()


def _values(mapping: AnyMapping) -> dict[str, str]:
    return {
        "epicor_id": mapping.epicor_id,
        "epicor_name": mapping.epicor_name,
        "ramp_name": mapping.ramp_name,
    }


def _entry(
    tenant_id: int,
    kind: str,
    row: MappingRow,
    actor: str,
    before: dict[str, str] | None,
    after: dict[str, str],
) -> NewEntry:
    return NewEntry(
        tenant_id=tenant_id,
        action="mapping_created" if before is None else "mapping_changed",
        subject_kind="mapping",
        subject_id=f"{kind}:{row.ramp_id}"[:255],
        actor=actor,
        body={"kind": kind, "company": row.company, "ramp_id": row.ramp_id}
        | {"before": before, "after": after},
    )


def _write(store: _Store, created: Iterable[AnyMapping], updated: Iterable[AnyMapping]) -> None:
    manager = store.model._default_manager
    manager.bulk_create(created, batch_size=BATCH)  # type: ignore[arg-type]
    fields = ["epicor_id", "epicor_name", "ramp_name", "updated_at", "updated_by"]
    manager.bulk_update(updated, fields, batch_size=BATCH)  # type: ignore[arg-type]
