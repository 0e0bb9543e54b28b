"""Writes what is to be written: one bill a lane, intent before each write, outcome after it.

The lanes are threads that only do HTTP; everything that touches the database happens in the job's
own thread. A few more bills than lanes are begun, so that a lane that is done finds the next
request waiting for it.
"""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from django.db import transaction

from audit.ledger.models import Posting
from audit.writes.models import Attempt
from connector.domain.errors import (
    AccessError,
    AskedError,
    DuplicateInvoiceError,
    Hold,
    OutageError,
    PostingError,
    Reason,
    RejectedError,
    TransientError,
    UncertainOutcomeError,
)
from connector.epicor.ap_invoice.conversation import Step
from connector.epicor.ap_invoice.questions import Asked
from connector.epicor.ap_invoice.rows import SavedInvoice, differences
from connector.epicor.client import EpicorClient, MethodAnswer
from connector.epicor.errors import SeatsError, StaleRowError
from connector.http_client.tokens import TokenExpiredError
from connector.sync.bills import payment_hold
from connector.sync.bills.board import Board
from connector.sync.bills.decide import is_settled
from connector.sync.bills.find_invoices import name_of
from connector.sync.bills.group_rows import taken
from connector.sync.bills.invoice_groups import MOST_REFUSED, Groups, NoGroupError
from connector.sync.bills.lanes import LEASE_S, Job, Todo, begin_write, next_place, note, outcome_of
from connector.sync.bills.look_up import TOKEN, Looking, Search
from connector.sync.bills.prepare import Prepared
from connector.sync.bills.trouble import period_closed_now
from connector.sync.models import InvoiceGroup
from connector.sync.narrow import LOOKED_UP, bug, narrow


