"""How a claimed posting ends: entered, held, in doubt, tried again later, or given back."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.invoice_number import with_both
from audit.ledger.models import Posting
from audit.writes import attempts
from connector.domain.difference import listed, stored
from connector.domain.errors import (
    AccessError,
    Hold,
    OutageError,
    PostingError,
    Reason,
    TransientError,
)
from connector.epicor.ap_invoice.rows import SavedInvoice, differences
from connector.epicor.errors import SMALLER
from connector.epicor.values import day as day_of
from connector.sync import retry
from connector.sync.bills import payment_hold
from connector.sync.bills.decide import is_settled, own_revision, revision
from connector.sync.bills.duplicates import adopted_differences
from connector.sync.bills.find_invoices import Key, key_of, key_sent
from connector.sync.bills.prepare import Prepared
from connector.sync.bills.recovery import RECOVERED
from connector.sync.context import Cycle
from connector.sync.narrow import LOOKED_UP, NOTHING_SENT, bug

_AT_LAST = timedelta(hours=1)
_NOT_READY = timedelta(hours=1)
_SHORTLY = timedelta(minutes=5)


class Outcomes:
    """The postings of a run that have no end yet (`open`), and the ends they can come to.

    `stopped` is set once a system refuses us or is away: what is under way ends first, then the
    run stops.
    """

    def __init__(self, cycle: Cycle) -> None:
        self.cycle = cycle
        self.open: dict[int, Posting] = {}
        self.stopped: PostingError | None = None
        self._renewed_at = time.monotonic()

    def add(self, slice_: Iterable[Posting]) -> None:
        """These are claimed now and need an end."""
        self.open |= {posting.pk: posting for posting in slice_}

    def stop(self, error: PostingError) -> None:
        """A system refuses us or is away; the first time is the one that is told."""
        self.stopped = self.stopped or error

    def keep(self, lease_s: float) -> None:
        """Renew the leases of all that is open, now and then, so that they may be short."""
        if not self.open or time.monotonic() < self._renewed_at + lease_s / 4:
            return
        self._renewed_at = time.monotonic()
        until = timezone.now() + timedelta(seconds=lease_s)
        lifecycle.keep_leases(list(self.open.values()), owner=self.cycle.owner, until=until)

    def finish(self, prepared: Prepared, saved: SavedInvoice) -> None:
        """Verify to the cent; entered, or a hold that names every difference."""
        posting, draft = prepared.posting, prepared.draft
        if posting.adopted:
            held = draft.pay_hold if payment_hold.known(posting) is not None else None
            wrong = adopted_differences(posting, saved, held=held)
        else:
            wrong = differences(draft, saved, self.cycle.profile.stamp_column)
        payer = prepared.bill.payer
        if is_settled(posting, wrong, payer):
            self._good(prepared, saved, kept=bool(wrong))
            return
        points = payment_hold.left(posting, wrong, payer)
        message = (
            "The invoice is in Epicor but differs from the bill: "
            f"{listed(points, posting.currency)}. "
            "Correct it in Epicor or the bill in Ramp, then replay; or keep it as it is."
        )
        pays = payment_hold.named(points, payment_hold.Pays(payer, draft.pay_hold))
        detail = {"differences": stored(points), **pays}
        self.there(prepared, saved, Hold(Reason.MISMATCH, message, detail))

    def _good(self, prepared: Prepared, saved: SavedInvoice, *, kept: bool) -> None:
        if prepared.posting.in_epicor:
            self._verified(prepared, saved, kept=kept)
        else:
            self._entered(prepared, saved)
            self.cycle.counts.entered += 1

    def there(self, prepared: Prepared, saved: SavedInvoice, hold: Hold) -> None:
        """It is in Epicor by our hand, and a person must look: entered, with a hold.

        Only what is entered can be kept, removed, proven and followed; Ramp is not told yet.
        """
        posting = prepared.posting
        if posting.in_epicor:
            self.hold([(posting, hold)])
            return
        with transaction.atomic():
            self._entered(prepared, saved)
            lifecycle.hold(posting, with_both(posting, hold))

    def there_otherwise(
        self, posting: Posting, company: str, saved: SavedInvoice, hold: Hold
    ) -> None:
        """The same of a bill that is there under another key than it would be entered under now,
        or that cannot be drafted: entered as what is there."""
        header = saved.header or {}
        if self._may_still_arrive(posting, key_of(company, header)):
            self.doubt(posting, "Another write of this bill may still arrive; it looks once more.")
            return
        with transaction.atomic():
            self._as_it_is(posting, company, saved, "by a look-up")
            lifecycle.hold(posting, with_both(posting, hold))

    def found(self, posting: Posting, company: str, saved: SavedInvoice) -> None:
        """It is there by our hand, and our record is behind: entered, and to be compared next."""
        posting.refresh_from_db(fields=["seen_hash"])  # the bill may have been read since the claim
        with transaction.atomic():
            self._as_it_is(posting, company, saved, "by its stamp; Ramp has it as synced")
            lifecycle.request_recheck([posting], message=RECOVERED)

    def _as_it_is(self, posting: Posting, company: str, saved: SavedInvoice, how: str) -> None:
        """Entered as what is there, of which our record has no draft."""
        header = saved.header or {}
        lifecycle.mark_entered(
            posting,
            owner=self.cycle.owner,
            company=company,
            vendor_num=int(header.get("VendorNum") or 0),
            invoice_num=str(header.get("InvoiceNum") or ""),
            group_id=saved.group_id,
            sys_rev_id=own_revision(saved),
            entered_hash=posting.seen_hash,
            entered_as={},
            apply_on=day_of(header.get("ApplyDate")),
            body={"found": how, "total": str(header.get("DocInvoiceVendorAmt"))},
        )
        self.open.pop(posting.pk, None)

    def _may_still_arrive(self, posting: Posting, there: Key) -> bool:
        """Whether a write under another key than this has no answer and is not over yet."""
        open_ones = attempts.unresolved(posting.tenant_id, "posting", posting.bill_id)
        until = attempts.Doubt([one for one in open_ones if key_sent(one) != there]).until
        return until is not None and timezone.now() <= until + attempts.LATE

    def _verified(self, prepared: Prepared, saved: SavedInvoice, *, kept: bool) -> None:
        posting, draft = prepared.posting, prepared.draft
        edited = posting.entered_hash != prepared.content_hash and not posting.adopted
        written = edited and not kept and posting.sys_rev_id != revision(saved)
        lifecycle.mark_rechecked(
            posting,
            owner=self.cycle.owner,
            # What a person changed and another accepted stays a person's work.
            sys_rev_id=posting.sys_rev_id if kept else revision(saved),
            entered_hash=prepared.content_hash,
            entered_as=_as_verified(prepared),
            apply_on=None if posting.adopted else draft.apply_date,
            body={"total": str(draft.total), "currency": draft.currency_code},
        )
        self.open.pop(posting.pk, None)
        self.cycle.counts.verified += 1
        self.cycle.counts.updated += written

    def _entered(self, prepared: Prepared, saved: SavedInvoice) -> None:
        posting, draft = prepared.posting, prepared.draft
        lifecycle.mark_entered(
            posting,
            owner=self.cycle.owner,
            company=draft.company,
            vendor_num=draft.vendor_num,
            invoice_num=draft.invoice_num,
            group_id=saved.group_id,
            sys_rev_id=own_revision(saved),
            entered_hash=prepared.content_hash,
            entered_as=_as_drafted(prepared),
            apply_on=draft.apply_date,
            body={
                "vendor_id": draft.vendor_id,
                "total": str(draft.total),
                "currency": draft.currency_code,
                "changed_by": str((saved.header or {}).get("ChangedBy") or ""),
            },
        )
        self.open.pop(posting.pk, None)

    def end_badly(self, posting: Posting, error: PostingError) -> None:
        """Nothing of it was applied: a pause of the tenant, a later try, or a hold."""
        if isinstance(error, AccessError | OutageError):
            self.stop(error)  # what is under way ends first; this one is given back
        elif isinstance(error, TransientError):
            asked = timedelta(seconds=error.retry_after_s or 0)
            self._retry(posting, retry.UNAVAILABLE, Hold.of(error), at_least=asked)
        else:
            self.hold([(posting, Hold.of(error))])

    def broke(self, posting: Posting, error: Exception, *, begun: bool) -> None:
        """Hold it after an unexpected error. `begun`: some of it is perhaps in Epicor."""
        if posting.pk not in self.open:
            return
        if not (begun and posting.state == Posting.State.IN_FLIGHT):
            self.hold([(posting, bug(error, LOOKED_UP if begun else NOTHING_SENT))])
            return
        hold, owner = bug(error, LOOKED_UP), self.cycle.owner
        with transaction.atomic():
            lifecycle.mark_in_doubt(posting, owner=owner, message=hold.message, not_before=None)
            lifecycle.hold(posting, hold)
        self.open.pop(posting.pk, None)

    def occupied(self, posting: Posting, why: str) -> None:
        """Its group cannot be written into just now; nothing was saved."""
        message = f"{why} Nothing was saved. Close the group in Epicor, then replay."
        hold = Hold(Reason.REFUSED, message, {"why": "group_occupied"})
        self._retry(posting, retry.OCCUPIED, hold)

    def put_off(self, posting: Posting, error: TransientError) -> None:
        """It is not to blame and nothing was sent: tried again when `error` says, not counted."""
        wait = timedelta(seconds=error.retry_after_s or 0) or _SHORTLY
        self._later(posting, wait, error.message, cause="epicor_busy")

    def no_group(self, posting: Posting, error: PostingError) -> None:
        """Epicor refused to open a group for it: tried again, at last held with Epicor's words."""
        message = f"No invoice group could be opened for it. {error.message}"
        hold = Hold(Reason.REFUSED, message, {**error.detail, "why": "no_group"})
        self._retry(posting, retry.UNAVAILABLE, hold)

    def not_ready(self, posting: Posting, message: str) -> None:
        """Ramp does not want it entered just now: looked at again in an hour."""
        self._later(posting, _NOT_READY, message, cause="not_ready")

    def rest(self, posting: Posting) -> None:
        """It would be written now, but nothing is today: it stays as it was."""
        if posting.state != Posting.State.IN_FLIGHT:  # else given back at the end, due as before
            self._later(posting, _NOT_READY, _BLACKOUT, cause="blackout")

    def wait(self, posting: Posting, why: str) -> None:
        """It has to wait for another bill; nothing was sent."""
        self._later(posting, timedelta(minutes=1), why, cause="other_bill")

    def again(self, posting: Posting, why: str) -> None:
        """What stood in its way was found and is gone: back to the queue, due at once."""
        message = f"{why} It is looked up and tried again."
        self._later(posting, timedelta(0), message)

    def doubt(self, posting: Posting, message: str) -> None:
        """Perhaps applied: looked up later, before anything is sent again."""
        if posting.in_epicor:
            self._doubt_about_an_edit(posting, message)
            return
        begins = posting.state == Posting.State.IN_FLIGHT
        wait = retry.delay(retry.IN_DOUBT, 1 if begins else posting.look_ups + 1)
        lifecycle.mark_in_doubt(
            posting,
            owner=self.cycle.owner,
            message=message,
            not_before=timezone.now() + (wait or _AT_LAST),
        )
        self.open.pop(posting.pk, None)
        if wait is None:
            lifecycle.hold(posting, Hold(Reason.IN_DOUBT, message, {"why": "not_seen"}))

    def _doubt_about_an_edit(self, posting: Posting, message: str) -> None:
        """What is entered stays entered; whether the change arrived shows when it is read."""
        wait = retry.delay(retry.IN_DOUBT, posting.failed_attempts + 1)
        if wait is None:
            text = f"{message} That happened several times with a change of this invoice."
            why = {"why": "edit_in_doubt", "content": posting.seen_hash}
            self.hold([(posting, Hold(Reason.CHANGED, f"{text} {_COMPARE}", why))])
        else:
            self._later(posting, wait, message, failed=True)

    def not_there(self, posting: Posting, then: Hold | None = None) -> None:
        """Twice not found, well after the write's deadline, means that it was never applied.

        It is sent again, later each time; when that never gets an answer a person is asked. With
        `then` it is not sent again but waits with this hold.
        """
        at = attempts.settled_at(self.cycle.tenant.pk, posting.bill_id)
        settled = at is None or timezone.now() > at
        doubted = posting.state == Posting.State.IN_DOUBT
        if doubted and posting.look_ups >= 1 and settled:
            self._settle(posting, then)
        else:
            self.doubt(posting, "The look-up did not find the invoice yet; it looks once more.")

    def _settle(self, posting: Posting, then: Hold | None) -> None:
        wait = retry.delay(retry.UNANSWERED, posting.failed_attempts + 1)
        due = None if wait is None or then else timezone.now() + wait
        last = attempts.unresolved(posting.tenant_id, "posting", posting.bill_id)[-1:]
        with transaction.atomic():
            lifecycle.settle_not_there(posting, owner=self.cycle.owner, not_before=due)
            if wait is None and then is None:
                answer_text = _last_answer(last[0].answer if last else {})
                message = _UNANSWERED.format(times=posting.failed_attempts, said=answer_text)
                then = Hold(Reason.IN_DOUBT, message, {"why": "unanswered"})
            if then is not None:
                lifecycle.hold(posting, with_both(posting, then))
        self.open.pop(posting.pk, None)

    def hold(self, pairs: Sequence[tuple[Posting, Hold]]) -> None:
        """Each waits for a person, with its reason."""
        if pairs:
            holds = [(posting, with_both(posting, hold)) for posting, hold in pairs]
            lifecycle.hold_many(holds, owner=self.cycle.owner)
            for posting, _ in pairs:
                self.open.pop(posting.pk, None)

    def give_back(self) -> None:
        """Give all leases back: as they were, or in doubt when a write has no answer."""
        if not self.open:
            return
        held = Posting.objects.filter(pk__in=list(self.open), lease_owner=self.cycle.owner)
        ours = set(held.values_list("pk", flat=True))  # one that was taken from us keeps none back
        left = [posting for pk, posting in self.open.items() if pk in ours]
        doubts = attempts.doubts(self.cycle.tenant.pk, [posting.bill_id for posting in left])
        flying = [p for p in left if p.state == Posting.State.IN_FLIGHT]
        for posting in flying:
            if posting.bill_id in doubts:
                self.doubt(posting, "The run ended before the answer to a write was noted.")
        calm = [posting for posting in flying if posting.bill_id not in doubts]
        if calm:
            lifecycle.release_many(calm, owner=self.cycle.owner)
        there = [posting for posting in left if posting.state != Posting.State.QUEUED]
        there = [posting for posting in there if posting not in flying]
        now = timezone.now()
        for some, due in (
            ([p for p in there if p.bill_id not in doubts], now),
            ([p for p in there if p.bill_id in doubts], now + attempts.LATE),
        ):
            if some:
                lifecycle.postpone(some, owner=self.cycle.owner, not_before=due)
        self.open.clear()

    def _retry(
        self, posting: Posting, cause: str, hold: Hold, *, at_least: timedelta = timedelta(0)
    ) -> None:
        wait = retry.delay(cause, posting.failed_attempts + 1)
        if wait is None and posting.state == Posting.State.IN_DOUBT:
            self.hold([(posting, Hold(Reason.IN_DOUBT, hold.message, hold.detail))])
        elif wait is None:
            self.hold([(posting, hold)])
        else:
            self._later(posting, max(wait, at_least), hold.message, failed=True)

    def _later(
        self,
        posting: Posting,
        wait: timedelta,
        message: str,
        *,
        failed: bool = False,
        cause: str = "",
    ) -> None:
        """Due again after `wait`. The trail says one `cause` once, however often it is met."""
        due = timezone.now() + wait
        how: dict[str, Any] = {"message": message, "failed": failed, "cause": cause}
        if posting.state == Posting.State.IN_FLIGHT:
            then = due if wait else None
            lifecycle.release(posting, owner=self.cycle.owner, not_before=then, **how)
        else:
            lifecycle.postpone([posting], owner=self.cycle.owner, not_before=due, **how)
        self.open.pop(posting.pk, None)


