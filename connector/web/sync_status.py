"""The tenant's cycles for people: what runs now, what the last one did, when the next one comes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from connector.actions.job_results import result_text
from connector.jobs import heartbeat
from connector.jobs.models import Job
from connector.sync.bills.run import DRY_RUN, RUNS, SYNC, run_of
from connector.sync.bills.stages import blacked_out, stage_names
from connector.tenants import pauses
from connector.tenants.models import EpicorCredentials, FinanceCalendar, RampCredentials, Tenant

_DOES = {
    "refresh": "Reading vendors, accounts and periods from Epicor",
    "pull": "Reading bills from Ramp",
    "sweep": "Looking for bills that changed in Ramp",
    "settle": "Looking up what was left open",
    "look_up": "Looking up what is in doubt; nothing is written today",
    "rehearse": "Rehearsing, nothing is written",
    "enter": "Entering bills into Epicor",
    "confirm": "Telling Ramp what was entered",
    "report": "Telling Ramp what needs a person",
}
_NOT_OURS = "left out: before the start date, or not to be entered as Ramp says"


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """What the Today page says about cycles. `step` of `steps` while one is under way."""

    run: Job | None  # under way
    last: Job | None  # the last one that was not for some bills only
    next_at: datetime | None  # None until a worker has read the calendar
    rests: bool  # people decided that no sync begins by itself
    worker: bool  # one was seen lately
    connected: bool  # there is something to sync with
    resting: bool  # a blackout day: nothing is entered
    step: int = 0
    steps: int = 0

    @property
    def does(self) -> str:
        """What the run under way does just now."""
        if self.run is None:
            return ""
        if not self.run.step and not self.run.lease_owner:
            return "Waiting for a worker"
        return _DOES.get(run_of(self.run).phase, "Coming to its end")

    @property
    def counted(self) -> str:
        """How far the run under way is."""
        return _counts_text(self.run.counts if self.run else {})

    @property
    def did(self) -> str:
        """What the last one did, in a sentence; "" when it failed."""
        if self.last is None or self.last.failed:
            return ""
        text = _counts_text({**self.last.data, **_kept(self.last.counts)}) or "nothing new"
        return f"{text[0].upper()}{text[1:]}."

    @property
    def trouble(self) -> str:
        """Why the last one stopped; "" when it came to its end."""
        return result_text(self.last) if self.last is not None and self.last.failed else ""

    @property
    def left(self) -> int:
        """How many bills waited for a person when the last one ended."""
        return 0 if self.last is None else int(self.last.data.get("exceptions", 0))


def sync_status(tenant: Tenant) -> SyncStatus:
    """How it stands, in a few queries."""
    now = timezone.now()
    runs = Job.objects.filter(tenant=tenant)
    alive = Q(in_process=False) | Q(lease_until__gt=now)
    job = runs.filter(alive, kind__in=RUNS, state=Job.State.OPEN).first()
    last = runs.filter(kind__in=[SYNC, DRY_RUN]).exclude(state=Job.State.OPEN).first()
    run = run_of(job) if job else None
    steps = stage_names(run) if run else []
    calendar = FinanceCalendar.objects.filter(tenant=tenant).first()
    return SyncStatus(
        run=job,
        last=last,
        next_at=calendar.next_run_at if calendar else None,
        rests=pauses.rests(tenant),
        worker=heartbeat.any_worker_seen(now),
        connected=last is not None or run is not None or _has_both(tenant),
        resting=bool(calendar and calendar.blackout) and blacked_out(tenant),
        step=steps.index(run.phase) + 1 if run and run.phase in steps else len(steps),
        steps=len(steps),
    )


def is_connected(tenant: Tenant) -> bool:
    """Whether there is something to sync with, or was."""
    return _has_both(tenant) or Job.objects.filter(tenant=tenant, kind__in=RUNS).exists()


def _has_both(tenant: Tenant) -> bool:
    both = (RampCredentials, EpicorCredentials)
    return all(model.objects.filter(tenant=tenant).exists() for model in both)


def _kept(counts: dict[str, Any]) -> dict[str, Any]:
    """What the summary does not have: how many of the bills that were read are new, or not ours."""
    return {name: counts[name] for name in ("opened", "left_out") if name in counts}


def _counts_text(counts: dict[str, Any]) -> str:
    """The counts that are not zero, as people say them."""
    words = {
        "fetched": "read from Ramp" + _of_them(counts),
        "entered": "entered",
        "updated": "updated in Epicor",
        "confirmed": "confirmed to Ramp",
    }
    parts = [f"{counts[name]:,} {word}" for name, word in words.items() if counts.get(name)]
    return ", ".join(parts)


def _of_them(counts: dict[str, Any]) -> str:
    """Of the bills that were read: those new to us, those known, and those not ours to enter."""
    if "opened" not in counts:  # a run of before these were counted
        return ""
    new, left_out = counts["opened"], counts.get("left_out", 0)
    known = max(0, counts.get("fetched", 0) - new - left_out)
    parts = [(new, "new"), (known, "known before"), (left_out, _NOT_OURS)]
    text = " + ".join(f"{number:,} {word}" for number, word in parts if number)
    return f" ({text})" if text else ""
