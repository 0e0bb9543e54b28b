"""Tells Ramp what became of the bills: entered with a link, or what a person must fix."""

import hashlib
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import Any

from audit import attempts, postings
from audit.failures import (
    TOLD_TO_RAMP,
    PostingError,
    Reason,
    RejectedError,
    TransientError,
)
from audit.models import Attempt, Posting
from connector.ramp.errors import NotReadyError
from connector.sync.context import Cycle
from connector.sync.readiness import SYNCED

logger = logging.getLogger(__name__)

AT_ONCE = 100
_TOLD = [reason.value for reason in TOLD_TO_RAMP]


def confirm_entered(cycle: Cycle, *, stop_at: float = inf, after: int = 0) -> int | None:
    """Confirm entered bills with reference and link, by 100, until `stop_at` (monotonic).

    Returns the Posting id to go on after, None when all have had their turn.
    """
    for batch in _entered(cycle, after):
        _send(cycle, batch, _success, "successes", lambda done: _confirmed(cycle, done))
        if time.monotonic() >= stop_at:
            return batch[-1].pk
    return None


def report_held(cycle: Cycle, *, stop_at: float = inf, after: int = 0) -> int | None:
    """Report the holds that a person must fix, each once; otherwise like `confirm_entered`."""
    for batch in _held(cycle, after):
        _send(cycle, batch, _failure, "failures", _told)
        if time.monotonic() >= stop_at:
            return batch[-1].pk
    return None


def _send(
    cycle: Cycle,
    batch: Sequence[Posting],
    item: Callable[[Cycle, Posting], dict[str, Any]],
    kind: str,
    done: Callable[[Sequence[Posting]], None],
) -> None:
    """One call for the batch; when Ramp refuses it for unready ids, settle those, send the rest."""
    named = _call(cycle, batch, item, kind)
    if not named:
        done(batch)
    elif len(batch) > 1 and named.issuperset(posting.bill_id for posting in batch):
        # Ramp did not say which: one by one, so that an unready bill does not hold up the others.
        for posting in batch:
            _send(cycle, [posting], item, kind, done)
    else:
        done([p for p in batch if p.bill_id in named and _is_synced(cycle, p)])
        rest = [p for p in batch if p.bill_id not in named]
        if rest and len(rest) < len(batch):
            _send(cycle, rest, item, kind, done)


def _call(
    cycle: Cycle,
    batch: Sequence[Posting],
    item: Callable[[Cycle, Posting], dict[str, Any]],
    kind: str,
) -> set[str]:
    """Send one batch; returns the ids that Ramp refused all of it for (none = done)."""
    items = [item(cycle, posting) for posting in batch]
    key = str(uuid.uuid4())
    attempt = attempts.begin(
        cycle.tenant.pk, "confirmation", key, "confirm", request={"key": key, kind: items}
    )
    try:
        cycle.ramp.sync("BILL_SYNC", key, **{kind: items})
    except NotReadyError as error:
        attempts.finish(attempt, Attempt.Outcome.REFUSED, message=error.message)
        return set(error.ids) or {posting.bill_id for posting in batch}
    except RejectedError as error:
        # Nobody knows which one: the caller goes on with one at a time.
        attempts.finish(attempt, Attempt.Outcome.REFUSED, message=error.message)
        logger.warning("Ramp refused %s results: %s", len(batch), error.message)
        return {posting.bill_id for posting in batch}
    except PostingError as error:
        lost = isinstance(error, TransientError)
        outcome = Attempt.Outcome.UNKNOWN if lost else Attempt.Outcome.REFUSED
        attempts.finish(attempt, outcome, message=error.message)
        raise
    attempts.finish(attempt, Attempt.Outcome.DONE)
    return set()


def _success(cycle: Cycle, posting: Posting) -> dict[str, Any]:
    reference = f"{posting.company}/{posting.vendor_num}/{posting.invoice_num}"
    return {
        "id": posting.bill_id,
        "reference_id": reference,
        "deep_link_url": cycle.bill_url(posting.bill_id),
    }


def _failure(_: Cycle, posting: Posting) -> dict[str, Any]:
    return {"id": posting.bill_id, "error": {"message": posting.hold_message[:1000]}}


def _confirmed(cycle: Cycle, batch: Sequence[Posting]) -> None:
    if batch:
        cycle.counts.confirmed += postings.mark_confirmed_many(batch, body={})


def _told(batch: Sequence[Posting]) -> None:
    for posting in batch:
        posting.told_hash = _hash(posting)
    Posting.objects.bulk_update(batch, ["told_hash"])


def _is_synced(cycle: Cycle, posting: Posting) -> bool:
    """Whether Ramp has it as synced already: then "not ready" means done."""
    try:
        return str(cycle.ramp.bill(posting.bill_id).get("sync_status")) in SYNCED
    except RejectedError as error:
        logger.warning("Bill %s cannot be read in Ramp: %s", posting.bill_id, error.message)
        return False


def _entered(cycle: Cycle, last: int) -> Iterator[list[Posting]]:
    while True:
        rows = Posting.objects.filter(
            tenant=cycle.tenant, state=Posting.State.ENTERED, pk__gt=last
        ).order_by("pk")
        batch = list(rows[:AT_ONCE])
        if not batch:
            return
        last = batch[-1].pk
        yield batch


def _held(cycle: Cycle, last: int) -> Iterator[list[Posting]]:
    while True:
        rows = Posting.objects.filter(
            tenant=cycle.tenant,
            state=Posting.State.QUEUED,
            hold_reason__in=_TOLD,
            pk__gt=last,
        ).order_by("pk")
        batch = list(rows[:AT_ONCE])
        if not batch:
            return
        last = batch[-1].pk
        news = [posting for posting in batch if posting.told_hash != _hash(posting)]
        if news:
            yield news


def _hash(posting: Posting) -> str:
    told = f"{Reason(posting.hold_reason).value}\n{posting.hold_message}"
    return hashlib.sha256(told.encode()).hexdigest()
