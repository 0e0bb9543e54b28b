"""The three sides of a bill: what differs, what does not, and what cannot be compared."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connector.epicor.ap_invoice.draft import APInvoiceDraft, DraftLine
from connector.ramp.bills import parse_bill
from connector.web.bills.comparison import (
    NOT_AS_IN_RAMP,
    NOT_AS_SENT,
    Cell,
    Line,
    Row,
    Side,
    Value,
    compare,
)
from connector.web.bills.sides import adopted_side, epicor_side, ramp_side, sent_side
from tests import builders

DRAFT = APInvoiceDraft(
    company="EPIC06",
    site="MfgSys",
    vendor_num=7,
    vendor_id="ACME",
    invoice_num="INV-1",
    invoice_date=date(2026, 11, 2),
    apply_date=date(2026, 11, 3),
    due_date=date(2026, 12, 2),
    terms_code="N30",
    currency_code="USD",
    rate_group="MAIN",
    total=Decimal("120.00"),
    lines=(
        DraftLine(Decimal("100.00"), "6000|01|000", "Paper", "expense"),
        DraftLine(Decimal("20.00"), "6100|01|000", "Acme Supplies", "expense"),
    ),
    description="Acme Supplies",
    stamp="b1",
    url="http://x/b1",
    pay_hold=True,
)
SEEN: dict[str, Any] = {
    "company": "EPIC06",
    "ours": True,
    "vendor_num": 7,
    "vendor_id": "ACME",
    "invoice_num": "INV-1",
    "invoice_date": "2026-11-02",
    "apply_date": "2026-11-03",
    "due_date": "2026-12-02",
    "terms_code": "N30",
    "currency_code": "USD",
    "group_id": "R261103A",
    "description": "Acme  Supplies ",
    "entry_person": "bot",
    "changed_by": "bot",
    "total": "120.000",
    "pay_hold": True,
    "posted": False,
    "lines": [
        {"number": 1, "amount": "100", "description": "Paper", "accounts": ["6000|01|000"]},
        {
            "number": 2,
            "amount": "20.0",
            "description": "Acme Supplies",
            "accounts": ["6100|01|000"],
        },
    ],
}


def bill(**changes: Any) -> Any:
    return parse_bill(builders.bill_payload(**changes))


def marks(ramp: Side | None, sent: Side | None, epicor: Side | None) -> dict[str, tuple[str, str]]:
    """What differs: name → (mark of what is sent, mark of Epicor's)."""
    found = compare(ramp, sent, epicor)
    rows = {row.name: row for row in found.rows}
    rows |= {f"{n} {row.name}": row for n, lines in found.lines for row in lines}
    wrong = {name: (row.cells[1].differs, row.cells[2].differs) for name, row in rows.items()}
    assert not any(row.cells[0].differs for row in rows.values())
    assert found.differences == sum(any(pair) for pair in wrong.values())
    return {name: pair for name, pair in wrong.items() if any(pair)}


def all_three(ramp: dict[str, Any], draft: dict[str, Any], seen: dict[str, Any]) -> Any:
    return marks(
        ramp_side(bill(**ramp), "USD"),
        sent_side(replace(DRAFT, **draft), "R261103A", "USD"),
        epicor_side({**SEEN, **seen}, "USD"),
    )


def test_what_was_entered_as_it_should_be_differs_in_nothing() -> None:
    assert all_three({}, {}, {}) == {}


@pytest.mark.parametrize(
    ("ramp", "point"),
    [
        ({"invoice_number": "INV-2"}, "Invoice number"),
        ({"issued_at": "2026-11-01"}, "Invoice date"),
        ({"accounting_date": "2026-10-31"}, "Apply date"),
        ({"due_at": "2026-12-03T00:00:00Z"}, "Due date"),
        ({"amount": builders.money(12001)}, "Total"),
    ],
)
def test_an_edit_in_ramp_shows_against_what_was_sent(ramp: dict[str, Any], point: str) -> None:
    assert all_three(ramp, {}, {}) == {point: (NOT_AS_IN_RAMP, "")}


@pytest.mark.parametrize(
    ("seen", "point"),
    [
        ({"company": "EPIC07"}, "Epicor company"),
        ({"vendor_num": 8}, "Vendor"),
        ({"invoice_num": "INV-1A"}, "Invoice number"),
        ({"invoice_date": "2026-11-01"}, "Invoice date"),
        ({"apply_date": ""}, "Apply date"),
        ({"due_date": "2026-12-09"}, "Due date"),
        ({"terms_code": ""}, "Terms"),
        ({"currency_code": "EUR"}, "Currency"),
        ({"total": "120.01"}, "Total"),
        ({"pay_hold": False}, "Payment hold"),
        ({"group_id": "OTHER"}, "Group"),
        ({"description": "Something else"}, "Description"),
    ],
)
def test_a_change_in_epicor_shows_against_what_was_sent(seen: dict[str, Any], point: str) -> None:
    assert all_three({}, {}, seen) == {point: ("", NOT_AS_SENT)}


def test_numbers_are_compared_as_epicor_does_trimmed_and_caseless() -> None:
    assert all_three({"invoice_number": " inv-1"}, {}, {"invoice_num": "Inv-1 "}) == {}


def test_a_moved_apply_date_is_a_difference_to_ramp_and_not_to_epicor() -> None:
    moved = {"apply_date": date(2026, 12, 1)}
    assert all_three({}, moved, {"apply_date": "2026-12-01"}) == {
        "Apply date": (NOT_AS_IN_RAMP, "")
    }


def test_without_accounting_date_the_invoice_date_counts() -> None:
    same = {"apply_date": date(2026, 11, 2)}
    assert all_three({"accounting_date": None}, same, {"apply_date": "2026-11-02"}) == {}


def test_a_bill_without_number_is_not_different_from_the_number_made_for_it() -> None:
    payload = builders.bill_payload(invoice_number=None)
    made = parse_bill(payload).invoice_num
    sent = sent_side(replace(DRAFT, invoice_num=made), "", "USD")
    assert "Invoice number" not in marks(ramp_side(parse_bill(payload), "USD"), sent, None)


def test_currencies_are_compared_by_what_they_stand_for() -> None:
    euro = sent_side(replace(DRAFT, currency_code="EURO"), "", "USD")
    assert "Currency" not in marks(ramp_side(bill(), "EURO"), euro, None)
    assert marks(ramp_side(bill(), "USD"), euro, None) == {"Currency": (NOT_AS_IN_RAMP, "")}
    # Without a map nobody can say.
    assert marks(ramp_side(bill(), ""), euro, None) == {}


LINE_1, LINE_2 = SEEN["lines"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([LINE_1], {"2 Amount": ("", NOT_AS_SENT)}),
        ([], {"1 Amount": ("", NOT_AS_SENT), "2 Amount": ("", NOT_AS_SENT)}),
        (
            [LINE_1, LINE_2, {**LINE_2, "number": 3}],
            {"3 Amount": ("", NOT_AS_SENT)},
        ),
        ([{**LINE_1, "amount": "100.01"}, LINE_2], {"1 Amount": ("", NOT_AS_SENT)}),
        ([{**LINE_1, "accounts": ["6001|01|000"]}, LINE_2], {"1 Account": ("", NOT_AS_SENT)}),
        ([{**LINE_1, "accounts": []}, LINE_2], {"1 Account": ("", NOT_AS_SENT)}),
        (
            [{**LINE_1, "accounts": ["6000|01|000", "6000|01|100"]}, LINE_2],
            {"1 Account": ("", NOT_AS_SENT)},
        ),
        ([LINE_1, {**LINE_2, "description": "Pens"}], {"2 Text": ("", NOT_AS_SENT)}),
    ],
)
def test_lines_are_compared_one_by_one(lines: list[Any], expected: dict[str, Any]) -> None:
    assert all_three({}, {}, {"lines": lines}) == expected


