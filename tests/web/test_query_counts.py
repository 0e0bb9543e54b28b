"""Pages that show many things ask the database no more often for many than for few."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connector.actions import mapping_what_if, requests
from connector.jobs.models import Job
from connector.tenants.models import Tenant
from mappings.coding import VENDORS
from mappings.files import MappingRow
from tests import builders
from tests.web.rows import block, make_posting

MOST = 20


@pytest.fixture
def client(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(builders.make_user("ann", tenant))
    return client


def queries(client: Client, address: str, status: int = 200) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(address).status_code == status
    return len(seen)


def grows(count: Callable[[], int], add: Callable[[range], None]) -> tuple[int, int]:
    """How many queries with few and with many."""
    add(range(2))
    few = count()
    add(range(2, 50))
    return few, count()


def make_job(tenant: Tenant, kind: str = "import", **values: object) -> Job:
    return builders.make_job(tenant, kind, **{**builders.over(), **values})


def test_the_jobs(client: Client, tenant: Tenant) -> None:
    def add(numbers: range) -> None:
        for number in numbers:
            make_job(tenant, title=f"Import {number}")
            posting = make_posting(tenant, f"b{number}")
            make_job(tenant, kind=requests.REPLAY, arguments={"ids": [posting.pk]})

    few, many = grows(lambda: queries(client, "/t/acme/activity/"), add)
    assert few == many <= MOST


def test_one_job_with_many_bills(client: Client, tenant: Tenant) -> None:
    job = make_job(tenant, kind=requests.REPLAY)

    def add(numbers: range) -> None:
        ids = list(job.arguments.get("ids", []))
        for number in numbers:
            posting = make_posting(tenant, f"b{number}", hold_reason="vendor_unmapped")
            block(posting, f"v{number}", "Acme")
            ids.append(posting.pk)
        job.arguments = {"ids": ids}
        job.save()

    few, many = grows(lambda: queries(client, f"/t/acme/activity/{job.pk}/"), add)
    assert few == many <= MOST


def test_the_chooser(client: Client, tenant: Tenant) -> None:
    user = client.get("/t/acme/").wsgi_request.user

    def add(numbers: range) -> None:
        for number in numbers:
            other = builders.make_tenant(f"other-{number}")
            other.memberships.create(user=user, role="auditor")
            make_posting(other, f"b{number}")

    few, many = grows(lambda: queries(client, "/"), add)
    assert few == many <= MOST


def test_what_a_what_if_found(client: Client, tenant: Tenant) -> None:
    wish = [MappingRow(0, "v-1", "", "ACME", "", "")]
    job = mapping_what_if.request_what_if(tenant, VENDORS, wish, 90, actor="ann")
    fields = [{"field": "vendor", "before": "", "after": "ACME"}]
    found = mapping_what_if.Found()

    def add(numbers: range) -> None:
        found.examples += [
            {
                "bill_id": make_posting(tenant, f"b{number}").bill_id,
                "number": f"INV-{number}",
                "vendor": "Acme",
                "amount": "120.00",
                "currency": "USD",
                "issued_on": "2026-11-01",
                "entered": False,
                "fields": fields,
            }
            for number in numbers
        ]
        found.bills = found.looked_at = numbers.stop
        Job.objects.filter(pk=job.pk).update(details=found.as_json(), finished_at=timezone.now())

    few, many = grows(lambda: queries(client, f"/t/acme/mappings/what-if/{job.pk}/"), add)
    assert few == many <= MOST


def test_a_bill_that_is_not_known(client: Client, tenant: Tenant) -> None:
    def add(numbers: range) -> None:
        for number in numbers:
            block(make_posting(tenant, f"b{number}", hold_reason="refused"), f"v{number}", "Acme")

    few, many = grows(lambda: queries(client, "/t/acme/bills/none-of-ours", 404), add)
    assert few == many <= MOST
