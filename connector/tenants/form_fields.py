"""The fields of the settings forms: from a model's column to what pages and tenant file fill.

Error messages are the rest of a sentence that begins with the field's name or path.
"""

from datetime import date
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import (
    MaxLengthValidator,
    ProhibitNullCharactersValidator,
    RegexValidator,
)
from django.db import models

from connector.secrets.fields import SecretCharField
from connector.tenants import validators

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
        super().__init__(" ".join(one if one[-1] == "?" else f"{one}." for one in self.sentences))

    @property
    def sentences(self) -> list[str]:
        """Each problem with its path: first what is wrong, then what is missing."""
        found = [
            f"{path}: {text}" if path else text
            for path, texts in self.problems.items()
            for text in texts
        ]
        return sorted(found, key=lambda sentence: sentence.endswith(": is required"))


class DayField(forms.DateField):
    """A day, written in full: 2026-01-05."""

    def to_python(self, value: Any) -> date | None:
        """Read what was typed or is in a tenant file."""
        return _day(value) if value and isinstance(value, str) else super().to_python(value)


class DaysField(forms.Field):
    """Days, one a line or with commas between; kept as a sorted list of ISO texts."""

    def __init__(self, *, encoder: Any = None, decoder: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # a column of JSON would give the other two

    def to_python(self, value: Any) -> list[str]:
        """Read a list as well as what a person typed."""
        if isinstance(value, str):
            value = value.replace(",", " ").split()
        return sorted({_day(item).isoformat() for item in value or []})

    def prepare_value(self, value: Any) -> Any:
        """Show one day a line."""
        return "\n".join(value) if isinstance(value, list) else value


def _day(text: Any) -> date:
    try:
        found = date.fromisoformat(text)
    except (TypeError, ValueError):
        found = None
    if found is None or found.isoformat() != text:  # a week's day, or no dashes
        raise ValidationError("must be a day such as 2026-01-31")
    return found


def form_field(column: Any, **kwargs: Any) -> Any:
    """Make a model field's form field, with its rules and the sentences of settings.

    `error_messages["type"]` is for a value of a tenant file that has another JSON type.
    """
    more, wrong = _kind(column)
    field = column.formfield(**more, **kwargs)
    if column.choices:
        field.choices = column.choices  # without an empty one
    rules = [one for one in column.validators if one not in field.validators]
    field.validators = [*field.validators, *rules]
    spare: tuple[type, ...] = (ProhibitNullCharactersValidator,)  # `one_line` says it
    if form := _pattern(column):  # which knows the length, too
        field.strip, wrong = False, str(form.message) % {}
        spare = (*spare, MaxLengthValidator)
    field.validators = [one for one in field.validators if not isinstance(one, spare)]
    field.error_messages |= {
        "required": "is required",
        "max_length": "must have at most %(limit_value)d characters",
        "type": wrong,
    }
    if isinstance(field, forms.CharField):
        if validators.one_line not in field.validators:
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
        widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
        more = {"form_class": DayField, "widget": widget}
        return more, "must be a day such as 2026-01-31"
    if isinstance(column, models.IntegerField):
        limits: dict[str, int] = {one.code: one.limit_value for one in list[Any](column.validators)}
        least, most = limits["min_value"], limits["max_value"]
        wrong = f"must be a whole number from {least} to {most}"
        return {"min_value": least, "max_value": most}, wrong
    if isinstance(column, models.BooleanField):
        return {}, "must be true or false"
    return {}, "must be a text that is not empty"


def _pattern(column: Any) -> RegexValidator | None:
    return next((one for one in column.validators if isinstance(one, RegexValidator)), None)


def wrong_type(field: forms.Field, value: Any) -> str:
    """What is wrong with the JSON type of a field's value; "" when nothing is.

    An empty text is none: who wants to clear a setting gives null.
    """
    wanted = {forms.BooleanField: bool, forms.IntegerField: int, DaysField: list}
    good = type(value) is wanted.get(type(field), str)
    if good and (not isinstance(value, str) or value.strip()):
        return ""
    return str(field.error_messages["type"])
