"""What a person may search the audit trail by, read from the address or a form."""

from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from audit.trail.events import ACTIONS, name_of
from audit.trail.search import Wanted
from connector.tenants.models import Tenant
from connector.web.audit.subjects import ABOUT, subjects_named

KINDS = {
    "posting": "Anything about bills",
    "confirmation": "Anything told to Ramp",
    "group": "Anything about groups",
    "mapping": "Anything about mappings",
    "tenant": "Anything about settings",
    "user": "Anything about people",
    "audit": "Anything about this record",
}
_KIND = "kind:"
_YEARS = range(2000, 2200)


class _Day(UnfoldAdminTextInputWidget):  # type: ignore[misc]  # unfold ships no types
    input_type = "date"


def _what() -> list[Any]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for action, words in ACTIONS.items():
        groups.setdefault(words.group, []).append((action, words.name))
    kinds = [(f"{_KIND}{kind}", name) for kind, name in KINDS.items()]
    return [("", "Anything"), ("Whole subjects", kinds), *groups.items()]


class AuditForm(forms.Form):
    """Person, action, subject and days; every field may be left out."""

    # As they are read: the first day beside the last, the switches after what they narrow.
    field_order = ("who", "what", "about", "subject", "since", "until", "people", "singles")

    who = forms.CharField(
        label="Who",
        required=False,
        max_length=150,
        widget=UnfoldAdminTextInputWidget(
            attrs={"list": "people", "autocomplete": "off", "placeholder": "exact name"}
        ),
    )
    people = forms.BooleanField(
        label="Only what people did", required=False, widget=UnfoldBooleanWidget
    )
    singles = forms.BooleanField(
        label="Also single requests", required=False, widget=UnfoldBooleanWidget
    )
    what = forms.ChoiceField(
        label="What", required=False, choices=_what, widget=UnfoldAdminSelectWidget
    )
    since = forms.DateField(label="From", required=False, widget=_Day)
    until = forms.DateField(label="To", required=False, widget=_Day)
    about = forms.ChoiceField(
        label="About", required=False, choices=list(ABOUT.items()), widget=UnfoldAdminSelectWidget
    )
    subject = forms.CharField(
        label="Number, id or name",
        required=False,
        max_length=255,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "data-search": ""}),
    )

    def clean_since(self) -> date | None:
        """A day that a bill can have."""
        return _sane(self.cleaned_data["since"])

    def clean_until(self) -> date | None:
        """A day that a bill can have."""
        return _sane(self.cleaned_data["until"])

    def clean(self) -> dict[str, Any]:
        """The days are in order."""
        chosen = super().clean() or {}
        since, until = chosen.get("since"), chosen.get("until")
        if since and until and until < since:
            self.add_error("until", "This day is before the first one.")
        return chosen

    def wanted(self, tenant: Tenant) -> Wanted:
        """The search itself; days begin and end in the current time zone, the tenant's."""
        chosen = self.cleaned_data
        what, subject = chosen["what"], chosen["subject"]
        kind = what.removeprefix(_KIND) if what.startswith(_KIND) else ""
        found = subjects_named(tenant, chosen["about"] or "bill", subject) if subject else None
        until = chosen["until"]
        return Wanted(
            actor=chosen["who"],
            people_only=chosen["people"],
            singles=self.with_singles(),
            action="" if kind else what,
            kind=kind,
            subjects=found,
            since=_midnight(chosen["since"]),
            until=_midnight(until + timedelta(days=1)) if until else None,
        )

    def with_singles(self) -> bool:
        """Whether each request to Ramp and Epicor is shown, too: asked for, or named as the action,
        or among what was told to Ramp, which is nothing else."""
        what = self.cleaned_data["what"]
        named = bool(what) and not what.startswith(_KIND)
        return self.cleaned_data["singles"] or named or what == f"{_KIND}confirmation"

    def query(self) -> str:
        """The filter as the part of an address after "?"; fields that are empty are left out."""
        given = {name: str(self.data.get(name) or "") for name in self.fields}
        if not given["subject"]:
            given["about"] = ""
        return urlencode({name: value for name, value in given.items() if value})

    def in_words(self) -> str:
        """The filter as a person would say it."""
        chosen = self.cleaned_data
        what = chosen["what"]
        name = KINDS.get(what.removeprefix(_KIND)) if what.startswith(_KIND) else name_of(what)
        parts = [
            "only what people did" if chosen["people"] else "",
            f"by {chosen['who']}" if chosen["who"] else "",
            str(name) if what else "",
            f"about {ABOUT[chosen['about'] or 'bill'].lower()} {chosen['subject']}"
            if chosen["subject"]
            else "",
            f"from {chosen['since']}" if chosen["since"] else "",
            f"to {chosen['until']}" if chosen["until"] else "",
        ]
        text = ", ".join(part for part in parts if part) or "everything"
        return text if self.with_singles() else f"{text}, without single requests"


def _sane(day: date | None) -> date | None:
    if day is not None and day.year not in _YEARS:
        raise forms.ValidationError("Choose a day between 2000 and 2199.")
    return day


def _midnight(day: date | None) -> datetime | None:
    if day is None:
        return None
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
