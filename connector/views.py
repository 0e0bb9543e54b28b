"""The pages a person works with. They only show; nothing changes on GET."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from audit.access import requires
from audit.models import Posting
from audit.queue import exceptions as exception_queue
from connector import pages
from connector.filters import BillFilter
from connector.models import Tenant
from connector.navigation import sidebar

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_BILLS_A_PAGE = 50
_CAUSES_A_PAGE = 25
_CAUSES_TODAY = 8


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Today of the only tenant that the person may see, or a chooser."""
    tenants = Tenant.objects.all()
    if not request.user.is_superuser:
        tenants = tenants.filter(memberships__user=cast("User", request.user))
    found = list(tenants)
    if len(found) == 1:
        return redirect("today", found[0].slug)
    return _page(request, "chooser", "Choose a tenant", {"tenants": found})


@require_safe
@requires("view")
def today(request: HttpRequest, slug: str) -> HttpResponse:
    """What was entered, what waits, what needs a person, and when the next cycle runs."""
    tenant = _tenant(request)
    queue = exception_queue(tenant.pk)
    shown = [(cause, pages.cause_query(cause)) for cause in queue.causes[:_CAUSES_TODAY]]
    context = {
        "piles": pages.today(tenant),
        "exceptions": pages.total(queue),
        "causes": shown,
        "more_causes": len(queue.causes) - len(shown),
        "run": pages.last_run(tenant),
        "next_run_at": pages.next_run_at(tenant),
    }
    return _page(request, "today", "Today", context)


@require_safe
@requires("view")
def exceptions(request: HttpRequest, slug: str) -> HttpResponse:
    """What waits for a person, by cause, with the next step for each."""
    tenant = _tenant(request)
    queue = exception_queue(tenant.pk)
    page = Paginator(queue.causes, _CAUSES_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "total": pages.total(queue),
        "rows": pages.cause_rows(tenant, queue, list(page)),
        "page_obj": page,
        "query": "",
    }
    return _page(request, "exceptions", "Exceptions", context)


@require_safe
@requires("view")
def bill_list(request: HttpRequest, slug: str) -> HttpResponse:
    """All bills, newest first, by state, reason and number."""
    ours = Posting.objects.filter(tenant=_tenant(request)).order_by("-id")
    chosen = BillFilter(request.GET, ours)
    page = Paginator(chosen.qs, _BILLS_A_PAGE).get_page(request.GET.get("page"))
    rest = request.GET.copy()
    rest.pop("page", None)
    context = {"filter": chosen, "page_obj": page, "query": rest.urlencode()}
    return _page(request, "bill_list", "Bills", context)


@require_safe
@requires("view")
def bill(request: HttpRequest, slug: str, bill_id: str) -> HttpResponse:
    """One bill, whole. Its address is permanent: Ramp links to it."""
    posting = Posting.objects.filter(tenant=_tenant(request), bill_id=bill_id).first()
    if posting is None:
        raise Http404("No such bill.")
    name = posting.invoice_num or posting.bill_id
    return _page(request, "bill", f"Bill {name}", {"bill": pages.bill_page(posting)})


def _tenant(request: HttpRequest) -> Tenant:
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]  # set by TenantScope
    return tenant


def _page(request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
    """The template in the shell, with the sidebar of this person."""
    request.current_app = admin.site.name
    shell = {
        **admin.site.each_context(request),
        "title": title,
        "has_permission": True,
        "sidebar_navigation": sidebar(request),
        "tenant": getattr(request, "tenant", None),
    }
    return render(request, f"connector/{template}.html", shell | context)
