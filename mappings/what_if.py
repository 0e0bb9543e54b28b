"""What if: the decisions with some mappings changed, and how two codings of a bill differ. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from connector.domain.errors import UnmappedError
from mappings.coding import GL_ACCOUNTS, VENDORS, Coding, CodingRequest, Tables, dimension_field
from mappings.resolve import resolve

Wishes = Mapping[tuple[str, str], str]  # company and reference → target, "" = none
_NONE = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One code of a bill that would be another; "" = none, the bill would wait."""

    field: str
    before: str
    after: str


def suppose(decisions: Tables, kind: str, wishes: Wishes) -> Tables:
    """The decisions as if the mappings of one kind were as wished."""
    if kind == VENDORS:
        return replace(decisions, vendor_mappings=_merged(decisions.vendor_mappings, wishes))
    if kind == GL_ACCOUNTS:
        return replace(decisions, account_mappings=_merged(decisions.account_mappings, wishes))
    stored = dimension_field(kind)
    table = dict(decisions.dimension_mappings)
    for (company, ramp_id), target in wishes.items():
        table.pop((company, stored, ramp_id), None)
        if target:
            table[company, stored, ramp_id] = target
    return replace(decisions, dimension_mappings=table)


def _merged(table: Mapping[tuple[str, str], str], wishes: Wishes) -> dict[tuple[str, str], str]:
    merged = {**table, **wishes}
    return {key: target for key, target in merged.items() if target}


def differences(request: CodingRequest, now: Tables, then: Tables) -> list[Difference]:
    """Which codes of a bill would be others; empty when it would be coded the same, or not at all.

    A bill that cannot be coded has no codes; what stops it is one field more.
    """
    before, gaps = _code(request, now)
    after, new_gaps = _code(request, then)
    if before is None and after is None:
        return []
    found = [Difference(name, old, new) for name, old, new in _pairs(before, after) if old != new]
    if gaps != new_gaps:
        found.append(Difference("what stops it", "; ".join(gaps), "; ".join(new_gaps)))
    return found


def _code(request: CodingRequest, tables: Tables) -> tuple[Coding | None, tuple[str, ...]]:
    try:
        return resolve(request, tables), ()
    except UnmappedError as error:
        return None, tuple(gap.message for gap in error.gaps)


def _pairs(before: Coding | None, after: Coding | None) -> list[tuple[str, str, str]]:
    old, new = _fields(before), _fields(after)
    return [(name, old.get(name, _NONE), new.get(name, _NONE)) for name in old | new]


def _fields(coding: Coding | None) -> dict[str, str]:
    if coding is None:
        return {}
    fields = {
        "vendor": coding.vendor_id,
        "terms": coding.terms_code,
        "currency": coding.currency_code,
    }
    lines = {f"line {n} account": line.account for n, line in enumerate(coding.lines, start=1)}
    return fields | lines
