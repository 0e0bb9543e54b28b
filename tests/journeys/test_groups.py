"""Invoice groups: names are not burnt, one writer in each, and shortages stop nothing for good."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Count
from django.utils import timezone

from audit.ledger.models import Posting
from connector.domain.errors import AccessError, OutageError, PostingError, RejectedError
from connector.epicor.client import EpicorClient
from connector.sync.bills import due, enter, write_record
from connector.sync.bills.due import next_to_enter
from connector.sync.bills.invoice_groups import LETTERS, MOST_REFUSED, Groups, unlock_left
from connector.sync.bills.run import run_cycle
from connector.sync.context import open_cycle
from connector.sync.models import InvoiceGroup
from connector.tenants import pauses
from connector.tenants.models import EntityRoute, Tenant
from tests import builders
from tests.journeys import truth

pytestmark = pytest.mark.slow

State = Posting.State
OPEN, SAVE, BEGIN = "APInvGrpSvc/Update", "APInvoiceSvc/UpdateMaster", "GetNewAPInvGrpNoLock"
JSON = {"Content-Type": "application/json"}
AGES = 1_000_000


def refusal(message: str) -> str:
    kind = "Ice.Common.BusinessObjectException"
    return json.dumps({"HttpStatus": 400, "ErrorMessage": message, "ErrorType": kind})


SEATS = refusal("Maximum users exceeded on license")
NO_GROUP = refusal("BPM: groups are opened by the controller only")
STALE = refusal("Row has been modified by another user and couldn't be updated.")


def refuse(box: Any, where: str, body: str, times: int = AGES, status: int = 400) -> None:
    box.epicor.fail_next(where, "status", times, status=status, body=body, headers=JSON)


def run(tenant: Tenant) -> PostingError | None:
    """A run as the background has it; what stopped it."""
    try:
        run_cycle(tenant)
    except PostingError as error:
        return error
    finally:
        tenant.refresh_from_db()
    return None


def made_due() -> None:
    Posting.objects.exclude(not_before=None).update(not_before=None)


def openings(box: Any) -> int:
    return sum(n for label, n in box.epicor.calls.items() if BEGIN in label)


def all_entered(box: Any, tenant: Tenant) -> None:
    made_due()
    run_cycle(tenant)
    assert not Posting.objects.filter(tenant=tenant, state=State.QUEUED, hold_reason="").exists()
    truth.check(box)


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "body", "status"),
    [(OPEN, NO_GROUP, 400), (BEGIN, SEATS, 400), (OPEN, SEATS, 400), (OPEN, "", 503)],
)
def test_a_group_that_is_not_opened_costs_no_name_and_stops_the_run_soon(
    start, later, where, body, status
):
    box, tenant = start(bills=40)
    refuse(box, where, body, status=status)

    for _ in range(3):
        assert isinstance(run(tenant), OutageError)
        later(minutes=11)

    assert not InvoiceGroup.objects.filter(tenant=tenant, lease_owner="").exists()
    assert InvoiceGroup.objects.filter(tenant=tenant).count() <= (18 if status == 503 else 0)
    runs, companies, under_way = 3, 2, 2  # what was begun before the last refusal ends, too
    assert openings(box) <= runs * companies * (MOST_REFUSED + under_way)
    assert pauses.kind(tenant) == pauses.OUTAGE
    assert "times in a row" in tenant.paused_reason or "licence" in tenant.paused_reason
    held = Posting.objects.filter(tenant=tenant, hold_reason__in=["refused", "unavailable"])
    assert not held.exists()
    assert not Posting.objects.exclude(lease_owner="").exists()

    box.epicor.clear_faults()
    later(minutes=30)
    all_entered(box, tenant)
    tenant.refresh_from_db()
    assert tenant.paused_reason == ""


def test_a_morning_without_the_right_to_open_groups_costs_no_name(start):
    box, tenant = start(bills=30)
    refuse(box, OPEN, refusal("Access denied"), status=403)

    stopped = [run(tenant) for _ in range(3)]

    assert [type(error) for error in stopped] == [AccessError] * 3
    assert not InvoiceGroup.objects.filter(tenant=tenant).exists()


def test_a_name_whose_opening_had_no_answer_is_free_again_once_it_is_certain(start, later):
    box, tenant = start(bills=12)
    box.epicor.fail_next(OPEN, "status", 2, status=500, body="Server error.")
    run(tenant)
    unsure = InvoiceGroup.objects.filter(tenant=tenant, ready=False)
    assert unsure.count() == 2
    names = set(unsure.values_list("group_id", flat=True))
    cycle = open_cycle(tenant)

    unlock_left(cycle)
    assert unsure.count() == 2  # it may still be opened
    later(minutes=25)
    unlock_left(cycle)

    cycle.close()
    assert not unsure.exists()
    all_entered(box, tenant)
    assert names & set(InvoiceGroup.objects.values_list("group_id", flat=True))


def test_a_name_that_was_opened_after_all_is_not_used_again(start, later):
    box, tenant = start(bills=12)
    box.epicor.fail_next(OPEN, "reset_after")
    run(tenant)
    (unsure,) = InvoiceGroup.objects.filter(tenant=tenant, ready=False)
    later(minutes=25)
    cycle = open_cycle(tenant)

    unlock_left(cycle)

    cycle.close()
    unsure.refresh_from_db()
    assert (unsure.ready, unsure.lease_owner) == (False, "")
    all_entered(box, tenant)


def test_a_bill_for_which_no_group_can_be_opened_is_held_at_last_with_epicors_words(start, later):
    box, tenant = start(bills=12)
    run(tenant)
    one = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).first()
    assert one is not None
    box.epicor.app.delete_invoice(one.company, one.vendor_num, one.invoice_num)
    Posting.objects.filter(pk=one.pk).update(state=State.QUEUED, entered_hash="", entered_as={})
    box.ramp.app.edit_bill(one.bill_id, {"sync_status": "NOT_SYNCED"})
    InvoiceGroup.objects.all().update(opened_on=datetime(2020, 1, 1, tzinfo=UTC).date())
    refuse(box, OPEN, NO_GROUP)

    for _ in range(7):
        run(tenant)
        later(hours=5)

    one.refresh_from_db()
    assert (one.state, one.hold_reason) == (State.QUEUED, "refused")
    assert "No invoice group could be opened" in one.hold_message
    assert "BPM: groups are opened by the controller only" in one.hold_message


def test_when_the_names_of_the_day_are_used_up_the_bills_wait_without_holds(start, later):
    box, tenant = start(bills=12)
    companies = sorted(set(EntityRoute.objects.values_list("company", flat=True)))
    today = builders.today(tenant)
    cycle = open_cycle(tenant)
    stem = f"{cycle.posting.group_prefix}{Groups(cycle)._today:%y%m%d}"
    cycle.close()
    InvoiceGroup.objects.bulk_create(
        InvoiceGroup(
            tenant=tenant,
            company=company,
            group_id=f"{stem}{letter}",
            fiscal_period="2000-01",
            opened_on=today,
        )
        for company in companies
        for letter in LETTERS
    )

    for _ in range(7):
        error = run(tenant)
        assert isinstance(error, OutageError)
        assert "group names of today are taken" in error.message
        made_due()

    assert not Posting.objects.filter(hold_reason="unavailable").exists()
    InvoiceGroup.objects.all().delete()
    all_entered(box, tenant)


def test_trouble_in_one_company_does_not_stop_the_other(start, monkeypatch):
    _, tenant = start(bills=60)
    call = EpicorClient.call
    ill, well = sorted(set(EntityRoute.objects.values_list("company", flat=True)))[:2]

    def strict(client: Any, company: str, service: str, method: str, *args: Any, **kw: Any) -> Any:
        if company == ill and method == BEGIN:
            raise RejectedError("Epicor refused to do it: no.")
        return call(client, company, service, method, *args, **kw)

    monkeypatch.setattr(EpicorClient, "call", strict)

    error = run(tenant)

    assert isinstance(error, OutageError)
    assert f"no invoice group in {ill}" in error.message
    assert well not in error.message
    entered = Posting.objects.filter(tenant=tenant, state=State.ENTERED)
    assert set(entered.values_list("company", flat=True)) == {well}
    assert entered.count() > 3


# -- seats and lanes -------------------------------------------------------------------------------


def test_without_a_free_licence_the_run_ends_with_one_banner_and_no_red_bill(start, later):
    box, tenant = start(bills=40)
    refuse(box, SAVE, SEATS)

    for _ in range(8):
        error = run(tenant)
        assert isinstance(error, OutageError)
        later(minutes=20)

    tried = sum(n for label, n in box.epicor.calls.items() if SAVE in label)
    assert tried <= 8 * (MOST_REFUSED + 1)
    assert "no licence free" in tenant.paused_reason
    assert not Posting.objects.filter(hold_reason="unavailable").exists()
    assert not Posting.objects.filter(failed_attempts__gt=0).exists()
    box.epicor.clear_faults()
    all_entered(box, tenant)


def most_at_once(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bills were in the lanes each time that one was begun."""
    seen: list[int] = []
    enter_bill = enter.enter_bill

    def counted(due: Any, record: Any) -> Any:
        seen.append(len(due.under_way))
        return enter_bill(due, record)

    monkeypatch.setattr(enter, "enter_bill", counted)
    return seen


