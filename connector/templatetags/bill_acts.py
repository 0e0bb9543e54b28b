"""What `_acts.html` asks about one bill: which acts fit it, and which invoices it may be."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django import template

from audit.models import Posting
from connector.templatetags.connector_ui import money
from connector.web.acts.offers import offered
from connector.web.acts.offers import suspects as suspected

register = template.Library()


@register.filter
def offers(posting: Posting) -> dict[str, bool]:
    """The acts that fit the bill as it is now, by name."""
    return offered(posting)


@register.filter
def suspects(posting: Posting) -> list[dict[str, Any]]:
    """The invoices in Epicor that may be the bill."""
    return suspected(posting)


@register.filter
def twin_total(twin: Mapping[str, Any]) -> str:
    """The total of an invoice as it was read in Epicor, with its currency."""
    currency = str(twin.get("currency") or "")
    try:
        return money(Decimal(str(twin.get("total"))), currency)
    except InvalidOperation:
        return "–"
