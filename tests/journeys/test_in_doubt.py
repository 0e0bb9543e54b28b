"""While it is not known whether a bill is in Epicor, people and settings change: it always ends."""

from typing import Any

import pytest
from django.utils import timezone

from audit.ledger import invoice_number, lifecycle
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.actions.duplicates import adopt, different
from connector.actions.remove import remove
from connector.domain.errors import HeldError
from connector.sync.bills import look_up
from connector.sync.bills.run import run_cycle
from connector.sync.bills.verify import reprove
from connector.sync.scheduling import _has_retries
from connector.tenants.models import EntityRoute, PostingSettings, Tenant
from mappings.models import VendorMapping
from tests.journeys import truth
from tests.journeys.test_twins import plain_bills, type_in
from tests.journeys.test_unsure import lost, now, there, told, told_failed

pytestmark = pytest.mark.slow

State = Posting.State


def never_arrived(box: Any, tenant: Tenant) -> Posting:
    """A bill whose write never reached Epicor, which nobody knows yet."""
    box.epicor.fail_next("UpdateMaster", "reset_before", times=1)
    run_cycle(tenant)
    return Posting.objects.get(tenant=tenant, state=State.IN_DOUBT)


def looks(tenant: Tenant, later: Any, times: int = 4) -> None:
    """Runs until the look-ups of a doubt are over."""
    for _ in range(times):
        later(minutes=15)
        run_cycle(tenant)


def once(box: Any, posting: Posting) -> None:
    assert len(truth.ledger(box).get(posting.bill_id, [])) == 1


# -- ours is there, and the bill is another one by now ---------------------------------------------


def remap(box: Any, tenant: Tenant, posting: Posting) -> None:
    plan = box.world.expected()[posting.bill_id]
    other = next(
        p.vendor_id
        for p in plain_bills(box).values()
        if p.company == plan.company and p.vendor_num != plan.vendor_num
    )
    VendorMapping.objects.update_or_create(
        tenant=tenant,
        company="",
        ramp_id=posting.vendor_ramp_id,
        defaults={"epicor_id": other, "ramp_name": "x"},
    )


def renumber(box: Any, tenant: Tenant, posting: Posting) -> None:
    box.ramp.app.edit_bill(posting.bill_id, {"invoice_number": "ANOTHER-1"})


def move(box: Any, tenant: Tenant, posting: Posting) -> None:
    """The bill belongs to another company after all."""
    company = box.world.expected()[posting.bill_id].company
    other = EntityRoute.objects.filter(tenant=tenant).exclude(company=company).first()
    box.ramp.app.edit_bill(posting.bill_id, {"entity_id": other.ramp_entity_id})


def reroute(box: Any, tenant: Tenant, posting: Posting) -> None:
    """The entity goes to another company from now on."""
    routes = EntityRoute.objects.filter(tenant=tenant)
    company = box.world.expected()[posting.bill_id].company
    other = routes.exclude(company=company).first()
    routes.filter(company=company).update(company=other.company, site=other.site)


@pytest.mark.parametrize("change", [remap, renumber, move, reroute])
def test_what_is_there_under_its_old_key_is_entered_and_can_be_removed(ready, later, change):
    box, tenant = ready
    posting = lost(box, tenant)
    change(box, tenant, posting)
    was = there(box, posting)

    looks(tenant, later)

    posting.refresh_from_db()
    assert posting.state == State.ENTERED
    assert posting.hold_reason in ("changed", "mismatch"), posting.hold_message
    assert (posting.company, posting.vendor_num) == (was["company"], was["header"]["VendorNum"])
    assert not told(box, posting)
    assert not told_failed(box, posting)
    once(box, posting)
    remove(tenant, posting, actor="Ann", reason="It moved.", enter_again=True)
    assert posting.bill_id not in truth.ledger(box)
    looks(tenant, later)
    assert len(truth.ledger(box).get(posting.bill_id, [])) <= 1
    assert now(posting)[0] in (State.CONFIRMED, State.QUEUED)


def test_an_edit_that_is_undone_ends_the_wait_by_itself(ready, later):
    box, tenant = ready
    posting = lost(box, tenant)
    before = posting.invoice_num
    renumber(box, tenant, posting)
    looks(tenant, later)
    assert now(posting) == (State.ENTERED, "changed")
    box.ramp.app.edit_bill(posting.bill_id, {"invoice_number": before})
    looks(tenant, later)
    assert now(posting) == (State.CONFIRMED, "")
    truth.check(box)


