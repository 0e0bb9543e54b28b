"""What each writer does with a question that a person accepted, and with one that nobody can."""

from typing import Any

import pytest

from connector.domain.errors import QuestionError, RejectedError
from connector.epicor.ap_invoice.conversation import EpicorProfile, Step
from connector.epicor.ap_invoice.questions import About, Accepted, OpenQuestions, Question, mark_of
from connector.epicor.ap_invoice.rows import ACCOUNT, HEADER, TABLES, differences
from connector.epicor.ap_invoice.writers import WRITERS
from tests.epicor.little_epicor import DONE, Epicor, Said, make_draft, play

STAMP = "ExternalID"
TEXT = "Invoice INV-1 of ACME is dated in the future (2026-03-10). Continue?"
ELSEWHERE = About("bill-9", "X/5", "BOLT")
EVERYWHERE = "Invoice X/5 of BOLT is dated in the future (2027-01-31). Continue?"
# Where each writer can be asked, with the out string of the call.
PLACES = [
    ("two_step", "GetNewAPInvHedInvoice", "opMessage"),
    ("two_step", "UpdateMaster", "opMessage"),
    ("update_ext", "UpdateExt", "opMessage"),
    ("by_the_book", "ChangeVendorID", "confirmMsg"),
    ("by_the_book", "ChangeInvoiceDateWithDateCheck", "DateMessage"),
    ("by_the_book", "GetNewAPInvDtlMiscellaneous", "cMessageText"),
    ("by_the_book", "ChangeExtCost", "opMessage"),
    ("by_the_book", "UpdateMaster", "opMessage"),
]


def for_bill(method: str, *texts: str) -> Accepted:
    about = About("bill-1", "INV-1", "ACME")
    marks = {mark_of(method, Question.of(text, about), "bill-1") for text in texts}
    return Accepted(frozenset(marks))


def for_all(method: str) -> Accepted:
    return Accepted(frozenset({mark_of(method, Question.of(EVERYWHERE, ELSEWHERE), "")}))


def asking(server: Epicor, method: str, more: dict[str, Any]):
    """An Epicor that says `more` in each call of the method."""

    def answer(step: Step) -> Said:
        said = server.answer(step)
        if step.method == method:
            return Said(said.ds, {**said.parameters, **more}, said.return_obj)
        return said

    return answer


@pytest.mark.parametrize("saves", ["all", "named"])
@pytest.mark.parametrize("accepted", [for_all, lambda method: for_bill(method, TEXT)])
@pytest.mark.parametrize(("writer", "method", "name"), PLACES)
def test_what_was_accepted_is_passed_over_and_all_is_entered(writer, method, name, accepted, saves):
    server, draft = Epicor(saves), make_draft()
    profile = EpicorProfile(accepted=accepted(method))
    answer = asking(server, method, {name: TEXT})
    _, saved = play(answer, draft, profile=profile, writer=WRITERS[writer])
    assert differences(draft, saved, STAMP) == []
    assert [len(server.rows[table]) for table in TABLES] == [1, 2, 2, 2]


@pytest.mark.parametrize(("writer", "method", "name"), PLACES)
@pytest.mark.parametrize(
    "accepted",
    [
        Accepted(),
        for_bill("UpdateMaster", "Something else?"),
        for_bill("GetByID", TEXT),
        Accepted(frozenset({("bill-2", "UpdateMaster", TEXT.casefold())})),
    ],
)
def test_what_was_not_accepted_stops_it(writer, method, name, accepted):
    answer = asking(Epicor(), method, {name: TEXT})
    with pytest.raises(QuestionError) as caught:
        play(answer, make_draft(), profile=EpicorProfile(accepted=accepted), writer=WRITERS[writer])
    assert "Accept it for the bill" in caught.value.message
    asked = OpenQuestions.from_detail(caught.value.detail)
    assert asked is not None
    assert (asked.method, asked.answerable) == (method, True)
    assert [one.text for one in asked.questions] == [TEXT]


