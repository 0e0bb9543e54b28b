"""Guided removal: an entered invoice leaves Epicor once, and comes back only if asked for."""

import io
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.actions.remove import preview_removal, remove
from connector.domain.errors import HeldError, Hold, OutageError, Reason, TransientError
from connector.management.commands import dismiss
from connector.management.commands import remove as remove_command
from connector.sync.bills.run import run_cycle
from connector.sync.models import InvoiceGroup
from tests.journeys import truth

pytestmark = pytest.mark.slow
DELETE = "DeleteByID"
WHY = {"actor": "Ann", "reason": "Wrong vendor"}


@pytest.fixture(autouse=True)
def connections_stay_open(monkeypatch):
    monkeypatch.setattr("connector.management.base.connections.close_all", lambda: None)


@pytest.fixture
def month(start):
    """The stand-ins and a tenant whose bills are entered and confirmed."""
    box, tenant = start(bills=20)
    run_cycle(tenant)
    return box, tenant


def confirmed(tenant):
    """Some bill that is entered and confirmed."""
    return Posting.objects.filter(tenant=tenant, state="confirmed").order_by("pk").first()


def place(posting):
    return posting.company, posting.vendor_num, posting.invoice_num


def held(posting, reason=Reason.CHANGED):
    lifecycle.hold(posting, Hold(reason, "Another vendor now."))
    return posting


def there(box, posting):
    """The invoices in Epicor that carry this bill's stamp."""
    return truth.ledger(box).get(posting.bill_id, [])


def deletes(box):
    return sum(count for label, count in box.epicor.calls.items() if DELETE in label)


def unchanged(posting, state="confirmed", reason="changed"):
    """As it was, and nobody has it leased."""
    row = Posting.objects.get(pk=posting.pk)
    assert (row.state, row.hold_reason, row.lease_owner) == (state, reason, "")
    return row


def shell(module, *argv):
    """Exit code, standard output, standard error."""
    command = module.Command()
    out, err = io.StringIO(), io.StringIO()
    command.stdout._out, command.stderr._out = out, err
    code = 0
    try:
        command.run_from_argv(["manage.py", "it", *argv])
    except SystemExit as leaving:
        code = leaving.code
    return code, out.getvalue(), err.getvalue()


# the good way ---------------------------------------------------------------------------------


def test_a_removed_invoice_is_gone_and_stays_gone(month):
    box, tenant = month
    posting = held(confirmed(tenant))

    plan = remove(tenant, posting, **WHY, enter_again=False)

    assert plan.invoice is not None
    assert plan.invoice.key == place(posting)
    assert there(box, posting) == []
    row = Posting.objects.get(pk=posting.pk)
    assert (row.state, row.hold_reason, row.lease_owner) == ("removed", "", "")
    entry = AuditEntry.objects.get(action="posting.removed")
    assert (entry.actor, entry.body["reason"]) == ("Ann", "Wrong vendor")
    assert entry.body["invoice"]["invoice_num"] == posting.invoice_num
    attempt = Attempt.objects.get(action="remove_invoice")
    assert (attempt.outcome, attempt.subject_id) == ("done", posting.bill_id)
    assert not InvoiceGroup.objects.exclude(lease_owner="").exists()
    assert entry.seq is not None

    assert run_cycle(tenant).entered == 0
    assert there(box, posting) == []


def test_a_removed_bill_is_entered_again_as_it_is_in_ramp_now(month):
    box, tenant = month
    posting = confirmed(tenant)
    box.ramp.app.edit_bill(posting.bill_id, {"invoice_number": "NEW-1"})
    held(posting)
    before = there(box, posting)[0]["header"]["InvoiceNum"]

    remove(tenant, posting, **WHY, enter_again=True)

    assert (posting.state, posting.invoice_num) == ("queued", "NEW-1")
    assert there(box, posting) == []
    summary = run_cycle(tenant)
    (invoice,) = there(box, posting)
    assert (before, invoice["header"]["InvoiceNum"]) != ("NEW-1", before)
    assert invoice["header"]["InvoiceNum"] == "NEW-1"
    posting.refresh_from_db()
    assert (posting.state, posting.hold_reason) == ("confirmed", "")
    assert (summary.entered, summary.confirmed) == (1, 1)
    keys = attempts.keys_of(tenant.pk, [posting.bill_id])[posting.bill_id]
    assert {number for _, _, number in keys} == {before, "NEW-1"}


