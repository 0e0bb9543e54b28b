"""Runs: one whole cycle of a tenant, in one go in the foreground or in short steps by workers."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils import timezone

from audit.ledger.models import Posting
from audit.trail import log
from connector.domain.errors import AccessError, PostingError, TransientError
from connector.jobs import lease, queue, runner
from connector.jobs.models import Job
from connector.jobs.registry import Continue, Done, job
from connector.sync import clock
from connector.sync.bills.blackout import stopped_bills
from connector.sync.bills.stages import (
    DONE,
    ENTER,
    FIRST,
    LOOK_UP,
    PHASES,
    Run,
    following,
    stage_names,
)
from connector.sync.context import Counts, Cycle, open_cycle
from connector.tenants import pauses
from connector.tenants.models import Tenant

KINDS = frozenset({"accounts", "vendors", "bills"})
PLANNED = frozenset({"payments", "purchase_orders"})
BUDGET_S = 200.0
_LEAST_ENTERING_S = 2.0  # less is used up by looking things up
_STEP_S = 60.0  # of a run in the foreground, where nobody waits for a turn
# Kinds of job: the whole cycle, parts of it, and the whole without writing.
SYNC, SOME, DRY_RUN = RUNS = ("sync", "sync_some", "sync_dry_run")
SYNCED, STOPPED = "synced", "stopped"


@dataclass(slots=True)
class Summary:
    """What a cycle did; the JSON keys of `sync`."""

    run: int
    fetched: int
    entered: int
    updated: int
    confirmed: int
    exceptions: int
    held: int
    in_doubt: int
    unchanged: int
    calls: dict[str, int]
    seconds: float

    def as_json(self) -> dict[str, object]:
        """The document that `sync --json` prints."""
        return asdict(self)


def enqueue_sync(tenant: Tenant, *, due_only: bool = False) -> bool:
    """Have one cycle of the tenant done; False when one is under way: another one follows it then.

    `due_only`: only what waits and is due is entered, nothing is pulled.
    """
    kind, arguments = (SOME, {"due_only": True}) if due_only else (SYNC, {})
    with transaction.atomic():
        while True:
            job, new = queue.request(tenant, kind, arguments=arguments, key=SYNC)
            if new or queue.follow_up(job, SYNC):
                return new


def under_way(tenant: Tenant) -> Job | None:
    """The tenant's run by workers that has not ended yet."""
    return queue.open_with(tenant, SYNC)


def run_cycle(
    tenant: Tenant,
    *,
    kinds: frozenset[str] | None = None,
    dry_run: bool = False,
    force: bool = False,
    only_ids: list[int] | None = None,
    budget_s: float = BUDGET_S,
) -> Summary:
    """Run one cycle here. Blackout days are kept unless `force`; `dry_run` writes nothing.

    `only_ids` narrows entering to these Posting ids (replay). After `budget_s` seconds nothing
    more is entered. Raises what `sync` raises. Runs by workers go on beside it.
    """
    clock.watch()
    stop_at = time.monotonic() + budget_s
    kind = DRY_RUN if dry_run else SYNC if only_ids is None else SOME
    now = timezone.now()
    arguments = {"kinds": sorted(kinds or KINDS), "dry_run": dry_run, "force": force}
    arguments |= {"only_ids": only_ids}
    job = Job.objects.create(
        tenant=tenant, kind=kind, arguments=arguments, in_process=True, created_at=now, run_at=now
    )
    try:
        while runner.advance(job, min(_STEP_S, max(0.0, stop_at - time.monotonic()))):
            run = run_of(job)
            if run.phase in (ENTER, LOOK_UP) and time.monotonic() >= stop_at:
                lease.go_to(job, {"phase": following(run)})
    finally:
        lease.give_up(job, STOPPED)
    return Summary(**job.data)


