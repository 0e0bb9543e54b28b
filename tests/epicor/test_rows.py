"""Drafts as Epicor's rows, and rows as what is really saved: to the cent, and nothing believed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.difference import NOT_THERE, Difference, in_words
from connector.epicor.ap_invoice.draft import APInvoiceDraft, DraftLine
from connector.epicor.ap_invoice.rows import (
    ACCOUNT,
    EXPENSE,
    HEADER,
    LINE,
    SavedInvoice,
    differences,
    header_row,
    line_rows,
    same_number,
    saved_rows,
    totals,
)

STAMP = "ExternalID"
KEY = {"Company": "EPIC06", "VendorNum": 42, "InvoiceNum": "INV-1"}
CENTS = st.decimals(-(10**9), 10**9, places=2)


def make_draft(*amounts: str | Decimal, **changes) -> APInvoiceDraft:
    lines = tuple(
        DraftLine(Decimal(amount), f"61{place:02d}|01|100", f"Line {place}", "expense")
        for place, amount in enumerate(amounts or ("100.10", "20.05"), start=1)
    )
    plain = APInvoiceDraft(
        company="EPIC06",
        site="MfgSys",
        vendor_num=42,
        vendor_id="ACME",
        invoice_num="INV-1",
        invoice_date=date(2026, 3, 10),
        apply_date=date(2026, 3, 31),
        due_date=date(2026, 4, 9),
        terms_code="N30",
        currency_code="USD",
        rate_group="",
        total=sum((line.amount for line in lines), Decimal(0)),
        lines=lines,
        description="Acme",
        stamp="bill-1",
        url="https://ramp.example/bills/bill-1",
        pay_hold=True,
    )
    return replace(plain, **changes)


def make_saved(draft: APInvoiceDraft) -> SavedInvoice:
    """What a faithful Epicor has after this draft; credits are stored negative."""
    header = {
        **KEY,
        "GroupID": "RAMP0001",
        "DebitMemo": draft.credit,
        "InvoiceDate": "2026-03-10T00:00:00",
        "ApplyDate": "2026-03-31T00:00:00",
        "DueDate": "2026-04-09T00:00:00",
        "TermsCode": "N30",
        "CurrencyCode": "USD",
        "DocInvoiceVendorAmt": draft.total,
        "DocInvoiceAmt": draft.total,
        "DocInvoiceVariance": 0,
        "PayHold": draft.pay_hold,
        STAMP: draft.stamp,
    }
    numbered = list(enumerate(draft.lines, start=1))
    return SavedInvoice(
        header=header,
        lines={n: {"DocExtCost": line.amount} for n, line in numbered},
        expenses={(n, 1): {"DocExpAmt": line.amount} for n, line in numbered},
        accounts={(n, 1): {"GLAccount": line.account} for n, line in numbered},
    )


# -- drafts to rows ------------------------------------------------------------------------------


def test_the_header_is_the_skeleton_with_the_draft_s_values():
    row = header_row({"GroupID": "G", "TermsCode": "OLD", "RowMod": ""}, make_draft(), STAMP)
    assert row == {
        **KEY,
        "GroupID": "G",
        "VendorNumVendorID": "ACME",
        "InvoiceDate": "2026-03-10T00:00:00",
        "ApplyDate": "2026-03-31T00:00:00",
        "TermsCode": "N30",
        "DueDate": "2026-04-09T00:00:00",
        "CurrencyCode": "USD",
        "ScrDocInvoiceVendorAmt": Decimal("120.15"),
        "Description": "Acme",
        "ExtSysURL": "https://ramp.example/bills/bill-1",
        "PayHold": True,
        STAMP: "bill-1",
        "RowMod": "A",
    }


@pytest.mark.parametrize(("group", "sent"), [("", "DEFAULT"), ("MAIN", "MAIN")])
def test_a_rate_group_is_sent_only_when_the_tenant_has_one(group, sent):
    row = header_row({"RateGrpCode": "DEFAULT"}, make_draft(rate_group=group), STAMP)
    assert row["RateGrpCode"] == sent


def test_the_stamp_goes_where_the_tenant_says():
    row = header_row({}, make_draft(), "Ramp_c")
    assert row["Ramp_c"] == "bill-1"
    assert STAMP not in row


def test_a_line_is_one_line_one_distribution_one_account():
    rows = line_rows(make_draft(), 2, "G")
    key = {**KEY, "InvoiceLine": 2}
    amount = Decimal("20.05")
    assert rows[LINE] == {
        **key,
        "LineType": "M",
        "Description": "Line 2",
        "ScrVendorQty": 1,
        "DocUnitCost": amount,
        "ScrDocExtCost": amount,
        "DebitMemo": False,
        "GroupID": "G",
        "RowMod": "A",
    }
    assert rows[EXPENSE] == {**key, "InvExpSeq": 1, "DocScrExpAmt": amount, "RowMod": "A"}
    assert rows[ACCOUNT] == {
        **key,
        "InvExpSeq": 1,
        "IsExternalCompany": False,
        "GLAccount": "6102|01|100",
        "RowMod": "A",
    }


def test_a_credit_is_typed_positive_and_its_charges_negative():
    draft = make_draft("-50", "8")
    assert header_row({}, draft, STAMP)["ScrDocInvoiceVendorAmt"] == 42
    first, second = (line_rows(draft, number, "G") for number in (1, 2))
    assert (first[LINE]["ScrDocExtCost"], second[LINE]["ScrDocExtCost"]) == (50, -8)
    assert (first[EXPENSE]["DocScrExpAmt"], second[EXPENSE]["DocScrExpAmt"]) == (50, -8)
    assert first[LINE]["DebitMemo"] is True


@given(st.lists(CENTS, min_size=1, max_size=12).filter(sum))
def test_what_is_typed_adds_up_exactly_and_is_never_negative_in_total(amounts):
    draft = make_draft(*amounts)
    total = header_row({}, draft, STAMP)["ScrDocInvoiceVendorAmt"]
    rows = [line_rows(draft, number, "G") for number in range(1, len(amounts) + 1)]
    assert total == abs(draft.total)
    assert sum(row[LINE]["ScrDocExtCost"] for row in rows) == total
    assert sum(row[LINE]["ScrVendorQty"] * row[LINE]["DocUnitCost"] for row in rows) == total
    assert sum(row[EXPENSE]["DocScrExpAmt"] for row in rows) == total


# -- what counts as saved ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"InvoiceNum": " inv-1 "}, True),
        ({"SysRevID": "7"}, True),
        ({"RowMod": None}, True),
        ({"RowMod": "A"}, False),
        ({"RowMod": "U"}, False),
        ({"SysRevID": 0}, False),
        ({"SysRevID": None}, False),
        ({"VendorNum": 43}, False),
        ({"InvoiceNum": "INV-10"}, False),
    ],
)
def test_only_saved_rows_of_this_invoice_count(changes, counts):
    row = {**KEY, "RowMod": "", "SysRevID": 7, **changes}
    assert list(saved_rows({HEADER: [row]}, HEADER, 42, "INV-1")) == ([row] if counts else [])


@pytest.mark.parametrize("ds", [{}, {HEADER: None}, {HEADER: []}, {HEADER: [{}]}])
def test_an_answer_without_rows_has_nothing_saved(ds):
    assert list(saved_rows(ds, HEADER, 42, "INV-1")) == []


@given(st.text(max_size=20), st.sampled_from(["", " ", "\t"]))
def test_numbers_are_the_same_key_whatever_their_case_and_edges(number, edge):
    assert same_number(number, f"{edge}{number}{edge}")
    assert same_number(number.casefold(), number)
    assert not same_number(number, f"{number}x")


def row(revision: int = 1, **values):
    return {**KEY, "RowMod": "", "SysRevID": revision, **values}


def test_answers_are_gathered_and_later_rows_win():
    saved = SavedInvoice()
    assert (saved.header, saved.group_id, saved.stale) == (None, "", True)
    saved.take(
        {
            HEADER: [row(GroupID="G1")],
            LINE: [row(InvoiceLine=1), row(InvoiceLine="2")],
            EXPENSE: [row(InvoiceLine=1, InvExpSeq=1)],
            ACCOUNT: [row(InvoiceLine=1, InvExpSeq=1, GLAccount="old")],
        },
        42,
        "INV-1",
    )
    assert saved.stale is False
    newer = row(2, InvoiceLine=1, InvExpSeq=1, GLAccount="new")
    saved.take({ACCOUNT: [newer]}, 42, "INV-1")
    assert saved.group_id == "G1"
    assert set(saved.lines) == {1, 2}
    assert set(saved.expenses) == {(1, 1)}
    assert saved.accounts == {(1, 1): newer}
    assert saved.stale is True  # the header was not in the last answer
    saved.take({HEADER: [row(3, GroupID="G1")]}, 42, "INV-1")
    assert saved.stale is False


def test_a_row_at_the_revision_already_known_is_no_news():
    saved = SavedInvoice()
    line, account = row(2, InvoiceLine=1), row(3, InvoiceLine=1, InvExpSeq=1)
    saved.take({HEADER: [row(1)], LINE: [line], ACCOUNT: [account]}, 42, "INV-1")
    everything = {(HEADER, 0, 0), (LINE, 1, 0), (ACCOUNT, 1, 1)}
    assert (saved.shown, saved.stale, saved.whole) == (everything, False, False)
    saved.take({HEADER: [row(1)], LINE: [row(4, InvoiceLine=1)]}, 42, "INV-1")
    assert saved.stale is True  # perhaps only the echo of what we sent beside the line
    assert saved.shown == {(LINE, 1, 0)}
    assert saved.shows(LINE, {"InvoiceLine": 1})
    assert not saved.shows(LINE, {"InvoiceLine": 2})
    assert not saved.shows(HEADER, {})
    assert not saved.shows(ACCOUNT, {"InvoiceLine": 1, "InvExpSeq": 1})


def test_reading_the_invoice_replaces_everything_that_was_known():
    saved = SavedInvoice()
    rows = {HEADER: [row(1)], LINE: [row(2, InvoiceLine=1), row(3, InvoiceLine=2)]}
    saved.take(rows, 42, "INV-1")
    saved.take({LINE: [row(4, InvoiceLine=1)]}, 42, "INV-1")
    saved.see({HEADER: [row(1)], LINE: [row(4, InvoiceLine=1)]}, 42, "INV-1")
    assert saved.shown == {(HEADER, 0, 0), (LINE, 1, 0)}
    assert (set(saved.lines), saved.stale, saved.whole) == ({1}, False, True)
    saved.see({}, 42, "INV-1")
    assert (saved.header, saved.lines) == (None, {})


def test_the_total_is_the_sum_of_the_distributions():
    assert totals(SavedInvoice()) == 0
    assert totals(make_saved(make_draft("-50", "8.05"))) == Decimal("-41.95")


# -- is it what we meant -------------------------------------------------------------------------


@given(st.lists(CENTS, min_size=1, max_size=8))
def test_a_faithful_invoice_has_no_differences(amounts):
    draft = make_draft(*amounts)
    assert differences(draft, make_saved(draft), STAMP) == []


def said(draft, saved) -> list[str]:
    return [str(in_words(each, "")) for each in differences(draft, saved, STAMP)]


def test_a_missing_invoice_is_the_only_difference():
    found = differences(make_draft(), SavedInvoice(), STAMP)
    assert found == [NOT_THERE]


@pytest.mark.parametrize("amount", ["120.15", 120.15, Decimal("120.1500")])
def test_amounts_are_compared_by_value_whatever_their_form(amount):
    saved = make_saved(make_draft())
    saved.header |= {"DocInvoiceAmt": amount, "TermsCode": "N30  "}
    assert differences(make_draft(), saved, STAMP) == []


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("DebitMemo", True, "Credit (debit memo) is yes, expected no"),
        ("DebitMemo", 0, "Credit (debit memo) is 0, expected no"),
        ("DebitMemo", None, "Credit (debit memo) is blank, expected no"),
        ("InvoiceDate", "2026-03-11T00:00:00", "Invoice date is 2026-03-11, expected 2026-03-10"),
        ("ApplyDate", None, "Apply date is blank, expected 2026-03-31"),
        ("DueDate", "2026-04-10T00:00:00", "Due date is 2026-04-10, expected 2026-04-09"),
        ("TermsCode", "N60", "Terms is N60, expected N30"),
        ("TermsCode", None, "Terms is blank, expected N30"),
        ("CurrencyCode", "EUR", "Currency is EUR, expected USD"),
        (
            "DocInvoiceVendorAmt",
            Decimal("120.16"),
            "Invoice total is 120.16, expected 120.15",
        ),
        (
            "DocInvoiceVendorAmt",
            Decimal("-120.15"),
            "Invoice total is -120.15, expected 120.15",
        ),
        ("DocInvoiceAmt", None, "Sum of the lines is blank, expected 120.15"),
        ("DocInvoiceVariance", Decimal("0.01"), "Variance is 0.01, expected 0"),
        ("PayHold", False, "Payment hold is no, expected yes"),
        (STAMP, "", "Bill id (ExternalID) is blank, expected bill-1"),
        (STAMP, "bill-2", "Bill id (ExternalID) is bill-2, expected bill-1"),
    ],
)
def test_every_header_value_that_differs_is_named(column, value, sentence):
    saved = make_saved(make_draft())
    saved.header[column] = value
    assert said(make_draft(), saved) == [sentence]


def test_a_column_that_is_not_in_the_answer_differs():
    saved = make_saved(make_draft())
    del saved.header["PayHold"]
    assert said(make_draft(), saved) == ["Payment hold is blank, expected yes"]


def test_a_missing_line_is_said_once_and_so_is_its_money():
    saved = make_saved(make_draft())
    del saved.lines[2], saved.expenses[2, 1], saved.accounts[2, 1]
    assert said(make_draft(), saved) == [
        "Numbering of the lines is 1, expected 1 to 2",
        "Sum of the distributions is 100.1, expected 120.15",
    ]


def test_without_lines_there_are_none():
    saved = make_saved(make_draft())
    saved.lines.clear()
    assert said(make_draft(), saved) == ["Numbering of the lines is none, expected 1 to 2"]


def test_a_line_too_many_is_found():
    saved = make_saved(make_draft())
    saved.lines[3] = {"DocExtCost": 0}
    assert said(make_draft(), saved) == ["Numbering of the lines is 1, 2, 3, expected 1 to 2"]


def test_a_line_s_amount_and_account_are_compared():
    saved = make_saved(make_draft())
    saved.lines[1]["DocExtCost"] = Decimal("100.11")
    saved.accounts[2, 1]["GLAccount"] = "9999|01|100"
    assert differences(make_draft(), saved, STAMP) == [
        Difference("line_amount", "100.1", "100.11", 1),
        Difference("line_account", "6102|01|100", ("9999|01|100",), 2),
    ]


@pytest.mark.parametrize(
    ("accounts", "shown"),
    [
        ({}, "none"),
        (
            {(1, 1): {"GLAccount": "6101|01|100"}, (1, 2): {"GLAccount": "7000"}},
            "6101|01|100 and 7000",
        ),
    ],
)
def test_a_line_is_booked_on_exactly_one_account(accounts, shown):
    draft = make_draft("5")
    saved = make_saved(draft)
    saved.accounts = accounts
    assert said(draft, saved) == [f"Line 1 account is {shown}, expected 6101|01|100"]


@pytest.mark.parametrize("amount", [None, Decimal("20.04")])
def test_distributions_that_miss_money_are_found(amount):
    saved = make_saved(make_draft())
    saved.expenses[2, 1]["DocExpAmt"] = amount
    (found,) = said(make_draft(), saved)
    assert found.startswith("Sum of the distributions is ")


@given(st.lists(CENTS, min_size=1, max_size=6), CENTS.filter(bool), st.data())
def test_money_on_the_wrong_line_never_goes_unseen(amounts, off, data):
    draft = make_draft(*amounts)
    saved = make_saved(draft)
    number = data.draw(st.integers(1, len(amounts)))
    saved.lines[number]["DocExtCost"] += off
    (found,) = differences(draft, saved, STAMP)
    assert (found.field, found.line) == ("line_amount", number)
