"""From a new tenant to one that works: made empty, filled step by step, live when a person says so.

A tenant in the making has no calendar row, so nothing rings it, and a banner of its own
(connector/tenants/pauses.py), so that nothing is written for it either, whoever asks.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from audit.trail import log
from connector.tenants import pauses, tenant_file
from connector.tenants.models import EntityRoute, FinanceCalendar, LearnedFact, Tenant
from connector.tenants.schedule import next_run
from connector.tenants.tenant_reading import TenantFileError
from connector.tenants.tenant_schema import KEYS

_CALENDAR, _COMPANY = "setup.calendar", "setup.company"


def create(document: Mapping[str, Any], *, actor: str) -> Tenant:
    """A tenant with a name and a time zone and nothing else; not live.

    Raises TenantFileError, also when the slug is taken: an existing tenant is never changed.
    """
    config = tenant_file.parse({"slug": None, **document})
    taken = TenantFileError((f"slug: {config.slug} is taken by another tenant",))
    try:
        with transaction.atomic():
            if Tenant.objects.filter(slug__iexact=config.slug).exists():
                raise taken
            tenant, _, _ = tenant_file.apply(config, actor=actor, parts={"tenant"})
            pauses.until_live(tenant)
    except IntegrityError:  # somebody made it at the same moment
        raise taken from None
    return tenant


def is_live(tenant: Tenant) -> bool:
    """Whether the tenant's calendar rings it."""
    return FinanceCalendar.objects.filter(tenant=tenant).exists()


def company(tenant: Tenant) -> str:
    """The Epicor company that the setup asks first; "" when none was named."""
    routed = EntityRoute.objects.filter(tenant=tenant).values_list("company", flat=True).first()
    return routed or str(_fact(tenant, _COMPANY) or "")


def name_company(tenant: Tenant, code: str) -> None:
    """Remember which Epicor company the setup asks first, before any entity has its route."""
    _remember(tenant, _COMPANY, code)


# -- the calendar before there is one --------------------------------------------------------------


def planned_calendar(tenant: Tenant) -> dict[str, Any] | None:
    """`sync_cron` and `blackout` as they will be once live; None when nobody has chosen yet."""
    found = _fact(tenant, _CALENDAR)
    return dict(found) if isinstance(found, dict) else None


def plan_calendar(tenant: Tenant, document: Mapping[str, Any], *, actor: str) -> list[str]:
    """Choose the calendar of a tenant that is not live; the paths that changed.

    Raises TenantFileError, also when the tenant went live meanwhile.
    """
    config = tenant_file.parse({"slug": tenant.slug, "calendar": dict(document)})
    if config.problems:
        raise TenantFileError(config.problems)
    before = planned_calendar(tenant)
    after = {
        KEYS[path].column: config.values.get(path, KEYS[path].cleared)
        for path in ("calendar.sync_cron", "calendar.blackout")
    }
    changed = [f"calendar.{name}" for name in after if (before or {}).get(name) != after[name]]
    if changed:
        if is_live(tenant):
            raise TenantFileError(("calendar: the tenant went live meanwhile; see its settings",))
        _remember(tenant, _CALENDAR, after)
        record(tenant, "tenant_changed", actor, {"changed": changed})
    return changed


def next_runs(cron: str, time_zone: str, after: datetime, count: int = 5) -> list[datetime]:
    """The next moments of a schedule, in UTC. Raises BadScheduleError."""
    found = [next_run(cron, time_zone, after)]
    while len(found) < count:
        found.append(next_run(cron, time_zone, found[-1]))
    return found


def _fact(tenant: Tenant, name: str) -> Any:
    rows = LearnedFact.objects.filter(tenant=tenant, name=name)
    return rows.values_list("value", flat=True).first()


def _remember(tenant: Tenant, name: str, value: Any) -> None:
    LearnedFact.objects.update_or_create(tenant=tenant, name=name, defaults={"value": value})


def record(tenant: Tenant, action: str, actor: str, body: dict[str, Any]) -> None:
    """Put what was decided about the tenant on the record."""
    log.record(
        tenant.pk, action, subject_kind="tenant", subject_id=tenant.slug, actor=actor, body=body
    )
