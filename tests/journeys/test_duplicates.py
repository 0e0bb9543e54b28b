"""One invoice that comes through Ramp several times: however it is spelled, it is entered once."""

import copy
import json
import unicodedata
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.actions.duplicates import adopt, different, same_invoice
from connector.actions.questions import can_answer, go_on
from connector.domain.errors import HeldError
from connector.management.base import CommandProblem
from connector.sync.bills import due
from connector.sync.bills.duplicate_list import list_duplicates
from connector.sync.bills.run import run_cycle
from connector.sync.bills.write_record import WriteRecord
from connector.sync.models import AcceptedQuestion
from connector.tenants.models import EntityRoute, PostingSettings, Tenant
from tests.journeys.test_twins import chosen, of, plain_bills

pytestmark = pytest.mark.slow

State = Posting.State
ZERO_WIDTH = "\u200b"


@pytest.fixture
def ready(start: Any) -> tuple[Any, Tenant]:
    """Twelve bills, nothing entered yet."""
    box, tenant = start(bills=12)
    return box, tenant


def row_of(box: Any, bill_id: str) -> dict[str, Any]:
    return next(dict(row) for row in box.ramp.app.bills if row["id"] == bill_id)


def once_more(box: Any, bill_id: str, number: str, **changes: Any) -> str:
    """The same paper uploaded to Ramp a second time, under this number."""
    copied = copy.deepcopy(row_of(box, bill_id))
    copied |= {"id": str(uuid.uuid4()), "sync_status": "NOT_SYNCED", "reference_id": None}
    copied |= {"invoice_number": number, **changes}
    box.ramp.app.add_bill(copied)
    return str(copied["id"])


def first_bill(box: Any, number: str = "INV-2041") -> str:
    """One of the bills that can simply be entered, under this number."""
    bill_id, _ = chosen(box)
    box.ramp.app.edit_bill(bill_id, {"invoice_number": number})
    return str(bill_id)


def held(tenant: Tenant, bill_id: str) -> Posting:
    posting = of(tenant, bill_id)
    assert (posting.state, posting.hold_reason) == (State.QUEUED, "duplicate_suspected")
    return posting


def in_epicor(tenant: Tenant, *bill_ids: str) -> list[str]:
    return [b for b in bill_ids if of(tenant, b).in_epicor]


# -- noticing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("slice_", [1, 50])
def test_however_it_is_spelled_one_of_them_is_entered(ready, monkeypatch, slice_):
    """In one slice, and in several of one run."""
    box, tenant = ready
    monkeypatch.setattr(due, "SLICE", slice_)
    first = first_bill(box, "INV-É-2041")
    later_day = {"issued_at": "2026-11-24T00:00:00+00:00"}
    more = [
        once_more(box, first, number, **changes)
        for number, changes in (
            ("INV É 2041", {}),
            ("Invoice No. É-2041", later_day),
            ("inv-é-02041", {}),
            (unicodedata.normalize("NFD", "INV-É-2041"), {}),
            ("INV_É_2041", {}),
        )
    ]

    unseen = once_more(box, first, f"INV-É-20{ZERO_WIDTH}41")

    run_cycle(tenant)

    assert of(tenant, unseen).hold_reason == "invalid_bill"
    assert "U+200B ZERO WIDTH SPACE" in of(tenant, unseen).hold_message
    every = [first, *more]
    assert len(in_epicor(tenant, *every)) == 1, [of(tenant, b).hold_message for b in every]
    (entered,) = in_epicor(tenant, *every)
    for bill_id in set(every) - {entered}:
        posting = held(tenant, bill_id)
        assert "Another bill of this vendor has the same number" in posting.hold_message
        assert entered in {twin["bill"] for twin in posting.hold_detail["twins"]}


def test_what_was_entered_before_is_noticed(ready):
    box, tenant = ready
    first = first_bill(box)
    run_cycle(tenant)
    assert in_epicor(tenant, first)
    second = once_more(box, first, "Invoice No. 02041")

    run_cycle(tenant)

    posting = held(tenant, second)
    (twin,) = posting.hold_detail["twins"]
    assert (twin["bill"], twin["same_key"], twin["credit_beside"]) == (first, False, False)
    assert twin["invoice_num"] == "INV-2041"
    assert "say that it is the same invoice" in posting.hold_message
    assert not Attempt.objects.filter(subject_id=second).exists()


