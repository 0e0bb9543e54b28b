"""Who pays a bill changes after it was entered: a person is asked, once, and nothing is written."""

from typing import Any

import pytest

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.actions.duplicates import adopt
from connector.domain.difference import Difference, restored
from connector.sync.bills.run import run_cycle
from connector.sync.bills.verify import reprove
from connector.tenants.models import PostingSettings, Tenant
from tests.journeys import truth
from tests.journeys.test_twins import held_twin, plain_bills

pytestmark = pytest.mark.slow

State = Posting.State
HELD = Difference("pay_hold", expected=False, actual=True)
UNHELD = Difference("pay_hold", expected=True, actual=False)
ACH = {"payment": {"payment_method": "ACH"}, "payments": None}
OUTSIDE = {
    "payment": {
        "payment_method": "PAID_MANUALLY",
        "details": {"manual_payment_method": "PAID_IN_ERP"},
    },
    "payments": None,
}
NOTHING = {"payment": None, "payments": None}


def entered(box: Any, tenant: Tenant, payment: dict[str, Any]) -> Posting:
    """A bill that was entered and confirmed while it was paid so."""
    bill_id = next(iter(plain_bills(box)))
    box.ramp.app.edit_bill(bill_id, payment)
    run_cycle(tenant)
    posting = Posting.objects.get(tenant=tenant, bill_id=bill_id)
    assert (posting.state, posting.hold_reason) == (State.CONFIRMED, "")
    return posting


def paid(box: Any, tenant: Tenant, posting: Posting, payment: dict[str, Any]) -> Posting:
    """It is paid otherwise in Ramp, and the next runs see it."""
    box.ramp.app.edit_bill(posting.bill_id, payment)
    for _ in range(3):
        run_cycle(tenant)
    posting.refresh_from_db()
    return posting


def again(tenant: Tenant, posting: Posting) -> Posting:
    lifecycle.replay([posting], actor="Ann")
    run_cycle(tenant)
    posting.refresh_from_db()
    return posting


def held_in_epicor(box: Any, posting: Posting) -> bool:
    (invoice,) = truth.ledger(box)[posting.bill_id]
    return bool(truth.seen(invoice)["pay_hold"])


def set_in_epicor(box: Any, posting: Posting, hold: bool) -> None:
    """A person ticks or clears the payment hold of the invoice."""
    key = (posting.company, posting.vendor_num, posting.invoice_num)
    box.epicor.app.edit_invoice(*key, {"PayHold": hold, "ChangedBy": "ANN"})


def times(posting: Posting, action: str) -> int:
    return AuditEntry.objects.filter(subject_id=posting.bill_id, action=action).count()


CHANGES = [
    (ACH, OUTSIDE, True, "never be paid"),
    (OUTSIDE, ACH, False, "paid twice"),
    (NOTHING, OUTSIDE, True, "never be paid"),
    (ACH, {"payment": None, "payments": [OUTSIDE["payment"]]}, True, "never be paid"),
]


@pytest.mark.parametrize(("before", "after", "was", "risk"), CHANGES)
def test_a_change_of_who_pays_waits_for_a_person_once_and_is_solved_in_epicor(
    ready, before, after, was, risk
):
    box, tenant = ready
    posting = paid(box, tenant, entered(box, tenant, before), after)

    assert (posting.state, posting.hold_reason) == (State.CONFIRMED, "changed")
    assert "Who pays the bill changed" in posting.hold_message
    assert risk in posting.hold_message
    assert "replay" in posting.hold_message
    assert times(posting, "posting.held") == 1
    assert times(posting, "posting.recheck_asked") == 1
    assert held_in_epicor(box, posting) is was  # nothing was written

    assert again(tenant, posting).hold_reason == "changed"  # nobody did anything yet
    assert held_in_epicor(box, posting) is was
    set_in_epicor(box, posting, not was)
    assert reprove(tenant, days=5).drifted == []  # what is right by now is no finding
    assert again(tenant, posting).hold_reason == ""
    assert held_in_epicor(box, posting) is not was
    run_cycle(tenant)
    posting.refresh_from_db()
    assert (posting.hold_reason, posting.entered_as["pay_hold"]) == ("", not was)
    assert reprove(tenant, days=5).drifted == []


