"""Exceptions: what waits for a person, by cause, biggest risk first, each with its fix in place."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

from audit.ledger import exceptions
from audit.ledger.exceptions import CauseGroup
from audit.permissions import requires
from connector.web import layout
from connector.web.actions import urls as action_urls
from connector.web.actions.selection import cause_key
from connector.web.exceptions.cause import bills, cause_context, head_of
from connector.web.exceptions.empty import empty_of
from connector.web.exceptions.filters import ExceptionFilter
from connector.web.exceptions.refresh import CAUSES_A_PAGE, heads, pulse, read


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """What waits for a person, by cause, narrowed by the filter."""
    chosen, found = read(request, request.GET)
    shown = Paginator(found.causes, CAUSES_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "filter": chosen,
        "overview": found,
        "empty": empty_of(layout.tenant_of(request), found),
        "heads": heads(list(shown), chosen),
        "page_obj": shown,
        "query": chosen.query,
        "asked": chosen.asked(),
    }
    return layout.page(request, "connector/exceptions.html", "Exceptions", context)


@require_safe
@requires("view")
def cause(request: HttpRequest, slug: str) -> HttpResponse:
    """One cause, opened; as a page of its own for those who come by a link."""
    key = cause_key(request.GET)
    if key is None:
        raise Http404("No such cause.")
    context = cause_context(request, key, request.GET)
    context["focus"] = request.GET.get("focus") == "map"
    if layout.is_part(request):
        return layout.part(request, "connector/_cause.html", context)
    return layout.page(request, "connector/exceptions_cause.html", "Exceptions", context)


@require_safe
@requires("view")
def more(request: HttpRequest, slug: str) -> HttpResponse:
    """The next fifty bills of a cause."""
    key = cause_key(request.GET)
    if key is None:
        raise Http404("No such cause.")
    tenant, today = layout.tenant_of(request), timezone.localdate()
    chosen = ExceptionFilter(request.GET, tenant)
    rows = exceptions.waiting(tenant.pk, chosen.wanted(layout.actor(request)), timezone.now())
    after = request.GET.get("after", "")
    found = bills(tenant, exceptions.of_cause(rows, key), after=after, today=today)
    head = head_of(CauseGroup(*key), chosen.asked(), today)
    context = {"head": head, "listed": found}
    return layout.part(request, "connector/_cause_bills.html", context)


urlpatterns = [
    path("exceptions/", page, name="exceptions"),
    path("exceptions/cause/", cause, name="exceptions-cause"),
    path("exceptions/cause/more/", more, name="exceptions-more"),
    path("exceptions/pulse/", pulse, name="exceptions-pulse"),
    *action_urls.urlpatterns,
]