def test_across_entities_that_go_to_one_company(ready):
    box, tenant = ready
    first = first_bill(box)
    run_cycle(tenant)
    route = EntityRoute.objects.get(tenant=tenant, ramp_entity_id=of(tenant, first).entity_id)
    another = str(uuid.uuid4())
    EntityRoute.objects.create(
        tenant=tenant, ramp_entity_id=another, company=route.company, site=route.site
    )
    second = once_more(box, first, "INV 2041", entity_id=another)

    run_cycle(tenant)

    assert held(tenant, second).hold_detail["twins"][0]["bill"] == first


def other_company(box: Any, tenant: Tenant, bill_id: str) -> str:
    """An entity of the tenant whose bills go to another company."""
    here = EntityRoute.objects.get(tenant=tenant, ramp_entity_id=of(tenant, bill_id).entity_id)
    rows = EntityRoute.objects.filter(tenant=tenant).exclude(company=here.company)
    return rows.values_list("ramp_entity_id", flat=True)[0]


def shared_bill(box: Any) -> str:
    """A bill of a vendor that both companies have, under the number INV-2041."""
    plans = plain_bills(box)
    at: dict[str, set[str]] = {}
    for plan in plans.values():
        at.setdefault(plan.vendor_id, set()).add(plan.company)
    bill_id = next(b for b, plan in plans.items() if len(at[plan.vendor_id]) > 1)
    box.ramp.app.edit_bill(bill_id, {"invoice_number": "INV-2041"})
    return str(bill_id)


def test_one_paper_for_two_companies_is_noticed_by_its_money(start):
    box, tenant = start(bills=60)
    first = shared_bill(box)
    run_cycle(tenant)
    assert in_epicor(tenant, first)
    elsewhere = {"entity_id": other_company(box, tenant, first)}
    second = once_more(box, first, "INV 2041", **elsewhere)
    line = {**row_of(box, first)["line_items"][0]}
    total = {**line["amount"], "amount": 4711}
    third = once_more(
        box,
        first,
        "INV 2041",
        **elsewhere,
        amount=total,
        line_items=[{**line, "amount": total}],
        inventory_line_items=[],
    )

    run_cycle(tenant)

    posting = held(tenant, second)
    assert posting.hold_detail["twins"][0]["company"] != ""
    assert posting.hold_detail["twins"][0]["bill"] == first
    assert of(tenant, third).hold_reason != "duplicate_suspected"  # its share of another paper


def test_different_numbers_over_the_same_money_are_different_invoices(ready):
    box, tenant = ready
    first = first_bill(box, "4711")
    others = [once_more(box, first, number) for number in ("4711A", "4712", "4711-2")]
    run_cycle(tenant)
    assert in_epicor(tenant, first, *others) == [first, *others]


def test_a_credit_beside_its_invoice_is_named_as_such(ready):
    box, tenant = ready
    first = next(b for b, plan in plain_bills(box).items() if plan.total > 0)
    box.ramp.app.edit_bill(first, {"invoice_number": "INV-2041"})
    run_cycle(tenant)
    row = row_of(box, first)
    back = copy.deepcopy(row)
    for amount in (back["amount"], *(x["amount"] for x in _lines(back))):
        amount["amount"] = -amount["amount"]
    kept = ("amount", "line_items", "inventory_line_items")
    credit = once_more(box, first, "INV 2041", **{name: back[name] for name in kept})

    run_cycle(tenant)

    posting = held(tenant, credit)
    assert posting.hold_detail["twins"][0]["credit_beside"] is True
    assert "The bill is a credit, probably of invoice INV-2041." in posting.hold_message
    different(tenant, posting, actor="Ann", reason="The credit of that invoice")
    run_cycle(tenant)
    assert in_epicor(tenant, credit)


def _lines(bill: dict[str, Any]) -> list[dict[str, Any]]:
    return [*bill["line_items"], *(bill.get("inventory_line_items") or ())]


# -- two of us -------------------------------------------------------------------------------------


