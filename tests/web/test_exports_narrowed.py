"""One bill that cannot be written stops no export: its row says so, the others are whole."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from audit.ledger.models import Posting
from connector.tenants.models import Tenant
from connector.web import exports
from tests.web.rows import make_posting

pytestmark = pytest.mark.django_db


@pytest.fixture
def some(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    """Three bills, of which the middle one's amount cannot be formatted."""
    for name, amount in (("a", 1), ("odd", 666), ("c", 3)):
        make_posting(tenant, name, amount=Decimal(amount))
    real = exports.format_amount

    def broken(amount: Decimal, currency: str) -> str:
        if amount == 666:
            raise OverflowError("too much")
        return real(amount, currency)

    monkeypatch.setattr(exports, "format_amount", broken)
    return tenant


def test_as_csv(some: Tenant) -> None:
    rows = list(exports.records(Posting.objects.filter(tenant=some), ZoneInfo("UTC")))

    place, message = exports.HEADER.index("bill"), exports.HEADER.index("hold_message")
    amount = exports.HEADER.index("amount")
    assert [row[place] for row in rows] == ["c", "odd", "a"]
    assert [row[amount] for row in rows] == ["3.00", "", "1.00"]
    assert "OverflowError" in rows[1][message]
    assert {len(row) for row in rows} == {len(exports.HEADER)}


def test_as_a_workbook(some: Tenant) -> None:
    bills = exports.read(Posting.objects.filter(tenant=some))
    with exports.as_xlsx(bills, ZoneInfo("UTC")) as file:
        sheet = openpyxl.load_workbook(file).active
        rows = list(sheet.iter_rows(values_only=True))[1:]
    place, message = exports.HEADER.index("bill"), exports.HEADER.index("hold_message")
    assert [row[place] for row in rows] == ["c", "odd", "a"]
    assert "OverflowError" in rows[1][message]