def test_a_line_more_in_ramp_is_named() -> None:
    more = [*builders.bill_payload()["line_items"], {"amount": builders.money(1)}]
    found = all_three({"line_items": more, "amount": builders.money(12001)}, {}, {})
    assert found["3 Amount"] == (NOT_AS_IN_RAMP, "")


def test_where_nothing_is_sent_epicor_is_compared_with_ramp() -> None:
    ramp, epicor = ramp_side(bill(), "USD"), epicor_side({**SEEN, "total": "1"}, "USD")
    assert marks(ramp, None, epicor) == {"Total": ("", NOT_AS_IN_RAMP)}
    assert marks(None, None, epicor) == {}
    assert marks(ramp, None, None) == {}
    assert compare(None, None, None).rows == []


def test_what_a_person_took_over_is_compared_in_what_was_ever_compared() -> None:
    known = {"company": "EPIC06", "vendor_num": 7, "invoice_num": "INV-1", "currency_code": "USD"}
    side = adopted_side({**known, "total": "120.00"}, "", "USD")
    assert marks(None, side, epicor_side({**SEEN, "terms_code": "X"}, "USD")) == {}
    assert marks(None, side, epicor_side({**SEEN, "total": "119"}, "USD")) == {
        "Total": ("", NOT_AS_SENT)
    }


@pytest.mark.parametrize("currency", ["USD", "JPY", "KWD", "", "XXQ"])
def test_amounts_are_shown_with_the_currencys_digits_and_never_rounded(currency: str) -> None:
    seen = epicor_side({**SEEN, "total": "1234567.1239", "lines": []}, currency)
    assert seen.fields["Total"].text == f"1,234,567.1239 {currency}".strip()


def test_a_credit_is_negative_on_every_side() -> None:
    ramp = ramp_side(
        bill(
            amount=builders.money(-500),
            line_items=[{"amount": builders.money(-500), "accounting_field_selections": []}],
        ),
        "USD",
    )
    line = DraftLine(Decimal("-5.00"), "6000|01|000", "Paper", "expense")
    draft = replace(DRAFT, total=Decimal("-5.00"), lines=(line,))
    seen = {**SEEN, "total": "-5", "lines": [{**LINE_1, "amount": "-5"}]}
    sides = ramp, sent_side(draft, "R261103A", "USD"), epicor_side(seen, "USD")
    assert marks(*sides) == {}
    assert {side.fields["Total"].text for side in sides} == {"-5.00 USD"}
    assert ramp.lines is not None
    assert ramp.lines[1].account.text == "not coded"


def test_a_side_that_does_not_know_the_lines_says_nothing_about_them() -> None:
    ours = Side({}, {1: Line(amount=Value("1", Decimal(1)))})
    assert marks(None, ours, Side({})) == {}
    assert marks(None, ours, Side({}, {})) == {"1 Amount": ("", NOT_AS_SENT)}


def test_a_narrow_screen_names_the_sides_that_say_the_same_once() -> None:
    def told(*texts: str) -> list[tuple[str, str, bool]]:
        row = Row("Total", tuple(Cell(one) for one in texts))  # type: ignore[arg-type]
        return [(cell.text, name, repeats) for cell, name, repeats in row.told]

    assert told("1", "1", "1") == [
        ("1", "Ramp, Sent, Epicor", False),
        ("1", "Sent, Epicor", True),
        ("1", "Epicor", True),
    ]
    assert told("1", "2", "2")[1] == ("2", "Sent, Epicor", False)
    assert told("1", "2", "1") == [
        ("1", "Ramp", False),
        ("2", "Sent", False),
        ("1", "Epicor", False),
    ]
