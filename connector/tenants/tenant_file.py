"""The tenant file: `read` it, then `apply` it, which stores it and tells what of it was new."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple
from typing import Any

from django.db import models, transaction

from audit.trail import log
from connector.epicor import address
from connector.http_client.models import AccessToken
from connector.secrets import key_check
from connector.tenants import pauses
from connector.tenants.models import (
    EntityRoute,
    EpicorCredentials,
    FinanceCalendar,
    PostingSettings,
    RampCredentials,
    Tenant,
)
from connector.tenants.tenant_reading import TenantConfig, TenantFileError, parse, read
from connector.tenants.tenant_schema import AUTH_NEEDS, KEYS
from mappings.models import CurrencyMapping, Dimension

__all__ = ["TenantConfig", "TenantFileError", "apply", "parse", "read"]

_MODELS: Mapping[str, type[models.Model]] = {
    "ramp": RampCredentials,
    "epicor": EpicorCredentials,
    "posting": PostingSettings,
    "calendar": FinanceCalendar,
}
PARTS = ("tenant", *_MODELS)
_ADDRESS = ("epicor.base_url", "epicor.deployment", "epicor.api_version", "epicor.auth.method")


@transaction.atomic
def apply(
    config: TenantConfig,
    *,
    actor: str = "configure_tenant",
    parts: Collection[str] | None = None,
) -> tuple[Tenant, bool, list[str]]:
    """Create or update the tenant; returns it, whether it is new, and the paths that changed.

    Absent keys keep their values. Doing it twice changes nothing the second time. `parts` (of
    PARTS) is for a tenant in the making: only these are stored and must be complete; None: all,
    and then the tenant is live. Raises TenantFileError with every problem; then nothing is stored.
    """
    whole = parts is None
    parts = frozenset(PARTS if parts is None else parts)
    tenant = Tenant.objects.select_for_update().filter(slug=config.slug).first()
    created = tenant is None
    rows = _rows(tenant or Tenant(slug=config.slug))
    before = _values(rows)
    after = {**before, **config.values}
    found = _problems(config, after, parts, without_entities=created and whole)
    if problems := (*config.problems, *found):
        raise TenantFileError(tuple(problems))
    changed = [path for path in KEYS if after[path] != before[path]]
    for path in changed:
        setattr(rows[KEYS[path].section], KEYS[path].column, after[path])
    _adjust(rows, changed, whole=whole)
    tenant = _save(rows, {KEYS[path].section for path in changed}, parts)
    _forget(tenant, changed)
    changed += _replace_lists(tenant, config)
    key_check.ensure()
    if created or changed:
        action = "tenant_created" if created else "tenant_changed"
        log.record(
            tenant.pk,
            action,
            subject_kind="tenant",
            subject_id=tenant.slug,
            actor=actor,
            body={"changed": changed},
        )
    return tenant, created, changed


def faults(config: TenantConfig) -> list[str]:
    """What `apply` would refuse in the tenant as this would make it; [] when nothing."""
    tenant = Tenant.objects.filter(slug=config.slug).first()
    rows = _rows(tenant or Tenant(slug=config.slug))
    after = {**_values(rows), **config.values}
    found = _problems(config, after, PARTS, without_entities=tenant is None)
    return [*config.problems, *found]


def stored(tenant: Tenant) -> dict[str, Any]:
    """Every key with its value, secrets included: for comparing and for pages that hide them.

    What is not set has its default. Lists are under `entities`, `currencies` and `dimensions`.
    """
    found = _values(_rows(tenant))
    for path, model, columns in _LISTS:
        mine = model._default_manager.filter(tenant=tenant)
        found[path] = sorted(mine.values_list(*columns))
    return found


def _values(rows: Mapping[str, Any]) -> dict[str, Any]:
    return {path: getattr(rows[key.section], key.column) for path, key in KEYS.items()}


def _rows(tenant: Tenant) -> dict[str, Any]:
    """The tenant's row of each section, stored or fresh with its defaults."""
    rows: dict[str, Any] = {"tenant": tenant}
    for section, model in _MODELS.items():
        stored = model._default_manager.filter(tenant=tenant).first() if tenant.pk else None
        rows[section] = stored or model(tenant=tenant)
    return rows


