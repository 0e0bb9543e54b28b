"""The fields of the settings forms: from a model's column to what pages and tenant file fill.

Error messages are the rest of a sentence that begins with the field's name or path.
"""

from datetime import date
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, RegexValidator
from django.db import models

from connector.secrets.fields import SecretCharField
from connector.tenants import validators

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
