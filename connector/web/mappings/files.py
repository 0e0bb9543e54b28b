"""Mapping files: uploaded, looked at row by row, imported whole or not at all, and given out."""

import io
from typing import Any
from urllib.parse import urlencode

from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from audit.permissions import requires
from audit.trail import log
from connector.actions import mapping_import
from connector.http_server.request_limits import takes_bytes
from connector.jobs import runner
from connector.jobs.models import Job
from connector.web import layout
from connector.web.activity import context_of
from connector.web.mappings import base
from connector.web.mappings.impact import deeds, shown_rows
from mappings.files import COLUMNS, MappingFileError, MappingRow, parse_rows, write_csv, write_xlsx
from mappings.import_export import export_mappings
from mappings.usage import is_counted

MOST_SENT = mapping_import.MOST_BYTES + 100_000  # the file and the form around it
_A_PAGE = 100
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_EFFECTS = {
    "error": "Wrong",
    "changed": "Changed",  # the risk comes first
    "new": "New",
    "kept": "Stored, same target",
    "same": "Unchanged",
}


@require_safe
@requires("map")
def choose(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """The page where a file is chosen."""
    return _choose(request, kind)


@takes_bytes(MOST_SENT)
@require_POST
@requires("map")
def upload(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """Read a file and have it looked at what its rows would do; nothing is changed."""
    tenant, kind = layout.tenant_of(request), base.kind_in(request, kind)
    try:
        name, rows = uploaded(request)
    except MappingFileError as error:
        return _choose(request, kind, problem=str(error))
    job = mapping_import.request_preview(tenant, kind, name, rows, actor=layout.actor(request))
    if len(rows) <= mapping_import.AT_ONCE:
        runner.run_here(job.pk)
    return HttpResponseRedirect(reverse("mapping-preview", args=[slug, job.pk]))


def uploaded(request: HttpRequest) -> tuple[str, list[MappingRow]]:
    """The name and the rows of the file in a form. Raises MappingFileError."""
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile) or not file.name:
        raise MappingFileError("Choose a file first: .csv or .xlsx.")
    rows = parse_rows(
        file.name, file, most_bytes=mapping_import.MOST_BYTES, most_rows=mapping_import.MOST_ROWS
    )
    if not rows:
        raise MappingFileError(f"{file.name} has a header and no rows; there is nothing to do.")
    return file.name, rows


def _choose(request: HttpRequest, kind: str, problem: str = "") -> HttpResponse:
    context = base.frame(request, kind) | {
        "problem": problem,
        "columns": COLUMNS,
        "most_rows": mapping_import.MOST_ROWS,
        "most_megabytes": mapping_import.MOST_BYTES // 1_000_000,
        "asked": base.recent_jobs(
            layout.tenant_of(request), mapping_import.PREVIEW, mapping_import.IMPORT
        ),
    }
    title = f"Import: {context['label']}"
    status = 422 if problem else 200
    return layout.page(request, "connector/mapping_import.html", title, context, status=status)


@require_safe
@requires("map")
def preview(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """What each row of a file would do; the piece that asks again while that is found out."""
    looked = job_of(request, mapping_import.PREVIEW, pk)
    context = base.frame(request, looked.arguments["kind"])
    context |= _preview_context(request, looked)
    if layout.is_part(request):
        return layout.part(request, "connector/_mapping_preview.html", context)
    title = f"Import: {context['label']}"  # the file's name, which may be long, is in the page
    return layout.page(request, "connector/mapping_preview.html", title, context)


@require_POST
@requires("map")
def bring_in(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Import all rows of a preview, once."""
    looked = job_of(request, mapping_import.PREVIEW, pk)
    with_replay = "replay" in request.POST and layout.may(request, "replay")
    here = reverse("mapping-preview", args=[slug, pk])
    try:
        job = mapping_import.request_import(
            looked, actor=layout.actor(request), with_replay=with_replay
        )
    except MappingFileError as error:
        return layout.done(request, str(error), here, good=False)
    if job.total <= mapping_import.AT_ONCE:
        runner.run_here(job.pk)
    return HttpResponseRedirect(reverse("mapping-imported", args=[slug, job.pk]))


@require_safe
@requires("map")
def imported(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """How an import is going, and what came of it."""
    job = job_of(request, mapping_import.IMPORT, pk)
    looked = job_of(request, mapping_import.PREVIEW, job.arguments["preview"])
    kind = looked.arguments["kind"]
    again = Job.objects.filter(tenant=job.tenant, pk=job.data.get("replay", 0)).first()
    context = base.frame(request, kind) | context_of(job)
    context |= {"looked": looked, "again": context_of(again) if again else None}
    if layout.is_part(request):
        return layout.part(request, "connector/_mapping_imported.html", context)
    title = f"Import: {context['label']}"
    return layout.page(request, "connector/mapping_imported.html", title, context)


@require_POST
@requires("map")
def look_again(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Look at the rows of an earlier file once more, as things are now."""
    looked = job_of(request, mapping_import.PREVIEW, pk)
    if mapping_import.is_past(looked):  # the page says so
        return HttpResponseRedirect(reverse("mapping-preview", args=[slug, pk]))
    asked = looked.arguments
    rows = mapping_import.rows_of(looked)
    job = mapping_import.request_preview(
        looked.tenant, asked["kind"], asked["file"], rows, actor=layout.actor(request)
    )
    if len(rows) <= mapping_import.AT_ONCE:
        runner.run_here(job.pk)
    return HttpResponseRedirect(reverse("mapping-preview", args=[slug, job.pk]))


def job_of(request: HttpRequest, kind: str, pk: int) -> Job:
    """The tenant's job of a kind. Raises Http404."""
    found = Job.objects.filter(tenant=layout.tenant_of(request), kind=kind, pk=pk)
    job = found.select_related("tenant").first()
    if job is None:
        raise Http404("No such page.")
    return job


def _preview_context(request: HttpRequest, looked: Job) -> dict[str, Any]:
    context: dict[str, Any] = context_of(looked) | {"looked": looked}
    if looked.finished_at is None or looked.failed:
        return context
    counts = {what: looked.details["counts"].get(what, 0) for what in _EFFECTS}
    what = request.GET.get("effect", "")
    if what not in _EFFECTS:
        what = next(one for one in (*_EFFECTS, "") if not one or counts[one])
    page = Paginator(mapping_import.seen_rows(looked, what), _A_PAGE).get_page(
        request.GET.get("page")
    )
    return context | {
        "counts": [(one, name, counts[one]) for one, name in _EFFECTS.items() if counts[one]],
        "effect": what,
        "effect_name": _EFFECTS.get(what, ""),
        "page_obj": page,
        "rows": shown_rows(looked, list(page)),
        "counted": is_counted(looked.tenant_id),
        "deeds": deeds(counts),
        "query": urlencode({"effect": what}),
        "wrong": counts["error"],
        "to_do": counts["new"] + counts["changed"] + counts["kept"],
        "total_rows": looked.total,
        "past": mapping_import.is_past(looked),
        "sums": mapping_import.sums_of(looked, "sums"),
        "used_sums": mapping_import.sums_of(looked, "used_sums"),
    }


@require_POST
@requires("export_mappings")
def export(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """All mappings of a kind as a file, ready to be imported again; an entry says who took it."""
    tenant, kind = layout.tenant_of(request), base.kind_in(request, kind)
    ending = "xlsx" if request.POST.get("format") == "xlsx" else "csv"
    rows = export_mappings(tenant.pk, kind)
    log.record(
        tenant.pk,
        "mapping_exported",
        subject_kind="export",
        subject_id=kind,
        actor=layout.actor(request),
        body={"kind": kind, "rows": len(rows), "format": ending},
    )
    name = f"{tenant.slug}-{kind.replace(':', '-')}-{timezone.localdate():%Y-%m-%d}.{ending}"
    answer = HttpResponse(content_type=_XLSX if ending == "xlsx" else "text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{_plain(name)}"'
    _write(rows, ending, answer)
    return answer


def _write(rows: list[MappingRow], ending: str, answer: HttpResponse) -> None:
    if ending == "xlsx":
        book = io.BytesIO()
        write_xlsx(rows, book)
        answer.write(book.getvalue())
        return
    text = io.StringIO()
    write_csv(rows, text)
    # The mark at the start tells Excel that the file is UTF-8.
    answer.write(text.getvalue().encode("utf-8-sig"))


def _plain(name: str) -> str:
    return "".join(
        sign if sign.isascii() and (sign.isalnum() or sign in "-._") else "_" for sign in name
    )


urlpatterns = [
    path("mappings/imports/<int:pk>/", preview, name="mapping-preview"),
    path("mappings/imports/<int:pk>/import/", bring_in, name="mapping-bring-in"),
    path("mappings/imports/<int:pk>/again/", look_again, name="mapping-look-again"),
    path("mappings/imported/<int:pk>/", imported, name="mapping-imported"),
    path("mappings/<path:kind>/import/", choose, name="mapping-import"),
    path("mappings/<path:kind>/import/upload/", upload, name="mapping-upload"),
    path("mappings/<path:kind>/export/", export, name="mapping-export"),
]
