"""A tenant's settings by section: what is stored, storing forms, and who changed what last.

A page carries a mark of what its person saw; when somebody else saved meanwhile, nothing is stored
and a sentence says so.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from audit.trail.models import AuditEntry
from connector.http_client.models import AccessToken
from connector.secrets import key_check
from connector.tenants import forms, list_forms, pauses, setup
from connector.tenants.form_fields import Problems, SettingsError
from connector.tenants.forms import SectionForm
from connector.tenants.list_forms import Rows
from connector.tenants.models import FinanceCalendar, Tenant

_LOOK_BACK = 500  # entries of a tenant's trail in which the last change of a key is looked for
Bound = SectionForm | Rows


class ChangedMeanwhileError(Exception):
    """Somebody else saved the section after this form was opened; nothing was stored."""


@dataclass(frozen=True, slots=True)
class Section:
    """Settings that are shown and saved together: a form, or lists."""

    key: str
    title: str
    capability: str
    form: type[SectionForm] | None = None
    lists: tuple[type[Rows], ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """What it sets, by the paths of the tenant file."""
        return (*(self.form.columns() if self.form else ()), *(one.path for one in self.lists))

    def typed(self, tenant: Tenant, posted: Mapping[str, Any]) -> list[Bound]:
        """Fill form or lists with what a person typed."""
        if self.form:
            return [self.form.typed(posted, row_of(tenant, self.form))]
        return [one(posted) for one in self.lists]


@dataclass(frozen=True, slots=True)
class Change:
    """Who changed something when; `changed` are the paths."""

    at: datetime
    actor: str
    action: str
    changed: tuple[str, ...]


SECTIONS: Mapping[str, Section] = {
    section.key: section
    for section in (
        Section("tenant", "Name and time zone", "manage_settings", forms.TenantForm),
        Section("ramp", "Ramp app", "manage_connections", forms.RampForm),
        Section("epicor", "Epicor connection", "manage_connections", forms.EpicorForm),
        Section("entities", "Entity routes", "manage_connections", lists=(list_forms.Routes,)),
        Section(
            "coding",
            "Currencies and dimensions",
            "manage_settings",
            lists=(list_forms.Currencies, list_forms.Dimensions),
        ),
        Section("rules", "Rules for entering", "manage_settings", forms.RulesForm),
        Section("calendar", "Calendar", "manage_calendar", forms.CalendarForm),
    )
}
FORMS = [section.form for section in SECTIONS.values() if section.form]
LISTS = [one for section in SECTIONS.values() for one in section.lists]
SECRETS = frozenset(form.path_of(name) for form in FORMS for name in form.secrets())


# -- what is stored --------------------------------------------------------------------------------


def row_of(tenant: Tenant, form: type[SectionForm]) -> Any:
    """The row that a form fills: the stored one, or a fresh one with its defaults.

    Before going live the calendar has no row; the fresh one is as planned.
    """
    model: Any = form._meta.model
    if model is Tenant:
        return copy(tenant)  # a page goes on with the name that is stored
    if tenant.pk is None:
        return model(tenant=tenant)
    plan = (setup.planned_calendar(tenant) or {}) if model is FinanceCalendar else {}
    return model.objects.filter(tenant=tenant).first() or model(tenant=tenant, **plan)


def values(tenant: Tenant) -> dict[str, Any]:
    """Every setting by its path, secrets included: for comparing, and for pages that hide them."""
    found: dict[str, Any] = {}
    for form in FORMS:
        row = row_of(tenant, form)
        found |= {path: getattr(row, name) for path, name in form.columns().items()}
    for one in LISTS:
        rows = one.form._meta.model._default_manager.filter(tenant=tenant)
        found[one.path] = sorted(rows.values_list(*one.columns))
    return found


def mark(section: Section, found: Mapping[str, Any]) -> str:
    """Tells one state of a section from another; says nothing about the values."""
    text = json.dumps({path: found[path] for path in section.paths}, sort_keys=True, default=str)
    return salted_hmac(f"section {section.key}", text, algorithm="sha256").hexdigest()


# -- storing ---------------------------------------------------------------------------------------


def save(
    tenant: Tenant, section: Section, posted: Mapping[str, Any], *, seen: str, actor: str
) -> list[str]:
    """Store what a person typed; the paths that changed. `seen`: the mark on the page.

    Raises SettingsError with every problem, ChangedMeanwhileError when somebody else was
    faster; saving the same once more changes nothing and is no trouble.
    """
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=tenant.pk)
        fresh = constant_time_compare(mark(section, values(tenant)), seen)
        last = None if fresh else next(iter(changes(tenant, section.paths)), None)
        changed = store(tenant, section.typed(tenant, posted), actor=actor)
        if changed and not fresh:
            by = f" {last.actor} did at {last.at:%Y-%m-%d %H:%M} UTC." if last else ""
            raise ChangedMeanwhileError(
                f"Somebody changed this section while you had it open.{by} Nothing of yours was "
                "stored. Below is what is stored now: change it again if it is still needed."
            )
    return changed


def create(posted: Mapping[str, Any], *, actor: str) -> Tenant:
    """Make a tenant with a name and a time zone and nothing else; not live.

    Raises SettingsError, also when the slug is taken: an existing tenant is never changed.
    """
    tenant = Tenant()
    try:
        with transaction.atomic():
            store(tenant, [forms.NewTenantForm.typed(posted, tenant)], actor=actor)
            pauses.until_live(tenant)
    except IntegrityError:  # somebody made it at the same moment
        raise SettingsError({"slug": [forms.taken(tenant.slug)]}) from None
    return tenant


def incomplete(tenant: Tenant) -> list[Bound]:
    """The forms of what was never stored, as they are: valid where the defaults are enough."""
    rows = [(form, row_of(tenant, form)) for form in FORMS]
    return [form({}, instance=row) for form, row in rows if row.pk is None]


@transaction.atomic
def store(
    tenant: Tenant,
    bound: Sequence[Bound],
    *,
    actor: str,
    live: bool = False,
    problems: Problems | None = None,
) -> list[str]:
    """Store filled forms of a tenant that is new or locked; the paths that changed.

    `live`: with them the tenant is whole, and lives from now on. Raises SettingsError with every
    problem, `problems` of the caller included; then nothing is stored.
    """
    found = {path: texts for one in bound for path, texts in one.problems().items()}
    if found := found | (problems or {}):
        raise SettingsError(found)
    created = tenant.pk is None
    changed = []
    for one in bound:
        if isinstance(one, Rows):
            changed += one.replace(tenant)
        else:
            changed += _store_form(tenant, one, live=live)
    _adjust(tenant, changed, live=live)
    key_check.ensure()
    if created or changed:
        setup.record(
            tenant, "tenant_created" if created else "tenant_changed", actor, {"changed": changed}
        )
    return changed


def _store_form(tenant: Tenant, form: SectionForm, *, live: bool) -> list[str]:
    row, changed = form.instance, form.changed()
    if isinstance(row, FinanceCalendar) and row.pk is None and not live:
        return setup.plan_calendar(tenant, row)
    if isinstance(row, Tenant):
        for name in form.cleaned_data:
            setattr(tenant, name, getattr(row, name))
        tenant.save()
    elif changed or row.pk is None:
        row.tenant = tenant
        row.save()
    return changed


def _adjust(tenant: Tenant, changed: Iterable[str], *, live: bool) -> None:
    """New credentials deserve a try, and old logins end with the ones they were made with.

    A tenant that is set up whole is live. Another calendar means another next run.
    """
    paths = frozenset(changed)
    renewed = [one for one in ("ramp", "epicor") if any(p.startswith(f"{one}.") for p in paths)]
    over = (pauses.ACCESS, pauses.OUTAGE) if renewed else ()
    if pauses.kind(tenant) in (*over, *((pauses.SETUP,) if live else ())):
        tenant.paused_reason, tenant.paused_for, tenant.paused_at = "", "", None
        tenant.save()
    tokens = AccessToken.objects.filter(tenant=tenant, system__in=renewed)
    tokens.update(token=None, expires_at=None)
    if {"time_zone", "calendar.sync_cron", "calendar.blackout"} & paths:
        FinanceCalendar.objects.filter(tenant=tenant).update(next_run_at=None)


# -- who changed what ------------------------------------------------------------------------------


def changes(tenant: Tenant, paths: Iterable[str] = (), most: int = _LOOK_BACK) -> list[Change]:
    """Changes of settings, newest first; only those of `paths` when any are given. One query."""
    wanted = frozenset(paths)
    rows = AuditEntry.objects.filter(
        tenant=tenant,
        subject_kind="tenant",
        subject_id=tenant.slug,
        action__in=["tenant_created", "tenant_changed", "tenant.live"],
    ).order_by()
    # Sorted here: to sort by time a database may walk the whole trail instead of the few entries.
    newest = sorted(rows.values_list("at", "id", "actor", "action", "body"), reverse=True)
    found = []
    for at, _, actor, action, body in newest[:_LOOK_BACK]:
        changed = tuple(body.get("changed", ())) if isinstance(body, dict) else ()
        if not wanted or wanted & set(changed):
            found.append(Change(at, actor, action, changed))
        if len(found) == most:
            break
    return found


def set_by(tenant: Tenant, whole: Mapping[str, Any]) -> dict[str, Change | None]:
    """Of each secret that is set: its last change, None when the trail does not tell.

    `whole`: as `values` gives it.
    """
    known = changes(tenant)
    return {
        path: next((one for one in known if path in one.changed), None)
        for path in SECRETS
        if whole[path]
    }
