"""Amounts as people type them: 6,117.72 and 6117,72 and 6'117.72 are the same."""

import re
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError

_SPACES = str.maketrans("", "", " \u00a0\u202f\u2009'’")  # grouping that can be nothing else
_WRONG = "Write an amount as 6117.72 or 6,117.72."


class AmountField(forms.DecimalField):
    """A decimal number with or without separators of thousands."""

    default_error_messages = {"invalid": _WRONG}

    def to_python(self, value: Any) -> Any:
        """The number; raises ValidationError for what could be two numbers, or none."""
        if isinstance(value, str):
            value = plain_number(value)
        return super().to_python(value)


class AmountFilter(django_filters.NumberFilter):  # type: ignore[misc]
    """A filter for amounts as people type them."""

    field_class = AmountField


def plain_number(text: str) -> str:
    """The number with a point and without separators; raises ValidationError.

    With both a point and a comma the last one begins the decimals. Commas alone separate
    thousands where they can (6,117), and are decimal otherwise (6117,72); a point alone is
    decimal, as everywhere on these pages.
    """
    bare = text.strip().replace("−", "-").translate(_SPACES)
    if "," not in bare:
        return bare if bare.count(".") < 2 else _ungrouped(bare, ".")
    if "." not in bare:
        grouped = re.fullmatch(r"-?\d{1,3}(,\d{3})+", bare)
        return bare.replace(",", "") if grouped else _with_point(bare, ",")
    decimal = max(",.", key=bare.rfind)
    group = "," if decimal == "." else "."
    whole, _, rest = bare.rpartition(decimal)
    return f"{_ungrouped(whole, group)}.{rest}"


def _ungrouped(whole: str, group: str) -> str:
    if not re.fullmatch(rf"-?\d{{1,3}}({re.escape(group)}\d{{3}})+", whole):
        raise ValidationError(_WRONG, code="invalid")
    return whole.replace(group, "")


def _with_point(bare: str, decimal: str) -> str:
    if bare.count(decimal) > 1:
        raise ValidationError(_WRONG, code="invalid")
    return bare.replace(decimal, ".")
