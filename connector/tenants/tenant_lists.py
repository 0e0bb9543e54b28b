"""The three lists of a tenant file that are replaced whole: entities, currencies, dimensions."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.tenants.tenant_schema import Read, matching, number, optional_text, text

Report = Callable[[str, str], None]  # path, problem


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """A Ramp entity and the Epicor company and site that its bills go to."""

    ramp_entity_id: str
    company: str
    site: str


@dataclass(frozen=True, slots=True, order=True)
class Dimension:
    """A Ramp field that overwrites a segment of the account."""

    ramp_field: str
    segment: int
    kind: str
    default: str


_NOT_IN_KIND = r"/\\?#%\x00-\x1f\x7f-\x9f\u2028\u2029"  # the kind is a part of addresses
_FIELD = rf"dimension:(?!\s)[^{_NOT_IN_KIND}]{{1,54}}"
_ENTITY: Mapping[str, Read] = {
    "ramp_entity_id": text(64),
    "company": text(16),
    "site": optional_text(16),
}
_DIMENSION: Mapping[str, Read] = {
    "ramp_field": text(64),
    "segment": number(1, 20),
    "kind": matching(
        rf"cost_centers|{_FIELD}",
        "cost_centers or dimension:FIELD, where FIELD has up to 54 characters and none of "
        "/ \\ ? # %",
    ),
    "default": optional_text(50),
}
_ISO = matching(r"[A-Z]{3,4}", "a currency code such as USD")
_CODE = text(16)


def read_entities(value: Any, report: Report) -> tuple[Entity, ...]:
    """The routes. At least one, and each Ramp entity once."""
    rows = _objects(value, "entities", _ENTITY, {"ramp_entity_id", "company"}, report)
    if isinstance(value, list) and not value:
        report("entities", "must name at least one entity")
    _once([row.get("ramp_entity_id") for row in rows], "entities", "ramp_entity_id", report)
    return tuple(
        Entity(row["ramp_entity_id"], row["company"], row.get("site") or "")
        for row in rows
        if {"ramp_entity_id", "company"} <= row.keys()
    )


def read_dimensions(value: Any, report: Report) -> tuple[Dimension, ...]:
    """The dimensions; null means none. Each field and each segment once."""
    rows = _objects(value or [], "dimensions", _DIMENSION, {"ramp_field", "segment"}, report)
    for name in ("ramp_field", "segment"):
        _once([row.get(name) for row in rows], "dimensions", name, report)
    made = [None if row.get("kind") else _kind_of(row.get("ramp_field", "")) for row in rows]
    _once(made, "dimensions", "kind", report)
    return tuple(
        Dimension(
            row["ramp_field"],
            row["segment"],
            row.get("kind") or _kind_of(row["ramp_field"]),
            row.get("default") or "",
        )
        for row in rows
        if {"ramp_field", "segment"} <= row.keys()
    )


def read_currencies(value: Any, report: Report) -> tuple[tuple[str, str], ...]:
    """ISO currency and Epicor code, in pairs; null means none."""
    if value is None:
        return ()
    if not isinstance(value, dict):
        report("currencies", 'must be an object such as {"USD": "USD"}')
        return ()
    found = []
    for iso, code in value.items():
        path = f"currencies.{iso}"
        try:
            found.append((_ISO(iso), _CODE(code)))
        except ValueError as error:
            report(path, str(error))
    return tuple(found)


def _kind_of(field: str) -> str:
    """The kind of a field that names none; what an address cannot have becomes a dash."""
    if field == "cost_center":
        return "cost_centers"
    return f"dimension:{re.sub(rf'[{_NOT_IN_KIND}]', '-', field)[:54]}"


def _objects(
    value: Any, path: str, keys: Mapping[str, Read], required: set[str], report: Report
) -> list[dict[str, Any]]:
    """The rows with what of them is right; what is wrong is reported."""
    if not isinstance(value, list):
        report(path, "must be a list")
        return []
    return [
        _object(item, f"{path}[{index}]", keys, required, report)
        for index, item in enumerate(value)
    ]


def _object(
    item: Any, path: str, keys: Mapping[str, Read], required: set[str], report: Report
) -> dict[str, Any]:
    if not isinstance(item, dict):
        report(path, "must be an object")
        return {}
    found: dict[str, Any] = {}
    for name, value in item.items():
        if name not in keys:
            report(f"{path}.{name}", f"is not a key; known: {', '.join(keys)}")
        elif value is not None:
            try:
                found[name] = keys[name](value)
            except ValueError as error:
                report(f"{path}.{name}", str(error))
    for name in sorted(required):
        if item.get(name) is None:
            report(f"{path}.{name}", "is required")
    return found


def _once(values: Iterable[Any], path: str, name: str, report: Report) -> None:
    seen: set[Any] = set()
    for index, value in enumerate(values):
        if value is not None and value in seen:
            report(f"{path}[{index}].{name}", f"names {value} a second time")
        seen.add(value)