class Writing:
    """The lanes of one run."""

    def __init__(self, board: Board, looking: Looking) -> None:
        self.board = board
        self.looking = looking
        self.groups = Groups(board.cycle)
        self.looked_once_more: set[str] = set()
        self.answered_meanwhile: set[str] = set()
        self.seats_short = 0  # refusals in a row because no licence was free

    @property
    def most(self) -> int:
        """How many bills are under way at the same time."""
        lanes = self.board.cycle.lanes
        return lanes + lanes // 2

    def start(self) -> None:
        """Give each free lane a bill; none while the run only looks."""
        while self.board.todo and not self.board.only_look and not self.board.stopping():
            jobs = self.board.jobs.values()
            if len(jobs) >= self.most:
                return
            busy = Counter(job.item.period for job in jobs)
            place = next_place(self.board.todo, busy, {job.place for job in jobs})
            if place is None:
                return
            narrow([self.board.todo.pop(place)], self._begin, self._not_begun)

    def _begin(self, items: Sequence[Todo]) -> None:
        """Start the conversation of one bill: where needed its group's first, then its own."""
        (item,) = items
        try:
            group = self._group_for(item)
        except NoGroupError as error:
            self.board.ends.put_off(item.prepared.posting, error)
            if self.groups.closed.keys() >= set(self.board.cycle.companies):
                self.board.ends.stopped = self.groups.trouble
            return
        except PostingError as error:
            self.board.ends.end_badly(item.prepared.posting, error)
            return
        job: Job | None = None
        try:
            job = Job.of(item, group, self.board.cycle)
        except StopIteration as end:
            self.board.ends.finish(item.prepared, end.value)
        except PostingError as error:
            self.board.ends.end_badly(item.prepared.posting, error)
        finally:
            if job is None and group is not None:
                self.groups.give_back(group)
        if job is not None:
            self._send(job)

    def _group_for(self, item: Todo) -> InvoiceGroup | None:
        if item.place is not None:
            return self.groups.borrow(*item.place)
        return self.groups.take(*item.period)

    def _not_begun(self, item: Todo, error: Exception) -> None:
        """Beginning it broke: nothing was sent now."""
        self.board.ends.broke(item.prepared.posting, error, begun=item.saved is not None)

    def _send(self, job: Job) -> None:
        narrow([job], self._submit, self._broke)

    def _submit(self, jobs: Sequence[Job]) -> None:
        (job,) = jobs
        step = job.step
        if step.writes and job.attempt is None and not begin_write(self.board.cycle, job, LEASE_S):
            self._free(job)
            self.board.give_way(job.item.prepared.posting)
            return
        future = self.board.lane_pool.submit(
            _call,
            self.board.cycle.epicor,
            job.item.prepared.draft.company,
            step,
            time.monotonic() + job.deadline_s,
        )
        self.board.jobs[future] = job

    def answered(self, job: Job, future: Future[Any]) -> None:
        """Take an answer in: commit its outcome, then go on with the conversation or end it."""
        narrow([job], lambda _: self._answered(job, future), self._broke)

    def _answered(self, job: Job, future: Future[Any]) -> None:
        try:
            job.advance(future)
            note(job, Attempt.Outcome.DONE, job.answer)
        except StopIteration as end:
            self._ended(job, job.answer, end.value)
        except TokenExpiredError as expired:
            self._renew(job, expired)
        except PostingError as error:
            self._failed(job, error, job.answer)
        else:
            self._send(job)

    def _broke(self, job: Job, error: Exception) -> None:
        """Nobody foresaw it: what was perhaps saved is looked up; nothing else comes to harm."""
        posting = job.item.prepared.posting
        begun = not job.opening and (job.attempt is not None or job.wrote)
        failed = PostingError(bug(error, LOOKED_UP).message)
        note(job, Attempt.Outcome.UNKNOWN, job.answer, failed)
        self._free(job)
        if job.opening and job.group is not None:
            self.groups.not_opened(job.group, failed)
        if begun and posting.pk in self.board.ends.open:
            self.board.ends.doubt(posting, failed.message)
        else:
            self.board.ends.broke(posting, error, begun=job.item.saved is not None)

    def _renew(self, job: Job, expired: TokenExpiredError) -> None:
        """The token was refused before anything was looked at: log in anew, send the step again."""
        if job.renewed and expired.refused:
            self._failed(job, AccessError(TOKEN), None)
            return
        try:
            self.board.cycle.epicor.renew(expired)
        except PostingError as error:
            self._failed(job, error, None)
            return
        job.renewed = job.renewed or bool(expired.refused)
        self._send(job)

    def _ended(self, job: Job, answer: Any, result: Any) -> None:
        """A conversation is over: the lane gets its next request before this one is recorded."""
        if job.opening and job.group is not None:
            note(job, Attempt.Outcome.DONE, answer)
            self.groups.opened(job.group, result)
            self._begin_in(job)
            return
        self._free(job)
        self.seats_short = 0
        self.start()
        with transaction.atomic():
            note(job, Attempt.Outcome.DONE, answer)
            if result.stale:
                self.board.unproven.append(job.item.prepared)
            else:
                self.board.ends.finish(job.item.prepared, result)

    def _begin_in(self, job: Job) -> None:
        """The group is open: now the bill's own conversation."""
        try:
            job.write(self.board.cycle)
        except PostingError as error:
            self._failed(job, error, None)
        else:
            self._send(job)

    def _free(self, job: Job) -> None:
        """Give the job's group back, once: two lanes must not write into one."""
        if job.group is not None and not job.freed:
            job.freed = True
            self.groups.give_back(job.group)

    def _failed(self, job: Job, error: PostingError, answer: Any) -> None:
        sending = job.attempt is not None
        note(job, outcome_of(error, answered=answer is not None), answer, error)
        self._free(job)
        self._narrow(error)
        posting = job.item.prepared.posting
        if job.opening:
            self._not_opened(job, error)
        elif _in_the_middle(job, error, sending=sending):
            self.board.ends.doubt(posting, error.message)
        elif isinstance(error, AskedError) and self._is_answered(posting, error):
            self.board.again([posting], _ANSWERED)
        elif job.wrote and isinstance(error, RejectedError | AskedError):
            # Something of it is perhaps saved: nobody is told "refused" before that is known.
            self.looking.search([job.item.prepared], partial(self._seen, error), begun=True)
        else:
            self._not_written(job, error)

    def _not_written(self, job: Job, error: PostingError) -> None:
        """Nothing of the bill was saved, for this reason."""
        posting = job.item.prepared.posting
        if isinstance(error, SeatsError):
            self.board.ends.put_off(posting, error)
        elif isinstance(error, RejectedError):
            self._refused(job, error)
        else:
            self.board.ends.end_badly(posting, error)

    def _is_answered(self, posting: Posting, error: AskedError) -> bool:
        """Whether a person accepted the question after this run began; said once a bill."""
        asked = Asked.from_detail(error.detail)
        if asked is None or not asked.answerable or posting.bill_id in self.answered_meanwhile:
            return False
        self.answered_meanwhile.add(posting.bill_id)
        self.board.cycle.hear()
        known = self.board.cycle.habits.accepted
        return known.covers(asked.method, asked.questions, posting.bill_id)

    def _narrow(self, error: PostingError) -> None:
        """Short of seats, or in somebody's way: one lane from now on, and at last an outage."""
        if isinstance(error, SeatsError | StaleRowError):
            self.board.cycle.one_lane = True
        if isinstance(error, SeatsError):
            self.seats_short += 1
        if isinstance(error, SeatsError) and self.seats_short >= MOST_REFUSED:
            outage = OutageError(error.message, detail=error.detail)
            self.board.ends.stopped = self.board.ends.stopped or outage

    def _not_opened(self, job: Job, error: PostingError) -> None:
        """The group of a bill is not open; nothing of the bill was sent."""
        posting = job.item.prepared.posting
        if job.group is not None:
            self.groups.not_opened(job.group, error)
        if isinstance(error, DuplicateInvoiceError):
            self.board.todo.insert(0, job.item)  # that name is in use in Epicor: the next one
        elif isinstance(error, UncertainOutcomeError):
            why = TransientError(f"{_GROUP_UNSURE} ({error.message})")
            self.board.ends.end_badly(posting, why)
        else:
            self._not_written(job, error)

    def _seen(self, error: PostingError, search: Search) -> None:
        """What is there of a bill whose entering was stopped in the middle."""
        (job,) = search.jobs
        own = search.found.own(job.posting.bill_id)
        if own is not None:
            self._begun(job, own, error)
        elif isinstance(error, AskedError):
            self.board.ends.end_badly(job.posting, error)
        else:
            self.board.ends.doubt(job.posting, error.message)

    def _begun(self, job: Prepared, saved: SavedInvoice, error: PostingError) -> None:
        wrong = differences(job.draft, saved, self.board.cycle.habits.stamp_column)
        if is_settled(job.posting, wrong, job.bill.payer):
            self.board.ends.finish(job, saved)
            return
        points = [str(point) for point in wrong]
        words = _CHANGING if job.posting.in_epicor else _BEGUN
        message = words.format(name=name_of(job.draft.company, saved), why=error.message)
        pays = payment_hold.Pays(job.bill.payer, job.draft.pay_hold)
        detail = {**error.detail, "differences": points, **payment_hold.named(points, pays)}
        self.board.ends.there(job, saved, Hold(Reason.MISMATCH, message, detail))

    def _refused(self, job: Job, error: RejectedError) -> None:
        """Was it the bill, or what stands around it: its group, its period, its number?"""
        posting = job.item.prepared.posting
        if isinstance(error, DuplicateInvoiceError | StaleRowError):
            self._look_once_more(posting, error)
            return
        try:
            if job.item.saved is not None:
                self._refused_there(job, error)
            elif why := self._group_lost(job):
                self.board.again([posting], why)
            elif why := period_closed_now(self.board.cycle, job.item):
                self.board.again([posting, *self.board.take_out(job.item.period)], why)
            elif job.opening:
                self.board.ends.no_group(posting, error)
            else:
                self.board.ends.end_badly(posting, error)
        except PostingError as second:
            self.board.ends.end_badly(posting, second)

    def _group_lost(self, job: Job) -> str:
        return "" if job.opening or job.group is None else self.groups.lost(job.group)

    def _look_once_more(self, posting: Posting, error: RejectedError) -> None:
        """Epicor has something by now that it did not have when we looked; a second time is odd."""
        if posting.bill_id in self.looked_once_more:
            self.board.ends.end_badly(posting, error)
            return
        self.looked_once_more.add(posting.bill_id)
        has = "another version" if isinstance(error, StaleRowError) else "this number"
        self.board.again([posting], f"Epicor has {has} by now; it is looked up once more.")

    def _refused_there(self, job: Job, error: RejectedError) -> None:
        """Something was to be changed in an invoice that is there: is its group in use?"""
        item = job.item
        group_id = item.saved.group_id if item.saved is not None else ""
        why = taken(self.board.cycle, item.prepared.draft.company, group_id) if group_id else ""
        if why:
            self.board.ends.occupied(item.prepared.posting, why)
        elif item.saved is not None and not item.prepared.posting.in_epicor:
            self._begun(item.prepared, item.saved, error)
        else:
            self.board.ends.end_badly(item.prepared.posting, error)


