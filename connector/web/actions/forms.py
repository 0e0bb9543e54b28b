"""What a person fills in for an act. Errors are sentences by field."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from audit.ledger.invoice_number import NumberError, cleaned, proposal
from audit.ledger.models import Posting
from audit.ledger.triage import LONGEST_NOTE
from connector.domain.invoice_key import LONGEST_NUMBER
from connector.tenants.models import Membership, Tenant

_LONGEST_SNOOZE = timedelta(days=366)
_LONGEST_REASON = 500


class ActForm(forms.Form):
    """The form of an act on these bills; by itself only to be confirmed."""

    def __init__(
        self, tenant: Tenant, data: QueryDict | None = None, *, chosen: Sequence[Posting] = ()
    ) -> None:
        super().__init__(data)
        self.offer(tenant, chosen)

    def offer(self, tenant: Tenant, chosen: Sequence[Posting]) -> None:
        """Fit the fields to the tenant and the bills."""


class ReasonForm(ActForm):
    """Why; it is kept for ever."""

    reason = forms.CharField(
        label="Why",
        max_length=_LONGEST_REASON,
        help_text="Kept on the record with your name.",
        error_messages={"required": "Say why; it is kept on the record."},
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )


class NumberForm(ReasonForm):
    """The number to enter a bill under; `back` (a second button): its number in Ramp after all."""

    number = forms.CharField(
        label="Number in Epicor",
        required=False,
        max_length=_LONGEST_REASON,  # what is too long for Epicor gets a sentence of its own
        help_text=f"At most {LONGEST_NUMBER} characters. Nothing else of the bill changes.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("number", "reason")

    def offer(self, tenant: Tenant, chosen: Sequence[Posting]) -> None:
        """A number as an example."""
        if example := proposal(chosen[0]):
            self.fields["number"].widget.attrs["placeholder"] = f"e.g. {example}"

    def clean(self) -> dict[str, Any]:
        """A number that Epicor takes, unless the bill goes back to that in Ramp."""
        values: dict[str, Any] = super().clean() or {}
        if "back" not in self.data and "number" in values:
            try:
                values["number"] = cleaned(values["number"])
            except NumberError as error:
                self.add_error("number", str(error))
        return values


class NoteForm(ActForm):
    """Words for whoever looks at the bill next."""

    note = forms.CharField(
        max_length=LONGEST_NOTE,
        help_text="Kept on the record with your name.",
        error_messages={"required": "Write what is to be noted."},
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class AssignForm(ActForm):
    """A member of the tenant, or nobody."""

    assignee = forms.ChoiceField(
        label="Who looks after it",
        required=False,
        error_messages={"invalid_choice": "%(value)s is no member here; choose somebody else."},
        widget=UnfoldAdminSelectWidget,
    )

    def offer(self, tenant: Tenant, chosen: Sequence[Posting]) -> None:
        """The members by name."""
        members = Membership.objects.filter(tenant=tenant, user__is_active=True)
        names = members.order_by("user__username").values_list("user__username", flat=True)
        field = self.fields["assignee"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", "Nobody"), *((name, name) for name in names)]


class SnoozeForm(ActForm):
    """The day on which it is shown again, in the tenant's zone."""

    until = forms.DateField(
        label="Show again on",
        required=False,
        help_text="Leave it blank to show it again now.",
        error_messages={"invalid": "This is no day; write it as 2026-11-30."},
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
    )

    def clean_until(self) -> datetime | None:
        """The beginning of that day where the tenant is; it must be in the next year."""
        day: date | None = self.cleaned_data["until"]
        if day is None:
            return None
        today = timezone.localdate()
        if day <= today:
            raise forms.ValidationError("Choose a day after today.")
        if day - today > _LONGEST_SNOOZE:
            raise forms.ValidationError("Choose a day within a year.")
        return timezone.make_aware(datetime.combine(day, time.min))
