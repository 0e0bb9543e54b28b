"""Reading everything back: what is as it was entered is proven, everything else is named."""

import io
import json
from datetime import timedelta
from decimal import Decimal
from math import ceil

import pytest
from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.domain.difference import restored
from connector.domain.errors import Hold, Reason, TransientError
from connector.epicor.ap_invoice.draft import APInvoiceDraft
from connector.management.commands import reprove as reprove_command
from connector.sync.bills import verify as module
from connector.sync.bills.run import run_cycle
from connector.sync.bills.verify import reprove

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def connections_stay_open(monkeypatch):
    monkeypatch.setattr("connector.management.base.connections.close_all", lambda: None)


@pytest.fixture
def month(start):
    """The stand-ins and a tenant whose bills are entered and confirmed."""
    box, tenant = start(bills=20)
    run_cycle(tenant)
    return box, tenant


def entered(tenant):
    return Posting.objects.filter(tenant=tenant, state="confirmed").order_by("pk")


def dollars(tenant):
    """Some entered bill in USD, not a credit."""
    return entered(tenant).filter(currency="USD", amount__gt=10).first()


def place(posting):
    return posting.company, posting.vendor_num, posting.invoice_num


def edit(box, posting, **changes):
    box.epicor.app.edit_invoice(*place(posting), changes)


def reads(box):
    return sum(n for label, n in box.epicor.calls.items() if "APInvoiceSvc/GetRows" in label)


def shell(*argv):
    """Exit code, standard output, standard error."""
    command = reprove_command.Command()
    out, err = io.StringIO(), io.StringIO()
    command.stdout._out, command.stderr._out = out, err
    code = 0
    try:
        command.run_from_argv(["manage.py", "it", *argv])
    except SystemExit as leaving:
        code = leaving.code
    return code, out.getvalue(), err.getvalue()


def test_a_month_is_proven_in_a_few_requests(start):
    box, tenant = start(bills=200)
    run_cycle(tenant)
    counts = entered(tenant).order_by("company").values_list("company").annotate(n=Count("id"))
    before = (reads(box), len(box.epicor.state()["invoices"]))

    proof = reprove(tenant, days=35)

    assert proof.proven == entered(tenant).count() > 150
    assert proof.drifted == []
    assert set(proof.unexplained.values()) == {Decimal(0)}
    batches = sum(ceil(n / 100) for _, n in counts)
    others = Posting.objects.filter(tenant=tenant, state__in=["queued", "dismissed"]).count()
    # Each company is asked: our stamp must be in none but its own.
    assert reads(box) - before[0] == 2 * (batches + ceil(others / 100))
    assert len(box.epicor.state()["invoices"]) == before[1]
    assert not Posting.objects.exclude(hold_reason__in=["", "mismatch"]).filter(state="confirmed")
    entry = AuditEntry.objects.get(action="tenant.reproved")
    assert entry.body["message"] == proof.sentence
    assert f"{proof.proven} invoices proven, " in proof.sentence
    assert "0.00 USD" in proof.sentence
    assert proof.sentence.endswith(" unexplained")
    assert entry.seq is not None


def test_the_number_of_queries_does_not_grow_with_the_month(month):
    _, tenant = month
    reprove(tenant, days=35)
    with CaptureQueriesContext(connection) as few:
        reprove(tenant, days=35)
    companies = entered(tenant).values("company").distinct().count()
    assert len(few) < 45 + 4 * companies


@pytest.mark.parametrize(
    ("changes", "named", "off"),
    [
        ({"DocInvoiceVendorAmt": Decimal("1.00")}, "Invoice total", None),
        ({"DueDate": "2027-01-31T00:00:00"}, "Due date", Decimal(0)),
        ({"PayHold": False}, "Payment hold", Decimal(0)),
        ({"ExternalID": ""}, "ExternalID", Decimal(0)),
    ],
)
def test_an_invoice_changed_in_epicor_is_named_and_held(month, changes, named, off):
    box, tenant = month
    posting = dollars(tenant)
    count = entered(tenant).count()
    edit(box, posting, **changes)

    proof = reprove(tenant, days=35)

    (drift,) = proof.drifted
    assert (drift.bill, proof.proven) == (posting.bill_id, count - 1)
    assert named in drift.sentences[0]
    expected = abs(posting.amount - 1) if off is None else off
    assert proof.unexplained["USD"] == expected == drift.unexplained
    assert "1 differs," in proof.sentence
    row = Posting.objects.get(pk=posting.pk)
    assert (row.state, row.hold_reason, row.lease_owner) == ("confirmed", "mismatch", "")
    assert restored(row.hold_detail["differences"]) == drift.differences
    assert named in row.hold_message


