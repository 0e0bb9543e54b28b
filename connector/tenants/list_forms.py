"""The lists of a tenant's settings: routes, currencies, dimensions, each replaced whole."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Self, cast

from django import forms
from django.core.exceptions import ValidationError
from django.forms.formsets import TOTAL_FORM_COUNT
from django.utils.functional import cached_property

from connector.tenants.form_fields import FormSet, ModelForm, Problems, form_field
from connector.tenants.models import EntityRoute, Tenant
from mappings.models import CurrencyMapping, Dimension

_MOST_ROWS = 5000  # of a list


class _Capitals(forms.TextInput):
    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Read in capitals what was typed."""
        return str(super().value_from_datadict(data, files, name) or "").strip().upper()


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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.empty_permitted:  # a line of a page
            self.fields["iso"].widget = _Capitals()

    def path_in(self, place: str, name: str) -> str:
        """A currency is a key of its own."""
        return currency_path(self["iso"].value())


def currency_path(iso: Any) -> str:
    """The path of a currency in the tenant file."""
    return f"currencies.{iso}" if iso else 'currencies.""'


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

    @cached_property
    def whole(self) -> bool:
        """Whether the rows that arrived are as many as were sent."""
        sent: int = self.management_form.cleaned_data[TOTAL_FORM_COUNT] or 0
        keys = [key.split("-") for key in self.data if key.startswith(f"{self.path}-")]
        there = {key[1] for key in keys if len(key) == 3}
        return sent <= _MOST_ROWS and there == set(map(str, range(sent)))

    def total_form_count(self) -> int:
        """None as well when the number that was sent cannot be right: `clean` refuses them all."""
        return super().total_form_count() if not self.is_bound or self.whole else 0

    def initial_form_count(self) -> int:
        """None: a line that says nothing is left out, also one that was proposed."""
        return 0

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> Self:
        """Fill the list with rows of a tenant file, each of which must be right."""
        data: dict[str, Any] = {
            f"{cls.path}-TOTAL_FORMS": len(rows),
            f"{cls.path}-INITIAL_FORMS": 0,
        }
        for number, row in enumerate(rows):
            data |= {f"{cls.path}-{number}-{name}": row.get(name) for name in cls.columns}
        return cls(data, form_kwargs={"empty_permitted": False})

    def said(self) -> list[Any]:
        """The rows that say something."""
        return [form for form in self.forms if form.has_changed() or not form.empty_permitted]

    def clean(self) -> None:
        """Refuse a list that is not whole, and values that come twice."""
        if self.management_form.is_valid() and not self.whole:
            raise ValidationError(self.default_error_messages["missing_management_form"])
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
        form, Rows, max_num=_MOST_ROWS, absolute_max=_MOST_ROWS, validate_max=True
    )
    made.path, made.min_required, made.columns = path, least, form._meta.fields
    return cast("type[Rows]", made)


Routes = _list_of(RouteForm, "entities", least=1)
Currencies = _list_of(CurrencyForm, "currencies")
Dimensions = _list_of(DimensionForm, "dimensions")
