"""How acts talk to the person: a dialog that says what will happen, and then what happened.

On the exceptions page the answer is put into the page, on every other page that page is shown
again; without scripts each step is a page of its own.
"""

import json
from dataclasses import replace
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from audit.ledger.exceptions import name_of as cause_name
from audit.ledger.lifecycle import LostLeaseError
from audit.ledger.models import Posting
from audit.permissions import requires
from connector.actions.bill_jobs import name_of
from connector.domain.errors import HeldError
from connector.web import layout
from connector.web.actions.forms import ActForm
from connector.web.actions.preview import CHANGED, Act, ActionPreview, Done, Order, preview_of
from connector.web.actions.selection import (
    SelectionError,
    as_seen,
    cause_key,
    cause_values,
    selected_bills,
)
from connector.web.activity import context_of
from connector.web.exceptions.cause import cause_context

CARRIED = ("place", "who", "why", "company", "snoozed", "q")  # from step to step


def address(what: Act) -> URLPattern:
    """The act's address, for both of its steps."""

    @require_POST
    @requires(what.capability)
    def view(request: HttpRequest, slug: str) -> HttpResponse:
        return act(request, what)

    return path(f"acts/{what.name}/", view, name=f"act-{what.name}")


def act(request: HttpRequest, what: Act) -> HttpResponse:
    """The first step shows the plan; the second (`sure`) does it and says what came of it."""
    order = Order(layout.tenant_of(request), layout.actor(request), request.POST)
    try:
        found = _preview(order, what)
        if not order.sure:
            return _dialog(request, what, order, found, what.form(order.tenant, chosen=found.can))
        form = what.form(order.tenant, request.POST, chosen=found.can)
        if form.is_valid() and found.can:
            try:
                done = what.carry_out(replace(order, values=form.cleaned_data), found.can)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                return answer(request, Done(done.sentence, done.job, [*found.left, *done.left]))
        return _dialog(request, what, order, found, form, status=422)
    except (SelectionError, HeldError) as error:
        return _problem(request, what, str(error))
    except LostLeaseError:
        if not what.alone:
            raise
        sentence = f"Bill {name_of(found.can[0])} {CHANGED}. Nothing was changed."
        return _problem(request, what, sentence)


def _preview(order: Order, what: Act) -> ActionPreview:
    """What it would do to the bills that are meant. Raises SelectionError or HeldError: why not."""
    if what.stopped is not None and (why := what.stopped(order.tenant)):
        raise HeldError(why)
    bills = selected_bills(order.tenant, order.data, actor=order.actor)
    if what.alone and len(bills.postings) + len(bills.changed) != 1:
        raise SelectionError("This can be done to one bill at a time. Nothing was changed.")
    if what.widen is not None and not order.sure:  # then it is what was in view
        bills = what.widen(order.tenant, bills)
    found = preview_of(what, bills)
    if what.alone and not found.can:
        ((name, why),) = found.left
        raise HeldError(f"Bill {name} {why}. Nothing was changed.")
    return found


def _dialog(
    request: HttpRequest,
    what: Act,
    order: Order,
    found: ActionPreview,
    form: ActForm,
    *,
    status: int = 200,
) -> HttpResponse:
    context = shown(what, found.can, form, request.path)
    context |= {"plan": found, "carried": carried(request.POST), "to": back(request)}
    if what.context is not None:
        context |= what.context(order, found.can)
    return _in_dialog(request, what.piece, what.title, context, status=status)


def shown(what: Act, chosen: list[Posting], form: ActForm, action: str) -> dict[str, Any]:
    """What each dialog needs, besides `carried` and `to`."""
    posting = chosen[0] if chosen else None
    chosen_as = as_seen(chosen)
    return {"act": what, "posting": posting, "form": form, "chosen": chosen_as, "action": action}


def _in_dialog(
    request: HttpRequest, template: str, title: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A piece for the page's dialog; without scripts a page of its own."""
    if layout.is_part(request):
        response = layout.part(request, template, context, status=status)
        response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#dialog", "innerHTML"
        return response
    context["piece"] = template
    return layout.page(request, "connector/exceptions_act.html", title, context, status=status)


def _problem(request: HttpRequest, what: Act, sentence: str) -> HttpResponse:
    """Why nothing can be done, in the dialog."""
    context = {"act": what, "sentence": sentence, "to": back(request)}
    return _in_dialog(request, "connector/_act_problem.html", what.title, context, status=422)


def answer(request: HttpRequest, done: Done) -> HttpResponse:
    """What happened, where the person is."""
    left = [f"{bills} {why.rstrip('.')}." for bills, why in done.left]
    sentence = " ".join([done.sentence, *(["Left alone:"] if left else []), *left]).strip()
    place = request.POST.get("place")
    here = place == "exceptions" or (place == "bill" and done.job is not None)
    if here and layout.is_part(request):
        return _in_place(request, sentence, done)
    to = back(request)
    if done.job is not None:  # a list shows no job: its own page does
        to = reverse("job", args=[layout.tenant_of(request).slug, done.job.pk])
    title = done.job.title if done.job is not None else ""
    return layout.done(request, sentence or title, to, good=not done.left)


def _in_place(request: HttpRequest, said: str, done: Done) -> HttpResponse:
    """The answer goes above the cause it is about, which is shown anew with what is left of it."""
    key = cause_key(request.POST)
    context: dict[str, Any] = {"said": said, "done": done, "announce": said}
    if done.job is not None:
        context |= context_of(done.job) | {"announce": said or done.job.title}
    target = "#outcome"
    if request.POST.get("place") != "exceptions":
        context["back_to"] = back(request)
    elif key is not None:
        target = f"#out-{cause_name(key)}"
        context |= cause_context(request, key, request.POST) | {"afresh": True}
    response = layout.part(request, "connector/_act_done.html", context)
    response.headers["HX-Retarget"], response.headers["HX-Reswap"] = target, "innerHTML"
    response.headers["HX-Trigger"] = json.dumps({"bills-changed": True})
    return response


def back(request: HttpRequest) -> str:
    """The page that the person came from: one of our own addresses."""
    to = request.POST.get("to", "")
    if url_has_allowed_host_and_scheme(to, None) and to.startswith("/"):
        return to
    return reverse("exceptions", args=[layout.tenant_of(request).slug])


def carried(data: QueryDict) -> dict[str, Any]:
    """What the next step must know of this one: where the person is, the filter, the cause."""
    values = {name: str(data.get(name)) for name in CARRIED if data.get(name)}
    key = cause_key(data)
    return values | (cause_values(key) if key is not None else {})
