"""One whole cycle of a tenant: refresh the catalogs, read the bills, enter, tell Ramp, seal."""

import time
from dataclasses import asdict, dataclass
from zoneinfo import ZoneInfo

from django.utils import timezone

from audit import log, postings
from audit.failures import AccessError, PostingError
from audit.models import Posting
from connector.models import Bill, FinanceCalendar, SyncRun, Tenant
from connector.sync.confirm import confirm, confirm_entered
from connector.sync.context import Cycle, open_cycle
from connector.sync.enter import SLICE, enter_due
from connector.sync.prepare import prepare
from connector.sync.pull import pull_bills
from connector.sync.refresh import refresh

KINDS = frozenset({"accounts", "vendors", "bills"})
PLANNED = frozenset({"payments", "purchase_orders"})
BUDGET_S = 200.0  # a job's; well under the queue's time-out


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

    `only_ids` narrows entering to these Posting ids (replay). Access trouble pauses the tenant
    with one banner and is raised; a good cycle ends the pause.
    """
    started = time.monotonic()
    run = SyncRun.objects.create(tenant=tenant, started_at=timezone.now())
    error = ""
    cycle: Cycle | None = None
    document: dict[str, object] = {}
    try:
        cycle = open_cycle(tenant, dry_run=dry_run)
        _steps(cycle, kinds or KINDS, force=force, only_ids=only_ids, stop_at=started + budget_s)
        summary = _summary(cycle, run, time.monotonic() - started)
        document = summary.as_json()
    except AccessError as refused:
        error = refused.message
        _pause(tenant, refused.message)
        raise
    except PostingError as failed:
        error = failed.message
        raise
    finally:
        if cycle is not None:
            cycle.remember()
            cycle.close()
        log.seal(tenant.pk)
        SyncRun.objects.filter(pk=run.pk).update(
            finished_at=timezone.now(), summary=document, error=error
        )
    _unpause(tenant)
    return summary


def _steps(
    cycle: Cycle, kinds: frozenset[str], *, force: bool, only_ids: list[int] | None, stop_at: float
) -> None:
    refresh(cycle, kinds=kinds)
    if "bills" not in kinds:
        return
    postings.reap(cycle.tenant.pk, timezone.now())
    if only_ids is None:
        pull_bills(cycle)
    if cycle.dry_run:
        _rehearse(cycle)
        return
    if _blacked_out(cycle.tenant) and not force:
        return
    confirm_entered(cycle)  # of an earlier run that was cut short
    enter_due(cycle, stop_at=stop_at, ids=only_ids)
    confirm(cycle)


def _rehearse(cycle: Cycle) -> None:
    """Prepare everything that is due and count it; nothing is claimed, held or sent."""
    last = 0
    while True:
        rows = Posting.objects.filter(
            tenant=cycle.tenant, state=Posting.State.QUEUED, hold_reason="", pk__gt=last
        ).order_by("pk")
        slice_ = list(rows[:SLICE])
        if not slice_:
            return
        last = slice_[-1].pk
        bills = Bill.objects.filter(
            tenant=cycle.tenant, bill_id__in=[posting.bill_id for posting in slice_]
        )
        ready, _ = prepare(cycle, slice_, {bill.bill_id: bill.payload for bill in bills})
        cycle.counts.entered += len(ready)


def _blacked_out(tenant: Tenant) -> bool:
    calendar = FinanceCalendar.objects.filter(tenant=tenant).first()
    if calendar is None or not calendar.blackout:
        return False
    today = timezone.now().astimezone(ZoneInfo(tenant.time_zone)).date().isoformat()
    return today in calendar.blackout


def _summary(cycle: Cycle, run: SyncRun, seconds: float) -> Summary:
    rows = Posting.objects.filter(tenant=cycle.tenant)
    counts = cycle.counts
    now = timezone.now()
    return Summary(
        run=run.pk,
        fetched=counts.fetched,
        entered=counts.entered,
        updated=counts.updated,
        confirmed=counts.confirmed,
        exceptions=rows.exclude(hold_reason="").count(),
        held=rows.filter(state=Posting.State.QUEUED, hold_reason="", not_before__gt=now).count(),
        in_doubt=rows.filter(state=Posting.State.IN_DOUBT).count(),
        unchanged=counts.unchanged,
        calls={"ramp": cycle.ramp.calls, "epicor": cycle.epicor.calls},
        seconds=round(seconds, 3),
    )


def _pause(tenant: Tenant, message: str) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(paused_reason=message, paused_at=timezone.now())
    log.record(
        tenant.pk,
        "tenant.paused",
        subject_kind="tenant",
        subject_id=tenant.slug,
        body={"message": message},
    )


def _unpause(tenant: Tenant) -> None:
    if (
        Tenant.objects.filter(pk=tenant.pk)
        .exclude(paused_reason="")
        .update(paused_reason="", paused_at=None)
    ):
        log.record(
            tenant.pk, "tenant.resumed", subject_kind="tenant", subject_id=tenant.slug, body={}
        )


__all__ = ["KINDS", "PLANNED", "Summary", "run_cycle"]
