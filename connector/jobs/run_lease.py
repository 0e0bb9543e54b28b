"""The row of a run: begun once, advanced by one worker at a time, ended once.

Every change names the lease it relies on, so that a worker that was thought dead changes nothing
when it wakes up.
"""

import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from connector.jobs.models import SyncRun
from connector.tenants.models import Tenant

LEASE_S = 300.0  # longer than a job may take, so that a living worker is never taken for dead
MOST_LOST = 3  # workers that died at the same step
_LOST = (
    "The run was given up because its worker was ended several times at the same step. No bill is "
    "lost and none is entered twice; the next run tries again. Report it if it happens again."
)


class LostTurnError(RuntimeError):
    """Another worker has taken the run over; nothing was changed by this call."""


def begin(
    tenant: Tenant,
    *,
    kinds: Iterable[str],
    dry_run: bool = False,
    force: bool = False,
    only_ids: list[int] | None = None,
) -> SyncRun:
    """A new run in the foreground; runs in the background go on beside it."""
    return SyncRun.objects.create(
        tenant=tenant,
        started_at=timezone.now(),
        kinds=sorted(kinds),
        dry_run=dry_run,
        force=force,
        only_ids=only_ids,
    )


def begin_in_background(
    tenant: Tenant, kinds: Iterable[str], *, due_only: bool = False
) -> tuple[SyncRun, bool]:
    """The tenant's run in the background, and whether it is new. There is one at a time."""
    now = timezone.now()
    values = {"started_at": now, "rung_at": now, "kinds": sorted(kinds), "due_only": due_only}
    while True:
        run = unfinished(tenant)
        if run is not None:
            return run, False
        try:
            with transaction.atomic():
                return SyncRun.objects.create(tenant=tenant, background=True, **values), True
        except IntegrityError:
            continue  # another worker was faster


def unfinished(tenant: Tenant) -> SyncRun | None:
    """The tenant's run in the background that has not ended yet."""
    rows = SyncRun.objects.filter(tenant=tenant, background=True, finished_at=None)
    return rows.select_related("tenant").first()


def take(run: SyncRun, step: int | None = None) -> bool:
    """Lease the run for one step; False when somebody has it, when it is over, or past `step`.

    A lease that ran out belongs to a worker that died: its step is done again.
    """
    now = timezone.now()
    rows = SyncRun.objects.filter(Q(lease_owner="") | Q(lease_until__lt=now), pk=run.pk)
    rows = rows.filter(finished_at=None)
    if step is not None:
        rows = rows.filter(steps=step)
    owner = uuid.uuid4().hex
    until = now + timedelta(seconds=LEASE_S)
    with transaction.atomic():
        died = bool(rows.exclude(lease_owner="").update(lost=F("lost") + 1))
        if not rows.update(lease_owner=owner, lease_until=until):
            return False
    run.refresh_from_db()
    if died and run.lost >= MOST_LOST:
        finish(run, error=_LOST)
        return False
    return True


def keep(run: SyncRun) -> None:
    """Note how far the run is, and go on having it. Raises LostTurnError."""
    _change(run, lease_until=timezone.now() + timedelta(seconds=LEASE_S), **_place(run))


def give_back(run: SyncRun) -> None:
    """The step is done: whoever has the next turn may go on. Raises LostTurnError."""
    run.steps += 1
    now = timezone.now()
    _change(run, **_place(run), steps=run.steps, lost=0, rung_at=now, **_FREE)


def skip(run: SyncRun, phase: str) -> None:
    """Go on with another phase at the next step; between two steps, by the one who began it."""
    _change(run, phase=phase, cursor={})


def finish(run: SyncRun, *, error: str = "", summary: Mapping[str, Any] | None = None) -> None:
    """The run is over. Raises LostTurnError."""
    values = {"finished_at": timezone.now(), "error": error, "summary": dict(summary or {})}
    _change(run, **_place(run), **values, **_FREE)


def give_up(run: SyncRun, error: str) -> None:
    """End a run that did not come to its end, if that is so; for the one who began it."""
    rows = SyncRun.objects.filter(pk=run.pk, finished_at=None)
    rows.update(finished_at=timezone.now(), error=error, **_FREE)


_FREE: Mapping[str, Any] = {"lease_owner": "", "lease_until": None}


def _place(run: SyncRun) -> dict[str, Any]:
    return {"phase": run.phase, "cursor": run.cursor, "counts": run.counts}


def _change(run: SyncRun, **values: Any) -> None:
    rows = SyncRun.objects.filter(pk=run.pk, lease_owner=run.lease_owner, finished_at=None)
    if not rows.update(**values):
        raise LostTurnError(f"Another worker goes on with run {run.pk}.")
    for name, value in values.items():
        setattr(run, name, value)
