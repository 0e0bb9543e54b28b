"""How a claimed posting ends: entered, held, in doubt, tried again later, or given back."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.utils import timezone

from audit import attempts, postings
from audit.failures import AccessError, Hold, OutageError, PostingError, Reason, TransientError
from audit.models import Posting
from connector import retry
from connector.epicor.dataset import SavedInvoice, differences
from connector.sync.context import Cycle
from connector.sync.judge import is_settled, revision
from connector.sync.prepare import Prepared
from connector.sync.twins import adopted_differences

LATE = timedelta(minutes=2)  # a gateway may give up long before the server behind it does
_AT_LAST = timedelta(hours=1)
_NOT_READY = timedelta(hours=1)
_SHOWN = 10


class Endings:
    """The postings of a run that have no end yet (`open`), and the ends they can come to.

    `stopped` is set once a system refuses us or is away: what is under way ends first, then the
    run stops.
    """

    def __init__(self, cycle: Cycle) -> None:
        self.cycle = cycle
        self.open: dict[int, Posting] = {}
        self.stopped: PostingError | None = None

    def add(self, slice_: Iterable[Posting]) -> None:
        """These are claimed now and need an end."""
        self.open |= {posting.pk: posting for posting in slice_}

    def finish(self, prepared: Prepared, saved: SavedInvoice) -> None:
        """Verify to the cent; entered, or a hold that names every difference."""
        posting, draft = prepared.posting, prepared.draft
        if posting.adopted:
            wrong: Sequence[Any] = adopted_differences(posting, saved)
        else:
            wrong = differences(draft, saved, self.cycle.habits.stamp_column)
        if not is_settled(posting, wrong):
            points = [str(point) for point in wrong]
            message = (
                f"The invoice is in Epicor but differs from the bill: "
                f"{'; '.join(points[:_SHOWN])}. "
                "Correct it in Epicor or the bill in Ramp, then replay."
            )
            self.hold([(posting, Hold(Reason.MISMATCH, message, {"differences": points}))])
        elif posting.in_epicor:
            self._verified(prepared, saved)
        else:
            self._entered(prepared, saved)

    def _verified(self, prepared: Prepared, saved: SavedInvoice) -> None:
        posting, draft = prepared.posting, prepared.draft
        postings.mark_rechecked(
            posting,
            owner=self.cycle.owner,
            sys_rev_id=revision(saved),
            entered_hash=prepared.content_hash,
            entered_as=None if posting.adopted else asdict(draft),
            apply_on=draft.apply_date,
            body={"total": str(draft.total), "currency": draft.currency_code},
        )
        self.open.pop(posting.pk, None)
        self.cycle.counts.updated += 1

    def _entered(self, prepared: Prepared, saved: SavedInvoice) -> None:
        posting, draft = prepared.posting, prepared.draft
        postings.mark_entered(
            posting,
            owner=self.cycle.owner,
            company=draft.company,
            vendor_num=draft.vendor_num,
            invoice_num=draft.invoice_num,
            group_id=saved.group_id,
            sys_rev_id=revision(saved),
            entered_hash=prepared.content_hash,
            entered_as=asdict(draft),
            apply_on=draft.apply_date,
            body={
                "vendor_id": draft.vendor_id,
                "total": str(draft.total),
                "currency": draft.currency_code,
                "changed_by": str((saved.header or {}).get("ChangedBy") or ""),
            },
        )
        self.open.pop(posting.pk, None)
        self.cycle.counts.entered += 1

    def end_badly(self, posting: Posting, error: PostingError) -> None:
        """Nothing of it was applied: a pause of the tenant, a later try, or a hold."""
        if isinstance(error, AccessError | OutageError):
            self.stopped = error  # what is under way ends first; this one is given back
        elif isinstance(error, TransientError):
            asked = timedelta(seconds=error.retry_after_s or 0)
            self._retry(posting, retry.UNAVAILABLE, Hold.of(error), at_least=asked)
        else:
            self.hold([(posting, Hold.of(error))])

    def occupied(self, posting: Posting, why: str) -> None:
        """Its group cannot be written into just now; nothing was saved."""
        message = f"{why} Nothing was saved. Close the group in Epicor, then replay."
        self._retry(posting, retry.OCCUPIED, Hold(Reason.REFUSED, message))

    def not_ready(self, posting: Posting, message: str) -> None:
        """Ramp does not want it entered just now: looked at again in an hour."""
        self._later(posting, _NOT_READY, message, failed=False)

    def again(self, posting: Posting, why: str) -> None:
        """What stood in its way was found and is gone: back to the queue, due at once."""
        message = f"{why} Nothing was saved; it is tried again."
        self._later(posting, timedelta(0), message, failed=False)

    def doubt(self, posting: Posting, message: str) -> None:
        """Perhaps applied: looked up later, before anything is sent again."""
        wait = retry.delay(retry.IN_DOUBT, posting.look_ups + 1)
        postings.mark_in_doubt(
            posting,
            owner=self.cycle.owner,
            message=message,
            not_before=timezone.now() + (wait or _AT_LAST),
        )
        self.open.pop(posting.pk, None)
        if wait is None:
            postings.hold(posting, Hold(Reason.IN_DOUBT, message))

    def not_there(self, posting: Posting) -> None:
        """Twice not found, well after the write's deadline, means that it was never applied."""
        sent = attempts.unresolved(self.cycle.tenant.pk, "posting", posting.bill_id)
        ends = [attempt.deadline_at for attempt in sent if attempt.deadline_at is not None]
        settled = not ends or timezone.now() > max(ends) + LATE
        doubted = posting.state == Posting.State.IN_DOUBT
        if doubted and posting.look_ups >= 1 and settled:
            postings.settle_not_there(posting, owner=self.cycle.owner)
            self.open.pop(posting.pk, None)
        else:
            self.doubt(posting, "The look-up did not find the invoice yet; it looks once more.")

    def hold(self, pairs: Sequence[tuple[Posting, Hold]]) -> None:
        """Each waits for a person, with its reason."""
        if pairs:
            postings.hold_many(pairs, owner=self.cycle.owner)
            for posting, _ in pairs:
                self.open.pop(posting.pk, None)

    def give_back(self) -> None:
        """Nobody stays behind leased: as they were, or in doubt when a write has no answer."""
        if not self.open:
            return
        left = list(self.open.values())
        doubts = attempts.doubts(self.cycle.tenant.pk, [posting.bill_id for posting in left])
        flying = [p for p in left if p.state == Posting.State.IN_FLIGHT]
        for posting in flying:
            if posting.bill_id in doubts:
                self.doubt(posting, "The run ended before the answer to a write was noted.")
        calm = [posting for posting in flying if posting.bill_id not in doubts]
        if calm:
            postings.release_many(calm, owner=self.cycle.owner, message=_ENDED, failed=False)
        there = [posting for posting in left if posting.state != Posting.State.QUEUED]
        there = [posting for posting in there if posting not in flying]
        if there:
            now = timezone.now()
            postings.postpone(there, owner=self.cycle.owner, not_before=now, message=_ENDED)
        self.open.clear()

    def _retry(
        self, posting: Posting, cause: str, hold: Hold, *, at_least: timedelta = timedelta(0)
    ) -> None:
        wait = retry.delay(cause, posting.failed_attempts + 1)
        if wait is None and posting.state == Posting.State.IN_DOUBT:
            self.hold([(posting, Hold(Reason.IN_DOUBT, hold.message))])
        elif wait is None:
            self.hold([(posting, hold)])
        else:
            self._later(posting, max(wait, at_least), hold.message, failed=True)

    def _later(self, posting: Posting, wait: timedelta, message: str, *, failed: bool) -> None:
        due, owner = timezone.now() + wait, self.cycle.owner
        if posting.state == Posting.State.IN_FLIGHT:
            then = due if wait else None
            postings.release(posting, owner=owner, not_before=then, message=message, failed=failed)
        else:
            postings.postpone(
                [posting], owner=owner, not_before=due, message=message, failed=failed
            )
        self.open.pop(posting.pk, None)


_ENDED = "The run ended before."