@pytest.mark.parametrize("corrected", [True, False])
def test_what_a_person_kept_is_not_asked_again_until_the_payer_is_another_one(ready, corrected):
    box, tenant = ready
    posting = paid(box, tenant, entered(box, tenant, ACH), OUTSIDE)
    lifecycle.keep(posting, actor="Ann", reason="The treasurer pays it.")
    if corrected:
        set_in_epicor(box, posting, False)
    for _ in range(3):
        run_cycle(tenant)
    assert reprove(tenant, days=5).drifted == []
    assert again(tenant, posting).hold_reason == ""
    lifecycle.request_recheck([posting], message="Look.")
    run_cycle(tenant)
    posting.refresh_from_db()
    assert posting.hold_reason == ""
    assert held_in_epicor(box, posting) is not corrected
    assert times(posting, "posting.held") == 1

    posting = paid(box, tenant, posting, ACH)  # back: a danger only where the hold was taken off

    assert posting.hold_reason == ("changed" if corrected else "")
    assert held_in_epicor(box, posting) is not corrected
    if not corrected:
        assert paid(box, tenant, posting, OUTSIDE).hold_reason == "changed"


def test_a_change_that_is_taken_back_closes_its_hold(ready):
    box, tenant = ready
    posting = paid(box, tenant, entered(box, tenant, ACH), OUTSIDE)
    assert posting.hold_reason == "changed"

    assert paid(box, tenant, posting, ACH).hold_reason == ""
    assert held_in_epicor(box, posting)


def test_who_corrected_epicor_before_we_saw_it_is_not_asked(ready):
    box, tenant = ready
    posting = entered(box, tenant, ACH)
    set_in_epicor(box, posting, False)

    posting = paid(box, tenant, posting, OUTSIDE)

    assert posting.hold_reason == ""
    assert times(posting, "posting.held") == 0
    assert not held_in_epicor(box, posting)
    assert reprove(tenant, days=5).drifted == []


@pytest.mark.parametrize("setting", [True, False])
def test_unknown_payer_and_current_setting_ask_no_question(ready, setting):
    box, tenant = ready
    PostingSettings.objects.filter(tenant=tenant).update(pay_hold=setting)
    posting = entered(box, tenant, NOTHING)
    PostingSettings.objects.filter(tenant=tenant).update(pay_hold=not setting)

    posting = paid(box, tenant, posting, NOTHING)
    lifecycle.request_recheck([posting], message="Look.")
    run_cycle(tenant)

    posting.refresh_from_db()
    assert posting.hold_reason == ""
    assert held_in_epicor(box, posting) is setting
    assert paid(box, tenant, posting, ACH if setting else OUTSIDE).hold_reason == ""


def test_a_payment_that_is_taken_back_asks_where_epicor_then_pays(ready):
    box, tenant = ready
    posting = entered(box, tenant, ACH)
    assert (
        paid(box, tenant, posting, NOTHING).hold_reason == ""
    )  # the setting holds it all the same
    PostingSettings.objects.filter(tenant=tenant).update(pay_hold=False)

    posting = paid(box, tenant, posting, NOTHING)

    assert posting.hold_reason == "changed"
    assert "Ramp does not say any more who pays it" in posting.hold_message
    assert "never be paid" in posting.hold_message


def test_an_edit_together_with_another_payer_is_left_to_a_person(ready):
    box, tenant = ready
    posting = entered(box, tenant, ACH)
    before = truth.ledger(box)[posting.bill_id]

    posting = paid(box, tenant, posting, {**OUTSIDE, "due_at": "2026-12-24T00:00:00+00:00"})

    assert posting.hold_reason == "changed"
    assert HELD in restored(posting.hold_detail["differences"])
    assert "because of who pays it now" in posting.hold_message
    assert truth.ledger(box)[posting.bill_id] == before
    lifecycle.keep(posting, actor="Ann", reason="As agreed.")
    box.ramp.app.edit_bill(posting.bill_id, {"due_at": "2026-12-28T00:00:00+00:00"})
    run_cycle(tenant)
    posting.refresh_from_db()
    assert posting.hold_reason == "changed"  # what a person kept is not written over by an edit
    assert truth.ledger(box)[posting.bill_id] == before


def test_another_hold_is_settled_first(ready):
    box, tenant = ready
    posting = entered(box, tenant, ACH)
    key = (posting.company, posting.vendor_num, posting.invoice_num)
    box.epicor.app.edit_invoice(*key, {"DueDate": "2026-12-30T00:00:00", "ChangedBy": "ANN"})
    reprove(tenant, days=5)

    posting = paid(box, tenant, posting, OUTSIDE)
    assert posting.hold_reason == "mismatch"
    assert times(posting, "posting.recheck_asked") == 0
    lifecycle.keep(posting, actor="Ann", reason="As agreed with the vendor.")
    run_cycle(tenant)

    posting.refresh_from_db()
    assert posting.hold_reason == "changed"
    assert restored(posting.hold_detail["differences"]) == [HELD]


