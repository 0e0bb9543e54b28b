"""Type-ahead over what Epicor has: vendors, GL accounts and the values of segments."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

from audit.permissions import requires
from connector.web import layout
from mappings.import_export import known_kinds
from mappings.target_search import find


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """What fits the typed text, as JSON for the type-ahead; usable targets first."""
    tenant = layout.tenant_of(request)
    if kind not in known_kinds(tenant.pk):
        raise Http404("No such kind of mapping.")
    typed, company = request.GET.get("q", ""), request.GET.get("company", "")[:16]
    company = company.replace("\x00", "")
    found = find(tenant.pk, kind, typed, company=company, today=timezone.localdate())
    items = [{"id": one.id, "name": one.name, "note": one.note} for one in found]
    return JsonResponse({"items": items})


urlpatterns = [path("targets/<str:kind>/", page, name="targets")]
