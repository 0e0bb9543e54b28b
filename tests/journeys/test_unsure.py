"""When something is perhaps, partly or wrongly in Epicor: what people are told and can do."""

import json
from decimal import Decimal
from typing import Any

import pytest

from audit.ledger import lifecycle
from audit.ledger.allowed import settling, why_not
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.actions.duplicates import adopt
from connector.actions.remove import remove
from connector.sync.bills import due, look_up
from connector.sync.bills.run import run_cycle
from connector.sync.bills.write_record import WriteRecord
from connector.tenants.models import PostingSettings, Tenant
from mappings.periods import period_of
from tests.journeys import truth
from tests.journeys.test_twins import chosen, held_twin, of, plain_bills, type_in

pytestmark = pytest.mark.slow

State = Posting.State
REFUSAL = {"HttpStatus": 400, "ErrorMessage": "Tax liability is required.", "ErrorType": "Ice.X"}
GONE = {"HttpStatus": 404, "ErrorMessage": "No.", "ErrorType": "Ice.Common.RecordNotFoundException"}
SAVED = {"parameters": {"ds": {}, "lUpdateRan": True, "requiresUserInput": False}}
JSON = {"Content-Type": "application/json"}
DUE = "2026-12-30T00:00:00"


def lost(box: Any, tenant: Tenant) -> Posting:
    """A bill that was saved in Epicor and whose answer never arrived."""
    box.epicor.fail_next("UpdateMaster", "reset_after", times=1)
    run_cycle(tenant)
    return Posting.objects.get(tenant=tenant, state=State.IN_DOUBT)


def now(posting: Posting) -> tuple[str, str]:
    posting.refresh_from_db()
    return posting.state, posting.hold_reason


def told_failed(box: Any, posting: Posting) -> bool:
    return any(posting.bill_id in call["failed"] for call in box.ramp.app.syncs.calls)


def told(box: Any, posting: Posting) -> bool:
    return any(posting.bill_id in call["successful"] for call in box.ramp.app.syncs.calls)


def there(box: Any, posting: Posting) -> dict[str, Any]:
    (invoice,) = truth.ledger(box)[posting.bill_id]
    return invoice


def correct(box: Any, posting: Posting, **changes: Any) -> None:
    """A person corrects the invoice in Epicor."""
    header = there(box, posting)["header"]
    company = there(box, posting)["company"]
    box.epicor.app.edit_invoice(company, header["VendorNum"], header["InvoiceNum"], changes)


# -- two bills with one number --------------------------------------------------------------------


def same_number(box: Any, tenant: Tenant) -> tuple[Posting, Posting]:
    """Two bills of one vendor with one number."""
    plans = plain_bills(box)
    by_kind: dict[tuple[str, str], list[str]] = {}
    for bill_id, plan in plans.items():
        if plan.total > 0:
            by_kind.setdefault((plan.company, plan.currency), []).append(bill_id)
    ids = sorted(max(by_kind.values(), key=len), key=lambda i: (len(plans[i].lines), i))[1:3]
    first, second = (next(dict(r) for r in box.ramp.app.bills if r["id"] == i) for i in ids)
    names = ("vendor", "invoice_number", "entity_id", "issued_at", "accounting_date", "due_at")
    box.ramp.app.edit_bill(second["id"], {name: first.get(name) for name in names})
    run_cycle(tenant, dry_run=True)
    a, b = sorted((of(tenant, first["id"]), of(tenant, second["id"])), key=lambda p: p.pk)
    return a, b


@pytest.mark.parametrize("writer", ["update_ext", "two_step", "by_the_book"])
def test_of_two_bills_with_one_number_the_second_is_never_written_over_the_first(
    start, monkeypatch, writer
):
    box, tenant = start(bills=40)
    PostingSettings.objects.filter(tenant=tenant).update(writer=writer)
    a, b = same_number(box, tenant)
    monkeypatch.setattr(due, "SLICE", 1)
    # The second one is looked up while the first is being written, and its answer comes late.
    box.epicor.fail_next("APInvoiceSvc/GetRows", "slow", times=2, skip=2, seconds=1)

    run_cycle(tenant, only_ids=[a.pk, b.pk])

    assert sorted([now(a)[0], now(b)[0]]) == [State.CONFIRMED, State.QUEUED]
    waits = a if now(a)[0] == State.QUEUED else b
    assert waits.hold_reason == "duplicate_suspected"
    assert [told(box, a), told(box, b)].count(True) == 1


