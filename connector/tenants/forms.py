"""The forms of a tenant's settings: pages and tenant file fill the same ones.

A field is named by its path in the tenant file (`epicor.auth.method`). What it is called, what it
may be and its default are the model's; here is only what concerns several fields together. Error
messages are the rest of a sentence that begins with the field's name or path.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.validators import MaxLengthValidator, RegexValidator
from django.db import models

from connector.epicor import address
from connector.secrets.fields import SecretCharField
from connector.tenants import validators
from connector.tenants.models import (
    EntityRoute,
    EpicorCredentials,
    FinanceCalendar,
    PostingSettings,
    RampCredentials,
    Tenant,
)
from mappings.models import CurrencyMapping, Dimension

_AGAIN = "must be given again: what is stored goes to the address it was given for only"
_MOST_ROWS = 5000  # of a list
_DAY = "%Y-%m-%d"

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Any]
    FormSet = forms.BaseFormSet[Any]
else:
    ModelForm, FormSet = forms.ModelForm, forms.BaseFormSet

Problems = dict[str, list[str]]  # path → what is wrong there


class SettingsError(Exception):
    """The settings cannot be used; `problems` by path, "" for what concerns the whole."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        super().__init__(" ".join(f"{sentence}." for sentence in self.sentences))

    @property
    def sentences(self) -> list[str]:
        """Each problem with its path: first what is wrong, then what is missing."""
        found = [
            f"{path}: {text}" if path else text
            for path, texts in self.problems.items()
            for text in texts
        ]
        return sorted(found, key=lambda sentence: sentence.endswith(": is required"))


# -- single fields ---------------------------------------------------------------------------------


class DaysField(forms.Field):
    """Days, one a line or with commas between; kept as a sorted list of ISO texts."""

    def __init__(self, *, encoder: Any = None, decoder: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # a column of JSON would give the other two

    def to_python(self, value: Any) -> list[str]:
        """Read a list as well as what a person typed."""
        if isinstance(value, str):
            value = value.replace(",", " ").split()
        return sorted({self._day(item) for item in value or []})

    def prepare_value(self, value: Any) -> Any:
        """Show one day a line."""
        return "\n".join(value) if isinstance(value, list) else value

    @staticmethod
    def _day(item: Any) -> str:
        try:
            return date.fromisoformat(
                item if isinstance(item, str) and len(item) == 10 else ""
            ).isoformat()
        except ValueError:
            raise ValidationError("must be a day such as 2026-01-31") from None


def form_field(column: Any, **kwargs: Any) -> Any:
    """Make a model field's form field, with its rules and the sentences of settings.

    `error_messages["type"]` is for a value of a tenant file that has another JSON type.
    """
    more, wrong = _kind(column)
    field = column.formfield(**more, **kwargs)
    if column.choices:
        field.choices = column.choices  # without an empty one
    rules = [one for one in column.validators if one not in field.validators]
    if any(isinstance(one, RegexValidator) for one in rules):  # which knows the length, too
        field.validators = [
            one for one in field.validators if not isinstance(one, MaxLengthValidator)
        ]
    field.validators += rules
    field.error_messages |= {
        "required": "is required",
        "max_length": "must have at most %(limit_value)d characters",
        "null_characters_not_allowed": "must be one line without control characters",
        "type": wrong,
    }
    if isinstance(field, forms.CharField):
        field.validators.append(validators.one_line)
        field.widget.attrs = {"autocomplete": "off", "spellcheck": "false"} | field.widget.attrs
    else:
        names = ("invalid", "invalid_choice", "min_value", "max_value")
        field.error_messages |= dict.fromkeys(names, wrong)
    return field


def _kind(column: Any) -> tuple[dict[str, Any], str]:
    """How a kind of column is asked for, and what is said of a wrong value."""
    if column.choices:
        return {}, f"must be one of: {', '.join(value for value, _ in column.choices)}"
    if isinstance(column, SecretCharField):  # written and never shown
        widget: Any = forms.PasswordInput({"autocomplete": "new-password"})
        return {"widget": widget}, "must be a text that is not empty"
    if isinstance(column, models.JSONField):
        widget = forms.Textarea({"rows": 4, "placeholder": "2026-12-31"})
        wrong = "must be a list of days such as 2026-01-31"
        return {"form_class": DaysField, "widget": widget}, wrong
    if isinstance(column, models.DateField):
        widget = forms.DateInput({"type": "date"}, format=_DAY)
        more = {"widget": widget, "input_formats": [_DAY]}
        return more, "must be a day such as 2026-01-31"
    if isinstance(column, models.IntegerField):
        limits: dict[str, int] = {one.code: one.limit_value for one in list[Any](column.validators)}
        least, most = limits["min_value"], limits["max_value"]
        wrong = f"must be a whole number from {least} to {most}"
        return {"min_value": least, "max_value": most}, wrong
    if isinstance(column, models.BooleanField):
        return {}, "must be true or false"
    return {}, "must be a text that is not empty"


def wrong_type(field: forms.Field, value: Any) -> str:
    """What is wrong with the JSON type of a field's value; "" when nothing is."""
    wanted = {forms.BooleanField: bool, forms.IntegerField: int, DaysField: list}
    if type(value) is wanted.get(type(field), str):
        return ""
    return str(field.error_messages["type"])


# -- sections --------------------------------------------------------------------------------------


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
            if before and after and _origin(before) != _origin(after):
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
                self.add_error("base_url", problem.rstrip("."))
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


# -- lists -----------------------------------------------------------------------------------------


class _Capitals(forms.TextInput):
    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Read in capitals what was typed."""
        return str(super().value_from_datadict(data, files, name) or "").upper()


class RowForm(ModelForm):
    """One row of a list. On a page, a line whose `decisive` columns are empty says nothing."""

    decisive: ClassVar[Collection[str]] = ()
    once: ClassVar[Collection[str]] = ()  # columns in which no value comes twice

    class Meta:
        formfield_callback = form_field

    def has_changed(self) -> bool:
        """Whether the line says something."""
        values = [self.data.get(self.add_prefix(name)) for name in self.decisive]
        return any(value is not None and str(value).strip() for value in values)

    def path_in(self, place: str, name: str) -> str:
        """The path of a column in the tenant file; `place` is the row's."""
        return f"{place}.{name}"

    def sentences(self) -> list[str]:
        """What is wrong with the row, for its line of a table."""
        return [f"{field.label} {text}." for field in self for text in field.errors]

    def singular(self) -> dict[str, Any]:
        """The values that no other row may have."""
        return {name: self.cleaned_data.get(name) for name in self.once}


class RouteForm(RowForm):
    """The Epicor company and site of a Ramp entity."""

    decisive = ("company", "site")
    once = ("ramp_entity_id",)

    class Meta(RowForm.Meta):
        model = EntityRoute
        fields = ("ramp_entity_id", "company", "site")


class CurrencyForm(RowForm):
    """What Epicor calls a currency."""

    decisive = ("epicor_code",)
    once = ("iso",)

    class Meta(RowForm.Meta):
        model = CurrencyMapping
        fields = ("iso", "epicor_code")
        widgets: ClassVar = {"iso": _Capitals}

    def path_in(self, place: str, name: str) -> str:
        """A currency is a key of its own."""
        return f"currencies.{self['iso'].value()}"


class DimensionForm(RowForm):
    """The segment of the account that a Ramp field fills."""

    decisive = ("segment", "default")
    once = ("ramp_field", "segment")

    class Meta(RowForm.Meta):
        model = Dimension
        fields = ("ramp_field", "segment", "kind", "default")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].required = False  # made from the field

    def clean(self) -> dict[str, Any]:
        """Give a kind to a field that names none."""
        if "ramp_field" in self.cleaned_data and not self.cleaned_data.get("kind"):
            self.cleaned_data["kind"] = Dimension.kind_of(self.cleaned_data["ramp_field"])
        return self.cleaned_data

    def singular(self) -> dict[str, Any]:
        """A kind that was made must not be another field's."""
        made = self.cleaned_data.get("kind") if not self["kind"].value() else None
        return super().singular() | {"kind": made}


