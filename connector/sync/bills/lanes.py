"""One bill's way through a lane: its conversation with Epicor, and the record of each write."""

from collections import Counter
from collections.abc import Collection, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from django.utils import timezone

from audit.ledger import duplicates, lifecycle
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.domain.errors import (
    AskedError,
    PostingError,
    Reason,
    RejectedError,
    TransientError,
    UncertainOutcomeError,
)
from connector.epicor.ap_invoice.conversation import Reply, Step
from connector.epicor.ap_invoice.questions import texts_of
from connector.epicor.ap_invoice.rows import TABLES, SavedInvoice
from connector.epicor.client import MethodAnswer
from connector.http_client.redaction import redact
from connector.sync.bills.group_rows import open_group
from connector.sync.bills.prepare import Prepared
from connector.sync.context import Cycle
from connector.sync.models import InvoiceGroup
from mappings.fiscal import PeriodTable

LEASE_S = 300.0  # of a claimed posting; a living run renews it (Endings.keep)
WRITE_S = 120.0  # total deadline of one write
GROUP_S = 60.0
CROWDED = 8


Place = tuple[str, str]  # company and group


@dataclass(frozen=True, slots=True)
class Todo:
    """A bill to be written: what is there of it already, and the company and fiscal period."""

    prepared: Prepared
    saved: SavedInvoice | None
    period: tuple[str, str]

    @property
    def place(self) -> Place | None:
        """The group that the invoice lies in; None for one that is not there yet."""
        return (self.period[0], self.saved.group_id) if self.saved is not None else None

    @classmethod
    def of(
        cls,
        prepared: Prepared,
        saved: SavedInvoice | None,
        table: PeriodTable,
    ) -> "Todo":
        """With the period that its group is for."""
        draft = prepared.draft
        label = table.label(draft.company, draft.apply_date)
        return cls(prepared, saved, (draft.company, label))


@dataclass(slots=True)
class Job:
    """A bill in a lane. `opening`: its group is being opened first; `wrote`: something of it is
    perhaps saved by this conversation; `passed_over`: what Epicor asked and a person had accepted.
    """

    item: Todo
    group: InvoiceGroup | None
    talk: Generator[Step, Reply, Any]
    step: Step
    opening: bool = False
    attempt: Attempt | None = None
    answer: MethodAnswer | None = None  # the last one
    wrote: bool = False
    renewed: bool = False
    freed: bool = False  # its group is given back
    passed_over: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, item: Todo, group: InvoiceGroup | None, cycle: Cycle) -> "Job":
        """Raises StopIteration with the invoice when nothing is left to be written."""
        talk: Generator[Step, Reply, Any]
        if group is not None and not group.ready and item.saved is None:
            talk = open_group(group, item.prepared.draft.apply_date)
            return cls(item, group, talk, next(talk), opening=True)
        talk = _writing(item, group, cycle)
        return cls(item, group, talk, next(talk))

    @property
    def place(self) -> Place | None:
        """The group it writes into, as far as one is known."""
        return (self.group.company, self.group.group_id) if self.group else self.item.place

    def write(self, cycle: Cycle) -> None:
        """The group is open: go on with the bill's own conversation."""
        self.talk = _writing(self.item, self.group, cycle)
        self.step, self.opening, self.renewed = next(self.talk), False, False

    def advance(self, future: Future[MethodAnswer]) -> None:
        """Give the conversation its answer, so that it says the next step.

        A look that finds nothing is thrown into it, because it knows what that means. Raises
        StopIteration at its end, and what the request or the conversation raised.
        """
        self.answer = None
        try:
            self.answer = future.result()
        except RejectedError as error:
            if self.step.writes:
                raise
            self.step = self.talk.throw(error)
        else:
            asker = self.step.method
            self.step = self.talk.send(self.answer)
            if texts := texts_of(self.answer.parameters):
                self.passed_over.append({"method": asker, "said": texts})

    @property
    def deadline_s(self) -> float:
        """How long a request may take, in seconds."""
        return GROUP_S if self.opening else WRITE_S


def _writing(item: Todo, group: InvoiceGroup | None, cycle: Cycle) -> Generator[Step, Reply, Any]:
    there = item.saved.group_id if item.saved is not None else ""
    group_id = group.group_id if group is not None else there
    talk: Generator[Step, Reply, Any] = cycle.writer(
        item.prepared.draft, group_id, item.saved, cycle.habits
    )
    return talk


