"""mappings.invoices: the mirror of invoices, and which of them may be a bill."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from connector.tenants.models import Tenant
from mappings import invoices
from mappings.duplicate_rules import Facts, IncomingBill
from mappings.invoices import InvoiceRow
from mappings.models import TargetInvoice
from tests.audit.build import claimed, enter, opened

pytestmark = pytest.mark.django_db
CO = "EPIC06"
DAY = date(2026, 11, 10)
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ROW = InvoiceRow(7, "inv 123", DAY, "USD", Decimal("120.00"), "", False, "HAND01", "jsmith", 99)
BILL = Facts(CO, 7, "INV-00123", DAY, "USD", Decimal("120.00"))


@pytest.fixture
def tenant():
    return Tenant.objects.create(slug="acme", name="Acme", time_zone="UTC")


def store(tenant, *rows, company=CO):
    return invoices.store(tenant.pk, company, rows, seen_at=NOW)


def numbers(tenant, *bills, **cleared):
    """The suspected numbers of each bill, from the mirror."""
    asked = [
        bill if isinstance(bill, IncomingBill) else IncomingBill(f"bill-{n}", bill)
        for n, bill in enumerate(bills)
    ]
    found = invoices.candidates(tenant.pk, asked)
    return {bill_id: sorted(c.invoice_num for c in some) for bill_id, some in found.items()}


def test_an_invoice_is_stored_once_and_changed_when_it_is_read_again(tenant):
    assert store(tenant, ROW, replace(ROW, invoice_num="other", total=Decimal("-3.5"))) == 2
    assert store(tenant, replace(ROW, total=Decimal("130.25"), posted=True, group_id="HAND02")) == 1

    kept = {row.invoice_num: row for row in TargetInvoice.objects.all()}
    assert set(kept) == {"inv 123", "other"}
    assert kept["inv 123"].total == Decimal("130.25")
    assert (kept["inv 123"].posted, kept["inv 123"].group_id) == (True, "HAND02")
    assert kept["inv 123"].number_key == "123"
    assert kept["other"].total == Decimal("-3.5")


def test_the_last_of_two_rows_with_one_key_wins(tenant):
    assert store(tenant, ROW, replace(ROW, total=Decimal(1))) == 1
    assert TargetInvoice.objects.get().total == Decimal(1)


def test_what_no_database_takes_is_marked_as_lost(tenant):
    store(tenant, replace(ROW, invoice_num="a\x00b", entry_person="x" * 200))
    assert TargetInvoice.objects.get().invoice_num == "a\ufffdb"


def test_forgetting_takes_exactly_the_named_ones(tenant):
    store(tenant, ROW, replace(ROW, invoice_num="9"), replace(ROW, vendor_num=8))
    store(tenant, ROW, company="EPIC07")
    stranger = Tenant.objects.create(slug="other", name="Other", time_zone="UTC")
    store(stranger, ROW)

    assert invoices.forget(tenant.pk, [(CO, 7, "inv 123"), ("EPIC07", 7, "9")]) == 1
    assert invoices.forget(tenant.pk, []) == 0

    left = TargetInvoice.objects.values_list("tenant__slug", "company", "vendor_num", "invoice_num")
    assert sorted(left) == [
        ("acme", CO, 7, "9"),
        ("acme", CO, 8, "inv 123"),
        ("acme", "EPIC07", 7, "inv 123"),
        ("other", CO, 7, "inv 123"),
    ]


def test_how_far_it_was_read_is_kept_for_each_company(tenant):
    assert invoices.windows(tenant.pk) == {}
    invoices.note_window(tenant.pk, CO, since=DAY, read_at=NOW)
    invoices.note_window(tenant.pk, CO, since=date(2026, 1, 1), read_at=NOW)
    invoices.note_window(tenant.pk, "EPIC07", since=DAY, read_at=NOW)
    found = invoices.windows(tenant.pk)
    assert {name: row.since for name, row in found.items()} == {
        CO: date(2026, 1, 1),
        "EPIC07": DAY,
    }


def test_the_same_number_in_another_spelling_is_suspected(tenant):
    store(tenant, replace(ROW, total=Decimal(5), invoice_date=date(2026, 1, 1)))
    assert numbers(tenant, BILL) == {"bill-0": ["inv 123"]}


def test_the_same_money_in_the_same_week_is_suspected(tenant):
    store(
        tenant,
        replace(ROW, invoice_num="near", invoice_date=date(2026, 11, 17)),
        replace(ROW, invoice_num="far", invoice_date=date(2026, 11, 18)),
        replace(ROW, invoice_num="undated", invoice_date=None),
        replace(ROW, invoice_num="euro", currency_code="EUR"),
        replace(ROW, invoice_num="credit", total=Decimal("-120.00")),
    )
    assert numbers(tenant, BILL) == {"bill-0": ["near"]}


def test_another_vendor_company_or_tenant_is_never_suspected(tenant):
    store(tenant, replace(ROW, vendor_num=8))
    store(tenant, ROW, company="EPIC07")
    store(Tenant.objects.create(slug="other", name="Other", time_zone="UTC"), ROW)
    assert numbers(tenant, BILL) == {}
    # Their columns overlap with those of two bills, but no bill has both.
    both = [replace(BILL, vendor_num=8, invoice_num="x1", total=Decimal(1)), BILL]
    assert numbers(tenant, *both) == {}


def test_each_bill_gets_its_own(tenant):
    store(tenant, ROW, replace(ROW, invoice_num="77", total=Decimal(9)))
    found = numbers(
        tenant,
        BILL,
        replace(BILL, invoice_num="INV-77", total=Decimal(10)),
        replace(BILL, invoice_num="INV-78", total=Decimal(11)),
    )
    assert found == {"bill-0": ["inv 123"], "bill-1": ["77"]}


def test_a_bill_without_number_and_date_suspects_nothing(tenant):
    store(tenant, replace(ROW, invoice_num="--"))
    assert numbers(tenant, replace(BILL, invoice_num="//", invoice_date=None)) == {}


def test_an_invoice_with_the_id_of_our_bill_is_no_duplicate(tenant):
    opened(tenant, "ours")
    store(
        tenant,
        replace(ROW, stamp="ours"),
        replace(ROW, invoice_num="INV 123", stamp="somebody else's"),
    )
    assert numbers(tenant, BILL) == {"bill-0": ["INV 123"]}
    assert invoices.stamps_of_ours(tenant.pk, {"ours", "x", ""}) == {"ours"}
    assert invoices.stamps_of_ours(tenant.pk, {""}) == set()


def test_an_invoice_entered_for_another_bill_is_no_duplicate(tenant):
    store(tenant, ROW)
    (posting,) = claimed(tenant, "adopted")
    enter(posting, company=CO, vendor_num=7, invoice_num="inv 123", entered_as={"adopted": True})
    assert numbers(tenant, BILL) == {}

    lifecycle.mark_removed(posting, actor="clerk", reason="Wrong one")
    assert Posting.objects.get().state == "removed"
    assert numbers(tenant, BILL) == {"bill-0": ["inv 123"]}


def test_what_a_person_called_different_is_never_suspected_again(tenant):
    store(tenant, ROW, replace(ROW, invoice_num="123"))
    cleared = frozenset({(CO, 7, "inv 123")})
    assert numbers(tenant, IncomingBill("bill-0", BILL, cleared)) == {"bill-0": ["123"]}


def test_any_number_of_bills_takes_three_queries(tenant):
    store(tenant, *(replace(ROW, invoice_num=f"{n}", stamp=f"s{n}") for n in range(60)))
    asked = [IncomingBill(f"b{n}", replace(BILL, invoice_num=f"INV-{n}")) for n in range(50)]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = invoices.candidates(tenant.pk, asked)
    assert len(found) == 50
    assert len(queries) == 3
