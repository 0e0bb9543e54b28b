"""What Ramp itself says against entering a bill, the same for every place that asks."""

import pytest

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from connector.domain.errors import Reason
from connector.sync.bills.ramp_status import stopped, stops
from tests.audit.build import claimed, enter, make_tenant, opened
from tests.builders import bill_payload

CASES = [
    ({}, None, None),
    ({"archived_at": "2026-11-03T00:00:00+00:00"}, Reason.ARCHIVED, False),
    ({"archived_at": "unknown", "sync_status": "BILL_SYNCED"}, Reason.ARCHIVED, False),
    ({"sync_status": "BILL_SYNCED"}, Reason.SYNCED_ELSEWHERE, False),
    ({"sync_status": "BILL_AND_PAYMENT_SYNCED"}, Reason.SYNCED_ELSEWHERE, False),
    ({"sync_status": "SOMETHING_NEW"}, Reason.SYNCED_ELSEWHERE, False),
    ({"sync_status": None}, None, None),
    ({"approval_status": "PENDING"}, Reason.NEEDS_REVIEW, True),
    ({"approval_status": ""}, None, None),
    ({"enable_accounting_sync": False}, Reason.NEEDS_REVIEW, True),
    ({"enable_accounting_sync": None}, None, None),
    ({"approval_status": "REJECTED", "enable_accounting_sync": False}, Reason.ARCHIVED, False),
    ({"approval_status": "TERMINATED"}, Reason.ARCHIVED, False),
]


@pytest.mark.parametrize(("changes", "reason", "waits"), CASES)
def test_what_stops_a_bill(changes, reason, waits):
    stop = stopped(bill_payload(**changes), ours=False)
    assert (stop and stop.reason, stop and stop.waits) == (reason, waits)
    if stop is not None:
        assert (stop.hold.reason, stop.hold.message) == (reason, stop.message)


@pytest.mark.parametrize(("changes", "reason", "waits"), CASES)
def test_that_our_own_bill_is_synced_does_not_stop_it(changes, reason, waits):
    stop = stopped(bill_payload(**changes), ours=True)
    expected = None if reason == Reason.SYNCED_ELSEWHERE else reason
    assert (stop and stop.reason) == expected


@pytest.mark.django_db
def test_synced_is_ours_once_we_told_ramp(django_assert_num_queries):
    tenant = make_tenant()
    opened(tenant, "new", "foreign", "plain")
    for posting in claimed(tenant, "there", "again"):
        enter(posting)
    again = Posting.objects.get(bill_id="again")
    lifecycle.mark_confirmed_many([again], body={})
    lifecycle.mark_removed(again, actor="Ann", reason="Wrong vendor")
    lifecycle.enter_again(again, actor="Ann", reason="Still owed")
    rows = list(Posting.objects.all())
    payloads = {row.bill_id: bill_payload(sync_status="BILL_SYNCED") for row in rows}
    payloads["plain"] = bill_payload()
    payloads["new"] = bill_payload(approval_status="PENDING")

    with django_assert_num_queries(1):
        found = stops(tenant.pk, rows, payloads)
    assert {bill_id: stop.reason for bill_id, stop in found.items()} == {
        "foreign": Reason.SYNCED_ELSEWHERE,
        "new": Reason.NEEDS_REVIEW,
    }
    with django_assert_num_queries(0):
        assert stops(tenant.pk, rows[:1], {rows[0].bill_id: bill_payload()}) == {}
