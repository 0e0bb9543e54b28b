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
from connector.tenants import sections, setup
from connector.tenants.form_fields import Problems, SettingsError
from connector.tenants.models import (
    EntityRoute,
    FinanceCalendar,
    PostingSettings,
    Tenant,
    zone_of,
)
from connector.tenants.schedule import BadScheduleError, next_run

_AT_ONCE = 500


# -- going live ------------------------------------------------------------------------------------


def missing(tenant: Tenant) -> Problems:
    """What stands in the way of going live, by the tenant file's paths; empty when nothing does."""
    found: Problems = {}
    if not EntityRoute.objects.filter(tenant=tenant).exists():
        found["entities"] = ["must name at least one entity"]
    if setup.planned_calendar(tenant) is None:
        found["calendar"] = ["choose when the cycles run"]
    for form in sections.incomplete(tenant):
        found |= form.problems()
    return found


def go_live(tenant: Tenant, *, actor: str) -> datetime:
    """Check the whole and let the calendar begin its runs from now on; says when the first one is.

    Raises SettingsError with everything that is missing, ValueError when it is live already.
    """
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=tenant.pk)
        if setup.is_live(tenant):
            raise ValueError(f"{tenant.name} is live already; nothing was changed.")
        if problems := missing(tenant):
            raise SettingsError(problems)
        sections.store(tenant, sections.incomplete(tenant), actor=actor, live=True)
        calendar = FinanceCalendar.objects.get(tenant=tenant)
        try:
            first = next_run(calendar.sync_cron, tenant.time_zone, timezone.now())
        except BadScheduleError as error:
            raise SettingsError({"calendar.sync_cron": [str(error).rstrip(".")]}) from error
        FinanceCalendar.objects.filter(pk=calendar.pk).update(next_run_at=first)
        left = _leave_old(tenant)
        setup.record(
            tenant, "tenant.live", actor, {"first_run_at": first.isoformat(), "left": left}
        )
    return first


def _leave_old(tenant: Tenant) -> int:
    """Bills read in the setup that the start date, chosen later, excludes: they are not ours.

    Otherwise each would wait for a person at the first cycle. Only what was never tried and
    never judged by a person; says how many that were.
    """
    start = PostingSettings.objects.get(tenant=tenant).start_date
    policy = PostingPolicy(start_date=start, zone=zone_of(tenant))
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
