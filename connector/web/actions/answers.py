""" "This is the same invoice": a suspected invoice in Epicor, or another bill of ours, is the bill.

Of an invoice Epicor is asked, so that is a job; of two bills one is dismissed.
"""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST

from audit.ledger.holds import suspects
from audit.ledger.lifecycle import LostLeaseError
from audit.ledger.models import Posting
from audit.permissions import requires
from connector.actions.bill_jobs import ADOPT, name_of, request_once
from connector.actions.duplicates import same_invoice
from connector.domain.errors import HeldError
from connector.jobs.models import Job
from connector.tenants.models import Tenant
from connector.web import layout
from connector.web.actions.dialogs import answer, carried, dialog, problem
from connector.web.actions.preview import CHANGED, Done, described
from connector.web.actions.selection import SelectionError, as_seen, picked

_TITLE = "This is the same invoice"


@require_POST
@requires("decide")
def ours(request: HttpRequest, slug: str, place: int) -> HttpResponse:
    """Show bill and invoice side by side; when confirmed, the bill is entered as that invoice."""
    tenant = layout.tenant_of(request)
    try:
        posting = one_of(request)
    except SelectionError as error:
        return problem(request, _TITLE, str(error))
    known = suspects(posting)
    if posting.state != Posting.State.QUEUED or not known:
        return problem(request, _TITLE, f"Bill {name_of(posting)} {_NO_TWIN}")
    if place >= len(known):
        raise Http404("No such invoice.")
    twin = known[place]
    if "sure" in request.POST:
        try:
            return answer(request, _done(tenant, posting, twin, layout.actor(request)))
        except (HeldError, LostLeaseError) as error:
            return problem(request, _TITLE, str(error))
    context = {
        "posting": posting,
        "twin": twin,
        "chosen": as_seen([posting]),
        "action": request.path,
        "carried": carried(request),
    }
    return dialog(request, "connector/_act_ours.html", _TITLE, context)


def one_of(request: HttpRequest) -> Posting:
    """The one bill of a form, as the person saw it. Raises SelectionError and Http404."""
    found = picked(layout.tenant_of(request), request.POST, actor=layout.actor(request))
    if found.changed:
        name = name_of(found.changed[0])
        raise SelectionError(f"Bill {name} {CHANGED}. Nothing was changed.")
    if len(found.postings) != 1:
        raise SelectionError("This can be done to one bill at a time. Nothing was changed.")
    return found.postings[0]


def _done(tenant: Tenant, posting: Posting, twin: dict[str, Any], actor: str) -> Done:
    """A bill of ours is the same invoice: dismissed at once. An invoice in Epicor: a job."""
    if other_id := twin.get("bill"):
        same_invoice(posting, str(other_id), actor=actor)
        return Done(f"{described([posting])}: dismissed, because bill {other_id} is the same.")
    return Done("", _ask(tenant, posting, twin, actor))


def _ask(tenant: Tenant, posting: Posting, twin: dict[str, Any], actor: str) -> Job:
    """The job; the one that is under way when somebody was faster."""
    key = [twin["company"], twin["vendor_num"], twin["invoice_num"]]
    title = f"Bill {name_of(posting)} is invoice {twin['invoice_num']} in Epicor"
    return request_once(tenant, ADOPT, posting, title, actor=actor, arguments={"key": key})


_NO_TWIN = "does not wait because of that invoice any more. Nothing was changed; look at it again."
urlpatterns = [path("acts/ours/<int:place>/", ours, name="act-ours")]
