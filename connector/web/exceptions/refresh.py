"""What changed on the exceptions page since it was loaded, so that the list refreshes itself.

Counts follow, causes that are over end, new ones are added, and bills that left the list leave
it; what the person is doing meanwhile (typing, ticking) stays.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.views.decorators.http import require_POST

from audit.ledger import exceptions
from audit.ledger.exceptions import CauseGroup, Overview, name_of
from audit.ledger.models import Blocker, Posting
from audit.permissions import requires
from connector.tenants.entities import name_entities
from connector.tenants.models import Tenant
from connector.web import layout
from connector.web.exceptions.cause import CauseHead, head_of
from connector.web.exceptions.empty import empty_of
from connector.web.exceptions.filters import ExceptionFilter
from connector.web.navigation import waiting_now

CAUSES_A_PAGE = 25
_ROWS = 5000


@require_POST
@requires("view")
def pulse(request: HttpRequest, slug: str) -> HttpResponse:
    """What changed since the page was loaded. A question in a form, because it may be long."""
    chosen, found = read(request, request.POST)
    number = request.POST.get("page")
    listed = list(Paginator(found.causes, CAUSES_A_PAGE).get_page(number))
    shown = set(request.POST.getlist("shown")[:_ROWS])
    ended = set(request.POST.getlist("ended")[:_ROWS])
    now = {group.key: group for group in found.causes}
    alone = "alone" in request.POST  # the page of one cause: no other ones are added
    tenant = layout.tenant_of(request)
    context = {
        "overview": found,
        "empty": empty_of(tenant, found),
        "badge": waiting_now(tenant),
        "alone": alone,
        "filter": chosen,
        "known": heads([now[key] for key in sorted(shown & now.keys())], chosen),
        "over": sorted(key for key in shown - now.keys() if key.isalnum()),
        "back": heads([now[key] for key in sorted(ended & now.keys())], chosen),
        "new": [] if alone else heads([g for g in listed if g.key not in shown | ended], chosen),
        "left": left(tenant, request.POST.getlist("rows")),
        "asked": chosen.asked(),
        "pulse": True,
    }
    return layout.part(request, "connector/_cause_pulse.html", context)


def read(request: HttpRequest, data: QueryDict) -> tuple[ExceptionFilter, Overview]:
    """The filter that was asked for, and what it shows."""
    tenant = layout.tenant_of(request)
    chosen = ExceptionFilter(data, tenant)
    wanted = chosen.wanted(layout.actor(request))
    now, today = timezone.now(), timezone.localdate()
    found = exceptions.overview(tenant.pk, wanted, now=now, today=today)
    name_entities(tenant, found.causes)
    return chosen, found


def heads(groups: Sequence[CauseGroup], chosen: ExceptionFilter) -> list[CauseHead]:
    """The lines of these causes."""
    asked, today = chosen.asked(), timezone.localdate()
    return [head_of(group, asked, today) for group in groups]


def left(tenant: Tenant, listed: Iterable[str]) -> list[str]:
    """The rows that no longer belong where they are shown, as `CAUSE-ID`. Two queries.

    `listed`: "CAUSE:ID,ID,…" for each part of a list that the page shows.
    """
    shown = _shown(listed)
    ids = {pk for pks in shown.values() for pk in pks}
    if not ids:
        return []
    there: dict[int, set[str]] = defaultdict(set)
    reasons = Posting.objects.filter(tenant=tenant, pk__in=ids, hold_reason__gt="")
    plain = dict(reasons.values_list("pk", "hold_reason"))
    blockers = Blocker.objects.filter(posting__tenant=tenant, posting_id__in=ids)
    for pk, *key in blockers.values_list("posting_id", "reason", "kind", "ramp_id", "company"):
        if pk in plain:
            there[pk].add(name_of((key[0], key[1], key[2], key[3])))
    for pk, reason in plain.items():
        if pk not in there:
            there[pk].add(name_of((reason, "", "", "")))
    return [f"{key}-{pk}" for key, pks in shown.items() for pk in pks if key not in there[pk]]


def _shown(listed: Iterable[str]) -> dict[str, list[int]]:
    shown: dict[str, list[int]] = defaultdict(list)
    budget = _ROWS
    for part in listed:
        key, _, pks = part.partition(":")
        numbers = [int(pk) for pk in pks.split(",") if pk.isascii() and pk.isdigit()][:budget]
        if key.isalnum():
            shown[key] += [pk for pk in numbers if pk < 2**63]
            budget -= len(numbers)
    return shown
