"""The forms of a tenant's settings: pages and tenant file fill the same ones.

A field is named by its path in the tenant file (`epicor.auth.method`). What it is called, what it
may be and its default are the model's; here is only what concerns several fields together.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models

from connector.epicor import address
from connector.secrets.fields import SecretCharField
from connector.tenants.form_fields import ModelForm, Problems, form_field
from connector.tenants.models import (
    EpicorCredentials,
    FinanceCalendar,
    PostingSettings,
    RampCredentials,
    Tenant,
)

_AGAIN = "must be given again: what is stored goes to the address it was given for only"


class SectionForm(ModelForm):
    """One section. `given`: values by path; what is absent stays, None is the default again."""

    path: ClassVar[str] = ""  # of the section in the tenant file
    inner: ClassVar[Mapping[str, str]] = {}  # paths that are otherwise than section.column
    proposed: ClassVar[Mapping[str, str]] = {}  # on the page while nothing is stored
    # Which secrets the owner of a host gets to see.
    sent_to: ClassVar[Mapping[str, Collection[str]]] = {}
    use_required_attribute = False  # an empty secret stays

    class Meta:
        formfield_callback = form_field

    def __init__(self, given: Mapping[str, Any] | None = None, *, instance: models.Model) -> None:
        self.before = {name: getattr(instance, name) for name in self.base_fields}
        self.kept: Collection[str] = ()  # secrets that a person left empty, so that they stay
        data = None if given is None else self._data(given)
        empty = {name: text for name, text in self.proposed.items() if not self.before[name]}
        super().__init__(data, instance=instance, initial=empty)
        for name, field in self.fields.items():
            id_ = "f-" + self.path_of(name).replace(".", "-")
            field.widget.attrs |= {"id": id_, "aria-describedby": f"{id_}-help"}

    @classmethod
    def typed(cls, posted: Mapping[str, Any], instance: models.Model) -> Self:
        """Fill the form with what a person typed. An empty secret stays, a tick removes it.

        What else is empty goes back to its default, or is a fault where it is required. Who may
        change settings must not learn the secrets in them, so a secret that stays goes only to
        the host that it was given for.
        """
        given: dict[str, Any] = {}
        for name, field in cls.base_fields.items():
            path = cls.path_of(name)
            if isinstance(field, forms.BooleanField):
                given[path] = path in posted
            elif name not in cls.secrets() or f"{path}.remove" in posted:
                given[path] = posted.get(path, "").strip() or None
            elif posted.get(path, "").strip():
                given[path] = posted[path]
        given |= {cls.path_of(name): None for name in cls.unused(given)}
        form = cls(given, instance=instance)
        form.kept = {name for name in cls.secrets() if cls.path_of(name) not in given}
        return form

    @classmethod
    def path_of(cls, name: str) -> str:
        """The path of a column in the tenant file."""
        return cls.inner.get(name) or f"{cls.path}.{name}".lstrip(".")

    @classmethod
    def columns(cls) -> dict[str, str]:
        """The columns by their paths."""
        return {cls.path_of(name): name for name in cls.base_fields}

    @classmethod
    def secrets(cls) -> list[str]:
        """The columns that are written and never read back."""
        model = cls._meta.model
        return [
            name
            for name in cls.base_fields
            if isinstance(model._meta.get_field(name), SecretCharField)
        ]

    @classmethod
    def unused(cls, whole: Mapping[str, Any]) -> Collection[str]:
        """The columns that mean nothing beside the other values, which are given by path."""
        return ()

    def add_prefix(self, field_name: str) -> str:
        """Name a field in the page by its path."""
        return self.path_of(field_name)

    def _data(self, given: Mapping[str, Any]) -> dict[str, Any]:
        model, data = self._meta.model, {}
        for path, name in self.columns().items():
            value = given.get(path, self.before[name])
            data[path] = model._meta.get_field(name).get_default() if value is None else value
        return data

    def clean(self) -> dict[str, Any]:
        """Ask again for secrets that would go to another host than before."""
        for name, secrets in self.sent_to.items():
            before, after = self.before[name], self.cleaned_data.get(name)
            if after and _origin(before) != _origin(after):
                for secret in secrets:
                    if secret in self.kept and self.before[secret]:
                        self.add_error(secret, _AGAIN)
        return self.cleaned_data

    def problems(self) -> Problems:
        """What is wrong, by path."""
        return {
            "" if name == NON_FIELD_ERRORS else self.path_of(name): list(map(str, texts))
            for name, texts in self.errors.items()
        }

    def changed(self) -> list[str]:
        """The paths whose values are others than before; of a valid form."""
        return [
            path
            for path, name in self.columns().items()
            if getattr(self.instance, name) != self.before[name]
        ]


class TenantForm(SectionForm):
    """How people call the company, and its time."""

    class Meta(SectionForm.Meta):
        model = Tenant
        fields: ClassVar[Sequence[str]] = ("name", "time_zone")
        widgets: ClassVar = {
            "name": forms.TextInput({"placeholder": "Acme Consulting"}),
            "time_zone": forms.TextInput({"placeholder": "America/New_York", "list": "zones"}),
        }


class NewTenantForm(TenantForm):
    """A company that is not there yet."""

    class Meta(TenantForm.Meta):
        fields: ClassVar = ("name", "slug", "time_zone")
        widgets: ClassVar = {
            **TenantForm.Meta.widgets,
            "slug": forms.TextInput({"placeholder": "acme"}),
        }

    def changed(self) -> list[str]:
        """The short name is who it is, no setting of it."""
        return [path for path in super().changed() if path != "slug"]

    def clean_slug(self) -> str:
        """Refuse a name that is taken, in whatever capitals."""
        slug = str(self.cleaned_data["slug"])
        if Tenant.objects.filter(slug__iexact=slug).exists():
            raise ValidationError(taken(slug))
        return slug


def taken(slug: str) -> str:
    """Say that another tenant has the short name."""
    return f"{slug} is taken by another company"


class RampForm(SectionForm):
    """How we reach Ramp."""

    path = "ramp"
    proposed: ClassVar = {"base_url": "https://api.ramp.com"}
    sent_to: ClassVar = {"base_url": ("client_secret",)}

    class Meta(SectionForm.Meta):
        model = RampCredentials
        fields = ("base_url", "client_id", "client_secret", "webhook_secret")
        widgets: ClassVar = {
            "base_url": forms.TextInput(
                {"placeholder": "https://api.ramp.com", "inputmode": "url"}
            ),
            "client_id": forms.TextInput({"placeholder": "ramp_id_…"}),
        }

    def clean_base_url(self) -> str:
        """Keep the address without /developer/v1."""
        return str(self.cleaned_data["base_url"]).rstrip("/").removesuffix("/developer/v1")


class EpicorForm(SectionForm):
    """How we reach Epicor. Which login fields count depends on the login method."""

    path = "epicor"
    inner: ClassVar = {"auth_method": "epicor.auth.method"} | {
        name: f"epicor.auth.{name}"
        for name in ("token_url", "client_id", "client_secret", "scope", "username", "password")
    }
    logins: ClassVar[Mapping[str, Collection[str]]] = {
        "oauth2": ("token_url", "client_id", "client_secret", "scope"),
        "token_resource": ("username", "password"),
        "basic": ("username", "password"),
    }
    proposed: ClassVar = {"deployment": "cloud", "api_version": "v2", "auth_method": "oauth2"}
    sent_to: ClassVar = {  # with the login comes a token that opens all
        "base_url": ("api_key", "client_secret", "password"),
        "token_url": ("client_secret",),
    }

    class Meta(SectionForm.Meta):
        model = EpicorCredentials
        fields = (
            "base_url",
            "deployment",
            "api_version",
            "api_key",
            "auth_method",
            "token_url",
            "client_id",
            "client_secret",
            "scope",
            "username",
            "password",
            "rate_group",
            "ca_file",
        )
        widgets: ClassVar = {
            "base_url": forms.TextInput(
                {"placeholder": "https://acme.epicorsaas.com/live", "inputmode": "url"}
            ),
            "token_url": forms.TextInput(
                {"placeholder": "https://login.epicor.com/connect/token", "inputmode": "url"}
            ),
            "scope": forms.TextInput({"placeholder": "epicor_erp"}),
            "rate_group": forms.TextInput({"placeholder": "MAIN"}),
            "ca_file": forms.TextInput({"placeholder": "/etc/ssl/acme-ca.pem"}),
        }

    def __init__(self, given: Mapping[str, Any] | None = None, *, instance: models.Model) -> None:
        super().__init__(given, instance=instance)
        for name in self.login():
            self.fields[name].required = name != "scope"

    @classmethod
    def unused(cls, whole: Mapping[str, Any]) -> Collection[str]:
        """The logins of other methods than the chosen one."""
        chosen = cls.logins.get(whole[cls.path_of("auth_method")] or "", ())
        return {name for names in cls.logins.values() for name in names if name not in chosen}

    def login(self) -> Collection[str]:
        """The columns of the chosen login method."""
        return self.logins.get(str(self["auth_method"].value()), ())

    def clean_base_url(self) -> str:
        """Drop a closing slash."""
        return str(self.cleaned_data["base_url"]).rstrip("/")

    def clean_token_url(self) -> str:
        """Drop a closing slash."""
        return str(self.cleaned_data["token_url"]).rstrip("/")

    def clean(self) -> dict[str, Any]:
        """Check that address, version and login fit together."""
        names = ("base_url", "deployment", "api_version", "auth_method")
        if all(self.cleaned_data.get(name) for name in names):
            for problem in address.check(**{name: self.cleaned_data[name] for name in names}):
                self.add_error("base_url", problem)
        return super().clean()


class RulesForm(SectionForm):
    """What is entered how, and what waits."""

    path = "posting"
    inner: ClassVar = {"closed_period": "calendar.closed_period"}

    class Meta(SectionForm.Meta):
        model = PostingSettings
        fields = (
            "start_date",
            "po_bills",
            "card_paid",
            "pay_hold",
            "closed_period",
            "default_terms",
            "after_entry_edits",
            "group_prefix",
            "lanes",
            "stamp_column",
            "writer",
            "skeleton_method",
        )
        widgets: ClassVar = {"default_terms": forms.TextInput({"placeholder": "N30"})}


class CalendarForm(SectionForm):
    """When cycles run, and when nothing is entered."""

    path = "calendar"

    class Meta(SectionForm.Meta):
        model = FinanceCalendar
        fields = ("sync_cron", "blackout")
        widgets: ClassVar = {"sync_cron": forms.TextInput({"placeholder": "*/15 * * * 1-5"})}


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port