def test_a_second_write_that_may_still_arrive_keeps_it_in_doubt(ready, later):
    """Sent twice under two numbers: the first is there, of the second nobody knows yet."""
    box, tenant = ready
    posting = never_arrived(box, tenant)
    looks(tenant, later, times=2)
    assert now(posting) == (State.QUEUED, "")
    renumber(box, tenant, posting)
    box.epicor.fail_next("UpdateMaster", "late", until_told=True)
    later(minutes=90)
    run_cycle(tenant)
    assert now(posting) == (State.IN_DOUBT, "")
    plan = box.world.expected()[posting.bill_id]
    type_in(box, plan, plan.invoice_num, external_id=posting.bill_id)  # the first one, late

    later(seconds=125)
    lifecycle.replay([posting], actor="Ann")
    Posting.objects.filter(pk=posting.pk).update(not_before=timezone.now())
    run_cycle(tenant)
    assert now(posting) == (State.IN_DOUBT, "")  # the second one may arrive within the minute
    box.epicor.apply_late()
    looks(tenant, later)
    assert now(posting) == (State.ENTERED, "mismatch")
    assert "2 invoices carry this bill's stamp" in posting.hold_message
    assert not told(box, posting)


# -- the stamp -------------------------------------------------------------------------------------


def test_a_stamp_in_the_column_of_before_is_our_stamp(ready, later):
    box, tenant = ready
    posting = lost(box, tenant)
    PostingSettings.objects.filter(tenant=tenant).update(stamp_column="ClaimRef")
    later(minutes=5)
    run_cycle(tenant)
    assert now(posting) == (State.CONFIRMED, "")
    once(box, posting)
    assert reprove(tenant, days=5).drifted == []


def test_an_erased_stamp_does_not_make_ours_a_strangers(ready, later):
    box, tenant = ready
    posting = lost(box, tenant)
    header = there(box, posting)["header"]
    company = there(box, posting)["company"]
    box.epicor.app.edit_invoice(
        company, header["VendorNum"], header["InvoiceNum"], {"ExternalID": ""}
    )
    later(minutes=5)
    run_cycle(tenant)
    assert now(posting) == (State.ENTERED, "mismatch")
    assert "Bill id" in posting.hold_message


def test_of_two_stamped_invoices_one_is_deleted_and_the_bill_goes_on(ready, later):
    box, tenant = ready
    posting = lost(box, tenant)
    plan = box.world.expected()[posting.bill_id]
    type_in(box, plan, "COPY-1", external_id=posting.bill_id)
    looks(tenant, later)
    assert now(posting) == (State.ENTERED, "mismatch")
    assert "2 invoices carry this bill's stamp" in posting.hold_message
    assert posting.invoice_num == plan.invoice_num
    assert not told(box, posting)

    box.epicor.app.delete_invoice(plan.company, plan.vendor_num, "COPY-1")
    lifecycle.replay([posting], actor="Ann")
    run_cycle(tenant)
    assert now(posting) == (State.CONFIRMED, "")
    truth.check(box)


def test_two_posted_invoices_can_be_kept_and_are_not_asked_about_again(ready, later):
    box, tenant = ready
    posting = lost(box, tenant)
    plan = box.world.expected()[posting.bill_id]
    type_in(box, plan, "COPY-1", external_id=posting.bill_id)
    looks(tenant, later)
    posting.refresh_from_db()
    with pytest.raises(HeldError, match="more than one invoice"):
        remove(tenant, posting, actor="Ann", reason="Which one?", enter_again=False)
    lifecycle.keep(posting, actor="Ann", reason="COPY-1 was taken back by a debit memo.")
    looks(tenant, later)
    assert now(posting) == (State.CONFIRMED, "")
    lifecycle.request_recheck([posting], message="Once more.")
    run_cycle(tenant)
    assert now(posting) == (State.CONFIRMED, "")
    assert reprove(tenant, days=5).drifted == []


# -- nothing of ours is there ----------------------------------------------------------------------


