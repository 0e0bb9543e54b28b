"""One call that tells Ramp what became of bills, and what is done when its answer is lost.

Key and body are on the record before they are sent. A call without answer is sent again as it
was, with its key, so that Ramp counts it once; unless one of its bills moved on meanwhile:
then the old report would be wrong.
"""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.domain.errors import (
    PostingError,
    Reason,
    RejectedError,
    TransientError,
    UncertainOutcomeError,
)
from connector.sync.bills.ramp_status import is_synced
from connector.sync.context import Cycle
from connector.sync.narrow import bug, narrow

_SENDING = timedelta(seconds=90)  # a call may take 60 s
_AGAIN = "Sent again with the same key; Ramp has it."
Refusal = RejectedError | UncertainOutcomeError  # whatever it says, each bill is read before more
_NOT_AGAIN = "It is not sent again; its bills are told anew."
_MOVED_ON = "Some of its bills moved on, so it is not sent again; the others are told anew."


@dataclass(frozen=True, slots=True)
class Report:
    """One kind of report to Ramp: of which postings (`wanted`, `is_news`), and what follows it.

    `kind` is the argument of `RampClient.sync`; `item` what is sent of a posting, and `mark` the
    facts of it, without sentences.
    """

    kind: str
    wanted: Q
    is_news: Callable[[Posting], bool]
    mark: Callable[[Posting], str]
    item: Callable[[Cycle, Posting], dict[str, Any]]
    done: Callable[[Cycle, Sequence[Posting]], None]

    def of(self, cycle: Cycle, bill_ids: Collection[str]) -> list[Posting]:
        """Which of these bills are to be told as they are this moment."""
        rows = Posting.objects.filter(self.wanted, tenant=cycle.tenant, bill_id__in=bill_ids)
        return [posting for posting in rows.order_by("pk") if self.is_news(posting)]

    def marks(self, batch: Sequence[Posting]) -> list[list[str]]:
        """What is told of each; as long as this is the same, so is what Ramp was or is told."""
        return [[posting.bill_id, self.mark(posting)] for posting in batch]


def call(cycle: Cycle, report: Report, batch: Sequence[Posting]) -> tuple[int, Refusal | None]:
    """Tell Ramp of a batch in one call; returns how many it was told, or its refusal.

    Whoever wants to take an invoice out of Epicor sees our intent, or we see that he has begun:
    what moved on in this moment is left out. Raises AccessError, TransientError.
    """
    while batch:
        items = [report.item(cycle, posting) for posting in batch]
        key, marks = str(uuid.uuid4()), report.marks(batch)
        attempt = attempts.begin(
            cycle.tenant.pk,
            "confirmation",
            key,
            "confirm",
            request={"key": key, report.kind: items, "marks": marks},
            deadline_at=timezone.now() + _SENDING,
        )
        still = report.of(cycle, [posting.bill_id for posting in batch])
        if report.marks(still) == marks:
            refusal = _send(cycle, report, attempt, still)
            return (0 if refusal else len(still)), refusal
        attempts.finish(attempt, Attempt.Outcome.NOT_SENT, message="One of the bills moved on.")
        batch = still
    return 0, None


def _send(
    cycle: Cycle, report: Report, attempt: Attempt, batch: Sequence[Posting]
) -> Refusal | None:
    try:
        narrow([attempt], lambda _: _sync(cycle, report, attempt), _unsure)
    except (RejectedError, UncertainOutcomeError) as error:
        attempts.finish(attempt, _outcome(error), message=error.message)
        return error
    except PostingError as error:
        lost = isinstance(error, TransientError)
        outcome = Attempt.Outcome.UNKNOWN if lost else Attempt.Outcome.REFUSED
        attempts.finish(attempt, outcome, message=error.message)
        raise
    attempts.finish(attempt, Attempt.Outcome.DONE)
    report.done(cycle, batch)
    return None


def _outcome(error: Refusal) -> Attempt.Outcome:
    unsure = isinstance(error, UncertainOutcomeError)
    return Attempt.Outcome.UNKNOWN if unsure else Attempt.Outcome.REFUSED


def _unsure(attempt: Attempt, error: Exception) -> None:
    """After an unexpected error it is unknown what Ramp has: settle it like a lost answer."""
    attempts.finish(attempt, Attempt.Outcome.UNKNOWN, message=bug(error).message)
    raise error


def _sync(cycle: Cycle, report: Report, attempt: Attempt) -> None:
    items: list[Mapping[str, Any]] = attempt.request[report.kind]
    cycle.ramp.sync("BILL_SYNC", attempt.request["key"], **{report.kind: items})


# -- lost answers ----------------------------------------------------------------------------------


def settle_lost(cycle: Cycle, report: Report) -> set[str]:
    """Settle the calls whose answer was lost; returns the bills that another worker tells now.

    Raises AccessError, TransientError: they are settled later then.
    """
    now = timezone.now()
    busy: set[str] = set()

    def step(some: Sequence[Attempt]) -> None:
        for attempt in some:
            free = not _under_way(attempt, now)
            if free and attempts.take_up(attempt, deadline_at=now + _SENDING):
                _settle(cycle, report, attempt)
            else:
                busy.update(_bills_of(attempt))

    for attempt in attempts.open_ones(cycle.tenant.pk, "confirmation"):
        if attempt.request.get(report.kind):
            narrow([attempt], step, _given_up)
    return busy


