"""Telling Ramp: only what is certain, once, and without end neither in calls nor in silence."""

from contextlib import closing, suppress
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.actions.remove import remove
from connector.domain.errors import HeldError, Hold, PostingError, Reason, RejectedError
from connector.http_client import circuit_breaker
from connector.ramp.client import RampClient
from connector.sync.bills.confirm import confirm_entered, report_held
from connector.sync.bills.report_to_ramp import SUCCESSES, call
from connector.sync.bills.run import run_cycle
from connector.sync.bills.verify import reprove
from connector.sync.context import open_cycle
from connector.tenants import pauses
from connector.tenants.models import Tenant
from tests.journeys import truth

pytestmark = pytest.mark.slow

State = Posting.State
SYNCS = "accounting/syncs"
AGES = 1_000_000
REFUSAL = {
    "error_v2": {"error_code": "DEVELOPER_7001", "message": "Not a valid URL: deep_link_url"}
}


@pytest.fixture
def untold(start) -> tuple[Any, Tenant]:
    """Bills that are entered while Ramp takes no results; now it does again."""
    box, tenant = start(bills=12)
    box.ramp.fail_next(SYNCS, "status", AGES, status=503)
    run(tenant)
    heal(box)
    assert entered(tenant).count() > 5
    return box, tenant


def run(tenant: Tenant) -> None:
    """A run as the background has it: trouble is on its row, and the next one goes on."""
    with suppress(PostingError):
        run_cycle(tenant)
    tenant.refresh_from_db()


def tell(tenant: Tenant) -> None:
    """Only what a run tells Ramp."""
    cycle = open_cycle(tenant)
    with closing(cycle), suppress(PostingError):
        confirm_entered(cycle)
        report_held(cycle)
    tenant.refresh_from_db()


def heal(box: Any) -> None:
    box.ramp.clear_faults()
    circuit_breaker._breakers.clear()


def entered(tenant: Tenant) -> Any:
    return Posting.objects.filter(tenant=tenant, state=State.ENTERED).order_by("pk")


def told(box: Any) -> list[str]:
    """The bills that Ramp was told as entered, once for each call that counted."""
    calls = [call for call in box.ramp.state()["syncs"] if not call["repeated"]]
    return [bill_id for call in calls for bill_id in call["successful"]]


def failures(box: Any) -> list[str]:
    calls = [call for call in box.ramp.state()["syncs"] if not call["repeated"]]
    return [bill_id for call in calls for bill_id in call["failed"]]


def sent(box: Any) -> int:
    return sum(n for label, n in box.ramp.calls.items() if SYNCS in label)


# -- what stands in front of Ramp ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["after", "status"])
@pytest.mark.parametrize(
    ("status", "body"), [(400, "<html>No</html>"), (403, "<html>No</html>"), (404, ""), (413, "")]
)
def test_a_proxys_refusal_of_results_is_in_doubt_and_stops_no_entering(start, kind, status, body):
    box, tenant = start(bills=12)
    box.ramp.fail_next(SYNCS, kind, status=status, body=body)

    run_cycle(tenant)

    assert not entered(tenant).exists()
    assert len(told(box)) == len(set(told(box))) > 5
    first = Attempt.objects.filter(subject_kind="confirmation", message__contains="in front of")
    assert {attempt.outcome for attempt in first} == {"unknown"}
    run_cycle(tenant)
    assert not attempts.open_ones(tenant.pk, "confirmation")
    assert len(told(box)) == len(set(told(box)))
    assert sorted(set(failures(box))) == sorted(failures(box))


def test_a_redirect_of_results_pauses_only_the_reports(untold):
    box, tenant = untold
    box.ramp.fail_next(SYNCS, "status", AGES, status=302)
    run_cycle(tenant)
    tenant.refresh_from_db()
    assert entered(tenant).count() > 5
    assert not pauses.stops(tenant)


# -- only what is certain --------------------------------------------------------------------------


