"""Report to Ramp what became of the bills: entered with a link, or what a person must fix."""

import logging
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import inf

from django.db.models import Q
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from connector.domain.difference import Difference, restored, stored
from connector.domain.errors import Hold, Reason
from connector.ramp.bill_content import is_gone
from connector.sync import retry
from connector.sync.bills.ramp_status import SYNCED, gone_in_epicor, is_synced, stopped
from connector.sync.bills.report_to_ramp import (
    FAILURES,
    SUCCESSES,
    Refusal,
    Report,
    bill_now,
    call,
    settle_lost,
)
from connector.sync.context import Cycle
from connector.sync.models import Bill
from connector.sync.narrow import hold_bug, narrow
from connector.tenants import pauses

logger = logging.getLogger(__name__)

AT_ONCE = 500  # Ramp takes up to 5,000; its pages speak of 500
# So many bills refused one by one, all with the same words: it is not the bills.
LEAST_PROBES, PROBES = 3, 8
ALL_REFUSED = timedelta(hours=1)
_JUST_SEEN = timedelta(hours=1)
_ACCEPTED = timedelta(days=1)  # a person said that Ramp need not know it; it may change its mind
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NOT_TAKEN = (
    "The invoice is in Epicor, as it should be, but Ramp does not take the bill as synced: {said}. "
    "Look at the bill in Ramp (archived? not approved? excluded from sync?), correct it there, "
    "then replay; or, if Ramp need not know it, keep it as it is: dismiss with a reason."
)

_NOT_TOLD = "Its invoice is in Epicor, as it should be, but Ramp was not told."


def confirm_entered(cycle: Cycle, *, stop_at: float = inf, after: int = 0) -> int | None:
    """Confirm entered bills with reference and link, by 500, until `stop_at` (monotonic).

    Returns the Posting id to go on after, None when all were tried. Raises AccessError,
    TransientError.
    """
    return _report_all(cycle, SUCCESSES, stop_at, after)


def report_held(cycle: Cycle, *, stop_at: float = inf, after: int = 0) -> int | None:
    """Report the holds that a person must fix, each once; otherwise like `confirm_entered`."""
    return _report_all(cycle, FAILURES, stop_at, after)


def _report_all(cycle: Cycle, report: Report, stop_at: float, after: int) -> int | None:
    busy = settle_lost(cycle, report)
    for last, batch in _batches(cycle, report, after):
        free = [posting for posting in batch if posting.bill_id not in busy]
        if report is SUCCESSES:
            free = _not_synced_yet(cycle, free)
        round_ = _Round(cycle, report, len(free))
        round_.send(free)
        if not round_.close():
            return None
        if time.monotonic() >= stop_at:
            return last
    return None


def _not_synced_yet(cycle: Cycle, batch: Sequence[Posting]) -> list[Posting]:
    """Without those that Ramp has just shown as synced already: they are done.

    An older sight proves nothing: Ramp may take a bill that is edited for unsynced again.
    """
    lately = timezone.now() - _JUST_SEEN
    shown = Bill.objects.filter(
        tenant=cycle.tenant, payload__sync_status__in=SYNCED, seen_at__gte=lately
    )
    bill_ids = [posting.bill_id for posting in batch]
    synced = set(shown.filter(bill_id__in=bill_ids).values_list("bill_id", flat=True))
    SUCCESSES.done(cycle, [posting for posting in batch if posting.bill_id in synced])
    return [posting for posting in batch if posting.bill_id not in synced]


def _batches(cycle: Cycle, report: Report, last: int) -> Iterator[tuple[int, list[Posting]]]:
    """By 500, what is to be told now, and the id of the last posting that was looked at."""
    while True:
        due = Q(tell_after=None) | Q(tell_after__lte=timezone.now())
        rows = Posting.objects.filter(report.wanted, due, tenant=cycle.tenant, pk__gt=last)
        batch = list(rows.order_by("pk")[:AT_ONCE])
        if not batch:
            return
        last = batch[-1].pk
        news = [posting for posting in batch if report.is_news(posting)]
        if news:
            yield last, news


