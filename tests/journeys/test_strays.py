"""The nightly proof finds our stamp wherever it must not be."""

from typing import Any

import pytest

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from connector.actions.remove import remove
from connector.domain.errors import Hold, Reason
from connector.sync.bills.run import run_cycle
from connector.sync.bills.verify import reprove
from connector.tenants.models import EntityRoute, Tenant
from tests.journeys import truth
from tests.journeys.test_twins import of, plain_bills, type_in
from tests.journeys.test_unsure import now, told

pytestmark = pytest.mark.slow

State = Posting.State


def elsewhere(tenant: Tenant, company: str) -> str:
    routes = EntityRoute.objects.filter(tenant=tenant).exclude(company=company)
    return str(routes.values_list("company", flat=True).first())


def copy_in(box: Any, company: str, bill_id: str) -> None:
    """A late write, or a copy: our stamp in a company."""
    pool = [plan for plan in plain_bills(box).values() if plan.company == company]
    plan = pool[0]
    box.epicor.app.type_invoice(
        company,
        plan.vendor_num,
        f"LATE-{bill_id[:4]}",
        plan.total,
        day=plan.invoice_date,
        apply_day=plan.apply_date,
        currency=plan.currency,
        external_id=bill_id,
    )


def test_a_second_invoice_in_another_company_is_a_finding(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).first()
    assert reprove(tenant, days=5).drifted == []
    copy_in(box, elsewhere(tenant, posting.company), posting.bill_id)

    proof = reprove(tenant, days=5)

    (drift,) = proof.drifted
    assert drift.bill == posting.bill_id
    assert drift.unexplained > 0
    assert "2 invoices carry this bill's stamp" in drift.sentences[0]
    assert now(posting) == (State.CONFIRMED, "mismatch")


def test_an_invoice_that_moved_to_another_company_is_a_finding(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).first()
    number = truth.ledger(box)[posting.bill_id][0]["header"]["InvoiceNum"]
    box.epicor.app.delete_invoice(posting.company, posting.vendor_num, number)
    other = elsewhere(tenant, posting.company)
    copy_in(box, other, posting.bill_id)
    (drift,) = reprove(tenant, days=5).drifted
    assert f"Company is {other}, expected {posting.company}" in drift.sentences


def end(box: Any, tenant: Tenant, posting: Posting, state: str) -> None:
    """The bill is at such an end in our record."""
    if state == "removed":
        remove(tenant, posting, actor="Ann", reason="Wrong.", enter_again=False)
    elif state == "dismissed":
        lifecycle.dismiss(posting, actor="Ann", reason="By hand.")
    elif state == "archived":
        box.ramp.app.archive_bill(posting.bill_id)
        run_cycle(tenant, only_ids=[posting.pk])
        lifecycle.hold(posting, Hold(Reason.ARCHIVED, "It is archived."))
    else:
        lifecycle.hold(posting, Hold(Reason.VENDOR_UNMAPPED, "Map the vendor."))
    posting.refresh_from_db()


@pytest.mark.parametrize("state", ["removed", "dismissed", "archived", "unmapped"])
def test_the_stamp_of_a_bill_that_is_not_entered_is_a_finding(ready, state):
    box, tenant = ready
    bill_id, plan = next(iter(plain_bills(box).items()))
    run_cycle(tenant, dry_run=state != "removed")
    posting = of(tenant, bill_id)
    end(box, tenant, posting, state)
    was = posting.state
    assert reprove(tenant, days=5).drifted == []
    type_in(box, plan, plan.invoice_num, external_id=bill_id)  # a write that arrives hours later

    (drift,) = reprove(tenant, days=5).drifted

    assert (drift.bill, drift.entered) == (bill_id, 0)
    assert drift.live == plan.total
    assert "and in Epicor as" in drift.sentences[0]
    assert now(posting) == (State.ENTERED, "mismatch")
    assert was != posting.state
    assert bool(told(box, posting)) == (state == "removed")  # it was told before it was removed
    # It is shown until a person says what is right; another proof does not take that away.
    reprove(tenant, days=5)
    assert now(posting) == (State.ENTERED, "mismatch")
    remove(tenant, posting, actor="Ann", reason="It must not be there.", enter_again=False)
    assert now(posting) == (State.REMOVED, "")
    assert bill_id not in truth.ledger(box)
    assert reprove(tenant, days=5).drifted == []


def test_a_finding_can_be_kept(ready):
    box, tenant = ready
    bill_id, plan = next(iter(plain_bills(box).items()))
    run_cycle(tenant, dry_run=True)
    posting = of(tenant, bill_id)
    lifecycle.dismiss(posting, actor="Ann", reason="By hand.")
    type_in(box, plan, plan.invoice_num, external_id=bill_id)
    reprove(tenant, days=5)
    posting.refresh_from_db()
    lifecycle.keep(posting, actor="Ann", reason="It is right after all.")
    run_cycle(tenant)
    # Who pays it is known, so it is compared once: in what it differs nobody has seen yet.
    assert now(posting) == (State.ENTERED, "mismatch")
    posting.refresh_from_db()
    assert "Numbering of the lines" in posting.hold_message
    lifecycle.keep(posting, actor="Ann", reason="The total is right.")
    run_cycle(tenant)
    assert now(posting) == (State.CONFIRMED, "")
    assert len(truth.ledger(box)[bill_id]) == 1


def test_a_queued_bill_that_is_there_is_a_finding_and_entered_by_the_next_run(ready):
    _, tenant = ready
    run_cycle(tenant)
    posting = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).first()
    Posting.objects.filter(pk=posting.pk).update(state=State.QUEUED)
    (drift,) = reprove(tenant, days=5).drifted
    assert "It is waiting here, and in Epicor as" in drift.sentences[0]
    assert now(posting) == (State.QUEUED, "")
    run_cycle(tenant)
    assert now(posting)[0] == State.CONFIRMED
    assert reprove(tenant, days=5).drifted == []
