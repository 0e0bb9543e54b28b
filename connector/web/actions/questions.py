"""Go on in spite of what Epicor asked: for the picked bills, or for every bill that it stops."""

from functools import partial
from typing import Any

from audit.ledger.models import Posting
from connector.actions.questions import can_answer, go_on, open_questions, same_questions
from connector.tenants.models import Tenant
from connector.web.actions import available
from connector.web.actions.preview import Act, Done, Order, described
from connector.web.actions.selection import MOST, Selection

_QUOTED = 5  # different questions in one dialog


def gone_on(order: Order, chosen: list[Posting], *, always: bool) -> Done:
    """These go on; `always`: and every bill that waits for the same question, now and later."""
    answered = go_on(order.tenant, chosen, always=always, actor=order.actor)
    if not answered.freed:
        return Done("Somebody answered meanwhile. Nothing was changed.")
    text = f"{described(answered.freed)}: tried again now, in spite of Epicor's question."
    return Done(f"{text} It is remembered." if always else text, answered.job)


def _quotes(order: Order, chosen: list[Posting], *, folded: bool) -> dict[str, Any]:
    """What Epicor asked of these, each text once.

    `folded`: one text for all that differ only in their numbers.
    """
    texts: dict[str, str] = {}
    for found in filter(None, map(open_questions, chosen)):
        for one in found.questions:
            texts.setdefault(one.folded if folded else one.exact, f"“{one.text}”")
    more = len(texts) - _QUOTED
    rest = [f"and {more:,} more"] if more > 0 else []
    return {"quotes": [*list(texts.values())[:_QUOTED], *rest]}


def with_the_same(tenant: Tenant, found: Selection) -> Selection:
    """Besides the picked ones every other bill that waits for the same question."""
    chosen = [posting for posting in found.postings if can_answer(posting)]
    both = [*found.postings, *same_questions(tenant, chosen)] if chosen else found.postings
    each = list({posting.pk: posting for posting in both}.values())
    return Selection(each[:MOST], found.changed, found.more + max(0, len(each) - MOST))


def _act(name: str, title: str, button: str, *, always: bool, **more: Any) -> Act:
    return Act(
        name,
        title,
        "decide",
        available.not_gone_on,
        partial(gone_on, always=always),
        will="tried again now. Epicor's prompt is accepted; what is entered is verified to the "
        f"cent afterwards.{'' if always else ' Other bills still stop at it.'}",
        button=button,
        context=partial(_quotes, folded=always),
        **more,
    )


GO_ON = _act("go-on", "Accept Epicor's prompt", "Pass over and replay", always=False)
ALWAYS = _act(
    "go-on-always",
    "Accept for every bill",
    "Remember and replay",
    always=True,
    note="From now on this question stops no bill, whatever amounts, days, invoice number or "
    "vendor id it names. An administrator can take that back in the settings.",
    widen=with_the_same,
)