@pytest.mark.parametrize("body", [SEATS, STALE])
def test_lanes_fall_to_one_for_the_rest_of_the_run(start, monkeypatch, body):
    box, tenant = start(bills=60)
    refuse(box, SAVE, body, times=1)
    seen = most_at_once(monkeypatch)

    run_cycle(tenant)

    assert max(seen[:8]) > 1
    assert set(seen[10:]) == {1}
    made_due()
    seen.clear()
    run_cycle(tenant)
    all_entered(box, tenant)


def test_a_stale_row_is_looked_at_once_more_and_the_bill_entered(start):
    box, tenant = start(bills=12)
    refuse(box, SAVE, STALE, times=1)

    summary = run_cycle(tenant)

    assert summary.exceptions == 0
    all_entered(box, tenant)


# -- one writer ------------------------------------------------------------------------------------


def edited(box: Any, posting: Posting) -> None:
    box.ramp.app.edit_bill(posting.bill_id, {"due_at": "2027-01-15T00:00:00+00:00"})


def due_in_epicor(box: Any, posting: Posting) -> str:
    (invoice,) = truth.ledger(box)[posting.bill_id]
    return str(invoice["header"]["DueDate"])[:10]


def test_an_edit_waits_while_another_worker_writes_into_its_group(start, later):
    box, tenant = start(bills=12)
    run_cycle(tenant)
    posting = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).first()
    assert posting is not None
    edited(box, posting)
    group = InvoiceGroup.objects.filter(company=posting.company, group_id=posting.group_id)
    until = timezone.now() + timedelta(minutes=30)
    group.update(lease_owner="another", lease_until=until)

    run_cycle(tenant)

    assert due_in_epicor(box, posting) != "2027-01-15"
    posting.refresh_from_db()
    assert (posting.hold_reason, posting.failed_attempts) == ("", 0)
    assert posting.not_before is not None
    assert group.get().lease_owner == "another"
    group.update(lease_owner="", lease_until=None)
    later(minutes=2)
    run_cycle(tenant)
    assert due_in_epicor(box, posting) == "2027-01-15"
    assert group.get().lease_owner == ""


