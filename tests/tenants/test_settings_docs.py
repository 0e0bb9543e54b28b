"""docs/configuration.md tells every setting as the models have it, and each is on a page.

After a change: `REWRITE_DOCS=1 .venv/bin/python -m pytest tests/tenants/test_settings_docs.py`.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.test import Client

from connector.tenants.form_fields import DayField, DaysField
from connector.tenants.forms import EpicorForm, NewTenantForm, SectionForm
from connector.tenants.list_forms import Rows
from connector.tenants.sections import LISTS, SECRETS, SECTIONS
from connector.tenants.tenant_file import REQUIRED
from tests import builders

PAGE = Path(settings.BASE_DIR) / "docs" / "configuration.md"
BEGIN, END = "<!-- settings: made from the models -->\n", "<!-- end of settings -->\n"
WITH_PAGES = [section for section in SECTIONS.values() if section.form]


def values(field: Any, *, secret: bool) -> str:
    """What a field takes, for a person who writes a tenant file."""
    if secret:
        return "secret"
    if isinstance(field, forms.ChoiceField):
        return "; ".join(f"`{value}`: {label}" for value, label in field.choices)
    if isinstance(field, forms.IntegerField):
        return f"{field.min_value} to {field.max_value}"
    kinds = {forms.BooleanField: "`true`, `false`", DayField: "day", DaysField: "days"}
    return kinds.get(type(field), "text")


def default(form: Any, name: str, path: str) -> str:
    column = form._meta.model._meta.get_field(name)
    methods = [method for method, names in EpicorForm.logins.items() if name in names]
    if path.startswith("epicor.auth.") and methods and name != "scope":
        return f"required with {', '.join(f'`{method}`' for method in methods)}"
    if path in REQUIRED or (form.base_fields[name].required and not column.has_default()):
        return "required"
    found = column.get_default()
    if found in (None, "", []):
        return "none"
    return f"`{str(found).lower() if isinstance(found, bool) else found}`"


def row(form: Any, name: str, path: str) -> str:
    field = form.base_fields[name]
    told = ". ".join(part for part in (str(field.label), str(field.help_text)) if part)
    cells = [f"`{path}`", told, values(field, secret=path in SECRETS), default(form, name, path)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def of_list(one: type[Rows]) -> list[str]:
    if one.path == "currencies":
        return ["| `currencies` | ISO code → what Epicor calls the currency | object | none |"]
    made = {"kind": "made from the field"}
    rows = [row(one.form, name, f"{one.path}[].{name}") for name in one.columns]
    return [
        line.replace("required", made[n]) if n in made else line
        for n, line in zip(one.columns, rows, strict=True)
    ]


def table() -> str:
    lines = ["| key | what it is | values | default |", "|---|---|---|---|"]
    lines.append(row(NewTenantForm, "slug", "slug"))
    for section in SECTIONS.values():
        if section.form:
            lines += [row(section.form, n, path) for path, n in section.form.columns().items()]
        lines += [line for one in section.lists for line in of_list(one)]
    return "\n".join(lines) + "\n"


def test_the_table_of_settings_is_made_from_the_models() -> None:
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    stored, end, after = rest.partition(END)
    if os.environ.get("REWRITE_DOCS"):
        PAGE.write_text(f"{before}{begin}{table()}{end}{after}", encoding="utf-8")
        stored = table()
    assert stored == table(), "run this with REWRITE_DOCS=1"
    assert begin
    assert end


@pytest.mark.django_db
@pytest.mark.parametrize("section", WITH_PAGES, ids=lambda one: one.key)
def test_a_column_of_a_form_is_on_its_page_and_among_what_is_set(section: Any) -> None:
    tenant = builders.make_tenant("acme")
    builders.make_ramp_credentials(tenant)
    builders.make_epicor_credentials(tenant)
    client = Client()
    client.force_login(builders.make_user("ann", tenant, "admin"))
    form: type[SectionForm] = section.form
    page = client.get(f"/t/acme/settings/{section.key}/").content.decode()
    whole = client.get("/t/acme/settings/").content.decode()
    unused = form.unused({"epicor.auth.method": "oauth2"})
    for path, name in form.columns().items():
        assert (f'name="{path}"' in page) is (name not in unused), path
        label = str(form.base_fields[name].label).replace("'", "&#x27;")
        assert f">{label}<" in whole or name in unused, path


def test_every_list_has_its_section() -> None:
    assert [one.path for one in LISTS] == ["entities", "currencies", "dimensions"]
