"""What Epicor asks: a person says to go on in spite of it, for one bill or always; or cannot."""

from collections.abc import Iterator
from typing import Any

import pytest

from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.actions import questions
from connector.domain.errors import Reason
from connector.jobs.models import Job
from connector.sync.bills import enter
from connector.sync.bills.run import run_cycle
from connector.sync.models import AcceptedQuestion
from connector.tenants.models import PostingSettings, Tenant
from tests.journeys import truth

State = Posting.State
DATE = "ChangeInvoiceDateWithDateCheck"
TEXT = "Invoice {InvoiceNum} of {VendorNumVendorID} is dated in the future. Continue?"


@pytest.fixture
def ready(start) -> Iterator[tuple[Any, Tenant]]:
    """Twelve bills, nothing entered yet, to be typed call by call."""
    box, tenant = start(bills=12)
    PostingSettings.objects.filter(tenant=tenant).update(writer="by_the_book", lanes=1)
    return box, tenant


def held(tenant: Tenant, reason: str = "asked") -> list[Posting]:
    return list(Posting.objects.filter(tenant=tenant, hold_reason=reason).order_by("pk"))


def entered(box: Any) -> dict[str, Any]:
    """What carries a bill's stamp, by bill id."""
    return {bill_id: found for bill_id, found in truth.ledger(box).items() if bill_id}


def said(action: str) -> list[tuple[str, str, str, Any]]:
    rows = AuditEntry.objects.filter(action=action).order_by("at", "pk")
    return list(rows.values_list("subject_kind", "subject_id", "actor", "body"))


def test_one_bill_goes_on_and_the_next_one_still_asks(ready):
    box, tenant = ready
    box.epicor.app.ask_next(TEXT, DATE, always=True)
    run_cycle(tenant)
    first, second, *others = held(tenant)
    assert entered(box) == {}
    assert f"Invoice {first.invoice_num} of" in first.hold_message

    answered = questions.go_on(tenant, [first], always=False, actor="ann")
    run_cycle(tenant)

    assert [posting.pk for posting in answered.freed] == [first.pk]
    assert len(entered(box)[first.bill_id]) == 1
    assert held(tenant) == [second, *others]
    first.refresh_from_db()
    assert (first.state, first.hold_reason) == (State.CONFIRMED, "")
    entry = ("posting", first.bill_id, "ann")
    assert [row[:3] for row in said("question.accepted")] == [entry]
    record = Attempt.objects.filter(subject_kind="posting", subject_id=first.bill_id).first()
    assert record is not None
    (passed,) = record.request["passed_over"]
    assert passed["method"] == DATE
    assert first.invoice_num in passed["said"][0]


def test_a_remembered_question_stops_no_bill_any_more(ready):
    box, tenant = ready
    box.epicor.app.ask_next(TEXT, DATE, always=True)
    run_cycle(tenant)
    one, *others = held(tenant)
    assert len(others) > 1

    answered = questions.go_on(tenant, [one], always=True, actor="ann")
    run_cycle(tenant)

    # Each has another number and another vendor: it is the same question all the same.
    assert {p.pk for p in answered.freed} == {one.pk, *(p.pk for p in others)}
    assert answered.job is not None
    assert answered.job.total == len(others) + 1
    truth.check(box)
    assert held(tenant) == []
    (entry,) = said("question.accepted")
    assert entry[:3] == ("tenant", tenant.slug, "ann")
    assert entry[3]["text"].startswith(f"Invoice {one.invoice_num} of")
    assert (
        AcceptedQuestion.objects.get().wording == "invoice # of # is dated in the future. continue?"
    )


def test_asking_twice_changes_nothing(ready):
    box, tenant = ready
    box.epicor.app.ask_next(TEXT, DATE)
    run_cycle(tenant)
    (one,) = held(tenant)
    questions.go_on(tenant, [one], always=True, actor="ann")
    again = questions.go_on(tenant, [one], always=True, actor="bob")
    assert (again.freed, again.job) == ([], None)
    assert AcceptedQuestion.objects.get().answered_by == "ann"
    assert len(said("question.accepted")) == len(said("posting.replayed")) == 1
    assert Job.objects.filter(kind="replay").count() == 1