def _save(rows: Mapping[str, Any], touched: set[str], parts: Collection[str]) -> Tenant:
    tenant: Tenant = rows["tenant"]
    tenant.save()
    for section in _MODELS:
        row = rows[section]
        if section in touched or (row.pk is None and section in parts):
            row.tenant = tenant
            row.save()
    return tenant


def _adjust(rows: Mapping[str, Any], changed: Iterable[str], *, whole: bool) -> None:
    """New credentials deserve a try; a tenant that is set up whole is live."""
    tenant: Tenant = rows["tenant"]
    renewed = any(path.startswith(("ramp.", "epicor.")) for path in changed)
    over = (pauses.ACCESS, pauses.OUTAGE) if renewed else ()
    if pauses.kind(tenant) in (*over, *((pauses.SETUP,) if whole else ())):
        tenant.paused_reason, tenant.paused_for, tenant.paused_at = "", "", None


def _forget(tenant: Tenant, changed: Iterable[str]) -> None:
    """Old logins end with the credentials they were made with, old moments with their calendar."""
    paths = frozenset(changed)
    for system in ("ramp", "epicor"):
        if any(path.startswith(f"{system}.") for path in paths):
            tokens = AccessToken.objects.filter(tenant=tenant, system=system)
            tokens.update(token=None, expires_at=None)
    if {"time_zone", "calendar.sync_cron", "calendar.blackout"} & paths:
        FinanceCalendar.objects.filter(tenant=tenant).update(next_run_at=None)


# -- what the whole must fulfil --------------------------------------------------------------------


def _problems(
    config: TenantConfig,
    after: Mapping[str, Any],
    parts: Collection[str],
    *,
    without_entities: bool,
) -> list[str]:
    """What is missing or does not fit together, once old and new are seen together."""
    named = {problem.split(":", 1)[0] for problem in config.problems}
    needed = [path for path, key in KEYS.items() if key.required]
    needed += AUTH_NEEDS.get(after["epicor.auth.method"], ())
    needed = [path for path in needed if KEYS[path].section in parts]
    missing = [path for path in needed if not after[path] and path not in named]
    found = [f"{path}: is required" for path in missing]
    if without_entities and config.entities is None:
        found.append("entities: is required")
    if "epicor" in parts and not {*missing, *named} & set(_ADDRESS):
        url, deployment, version, method = (after[path] for path in _ADDRESS)
        found += [
            f"epicor.base_url: {problem}".rstrip(".")
            for problem in address.check(
                base_url=url, deployment=deployment, api_version=version, auth_method=method
            )
        ]
    return found


# -- lists -----------------------------------------------------------------------------------------


_LISTS: Sequence[tuple[str, type[models.Model], tuple[str, ...]]] = (
    ("entities", EntityRoute, ("ramp_entity_id", "company", "site")),
    ("currencies", CurrencyMapping, ("iso", "epicor_code")),
    ("dimensions", Dimension, ("ramp_field", "segment", "kind", "default")),
)


def _replace_lists(tenant: Tenant, config: TenantConfig) -> list[str]:
    """Replace the lists that the file has; returns the paths of those that differ."""
    wanted = {
        "entities": None if config.entities is None else [astuple(x) for x in config.entities],
        "currencies": None if config.currencies is None else list(config.currencies),
        "dimensions": None
        if config.dimensions is None
        else [astuple(x) for x in config.dimensions],
    }
    changed = [_replace(path, model, tenant, cols, wanted[path]) for path, model, cols in _LISTS]
    return [path for path in changed if path]


def _replace(
    path: str,
    model: type[models.Model],
    tenant: Tenant,
    columns: tuple[str, ...],
    wanted: list[tuple[Any, ...]] | None,
) -> str:
    """Make a tenant's rows exactly the wanted ones; returns `path` if that changed anything."""
    rows = model._default_manager.filter(tenant=tenant)
    if wanted is None or sorted(rows.values_list(*columns)) == sorted(wanted):
        return ""
    rows.delete()
    model._default_manager.bulk_create(
        model(tenant=tenant, **dict(zip(columns, values, strict=True))) for values in wanted
    )
    return path