def test_an_edit_has_its_group_leased_while_it_writes(start, monkeypatch):
    box, tenant = start(bills=12)
    run_cycle(tenant)
    posting = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).first()
    assert posting is not None
    InvoiceGroup.objects.update(opened_on=datetime(2020, 1, 1, tzinfo=UTC).date())
    edited(box, posting)
    owners = []
    begin = write_record.attempts.begin

    def seen(*args: Any, **kwargs: Any) -> Any:
        rows = InvoiceGroup.objects.filter(company=posting.company, group_id=posting.group_id)
        owners.append(rows.get().lease_owner)
        return begin(*args, **kwargs)

    monkeypatch.setattr("connector.sync.bills.write_record.attempts.begin", seen)
    run_cycle(tenant)

    assert due_in_epicor(box, posting) == "2027-01-15"
    assert owners
    assert all(owners)
    assert not InvoiceGroup.objects.exclude(lease_owner="").exists()


def test_many_edits_in_one_group_are_written_one_after_the_other(start, monkeypatch):
    box, tenant = start(bills=60)
    lately = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="seconds")
    for row in list(box.ramp.app.bills):
        box.ramp.app.edit_bill(row["id"], {"created_at": lately})  # so that edits are seen soon
    run_cycle(tenant)
    confirmed = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED)
    crowd = confirmed.values("company", "group_id").annotate(n=Count("pk")).order_by("-n")[0]
    assert crowd.pop("n") > 3
    same = list(confirmed.filter(**crowd)[:6])
    for posting in same:
        edited(box, posting)
    monkeypatch.setattr(due, "CROWDED", 0)  # a second lane would join at once
    seen = most_at_once(monkeypatch)

    run_cycle(tenant)

    assert set(seen) == {1}
    assert {due_in_epicor(box, posting) for posting in same} == {"2027-01-15"}


def test_what_lies_in_a_group_that_is_written_into_is_passed_over():
    class Item:
        def __init__(self, period: str, place: tuple[str, str] | None) -> None:
            self.period, self.place = ("C", period), place

    some: Any = [Item("1", ("C", "A")), Item("2", ("C", "B")), Item("3", None)]
    assert next_to_enter(some, Counter(), {("C", "A")}) is some[1]
    assert next_to_enter(some, Counter(), {("C", "A"), ("C", "B")}) is some[2]
    assert next_to_enter(some[:1], Counter(), {("C", "A"), None}) is None
