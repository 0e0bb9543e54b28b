"""Invoices that people typed by hand: noticed before we write, and what a person says of them."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from audit.trail.verification import verify
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.actions.duplicates import adopt, different
from connector.domain.difference import Difference
from connector.domain.errors import HeldError, TransientError
from connector.management.base import CommandProblem, actor
from connector.management.commands import twins
from connector.sync.bills.duplicate_list import DuplicateList, list_duplicates
from connector.sync.bills.run import run_cycle
from connector.sync.bills.verify import reprove
from connector.sync.models import Bill
from connector.tenants.models import PostingSettings, Tenant
from mappings.models import InvoiceWindow, TargetInvoice, VendorMapping
from tests.journeys import truth

pytestmark = pytest.mark.slow

State = Posting.State
Ready = tuple[Any, Tenant]


@pytest.fixture
def ready(start) -> Iterator[Ready]:
    """Twelve bills, nothing entered yet, no invoice of Epicor read yet."""
    return start(bills=12)


def plain_bills(box):
    """What is planned for the bills that can simply be entered, by bill id."""
    rows = box.world.expected().items()
    return {bill_id: plan for bill_id, plan in rows if plan.outcome == "entered"}


def chosen(box, *, number=0):
    """One of the bills that can simply be entered: its id and its plan."""
    return list(plain_bills(box).items())[number]


def type_in(box, plan, number, *, total=None, shift=0, **given):
    """A person types the bill into Epicor, under this number."""
    day = plan.invoice_date + timedelta(days=shift)
    amount = plan.total if total is None else total
    given = {"apply_day": plan.apply_date, "currency": plan.currency, **given}
    return box.epicor.app.type_invoice(
        plan.company, plan.vendor_num, number, amount, day=day, **given
    )


def of(tenant, bill_id):
    return Posting.objects.get(tenant=tenant, bill_id=bill_id)


def entered_times(box, bill_id):
    return len(truth.ledger(box).get(bill_id, []))


def held_twin(box, tenant, number="", **given):
    """A bill held because of a typed twin: its posting, its plan, the number typed."""
    bill_id, plan = chosen(box)
    number = number or f"inv {plan.invoice_num.lower()}."
    type_in(box, plan, number, **given)
    run_cycle(tenant)
    posting = of(tenant, bill_id)
    assert posting.hold_reason == "duplicate_suspected", posting.hold_message
    return posting, plan, number


# -- noticing --------------------------------------------------------------------------------------


def test_another_spelling_of_the_number_is_noticed_before_anything_is_written(ready):
    box, tenant = ready

    posting, plan, number = held_twin(box, tenant, total=Decimal("5.00"), shift=-60)

    assert posting.state == State.QUEUED
    assert entered_times(box, posting.bill_id) == 0
    assert not Attempt.objects.filter(subject_id=posting.bill_id, subject_kind="posting").exists()
    (twin,) = posting.hold_detail["twins"]
    assert twin["invoice_num"] == number
    assert (twin["company"], twin["vendor_num"]) == (plan.company, plan.vendor_num)
    assert (twin["entry_person"], twin["group_id"], twin["posted"]) == ("jsmith", "HAND01", False)
    assert (twin["same_key"], twin["currency"]) == (False, plan.currency)
    assert Decimal(twin["total"]) == 5
    for fact in (number, "5", "jsmith", "HAND01", "not posted", plan.invoice_num):
        assert fact in posting.hold_message
    assert "say that it is ours, or that it is different" in posting.hold_message


def test_the_same_money_within_a_week_is_noticed(ready):
    box, tenant = ready
    held_twin(box, tenant, "QUITE-ANOTHER", shift=-7)


def test_the_same_money_a_day_later_than_a_week_is_another_invoice(ready):
    box, tenant = ready
    _, plan = chosen(box)
    type_in(box, plan, "QUITE-ANOTHER", shift=-8)
    run_cycle(tenant)
    truth.check(box)


def test_the_very_same_number_shows_the_same_facts(ready):
    box, tenant = ready
    bill_id, plan = chosen(box)
    type_in(box, plan, plan.invoice_num)

    run_cycle(tenant)

    posting = of(tenant, bill_id)
    assert posting.hold_reason == "duplicate_suspected"
    (twin,) = posting.hold_detail["twins"]
    assert (twin["invoice_num"], twin["same_key"]) == (plan.invoice_num, True)
    assert "jsmith" in posting.hold_message


def test_what_was_deleted_meanwhile_is_forgotten_and_the_bill_entered(ready):
    box, tenant = ready
    posting, plan, number = held_twin(box, tenant)
    box.epicor.app.delete_invoice(plan.company, plan.vendor_num, number)
    assert TargetInvoice.objects.filter(invoice_num=number).exists()
    lifecycle.replay([posting], actor="clerk")

    run_cycle(tenant, only_ids=[posting.pk])

    assert not TargetInvoice.objects.filter(invoice_num=number).exists()
    truth.check(box)


def test_what_was_corrected_meanwhile_is_compared_as_it_is_now(ready):
    box, tenant = ready
    posting, plan, _ = held_twin(box, tenant, "QUITE-ANOTHER")
    box.epicor.app.edit_invoice(
        plan.company, plan.vendor_num, "QUITE-ANOTHER", {"DocInvoiceVendorAmt": plan.total + 1}
    )
    lifecycle.replay([posting], actor="clerk")

    run_cycle(tenant, only_ids=[posting.pk])

    assert entered_times(box, posting.bill_id) == 1


def test_invoices_entered_by_us_are_no_duplicates(ready):
    box, tenant = ready
    (bill_id, plan), (other_id, _) = list(plain_bills(box).items())[:2]
    type_in(box, plan, "OF-ANOTHER-BILL", external_id=other_id)
    run_cycle(tenant, dry_run=True)  # the other bill is known; nothing is entered yet
    Posting.objects.filter(bill_id=other_id).update(not_before=timezone.now() + timedelta(days=9))

    run_cycle(tenant)

    assert of(tenant, bill_id).state == State.CONFIRMED


def test_the_mirror_is_read_once_a_run_and_not_at_all_when_nothing_is_entered(ready):
    _box, tenant = ready
    run_cycle(tenant)
    windows = InvoiceWindow.objects.filter(tenant=tenant)
    read = {row.company: row.read_at for row in windows}
    assert read
    windows.update(read_at=timezone.now() - timedelta(hours=1))

    idle = run_cycle(tenant)

    assert idle.calls["epicor"] == 0
    assert max(row.read_at for row in windows.all()) < timezone.now() - timedelta(minutes=30)


def test_what_is_typed_between_two_runs_is_noticed(ready):
    box, tenant = ready
    bill_id, plan = chosen(box)
    run_cycle(tenant, dry_run=True)
    held = of(tenant, bill_id)
    Posting.objects.filter(pk=held.pk).update(not_before=timezone.now() + timedelta(days=9))
    run_cycle(tenant)
    type_in(box, plan, "TYPED-LATER")
    InvoiceWindow.objects.update(read_at=timezone.now() - timedelta(minutes=6))
    Posting.objects.filter(pk=held.pk).update(not_before=None)

    run_cycle(tenant)

    assert of(tenant, bill_id).hold_reason == "duplicate_suspected"


# -- "that one is ours" ----------------------------------------------------------------------------


def test_an_adopted_invoice_is_entered_and_confirmed_and_epicor_is_not_touched(ready):
    box, tenant = ready
    posting, plan, number = held_twin(box, tenant)
    before = box.epicor.state()["invoices"]

    adopt(tenant, posting, actor="Ann")

    assert box.epicor.state()["invoices"] == before
    assert (posting.state, posting.hold_reason, posting.lease_owner) == (State.ENTERED, "", "")
    assert posting.adopted
    assert (posting.company, posting.vendor_num) == (plan.company, plan.vendor_num)
    assert (posting.invoice_num, posting.group_id) == (number, "HAND01")
    assert posting.entered_as == {
        "adopted": True,
        "company": plan.company,
        "vendor_num": plan.vendor_num,
        "invoice_num": number,
        "total": str(plan.total),
        "currency_code": plan.currency,
        "pay_hold": True,
        "payer": "ramp",
    }
    entry = AuditEntry.objects.get(action="posting.entered", subject_id=posting.bill_id)
    assert entry.actor == "Ann"
    assert entry.body["adopted"] is True
    assert verify(tenant.pk).ok

    summary = run_cycle(tenant)

    assert (summary.entered, summary.confirmed) == (0, 1)
    assert of(tenant, posting.bill_id).state == State.CONFIRMED
    assert entered_times(box, posting.bill_id) == 0


def test_an_adopted_invoice_is_verified_again_without_complaint(ready):
    box, tenant = ready
    posting, plan, number = held_twin(box, tenant)
    box.epicor.app.edit_invoice(plan.company, plan.vendor_num, number, {"PayHold": True})
    assert adopt(tenant, posting, actor="Ann") == ""
    run_cycle(tenant)
    posting.refresh_from_db()
    lifecycle.request_recheck([posting], message="prove it")

    run_cycle(tenant)

    posting.refresh_from_db()
    assert (posting.state, posting.hold_reason) == (State.CONFIRMED, "")
    assert posting.adopted
    box.epicor.app.edit_invoice(
        plan.company, plan.vendor_num, number, {"DocInvoiceVendorAmt": plan.total + 1}
    )
    lifecycle.request_recheck([posting], message="prove it")
    run_cycle(tenant)
    posting.refresh_from_db()
    assert posting.hold_reason == "mismatch"


def test_an_adopted_invoice_without_payment_hold_is_told_and_held_until_it_has_one(ready):
    box, tenant = ready
    posting, plan, number = held_twin(box, tenant)
    assert posting.hold_detail["twins"][0]["may_be_paid"] is True
    assert "no payment hold" in posting.hold_message

    assert "no payment hold in Epicor; set it there" in adopt(tenant, posting, actor="Ann")

    entry = AuditEntry.objects.get(action="posting.entered", subject_id=posting.bill_id)
    assert entry.body["pay_hold"] is False
    (drift,) = reprove(tenant, days=1).drifted
    assert (drift.bill, drift.differences) == (
        posting.bill_id,
        [Difference("pay_hold", expected=True, actual=False)],
    )
    assert of(tenant, posting.bill_id).hold_reason == "mismatch"
    box.epicor.app.edit_invoice(plan.company, plan.vendor_num, number, {"PayHold": True})
    assert reprove(tenant, days=1).drifted == []
    assert of(tenant, posting.bill_id).hold_reason == ""


def test_where_epicor_pays_the_bills_no_payment_hold_is_missed(ready):
    box, tenant = ready
    PostingSettings.objects.filter(tenant=tenant).update(pay_hold=False)
    box.ramp.app.edit_bill(chosen(box)[0], {"payment": None})
    posting, _, _ = held_twin(box, tenant)
    assert posting.hold_detail["twins"][0]["may_be_paid"] is False
    assert adopt(tenant, posting, actor="Ann") == ""
    assert reprove(tenant, days=1).drifted == []


def test_a_posted_invoice_can_be_adopted(ready):
    box, tenant = ready
    posting, plan, _ = held_twin(box, tenant)
    box.epicor.app.post_group(plan.company, "HAND01")
    adopt(tenant, posting, actor="Ann")
    assert posting.state == State.ENTERED


def test_an_unsuspected_invoice_is_adopted_by_its_number(ready):
    box, tenant = ready
    bill_id, plan = chosen(box)
    run_cycle(tenant, dry_run=True)
    type_in(box, plan, "STRANGE", shift=-90)
    posting = of(tenant, bill_id)

    adopt(tenant, posting, actor="Ann", number=" strange ")

    assert (posting.state, posting.invoice_num) == (State.ENTERED, "STRANGE")


def test_a_bill_that_ramp_marked_as_synced_can_be_adopted(ready):
    box, tenant = ready
    posting, _, _ = held_twin(box, tenant)
    box.ramp.app.edit_bill(posting.bill_id, {"sync_status": "BILL_SYNCED"})
    adopt(tenant, posting, actor="Ann")
    assert posting.state == State.ENTERED


def refused(box, tenant, posting, match, **given):
    """Adopting is refused with these words and leaves the posting exactly as it was."""
    columns = [f.name for f in Posting._meta.fields if f.name != "updated_at"]
    before = Posting.objects.filter(pk=posting.pk).values(*columns).get()
    with pytest.raises(HeldError, match=match):
        adopt(tenant, posting, actor="Ann", **given)
    assert Posting.objects.filter(pk=posting.pk).values(*columns).get() == before


def test_an_invoice_over_another_total_is_not_adopted(ready):
    box, tenant = ready
    posting, _, _ = held_twin(box, tenant, total=Decimal("5.00"))
    refused(box, tenant, posting, r"Invoice total is 5\b.*Correct it in Epicor first")


def test_an_invoice_in_another_currency_is_not_adopted(ready):
    box, tenant = ready
    _bill_id, plan = chosen(box)
    currency = "EUR" if plan.currency != "EUR" else "USD"
    posting, _, _ = held_twin(box, tenant, currency=currency)
    refused(box, tenant, posting, "Currency is")


def test_an_invoice_of_another_vendor_is_not_adopted(ready):
    box, tenant = ready
    posting, plan, _number = held_twin(box, tenant)
    others = [p for p in plain_bills(box).values() if p.company == plan.company]
    other = next(p for p in others if p.vendor_num != plan.vendor_num)
    code = next(
        row["VendorID"]
        for row in box.epicor.app.store.table(plan.company, "Vendor").rows.values()
        if row["VendorNum"] == other.vendor_num
    )
    VendorMapping.objects.update_or_create(
        tenant=tenant,
        company=plan.company,
        ramp_id=posting.vendor_ramp_id,
        defaults={"epicor_id": code},
    )
    refused(box, tenant, posting, "is coded to vendor")


def test_an_invoice_that_is_gone_is_not_adopted(ready):
    box, tenant = ready
    posting, plan, number = held_twin(box, tenant)
    box.epicor.app.delete_invoice(plan.company, plan.vendor_num, number)
    refused(box, tenant, posting, "has no invoice")
    assert not TargetInvoice.objects.filter(invoice_num=number).exists()


def test_the_invoice_of_another_bill_is_not_adopted(ready):
    box, tenant = ready
    posting, plan, number = held_twin(box, tenant)
    other = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).first()
    assert other is not None
    edited = {"ExternalID": other.bill_id}
    box.epicor.app.edit_invoice(plan.company, plan.vendor_num, number, edited)
    refused(box, tenant, posting, f"is bill {other.bill_id} already")
    box.epicor.app.edit_invoice(plan.company, plan.vendor_num, number, {"ExternalID": ""})
    Posting.objects.filter(pk=other.pk).update(
        company=plan.company, vendor_num=plan.vendor_num, invoice_num=number.upper()
    )
    refused(box, tenant, posting, f"is bill {other.bill_id} already")


def test_adopting_the_invoice_of_another_bill_asks_for_no_correction(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting, other = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).order_by(
        "company", "vendor_num", "pk"
    )[:2]
    Posting.objects.filter(pk=posting.pk).update(state=State.QUEUED, vendor_num=None)
    box.epicor.app.delete_invoice(posting.company, posting.vendor_num, posting.invoice_num)
    posting.refresh_from_db()
    assert posting.amount != other.amount
    key = (other.company, other.vendor_num, other.invoice_num)
    refused(box, tenant, posting, f"is bill {other.bill_id} already", key=key)


def test_nothing_is_adopted_beside_an_invoice_of_our_own(ready):
    box, tenant = ready
    posting, plan, _number = held_twin(box, tenant)
    type_in(box, plan, "OWN-1", external_id=posting.bill_id)
    refused(box, tenant, posting, "We entered bill .* ourselves as .* invoice OWN-1")


def test_nothing_is_adopted_while_a_write_may_still_arrive(ready):
    box, tenant = ready
    posting, plan, _number = held_twin(box, tenant)
    attempt = attempts.begin(
        tenant.pk,
        "posting",
        posting.bill_id,
        "enter_invoice",
        request={},
        key=(plan.company, plan.vendor_num, plan.invoice_num),
        deadline_at=timezone.now(),
    )
    refused(box, tenant, posting, "has no answer from Epicor yet")
    Attempt.objects.filter(pk=attempt.pk).update(deadline_at=timezone.now() - timedelta(hours=1))

    adopt(tenant, posting, actor="Ann")

    attempt.refresh_from_db()
    assert (posting.state, attempt.resolved) == (State.ENTERED, True)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"archived_at": "2026-11-20T00:00:00+00:00"}, "archived"),
        ({"approval_status": "PENDING"}, "not approved"),
        ({"enable_accounting_sync": False}, "excluded"),
        ({"vendor": {"id": "nobody", "name": "Nobody", "remote_id": None}}, "cannot be compared"),
    ],
)
def test_a_bill_that_ramp_or_the_mappings_stop_is_not_adopted(ready, change, match):
    box, tenant = ready
    posting, _, _ = held_twin(box, tenant)
    box.ramp.app.edit_bill(posting.bill_id, change)
    refused(box, tenant, posting, match)


def test_an_answer_needs_to_say_which_of_several(ready):
    box, tenant = ready
    _bill_id, plan = chosen(box)
    type_in(box, plan, "FIRST")
    posting, _, _ = held_twin(box, tenant, "SECOND", shift=1)
    assert len(posting.hold_detail["twins"]) == 2
    refused(box, tenant, posting, "Its hold names FIRST, SECOND")

    third = (plan.company, plan.vendor_num, "THIRD")
    refused(box, tenant, posting, "has no invoice THIRD", key=third)

    adopt(tenant, posting, actor="Ann", number=" second")

    assert posting.invoice_num == "SECOND"


def test_without_a_suspicion_the_number_must_be_said(ready):
    box, tenant = ready
    bill_id, _ = chosen(box)
    run_cycle(tenant, dry_run=True)
    refused(box, tenant, of(tenant, bill_id), "Its hold names none")


def test_what_is_entered_dismissed_or_in_doubt_is_not_adopted(ready):
    box, tenant = ready
    posting, _, _ = held_twin(box, tenant)
    for state in (State.IN_FLIGHT, State.IN_DOUBT, State.CONFIRMED, State.DISMISSED, State.REMOVED):
        Posting.objects.filter(pk=posting.pk).update(state=state)
        refused(box, tenant, posting, "Nothing was changed")
        with pytest.raises(HeldError, match="Nothing was changed"):
            different(tenant, posting, actor="Ann", reason="Because")


def test_an_answer_that_epicor_interrupts_leaves_the_bill_as_it_was(ready):
    box, tenant = ready
    posting, _, _ = held_twin(box, tenant)
    box.epicor.fail_next("APInvoiceSvc/GetRows", "status", times=9, status=503, body={})
    before = Posting.objects.filter(pk=posting.pk).values("state", "hold_reason", "lease_owner")
    wanted = before.get()

    with pytest.raises(TransientError):
        adopt(tenant, posting, actor="Ann")

    assert (
        before.get()
        == wanted
        == {
            "state": State.QUEUED,
            "hold_reason": "duplicate_suspected",
            "lease_owner": "",
        }
    )


def test_a_bill_that_is_entered_just_before_it_is_taken_stays_entered(ready, monkeypatch):
    box, tenant = ready
    posting, _, _ = held_twin(box, tenant)
    real = lifecycle.take

    def late(taken, **given):
        Posting.objects.filter(pk=taken.pk).update(state=State.CONFIRMED)
        real(taken, **given)

    monkeypatch.setattr(lifecycle, "take", late)

    with pytest.raises(HeldError, match="is entered in Epicor already"):
        adopt(tenant, posting, actor="Ann")

    posting.refresh_from_db()
    assert (posting.state, posting.lease_owner) == (State.CONFIRMED, "")
    assert posting.hold_reason == "duplicate_suspected"


def test_a_second_answer_to_a_settled_suspicion_is_refused(ready):
    box, tenant = ready
    posting, _, number = held_twin(box, tenant)
    different(tenant, of(tenant, posting.bill_id), actor="Bob", reason="Two deliveries")
    with pytest.raises(HeldError, match="Somebody answered"):
        adopt(tenant, posting, actor="Ann", number=number)
    posting.refresh_from_db()
    assert (posting.state, posting.lease_owner) == (State.QUEUED, "")
    adopt(tenant, posting, actor="Ann", number=number)  # she knows of it now
    assert posting.state == State.ENTERED


# -- "it is a different one" -----------------------------------------------------------------------


def test_a_different_invoice_is_never_suspected_again(ready):
    box, tenant = ready
    posting, plan, number = held_twin(box, tenant)

    different(tenant, posting, actor="Ann", reason="Two deliveries")

    assert (posting.state, posting.hold_reason) == (State.QUEUED, "")
    assert posting.twins_cleared == [[plan.company, plan.vendor_num, number]]
    entry = AuditEntry.objects.get(action="posting.twins_cleared")
    assert (entry.actor, entry.body["reason"]) == ("Ann", "Two deliveries")

    run_cycle(tenant)

    assert entered_times(box, posting.bill_id) == 1
    assert of(tenant, posting.bill_id).state == State.CONFIRMED


def test_a_second_duplicate_is_suspected_after_the_first_was_cleared(ready):
    box, tenant = ready
    posting, plan, _number = held_twin(box, tenant)
    different(tenant, posting, actor="Ann", reason="Two deliveries")
    type_in(box, plan, "ANOTHER-ONE")
    InvoiceWindow.objects.update(read_at=timezone.now() - timedelta(hours=1))

    run_cycle(tenant)

    posting.refresh_from_db()
    assert [twin["invoice_num"] for twin in posting.hold_detail["twins"]] == ["ANOTHER-ONE"]


def test_the_very_same_number_is_never_different(ready):
    box, tenant = ready
    bill_id, plan = chosen(box)
    type_in(box, plan, plan.invoice_num.lower())
    run_cycle(tenant)
    posting = of(tenant, bill_id)

    with pytest.raises(HeldError, match="another number, here or in Ramp"):
        different(tenant, posting, actor="Ann", reason="Two deliveries")

    posting.refresh_from_db()
    assert posting.hold_reason == "duplicate_suspected"
    box.ramp.app.edit_bill(bill_id, {"invoice_number": f"{plan.invoice_num}-B"})
    type_in(box, plan, "NOISE", total=Decimal(7))
    run_cycle(tenant)
    posting.refresh_from_db()  # another number, the same money: now it can be different
    assert [twin["same_key"] for twin in posting.hold_detail["twins"]] == [False]
    different(tenant, posting, actor="Ann", reason="Two deliveries")
    run_cycle(tenant)
    assert entered_times(box, bill_id) == 1


def test_different_needs_a_reason_and_something_suspected(ready):
    box, tenant = ready
    posting, _, _ = held_twin(box, tenant)
    with pytest.raises(HeldError, match="Say why"):
        different(tenant, posting, actor="Ann", reason=" ")
    Posting.objects.filter(pk=posting.pk).update(hold_detail={})
    refused(box, tenant, of(tenant, posting.bill_id), "Its hold names none")
    with pytest.raises(HeldError, match="does not wait because of"):
        different(tenant, of(tenant, posting.bill_id), actor="Ann", reason="Two deliveries")


def test_only_invoices_that_the_person_saw_are_different(ready):
    box, tenant = ready
    posting, plan, number = held_twin(box, tenant)
    seen = of(tenant, posting.bill_id)
    type_in(box, plan, "NOBODY-SAW")  # and a run holds the bill with both meanwhile
    InvoiceWindow.objects.update(read_at=timezone.now() - timedelta(hours=1))
    lifecycle.replay([posting], actor="clerk")
    run_cycle(tenant)
    names = [twin["invoice_num"] for twin in of(tenant, posting.bill_id).hold_detail["twins"]]
    assert sorted(names) == sorted([number, "NOBODY-SAW"])

    with pytest.raises(lifecycle.LostLeaseError, match="not marked as different"):
        different(tenant, seen, actor="Ann", reason="Two deliveries")

    now = of(tenant, posting.bill_id)
    assert (now.twins_cleared, now.hold_reason) == ([], "duplicate_suspected")
    run_cycle(tenant)
    assert entered_times(box, posting.bill_id) == 0


# -- two at once -----------------------------------------------------------------------------------


def together(*works):
    """Runs them at the same moment in threads; what each returned or raised."""
    start = Barrier(len(works))

    def run(work):
        try:
            connection.ensure_connection()
            start.wait(timeout=30)
            return work()
        except (HeldError, lifecycle.LostLeaseError) as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(timeout=120) for future in [pool.submit(run, w) for w in works]]


def test_of_two_answers_at_once_one_counts(ready):
    box, tenant = ready
    posting, _, _ = held_twin(box, tenant)

    answers = together(
        lambda: adopt(tenant, of(tenant, posting.bill_id), actor="Ann"),
        lambda: different(tenant, of(tenant, posting.bill_id), actor="Bob", reason="Other"),
        lambda: adopt(tenant, of(tenant, posting.bill_id), actor="Cleo"),
    )

    assert sum(not isinstance(answer, Exception) for answer in answers) == 1, answers
    posting.refresh_from_db()
    assert posting.lease_owner == ""
    assert (posting.state == State.ENTERED) != bool(posting.twins_cleared)


def test_one_invoice_is_adopted_by_one_of_two_bills(ready):
    box, tenant = ready
    (first, plan), (second, _) = [
        pair for pair in plain_bills(box).items() if pair[1].company == "EPIC06"
    ][:2]
    payload = next(row for row in box.world.ramp["bills"] if row["id"] == first)
    same = ("vendor", "amount", "line_items", "inventory_line_items", "entity_id", "issued_at")
    box.ramp.app.edit_bill(
        second, {**{name: payload[name] for name in same}, "invoice_number": "SECOND-NUMBER"}
    )
    type_in(box, plan, "TYPED-ONCE")
    run_cycle(tenant)
    both = [of(tenant, first), of(tenant, second)]
    assert [p.hold_reason for p in both] == ["duplicate_suspected"] * 2, [
        p.hold_message for p in both
    ]

    answers = together(*(lambda p=p: adopt(tenant, p, actor="Ann") for p in both))

    assert sum(not isinstance(answer, Exception) for answer in answers) == 1, answers
    states = sorted(of(tenant, bill_id).state for bill_id in (first, second))
    assert states == [State.ENTERED, State.QUEUED]


# -- the command and the list ----------------------------------------------------------------------


def command(capsys, *args):
    """Run `twins … --json`; returns the document."""
    capsys.readouterr()
    call_command("twins", *args, "--json")
    return json.loads(capsys.readouterr().out)


def test_the_list_before_going_live_shows_duplicates_and_holds_nothing(ready, capsys, monkeypatch):
    monkeypatch.setattr("connector.sync.bills.duplicate_list.AT_ONCE", 5)
    box, tenant = ready
    bill_id, plan = chosen(box)
    type_in(box, plan, "TYPED-BEFORE")
    run_cycle(tenant, dry_run=True)
    PostingSettings.objects.filter(tenant=tenant).update(start_date=plan.invoice_date)

    document = command(capsys, tenant.slug)

    items = {item["bill"]: item for item in document["items"]}
    assert document["count"] == len(items)
    assert document["compared"] >= len(plain_bills(box))
    item = items[bill_id]
    assert item["number"] == plan.invoice_num
    assert Decimal(item["amount"]) == plan.total
    assert item["currency"] == plan.currency
    assert [twin["invoice_num"] for twin in item["twins"]] == ["TYPED-BEFORE"]
    assert not Posting.objects.exclude(hold_reason="").exists()
    assert set(Posting.objects.values_list("state", flat=True)) == {State.QUEUED}
    assert item["twins"][0]["may_be_paid"] is True
    call_command("twins", tenant.slug)
    told = capsys.readouterr().out
    assert "TYPED-BEFORE" in told
    assert "no payment hold" in told
    assert f"{document['compared']} bills compared" in told


def test_before_any_bill_was_read_the_list_gives_no_all_clear(ready):
    _, tenant = ready
    with pytest.raises(CommandProblem, match=f"No bill was read yet.*sync {tenant.slug} --dry-run"):
        call_command("twins", tenant.slug)
    assert not InvoiceWindow.objects.exists()


def test_what_cannot_be_coded_is_counted_as_not_compared(ready, capsys):
    box, tenant = ready
    run_cycle(tenant, dry_run=True)
    before = list_duplicates(tenant)
    bill_id, _ = chosen(box)
    vendor = of(tenant, bill_id).vendor_ramp_id
    same = Posting.objects.filter(vendor_ramp_id=vendor).count()
    VendorMapping.objects.filter(tenant=tenant, ramp_id=vendor).delete()
    box.ramp.app.edit_bill(bill_id, {"vendor": {"id": vendor, "name": "X", "remote_id": None}})
    Bill.objects.filter(bill_id=bill_id).delete()  # not mirrored any more

    found = list_duplicates(tenant)

    assert (found.items, found.compared) == ([], before.compared - same)
    assert found.left_out == before.left_out + same
    document = command(capsys, tenant.slug)
    assert (document["count"], document["not_compared"]) == (0, found.left_out)
    call_command("twins", tenant.slug)
    told = capsys.readouterr().out
    assert "None of these looks like an invoice in Epicor, or like another bill." in told
    assert "could not be compared yet" in told
    assert exit_code(tenant.slug) == 1


def exit_code(*args):
    """How `twins …` ends."""
    asked = twins.Command()
    call_command(asked, *args)
    return asked.exit_code


def test_bills_before_the_start_date_are_not_compared(ready):
    box, tenant = ready
    run_cycle(tenant, dry_run=True)
    _, plan = chosen(box)
    type_in(box, plan, "TYPED-BEFORE")
    assert len(list_duplicates(tenant).items) == 1
    PostingSettings.objects.filter(tenant=tenant).update(start_date=date(2030, 1, 1))
    assert list_duplicates(tenant) == DuplicateList()


def test_the_list_asks_nothing_when_no_bill_waits(ready, capsys):
    _, tenant = ready
    run_cycle(tenant, dry_run=True)
    Posting.objects.update(state=State.DISMISSED)
    assert list_duplicates(tenant) == DuplicateList()
    assert not InvoiceWindow.objects.exists()
    call_command("twins", tenant.slug)
    assert "0 bills compared" in capsys.readouterr().out
    assert exit_code(tenant.slug) == 0


def test_the_command_carries_out_answers(ready, capsys):
    box, tenant = ready
    posting, _plan, number = held_twin(box, tenant)
    with pytest.raises(CommandProblem, match="Say why"):
        call_command("twins", tenant.slug, posting.bill_id, "--different")
    document = command(
        capsys, tenant.slug, posting.bill_id, "--different", "--reason", "Two deliveries"
    )
    assert document == {"bill": posting.bill_id, "state": "queued", "to_do": ""}
    with pytest.raises(CommandProblem, match="--invoice has no meaning"):
        call_command("twins", tenant.slug, posting.bill_id, "--different", "--invoice", number)

    why = ("--reason", "Jane compared the paper")
    document = command(capsys, tenant.slug, posting.bill_id, "--ours", "--invoice", number, *why)

    assert (document["bill"], document["state"]) == (posting.bill_id, "entered")
    assert "no payment hold" in document["to_do"]
    entry = AuditEntry.objects.get(action="posting.entered", subject_id=posting.bill_id)
    assert entry.body["reason"] == "Jane compared the paper"
    assert entry.actor == actor()
    alone = ([posting.bill_id], ["--ours"], ["--invoice", number], why, [posting.bill_id, *why])
    for args in alone:
        with pytest.raises(CommandProblem, match="An answer needs both"):
            call_command("twins", tenant.slug, *args)
    with pytest.raises(CommandProblem, match="entered in Epicor already"):
        call_command("twins", tenant.slug, posting.bill_id, "--ours")


def test_the_command_says_so_when_somebody_works_on_the_bill(ready):
    box, tenant = ready
    posting, _, _ = held_twin(box, tenant)
    now = timezone.now()
    Posting.objects.filter(pk=posting.pk).update(
        lease_owner="somebody", lease_until=now + timedelta(minutes=5)
    )
    with pytest.raises(CommandProblem, match="Nothing was changed"):
        call_command("twins", tenant.slug, posting.bill_id, "--ours")
