"""Looks before anything is written: asks Epicor about a slice of bills, and sorts them by what is
there. What is to be written waits for a lane; everything else comes to its end here.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from audit.ledger import duplicates
from audit.ledger.models import Posting
from audit.writes import attempts
from connector.domain.errors import Hold, PostingError, Reason
from connector.sync.bills.decide import (
    NotThere,
    Ours,
    There,
    Verdict,
    Verify,
    Write,
    decide,
    likeliest,
    several,
)
from connector.sync.bills.due import Due, ToEnter
from connector.sync.bills.duplicates import (
    candidates_for,
    duplicate_hold,
    keys_of,
    refresh_mirror,
    still_there,
    suspected,
)
from connector.sync.bills.find_invoices import Found, name_of, questions
from connector.sync.bills.intake import Intake, take_in
from connector.sync.bills.lanes import Asking, Task, send
from connector.sync.bills.prepare import Prepared
from connector.sync.context import Cycle
from connector.sync.narrow import bug, is_unexpected, narrow
from mappings.duplicate_rules import Candidate
from mappings.fiscal import PeriodTable
from mappings.periods import periods

logger = logging.getLogger(__name__)

_IN_FLIGHT = Posting.State.IN_FLIGHT

Blind = tuple[Posting, Hold]  # in doubt, and cannot be drafted: the hold says why
Subject = Prepared | Blind


@dataclass(frozen=True, slots=True)
class Answer:
    """What Epicor has of some bills; `suspects`: what people typed that may be one of them."""

    jobs: Sequence[Prepared]
    blind: Sequence[Blind]
    found: Found
    suspects: Mapping[str, Sequence[Candidate]]


Follow = Callable[[Due, Answer], None]


def look_up_slice(due: Due, slice_: Sequence[Posting]) -> Task:
    """Take claimed bills in and look up those that can go on; a task of its own."""
    outcomes = due.outcomes
    outcomes.add(slice_)
    intake = _take_in(due.cycle, slice_)
    outcomes.hold(intake.held)
    for posting, why in intake.later:
        outcomes.not_ready(posting, why)
    if not (intake.ready or intake.blind):
        return
    due.cycle.epicor.ensure()
    # Know what people typed lately where something is about to be entered.
    new = {job.draft.company for job in intake.ready if job.posting.state == _IN_FLIGHT}
    try:
        refresh_mirror(due.cycle, new)
    except PostingError as error:
        outcomes.stop(error)
        return
    yield from _looking(due, [*intake.ready, *intake.blind], _sort)


def prove(due: Due) -> Task:
    """Verify invoices whose totals their own answers did not show, read back in one go."""
    some, due.unproven = due.unproven, []
    yield from _looking(due, some, _prove, begun=True)


def search(cycle: Cycle, some: Sequence[Subject]) -> Asking[Answer]:
    """Ask every company at the same time, in one request each, what it has of these bills.

    Raises AccessError, TransientError.
    """
    jobs = [one for one in some if isinstance(one, Prepared)]
    blind = [one for one in some if not isinstance(one, Prepared)]
    suspects = candidates_for(cycle, jobs)
    queries, found = questions(cycle, jobs, keys_of(suspects), [posting for posting, _ in blind])
    answers = yield from send(cycle.epicor, [partial(one.search, cycle.epicor) for one in queries])
    for question, invoices in zip(queries, answers, strict=True):
        found.add(question.company, invoices)
    return Answer(jobs, blind, found, suspects)


def _take_in(cycle: Cycle, slice_: Sequence[Posting]) -> Intake:
    """The slice taken in; a bill that breaks it is held alone and stops nobody else."""
    broken = Intake()

    def broke(posting: Posting, error: Exception) -> None:
        broken.held.append((posting, bug(error)))

    parts = narrow(slice_, partial(take_in, cycle), broke)
    return Intake.joined([*parts, broken])


def _looking(due: Due, some: Sequence[Subject], follow: Follow, *, begun: bool = False) -> Task:
    """Look these bills up; meanwhile no other slice is."""
    due.looking = True
    try:
        yield from _look_up(due, some, follow, begun=begun)
    finally:
        due.looking = False


def _look_up(due: Due, some: Sequence[Subject], follow: Follow, *, begun: bool) -> Task:
    """Look these bills up and do what follows; where that breaks, anew for each half of them.

    `begun`: something of them is perhaps saved by this run. A bill that breaks it is ended alone.
    """
    found: Found | None = None
    try:
        answer = yield from search(due.cycle, some)
        found = answer.found
        if due.outcomes.stopped is None:
            _follow(due, answer, follow)
    except PostingError as error:
        due.outcomes.stop(error)
    except Exception as error:
        if not is_unexpected(error):
            raise
        left = _left(due, some)
        if len(some) == 1:
            for one in left:
                _broke(due, posting_of(one), error, found, begun=begun)
            return
        half = (len(left) + 1) // 2
        for part in filter(None, (left[:half], left[half:])):
            yield from _look_up(due, part, follow, begun=begun)


def _broke(
    due: Due, posting: Posting, error: Exception, found: Found | None, *, begun: bool
) -> None:
    logger.error("A bill broke its look-up; the others go on", exc_info=error)
    there = found is not None and bool(found.by_stamp.get(posting.bill_id))
    due.outcomes.broke(posting, error, begun=begun or there)


def _follow(due: Due, answer: Answer, follow: Follow) -> None:
    """What follows from a look-up; what can only be said of one bill is said of that one."""
    try:
        follow(due, answer)
    except PostingError as error:
        alone = len(answer.jobs) + len(answer.blind) == 1
        for one in _left(due, [*answer.jobs, *answer.blind]):
            if alone:
                due.outcomes.end_badly(posting_of(one), error)
            elif isinstance(one, Prepared):
                _follow(due, replace(answer, jobs=[one], blind=[]), follow)
            else:
                _follow(due, replace(answer, jobs=[], blind=[one]), follow)


def _left(due: Due, some: Sequence[Subject]) -> list[Subject]:
    """Those of the bills that have no end yet, and are not about to be written."""
    left = due.outcomes.open.keys() - {item.posting.pk for item in due.to_enter}
    return [one for one in some if posting_of(one).pk in left]


# -- what follows ----------------------------------------------------------------------------------


def _sort(due: Due, answer: Answer) -> None:
    """Decide on each bill by what Epicor has of it, and do what was decided."""
    tenant_id = due.cycle.tenant.pk
    bill_ids = [job.posting.bill_id for job in answer.jobs]
    ours = Ours(attempts.revisions(tenant_id, bill_ids), attempts.doubts(tenant_id, bill_ids))
    update_edits = due.cycle.posting.after_entry_edits == "update"
    table = periods(tenant_id, due.cycle.companies)
    typed = still_there(due.cycle, answer.suspects, answer.found.by_key)
    others = duplicates.others(tenant_id, [job.incoming for job in answer.jobs])
    held, new = [], []
    for job in answer.jobs:
        rivals = others.get(job.posting.bill_id, ())
        verdict = decide(job, answer.found, ours, update_edits=update_edits, others=rivals)
        if verdict == Write(None):
            known = [one for one in rivals if not one.is_undecided]
            verdict = suspected(job, typed.get(job.posting.bill_id, ()), known) or verdict
        if isinstance(verdict, Hold):
            held.append((job.posting, verdict))
        elif isinstance(verdict, Write) and due.only_look:
            due.outcomes.rest(job.posting)
        elif verdict == Write(None):
            new.append(job)
        elif isinstance(verdict, Write):
            due.to_enter.append(ToEnter.of(job, verdict.saved, table))
        else:
            _end(due, job, verdict)
    due.outcomes.hold(held)
    _to_lanes(due, new, others, table)
    _sort_blind(due, answer)


def _to_lanes(
    due: Due, new: Sequence[Prepared], others: Mapping[str, object], table: PeriodTable
) -> None:
    """Of what is to be entered, one bill of each number; the others wait for it."""
    behind = duplicates.among([job.incoming for job in new], due.in_hand())
    second = [job for job in new if job.posting.bill_id in behind]
    due.outcomes.hold(
        [
            (job.posting, duplicate_hold(job.draft, [], [behind[job.posting.bill_id]]))
            for job in second
        ]
    )
    for job in new:
        if job.posting.bill_id in behind:
            continue
        if job.posting.bill_id in others:  # whether the other one gets in shows shortly
            due.give_way(job.posting)
        else:
            due.to_enter.append(ToEnter.of(job, None, table))


def _end(due: Due, job: Prepared, verdict: Verdict) -> None:
    """What is there, or surely not there: nothing is written now."""
    if isinstance(verdict, Verify):
        due.outcomes.finish(job, verdict.saved)
    elif isinstance(verdict, There):
        due.outcomes.there_otherwise(job.posting, verdict.company, verdict.saved, verdict.hold)
    elif isinstance(verdict, NotThere):
        due.outcomes.not_there(job.posting, verdict.hold)


def _sort_blind(due: Due, answer: Answer) -> None:
    """Bills of which only the look-up can say anything."""
    outcomes = due.outcomes
    for posting, hold in answer.blind:
        mine = answer.found.by_stamp.get(posting.bill_id)
        known = posting.state == Posting.State.IN_DOUBT
        if not mine and known:
            outcomes.not_there(posting)
        elif not mine:
            outcomes.hold([(posting, hold)])
        elif more := several(posting, mine):
            outcomes.there_otherwise(posting, *likeliest(posting, mine), more)
        elif known:
            why = not_comparable(name_of(*mine[0]), hold)
            outcomes.there_otherwise(posting, *mine[0], why)
        else:
            outcomes.found(posting, *mine[0])
            due.claim_again()  # to be compared in this run


def _prove(due: Due, answer: Answer) -> None:
    """Compare what was saved by this run, and is seen whole only now."""
    for job in answer.jobs:
        saved = answer.found.own(job.posting.bill_id)
        if saved is not None:
            due.outcomes.finish(job, saved)
        else:
            message = "Epicor said that it saved the invoice, but it cannot be seen there."
            due.outcomes.doubt(job.posting, message)


def not_comparable(name: str, why: Hold) -> Hold:
    """Of a bill that was in doubt, is there, and cannot be drafted just now."""
    message = (
        f"The bill is in Epicor as {name}, but cannot be compared with Ramp just now because: "
        f"{why.message} Replay it once that is solved; or compare the two and keep it as it is, or "
        "remove it."
    )
    because = {"reason": why.reason, "detail": why.detail}
    return Hold(Reason.MISMATCH, message, {"differences": [], "name": name, "because": because})


def posting_of(one: Subject) -> Posting:
    """The posting of a bill that is looked up."""
    return one.posting if isinstance(one, Prepared) else one[0]