def test_an_invoice_that_is_not_there_is_unexplained_in_full(month):
    box, tenant = month
    posting = dollars(tenant)
    box.epicor.app.delete_invoice(*place(posting))
    proof = reprove(tenant, days=35)
    (drift,) = proof.drifted
    assert (drift.live, drift.unexplained) == (None, posting.amount)
    assert proof.unexplained["USD"] == posting.amount
    assert "not in Epicor any more" in Posting.objects.get(pk=posting.pk).hold_message


def test_two_invoices_with_one_stamp_are_not_proven(month):
    box, tenant = month
    posting = dollars(tenant)
    box.epicor.app.type_invoice(
        posting.company, posting.vendor_num, "TWIN-1", "5.00", external_id=posting.bill_id
    )
    (drift,) = reprove(tenant, days=35).drifted
    assert "2 invoices carry this bill's stamp" in drift.sentences[0]
    assert drift.unexplained == 5


def test_a_drift_is_held_once_and_the_hold_closes_when_it_is_right_again(month):
    box, tenant = month
    posting = dollars(tenant)
    edit(box, posting, PayHold=False)
    for _ in range(2):
        assert len(reprove(tenant, days=35).drifted) == 1
    assert AuditEntry.objects.filter(action="posting.held", subject_id=posting.bill_id).count() == 1

    edit(box, posting, PayHold=True)
    assert reprove(tenant, days=35).drifted == []
    row = Posting.objects.get(pk=posting.pk)
    assert (row.hold_reason, row.lease_owner, row.not_before) == ("", "", None)
    assert AuditEntry.objects.filter(action="posting.rechecked", subject_id=posting.bill_id)


def test_holds_of_others_stay_as_they_are(month):
    box, tenant = month
    fine, drifted = entered(tenant).filter(currency="USD")[:2]
    for posting in (fine, drifted):
        lifecycle.hold(posting, Hold(Reason.CHANGED, "Edited in Ramp."))
    edit(box, drifted, PayHold=False)
    proof = reprove(tenant, days=35)
    assert [drift.bill for drift in proof.drifted] == [drifted.bill_id]
    for posting in (fine, drifted):
        row = Posting.objects.get(pk=posting.pk)
        assert (row.hold_reason, row.hold_message) == ("changed", "Edited in Ramp.")


def test_what_a_person_kept_is_proven_until_it_changes_again(month):
    box, tenant = month
    posting = dollars(tenant)
    edit(box, posting, PayHold=False)
    reprove(tenant, days=35)
    posting.refresh_from_db()
    lifecycle.keep(posting, actor="Ann", reason="To be paid by cheque.")

    assert reprove(tenant, days=35).drifted == []
    edit(box, posting, DueDate="2027-01-31T00:00:00")
    (drift,) = reprove(tenant, days=35).drifted
    (point,) = drift.differences
    assert point.field == "due_date"


def test_an_adopted_invoice_is_compared_by_key_and_money(month):
    box, tenant = month
    posting = dollars(tenant)
    edit(box, posting, ExternalID="", PayHold=False)
    adopted = {
        "adopted": True,
        "company": posting.company,
        "vendor_num": posting.vendor_num,
        "invoice_num": posting.invoice_num,
        "total": str(posting.amount),
        "currency_code": "USD",
    }
    Posting.objects.filter(pk=posting.pk).update(entered_as=adopted)
    assert reprove(tenant, days=35).drifted == []
    edit(box, posting, DocInvoiceVendorAmt=Decimal("3.00"))
    (drift,) = reprove(tenant, days=35).drifted
    assert drift.unexplained == posting.amount - 3


def test_an_invoice_whose_draft_was_not_kept_is_compared_by_its_row(month):
    box, tenant = month
    posting = dollars(tenant)
    entered(tenant).update(entered_as={})
    assert reprove(tenant, days=35).drifted == []
    edit(box, posting, PayHold=False)
    assert reprove(tenant, days=35).drifted == []
    edit(box, posting, DocInvoiceVendorAmt=Decimal("3.00"))
    assert [drift.bill for drift in reprove(tenant, days=35).drifted] == [posting.bill_id]


def test_only_what_is_entered_in_these_days_and_nobody_works_on_is_read(month):
    _, tenant = month
    old, busy = entered(tenant)[:2]
    Posting.objects.filter(pk=old.pk).update(entered_at=timezone.now() - timedelta(days=36))
    now = timezone.now()
    lifecycle.take(busy, owner="ann", until=now + timedelta(minutes=5), now=now)
    assert reprove(tenant, days=35).proven == entered(tenant).count() - 2


