"""A bill as it was at a moment: what was on the record of it then, beside what is now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe
from unfold.widgets import UnfoldAdminTextInputWidget

from audit.labels import COLUMNS
from audit.ledger.models import Posting
from audit.permissions import requires
from audit.trail.as_of import Then, rebuild
from audit.trail.events import sentence
from audit.trail.models import AuditEntry
from connector.domain.bill import called
from connector.http_client.redaction import redact_text
from connector.web import layout
from connector.web.bills.detail import posting_of
from connector.web.templatetags.connector_ui import money, state_name, words

_SHOWN = 200
_YEARS = range(2000, 2200)  # as in audit_form.py; the ends of time do not fit into every zone
_SHOWN_COLUMNS = (
    *("vendor_name", "invoice_num", "given_num", "issued_on", "due_on", "apply_on"),
    *("company", "vendor_num", "group_id", "entity_id", "vendor_ramp_id"),
)


class _Moment(UnfoldAdminTextInputWidget):  # type: ignore[misc]  # unfold ships no types
    input_type = "datetime-local"


class AsOfForm(forms.Form):
    """The moment, in the tenant's zone; now when it is left out."""

    at = forms.DateTimeField(label="As of", required=False, widget=_Moment(attrs={"step": "1"}))

    def clean_at(self) -> datetime | None:
        """The moment, if it is one that every zone can write."""
        at: datetime | None = self.cleaned_data["at"]
        if at is not None and at.year not in _YEARS:
            raise forms.ValidationError("Choose a moment between 2000 and 2199.")
        return at


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str, bill_id: str) -> HttpResponse:
    """The bill as the record had it at `at`, what led there, and the way to the next step."""
    posting = posting_of(request, bill_id)
    form = AsOfForm(request.GET)
    context: dict[str, Any] = {"posting": posting, "form": form}
    if form.is_valid():
        view = as_of(posting, _meant(form.cleaned_data["at"], request.GET.get("at", "")))
        context |= {"view": view, "form": AsOfForm(initial={"at": _written(view.at)})}
    name = called(posting.invoice_num, posting.bill_id)
    return layout.page(request, "connector/audit_as_of.html", f"Bill {name} as it was", context)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was known, then and now, in words."""

    name: str
    then: str
    now: str

    @property
    def differs(self) -> bool:
        """Whether it has changed since."""
        return self.then != self.now


@dataclass(frozen=True, slots=True)
class Step:
    """An entry of the bill's trail: its sentence, and the moment just after it."""

    at: datetime
    sentence: str

    @property
    def moment(self) -> str:
        """The moment for an address."""
        return f"{self.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


@dataclass(frozen=True, slots=True)
class AsOf:
    """A bill at a moment; `steps` led there, newest first."""

    at: datetime
    then: Then
    facts: list[Fact]
    steps: list[Step]
    earlier: Step | None  # back to before the last step
    later: Step | None  # on to the next one
    left_out: int  # steps that are not shown because there are so many

    @property
    def message(self) -> str:
        """What the hold said then."""
        return redact_text(self.then.hold_message)


def as_of(posting: Posting, at: datetime) -> AsOf:
    """Rebuild a bill from its trail up to `at`. One query."""
    trail = AuditEntry.objects.filter(
        tenant_id=posting.tenant_id, subject_kind="posting", subject_id=posting.bill_id
    ).order_by("at", "id")
    entries = list(trail)
    past = [entry for entry in entries if entry.at <= at]
    then = rebuild(past)
    called = f"bill {posting.invoice_num or posting.bill_id}"
    steps = [Step(one.at, redact_text(sentence(one, called))) for one in past[-_SHOWN:]]
    rest = entries[len(past) :]
    later = Step(rest[0].at, redact_text(sentence(rest[0], called))) if rest else None
    return AsOf(
        at=at,
        then=then,
        facts=facts(then, posting),
        steps=steps[::-1],
        earlier=steps[-2] if len(steps) > 1 else None,
        later=later,
        left_out=len(past) - len(steps),
    )


def facts(then: Then, posting: Posting) -> list[Fact]:
    """What was known then and is known now, in words; empty before the bill was seen."""
    if not then.known:
        return []
    state = "in_flight" if then.state == "queued" and then.sending else then.state
    values = then.values
    found = [
        Fact("State", _state(state), _state(posting.state)),
        Fact("Waits for a person", _hold(then.hold_reason), _hold(posting.hold_reason)),
        Fact(
            "Amount",
            _money(values),
            money(posting.amount, posting.currency),
        ),
    ]
    for name in _SHOWN_COLUMNS:
        title = COLUMNS[name][0].upper() + COLUMNS[name][1:]
        found.append(Fact(title, _text(values.get(name)), _text(getattr(posting, name))))
    return found


def _money(values: Mapping[str, Any]) -> str:
    try:
        amount = Decimal(str(values.get("amount")))
    except InvalidOperation:
        amount = None
    return money(amount, str(values.get("currency", "")))


def _state(state: str) -> str:
    return state_name(Posting(state=state)) if state in Posting.State.values else words(state)


def _hold(reason: str) -> str:
    return words(reason) if reason else "no"


def _text(value: Any) -> str:
    return "–" if value in (None, "") else redact_text(str(value))


def _meant(at: datetime | None, typed: str) -> datetime:
    """The moment, now if there is none; a whole second that was typed is meant to its end, so
    that the page says the same second as the input and shows all that happened in it."""
    if at is None:
        return timezone.now()
    return at if "." in typed else at.replace(microsecond=999_999)


def _written(at: datetime) -> str:
    """The moment as the input shows it."""
    return f"{timezone.localtime(at):%Y-%m-%dT%H:%M:%S}"


urlpatterns = [path("bills/<str:bill_id>/as-of", page, name="bill-as-of")]
