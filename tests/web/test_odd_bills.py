"""Bills dated at the ends of the calendar break no page and no export."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from connector.sync.models import Bill
from connector.tenants.models import Tenant
from tests import builders
from tests.web.rows import make_posting

pytestmark = pytest.mark.django_db

ENDS = {"first": date(1, 1, 1), "last": date(9999, 12, 31)}


@pytest.fixture
def odd(tenant: Tenant) -> Tenant:
    """Held bills, one at each end of the calendar."""
    for name, day in ENDS.items():
        make_posting(
            tenant,
            name,
            hold_reason="bug",
            issued_on=day,
            due_on=day,
            apply_on=day,
            amount=Decimal("999999999999999.99"),
        )
        moment = f"{day.isoformat()}T00:00:00+00:00"
        days = dict.fromkeys(("issued_at", "due_at", "accounting_date", "created_at"), moment)
        payload = builders.bill_payload(id=name, **days)
        Bill.objects.create(
            tenant=tenant, bill_id=name, payload=payload, content_hash="x", seen_at=timezone.now()
        )
    return tenant


@pytest.mark.parametrize("zone", ["Australia/Sydney", "America/Los_Angeles"])
@pytest.mark.parametrize("page", ["", "exceptions/", "bills/", "bills/first/", "bills/last/"])
def test_pages_show_them(odd: Tenant, zone: str, page: str) -> None:
    Tenant.objects.filter(pk=odd.pk).update(time_zone=zone)
    client = Client()
    client.force_login(builders.make_user("ann", odd, "accountant"))
    answer = client.get(f"/t/{odd.slug}/{page}", follow=True)
    assert answer.status_code == 200


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_exports_have_them(odd: Tenant, kind: str) -> None:
    client = Client()
    client.force_login(builders.make_user("ann", odd, "accountant"))
    answer = client.post(f"/t/{odd.slug}/bills-export/", {"format": kind, "query": ""})
    assert answer.status_code == 200
    assert len(b"".join(answer.streaming_content)) > 100  # type: ignore[arg-type]
