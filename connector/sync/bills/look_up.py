"""Looks before anything is written: claims what is due, asks Epicor, and sorts by what is there.

The next slice is looked up while the lanes still write the one before, so that no lane waits.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial

from django.utils import timezone

from audit.ledger import duplicates
from audit.ledger.models import Posting
from audit.writes import attempts
from connector.domain.errors import AccessError, Hold, PostingError, Reason
from connector.epicor.ap_invoice.rows import SavedInvoice
from connector.http_client.tokens import TokenExpiredError
from connector.sync.bills.board import Board
from connector.sync.bills.decide import (
    NotThere,
    Ours,
    There,
    Verdict,
    Verify,
    Write,
    judge,
    likeliest,
    several,
)
from connector.sync.bills.duplicates import (
    candidates_for,
    keys_of,
    refresh_mirror,
    still_there,
    suspected,
    twins_hold,
)
from connector.sync.bills.find_invoices import Found, Question, name_of, questions
from connector.sync.bills.intake import Intake, take_in
from connector.sync.bills.lanes import LEASE_S, Todo
from connector.sync.bills.prepare import Prepared
from connector.sync.narrow import bug, narrow
from mappings.duplicate_rules import Candidate
from mappings.fiscal import PeriodTable
from mappings.periods import periods

SLICE = 50
_AHEAD_S = 1.5  # so long before the end nothing new is claimed
_IN_FLIGHT = Posting.State.IN_FLIGHT
TOKEN = "Epicor refuses a token that it just issued. No bill is lost; check epicor.auth."  # noqa: S105


Blind = tuple[Posting, Hold]  # in doubt, and cannot be drafted: the hold says why
Subject = Prepared | Blind


@dataclass(slots=True)
class Search:
    """A look-up under way: one question a company, then what follows from all answers."""

    jobs: Sequence[Prepared]
    found: Found
    suspects: dict[str, list[Candidate]]
    then: Callable[["Search"], None]
    pending: int
    blind: Sequence[Blind] = ()  # without a draft
    begun: bool = False  # something of these bills is perhaps saved by this run
    over: bool = False  # it broke and is asked anew: further answers are not taken in

    def only(self, some: Sequence[Subject]) -> "Search":
        """The same, of these bills alone."""
        jobs = [one for one in some if isinstance(one, Prepared)]
        blind = [one for one in some if not isinstance(one, Prepared)]
        return replace(self, jobs=jobs, blind=blind)


@dataclass(slots=True)
class Asked:
    """One question of a search, in a thread."""

    search: Search
    question: Question
    renewed: bool = False


class Looking:
    """The look-ups of one run."""

    def __init__(self, board: Board, lanes: int) -> None:
        self.board = board
        self.enough = 4 * lanes  # so much to be written that no more is looked up
        self._claimed = False

    def ahead(self) -> None:
        """Claim and look up the next slice while the lanes still have something to do."""
        while not self.board.asked and len(self.board.todo) <= self.enough:
            slice_ = self._claim()
            if not slice_:
                break
            self._take_in(slice_)
        if not self.board.asked and self.board.ends.stopped is None and self._must_prove():
            proving, self.board.unproven = self.board.unproven, []
            self.search(proving, self._proved, begun=True)

    def _must_prove(self) -> bool:
        idle = not self.board.jobs and not self.board.asked and not self.board.todo
        return bool(self.board.unproven) and (idle or len(self.board.unproven) >= SLICE)

    def _claim(self) -> list[Posting]:
        early = time.monotonic() >= self.board.stop_at - _AHEAD_S
        while self.board.claims and not self.board.stopping() and not (early and self._claimed):
            slice_ = self.board.claims[0](
                self.board.cycle.tenant.pk,
                owner=self.board.cycle.owner,
                limit=SLICE,
                lease_s=LEASE_S,
                now=timezone.now(),
                ids=self.board.ids,
            )
            if slice_:
                self._claimed = True
                return slice_
            self.board.claims.pop(0)
        return []

    def _take_in(self, slice_: list[Posting]) -> None:
        self.board.ends.add(slice_)
        intake = self._sorted(slice_)
        self.board.ends.hold(intake.held)
        for posting, why in intake.later:
            self.board.ends.not_ready(posting, why)
        if intake.ready or intake.blind:
            self.board.cycle.epicor.ensure()
            if self._mirrored(intake.ready):
                self.search(intake.ready, self._judged, intake.blind)

    def _sorted(self, slice_: list[Posting]) -> Intake:
        """The slice taken in; a bill that breaks it is held alone and stops nobody else."""
        broken = Intake()

        def broke(posting: Posting, error: Exception) -> None:
            broken.held.append((posting, bug(error)))

        parts = narrow(slice_, partial(take_in, self.board.cycle), broke)
        return Intake.joined([*parts, broken])

    def _mirrored(self, jobs: Sequence[Prepared]) -> bool:
        """Know what people typed lately where something is about to be entered; False = stop."""
        new = {job.draft.company for job in jobs if job.posting.state == _IN_FLIGHT}
        try:
            refresh_mirror(self.board.cycle, new)
        except PostingError as error:
            self.board.ends.stopped = self.board.ends.stopped or error
            return False
        return True

    def search(
        self,
        jobs: Sequence[Prepared],
        then: Callable[[Search], None],
        blind: Sequence[Blind] = (),
        *,
        begun: bool = False,
    ) -> None:
        """Ask Epicor about these bills; `then` gets the search with what was found.

        `begun`: something of them is perhaps saved by this run. A bill that breaks the look-up
        is ended alone (`_broke`).
        """
        some: list[Subject] = [*jobs, *blind]
        step = partial(self._search, then=then, begun=begun)
        narrow(some, step, partial(self._broke, begun=begun))

    def _search(
        self, some: Sequence[Subject], *, then: Callable[[Search], None], begun: bool
    ) -> None:
        jobs = [one for one in some if isinstance(one, Prepared)]
        blind = [one for one in some if not isinstance(one, Prepared)]
        suspects = candidates_for(self.board.cycle, jobs)
        unseen = [posting for posting, _ in blind]
        asked, found = questions(self.board.cycle, jobs, keys_of(suspects), unseen)
        search = Search(jobs, found, suspects, then, len(asked), blind, begun)
        for question in asked:
            self._ask(Asked(search, question))

    def _ask(self, asked: Asked) -> None:
        future = self.board.look_pool.submit(asked.question.ask, self.board.cycle.epicor)
        self.board.asked[future] = asked

    def answered(self, asked: Asked, future: Future[list[SavedInvoice]]) -> None:
        """Take in what a company answered; what breaks on it is narrowed to its bill."""
        narrow([asked], lambda _: self._answered(asked, future), self._split)

    def _answered(self, asked: Asked, future: Future[list[SavedInvoice]]) -> None:
        search = asked.search
        if search.over:
            return
        try:
            invoices = future.result()
        except TokenExpiredError as expired:
            if asked.renewed and expired.refused:
                raise AccessError(TOKEN) from None
            self.board.cycle.epicor.renew(expired)
            renewed = asked.renewed or bool(expired.refused)
            self._ask(Asked(search, asked.question, renewed=renewed))
            return
        except PostingError as error:
            self.board.ends.stopped = self.board.ends.stopped or error
            return
        search.found.add(asked.question.company, invoices)
        search.pending -= 1
        if search.pending == 0 and self.board.ends.stopped is None:
            self._conclude(search)

    def _conclude(self, search: Search) -> None:
        """What follows from a look-up; what can only be said of one bill is said of that one."""
        try:
            search.then(search)
        except PostingError as error:
            alone = len(search.jobs) + len(search.blind) == 1
            for one in self._left(search):
                if alone:
                    self.board.ends.end_badly(posting_of(one), error)
                else:
                    self._conclude(search.only([one]))

    def _split(self, asked: Asked, error: Exception) -> None:
        """Ask again for each half of the bills of a look-up that broke; end the one that breaks it.

        Whatever else is answered to the old look-up is not taken in.
        """
        search = asked.search
        search.over = True
        left, whole = self._left(search), len(search.jobs) + len(search.blind)
        if whole == 1:
            for one in left:
                there = bool(search.found.by_stamp.get(posting_of(one).bill_id))
                self._broke(one, error, begun=search.begun or there)
            return
        half = (len(left) + 1) // 2
        for some in (left[:half], left[half:]):
            again = search.only(some)
            self.search(again.jobs, again.then, again.blind, begun=again.begun)

    def _left(self, search: Search) -> list[Subject]:
        """The bills of a search that have no end yet, and are not about to be written."""
        to_write = {item.prepared.posting.pk for item in self.board.todo}
        left = self.board.ends.open.keys() - to_write
        some: list[Subject] = [*search.jobs, *search.blind]
        return [one for one in some if posting_of(one).pk in left]

    def _broke(self, one: Subject, error: Exception, *, begun: bool) -> None:
        self.board.ends.broke(posting_of(one), error, begun=begun)

    def _judged(self, search: Search) -> None:
        """Sort a slice by what Epicor has of it."""
        tenant_id = self.board.cycle.tenant.pk
        bill_ids = [job.posting.bill_id for job in search.jobs]
        ours = Ours(attempts.revisions(tenant_id, bill_ids), attempts.doubts(tenant_id, bill_ids))
        update_edits = self.board.cycle.posting.after_entry_edits == "update"
        table = periods(tenant_id, self.board.cycle.companies)
        typed = still_there(self.board.cycle, search.suspects, search.found.by_key)
        others = duplicates.others(tenant_id, [job.asked for job in search.jobs])
        held, new = [], []
        for job in search.jobs:
            rivals = others.get(job.posting.bill_id, ())
            verdict = judge(job, search.found, ours, update_edits=update_edits, others=rivals)
            if verdict == Write(None):
                known = [one for one in rivals if not one.is_undecided]
                verdict = suspected(job, typed.get(job.posting.bill_id, ()), known) or verdict
            if isinstance(verdict, Hold):
                held.append((job.posting, verdict))
            elif isinstance(verdict, Write) and self.board.only_look:
                self.board.ends.rest(job.posting)
            elif verdict == Write(None):
                new.append(job)
            elif isinstance(verdict, Write) and verdict.saved is not None:
                self.board.todo.append(Todo.of(job, verdict.saved, table))
            else:
                self._end(job, verdict)
        self.board.ends.hold(held)
        self._go_on(new, others, table)
        self._judged_blind(search)

    def _go_on(
        self, new: Sequence[Prepared], others: Mapping[str, object], table: PeriodTable
    ) -> None:
        """Of what is to be entered, one bill of each number; the others wait for it."""
        behind = duplicates.among([job.asked for job in new], self.board.going())
        second = [job for job in new if job.posting.bill_id in behind]
        self.board.ends.hold(
            [
                (job.posting, twins_hold(job.draft, [], [behind[job.posting.bill_id]]))
                for job in second
            ]
        )
        for job in new:
            if job.posting.bill_id in behind:
                continue
            if job.posting.bill_id in others:  # whether the other one gets in shows shortly
                self.board.give_way(job.posting)
            else:
                self.board.todo.append(Todo.of(job, None, table))

    def _end(self, job: Prepared, verdict: Verdict) -> None:
        """What is there, or surely not there: nothing is written now."""
        ends = self.board.ends
        if isinstance(verdict, Verify):
            ends.finish(job, verdict.saved)
        elif isinstance(verdict, There):
            ends.there_otherwise(job.posting, verdict.company, verdict.saved, verdict.hold)
        elif isinstance(verdict, NotThere):
            ends.not_there(job.posting, verdict.hold)

    def _judged_blind(self, search: Search) -> None:
        """Bills of which only the look-up can say anything."""
        ends = self.board.ends
        for posting, hold in search.blind:
            mine = search.found.by_stamp.get(posting.bill_id)
            known = posting.state == Posting.State.IN_DOUBT
            if not mine and known:
                ends.not_there(posting)
            elif not mine:
                ends.hold([(posting, hold)])
            elif more := several(posting, mine):
                ends.there_otherwise(posting, *likeliest(posting, mine), more)
            elif known:
                why = not_comparable(name_of(*mine[0]), hold)
                ends.there_otherwise(posting, *mine[0], why)
            else:
                ends.found(posting, *mine[0])
                self.board.claim_again()  # to be compared in this run

    def _proved(self, search: Search) -> None:
        """Verify invoices whose totals their own answers did not show, read back in one go."""
        for job in search.jobs:
            saved = search.found.own(job.posting.bill_id)
            if saved is not None:
                self.board.ends.finish(job, saved)
            else:
                message = "Epicor said that it saved the invoice, but it cannot be seen there."
                self.board.ends.doubt(job.posting, message)


def not_comparable(name: str, why: Hold) -> Hold:
    """Of a bill that was in doubt, is there, and cannot be drafted just now."""
    message = (
        f"The bill is in Epicor as {name}, but cannot be compared with Ramp just now because: "
        f"{why.message} Replay it once that is solved; or compare the two and keep it as it is, or "
        "remove it."
    )
    return Hold(Reason.MISMATCH, message, {"differences": []})


def posting_of(one: Subject) -> Posting:
    """The posting of a bill that is looked up."""
    return one.posting if isinstance(one, Prepared) else one[0]
