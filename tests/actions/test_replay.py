"""Replaying many bills, and all that wait for one cause."""

import pytest

from audit.ledger import lifecycle
from audit.ledger import waiting as ledger_waiting
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.actions.replay import replay, results
from connector.domain.errors import Hold, Reason
from tests.audit.build import claimed, enter, make_tenant, opened, unmapped, vendor_gap

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant():
    return make_tenant()


def held(tenant, *bill_ids, hold=None):
    rows = opened(tenant, *bill_ids)
    for posting in rows:
        lifecycle.hold(posting, hold or unmapped())
    return rows


def test_all_bills_of_one_cause_are_due_again_and_no_other(tenant):
    held(tenant, "a", "b")
    held(tenant, "c", hold=unmapped(vendor_gap("vendor-2", "Other")))
    held(make_tenant("other"), "foreign")
    (cause, _) = ledger_waiting.exceptions(tenant.pk).causes
    key = {"kind": cause.kind, "ramp_id": cause.ramp_id, "company": cause.company}

    def again() -> int:
        return replay(list(ledger_waiting.waiting_for(tenant.pk, cause.reason, **key)), actor="Ann")

    assert again() == cause.bills == 2
    assert again() == 0

    waiting = Posting.objects.exclude(hold_reason="").values_list("bill_id", flat=True)
    assert set(waiting) == {"c", "foreign"}
    entries = AuditEntry.objects.filter(action="posting.replayed")
    assert {(entry.subject_id, entry.actor) for entry in entries} == {("a", "Ann"), ("b", "Ann")}


def test_what_is_entered_is_verified_again_with_or_without_a_hold(tenant):
    plain, off = claimed(tenant, "plain", "off")
    for posting in (plain, off):
        enter(posting)
    lifecycle.hold(off, Hold(Reason.MISMATCH, "One cent off."))
    assert replay([plain, off], actor="Ann") == 2
    rows = Posting.objects.filter(not_before__isnull=False)
    assert {(row.bill_id, row.state, row.hold_reason) for row in rows} == {
        ("plain", "entered", ""),
        ("off", "entered", "mismatch"),
    }
    assert replay([plain, off], actor="Ann") == 1  # the open hold may be asked about again


@pytest.mark.parametrize("state", ["dismissed", "removed", "in_flight"])
def test_what_is_at_its_end_or_under_way_stays(tenant, state):
    (posting,) = opened(tenant, "a")
    Posting.objects.filter(pk=posting.pk).update(state=state)
    posting.refresh_from_db()
    assert replay([posting], actor="Ann") == 0
    assert Posting.objects.get().state == state
    assert not AuditEntry.objects.filter(action="posting.replayed").exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"state": "dismissed"}, "is dismissed"),
        ({"state": "removed"}, "--enter-again"),
        ({"state": "in_flight"}, "is being entered right now"),
        ({"state": "in_doubt"}, "is looked up again by itself"),
        ({"state": "queued"}, "is queued"),
        ({"state": "queued", "not_before": "2099-01-02T03:04:00Z"}, "until 2099-01-02 03:04 UTC"),
        ({"hold_reason": "bug", "hold_message": "Odd."}, "waits again (bug): Odd."),
        ({"state": "confirmed", "vendor_num": 7, "company": "E"}, "entered as INV-a of vendor 7"),
    ],
)
def test_each_result_is_said(tenant, values, said):
    (posting,) = opened(tenant, "a")
    Posting.objects.filter(pk=posting.pk).update(**values)
    assert said in results([posting])["a"]


def test_something_entered_says_whether_it_is_verified_already(tenant):
    (posting,) = claimed(tenant, "a")
    enter(posting)
    assert results([posting]) == {"a": "is already in Epicor: verified again"}
    replay([posting], actor="Ann")
    assert "by the next sync" in results([posting])["a"]
