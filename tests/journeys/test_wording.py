"""Words are for people: with every sentence another one, no fact and no hold changes."""

from dataclasses import replace
from typing import Any

import pytest

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.actions.replay import replay
from connector.domain import difference
from connector.domain.errors import Gap, Hold, PostingError, Reason
from connector.sync.bills.run import run_cycle
from connector.sync.bills.verify import reprove
from connector.tenants.models import Tenant
from tests.journeys.test_reprove import edit

pytestmark = pytest.mark.slow

State = Posting.State


def say_x(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on every sentence about a bill is "x"."""
    hold, gap, error = Hold.__init__, Gap.__init__, PostingError.__init__

    def hold_x(self: Hold, reason: Any, message: str, *rest: Any, **named: Any) -> None:
        hold(self, reason, "x", *rest, **named)

    def gap_x(
        self: Gap, reason: Any, kind: str, ramp_id: str, name: str, message: str,
        *rest: Any, **named: Any,
    ) -> None:  # fmt: skip
        gap(self, reason, kind, ramp_id, name, "x", *rest, **named)

    def error_x(self: PostingError, message: str, **named: Any) -> None:
        error(self, "x", **named)

    monkeypatch.setattr(Hold, "__init__", hold_x)
    monkeypatch.setattr(Gap, "__init__", gap_x)
    monkeypatch.setattr(PostingError, "__init__", error_x)
    words = {"label": "x", "title": "x", "explanation": "x", "next_step": "x"}
    for one in Reason:
        monkeypatch.setattr(one, "words", replace(one.words, **words))
    for table in ("FIELDS", "WHOLE"):
        monkeypatch.setattr(difference, table, dict.fromkeys(getattr(difference, table), "x"))


def facts(tenant: Tenant) -> dict[str, tuple[Any, ...]]:
    """What is stored of each bill, without words."""
    rows = Posting.objects.filter(tenant=tenant)
    names = ("state", "hold_reason", "hold_version", "kept", "told_version", "entered_hash")
    return {row["bill_id"]: row for row in rows.values("bill_id", *names)}


def held(tenant: Tenant) -> Any:
    return Posting.objects.filter(tenant=tenant).exclude(hold_reason="")


def test_other_words_change_no_fact_no_hold_and_nothing_that_ramp_is_told(start, monkeypatch):
    box, tenant = start(bills=40)
    run_cycle(tenant)
    kept, left = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED)[:2]
    for posting in (kept, left):
        edit(box, posting, DueDate="2027-01-31T00:00:00")
    reprove(tenant, days=35)
    kept.refresh_from_db()
    lifecycle.keep(kept, actor="Ann", reason="As agreed.")
    before, errors = facts(tenant), box.ramp.state()["export_errors"]
    reasons = set(held(tenant).values_list("hold_reason", flat=True))
    assert {"mismatch", "vendor_unmapped"} <= reasons
    assert errors

    say_x(monkeypatch)
    assert [drift.bill for drift in reprove(tenant, days=35).drifted] == [left.bill_id]
    times = AuditEntry.objects.filter(action="posting.held", subject_id=left.bill_id).count()
    assert times == 1
    assert replay(list(held(tenant).filter(state=State.QUEUED)), actor="Ann") > 0
    run_cycle(tenant)

    assert facts(tenant) == before
    assert box.ramp.state()["export_errors"] == errors
    said = set(held(tenant).values_list("hold_message", flat=True))
    assert "x" in said
    assert reprove(tenant, days=35).proven > 0
    assert facts(tenant) == before
