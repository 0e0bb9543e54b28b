"""The conversation that enters an invoice, played by hand against Epicors of different habits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.errors import QuestionError, Reason, UncertainOutcomeError
from connector.epicor.ap_invoice.conversation import EpicorProfile, Step
from connector.epicor.ap_invoice.draft import APInvoiceDraft
from connector.epicor.ap_invoice.rows import ACCOUNT, EXPENSE, HEADER, LINE, TABLES, SavedInvoice
from connector.epicor.ap_invoice.writers import two_step
from connector.epicor.contract import AP_INVOICE
from tests.epicor.little_epicor import (
    DONE,
    GROUP,
    Epicor,
    Said,
    booked,
    make_draft,
    names,
    play,
    wanted,
)

CREATE = ["GetNewAPInvHedInvoice", "UpdateMaster APInvHed"]


# -- a first entry, on systems of different habits -----------------------------------------------

BY_TABLE = [*CREATE, "UpdateMaster APInvDtl", "UpdateMaster APInvExpTGLC"]
LOOKED = [*CREATE, "GetByID", *BY_TABLE[2:]]


@pytest.mark.parametrize(
    ("epicor", "known", "steps", "learned"),
    [
        (("all", "whole"), "", CREATE, "all"),
        (("all", "whole"), "all", CREATE, ""),
        (("all", "saved"), "", CREATE, "all"),
        (("all", "header"), "", [*CREATE, "GetByID"], "all"),
        (("all", "nothing"), "", [*CREATE, "GetByID"], "all"),
        (("all", "nothing"), "all", [*CREATE, "GetByID"], ""),
        (("named", "whole"), "", LOOKED, "named"),
        (("named", "saved"), "", LOOKED, "named"),
        (("named", "echo"), "", LOOKED, "named"),
        (("named", "saved"), "named", BY_TABLE, ""),
        (("named", "echo"), "named", BY_TABLE, ""),
        (("named", "saved"), "all", LOOKED, ""),
    ],
)
def test_each_kind_of_epicor_gets_the_whole_invoice(epicor, known, steps, learned):
    server, draft, profile = Epicor(*epicor), make_draft(), EpicorProfile(saves=known)
    taken, saved = play(server.answer, draft, profile=profile)
    assert profile.saves == (learned or known)
    assert names(taken) == steps
    assert booked(saved) == wanted(draft)
    assert set(saved.lines) == {1, 2}
    assert [len(server.rows[table]) for table in TABLES] == [1, 2, 2, 2]


def test_only_saves_are_marked_as_writes_and_all_go_to_the_invoice_service():
    taken, _ = play(Epicor("named", "saved").answer, make_draft())
    assert [step.writes for step in taken] == [step.method == "UpdateMaster" for step in taken]
    assert {step.service for step in taken} == {AP_INVOICE}


def test_nothing_is_answered_in_a_person_s_place():
    taken, _ = play(Epicor().answer, make_draft())
    sent = {k: v for k, v in taken[1].parameters.items() if k != "ds"}
    assert sent == {
        "cGroupID": GROUP,
        "cTableName": HEADER,
        "runChkCPay": False,
        "runChkBankRef": False,
        "runChkRevChrg": False,
        "suppressUserPrompts": True,
    }
    assert taken[0].parameters == {"ds": {}, "cGroupID": GROUP}


def test_the_newest_skeleton_is_filled_and_lines_ride_along_unless_they_are_known_to_be_lost():
    for known, tables in [("", set(TABLES)), ("all", set(TABLES)), ("named", {HEADER})]:
        taken, _ = play(
            Epicor(known or "all").answer, make_draft(), profile=EpicorProfile(saves=known)
        )
        ds = taken[1].parameters["ds"]
        assert set(ds) == tables
        assert [(head["InvoiceNum"], head["RowMod"]) for head in ds[HEADER]] == [("INV-1", "A")]


def test_lines_sent_later_go_beside_the_header_s_own_revision():
    server = Epicor("named", "saved")
    revisions: list[int] = []

    def answer(step: Step) -> Said:
        revisions.append(max((row["SysRevID"] for row in server.rows[HEADER]), default=0))
        return server.answer(step)

    taken, _ = play(answer, make_draft(), profile=EpicorProfile(saves="named"))
    ds = taken[2].parameters["ds"]
    assert [(head["SysRevID"], head["RowMod"]) for head in ds[HEADER]] == [(revisions[2], "U")]
    assert [(row["InvoiceLine"], row["RowMod"]) for row in ds[LINE]] == [(1, "A"), (2, "A")]


def test_a_credit_is_a_debit_memo_typed_positive():
    server = Epicor()
    taken, _ = play(server.answer, make_draft("-30", "-12"))
    assert taken[0].method == "GetNewAPInvHedDebitMemo"
    assert server.rows[HEADER][0]["ScrDocInvoiceVendorAmt"] == 42
    assert [row["ScrDocExtCost"] for row in server.rows[LINE]] == [30, 12]
    assert [row["DocScrExpAmt"] for row in server.rows[EXPENSE]] == [30, 12]
    assert all(row["DebitMemo"] for row in server.rows[LINE])


def test_the_skeletons_and_the_stamp_s_column_are_what_this_epicor_taught():
    profile = EpicorProfile(invoice_skeleton="GetNewAPInvHed", stamp_column="Ramp_c")
    server = Epicor()
    taken, _ = play(server.answer, make_draft(), profile=profile)
    assert taken[0].method == "GetNewAPInvHed"
    assert server.rows[HEADER][0]["Ramp_c"] == "bill-1"


@given(
    st.sampled_from(["all", "named"]),
    st.sampled_from(["whole", "saved", "echo", "header", "nothing"]),
    st.lists(st.integers(1, 10**6).map(str), min_size=1, max_size=6),
    st.sampled_from([1, -1]),
)
def test_every_epicor_ends_with_the_whole_invoice_once(saves, says, amounts, sign):
    draft = make_draft(*(str(sign * int(amount)) for amount in amounts))
    server = Epicor(saves, says)
    taken, saved = play(server.answer, draft)
    count = len(amounts)
    assert [len(server.rows[table]) for table in TABLES] == [1, count, count, count]
    assert {r["InvoiceLine"]: r["GLAccount"] for r in server.rows[ACCOUNT]} == wanted(draft)
    assert len(server.added) == len(set(server.added))
    assert len(taken) <= 7  # four, and at most a look after each save
    assert saved.header is not None


def test_lines_that_were_saved_but_not_returned_are_looked_up_every_time():
    server = Epicor("all", "header")
    taken, saved = play(server.answer, make_draft(), profile=EpicorProfile(saves="all"))
    assert names(taken) == [*CREATE, "GetByID"]
    assert set(saved.lines) == {1, 2}


# -- an entry that was interrupted ---------------------------------------------------------------


def half_done(epicor: Epicor, draft: APInvoiceDraft, steps: int) -> SavedInvoice:
    """What a look-up finds after the connection broke behind that many saves."""
    talk = two_step(draft, GROUP, None, EpicorProfile(saves="named"))
    step = next(talk)
    while True:
        answer = epicor.answer(step)
        steps -= step.writes
        if not steps:
            break
        step = talk.send(answer)
    return epicor.found(draft)


@pytest.mark.parametrize(("done", "left"), [(1, BY_TABLE[2:]), (2, BY_TABLE[3:]), (3, [])])
def test_a_resumed_entry_sends_only_what_is_missing(done, left):
    server, draft = Epicor("named", "saved"), make_draft()
    found = half_done(server, draft, done)
    taken, saved = play(server.answer, draft, found, EpicorProfile(saves="named"))
    assert names(taken) == left
    assert booked(saved) == wanted(draft)
    assert [len(server.rows[table]) for table in TABLES] == [1, 2, 2, 2]


def test_a_missing_line_keeps_its_number_and_the_invoice_its_group():
    server, draft = Epicor("named", "saved"), make_draft("1", "2", "3")
    found = half_done(server, draft, 2)
    for table in (LINE, EXPENSE, ACCOUNT):
        server.rows[table] = [row for row in server.rows[table] if row["InvoiceLine"] != 2]
    for rows in (found.lines, found.expenses, found.accounts):
        rows.pop(2, None)
        rows.pop((2, 1), None)
    found.header["GroupID"] = server.rows[HEADER][0]["GroupID"] = "EARLIER"
    taken, saved = play(server.answer, draft, found, EpicorProfile(saves="named"))
    assert names(taken) == [BY_TABLE[2], "GetByID", BY_TABLE[3]]
    assert [row["InvoiceLine"] for row in taken[0].parameters["ds"][LINE]] == [2]
    assert {step.parameters["cGroupID"] for step in taken if step.writes} == {"EARLIER"}
    assert booked(saved) == wanted(draft)


def test_an_invoice_without_group_is_completed_in_ours():
    server, draft = Epicor("named", "saved"), make_draft()
    found = half_done(server, draft, 1)
    del found.header["GroupID"]
    taken, _ = play(server.answer, draft, found, EpicorProfile(saves="named"))
    assert {step.parameters["cGroupID"] for step in taken} == {GROUP}


def test_something_looked_up_that_has_no_header_is_entered_afresh():
    taken, _ = play(Epicor().answer, make_draft(), SavedInvoice())
    assert names(taken) == CREATE


def test_only_wrong_accounts_are_corrected_with_their_own_revision_and_segments():
    server, draft = Epicor(), make_draft()
    _, saved = play(server.answer, draft)
    wrong = server.rows[ACCOUNT][1]
    wrong |= {"GLAccount": "9|9|9", "SegValue1": "9"}
    saved.accounts[2, 1] = dict(wrong)
    taken, saved = play(server.answer, draft, saved)
    assert names(taken) == ["UpdateMaster APInvExpTGLC"]
    assert taken[0].parameters["ds"][ACCOUNT] == [
        {
            **wrong,
            "GLAccount": "6102|01|100",
            "SegValue1": "6102",
            "SegValue2": "01",
            "SegValue3": "100",
            "RowMod": "U",
        }
    ]
    assert booked(saved) == wanted(draft)


def test_accounts_that_are_nowhere_are_added_after_a_look():
    server, draft = Epicor("named", "saved"), make_draft("7")
    server._complete = dict  # this one makes no distribution and no account of its own
    taken, saved = play(server.answer, draft, profile=EpicorProfile(saves="named"))
    added = ["GetByID", "UpdateMaster APInvExp", "GetByID", "UpdateMaster APInvExpTGLC"]
    assert names(taken) == [*BY_TABLE[:3], *added]
    assert booked(saved) == wanted(draft)
    assert [len(server.rows[table]) for table in TABLES] == [1, 1, 1, 1]


# -- questions, and answers that prove nothing ---------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({**DONE, "requiresUserInput": True}, "it does not name"),
        ({**DONE, "lUpdateRan": False}, "it does not name"),
        ({}, "it does not name"),
        (
            {**DONE, "opMessage": " Over the limit? "},
            "Epicor asked in UpdateMaster: “Over the limit\\?” It was not answered",
        ),
        ({**DONE, "opMsgChkBankRef": "Bank?"}, "Bank?"),
        ({**DONE, "opChkRevMsg": "Reverse?"}, "Reverse?"),
        ({**DONE, "opDUAMsg": "Late?"}, "Late?"),
        ({"requiresUserInput": True, "opMessage": "One?", "opDUAMsg": "Two?"}, "“One\\?” “Two\\?”"),
    ],
)
def test_a_question_is_never_taken_for_success(parameters, says):
    server = Epicor()

    def asking(step: Step) -> Said:
        answer = server.answer(step)
        return Said(answer.ds, parameters) if step.writes else answer

    with pytest.raises(QuestionError, match=says) as caught:
        play(asking, make_draft())
    assert caught.value.reason is Reason.ASKED


def test_a_message_of_nothing_but_blanks_is_no_question():
    server = Epicor()

    def blank(step: Step) -> Said:
        return Said(server.answer(step).ds, {**DONE, "opMessage": "  "})

    taken, _ = play(blank, make_draft())
    assert names(taken) == CREATE


@pytest.mark.parametrize("ds", [{}, {HEADER: None}, {HEADER: [{"RowMod": ""}]}])
def test_without_a_new_header_row_nothing_is_sent(ds):
    talk = two_step(make_draft(), GROUP, None, EpicorProfile())
    assert next(talk).writes is False
    with pytest.raises(QuestionError, match="nothing was entered"):
        talk.send(Said(ds))


@pytest.mark.parametrize("echo", [True, False])
def test_a_save_that_no_look_finds_is_in_doubt(echo):
    talk = two_step(make_draft(), GROUP, None, EpicorProfile())
    next(talk)
    save = talk.send(Epicor().answer(Step("GetNewAPInvHedInvoice", {}, writes=False)))
    look = talk.send(Said(save.parameters["ds"] if echo else {}))
    assert (look.method, look.writes) == ("GetByID", False)
    assert look.parameters == {"vendorNum": 42, "invoiceNum": "INV-1"}
    with pytest.raises(UncertainOutcomeError, match="do not type it by hand") as caught:
        talk.send(Said())
    assert caught.value.reason is Reason.IN_DOUBT


def test_what_is_saved_after_the_header_was_seen_proves_no_totals():
    _, by_table = play(Epicor("named", "saved").answer, make_draft())
    _, at_once = play(Epicor().answer, make_draft())
    assert (by_table.stale, at_once.stale) == (True, False)
