"""From a new tenant to one that works: made empty, filled step by step, live when a person says so.

A tenant in the making has no calendar row, so nothing rings it, and a banner of its own
(connector/tenants/pauses.py), so that nothing is written for it either, whoever asks.
"""

from datetime import datetime
from typing import Any

from audit.trail import log
from connector.tenants.models import EntityRoute, FinanceCalendar, LearnedFact, Tenant
from connector.tenants.schedule import next_run

_CALENDAR, _COMPANY = "setup.calendar", "setup.company"


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


def plan_calendar(tenant: Tenant, calendar: FinanceCalendar) -> list[str]:
    """Remember the calendar of a tenant that is not live; the paths that changed."""
    before = planned_calendar(tenant) or {}
    after = {"sync_cron": calendar.sync_cron, "blackout": calendar.blackout}
    changed = [name for name, value in after.items() if before.get(name) != value]
    if changed:
        _remember(tenant, _CALENDAR, after)
    return [f"calendar.{name}" for name in changed]


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
