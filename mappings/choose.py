"""Which Epicor code the users' decisions name for a Ramp reference, before anyone asks Epicor.

Pure. The order is always: the mapping for this company, the mapping for every company, and then
the reference itself when our own upload put it into Ramp. mappings/resolve.py checks the choice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from mappings.coding import (
    GL_ACCOUNTS,
    SEGMENT_SEPARATOR,
    VENDORS,
    CodingRequest,
    DimensionRule,
    LineRequest,
    Ref,
    Tables,
    dimension_field,
)

KeyT = TypeVar("KeyT", bound=tuple[str, ...])


@dataclass(frozen=True, slots=True)
class Choice:
    """A target code and where it comes from; `issued` means that it stands for itself."""

    target: str
    source: str
    issued: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """The catalog rows that a slice of bills may need."""

    vendors: frozenset[tuple[str, str]]
    accounts: frozenset[tuple[str, str]]
    values: frozenset[tuple[str, int, str]]


def _mapped(specific: str | None, general: str | None, company: str, ref: Ref) -> Choice | None:
    if specific is not None:
        return Choice(specific, f"the mapping of {ref} for {company}")
    if general is not None:
        return Choice(general, f"the mapping of {ref} for every company")
    return None


def _issued(tables: Tables, kind: str, code: str) -> Choice | None:
    if code and code in tables.issued.get(kind, ()):
        return Choice(code, "our own upload to Ramp", issued=True)
    return None


def _look_up(table: Mapping[tuple[str, str], str], company: str, ref: Ref) -> Choice | None:
    specific, general = table.get((company, ref.ramp_id)), table.get(("", ref.ramp_id))
    return _mapped(specific, general, company, ref)


def vendor(request: CodingRequest, tables: Tables) -> Choice | None:
    """The VendorID of the bill: its mapping, else the id that our own upload gave to Ramp."""
    return _look_up(tables.vendor_mappings, request.company, request.vendor) or _issued(
        tables, VENDORS, request.vendor_remote_id
    )


def account(company: str, ref: Ref, tables: Tables) -> Choice | None:
    """The whole internal account of an account option."""
    return _look_up(tables.account_mappings, company, ref) or _issued(
        tables, GL_ACCOUNTS, ref.ramp_id
    )


def value(company: str, rule: DimensionRule, ref: Ref, tables: Tables) -> Choice | None:
    """The segment value of an option of a dimension's field."""
    stored, table = dimension_field(rule.kind), tables.dimension_mappings
    specific = table.get((company, stored, ref.ramp_id))
    general = table.get(("", stored, ref.ramp_id))
    return _mapped(specific, general, company, ref) or _issued(tables, rule.kind, ref.ramp_id)


def selected(line: LineRequest, rule: DimensionRule) -> Ref | None:
    """The one option that a line chose for a dimension.

    None when it chose none, several, or one without an id: resolve tells those apart.
    """
    choice = line.choice(rule.ramp_field)
    if choice is None or len(choice.options) > 1:
        return None
    return choice.options[0] if choice.options[0].ramp_id else None


def overwrite(whole: str, segment: int, code: str) -> str | None:
    """The account with one segment (1 = first) replaced; None when it has no such segment."""
    parts = whole.split(SEGMENT_SEPARATOR)
    if not 1 <= segment <= len(parts):
        return None
    parts[segment - 1] = code
    return SEGMENT_SEPARATOR.join(parts)


def wanted(requests: Iterable[CodingRequest], tables: Tables) -> Wanted:
    """The catalog rows to read for these bills, from the users' decisions alone."""
    vendors: set[tuple[str, str]] = set()
    accounts: set[tuple[str, str]] = set()
    values: set[tuple[str, int, str]] = set()
    for request in requests:
        choice = vendor(request, tables)
        if choice is not None:
            vendors.add((request.company, choice.target))
        for line in request.lines:
            _want_line(request.company, line, tables, accounts, values)
    values.update(
        (company, number, code)
        for company, whole in accounts
        for number, code in enumerate(whole.split(SEGMENT_SEPARATOR), start=1)
    )
    return Wanted(frozenset(vendors), frozenset(accounts), frozenset(values))


def _want_line(
    company: str,
    line: LineRequest,
    tables: Tables,
    accounts: set[tuple[str, str]],
    values: set[tuple[str, int, str]],
) -> None:
    base = account(company, line.gl_account, tables) if line.gl_account is not None else None
    whole = base.target if base is not None else None
    if whole is not None:
        accounts.add((company, whole))
    for rule in tables.dimensions:
        ref = selected(line, rule)
        choice = value(company, rule, ref, tables) if ref is not None else None
        code = choice.target if choice is not None else rule.default
        if not code:
            continue
        values.add((company, rule.segment, code))
        if whole is not None:
            whole = overwrite(whole, rule.segment, code)
    if whole is not None:
        accounts.add((company, whole))