def test_of_two_questions_both_must_be_accepted():
    both = {"cMessageText": TEXT, "DateMessage": "Really?"}
    method = "ChangeInvoiceDateWithDateCheck"
    book = WRITERS["by_the_book"]
    one = EpicorProfile(accepted=for_bill(method, TEXT))
    with pytest.raises(QuestionError) as caught:
        play(asking(Epicor(), method, both), make_draft(), profile=one, writer=book)
    assert {said["text"] for said in caught.value.detail["questions"]} == {TEXT, "Really?"}
    two = EpicorProfile(accepted=for_bill(method, TEXT, "Really?"))
    play(asking(Epicor(), method, both), make_draft(), profile=two, writer=book)


@pytest.mark.parametrize(
    "more",
    [
        {"lUpdateRan": False},
        {"requiresUserInput": True},
        {"lUpdateRan": False, "requiresUserInput": True},
    ],
)
@pytest.mark.parametrize(
    ("writer", "method"),
    [
        ("two_step", "UpdateMaster"),
        ("by_the_book", "UpdateMaster"),
        ("update_ext", "UpdateExt"),
        ("by_the_book", "ChangeVendorID"),
    ],
)
def test_nothing_that_a_person_accepts_answers_epicors_own_screen(writer, method, more):
    profile = EpicorProfile(accepted=Accepted(for_all(method).marks | for_bill(method, TEXT).marks))
    answer = asking(Epicor(), method, {**more, "opMessage": TEXT})
    with pytest.raises(QuestionError) as caught:
        play(answer, make_draft(), profile=profile, writer=WRITERS[writer])
    assert "can only be settled in Epicor" in caught.value.message
    assert "skip the integration user" in caught.value.message
    asked = OpenQuestions.from_detail(caught.value.detail)
    assert asked is not None
    assert not asked.answerable


def test_a_save_without_a_word_whether_it_ran_did_not_run():
    server = Epicor()

    def silent(step: Step) -> Said:
        said = server.answer(step)
        return Said(said.ds, {"opMessage": TEXT}) if step.writes else said

    with pytest.raises(QuestionError, match="can only be settled in Epicor"):
        play(silent, make_draft(), profile=EpicorProfile(accepted=for_all("UpdateMaster")))


def test_a_call_without_a_row_is_no_question_that_can_be_answered():
    def answer(step: Step) -> Said:
        return Said({}, {**DONE, "opMessage": TEXT})

    with pytest.raises(QuestionError, match="gave no new row") as caught:
        play(answer, make_draft(), profile=EpicorProfile(accepted=for_all("GetNewAPInvHedInvoice")))
    assert OpenQuestions.from_detail(caught.value.detail) == OpenQuestions(
        "GetNewAPInvHedInvoice", (), False
    )


def test_an_accepted_message_hides_no_refusal_of_rows():
    def answer(step: Step) -> Said:
        if step.method == "UpdateExt":
            bad = {"TableName": ACCOUNT, "ErrorText": "GL Account is not valid."}
            out = {"errorsOccurred": True, "opMessage": TEXT}
            return Said({HEADER: []}, out, {"BOUpdError": [bad]})
        return Said({}, {})

    profile = EpicorProfile(accepted=for_all("UpdateExt"))
    with pytest.raises(RejectedError, match="GL Account is not valid"):
        play(answer, make_draft(), profile=profile, writer=WRITERS["update_ext"])


def test_what_is_saved_in_spite_of_a_message_is_still_compared():
    """A message that came with less than was sent: what is missing is sent, not believed."""
    server, draft = Epicor("named", "saved"), make_draft()
    profile = EpicorProfile(accepted=for_all("UpdateMaster"))
    taken, _ = play(asking(server, "UpdateMaster", {"opMessage": TEXT}), draft, profile=profile)
    assert len([step for step in taken if step.writes]) > 1
    assert differences(draft, server.found(draft), STAMP) == []
