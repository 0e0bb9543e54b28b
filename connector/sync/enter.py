"""Enters what is due: claim, look up, write in lanes, verify, record.

The lanes are threads that only do HTTP; everything that touches the database happens here, in
the job's own thread. Before each write its intent is committed, straight after the answer its
outcome; no transaction is open across HTTP. The next slice is looked up while the lanes still
write the one before, so that no lane waits.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit import attempts, postings
from audit.failures import (
    AccessError,
    DuplicateInvoiceError,
    Hold,
    PostingError,
    Reason,
    RejectedError,
    TransientError,
    UncertainOutcomeError,
)
from audit.models import Attempt, Posting
from connector.epicor.dataset import SavedInvoice
from connector.sync.context import Cycle
from connector.sync.endings import Endings
from connector.sync.groups import Groups, taken
from connector.sync.intake import take_in
from connector.sync.judge import NotThere, Ours, Verify, Write, judge, twins_among
from connector.sync.lanes import Job, Todo, begin_write, next_place, note, outcome_of
from connector.sync.lookup import Found, Question, normal, questions
from connector.sync.prepare import Prepared
from connector.sync.trouble import period_closed_now
from connector.sync.twins import candidates_for, keys_of, refresh_mirror, still_there, suspected
from connector.tokens import TokenExpiredError
from mappings.periods import periods
from mappings.twins import Candidate

logger = logging.getLogger(__name__)

SLICE = 50
LEASE_S = 900.0
_IN_FLIGHT = Posting.State.IN_FLIGHT
_AHEAD_S = 1.5  # so long before the end nothing new is claimed
_LOOKERS = 2  # threads besides the lanes, for look-ups


@dataclass(slots=True)
class _Search:
    """A look-up under way: one question a company, then what follows from all answers."""

    jobs: list[Prepared]
    found: Found
    suspects: dict[str, list[Candidate]]
    then: Callable[["_Search"], None]
    pending: int


@dataclass(slots=True)
class _Asked:
    """One question of a search, in a thread."""

    search: _Search
    question: Question
    renewed: bool = False


def enter_due(cycle: Cycle, *, stop_at: float, ids: Sequence[int] | None = None) -> bool:
    """Enter every posting that is due (or only these Posting ids) until `stop_at` (monotonic).

    True when the time was over before everything was done. Raises AccessError, OutageError or
    TransientError when a system refuses us or is away; whatever was claimed is then given back.
    """
    return _Entering(cycle, stop_at, ids).run()


@dataclass(slots=True)
class _Entering:
    """One run's entering. Everything here happens in one thread; `running` is in the lanes."""

    cycle: Cycle
    stop_at: float
    ids: Sequence[int] | None
    groups: Groups = field(init=False)
    ends: Endings = field(init=False)
    pool: ThreadPoolExecutor = field(init=False)
    running: dict[Future[Any], Job | _Asked] = field(default_factory=dict)
    todo: list[Todo] = field(default_factory=list)
    unproven: list[Prepared] = field(default_factory=list)
    refused_as_double: set[str] = field(default_factory=set)
    claims: list[Callable[..., list[Posting]]] = field(default_factory=list)
    claimed: bool = False

    def __post_init__(self) -> None:
        self.groups = Groups(self.cycle)
        self.ends = Endings(self.cycle)
        self.claims = [postings.claim_rechecks, postings.claim_doubtful, postings.claim]

    @property
    def lanes(self) -> int:
        return max(1, self.cycle.posting.lanes)

    def run(self) -> bool:
        """Work until everything is done, the time is over, or a system stops us."""
        try:
            with ThreadPoolExecutor(max_workers=self.lanes + _LOOKERS) as self.pool:
                while self._busy():
                    done, _ = wait(self.running, return_when=FIRST_COMPLETED)
                    for future in [f for f in self.running if f in done]:
                        self._answered(future)
        finally:
            # Whatever broke, no posting stays behind leased and forgotten.
            self.ends.give_back()
            self.groups.close()
        if self.ends.stopped is not None:
            raise self.ends.stopped
        return bool(self.todo or self.claims)

    # -- feeding the lanes ---------------------------------------------------------------------

    def _busy(self) -> bool:
        """Give every free lane work; False when nothing is under way any more."""
        self._look_ahead()
        self._start()
        return bool(self.running)

    def _stopping(self) -> bool:
        return self.ends.stopped is not None or time.monotonic() >= self.stop_at

    def _look_ahead(self) -> None:
        """Claim and look up the next slice while the lanes still have something to do."""
        while not self._searching() and len(self.todo) <= 4 * self.lanes:
            slice_ = self._claim()
            if not slice_:
                break
            self._take_in(slice_)
        if not self._searching() and self.ends.stopped is None and self._must_prove():
            proving, self.unproven = self.unproven, []
            self._search(proving, self._proved)

    def _searching(self) -> bool:
        return any(isinstance(thing, _Asked) for thing in self.running.values())

    def _must_prove(self) -> bool:
        idle = not self.running and not self.todo
        return bool(self.unproven) and (idle or len(self.unproven) >= SLICE)

    def _claim(self) -> list[Posting]:
        early = time.monotonic() >= self.stop_at - _AHEAD_S
        while self.claims and not self._stopping() and not (early and self.claimed):
            slice_ = self.claims[0](
                self.cycle.tenant.pk,
                owner=self.cycle.owner,
                limit=SLICE,
                lease_s=LEASE_S,
                now=timezone.now(),
                ids=self.ids,
            )
            if slice_:
                self.claimed = True
                return slice_
            self.claims.pop(0)
        return []

    def _take_in(self, slice_: list[Posting]) -> None:
        self.ends.add(slice_)
        intake = take_in(self.cycle, slice_)
        self.ends.hold(intake.held)
        for posting, why in intake.later:
            self.ends.not_ready(posting, why)
        if intake.ready:
            self.cycle.epicor.ensure()
            if self._mirrored(intake.ready):
                self._search(intake.ready, self._judged)

    def _mirrored(self, jobs: Sequence[Prepared]) -> bool:
        """Know what people typed lately where something is about to be entered; False = stop."""
        new = {job.draft.company for job in jobs if job.posting.state == _IN_FLIGHT}
        try:
            refresh_mirror(self.cycle, new)
        except PostingError as error:
            self.ends.stopped = self.ends.stopped or error
            return False
        return True

    def _search(self, jobs: list[Prepared], then: Callable[[_Search], None]) -> None:
        suspects = candidates_for(self.cycle, jobs)
        asked, found = questions(self.cycle, jobs, keys_of(suspects))
        search = _Search(jobs, found, suspects, then, len(asked))
        for question in asked:
            self._ask(_Asked(search, question))

    def _ask(self, asked: _Asked) -> None:
        self.running[self.pool.submit(asked.question.ask, self.cycle.epicor)] = asked

    def _judged(self, search: _Search) -> None:
        """Sort a slice by what Epicor has of it."""
        bill_ids = [job.posting.bill_id for job in search.jobs]
        ours = Ours(
            attempts.revisions(self.cycle.tenant.pk, bill_ids),
            attempts.doubts(self.cycle.tenant.pk, bill_ids),
        )
        update_edits = self.cycle.posting.after_entry_edits == "update"
        table = periods(self.cycle.tenant.pk, self.cycle.companies)
        typed = still_there(self.cycle, search.suspects, search.found.by_key)
        held, new = [], []
        for job in search.jobs:
            verdict = judge(job, search.found, ours, update_edits=update_edits)
            if verdict == Write(None):
                verdict = suspected(job, typed.get(job.posting.bill_id, ())) or verdict
            if isinstance(verdict, Hold):
                held.append((job.posting, verdict))
            elif isinstance(verdict, Verify):
                self.ends.finish(job, verdict.saved)
            elif isinstance(verdict, NotThere):
                self.ends.not_there(job.posting)
            elif isinstance(verdict, Write) and verdict.saved is not None:
                self.todo.append(Todo.of(job, verdict.saved, table))
            else:
                new.append(job)
        twins = twins_among(new, self._busy_keys())
        held += [(job.posting, twins[job.posting.pk]) for job in new if job.posting.pk in twins]
        self.todo += [Todo.of(job, None, table) for job in new if job.posting.pk not in twins]
        self.ends.hold(held)

    def _busy_keys(self) -> dict[tuple[str, int, str], str]:
        jobs = [thing for thing in self.running.values() if isinstance(thing, Job)]
        items = [*self.todo, *(job.item for job in jobs)]
        return {normal(i.prepared.draft.key): i.prepared.posting.bill_id for i in items}

    def _proved(self, search: _Search) -> None:
        """Verify invoices whose totals their own answers did not show, read back in one go."""
        for job in search.jobs:
            saved = search.found.own(job.posting.bill_id)
            if saved is not None:
                self.ends.finish(job, saved)
            else:
                message = "Epicor said that it saved the invoice, but it cannot be seen there."
                self.ends.hold([(job.posting, Hold(Reason.MISMATCH, message))])

    # -- writing -------------------------------------------------------------------------------

    def _start(self) -> None:
        """Give each free lane a bill."""
        while self.todo and not self._stopping():
            jobs = [thing for thing in self.running.values() if isinstance(thing, Job)]
            if len(jobs) >= self.lanes:
                return
            place = next_place(self.todo, Counter(job.item.period for job in jobs))
            if place is None:
                return
            self._begin(self.todo.pop(place))

    def _begin(self, item: Todo) -> None:
        """Start the conversation of one bill: where needed its group's first, then its own."""
        try:
            group = None if item.saved is not None else self.groups.take(*item.period)
            job = Job.of(item, group, self.cycle)
        except StopIteration as end:
            self.ends.finish(item.prepared, end.value)
        except PostingError as error:
            self.ends.end_badly(item.prepared.posting, error)
        else:
            self._send(job)

    def _send(self, job: Job) -> None:
        step = job.step
        if step.writes and job.attempt is None:
            begin_write(self.cycle, job, LEASE_S)
        future = self.pool.submit(
            self.cycle.epicor.call,
            job.item.prepared.draft.company,
            step.service,
            step.method,
            step.parameters,
            repeatable=not step.writes,
            deadline_s=job.deadline_s,
        )
        self.running[future] = job

    # -- answers -------------------------------------------------------------------------------

    def _answered(self, future: Future[Any]) -> None:
        thing = self.running.pop(future)
        try:
            if isinstance(thing, _Asked):
                self._found(thing, future)
            else:
                self._advance(thing, future)
        except postings.LostLeaseError as error:
            # We were too slow and somebody else has it now; its record says what we sent.
            logger.warning("A posting moved on: %s", error)

    def _found(self, asked: _Asked, future: Future[list[SavedInvoice]]) -> None:
        search = asked.search
        try:
            invoices = future.result()
        except TokenExpiredError:
            if asked.renewed:
                raise AccessError(_TOKEN) from None
            self.cycle.epicor.renew()
            self._ask(_Asked(search, asked.question, renewed=True))
            return
        except PostingError as error:
            self.ends.stopped = self.ends.stopped or error
            return
        search.found.add(asked.question.company, invoices)
        search.pending -= 1
        if search.pending == 0 and self.ends.stopped is None:
            search.then(search)

    def _advance(self, job: Job, future: Future[Any]) -> None:
        """Take an answer in: commit its outcome, then go on with the conversation or end it."""
        answer = None
        try:
            answer = future.result()
            job.step = job.talk.send(answer)
            note(job, Attempt.Outcome.DONE, answer)
        except StopIteration as end:
            self._ended(job, answer, end.value)
        except TokenExpiredError:
            self._renew(job)
        except PostingError as error:
            self._failed(job, error, answer)
        except postings.LostLeaseError:
            raise
        except Exception as error:
            # The one place that owns what nobody foresaw: it must not take other bills along.
            logger.exception("Entering bill %s failed", job.item.prepared.posting.bill_id)
            self._failed(job, PostingError(f"{_BUG} ({type(error).__name__})"), answer)
        else:
            self._send(job)

    def _renew(self, job: Job) -> None:
        """The token was refused before anything was looked at: log in anew, send the step again."""
        if job.renewed:
            self._failed(job, AccessError(_TOKEN), None)
            return
        try:
            self.cycle.epicor.renew()
        except PostingError as error:
            self._failed(job, error, None)
            return
        job.renewed = True
        self._send(job)

    def _ended(self, job: Job, answer: Any, result: Any) -> None:
        """A conversation is over: the lane gets its next request before this one is recorded."""
        if job.opening and job.group is not None:
            note(job, Attempt.Outcome.DONE, answer)
            self.groups.opened(job.group, result)
            self._begin_in(job)
            return
        self._free(job)
        self._start()
        with transaction.atomic():
            note(job, Attempt.Outcome.DONE, answer)
            if result.stale:
                self.unproven.append(job.item.prepared)
            else:
                self.ends.finish(job.item.prepared, result)

    def _begin_in(self, job: Job) -> None:
        """The group is open: now the bill's own conversation."""
        try:
            job.write(self.cycle)
        except PostingError as error:
            self._failed(job, error, None)
        else:
            self._send(job)

    def _free(self, job: Job) -> None:
        if job.group is not None:
            self.groups.give_back(job.group)

    def _failed(self, job: Job, error: PostingError, answer: Any) -> None:
        note(job, outcome_of(error, answered=answer is not None), answer, error)
        self._free(job)
        posting = job.item.prepared.posting
        if job.opening and isinstance(error, DuplicateInvoiceError):
            self.todo.insert(0, job.item)  # that name is in use in Epicor: the next one
        elif job.opening and isinstance(error, UncertainOutcomeError):
            # Perhaps opened: the name is used up, and an empty group does no harm.
            self.ends.end_badly(posting, TransientError(f"{_GROUP_UNSURE} ({error.message})"))
        elif isinstance(error, UncertainOutcomeError):
            self.ends.doubt(posting, error.message)
        elif isinstance(error, RejectedError) and not job.opening:
            self._refused(job, error)
        else:
            self.ends.end_badly(posting, error)

    def _refused(self, job: Job, error: RejectedError) -> None:
        """Was it the bill, or what stands around it: its group, its period, its number?"""
        posting = job.item.prepared.posting
        if isinstance(error, DuplicateInvoiceError):
            if posting.bill_id in self.refused_as_double:
                self.ends.end_badly(posting, error)
                return
            self.refused_as_double.add(posting.bill_id)
            self._again([job.item], "Epicor has this number by now; it is looked up once more.")
            return
        try:
            if job.group is None:
                self._refused_there(job, error)
            elif why := self.groups.lost(job.group):
                self._again([job.item], why)
            elif why := period_closed_now(self.cycle, job.item):
                same = [item for item in self.todo if item.period == job.item.period]
                self.todo = [item for item in self.todo if item.period != job.item.period]
                self._again([job.item, *same], why)
            else:
                self.ends.end_badly(posting, error)
        except PostingError as second:
            self.ends.end_badly(posting, second)

    def _refused_there(self, job: Job, error: RejectedError) -> None:
        """Something was to be changed in an invoice that is there: is its group in use?"""
        item = job.item
        group_id = item.saved.group_id if item.saved is not None else ""
        why = taken(self.cycle, item.prepared.draft.company, group_id) if group_id else ""
        if why:
            self.ends.occupied(item.prepared.posting, why)
        else:
            self.ends.end_badly(item.prepared.posting, error)

    def _again(self, items: Sequence[Todo], why: str) -> None:
        for item in items:
            self.ends.again(item.prepared.posting, why)
        if not self.claims:
            self.claims = [postings.claim]


_TOKEN = "Epicor refuses a token that it just issued. No bill is lost; check epicor.auth."  # noqa: S105
_GROUP_UNSURE = (
    "Epicor did not say whether a group was opened. No bill was sent into it; it is tried again "
    "in another group."
)
_BUG = (
    "Something nobody foresaw happened while this bill was entered. It is looked up in Epicor "
    "before anything is sent again. Report it with the bill's number."
)
