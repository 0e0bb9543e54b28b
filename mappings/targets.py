"""Whether the Epicor codes of mappings exist and may be used, as far as the mirrored catalogs know.

A catalog that was never read says nothing: then every code passes, and a bill that needs a wrong
one is held later.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils import timezone

from connector.domain.chunks import chunks
from mappings import chart
from mappings.coding import GL_ACCOUNTS, SEGMENT_SEPARATOR, VENDORS, Tables, Validity
from mappings.files import MappingRow
from mappings.models import Dimension, EpicorAccount, EpicorSegmentValue, EpicorVendor
from mappings.tables import load_accounts, load_segment_values, load_segments

_NEXT = "correct it, or sync first if it is new in Epicor."


@dataclass(frozen=True, slots=True)
class Targets:
    """The codes that exist, by company; `companies` are those whose catalog was read.

    `fault` says why a code that exists cannot be used today, as the end of a sentence.
    """

    what: str
    companies: frozenset[str]
    exists: Callable[[str, str], bool]
    names: Mapping[tuple[str, str], str] = field(default_factory=dict)
    fault: Callable[[str, str], str] = lambda _company, _code: ""

    def name(self, row: MappingRow) -> str:
        """What Epicor calls a row's target, "" when that is not known."""
        return self.called(row.company, row.epicor_id)

    def called(self, company: str, code: str) -> str:
        """What Epicor calls a code in a company, or for "" in any; "" when that is not known."""
        mine = (company,) if company else sorted(self.companies)
        found = (self.names.get((one, code)) for one in mine)
        return next((name for name in found if name), "")

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

    def problem(self, companies: Iterable[str], code: str) -> str:
        """Why a code cannot be used in these companies today; "" when it can, or nobody knows."""
        found: list[str] = []
        for company in sorted(self.companies.intersection(companies)):
            if not self.exists(company, code):
                found.append(f"not in {company}")
            elif fault := self.fault(company, code):
                found.append(f"{fault} in {company}")
        return ", ".join(found)


def targets_for(tenant_id: int, kind: str, rows: Sequence[MappingRow]) -> Targets:
    """What is needed to check these rows, in a few queries for the whole file."""
    return targets_of(tenant_id, kind, {row.epicor_id for row in rows})


def targets_of(tenant_id: int, kind: str, codes: set[str]) -> Targets:
    """What the catalogs know of these codes of a kind, in a few queries."""
    if kind == VENDORS:
        return _vendors(tenant_id, codes)
    if kind == GL_ACCOUNTS:
        return _accounts(tenant_id, codes)
    return _values(tenant_id, kind, codes)


def _vendors(tenant_id: int, codes: set[str]) -> Targets:
    mirrored = EpicorVendor.objects.filter(tenant_id=tenant_id).order_by()
    companies = frozenset(mirrored.values_list("company", flat=True).distinct())
    known: dict[tuple[str, str], str] = {}
    inactive: dict[tuple[str, str], bool] = {}
    for piece in chunks(sorted(codes)):
        # The oldest number wins where a code was used again, as when a bill is coded.
        found = mirrored.filter(vendor_id__in=piece).order_by("-vendor_num")
        for company, code, name, off in found.values_list(
            "company", "vendor_id", "name", "inactive"
        ):
            known[company, code], inactive[company, code] = name, off
    return Targets(
        "vendor",
        companies,
        lambda company, code: (company, code) in known,
        known,
        lambda company, code: "inactive" if inactive.get((company, code)) else "",
    )


def _accounts(tenant_id: int, codes: set[str]) -> Targets:
    mirrored = EpicorAccount.objects.filter(tenant_id=tenant_id).order_by()
    companies = frozenset(mirrored.values_list("company", flat=True).distinct())
    parts = {part for whole in codes for part in whole.split(SEGMENT_SEPARATOR)}
    tables = Tables(
        accounts=load_accounts(tenant_id, set(companies), codes),
        segments=load_segments(tenant_id, set(companies)),
        segment_values=load_segment_values(tenant_id, set(companies), parts),
    )
    names: dict[tuple[str, str], str] = {}
    for piece in chunks(sorted(codes)):
        found = mirrored.filter(account__in=piece)
        rows = found.values_list("company", "account", "description")
        names.update({(company, account): name for company, account, name in rows})
    today = timezone.localdate()

    def fault(company: str, code: str) -> str:
        found = chart.fault(company, code, tables, today)
        return found.text.removeprefix("is ") if found is not None else ""

    return Targets(
        "GL account",
        companies,
        lambda company, code: chart.fault(company, code, tables, None) is None,
        names,
        fault,
    )


def _values(tenant_id: int, kind: str, codes: set[str]) -> Targets:
    numbers = set(
        Dimension.objects.filter(tenant_id=tenant_id, kind=kind).values_list("segment", flat=True)
    )
    mirrored = EpicorSegmentValue.objects.filter(tenant_id=tenant_id, number__in=numbers).order_by()
    companies = frozenset(mirrored.values_list("company", flat=True).distinct())
    known: dict[tuple[str, str], str] = {}
    validity: dict[tuple[str, str], Validity] = {}
    for piece in chunks(sorted(codes)):
        rows = mirrored.filter(code__in=piece).values_list(
            "company", "code", "name", "active", "effective_from", "effective_to"
        )
        for company, code, name, active, start, end in rows:
            known[company, code] = name
            validity[company, code] = Validity(active, start, end)
    which = " or ".join(str(number) for number in sorted(numbers))
    today = timezone.localdate()
    return Targets(
        f"value in segment {which}",
        companies,
        lambda company, code: (company, code) in known,
        known,
        lambda company, code: validity[company, code].problem(today).removeprefix("is "),
    )
