"""Remove from Epicor, and enter again: what would be deleted is looked up and shown first.

The look-up goes with the form, and what it found with the order: nothing else is deleted.
"""

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from audit.ledger.models import Posting
from audit.permissions import requires
from connector.actions.bill_jobs import PLAN_REMOVAL, REMOVE, name_of, request_once, shown_by
from connector.domain.errors import HeldError
from connector.jobs import queue
from connector.jobs.models import Job
from connector.tenants.models import Tenant
from connector.web import layout
from connector.web.actions.answers import one_of
from connector.web.actions.dialogs import CARRIED, answer, back, carried, dialog, problem
from connector.web.actions.forms import ReasonForm
from connector.web.actions.preview import Done
from connector.web.actions.selection import SelectionError, as_seen

_PIECE = "connector/_act_removal.html"
_REMOVED = Posting.State.REMOVED


@require_POST
@requires("decide")
def remove(request: HttpRequest, slug: str, *, again: bool) -> HttpResponse:
    """Have the plan looked up and shown; with `sure` and a reason, have it carried out."""
    tenant = layout.tenant_of(request)
    try:
        posting = one_of(request)
    except SelectionError as error:
        return problem(request, _title(again=again), str(error))
    if not posting.in_epicor and not (again and posting.state == _REMOVED):
        return problem(request, _title(again=again), f"Bill {name_of(posting)} {_NOT_THERE}")
    sure = "sure" in request.POST
    form = ReasonForm(tenant, request.POST if sure else None)
    found: Job | None = None
    shown: dict[str, Any] | None = {}  # of what is removed already, there is nothing to see
    if sure and posting.state != _REMOVED:
        found = _preview(tenant, posting, request.POST.get("plan", ""), again=again)
        shown = None if found is None else shown_by(found)
    if shown is None:
        return problem(request, _title(again=again), _NOT_LOOKED)
    if sure and form.is_valid():
        order = {"enter_again": again, "shown": shown, "reason": form.cleaned_data["reason"]}
        try:
            job = _carry_out(tenant, posting, layout.actor(request), order)
        except HeldError as error:
            return problem(request, _title(again=again), error.message)
        return answer(request, Done("", job))
    if not sure and posting.state != _REMOVED:
        found = _look(tenant, posting, layout.actor(request), again=again)
    context = _context(tenant, posting, found, again=again)
    context |= {"form": form, "carried": carried(request)}
    context["more"] = urlencode({**carried(request), "to": back(request)})
    return dialog(request, _PIECE, _title(again=again), context, status=422 if sure else 200)


@require_safe
@requires("decide")
def look(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """How far the look-up is; once it is there, the plan with the form that carries it out."""
    tenant = layout.tenant_of(request)
    job = Job.objects.filter(tenant=tenant, pk=pk, kind=PLAN_REMOVAL).first()
    subject = job.subject if job is not None else ""
    posting = Posting.objects.filter(tenant=tenant, bill_id=subject).first()
    if job is None or posting is None:
        raise Http404("No such page.")
    again = bool(job.arguments["enter_again"])
    context = _context(tenant, posting, job, again=again)
    context |= {"carried": _kept(request.GET), "to": request.GET.get("to", "")}
    context["more"] = request.GET.urlencode()
    return layout.part(request, _PIECE, context)


def _context(tenant: Tenant, posting: Posting, job: Job | None, *, again: bool) -> dict[str, Any]:
    """What `_act_removal.html` needs: the bill, how far the look-up is, and what it found."""
    return {
        "posting": posting,
        "again": again,
        "heading": _title(again=again),
        "action": reverse("act-again" if again else "act-remove", args=[tenant.slug]),
        "chosen": as_seen([posting]),
        "form": ReasonForm(tenant),
        "job": job,
        "moves": job is not None and job.is_open,
        "result": None if job is None else job.details,
    }


def _look(tenant: Tenant, posting: Posting, actor: str, *, again: bool) -> Job:
    arguments = {"enter_again": again}
    return queue.request(
        tenant,
        PLAN_REMOVAL,
        title=f"What removing bill {name_of(posting)} would delete",
        actor=actor,
        arguments=arguments,
        subject=posting.bill_id,
    )[0]


def _preview(tenant: Tenant, posting: Posting, pk: str, *, again: bool) -> Job | None:
    """The look-up that the form came with."""
    if not (pk.isascii() and pk.isdigit() and len(pk) < 19):
        return None
    rows = Job.objects.filter(tenant=tenant, kind=PLAN_REMOVAL, subject=posting.bill_id)
    found = rows.filter(pk=int(pk)).first()
    if found is None or bool(found.arguments["enter_again"]) is not again:
        return None
    return found


def _carry_out(tenant: Tenant, posting: Posting, actor: str, order: dict[str, Any]) -> Job:
    """The job; the one that is under way when somebody was faster."""
    then = " and enter it again" if order["enter_again"] else ""
    title = f"Remove bill {name_of(posting)} from Epicor{then}"
    return request_once(tenant, REMOVE, posting, title, actor=actor, arguments=order)


def _kept(data: QueryDict) -> dict[str, str]:
    names = (*CARRIED, "cause", "kind", "ref", "at")
    return {name: str(data.get(name)) for name in names if data.get(name)}


def _title(*, again: bool) -> str:
    return "Remove and enter again" if again else "Remove from Epicor"


_NOT_LOOKED = (
    "What would be deleted was not looked up, or cannot be deleted. Nothing was changed; ask "
    "again, and look at it first."
)
_NOT_THERE = "is not entered in Epicor by us, so there is nothing to remove. Nothing was changed."
urlpatterns = [
    path("acts/remove/", remove, {"again": False}, name="act-remove"),
    path("acts/again/", remove, {"again": True}, name="act-again"),
    path("acts/removal/<int:pk>/", look, name="act-removal"),
]
