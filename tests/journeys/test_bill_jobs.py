"""What people ask for on a bill's page, done by a worker against both stand-ins."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from audit.ledger.models import Posting
from audit.writes.models import Attempt
from connector.actions import bill_jobs
from connector.actions.job_results import result_text
from connector.jobs import queue, runner
from connector.jobs.models import Job
from connector.sync.bills.run import run_cycle
from connector.tenants.models import Tenant
from tests.journeys import truth

pytestmark = pytest.mark.slow


@pytest.fixture
def ready(start) -> Iterator[tuple[Any, Tenant]]:
    return start(bills=12)


def ask(tenant, kind, posting, **arguments):
    """The job, done by a worker."""
    job, _ = queue.request(
        tenant,
        kind,
        title="Something",
        actor="ann",
        arguments=arguments,
        subject=posting.bill_id,
    )
    assert runner.run(job.pk)
    job.refresh_from_db()
    assert job.finished_at is not None
    return job


def entered(tenant):
    return Posting.objects.filter(tenant=tenant, state="confirmed").order_by("pk").first()


def typed_twin(box, tenant):
    """A bill held because a person typed its invoice under another spelling."""
    rows = box.world.expected().items()
    bill_id, plan = next((b, p) for b, p in rows if p.outcome == "entered")
    box.epicor.app.type_invoice(
        plan.company,
        plan.vendor_num,
        f"inv {plan.invoice_num.lower()}.",
        plan.total,
        day=plan.invoice_date + timedelta(days=0),
        apply_day=plan.apply_date,
        currency=plan.currency,
    )
    run_cycle(tenant)
    return Posting.objects.get(tenant=tenant, bill_id=bill_id)


def test_that_one_is_ours_enters_nothing_and_a_second_asking_says_so(ready):
    box, tenant = ready
    posting = typed_twin(box, tenant)
    (twin,) = posting.hold_detail["twins"]
    key = [twin["company"], twin["vendor_num"], twin["invoice_num"]]

    done = ask(tenant, bill_jobs.ADOPT, posting, key=key)

    posting.refresh_from_db()
    assert (done.failed, posting.state, posting.hold_reason) == (False, "entered", "")
    assert "Nothing was entered" in result_text(done)
    assert posting.bill_id not in truth.ledger(box)
    again = ask(tenant, bill_jobs.ADOPT, posting, key=key)
    assert again.failed
    assert "is entered in Epicor already" in result_text(again)


def test_a_removal_is_planned_without_writing_then_carried_out_once(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = entered(tenant)
    before = Attempt.objects.count()

    plan = ask(tenant, bill_jobs.PLAN_REMOVAL, posting, enter_again=True)

    assert (plan.failed, plan.details["refusal"]) == (False, "")
    assert plan.details["invoice"]["invoice_num"] == posting.invoice_num
    assert plan.details["invoice"]["changed"] is False
    assert (Attempt.objects.count(), len(truth.ledger(box)[posting.bill_id])) == (before, 1)

    shown = bill_jobs.shown_by(plan)
    done = ask(
        tenant, bill_jobs.REMOVE, posting, enter_again=True, reason="wrong vendor", shown=shown
    )

    posting.refresh_from_db()
    assert (done.failed, posting.state) == (False, "queued")
    assert "was deleted in Epicor" in result_text(done)
    assert "entered anew" in result_text(done)
    assert posting.bill_id not in truth.ledger(box)
    order = {"enter_again": False, "reason": "once more", "shown": shown}
    again = ask(tenant, bill_jobs.REMOVE, posting, **order)
    assert again.failed
    assert "nothing to remove" in result_text(again)
    run_cycle(tenant)
    assert len(truth.ledger(box)[posting.bill_id]) == 1


def test_what_a_person_deleted_by_hand_is_only_recorded(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = entered(tenant)
    box.epicor.app.delete_invoice(posting.company, posting.vendor_num, posting.invoice_num)
    plan = ask(tenant, bill_jobs.PLAN_REMOVAL, posting, enter_again=False)
    assert plan.details == {"refusal": "", "invoice": None}
    shown = bill_jobs.shown_by(plan)
    done = ask(tenant, bill_jobs.REMOVE, posting, enter_again=False, reason="gone", shown=shown)
    assert "Nothing of bill" in result_text(done)
    posting.refresh_from_db()
    assert posting.state == "removed"


def test_an_invoice_edited_after_the_preview_is_not_removed(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = entered(tenant)
    key = (posting.company, posting.vendor_num, posting.invoice_num)
    plan = ask(tenant, bill_jobs.PLAN_REMOVAL, posting, enter_again=True)
    box.epicor.app.edit_invoice(*key, {"Description": "Checked with the vendor"})

    order = {"enter_again": True, "reason": "wrong vendor", "shown": bill_jobs.shown_by(plan)}
    done = ask(tenant, bill_jobs.REMOVE, posting, **order)

    assert done.failed
    assert "not what you were shown any more" in result_text(done)
    posting.refresh_from_db()
    assert (posting.state, posting.lease_owner) == ("confirmed", "")
    assert len(truth.ledger(box)[posting.bill_id]) == 1
    for shown in ({}, {"key": ["EPIC99", 1, "X"], "revision": 1}):
        assert ask(tenant, bill_jobs.REMOVE, posting, **{**order, "shown": shown}).failed
    unseen = ask(tenant, bill_jobs.REMOVE, posting, enter_again=True, reason="x")
    assert "Nobody looked" in result_text(unseen)
    plan = ask(tenant, bill_jobs.PLAN_REMOVAL, posting, enter_again=True)
    assert plan.details["invoice"]["changed"] is True
    done = ask(tenant, bill_jobs.REMOVE, posting, **{**order, "shown": bill_jobs.shown_by(plan)})
    assert not done.failed


def test_a_posted_invoice_cannot_be_removed_and_the_plan_says_why(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = entered(tenant)
    box.epicor.app.post_group(posting.company, posting.group_id)
    plan = ask(tenant, bill_jobs.PLAN_REMOVAL, posting, enter_again=False)
    assert "posted to the ledger" in plan.details["refusal"]
    assert bill_jobs.shown_by(plan) is None
    done = ask(tenant, bill_jobs.REMOVE, posting, enter_again=False, reason="x", shown={})
    assert done.failed
    posting.refresh_from_db()
    assert posting.state == "confirmed"


def test_a_bill_that_is_gone_is_said(ready):
    _, tenant = ready
    lost = Posting(tenant=tenant, bill_id="never-there")
    kinds = {
        bill_jobs.ADOPT: {"key": ["a", 1, "b"]},
        bill_jobs.PLAN_REMOVAL: {"enter_again": False},
        bill_jobs.REMOVE: {"enter_again": False, "reason": "x"},
    }
    for kind, arguments in kinds.items():
        job = ask(tenant, kind, lost, **arguments)
        assert job.failed
        assert "There is no bill never-there" in result_text(job)
    assert Job.objects.filter(state="failed").count() == 3
