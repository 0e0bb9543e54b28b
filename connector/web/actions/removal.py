"""Remove from Epicor, and enter again: what would be deleted is looked up and shown first.

The look-up goes with the form, and what it found with the order: nothing else is deleted.
"""

from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit.ledger.allowed import Action
from audit.ledger.models import Posting
from audit.permissions import requires
from connector.actions.bill_jobs import PLAN_REMOVAL, REMOVE, name_of, request_once, shown_by
from connector.domain.errors import HeldError
from connector.jobs import queue
from connector.jobs.models import Job
from connector.web import layout
from connector.web.actions.available import refusal_of
from connector.web.actions.dialogs import carried, shown
from connector.web.actions.forms import ReasonForm
from connector.web.actions.preview import Act, Done, Order


def removed(order: Order, chosen: list[Posting], *, again: bool) -> Done:
    """Request the removal of what the person was shown; the job is the one under way, if any."""
    (posting,) = chosen
    looked = _looked_up(order, posting, again=again)
    seen = {} if looked is None else shown_by(looked)
    arguments = {"enter_again": again, "shown": seen, "reason": order.values["reason"]}
    then = " and enter it again" if again else ""
    title = f"Remove bill {name_of(posting)} from Epicor{then}"
    job = request_once(order.tenant, REMOVE, posting, title, actor=order.actor, arguments=arguments)
    return Done("", job)


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
    what = AGAIN if job.arguments["enter_again"] else REMOVE_IT
    action = reverse(f"act-{what.name}", args=[tenant.slug])
    context = shown(what, [posting], ReasonForm(tenant), action) | _found(request.GET, job)
    return layout.part(request, what.piece, context | {"to": request.GET.get("to", "")})


def _ask(order: Order, chosen: list[Posting], *, again: bool) -> dict[str, Any]:
    """Have it looked up, or show once more what was found."""
    (posting,) = chosen
    if order.sure or posting.state == Posting.State.REMOVED:
        return _found(order.data, _looked_up(order, posting, again=again))
    job, _ = queue.request(
        order.tenant,
        PLAN_REMOVAL,
        title=f"What removing bill {name_of(posting)} would delete",
        actor=order.actor,
        arguments={"enter_again": again},
        subject=posting.bill_id,
    )
    return _found(order.data, job)


def _found(data: QueryDict, job: Job | None) -> dict[str, Any]:
    """How far the look-up is and what it found, and what the next step must know."""
    kept = carried(data)
    return {
        "job": job,
        "moves": job is not None and job.is_open,
        "result": None if job is None else job.details,
        "more": urlencode({**kept, "to": data.get("to", "")}),
        "carried": kept if job is None else {**kept, "plan": job.pk},
    }


def _looked_up(order: Order, posting: Posting, *, again: bool) -> Job | None:
    """The look-up that the form came with; None: it is removed, so that there is nothing to see.

    Raises HeldError when it did not find what may be removed.
    """
    if posting.state == Posting.State.REMOVED:
        return None
    pk = order.data.get("plan", "")
    if pk.isascii() and pk.isdigit() and len(pk) < 19:
        rows = Job.objects.filter(tenant=order.tenant, kind=PLAN_REMOVAL, subject=posting.bill_id)
        found = rows.filter(pk=int(pk)).first()
        same = found is not None and bool(found.arguments["enter_again"]) is again
        if found is not None and same and shown_by(found) is not None:
            return found
    raise HeldError(
        "What would be deleted was not looked up, or cannot be deleted. Nothing was changed; ask "
        "again, and look at it first."
    )


def _act(name: str, title: str, action: Action, *, again: bool) -> Act:
    return Act(
        name,
        title,
        "decide",
        refusal_of(action),
        partial(removed, again=again),
        ReasonForm,
        button=title,
        danger=True,
        alone=True,
        piece="connector/_act_removal.html",
        context=partial(_ask, again=again),
    )


REMOVE_IT = _act("remove", "Remove from Epicor", Action.REMOVE, again=False)
AGAIN = _act("again", "Remove and enter again", Action.ENTER_AGAIN, again=True)
