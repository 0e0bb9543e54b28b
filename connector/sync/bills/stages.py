"""What a run does, one after the other; each phase can stop when its time is over and go on later.

A phase does its work until `stop_at` (monotonic) and returns whether more of it is left. It does
at least one piece however late it is, so that a run always comes to its end.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from connector.ramp.client import endless
from connector.sync.bills.confirm import confirm_entered, report_held
from connector.sync.bills.detect_changes import detect_page
from connector.sync.bills.enter import enter_due
from connector.sync.bills.invoice_groups import unlock_left
from connector.sync.bills.pull import pull_page
from connector.sync.bills.rehearse import rehearse
from connector.sync.catalogs import refresh
from connector.sync.context import Cycle
from connector.tenants.models import FinanceCalendar, Tenant

FIRST = "refresh"
DONE = "done"
ENTER = "enter"
LOOK_UP = "look_up"  # instead of entering on a blackout day
SLICE = 50
MOST_PATIENCE = 3  # doublings: a step in which nothing moved gets more time, up to 8 times as much


@dataclass(slots=True)
class Run:
    """What a run was asked to do, and how far it is: `cursor` is the place within the phase."""

    tenant: Tenant
    kinds: Sequence[str]
    dry_run: bool = False
    force: bool = False
    due_only: bool = False  # retries that came due: nothing is pulled
    only_ids: list[int] | None = None
    phase: str = FIRST
    cursor: dict[str, Any] = field(default_factory=dict)


Phase = Callable[[Cycle, Run, float], bool]


def stage_names(run: Run) -> list[str]:
    """The phases of this run, in order."""
    if "bills" not in run.kinds:
        return ["refresh"]
    reading = [] if run.due_only or run.only_ids is not None else ["pull", "sweep"]
    if run.dry_run:
        return ["refresh", *reading[:1], "rehearse"]
    if blacked_out(run.tenant) and not run.force:
        return ["refresh", *reading, LOOK_UP]
    return ["refresh", *reading, "settle", ENTER, "confirm", "report"]


def following(run: Run) -> str:
    """The phase after the present one; DONE after the last."""
    phases = stage_names(run)
    place = phases.index(run.phase) + 1 if run.phase in phases else len(phases)
    return phases[place] if place < len(phases) else DONE


def blacked_out(tenant: Tenant) -> bool:
    """Whether the tenant's calendar says that nothing is entered today."""
    calendar = FinanceCalendar.objects.filter(tenant=tenant).first()
    if calendar is None or not calendar.blackout:
        return False
    today = timezone.now().astimezone(ZoneInfo(tenant.time_zone)).date().isoformat()
    return today in calendar.blackout


def _refresh(cycle: Cycle, run: Run, stop_at: float) -> bool:
    return refresh(cycle, kinds=frozenset(run.kinds), stop_at=stop_at)


def _pull(cycle: Cycle, run: Run, stop_at: float) -> bool:
    """One page; the caller notes the place before the next one is asked for.

    A place in between (`mark`, moved ever more rarely) shows when the pages go round in a circle.
    """
    start, number = str(run.cursor.get("start", "")), int(run.cursor.get("number", 0)) + 1
    mark = run.cursor.get("mark", "")
    start = pull_page(cycle, start)
    if start and start == mark:
        raise endless("bills")
    power_of_two = number & (number - 1) == 0
    place = {"start": start, "number": number, "mark": start if power_of_two else mark}
    run.cursor = place if start else {}
    return bool(start)


def _detect_changes(cycle: Cycle, run: Run, stop_at: float) -> bool:
    run.cursor = detect_page(cycle, run.cursor)
    return bool(run.cursor)


def _settle(cycle: Cycle, run: Run, stop_at: float) -> bool:
    """Take back what dead workers left, and confirm what they entered."""
    if not run.cursor:
        lifecycle.reap(cycle.tenant.pk, timezone.now())
        unlock_left(cycle)
    return _confirm(cycle, run, stop_at)


def _confirm(cycle: Cycle, run: Run, stop_at: float) -> bool:
    return _from(run, confirm_entered(cycle, stop_at=stop_at, after=_after(run)))


def _report(cycle: Cycle, run: Run, stop_at: float) -> bool:
    return _from(run, report_held(cycle, stop_at=stop_at, after=_after(run)))


def _after(run: Run) -> int:
    return int(run.cursor.get("after", 0))


def _from(run: Run, after: int | None) -> bool:
    run.cursor = {} if after is None else {"after": after}
    return after is not None


def _enter(cycle: Cycle, run: Run, stop_at: float) -> bool:
    """A step in which nothing moved was too short for these bills: the next one is longer.

    Once there is one lane only, it stays so until the end of the run.
    """
    now = time.monotonic()
    patience = min(int(run.cursor.get("patience", 0)), MOST_PATIENCE)
    before = _waiting(cycle)
    budget = max(0.0, stop_at - now) * 2**patience
    cycle.one_lane = bool(run.cursor.get("one_lane"))
    more = bool(enter_due(cycle, stop_at=now + budget, ids=run.only_ids))
    patience = patience + 1 if more and _waiting(cycle) == before else 0
    run.cursor = {"patience": patience, "one_lane": cycle.one_lane}
    return more


def _look_up(cycle: Cycle, run: Run, stop_at: float) -> bool:
    """On a blackout day: what dead workers left is taken back, and nothing stays in doubt."""
    if not run.cursor:
        lifecycle.reap(cycle.tenant.pk, timezone.now())
    run.cursor = {"looking": True}
    return enter_due(cycle, stop_at=stop_at, ids=run.only_ids, only_look=True)


def _waiting(cycle: Cycle) -> tuple[int, int, int]:
    due = Posting.objects.filter(
        tenant=cycle.tenant,
        state__in=[Posting.State.QUEUED, Posting.State.IN_DOUBT],
        hold_reason="",
    )
    counts = cycle.counts
    return due.count(), counts.entered, counts.verified


def _rehearse(cycle: Cycle, run: Run, stop_at: float) -> bool:
    """Prepare what is due and count it; nothing is claimed, held or sent."""
    rows = Posting.objects.filter(
        tenant=cycle.tenant, state=Posting.State.QUEUED, hold_reason="", pk__gt=_after(run)
    )
    slice_: Sequence[Posting] = list(rows.order_by("pk")[:SLICE])
    if not slice_:
        return _from(run, None)
    ready, held = rehearse(cycle, slice_)
    cycle.counts.entered += len(ready)
    for _, hold in held:
        cycle.counts.hold(hold)
    return _from(run, slice_[-1].pk)


PHASES: dict[str, Phase] = {
    "refresh": _refresh,
    "pull": _pull,
    "sweep": _detect_changes,
    "settle": _settle,
    ENTER: _enter,
    LOOK_UP: _look_up,
    "confirm": _confirm,
    "report": _report,
    "rehearse": _rehearse,
}