@pytest.mark.parametrize("writer", ["update_ext", "two_step", "by_the_book"])
def test_of_two_spellings_at_the_same_moment_one_is_sent(ready, monkeypatch, writer):
    """The second run looked everything up before the first wrote its intent."""
    box, tenant = ready
    PostingSettings.objects.filter(tenant=tenant).update(writer=writer)
    first = first_bill(box)
    second = once_more(box, first, "INV 2041")
    run_cycle(tenant, dry_run=True)
    begin, meanwhile = WriteRecord.begin, []

    def other_worker_first(record: Any, step: Any) -> None:
        sends = step.writes and record.opening is None
        if record.item.posting.bill_id == second and sends and not meanwhile:
            meanwhile.append(run_cycle(tenant, only_ids=[of(tenant, first).pk]))
        begin(record, step)

    monkeypatch.setattr(WriteRecord, "begin", other_worker_first)
    run_cycle(tenant, only_ids=[of(tenant, second).pk])

    assert meanwhile
    assert in_epicor(tenant, first, second) == [first]
    assert held(tenant, second).hold_detail["twins"][0]["bill"] == first


def test_what_is_in_doubt_is_waited_for_and_then_named(ready, later):
    box, tenant = ready
    first = first_bill(box)
    second = once_more(box, first, "INV 2041")
    run_cycle(tenant, dry_run=True)
    box.epicor.fail_next("UpdateMaster", "late", times=1, until_told=True)
    run_cycle(tenant, only_ids=[of(tenant, first).pk])
    assert of(tenant, first).state == State.IN_DOUBT

    run_cycle(tenant, only_ids=[of(tenant, second).pk])
    waiting = of(tenant, second)
    assert (waiting.state, waiting.hold_reason) == (State.QUEUED, "")

    Posting.objects.filter(bill_id=first).update(hold_reason="in_doubt", hold_message="Look.")
    later(minutes=5)
    run_cycle(tenant, only_ids=[of(tenant, second).pk])
    assert "perhaps in Epicor" in held(tenant, second).hold_message
    assert not Attempt.objects.filter(subject_id=second, outcome="done").exists()


# -- what a person says ----------------------------------------------------------------------------


def pair(box: Any, tenant: Tenant, number: str = "INV 2041") -> tuple[str, Posting]:
    """One entered, and the same paper once more, held."""
    first = first_bill(box)
    run_cycle(tenant)
    second = once_more(box, first, number)
    run_cycle(tenant)
    return first, held(tenant, second)


def test_a_different_invoice_is_entered_and_never_suspected_of_that_bill_again(ready):
    box, tenant = ready
    first, posting = pair(box, tenant)

    different(tenant, posting, actor="Ann", reason="Both are owed")
    run_cycle(tenant)

    now = of(tenant, posting.bill_id)
    assert now.in_epicor
    assert now.bills_cleared == [first]
    entry = AuditEntry.objects.get(action="posting.twins_cleared")
    assert (entry.actor, entry.changes["bills_cleared"]) == ("Ann", [[], [first]])
    assert "twins_cleared" not in entry.changes
    # What is told apart is so in both directions: the first one, entered again, is not stopped.
    one = of(tenant, first)
    lifecycle.mark_removed(one, actor="Ann", reason="Test")
    header = box.epicor.app.delete_invoice(one.company, one.vendor_num, one.invoice_num)
    del header
    lifecycle.enter_again(one, actor="Ann", reason="Still owed")
    box.ramp.app.edit_bill(first, {"sync_status": "NOT_SYNCED"})
    run_cycle(tenant)
    assert of(tenant, first).in_epicor, of(tenant, first).hold_message


def test_the_same_invoice_is_dismissed_with_the_other_bill_on_the_record(ready):
    box, tenant = ready
    first, posting = pair(box, tenant)

    assert adopt(tenant, posting, actor="Ann") == ""

    assert of(tenant, posting.bill_id).state == State.DISMISSED
    entry = AuditEntry.objects.get(action="posting.dismissed")
    assert (entry.actor, entry.body["same_as"]) == ("Ann", first)
    assert first in entry.body["reason"]
    run_cycle(tenant)
    assert in_epicor(tenant, first, posting.bill_id) == [first]