def begin_write(cycle: Cycle, job: Job, lease_s: float) -> bool:
    """Commit the intent of the job's next step; a write must end before our lease does.

    False when another bill with the same number was sent since ours was looked up: then nothing
    may be sent. Epicor refuses only the same spelling, and a writer that changes what is there
    would write over the other bill.
    """
    prepared, step = job.item.prepared, job.step
    posting, draft = prepared.posting, prepared.draft
    now = timezone.now()
    if posting.lease_until is None or posting.lease_until < now + timedelta(seconds=2 * WRITE_S):
        until = now + timedelta(seconds=lease_s)
        lifecycle.extend_lease([posting], owner=cycle.owner, until=until)
    opened = job.group if job.opening else None
    creates = opened is None and job.item.saved is None and not job.wrote
    alone = partial(duplicates.check_alone, cycle.tenant.pk, prepared.asked)
    try:
        job.attempt = attempts.begin(
            cycle.tenant.pk,
            "posting" if opened is None else "group",
            posting.bill_id if opened is None else f"{opened.company} {opened.group_id}",
            "enter_invoice" if opened is None else "open_group",
            request=redact({"method": step.method, **step.parameters, **_passed_over(job)}),
            key=draft.key if opened is None else None,
            coding=prepared.coding.as_json() if prepared.coding and opened is None else None,
            deadline_at=now + timedelta(seconds=job.deadline_s),
            check=alone if creates else None,
        )
    except duplicates.OvertakenError:
        return False
    return True


def _passed_over(job: Job) -> dict[str, Any]:
    """What this write goes on in spite of; part of its record, because only writes have one."""
    return {"passed_over": job.passed_over} if job.passed_over else {}


def note(
    job: Job,
    outcome: Attempt.Outcome,
    answer: MethodAnswer | None,
    error: PostingError | None = None,
) -> None:
    """Commit what came of the job's write, if one was under way."""
    if job.attempt is None:
        return
    attempt, job.attempt = job.attempt, None
    job.wrote = job.wrote or (outcome == Attempt.Outcome.DONE and not job.opening)
    kept = _brief(answer) if answer is not None else redact(error.detail if error else {})
    attempts.finish(attempt, outcome, answer=kept, message=error.message if error else "")


def outcome_of(error: PostingError, *, answered: bool) -> Attempt.Outcome:
    """What is known of a write that ended with this error."""
    if isinstance(error, TransientError):
        return Attempt.Outcome.NOT_SENT
    if isinstance(error, UncertainOutcomeError) or error.reason == Reason.BUG:
        return Attempt.Outcome.UNKNOWN
    if isinstance(error, AskedError) and answered:
        return Attempt.Outcome.DONE
    return Attempt.Outcome.REFUSED


def next_place(
    todo: Sequence[Todo], busy: Counter[tuple[str, str]], shut: Collection[Place | None]
) -> int | None:
    """Which bill a free lane takes: one whose period no lane works on, or of a crowded period.

    What lies in a group that a lane writes into (`shut`) waits: writes in one group are serial.

    Opening another group costs two calls and a name, so a second lane joins a period only when
    enough bills of it wait.
    """
    waiting: Counter[tuple[str, str]] = Counter()
    for place, item in enumerate(todo):
        if item.place is not None and item.place in shut:
            continue
        waiting[item.period] += 1
        if waiting[item.period] > CROWDED * busy[item.period]:
            return place
    return None


def _brief(answer: MethodAnswer) -> dict[str, Any]:
    """What of an answer is kept: the out parameters and who saved which revision."""
    kept = {name: value for name, value in answer.parameters.items() if name != "ds"}
    headers = answer.ds.get("APInvHed") or [{}]
    columns = ("SysRevID", "ChangedBy", "GroupID", "VendorNum", "InvoiceNum")
    kept["header"] = {name: headers[-1].get(name) for name in columns}
    rows = [row for table in TABLES for row in answer.ds.get(table) or ()]
    kept["revision"] = max((int(row.get("SysRevID") or 0) for row in rows), default=0)
    redacted: dict[str, Any] = redact(kept)
    return redacted
