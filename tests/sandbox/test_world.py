"""The world is deterministic, complete, and its truth agrees with its own data."""

import datetime as dt
from collections import Counter
from decimal import Decimal

import pytest

from sandbox.world import World

DIGITS = {"USD": 2, "EUR": 2, "GBP": 2, "JPY": 0, "KWD": 3}
REASONS = {
    "vendor_unmapped",
    "vendor_unusable",
    "account_unmapped",
    "account_unusable",
    "dimension_unmapped",
    "no_route",
    "invalid_bill",
    "period_closed",
    "needs_review",
    "duplicate_suspected",
}


@pytest.fixture(scope="module")
def world() -> World:
    return World(1, 600)


@pytest.fixture(scope="module")
def bills(world):
    return {bill["id"]: bill for bill in world.ramp["bills"]}


@pytest.fixture(scope="module")
def truths(world):
    """The bills that can be entered, with what must come out of them."""
    return {
        bill_id: truth
        for bill_id, truth in world.expected().items()
        if truth.outcome in ("entered", "one_of")
    }


def test_same_seed_same_world():
    first, second = World(7, 60), World(7, 60)
    assert first.ramp == second.ramp
    assert first.epicor == second.epicor
    assert first.expected() == second.expected()
    assert World(8, 60).ramp["bills"] != first.ramp["bills"]


def test_every_reason_is_planted_in_200_bills():
    outcomes = World(3, 200).expected().values()
    assert {truth.reason for truth in outcomes if truth.reason} == REASONS
    counts = Counter(truth.outcome for truth in outcomes)
    assert counts["exception"] == 24
    assert counts["one_of"] == 4
    assert counts["ignored"] == 6


def test_a_single_bill_can_be_entered():
    assert [truth.outcome for truth in World(1, 1).expected().values()] == ["entered"]


def test_lines_and_total_agree_with_the_bill(bills, truths):
    for bill_id, truth in truths.items():
        bill = bills[bill_id]
        digits = DIGITS[bill["amount"]["currency_code"]]
        lines = bill["line_items"] + (bill.get("inventory_line_items") or [])
        assert truth.total == Decimal(bill["amount"]["amount"]).scaleb(-digits)
        assert [amount for _, amount in truth.lines] == [
            Decimal(line["amount"]["amount"]).scaleb(-digits) for line in lines
        ]
        assert sum(amount for _, amount in truth.lines) == truth.total
        assert truth.credit == (truth.total < 0)


def test_invoice_keys_are_unique_except_in_groups(truths):
    keys = Counter(
        (truth.company, truth.vendor_num, truth.invoice_num.casefold(), truth.group)
        for truth in truths.values()
    )
    assert {count for (*_, group), count in keys.items() if group is None} == {1}
    groups = Counter(truth.group for truth in truths.values() if truth.group)
    assert set(groups.values()) == {2}
    assert all(count == 2 for (*_, group), count in keys.items() if group)


def test_every_code_of_the_truth_exists_in_epicor(world, truths):
    for truth in truths.values():
        tables = world.epicor[truth.company]
        vendors = {row["VendorNum"]: row for row in tables["Vendor"]}
        vendor = vendors[truth.vendor_num]
        assert vendor["VendorID"] == truth.vendor_id
        assert not vendor["Inactive"]
        assert truth.terms == vendor["TermsCode"] or (
            vendor["TermsCode"] == "" and truth.terms == "N30"
        )
        assert truth.currency in {row["CurrencyCode"] for row in tables["Currency"]}
        assert len(truth.invoice_num) <= 50
        assert truth.invoice_num == truth.invoice_num.strip() != ""


def test_every_account_is_in_the_chart_or_made_of_valid_segments(world, truths):
    chart, values = {}, {}
    for company, tables in world.epicor.items():
        chart[company] = {row["GLAccount1"]: row["Active"] for row in tables["GLAccount"]}
        values[company] = {
            (row["SegmentNbr"], row["SegmentCode"])
            for row in tables["COASegValues"]
            if row["ActiveFlag"]
        }
    composed = 0
    for truth in truths.values():
        for account, _ in truth.lines:
            if account in chart[truth.company]:
                assert chart[truth.company][account]
                continue
            assert truth.company == "EPIC07"  # the one chart with a dynamic segment
            assert set(enumerate(account.split("|"), start=1)) <= values["EPIC07"]
            composed += 1
    assert composed > 0


