"""Jobs, which people asked for: how far one is, and what came of it. One can leave."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from audit.permissions import requires
from connector.actions import requests
from connector.jobs.models import Errand
from connector.web import layout


@require_safe
@requires("view")
def mine(request: HttpRequest, slug: str) -> HttpResponse:
    """What this person asked for lately, newest first."""
    found = requests.recent(layout.tenant_of(request), actor=layout.actor(request))
    return layout.page(request, "connector/errands.html", "Jobs", {"errands": found})


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """One errand; the piece that the browser asks for again every second while it moves."""
    errand = Errand.objects.filter(tenant=layout.tenant_of(request), pk=pk).first()
    if errand is None:
        raise Http404("No such page.")
    context = context_of(errand)
    if layout.is_part(request):
        answer = layout.part(request, "connector/_errand.html", {**context, "again": True})
        if not context["moves"]:
            answer.headers["HX-Trigger"] = "bills-changed"  # lists on the page look once more
        return answer
    return layout.page(request, "connector/errand.html", errand.title, context)


def context_of(errand: Errand) -> dict[str, Any]:
    """What `_errand.html` needs: the errand, its bills' progress, and whether it moves."""
    bills = requests.progress(errand) if errand.kind == requests.REPLAY else None
    moves = errand.finished_at is None or (bills is not None and not bills.over)
    return {"errand": errand, "bills": bills, "moves": moves}


urlpatterns = [
    path("errands/", mine, name="errands"),
    path("errands/<int:pk>/", page, name="errand"),
]
