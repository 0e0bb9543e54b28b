"""Type-ahead over vendors, accounts and segment values."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from connector.tenants.models import Membership, Tenant
from mappings.models import Dimension, EpicorAccount, EpicorSegmentValue, EpicorVendor
from tests import builders


@pytest.fixture
def client(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(builders.make_user("ann", tenant, "accountant"))
    vendors = [
        ("EPIC06", 7, "ACME", "Acme Supplies", "N30", False),
        ("EPIC06", 8, "ACMEOLD", "Acme Supplies (old)", "", True),
        ("EPIC06", 700, "BAKER", "Corner Bakery of Acme", "N30", False),
        ("EPIC07", 9, "ACME", "Acme Europe", "N30", False),
    ]
    for company, num, id_, name, terms, inactive in vendors:
        EpicorVendor.objects.create(
            tenant=tenant,
            company=company,
            vendor_num=num,
            vendor_id=id_,
            name=name,
            terms_code=terms,
            inactive=inactive,
        )
    here: dict[str, Any] = {"tenant": tenant, "company": "EPIC06"}
    EpicorAccount.objects.create(**here, account="6000|01|000", description="Office supplies")
    EpicorAccount.objects.create(**here, account="6100|01|000", description="Cloud", active=False)
    EpicorAccount.objects.create(
        **here, account="6000|02|000", description="Over", effective_to=date(2020, 1, 1)
    )
    Dimension.objects.create(
        tenant=tenant, ramp_field="project", segment=3, kind="dimension:project"
    )
    EpicorSegmentValue.objects.create(**here, number=3, code="P1", name="Big-project")
    EpicorSegmentValue.objects.create(**here, number=2, code="P2", name="Elsewhere")
    return client


def found(client: Client, kind: str, **asked: str) -> list[tuple[str, str]]:
    answer = client.get(f"/t/acme/targets/{kind}/", asked)
    assert answer.status_code == 200
    return [(item["id"], item["note"]) for item in answer.json()["items"]]


def ids(client: Client, kind: str, **asked: str) -> list[str]:
    return [id_ for id_, _ in found(client, kind, **asked)]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("acme", ["ACME", "BAKER", "ACMEOLD"]),
        ("ACME", ["ACME", "BAKER", "ACMEOLD"]),
        ("supp", ["ACME", "ACMEOLD"]),
        ("acme supplies", ["ACME", "ACMEOLD"]),
        ("supplies ac", ["ACME", "ACMEOLD"]),
        ("700", ["BAKER"]),
        ("7", ["ACME"]),
        ("ake", []),
        ("100%", []),
        ("_", []),
        ("nobody", []),
    ],
)
def test_vendors_are_found_by_id_number_and_words_of_the_name(
    client: Client, typed: str, wanted: list[str]
) -> None:
    assert ids(client, "vendors", company="EPIC06", q=typed) == wanted


def test_without_a_company_each_code_is_shown_once(client: Client) -> None:
    assert ids(client, "vendors", q="acme") == ["ACME", "BAKER", "ACMEOLD"]


def test_what_cannot_be_used_comes_last_and_says_why(client: Client) -> None:
    shown = dict(found(client, "vendors", company="EPIC06", q="acme"))
    assert "cannot be used: is inactive in Epicor" in shown["ACMEOLD"]
    assert "number 7 · EPIC06 · terms N30" in shown["ACME"]
    accounts = found(client, "gl_accounts", company="EPIC06", q="")
    assert [id_ for id_, _ in accounts] == ["6000|01|000", "6000|02|000", "6100|01|000"]
    notes = dict(accounts)
    assert "cannot be used: is not effective after 2020-01-01" in notes["6000|02|000"]
    assert "cannot be used: is inactive" in notes["6100|01|000"]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("6000", ["6000|01|000", "6000|02|000"]),
        ("6000|01", ["6000|01|000"]),
        ("02", ["6000|02|000"]),
        ("office", ["6000|01|000"]),
        ("6000 office", ["6000|01|000"]),
    ],
)
def test_accounts_are_found_by_segment_and_description(
    client: Client, typed: str, wanted: list[str]
) -> None:
    assert ids(client, "gl_accounts", company="EPIC06", q=typed) == wanted


def test_values_are_those_of_the_kinds_segment(client: Client) -> None:
    assert ids(client, "dimension:project", q="") == ["P1"]
    assert ids(client, "dimension:project", q="proj") == ["P1"]
    assert ids(client, "cost_centers", q="") == []
    assert client.get("/t/acme/targets/dimension:none/").status_code == 404


def test_odd_questions_do_no_harm(client: Client) -> None:
    assert ids(client, "vendors", q="x" * 5000, company="y" * 500) == []
    assert ids(client, "vendors", q="\x01acme", company="EPIC06\x01") == []
    assert ids(client, "vendors", q="9" * 40) == []


def test_at_most_twenty_come(client: Client, tenant: Tenant) -> None:
    for number in range(30):
        EpicorVendor.objects.create(
            tenant=tenant,
            company="EPIC06",
            vendor_num=2000 + number,
            vendor_id=f"Z{number:02}",
            name="Zeta",
        )
    assert len(ids(client, "vendors", q="zeta")) == 20


@pytest.mark.parametrize("role", [*Membership.Role.values, None])
def test_members_look_and_strangers_find_nothing(tenant: Tenant, role: str | None) -> None:
    other = Client()
    user = builders.make_user("x", tenant, role) if role else builders.make_user("x")
    other.force_login(user)
    answer = other.get("/t/acme/targets/vendors/")
    assert answer.status_code == (200 if role else 404)
