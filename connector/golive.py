"""From a new tenant to one that works: made empty, filled step by step, live when a person says so.

A tenant in the making has no calendar row, so nothing rings it, and a banner of its own
(connector/pauses.py), so that nothing is written for it either, whoever asks.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import log
from audit.failures import InvalidBillError
from audit.models import Attempt, Posting
from connector import pauses, tenantfile
from connector.domain.draft import PostingPolicy, since_start
from connector.middleware import zone_of
from connector.models import Bill, EntityRoute, FinanceCalendar, LearnedFact, Tenant
from connector.ramp.parse import parse_bill
from connector.schedules import BadScheduleError, next_run
from connector.tenantreading import TenantConfig, TenantFileError
from connector.tenantschema import KEYS

_CALENDAR, _COMPANY = "setup.calendar", "setup.company"
_AT_ONCE = 500


def create(document: Mapping[str, Any], *, actor: str) -> Tenant:
    """A tenant with a name and a time zone and nothing else; not live.

    Raises TenantFileError, also when the slug is taken: an existing tenant is never changed.
    """
    config = tenantfile.parse({"slug": None, **document})
    taken = TenantFileError((f"slug: {config.slug} is taken by another tenant",))
    try:
        with transaction.atomic():
            if Tenant.objects.filter(slug__iexact=config.slug).exists():
                raise taken
            tenant, _, _ = tenantfile.apply(config, actor=actor, parts={"tenant"})
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
    config = tenantfile.parse({"slug": tenant.slug, "calendar": dict(document)})
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
        _record(tenant, "tenant_changed", actor, {"changed": changed})
    return changed


def next_runs(cron: str, time_zone: str, after: datetime, count: int = 5) -> list[datetime]:
    """The next moments of a schedule, in UTC. Raises BadScheduleError."""
    found = [next_run(cron, time_zone, after)]
    while len(found) < count:
        found.append(next_run(cron, time_zone, found[-1]))
    return found


# -- going live ------------------------------------------------------------------------------------


def missing(tenant: Tenant) -> list[str]:
    """What stands in the way of going live, in the tenant file's words; [] when nothing does."""
    config, found = _whole(tenant)
    return found if config is None else [*found, *tenantfile.faults(config)]


def go_live(tenant: Tenant, *, actor: str) -> datetime:
    """Check the whole and let the calendar ring the tenant from now on; says when it does first.

    Raises TenantFileError with everything that is missing, ValueError when it is live already.
    """
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        if is_live(tenant):
            raise ValueError(f"{tenant.name} is live already; nothing was changed.")
        if problems := missing(tenant):
            raise TenantFileError(tuple(problems))
        config, _ = _whole(tenant)
        if config is not None:
            tenantfile.apply(config, actor=actor)
        calendar = FinanceCalendar.objects.get(tenant=tenant)
        try:
            first = next_run(calendar.sync_cron, tenant.time_zone, timezone.now())
        except BadScheduleError as error:
            raise TenantFileError((f"calendar.sync_cron: {error}".rstrip("."),)) from error
        FinanceCalendar.objects.filter(pk=calendar.pk).update(next_run_at=first)
        left = _leave_old(tenant)
        _record(tenant, "tenant.live", actor, {"first_run_at": first.isoformat(), "left": left})
    return first


def _whole(tenant: Tenant) -> tuple[TenantConfig | None, list[str]]:
    """The tenant file that makes the tenant live, and what is missing that no file knows of."""
    found = []
    if not EntityRoute.objects.filter(tenant=tenant).exists():
        found.append("entities: must name at least one entity")
    plan = planned_calendar(tenant)
    if plan is None:
        return None, [*found, "calendar: choose when the cycles run"]
    return tenantfile.parse({"slug": tenant.slug, "calendar": plan}), found


def _leave_old(tenant: Tenant) -> int:
    """Bills read in the setup that the start date, chosen later, excludes: they are not ours.

    Otherwise each would wait for a person at the first cycle. Only what was never tried and
    never judged by a person; says how many that were.
    """
    posting = tenantfile.stored(tenant)
    policy = PostingPolicy(start_date=posting["posting.start_date"], zone=zone_of(tenant))
    left = 0
    for chunk in _untouched(tenant):
        ids = [row.bill_id for row in chunk]
        bills = Bill.objects.filter(tenant=tenant, bill_id__in=ids)
        old = [bill.bill_id for bill in bills if not _wanted(bill.payload, policy)]
        Posting.objects.filter(tenant=tenant, bill_id__in=old, state=_QUEUED).delete()
        left += len(old)
    return left


_QUEUED = Posting.State.QUEUED


def _untouched(tenant: Tenant) -> Iterator[list[Posting]]:
    last = 0
    tried = Attempt.objects.filter(tenant=tenant, subject_kind="posting").values("subject_id")
    rows = Posting.objects.filter(tenant=tenant, state=_QUEUED, hold_reason="", given_num="")
    rows = rows.filter(twins_cleared=[])
    while chunk := list(
        rows.filter(pk__gt=last).exclude(bill_id__in=tried).order_by("pk")[:_AT_ONCE]
    ):
        last = chunk[-1].pk
        yield chunk


def _wanted(payload: dict[str, Any], policy: PostingPolicy) -> bool:
    try:
        return since_start(parse_bill(payload), policy)
    except InvalidBillError:
        return True  # what cannot be read is held for a person


def _fact(tenant: Tenant, name: str) -> Any:
    rows = LearnedFact.objects.filter(tenant=tenant, name=name)
    return rows.values_list("value", flat=True).first()


def _remember(tenant: Tenant, name: str, value: Any) -> None:
    LearnedFact.objects.update_or_create(tenant=tenant, name=name, defaults={"value": value})


def _record(tenant: Tenant, action: str, actor: str, body: dict[str, Any]) -> None:
    log.record(
        tenant.pk, action, subject_kind="tenant", subject_id=tenant.slug, actor=actor, body=body
    )
