"""Go on in spite of what Epicor asked: for the picked bills, or for every bill that it stops."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST

from audit.ledger.models import Posting
from audit.permissions import requires
from connector.actions.questions import can_answer, open_questions, same_questions
from connector.actions.questions import go_on as go_on_now
from connector.epicor.ap_invoice.questions import Question
from connector.tenants.models import Tenant
from connector.web.actions import available
from connector.web.actions.dialogs import act
from connector.web.actions.forms import ActForm
from connector.web.actions.preview import Act, Done, Order, described
from connector.web.actions.selection import MOST, Selection

_QUOTED = 5  # different questions in one dialog


def once(order: Order, chosen: list[Posting]) -> Done:
    """These go on."""
    return _gone_on(order, chosen, always=False)


def always(order: Order, chosen: list[Posting]) -> Done:
    """These go on, and every bill that waits for the same question, now and later."""
    return _gone_on(order, chosen, always=True)


def _gone_on(order: Order, chosen: list[Posting], *, always: bool) -> Done:
    answered = go_on_now(order.tenant, chosen, always=always, actor=order.actor)
    if not answered.freed:
        return Done("Somebody answered meanwhile. Nothing was changed.")
    text = f"{described(answered.freed)}: tried again now, in spite of Epicor's question."
    return Done(f"{text} It is remembered." if always else text, answered.job)


def every_text(chosen: Sequence[Posting]) -> list[str]:
    """What Epicor asked of these, each text once, as a dialog quotes it."""
    return _quoted([(one.exact, one.text) for one in _questions(chosen)])


def every_question(chosen: Sequence[Posting]) -> list[str]:
    """The same, with one text for all that differ only in their numbers."""
    return _quoted([(one.folded, one.text) for one in _questions(chosen)])


def _questions(chosen: Sequence[Posting]) -> list[Question]:
    asked = [found for posting in chosen if (found := open_questions(posting))]
    return [question for found in asked for question in found.questions]


def _quoted(worded: Sequence[tuple[str, str]]) -> list[str]:
    texts: dict[str, str] = {}
    for wording, text in worded:
        texts.setdefault(wording, f"“{text}”")
    more = len(texts) - _QUOTED
    return [*list(texts.values())[:_QUOTED], *([f"and {more:,} more"] if more > 0 else [])]


def with_the_same(tenant: Tenant, found: Selection) -> Selection:
    """Besides the picked ones every other bill that waits for the same question."""
    chosen = [posting for posting in found.postings if can_answer(posting)]
    both = [*found.postings, *same_questions(tenant, chosen)] if chosen else found.postings
    each = list({posting.pk: posting for posting in both}.values())
    return Selection(each[:MOST], found.changed, found.more + max(0, len(each) - MOST))


GO_ON = Act(
    "go-on",
    "Accept Epicor's prompt",
    "tried again now. Epicor's prompt is accepted; what is entered is verified to the cent "
    "afterwards. Other bills still stop at it.",
    "Pass over and replay",
    ActForm,
    available.not_gone_on,
    once,
    quotes=every_text,
)
ALWAYS = Act(
    "go-on-always",
    "Accept for every bill",
    "tried again now. Epicor's prompt is accepted; what is entered is verified to the cent "
    "afterwards.",
    "Remember and replay",
    ActForm,
    available.not_gone_on,
    always,
    quotes=every_question,
    note="From now on this question stops no bill, whatever amounts, days, invoice number or "
    "vendor id it names. An administrator can take that back in the settings.",
    widen=with_the_same,
)


@require_POST
@requires("decide")
def go_on(request: HttpRequest, slug: str) -> HttpResponse:
    """Pass over what Epicor asked of these bills."""
    return act(request, GO_ON)


@require_POST
@requires("decide")
def go_on_always(request: HttpRequest, slug: str) -> HttpResponse:
    """Pass over the question for every bill, and remember that."""
    return act(request, ALWAYS)


urlpatterns = [
    path("acts/go-on/", go_on, name="act-go-on"),
    path("acts/go-on-always/", go_on_always, name="act-go-on-always"),
]
