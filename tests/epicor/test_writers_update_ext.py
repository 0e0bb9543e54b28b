"""One call for a whole invoice: what its answer proves, and what a refusal of rows means."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.errors import (
    DuplicateInvoiceError,
    HeldError,
    QuestionError,
    Reason,
    RejectedError,
    UncertainOutcomeError,
)
from connector.epicor.ap_invoice.conversation import EpicorProfile, Step
from connector.epicor.ap_invoice.rows import ACCOUNT, EXPENSE, HEADER, LINE, TABLES, differences
from connector.epicor.ap_invoice.update_ext import update_ext
from connector.epicor.contract import AP_INVOICE
from tests.epicor.little_epicor import (
    GROUP,
    Epicor,
    Said,
    booked,
    make_draft,
    names,
    play,
    wanted,
)

STAMP = "ExternalID"
BAD = {"TableName": ACCOUNT, "ErrorText": "GL Account is not valid."}


class Refusing(Epicor):
    """Refuses rows of one table in UpdateExt; `keeps` is whether what came before stays."""

    def __init__(self, *, keeps: bool, errors: list[Any] | None = None, flag: bool = True) -> None:
        super().__init__()
        self.keeps, self.errors, self.flag = keeps, [BAD] if errors is None else errors, flag

    def _update_ext(self, sent: Any) -> Said:
        if self.keeps:
            super()._update_ext({table: sent[table] for table in (HEADER, LINE)})
        return Said(sent, {"errorsOccurred": self.flag}, {"BOUpdError": self.errors})


def test_a_bill_is_one_call_with_every_row_and_no_marks():
    server, draft = Epicor(), make_draft()
    taken, saved = play(server.answer, draft, writer=update_ext)
    assert [(step.method, step.service, step.writes) for step in taken] == [
        ("UpdateExt", AP_INVOICE, True)
    ]
    sent = taken[0].parameters
    assert sent["continueProcessingOnError"] is False
    assert sent["rollbackParentOnChildError"] is True
    assert {table: len(rows) for table, rows in sent["ds"].items()} == {
        HEADER: 1, LINE: 2, EXPENSE: 2, ACCOUNT: 2,
    }  # fmt: skip
    rows = [row for table in TABLES for row in sent["ds"][table]]
    assert not any({"RowMod", "SysRevID"} & row.keys() for row in rows)
    assert all(row["VendorNum"] == 42 and row["InvoiceNum"] == "INV-1" for row in rows)
    (head,) = sent["ds"][HEADER]
    assert (head["GroupID"], head["DebitMemo"]) == (GROUP, False)
    assert differences(draft, saved, STAMP) == []
    assert saved.stale is False


def test_a_credit_says_so_and_is_typed_positive():
    server, draft = Epicor(), make_draft("-30", "-12")
    taken, saved = play(server.answer, draft, writer=update_ext)
    (head,) = taken[0].parameters["ds"][HEADER]
    assert (head["DebitMemo"], head["ScrDocInvoiceVendorAmt"]) == (True, 42)
    assert differences(draft, saved, STAMP) == []


@given(
    st.sampled_from(["all", "named"]),
    st.sampled_from(["whole", "saved", "header", "nothing"]),
    st.lists(st.integers(1, 10**6).map(str), min_size=1, max_size=6),
)
def test_every_answer_ends_with_the_whole_invoice_and_at_most_one_look(saves, says, amounts):
    server, draft = Epicor(saves, says), make_draft(*amounts)
    taken, saved = play(server.answer, draft, writer=update_ext)
    proved = says in ("whole", "saved")
    assert names(taken) == ["UpdateExt"] if proved else ["UpdateExt", "GetByID"]
    assert booked(saved) == wanted(draft)
    assert len(server.added) == len(set(server.added))


def test_rows_returned_unsaved_count_as_not_saved():
    draft = make_draft()

    def answer(step: Step) -> Said:
        return Said(step.parameters.get("ds", {}), {"errorsOccurred": False}, {"BOUpdError": []})

    with pytest.raises(UncertainOutcomeError, match="do not type it by hand"):
        play(answer, draft, writer=update_ext)


def test_a_look_that_finds_no_record_leaves_doubt_too():
    talk = update_ext(make_draft(), GROUP, None, EpicorProfile())
    next(talk)
    assert talk.send(Said()).method == "GetByID"
    with pytest.raises(UncertainOutcomeError, match="cannot be seen there"):
        talk.throw(RejectedError("Epicor has no such record."))


# -- rows refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("errors", "flag", "says"),
    [
        ([BAD], True, r"GL Account is not valid \(APInvExpTGLC\)\. Nothing was saved\."),
        ([BAD, BAD], False, r"invoice: GL Account is not valid \(APInvExpTGLC\)\. Nothing"),
        ([{"ErrorType": "BLException"}], True, r"BLException \(unknown table\)"),
        ([{}, "noise"], True, r"no text \(unknown table\)"),
        ([], True, "it does not say why"),
        (None, True, "GL Account is not valid"),
    ],
)
def test_refused_rows_are_a_refusal_only_after_a_look(errors, flag, says):
    server = Refusing(keeps=False, errors=errors, flag=flag)
    asked: list[Step] = []

    def answer(step: Step) -> Said:
        asked.append(step)
        return server.answer(step)

    with pytest.raises(RejectedError, match=says) as caught:
        play(answer, make_draft(invoice_num="O'NEIL 1 "), writer=update_ext)
    assert names(asked) == ["UpdateExt", "GetList"]
    assert asked[1].writes is False
    clause = asked[1].parameters["whereClause"]
    assert clause == "VendorNum = 42 and InvoiceNum = 'O''NEIL 1'"
    assert caught.value.reason is Reason.REFUSED
    assert server.rows[HEADER] == []


def test_a_refusal_that_names_a_duplicate_is_one():
    errors = [{"TableName": HEADER, "ErrorText": "This is a duplicate entry of an existing record"}]
    with pytest.raises(DuplicateInvoiceError, match="duplicate entry"):
        play(Refusing(keeps=False, errors=errors).answer, make_draft(), writer=update_ext)


def test_what_was_saved_in_part_is_completed():
    server, draft = Refusing(keeps=True), make_draft()
    taken, saved = play(server.answer, draft, writer=update_ext)
    found = ["UpdateExt", "GetList", "GetByID"]
    assert names(taken) == [*found, "UpdateMaster APInvExpTGLC"]
    assert differences(draft, saved, STAMP) == []


def test_an_answer_without_return_value_is_judged_by_its_rows():
    server, draft = Epicor(), make_draft()

    def answer(step: Step) -> Said:
        return Said(server.answer(step).ds, {})

    taken, _ = play(answer, draft, writer=update_ext)
    assert names(taken) == ["UpdateExt"]


@pytest.mark.parametrize(
    "parameters", [{"opMessage": "Over the limit?"}, {"requiresUserInput": True}]
)
def test_a_question_is_never_taken_for_success(parameters):
    with pytest.raises(QuestionError, match="Epicor asked in UpdateExt: "):
        play(lambda _: Said({}, parameters), make_draft(), writer=update_ext)


# -- somebody else had the number ----------------------------------------------------------------


@pytest.mark.parametrize("refuses", [True, False])
def test_an_invoice_typed_at_the_same_moment_is_shown_to_a_person(refuses):
    """UpdateExt changes by key: the number that a person typed a moment ago is not refused."""
    server, draft = Refusing(keeps=True) if refuses else Epicor(), make_draft()
    theirs = make_draft("7", "8", "9", stamp="")
    play(server.answer, theirs)
    server.rows[HEADER][0]["EntryPerson"] = "jsmith"
    with pytest.raises(HeldError, match="entered by jsmith; values of the bill") as caught:
        play(server.answer, draft, writer=update_ext)
    assert caught.value.reason is Reason.DUPLICATE_SUSPECTED
    assert len(server.rows[LINE]) == 3  # a person's line is never deleted


def test_the_refusal_of_a_number_that_is_another_bill_s_names_it():
    server = Refusing(keeps=False)
    play(server.answer, make_draft(stamp="bill-2"))
    with pytest.raises(HeldError, match="entered by us; values") as caught:
        play(server.answer, make_draft(), writer=update_ext)
    assert caught.value.reason is Reason.DUPLICATE_SUSPECTED


def test_what_is_there_is_completed_without_the_one_call():
    server, draft = Epicor("named", "saved"), make_draft()
    talk = update_ext(draft, GROUP, None, EpicorProfile())
    server._update_ext({HEADER: next(talk).parameters["ds"][HEADER]})
    taken, _ = play(server.answer, draft, server.found(draft), EpicorProfile("named"), update_ext)
    assert names(taken) == ["UpdateMaster APInvDtl", "UpdateMaster APInvExpTGLC"]
    assert differences(draft, server.found(draft), STAMP) == []
