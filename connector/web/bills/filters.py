"""What a person may filter the list of bills by, and what each filter means."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from audit.labels import STATES
from audit.ledger.models import Blocker, Posting
from connector.domain.reasons import LABELS
from connector.domain.search_days import moved
from connector.tenants.entities import names_of
from connector.tenants.models import EntityRoute, Membership, Tenant
from connector.web.bills.amounts import AmountFilter
from connector.web.bills.filter_terms import Periods, begins, midnight
from connector.web.bills.rows import NEWEST, SORTS
from mappings.models import CatalogRefresh

NONE = "none"  # no hold, nobody, not routed: the value that says "without"
_RANGES = tuple((f"{name}_from", f"{name}_to") for name in ("amount", "issued", "due", "entered"))
_FIRST = ("state", "reason", "vendor", "number")  # the fields that are always in view


class _Day(UnfoldAdminTextInputWidget):  # type: ignore[misc]
    input_type = "date"


def _text(**attributes: str) -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", **attributes})


def _choice(label: str, anything: str, **options: Any) -> django_filters.ChoiceFilter:
    return django_filters.ChoiceFilter(
        label=label, empty_label=anything, widget=UnfoldAdminSelectWidget, **options
    )


def _day(label: str, **options: Any) -> django_filters.DateFilter:
    return django_filters.DateFilter(label=label, widget=_Day, **options)


def _amount(label: str, comparison: str) -> AmountFilter:
    return AmountFilter(
        field_name="amount",
        lookup_expr=comparison,
        label=label,
        max_digits=20,
        decimal_places=4,
        widget=_text(inputmode="decimal"),
    )


class BillForm(forms.Form):
    """The filter's form: ranges run forwards, and an amount belongs to a currency."""

    def clean(self) -> dict[str, Any]:
        """Check what no field can say alone."""
        chosen: dict[str, Any] = super().clean() or {}
        for first, last in _RANGES:
            begin, end = chosen.get(first), chosen.get(last)
            if begin is not None and end is not None and begin > end:
                self.add_error(last, "This ends before it begins.")
        amounts = [chosen.get("amount_from"), chosen.get("amount_to")]
        wanted = any(amount is not None for amount in amounts)
        if wanted and not chosen.get("currency") and "currency" not in self.errors:
            self.add_error("currency", "Say in which currency the amount is.")
        return chosen


