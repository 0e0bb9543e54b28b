"""The parts of a tenant's settings that are shown and saved together, and who changed them last.

Saving goes through the tenant file's own rules (connector/tenants/tenant_file.py). A form carries
a mark of what its person saw; when somebody else saved meanwhile, nothing is stored and a sentence
says so.

Who may change settings must not learn the secrets in them, so a stored secret goes only to the
host that it was given for: another host needs its secrets in the same form. A tenant file is read
by whoever runs the installation, who has the secrets at hand; there, absent keys keep their values.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from audit.trail.models import AuditEntry
from connector.tenants import setup, tenant_file
from connector.tenants.models import Tenant
from connector.tenants.tenant_reading import TenantFileError
from connector.tenants.tenant_schema import KEYS

SECRETS = frozenset(
    (
        "ramp.client_secret",
        "ramp.webhook_secret",
        "epicor.api_key",
        "epicor.auth.client_secret",
        "epicor.auth.password",
    )
)
# Which secrets the owner of a host gets to see; with Epicor's login comes a token that opens all.
_SENT_TO: Mapping[str, tuple[str, ...]] = {
    "ramp.base_url": ("ramp.client_secret",),
    "epicor.base_url": ("epicor.api_key", "epicor.auth.client_secret", "epicor.auth.password"),
    "epicor.auth.token_url": ("epicor.auth.client_secret",),
}
_AGAIN = "must be given again: what is stored goes to the address it was given for only"
_LOOK_BACK = 500  # entries of a tenant's trail in which the last change of a key is looked for


class ChangedMeanwhileError(Exception):
    """Somebody else saved the section after this form was opened; nothing was stored."""


@dataclass(frozen=True, slots=True)
class Section:
    """Keys and lists of the tenant file that belong together. `parts`: see tenantfile.apply."""

    key: str
    title: str
    capability: str
    parts: frozenset[str]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """Who changed something when; `changed` are the paths."""

    at: datetime
    actor: str
    action: str
    changed: tuple[str, ...]


def _paths(*prefixes: str) -> tuple[str, ...]:
    return tuple(path for path in KEYS if path.startswith(prefixes))


_CLOSED = "calendar.closed_period"
SECTIONS: Mapping[str, Section] = {
    section.key: section
    for section in (
        Section(
            "tenant",
            "Name and time zone",
            "manage_settings",
            frozenset({"tenant"}),
            ("name", "time_zone"),
        ),
        Section("ramp", "Ramp app", "manage_connections", frozenset({"ramp"}), _paths("ramp.")),
        Section(
            "epicor",
            "Epicor connection",
            "manage_connections",
            frozenset({"epicor"}),
            _paths("epicor."),
        ),
        Section("entities", "Entity routes", "manage_connections", frozenset(), ("entities",)),
        Section(
            "coding",
            "Currencies and dimensions",
            "manage_settings",
            frozenset(),
            ("currencies", "dimensions"),
        ),
        Section(
            "rules",
            "Rules for entering",
            "manage_settings",
            frozenset({"posting"}),
            (*_paths("posting."), _CLOSED),
        ),
        Section(
            "calendar",
            "Calendar",
            "manage_calendar",
            frozenset({"calendar"}),
            ("calendar.sync_cron", "calendar.blackout"),
        ),
    )
}


def everything(tenant: Tenant) -> dict[str, Any]:
    """What is stored, by path, secrets included; before going live the calendar as planned."""
    whole = tenant_file.stored(tenant)
    if not setup.is_live(tenant):
        plan = setup.planned_calendar(tenant) or {}
        whole |= {f"calendar.{name}": value for name, value in plan.items()}
    return whole


def values(tenant: Tenant, section: Section) -> dict[str, Any]:
    """What is stored of a section, by path, secrets included."""
    whole = everything(tenant)
    return {path: whole[path] for path in section.paths}


def mark(section: Section, found: Mapping[str, Any]) -> str:
    """Tells one state of a section from another; says nothing about the values."""
    text = json.dumps({path: found[path] for path in section.paths}, sort_keys=True, default=str)
    return salted_hmac(f"section {section.key}", text, algorithm="sha256").hexdigest()


def save(
    tenant: Tenant, section: Section, document: Mapping[str, Any], *, seen: str, actor: str
) -> list[str]:
    """Store a part of a tenant file; the paths that changed. `seen`: the form's mark.

    Raises TenantFileError with every problem, ChangedMeanwhileError when somebody else was
    faster; saving the same once more changes nothing and is no trouble.
    """
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        fresh = constant_time_compare(mark(section, values(tenant, section)), seen)
        last = None if fresh else next(iter(changes(tenant, section.paths)), None)
        changed = _store(tenant, section, document, actor)
        if changed and not fresh:
            by = f" {last.actor} did at {last.at:%Y-%m-%d %H:%M} UTC." if last else ""
            raise ChangedMeanwhileError(
                f"Somebody changed this section while you had it open.{by} Nothing of yours was "
                "stored. Below is what is stored now: change it again if it is still needed."
            )
    return changed


def _store(tenant: Tenant, section: Section, document: Mapping[str, Any], actor: str) -> list[str]:
    live = setup.is_live(tenant)
    if section.key == "calendar" and not live:
        return setup.plan_calendar(tenant, document["calendar"], actor=actor)
    config = tenant_file.parse({"slug": tenant.slug, **document})
    again = _to_give_again(tenant_file.stored(tenant), config.values)
    config = replace(config, problems=(*config.problems, *(f"{path}: {_AGAIN}" for path in again)))
    # A live tenant stays whole; one in the making has only some of its parts.
    _, _, changed = tenant_file.apply(config, actor=actor, parts=section.parts)
    return changed


def _to_give_again(before: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """The secrets that would be kept although their host is another one."""
    moved = [path for path in _SENT_TO if given.get(path) and _moved(before[path], given[path])]
    kept = {path for path in SECRETS if before[path] and path not in given}
    return sorted({path for one in moved for path in _SENT_TO[one]} & kept)


def _moved(before: str, after: str) -> bool:
    return _origin(before) != _origin(after)


def _origin(address: str) -> tuple[str, str, int | None]:
    parts = urlsplit(address)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port


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

    `whole`: as `everything` gives it.
    """
    known = changes(tenant)
    return {
        path: next((one for one in known if path in one.changed), None)
        for path in SECRETS
        if whole[path]
    }


def by_path(error: TenantFileError) -> dict[str, list[str]]:
    """The problems of an error by path, each as the rest of a sentence."""
    found: dict[str, list[str]] = {}
    for problem in error.problems:
        path, _, text = problem.partition(": ")
        found.setdefault(path if text else "", []).append(text or problem)
    return found