@dataclass(slots=True)
class _Round:
    """One batch: reported at once or, while Ramp refuses, in ever smaller parts."""

    cycle: Cycle
    report: Report
    size: int
    accepted: bool = False
    refused: list[tuple[Posting, str]] = field(default_factory=list)  # and Ramp's words
    strange: list[str] = field(default_factory=list)  # words that the bill does not explain

    def send(self, batch: Sequence[Posting]) -> None:
        """When Ramp names the bills it refuses, settle those; else halve to find them."""
        if not batch or self.nothing_is_taken:
            return
        for some, taken, refusal in narrow(batch, self._call, self._broke):
            self.accepted = self.accepted or taken > 0
            if refusal is not None:
                self._divide(some, refusal)

    def _call(self, batch: Sequence[Posting]) -> tuple[Sequence[Posting], int, Refusal | None]:
        taken, refusal = call(self.cycle, self.report, batch)
        return batch, taken, refusal

    def _divide(self, batch: Sequence[Posting], refusal: Refusal) -> None:
        names = {name.lower() for name in getattr(refusal, "ids", ())}
        named = [posting for posting in batch if posting.bill_id.lower() in names]
        if len(batch) == 1:
            self._settle_alone(batch[0], refusal)
        elif named:
            self.send([posting for posting in batch if posting not in named])
            for posting in named:
                if not self.nothing_is_taken:
                    self._settle_alone(posting, refusal)
        else:
            # Every other one, so that the bills refused first come from everywhere.
            self.send(batch[::2])
            self.send(batch[1::2])

    def _settle_alone(self, posting: Posting, refusal: Refusal) -> None:
        narrow([posting], lambda _: self._settle(posting, refusal), self._broke)

    def _broke(self, posting: Posting, error: Exception) -> None:
        """The report fails: what is entered waits for a person; a hold is reported later."""
        if self.report is SUCCESSES:
            hold_bug(posting, error, _NOT_TOLD)
        else:
            self.refused.append((posting, type(error).__name__))

    @property
    def nothing_is_taken(self) -> bool:
        """Whether Ramp refuses every report, not single bills."""
        enough = len(self.strange) >= min(PROBES, max(self.size, LEAST_PROBES))
        return enough and not self.accepted and len(set(self.strange)) == 1

    def close(self) -> bool:
        """Note what was refused; False when Ramp takes nothing at all just now."""
        if self.accepted:
            pauses.end(self.cycle.tenant, pauses.TELLING)
        nothing = self.nothing_is_taken
        if nothing:
            later = timezone.now() + ALL_REFUSED
            rows = Posting.objects.filter(self.report.wanted, tenant=self.cycle.tenant)
            rows.update(tell_after=later)
        if nothing and not self._others_were_taken():
            pauses.for_reports(self.cycle.tenant, f"{self.strange[0]}.")
        else:
            for posting, message in self.refused:
                _put_off(self.cycle, self.report, posting, message)
        return not nothing

    def _others_were_taken(self) -> bool:
        """Whether Ramp took any other bill since these were there: then it is these after all."""
        now = timezone.now()
        since = max(
            posting.entered_at or posting.hold_opened_at or now for posting, _ in self.refused
        )
        done = Posting.objects.filter(tenant=self.cycle.tenant, state=Posting.State.CONFIRMED)
        return done.filter(confirmed_at__gt=since).exists()

    def _settle(self, posting: Posting, refusal: Refusal) -> None:
        """Refused, or synced already: then "not ready" means done."""
        payload = bill_now(self.cycle, posting.bill_id)
        if is_synced(payload):
            self.accepted = True
            self.report.done(self.cycle, [posting])
            return
        withdrawn = self.report is SUCCESSES and is_gone(payload)
        if withdrawn and Reason.ARCHIVED not in posting.kept:
            _hold(posting, gone_in_epicor(payload))  # its entering was in doubt when it went
            return
        message = _refusal_text(refusal)
        logger.warning("Ramp does not take the result of %s: %s", posting.bill_id, message)
        self.refused.append((posting, message))
        if payload and stopped(payload, ours=True) is None:
            self.strange.append(message)


def _put_off(cycle: Cycle, report: Report, posting: Posting, message: str) -> None:
    """Report it again later; in the end a person is asked, or the hold is not reported."""
    times = posting.tell_failed + 1
    wait = retry.delay(retry.UNTOLD, times)
    points = [Difference.of("not_taken", "", message)]
    if restored(posting.kept.get(Reason.REFUSED)) == points:
        times, wait = 0, _ACCEPTED
    rows = Posting.objects.filter(report.wanted, pk=posting.pk)
    if wait is not None:
        rows.update(tell_failed=times, tell_after=timezone.now() + wait)
    elif report is FAILURES:
        report.done(cycle, [posting])
    elif rows.update(tell_failed=0, tell_after=None):
        detail = {"differences": stored(points)}
        _hold(posting, Hold(Reason.REFUSED, _NOT_TAKEN.format(said=message), detail))


def _hold(posting: Posting, hold: Hold) -> None:
    try:
        lifecycle.hold(posting, hold)
    except lifecycle.LostLeaseError as error:
        logger.info("Not held: %s", error)  # somebody works on it; it is told again


def _refusal_text(refusal: Refusal) -> str:
    """What Ramp said, without the ids of the bills, so that equal refusals are equal."""
    message = str(refusal.detail.get("said") or refusal.message)
    return " ".join(_UUID.sub("", message).split()).rstrip(" .,:;")
