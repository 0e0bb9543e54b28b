"""The nightly proof: in short steps, by whichever worker has its turn, until all is read back.

How far it is stands on the tenant's calendar. A step is claimed by its number, so that a doubled
ring changes nothing; a worker that died is noticed when `proof_until` is over, and another one
goes on from the last place. Only at its end is the day proven.
"""

from datetime import date, datetime, timedelta
from time import monotonic
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.trail import log
from connector.domain.errors import PostingError
from connector.sync.bills.verify import prove, record
from connector.sync.bills.verify_result import Place
from connector.tenants.models import FinanceCalendar, Tenant

DAYS = 35
LEASE = timedelta(seconds=300)  # longer than a job may take
AGAIN = timedelta(minutes=10)  # after trouble with Epicor


def advance(tenant: Tenant, budget_s: float, *, step: int | None = None) -> int | None:
    """Do a step (number `step`) for about `budget_s` seconds; the number of the next one.

    None when all is read back, and when another worker does or did this step. Raises AccessError,
    TransientError, HeldError: it goes on from there in ten minutes.
    """
    calendar = FinanceCalendar.objects.get(tenant=tenant)
    if (step is not None and calendar.proof_steps != step) or not _claim(calendar):
        return None
    day, place = _place(calendar)
    try:
        more = prove(tenant, place, stop_at=monotonic() + budget_s)
    except PostingError:
        _keep(calendar, day, place, AGAIN)
        raise
    if not more:
        _finish(calendar, day, place)
        return None
    return calendar.proof_steps if _keep(calendar, day, place, LEASE) else None


def _claim(calendar: FinanceCalendar) -> bool:
    step = calendar.proof_steps + 1
    taken = _mine(calendar).update(proof_steps=step, proof_until=timezone.now() + LEASE)
    calendar.proof_steps = step
    return taken == 1


def _place(calendar: FinanceCalendar) -> tuple[date, Place]:
    """The day that is being proven, in the tenant's zone, and how far it is."""
    if calendar.proof:
        return date.fromisoformat(calendar.proof["day"]), Place.restored(calendar.proof)
    now = timezone.now()
    day = now.astimezone(ZoneInfo(calendar.tenant.time_zone)).date()
    return day, Place(now - timedelta(days=DAYS))


def _keep(calendar: FinanceCalendar, day: date, place: Place, wait: timedelta) -> bool:
    """Note how far it is; False when another worker has taken it over, and nothing is noted."""
    stored = {"day": day.isoformat(), **place.stored()}
    until: datetime = timezone.now() + wait
    return _mine(calendar).update(proof=stored, proof_until=until) == 1


def _finish(calendar: FinanceCalendar, day: date, place: Place) -> None:
    with transaction.atomic():
        if not _mine(calendar).update(proof={}, proof_until=None, reproved_on=day):
            return
        record(calendar.tenant, place.proof, DAYS)
    log.seal(calendar.tenant_id)


def _mine(calendar: FinanceCalendar) -> QuerySet[FinanceCalendar]:
    return FinanceCalendar.objects.filter(pk=calendar.pk, proof_steps=calendar.proof_steps)
