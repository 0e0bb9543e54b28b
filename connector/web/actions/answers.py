""" "This is the same invoice": a suspected invoice in Epicor, or another bill of ours, is the bill.

Of an invoice Epicor is asked, so that is a job; of two bills one is dismissed.
"""

from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from audit.ledger.allowed import Action, why_not
from audit.ledger.holds import suspects
from audit.ledger.models import Posting
from audit.permissions import requires
from connector.actions.bill_jobs import ADOPT, name_of, request_once
from connector.actions.duplicates import same_invoice
from connector.web.actions.dialogs import act
from connector.web.actions.preview import Act, Done, Order, described


@require_POST
@requires("decide")
def ours(request: HttpRequest, slug: str, place: int) -> HttpResponse:
    """Show bill and invoice side by side; when confirmed, the bill is that invoice."""
    what = Act(
        "ours",
        "This is the same invoice",
        "decide",
        _not_suspected,
        partial(same, place=place),
        button="This is the same invoice",
        alone=True,
        piece="connector/_act_ours.html",
        context=partial(_beside, place=place),
    )
    return act(request, what)


def same(order: Order, chosen: list[Posting], *, place: int) -> Done:
    """A bill of ours is the same invoice: dismissed at once. An invoice in Epicor: a job."""
    (posting,) = chosen
    twin = _suspect(posting, place)
    if other_id := twin.get("bill"):
        same_invoice(posting, str(other_id), actor=order.actor)
        return Done(f"{described(chosen)}: dismissed, because bill {other_id} is the same.")
    key = [twin["company"], twin["vendor_num"], twin["invoice_num"]]
    title = f"Bill {name_of(posting)} is invoice {twin['invoice_num']} in Epicor"
    job = request_once(
        order.tenant, ADOPT, posting, title, actor=order.actor, arguments={"key": key}
    )
    return Done("", job)


def _beside(order: Order, chosen: list[Posting], *, place: int) -> dict[str, Any]:
    return {"twin": _suspect(chosen[0], place)}


def _suspect(posting: Posting, place: int) -> dict[str, Any]:
    known = suspects(posting)
    if place >= len(known):
        raise Http404("No such invoice.")
    return known[place]


def _not_suspected(posting: Posting) -> str:
    if suspects(posting):
        return why_not(posting, Action.ADOPT)
    return "does not wait because of that invoice any more; look at it again"