def test_a_bill_with_the_number_of_one_in_doubt_waits(start, later):
    box, tenant = start(bills=40)
    PostingSettings.objects.filter(tenant=tenant).update(writer="update_ext")
    a, b = same_number(box, tenant)
    box.epicor.fail_next("UpdateExt", "late", times=1, until_told=True)
    run_cycle(tenant, only_ids=[a.pk])
    assert now(a)[0] == State.IN_DOUBT

    for _ in range(3):
        run_cycle(tenant, only_ids=[b.pk])
        assert now(b) == (State.QUEUED, "")
        later(minutes=2)
    box.epicor.apply_late()
    later(minutes=10)
    for _ in range(3):
        run_cycle(tenant, only_ids=[a.pk, b.pk])
        later(minutes=10)

    assert now(a) == (State.CONFIRMED, "")
    assert now(b) == (State.QUEUED, "duplicate_suspected")


def test_its_own_number_gets_a_refused_bill_entered(ready, monkeypatch):
    box, tenant = ready
    bill_id, plan = chosen(box)
    begin, typed = WriteRecord.begin, []

    def typed_just_before(record: Any, step: Any) -> None:
        sends = step.writes and record.opening is None
        if record.item.posting.bill_id == bill_id and sends and not typed:
            typed.append(type_in(box, plan, plan.invoice_num, total=Decimal(7), shift=-60))
        begin(record, step)

    monkeypatch.setattr(WriteRecord, "begin", typed_just_before)
    run_cycle(tenant)
    assert now(of(tenant, bill_id)) == (State.QUEUED, "duplicate_suspected")

    box.ramp.app.edit_bill(bill_id, {"invoice_number": "OWN-NUMBER-2"})
    run_cycle(tenant)

    assert now(of(tenant, bill_id)) == (State.CONFIRMED, "")


def test_an_invoice_whose_stamp_was_erased_is_still_ours_under_a_number_sent_before(ready, later):
    box, tenant = ready
    posting = lost(box, tenant)
    correct(box, posting, ExternalID="")
    box.ramp.app.edit_bill(posting.bill_id, {"invoice_number": "ANOTHER-1"})
    later(minutes=5)
    run_cycle(tenant)
    assert now(posting) == (State.ENTERED, "changed")
    assert "now has another company, vendor, number or sign" in posting.hold_message


# -- a write that never gets an answer ------------------------------------------------------------


def test_a_bill_that_never_gets_an_answer_is_shown_to_a_person(ready, later):
    box, tenant = ready
    box.epicor.fail_next("UpdateMaster", "status", times=10_000, status=500, body="Server error.")

    for _ in range(90):
        run_cycle(tenant)
        later(minutes=10)

    held = Posting.objects.filter(tenant=tenant, hold_reason="in_doubt")
    posting = held.first()
    assert held.count() > 5
    assert now(posting) == (State.QUEUED, "in_doubt")
    assert "gave no usable answer" in posting.hold_message
    assert Attempt.objects.filter(subject_id=posting.bill_id, outcome="unknown").count() == 5
    assert not told_failed(box, posting)

    box.epicor.clear_faults()
    lifecycle.replay(list(held), actor="Ann")
    run_cycle(tenant)
    assert now(posting) == (State.CONFIRMED, "")
    truth.check(box)


def test_an_edit_that_never_gets_an_answer_is_not_sent_again_and_again(ready, later):
    box, tenant = ready
    run_cycle(tenant)
    posting = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).first()
    box.ramp.app.edit_bill(posting.bill_id, {"due_at": "2026-12-24T00:00:00+00:00"})
    box.epicor.fail_next("UpdateMaster", "status", times=10_000, status=500, body="Server error.")

    for _ in range(10):
        run_cycle(tenant)
        later(seconds=10)
    assert Attempt.objects.filter(subject_id=posting.bill_id, outcome="unknown").count() == 1
    for _ in range(30):
        run_cycle(tenant)
        later(minutes=10)

    assert now(posting) == (State.CONFIRMED, "changed")
    assert Attempt.objects.filter(subject_id=posting.bill_id, outcome="unknown").count() == 5


# -- what stands in front of Epicor ---------------------------------------------------------------

BLOCKED = "<html><body>The request was blocked.</body></html>"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((400, BLOCKED), (400, ""), (403, BLOCKED), (404, BLOCKED), (405, ""), (406, BLOCKED)),
        *((409, BLOCKED), (413, ""), (414, BLOCKED), (421, ""), (499, ""), (302, ""), (307, "")),
    ],
)
@pytest.mark.parametrize("writer", ["two_step", "update_ext"])
def test_a_proxys_refusal_after_the_save_is_no_refusal(ready, later, status, body, writer):
    box, tenant = ready
    PostingSettings.objects.filter(tenant=tenant).update(writer=writer)
    method = "UpdateExt" if writer == "update_ext" else "UpdateMaster"
    box.epicor.fail_next(method, "after", status=status, body=body)

    run_cycle(tenant)

    posting = Posting.objects.get(tenant=tenant, state=State.IN_DOUBT)
    assert posting.hold_reason == ""
    assert not told_failed(box, posting)
    later(minutes=5)
    run_cycle(tenant)
    assert now(posting) == (State.CONFIRMED, "")
    truth.check(box)


