"""Mappings: the references of one kind, those without target first, edited where they stand."""

from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from audit.permissions import requires
from connector.actions import mapping_usage
from connector.jobs.models import Job
from connector.web import layout
from connector.web.mappings import base
from mappings import grid as grids
from mappings.coding import VENDORS
from mappings.history import history
from mappings.listing import ALL, Place, Wanted
from mappings.references import Row
from mappings.usage import is_counted

_CHOICES = 20


@require_safe
@requires("view")
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """The vendors: where most of the work is."""
    return HttpResponseRedirect(reverse("mappings", args=[slug, VENDORS]))


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """The references of one kind, those without target first, then by use."""
    tenant = layout.tenant_of(request)
    context = base.frame(request, kind)
    wanted = wanted_of(request.GET)
    at = Place.read(request.GET.get("at", ""))
    found = grids.grid(tenant.pk, kind, wanted, at)
    context |= {
        "grid": found,
        "rows": [row_context(request, kind, row) for row in found.rows],
        "counted": found.counted is not None,
        "wanted": wanted,
        "query": urlencode({name: value for name, value in asdict(wanted).items() if value}),
        "first_page": at == Place(),
        "more_unmapped": found.unmapped > grids.COUNTED,
        "companies": base.companies_of(tenant, [wanted.company.replace(ALL, "")]),
        "days": mapping_usage.DAYS,
        "counting": Job.objects.filter(
            tenant=tenant, kind=mapping_usage.COUNT, finished_at=None
        ).first(),
    }
    title = f"Mappings: {context['label']}"
    return layout.page(request, "connector/mappings.html", title, context)


@require_safe
@requires("view")
def row(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """One row as it is now: the piece that takes the place of its form."""
    kind = base.kind_in(request, kind)
    found = requested_row(request, kind, request.GET)
    context = row_context(request, kind, found) | {"kind": kind}
    context["counted"] = is_counted(layout.tenant_of(request).pk)
    return layout.part(request, "connector/_mapping_row.html", context)


@require_safe
@requires("view")
def past(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """What happened to the mappings of one reference: for the dialog."""
    kind = base.kind_in(request, kind)
    found = requested_row(request, kind, request.GET)
    events = history(layout.tenant_of(request).pk, kind, found.ramp_id)
    context = {"row": found, "events": events, "sources": base.SOURCES}
    return layout.part(request, "connector/_mapping_history.html", context)


@require_safe
@requires("view")
def references(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """What fits the typed text among the references of a kind, as JSON for the type-ahead."""
    kind = base.kind_in(request, kind)
    wanted = Wanted(start=text_in(request.GET, "q"))
    found = grids.grid(layout.tenant_of(request).pk, kind, wanted).rows[:_CHOICES]
    items = {
        row.ramp_id: {"id": row.ramp_id, "name": row.label, "note": _note(row)} for row in found
    }
    return JsonResponse({"items": list(items.values())})


def _note(row: Row) -> str:
    now = f"now → {row.target}" if row.target else "not mapped"
    return f"{row.ramp_id} · {now}" if row.name else now


@require_POST
@requires("map")
def count(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """Have the bills of the last year counted again."""
    kind = base.kind_in(request, kind)
    asked = mapping_usage.request_count(layout.tenant_of(request), actor=layout.actor(request))
    text = "The bills of the last year are being counted." if asked else "They are being counted."
    return layout.done(request, text, reverse("mappings", args=[slug, kind]))


def wanted_of(asked: QueryDict) -> Wanted:
    """What the query string asks for; what it cannot mean is left out."""
    shows = (grids.UNMAPPED, grids.UNUSABLE, grids.WAITING)
    show, source = asked.get("show", ""), asked.get("source", "")
    return Wanted(
        start=text_in(asked, "start"),
        show=show if show in shows else "",
        company=text_in(asked, "company", 16),
        source=source if source in base.SOURCES else "",
    )


def text_in(asked: Mapping[str, str], name: str, size: int = 255) -> str:
    """A text of a form or an address, without what no database can store."""
    return asked.get(name, "").replace("\x00", "").strip()[:size]


def requested_row(request: HttpRequest, kind: str, asked: Mapping[str, str]) -> Row:
    """The row that a form or an address names, as it is now."""
    ramp_id, company = text_in(asked, "ramp_id"), text_in(asked, "company", 16)
    return grids.row_of(layout.tenant_of(request).pk, kind, ramp_id, company)


def row_context(request: HttpRequest, kind: str, row: Row) -> dict[str, Any]:
    """What the pieces of a row need: itself, where it is asked for, its place on the page."""
    return {
        "row": row,
        "row_id": row_id(row.ramp_id, row.company),
        "row_query": urlencode({"ramp_id": row.ramp_id, "company": row.company}),
        "source_name": base.SOURCES.get(row.source, ""),
    }


def row_id(ramp_id: str, company: str) -> str:
    """The id that a row has in the page, whatever characters its reference has."""
    return f"row-{sha256(f'{company}|{ramp_id}'.encode()).hexdigest()[:12]}"


urlpatterns = [
    path("mappings/", start, name="mappings-start"),
    path("mappings/<path:kind>/row/", row, name="mapping-row"),
    path("mappings/<path:kind>/history/", past, name="mapping-history"),
    path("mappings/<path:kind>/references/", references, name="mapping-references"),
    path("mappings/<path:kind>/count/", count, name="mapping-count"),
    path("mappings/<path:kind>/", page, name="mappings"),  # the last one: a kind may be any text
]