def _in_the_middle(job: Job, error: PostingError, *, sending: bool) -> bool:
    """Whether something of it is perhaps saved that only a look-up shows."""
    if isinstance(error, UncertainOutcomeError) or error.reason == Reason.BUG:
        return sending or job.wrote
    passing = isinstance(error, TransientError | StaleRowError)
    return job.wrote and passing and not isinstance(error, OutageError)


def _call(epicor: EpicorClient, company: str, step: Step, give_up_at: float) -> MethodAnswer:
    """One request, in a lane. What waited too long for one is not sent any more."""
    left_s = give_up_at - time.monotonic()
    if left_s <= 0:
        raise TransientError("No lane was free in time. Nothing was sent; it is tried again.")
    return epicor.call(
        company,
        step.service,
        step.method,
        step.parameters,
        repeatable=not step.writes,
        deadline_s=left_s,
    )


_GROUP_UNSURE = (
    "Epicor did not say whether a group was opened. No bill was sent into it; it is tried again "
    "in another group."
)
_ANSWERED = "A person said meanwhile that it goes on in spite of what Epicor asked."
_CHANGING = (
    "The bill was edited in Ramp, and its invoice {name} follows only in part: {why} Correct that, "
    "then replay; or correct the invoice in Epicor."
)
_BEGUN = (
    "The invoice {name} is begun in Epicor but not whole: {why} Ramp was not told. Correct that, "
    "then replay, and the rest is entered; or remove it."
)