@pytest.mark.parametrize(("before", "after", "held"), [(ACH, OUTSIDE, True), (OUTSIDE, ACH, False)])
def test_the_same_of_an_invoice_that_a_person_typed(start, before, after, held):
    box, tenant = start(bills=12)
    box.ramp.app.edit_bill(next(iter(plain_bills(box))), before)
    posting, plan, number = held_twin(box, tenant)
    edit = (plan.company, plan.vendor_num, number)
    box.epicor.app.edit_invoice(*edit, {"PayHold": held})
    adopt(tenant, posting, actor="Ann")

    posting = paid(box, tenant, posting, after)

    assert posting.hold_reason == "changed"
    assert times(posting, "posting.held") == 2  # as a twin, and now
    assert again(tenant, posting).hold_reason == "changed"
    box.epicor.app.edit_invoice(*edit, {"PayHold": not held})
    assert again(tenant, posting).hold_reason == ""
    assert reprove(tenant, days=5).drifted == []
    run_cycle(tenant)
    posting.refresh_from_db()
    assert (posting.hold_reason, posting.entered_as["pay_hold"]) == ("", not held)


KEPT_WITHOUT_PAYER = [(True, ACH, "paid twice"), (False, OUTSIDE, "never be paid")]


@pytest.mark.parametrize(("setting", "payment", "risk"), KEPT_WITHOUT_PAYER)
def test_a_payment_hold_kept_while_nobody_knew_who_pays_is_asked_about_once_that_is_known(
    ready, setting, payment, risk
):
    box, tenant = ready
    PostingSettings.objects.filter(tenant=tenant).update(pay_hold=setting)
    posting = entered(box, tenant, NOTHING)
    set_in_epicor(box, posting, not setting)
    assert len(reprove(tenant, days=5).drifted) == 1
    posting.refresh_from_db()
    assert posting.hold_reason == "mismatch"
    lifecycle.keep(posting, actor="Ann", reason="So it was agreed.")
    assert reprove(tenant, days=5).drifted == []

    posting = paid(box, tenant, posting, payment)

    assert posting.hold_reason == "changed"
    assert risk in posting.hold_message
    lifecycle.keep(posting, actor="Ann", reason="The payment in Ramp is stopped.")
    run_cycle(tenant)
    posting.refresh_from_db()
    assert posting.hold_reason == ""
    assert reprove(tenant, days=5).drifted == []
    assert held_in_epicor(box, posting) is not setting


def test_what_was_kept_for_a_payment_that_was_taken_back_is_asked_about_when_ramp_pays(ready):
    box, tenant = ready
    posting = paid(box, tenant, entered(box, tenant, OUTSIDE), NOTHING)
    assert posting.hold_reason == "changed"
    lifecycle.keep(posting, actor="Ann", reason="Epicor pays it all the same.")

    posting = paid(box, tenant, posting, ACH)

    assert posting.hold_reason == "changed"
    assert "paid twice" in posting.hold_message
    assert not held_in_epicor(box, posting)
    set_in_epicor(box, posting, True)
    posting = again(tenant, posting)
    assert (posting.hold_reason, "pays" in posting.kept) == ("", False)
    set_in_epicor(box, posting, False)  # what was kept for another payer covers nothing now
    assert len(reprove(tenant, days=5).drifted) == 1


def test_what_was_entered_without_a_draft_is_looked_at_once_it_is_known_who_pays(ready):
    box, tenant = ready
    posting = entered(box, tenant, NOTHING)
    Posting.objects.filter(pk=posting.pk).update(entered_as={}, kept={"changed": []})
    set_in_epicor(box, posting, False)

    posting = paid(box, tenant, posting, ACH)

    assert posting.hold_reason == "mismatch"
    assert restored(posting.hold_detail["differences"]) == [UNHELD]
    assert posting.hold_detail["pays"] == {"payer": "ramp", "hold": True}
    assert times(posting, "posting.recheck_asked") == 1
    lifecycle.keep(posting, actor="Ann", reason="The payment in Ramp is stopped.")
    assert paid(box, tenant, posting, ACH).hold_reason == ""
    assert times(posting, "posting.recheck_asked") == 1
    assert paid(box, tenant, posting, OUTSIDE).hold_reason == ""  # Epicor pays: so it is right
    assert times(posting, "posting.recheck_asked") == 2
    assert posting.entered_as["payer"] == "other"