def test_an_invoice_deleted_in_epicor_is_only_recorded(month):
    box, tenant = month
    posting = held(confirmed(tenant), Reason.MISMATCH)
    box.epicor.app.delete_invoice(*place(posting))

    plan = remove(tenant, posting, **WHY, enter_again=False)

    assert plan.invoice is None
    assert deletes(box) == 0
    assert posting.state == "removed"
    body = AuditEntry.objects.get(action="posting.removed").body
    assert body["invoice"] is None
    assert posting.company in body["looked_in"]


def test_a_bill_removed_before_can_be_entered_again_later(month):
    box, tenant = month
    posting = confirmed(tenant)
    remove(tenant, posting, **WHY, enter_again=False)
    remove(tenant, posting, **WHY, enter_again=True)
    assert posting.state == "queued"
    run_cycle(tenant)
    assert len(there(box, posting)) == 1


def test_what_ramp_was_told_just_before_a_crash_still_counts_as_told_by_us(month):
    """The run died after Ramp took the confirmation and before that was noted."""
    box, tenant = month
    posting = confirmed(tenant)
    Posting.objects.filter(pk=posting.pk).update(state="entered", confirmed_at=None)
    AuditEntry.objects.filter(action="posting.confirmed", subject_id=posting.bill_id).delete()

    remove(tenant, posting, **WHY, enter_again=True)

    assert AuditEntry.objects.filter(action="posting.confirmed", subject_id=posting.bill_id)
    assert box.ramp.state()["bills"][posting.bill_id]["sync_status"] == "BILL_SYNCED"


# what it refuses ------------------------------------------------------------------------------


def refusal(tenant, posting, *, again=False):
    """The sentence; nothing was changed, and a plan says the same."""
    rows = (Attempt.objects.count(), posting.state)
    planned = preview_removal(tenant, posting, enter_again=again).refusal
    with pytest.raises(HeldError) as refused:
        remove(tenant, posting, **WHY, enter_again=again)
    assert refused.value.message == planned != ""
    assert (Attempt.objects.count(), posting.state) == rows
    return planned


def test_a_posted_invoice_stays(month):
    box, tenant = month
    posting = held(confirmed(tenant))
    box.epicor.app.post_group(posting.company, posting.group_id)
    assert "posted to the ledger" in refusal(tenant, posting)
    unchanged(posting)


def test_an_invoice_in_a_group_that_a_person_works_in_stays(month):
    box, tenant = month
    posting = held(confirmed(tenant))
    box.epicor.app.lock_group(posting.company, posting.group_id)
    assert "open on the screen of jsmith" in refusal(tenant, posting)
    unchanged(posting)
    box.epicor.app.unlock_group(posting.company, posting.group_id)
    remove(tenant, posting, **WHY, enter_again=False)
    assert there(box, posting) == []


@pytest.mark.parametrize(
    ("stamp", "said"), [("", "does not carry our stamp"), ("other", "the stamp of another bill")]
)
def test_an_invoice_without_our_stamp_stays(month, stamp, said):
    box, tenant = month
    posting = held(confirmed(tenant))
    box.epicor.app.edit_invoice(*place(posting), {"ExternalID": stamp, "ExtSysURL": ""})
    assert said in refusal(tenant, posting)
    unchanged(posting)
    assert deletes(box) == 0


