"""What if: which of the last days' bills a change of mappings would have coded differently."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from audit.permissions import requires
from connector.actions import mapping_what_if
from connector.http_server.request_limits import takes_bytes
from connector.jobs.models import Job
from connector.web import layout
from connector.web.activity import context_of
from connector.web.mappings import base
from connector.web.mappings.files import MOST_SENT, job_of, uploaded
from connector.web.mappings.grid import requested_row, text_in
from mappings.files import MappingFileError, MappingRow
from mappings.targets import targets_of

_DAYS = 90


@require_safe
@requires("view")
def choose(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """The page where the change and the days are chosen."""
    return _choose(request, kind)


@takes_bytes(MOST_SENT)
@require_POST
@requires("view")
def start_what_if(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """Have it found out; nothing is changed. A file is for those who may import one."""
    if request.FILES and not layout.may(request, "map"):
        raise PermissionDenied("Your role may ask about one mapping, not about a file.")
    tenant, kind = layout.tenant_of(request), base.kind_in(request, kind)
    try:
        rows = _rows(request, kind)
        job = mapping_what_if.request_what_if(
            tenant, kind, rows, _days(request), actor=layout.actor(request)
        )
    except MappingFileError as error:
        return _choose(request, kind, problem=str(error))
    return HttpResponseRedirect(reverse("mapping-what-if-found", args=[slug, job.pk]))


def _rows(request: HttpRequest, kind: str) -> list[MappingRow]:
    """The change that the form asks about: one mapping, or a file of them."""
    asked = request.POST
    if request.FILES.get("file"):
        return uploaded(request)[1]
    ramp_id, target = text_in(asked, "ramp_id"), text_in(asked, "epicor_id")
    if not ramp_id:
        raise MappingFileError("Say which reference: choose its id in Ramp, or a file.")
    if not target and "remove" not in asked:
        raise MappingFileError("Choose an Epicor target, or tick that it shall have none.")
    company = text_in(asked, "company", 17)
    known = requested_row(request, kind, asked)
    return [MappingRow(0, ramp_id, known.name, "" if "remove" in asked else target, "", company)]


def _days(request: HttpRequest) -> int:
    text = request.POST.get("days", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0


def _choose(request: HttpRequest, kind: str, problem: str = "") -> HttpResponse:
    tenant = layout.tenant_of(request)
    asked = request.POST if request.method == "POST" else request.GET
    context = base.frame(request, kind)
    row = requested_row(request, kind, asked)
    target = text_in(asked, "epicor_id")
    context |= {
        "problem": problem,
        "row": row,
        "why": base.WHY.get(row.today.now.by, ""),
        "target": target,
        "target_name": targets_of(tenant.pk, kind, {target}).called(row.company, target),
        "remove": "remove" in asked,
        "may_file": layout.may(request, "map"),
        "days": asked.get("days") or _DAYS,
        "most_days": mapping_what_if.MOST_DAYS,
        "companies": base.companies_of(tenant, [row.company]),
        "targets": base.targets_address(tenant, kind, ""),
        "asked": base.recent_jobs(tenant, mapping_what_if.WHAT_IF),
    }
    title = f"What if: {context['label']}"
    status = 422 if problem else 200
    return layout.page(request, "connector/mapping_what_if.html", title, context, status=status)


@require_safe
@requires("view")
def found(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """How far it is, and what was found so far."""
    job = job_of(request, mapping_what_if.WHAT_IF, pk)
    context = base.frame(request, job.arguments["kind"])
    context |= context_of(job) | found_context(job)
    if layout.is_part(request):
        return layout.part(request, "connector/_mapping_what_if.html", context)
    return layout.page(request, "connector/mapping_what_if_found.html", job.title, context)


def found_context(job: Job) -> dict[str, Any]:
    """What the result says, with its money as numbers again."""
    so_far = mapping_what_if.Found.from_json(job.details)
    examples = [
        {**example, "amount": Decimal(example["amount"]) if example["amount"] else None}
        for example in so_far.examples
    ]
    return {"found": so_far, "examples": examples, "shown": mapping_what_if.SHOWN}


urlpatterns = [
    path("mappings/what-if/<int:pk>/", found, name="mapping-what-if-found"),
    path("mappings/<path:kind>/what-if/", choose, name="mapping-what-if"),
    path("mappings/<path:kind>/what-if/ask/", start_what_if, name="mapping-what-if-ask"),
]
