"""Change invoice number: one bill is entered under a number that a person gives, on the record."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST

from audit.ledger import invoice_number, lifecycle
from audit.ledger.allowed import Action, why_not
from audit.ledger.holds import suspects
from audit.ledger.models import Posting
from audit.permissions import requires
from connector.actions import requests
from connector.actions.bill_jobs import name_of
from connector.actions.renumber import back_to_ramp, give_number
from connector.web import layout
from connector.web.actions.answers import one_of
from connector.web.actions.dialogs import answer, carried, dialog, problem
from connector.web.actions.forms import NumberForm
from connector.web.actions.preview import CHANGED, Done, described
from connector.web.actions.selection import SelectionError, as_seen

_PIECE = "connector/_act_number.html"
_TITLE = "Give it another number"


@require_POST
@requires("decide")
def number(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for the number and the reason; with `sure`, put both on the record and enter the bill."""
    tenant = layout.tenant_of(request)
    try:
        posting = one_of(request)
    except SelectionError as error:
        return problem(request, _TITLE, str(error))
    if why := why_not(posting, Action.RENUMBER):
        return problem(request, _TITLE, f"Bill {name_of(posting)} {why}. Nothing was changed.")
    if "sure" not in request.POST:
        return _ask(request, posting, NumberForm(tenant))
    form = NumberForm(tenant, request.POST)
    if not form.is_valid():
        return _ask(request, posting, form, status=422)
    try:
        return answer(request, _given(request, posting, form.cleaned_data))
    except invoice_number.NumberError as error:
        form.add_error("number", str(error))
        return _ask(request, posting, form, status=422)
    except invoice_number.NotNowError as error:
        return problem(request, _TITLE, str(error))
    except lifecycle.LostLeaseError:
        sentence = f"Bill {name_of(posting)} {CHANGED}. Nothing was changed."
        return problem(request, _TITLE, sentence)


def _given(request: HttpRequest, posting: Posting, values: dict[str, Any]) -> Done:
    tenant, actor = layout.tenant_of(request), layout.actor(request)
    reason = str(values["reason"])
    if "back" in request.POST:
        back_to_ramp(tenant, posting, actor=actor, reason=reason)
        what = f"its number in Ramp again, {posting.invoice_num}"
    else:
        give_number(tenant, posting, str(values["number"]), actor=actor, reason=reason)
        what = f"number {posting.given_num} instead of {posting.invoice_num}"
    title = f"Bill {posting.invoice_num} under number {posting.given_num or posting.invoice_num}"
    job = requests.request_replay(tenant, [posting], title, actor=actor, subject=posting.bill_id)
    return Done(f"{described([posting])}: {what}, tried again now.", job)


def _ask(
    request: HttpRequest, posting: Posting, form: NumberForm, *, status: int = 200
) -> HttpResponse:
    example = invoice_number.proposal(posting)
    form.fields["number"].widget.attrs["placeholder"] = f"e.g. {example}" if example else ""
    context = {
        "posting": posting,
        "taken": [one for one in suspects(posting) if one.get("same_key")],
        "form": form,
        "chosen": as_seen([posting]),
        "action": request.path,
        "carried": carried(request),
    }
    return dialog(request, _PIECE, _TITLE, context, status=status)


urlpatterns = [path("acts/number/", number, name="act-number")]
