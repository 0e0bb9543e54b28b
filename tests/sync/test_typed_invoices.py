"""The mirror of Epicor's invoices is what the stand-in has, window by window, and values."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from connector.domain.errors import TransientError
from connector.epicor import values
from connector.epicor.client import EpicorClient
from connector.sync.bills import typed_invoices
from connector.tenants.epicor_connection import connect_epicor
from connector.tenants.models import EpicorCredentials, Tenant
from mappings.invoices import windows
from mappings.models import TargetInvoice
from tests.builders import connect, make_tenant

pytestmark = pytest.mark.django_db(transaction=True)
CO = "EPIC06"
START = date(2026, 1, 31)  # read from the first of January on


@pytest.fixture
def tenant(box: Any) -> Tenant:
    return connect(make_tenant("demo"), box)


@pytest.fixture
def client(tenant: Tenant) -> Iterator[EpicorClient]:
    made = connect_epicor(tenant)
    yield made
    made.close()


def heads(box: Any) -> dict[tuple[int, str], dict[str, Any]]:
    rows = box.epicor.app.store.table(CO, "APInvHed").rows.values()
    return {(row["VendorNum"], row["InvoiceNum"]): dict(row) for row in rows}


def refresh(client: EpicorClient, tenant: Tenant, at_once: int = 3, **changes: Any) -> int:
    given: dict[str, Any] = {
        "window": windows(tenant.pk).get(CO),
        "start_date": START,
        "now": timezone.now(),
        **changes,
    }
    wanted = typed_invoices.spans(CO, **given)
    return typed_invoices.refresh_invoices(
        client, tenant.pk, wanted, stamp_column="ExternalID", now=given["now"], at_once=at_once
    )


@pytest.mark.parametrize("way", ["v2", "v1", "heavy"])
def test_everything_recent_is_read(box: Any, tenant: Tenant, way: str) -> None:
    if way == "v1":
        EpicorCredentials.objects.update(api_version="v1")
    if way == "heavy":
        box.epicor.app.heavy(["Erp.BO.APInvoiceSvc"])
    vendor = next(iter(heads(box)))[0]
    box.epicor.app.type_invoice(CO, vendor, "Cr 7", "-12.34", external_id="bill-1", group="HAND09")
    client = connect_epicor(tenant)

    read = refresh(client, tenant)

    client.close()
    rows = {(row.vendor_num, row.invoice_num): row for row in TargetInvoice.objects.all()}
    there = heads(box)
    assert read == len(there) > 10
    assert rows.keys() == there.keys()
    for key, head in there.items():
        row = rows[key]
        assert row.total == Decimal(head["DocInvoiceVendorAmt"])
        assert row.invoice_date == date.fromisoformat(head["InvoiceDate"][:10])
        assert row.currency_code == head["CurrencyCode"]
        assert row.posted == head.get("Posted", False)
        assert row.entry_person == head["EntryPerson"] == "jsmith"
        assert row.sys_rev_id == head["SysRevID"]
    credit = rows[vendor, "Cr 7"]
    assert (credit.total, credit.stamp, credit.group_id) == (Decimal("-12.34"), "bill-1", "HAND09")
    assert credit.number_key == "cr7"


def test_later_only_what_changed_is_read_with_two_days_of_overlap(
    box: Any, tenant: Tenant, client: EpicorClient
) -> None:
    refresh(client, tenant)
    vendor = next(iter(heads(box)))[0]
    box.epicor.app.type_invoice(CO, vendor, "NEW-1", 5)
    before = client.calls

    assert refresh(client, tenant) == sum(
        head["ChangeDate"][:10] >= (timezone.now().date() - timedelta(days=2)).isoformat()
        for head in heads(box).values()
    )

    assert client.calls == before + 2  # the second one says that no more follow
    assert TargetInvoice.objects.filter(invoice_num="NEW-1").exists()


def test_an_earlier_start_date_is_read_from_there(
    box: Any, tenant: Tenant, client: EpicorClient
) -> None:
    late = date(2026, 11, 1)
    some = refresh(client, tenant, start_date=late)
    window = windows(tenant.pk)[CO]
    assert window.since == date(2026, 10, 2)
    assert typed_invoices.covers(window, late)
    assert typed_invoices.covers(window, None)
    assert not typed_invoices.covers(window, START)
    assert not typed_invoices.covers(None, None)

    assert refresh(client, tenant) == len(heads(box)) > some

    assert windows(tenant.pk)[CO].since == date(2026, 1, 1)


def test_without_a_start_date_half_a_year_is_read(tenant: Tenant, client: EpicorClient) -> None:
    now = timezone.now()
    refresh(client, tenant, start_date=None, now=now)
    assert windows(tenant.pk)[CO].since == now.date() - timedelta(days=180)
    later = now + timedelta(days=3)
    refresh(client, tenant, start_date=None, now=later)
    assert windows(tenant.pk)[CO].since == now.date() - timedelta(days=180)
    assert windows(tenant.pk)[CO].read_at == later


def test_a_reading_that_breaks_off_goes_on_where_it_was(
    box: Any, tenant: Tenant, client: EpicorClient
) -> None:
    now = timezone.now()
    days = {date.fromisoformat(head["ChangeDate"][:10]) for head in heads(box).values()}
    start = min(days) + typed_invoices.BEFORE_START
    vendor = next(iter(heads(box)))[0]
    box.epicor.app.type_invoice(CO, vendor, "TODAY", 5)
    box.epicor.fail_next("APInvoices", "status", times=99, skip=4, status=503, body={})

    with pytest.raises(TransientError):
        refresh(client, tenant, at_once=1, start_date=start, now=now)

    window = windows(tenant.pk)[CO]
    assert window.since == min(days)
    assert window.read_at.date() == min(days) + timedelta(days=60)
    some = TargetInvoice.objects.count()
    assert 0 < some < len(heads(box))
    box.epicor.clear_faults()
    refresh(client, tenant, start_date=start, now=now)
    assert TargetInvoice.objects.count() == len(heads(box))
    assert windows(tenant.pk)[CO].read_at == now


def test_an_invoice_saved_while_months_are_read_is_not_missed(tenant: Tenant) -> None:
    """It moves by its day of change, out of a month that is being read into the open span."""
    now = datetime(2026, 3, 20, tzinfo=UTC)
    moved = {"day": date(2026, 3, 1)}
    head = {
        "VendorNum": 7,
        "InvoiceNum": "X",
        "InvoiceDate": "2026-03-01T00:00:00",
        "CurrencyCode": "USD",
        "DocInvoiceVendorAmt": 5,
        "Posted": False,
        "GroupID": "",
        "EntryPerson": "ann",
        "PayHold": False,
        "SysRevID": 4,
        "ExternalID": "",
    }
    saved = threading.Event()

    class Epicor:
        api_version = "v2"

        def ensure(self) -> None:
            pass

        def rows(self, *args: Any, filter: str, **options: Any) -> list[dict[str, Any]]:
            is_open = " lt " not in filter
            if not is_open:
                saved.wait(0.5)  # the open span, if it is read meanwhile, is answered first
            middle = date(2026, 3, 15)
            found = moved["day"] >= middle if is_open else moved["day"] < middle
            moved["day"] = now.date()  # a person saves it just now
            saved.set()
            return [head] if found else []

    window = [
        typed_invoices.Span(CO, date(2026, 2, 13), date(2026, 2, 13), date(2026, 3, 15)),
        typed_invoices.Span(CO, date(2026, 2, 13), date(2026, 3, 15), None),
    ]
    typed_invoices.refresh_invoices(
        Epicor(),  # type: ignore[arg-type]
        tenant.pk,
        window,
        stamp_column="ExternalID",
        now=now,
        at_once=2,
    )
    assert TargetInvoice.objects.filter(invoice_num="X").count() == 1


def test_values_of_both_versions() -> None:
    assert values.amount("12.50") == values.amount(Decimal("12.5")) == Decimal("12.5")
    assert values.amount(None) == 0
    assert values.number("77") == 77
    assert values.text(None) == ""
    assert values.flag(True)
    assert values.flag("true")
    assert not values.flag("false")
    assert values.day("2026-11-02T00:00:00") == date(2026, 11, 2)
    assert values.day(datetime(2026, 11, 2)) == date(2026, 11, 2)
    assert values.day("0001-01-01T00:00:00") is None
    assert values.day(None) is None


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (values.amount, "much"),
        (values.amount, "NaN"),
        (values.number, None),
        (values.number, "x"),
        (values.day, "tomorrow"),
    ],
)
def test_an_unreadable_value_is_said_to_be_one(read: Any, value: Any) -> None:
    with pytest.raises(TransientError, match="Nothing was changed"):
        read(value)
