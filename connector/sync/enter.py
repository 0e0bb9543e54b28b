"""Enters what is due, slice by slice: claim, prepare, look up, write in lanes, verify, record.

The lanes are threads that only do HTTP; everything that touches the database happens here, in
the job's own thread. Before each write its intent is committed, straight after the answer its
outcome; no transaction is open across HTTP.
"""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from audit import attempts, postings
from audit.failures import (
    AccessError,
    Hold,
    PostingError,
    Reason,
    TransientError,
    UncertainOutcomeError,
)
from audit.models import Attempt, Posting
from connector.epicor.client import MethodAnswer
from connector.epicor.dataset import SavedInvoice
from connector.epicor.writers import Conversation, Step, two_step
from connector.models import Bill, InvoiceGroup
from connector.ramp.errors import NotFoundError
from connector.redaction import redact
from connector.sync.context import Cycle
from connector.sync.endings import IN_EPICOR, Endings
from connector.sync.groups import Groups
from connector.sync.lookup import Found, judge, look_up, twins_in_slice
from connector.sync.prepare import Payloads, Prepared, prepare
from connector.sync.pull import take
from connector.tokens import TokenExpiredError
from mappings.fiscal import PeriodTable
from mappings.periods import periods

logger = logging.getLogger(__name__)

SLICE = 50
WRITE_S = 120.0  # total deadline of one write
LEASE_S = 900.0
CROWDED = 8


@dataclass(frozen=True, slots=True)
class _Todo:
    prepared: Prepared
    saved: SavedInvoice | None
    period: tuple[str, str]


@dataclass(slots=True)
class _Job:
    prepared: Prepared
    period: tuple[str, str]
    group: InvoiceGroup | None
    talk: Conversation
    step: Step
    attempt: Attempt | None = None
    renewed: bool = False


def enter_due(cycle: Cycle, *, stop_at: float, ids: Sequence[int] | None = None) -> None:
    """Enter every posting that is due (or only these Posting ids) until `stop_at` (monotonic).

    Raises AccessError when Epicor refuses us; whatever was claimed is then queued again.
    """
    groups = Groups(cycle)
    try:
        for claim in (postings.claim_rechecks, postings.claim_doubtful, postings.claim):
            while time.monotonic() < stop_at:
                slice_ = claim(
                    cycle.tenant.pk,
                    owner=cycle.owner,
                    limit=SLICE,
                    lease_s=LEASE_S,
                    now=timezone.now(),
                    ids=ids,
                )
                if not slice_:
                    break
                _Slice(cycle, groups, slice_, stop_at).run()
    finally:
        groups.close()