def test_nothing_is_dismissed_as_a_bill_that_is_not_entered(ready):
    box, tenant = ready
    first, posting = pair(box, tenant)
    lifecycle.mark_removed(of(tenant, first), actor="Ann", reason="Not owed")
    with pytest.raises(HeldError, match=f"Bill {first} is not entered and will not be"):
        adopt(tenant, posting, actor="Ann")
    with pytest.raises(HeldError, match="does not wait because of bill other"):
        same_invoice(posting, "other", actor="Ann")
    held(tenant, posting.bill_id)


def test_only_what_the_person_saw_is_answered(ready):
    box, tenant = ready
    _, posting = pair(box, tenant)
    Posting.objects.filter(pk=posting.pk).update(hold_version="another")
    for answer in (different, adopt):
        with pytest.raises((HeldError, lifecycle.LostLeaseError), match="look at it"):
            answer(tenant, posting, actor="Ann", reason="Late")
    held(tenant, posting.bill_id)


def test_the_very_same_number_needs_another_one(ready):
    box, tenant = ready
    first, posting = pair(box, tenant, "inv-2041 ")
    (twin,) = posting.hold_detail["twins"]
    assert (twin["bill"], twin["same_key"]) == (first, True)
    assert "give this one another number" in posting.hold_message
    with pytest.raises(HeldError, match=rf"number \(INV-2041\) of bill {first}, "):
        different(tenant, posting, actor="Ann", reason="Both are owed")


def test_the_command_answers_and_lists(ready, capsys):
    box, tenant = ready
    first, posting = pair(box, tenant)
    third = once_more(box, first, "Invoice #2041")
    run_cycle(tenant, dry_run=True)

    found = {item.bill: item.twins for item in list_duplicates(tenant).items}

    assert {twin["bill"] for twin in found[posting.bill_id]} == {first}
    assert first in {twin["bill"] for twin in found[third]}
    call_command("twins", tenant.slug)
    assert f"bill {first}: INV-2041 of" in capsys.readouterr().out
    call_command("twins", tenant.slug, posting.bill_id, "--ours", "--json")
    assert json.loads(capsys.readouterr().out)["state"] == "dismissed"
    with pytest.raises(CommandProblem, match="is dismissed"):
        call_command("twins", tenant.slug, posting.bill_id, "--ours")


def test_bills_that_wait_are_compared_with_each_other_before_going_live(ready):
    box, tenant = ready
    first = first_bill(box)
    second = once_more(box, first, "INV 2041")
    run_cycle(tenant, dry_run=True)
    found = {item.bill: item.twins for item in list_duplicates(tenant).items}
    assert set(found) & {first, second} in ({first}, {second})
    assert Decimal(next(iter(found.values()))[0]["total"]) > 0


# -- days that can hardly be -----------------------------------------------------------------------


def test_a_year_that_can_hardly_be_is_asked_about_and_goes_on_when_a_person_says_so(ready):
    box, tenant = ready
    bill_id = next(
        b for b, plan in plain_bills(box).items() if row_of(box, b).get("accounting_date")
    )
    box.ramp.app.edit_bill(bill_id, {"issued_at": "1926-11-20T00:00:00+00:00"})

    run_cycle(tenant)

    posting = of(tenant, bill_id)
    assert (posting.state, posting.hold_reason) == (State.QUEUED, "asked")
    assert "the invoice date is 1926-11-20" in posting.hold_message
    assert posting.hold_detail["system"] == "ml-connector"
    assert can_answer(posting)
    box.ramp.app.edit_bill(bill_id, {"issued_at": "2206-11-20T00:00:00+00:00"})
    run_cycle(tenant)
    assert "2206-11-20" in of(tenant, bill_id).hold_message
    box.ramp.app.edit_bill(bill_id, {"issued_at": "1926-11-20T00:00:00+00:00"})
    run_cycle(tenant)

    go_on(tenant, [of(tenant, bill_id)], always=True, actor="Ann")
    run_cycle(tenant, only_ids=[posting.pk])

    assert of(tenant, bill_id).in_epicor, of(tenant, bill_id).hold_message
    assert of(tenant, bill_id).issued_on.isoformat() == "1926-11-20"
    (answer,) = AcceptedQuestion.objects.all()
    assert "1926-11-20" in answer.wording  # an answer for every bill is one about this day
