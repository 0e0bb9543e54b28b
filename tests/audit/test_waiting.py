"""What waits for a person, and what one fix would free."""

from decimal import Decimal
from typing import Any

import pytest

from audit.ledger import lifecycle, waiting
from audit.ledger.models import Posting
from connector.domain.errors import Gap, Hold, Reason
from connector.tenants.models import Tenant
from tests.audit.build import actions, claimed, enter, make_tenant, opened, unmapped, vendor_gap

pytestmark = pytest.mark.django_db

ACCOUNT = Gap(Reason.ACCOUNT_UNMAPPED, "gl_accounts", "acc-1", "", "Account acc-1 is unmapped.")


@pytest.fixture
def tenant() -> Tenant:
    tenant = make_tenant()
    a, b = opened(tenant, "a", "b", amount=Decimal("1200"))
    (c,) = opened(tenant, "c", amount=Decimal("900"), currency="JPY")
    (d,) = opened(tenant, "d", amount=None)
    opened(tenant, "fine")
    (e,) = claimed(tenant, "e")
    enter(e)
    lifecycle.hold(a, unmapped())
    lifecycle.hold(b, unmapped(vendor_gap(), ACCOUNT, ACCOUNT))
    lifecycle.hold(c, unmapped())
    lifecycle.hold(d, Hold(Reason.INVALID_BILL, "The amount cannot be read."))
    lifecycle.hold(e, Hold(Reason.CHANGED, "The total differs."))
    (foreign,) = opened(make_tenant("other"), "a")
    lifecycle.hold(foreign, unmapped())
    return tenant


def write(amount: Decimal, currency: str) -> str:
    return f"{amount:.{0 if currency == 'JPY' else 2}f}"


def test_causes_are_counted_once_per_bill_and_summed_per_currency(tenant: Tenant) -> None:
    found = waiting.exceptions(tenant.pk).as_json(write)
    assert found["count"] == 5
    assert found["causes"] == [
        {
            "reason": "vendor_unmapped",
            "subject": "Nordwind Paper",
            "bills": 3,
            "sums": [
                {"currency": "JPY", "amount": "900"},
                {"currency": "USD", "amount": "2400.00"},
            ],
        },
        {
            "reason": "account_unmapped",
            "subject": "acc-1",
            "bills": 1,
            "sums": [{"currency": "USD", "amount": "1200.00"}],
        },
        {
            "reason": "changed",
            "subject": "",
            "bills": 1,
            "sums": [{"currency": "USD", "amount": "120.50"}],
        },
        {"reason": "invalid_bill", "subject": "", "bills": 1, "sums": []},
    ]
    assert [item["bill"] for item in found["items"]] == ["a", "b", "c", "d", "e"]
    assert found["items"][3] == {
        "bill": "d",
        "reason": "invalid_bill",
        "message": "The amount cannot be read.",
        "amount": None,
        "currency": "USD",
    }


def test_every_cause_and_item_says_what_to_do(tenant: Tenant) -> None:
    found = waiting.exceptions(tenant.pk)
    assert found.causes[0].next_step == Reason.VENDOR_UNMAPPED.words.next_step
    assert found.items[3].next_step == Reason.INVALID_BILL.words.next_step


def test_what_a_mapping_would_free_is_a_query(tenant: Tenant) -> None:
    freed = waiting.blocked_by(tenant.pk, kind="vendors", ramp_id="vendor-1")
    assert [posting.bill_id for posting in freed.order_by("id")] == ["a", "b", "c"]
    assert lifecycle.replay(list(freed), actor="Ann") == 3
    assert not waiting.blocked_by(tenant.pk, kind="vendors", ramp_id="vendor-1").exists()
    assert actions(tenant, "c")[-1] == "posting.replayed"


def test_the_queue_takes_two_queries_and_nothing_waits_in_an_empty_one(
    tenant: Tenant, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(2):
        waiting.exceptions(tenant.pk)
    Posting.objects.filter(tenant=tenant).update(hold_reason="")
    empty = waiting.exceptions(tenant.pk)
    assert (empty.count, empty.causes) == (0, [])


def test_each_cause_finds_exactly_the_bills_it_counted(tenant: Tenant) -> None:
    found = waiting.exceptions(tenant.pk)
    assert len(found.causes) == 4
    for cause in found.causes:
        key = {"kind": cause.kind, "ramp_id": cause.ramp_id, "company": cause.company}
        assert waiting.waiting_for(tenant.pk, cause.reason, **key).count() == cause.bills


@pytest.mark.parametrize(
    ("asked", "bills"),
    [
        (("vendor_unmapped", {}), ["a", "b", "c"]),
        (("vendor_unmapped", {"ramp_id": "vendor-1"}), ["a", "b", "c"]),
        (("vendor_unmapped", {"ramp_id": "vendor-2"}), []),
        (("vendor_unmapped", {"kind": "vendors", "company": "EPIC07"}), []),
        (("account_unmapped", {"ramp_id": "acc-1"}), ["b"]),
        (("invalid_bill", {}), ["d"]),
        (("invalid_bill", {"ramp_id": "vendor-1"}), []),
        (("changed", {}), ["e"]),
        (("bug", {}), []),
    ],
)
def test_a_part_of_a_cause_is_enough(tenant: Tenant, asked: Any, bills: list[str]) -> None:
    reason, key = asked
    found = waiting.waiting_for(tenant.pk, reason, **key).order_by("bill_id")
    assert [posting.bill_id for posting in found] == bills
