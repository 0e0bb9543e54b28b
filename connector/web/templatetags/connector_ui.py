"""How money, states and reasons are written on every page."""

import json
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import template
from django.utils.html import format_html, format_html_join

from audit.labels import STATES
from audit.ledger.models import Posting
from audit.trail.differences import Changed, changed
from audit.trail.events import name_of
from connector.actions.job_results import result_text
from connector.domain.bill import called as bill_called
from connector.domain.digits import plain_amount
from connector.domain.errors import InvalidBillError, Reason
from connector.domain.money import exponent
from connector.domain.reasons import LABELS
from connector.http_client.redaction import redact
from connector.jobs.models import Job

register = template.Library()
register.filter("result", result_text)

_KINDS: Mapping[str, str] = {
    Posting.State.QUEUED: "info",
    Posting.State.IN_FLIGHT: "info",
    Posting.State.IN_DOUBT: "warning",
    Posting.State.ENTERED: "success",
    Posting.State.CONFIRMED: "success",
}
_PLACES = (  # of the names of time zones: the rest is other names of the same
    *("Africa", "America", "Antarctica", "Arctic", "Asia"),
    *("Atlantic", "Australia", "Europe", "Indian", "Pacific"),
)
_OUTCOMES = {"done": "success", "refused": "danger", "unknown": "warning", "intent": "warning"}


@register.simple_tag
@cache
def time_zones(id: str) -> str:
    """A datalist of the names of places with a time zone."""
    names = sorted(name for name in available_timezones() if name.split("/")[0] in _PLACES)
    options = format_html_join("", '<option value="{}">', ((name,) for name in ["UTC", *names]))
    return format_html('<datalist id="{}">{}</datalist>', id, options)


@register.filter
def money(amount: Decimal | None, currency: str) -> str:
    """1,200.00 USD: major units with the currency's own digits; a dash when unknown."""
    if amount is None:
        return "–"
    try:
        digits = exponent(currency)
    except InvalidBillError:
        return f"{amount.normalize():,f} {currency}".strip()
    # The digits beyond the currency's are a database's rounding of a sum, never money.
    rounded = amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)
    return f"{rounded:,f} {currency}"


@register.filter
def called(posting: Posting) -> str:
    """The bill's number, else the one that it gets when it is entered."""
    return bill_called(posting.invoice_num, posting.bill_id)


@register.filter
def plain(amount: Decimal | None, currency: str) -> str:
    """1200.00: for a script to add up, with the currency's own digits; "" when unknown."""
    return "" if amount is None else plain_amount(amount, currency)


@register.filter
def state_name(posting: Posting) -> str:
    """The state in a word; a hold shows as an exception, whatever the state."""
    return STATES[posting.state]


@register.filter
def state_kind(posting: Posting) -> str:
    """The label's colour: info, success, warning, danger or none."""
    return _KINDS.get(posting.state, "")


@register.filter
def outcome_kind(outcome: str) -> str:
    """The colour of an attempt's outcome."""
    return _OUTCOMES.get(outcome, "")


@register.filter
def action_name(action: str) -> str:
    """What the trail calls an action, for people."""
    return name_of(action)


@register.filter
def words(name: str) -> str:
    """A code as a person writes it: a hold reason by its name, `left_out` as Left out."""
    if name in LABELS:
        return LABELS[name]
    return str(name).replace("_", " ").replace(".", ": ").strip().capitalize()


@register.filter
def next_step(reason: str) -> str:
    """What to do about a hold."""
    return Reason(reason).words.next_step if reason else ""


@register.filter
def changes_in_words(changes: Any) -> list[Changed]:
    """What an entry of the trail changed, in words, with everything secret hidden once more."""
    return changed(redact(changes))


@register.filter
def pretty(value: Any) -> str:
    """JSON to read, with everything secret hidden once more."""
    return json.dumps(redact(value), indent=2, ensure_ascii=False, default=str)


@register.filter
def count(number: int) -> str:
    """A count with separators: 12,345."""
    return f"{number:,}"


@register.filter
def less(number: int, other: int) -> int:
    """The difference of two counts."""
    return number - other


@register.filter
def by_currency(sums: Mapping[str, Decimal]) -> list[tuple[str, Decimal]]:
    """Sums in the order of their currencies' codes."""
    return sorted(sums.items())


@register.filter
def as_json(value: Any) -> str:
    """JSON for a data attribute; the template escapes it."""
    return json.dumps(value, ensure_ascii=False, default=str)


@register.filter
def took(job: Job) -> str:
    """How long a job took: "4 s", "2 min 5 s"; "" while it is not over."""
    if job.finished_at is None:
        return ""
    minutes, seconds = divmod(round((job.finished_at - job.created_at).total_seconds()), 60)
    return f"{minutes:,} min {seconds} s" if minutes else f"{seconds} s"