class Rows(FormSet):
    """A list that is replaced whole."""

    path: ClassVar[str]
    min_required: ClassVar[int] = 0
    columns: ClassVar[Sequence[str]]
    default_error_messages: ClassVar = {
        "missing_management_form": "did not arrive whole: open the page again",
        "too_many_forms": "must have at most %(num)d rows",
    }

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        proposed: Sequence[Mapping[str, Any]] = (),
        empty: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(data, prefix=self.path, initial=proposed, **kwargs)
        self.extra = len(proposed) + empty

    def initial_form_count(self) -> int:
        """None: a line that says nothing is left out, also one that was proposed."""
        return 0

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> Self:
        """Fill the list with rows of a tenant file, each of which must be right."""
        data = {f"{cls.path}-TOTAL_FORMS": len(rows), f"{cls.path}-INITIAL_FORMS": 0}
        for number, row in enumerate(rows):
            data |= {f"{cls.path}-{number}-{name}": value for name, value in row.items()}
        return cls(data, form_kwargs={"empty_permitted": False})

    def said(self) -> list[Any]:
        """The rows that say something."""
        return [form for form in self.forms if form.has_changed() or not form.empty_permitted]

    def clean(self) -> None:
        """Refuse values that come twice."""
        seen: set[tuple[str, Any]] = set()
        for form in self.said():
            for name, value in form.singular().items():
                if value is not None and (name, value) in seen:
                    form.add_error(name, f"names {value} a second time")
                seen.add((name, value))
        if len(self.said()) < self.min_required:
            raise ValidationError("must name at least one entity")

    def problems(self) -> Problems:
        """What is wrong, by path."""
        found: Problems = {}
        if self.non_form_errors():
            found[self.path] = list(map(str, self.non_form_errors()))
        for number, form in enumerate(self.forms):
            for name, texts in form.errors.items():
                path = form.path_in(f"{self.path}[{number}]", name)
                found.setdefault(path, []).extend(map(str, texts))
        return found

    def replace(self, tenant: Tenant) -> list[str]:
        """Make the tenant's rows exactly these; returns the path if that changed anything."""
        model = self.form._meta.model
        stored = model._default_manager.filter(tenant=tenant)
        wanted = [form.instance for form in self.said()]
        values = [tuple(getattr(row, name) for name in self.columns) for row in wanted]
        if sorted(stored.values_list(*self.columns)) == sorted(values):
            return []
        stored.delete()
        for row in wanted:
            row.tenant = tenant
        model._default_manager.bulk_create(wanted)
        return [self.path]


def _list_of(form: type[RowForm], path: str, *, least: int = 0) -> type[Rows]:
    made: Any = forms.formset_factory(
        form, Rows, max_num=_MOST_ROWS, absolute_max=_MOST_ROWS + 1, validate_max=True
    )
    made.path, made.min_required, made.columns = path, least, form._meta.fields
    return cast("type[Rows]", made)


Routes = _list_of(RouteForm, "entities", least=1)
Currencies = _list_of(CurrencyForm, "currencies")
Dimensions = _list_of(DimensionForm, "dimensions")
