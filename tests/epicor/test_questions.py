"""Which questions of Epicor are the same one: for one bill, and for every bill."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical_json import plain
from connector.epicor.ap_invoice.questions import (
    BLANK,
    About,
    Accepted,
    OpenQuestions,
    Question,
    exact,
    folded,
    mark_of,
    texts_of,
)

BILL = About("bill-1", "INV-77", "ACME")
OTHER = About("bill-2", "2026/0815", "B-Tech 24")


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        ("Over the limit?", "over the limit?"),
        ("  Over\n the\tLIMIT? ", "over the limit?"),
        ("Invoice INV-77 of ACME is dated 2026-11-02.", "invoice # of # is dated #."),
        ("Invoice inv-77 (acme): 1,200.50 USD?", "invoice # (#): # usd?"),
        ("Due 11/02/2026 at 10:30, 5 days late", "due # at #, # days late"),
        ("Limit 5’000.00; 12.", "limit #; #."),
        # Only whole words are the bill's own.
        ("ACMES and MACME are INV-771?", "acmes and macme are inv-#?"),
        ("Straße 7?", "strasse #?"),
        ("٣ days?", "# days?"),
    ],
)
def test_what_differs_from_bill_to_bill_is_left_out(text, wording):
    assert folded(text, BILL) == wording


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Invoice INV-77 of ACME over 10.00?", "Invoice 2026/0815 of B-Tech 24 over 3,100?", True),
        ("Invoice INV-77 is 3 days old.", "Invoice 2026/0815 is 40 days old.", True),
        ("ACME is on hold.", "B-Tech 24 is on hold.", True),
        ("ACME is on hold.", "ACME is on hold.", False),  # here it is not the bill's own vendor
        ("Acme Ltd is on hold.", "B-Tech Ltd is on hold.", False),
        ("The date is in the future.", "The date is in a closed period.", False),
        ("Limit of 10 USD", "Limit of 10 EUR", False),
        ("Minus -5?", "Minus 5?", False),
    ],
)
def test_the_same_question_about_another_bill_is_recognised(one, other, same):
    assert (folded(one, BILL) == folded(other, OTHER)) is same


def test_a_bill_without_number_or_vendor_takes_nothing_out():
    assert folded("A b?", About("bill", "", " ")) == "a b?"


@given(st.text(), st.text(), st.text())
def test_spaces_capitals_and_the_bills_own_words_never_matter(text, number, vendor):
    about = About("b", number, vendor)
    wording = folded(text, about)
    assert folded(f" {text.casefold()}\n", about) == wording
    assert not any(letter.isdecimal() for letter in wording)
    assert Question.of(text, about) == Question.of(plain(text), about)  # as it is read back


@given(st.text(alphabet="abc XYZ?.", min_size=1), st.integers(0), st.integers(0))
def test_only_the_numbers_may_differ(words, one, other):
    first, second = About("a", f"N-{one}", "V"), About("b", f"N-{other}", "V")
    text = words + " {number} after {days} days"
    said = text.format(number=f"N-{one}", days=one), text.format(number=f"N-{other}", days=other)
    assert folded(said[0], first) == folded(said[1], second)
    assert folded(said[0] + " really", first) != folded(said[1], second)
    assert (exact(said[0]) == exact(said[1])) is (one == other)


def test_an_answer_for_a_bill_is_for_its_very_text_and_no_other_bill():
    question = Question.of("Invoice INV-77 over 10?", BILL)
    accepted = Accepted(frozenset({mark_of("UpdateMaster", question, "bill-1")}))
    assert accepted.covers("UpdateMaster", [question], "bill-1")
    assert not accepted.covers("UpdateMaster", [question], "bill-2")
    assert not accepted.covers("ChangeVendorID", [question], "bill-1")
    dearer = Question.of("Invoice INV-77 over 11?", BILL)
    assert not accepted.covers("UpdateMaster", [dearer], "bill-1")
    assert not accepted.covers("UpdateMaster", [question, dearer], "bill-1")


def test_an_answer_for_every_bill_is_for_its_method_alone():
    mark = mark_of("UpdateMaster", Question.of("Invoice INV-77 over 10?", BILL), "")
    assert mark == ("", "UpdateMaster", f"invoice {BLANK} over {BLANK}?")
    accepted = Accepted(frozenset({mark}))
    other = Question.of("Invoice 2026/0815 over 99.50?", OTHER)
    assert accepted.covers("UpdateMaster", [other], "bill-2")
    assert not accepted.covers("UpdateExt", [other], "bill-2")
    assert accepted.covers("UpdateExt", [], "bill-2")  # it says nothing


def test_an_answer_for_every_bill_is_no_answer_for_a_bill_called_nothing():
    question = Question.of("Over the limit?", About("", "", ""))
    assert mark_of("UpdateMaster", question, "")[0] == ""
    accepted = Accepted(frozenset({("bill", "UpdateMaster", question.exact)}))
    assert not accepted.covers("UpdateMaster", [question], "")


@pytest.mark.parametrize("answerable", [True, False])
def test_what_a_hold_keeps_is_read_back(answerable):
    asked = OpenQuestions(
        "UpdateExt", (Question.of("One 1?", BILL), Question.of("Two?", BILL)), answerable
    )
    detail = plain(asked.as_detail())
    assert detail["said"] == "One 1? Two?"
    assert OpenQuestions.from_detail({**detail, "differences": []}) == asked


@pytest.mark.parametrize(
    "detail",
    [
        {},
        {"method": "UpdateMaster", "said": "Older than the answers?"},
        {"method": 1, "questions": []},
        {"method": "UpdateMaster", "questions": [{"text": "One?"}]},
        {"method": "UpdateMaster", "questions": ["One?"]},
    ],
)
def test_a_hold_about_something_else_is_no_question(detail):
    assert OpenQuestions.from_detail(detail) is None


def test_where_nothing_was_said_nothing_can_be_answered():
    detail = {"method": "GetNew", "questions": [], "answerable": True}
    assert OpenQuestions.from_detail(detail) == OpenQuestions("GetNew", (), answerable=False)


def test_only_texts_in_message_parameters_are_questions():
    said = {"opMessage": " One? ", "confirmMsg": "", "DateMessage": "  ", "vXRateLabel": "1 to 1"}
    assert texts_of({**said, "cMessageText": None, "opDUAMsg": "Two?"}) == ["One?", "Two?"]