def _as_drafted(prepared: Prepared) -> dict[str, Any]:
    """What is remembered as entered: the draft, and who pays."""
    return {**asdict(prepared.draft), "payer": prepared.bill.payer}


def _as_verified(prepared: Prepared) -> dict[str, Any] | None:
    """The same after another look; of what a person typed no more than was compared."""
    posting = prepared.posting
    if not posting.adopted:
        return _as_drafted(prepared)
    if payment_hold.known(posting) is None:
        return None
    pays = {"pay_hold": prepared.draft.pay_hold, "payer": prepared.bill.payer}
    return {**posting.entered_as, **pays}


def _last_answer(answer: Mapping[str, Any]) -> str:
    """What came instead of an answer to the last write, as a sentence, or ""."""
    status, said = answer.get("status"), str(answer.get("said") or "")
    if not status:
        return ""
    words = f": {said}" if said and said != f"status {status}" else ""
    large = f" {SMALLER}" if answer.get("too_large") else ""
    return f" The last time it was answered with status {status}{words}.{large}"


_BLACKOUT = (
    "It was looked up, and nothing was written because today is a blackout day in the calendar."
)
_COMPARE = "Compare the bill with the invoice in Epicor, correct one of them, then replay."
_UNANSWERED = (
    "Epicor gave no usable answer the {times} times that this bill was sent, and each time nothing "
    "of it was there afterwards. Nothing is in Epicor now.{said} Find out in Epicor's event log, "
    "or in the log of what stands in front of it, why it fails (a directive, a field of this "
    "vendor, a limit), then replay."
)
