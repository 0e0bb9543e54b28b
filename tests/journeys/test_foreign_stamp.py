"""A directive of Epicor writes over our mark while an invoice is only half saved."""

from typing import Any

import pytest

from audit.ledger.models import Posting
from audit.writes.models import Attempt
from connector.sync.bills.run import run_cycle
from sandbox.epicor.saving import Saver
from tests.journeys.conftest import Start


def test_a_header_whose_mark_was_overwritten_is_entered_with_a_mismatch_and_not_refused(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, tenant = start(bills=4, update_master="named")
    save = Saver._save_head
    monkeypatch.setattr(
        Saver, "_save_head", lambda saver, sent: save(saver, {**sent, "ExternalID": "DIRECTIVE-7"})
    )

    run_cycle(tenant)

    sent = Attempt.objects.filter(tenant=tenant, action="enter_invoice")
    assert {attempt.outcome for attempt in sent} == {Attempt.Outcome.DONE}
    begun = Posting.objects.filter(bill_id__in=sent.values("subject_id"))
    assert begun.exists()
    # It is found by the address of its page, which stands in another column.
    found = {(posting.state, posting.hold_reason) for posting in begun}
    assert found == {(Posting.State.ENTERED, "mismatch")}
    bills: dict[str, dict[str, Any]] = box.ramp.state()["bills"]
    told = {bills[posting.bill_id]["sync_status"] for posting in begun}
    assert told == {"NOT_SYNCED"}  # neither entered nor failed
