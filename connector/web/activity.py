"""Activity: what a person requested, how far it is, and what came of it. One can leave."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from audit.permissions import requires
from connector.actions import requests
from connector.jobs.models import Job
from connector.web import layout


@require_safe
@requires("view")
def mine(request: HttpRequest, slug: str) -> HttpResponse:
    """What this person requested lately, newest first."""
    found = requests.recent(layout.tenant_of(request), actor=layout.actor(request))
    return layout.page(request, "connector/activity.html", "Activity", {"jobs": found})


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """One job; the piece that the browser asks for again every second while it moves."""
    job = Job.objects.filter(tenant=layout.tenant_of(request), pk=pk).first()
    if job is None:
        raise Http404("No such page.")
    context = context_of(job)
    if layout.is_part(request):
        answer = layout.part(request, "connector/_job.html", {**context, "again": True})
        if not context["moves"]:
            answer.headers["HX-Trigger"] = "bills-changed"  # lists on the page look once more
        return answer
    return layout.page(request, "connector/job.html", job.title, context)


def context_of(job: Job) -> dict[str, Any]:
    """What `_job.html` needs: the job, its bills' progress, and whether it moves."""
    bills = requests.progress(job) if job.kind == requests.REPLAY else None
    moves = job.is_open or (bills is not None and not bills.over)
    return {"job": job, "bills": bills, "moves": moves}


urlpatterns = [
    path("activity/", mine, name="activity"),
    path("activity/<int:pk>/", page, name="job"),
]