def test_an_adopted_invoice_can_be_removed_without_our_stamp(month):
    box, tenant = month
    posting = held(confirmed(tenant))
    box.epicor.app.edit_invoice(*place(posting), {"ExternalID": ""})
    Posting.objects.filter(pk=posting.pk).update(entered_as={"adopted": True})
    remove(tenant, posting, **WHY, enter_again=False)
    assert posting.state == "removed"
    assert not any(
        (row["company"], row["header"]["VendorNum"], row["header"]["InvoiceNum"]) == place(posting)
        for row in box.epicor.state()["invoices"]
    )


def test_of_two_invoices_with_our_stamp_none_is_removed(month):
    box, tenant = month
    posting = held(confirmed(tenant))
    box.epicor.app.type_invoice(
        posting.company, posting.vendor_num, "TWIN-1", "5.00", external_id=posting.bill_id
    )
    said = refusal(tenant, posting)
    assert "more than one invoice" in said
    assert "TWIN-1" in said
    assert len(there(box, posting)) == 2


def test_a_bill_archived_in_ramp_is_not_entered_again(month):
    box, tenant = month
    posting = held(confirmed(tenant), Reason.ARCHIVED)
    box.ramp.app.archive_bill(posting.bill_id)
    assert "archived in Ramp" in refusal(tenant, posting, again=True)
    unchanged(posting, reason="archived")
    remove(tenant, posting, **WHY, enter_again=False)
    assert there(box, posting) == []
    assert "archived in Ramp" in refusal(tenant, posting, again=True)
    assert posting.state == "removed"


@pytest.mark.parametrize("state", ["queued", "in_flight", "in_doubt", "dismissed", "removed"])
def test_only_something_entered_is_removed(month, state):
    _, tenant = month
    posting = confirmed(tenant)
    Posting.objects.filter(pk=posting.pk).update(state=state)
    posting.refresh_from_db()
    assert posting.bill_id in refusal(tenant, posting)


def test_a_removal_needs_a_reason(month):
    _, tenant = month
    with pytest.raises(HeldError, match="Say why"):
        remove(tenant, confirmed(tenant), actor="Ann", reason=" ", enter_again=False)


def test_two_people_do_not_remove_at_once(month):
    box, tenant = month
    posting = held(confirmed(tenant))
    now = timezone.now()
    other = Posting.objects.get(pk=posting.pk)
    lifecycle.take(other, owner="bob", until=now + timedelta(minutes=5), now=now)
    with pytest.raises(HeldError, match="just now"):
        remove(tenant, posting, **WHY, enter_again=False)
    assert len(there(box, posting)) == 1
    assert Posting.objects.get(pk=posting.pk).lease_owner == "bob"


def test_nothing_is_deleted_in_a_group_that_a_lane_writes_into(month):
    box, tenant = month
    posting = held(confirmed(tenant))
    group = InvoiceGroup.objects.filter(group_id=posting.group_id, company=posting.company)
    until = timezone.now() + timedelta(minutes=5)
    group.update(lease_owner="lane", lease_until=until)
    with pytest.raises(HeldError, match="A sync writes into group"):
        remove(tenant, posting, **WHY, enter_again=False)
    unchanged(posting)
    assert group.get().lease_owner == "lane"
    assert deletes(box) == 0


# when the write goes wrong --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["reset_after", "truncate"])
def test_a_lost_answer_is_looked_up_and_what_is_gone_is_removed(month, kind):
    box, tenant = month
    posting = held(confirmed(tenant))
    box.epicor.fail_next(DELETE, kind)

    remove(tenant, posting, **WHY, enter_again=True)

    attempt = Attempt.objects.get(action="remove_invoice")
    assert (attempt.outcome, attempt.resolved) == ("unknown", True)
    assert posting.state == "queued"
    assert deletes(box) == 1
    run_cycle(tenant)
    assert len(there(box, posting)) == 1