@pytest.fixture
def typed(ready, later) -> tuple[Any, Tenant, Posting]:
    """Somebody typed the bill's number while its write was in doubt; ours never arrived."""
    box, tenant = ready
    posting = never_arrived(box, tenant)
    plan = box.world.expected()[posting.bill_id]
    type_in(box, plan, plan.invoice_num)
    later(minutes=5)
    run_cycle(tenant)
    assert now(posting) == (State.IN_DOUBT, "")  # one look-up is not enough
    looks(tenant, later)
    assert now(posting) == (State.QUEUED, "duplicate_suspected")
    assert not Attempt.objects.filter(
        subject_id=posting.bill_id, outcome="unknown", resolved=False
    ).exists()
    return box, tenant, posting


def test_what_was_typed_while_it_was_in_doubt_can_be_ours(typed):
    box, tenant, posting = typed
    adopt(tenant, posting, actor="Ann")
    run_cycle(tenant)
    assert now(posting) == (State.CONFIRMED, "")
    assert posting.bill_id not in truth.ledger(box)


def test_what_was_typed_while_it_was_in_doubt_can_be_another_paper(typed):
    box, tenant, posting = typed
    with pytest.raises(HeldError, match="another number"):
        different(tenant, posting, actor="Ann", reason="Another paper.")
    invoice_number.give(posting, "GIVEN-1", actor="Ann", reason="Another paper.")
    run_cycle(tenant)
    assert now(posting) == (State.QUEUED, "duplicate_suspected")  # the same money on the same day
    different(tenant, posting, actor="Ann", reason="Another paper.")
    run_cycle(tenant)
    assert now(posting) == (State.CONFIRMED, "")
    once(box, posting)


def test_what_was_typed_while_it_was_in_doubt_can_be_the_end_of_it(typed):
    box, tenant, posting = typed
    lifecycle.dismiss(posting, actor="Ann", reason="Typed by hand.")
    run_cycle(tenant)
    assert now(posting) == (State.DISMISSED, "")
    assert posting.bill_id not in truth.ledger(box)


def test_a_number_typed_under_the_key_of_before_can_be_called_different(ready, later):
    box, tenant = ready
    posting = never_arrived(box, tenant)
    plan = box.world.expected()[posting.bill_id]
    renumber(box, tenant, posting)
    type_in(box, plan, plan.invoice_num, shift=-90)
    looks(tenant, later)
    assert now(posting) == (State.QUEUED, "duplicate_suspected")
    different(tenant, posting, actor="Ann", reason="Another paper.")
    run_cycle(tenant)
    assert now(posting) == (State.CONFIRMED, "")
    once(box, posting)


# -- its look-up goes on ---------------------------------------------------------------------------


def test_a_held_doubt_is_looked_up_within_the_hour_by_itself(ready, later, monkeypatch):
    box, tenant = ready
    posting = lost(box, tenant)
    decide = look_up.decide

    def broken(job: Any, *args: Any, **options: Any) -> Any:
        if job.posting.bill_id == posting.bill_id:
            raise KeyError("nobody foresaw it")
        return decide(job, *args, **options)

    monkeypatch.setattr(look_up, "decide", broken)
    for _ in range(3):
        later(minutes=61)
        assert _has_retries(tenant, timezone.now())
        run_cycle(tenant)
        assert now(posting) == (State.IN_DOUBT, "bug")
    held = AuditEntry.objects.filter(action="posting.held", subject_id=posting.bill_id)
    assert held.count() == 1  # that it is still so is no news
    assert not _has_retries(tenant, timezone.now())

    monkeypatch.setattr(look_up, "decide", decide)
    later(minutes=61)
    run_cycle(tenant)
    assert now(posting) == (State.CONFIRMED, "")
    truth.check(box)


def test_a_person_need_not_wait_for_the_look_up_of_a_held_doubt(ready, later, monkeypatch):
    box, tenant = ready
    posting = lost(box, tenant)
    decide = look_up.decide
    monkeypatch.setattr(look_up, "decide", lambda *_, **__: 1 / 0)
    later(minutes=5)
    run_cycle(tenant)
    assert now(posting) == (State.IN_DOUBT, "bug")
    monkeypatch.setattr(look_up, "decide", decide)
    lifecycle.replay([posting], actor="Ann")
    run_cycle(tenant)
    assert now(posting) == (State.CONFIRMED, "")
