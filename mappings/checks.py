"""Whether rows can be stored as mappings, and whether Epicor has what they point at."""

from collections.abc import Collection, Sequence

from audit.canonical_json import text as storable
from connector.domain.invoice_key import unseen
from mappings.cells import damage
from mappings.effective import mapped
from mappings.files import MappingRow
from mappings.known_ids import known_ids
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
    odd = {row.ramp_id for row in whole if _suspect(row.ramp_id)}
    fine = known_ids(tenant_id, kind, odd) if odd else set()
    for row in whole:
        if known.get((row.company, row.ramp_id)) == row.epicor_id:
            continue  # it is so already: what has vanished meanwhile is no fault of the file
        message = targets.error(row) or _damage(row, targets, fine)
        if message:
            errors.append((row.number, message))
    return targets, tuple(sorted(errors))


def _damage(row: MappingRow, targets: Targets, fine: Collection[str]) -> str:
    """What a spreadsheet made of an id that nothing knows, as a sentence; "" for nothing."""
    if row.ramp_id not in fine and (found := _suspect(row.ramp_id)):
        return f"ramp_id {found}"
    if not targets.companies and (found := _suspect(row.epicor_id)):
        return f"epicor_id {found}"
    return ""


def _suspect(text: str) -> str:
    """Why an id is probably not what it looks like, as the end of a sentence; "" for nothing."""
    if sign := unseen(text):
        return (
            f"has a character that cannot be seen ({sign}), perhaps pasted with it; write it anew."
        )
    return damage(text)


def row_error(row: MappingRow) -> str:
    """Why a row cannot be stored, as a sentence; "" when it can."""
    if not row.ramp_id:
        return "The Ramp id (ramp_id) is blank; every row needs the id that Ramp uses."
    if not row.epicor_id:
        return "The Epicor target (epicor_id) is blank; name it or leave the row out."
    return row.flaw or size_error(row)


def size_error(row: MappingRow) -> str:
    """Which cell is too long or holds what cannot be stored; "" when none does."""
    for name, size in _SIZES.items():
        if len(getattr(row, name)) > size:
            return f"{name} is longer than {size} characters."
        if storable(getattr(row, name)) != getattr(row, name):
            return f"{name} contains a character that cannot be stored."
    return ""