class _Slice:
    """One slice of claimed postings on its way to their ends."""

    def __init__(
        self, cycle: Cycle, groups: Groups, slice_: Sequence[Posting], stop_at: float
    ) -> None:
        self.stop_at = stop_at
        self.cycle = cycle
        self.groups = groups
        self.slice = list(slice_)
        self.ends = Endings(cycle, slice_)
        self.unproven: list[Prepared] = []
        self.periods: PeriodTable = periods(cycle.tenant.pk, cycle.companies)

    def run(self) -> None:
        """Enter the slice. Whatever breaks, no posting stays behind leased and forgotten."""
        try:
            payloads = self._fresh()
            ready, held = prepare(self.cycle, self._still_open(payloads), payloads)
            self.ends.hold([(posting, _perhaps_there(posting, hold)) for posting, hold in held])
            if ready:
                self._write(ready, look_up(self.cycle, ready))
        finally:
            self.ends.give_back()

    # -- before writing ----------------------------------------------------------------------

    def _fresh(self) -> Payloads:
        """The bills as read in this run; those not among the ready ones are read singly."""
        bill_ids = [posting.bill_id for posting in self.slice]
        seen = Bill.objects.filter(
            tenant=self.cycle.tenant, bill_id__in=bill_ids, seen_at__gte=self.cycle.started_at
        )
        payloads: dict[str, dict[str, Any]] = dict(seen.values_list("bill_id", "payload"))
        for bill_id in bill_ids:
            if bill_id not in payloads:
                payloads[bill_id] = self._read(bill_id)
        return payloads

    def _read(self, bill_id: str) -> dict[str, Any]:
        try:
            payload = self.cycle.ramp.bill(bill_id)
        except NotFoundError:
            return {"id": bill_id, "archived_at": "unknown"}
        take(self.cycle, [payload])
        return payload

    def _still_open(self, payloads: Payloads) -> list[Posting]:
        """Only what Ramp still wants entered; the rest gets its hold or goes back."""
        rest, held = [], []
        for posting in self.slice:
            payload = payloads[posting.bill_id]
            if posting.state != Posting.State.IN_FLIGHT:
                rest.append(posting)  # perhaps or surely in Epicor: looked up whatever Ramp says
            elif payload.get("archived_at"):
                held.append((posting, Hold(Reason.ARCHIVED, _ARCHIVED)))
            elif str(payload.get("sync_status") or "NOT_SYNCED") != "NOT_SYNCED":
                held.append((posting, Hold(Reason.SYNCED_ELSEWHERE, _ELSEWHERE)))
            elif str(payload.get("approval_status") or "APPROVED") != "APPROVED":
                self.ends.later(posting, "The bill is not approved in Ramp any more.")
            elif payload.get("enable_accounting_sync") is False:
                self.ends.later(posting, "The bill is excluded from accounting sync in Ramp.")
            else:
                rest.append(posting)
        self.ends.hold(held)
        return rest

    # -- writing -----------------------------------------------------------------------------

    def _write(self, ready: Sequence[Prepared], found: Found) -> None:
        twins = twins_in_slice(ready)
        todo: list[_Todo] = []
        held = []
        for job in ready:
            verdict = judge(self.cycle, job, found)
            if verdict is None:
                verdict = self._gone(job) or twins.get(job.posting.pk)
            if isinstance(verdict, Hold):
                held.append((job.posting, verdict))
            elif verdict is None and job.posting.state == Posting.State.IN_DOUBT:
                self.ends.not_there(job.posting)
            elif verdict is not None and (job.posting.state in IN_EPICOR or _whole(verdict, job)):
                self.ends.finish(job, verdict)
            else:
                todo.append(_Todo(job, verdict, self._period(job)))
        self.ends.hold(held)
        self._lanes(todo)
        self._prove()

    def _gone(self, job: Prepared) -> Hold | None:
        """The hold of a bill that was entered and is not in Epicor any more."""
        if job.posting.state not in IN_EPICOR:
            return None
        return Hold(Reason.MISMATCH, _GONE)

    def _prove(self) -> None:
        """Read back, in one request per company, invoices whose totals the answers did not show."""
        if not self.unproven:
            return
        found = look_up(self.cycle, self.unproven)
        for job in self.unproven:
            saved = judge(self.cycle, job, found)
            if isinstance(saved, SavedInvoice):
                self.ends.finish(job, saved)
            else:
                message = saved.message if isinstance(saved, Hold) else "It cannot be seen there."
                self.ends.hold([(job.posting, Hold(Reason.MISMATCH, message))])

    def _period(self, job: Prepared) -> tuple[str, str]:
        """The company and fiscal period, which one group of invoices shares."""
        draft = job.draft
        state = self.periods.find(draft.company, draft.apply_date)
        return draft.company, state.label if state is not None else f"{draft.apply_date:%Y-%m}"

    def _late(self) -> bool:
        """Whether the run's time is over: nothing new is begun, what is under way ends."""
        return time.monotonic() >= self.stop_at

    def _lanes(self, todo: list[_Todo]) -> None:
        lanes = max(1, self.cycle.posting.lanes)
        running: dict[Future[MethodAnswer], _Job] = {}
        self.cycle.epicor.ensure()
        with ThreadPoolExecutor(max_workers=lanes) as pool:
            while running or (todo and self.ends.refused is None and not self._late()):
                while len(running) < lanes and self.ends.refused is None and not self._late():
                    place = _next_place(todo, Counter(job.period for job in running.values()))
                    if place is None:
                        break
                    job = self._begin(todo.pop(place))
                    if job is not None:
                        running[self._send(pool, job)] = job
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    job = running.pop(future)
                    if self._advance(job, future):
                        running[self._send(pool, job)] = job
        if self.ends.refused is not None:
            raise self.ends.refused

    def _begin(self, item: _Todo) -> _Job | None:
        """The conversation of one bill with its first step; None when it ended already."""
        prepared, saved, draft = item.prepared, item.saved, item.prepared.draft
        group: InvoiceGroup | None = None
        group_id = saved.group_id if saved is not None else ""
        if saved is None:
            try:
                group = self.groups.take(*item.period, draft.apply_date)
            except PostingError as error:
                self.ends.end_badly(prepared.posting, error)
                return None
            group_id = group.group_id
        talk = two_step(draft, group_id, saved, self.cycle.habits)
        try:
            return _Job(prepared, item.period, group, talk, next(talk))
        except StopIteration as end:
            self.ends.finish(prepared, end.value)
        return None

    def _send(self, pool: ThreadPoolExecutor, job: _Job) -> Future[MethodAnswer]:
        posting, draft, step = job.prepared.posting, job.prepared.draft, job.step
        if step.writes and job.attempt is None:
            now = timezone.now()
            self._keep_lease(posting)
            job.attempt = attempts.begin(
                self.cycle.tenant.pk,
                "posting",
                posting.bill_id,
                "enter_invoice",
                request=redact({"method": step.method, **step.parameters}),
                key=draft.key,
                coding=job.prepared.coding.as_json(),
                deadline_at=now + timedelta(seconds=WRITE_S),
            )
        return pool.submit(
            self.cycle.epicor.call,
            draft.company,
            step.service,
            step.method,
            step.parameters,
            repeatable=not step.writes,
            deadline_s=WRITE_S,
        )

    def _keep_lease(self, posting: Posting) -> None:
        """A write must end before our lease does."""
        now = timezone.now()
        if posting.lease_until is None or posting.lease_until < now + timedelta(
            seconds=2 * WRITE_S
        ):
            until = now + timedelta(seconds=LEASE_S)
            postings.extend_lease([posting], owner=self.cycle.owner, until=until)

    def _advance(self, job: _Job, future: Future[MethodAnswer]) -> bool:
        """Take the answer in; True when there is a next step to send."""
        try:
            if self._next(job, future):
                return True
        except PostingError as error:
            self._failed(job, error)
        except Exception as error:
            # The one place that owns what nobody foresaw: it must not take other bills along.
            logger.exception("Entering bill %s failed", job.prepared.posting.bill_id)
            self._failed(job, PostingError(f"{_BUG} ({type(error).__name__})"))
        if job.group is not None:
            self.groups.give_back(job.group)
        return False

    def _next(self, job: _Job, future: Future[MethodAnswer]) -> bool:
        """Commit the outcome, then let the conversation go on; False when it has ended."""
        try:
            answer = future.result()
        except TokenExpiredError:
            if job.renewed:
                raise AccessError("Epicor refuses a token that it just issued.") from None
            # Refused before anything was looked at: renew here and send the same step again.
            self.cycle.epicor.renew()
            job.renewed = True
            return True
        if job.attempt is not None:
            attempts.finish(job.attempt, Attempt.Outcome.DONE, answer=_brief(answer))
            job.attempt = None
        try:
            job.step = job.talk.send(answer)
        except StopIteration as end:
            if end.value.stale:
                self.unproven.append(job.prepared)
            else:
                self.ends.finish(job.prepared, end.value)
            return False
        return True

    def _failed(self, job: _Job, error: PostingError) -> None:
        if job.attempt is not None:
            attempts.finish(
                job.attempt, _outcome(error), answer=redact(error.detail), message=error.message
            )
            job.attempt = None
        posting = job.prepared.posting
        if isinstance(error, UncertainOutcomeError):
            self.ends.doubt(posting, error.message)
        else:
            self.ends.end_badly(posting, error)


