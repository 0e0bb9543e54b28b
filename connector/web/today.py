"""Today: what was entered, what waits, what needs a person, and when the next cycle runs."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, Sum, Value, When
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

from audit.access import requires
from audit.models import Posting
from audit.queue import exceptions as exception_queue
from connector.models import FinanceCalendar, SyncRun, Tenant
from connector.web import shell
from connector.web.exceptions import cause_query
from connector.web.money import Pile, total

_CAUSES = 8
_State = Posting.State


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """What was entered, what waits, what needs a person, and when the next cycle runs."""
    tenant = shell.tenant_of(request)
    queue = exception_queue(tenant.pk)
    shown = [(cause, cause_query(cause)) for cause in queue.causes[:_CAUSES]]
    context = {
        "piles": today(tenant),
        "exceptions": total(queue),
        "causes": shown,
        "more_causes": len(queue.causes) - len(shown),
        "run": last_run(tenant),
        "next_run_at": next_run_at(tenant),
    }
    return shell.page(request, "connector/today.html", "Today", context)


@dataclass(frozen=True, slots=True)
class Today:
    """The numbers of the first page; bills with a hold are on the exceptions pile only."""

    entered: Pile  # today, in the tenant's zone
    waiting: Pile  # queued or being entered
    doubt: Pile  # perhaps entered, being looked up
    unconfirmed: Pile  # entered, Ramp not told yet


def today(tenant: Tenant) -> Today:
    """The piles of the first page, in two queries."""
    piles = {name: Pile() for name in ("waiting", "doubt", "unconfirmed")}
    pile = Case(
        When(state__in=[_State.QUEUED, _State.IN_FLIGHT], then=Value("waiting")),
        When(state=_State.IN_DOUBT, then=Value("doubt")),
        default=Value("unconfirmed"),
    )
    open_states = [_State.QUEUED, _State.IN_FLIGHT, _State.IN_DOUBT, _State.ENTERED]
    ours = Posting.objects.filter(tenant=tenant).order_by()
    grouped = ours.filter(state__in=open_states, hold_reason="").values_list(pile, "currency")
    for name, currency, bills, amount in grouped.annotate(Count("pk"), Sum("amount")):
        piles[name].add(bills, currency, amount)
    entered = Pile()
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    for currency, bills, amount in (
        ours.filter(entered_at__gte=midnight)
        .values_list("currency")
        .annotate(Count("pk"), Sum("amount"))
    ):
        entered.add(bills, currency, amount)
    return Today(entered, piles["waiting"], piles["doubt"], piles["unconfirmed"])


def last_run(tenant: Tenant) -> SyncRun | None:
    """The newest cycle, running or ended."""
    return SyncRun.objects.filter(tenant=tenant).first()


def next_run_at(tenant: Tenant) -> datetime | None:
    """When the tenant's clock rings next; None without a calendar."""
    rows = FinanceCalendar.objects.filter(tenant=tenant)
    return rows.values_list("next_run_at", flat=True).first()


urlpatterns = [path("", page, name="today")]