def test_what_is_too_large_for_a_proxy_is_said_to_be_and_not_failed(ready, later):
    box, tenant = ready
    box.epicor.fail_next("UpdateMaster", "status", times=10_000, status=413, body="")

    for _ in range(60):
        run_cycle(tenant)
        later(minutes=15)

    posting = Posting.objects.filter(tenant=tenant, hold_reason="in_doubt").first()
    assert now(posting) == (State.QUEUED, "in_doubt")
    assert "status 413" in posting.hold_message
    assert "Raise the limit of the proxy" in posting.hold_message
    assert not told_failed(box, posting)


@pytest.mark.parametrize("status", [302, 403, 404, 413])
def test_a_proxys_refusal_of_a_deletion_is_looked_at(ready, status):
    box, tenant = ready
    run_cycle(tenant)
    posting = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).first()
    box.epicor.fail_next("DeleteByID", "after", status=status, body=BLOCKED)
    remove(tenant, posting, actor="Ann", reason="Not this one.", enter_again=False)
    assert now(posting) == (State.REMOVED, "")
    assert posting.bill_id not in truth.ledger(box)


@pytest.mark.parametrize("status", [302, 403, 404, 413])
def test_a_proxys_refusal_of_a_new_group_holds_no_bill(ready, later, status):
    box, tenant = ready
    box.epicor.fail_next("APInvGrpSvc/Update", "after", status=status, body=BLOCKED)
    for _ in range(3):
        run_cycle(tenant)
        later(minutes=5)
    assert not Posting.objects.filter(tenant=tenant, hold_reason="refused").exists()
    truth.check(box)


# -- partly there ---------------------------------------------------------------------------------


def test_an_invoice_that_cannot_be_seen_after_saving_is_in_doubt_and_not_refused(ready, later):
    box, tenant = ready
    body = json.dumps(SAVED)
    box.epicor.fail_next("UpdateMaster", "after", status=200, body=body, headers=JSON)
    gone = json.dumps(GONE)
    box.epicor.fail_next("GetByID", "status", status=404, body=gone, headers=JSON)

    run_cycle(tenant)

    posting = Posting.objects.get(tenant=tenant, state=State.IN_DOUBT)
    assert not told_failed(box, posting)
    later(minutes=5)
    run_cycle(tenant)
    assert now(posting) == (State.CONFIRMED, "")
    truth.check(box)


@pytest.fixture
def begun(start) -> tuple[Any, Tenant, Posting]:
    """An Epicor that saves the named table only; the lines of one bill are refused."""
    box, tenant = start(bills=12, update_master="named")
    run_cycle(tenant, only_ids=[])
    refusal = json.dumps(REFUSAL)
    box.epicor.fail_next("UpdateMaster", "status", skip=1, status=400, body=refusal, headers=JSON)
    PostingSettings.objects.filter(tenant=tenant).update(lanes=1)
    run_cycle(tenant)
    return box, tenant, Posting.objects.get(tenant=tenant, hold_reason="mismatch")


def test_what_was_begun_and_refused_is_entered_and_held_and_ramp_is_told_nothing(begun):
    box, _, posting = begun
    assert now(posting) == (State.ENTERED, "mismatch")
    assert "begun in Epicor but not whole" in posting.hold_message
    assert "Tax liability is required." in posting.hold_message
    assert not told_failed(box, posting)
    assert not told(box, posting)
    assert there(box, posting)["lines"] == []


def test_what_was_begun_is_completed_by_a_replay(begun):
    box, tenant, posting = begun
    lifecycle.replay([posting], actor="Ann")
    run_cycle(tenant)
    assert now(posting) == (State.CONFIRMED, "")
    truth.check(box)


def test_what_was_begun_can_be_removed(begun):
    box, tenant, posting = begun
    remove(tenant, posting, actor="Ann", reason="Not this one.", enter_again=False)
    assert now(posting) == (State.REMOVED, "")
    assert posting.bill_id not in truth.ledger(box)


# -- there, and otherwise than the bill ------------------------------------------------------------


def test_a_correction_by_hand_while_the_bill_was_in_doubt_is_not_overwritten(ready, later):
    box, tenant = ready
    posting = lost(box, tenant)
    correct(box, posting, DueDate=DUE)
    later(minutes=5)

    run_cycle(tenant)

    assert now(posting) == (State.ENTERED, "mismatch")
    assert there(box, posting)["header"]["DueDate"] == DUE
    assert not told(box, posting)