_GONE = (
    "The bill was entered, but its invoice is not in Epicor any more. Nothing was entered again. "
    "Find out who removed it; then enter it by hand or archive the bill in Ramp."
)
_ARCHIVED = (
    "The bill was archived in Ramp before its entering was finished. Nothing was sent now; if it "
    "was tried before, look in Epicor for it. Then dismiss it, or restore it in Ramp and replay."
)
_ELSEWHERE = (
    "Ramp says that the bill was marked as synced, but not by us. Nothing was entered. Find out "
    "who entered it, then dismiss it here."
)
_BUG = (
    "Something nobody foresaw happened while this bill was entered. It is looked up in Epicor "
    "before anything is sent again. Report it with the bill's number."
)


def _next_place(todo: Sequence[_Todo], busy: Counter[tuple[str, str]]) -> int | None:
    """Which bill a free lane takes: one whose period no lane works on, or of a crowded period.

    Opening another group costs two calls and a name, so a second lane joins a period only when
    enough bills of it wait.
    """
    waiting: Counter[tuple[str, str]] = Counter()
    for place, item in enumerate(todo):
        waiting[item.period] += 1
        if waiting[item.period] > CROWDED * busy[item.period]:
            return place
    return None


def _perhaps_there(posting: Posting, hold: Hold) -> Hold:
    """Of a bill in doubt the doubt is what a person must know first."""
    if posting.state != Posting.State.IN_DOUBT:
        return hold
    message = f"Perhaps already in Epicor, and cannot be looked up because: {hold.message}"
    return Hold(Reason.IN_DOUBT, message, hold.detail, hold.gaps)


def _outcome(error: PostingError) -> Attempt.Outcome:
    """What is known of a write that ended with this error."""
    if isinstance(error, TransientError):
        return Attempt.Outcome.NOT_SENT
    if isinstance(error, UncertainOutcomeError) or error.reason == Reason.BUG:
        return Attempt.Outcome.UNKNOWN
    return Attempt.Outcome.REFUSED


def _whole(saved: SavedInvoice, job: Prepared) -> bool:
    posted = bool((saved.header or {}).get("Posted"))
    return posted or (
        len(saved.lines) == len(job.draft.lines)
        and all(
            saved.accounts.get((n, 1), {}).get("GLAccount") == line.account
            for n, line in enumerate(job.draft.lines, start=1)
        )
    )


def _brief(answer: MethodAnswer) -> dict[str, Any]:
    """What of an answer is kept: the out parameters and who saved which revision."""
    kept = {name: value for name, value in answer.parameters.items() if name != "ds"}
    headers = answer.ds.get("APInvHed") or [{}]
    columns = ("SysRevID", "ChangedBy", "GroupID", "VendorNum", "InvoiceNum")
    kept["header"] = {name: headers[-1].get(name) for name in columns}
    redacted: dict[str, Any] = redact(kept)
    return redacted
