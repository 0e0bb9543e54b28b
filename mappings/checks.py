"""Whether rows can be stored as mappings, and whether Epicor has what they point at."""

from collections.abc import Sequence

from mappings.effective import mapped
from mappings.files import MappingRow
from mappings.targets import Targets, targets_for

_SIZES = {"ramp_id": 255, "ramp_name": 255, "epicor_id": 255, "epicor_name": 255, "company": 16}


def check(
    tenant_id: int, kind: str, rows: Sequence[MappingRow]
) -> tuple[Targets, tuple[tuple[int, str], ...]]:
    """The targets that these rows may have, and everything that is wrong, by row number.

    Targets are only looked up for rows that are whole.
    """
    errors: list[tuple[int, str]] = []
    seen: dict[tuple[str, str], int] = {}
    whole: list[MappingRow] = []
    for row in rows:
        message = row_error(row)
        first = seen.setdefault((row.company, row.ramp_id), row.number)
        if not message and first != row.number:
            message = f"ramp_id {row.ramp_id!r} is in row {first} already; keep one of them."
        if message:
            errors.append((row.number, message))
        else:
            whole.append(row)
    targets = targets_for(tenant_id, kind, whole)
    known = mapped(tenant_id, kind, {row.ramp_id for row in whole})
    for row in whole:
        if known.get((row.company, row.ramp_id)) == row.epicor_id:
            continue  # it is so already: what has vanished meanwhile is no fault of the file
        message = targets.error(row)
        if message:
            errors.append((row.number, message))
    return targets, tuple(sorted(errors))


def row_error(row: MappingRow) -> str:
    """Why a row cannot be stored, as a sentence; "" when it can."""
    if not row.ramp_id:
        return "The Ramp id (ramp_id) is blank; every row needs the id that Ramp uses."
    if not row.epicor_id:
        return "The Epicor target (epicor_id) is blank; name it or leave the row out."
    return size_error(row)


def size_error(row: MappingRow) -> str:
    """Which cell is too long or holds what cannot be stored; "" when none does."""
    for name, size in _SIZES.items():
        if len(getattr(row, name)) > size:
            return f"{name} is longer than {size} characters."
        if "\x00" in getattr(row, name):
            return f"{name} contains a character that cannot be stored."
    return ""