def test_what_is_posted_with_a_difference_can_be_kept_and_is_then_told(ready, later):
    box, tenant = ready
    posting = lost(box, tenant)
    correct(box, posting, DueDate=DUE)
    header = there(box, posting)["header"]
    box.epicor.app.post_group(there(box, posting)["company"], header["GroupID"])
    later(minutes=5)
    run_cycle(tenant)
    assert now(posting) == (State.ENTERED, "mismatch")

    assert why_not(posting, settling(posting)) == ""
    lifecycle.keep(posting, actor="Ann", reason="Agreed with the vendor.")
    run_cycle(tenant)

    assert now(posting) == (State.CONFIRMED, "")


@pytest.mark.parametrize("trouble", ["card", "period"])
def test_a_bill_in_doubt_that_cannot_be_drafted_is_looked_up_all_the_same(ready, later, trouble):
    box, tenant = ready
    posting = lost(box, tenant)
    plan = box.world.expected()[posting.bill_id]
    if trouble == "card":
        box.ramp.app.pay_bill(posting.bill_id, method="CARD")
    else:
        year, period = period_of(tenant.pk, plan.company, plan.apply_date).label.split("-")
        box.epicor.app.close_period(plan.company, int(year), int(period))
    later(minutes=90)

    run_cycle(tenant)

    assert now(posting) == (State.ENTERED, "mismatch")
    assert "is in Epicor as" in posting.hold_message
    assert (posting.company, posting.vendor_num) == (plan.company, plan.vendor_num)
    assert not told_failed(box, posting)


def test_a_bill_in_doubt_that_cannot_be_drafted_and_is_not_there_is_settled(ready, later):
    box, tenant = ready
    box.epicor.fail_next("UpdateMaster", "reset_before", times=1)
    run_cycle(tenant)
    posting = Posting.objects.get(tenant=tenant, state=State.IN_DOUBT)
    box.ramp.app.pay_bill(posting.bill_id, method="CARD")

    for _ in range(4):
        later(minutes=20)
        run_cycle(tenant)

    assert now(posting) == (State.QUEUED, "needs_review")


# -- afterwards -----------------------------------------------------------------------------------


def test_an_edit_of_an_adopted_bill_is_shown(ready):
    box, tenant = ready
    posting, _, _ = held_twin(box, tenant)
    adopt(tenant, posting, actor="Ann")
    run_cycle(tenant)
    row = next(dict(r) for r in box.ramp.app.bills if r["id"] == posting.bill_id)
    lines = json.loads(json.dumps(row["line_items"]))
    lines[0]["amount"]["amount"] += 5000
    amount = {**row["amount"], "amount": row["amount"]["amount"] + 5000}
    box.ramp.app.edit_bill(posting.bill_id, {"amount": amount, "line_items": lines})

    run_cycle(tenant)

    assert now(posting) == (State.CONFIRMED, "changed")
    assert "typed by a person" in posting.hold_message
    lifecycle.keep(posting, actor="Ann", reason="A credit will follow.")
    run_cycle(tenant)
    assert now(posting) == (State.CONFIRMED, "")


def test_an_unexpected_error_of_one_bill_stops_no_other(ready, monkeypatch):
    box, tenant = ready
    bill_id, _ = chosen(box)
    decide = look_up.decide

    def broken(job: Any, *args: Any, **options: Any) -> Any:
        if job.posting.bill_id == bill_id:
            raise KeyError("nobody foresaw it")
        return decide(job, *args, **options)

    monkeypatch.setattr(look_up, "decide", broken)

    assert run_cycle(tenant).entered > 5

    posting = of(tenant, bill_id)
    assert now(posting) == (State.QUEUED, "bug")
    assert "KeyError" in posting.hold_message
    assert "nobody foresaw it" not in posting.hold_message


def test_a_kept_bill_that_ramp_shows_unreadable_stops_no_other(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).first()
    box.ramp.app.edit_bill(posting.bill_id, {"due_at": None})
    run_cycle(tenant)
    assert now(posting) == (State.CONFIRMED, "invalid_bill")
    lifecycle.keep(posting, actor="Ann", reason="Fine.")
    other = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).exclude(pk=posting.pk)
    lifecycle.request_recheck([posting, *other[:2]], message="look again")

    verified = AuditEntry.objects.filter(action="posting.rechecked").exclude(
        subject_id=posting.bill_id
    )
    before = verified.count()

    run_cycle(tenant)

    assert verified.count() == before + 2