def test_an_invoice_that_is_gone_is_not_told_as_entered(untold):
    box, tenant = untold
    posting = entered(tenant).first()
    box.epicor.app.delete_invoice(posting.company, posting.vendor_num, posting.invoice_num)
    reprove(tenant, days=5)

    run(tenant)

    posting.refresh_from_db()
    assert (posting.state, posting.hold_reason) == (State.ENTERED, "mismatch")
    assert posting.bill_id not in told(box)
    assert len(told(box)) > 5


@pytest.mark.parametrize("reason", sorted(Reason))
def test_nothing_that_a_person_is_asked_about_is_told_as_entered(untold, reason):
    box, tenant = untold
    posting = entered(tenant).first()
    lifecycle.hold(posting, Hold(reason, "Look at it."))

    tell(tenant)

    assert posting.bill_id not in told(box)
    assert not entered(tenant).exclude(pk=posting.pk).exists()


def test_a_removal_whose_answer_was_lost_is_not_told_until_it_was_looked_at(untold, later):
    box, tenant = untold
    later(minutes=2)  # what was sent to Ramp is over
    posting = entered(tenant).first()
    box.epicor.fail_next("DeleteByID", "late", until_told=True)
    with pytest.raises(HeldError, match="did not say"):
        remove(tenant, posting, actor="Ann", reason="wrong vendor", enter_again=False)

    run(tenant)
    assert posting.bill_id not in told(box)

    box.epicor.apply_late()
    later(minutes=10)
    run(tenant)
    posting.refresh_from_db()
    assert (posting.state, posting.hold_reason) == (State.ENTERED, "mismatch")
    assert posting.bill_id not in told(box)


def test_an_invoice_that_is_still_there_after_its_removal_is_told(untold, later):
    box, tenant = untold
    later(minutes=2)
    posting = entered(tenant).first()
    box.epicor.fail_next("DeleteByID", "status", status=504)
    with pytest.raises(HeldError, match="did not say"):
        remove(tenant, posting, actor="Ann", reason="wrong vendor", enter_again=False)
    later(minutes=10)

    run(tenant)

    posting.refresh_from_db()
    assert posting.state == State.CONFIRMED
    assert told(box).count(posting.bill_id) == 1


def test_a_removal_that_begins_while_the_batch_waits_is_left_out_of_the_call(untold):
    box, tenant = untold
    batch = list(entered(tenant))
    now = timezone.now()
    lifecycle.take(batch[2], owner="a person", until=now + timedelta(minutes=5), now=now)
    cycle = open_cycle(tenant)

    taken, refusal = call(cycle, SUCCESSES, batch)

    cycle.close()
    assert (taken, refusal) == (len(batch) - 1, None)
    assert set(told(box)) == {p.bill_id for p in batch} - {batch[2].bill_id}
    batch[2].refresh_from_db()
    assert (batch[2].state, batch[2].lease_owner) == (State.ENTERED, "a person")


def test_nothing_is_removed_while_ramp_is_just_told_of_it(untold, monkeypatch, later):
    box, tenant = untold
    later(minutes=2)
    posting = entered(tenant).first()
    refused = []
    sync = RampClient.sync

    def and_a_person(client: Any, *args: Any, **kwargs: Any) -> str:
        if not refused:
            refused.append("")
            with pytest.raises(HeldError, match="just being told") as raised:
                remove(tenant, posting, actor="Ann", reason="wrong", enter_again=False)
            refused.append(str(raised.value))
        return sync(client, *args, **kwargs)

    monkeypatch.setattr(RampClient, "sync", and_a_person)
    run(tenant)

    assert "Nothing was removed" in refused[1]
    posting.refresh_from_db()
    assert (posting.state, posting.lease_owner) == (State.CONFIRMED, "")
    assert len(truth.ledger(box)[posting.bill_id]) == 1


# -- what Ramp does not take -----------------------------------------------------------------------