class BillFilter(django_filters.FilterSet):  # type: ignore[misc]
    """The tenant's bills by what an accountant knows of them.

    `kind`, `ref`, `company` and `reason` together name one cause, as the links of the exceptions
    page do; without `kind`, `company` and `reason` are those of the bill. Filters that are wrong
    find nothing and say why by field.
    """

    state = _choice("State", "Any state", choices=list(STATES.items()))
    reason = _choice(
        "Reason",
        "Any reason",
        method="with_reason",
        choices=[(NONE, "No hold"), *LABELS.items()],
    )
    vendor = django_filters.CharFilter(
        method="of_vendor", label="Vendor name or Ramp id", max_length=255,
        widget=_text(),
    )  # fmt: skip
    number = django_filters.CharFilter(
        method="numbered",
        label="Number begins with",
        max_length=255,
        widget=_text(**{"data-search": ""}),
    )
    entity = _choice("Ramp entity", "Any entity", method="of_entity")
    company = _choice("Epicor company", "Any Epicor company", method="in_company")
    group = django_filters.CharFilter(
        field_name="group_id", label="Epicor group", max_length=16, widget=_text()
    )
    period = django_filters.CharFilter(
        method="in_period",
        label="Fiscal period",
        max_length=16,
        widget=_text(placeholder="2026-11", list="periods"),
    )
    assignee = _choice("Assigned to", "Anybody", method="assigned_to")
    currency = django_filters.CharFilter(
        method="in_currency", label="Currency", max_length=8, widget=_text(placeholder="USD")
    )
    amount_from = _amount("Amount from", "gte")
    amount_to = _amount("Amount to", "lte")
    issued_from = _day("Issued from", field_name="issued_on", lookup_expr="gte")
    issued_to = _day("Issued to", field_name="issued_on", lookup_expr="lte")
    due_from = _day("Due from", field_name="due_on", lookup_expr="gte")
    due_to = _day("Due to", field_name="due_on", lookup_expr="lte")
    entered_from = _day("Entered from", method="entered_since")
    entered_to = _day("Entered to", method="entered_until")
    kind = django_filters.CharFilter(method="of_cause", max_length=64, widget=forms.HiddenInput)
    ref = django_filters.CharFilter(method="as_is", max_length=255, widget=forms.HiddenInput)

    class Meta:
        model = Posting
        fields: ClassVar[list[str]] = []
        form = BillForm

    def __init__(self, data: Mapping[str, Any], tenant: Tenant) -> None:
        super().__init__(data, Posting.objects.filter(tenant=tenant))
        self.tenant = tenant
        self.routes = dict(
            EntityRoute.objects.filter(tenant=tenant).values_list("ramp_entity_id", "company")
        )
        self.periods = Periods(tenant)
        self._offer(data)

    def _offer(self, data: Mapping[str, Any]) -> None:
        """The choices that are this tenant's; a cause's company is whatever the cause has."""
        fields = self.form.fields
        entity_names = names_of(self.tenant)
        entities = [
            (entity, f"{company} · {entity_names.get(entity) or entity}")
            for entity, company in self.routes.items()
        ]
        fields["entity"].choices = [*entities, (NONE, "Without an Epicor company")]
        seen = CatalogRefresh.objects.filter(tenant=self.tenant).values_list("company", flat=True)
        companies = sorted({*self.routes.values(), *seen})
        fields["company"].choices = [(name, name) for name in companies]
        members = Membership.objects.filter(tenant=self.tenant).order_by("user__username")
        names = members.values_list("user__username", flat=True)
        fields["assignee"].choices = [(NONE, "Nobody"), *((name, name) for name in names)]
        fields["period"].validators.append(self.periods.check)
        if data.get("kind"):
            fields["company"] = forms.CharField(
                required=False, max_length=16, widget=forms.HiddenInput
            )

    # -- what the pages ask ------------------------------------------------------------------

    @property
    def found(self) -> QuerySet[Posting]:
        """The bills that fit, in no order; none while a filter is wrong."""
        rows: QuerySet[Posting] = self.qs if self.form.is_valid() else self.queryset.none()
        return rows.order_by()

    @property
    def chosen(self) -> dict[str, str]:
        """What is filtered by, as it was typed."""
        return {name: self.data[name] for name in self.form.fields if self.data.get(name)}

    @property
    def sort(self) -> str:
        """The order, a key of SORTS; the newest first unless another one is asked for."""
        asked = self.data.get("sort", "")
        return asked if asked in SORTS else NEWEST

    @property
    def query(self) -> str:
        """Filter, order and view as the part of an address after "?", without what says nothing."""
        return self.query_with(sort=self.sort)

    def query_with(self, *, sort: str) -> str:
        """The same in another order."""
        order = {} if sort == NEWEST else {"sort": sort}
        view = self.data.get("view", "")
        opened = {"view": view} if view.isascii() and view.isdigit() else {}
        return urlencode({**self.chosen, **order, **opened})

    @property
    def first_fields(self) -> list[forms.BoundField]:
        """The fields that are always in view."""
        return [self.form[name] for name in _FIRST]

    @property
    def more_fields(self) -> list[forms.BoundField]:
        """The fields that are folded away while they are empty."""
        return [field for field in self.form.visible_fields() if field.name not in _FIRST]

    @property
    def more_open(self) -> bool:
        """Whether one of the folded fields is in use."""
        return any(self.data.get(field.name) for field in self.more_fields)

    # -- one method a filter, where a plain comparison does not do -----------------------------

    def with_reason(self, postings: QuerySet[Posting], name: str, reason: str) -> QuerySet[Posting]:
        """The postings with this open hold, or with none; a cause has its own reason."""
        if self.form.cleaned_data.get("kind"):
            return postings
        return postings.filter(hold_reason="" if reason == NONE else reason)

    def of_vendor(self, postings: QuerySet[Posting], name: str, text: str) -> QuerySet[Posting]:
        """The postings of one Ramp vendor, or of those whose name begins like this."""
        return postings.filter(Q(vendor_ramp_id=text) | begins("vendor_name", text))

    def numbered(self, postings: QuerySet[Posting], name: str, text: str) -> QuerySet[Posting]:
        """The postings whose number, or the one that a person replaced, begins like this."""
        either = begins("given_num", text) | begins("given_for", text)
        given = Posting.objects.filter(either & ~Q(given_num=""))
        return postings.filter(begins("invoice_num", text) | Q(pk__in=given.values("pk")))

    def of_entity(self, postings: QuerySet[Posting], name: str, entity: str) -> QuerySet[Posting]:
        """The postings of one Ramp entity, or of those that have no Epicor company."""
        if entity == NONE:
            return postings.exclude(entity_id__in=list(self.routes))
        return postings.filter(entity_id=entity)

    def in_company(self, postings: QuerySet[Posting], name: str, company: str) -> QuerySet[Posting]:
        """The postings that are in an Epicor company or will go there; not for a cause."""
        if self.form.cleaned_data.get("kind"):
            return postings
        return postings.filter(self._in(company))

    def in_period(self, postings: QuerySet[Posting], name: str, label: str) -> QuerySet[Posting]:
        """The postings whose apply date lies in this fiscal period, else in this month."""
        spans = self.periods.spans(label)
        everywhere = self.periods.companies <= spans.keys()
        if everywhere and len(set(spans.values())) == 1:
            return postings.filter(apply_on__range=next(iter(spans.values())))
        match = Q(pk__in=[])
        for company, span in spans.items():
            match |= self._in(company) & Q(apply_on__range=span)
        return postings.filter(match)

    def in_currency(self, postings: QuerySet[Posting], name: str, text: str) -> QuerySet[Posting]:
        """The postings in one currency."""
        return postings.filter(currency=text.upper())

    def entered_since(self, postings: QuerySet[Posting], name: str, day: date) -> QuerySet[Posting]:
        """The postings entered on or after this day of the tenant's zone."""
        return postings.filter(entered_at__gte=midnight(day))

    def entered_until(self, postings: QuerySet[Posting], name: str, day: date) -> QuerySet[Posting]:
        """The postings entered on or before this day of the tenant's zone."""
        return postings.filter(entered_at__lt=midnight(moved(day, timedelta(days=1))))

    def assigned_to(self, postings: QuerySet[Posting], name: str, who: str) -> QuerySet[Posting]:
        """The postings that somebody looks after, or nobody."""
        return postings.filter(assignee="" if who == NONE else who)

    def of_cause(self, postings: QuerySet[Posting], name: str, kind: str) -> QuerySet[Posting]:
        """The postings that one cause holds; a cause without reference has an empty `ref`."""
        chosen = self.form.cleaned_data
        these = Blocker.objects.filter(
            kind=kind, ramp_id=chosen.get("ref") or "", company=chosen.get("company") or ""
        )
        if chosen.get("reason"):
            these = these.filter(reason=chosen["reason"])
        return postings.exclude(hold_reason="").filter(pk__in=these.values("posting_id"))

    def as_is(self, postings: QuerySet[Posting], name: str, value: str) -> QuerySet[Posting]:
        """Part of a cause; means nothing alone."""
        return postings

    def _in(self, company: str) -> Q:
        """In this company, or on the way to it: the company is noted once a bill is entered."""
        entities = [entity for entity, routed in self.routes.items() if routed == company]
        return Q(company=company) | Q(company="", entity_id__in=entities)
