"""How a claimed posting ends: entered, held, in doubt, tried again later, or given back."""

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from audit import attempts, postings
from audit.failures import AccessError, Hold, PostingError, Reason, TransientError
from audit.models import Posting
from connector.epicor.dataset import SavedInvoice, differences
from connector.retry import doubt_delay, transient_delay
from connector.sync.context import Cycle
from connector.sync.prepare import Prepared

LATE = timedelta(minutes=2)  # a gateway may give up long before the server behind it does
IN_EPICOR = (Posting.State.ENTERED, Posting.State.CONFIRMED)


class Endings:
    """The postings of one slice that have no end yet (`open`), and the ends they can come to.

    `refused` is set once Epicor refused us: what is under way ends first, then the run stops.
    """

    def __init__(self, cycle: Cycle, slice_: Sequence[Posting]) -> None:
        self.cycle = cycle
        self.open = {posting.pk: posting for posting in slice_}
        self.refused: AccessError | None = None

    def finish(self, prepared: Prepared, saved: SavedInvoice) -> None:
        """Verify to the cent; entered, or a hold that names every difference."""
        posting, draft = prepared.posting, prepared.draft
        wrong = differences(draft, saved, self.cycle.habits.stamp_column)
        if wrong:
            message = (
                f"The invoice is in Epicor but differs from the bill: {'; '.join(wrong[:10])}. "
                "Correct it in Epicor or the bill in Ramp, then replay."
            )
            self.hold([(posting, Hold(Reason.MISMATCH, message, {"differences": wrong}))])
            return
        header = saved.header or {}
        if posting.state in IN_EPICOR:
            postings.mark_rechecked(
                posting,
                owner=self.cycle.owner,
                sys_rev_id=int(header.get("SysRevID") or 0),
                entered_hash=prepared.content_hash,
                apply_on=draft.apply_date,
                body={"total": str(draft.total), "currency": draft.currency_code},
            )
            self.open.pop(posting.pk, None)
            self.cycle.counts.updated += 1
            return
        postings.mark_entered(
            posting,
            owner=self.cycle.owner,
            company=draft.company,
            vendor_num=draft.vendor_num,
            invoice_num=draft.invoice_num,
            group_id=saved.group_id,
            sys_rev_id=int(header.get("SysRevID") or 0),
            entered_hash=prepared.content_hash,
            apply_on=draft.apply_date,
            body={
                "vendor_id": draft.vendor_id,
                "total": str(draft.total),
                "currency": draft.currency_code,
                "changed_by": str(header.get("ChangedBy") or ""),
            },
        )
        self.open.pop(posting.pk, None)
        self.cycle.counts.entered += 1

    def end_badly(self, posting: Posting, error: PostingError) -> None:
        """Nothing of it was applied: a pause of the tenant, a later try, or a hold."""
        if isinstance(error, AccessError):
            self.refused = error  # what is under way ends first; this one goes back to the queue
        elif isinstance(error, TransientError):
            self._retry(posting, error)
        else:
            self.hold([(posting, Hold.of(error))])

    def doubt(self, posting: Posting, message: str) -> None:
        delay = doubt_delay(posting.failed_attempts + 1)
        now = timezone.now()
        postings.mark_in_doubt(
            posting,
            owner=self.cycle.owner,
            message=message,
            not_before=now + (delay or timedelta(hours=1)),
        )
        self.open.pop(posting.pk, None)
        if delay is None:
            postings.hold(posting, Hold(Reason.IN_DOUBT, message))

    def not_there(self, posting: Posting) -> None:
        """Twice not found, well after the write's deadline, means that it was never applied."""
        sent = attempts.unresolved(self.cycle.tenant.pk, "posting", posting.bill_id)
        ends = [attempt.deadline_at for attempt in sent if attempt.deadline_at is not None]
        settled = not ends or timezone.now() > max(ends) + LATE
        if posting.failed_attempts >= 2 and settled:
            postings.settle_not_there(posting, owner=self.cycle.owner)
            self.open.pop(posting.pk, None)
        else:
            self.doubt(posting, "The look-up did not find the invoice yet; it looks once more.")

    def _retry(self, posting: Posting, error: TransientError) -> None:
        if posting.state == Posting.State.IN_DOUBT:
            self.doubt(posting, error.message)
            return
        delay = transient_delay(posting.failed_attempts + 1)
        if delay is None:
            self.hold([(posting, Hold.of(error))])
            return
        asked = timedelta(seconds=error.retry_after_s or 0)
        postings.release(
            posting,
            owner=self.cycle.owner,
            not_before=timezone.now() + max(delay, asked),
            message=error.message,
        )
        self.open.pop(posting.pk, None)

    def later(self, posting: Posting, message: str) -> None:
        if posting.state == Posting.State.IN_FLIGHT:
            postings.release(
                posting,
                owner=self.cycle.owner,
                not_before=timezone.now() + timedelta(hours=1),
                message=message,
                failed=False,
            )
            self.open.pop(posting.pk, None)

    def hold(self, pairs: Sequence[tuple[Posting, Hold]]) -> None:
        if pairs:
            postings.hold_many(pairs, owner=self.cycle.owner)
            for posting, _ in pairs:
                self.open.pop(posting.pk, None)

    def give_back(self) -> None:
        """Nobody stays behind: queued again, or in doubt when something was perhaps applied."""
        flying = [p for p in self.open.values() if p.state == Posting.State.IN_FLIGHT]
        if not flying:
            return
        doubts = attempts.doubts(self.cycle.tenant.pk, [posting.bill_id for posting in flying])
        for posting in flying:
            if posting.bill_id in doubts:
                self.doubt(posting, "The run ended before the answer to a write was noted.")
        calm = [posting for posting in flying if posting.bill_id not in doubts]
        if calm:
            postings.release_many(
                calm, owner=self.cycle.owner, message="The run ended before.", failed=False
            )