def is_report_under_way(cycle: Cycle, posting: Posting) -> bool:
    """Whether a call about this bill may just now arrive at Ramp."""
    now = timezone.now()
    return any(
        posting.bill_id in _bills_of(attempt)
        for attempt in attempts.open_ones(cycle.tenant.pk, "confirmation")
        if attempt.deadline_at is not None and attempt.deadline_at > now
    )


def _under_way(attempt: Attempt, now: datetime) -> bool:
    """Whether the worker that sends it may still be alive."""
    until = attempt.deadline_at
    return attempt.outcome == Attempt.Outcome.INTENT and until is not None and until > now


def _bills_of(attempt: Attempt) -> set[str]:
    kinds = (attempt.request.get(kind) or () for kind in ("successes", "failures"))
    return {str(item["id"]) for items in kinds for item in items}


def _settle(cycle: Cycle, report: Report, attempt: Attempt) -> None:
    bills = _bills_of(attempt)
    still = report.of(cycle, bills)
    if report.marks(still) != attempt.request["marks"]:
        _note_synced(cycle, bills - {posting.bill_id for posting in still})
        _end(attempt, Attempt.Outcome.UNKNOWN, _MOVED_ON)
        return
    try:
        _sync(cycle, report, attempt)
    except (RejectedError, UncertainOutcomeError) as error:
        _end(attempt, _outcome(error), error.message)  # told anew, in the usual way
        return
    _end(attempt, Attempt.Outcome.DONE, _AGAIN)
    report.done(cycle, still)


def _given_up(attempt: Attempt, error: Exception) -> None:
    """Give up sending it again: its bills are reported anew, and one that breaks that is held."""
    _end(attempt, Attempt.Outcome.UNKNOWN, bug(error, _NOT_AGAIN).message)


def _note_synced(cycle: Cycle, bills: Collection[str]) -> None:
    """Of bills that must not be told any more: whether Ramp has them as synced already."""
    rows = Posting.objects.filter(
        tenant=cycle.tenant, bill_id__in=bills, state=Posting.State.ENTERED
    )
    confirmed(cycle, [posting for posting in rows if is_synced(bill_now(cycle, posting.bill_id))])


def _end(attempt: Attempt, outcome: Attempt.Outcome, message: str) -> None:
    if attempt.outcome == Attempt.Outcome.INTENT:
        attempts.finish(attempt, outcome, message=message)
    attempts.resolve([attempt], message=message)


# -- what is told ----------------------------------------------------------------------------------


def bill_now(cycle: Cycle, bill_id: str) -> dict[str, Any]:
    """The bill as Ramp has it; empty when Ramp does not show it."""
    try:
        return cycle.ramp.bill(bill_id)
    except RejectedError:
        return {}


def confirmed(cycle: Cycle, batch: Sequence[Posting]) -> None:
    """Ramp has them as synced."""
    if batch:
        cycle.counts.confirmed += lifecycle.mark_confirmed_many(batch, body={})


def success(cycle: Cycle, posting: Posting) -> dict[str, Any]:
    """Entered: its key in Epicor, and our page of it."""
    return {
        "id": posting.bill_id,
        "reference_id": _reference(posting),
        "deep_link_url": cycle.bill_url(posting.bill_id),
    }


def _reference(posting: Posting) -> str:
    return f"{posting.company}/{posting.vendor_num}/{posting.invoice_num}"


def failure(_: Cycle, posting: Posting) -> dict[str, Any]:
    """Held: in the words that our own page shows."""
    return {"id": posting.bill_id, "error": {"message": posting.hold_message[:1000]}}


def failures_reported(_: Cycle, batch: Sequence[Posting]) -> None:
    """Note that Ramp knows of these holds, or refused for good to know of them."""
    for posting in batch:
        posting.told_version = posting.hold_version
        posting.tell_failed, posting.tell_after = 0, None
    Posting.objects.bulk_update(batch, ["told_version", "tell_failed", "tell_after"])


def _is_new_hold(posting: Posting) -> bool:
    return posting.told_version != posting.hold_version


def _version(posting: Posting) -> str:
    return posting.hold_version


# Only what is certain: nobody works on it, no look is due, and no person is asked about it.
SUCCESSES = Report(
    "successes",
    Q(state=Posting.State.ENTERED, hold_reason="", not_before=None, lease_owner=""),
    lambda posting: True,
    _reference,
    success,
    confirmed,
)
FAILURES = Report(
    "failures",
    Q(
        state=Posting.State.QUEUED,
        hold_reason__in=[one.value for one in Reason if one.words.told_to_ramp],
        lease_owner="",
    ),
    _is_new_hold,
    _version,
    failure,
    failures_reported,
)
