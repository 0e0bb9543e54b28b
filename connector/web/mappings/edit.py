"""Setting, changing and removing one mapping where it stands in the grid."""

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from audit.ledger.models import Posting
from audit.permissions import requires
from connector.actions.requests import request_replay
from connector.jobs.models import Job
from connector.tenants.models import Tenant
from connector.web import layout
from connector.web.activity import context_of
from connector.web.mappings import base
from connector.web.mappings.grid import requested_row, row_context, text_in
from mappings import grid as grids
from mappings.changes import needs_approval
from mappings.decisions import Decision, DecisionError, decide
from mappings.references import Row
from mappings.usage import is_counted

_CHOOSE = "Choose an Epicor target from the list: type its number or the start of its name."


@require_safe
@requires("map")
def edit(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """The form in the place of a row; with `new`, the dialog for a reference never seen."""
    kind = base.kind_in(request, kind)
    new = "new" in request.GET
    return _form(
        request, kind, Row("", "") if new else requested_row(request, kind, request.GET), new=new
    )


@require_safe
@requires("map")
def confirm_removal(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """The question before a mapping is removed: for the dialog."""
    kind = base.kind_in(request, kind)
    row = requested_row(request, kind, request.GET)
    context = row_context(request, kind, row) | {
        "kind": kind,
        "approval": needs_approval(layout.tenant_of(request).pk),
        "without": base.WHY.get(row.today.without.by, ""),
    }
    return layout.part(request, "connector/_mapping_remove.html", context)


@require_POST
@requires("map")
def save(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """Give one reference its target, or remove it; replays what waits for it if asked."""
    kind = base.kind_in(request, kind)
    asked, new = request.POST, "new" in request.POST
    row = requested_row(request, kind, asked)
    row.name = text_in(asked, "ramp_name") or row.name
    if not asked.get("epicor_id") and "remove" not in asked:
        return _form(request, kind, row, new=new, problem=_CHOOSE)
    try:
        decision = _decide(request, kind, row)
    except DecisionError as error:
        again = requested_row(request, kind, asked)
        again.name = row.name or again.name
        return _form(request, kind, again, new=new, problem=str(error))
    wanted = "replay" in asked and decision.changed and layout.may(request, "replay")
    job = _replay(request, row) if wanted else None
    return _saved(request, kind, row, decision, job)


def _decide(request: HttpRequest, kind: str, row: Row) -> Decision:
    asked = request.POST
    return decide(
        layout.tenant_of(request).pk,
        kind,
        company=row.company,
        ramp_id=row.ramp_id,
        ramp_name=row.name,
        epicor_id="" if "remove" in asked else asked.get("epicor_id", ""),
        source="manual",
        actor=layout.actor(request),
        seen=asked.get("seen", ""),
    )


def _replay(request: HttpRequest, row: Row) -> Job | None:
    tenant = layout.tenant_of(request)
    chosen = held_by(tenant, row)
    if not chosen:
        return None
    count = f"{len(chosen):,} bill{'' if len(chosen) == 1 else 's'}"
    title = f"Replay {count} that waited for {row.label}"
    return request_replay(tenant, chosen, title, actor=layout.actor(request))


def held_by(tenant: Tenant, row: Row) -> list[Posting]:
    """The bills that wait for a row, as the grid counts them."""
    return list(Posting.objects.filter(tenant=tenant, pk__in=row.held).order_by("pk"))


def _saved(
    request: HttpRequest, kind: str, row: Row, decision: Decision, job: Job | None
) -> HttpResponse:
    tenant = layout.tenant_of(request)
    said = sentence_of(decision, row.label)
    if "new" in request.POST or not layout.is_part(request):
        return layout.done(request, said, reverse("mappings", args=[tenant.slug, kind]))
    found = grids.row_of(tenant.pk, kind, decision.ramp_id, decision.company)
    context = row_context(request, kind, found) | {"kind": kind, "said": said}
    context["counted"] = is_counted(tenant.pk)
    if job is not None:
        context |= context_of(job)
    return layout.part(request, "connector/_mapping_saved.html", context)


def sentence_of(decision: Decision, name: str) -> str:
    """What became of a decision, as a sentence."""
    where = f" in {decision.company}" if decision.company else ""
    if decision.waits:
        what = f"{name} → {decision.after}" if decision.after else f"removing the mapping of {name}"
        return f"Proposed: {what}{where}. It counts once somebody else has approved it."
    if not decision.changed:
        return f"{name} is as it was; nothing was changed."
    if not decision.after and decision.then.target:
        why = base.WHY[decision.then.by]
        return f"{name} has no mapping of its own{where} any more: {decision.then.target}, {why}."
    if not decision.after:
        return f"{name} has no target{where} any more; new bills that name it will wait."
    return f"Saved: {name} → {decision.after}{where}."


def _form(
    request: HttpRequest, kind: str, row: Row, *, new: bool = False, problem: str = ""
) -> HttpResponse:
    tenant = layout.tenant_of(request)
    context = row_context(request, kind, row) | {
        "kind": kind,
        "problem": problem,
        "new": new,
        "approval": needs_approval(tenant.pk),
        "companies": base.companies_of(tenant, row.companies),
        "targets": base.targets_address(tenant, kind, row.company),
    }
    template = "connector/_mapping_new.html" if new else "connector/_mapping_edit.html"
    return layout.part(request, template, context, status=422 if problem else 200)


urlpatterns = [
    path("mappings/<path:kind>/edit/", edit, name="mapping-edit"),
    path("mappings/<path:kind>/remove/", confirm_removal, name="mapping-remove"),
    path("mappings/<path:kind>/save/", save, name="mapping-save"),
]
