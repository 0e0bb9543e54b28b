"""Settings: what is set and by whom, what waits for it; changing a section, pausing, loading."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from audit.permissions import requires
from connector.actions import requests, settings_impact, tenant_setup
from connector.actions.replay import refusal
from connector.jobs import queue
from connector.sync.bills.run import enqueue_sync
from connector.sync.catalogs import request_refresh
from connector.tenants import pauses, sections, setup
from connector.tenants.entities import names_of
from connector.tenants.forms import SectionForm
from connector.tenants.models import Tenant
from connector.tenants.schedule import BadScheduleError, next_run
from connector.tenants.schedule_words import schedule_text
from connector.tenants.sections import FORMS, SECTIONS, Change, Section
from connector.web import layout
from connector.web.exceptions.questions import passed_over
from connector.web.settings import section_form
from connector.web.settings.steps import last_jobs

_RECENT = 12
_ASKED = {"test": tenant_setup.TEST, "load": tenant_setup.CATALOGS}
_TITLES = {"test": "Test both connections", "load": "Read Epicor's lists (vendors, accounts …)"}


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """Every section with what is set; secrets only say that they are, since when, by whom."""
    tenant = layout.tenant_of(request)
    last = last_jobs(tenant)
    context = {
        "groups": groups(tenant),
        "changes": changes(tenant),
        "questions": passed_over(tenant),
        "waiting": settings_impact.waiting(tenant),
        "live": setup.is_live(tenant),
        "pause": pauses.kind(tenant),
        "test": last.get(tenant_setup.TEST),
        "load": last.get(tenant_setup.CATALOGS),
    }
    return layout.page(request, "connector/settings.html", "Settings", context)


@require_safe
@requires("view")
def section(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """The form of one section, for those who may change it."""
    found = section_form.section_of(request, key)
    return _form(request, found, section_form.context(layout.tenant_of(request), found))


@require_POST
@requires("view")
def save(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Store a section, or show what is wrong."""
    found = section_form.section_of(request, key)
    tenant = layout.tenant_of(request)
    saved = section_form.save(tenant, found, request.POST, actor=layout.actor(request))
    if not saved.ok:
        more = section_form.context(tenant, found, request.POST, saved)
        return _form(request, found, more, status=409 if saved.sentence else 422)
    return layout.done(request, _sentence(tenant, found, saved.changed), _home(slug))


@require_POST
@requires("manage_connections")
def request_job(request: HttpRequest, slug: str, what: str) -> HttpResponse:
    """Test both connections, or read Epicor's master data now."""
    if what not in _ASKED:
        raise Http404("No such page.")
    tenant = layout.tenant_of(request)
    kind, actor = _ASKED[what], layout.actor(request)
    queue.request(tenant, kind, title=_TITLES[what], actor=actor, key=kind)
    return layout.done(request, "Asked; see below how far it is.", _home(slug))


@require_POST
@requires("replay")
def replay(request: HttpRequest, slug: str, what: str) -> HttpResponse:
    """Try the bills again that waited for a setting which is there now."""
    tenant = layout.tenant_of(request)
    try:
        chosen = list(settings_impact.freed(tenant, what))
    except KeyError:
        raise Http404("No such page.") from None
    if not chosen:
        return layout.done(request, "No bill waits for it any more.", _home(slug), good=False)
    if why := refusal(tenant):
        return layout.done(request, why, _home(slug), good=False)
    request_refresh(tenant, chosen)
    title = f"Try {len(chosen)} bills again that waited for settings"
    job = requests.request_replay(tenant, chosen, title, actor=layout.actor(request))
    to = reverse("job", args=[slug, job.pk])
    return layout.done(request, f"{len(chosen)} bills are tried again.", to)


@require_POST
@requires("manage_calendar")
def pause(request: HttpRequest, slug: str) -> HttpResponse:
    """Stop the tenant until a person resumes it; the reason is shown on every page."""
    reason = request.POST.get("reason", "")[:500]
    try:
        pauses.by_person(layout.tenant_of(request), reason, actor=layout.actor(request))
    except ValueError as error:
        return layout.done(request, str(error), _home(slug), good=False)
    text = "Paused. What is being sent right now ends in order; nothing new is begun."
    return layout.done(request, text, _home(slug))


@require_POST
@requires("manage_calendar")
def resume(request: HttpRequest, slug: str) -> HttpResponse:
    """End a person's pause and begin a cycle."""
    tenant = layout.tenant_of(request)
    if not pauses.resume(tenant, actor=layout.actor(request)):
        text = "No person's pause stands any more; nothing was changed."
        return layout.done(request, text, _home(slug), good=False)
    enqueue_sync(tenant)
    return layout.done(request, "Resumed. A cycle begins now.", _home(slug))


# -- what the page shows ---------------------------------------------------------------------------


_WORDS: Mapping[str, str] = {
    "entities": "Entity routes",
    "currencies": "Currencies",
    "dimensions": "Dimensions",
    **{
        key: str(form.base_fields[name].label)
        for form in FORMS
        for key, name in form.columns().items()
    },
}


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """A change as the page tells it."""

    at: datetime
    actor: str
    action: str
    words: list[str]


