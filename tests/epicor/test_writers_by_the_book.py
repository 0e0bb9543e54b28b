"""Every call of the entry screen in its order; and what any writer would send, without Epicor."""

from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from connector.domain.errors import QuestionError
from connector.epicor.ap_invoice.by_the_book import by_the_book
from connector.epicor.ap_invoice.conversation import EpicorProfile, Step
from connector.epicor.ap_invoice.rows import ACCOUNT, HEADER, LINE, TABLES, differences
from connector.epicor.ap_invoice.writers import WRITERS, requests
from tests.epicor.little_epicor import DONE, GROUP, Epicor, Said, make_draft, names, play

STAMP = "ExternalID"
ON_SCREEN = [
    "GetNewAPInvHedInvoice",
    "ChangeVendorID",
    "ChangeInvoiceDateWithDateCheck",
    "OnChangeofApplyDateWithDateCheck",
    "ChangeCurrencyMaster",
    "ChangeTermsCode",
    "ChangeDueDate",
    "ChangeInvoiceVendorAmt",
    "UpdateMaster APInvHed",
]
A_LINE = ["GetNewAPInvDtlMiscellaneous", "ChangeExtCost", "UpdateMaster APInvDtl"]


@pytest.mark.parametrize(
    ("saves", "says"), [("all", "whole"), ("named", "saved"), ("named", "echo")]
)
def test_the_whole_screen_in_order(saves, says):
    server, draft = Epicor(saves, says), make_draft()
    taken, saved = play(server.answer, draft, writer=by_the_book)
    end = ["GetByID", "UpdateMaster APInvExpTGLC", "GetByID"]
    assert names(taken) == [*ON_SCREEN, *A_LINE, *A_LINE, *end]
    assert [step.writes for step in taken] == [step.method == "UpdateMaster" for step in taken]
    assert differences(draft, saved, STAMP) == []
    assert saved.stale is False
    assert [len(server.rows[table]) for table in TABLES] == [1, 2, 2, 2]


def test_where_only_the_named_table_is_saved_and_that_is_known_no_look_comes_between():
    taken, _ = play(
        Epicor("named", "saved").answer,
        make_draft("1"),
        profile=EpicorProfile("named"),
        writer=by_the_book,
    )
    assert names(taken)[-2:] == ["UpdateMaster APInvExpTGLC", "GetByID"]
    assert names(taken).count("GetByID") == 1


def test_what_the_vendor_brings_along_is_not_typed_again():
    server, draft = Epicor(), make_draft("1")

    def answer(step: Step) -> Said:
        said = server.answer(step)
        if step.method == "ChangeVendorID":
            said.ds[HEADER][-1] |= {
                "ApplyDate": "2026-03-31T00:00:00",
                "CurrencyCode": "USD",
                "TermsCode": "N30",
                "DueDate": "2026-04-09T00:00:00",
            }
        return said

    taken, _ = play(answer, draft, writer=by_the_book)
    assert names(taken)[:5] == [*ON_SCREEN[:3], *ON_SCREEN[7:]]


def test_every_call_says_what_is_typed():
    draft = make_draft("-30", rate_group="BANK")
    taken, saved = play(Epicor().answer, draft, writer=by_the_book)
    typed = {
        name: value
        for step in taken
        for name, value in step.parameters.items()
        if name not in ("ds", "cGroupID", "cTableName") and not name.startswith(("run", "supp"))
    }
    assert taken[0].method == "GetNewAPInvHedDebitMemo"
    assert typed == {
        "ProposedVendorID": "ACME",
        "confirmCheck": False,
        "ProposedInvoiceDate": "2026-03-10T00:00:00",
        "recalcAmts": "",
        "VendorNum": 42,
        "InvoiceNum": "INV-1",
        "NewApplyDate": "2026-03-31T00:00:00",
        "ProposedCurrencyCode": "USD",
        "vRateGrpCode": "BANK",
        "ProposedTermsCode": "N30",
        "ProposedDueDate": "2026-04-09T00:00:00",
        "ProposedInvoiceVendorAmt": 30,
        "iVendorNum": 42,
        "cInvoiceNum": "INV-1",
        "ProposedExtCost": 30,
        "vendorNum": 42,
        "invoiceNum": "INV-1",
    }
    assert differences(draft, saved, STAMP) == []


def test_the_dataset_just_returned_goes_into_the_next_call():
    server, given = Epicor(), []

    def answer(step: Step) -> Said:
        said = deepcopy(server.answer(step))
        if step.method != "GetByID":
            given.append(step.parameters["ds"])
            said.ds[HEADER][-1]["PMUID"] = len(given)
        return said

    play(answer, make_draft("1"), writer=by_the_book)
    marks = [ds[HEADER][-1].get("PMUID") for ds in given[1:12]]
    assert marks == list(range(1, 12))


def test_a_row_that_comes_back_unsaved_is_not_sent_along_again():
    server = Epicor()

    def answer(step: Step) -> Said:
        said = server.answer(step)
        if step.parameters.get("cTableName") == HEADER:
            said.ds[HEADER].insert(0, {"RowMod": "U", "InvoiceNum": "echo"})
        return said

    taken, _ = play(answer, make_draft("1"), writer=by_the_book)
    (line,) = [step for step in taken if step.method == "GetNewAPInvDtlMiscellaneous"]
    assert [row["InvoiceNum"] for row in line.parameters["ds"][HEADER]] == ["INV-1"]


