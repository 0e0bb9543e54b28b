"""What `_acts.html` asks about one bill: which acts fit it, and which invoices it may be."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django import template

from audit.ledger.holds import suspects as suspected
from audit.ledger.invoice_number import ramp_num
from audit.ledger.models import Posting
from connector.domain.bill import number_of
from connector.sync.bills.duplicates import STANDS
from connector.web.actions.available import available_actions
from connector.web.exceptions.questions import Shown, shown
from connector.web.templatetags.connector_ui import money

register = template.Library()
_State = Posting.State


@register.filter
def offers(posting: Posting) -> dict[str, bool]:
    """The acts that fit the bill as it is now, by name."""
    return available_actions(posting)


@register.filter
def suspects(posting: Posting) -> list[dict[str, Any]]:
    """The invoices in Epicor, and other bills, that may be the bill."""
    return suspected(posting)


@register.filter
def question(posting: Posting) -> Shown | None:
    """What Epicor asked of the bill that waits for it."""
    return shown(posting)


@register.filter
def number_in_ramp(posting: Posting) -> str:
    """The bill's number in Ramp; of one that has none, the number that it gets from us."""
    found = ramp_num(posting)
    return f"none (here {found})" if found == number_of(posting.bill_id) else found


@register.filter
def given_is(posting: Posting) -> str:
    """What the number that a person gave it is for the bill as it is now, as half a sentence."""
    if not posting.in_epicor:
        waits = posting.state in (_State.QUEUED, _State.IN_FLIGHT, _State.IN_DOUBT)
        return "to be entered as" if waits else "not in Epicor, but given number"
    if posting.adopted:
        return f"typed into Epicor as {posting.invoice_num}; before that given number"
    return "entered as"


@register.filter
def twin_stands(twin: Mapping[str, Any]) -> str:
    """How another bill that may be the same stood when it was noticed."""
    return STANDS.get(str(twin.get("bill_state") or ""), "")


@register.filter
def twin_total(twin: Mapping[str, Any]) -> str:
    """The total of an invoice as it was read in Epicor, with its currency."""
    currency = str(twin.get("currency") or "")
    try:
        return money(Decimal(str(twin.get("total"))), currency)
    except InvalidOperation:
        return "–"
