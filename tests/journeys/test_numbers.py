"""A bill whose number is taken in Epicor: a person gives it another, and it is entered once.

The stand-ins are asked over real HTTP; the invoice with the same number is typed by hand, for
another purpose.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from audit.ledger import invoice_number, lifecycle
from audit.ledger.invoice_number import NotNowError, NumberError
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.actions.duplicates import adopt, different
from connector.actions.remove import remove
from connector.actions.renumber import back_to_ramp, give_number
from connector.sync.bills.preview import preview
from connector.sync.bills.run import run_cycle
from connector.sync.bills.verify import reprove
from connector.tenants.models import Tenant
from tests.journeys import truth
from tests.journeys.test_twins import chosen, of, type_in

pytestmark = pytest.mark.slow

State = Posting.State
WHY = {"actor": "ann", "reason": "RENT is on every bill of this vendor."}
GIVEN = "RENT 2026-11"


def taken(box: Any, tenant: Tenant, **typed: Any) -> tuple[Posting, Any]:
    """A bill whose very number a person has typed into Epicor for something else."""
    bill_id, plan = chosen(box)
    typed = {"total": plan.total + 1, "shift": -60, **typed}
    type_in(box, plan, plan.invoice_num.lower(), **typed)
    run_cycle(tenant)
    posting = of(tenant, bill_id)
    assert posting.hold_reason == "duplicate_suspected", posting.hold_message
    return posting, plan


def invoice(box: Any, posting: Posting) -> dict[str, Any]:
    """The one invoice of the bill in Epicor, as an auditor reads it."""
    (found,) = truth.ledger(box)[posting.bill_id]
    return truth.seen(found)


def again(tenant: Tenant, posting: Posting) -> Posting:
    run_cycle(tenant)
    posting.refresh_from_db()
    return posting


def events(posting: Posting, action: str) -> list[AuditEntry]:
    rows = AuditEntry.objects.filter(subject_id=posting.bill_id, action=action)
    return list(rows.order_by("at"))


def test_the_whole_way_from_a_taken_number_to_a_proven_invoice(ready):
    box, tenant = ready
    posting, plan = taken(box, tenant)
    assert "another number, here or in Ramp" in posting.hold_message
    before = len(truth.ledger(box)[""])

    give_number(tenant, posting, GIVEN, **WHY)

    assert preview(tenant, posting.bill_id).prepared.draft.invoice_num == GIVEN
    again(tenant, posting)
    assert (posting.state, posting.hold_reason) == (State.CONFIRMED, "")
    assert invoice(box, posting) == {**truth.planned(plan), "invoice_num": GIVEN}
    assert len(truth.ledger(box)[""]) == before  # what the person typed is as it was
    assert posting.invoice_num == GIVEN
    # Ramp keeps its own number and is told the other one once.
    row = next(row for row in box.ramp.app.bills if row["id"] == posting.bill_id)
    assert row["invoice_number"].strip() == plan.invoice_num
    reference = box.ramp.app.syncs.references[posting.bill_id]["BILL_SYNC"]
    assert reference == f"{plan.company}/{plan.vendor_num}/{GIVEN}"
    proof = reprove(tenant, days=1)
    assert proof.drifted == []
    assert proof.proven >= 1

    again(tenant, posting)
    assert invoice(box, posting)["invoice_num"] == GIVEN
    assert len(events(posting, "posting.numbered")) == 1


def test_an_edit_in_ramp_converges_under_the_given_number(ready):
    box, tenant = ready
    posting, plan = taken(box, tenant)
    give_number(tenant, posting, GIVEN, **WHY)
    again(tenant, posting)

    box.ramp.app.edit_bill(posting.bill_id, {"due_at": "2026-12-24T00:00:00+00:00"})
    again(tenant, posting)

    expected = {**truth.planned(plan), "invoice_num": GIVEN, "due_date": "2026-12-24"}
    assert invoice(box, posting) == expected
    assert (posting.state, posting.hold_reason) == (State.CONFIRMED, "")
    assert posting.entered_hash == posting.seen_hash


def test_a_new_number_in_ramp_does_not_rename_what_is_entered(ready):
    box, tenant = ready
    posting, _ = taken(box, tenant)
    give_number(tenant, posting, GIVEN, **WHY)
    again(tenant, posting)

    box.ramp.app.edit_bill(posting.bill_id, {"invoice_number": "CORRECTED-7"})
    again(tenant, posting)

    assert invoice(box, posting)["invoice_num"] == GIVEN
    assert (posting.state, posting.hold_reason) == (State.CONFIRMED, "")
    assert posting.entered_hash == posting.seen_hash
    assert "CORRECTED-7 now" in events(posting, "posting.seen_changed")[-1].body["message"]
    # Removed and entered anew, a person says which of the two numbers counts.
    remove(tenant, posting, actor="ann", reason="Wrong number", enter_again=True)
    assert (posting.invoice_num, posting.given_num) == ("CORRECTED-7", GIVEN)
    again(tenant, posting)
    assert (posting.state, posting.hold_reason) == (State.QUEUED, "invalid_bill")
    assert f"replaced here by {GIVEN}, and is CORRECTED-7 now" in posting.hold_message
    back_to_ramp(tenant, posting, actor="bea", reason="Corrected in Ramp.")
    again(tenant, posting)
    assert invoice(box, posting)["invoice_num"] == "CORRECTED-7"
    assert posting.state == State.CONFIRMED


def test_a_number_that_ramp_changes_before_the_entry_is_for_a_person(ready):
    box, tenant = ready
    posting, _ = taken(box, tenant)
    give_number(tenant, posting, GIVEN, **WHY)
    box.ramp.app.edit_bill(posting.bill_id, {"invoice_number": "CORRECTED-7"})

    again(tenant, posting)

    assert posting.hold_reason == "invalid_bill"
    assert posting.bill_id not in truth.ledger(box)
    assert invoice_number.is_outdated(posting)
    give_number(tenant, posting, GIVEN, actor="bea", reason="Still this one.")
    again(tenant, posting)
    assert invoice(box, posting)["invoice_num"] == GIVEN


def test_the_duplicate_check_uses_the_new_number(ready):
    box, tenant = ready
    posting, plan = taken(box, tenant, total=None, shift=0)  # the same money on the same day
    give_number(tenant, posting, GIVEN, **WHY)

    again(tenant, posting)

    assert posting.hold_reason == "duplicate_suspected"
    assert [twin["same_key"] for twin in posting.hold_detail["twins"]] == [False]
    both = f"The bill has number {plan.invoice_num} in Ramp and was given {GIVEN} here."
    assert both in posting.hold_message
    type_in(box, plan, GIVEN, total=plan.total + 2, shift=-90)
    lifecycle.replay([posting], actor="ann")
    again(tenant, posting)
    assert posting.hold_detail["twins"][0]["same_key"] is True  # taken as well by now
    give_number(tenant, posting, "RENT 11", **WHY)
    again(tenant, posting)
    different(tenant, posting, actor="ann", reason="Another month.")
    again(tenant, posting)
    assert invoice(box, posting)["invoice_num"] == "RENT 11"


def test_an_invoice_typed_by_hand_can_still_be_the_bill(ready):
    box, tenant = ready
    posting, plan = taken(box, tenant, total=None, shift=0)
    give_number(tenant, posting, GIVEN, **WHY)
    again(tenant, posting)

    adopt(tenant, posting, actor="ann")

    again(tenant, posting)
    assert (posting.state, posting.adopted) == (State.CONFIRMED, True)
    assert posting.invoice_num == plan.invoice_num.lower()
    assert posting.bill_id not in truth.ledger(box)


def test_taken_back_before_the_entry_it_waits_for_its_number_again(ready):
    box, tenant = ready
    posting, plan = taken(box, tenant)
    give_number(tenant, posting, GIVEN, **WHY)
    back_to_ramp(tenant, posting, actor="ann", reason="The other one goes.")
    again(tenant, posting)
    assert posting.hold_reason == "duplicate_suspected"
    box.epicor.app.delete_invoice(plan.company, plan.vendor_num, plan.invoice_num.lower())
    lifecycle.replay([posting], actor="ann")
    again(tenant, posting)
    assert invoice(box, posting) == truth.planned(plan)


def test_an_answer_that_is_lost_binds_the_number_until_it_is_looked_up(ready, later):
    box, tenant = ready
    posting, plan = taken(box, tenant)
    give_number(tenant, posting, GIVEN, **WHY)
    box.epicor.fail_next("UpdateMaster", "reset_after", times=1)
    again(tenant, posting)
    assert posting.state == State.IN_DOUBT
    with pytest.raises(NotNowError, match="may be in Epicor already"):
        give_number(tenant, posting, "RENT 11", **WHY)
    with pytest.raises(NotNowError, match="may be in Epicor already"):
        back_to_ramp(tenant, posting, **WHY)
    box.ramp.app.edit_bill(posting.bill_id, {"invoice_number": "CORRECTED-7"})

    later(minutes=10)
    again(tenant, posting)

    assert posting.in_epicor
    assert invoice(box, posting) == {**truth.planned(plan), "invoice_num": GIVEN}


def test_a_write_that_never_arrived_leaves_its_key_remembered(ready, later):
    box, tenant = ready
    posting, plan = taken(box, tenant)
    give_number(tenant, posting, GIVEN, **WHY)
    box.epicor.fail_next("UpdateMaster", "reset_before", times=1)
    again(tenant, posting)
    assert posting.state == State.IN_DOUBT
    for _ in range(6):
        later(minutes=20)
        again(tenant, posting)
    assert invoice(box, posting) == {**truth.planned(plan), "invoice_num": GIVEN}


def test_a_number_of_another_bill_of_the_vendor_is_refused(ready):
    box, tenant = ready
    posting, _ = taken(box, tenant)
    other = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).first()
    assert other is not None
    Posting.objects.filter(pk=other.pk).update(
        company=posting.hold_detail["twins"][0]["company"],
        vendor_num=posting.hold_detail["twins"][0]["vendor_num"],
    )
    with pytest.raises(NumberError, match=f"bill {other.bill_id} of the same vendor is entered"):
        give_number(tenant, posting, other.invoice_num.lower(), **WHY)
    assert of(tenant, posting.bill_id).hold_reason == "duplicate_suspected"


def test_a_number_given_to_a_bill_that_a_worker_lost_after_the_save_waits_for_the_look_up(
    ready, monkeypatch, later
):
    box, tenant = ready
    posting, plan = taken(box, tenant)
    give_number(tenant, posting, GIVEN, **WHY)

    def dies(*_: Any, **__: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "mark_entered", dies)
        with pytest.raises(SystemExit):
            run_cycle(tenant)
    assert len(truth.ledger(box)[posting.bill_id]) == 1
    later(hours=1)
    lifecycle.reap(tenant.pk, timezone.now())
    posting.refresh_from_db()
    assert posting.state == State.IN_DOUBT
    with pytest.raises(NotNowError, match="may be in Epicor already"):
        give_number(tenant, posting, "RENT 11", **WHY)
    again(tenant, posting)
    assert invoice(box, posting) == {**truth.planned(plan), "invoice_num": GIVEN}
    assert posting.in_epicor


def test_a_number_that_is_too_long_for_epicor(ready):
    box, tenant = ready
    bill_id, plan = chosen(box)
    box.ramp.app.edit_bill(bill_id, {"invoice_number": "X" * 60})
    run_cycle(tenant)
    posting = of(tenant, bill_id)
    assert posting.hold_reason == "invalid_bill"
    assert not Decimal(posting.amount or 0).is_nan()
    give_number(tenant, posting, invoice_number.proposal(posting), **WHY)
    again(tenant, posting)
    number = f"{'X' * 42}-{plan.invoice_date:%Y-%m}"
    assert invoice(box, posting) == {**truth.planned(plan), "invoice_num": number}


def test_a_write_that_arrives_after_another_number_was_given_stops_the_bill(ready, later):
    box, tenant = ready
    posting, plan = taken(box, tenant)
    give_number(tenant, posting, GIVEN, **WHY)
    box.epicor.fail_next("UpdateMaster", "late", times=1, until_told=True)
    for _ in range(4):
        again(tenant, posting)
        if posting.state == State.QUEUED:
            break
        later(minutes=11)
    assert posting.state == State.QUEUED  # looked up twice, long after the write's deadline
    Posting.objects.filter(pk=posting.pk).update(not_before=timezone.now() + timedelta(days=1))
    posting.refresh_from_db()
    give_number(tenant, posting, "RENT 11", **WHY)
    box.epicor.apply_late()

    again(tenant, posting)

    assert (posting.state, posting.hold_reason) == (State.ENTERED, "changed")
    assert invoice(box, posting)["invoice_num"] == GIVEN
    remove(tenant, posting, actor="Ann", reason="It is RENT 11.", enter_again=True)
    again(tenant, posting)
    assert posting.state == State.CONFIRMED
    assert invoice(box, posting) == {**truth.planned(plan), "invoice_num": "RENT 11"}
