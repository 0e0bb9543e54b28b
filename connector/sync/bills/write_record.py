"""One bill's writes on the record: the intent of each before it is sent, the outcome after it."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from django.utils import timezone

from audit.ledger import duplicates, lifecycle
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.domain.errors import (
    HeldError,
    PostingError,
    QuestionError,
    Reason,
    TransientError,
    UncertainOutcomeError,
)
from connector.epicor.ap_invoice.conversation import Step
from connector.epicor.ap_invoice.questions import texts_of
from connector.epicor.ap_invoice.rows import TABLES
from connector.epicor.client import MethodAnswer
from connector.http_client.redaction import redact
from connector.sync.bills.due import LEASE_S, ToEnter
from connector.sync.context import Cycle
from connector.sync.models import InvoiceGroup

WRITE_S = 120.0  # total deadline of one write
GROUP_S = 60.0


@dataclass(slots=True)
class WriteRecord:
    """What was sent for one bill. `opening`: its group while that is being opened, when nothing of
    the bill is sent yet; `wrote`: something of it is perhaps saved; `passed_over`: what Epicor
    asked and a person had accepted.
    """

    cycle: Cycle
    item: ToEnter
    opening: InvoiceGroup | None = None
    wrote: bool = False
    attempt: Attempt | None = None  # the write under way
    answer: MethodAnswer | None = None  # to the last step
    passed_over: list[dict[str, Any]] = field(default_factory=list)

    @property
    def deadline_s(self) -> float:
        """How long a request may take, in seconds."""
        return WRITE_S if self.opening is None else GROUP_S

    def begin(self, step: Step) -> None:
        """Commit the intent of a step that writes; it must end before our lease does.

        Raises OvertakenError when another bill with the same number was sent since ours was looked
        up: then nothing may be sent. Epicor refuses only the same spelling, and a writer that
        changes what is there would write over the other bill. Raises LostLeaseError.
        """
        self.answer = None
        if not step.writes:
            return
        prepared, group = self.item.prepared, self.opening
        posting = prepared.posting
        now = timezone.now()
        enough = now + timedelta(seconds=2 * WRITE_S)
        if posting.lease_until is None or posting.lease_until < enough:
            until = now + timedelta(seconds=LEASE_S)
            lifecycle.extend_lease([posting], owner=self.cycle.owner, until=until)
        creates = group is None and self.item.saved is None and not self.wrote
        alone = partial(duplicates.check_alone, self.cycle.tenant.pk, prepared.incoming)
        # Only writes have a record, so that what they go on in spite of is part of theirs.
        passed_over = {"passed_over": self.passed_over} if self.passed_over else {}
        self.attempt = attempts.begin(
            self.cycle.tenant.pk,
            "posting" if group is None else "group",
            posting.bill_id if group is None else f"{group.company} {group.group_id}",
            "enter_invoice" if group is None else "open_group",
            request=redact({"method": step.method, **step.parameters, **passed_over}),
            key=prepared.draft.key if group is None else None,
            coding=prepared.coding.as_json() if prepared.coding and group is None else None,
            deadline_at=now + timedelta(seconds=self.deadline_s),
            check=alone if creates else None,
        )

    def accept(self, step: Step, answer: MethodAnswer) -> None:
        """Commit that a step is done, once its conversation has taken the answer."""
        if texts := texts_of(answer.parameters):
            self.passed_over.append({"method": step.method, "said": texts})
        self.finish(Attempt.Outcome.DONE)

    def finish(self, outcome: Attempt.Outcome, error: PostingError | None = None) -> None:
        """Commit what came of the write under way, if there is one."""
        if self.attempt is None:
            return
        attempt, self.attempt = self.attempt, None
        self.wrote = self.wrote or (outcome == Attempt.Outcome.DONE and self.opening is None)
        details = redact(error.detail if error is not None else {})
        kept = details if self.answer is None else _brief(self.answer)
        attempts.finish(attempt, outcome, answer=kept, message=error.message if error else "")

    def fail(self, error: PostingError) -> None:
        """Commit what this error says of the write under way, if there is one."""
        if isinstance(error, TransientError):
            outcome = Attempt.Outcome.NOT_SENT
        elif isinstance(error, UncertainOutcomeError) or error.reason == Reason.BUG:
            outcome = Attempt.Outcome.UNKNOWN
        elif isinstance(error, QuestionError | HeldError) and self.answer is not None:
            outcome = Attempt.Outcome.DONE  # it was answered, and the answer stops us
        else:
            outcome = Attempt.Outcome.REFUSED
        self.finish(outcome, error)


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
