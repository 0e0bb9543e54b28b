"""What the pages say, how many queries that takes, and that secrets stay out."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.ledger.models import Posting
from connector.domain.errors import Reason
from connector.sync.models import Bill
from connector.tenants.models import FinanceCalendar, Tenant
from connector.web import today
from tests import builders
from tests.web.rows import SECRET, block, make_posting


@pytest.fixture
def client(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(builders.make_user("ann", tenant, "accountant"))
    return client


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


def test_the_bill_page_tells_the_whole_story_and_no_secret(client: Client, held: Posting) -> None:
    page = text(client, "/t/acme/bills/b-held")
    for expected in [
        "120.00 USD",
        "Acme &lt;b&gt;Supplies&lt;/b&gt; has no Epicor vendor. Nothing was sent.",
        Reason.VENDOR_UNMAPPED.words.next_step,
        "Paper &amp; ink",  # Ramp's side
        "100.00 USD",
        "Option 6000",
        "Epicor refused the invoice.",  # the attempt
        "<strong>Held</strong>",  # the trail
        "[hidden]",
    ]:
        assert expected in page
    assert SECRET not in page
    assert "signature=secret" not in page
    assert "<b>Supplies" not in page


@pytest.mark.parametrize("address", ["/t/acme/", "/t/acme/exceptions/", "/t/acme/bills/"])
def test_no_page_shows_a_secret_or_runs_a_name(client: Client, held: Posting, address: str) -> None:
    page = text(client, address)
    assert SECRET not in page
    assert "<b>Supplies" not in page


def test_a_bill_that_cannot_be_read_says_why(client: Client, tenant: Tenant) -> None:
    make_posting(tenant, "odd", amount=None, currency="", hold_reason="invalid_bill")
    Bill.objects.create(
        tenant=tenant,
        bill_id="odd",
        payload={"id": "odd"},
        content_hash="x",
        seen_at=timezone.now(),
    )
    page = text(client, "/t/acme/bills/odd")
    assert "The bill has no vendor" in page
    assert Reason.INVALID_BILL.words.next_step in page


def test_an_unknown_bill_is_not_found(client: Client) -> None:
    assert client.get("/t/acme/bills/nothing").status_code == 404


def test_no_exceptions_is_said_in_words(client: Client, tenant: Tenant) -> None:
    builders.make_job(tenant, "sync", **builders.over())
    assert "Nothing waits for a person." in text(client, "/t/acme/exceptions/")


def test_today_counts_each_bill_once(client: Client, tenant: Tenant, held: Posting) -> None:
    now = timezone.now()
    make_posting(tenant, "t1", state="confirmed", entered_at=now)
    make_posting(tenant, "t2", state="entered", entered_at=now, amount=Decimal("0.1"))
    make_posting(tenant, "t3", state="entered", entered_at=now - timedelta(days=2))
    make_posting(tenant, "t4")
    make_posting(tenant, "t5", state="in_flight", amount=None)
    make_posting(tenant, "t6", state="in_doubt", currency="EUR")
    make_posting(tenant, "t7", state="dismissed")
    with timezone.override("America/New_York"):
        piles = today.today(tenant)
    assert (piles.entered.bills, piles.entered.sums) == (2, {"USD": Decimal("120.1")})
    assert (piles.waiting.bills, piles.waiting.sums) == (2, {"USD": Decimal(120)})
    assert (piles.doubt.bills, piles.doubt.sums) == (1, {"EUR": Decimal(120)})
    assert piles.unconfirmed.bills == 2
    assert "120.10 USD" in text(client, "/t/acme/")


def test_today_begins_at_the_tenants_midnight(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 24, 7, 0, tzinfo=UTC))
    make_posting(
        tenant, "late", state="entered", entered_at=datetime(2026, 11, 24, 4, 59, tzinfo=UTC)
    )
    make_posting(
        tenant, "new", state="entered", entered_at=datetime(2026, 11, 24, 5, 1, tzinfo=UTC)
    )
    with timezone.override("America/New_York"):
        assert today.today(tenant).entered.bills == 1
    with timezone.override("Europe/Berlin"):
        assert today.today(tenant).entered.bills == 2


def test_today_shows_the_cycles_in_the_tenants_zone_and_the_pause(
    client: Client, tenant: Tenant
) -> None:
    at = datetime(2026, 7, 1, 14, 0, tzinfo=UTC)
    values = {"code": "synced", "data": {"fetched": 7, "calls": {"ramp": 1}}, "finished_at": at}
    builders.make_job(tenant, "sync", **{**builders.over(), **values})
    FinanceCalendar.objects.filter(tenant=tenant).update(next_run_at=at + timedelta(minutes=15))
    Tenant.objects.filter(pk=tenant.pk).update(paused_reason="Epicor refuses the key.")
    page = text(client, "/t/acme/")
    assert "1 Jul 2026, 10:00" in page
    assert "1 Jul 2026, 10:15" in page
    assert "Epicor refuses the key." in page


def test_an_unknown_time_zone_does_not_break_a_page(client: Client, tenant: Tenant) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(time_zone="Mars/Base")
    assert client.get("/t/acme/").status_code == 200


@pytest.mark.parametrize("page", ["", "exceptions/"])
def test_the_number_of_queries_does_not_grow(
    client: Client, tenant: Tenant, held: Posting, page: str
) -> None:
    address = f"/t/acme/{page}"
    make_posting(tenant, "first", hold_reason="period_closed")
    few = queries(client, address)
    for number in range(60):
        posting = make_posting(tenant, f"q{number}", hold_reason="vendor_unmapped")
        block(posting, f"v-{number % 30}", f"Vendor {number % 30}")
    assert queries(client, address) == few
    assert few <= 20
