"""Change invoice number: one bill is entered under a number that a person gives, on the record."""

from typing import Any

from django.core.exceptions import ValidationError

from audit.ledger.allowed import Action
from audit.ledger.holds import suspects
from audit.ledger.invoice_number import NotNowError, NumberError
from audit.ledger.models import Posting
from connector.actions import requests
from connector.actions.renumber import back_to_ramp, give_number
from connector.domain.errors import HeldError
from connector.web.actions.available import refusal_of
from connector.web.actions.forms import NumberForm
from connector.web.actions.preview import Act, Done, Order, described


def numbered(order: Order, chosen: list[Posting]) -> Done:
    """Put number and reason on the record and have the bill entered."""
    (posting,) = chosen
    given: dict[str, Any] = {"actor": order.actor, "reason": str(order.values["reason"])}
    try:
        if "back" in order.data:
            back_to_ramp(order.tenant, posting, **given)
            what = f"its number in Ramp again, {posting.invoice_num}"
        else:
            give_number(order.tenant, posting, str(order.values["number"]), **given)
            what = f"number {posting.given_num} instead of {posting.invoice_num}"
    except NumberError as error:
        raise ValidationError({"number": str(error)}) from error
    except NotNowError as error:
        raise HeldError(str(error)) from error
    title = f"Bill {posting.invoice_num} under number {posting.given_num or posting.invoice_num}"
    job = requests.request_replay(
        order.tenant, chosen, title, actor=order.actor, subject=posting.bill_id
    )
    return Done(f"{described(chosen)}: {what}, tried again now.", job)


def _taken(order: Order, chosen: list[Posting]) -> dict[str, Any]:
    """The invoices in Epicor that have its very number."""
    return {"taken": [one for one in suspects(chosen[0]) if one.get("same_key")]}


NUMBER = Act(
    "number",
    "Give it another number",
    "decide",
    refusal_of(Action.RENUMBER),
    numbered,
    NumberForm,
    button="Enter it under this number",
    alone=True,
    piece="connector/_act_number.html",
    context=_taken,
)
