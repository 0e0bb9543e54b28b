"""Whether the accounting fields that the settings name are the fields that Ramp has. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from mappings.doubts import plain


def faults(configured: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Why each of these fields decides nothing, as a sentence; a good one is left out.

    `configured` are external ids as the settings have them, `rows` Ramp's fields (`id`, `name`,
    `is_active`).
    """
    fields = {str(row.get("id") or ""): row for row in rows}
    found = {one: _fault(one, fields) for one in configured}
    return {one: fault for one, fault in found.items() if fault}


def _fault(configured: str, fields: Mapping[str, Mapping[str, Any]]) -> str:
    field = fields.get(configured)
    if field is not None:
        off = field.get("is_active") is False
        return f"The field {configured} is switched off in Ramp." if off else ""
    for id_, row in fields.items():
        if plain(configured) in (plain(id_), plain(str(row.get("name") or ""))):
            return (
                f"Ramp has no field with the id {configured}; the field {row.get('name') or id_} "
                f"has the id {id_}."
            )
    return f"Ramp has no field with the id {configured}."
