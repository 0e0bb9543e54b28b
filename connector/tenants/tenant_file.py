"""The tenant file: `read` it, then `apply` it, which stores it and tells what of it was new.

It fills the forms of the settings (connector/tenants/forms.py), which have the rules.
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from connector.tenants import sections, setup
from connector.tenants.form_fields import Problems, SettingsError, wrong_type
from connector.tenants.forms import NewTenantForm
from connector.tenants.list_forms import currency_path
from connector.tenants.models import EntityRoute, Tenant
from connector.tenants.sections import FORMS, LISTS

MOST_BYTES = 1_000_000
_FIELDS = {path: form.base_fields[name] for form in FORMS for path, name in form.columns().items()}
REQUIRED = {  # null is no value for these; what has a default goes back to it
    path
    for form in FORMS
    for path, name in form.columns().items()
    if form.base_fields[name].required and not form._meta.model._meta.get_field(name).has_default()
}
_OBJECTS = {path.rpartition(".")[0] for path in _FIELDS} - {""}
_ROWS = {one.path: one for one in LISTS}
_MAY_BE_EMPTY = {  # every other text is cleared with null alone
    "epicor.auth.scope",
    "epicor.rate_group",
    "posting.default_terms",
    "entities.site",
    "dimensions.default",
}


def read(path: str | Path) -> Any:
    """The document in a JSON file. Raises SettingsError when it cannot be read at all."""
    file = Path(path)
    try:
        if file.stat().st_size > MOST_BYTES:
            raise _useless(f"{file} is too big for a tenant file")
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _useless(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _useless(f"{file} is not a text in UTF-8") from error
    try:
        return json.loads(text, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _useless(f"{file} is not JSON: {error.msg} at {where}") from error
    except RecursionError as error:
        raise _useless(f"{file} is nested too deeply") from error
    except ValueError as error:
        raise _useless(f"{file} has a number with too many digits") from error


@transaction.atomic
def apply(document: Any, *, actor: str = "configure_tenant") -> tuple[Tenant, bool, list[str]]:
    """Create or update the tenant; returns it, whether it is new, and the paths that changed.

    A new one is live at once. One in the making is whole, but not live yet (connector/actions/
    go_live.py).

    Absent keys keep their values, lists are replaced whole. Doing it twice changes nothing the
    second time. Raises SettingsError with every problem; then nothing is stored.
    """
    if not isinstance(document, dict):
        raise _useless("A tenant file is one JSON object")
    reader = Reader()
    reader.walk({name: value for name, value in document.items() if name != "slug"}, "")
    slug, wrong = _slug(document.get("slug"))
    if wrong:
        raise SettingsError({"slug": wrong} | reader.faults())
    tenant = Tenant.objects.select_for_update().filter(slug=slug).first()
    created = tenant is None
    tenant = tenant or Tenant(slug=slug)
    live = created or setup.is_live(tenant)
    routed = not created and (live or EntityRoute.objects.filter(tenant=tenant).exists())
    if "entities" not in document and not routed:
        reader.problems["entities"] = ["is required"]
    bound: list[sections.Bound] = []
    for form in FORMS:
        row = sections.row_of(tenant, form)
        if row.pk is None or reader.given.keys() & form.columns():
            bound.append(form(reader.given, instance=row))
    bound += [_ROWS[path].of(rows) for path, rows in reader.rows.items()]
    changed = sections.store(tenant, bound, actor=actor, live=live, problems=reader.problems)
    return tenant, created, changed


def _slug(value: Any) -> tuple[str, list[str]]:
    """The short name, and what is wrong with it."""
    field = NewTenantForm.base_fields["slug"]
    if value is None:
        return "", ["is required"]
    if problem := wrong_type(field, value):
        return "", [problem]
    try:
        return str(field.clean(value)), []
    except ValidationError as error:
        return "", error.messages[:1]


class Reader:
    """Collects what is given and what is no key or has a wrong type, while it walks."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}
        self.rows: dict[str, list[Mapping[str, Any]]] = {}
        self.problems: Problems = {}

    def faults(self) -> Problems:
        """All faults of what is given; what else a tenant needs, nobody can tell without it."""
        found: Problems = {}
        for form in FORMS:
            found |= form(self.given, instance=form._meta.model()).problems()
        found = {path: texts for path, texts in found.items() if path in self.given}
        for path, rows in self.rows.items():
            found |= _ROWS[path].of(rows).problems()
        return found | self.problems

    def walk(self, section: Mapping[str, Any], prefix: str) -> None:
        for name, value in section.items():
            path = f"{prefix}{name}"
            if "." in name:
                self._report(path, "is not a key: give an object instead of a dot in the name")
            elif path in _OBJECTS:
                if isinstance(value, dict):
                    self.walk(value, f"{path}.")
                else:
                    self._report(path, "must be an object")
            elif path in _FIELDS:
                self._value(path, value)
            elif path in _ROWS:
                self._list(path, value)
            else:
                self._report(path, f"is not a key{_suggestion(path)}")

    def _report(self, path: str, problem: str) -> None:
        self.problems.setdefault(path, []).append(problem)

    def _value(self, path: str, value: Any) -> None:
        if value is None and path in REQUIRED:
            self._report(path, "cannot be null")
        elif value is not None and (problem := _wrong(path, _FIELDS[path], value)):
            self._report(path, problem)
        else:
            self.given[path] = value

    def _list(self, path: str, value: Any) -> None:
        if path == "currencies" and isinstance(value, dict):
            value = [{"iso": iso, "epicor_code": code} for iso, code in value.items()]
        elif path == "currencies" and value is not None:
            self._report(path, 'must be an object such as {"USD": "USD"}')
        elif not isinstance(value, list) and (path == "entities" or value is not None):
            self._report(path, "must be a list")
        rows = [] if path in self.problems else value or []
        for number, row in enumerate(rows):
            if not isinstance(row, dict):
                self._report(f"{path}[{number}]", "must be an object")
        if all(isinstance(row, dict) for row in rows) and path not in self.problems:
            self.rows[path] = [self._row(path, number, row) for number, row in enumerate(rows)]

    def _row(self, path: str, number: int, row: Mapping[str, Any]) -> Mapping[str, Any]:
        place, fields, found = f"{path}[{number}]", _ROWS[path].form.base_fields, {}
        for name, value in row.items():
            if name not in fields:
                known = ", ".join(fields)
                self._report(f"{place}.{name}", f"is not a key; known: {known}")
            elif value is not None and (problem := _wrong(f"{path}.{name}", fields[name], value)):
                where = currency_path(row["iso"]) if path == "currencies" else f"{place}.{name}"
                self._report(where, problem)
            elif value is not None:
                found[name] = value
        return found


def _wrong(path: str, field: Any, value: Any) -> str:
    return "" if value == "" and path in _MAY_BE_EMPTY else wrong_type(field, value)


def _useless(problem: str) -> SettingsError:
    return SettingsError({"": [problem]})


def _suggestion(path: str) -> str:
    known: Sequence[str] = ["slug", *_FIELDS, *_OBJECTS, *_ROWS]
    close = difflib.get_close_matches(path, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise SettingsError({double: ["is given twice in the same object"]})
    return found
