"""Intent first, one outcome, and every key remembered."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from audit.writes import attempts
from audit.writes.attempts import AlreadyFinishedError
from audit.writes.models import Attempt
from connector.domain.chunks import chunks
from connector.tenants.models import Tenant
from tests.audit.build import LATER, actions, make_tenant

Outcome = Attempt.Outcome


def begin(tenant: Tenant, bill_id: str = "b", **values: Any) -> Attempt:
    kwargs: dict[str, Any] = {"request": {"InvoiceNum": "I1"}, "deadline_at": LATER, **values}
    return attempts.begin(tenant.pk, "posting", bill_id, "enter_invoice", **kwargs)


@pytest.fixture
def tenant(db: None) -> Tenant:
    return make_tenant()


def test_the_intent_is_on_the_record_without_secrets(tenant: Tenant) -> None:
    request = {"headers": {"x-api-key": "k"}, "InvoiceNum": "I1"}
    begin(tenant, request=request, key=("EPIC06", 7, "I1"), coding={"lines": 1})
    row = Attempt.objects.get()
    assert row.outcome == Outcome.INTENT
    assert row.request == {"headers": {"x-api-key": "[hidden]"}, "InvoiceNum": "I1"}
    assert len(row.request_hash) == 64
    assert (row.company, row.vendor_num, row.invoice_num) == ("EPIC06", 7, "I1")
    assert (row.coding, row.deadline_at) == ({"lines": 1}, LATER)
    assert actions(tenant, "b") == ["attempt.begun"]


@pytest.mark.django_db(transaction=True)
def test_an_intent_inside_a_transaction_is_refused() -> None:
    tenant = make_tenant()
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        begin(tenant)
    assert not Attempt.objects.exists()


def test_an_attempt_has_one_outcome(tenant: Tenant) -> None:
    attempt = begin(tenant)
    attempts.finish(attempt, Outcome.DONE, answer={"token": "t", "SysRevID": 1}, message="ok")
    row = Attempt.objects.get()
    assert (row.outcome, row.message) == (attempt.outcome, attempt.message) == ("done", "ok")
    assert row.answer == {"token": "[hidden]", "SysRevID": 1}
    assert row.finished_at == attempt.finished_at
    assert row.finished_at is not None
    with pytest.raises(AlreadyFinishedError, match="already has an outcome"):
        attempts.finish(attempt, Outcome.REFUSED)
    assert Attempt.objects.get().outcome == Outcome.DONE
    assert actions(tenant, "b") == ["attempt.begun", "attempt.finished"]


def test_open_ones_are_those_perhaps_applied(tenant: Tenant) -> None:
    made = {outcome: begin(tenant) for outcome in Outcome}
    for outcome, attempt in made.items():
        if outcome != Outcome.INTENT:
            attempts.finish(attempt, outcome)
    still_open = attempts.unresolved(tenant.pk, "posting", "b")
    assert {attempt.outcome for attempt in still_open} == {Outcome.INTENT, Outcome.UNKNOWN}
    assert attempts.unresolved(tenant.pk, "vendor", "b") == []
    assert attempts.unresolved(make_tenant("other").pk, "posting", "b") == []

    assert attempts.resolve(list(made.values()), message="Not there.") == 2
    assert made[Outcome.UNKNOWN].resolved
    assert not made[Outcome.DONE].resolved
    assert attempts.resolve(still_open) == 0
    assert attempts.unresolved(tenant.pk, "posting", "b") == []
    assert actions(tenant, "b").count("attempt.resolved") == 2


def test_a_look_up_tells_well_after_the_latest_deadline_of_what_is_open(tenant: Tenant) -> None:
    assert attempts.settled_at(tenant.pk, "b") is None
    open_one = begin(tenant)
    begin(tenant, deadline_at=LATER - timedelta(hours=1))
    attempts.finish(begin(tenant, deadline_at=LATER + timedelta(hours=1)), Outcome.DONE)
    begin(tenant, "other", deadline_at=LATER + timedelta(hours=2))
    assert attempts.settled_at(tenant.pk, "b") == LATER + attempts.LATE
    attempts.resolve([open_one])
    assert attempts.settled_at(tenant.pk, "b") == LATER - timedelta(hours=1) + attempts.LATE
    Attempt.objects.update(deadline_at=None)
    assert attempts.settled_at(tenant.pk, "b") is None


def test_an_outcome_that_comes_after_the_look_up_is_still_written(tenant: Tenant) -> None:
    attempt = begin(tenant)
    attempts.resolve([attempt])
    attempts.finish(attempt, Outcome.DONE, answer={"SysRevID": 5})
    assert Attempt.objects.get().answer == {"SysRevID": 5}


def test_every_key_ever_sent_is_remembered(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "chunks", partial(chunks, size=2))
    one, two = ("EPIC06", 7, "I1"), ("EPIC07", 8, "I1")
    attempts.finish(begin(tenant, key=one), Outcome.REFUSED)
    begin(tenant, key=one)
    begin(tenant, key=two)
    begin(tenant, "c", key=one)
    begin(tenant, "d")  # carried no key
    attempts.finish(begin(tenant, "d", key=two), Outcome.NOT_SENT)
    Attempt.objects.filter(subject_id="d", company="").update(company="EPIC06")
    begin(make_tenant("other"), key=("X", 1, "foreign"))
    attempts.begin(tenant.pk, "vendor", "b", "create", request={}, key=("V", 1, "vendor"))
    assert attempts.keys_of(tenant.pk, ["b", "c", "d", "none"]) == {
        "b": {one, two},
        "c": {one},
        "d": set(),
        "none": set(),
    }
