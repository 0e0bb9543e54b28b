"""Bills: all of them, newest first, by state, reason and number."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from audit.access import requires
from audit.models import Posting
from connector.web import shell
from connector.web.filters import BillFilter

_A_PAGE = 50


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """All bills, newest first, by state, reason and number."""
    ours = Posting.objects.filter(tenant=shell.tenant_of(request)).order_by("-id")
    chosen = BillFilter(request.GET, ours)
    found = Paginator(chosen.qs, _A_PAGE).get_page(request.GET.get("page"))
    rest = request.GET.copy()
    rest.pop("page", None)
    context = {"filter": chosen, "page_obj": found, "query": rest.urlencode()}
    return shell.page(request, "connector/bill_list.html", "Bills", context)


urlpatterns = [path("bills/", page, name="bills")]