def test_a_bill_that_ramp_never_takes_is_tried_ever_more_rarely_and_then_held_once(untold, later):
    box, tenant = untold
    posting = entered(tenant).first()
    box.ramp.app.edit_bill(posting.bill_id, {"enable_accounting_sync": False})
    before = sent(box)

    run(tenant)  # all are refused, then the others are taken: two calls
    assert sent(box) - before == 3  # and one for the holds
    assert not entered(tenant).exclude(pk=posting.pk).exists()
    for _ in range(3):
        run(tenant)
    assert sent(box) - before == 3

    for _ in range(40):
        later(minutes=15)
        tell(tenant)
    posting.refresh_from_db()
    assert sent(box) - before == 3 + 4
    assert (posting.state, posting.hold_reason) == (State.ENTERED, "refused")
    assert "not ready for sync" in posting.hold_message
    assert posting.bill_id not in posting.hold_message
    assert AuditEntry.objects.filter(action="posting.held", subject_id=posting.bill_id).count() == 1
    assert tenant.paused_reason == ""

    box.ramp.app.edit_bill(posting.bill_id, {"enable_accounting_sync": True})
    lifecycle.replay([posting], actor="Ann")
    run(tenant)
    posting.refresh_from_db()
    assert (posting.state, posting.hold_reason) == (State.CONFIRMED, "")


def test_a_person_may_settle_that_ramp_need_not_know_and_ramp_is_asked_once_a_day(untold, later):
    box, tenant = untold
    posting = entered(tenant).first()
    box.ramp.app.edit_bill(posting.bill_id, {"enable_accounting_sync": False})
    for _ in range(25):
        later(minutes=15)
        tell(tenant)
    posting.refresh_from_db()
    assert posting.hold_reason == "refused"
    lifecycle.keep(posting, actor="Ann", reason="Excluded on purpose")
    before = sent(box)

    for _ in range(10):
        later(hours=5)
        run(tenant)

    posting.refresh_from_db()
    assert (posting.state, posting.hold_reason) == (State.ENTERED, "")
    assert sent(box) - before == 2
    box.ramp.app.edit_bill(posting.bill_id, {"enable_accounting_sync": True})
    later(hours=25)
    run(tenant)
    posting.refresh_from_db()
    assert posting.state == State.CONFIRMED


def test_when_ramp_takes_nothing_at_all_one_banner_says_so_and_entering_goes_on(start, later):
    box, tenant = start(bills=30)
    box.ramp.fail_next(SYNCS, "status", AGES, status=400, body=REFUSAL)

    for _ in range(3):
        run(tenant)

    assert entered(tenant).count() > 12
    assert pauses.kind(tenant) == pauses.TELLING
    assert not pauses.stops(tenant)
    assert "Not a valid URL" in tenant.paused_reason
    assert "PUBLIC_URL" in tenant.paused_reason
    assert sent(box) < 50
    quiet = sent(box)
    later(minutes=40)
    run(tenant)
    assert sent(box) == quiet
    later(minutes=40)
    run(tenant)
    assert quiet < sent(box) < quiet + 50
    for _ in range(6):
        later(minutes=70)
        tell(tenant)
    assert not entered(tenant).exclude(hold_reason="").exists()
    actions = AuditEntry.objects.filter(tenant=tenant, action__startswith="tenant.pau")
    assert actions.count() == 1

    heal(box)
    later(minutes=70)
    run(tenant)
    assert tenant.paused_reason == ""
    assert not entered(tenant).exists()
    assert len(told(box)) == len(set(told(box))) > 12


def test_a_few_bad_bills_of_many_are_found_in_few_calls_and_do_not_stop_the_others(
    untold, later, monkeypatch
):
    _, tenant = untold
    bad = {posting.bill_id for posting in entered(tenant)[:4]}
    calls = []
    sync = RampClient.sync

    def strict(client: Any, kind: str, key: str, **items: Any) -> str:
        calls.append(items)
        if bad & {item["id"] for item in items.get("successes", ())}:
            raise RejectedError("Ramp refused.", detail={"said": "There is something wrong."})
        return sync(client, kind, key, **items)

    monkeypatch.setattr(RampClient, "sync", strict)
    run(tenant)
    assert {posting.bill_id for posting in entered(tenant)} == bad
    assert tenant.paused_reason == ""

    for _ in range(100):
        later(minutes=15)
        tell(tenant)

    assert set(entered(tenant).values_list("hold_reason", flat=True)) == {"refused"}
    assert len(calls) < 100