def test_apply_dates_are_in_open_periods(world, truths):
    for truth in truths.values():
        text = truth.apply_date.isoformat()
        periods = [
            row
            for row in world.epicor[truth.company]["GLBookPer"]
            if row["StartDate"][:10] <= text <= row["EndDate"][:10]
        ]
        assert [row["ClosedPeriod"] for row in periods] == [False]
        assert dt.date(2026, 3, 1) <= truth.invoice_date <= dt.date(2026, 11, 15)


def test_no_other_bill_looks_like_an_invoice_that_was_typed(world, bills):
    twins = {
        bill_id
        for bill_id, truth in world.expected().items()
        if truth.reason == "duplicate_suspected"
    }
    others = Counter(
        (bill["amount"]["currency_code"], bill["amount"]["amount"])
        for bill_id, bill in bills.items()
        if bill_id not in twins
    )
    typed = [row for tables in world.epicor.values() for row in tables["APInvHed"]]
    assert len(typed) == len(twins) + 24
    for row in typed:
        assert row["ExternalID"] == ""
        minor = int(row["DocInvoiceVendorAmt"].scaleb(DIGITS[row["CurrencyCode"]]))
        assert others[row["CurrencyCode"], minor] == 0


def test_each_duplicate_was_typed_under_the_bills_number(world, bills):
    typed = {
        (row["VendorNumVendorID"], row["InvoiceNum"].casefold())
        for tables in world.epicor.values()
        for row in tables["APInvHed"]
    }
    names = {row["Name"]: row["VendorID"] for t in world.epicor.values() for row in t["Vendor"]}
    mapped = {row["ramp_id"]: row["epicor_id"] for row in world.mapping_files()["vendors"]}
    for bill_id, truth in world.expected().items():
        if truth.reason == "duplicate_suspected":
            vendor = bills[bill_id]["vendor"]
            vendor_id = mapped.get(vendor["id"]) or names[vendor["name"]]
            assert (vendor_id, bills[bill_id]["invoice_number"].casefold()) in typed


def test_mapping_files_cover_exactly_what_is_not_planted(world, bills):
    files = world.mapping_files()
    accounts = {row["ramp_id"] for row in files["gl_accounts"]}
    centers = {row["ramp_id"] for row in files["cost_centers"]}
    for bill_id, truth in world.expected().items():
        gaps = set()
        for chosen in selections(bills[bill_id]):
            if chosen["category_info"]["type"] == "GL_ACCOUNT":
                if "|" not in chosen["external_id"] and chosen["external_id"] not in accounts:
                    gaps.add("account_unmapped")
            elif chosen["external_id"] not in centers:
                assert chosen["category_info"]["type"] == "OTHER"
                gaps.add("dimension_unmapped")
        planted = {truth.reason} & {"account_unmapped", "dimension_unmapped"}
        assert gaps == planted


def selections(bill):
    found = list(bill["accounting_field_selections"])
    for name in ("line_items", "inventory_line_items"):
        for line in bill.get(name) or []:
            found += line["accounting_field_selections"]
    return found


def test_variety(world, bills):
    currencies = {bill["amount"]["currency_code"] for bill in bills.values()}
    assert currencies == {"USD", "EUR", "GBP", "JPY", "KWD", "XXQ"}
    assert max(len(bill["line_items"]) for bill in bills.values()) == 30
    assert any(bill["inventory_line_items"] for bill in bills.values())
    numbers = [bill.get("invoice_number", "absent") for bill in bills.values()]
    assert None in numbers
    assert "absent" in numbers
    assert any(number and number != number.strip() for number in numbers)
    with_rate = sum("minor_unit_conversion_rate" in bill["amount"] for bill in bills.values())
    assert 0.3 < with_rate / len(bills) < 0.7
    assert {bill["status"] for bill in bills.values()} == {"OPEN", "PAID"}


def test_tenant_file_points_at_the_stand_ins(world):
    tenant = world.tenant_file("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert tenant["slug"] == "demo"
    assert tenant["epicor"]["base_url"] == "http://127.0.0.1:2/kinetic"
    assert tenant["epicor"]["auth"]["token_url"] == "http://127.0.0.1:2/connect/token"
    entities = {row["id"] for row in world.ramp["entities"]}
    routed = {row["ramp_entity_id"] for row in tenant["entities"]}
    assert routed < entities
    assert len(entities - routed) == 1
