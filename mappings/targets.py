"""Whether the Epicor codes in a mapping file exist, as far as the mirrored catalogs know.

A catalog that was never read says nothing: then every code passes, and a bill that needs a wrong
one is held later.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audit.chunks import chunks
from mappings import chart
from mappings.coding import GL_ACCOUNTS, SEGMENT_SEPARATOR, VENDORS, Tables
from mappings.files import MappingRow
from mappings.models import Dimension, EpicorAccount, EpicorSegmentValue, EpicorVendor
from mappings.tables import load_accounts, load_segment_values, load_segments

_NEXT = "correct it, or sync first if it is new in Epicor."


@dataclass(frozen=True, slots=True)
class Targets:
    """The codes that exist, by company; `companies` are those whose catalog was read."""

    what: str
    companies: frozenset[str]
    exists: Callable[[str, str], bool]

    def error(self, row: MappingRow) -> str:
        """What is wrong with a row's target, as a sentence; "" when nothing is known against it."""
        if not self.companies:
            return ""
        if not row.company:
            if any(self.exists(company, row.epicor_id) for company in self.companies):
                return ""
            return f"No company has {self.what} {row.epicor_id!r}; {_NEXT}"
        if row.company not in self.companies:
            known = ", ".join(sorted(self.companies))
            return f"Company {row.company!r} is not one of {known}; correct it or leave it blank."
        if self.exists(row.company, row.epicor_id):
            return ""
        return f"Company {row.company} has no {self.what} {row.epicor_id!r}; {_NEXT}"


def targets_for(tenant_id: int, kind: str, rows: Sequence[MappingRow]) -> Targets:
    """What is needed to check these rows, in a few queries for the whole file."""
    codes = {row.epicor_id for row in rows}
    if kind == VENDORS:
        return _vendors(tenant_id, codes)
    if kind == GL_ACCOUNTS:
        return _accounts(tenant_id, codes)
    return _values(tenant_id, kind, codes)


def _vendors(tenant_id: int, codes: set[str]) -> Targets:
    mirrored = EpicorVendor.objects.filter(tenant_id=tenant_id).order_by()
    companies = frozenset(mirrored.values_list("company", flat=True).distinct())
    known: set[tuple[str, str]] = set()
    for piece in chunks(sorted(codes)):
        known.update(mirrored.filter(vendor_id__in=piece).values_list("company", "vendor_id"))
    return Targets("vendor", companies, lambda company, code: (company, code) in known)


def _accounts(tenant_id: int, codes: set[str]) -> Targets:
    mirrored = EpicorAccount.objects.filter(tenant_id=tenant_id).order_by()
    companies = frozenset(mirrored.values_list("company", flat=True).distinct())
    parts = {part for whole in codes for part in whole.split(SEGMENT_SEPARATOR)}
    tables = Tables(
        accounts=load_accounts(tenant_id, set(companies), codes),
        segments=load_segments(tenant_id, set(companies)),
        segment_values=load_segment_values(tenant_id, set(companies), parts),
    )
    return Targets(
        "GL account",
        companies,
        lambda company, code: chart.fault(company, code, tables, None) is None,
    )


def _values(tenant_id: int, kind: str, codes: set[str]) -> Targets:
    numbers = set(
        Dimension.objects.filter(tenant_id=tenant_id, kind=kind).values_list("segment", flat=True)
    )
    mirrored = EpicorSegmentValue.objects.filter(tenant_id=tenant_id, number__in=numbers).order_by()
    companies = frozenset(mirrored.values_list("company", flat=True).distinct())
    known: set[tuple[str, str]] = set()
    for piece in chunks(sorted(codes)):
        known.update(mirrored.filter(code__in=piece).values_list("company", "code"))
    which = " or ".join(str(number) for number in sorted(numbers))
    return Targets(
        f"value in segment {which}", companies, lambda company, code: (company, code) in known
    )
