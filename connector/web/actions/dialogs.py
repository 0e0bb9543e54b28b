"""How acts talk to the person: a dialog that says what will happen, and then what happened.

On the exceptions page the answer is put into the page, on every other page that page is shown
again; without scripts each step is a page of its own.
"""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from audit.ledger.exceptions import name_of as cause_name
from connector.web import layout
from connector.web.actions.forms import ActForm
from connector.web.actions.preview import Act, ActionPreview, Done, Order, preview_of
from connector.web.actions.selection import SelectionError, as_seen, cause_key, cause_values, picked
from connector.web.activity import context_of
from connector.web.exceptions.cause import cause_context

CARRIED = ("place", "who", "why", "company", "snoozed", "q")  # from step to step


def act(request: HttpRequest, what: Act) -> HttpResponse:
    """The first step shows the plan; the second (`sure`) does it and says what came of it."""
    tenant, actor = layout.tenant_of(request), layout.actor(request)
    if what.stopped is not None and (why := what.stopped(tenant)):
        return problem(request, what.title, why)
    try:
        bills = picked(tenant, request.POST, actor=actor)
    except SelectionError as error:
        return problem(request, what.title, str(error))
    if what.widen is not None and "sure" not in request.POST:  # then it is what was in view
        bills = what.widen(tenant, bills)
    found = preview_of(what, bills)
    if "sure" not in request.POST:
        return _dialog(request, what, found, what.form(tenant))
    form = what.form(tenant, request.POST)
    if not form.is_valid() or not found.can:
        return _dialog(request, what, found, form, status=422)
    order = Order(tenant, form.cleaned_data, actor)
    done = what.carry_out(order, found.can)
    return answer(request, Done(done.sentence, done.job, [*found.left, *done.left]))


def _dialog(
    request: HttpRequest, what: Act, found: ActionPreview, form: ActForm, *, status: int = 200
) -> HttpResponse:
    context = {
        "act": what,
        "plan": found,
        "quotes": what.quotes(found.can) if what.quotes is not None else (),
        "form": form,
        "chosen": as_seen(found.can),
        "action": request.path,
        "carried": carried(request),
    }
    return dialog(request, "connector/_act_dialog.html", what.title, context, status=status)


def dialog(
    request: HttpRequest, template: str, title: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A piece for the page's dialog; without scripts a page of its own."""
    context = {"to": back(request), **context}
    if layout.is_part(request):
        response = layout.part(request, template, context, status=status)
        response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#dialog", "innerHTML"
        return response
    context["piece"] = template
    return layout.page(request, "connector/exceptions_act.html", title, context, status=status)


def problem(request: HttpRequest, title: str, sentence: str) -> HttpResponse:
    """Why nothing can be done, in the dialog."""
    context = {"title_of_it": title, "sentence": sentence}
    return dialog(request, "connector/_act_problem.html", title, context, status=422)


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


def carried(request: HttpRequest) -> dict[str, str]:
    """What the next step must know of this one: where the person is, the filter, the cause."""
    values = {name: str(request.POST.get(name)) for name in CARRIED if request.POST.get(name)}
    key = cause_key(request.POST)
    return values | (cause_values(key) if key is not None else {})
