"""The steps of the setup and how far each is. A step can be left and come back to at any time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from connector.actions import tenant_setup
from connector.jobs.models import Job
from connector.ramp.accounting_fields import faults
from connector.tenants import sections, setup
from connector.tenants.models import PostingSettings, Tenant


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `section`: the settings it fills; `job`: what it asks a worker for."""

    key: str
    title: str
    why: str
    section: str = ""
    job: str = ""
    ask: str = ""


STEPS: Mapping[str, Step] = {
    step.key: step
    for step in (
        Step("ramp", "Ramp app", "How we reach your Ramp business.", section="ramp"),
        Step("epicor", "Epicor connection", "How we reach your Epicor.", section="epicor"),
        Step(
            "test",
            "Test both connections",
            "Permission by permission; nothing is written.",
            job=tenant_setup.TEST,
            ask="Test now",
        ),
        Step(
            "entities",
            "Entity routes",
            "Which Epicor company the bills of each Ramp entity go to.",
            section="entities",
            job=tenant_setup.ENTITIES,
            ask="Read entities and companies",
        ),
        Step(
            "coding",
            "Currencies and dimensions",
            "What Epicor calls a currency, and which Ramp field fills which segment.",
            section="coding",
            job=tenant_setup.CHART,
            ask="Read the chart and Ramp's fields",
        ),
        Step("rules", "Rules for entering", "What is entered, and what waits.", section="rules"),
        Step("calendar", "Calendar", "When a cycle runs, and when not.", section="calendar"),
        Step(
            "twins",
            "Bills typed by hand",
            "Which ready bills are in Epicor already, so that none is entered twice.",
            job=tenant_setup.TWINS,
            ask="Compare with Epicor",
        ),
        Step(
            "rehearsal",
            "First rehearsal",
            "Ten real bills: what would be entered, or why not. Nothing is written.",
            job=tenant_setup.REHEARSAL,
            ask="Rehearse ten bills",
        ),
        Step("live", "Go live", "From then on the calendar runs the cycles."),
    )
}


_NOT_CONNECTED = "live, but not connected"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step is; `note` says it in a few words."""

    step: Step
    done: bool
    note: str = ""
    attention: bool = False
    job: Job | None = None


def progress(tenant: Tenant) -> list[Progress]:
    """All steps in order, in a constant number of queries."""
    whole = sections.values(tenant)
    last = last_jobs(tenant)
    live = setup.is_live(tenant)
    planned = live or setup.planned_calendar(tenant) is not None
    connected = bool(whole["ramp.client_id"] and whole["epicor.base_url"])
    routes, currencies = len(whole["entities"]), len(whole["currencies"])
    lost = live and not connected
    unknown = _unknown_fields(whole["dimensions"], last.get(tenant_setup.CHART))
    filled = {
        "ramp": (bool(whole["ramp.client_id"]), _host(whole["ramp.base_url"])),
        "epicor": (bool(whole["epicor.base_url"]), _host(whole["epicor.base_url"])),
        "entities": (routes > 0, _count(routes, "route")),
        "coding": (currencies > 0, unknown or _count(currencies, "currency", "currencies")),
        "rules": (PostingSettings.objects.filter(tenant=tenant).exists(), ""),
        "calendar": (planned, ""),
        "live": (live, _NOT_CONNECTED if lost else ""),
    }
    return [
        Progress(
            step,
            *filled[step.key],
            attention=(step.key == "live" and lost) or (step.key == "coding" and bool(unknown)),
            job=last.get(step.job),
        )
        if step.key in filled
        else _job_progress(tenant, step, last.get(step.job))
        for step in STEPS.values()
    ]


def last_jobs(tenant: Tenant) -> dict[str, Job]:
    """The newest job of each kind of the setup."""
    kinds = [step.job for step in STEPS.values() if step.job] + [tenant_setup.CATALOGS]
    rows = Job.objects.filter(tenant=tenant, kind__in=kinds).order_by()
    newest = rows.values_list("kind").annotate(newest=Max("pk")).values_list("newest", flat=True)
    return {job.kind: job for job in Job.objects.filter(pk__in=list(newest))}


def next_open(found: Sequence[Progress]) -> Progress:
    """The first step that is not done; the last one when all are."""
    return next((one for one in found if not one.done), found[-1])


def _job_progress(tenant: Tenant, step: Step, job: Job | None) -> Progress:
    if job is None:
        return Progress(step, done=False)
    if job.finished_at is None:
        return Progress(step, done=False, note="under way", job=job)
    stale = step.key == "test" and job.details.get("mark") != tenant_setup.connections_mark(tenant)
    if stale:
        note = "a connection changed since; test again"
        return Progress(step, done=False, note=note, attention=True, job=job)
    note = _note(step, job.details) if not job.failed else "needs attention"
    attention = job.failed or _worries(job.details)
    return Progress(step, done=not job.failed, note=note, attention=attention, job=job)


def _worries(result: Mapping[str, Any]) -> bool:
    """Whether a good end shows something to look at.

    That is: twins, ready bills that could not be compared, or not one bill that could go.
    """
    bills = result.get("bills", [])
    twins = bool(result.get("count") or result.get("missed"))
    return twins or (bool(bills) and not any(one["ok"] for one in bills))


def _note(step: Step, result: Mapping[str, Any]) -> str:
    if step.key == "test":
        return _count(len(result.get("ramp", [])) + len(result.get("epicor", [])), "check")
    if step.key == "twins":
        found, missed = int(result.get("count", 0)), int(result.get("missed", 0))
        parts = [_count(found, "possible duplicate"), f"{missed} not compared" if missed else ""]
        return ", ".join(part for part in parts if part)
    ready = sum(bool(bill.get("ok")) for bill in result.get("bills", []))
    return f"{ready} of {len(result.get('bills', []))} would be entered"


def _unknown_fields(dimensions: Sequence[Sequence[Any]], chart: Job | None) -> str:
    """How many fields that fill a segment Ramp did not have when it was read last; "" for none."""
    read = chart is not None and chart.finished_at is not None and not chart.failed
    if chart is None or not read or "fields" not in chart.details:
        return ""
    wrong = faults([row[0] for row in dimensions], chart.details["fields"])
    return _count(len(wrong), "field that Ramp does not have", "fields that Ramp does not have")


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


def _count(number: int, one: str, many: str = "") -> str:
    if not number:
        return ""
    return f"{number} {one if number == 1 else many or one + 's'}"