def changes(tenant: Tenant) -> list[SettingsChange]:
    """The last changes, what was changed in the words of the forms; never a value."""
    return [
        SettingsChange(one.at, one.actor, one.action, [_WORDS.get(key, key) for key in one.changed])
        for one in sections.changes(tenant, most=_RECENT)
    ]


@dataclass(frozen=True, slots=True)
class Line:
    """One setting: its name and what it is, or for a secret only whether it is set."""

    name: str
    value: str = ""
    secret: bool = False
    is_set: bool = False
    set_by: Change | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """One section with its lines."""

    section: Section
    lines: list[Line]


def groups(tenant: Tenant) -> list[Group]:
    """All sections in order; no secret is in it."""
    whole = sections.values(tenant)
    set_by = sections.set_by(tenant, whole)
    return [
        Group(section, _fields(tenant, section.form, whole, set_by))
        if section.form
        else Group(section, _LISTS[section.key](tenant, whole))
        for section in SECTIONS.values()
    ]


def cycles(tenant: Tenant, cron: str) -> str:
    """When cycles run, in words, and when the next one is if the calendar runs them."""
    text = schedule_text(cron)
    if not cron or pauses.rests(tenant) or not setup.is_live(tenant):
        return text
    try:
        moment = timezone.localtime(next_run(cron, tenant.time_zone, timezone.now()))
    except BadScheduleError:
        return text
    today = moment.date() == timezone.localdate()
    return f"{text}, next {moment:%H:%M}" if today else f"{text}, next {moment:%Y-%m-%d %H:%M}"


def _fields(
    tenant: Tenant,
    form: type[SectionForm],
    whole: Mapping[str, Any],
    set_by: Mapping[str, Change | None],
) -> list[Line]:
    names = [name for name in form.columns().values() if name not in form.unused(whole)]
    found = []
    for name in names:
        key, label = form.path_of(name), str(form.base_fields[name].label)
        if name in form.secrets():
            is_set, who = key in set_by, set_by.get(key)
            found.append(Line(label, secret=True, is_set=is_set, set_by=who))
        elif name == "sync_cron":
            found.append(Line(label, cycles(tenant, whole[key])))
        else:
            found.append(Line(label, _shown(form, name, whole[key])))
    return found


def _shown(form: type[SectionForm], name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    names = dict(getattr(form.base_fields[name], "choices", ()))
    return str(names.get(value, value)) if value not in (None, "") else "–"


def _routes(tenant: Tenant, whole: Mapping[str, Any]) -> list[Line]:
    names = names_of(tenant)
    return [
        Line(names.get(entity) or entity, f"{company}, site {site}" if site else company)
        for entity, company, site in whole["entities"]
    ] or [Line("Routes", "none: every bill waits")]


def _coding(tenant: Tenant, whole: Mapping[str, Any]) -> list[Line]:
    currencies = [f"{iso} → {code}" if iso != code else iso for iso, code in whole["currencies"]]
    return [
        Line("Currencies", ", ".join(currencies) or "none: every bill waits"),
        *(
            Line(field, f"fills segment {number}, {f'else {default}' if default else 'no default'}")
            for field, number, _, default in whole["dimensions"]
        ),
    ]


_LISTS = {"entities": _routes, "coding": _coding}


# -- inside ----------------------------------------------------------------------------------------


def _form(
    request: HttpRequest, found: Section, more: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    slug = layout.tenant_of(request).slug
    action = reverse("settings-save", args=[slug, found.key])
    context = {**more, "action": action, "settings": True, "job": _job(request, found)}
    return layout.page(
        request, "connector/settings_section.html", found.title, context, status=status
    )


def _job(request: HttpRequest, found: Section) -> Any:
    kind = {"entities": tenant_setup.ENTITIES, "coding": tenant_setup.CHART}.get(found.key, "")
    return last_jobs(layout.tenant_of(request)).get(kind)


def _sentence(tenant: Tenant, found: Section, changed: list[str]) -> str:
    if not changed:
        return "Nothing was different; nothing was changed."
    text = f"{found.title}: stored."
    if found.key in ("ramp", "epicor"):
        text += " Old logins are forgotten. Test both connections now."
    ready = [one for one in settings_impact.waiting(tenant) if one.freed] if found.lists else []
    for one in ready:
        text += (
            f" {one.freed} of {one.waiting} bills that waited for {one.title} can be tried again."
        )
    return text


def _home(slug: str) -> str:
    return reverse("settings", args=[slug])


urlpatterns = [
    path("settings/", page, name="settings"),
    path("settings/pause", pause, name="settings-pause"),
    path("settings/resume", resume, name="settings-resume"),
    path("settings/ask/<slug:what>", request_job, name="settings-ask"),
    path("settings/replay/<slug:what>", replay, name="settings-replay"),
    path("settings/<slug:key>/", section, name="settings-section"),
    path("settings/<slug:key>/save", save, name="settings-save"),
]
