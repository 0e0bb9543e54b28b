from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from connector.domain.bill import Payment
from connector.domain.errors import InvalidBillError
from connector.ramp.bill_content import content_hash, envelope, hash_of, is_gone, strip
from connector.ramp.bills import parse_bill
from tests.builders import bill_payload, choice, money


def test_a_plain_bill_is_read_whole():
    payload = bill_payload(
        line_items=[
            {
                "amount": money(10000),
                "memo": " Paper ",
                "accounting_field_selections": [
                    choice("6000"),
                    choice("CC-1", field="cost_center", kind="OTHER"),
                ],
            }
        ],
        inventory_line_items=[
            {
                "amount": money(2000),
                "unit_price": money(1000),
                "unit_quantity": 2,
                "accounting_field_selections": [],
            }
        ],
        payment={"payment_method": "ACH", "amount": money(999)},
        purchase_order_ids=["po-1"],
    )
    bill = parse_bill(payload)
    assert (bill.total, bill.currency) == (Decimal("120.00"), "USD")
    assert (bill.issued_on, bill.due_on) == (date(2026, 11, 2), date(2026, 12, 2))
    assert bill.accounting_on == date(2026, 11, 3)
    assert bill.created_at == datetime(2026, 11, 2, 21, 30, tzinfo=UTC)
    assert [(line.amount, line.memo, line.source) for line in bill.lines] == [
        (Decimal("100.00"), "Paper", "expense"),
        (Decimal("20.00"), "", "inventory"),
    ]
    gl, center = bill.lines[0].selections
    assert gl.is_gl_account
    assert (center.field_id, center.option_id, center.is_gl_account) == (
        "cost_center",
        "CC-1",
        False,
    )
    assert bill.payments == (Payment("ACH"),)
    assert bill.purchase_order_ids == ("po-1",)
    assert bill.invoice_num == "INV-1"


@pytest.mark.parametrize("value", ["2026-11-02T23:59:59-11:00", "2026-11-02T00:00:00Z"])
def test_a_day_is_never_shifted_by_its_offset(value):
    assert parse_bill(bill_payload(issued_at=value)).issued_on == date(2026, 11, 2)


def test_a_bill_without_number_gets_one_from_its_id():
    bill = parse_bill(bill_payload(id="0acb780e-6914-4d87-908d-d62d38b6fb0b", invoice_number=None))
    assert bill.invoice_num == "RAMP-0acb780e"


def test_what_is_optional_may_be_missing_or_null():
    payload = bill_payload(inventory_line_items=None, accounting_field_selections=None)
    for name in ("accounting_date", "payment", "memo", "created_at", "approval_status"):
        payload.pop(name, None)
    bill = parse_bill(payload)
    assert bill.accounting_on is None
    assert bill.accounting_sync_enabled is True
    assert len(bill.lines) == 2


@pytest.mark.parametrize(
    ("changes", "payments"),
    [
        ({"payment": None}, ()),
        ({"payment": {"payment_method": None}}, (Payment(""),)),
        (
            {
                "payment": {
                    "payment_method": "PAID_MANUALLY",
                    "details": {"manual_payment_method": "PAID_IN_ERP"},
                }
            },
            (Payment("PAID_MANUALLY", "PAID_IN_ERP"),),
        ),
        (
            {
                "payment": {"payment_method": "ach", "details": None},
                "payments": [{"payment_method": "ACH"}, {"payment_method": "PAID_MANUALLY"}],
            },
            (Payment("ACH"), Payment("PAID_MANUALLY")),
        ),
        ({"payments": [{"payment_method": "CARD"}, None, 7]}, (Payment("CARD"), Payment(""))),
        ({"payments": {"payment_method": "CARD"}}, ()),
    ],
)
def test_payments_of_either_place_count_and_never_stop_a_bill(changes, payments):
    assert parse_bill(bill_payload(**changes)).payments == payments


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        (None, None),
        ("", None),
        ("2026-11-02T21:30:00Z", datetime(2026, 11, 2, 21, 30, tzinfo=UTC)),
        ("2026-11-02T21:30:00", datetime(2026, 11, 2, 21, 30, tzinfo=UTC)),
        ("2026-11-02T21:30:00.125-05:00", datetime(2026, 11, 3, 2, 30, 0, 125000, tzinfo=UTC)),
    ],
)
def test_a_moment_without_an_offset_is_in_utc(given, moment):
    assert parse_bill(bill_payload(created_at=given)).created_at == moment


@pytest.mark.parametrize("given", ["yesterday", "2026-13-01T00:00:00Z", 20261102, {}])
def test_a_moment_that_cannot_be_read_holds_the_bill(given):
    with pytest.raises(InvalidBillError, match="creation date"):
        parse_bill(bill_payload(created_at=given))


def test_only_false_switches_the_accounting_sync_off():
    assert parse_bill(bill_payload(enable_accounting_sync=False)).accounting_sync_enabled is False
    assert parse_bill(bill_payload(enable_accounting_sync=None)).accounting_sync_enabled is True


