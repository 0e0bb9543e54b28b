"""The three lists of a tenant's settings as tables to fill in: what is proposed, typed, refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from audit.ledger.models import Posting
from connector.actions import tenant_setup as errands
from connector.jobs.models import Errand
from connector.ramp.accounting_fields import faults
from connector.tenants.entities import names_of
from connector.tenants.models import Tenant
from mappings.models import EpicorCurrency, EpicorSegment, EpicorSegmentValue

_EMPTY_ROWS = 2
_MOST_ROWS = 200
_MOST_VALUES = 500  # of a segment, to choose a default from
ENTITY_COLUMNS = ("ramp_entity_id", "company", "site")
CURRENCY_COLUMNS = ("iso", "code")
DIMENSION_COLUMNS = ("ramp_field", "segment", "kind", "default")


@dataclass(slots=True)
class Row:
    """One line of a table: what is in it, what it is called, and what is wrong with it."""

    values: dict[str, str]
    name: str = ""
    note: str = ""
    errors: list[str] = field(default_factory=list)


def posted_rows(posted: QueryDict, prefix: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """The lines of a table as typed; ragged or endless input is cut, never guessed."""
    lists = [posted.getlist(f"{prefix}.{column}")[:_MOST_ROWS] for column in columns]
    return [
        {column: text.strip() for column, text in zip(columns, values, strict=True)}
        for values in zip(*lists, strict=False)
    ]


# -- entities --------------------------------------------------------------------------------------


def entities_document(posted: QueryDict) -> tuple[dict[str, Any], list[int]]:
    """The routes, and at which line each is; an entity without company has none."""
    rows = posted_rows(posted, "entities", ENTITY_COLUMNS)
    kept = [n for n, row in enumerate(rows) if row["company"] or row["site"]]
    return {"entities": [rows[n] for n in kept]}, kept


def entity_rows(tenant: Tenant, stored: Iterable[Sequence[str]]) -> list[Row]:
    """Every entity that Ramp showed or that has a route, and empty lines for typing."""
    seen = latest(tenant, errands.ENTITIES)
    routes = {row[0]: (row[1], row[2]) for row in stored}
    names, rows = names_of(tenant), []
    for one in seen.get("entities", []):
        company, site = routes.pop(one["id"], ("", ""))
        values = {"ramp_entity_id": one["id"], "company": company, "site": site}
        rows.append(Row(values, name=one["name"], note=one["currency"]))
    for entity, (company, site) in sorted(routes.items()):
        values = {"ramp_entity_id": entity, "company": company, "site": site}
        note = "Ramp did not show this entity the last time." if seen else ""
        rows.append(Row(values, name=names.get(entity, ""), note=note))
    return rows + _empty(ENTITY_COLUMNS, 0 if seen else _EMPTY_ROWS)


def companies(tenant: Tenant) -> list[dict[str, str]]:
    """The Epicor companies to choose from, as they were read last."""
    found: list[dict[str, str]] = latest(tenant, errands.ENTITIES).get("companies", [])
    return found


# -- currencies and dimensions ---------------------------------------------------------------------


def coding_document(posted: QueryDict) -> tuple[dict[str, Any], list[str], dict[str, list[int]]]:
    """Currencies and dimensions, doubled currencies, and at which line each row is."""
    currencies = posted_rows(posted, "currencies", CURRENCY_COLUMNS)
    chosen = [n for n, row in enumerate(currencies) if row["iso"] and row["code"]]
    isos = [currencies[n]["iso"].upper() for n in chosen]
    double = sorted({iso for iso in isos if isos.count(iso) > 1})
    dimensions = posted_rows(posted, "dimensions", DIMENSION_COLUMNS)
    kept = [n for n, row in enumerate(dimensions) if row["segment"] or row["default"]]
    document = {
        "currencies": {currencies[n]["iso"].upper(): currencies[n]["code"] for n in chosen},
        "dimensions": [_dimension(dimensions[n]) for n in kept],
    }
    return document, double, {"currencies": chosen, "dimensions": kept}


def _dimension(row: Mapping[str, str]) -> dict[str, Any]:
    number = row["segment"]
    return {
        "ramp_field": row["ramp_field"],
        "segment": int(number) if number.isdecimal() and len(number) < 4 else number,
        "kind": row["kind"] or None,
        "default": row["default"],
    }


def currency_rows(tenant: Tenant, stored: Iterable[Sequence[str]]) -> list[Row]:
    """The map, and for every other currency that turned up the code that Epicor has for it."""
    known = {str(row[0]): str(row[1]) for row in stored}
    codes = set(EpicorCurrency.objects.filter(tenant=tenant).values_list("code", flat=True))
    bills = Posting.objects.filter(tenant=tenant).order_by().exclude(currency="")
    met = set(bills.values_list("currency", flat=True).distinct()[:_MOST_ROWS])
    of_entities = latest(tenant, errands.ENTITIES).get("entities", [])
    met |= {one["currency"] for one in of_entities if one["currency"]}
    rows = [
        Row({"iso": iso, "code": code}, note=_unknown(code, codes)) for iso, code in known.items()
    ]
    for iso in sorted((met | {code for code in codes if _is_iso(code)}) - known.keys()):
        there = iso in codes
        rows.append(
            Row(
                {"iso": iso, "code": iso if there else ""},
                note="Proposed: Epicor has a currency of this code."
                if there
                else "Seen in Ramp; Epicor has no currency of this code.",
            )
        )
    return rows + _empty(CURRENCY_COLUMNS, 1)


def _unknown(code: str, codes: set[str]) -> str:
    return (
        f"Epicor did not show a currency {code} the last time." if codes - {code} == codes else ""
    )


def _is_iso(code: str) -> bool:
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()


def dimension_rows(tenant: Tenant, stored: Iterable[Sequence[Any]]) -> list[Row]:
    """Every accounting field that Ramp showed, with the segment that it fills."""
    seen = latest(tenant, errands.CHART)
    known = {row[0]: row for row in stored}
    names = {one["id"]: one["name"] for one in seen.get("fields", [])}
    wrong = faults(known, seen["fields"]) if "fields" in seen else {}
    rows = []
    for ramp_field in [*names, *sorted(known.keys() - names.keys())]:
        _, segment, kind, default = known.get(ramp_field, (ramp_field, "", "", ""))
        values = {
            "ramp_field": ramp_field,
            "segment": str(segment),
            "kind": kind,
            "default": default,
        }
        note = wrong.get(ramp_field, "")
        if note:
            note += " What is chosen there decides nothing; correct it, or read the fields again."
        rows.append(Row(values, name=names.get(ramp_field, ""), note=note))
    return rows + _empty(DIMENSION_COLUMNS, 0 if seen else 1)


def segments(tenant: Tenant) -> list[dict[str, Any]]:
    """The segments of the charts with values to choose a default from; two queries."""
    names: dict[int, set[str]] = {}
    rows = EpicorSegment.objects.filter(tenant=tenant).order_by("number", "name")
    for number, name in rows.values_list("number", "name"):
        names.setdefault(number, set()).add(name)
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


# -- what the forms share --------------------------------------------------------------------------


def refused(
    rows: Sequence[Mapping[str, str]], before: Sequence[Row], errors: Mapping[int, list[str]]
) -> list[Row]:
    """The lines as they were typed, with what is wrong; names come from the table as proposed."""
    return [
        Row(
            dict(values),
            name=before[n].name if n < len(before) else "",
            note=before[n].note if n < len(before) else "",
            errors=errors.get(n, []),
        )
        for n, values in enumerate(rows)
    ]


def latest(tenant: Tenant, kind: str) -> dict[str, Any]:
    """The result of the last errand of a kind that came to a good end; {} without one."""
    rows = Errand.objects.filter(tenant=tenant, kind=kind, failed=False)
    done = rows.exclude(finished_at=None).values_list("result", flat=True).first()
    return dict(done or {})


def _empty(columns: Sequence[str], count: int) -> list[Row]:
    return [Row(dict.fromkeys(columns, "")) for _ in range(count)]
