"""Taking a tenant live: the check of the whole, and what its start date leaves to others."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.ledger.models import Posting
from audit.writes.models import Attempt
from connector.domain.errors import InvalidBillError
from connector.epicor.ap_invoice.draft import PostingPolicy, since_start
from connector.ramp.bills import parse_bill
from connector.sync.models import Bill
from connector.tenants import setup, tenant_file
from connector.tenants.models import EntityRoute, FinanceCalendar, Tenant, zone_of
from connector.tenants.schedule import BadScheduleError, next_run
from connector.tenants.tenant_reading import TenantConfig, TenantFileError

_AT_ONCE = 500


# -- going live ------------------------------------------------------------------------------------


def missing(tenant: Tenant) -> list[str]:
    """What stands in the way of going live, in the tenant file's words; [] when nothing does."""
    config, found = _whole(tenant)
    return found if config is None else [*found, *tenant_file.faults(config)]


def go_live(tenant: Tenant, *, actor: str) -> datetime:
    """Check the whole and let the calendar ring the tenant from now on; says when it does first.

    Raises TenantFileError with everything that is missing, ValueError when it is live already.
    """
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        if setup.is_live(tenant):
            raise ValueError(f"{tenant.name} is live already; nothing was changed.")
        if problems := missing(tenant):
            raise TenantFileError(tuple(problems))
        config, _ = _whole(tenant)
        if config is not None:
            tenant_file.apply(config, actor=actor)
        calendar = FinanceCalendar.objects.get(tenant=tenant)
        try:
            first = next_run(calendar.sync_cron, tenant.time_zone, timezone.now())
        except BadScheduleError as error:
            raise TenantFileError((f"calendar.sync_cron: {error}".rstrip("."),)) from error
        FinanceCalendar.objects.filter(pk=calendar.pk).update(next_run_at=first)
        left = _leave_old(tenant)
        setup.record(
            tenant, "tenant.live", actor, {"first_run_at": first.isoformat(), "left": left}
        )
    return first


def _whole(tenant: Tenant) -> tuple[TenantConfig | None, list[str]]:
    """The tenant file that makes the tenant live, and what is missing that no file knows of."""
    found = []
    if not EntityRoute.objects.filter(tenant=tenant).exists():
        found.append("entities: must name at least one entity")
    plan = setup.planned_calendar(tenant)
    if plan is None:
        return None, [*found, "calendar: choose when the cycles run"]
    return tenant_file.parse({"slug": tenant.slug, "calendar": plan}), found


def _leave_old(tenant: Tenant) -> int:
    """Bills read in the setup that the start date, chosen later, excludes: they are not ours.

    Otherwise each would wait for a person at the first cycle. Only what was never tried and
    never judged by a person; says how many that were.
    """
    posting = tenant_file.stored(tenant)
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
