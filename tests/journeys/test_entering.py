"""One undisturbed cycle after another: what is entered, adopted, refused, asked and rechecked."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.domain.errors import AccessError
from connector.sync.bills.run import run_cycle
from connector.sync.models import InvoiceGroup
from connector.tenants.models import PostingSettings, Tenant
from tests.journeys import truth

State = Posting.State


@pytest.fixture
def ready(start) -> Iterator[tuple[Any, Tenant]]:
    """Twelve bills, nothing entered yet."""
    return start(bills=12)


def test_a_question_of_epicor_is_never_success(ready):
    box, tenant = ready
    box.epicor.app.ask_next("Is this tax code right?")

    run_cycle(tenant)

    held = Posting.objects.get(tenant=tenant, hold_reason="asked")
    assert "Is this tax code right?" in held.hold_message
    assert held.bill_id not in truth.ledger(box)
    lifecycle.replay([held], actor="clerk")
    run_cycle(tenant, only_ids=[held.pk])
    assert len(truth.ledger(box)[held.bill_id]) == 1


def test_a_refusal_is_held_with_epicors_words_and_told_to_ramp_once(ready):
    box, tenant = ready
    body = {
        "HttpStatus": 400,
        "ReasonPhrase": "REST API Exception",
        "ErrorMessage": "Tax liability is required.",
        "ErrorType": "Ice.Common.BusinessObjectException",
    }
    box.epicor.fail_next("UpdateMaster", "status", status=400, body=body)

    run_cycle(tenant)
    run_cycle(tenant)

    held = Posting.objects.get(tenant=tenant, hold_reason="refused")
    assert "Tax liability is required." in held.hold_message
    errors = box.ramp.state()["export_errors"]
    assert list(errors) == [held.bill_id]
    told = [call for call in box.ramp.state()["syncs"] if held.bill_id in str(call)]
    assert len(told) == 1


def test_a_lost_key_pauses_the_tenant_and_loses_nothing(ready):
    box, tenant = ready
    run_cycle(tenant, kinds=frozenset({"accounts", "vendors"}))
    box.epicor.app.revoke_key()

    with pytest.raises(AccessError):
        run_cycle(tenant)

    tenant.refresh_from_db()
    assert tenant.paused_reason
    assert set(Posting.objects.values_list("state", "hold_reason")) <= {(State.QUEUED, "")}


def test_a_token_that_expires_in_the_middle_is_renewed_and_the_call_repeated(ready):
    box, tenant = ready
    box.epicor.fail_next("UpdateMaster", "status", times=1, status=401, body={})

    summary = run_cycle(tenant)

    assert summary.exceptions == 0
    truth.check(box)


def test_a_busy_system_is_tried_again_later(ready):
    box, tenant = ready
    box.epicor.fail_next(
        "UpdateMaster", "status", times=1, status=429, body={}, headers={"Retry-After": "300"}
    )

    summary = run_cycle(tenant)

    assert summary.held == 0  # what is tried again later does not wait for the calendar
    assert Posting.objects.filter(not_before__isnull=False).count() == 1
    Posting.objects.filter(not_before__isnull=False).update(not_before=None)
    assert run_cycle(tenant).entered == 1
    truth.check(box)


def test_a_write_that_never_arrived_is_looked_up_twice_and_then_repeated(ready, monkeypatch):
    box, tenant = ready
    box.epicor.fail_next("UpdateMaster", "reset_before", times=1)
    assert run_cycle(tenant).in_doubt == 1
    Attempt.objects.filter(outcome="unknown").update(deadline_at=None)

    entered = 0
    for _ in range(4):
        Posting.objects.filter(state__in=[State.IN_DOUBT, State.QUEUED]).update(not_before=None)
        entered += run_cycle(tenant).entered

    assert entered == 1
    truth.check(box)


def test_an_entered_bill_with_a_hold_is_verified_again_on_replay(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).first()
    assert posting is not None
    lifecycle.request_recheck([posting], message="prove it")

    summary = run_cycle(tenant, only_ids=[posting.pk])

    assert (summary.updated, summary.entered) == (0, 0)  # nothing was written
    assert AuditEntry.objects.filter(action="posting.rechecked").count() == 1
    box.epicor.app.delete_invoice(posting.company, posting.vendor_num, posting.invoice_num)
    posting.refresh_from_db()
    lifecycle.request_recheck([posting], message="prove it")
    run_cycle(tenant, only_ids=[posting.pk])
    posting.refresh_from_db()
    assert posting.hold_reason == "mismatch"
    assert "not in Epicor any more" in posting.hold_message


def test_a_locked_group_is_left_and_the_next_letter_taken(ready):
    box, tenant = ready
    run_cycle(tenant)
    group = InvoiceGroup.objects.filter(tenant=tenant, ready=True).first()
    assert group is not None
    box.epicor.app.lock_group(group.company, group.group_id, "jsmith")

    from connector.sync.bills.invoice_groups import Groups
    from connector.sync.context import open_cycle

    cycle = open_cycle(tenant)
    groups = Groups(cycle)
    taken = groups.take(group.company, group.fiscal_period)
    groups.close()
    cycle.close()

    assert taken.group_id != group.group_id


def test_a_bill_archived_before_its_turn_is_not_entered(ready):
    box, tenant = ready
    run_cycle(tenant, dry_run=True)
    posting = Posting.objects.filter(tenant=tenant).first()
    assert posting is not None
    box.ramp.app.archive_bill(posting.bill_id)

    run_cycle(tenant)

    posting.refresh_from_db()
    assert posting.hold_reason == "archived"
    assert posting.bill_id not in truth.ledger(box)


def test_a_key_sent_before_binds_even_when_the_stamp_is_gone_and_the_number_changed(ready):
    box, tenant = ready
    box.epicor.fail_next("UpdateMaster", "reset_after", times=1)
    run_cycle(tenant)
    posting = Posting.objects.get(tenant=tenant, state=State.IN_DOUBT)
    sent = Attempt.objects.get(subject_id=posting.bill_id)
    box.epicor.app.edit_invoice(sent.company, sent.vendor_num, sent.invoice_num, {"ExternalID": ""})
    box.ramp.app.edit_bill(posting.bill_id, {"invoice_number": "ANOTHER-1"})
    Posting.objects.filter(pk=posting.pk).update(not_before=None)

    run_cycle(tenant)

    posting.refresh_from_db()
    assert posting.hold_reason == "changed"
    numbers = [row["header"]["InvoiceNum"] for row in box.epicor.state()["invoices"]]
    assert "ANOTHER-1" not in numbers


def test_a_run_out_of_time_gives_everything_back(ready):
    box, tenant = ready

    summary = run_cycle(tenant, budget_s=0)

    assert summary.entered == 0
    assert not Posting.objects.filter(state=State.IN_FLIGHT).exists()
    assert run_cycle(tenant).entered > 5
    truth.check(box)


def test_a_bill_from_before_the_start_date_waits_even_when_it_was_seen_earlier(ready):
    box, tenant = ready
    run_cycle(tenant, dry_run=True)
    assert Posting.objects.filter(tenant=tenant, state=State.QUEUED).count() > 5
    PostingSettings.objects.filter(tenant=tenant).update(start_date=date(2100, 1, 1))

    assert run_cycle(tenant).entered == 0

    assert set(truth.ledger(box)) <= {""}  # what people typed
    held = Posting.objects.filter(tenant=tenant, hold_message__contains="posting.start_date")
    assert held.filter(hold_reason="needs_review").count() > 5
    PostingSettings.objects.filter(tenant=tenant).update(start_date=None)
    lifecycle.replay(list(held), actor="clerk")
    assert run_cycle(tenant).entered > 5
    truth.check(box)