def test_a_chosen_option_that_lost_its_id_is_kept():
    chosen = choice("6000") | {"external_id": None}
    line = {"amount": money(12000), "accounting_field_selections": [chosen]}
    (selection,) = parse_bill(bill_payload(line_items=[line])).lines[0].selections
    assert selection.option_id == ""
    assert selection.is_gl_account


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"id": None}, "id"),
        ({"vendor": None}, "vendor"),
        ({"issued_at": None}, "issue date"),
        ({"due_at": "soon"}, "due date"),
        ({"accounting_date": "2026-13-01"}, "accounting date"),
        ({"amount": None}, "amount"),
        ({"amount": money(1, "")}, "currency"),
        ({"amount": money(12.5)}, "total"),
        ({"amount": money(True)}, "total"),
        ({"amount": money(100, "XXQ")}, "XXQ"),
        ({"line_items": [{"amount": None}]}, "line 1"),
        ({"line_items": [{"amount": money(12000, "EUR")}]}, "line 1.*EUR"),
        ({"line_items": "many"}, "line_items"),
        ({"inventory_line_items": [7]}, "inventory_line_items"),
    ],
)
def test_what_cannot_be_read_is_named(changes, named):
    with pytest.raises(InvalidBillError, match=named):
        parse_bill(bill_payload(**changes))


def changed(payload, **changes):
    return content_hash({**payload, **changes})


def test_the_hash_ignores_what_accounting_does_not_book():
    payload = bill_payload()
    same = [
        {"status": "PAID", "paid_at": "2026-12-01T00:00:00Z"},
        {"payment": {"payment_method": "ACH"}},
        {"sync_status": "BILL_SYNCED", "remote_id": "x", "deep_link_url": "https://x"},
        {"memo": "new", "vendor_memo": "new"},
        {"invoice_urls": []},
        {"amount": money(12000, minor_unit_conversion_rate=100)},
        {"issued_at": "2026-11-02T00:00:00Z"},
        {"vendor": payload["vendor"] | {"name": "Renamed", "remote_id": "OTHER"}},
        {"a_new_field": 1},
    ]
    assert {changed(payload, **changes) for changes in same} == {content_hash(payload)}


def test_the_hash_sees_what_accounting_books():
    payload = bill_payload()
    first, second = payload["line_items"]
    different = [
        {"entity_id": "other"},
        {"vendor": payload["vendor"] | {"id": "other"}},
        {"invoice_number": "INV-2"},
        {"issued_at": "2026-11-04T00:00:00Z"},
        {"due_at": "2026-12-04T00:00:00Z"},
        {"accounting_date": None},
        {"amount": money(12001)},
        {"amount": money(12000, "EUR")},
        {"line_items": [second, first]},
        {"line_items": [first | {"accounting_field_selections": [choice("6001")]}, second]},
        {"accounting_field_selections": [choice("6001")]},
        {"purchase_order_ids": ["po-1"]},
    ]
    hashes = {changed(payload, **changes) for changes in different}
    assert len(hashes) == len(different)
    assert content_hash(payload) not in hashes


def test_a_bill_that_cannot_be_read_still_has_a_hash_that_notices_its_correction():
    broken = bill_payload(issued_at=None)
    assert content_hash(broken) == content_hash({**broken, "memo": "x", "status": "PAID"})
    assert content_hash(broken) != content_hash({**broken, "invoice_number": "INV-2"})
    assert content_hash(broken) != content_hash({**broken, "issued_at": "2026-11-02T00:00:00Z"})


@pytest.mark.parametrize(
    "gone",
    [
        {"archived_at": "2026-11-20T00:00:00Z"},
        {"approval_status": "REJECTED"},
        {"approval_status": "TERMINATED"},
    ],
)
@pytest.mark.parametrize("broken", [{}, {"issued_at": "never"}])
def test_a_bill_that_is_gone_has_another_hash_until_it_is_back(gone, broken):
    there = {**bill_payload(), **broken}
    away = {**there, **gone}
    assert (is_gone(there), is_gone(away)) == (False, True)
    assert content_hash(away) != content_hash(there)
    assert content_hash({**away, "memo": "x"}) == content_hash(away)
    if not broken:
        assert hash_of(parse_bill(away), whatever_became=True) == content_hash(there)


@pytest.mark.parametrize("approval", [None, "", "APPROVED", "PENDING", "INITIALIZED"])
def test_a_bill_that_waits_for_approval_is_not_gone(approval):
    assert not is_gone(bill_payload(approval_status=approval))


def test_stored_payloads_carry_no_signed_addresses_and_read_the_same():
    payload = bill_payload(quantity=Decimal("1.5"))
    stored = strip(payload)
    assert "invoice_urls" not in stored
    assert stored["quantity"] == "1.5"
    assert parse_bill(stored) == parse_bill(payload)
    assert content_hash(stored) == content_hash(payload)


def test_the_envelope_of_an_unreadable_bill_says_what_it_can():
    seed = envelope(bill_payload(id="b-1", issued_at=None, amount={"amount": "x"}, vendor=None))
    assert (seed.bill_id, seed.invoice_num, seed.amount) == ("b-1", "INV-1", None)
    assert (seed.vendor_name, seed.issued_on) == ("", None)
    assert seed.due_on == date(2026, 12, 2)


@pytest.mark.parametrize("value", [None, 7, "x", [], {}, [1], {"a": 1}])
def test_the_envelope_never_raises(value):
    for name in bill_payload():
        envelope(bill_payload(**{name: value}))
    envelope({})