def test_a_delete_that_never_arrived_is_not_repeated_before_its_deadline_is_over(month):
    box, tenant = month
    posting = held(confirmed(tenant))
    box.epicor.fail_next(DELETE, "late", seconds=0.5)

    with pytest.raises(HeldError, match="still there"):
        remove(tenant, posting, **WHY, enter_again=True)

    row = unchanged(posting)
    attempt = Attempt.objects.get(action="remove_invoice")
    assert (attempt.outcome, attempt.resolved) == ("unknown", False)
    assert row.not_before is not None
    assert row.not_before > attempt.deadline_at
    # Once more at once would race with the first one and hit what is entered anew.
    with pytest.raises(HeldError, match="no answer from Epicor yet"):
        remove(tenant, row, **WHY, enter_again=True)
    assert deletes(box) == 1


def test_the_same_removal_goes_through_once_the_first_is_over(month):
    box, tenant = month
    posting = held(confirmed(tenant))
    box.epicor.fail_next(DELETE, "reset_before")
    with pytest.raises((HeldError, TransientError)):
        remove(tenant, posting, **WHY, enter_again=False)
    unchanged(posting)
    Attempt.objects.update(deadline_at=timezone.now() - timedelta(hours=1))

    remove(tenant, posting, **WHY, enter_again=False)

    assert there(box, posting) == []
    assert attempts.doubts(tenant.pk, [posting.bill_id]) == {}


def test_a_refusal_of_epicor_is_told_in_its_words(month):
    box, tenant = month
    posting = held(confirmed(tenant))
    body = {"ErrorMessage": "The moon is full.", "ErrorType": "Ice.Common.BusinessObjectException"}
    box.epicor.fail_next(DELETE, "status", status=400, body=body)
    code, _, err = shell(remove_command, tenant.slug, posting.bill_id, "--reason", "Why not")
    assert code == 2
    assert "The moon is full" in err
    unchanged(posting)
    assert Attempt.objects.get(action="remove_invoice").outcome == "refused"


def test_a_process_that_dies_after_the_delete_leaves_it_to_be_looked_at(month, monkeypatch):
    box, tenant = month
    posting = held(confirmed(tenant))

    class DiedError(Exception):
        pass

    def die(*_, **__):
        raise DiedError

    with monkeypatch.context() as patched:
        patched.setattr("connector.actions.remove._look_again", die)
        with pytest.raises(DiedError):
            remove(tenant, posting, **WHY, enter_again=False)
    assert there(box, posting) == []
    row = Posting.objects.get(pk=posting.pk)
    assert (row.state, row.hold_reason) == ("confirmed", "changed")
    Posting.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    run_cycle(tenant)  # gives the lease back, looks, and finds nothing
    row = unchanged(posting, reason="mismatch")
    assert there(box, posting) == []
    remove(tenant, row, **WHY, enter_again=True)
    run_cycle(tenant)
    assert len(there(box, posting)) == 1


def test_when_ramp_cannot_be_read_nothing_is_removed(month):
    box, tenant = month
    posting = held(confirmed(tenant))
    box.ramp.fail_next(f"/bills/{posting.bill_id}", "status", times=9, status=503)
    with pytest.raises((TransientError, OutageError)):
        remove(tenant, posting, **WHY, enter_again=False)
    unchanged(posting)
    assert deletes(box) == 0


# the commands ---------------------------------------------------------------------------------


