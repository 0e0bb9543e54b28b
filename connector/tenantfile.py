"""The tenant file: `read` it, then `apply` it, which stores it and tells what of it was new."""

from collections.abc import Iterable, Mapping
from dataclasses import astuple
from typing import Any

from django.db import models, transaction

from audit import log
from connector import canary
from connector.epicor import address
from connector.models import (
    EntityRoute,
    EpicorCredentials,
    FinanceCalendar,
    PostingSettings,
    RampCredentials,
    Tenant,
)
from connector.tenantreading import TenantConfig, TenantFileError, parse, read
from connector.tenantschema import AUTH_NEEDS, KEYS
from mappings.models import CurrencyMapping, Dimension

__all__ = ["TenantConfig", "TenantFileError", "apply", "parse", "read"]

_MODELS: Mapping[str, type[models.Model]] = {
    "ramp": RampCredentials,
    "epicor": EpicorCredentials,
    "posting": PostingSettings,
    "calendar": FinanceCalendar,
}
_ADDRESS = ("epicor.base_url", "epicor.deployment", "epicor.api_version", "epicor.auth.method")


@transaction.atomic
def apply(
    config: TenantConfig, *, actor: str = "configure_tenant"
) -> tuple[Tenant, bool, list[str]]:
    """Create or update the tenant; returns it, whether it is new, and the paths that changed.

    Absent keys keep their values. Doing it twice changes nothing the second time. Raises
    TenantFileError with every problem; then nothing is stored.
    """
    tenant = Tenant.objects.select_for_update().filter(slug=config.slug).first()
    created = tenant is None
    rows = _rows(tenant or Tenant(slug=config.slug))
    before = {path: getattr(rows[key.section], key.column) for path, key in KEYS.items()}
    after = {**before, **config.values}
    if problems := (*config.problems, *_problems(config, after, created=created)):
        raise TenantFileError(tuple(problems))
    changed = [path for path in KEYS if after[path] != before[path]]
    _adjust(rows, changed)
    for path in changed:
        setattr(rows[KEYS[path].section], KEYS[path].column, after[path])
    tenant = _save(rows, {KEYS[path].section for path in changed})
    changed += _replace_lists(tenant, config)
    canary.ensure()
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


def _rows(tenant: Tenant) -> dict[str, Any]:
    """The tenant's row of each section, stored or fresh with its defaults."""
    rows: dict[str, Any] = {"tenant": tenant}
    for section, model in _MODELS.items():
        stored = model._default_manager.filter(tenant=tenant).first() if tenant.pk else None
        rows[section] = stored or model(tenant=tenant)
    return rows


def _save(rows: Mapping[str, Any], touched: set[str]) -> Tenant:
    tenant: Tenant = rows["tenant"]
    if touched or tenant.pk is None:
        tenant.save()
    for section in _MODELS:
        row = rows[section]
        if section in touched or row.pk is None:
            row.tenant = tenant
            row.save()
    return tenant


def _adjust(rows: Mapping[str, Any], changed: Iterable[str]) -> None:
    """New credentials deserve a try, and a new calendar a new next run."""
    paths = tuple(changed)
    if any(path.startswith(("ramp.", "epicor.")) for path in paths):
        rows["tenant"].paused_reason, rows["tenant"].paused_at = "", None
    if {"time_zone", "calendar.sync_cron", "calendar.blackout"} & set(paths):
        rows["calendar"].next_run_at = None


# -- what the whole must fulfil --------------------------------------------------------------------


def _problems(config: TenantConfig, after: Mapping[str, Any], *, created: bool) -> list[str]:
    """What is missing or does not fit together, once old and new are seen together."""
    named = {problem.split(":", 1)[0] for problem in config.problems}
    needed = [path for path, key in KEYS.items() if key.required]
    needed += AUTH_NEEDS.get(after["epicor.auth.method"], ())
    missing = [path for path in needed if not after[path] and path not in named]
    found = [f"{path}: is required" for path in missing]
    if created and config.entities is None:
        found.append("entities: is required")
    if not {*missing, *named} & set(_ADDRESS):
        url, deployment, version, method = (after[path] for path in _ADDRESS)
        found += [
            f"epicor.base_url: {problem}".rstrip(".")
            for problem in address.check(
                base_url=url, deployment=deployment, api_version=version, auth_method=method
            )
        ]
    return found


# -- lists -----------------------------------------------------------------------------------------


def _replace_lists(tenant: Tenant, config: TenantConfig) -> list[str]:
    """Replace the lists that the file has; returns the paths of those that differ."""
    pairs = None if config.currencies is None else list(config.currencies)
    entities = None if config.entities is None else [astuple(item) for item in config.entities]
    dimensions = (
        None if config.dimensions is None else [astuple(item) for item in config.dimensions]
    )
    changed = [
        _replace("entities", EntityRoute, tenant, ("ramp_entity_id", "company", "site"), entities),
        _replace("currencies", CurrencyMapping, tenant, ("iso", "epicor_code"), pairs),
        _replace(
            "dimensions",
            Dimension,
            tenant,
            ("ramp_field", "segment", "kind", "default"),
            dimensions,
        ),
    ]
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
