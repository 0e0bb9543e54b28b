"""Which spellings are one number, and which invoices are probably the same."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.duplicate_rules import (
    Candidate,
    Facts,
    IncomingBill,
    is_duplicate,
    normalised,
    same_key,
)

ONE = Facts("EPIC06", 7, "INV-00123", date(2026, 11, 10), "USD", Decimal("120.00"))


@pytest.mark.parametrize(
    "spelling",
    [
        "INV-00123",
        "inv 123",
        "00123",
        " 123 ",
        "Invoice No. 123",
        "INVOICE #0123",
        "Bill-123",
        "#123",
        "no.123",
        "Nr 123",
        "inv123",
        "inv-bill-123",
        "１２３",
    ],
)
def test_the_same_number_in_many_spellings(spelling):
    assert normalised(spelling) == "123"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2026/0012", "20260012"),
        ("2026-11-05", "20261105"),
        ("A 17/b", "a17B"),
        ("RE-0008-X", "re8x"),
        ("INV-A12", "a12"),
        ("Straße 5", "STRASSE 5"),
        ("I-N-V 9", "9"),
    ],
)
def test_pairs_that_are_one_number(one, other):
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("123", "1230"),
        ("1-01", "11"),
        ("A0", "A"),
        ("INV-123", "INV-124"),
        ("INVENTORY-5", "ENTORY-5"),
        ("NORTH-5", "RTH-5"),
        ("INV", "BILL"),
        ("CR-123", "123"),
    ],
)
def test_pairs_that_are_two_numbers(one, other):
    assert normalised(one) != normalised(other)


def test_a_number_of_nothing_but_punctuation_is_nothing():
    assert normalised(" -/.# ") == ""


NUMBERS = st.text(
    alphabet=st.one_of(st.sampled_from("0019INVnoBill# -/._"), st.characters()), max_size=50
)


@given(NUMBERS)
def test_normalising_twice_changes_nothing(number):
    once = normalised(number)
    assert normalised(once) == once
    assert len(once) <= 255


@given(st.text("0123456789", min_size=1, max_size=30), st.text("0123456789", min_size=1))
def test_different_digits_stay_different(one, other):
    assert (normalised(one) == normalised(other)) == (int(one) == int(other))


@given(
    st.integers(min_value=0),
    st.sampled_from(["", "INV", "inv-", "Invoice ", "INVOICE NO. ", "bill_", "#", "No ", "  "]),
    st.integers(min_value=0, max_value=9),
)
def test_words_before_the_number_and_leading_zeros_do_not_matter(number, prefix, zeros):
    assert normalised(f"{prefix}{'0' * zeros}{number}") == str(number)


@given(NUMBERS)
def test_case_and_blanks_around_it_do_not_matter(number):
    assert normalised(f" {number} ") == normalised(number)
    assert normalised(number.casefold()) == normalised(number)


@pytest.mark.parametrize(
    ("changes", "twin"),
    [
        ({}, True),
        ({"invoice_num": "123"}, True),
        ({"invoice_num": "123", "total": Decimal(5), "currency_code": "EUR"}, True),
        ({"invoice_num": "123", "invoice_date": None}, True),
        ({"invoice_num": "999"}, True),
        ({"invoice_num": "999", "invoice_date": date(2026, 11, 17)}, True),
        ({"invoice_num": "999", "invoice_date": date(2026, 11, 3)}, True),
        ({"invoice_num": "999", "invoice_date": date(2026, 11, 18)}, False),
        ({"invoice_num": "999", "invoice_date": None}, False),
        ({"invoice_num": "999", "currency_code": "EUR"}, False),
        ({"invoice_num": "999", "total": Decimal("120.01")}, False),
        ({"invoice_num": "999", "total": Decimal("-120.00")}, False),
        ({"vendor_num": 8}, False),
        ({"company": "EPIC07"}, False),
    ],
)
def test_what_is_probably_the_same_invoice(changes, twin):
    other = replace(ONE, **changes)
    assert is_duplicate(ONE, other) is twin
    assert is_duplicate(other, ONE) is twin


def test_numbers_without_letters_and_digits_are_not_alike():
    far = timedelta(days=30)
    one = replace(ONE, invoice_num="--")
    other = replace(one, invoice_num="//", invoice_date=date(2026, 11, 10) + far)
    assert not is_duplicate(one, other)


def test_a_key_is_compared_as_epicor_compares_it():
    assert same_key(["EPIC06", 7, " inv-A "]) == ("EPIC06", 7, "inv-a")
    assert replace(ONE, invoice_num=" Inv-1").key == ("EPIC06", 7, "inv-1")


def test_a_candidate_and_a_bill_show_their_facts():
    candidate = Candidate(ONE)
    assert (candidate.company, candidate.vendor_num, candidate.invoice_num) == (
        "EPIC06",
        7,
        "INV-00123",
    )
    assert candidate.key == ("EPIC06", 7, "inv-00123")
    assert IncomingBill("bill-1", ONE).number_key == "123"
