"""What a person may filter the list of bills by."""

from typing import ClassVar

import django_filters
from django import forms
from django.db.models import QuerySet
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from audit.models import REASONS, Blocker, Posting

_NONE = "none"


class BillFilter(django_filters.FilterSet):  # type: ignore[misc]
    """State, reason of the hold, start of the invoice number.

    `kind`, `ref` and `company` come from the links of the exceptions page and name one cause.
    """

    state = django_filters.ChoiceFilter(
        choices=Posting.State.choices, empty_label="Any state", widget=UnfoldAdminSelectWidget
    )
    reason = django_filters.ChoiceFilter(
        method="with_reason",
        label="Reason",
        choices=[(_NONE, "No hold"), *((value, name.capitalize()) for value, name in REASONS)],
        empty_label="Any reason",
        widget=UnfoldAdminSelectWidget,
    )
    number = django_filters.CharFilter(
        field_name="invoice_num",
        lookup_expr="startswith",
        label="Number starts with",
        max_length=255,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    kind = django_filters.CharFilter(method="of_cause", max_length=64, widget=forms.HiddenInput)
    ref = django_filters.CharFilter(method="as_is", max_length=255, widget=forms.HiddenInput)
    company = django_filters.CharFilter(method="as_is", max_length=16, widget=forms.HiddenInput)

    class Meta:
        model = Posting
        fields: ClassVar[list[str]] = []

    def with_reason(self, postings: QuerySet[Posting], name: str, reason: str) -> QuerySet[Posting]:
        """The postings with this open hold, or with none."""
        return postings.filter(hold_reason="" if reason == _NONE else reason)

    def of_cause(self, postings: QuerySet[Posting], name: str, kind: str) -> QuerySet[Posting]:
        """The postings that one cause holds; a cause without reference has an empty `ref`."""
        chosen = self.form.cleaned_data
        these = Blocker.objects.filter(
            kind=kind, ramp_id=chosen.get("ref") or "", company=chosen.get("company") or ""
        )
        return postings.exclude(hold_reason="").filter(pk__in=these.values("posting_id"))

    def as_is(self, postings: QuerySet[Posting], name: str, value: str) -> QuerySet[Posting]:
        """Part of a cause; means nothing alone."""
        return postings
