"""What a person says to a question of Epicor: go on in spite of it, for one bill or always.

The answer is remembered with the person's name, and every bill that it frees is tried again.
Nothing is written to Epicor here; what is saved later is compared to the cent as always.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.ledger.allowed import Action, why_not
from audit.ledger.models import Posting
from audit.ledger.waiting import open_holds
from audit.trail import log
from audit.trail.log import NewEntry
from connector.actions import requests
from connector.epicor.ap_invoice.questions import Accepted, Mark, OpenQuestions, mark_of
from connector.jobs.models import Job
from connector.sync.bills.accepted_questions import load_accepted
from connector.sync.models import AcceptedQuestion
from connector.tenants.models import Tenant

MOST = 5000  # bills that one answer requeues at once; the others wait for their replay
_CHUNK = 500  # values in one statement
_BIG = ("entered_as", "twins_cleared")


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer did: the bills that are tried again, and how far they are."""

    freed: list[Posting]
    job: Job | None = None


def open_questions(posting: Posting) -> OpenQuestions | None:
    """The questions that a bill waits for, None when it waits for something else.

    Also one that is begun in Epicor (mismatch), where a question stopped the rest.
    """
    return OpenQuestions.from_detail(posting.hold_detail) if posting.hold_reason else None


def can_answer(posting: Posting) -> bool:
    """Whether a person may say that this bill goes on."""
    asked = open_questions(posting)
    return asked is not None and asked.answerable and not why_not(posting, Action.GO_ON)


def same_questions(tenant: Tenant, chosen: Sequence[Posting]) -> list[Posting]:
    """These, and every other bill that goes on once what they wait for is accepted for all."""
    new = {answer.mark for answer in _answers(chosen, always=True)}
    known = Accepted(load_accepted(tenant).marks | new)
    others = [posting for posting in _waiting(tenant) if _is_freed(posting, known)]
    return list({posting.pk: posting for posting in [*chosen, *others]}.values())


def go_on(tenant: Tenant, chosen: Sequence[Posting], *, always: bool, actor: str) -> Answered:
    """Remember that these go on in spite of what Epicor asked, and have them tried again now.

    `always`: so does every bill with such a question, now and later. Bills that wait for nothing
    that can be answered are left alone; asking twice changes nothing.
    """
    rows = Posting.objects.filter(tenant=tenant, pk__in=[posting.pk for posting in chosen])
    now = [posting for posting in rows.defer(*_BIG).order_by("pk") if can_answer(posting)]
    if not now:
        return Answered([])
    with transaction.atomic():
        freed = same_questions(tenant, now) if always else now
        _remember(tenant, _answers(now, always=always), actor)
        subject = freed[0].bill_id if len(freed) == 1 else ""
        bills = "1 bill" if len(freed) == 1 else f"{len(freed):,} bills"
        title = f"Accept Epicor's prompt: {bills}"
        job = requests.request_replay(tenant, freed, title, actor=actor, subject=subject)
    return Answered(freed, job)


def forget(tenant: Tenant, pk: int, *, actor: str) -> AcceptedQuestion | None:
    """The question stops bills again; None when it is not remembered (any more)."""
    with transaction.atomic():
        row = AcceptedQuestion.objects.select_for_update().filter(tenant=tenant, pk=pk).first()
        if row is None:
            return None
        row.delete()
        mark = (row.bill_id, row.method, row.wording)
        entry = NewEntry(
            tenant.pk, "question.forgotten", *_question_entry(tenant, mark, row.text, actor)
        )
        log.record_many([entry])
    return row


def remembered(tenant: Tenant) -> QuerySet[AcceptedQuestion]:
    """The answers for every bill, the newest first."""
    return AcceptedQuestion.objects.filter(tenant=tenant, bill_id="")


# -- inside ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Answer:
    mark: Mark
    text: str  # as it was asked

    @property
    def row(self) -> tuple[str, str, str]:
        """What the database tells answers apart by."""
        bill_id, method, wording = self.mark
        return bill_id, method, hashlib.sha256(wording.encode()).hexdigest()


def _answers(chosen: Iterable[Posting], *, always: bool) -> list[_Answer]:
    """The answers that let these go on, each once."""
    found: dict[Mark, _Answer] = {}
    for posting in chosen:
        asked = open_questions(posting)
        if asked is None:
            continue
        for question in asked.questions:
            mark = mark_of(asked.method, question, "" if always else posting.bill_id)
            found.setdefault(mark, _Answer(mark, question.text))
    return list(found.values())


def _remember(tenant: Tenant, answers: Sequence[_Answer], actor: str) -> None:
    """Store those that are new, each with its entry in the trail."""
    known: set[tuple[str, ...]] = set()
    for start in range(0, len(answers), _CHUNK):
        hashes = [answer.row[2] for answer in answers[start : start + _CHUNK]]
        rows = AcceptedQuestion.objects.filter(tenant=tenant, mark__in=hashes)
        known |= set(rows.values_list("bill_id", "method", "mark"))
    new = [answer for answer in answers if answer.row not in known]
    now = timezone.now()
    AcceptedQuestion.objects.bulk_create(
        [
            AcceptedQuestion(
                tenant=tenant,
                bill_id=answer.mark[0],
                method=answer.mark[1],
                wording=answer.mark[2],
                mark=answer.row[2],
                text=answer.text,
                answered_by=actor,
                answered_at=now,
            )
            for answer in new
        ],
        ignore_conflicts=True,  # somebody gave the same answer at the same moment
    )
    log.record_many(
        NewEntry(
            tenant.pk,
            "question.accepted",
            *_question_entry(tenant, answer.mark, answer.text, actor),
        )
        for answer in new
    )


def _question_entry(
    tenant: Tenant, mark: Mark, text: str, actor: str
) -> tuple[str, str, str, dict[str, Any]]:
    """An entry of the trail: about the bill or else the tenant, by whom, and the question."""
    bill_id, method, _ = mark
    subject = ("posting", bill_id) if bill_id else ("tenant", tenant.slug)
    return *subject, actor, {"method": method, "text": text, "every_bill": not bill_id}


def _waiting(tenant: Tenant) -> QuerySet[Posting]:
    """The bills that wait for a question, or were begun and wait for one."""
    rows = open_holds(tenant.pk).filter(hold_detail__has_key="questions")
    return rows.defer(*_BIG).order_by("pk")[:MOST]


def _is_freed(posting: Posting, known: Accepted) -> bool:
    asked = open_questions(posting)
    if asked is None or not can_answer(posting):
        return False
    return known.covers(asked.method, asked.questions, posting.bill_id)
