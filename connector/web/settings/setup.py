"""The pages of the setup: its steps with a list of what is done, and the way to live."""

from typing import Any
from urllib.parse import urlsplit

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from audit.ledger.models import Posting
from audit.permissions import requires
from connector.actions import go_live, tenant_setup
from connector.jobs import queue
from connector.jobs.models import Job
from connector.sync.bills.run import enqueue_sync
from connector.tenants import connection_test, sections, setup
from connector.tenants.form_fields import SettingsError
from connector.tenants.models import Tenant
from connector.tenants.schedule import BadScheduleError
from connector.web import layout
from connector.web.settings import section_form
from connector.web.settings.steps import STEPS, Step, last_jobs, next_open, progress


@require_safe
@requires("manage_settings")
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """All steps, how far each is, and which one comes next."""
    steps = progress(layout.tenant_of(request))
    context = {"progress": steps, "next": next_open(steps), "step": None}
    return layout.page(request, "connector/setup.html", "Setup", context)


@require_safe
@requires("manage_settings")
def step(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """One step."""
    return _step_page(request, _step_of(request, key))


@require_POST
@requires("manage_settings")
def save(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Store the step's form and go on to the next step, or show what is wrong."""
    found = _step_of(request, key)
    section = section_form.section_of(request, found.section)
    tenant = layout.tenant_of(request)
    saved = section_form.save(tenant, section, request.POST, actor=layout.actor(request))
    if not saved.ok:
        more = section_form.context(tenant, section, request.POST, saved)
        return _step_page(request, found, more, status=409 if saved.sentence else 422)
    text = "Stored." if saved.changed else "Nothing was different; nothing was changed."
    return layout.done(request, text, _after(tenant, found))


@require_POST
@requires("manage_connections")
def request_job(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Ask a worker for what the step needs from the two systems."""
    found = _step_of(request, key)
    if not found.job:
        raise Http404("No such page.")
    tenant = layout.tenant_of(request)
    title, actor = found.title, layout.actor(request)
    queue.request(tenant, found.job, title=title, actor=actor, key=found.job)
    if found.section and "settings" in request.POST:
        return redirect("settings-section", tenant.slug, found.section)
    return redirect("setup-step", tenant.slug, key)


@require_safe
@requires("manage_settings")
def job(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """The piece with how far a job of the setup is, and then with what it found."""
    kinds = [one.job for one in STEPS.values() if one.job] + [tenant_setup.CATALOGS]
    row = Job.objects.filter(tenant=layout.tenant_of(request), pk=pk, kind__in=kinds).first()
    if row is None:
        raise Http404("No such page.")
    answer = layout.part(request, "connector/_setup_job.html", {"job": row})
    on_settings = urlsplit(request.headers.get("HX-Current-URL", "")).path.endswith("/settings/")
    if not row.is_open and not on_settings:
        # The steps beside the piece are further, and the form below it has new proposals.
        answer.headers["HX-Refresh"] = "true"
    return answer


@require_POST
@requires("manage_calendar")
def live(request: HttpRequest, slug: str) -> HttpResponse:
    """Go live: from now on the calendar runs the cycles."""
    tenant = layout.tenant_of(request)
    to = reverse("setup-step", args=[slug, "live"])
    if "sure" not in request.POST:
        text = "Tick that you have read what will happen; nothing was changed."
        return layout.done(request, text, to, good=False)
    try:
        first = go_live.go_live(tenant, actor=layout.actor(request))
    except (SettingsError, ValueError) as error:
        return layout.done(request, f"Not live: {error}", to, good=False)
    at = f"{timezone.localtime(first):%-d %b %Y, %H:%M}"
    if "now" in request.POST:
        enqueue_sync(tenant)
        text = f"{tenant.name} is live. The first cycle begins now, the next one {at}."
    else:
        text = f"{tenant.name} is live. The first cycle begins {at}."
    return layout.done(request, text, reverse("today", args=[slug]))


# -- pieces while somebody types -------------------------------------------------------------------


@require_safe
@requires("manage_connections")
def address(request: HttpRequest, slug: str) -> HttpResponse:
    """What the address of Epicor that is being typed means."""
    company = request.GET.get("company", "")
    found = section_form.explained({name: str(request.GET[name]) for name in request.GET}, company)
    return layout.part(request, "connector/_setup_address.html", {"explained": found})


@require_safe
@requires("manage_connections")
def login(request: HttpRequest, slug: str) -> HttpResponse:
    """The fields of a login method."""
    method = request.GET.get("epicor.auth.method", "")
    context = {"login": section_form.login(layout.tenant_of(request), method)}
    return layout.part(request, "connector/_setup_login.html", context)


@require_safe
@requires("manage_calendar")
def runs(request: HttpRequest, slug: str) -> HttpResponse:
    """The next five runs of the schedule that is being typed, in the tenant's zone."""
    cron = request.GET.get("calendar.sync_cron", "")
    context = section_form.runs(
        layout.tenant_of(request), cron, request.GET.get("calendar.blackout", "")
    )
    return layout.part(request, "connector/_setup_runs.html", context)


# -- inside ----------------------------------------------------------------------------------------


def _step_of(request: HttpRequest, key: str) -> Step:
    found = STEPS.get(key)
    if found is None:
        raise Http404("No such page.")
    return found


def _step_page(
    request: HttpRequest, found: Step, more: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    tenant = layout.tenant_of(request)
    steps = progress(tenant)
    here = next(one for one in steps if one.step == found)
    if more is None and found.section:
        more = section_form.context(tenant, section_form.section_of(request, found.section))
    context = {
        "progress": steps,
        "step": found,
        "here": here,
        "number": steps.index(here) + 1,
        "following": _following(found),
        "job": here.job,
        "action": reverse("setup-save", args=[tenant.slug, found.key]) if found.section else "",
        **(more or {}),
        **(_live(tenant) if found.key == "live" else {}),
    }
    return layout.page(
        request, "connector/setup.html", f"Setup: {found.title}", context, status=status
    )


def _after(tenant: Tenant, found: Step) -> str:
    return reverse("setup-step", args=[tenant.slug, _following(found)])


def _following(found: Step) -> str:
    """The key of the next step; the last one stays."""
    keys = list(STEPS)
    return keys[min(keys.index(found.key) + 1, len(keys) - 1)]


def _live(tenant: Tenant) -> dict[str, Any]:
    """What the last step shows: what is missing, what is doubtful, what will happen."""
    whole = sections.values(tenant)
    try:
        cron = whole["calendar.sync_cron"]
        first = setup.next_runs(cron, tenant.time_zone, timezone.now(), 1)[0]
    except BadScheduleError:
        first = None
    queued = Posting.objects.filter(tenant=tenant, state=Posting.State.QUEUED)
    return {
        "is_live": setup.is_live(tenant),
        "missing": {} if setup.is_live(tenant) else go_live.missing(tenant),
        "first_run": first,
        "waiting": queued.count(),
        "companies": connection_test.companies(tenant),
        "start_date": whole["posting.start_date"],
        "last": last_jobs(tenant),
    }


urlpatterns = [
    path("setup/", overview, name="setup"),
    path("setup/epicor/address/", address, name="setup-address"),
    path("setup/epicor/login/", login, name="setup-login"),
    path("setup/calendar/runs/", runs, name="setup-runs"),
    path("setup/jobs/<int:pk>/", job, name="setup-job"),
    path("setup/live/go", live, name="setup-go-live"),
    path("setup/<slug:key>/", step, name="setup-step"),
    path("setup/<slug:key>/save", save, name="setup-save"),
    path("setup/<slug:key>/ask", request_job, name="setup-ask"),
]
