"""Duplicates without database: the hold that shows both invoices, and adopted ones."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from audit.ledger.models import Posting
from connector.domain.difference import NOT_THERE, in_words
from connector.domain.errors import Reason
from connector.epicor.ap_invoice.draft import APInvoiceDraft, DraftLine
from connector.epicor.ap_invoice.rows import SavedInvoice
from connector.sync.bills.duplicates import (
    adopted_differences,
    duplicate_hold,
    facts_of,
    keys_of,
    same_key_hold,
    suspected,
)
from connector.sync.bills.prepare import Prepared
from mappings.duplicate_rules import Candidate, Facts

DAY = date(2026, 11, 10)
DRAFT = APInvoiceDraft(
    company="EPIC06",
    site="MfgSys",
    vendor_num=7,
    vendor_id="ACME",
    invoice_num="INV-00123",
    invoice_date=DAY,
    apply_date=DAY,
    due_date=DAY,
    terms_code="N30",
    currency_code="USD",
    rate_group="MAIN",
    total=Decimal("120.00"),
    lines=(DraftLine(Decimal("120.00"), "6000|01|000", "Paper", "expense"),),
    description="Paper",
    stamp="bill-1",
    url="",
    pay_hold=True,
)
TYPED = Candidate(
    Facts("EPIC06", 7, "inv 123", DAY, "USD", Decimal("120.0000")), "", False, "HAND01", "jsmith"
)
HEADER: dict[str, Any] = {
    "VendorNum": 7,
    "InvoiceNum": "inv 123",
    "InvoiceDate": "2026-11-10T00:00:00",
    "CurrencyCode": "USD",
    "DocInvoiceVendorAmt": Decimal("120.00"),
    "DocInvoiceAmt": Decimal("120.00"),
    "Posted": True,
    "GroupID": "HAND01",
    "EntryPerson": "jsmith",
    "SysRevID": 9,
    "PayHold": True,
}


def job(draft: APInvoiceDraft = DRAFT) -> Prepared:
    return Prepared(Posting(bill_id="bill-1"), None, None, draft)  # type: ignore[arg-type]


def typed(**changes: Any) -> Candidate:
    return replace(TYPED, facts=replace(TYPED.facts, **changes))


def test_the_hold_names_both_invoices_and_what_to_do() -> None:
    hold = suspected(job(), [TYPED])
    assert hold is not None
    assert hold.reason == Reason.DUPLICATE_SUSPECTED
    assert hold.message == (
        "Epicor has an invoice of this vendor that is probably this bill: EPIC06 inv 123 of "
        "2026-11-10 for 120.00 USD, entered by jsmith (group HAND01, not posted). The bill is "
        "INV-00123 of 2026-11-10 for 120.00 USD. Nothing was entered. Compare the two, then say "
        "that it is ours, or that it is different."
    )
    assert hold.detail == {
        "twins": [
            {
                "company": "EPIC06",
                "vendor_num": 7,
                "vendor_id": "ACME",
                "invoice_num": "inv 123",
                "invoice_date": "2026-11-10",
                "total": "120.00",
                "currency": "USD",
                "entry_person": "jsmith",
                "group_id": "HAND01",
                "posted": False,
                "stamp": "",
                "same_key": False,
                "may_be_paid": False,
                "bill": "",
                "bill_state": "",
                "credit_beside": False,
            }
        ]
    }


@pytest.mark.parametrize(
    ("wanted", "held", "shown"), [(True, False, True), (True, None, False), (False, False, False)]
)
def test_what_epicor_would_pay_beside_ramp_is_said(
    wanted: bool, held: bool | None, shown: bool
) -> None:
    hold = duplicate_hold(replace(DRAFT, pay_hold=wanted), [replace(TYPED, pay_hold=held)])
    assert [twin["may_be_paid"] for twin in hold.detail["twins"]] == [shown]
    assert ("not posted, no payment hold)" in hold.message) is shown


def test_what_is_not_alike_any_more_holds_nothing() -> None:
    assert suspected(job(), []) is None
    assert suspected(job(), [typed(invoice_num="9", total=Decimal(5))]) is None


def test_only_those_that_are_alike_are_shown_and_at_most_ten() -> None:
    there = [typed(invoice_num=f"N-{n}") for n in range(14)]
    hold = suspected(job(), [typed(invoice_num="9", total=Decimal(5)), *there])
    assert hold is not None
    assert [twin["invoice_num"] for twin in hold.detail["twins"]] == [f"N-{n}" for n in range(10)]


def test_the_very_same_number_comes_first_and_asks_for_another_number() -> None:
    hold = duplicate_hold(DRAFT, [TYPED, typed(invoice_num="inv-00123 ", invoice_date=None)])
    assert hold.message.startswith("Epicor already has an invoice of this vendor with this number")
    assert "no date" in hold.message
    assert "give this one another number, here or in Ramp" in hold.message
    assert [twin["same_key"] for twin in hold.detail["twins"]] == [True, False]
    assert hold.detail["twins"][0]["invoice_date"] is None


def test_the_number_of_another_bill_cannot_be_called_ours() -> None:
    stamped = SavedInvoice({**HEADER, "InvoiceNum": "INV-00123", "ExternalID": "bill-9"})
    hold = same_key_hold(DRAFT, stamped, "ExternalID")
    assert "posted, stamped bill-9" in hold.message
    assert "The number is another bill's" in hold.message
    assert hold.detail["twins"][0]["stamp"] == "bill-9"


def test_what_to_look_up() -> None:
    assert keys_of({"bill-1": [TYPED]}) == {"bill-1": [("EPIC06", 7, "inv 123")]}
    assert facts_of(DRAFT).key == ("EPIC06", 7, "inv-00123")


ADOPTED = {
    "adopted": True,
    "company": "EPIC06",
    "vendor_num": 7,
    "invoice_num": "inv 123",
    "total": "120.00",
    "currency_code": "USD",
    "pay_hold": True,
}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"InvoiceNum": "INV 123 ", "DocInvoiceVendorAmt": Decimal(120)}, []),
        ({"VendorNum": 8}, ["Vendor is 8, expected 7"]),
        ({"InvoiceNum": "9"}, ["Number is 9, expected inv 123"]),
        ({"DocInvoiceVendorAmt": "119.99"}, ["Invoice total is 119.99 USD, expected 120.00 USD"]),
        ({"DocInvoiceAmt": None}, ["Sum of the lines is 0.00 USD, expected 120.00 USD"]),
        ({"CurrencyCode": "EUR"}, ["Currency is EUR, expected USD"]),
        ({"PayHold": False}, ["Payment hold is no, expected yes"]),
    ],
)
def test_in_what_an_adopted_invoice_is_not_ours_any_more(
    changes: dict[str, Any], found: list[str]
) -> None:
    posting = Posting(bill_id="bill-1", entered_as=ADOPTED)
    points = adopted_differences(posting, SavedInvoice({**HEADER, **changes}))
    assert [str(in_words(point, "USD")) for point in points] == found


@pytest.mark.parametrize("known", [{"pay_hold": False}, {}])
def test_a_payment_hold_that_was_not_wanted_is_not_missed(known: dict[str, Any]) -> None:
    entered_as = {**{k: v for k, v in ADOPTED.items() if k != "pay_hold"}, **known}
    posting = Posting(bill_id="bill-1", entered_as=entered_as)
    assert adopted_differences(posting, SavedInvoice({**HEADER, "PayHold": False})) == []


def test_an_adopted_invoice_that_is_gone() -> None:
    posting = Posting(bill_id="bill-1", entered_as=ADOPTED)
    assert adopted_differences(posting, SavedInvoice()) == [NOT_THERE]