def test_a_hold_that_ramp_does_not_want_to_know_is_not_told_for_ever(start, later):
    box, tenant = start(bills=40)
    run(tenant)
    held = Posting.objects.filter(tenant=tenant, hold_reason="vendor_unmapped").first()
    assert held is not None
    lifecycle.hold(held, Hold(Reason.VENDOR_UNMAPPED, "Other words by now."))
    box.ramp.app.edit_bill(held.bill_id, {"enable_accounting_sync": False})
    before = sent(box)

    for _ in range(60):
        later(minutes=15)
        tell(tenant)

    assert sent(box) - before == 5
    held.refresh_from_db()
    assert held.hold_reason == "vendor_unmapped"


# -- lost answers ----------------------------------------------------------------------------------


def losing(start) -> tuple[Any, Tenant, list[str]]:
    """Ramp has noted the holds, and its answer was lost. The held bills."""
    box, tenant = start(bills=40)
    box.ramp.fail_next(SYNCS, "reset_after", AGES, skip=1)
    run(tenant)
    heal(box)
    held = Posting.objects.filter(tenant=tenant, state=State.QUEUED).exclude(hold_reason="")
    assert set(held.values_list("told_version", flat=True)) == {""}
    assert set(failures(box)) == set(held.values_list("bill_id", flat=True))
    return box, tenant, list(held.values_list("bill_id", flat=True))


def test_after_a_lost_answer_a_hold_is_told_with_the_same_key(start):
    box, tenant, held = losing(start)

    run(tenant)
    run(tenant)

    assert sorted(failures(box)) == sorted(held)  # each counted once
    assert not attempts.open_ones(tenant.pk, "confirmation")
    assert not Posting.objects.filter(bill_id__in=held, told_version="").exists()


def test_after_a_lost_answer_old_words_are_not_told(start):
    box, tenant, held = losing(start)
    moved = Posting.objects.get(bill_id=held[0])
    lifecycle.hold(moved, Hold(Reason.INVALID_BILL, "New words."))

    run(tenant)

    errors = box.ramp.state()["export_errors"]
    assert errors[moved.bill_id][-1] == "New words."
    assert not attempts.open_ones(tenant.pk, "confirmation")


def test_what_ramp_took_without_an_answer_is_confirmed_even_when_it_is_held_by_now(start):
    box, tenant = start(bills=12)
    box.ramp.fail_next(SYNCS, "reset_after", AGES)
    run(tenant)
    heal(box)
    posting = entered(tenant).first()
    assert posting.bill_id in told(box)
    lifecycle.hold(posting, Hold(Reason.MISMATCH, "Look at it."))

    run(tenant)

    posting.refresh_from_db()
    assert (posting.state, posting.hold_reason) == (State.CONFIRMED, "mismatch")
    assert not entered(tenant).exists()
    assert len(told(box)) == len(set(told(box)))


class Killed(BaseException):
    """Ends a run like a signal: nothing of it is caught or put right."""


def test_a_call_of_a_dead_worker_is_sent_again_with_its_key(start, later, monkeypatch):
    box, tenant = start(bills=40)
    sync = RampClient.sync

    def dies(client: Any, *args: Any, **kwargs: Any) -> str:
        sync(client, *args, **kwargs)
        if "failures" in kwargs:
            raise Killed
        return ""

    with monkeypatch.context() as patched:
        patched.setattr(RampClient, "sync", dies)
        with pytest.raises(Killed):
            run_cycle(tenant)
    count = len(failures(box))
    assert count > 1

    run(tenant)  # perhaps it still lives
    assert len(failures(box)) == count
    (open_one,) = attempts.open_ones(tenant.pk, "confirmation")
    later(minutes=2)
    run(tenant)

    assert len(failures(box)) == count
    open_one.refresh_from_db()
    assert open_one.outcome == Attempt.Outcome.DONE
    assert not Posting.objects.filter(bill_id__in=failures(box), told_version="").exists()