def test_a_question_that_only_epicor_can_settle_stays_held_and_nothing_is_entered(ready):
    box, tenant = ready
    text = "Legal number of {InvoiceNum}?"
    box.epicor.app.ask_next(text, always=True)
    run_cycle(tenant)
    one, *_ = held(tenant)
    assert "can only be settled in Epicor" in one.hold_message
    assert one.hold_detail["answerable"] is False
    assert questions.go_on(tenant, [one], always=True, actor="ann").freed == []
    assert not AcceptedQuestion.objects.exists()

    # Even where somebody accepted this text before, when it was a mere message.
    wording = "legal number of #?"
    marked = {"bill_id": "", "method": "UpdateMaster", "wording": wording, "mark": "x"}
    now = one.hold_opened_at
    AcceptedQuestion.objects.create(
        tenant=tenant, text=text, answered_by="ann", answered_at=now, **marked
    )
    Posting.objects.filter(pk=one.pk).update(hold_reason="", hold_detail={}, not_before=now)
    run_cycle(tenant)

    one.refresh_from_db()
    assert one.hold_reason == Reason.ASKED
    assert entered(box) == {}
    box.epicor.app.ask_no_more()
    for posting in held(tenant):
        questions.requests.request_replay(tenant, [posting], "Replay", actor="ann")
    run_cycle(tenant)
    truth.check(box)


def test_a_question_in_the_middle_is_answered_and_the_rest_is_entered(ready):
    box, tenant = ready
    box.epicor.app.ask_next("Is {InvoiceNum} right?", saved=True)
    run_cycle(tenant)

    (begun,) = held(tenant, "mismatch")
    assert begun.in_epicor
    assert "Is " in begun.hold_message
    assert len(entered(box)[begun.bill_id]) == 1
    assert questions.can_answer(begun)
    box.epicor.app.ask_next("Is {InvoiceNum} right?", saved=True, always=True)
    answered = questions.go_on(tenant, [begun], always=False, actor="ann")
    assert [posting.pk for posting in answered.freed] == [begun.pk]
    run_cycle(tenant)

    begun.refresh_from_db()
    assert (begun.state, begun.hold_reason) == (State.CONFIRMED, "")
    truth.check(box)


def test_a_message_with_a_complete_save_needs_no_person(ready):
    """It is compared to the cent, and there is nothing left to go on with."""
    box, tenant = ready
    PostingSettings.objects.filter(tenant=tenant).update(writer="two_step")
    box.epicor.app.ask_next("Is {InvoiceNum} right?", saved=True, always=True)
    run_cycle(tenant)
    truth.check(box)
    assert held(tenant) == held(tenant, "mismatch") == []


def test_an_answer_given_while_the_bills_are_sent_counts_at_once(ready, monkeypatch):
    box, tenant = ready
    box.epicor.app.ask_next(TEXT, DATE, always=True)
    kept = enter.not_entered
    answers: list[int] = []

    def failed(due, record, error):
        """A person accepts the first bill's question while the second one is under way."""
        yield from kept(due, record, error)
        waiting = held(tenant)
        if waiting and not answers:
            freed = questions.go_on(tenant, waiting[:1], always=True, actor="ann").freed
            answers.append(len(freed))

    monkeypatch.setattr(enter, "not_entered", failed)
    run_cycle(tenant)
    assert answers == [1]
    assert held(tenant) == []
    run_cycle(tenant)
    truth.check(box)


def test_a_forgotten_question_stops_bills_again(ready):
    box, tenant = ready
    box.epicor.app.ask_next(TEXT, DATE, always=True)
    run_cycle(tenant)
    one, *others = held(tenant)
    questions.go_on(tenant, [one], always=True, actor="ann")
    row = questions.remembered(tenant).get()

    assert questions.forget(tenant, row.pk, actor="bob") is not None
    assert questions.forget(tenant, row.pk, actor="bob") is None
    run_cycle(tenant)

    assert len(held(tenant)) == len(others) + 1
    assert entered(box) == {}
    (entry,) = said("question.forgotten")
    assert entry[:3] == ("tenant", tenant.slug, "bob")
    assert entry[3]["every_bill"] is True