def test_the_command_shows_then_does(month):
    box, tenant = month
    posting = held(confirmed(tenant))
    header = there(box, posting)[0]["header"]
    box.epicor.app.edit_invoice(*place(posting), {"Description": "By hand"})
    argv = (tenant.slug, posting.bill_id, "--reason", "Wrong vendor")

    code, out, err = shell(remove_command, *argv, "--dry-run", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert list(found) == ["bill", "state", "invoice"]
    assert (found["bill"], found["state"]) == (posting.bill_id, "confirmed")
    assert found["invoice"]["invoice_num"] == posting.invoice_num
    assert found["invoice"]["group"] == posting.group_id
    assert float(found["invoice"]["total"]) == float(header["DocInvoiceVendorAmt"])
    code, out, _ = shell(remove_command, *argv, "--dry-run")
    assert code == 0
    assert out.startswith("Would delete")
    assert "jsmith changed it" in out
    assert len(there(box, posting)) == 1

    code, out, _ = shell(remove_command, *argv, "--enter-again")
    assert code == 0
    assert "The next sync enters the bill anew." in out
    assert there(box, posting) == []
    assert Posting.objects.get(pk=posting.pk).state == "queued"


def test_a_removal_says_that_ramp_has_the_bill_as_synced_and_the_plan_agrees(month):
    box, tenant = month
    posting = confirmed(tenant)
    argv = (tenant.slug, posting.bill_id, "--reason", "Wrong vendor")

    code, out, _ = shell(remove_command, *argv, "--dry-run")
    assert (code, out.startswith("Would delete")) == (0, True)
    assert "Ramp still shows the bill as synced, and Epicor would owe nothing" in out
    code, out, _ = shell(remove_command, *argv)
    assert (code, out.startswith("Deleted")) == (0, True)
    assert "typed by" not in out
    assert "Epicor owes nothing for it now" in out
    assert "--enter-again" in out

    for dry, said in (("--dry-run", "would enter"), ("--json", ""), ("--dry-run", None)):
        code, out, err = shell(remove_command, *argv, "--enter-again", dry)
        if said is None:  # it is queued by now
            assert (code, "is not entered" in err) == (2, True)
        else:
            assert (code, err) == (0, "")
            assert said in out
            assert "recorded" not in out
    assert Posting.objects.get(pk=posting.pk).state == "queued"
    assert there(box, posting) == []


def test_a_removal_says_whose_work_it_deletes_and_what_it_only_records(month):
    box, tenant = month
    posting = confirmed(tenant)
    box.ramp.app.edit_bill(posting.bill_id, {"sync_status": "NOT_SYNCED"})
    Posting.objects.filter(pk=posting.pk).update(entered_as={"adopted": True})
    header = there(box, posting)[0]["header"]
    argv = (tenant.slug, posting.bill_id, "--reason", "Wrong vendor")
    _, out, _ = shell(remove_command, *argv, "--dry-run")
    assert f"(group {posting.group_id}, typed by {header['EntryPerson']})" in out
    assert "synced" not in out
    box.epicor.app.delete_invoice(*place(posting))
    _, out, _ = shell(remove_command, *argv, "--dry-run")
    assert "It would be recorded as removed." in out
    _, out, _ = shell(remove_command, *argv)
    assert "It is recorded as removed now." in out
    assert Posting.objects.get(pk=posting.pk).state == "removed"


def test_the_command_refuses_in_one_sentence(month):
    box, tenant = month
    posting = confirmed(tenant)
    box.epicor.app.post_group(posting.company, posting.group_id)
    for more in ((), ("--dry-run",)):
        code, out, err = shell(
            remove_command, tenant.slug, posting.bill_id, "--reason", "Wrong vendor", *more
        )
        assert (code, out) == (2, "")
        assert "posted to the ledger" in err
        assert err.count("\n") == 1


def test_dismissing_something_entered_keeps_it_as_it_is(month):
    box, tenant = month
    posting = held(confirmed(tenant))
    code, out, err = shell(
        dismiss, tenant.slug, posting.bill_id, "--reason", "The vendor credits it.", "--json"
    )
    assert (code, err) == (0, "")
    assert json.loads(out) == {"bill": posting.bill_id, "state": "confirmed"}
    unchanged(posting, reason="")
    assert len(there(box, posting)) == 1
    code, _, err = shell(dismiss, tenant.slug, posting.bill_id, "--reason", "Again.")
    assert code == 2
    assert "nothing about it waits" in err


@pytest.mark.parametrize("reason", ["in_doubt", "duplicate_suspected", "unavailable", "bug"])
def test_dismiss_is_refused_while_the_state_is_unknown(month, reason):
    _, tenant = month
    posting = held(confirmed(tenant), Reason(reason))
    code, _, err = shell(dismiss, tenant.slug, posting.bill_id, "--reason", "Fine.")
    assert code == 2
    assert "Nothing was changed" in err
    unchanged(posting, reason=reason)
