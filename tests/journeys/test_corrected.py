"""What was only found in Epicor, and corrected there by a person, is never written over."""

from typing import Any

import pytest

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from connector.sync.bills.run import run_cycle
from connector.tenants.models import Tenant
from tests.journeys import truth
from tests.journeys.backup import Backup
from tests.journeys.test_twins import of, plain_bills

pytestmark = pytest.mark.slow

State = Posting.State
CORRECTED = "2026-12-30T00:00:00"
EDITED = "2026-12-24T00:00:00+00:00"


def correct(box: Any, plan: Any, bill_id: str) -> None:
    """A person gives the invoice another due date."""
    number = truth.ledger(box)[bill_id][0]["header"]["InvoiceNum"]
    box.epicor.app.edit_invoice(plan.company, plan.vendor_num, number, {"DueDate": CORRECTED})


def found(box: Any, tenant: Tenant, bill_id: str, how: str, first: Any, later: Any) -> Posting:
    """Our record learns of the invoice only by looking; `first` happens before it does."""
    backup = Backup()
    if how == "number":
        box.epicor.fail_next("UpdateMaster", "reset_after", times=40)
    run_cycle(tenant)
    box.epicor.clear_faults()
    first()
    if how == "stamp":
        backup.put_back()
    for _ in range(3):
        later(minutes=15)
        run_cycle(tenant)
    posting = of(tenant, bill_id)
    assert posting.in_epicor
    return posting


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("how", ["number", "stamp"])
def test_an_edit_in_ramp_does_not_write_over_it(ready, later, how, before):
    box, tenant = ready
    bill_id, plan = next(iter(plain_bills(box).items()))

    def person() -> None:
        correct(box, plan, bill_id)

    posting = found(box, tenant, bill_id, how, person if before else lambda: None, later)
    if before:
        assert posting.hold_reason == "mismatch"
        assert posting.sys_rev_id is None  # not remembered as ours
    else:
        person()
    there = truth.ledger(box)[bill_id]
    box.epicor.reset_calls()

    run_cycle(tenant)
    lifecycle.replay([posting], actor="Ann")
    run_cycle(tenant)
    box.ramp.app.edit_bill(bill_id, {"due_at": EDITED})
    for _ in range(2):
        run_cycle(tenant)
    posting.refresh_from_db()
    assert posting.hold_reason == "changed"
    lifecycle.replay([posting], actor="Ann")
    run_cycle(tenant)

    posting.refresh_from_db()
    assert posting.hold_reason == "changed"
    assert truth.ledger(box)[bill_id] == there
    assert there[0]["header"]["DueDate"] == CORRECTED
    assert len(truth.ledger(box)[bill_id]) == 1
