"""What networks, gateways and limits do, over real HTTP: each bill is still entered once, right."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.ledger.models import Posting
from audit.trail import log
from audit.trail.verification import verify
from audit.writes.models import Attempt
from connector.domain.errors import AccessError, PostingError
from connector.sync.bills.run import run_cycle
from connector.tenants.models import Tenant
from tests.journeys import truth
from tests.journeys.conftest import Later

State = Posting.State
CREATE, OPEN, CONFIRM = "APInvoiceSvc/UpdateMaster", "APInvGrpSvc/Update", "accounting/syncs"
BILLS = 12


def run(tenant: Tenant) -> None:
    """A run as the background has it: what stops it in an orderly way is for the next one."""
    try:
        run_cycle(tenant)
    except AccessError:
        raise
    except PostingError:
        tenant.refresh_from_db()


def until_quiet(tenant: Tenant, later: Later) -> None:
    """Runs and time, until nothing waits for either any more."""
    for _ in range(12):
        run(tenant)
        waiting = Posting.objects.filter(tenant=tenant, hold_reason="")
        if waiting.exists() and not waiting.exclude(state=State.CONFIRMED).exists():
            return
        later(minutes=11)
    raise AssertionError(list(waiting.values_list("bill_id", "state", "not_before")))


def check(box: Any, tenant: Tenant) -> None:
    """In Epicor once and to the cent, in Ramp once, nothing in doubt, the record whole."""
    entered = truth.check(box)["entered"]
    told = Counter(
        bill_id
        for call in box.ramp.state()["syncs"]
        if not call["repeated"]
        for bill_id in call["successful"]
    )
    assert len(told) >= entered > 5
    assert set(told.values()) == {1}
    confirmed = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED)
    assert set(confirmed.values_list("bill_id", flat=True)) == set(told)
    doubts = Attempt.objects.filter(tenant=tenant, subject_kind="posting", resolved=False)
    assert not doubts.filter(outcome__in=["intent", "unknown"]).exists()
    log.seal(tenant.pk)
    assert verify(tenant.pk).ok


@pytest.mark.parametrize("where", [CREATE, OPEN, CONFIRM])
@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("reset_before", {}),
        ("reset_after", {}),
        ("truncate", {}),
        ("html", {}),
        ("status", {"status": 503}),
        ("after", {"status": 500, "body": "The server is busy."}),
        ("late", {"until_told": True}),
    ],
)
def test_a_write_without_a_clear_answer_is_looked_up_and_done_once(
    start, later, where, kind, detail
):
    box, tenant = start(bills=BILLS)
    system = box.ramp if where == CONFIRM else box.epicor
    system.fail_next(where, kind, **detail)

    run(tenant)
    system.apply_late()
    until_quiet(tenant, later)

    assert sum(system.failed.values()) == 1
    check(box, tenant)


def test_a_save_that_ends_after_the_first_look_up_is_found_by_the_second(start, later):
    box, tenant = start(bills=BILLS)
    box.epicor.fail_next(CREATE, "late", until_told=True)
    run_cycle(tenant)
    doubtful = Posting.objects.get(tenant=tenant, state=State.IN_DOUBT)
    later(minutes=5)
    run_cycle(tenant)
    doubtful.refresh_from_db()
    assert (doubtful.state, doubtful.look_ups) == (State.IN_DOUBT, 1)

    assert box.epicor.apply_late() == 1
    until_quiet(tenant, later)

    doubtful.refresh_from_db()
    assert doubtful.state == State.CONFIRMED
    check(box, tenant)


def test_a_late_save_of_a_bill_sent_again_is_refused_as_a_duplicate(start, later):
    box, tenant = start(bills=BILLS)
    box.epicor.fail_next(CREATE, "late", until_told=True)
    until_quiet(tenant, later)

    box.epicor.apply_late()
    later(hours=2)
    run_cycle(tenant)

    check(box, tenant)


def test_a_long_retry_after_is_kept_to_the_minute(start, later):
    box, tenant = start(bills=BILLS)
    headers = {"Retry-After": "7200"}
    box.epicor.fail_next(CREATE, "status", status=429, body={}, headers=headers)

    run(tenant)

    waiting = Posting.objects.get(tenant=tenant, state=State.QUEUED, hold_reason="")
    assert waiting.not_before is not None
    assert waiting.not_before - timezone.now() > timedelta(minutes=119)
    later(minutes=110)
    run(tenant)
    assert waiting.bill_id not in truth.ledger(box)
    later(minutes=11)
    until_quiet(tenant, later)
    check(box, tenant)


def test_a_token_refused_in_the_middle_is_renewed_once(start):
    box, tenant = start(bills=BILLS)
    box.epicor.fail_next(CREATE, "status", status=401, body={})
    logins = box.epicor.calls["POST /connect/token"]

    run_cycle(tenant)

    assert box.epicor.calls["POST /connect/token"] == logins + 1
    check(box, tenant)


def test_a_token_refused_for_good_pauses_the_tenant_and_loses_nothing(start, later):
    box, tenant = start(bills=BILLS)
    box.epicor.fail_next(CREATE, "status", times=20, status=401, body={})

    with pytest.raises(AccessError):
        run_cycle(tenant)

    tenant.refresh_from_db()
    assert tenant.paused_reason
    box.epicor.clear_faults()
    until_quiet(tenant, later)
    tenant.refresh_from_db()
    assert not tenant.paused_reason
    check(box, tenant)


def test_reads_that_fail_are_repeated_and_nothing_is_written_meanwhile(start, later):
    box, tenant = start(bills=BILLS)
    for kind in ("reset_before", "reset_after", "truncate", "html"):
        box.ramp.fail_next("GET /developer/v1/bills", kind)
        box.epicor.fail_next("APInvoiceSvc/GetRows", kind)

    until_quiet(tenant, later)

    check(box, tenant)
