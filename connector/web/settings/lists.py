"""The lists of a tenant's settings as tables: what is proposed and known of each line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.ledger.models import Posting
from connector.actions import tenant_setup
from connector.jobs.models import Job
from connector.ramp.accounting_fields import faults
from connector.tenants.entities import names_of
from connector.tenants.list_forms import Currencies, Dimensions, Routes, Rows
from connector.tenants.models import Tenant
from mappings.models import EpicorCurrency, EpicorSegment, EpicorSegmentValue

_MOST_CURRENCIES = 200  # of bills, to propose
_MOST_VALUES = 500  # of a segment, to choose a default from


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the thing that a line is about."""

    name: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: its form, and what is known of what it is about."""

    form: Any
    known: Known


@dataclass(frozen=True, slots=True)
class Table:
    """A list as it is proposed; `known` is by the value of the first column."""

    proposed: Sequence[Mapping[str, Any]]
    known: Mapping[str, Known]
    empty: int

    def rows(self, kind: type[Rows]) -> Rows:
        """The proposal as a form."""
        return kind(proposed=self.proposed, empty=self.empty)

    def lines(self, rows: Rows) -> list[Line]:
        """The lines of a form, as proposed or as typed."""
        key = rows.columns[0]
        return [
            Line(form, self.known.get(str(form[key].value() or ""), Known())) for form in rows.forms
        ]


def table(tenant: Tenant, kind: type[Rows], stored: Iterable[Sequence[Any]]) -> Table:
    """What is stored of a list, and what both systems have besides."""
    rows = [dict(zip(kind.columns, row, strict=True)) for row in stored]
    return _TABLES[kind.path](tenant, rows)


def _entities(tenant: Tenant, stored: list[dict[str, Any]]) -> Table:
    """Every entity that Ramp showed or that has a route, and empty lines for typing."""
    seen = latest(tenant, tenant_setup.ENTITIES)
    routes, names = {row["ramp_entity_id"]: row for row in stored}, names_of(tenant)
    note = "Ramp did not show this entity the last time." if seen else ""
    shown = seen.get("entities", [])
    known = {entity: Known(names.get(entity, ""), note) for entity in routes}
    known |= {one["id"]: Known(one["name"], one["currency"]) for one in shown}
    order = [*(one["id"] for one in shown), *sorted(routes)]
    proposed = [routes.get(entity, {"ramp_entity_id": entity}) for entity in dict.fromkeys(order)]
    return Table(proposed, known, empty=0 if seen else 2)


def companies(tenant: Tenant) -> list[dict[str, str]]:
    """The Epicor companies to choose from, as they were read last."""
    found: list[dict[str, str]] = latest(tenant, tenant_setup.ENTITIES).get("companies", [])
    return found


def _currencies(tenant: Tenant, stored: list[dict[str, Any]]) -> Table:
    """The map, and for every other currency that turned up the code that Epicor has for it."""
    mapped = {row["iso"]: row["epicor_code"] for row in stored}
    codes = set(EpicorCurrency.objects.filter(tenant=tenant).values_list("code", flat=True))
    bills = Posting.objects.filter(tenant=tenant).order_by().exclude(currency="")
    met = set(bills.values_list("currency", flat=True).distinct()[:_MOST_CURRENCIES])
    of_entities = latest(tenant, tenant_setup.ENTITIES).get("entities", [])
    met |= {one["currency"] for one in of_entities if one["currency"]}
    others = sorted((met | {code for code in codes if _is_iso(code)}) - mapped.keys())
    lost = "Epicor did not show a currency {} the last time."
    notes = {iso: lost.format(code) for iso, code in mapped.items() if codes - {code} == codes}
    notes |= {
        iso: "Proposed: Epicor has a currency of this code."
        if iso in codes
        else "Seen in Ramp; Epicor has no currency of this code."
        for iso in others
    }
    proposed = [{"iso": iso, "epicor_code": iso if iso in codes else ""} for iso in others]
    return Table([*stored, *proposed], {k: Known(note=v) for k, v in notes.items()}, empty=1)


def _is_iso(code: str) -> bool:
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()


def _dimensions(tenant: Tenant, stored: list[dict[str, Any]]) -> Table:
    """Every accounting field that Ramp showed, with the segment that it fills."""
    seen = latest(tenant, tenant_setup.CHART)
    rows = {row["ramp_field"]: row for row in stored}
    names = {one["id"]: one["name"] for one in seen.get("fields", [])}
    wrong = faults(rows, seen["fields"]) if "fields" in seen else {}
    advice = " What is chosen there decides nothing; correct it, or read the fields again."
    order = [*names, *sorted(rows.keys() - names.keys())]
    known = {
        field: Known(names.get(field, ""), wrong[field] + advice if field in wrong else "")
        for field in order
    }
    proposed = [rows.get(field, {"ramp_field": field}) for field in order]
    return Table(proposed, known, empty=0 if seen else 1)


def segments(tenant: Tenant, stored: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """The segments of the charts with values to choose a default from; two queries.

    Those of `stored` dimensions are among them, so that saving a page never drops one.
    """
    names: dict[int, set[str]] = {}
    rows = EpicorSegment.objects.filter(tenant=tenant).order_by("number", "name")
    for number, name in rows.values_list("number", "name"):
        names.setdefault(number, set()).add(name)
    if names:
        column = Dimensions.columns.index("segment")
        for row in stored:
            names.setdefault(row[column], {"(not in Epicor's chart as last read)"})
    values: dict[int, dict[str, str]] = {}
    coded = EpicorSegmentValue.objects.filter(tenant=tenant, number__in=names, active=True)
    pairs = coded.order_by("number", "code").values_list("number", "code", "name")
    for number, code, name in pairs[: _MOST_VALUES * max(1, len(names))]:
        values.setdefault(number, {}).setdefault(code, name)
    return [
        {
            "number": str(number),
            "name": " / ".join(sorted(names[number])),
            "values": sorted(values.get(number, {}).items())[:_MOST_VALUES],
        }
        for number in sorted(names)
    ]


def latest(tenant: Tenant, kind: str) -> dict[str, Any]:
    """The result of the last job of a kind that came to a good end; {} without one."""
    rows = Job.objects.filter(tenant=tenant, kind=kind, state=Job.State.DONE)
    return dict(rows.values_list("details", flat=True).first() or {})


_TABLES = {
    Routes.path: _entities,
    Currencies.path: _currencies,
    Dimensions.path: _dimensions,
}
