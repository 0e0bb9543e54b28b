"""Another number: one bill is entered under a number that a person gives, on the record."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST

from audit import numbers, postings
from audit.access import requires
from audit.models import Posting
from connector.errands import asking
from connector.errands.bills import name_of
from connector.sync.numbering import back_to_ramp, give_number
from connector.web import shell
from connector.web.acts import offers
from connector.web.acts.answers import one_of
from connector.web.acts.forms import NumberForm
from connector.web.acts.picked import PickError, as_seen
from connector.web.acts.plan import CHANGED, Done, described
from connector.web.acts.respond import answer, carried, dialog, problem

_PIECE = "connector/_act_number.html"
_TITLE = "Give it another number"


@require_POST
@requires("decide")
def number(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for the number and the reason; with `sure`, put both on the record and enter the bill."""
    tenant = shell.tenant_of(request)
    try:
        posting = one_of(request)
    except PickError as error:
        return problem(request, _TITLE, str(error))
    why_not = offers.not_numbered(posting)
    if why_not:
        return problem(request, _TITLE, f"Bill {name_of(posting)} {why_not}. Nothing was changed.")
    if "sure" not in request.POST:
        return _ask(request, posting, NumberForm(tenant))
    form = NumberForm(tenant, request.POST)
    if not form.is_valid():
        return _ask(request, posting, form, status=422)
    try:
        return answer(request, _given(request, posting, form.cleaned_data))
    except numbers.NumberError as error:
        form.add_error("number", str(error))
        return _ask(request, posting, form, status=422)
    except numbers.NotNowError as error:
        return problem(request, _TITLE, str(error))
    except postings.LostLeaseError:
        sentence = f"Bill {name_of(posting)} {CHANGED}. Nothing was changed."
        return problem(request, _TITLE, sentence)


def _given(request: HttpRequest, posting: Posting, values: dict[str, Any]) -> Done:
    tenant, actor = shell.tenant_of(request), shell.actor(request)
    reason = str(values["reason"])
    if "back" in request.POST:
        back_to_ramp(tenant, posting, actor=actor, reason=reason)
        what = f"its number in Ramp again, {posting.invoice_num}"
    else:
        give_number(tenant, posting, str(values["number"]), actor=actor, reason=reason)
        what = f"number {posting.given_num} instead of {posting.invoice_num}"
    title = f"Bill {posting.invoice_num} under number {posting.given_num or posting.invoice_num}"
    errand = asking.ask_replay(tenant, [posting], title, actor=actor, subject=posting.bill_id)
    return Done(f"{described([posting])}: {what}, tried again now.", errand)


def _ask(
    request: HttpRequest, posting: Posting, form: NumberForm, *, status: int = 200
) -> HttpResponse:
    example = numbers.proposal(posting)
    form.fields["number"].widget.attrs["placeholder"] = f"e.g. {example}" if example else ""
    context = {
        "posting": posting,
        "taken": [one for one in offers.suspects(posting) if one.get("same_key")],
        "form": form,
        "chosen": as_seen([posting]),
        "action": request.path,
        "carried": carried(request),
    }
    return dialog(request, _PIECE, _TITLE, context, status=status)


urlpatterns = [path("acts/number/", number, name="act-number")]
