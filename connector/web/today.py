"""Today: what was entered, what waits, what needs a person, and when the next cycle runs.

The page comes in pieces that the browser fetches again by themselves: the cycle (every two
seconds while one is under way), the figures (while a cycle moves them, and at its end), and the
last 30 days (once, after the page).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Case, Q, Value, When
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from audit.ledger.exceptions import SOON, Wanted, overview
from audit.ledger.models import Posting
from audit.permissions import requires
from connector.actions import requests
from connector.tenants.entities import name_entities
from connector.tenants.models import Tenant
from connector.web import layout
from connector.web.exceptions.cause import CauseHead, head_of
from connector.web.money import Pile, pile_of, piles
from connector.web.navigation import mappings_to_approve
from connector.web.statistics import last_30_days, midnight
from connector.web.sync_status import is_connected, sync_status

_CAUSES = 8
_DOUBT = "perhaps entered; Epicor is asked before anything is sent again"
_EVERY = 5  # looks at a cycle, two seconds apart
_State = Posting.State


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """What was entered, what waits, what needs a person, and when the next cycle runs."""
    tenant = layout.tenant_of(request)
    now = sync_status(tenant)
    context = {**figures_of(tenant, connected=now.connected), "cycle": now}
    context["to_approve"] = mappings_to_approve(request)
    return layout.page(request, "connector/today.html", "Today", context)


@require_safe
@requires("view")
def figures(request: HttpRequest, slug: str) -> HttpResponse:
    """The cards and the causes again, and the banner of a paused tenant."""
    tenant = layout.tenant_of(request)
    context = {**figures_of(tenant, connected=is_connected(tenant)), "again": True}
    return layout.part(request, "connector/_today_figures.html", context)


@require_safe
@requires("view")
def running(request: HttpRequest, slug: str) -> HttpResponse:
    """The cycle again; `run` is the one that the browser showed, so that its end can be said.

    `seen` counts how often it was shown: every fifth time the figures are fetched again, too.
    """
    now = sync_status(layout.tenant_of(request))
    shown, seen = request.GET.get("run", ""), request.GET.get("seen", "")
    times = int(seen) + 1 if seen.isdecimal() and len(seen) < 6 else 1
    ended = bool(shown) and (now.run is None or str(now.run.pk) != shown)
    context = {"cycle": now, "ended": ended, "seen": times}
    answer = layout.part(request, "connector/_cycle.html", context)
    if ended:
        answer.headers["HX-Trigger"] = "cycle-ended"
    elif now.run is not None and times % _EVERY == 0:
        answer.headers["HX-Trigger"] = "cycle-moved"
    return answer


@require_safe
@requires("view")
def last_days(request: HttpRequest, slug: str) -> HttpResponse:
    """The last 30 days: a chart with a table beside it, and the straight-through rate."""
    context = {"month": last_30_days(layout.tenant_of(request))}
    return layout.part(request, "connector/_month.html", context)


@require_POST
@requires("replay")
def sync(request: HttpRequest, slug: str) -> HttpResponse:
    """Have a cycle done now."""
    tenant = layout.tenant_of(request)
    new = requests.request_sync(tenant, actor=layout.actor(request))
    text = "A sync begins." if new else "A sync is under way; another one follows it."
    if layout.is_part(request):
        context = {"cycle": sync_status(tenant), "said": text}
        return layout.part(request, "connector/_cycle.html", context)
    return layout.done(request, text, reverse("today", args=[tenant.slug]))


@dataclass(frozen=True, slots=True)
class Today:
    """The numbers of the first page.

    What waits for a person is among the exceptions and not `waiting`; but all that is in doubt is
    in `doubt`, because nobody may think that nothing is.
    """

    entered: Pile  # today, in the tenant's zone
    waiting: Pile  # queued or being entered
    doubt: Pile  # perhaps entered: being looked up, or waiting for a person
    unconfirmed: Pile  # entered, Ramp not told yet

    @property
    def any(self) -> bool:
        """Whether there is any bill in them."""
        piles = (self.entered, self.waiting, self.doubt, self.unconfirmed)
        return any(pile.bills for pile in piles)


@dataclass(frozen=True, slots=True)
class Waits:
    """A cause on the Today page, the way to its fix, and how urgent it is."""

    head: CauseHead
    soon: bool  # its earliest bill is due within 7 days


def figures_of(tenant: Tenant, *, connected: bool) -> dict[str, Any]:
    """What `_today_figures.html` needs, in a constant number of queries."""
    day = timezone.localdate()
    queue = overview(tenant.pk, Wanted(), now=timezone.now(), today=day)
    name_entities(tenant, queue.causes)
    heads = [head_of(cause, {}, day) for cause in queue.causes[:_CAUSES]]
    piles_now, held = today(tenant), queue.doubt.bills
    anything = queue.total.bills or queue.snoozed.bills or piles_now.any
    return {
        "piles": piles_now,
        "overview": queue,
        "causes": [_waits(head, day) for head in heads],
        "more_causes": len(queue.causes) - len(heads),
        "doubt_note": _DOUBT + (f"; {held:,} of them among the exceptions" if held else ""),
        "connected": connected or bool(anything),
    }


def today(tenant: Tenant) -> Today:
    """The piles of the first page, in two queries."""
    pile = Case(
        When(state__in=[_State.QUEUED, _State.IN_FLIGHT], then=Value("waiting")),
        When(state=_State.IN_DOUBT, then=Value("doubt")),
        default=Value("unconfirmed"),
    )
    open_states = [_State.QUEUED, _State.IN_FLIGHT, _State.IN_DOUBT, _State.ENTERED]
    ours = Posting.objects.filter(tenant=tenant)
    by_itself = Q(hold_reason="") | Q(state=_State.IN_DOUBT)
    found = piles(ours.filter(by_itself, state__in=open_states), pile)
    names = ("waiting", "doubt", "unconfirmed")
    entered = pile_of(ours.filter(entered_at__gte=midnight(timezone.localdate())))
    return Today(entered, *(found.get(name, Pile()) for name in names))


def _waits(head: CauseHead, day: date) -> Waits:
    due = head.group.earliest_due
    return Waits(head, due is not None and day <= due <= day + SOON)


urlpatterns = [
    path("", page, name="today"),
    path("today/figures/", figures, name="today-figures"),
    path("today/cycle/", running, name="today-cycle"),
    path("today/month/", last_days, name="today-month"),
    path("sync/", sync, name="sync"),
]
