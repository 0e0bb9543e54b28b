"""Runs: one whole cycle of a tenant, in one go in the foreground or in short steps by workers."""

import logging
import time
from dataclasses import asdict, dataclass

from audit.ledger.models import Posting
from audit.trail import log
from connector.domain.errors import AccessError, PostingError, TransientError
from connector.jobs import run_lease
from connector.jobs.models import SyncRun
from connector.sync import clock
from connector.sync.bills.blackout import stopped_bills
from connector.sync.bills.stages import DONE, ENTER, LOOK_UP, PHASES, following, plan
from connector.sync.context import Counts, Cycle, open_cycle
from connector.tenants import pauses
from connector.tenants.models import Tenant

logger = logging.getLogger(__name__)

KINDS = frozenset({"accounts", "vendors", "bills"})
PLANNED = frozenset({"payments", "purchase_orders"})
BUDGET_S = 200.0
_LEAST_ENTERING_S = 2.0  # less is used up by looking things up
_STEP_S = 60.0  # of a run in the foreground, where nobody waits for a turn
_UNFORESEEN = (
    "Something nobody foresaw stopped the run ({name}). What was perhaps sent is looked up before "
    "anything is sent again. Report it with the number of the run."
)
_STOPPED = "The run was stopped before its end. What it had begun is looked up by the next one."


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


def run_cycle(
    tenant: Tenant,
    *,
    kinds: frozenset[str] | None = None,
    dry_run: bool = False,
    force: bool = False,
    only_ids: list[int] | None = None,
    budget_s: float = BUDGET_S,
) -> Summary:
    """Run one cycle. Blackout days are kept unless `force`; `dry_run` writes to neither system.

    `only_ids` narrows entering to these Posting ids (replay). After `budget_s` seconds nothing
    more is entered. Raises what `advance` raises.
    """
    clock.watch()
    stop_at = time.monotonic() + budget_s
    run = run_lease.begin(
        tenant, kinds=kinds or KINDS, dry_run=dry_run, force=force, only_ids=only_ids
    )
    try:
        while advance(run, min(_STEP_S, max(0.0, stop_at - time.monotonic()))):
            if run.phase in (ENTER, LOOK_UP) and time.monotonic() >= stop_at:
                run_lease.skip(run, following(run))
    finally:
        run_lease.give_up(run, _STOPPED)
    return Summary(**run.summary)


def advance(run: SyncRun, budget_s: float, *, step: int | None = None) -> bool:
    """Do one step of a run, for about `budget_s` seconds; True when there is more to do.

    Nothing happens when another worker is at it, when the run is over, or when it is past `step`.
    Trouble ends the run: AccessError and TransientError pause the tenant with one banner and are
    raised, other errors are noted on the run and raised. A good run ends such a pause. While a
    person's pause stands, PausedError is raised and nothing is sent.
    """
    if not run_lease.take(run, step):
        return False
    try:
        more = _step(run, time.monotonic() + budget_s)
        if more:
            run_lease.give_back(run)
        else:
            _end(run)
    except run_lease.LostTurnError as lost:
        logger.warning("A step took too long: %s", lost)
        return False
    except PostingError as failed:
        run_lease.finish(run, error=failed.message)
        _pause(run.tenant, failed)
        raise
    except Exception as error:
        run_lease.finish(run, error=_UNFORESEEN.format(name=type(error).__name__))
        raise
    finally:
        if run.finished_at is not None:
            log.seal(run.tenant_id)
    return more


def _step(run: SyncRun, stop_at: float) -> bool:
    """Phase after phase until the time is over; says whether more is left."""
    if not run.dry_run:
        pauses.refuse(run.tenant)
    started = time.monotonic()
    counts = dict(run.counts)
    before = {name: counts.pop(name, 0) for name in ("ramp", "epicor", "seconds")}
    cycle = open_cycle(
        run.tenant, dry_run=run.dry_run, began_at=run.started_at, counts=Counts(**counts)
    )
    try:
        if run.phase not in plan(run):
            run.phase = DONE
        over = False
        while run.phase != DONE and not over:
            if not PHASES[run.phase](cycle, run, stop_at):
                run.phase, run.cursor = following(run), {}
            run.counts = _counted(cycle, before, time.monotonic() - started)
            run_lease.keep(run)
            over = _is_over(run, stop_at)
        return run.phase != DONE
    finally:
        try:
            cycle.remember()
        finally:
            cycle.close()


def _is_over(run: SyncRun, stop_at: float) -> bool:
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


def _end(run: SyncRun) -> None:
    run_lease.finish(run, summary=_summary(run).as_json())
    both_answered = run.counts.get("ramp", 0) > 0 and run.counts.get("epicor", 0) > 0
    if both_answered and not run.dry_run:
        pauses.end(run.tenant, pauses.ACCESS, pauses.OUTAGE)


def _pause(tenant: Tenant, error: PostingError) -> None:
    if isinstance(error, AccessError):
        pauses.for_access(tenant, error)
    elif isinstance(error, TransientError):
        pauses.for_outage(tenant, error)


def _summary(run: SyncRun) -> Summary:
    rows = Posting.objects.filter(tenant=run.tenant)
    counts = run.counts
    return Summary(
        run=run.pk,
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


__all__ = ["KINDS", "PLANNED", "Summary", "advance", "run_cycle"]
