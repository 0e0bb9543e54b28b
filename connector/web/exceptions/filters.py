"""By what a person may narrow the exceptions: who looks after them, the reason, the company."""

from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from audit.ledger.exceptions import Wanted
from connector.domain.reasons import LABELS
from connector.tenants.models import EntityRoute, Tenant

_WHO = [("", "Everybody's"), ("mine", "Mine"), ("nobody", "Unassigned")]
_SNOOZED = [("", "Not snoozed"), ("1", "Snoozed only")]


class ExceptionFilter(forms.Form):
    """The filter of the exceptions page. What cannot be read counts as not asked for."""

    q = forms.CharField(
        required=False,
        max_length=100,
        label="Vendor or number",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "data-search": ""}),
    )
    who = forms.ChoiceField(
        choices=_WHO, required=False, label="Whose", widget=UnfoldAdminSelectWidget
    )
    why = forms.ChoiceField(
        choices=[("", "Any reason"), *LABELS.items()],
        required=False,
        label="Reason",
        widget=UnfoldAdminSelectWidget,
    )
    company = forms.ChoiceField(
        required=False, label="Epicor company", widget=UnfoldAdminSelectWidget
    )
    snoozed = forms.ChoiceField(
        choices=_SNOOZED, required=False, label="Snoozed", widget=UnfoldAdminSelectWidget
    )

    def __init__(self, data: QueryDict, tenant: Tenant) -> None:
        super().__init__(data)
        self._routes = list(
            EntityRoute.objects.filter(tenant=tenant).values_list("company", "ramp_entity_id")
        )
        self.companies = sorted({company for company, _ in self._routes})
        named = [("", "Any Epicor company"), *((company, company) for company in self.companies)]
        field = self.fields["company"]
        if isinstance(field, forms.ChoiceField):
            field.choices = named

    def wanted(self, actor: str) -> Wanted:
        """The filter for `actor`, who is meant by "mine"."""
        asked = self.asked()
        company = asked.get("company", "")
        return Wanted(
            reason=asked.get("why", ""),
            assignee={"mine": actor, "nobody": ""}.get(asked.get("who", "")),
            snoozed=bool(asked.get("snoozed")),
            company=company,
            text=asked.get("q", ""),
            entities=tuple(entity for at, entity in self._routes if at == company),
        )

    def asked(self) -> dict[str, str]:
        """What was asked for and can be read, as in an address."""
        self.is_valid()
        return {name: str(value) for name, value in self.cleaned_data.items() if value}

    @property
    def query(self) -> str:
        """The same as a query string."""
        return urlencode(self.asked())