def test_lines_carry_their_numbers():
    taken, _ = play(Epicor().answer, make_draft("1", "2"), writer=by_the_book)
    lines = [
        [row["InvoiceLine"] for row in step.parameters["ds"][LINE] if row["RowMod"] == "A"]
        for step in taken
        if step.parameters.get("cTableName") == LINE
    ]
    assert lines == [[1], [2]]


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("GetNewAPInvHedInvoice", "opMessage"),
        ("ChangeVendorID", "confirmMsg"),
        ("ChangeInvoiceDateWithDateCheck", "cMessageText"),
        ("ChangeInvoiceDateWithDateCheck", "DateMessage"),
        ("OnChangeofApplyDateWithDateCheck", "DateMessage"),
        ("ChangeCurrencyMaster", "OpMessage"),
        ("ChangeInvoiceVendorAmt", "VarianceMessage"),
        ("UpdateMaster", "opMsgChkBankRef"),
        ("GetNewAPInvDtlMiscellaneous", "cMsg"),
        ("ChangeExtCost", "opMessage"),
    ],
)
def test_every_question_stops_the_entry_and_names_its_method(method, name):
    server, steps = Epicor(), []

    def answer(step: Step) -> Said:
        steps.append(step.method)
        said = server.answer(step)
        if step.method == method:
            return Said(said.ds, {**DONE, name: "Really?"})
        return said

    with pytest.raises(QuestionError, match=f"Epicor asked in {method}: “Really\\?” ") as caught:
        play(answer, make_draft(), writer=by_the_book)
    assert steps[-1] == method
    assert caught.value.detail["said"] == "Really?"


@pytest.mark.parametrize(
    ("method", "says"),
    [
        ("ChangeVendorID", "row of APInvHed, so nothing was entered"),
        ("GetNewAPInvDtlMiscellaneous", "row of APInvDtl, so the invoice is not whole"),
    ],
)
def test_a_call_that_gives_no_row_back_stops_the_entry(method, says):
    server = Epicor()

    def answer(step: Step) -> Said:
        return Said({}, {}) if step.method == method else server.answer(step)

    with pytest.raises(QuestionError, match=says):
        play(answer, make_draft(), writer=by_the_book)


def test_a_save_whose_rows_do_not_come_back_is_looked_up():
    server, draft = Epicor("named", "nothing"), make_draft("1", "2")
    taken, saved = play(server.answer, draft, writer=by_the_book)
    assert names(taken)[8:15] == [
        "UpdateMaster APInvHed", "GetByID", *A_LINE, "GetByID", A_LINE[0],
    ]  # fmt: skip
    assert differences(draft, saved, STAMP) == []
    assert len(server.added) == len(set(server.added)) == 3


# -- what would be sent --------------------------------------------------------------------------


def sent(
    writer: str, profile: EpicorProfile, draft: Any = None
) -> list[tuple[str, dict[str, int]]]:
    return [
        (names([step])[0], {t: len(rows) for t, rows in step.parameters["ds"].items() if rows})
        for step in requests(WRITERS[writer], draft or make_draft(), GROUP, profile)
    ]


ALL = {table: 1 if table == HEADER else 2 for table in TABLES}


@pytest.mark.parametrize(
    ("writer", "saves", "expected"),
    [
        ("two_step", "", [("UpdateMaster APInvHed", ALL)]),
        ("two_step", "all", [("UpdateMaster APInvHed", ALL)]),
        (
            "two_step",
            "named",
            [
                ("UpdateMaster APInvHed", {HEADER: 1}),
                ("UpdateMaster APInvDtl", {HEADER: 1, LINE: 2}),
                ("UpdateMaster APInvExpTGLC", {HEADER: 1, ACCOUNT: 2}),
            ],
        ),
        ("update_ext", "", [("UpdateExt", ALL)]),
        ("update_ext", "named", [("UpdateExt", ALL)]),
    ],
)
def test_a_rehearsal_gives_the_requests_that_a_first_entry_sends(writer, saves, expected):
    profile = EpicorProfile(saves=saves)
    assert sent(writer, profile) == expected
    assert profile == EpicorProfile(saves=saves)


@pytest.mark.parametrize("saves", ["", "all", "named"])
def test_a_rehearsal_by_the_book_saves_header_each_line_and_the_accounts(saves):
    methods = [name for name, _ in sent("by_the_book", EpicorProfile(saves=saves))]
    tables = ["APInvHed", "APInvDtl", "APInvDtl", "APInvExpTGLC"]
    assert methods == [f"UpdateMaster {table}" for table in tables]


def test_a_rehearsal_shows_the_bill_s_own_values():
    draft = make_draft("-3", due_date=date(2026, 5, 5))
    (step,) = requests(WRITERS["two_step"], draft, GROUP, EpicorProfile("all"))
    (head,) = step.parameters["ds"][HEADER]
    assert (head["DueDate"], head["ScrDocInvoiceVendorAmt"]) == ("2026-05-05T00:00:00", 3)
    assert step.parameters["cGroupID"] == GROUP