def test_what_moves_while_it_is_read_is_not_judged(month, monkeypatch):
    box, tenant = month
    posting = dollars(tenant)
    edit(box, posting, PayHold=False)
    real = module.look_up

    def meanwhile(*args, **kwargs):
        found = real(*args, **kwargs)
        Posting.objects.filter(pk=posting.pk).update(updated_at=timezone.now())
        return found

    monkeypatch.setattr(module, "look_up", meanwhile)
    proof = reprove(tenant, days=35)
    assert (proof.drifted, proof.proven) == ([], entered(tenant).count() - 1)
    assert Posting.objects.get(pk=posting.pk).hold_reason == ""


def test_a_proof_that_cannot_read_proves_nothing(month):
    box, tenant = month
    box.epicor.fail_next("APInvoiceSvc/GetRows", "status", times=9, status=503)
    with pytest.raises(TransientError):
        reprove(tenant, days=35)
    assert not AuditEntry.objects.filter(action="tenant.reproved").exists()
    assert not entered(tenant).exclude(hold_reason="").exists()


def test_the_draft_that_is_kept_is_the_draft_that_was_verified(month):
    _, tenant = month
    for posting in entered(tenant):
        draft = APInvoiceDraft.from_json(posting.entered_as)
        assert draft.total == posting.amount
        assert draft.key == place(posting)
        assert {**draft.as_json(), "payer": posting.entered_as["payer"]} == posting.entered_as


def test_the_command_says_how_much_is_proven(month):
    box, tenant = month
    code, out, err = shell(tenant.slug, "--days", "35", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert list(found) == ["proven", "drifted", "unexplained"]
    assert (found["proven"], found["drifted"]) == (entered(tenant).count(), [])
    assert {"currency": "USD", "amount": "0.00"} in found["unexplained"]

    posting = dollars(tenant)
    edit(box, posting, DocInvoiceVendorAmt=posting.amount + 1)
    code, out, _ = shell(tenant.slug, "--days", "35", "--json")
    assert code == 1
    (drift,) = json.loads(out)["drifted"]
    assert drift["bill"] == posting.bill_id
    assert Decimal(drift["live"]) - Decimal(drift["entered"]) == 1
    code, out, _ = shell(tenant.slug, "--days", "35")
    assert code == 1
    assert posting.bill_id in out
    assert "correct the invoice in Epicor and prove again" in out
    assert "1.00 USD" in out.splitlines()[-1]
    assert " + " not in out


@pytest.mark.parametrize("argv", [(), ("--days", "0"), ("--days", "many")])
def test_the_command_needs_a_number_of_days(month, argv):
    _, tenant = month
    code, out, err = shell(tenant.slug, *argv)
    assert (code, out) == (2, "")
    assert "days" in err


def test_an_invoice_that_is_gone_cannot_be_kept(month):
    box, tenant = month
    posting = dollars(tenant)
    box.epicor.app.delete_invoice(*place(posting))
    reprove(tenant, days=1)
    posting.refresh_from_db()

    with pytest.raises(ValueError, match="record the removal"):
        lifecycle.keep(posting, actor="clerk", reason="I do not mind.")

    assert [drift.bill for drift in reprove(tenant, days=1).drifted] == [posting.bill_id]


def test_what_a_person_kept_is_not_raised_again_by_a_replay(month):
    box, tenant = month
    posting = dollars(tenant)
    edit(box, posting, TermsCode="N60")
    reprove(tenant, days=1)
    posting.refresh_from_db()
    assert posting.hold_reason == "mismatch"
    lifecycle.keep(posting, actor="clerk", reason="Agreed with the vendor.")

    for _ in range(2):
        lifecycle.request_recheck([posting], message="look again")
        run_cycle(tenant, only_ids=[posting.pk])
        posting.refresh_from_db()
        assert posting.hold_reason == ""
    edit(box, posting, TermsCode="N90")
    lifecycle.request_recheck([posting], message="look again")
    run_cycle(tenant, only_ids=[posting.pk])
    posting.refresh_from_db()
    assert posting.hold_reason == "mismatch"


@pytest.mark.parametrize("kept", [{}, {"adopted": False, "half": "a draft"}])
def test_one_record_that_cannot_be_read_stops_neither_the_run_nor_the_proof(month, kept):
    _, tenant = month
    posting = dollars(tenant)
    Posting.objects.filter(pk=posting.pk).update(entered_as=kept)
    posting.refresh_from_db()
    lifecycle.request_recheck([posting], message="look again")

    run_cycle(tenant)

    assert AuditEntry.objects.filter(action="posting.rechecked", subject_id=posting.bill_id)
    assert reprove(tenant, days=1).drifted == []