def run_of(job: Job) -> Run:
    """What a job of these kinds is asked to do, and how far it is."""
    arguments = {"kinds": sorted(KINDS), **job.arguments}
    place = job.cursor
    return Run(
        job.tenant, **arguments, phase=place.get("phase", FIRST), cursor=place.get("place", {})
    )


@job(SYNC, title="Sync")
@job(SOME, title="Sync of what is due")
@job(DRY_RUN, title="Sync without writing")
def sync(
    job: Job,
    *,
    kinds: Sequence[str] = (),
    dry_run: bool = False,
    force: bool = False,
    due_only: bool = False,
    only_ids: list[int] | None = None,
) -> Done | Continue:
    """Do phase after phase until the time is over.

    Trouble ends the run: AccessError and TransientError pause the tenant with one banner and are
    raised, other errors are raised. A good run ends such a pause. While a person's pause stands,
    PausedError is raised and nothing is sent.
    """
    run = run_of(job)
    try:
        _step(job, run)
    except PostingError as failed:
        _pause(job.tenant, failed)
        log.seal(job.tenant_id)
        raise
    if run.phase != DONE:
        return Continue(job.cursor)
    both_answered = job.counts.get("ramp", 0) > 0 and job.counts.get("epicor", 0) > 0
    if both_answered and not run.dry_run:
        pauses.end(job.tenant, pauses.ACCESS, pauses.OUTAGE)
    log.seal(job.tenant_id)
    return Done(SYNCED, _summary(job, run).as_json())


def _step(job: Job, run: Run) -> None:
    if not run.dry_run:
        pauses.refuse(run.tenant)
    started = time.monotonic()
    counts = dict(job.counts)
    before = {name: counts.pop(name, 0) for name in ("ramp", "epicor", "seconds")}
    cycle = open_cycle(
        run.tenant, dry_run=run.dry_run, began_at=job.created_at, counts=Counts(**counts)
    )
    try:
        if run.phase not in stage_names(run):
            run.phase = DONE
        over = False
        while run.phase != DONE and not over:
            if not PHASES[run.phase](cycle, run, job.stop_at):
                run.phase, run.cursor = following(run), {}
            job.cursor = {"phase": run.phase, "place": run.cursor}
            job.counts = _counted(cycle, before, time.monotonic() - started)
            lease.keep(job)
            over = _is_over(run, job.stop_at)
    finally:
        try:
            cycle.remember()
        finally:
            cycle.close()


def _is_over(run: Run, stop_at: float) -> bool:
    """Whether the rest is for the next step: entering is not begun for a moment only."""
    needed = _LEAST_ENTERING_S if run.phase in (ENTER, LOOK_UP) else 0.0
    return time.monotonic() + needed >= stop_at


def _counted(cycle: Cycle, before: dict[str, float], seconds: float) -> dict[str, float]:
    return {
        **asdict(cycle.counts),
        "ramp": before["ramp"] + cycle.ramp.calls,
        "epicor": before["epicor"] + cycle.epicor.calls,
        "seconds": before["seconds"] + seconds,
    }


def _pause(tenant: Tenant, error: PostingError) -> None:
    if isinstance(error, AccessError):
        pauses.for_access(tenant, error)
    elif isinstance(error, TransientError):
        pauses.for_outage(tenant, error)


def _summary(job: Job, run: Run) -> Summary:
    rows = Posting.objects.filter(tenant=run.tenant)
    counts = job.counts
    return Summary(
        run=job.pk,
        fetched=counts.get("fetched", 0),
        entered=counts.get("entered", 0),
        updated=counts.get("updated", 0),
        confirmed=counts.get("confirmed", 0),
        exceptions=rows.exclude(hold_reason="").count(),
        held=0 if run.force else stopped_bills(run.tenant),
        in_doubt=rows.filter(state=Posting.State.IN_DOUBT).count(),
        unchanged=counts.get("unchanged", 0),
        calls={"ramp": counts.get("ramp", 0), "epicor": counts.get("epicor", 0)},
        seconds=round(counts.get("seconds", 0.0), 3),
    )
