"""From what a person typed to a part of a tenant file, and back to a form. Secrets go one way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import QueryDict

from connector.tenants.sections import SECRETS, Change
from connector.tenants.tenant_schema import AUTH_NEEDS, KEYS
from connector.web.settings.fields import FIELDS, Field

METHOD = "epicor.auth.method"
_DEFAULTS: Mapping[str, Any] = {
    "ramp.base_url": "https://api.ramp.com",
    "epicor.deployment": "cloud",
    "epicor.api_version": "v2",
    METHOD: "oauth2",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A field as the page shows it. `value` is "" for every secret, whatever is stored."""

    field: Field
    value: Any
    errors: Sequence[str] = ()
    is_set: bool = False
    set_by: Change | None = None
    required: bool = False

    @property
    def optional(self) -> bool:
        """Whether it may be empty and has no default then."""
        return not self.required and KEYS[self.field.path].cleared in ("", None, [])

    @property
    def id(self) -> str:
        """The id of the control in the page."""
        return "f-" + self.field.path.replace(".", "-")


def document(section: str, posted: QueryDict) -> dict[str, Any]:
    """The part of a tenant file that the form means.

    An empty secret keeps the stored one, which works for the same host only
    (connector/tenants/sections.py); the logins of other methods than the chosen one are cleared;
    what else is empty goes back to its default, or is a fault where it is required.
    """
    found: dict[str, Any] = {}
    method = posted.get(METHOD, "")
    for field in FIELDS[section]:
        if field.methods and method in AUTH_NEEDS and method not in field.methods:
            _put(found, field.path, None)
            continue
        if field.kind != "secret":
            _put(found, field.path, _typed(field, posted))
        elif posted.get(field.path, "").strip():
            _put(found, field.path, posted[field.path])
        elif f"{field.path}.remove" in posted:
            _put(found, field.path, None)
    return found


def shown(
    section: str,
    stored: Mapping[str, Any],
    *,
    set_by: Mapping[str, Change | None],
    posted: QueryDict | None = None,
    errors: Mapping[str, Sequence[str]] | None = None,
) -> list[Shown]:
    """The fields with what is stored, or with what was typed while it is refused."""
    method = posted.get(METHOD, "") if posted is not None else stored.get(METHOD)
    return [
        Shown(
            field=field,
            value=_value(field, stored, posted),
            errors=(errors or {}).get(field.path, ()),
            is_set=field.path in set_by,
            set_by=set_by.get(field.path),
            required=_required(field, str(method or "oauth2")),
        )
        for field in FIELDS[section]
    ]


def for_method(fields: Sequence[Shown], method: str) -> list[Shown]:
    """The login fields that a method has."""
    return [one for one in fields if method in one.field.methods]


def _required(field: Field, method: str) -> bool:
    needed = field.path in AUTH_NEEDS.get(method, ())
    return field.kind != "yes" and (KEYS[field.path].required or needed)


def _value(field: Field, stored: Mapping[str, Any], posted: QueryDict | None) -> Any:
    if field.path in SECRETS:
        return ""
    if posted is not None:
        return field.path in posted if field.kind == "yes" else posted.get(field.path, "")
    value = stored[field.path]
    if field.kind == "days":
        return "\n".join(value)
    if isinstance(value, date):
        return value.isoformat()
    return value if value not in (None, "") else _DEFAULTS.get(field.path, "")


def _typed(field: Field, posted: QueryDict) -> Any:
    if field.kind == "yes":
        return field.path in posted
    text = posted.get(field.path, "").strip()
    if field.kind == "days":
        return text.replace(",", " ").split()
    if not text:
        return "" if KEYS[field.path].required else None
    if field.kind == "number" and text.isdecimal() and len(text) < 6:
        return int(text)
    return text


def _put(found: dict[str, Any], path: str, value: Any) -> None:
    *sections, name = path.split(".")
    place = found
    for section in sections:
        place = place.setdefault(section, {})
    place[name] = value
