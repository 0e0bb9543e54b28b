"""The commands about single bills and the queue, on both stand-ins after a real cycle."""

import io
import json
import os
import pwd
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Count
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import Blocker, Posting
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.domain.errors import Hold, Reason
from connector.jobs.models import Job
from connector.management import base
from connector.management.commands import bill, dismiss, exceptions, preview, replay, sync
from connector.sync.bills.run import run_cycle
from connector.sync.models import Bill, InvoiceGroup
from connector.tenants.models import FinanceCalendar, PostingSettings
from connector.tenants.tenant_file import apply
from mappings.files import MappingRow
from mappings.import_export import import_mappings
from mappings.models import VendorMapping

# Intents are committed before they are sent, which no test transaction may hide.
pytestmark = pytest.mark.django_db(transaction=True)

SYNC_KEYS = {
    "run", "fetched", "entered", "updated", "confirmed", "exceptions", "held", "in_doubt",
    "unchanged", "calls", "seconds",
}  # fmt: skip


@pytest.fixture(autouse=True)
def connections_stay_open(monkeypatch):
    monkeypatch.setattr("connector.management.base.connections.close_all", lambda: None)


@pytest.fixture
def tenant(box):
    """The demo tenant after its first cycle, in which no mapping existed: nothing is entered."""
    made, _, _ = apply(box.world.tenant_file(box.ramp.url, box.epicor.url))
    run_cycle(made, budget_s=60)
    return made


@pytest.fixture
def mapped(box, tenant):
    """The same, with every mapping there now whose target exists; the bills still wait."""
    for kind, rows in box.world.mapping_files().items():
        numbered = [MappingRow(number, **row) for number, row in enumerate(rows, start=2)]
        wrong = {n for n, _ in import_mappings(tenant.pk, kind, numbered, actor="test").errors}
        good = [row for row in numbered if row.number not in wrong]
        assert not import_mappings(tenant.pk, kind, good, actor="test").errors
    return tenant


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


def document(module, *argv):
    """Exit code and the one JSON document."""
    code, out, err = shell(module, *argv, "--json")
    assert err == ""
    return code, json.loads(out)


def refused(module, *argv):
    """The sentence of a command that could not run."""
    code, out, err = shell(module, *argv)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    return err


def snapshot():
    """Everything a look must not change."""
    rows = Posting.objects.order_by("pk").values_list("pk", "state", "hold_reason", "not_before")
    models = (Attempt, AuditEntry, Bill, InvoiceGroup, Job)
    return list(rows), [model.objects.count() for model in models]


def enterable(box, *, credit=False):
    """The id and the truth of a bill that can be entered once its mappings are there."""
    found = box.world.expected().items()
    return next((i, e) for i, e in found if e.outcome == "entered" and e.credit is credit)


def excepted(box, reason):
    return next(i for i, e in box.world.expected().items() if e.reason == reason)


# -- exceptions --------------------------------------------------------------------------------


def test_exceptions_tell_what_waits_and_how_much(tenant):
    code, found = document(exceptions, "demo")
    assert code == 1
    assert set(found) == {"count", "causes", "items"}
    assert found["count"] == len(found["items"]) == Posting.objects.exclude(hold_reason="").count()
    assert {tuple(cause) for cause in found["causes"]} == {("reason", "subject", "bills", "sums")}
    sums: Counter[str] = Counter()
    for item in found["items"]:
        assert set(item) == {"bill", "reason", "message", "amount", "currency"}
        sums[item["currency"]] += Decimal(item["amount"] or 0)
    assert sums["USD"] > 0
    yen = [item["amount"] for item in found["items"] if item["currency"] == "JPY"]
    assert yen
    assert not any("." in amount for amount in yen)


def test_the_table_names_each_next_step(tenant):
    code, out, _ = shell(exceptions, "demo")
    assert code == 1
    assert "Map the account to an Epicor GL account, then replay." in out
    assert "Correct the bill in Ramp, then replay." in out
    row = Posting.objects.exclude(hold_reason="").exclude(invoice_num="").first()
    line = next(line for line in out.splitlines() if line.startswith(row.bill_id))
    assert line.endswith(f"{row.vendor_name}, {row.invoice_num}")


def test_an_empty_queue_is_zero(tenant):
    Posting.objects.update(hold_reason="")
    assert document(exceptions, "demo") == (0, {"count": 0, "causes": [], "items": []})


# -- bill --------------------------------------------------------------------------------------


def test_a_held_bill_shows_its_hold(box, tenant):
    bill_id = excepted(box, "invalid_bill")
    code, found = document(bill, "demo", bill_id)
    assert code == 1
    assert list(found) == [
        "bill", "state", "hold", "company", "vendor_num", "invoice_num", "group", "amount",
        "currency", "attempts", "events",
    ]  # fmt: skip
    assert (found["bill"], found["state"], found["attempts"]) == (bill_id, "queued", [])
    assert set(found["hold"]) == {"reason", "message", "opened_at"}
    assert found["hold"]["reason"] == "invalid_bill"
    assert [event["action"] for event in found["events"]][-1] == "posting.held"


def test_an_entered_bill_shows_attempt_and_invoice(box, mapped):
    bill_id, truth = enterable(box)
    assert shell(replay, "demo", bill_id)[0] == 0
    code, found = document(bill, "demo", bill_id)
    assert (code, found["state"], found["hold"]) == (0, "confirmed", None)
    assert found["vendor_num"] == truth.vendor_num
    assert (found["company"], found["invoice_num"]) == (truth.company, truth.invoice_num)
    assert Decimal(found["amount"]) == truth.total
    assert found["group"].startswith("R")
    assert {attempt["outcome"] for attempt in found["attempts"]} == {"done"}
    assert {"posting.replayed", "posting.entered"} <= {e["action"] for e in found["events"]}
    code, out, _ = shell(bill, "demo", bill_id)
    assert code == 0
    assert "enter_invoice done" in out


def test_the_history_says_why(box, tenant):
    row = Posting.objects.get(bill_id=excepted(box, "invalid_bill"))
    now = timezone.now()
    lifecycle.replay([row], actor="Ann")
    lifecycle.take(row, owner="w", until=now + timedelta(minutes=5), now=now)
    due = datetime(2026, 12, 1, 8, 30, tzinfo=UTC)
    lifecycle.release(row, owner="w", not_before=due, message="Not approved.", failed=False)
    lifecycle.take(row, owner="w", until=now + timedelta(minutes=5), now=now)
    facts = {"company": "E", "vendor_num": 1, "invoice_num": "N", "group_id": "", "sys_rev_id": 1}
    lifecycle.mark_entered(
        row,
        owner="w",
        entered_hash="",
        entered_as={"adopted": True},
        apply_on=due.date(),
        body={"adopted": True, "reason": "Compared the paper."},
        actor="Ann",
        **facts,
    )
    lifecycle.mark_removed(row, actor="Ann", reason="Wrong vendor.")
    _, out, _ = shell(bill, "demo", row.bill_id)
    assert "posting.held by system: invalid_bill; " in out
    assert "posting.replayed by Ann\n" in out
    assert "posting.released by system: Not approved.; not before 2026-12-01 08:30 UTC\n" in out
    assert "posting.entered by Ann: typed by hand; Compared the paper.\n" in out
    assert "posting.removed by Ann: Wrong vendor." in out


@pytest.mark.parametrize("module", [bill, replay, dismiss])
def test_an_unknown_bill_is_named(tenant, module):
    more = ("--reason", "paid by hand") if module is dismiss else ()
    before = snapshot()
    assert "no-such-bill" in refused(module, "demo", "no-such-bill", *more)
    assert snapshot() == before


# -- preview -----------------------------------------------------------------------------------


@pytest.mark.parametrize("credit", [False, True])
def test_a_preview_is_what_is_sent_then(box, mapped, credit):
    bill_id, truth = enterable(box, credit=credit)
    before, calls = snapshot(), dict(box.epicor.calls)
    code, found = document(preview, "demo", bill_id)
    assert (code, found["problems"]) == (0, [])
    assert (snapshot(), dict(box.epicor.calls)) == (before, calls)
    draft, ds = found["draft"], found["request"]["parameters"]["ds"]
    assert Decimal(draft["total"]) == truth.total
    assert [(x["account"], Decimal(x["amount"])) for x in draft["lines"]] == list(truth.lines)
    assert [entry["field"] for entry in found["coding"][:3]] == ["vendor", "terms", "currency"]
    assert [x["code"] for x in found["coding"][3:]] == [account for account, _ in truth.lines]
    assert all(entry["why"] for entry in found["coding"])
    document(replay, "demo", bill_id)
    sent = Attempt.objects.filter(subject_id=bill_id, action="enter_invoice").first().request
    assert found["request"]["method"] == sent["method"] == "UpdateMaster"
    assert found["request"]["parameters"]["cGroupID"] == sent["cGroupID"]
    assert {t: rows for t, rows in ds.items() if t != "APInvHed"} == {
        t: rows for t, rows in sent["ds"].items() if t != "APInvHed"
    }
    # The header differs only in the defaults that Epicor's own new row brings.
    assert ds["APInvHed"][0].items() <= sent["ds"]["APInvHed"][0].items()


@pytest.mark.parametrize("writer", ["two_step", "update_ext", "by_the_book"])
def test_a_preview_shows_what_the_tenants_writer_sends(box, mapped, writer):
    PostingSettings.objects.filter(tenant=mapped).update(writer=writer)
    bill_id, truth = enterable(box)
    code, found = document(preview, "demo", bill_id)
    assert (code, found["problems"]) == (0, [])
    document(replay, "demo", bill_id)
    assert Posting.objects.get(bill_id=bill_id).state == "confirmed"
    sent = Attempt.objects.filter(subject_id=bill_id, action="enter_invoice").order_by("pk")
    shown = [found["request"], *found["request"].get("then", ())]
    methods = [attempt.request["method"] for attempt in sent]
    assert [request["method"] for request in shown] == methods
    rows = json.dumps(shown[-1]["parameters"]["ds"], ensure_ascii=False)
    assert truth.invoice_num in rows
    assert truth.lines[-1][0] in rows


def test_a_preview_of_a_saver_of_single_tables_shows_every_request(box, mapped):
    box.epicor.app.set_update_master("named")
    good = [i for i, e in box.world.expected().items() if e.outcome == "entered"]
    first, second = good[:2]
    document(replay, "demo", first)  # learns how this Epicor saves
    code, found = document(preview, "demo", second)
    assert code == 0
    tables = [r["parameters"]["cTableName"] for r in (found["request"], *found["request"]["then"])]
    assert tables[:2] == ["APInvHed", "APInvDtl"]
    assert "one after the other" in found["request"]["note"]


def test_a_preview_names_every_problem(box, tenant):
    blocked = next(p for p in Posting.objects.all() if p.blockers.count() > 1)
    before = snapshot()
    code, found = document(preview, "demo", blocked.bill_id)
    assert code == 1
    assert (found["draft"], found["request"], found["coding"]) == (None, None, [])
    told = [(problem["reason"], problem["message"]) for problem in found["problems"]]
    assert told == list(blocked.blockers.values_list("reason", "message"))
    assert snapshot() == before


def test_a_bill_that_is_not_mirrored_is_read_from_ramp_and_not_kept(box, mapped):
    bill_id, _ = enterable(box)
    Posting.objects.filter(bill_id=bill_id).first().blockers.all().delete()
    Posting.objects.filter(bill_id=bill_id).delete()
    Bill.objects.filter(bill_id=bill_id).delete()
    code, found = document(preview, "demo", bill_id)
    assert (code, found["problems"]) == (0, [])
    assert not Bill.objects.filter(bill_id=bill_id).exists()
    assert not Posting.objects.filter(bill_id=bill_id).exists()


def test_nothing_is_sent_for_what_is_entered(box, mapped):
    bill_id, _ = enterable(box)
    document(replay, "demo", bill_id)
    code, found = document(preview, "demo", bill_id)
    assert (code, found["request"], found["problems"]) == (0, None, [])
    assert found["draft"] is not None
    code, out, _ = shell(preview, "demo", bill_id)
    assert "is confirmed, so nothing is sent for it any more" in out
    assert "UpdateMaster" not in out


def test_what_epicor_said_stays_a_problem_although_the_bill_looks_fine(box, mapped):
    bill_id, _ = enterable(box)
    posting = Posting.objects.get(bill_id=bill_id)
    lifecycle.hold(posting, Hold(Reason.DUPLICATE_SUSPECTED, "Epicor has it already."))
    code, found = document(preview, "demo", bill_id)
    assert code == 1
    assert found["request"] is not None
    assert found["problems"] == [
        {"reason": "duplicate_suspected", "message": "Epicor has it already."}
    ]


def test_an_archived_bill_cannot_go(box, mapped):
    bill_id, _ = enterable(box)
    row = Bill.objects.get(bill_id=bill_id)
    row.payload = {**row.payload, "archived_at": "2026-11-03T00:00:00+00:00"}
    row.save()
    code, found = document(preview, "demo", bill_id)
    assert (code, found["problems"][0]["reason"]) == (1, "archived")


def test_a_preview_of_a_bill_nobody_knows_is_refused(tenant):
    unknown = "00000000-0000-4000-8000-000000000000"
    assert unknown in refused(preview, "demo", unknown)


def test_the_preview_table_says_why(box, mapped):
    bill_id, truth = enterable(box)
    code, out, _ = shell(preview, "demo", bill_id)
    assert code == 0
    assert truth.lines[0][0] in out
    assert "Why these codes:" in out
    assert '"UpdateMaster"' in out


# -- replay ------------------------------------------------------------------------------------


def test_replaying_one_enters_only_that_one(box, mapped):
    bill_id, _ = enterable(box)
    waiting = Posting.objects.exclude(hold_reason="").count()
    code, found = document(replay, "demo", bill_id)
    assert code == 0
    assert set(found) == SYNC_KEYS
    assert (found["entered"], found["confirmed"]) == (1, 1)
    assert found["exceptions"] == waiting - 1
    assert Posting.objects.get(bill_id=bill_id).state == "confirmed"
    actors = AuditEntry.objects.filter(action="posting.replayed").values_list("actor", "subject_id")
    assert list(actors) == [(base.actor(), bill_id)]
    assert base.actor() == f"{pwd.getpwuid(os.getuid()).pw_name} (command line)"


def test_replaying_all_leaves_exactly_what_a_person_must_decide(box, mapped):
    code, found = document(replay, "demo", "--all")
    truths = box.world.expected()
    outcomes = Counter(truth.outcome for truth in truths.values())
    pairs = {truth.group for truth in truths.values() if truth.outcome == "one_of"}
    assert code == 1
    entered = set(Posting.objects.filter(state="confirmed").values_list("bill_id", flat=True))
    assert {i for i, truth in truths.items() if truth.outcome == "entered"} <= entered
    assert found["entered"] == len(entered) <= outcomes["entered"] + len(pairs)
    held = dict(Posting.objects.exclude(hold_reason="").values_list("bill_id", "hold_reason"))
    for bill_id, truth in truths.items():
        if truth.outcome == "exception":
            assert held[bill_id] == truth.reason
    again = document(replay, "demo", "--all")
    assert (again[0], again[1]["entered"]) == (1, 0)


def test_a_bill_that_is_still_wrong_waits_again(box, mapped):
    bill_id = excepted(box, "invalid_bill")
    code, found = document(replay, "demo", bill_id)
    assert (code, found["entered"]) == (1, 0)
    assert Posting.objects.get(bill_id=bill_id).hold_reason == "invalid_bill"


def test_a_dry_run_counts_and_changes_nothing(box, mapped):
    good, bad = enterable(box)[0], excepted(box, "invalid_bill")
    before, calls = snapshot(), dict(box.epicor.calls)
    code, found = document(replay, "demo", good, "--dry-run")
    assert (code, found["entered"], set(found)) == (0, 1, SYNC_KEYS)
    code, found = document(replay, "demo", "--dry-run", good, bad)
    assert (code, found["entered"]) == (1, 1)
    assert found["exceptions"] == Posting.objects.exclude(hold_reason="").count()
    code, found = document(replay, "demo", "--all", "--dry-run")
    assert code == 1
    outcomes = Counter(truth.outcome for truth in box.world.expected().values())
    assert found["entered"] == outcomes["entered"] + outcomes["one_of"]
    assert snapshot() == before
    # What stops the bills is read again, so that the forecast is of today; nothing is written.
    asked = {call for call, times in box.epicor.calls.items() if times != calls.get(call)}
    assert all(call.startswith("GET ") for call in asked)


def blocked_twice():
    """The Ramp id and number of bills of a blocker that stops more than one bill."""
    rows = Blocker.objects.values("reason", "ramp_id").annotate(n=Count("posting", distinct=True))
    return rows.filter(n__gt=1).order_by("-n").values_list("reason", "ramp_id", "n").first()


def test_replaying_a_cause_takes_exactly_its_bills(box, mapped):
    reason, ramp_id, count = blocked_twice()
    asked = Blocker.objects.filter(reason=reason, ramp_id=ramp_id).values("posting__bill_id")
    bills = {row["posting__bill_id"] for row in asked}
    code, _ = document(replay, "demo", "--reason", reason, "--subject", ramp_id, "--dry-run")
    assert not AuditEntry.objects.filter(action="posting.replayed").exists()
    code, out, _ = shell(replay, "demo", "--reason", reason, "--subject", ramp_id)
    replayed = AuditEntry.objects.filter(action="posting.replayed")
    assert {entry.subject_id for entry in replayed} == bills
    assert len(bills) == count
    assert out.count("Bill ") == count
    held = Posting.objects.filter(bill_id__in=bills).exclude(hold_reason="")
    assert code == (1 if held.exists() else 0)


def test_a_subject_is_what_the_exceptions_call_it(box, mapped):
    _, found = document(exceptions, "demo")
    cause = next(c for c in found["causes"] if c["reason"] == "vendor_unmapped")
    argv = ("--reason", cause["reason"], "--subject")
    _code, out, _ = shell(replay, "demo", *argv, cause["subject"], "--dry-run")
    assert out.count("Bill ") == cause["bills"]
    before = snapshot()
    said = refused(replay, "demo", *argv, "Nobody Ltd")
    assert "'Nobody Ltd'" in said
    others = sorted(c["subject"] for c in found["causes"] if c["reason"] == "vendor_unmapped")
    assert f"Known: {others[0]}" in said
    said = refused(replay, "demo", "--reason", "invalid_bill", "--subject", "Nobody Ltd")
    assert "invalid_bill has no subjects" in said
    assert snapshot() == before


def test_replaying_a_reason_takes_bills_with_and_without_blockers(box, mapped):
    waiting = Posting.objects.filter(hold_reason="invalid_bill")
    assert waiting.exists()
    bills = {posting.bill_id for posting in waiting}
    code, out, _ = shell(replay, "demo", "--reason", "invalid_bill")
    replayed = AuditEntry.objects.filter(action="posting.replayed")
    assert {entry.subject_id for entry in replayed} == bills
    assert code == 1
    assert "waits again (invalid_bill)" in out


def test_replay_of_a_cause_without_bills_does_nothing(box, mapped):
    entered = {"state": "entered", "company": "EPIC06", "vendor_num": 1, "hold_reason": ""}
    Posting.objects.filter(bill_id=enterable(box)[0]).update(**entered)  # to be confirmed
    before, calls = snapshot(), dict(box.ramp.calls)
    for more in ((), ("--dry-run",), ("--subject", "Nobody")):
        code, out, _ = shell(replay, "demo", "--reason", "bug", *more)
        assert code == 0
        assert "No bill waits for that." in out
    assert document(replay, "demo", "--reason", "bug")[1]["run"] is None
    assert (snapshot(), dict(box.ramp.calls)) == (before, calls)


def test_replaying_something_entered_verifies_it_and_says_so(box, mapped):
    bill_id, _ = enterable(box)
    document(replay, "demo", bill_id)
    attempts = Attempt.objects.filter(subject_kind="posting").count()
    code, out, _ = shell(replay, "demo", bill_id, "--dry-run")
    assert code == 0
    assert f"Bill {bill_id} is already in Epicor: would be verified again" in out
    code, out, _ = shell(replay, "demo", bill_id)
    assert code == 0
    assert f"Bill {bill_id} is already in Epicor: verified again" in out
    assert AuditEntry.objects.filter(action="posting.rechecked", subject_id=bill_id).count() == 1
    assert Attempt.objects.filter(subject_kind="posting").count() == attempts


def test_what_is_at_its_end_is_not_replayed_and_says_why(box, mapped):
    bill_id, _ = enterable(box)
    document(dismiss, "demo", bill_id, "--reason", "Typed by hand.")
    other = excepted(box, "invalid_bill")
    Posting.objects.filter(bill_id=other).update(state="removed", hold_reason="")
    for more in ((), ("--dry-run",)):
        code, out, _ = shell(replay, "demo", bill_id, other, *more)
        assert code == 0
        assert f"Bill {bill_id} is dismissed" in out
        assert f"Bill {other} was removed" in out
        assert "--enter-again" in out
    assert Posting.objects.get(bill_id=other).state == "removed"


def test_a_dry_run_says_what_would_become_of_each_bill(box, mapped):
    good, truth = enterable(box)
    bad = excepted(box, "invalid_bill")
    code, out, _ = shell(replay, "demo", good, bad, "--dry-run")
    assert code == 1
    assert f"Bill {good} would be entered as {truth.invoice_num} of " in out
    assert f"Bill {bad} would wait again (invalid_bill): " in out


def test_a_replay_reads_the_bill_anew_and_codes_it_afresh(box, tenant, mapped):
    bill_id, truth = enterable(box)
    box.ramp.app.edit_bill(bill_id, {"invoice_number": "FRESH-1"})
    code, out, _ = shell(replay, "demo", bill_id)
    assert code == 0
    assert f"Bill {bill_id} entered as FRESH-1 of vendor {truth.vendor_num}" in out


@pytest.mark.parametrize(
    "argv", [("--all", "--reason", "bug"), ("some-bill", "--reason", "bug"), ("--subject", "v1")]
)
def test_one_way_of_choosing_at_a_time(tenant, argv):
    before = snapshot()
    assert "--reason" in refused(replay, "demo", *argv)
    assert snapshot() == before


@pytest.mark.parametrize("argv", [(), ("--all", "some-bill"), ("--dry-run",)])
def test_either_ids_or_all(tenant, argv):
    before = snapshot()
    assert "--all" in refused(replay, "demo", *argv)
    assert snapshot() == before


@pytest.fixture
def blackout(tenant):
    """Today nothing is entered."""
    today = timezone.now().astimezone(ZoneInfo(tenant.time_zone)).date().isoformat()
    FinanceCalendar.objects.update_or_create(tenant=tenant, defaults={"blackout": [today]})


def test_on_a_blackout_day_a_replay_says_so_and_leaves_the_hold(box, mapped, blackout):
    bill_id, _ = enterable(box)
    before = snapshot()
    said = refused(replay, "demo", bill_id)
    assert "Today is a blackout day" in said
    assert "--force" in said
    assert snapshot() == before
    code, out, _ = shell(replay, "demo", bill_id, "--dry-run")
    assert code == 0
    assert "Today is a blackout day" in out
    assert snapshot() == before
    code, found = document(replay, "demo", bill_id, "--force")
    assert (code, found["entered"]) == (0, 1)
    assert Posting.objects.get(bill_id=bill_id).state == "confirmed"


def test_a_sync_on_a_blackout_day_says_so_and_counts_what_the_calendar_stops(box, mapped, blackout):
    bills = [enterable(box)[0], excepted(box, "invalid_bill")]
    Posting.objects.filter(bill_id__in=bills).update(hold_reason="", not_before=None)
    later = timezone.now() + timedelta(hours=1)
    other = Posting.objects.exclude(hold_reason="").first()
    Posting.objects.filter(pk=other.pk).update(hold_reason="", not_before=later)

    _code, found = document(sync, "demo")
    assert (found["entered"], found["held"]) == (0, 2)
    _, out, _ = shell(sync, "demo")
    assert "Today is a blackout day" in out
    assert re.search(r"held by calendar +2\n", out)
    _, out, _ = shell(sync, "demo", "--only", "accounts")
    assert "blackout" not in out

    FinanceCalendar.objects.update(blackout=[])
    assert run_cycle(mapped, dry_run=True).held == 0
    FinanceCalendar.objects.update(blackout=["2020-01-01"])
    _, out, _ = shell(sync, "demo")
    assert "blackout" not in out


def test_a_forced_sync_leaves_nothing_to_the_calendar(box, mapped, blackout):
    bill_id, _ = enterable(box)
    Posting.objects.filter(bill_id=bill_id).update(hold_reason="", not_before=None)
    _code, found = document(sync, "demo", "--force")
    assert (found["entered"], found["held"]) == (1, 0)


# -- sync --------------------------------------------------------------------------------------


def test_a_dry_sync_says_what_would_be_entered_and_what_would_wait(box, mapped):
    good, bad = enterable(box)[0], excepted(box, "invalid_bill")
    vendor = Posting.objects.get(bill_id=good).vendor_ramp_id
    blockers = Blocker.objects.filter(reason="vendor_unmapped").exclude(ramp_id=vendor)
    missing = blockers.exclude(posting__bill_id=bad).first()
    bills = [good, bad, missing.posting.bill_id]
    Posting.objects.exclude(bill_id__in=bills).update(state="dismissed", hold_reason="")
    Posting.objects.filter(bill_id__in=bills).update(hold_reason="")
    VendorMapping.objects.filter(ramp_id=missing.ramp_id).delete()

    code, found = document(sync, "demo", "--dry-run")
    assert (code, set(found)) == (1, SYNC_KEYS)
    assert (found["entered"], found["exceptions"]) == (1, 0)
    code, out, _ = shell(sync, "demo", "--dry-run")
    assert code == 1
    assert re.search(r"would be entered +1\n", out)
    assert "entered in Epicor" not in out
    assert re.search(r" 1  invalid_bill\n", out)
    assert f" 1  vendor_unmapped {missing.name or missing.ramp_id}\n" in out
    assert "Epicor was not asked" in out

    Posting.objects.exclude(bill_id=good).update(state="dismissed")
    code, out, _ = shell(sync, "demo", "--dry-run")
    assert code == 0
    assert "Nothing would wait for a person." in out
    assert Posting.objects.get(bill_id=good).state == "queued"
    assert "person" not in shell(sync, "demo", "--dry-run", "--only", "accounts")[1]


def test_only_what_was_written_counts_as_updated(box, mapped):
    bill_id, _ = enterable(box)
    document(replay, "demo", bill_id)
    assert document(replay, "demo", bill_id)[1]["updated"] == 0
    box.ramp.app.edit_bill(bill_id, {"due_at": "2026-12-24T00:00:00+00:00"})
    assert document(replay, "demo", bill_id)[1]["updated"] == 1
    _code, out, _ = shell(replay, "demo", bill_id)
    assert re.search(r"updated in Epicor +0\n", out)


def test_one_unknown_bill_stops_the_whole_replay(box, mapped):
    before = snapshot()
    assert "no-such-bill" in refused(replay, "demo", enterable(box)[0], "no-such-bill")
    assert snapshot() == before


# -- dismiss -----------------------------------------------------------------------------------


def test_a_dismissed_bill_is_never_entered(box, mapped):
    bill_id, _ = enterable(box)
    code, found = document(dismiss, "demo", bill_id, "--reason", "Typed by hand.")
    assert (code, found) == (0, {"bill": bill_id, "state": "dismissed"})
    entry = AuditEntry.objects.get(action="posting.dismissed")
    assert (entry.actor, entry.body["reason"]) == (base.actor(), "Typed by hand.")
    document(replay, "demo", bill_id)
    run_cycle(mapped, budget_s=60)
    assert Posting.objects.get(bill_id=bill_id).state == "dismissed"
    assert not Attempt.objects.filter(subject_id=bill_id).exists()
    assert "dismissed already" in refused(dismiss, "demo", bill_id, "--reason", "Again.")


def test_an_entered_bill_is_not_dismissed(box, mapped):
    bill_id, _ = enterable(box)
    document(replay, "demo", bill_id)
    before = snapshot()
    assert "entered in Epicor" in refused(dismiss, "demo", bill_id, "--reason", "No.")
    assert snapshot() == before


@pytest.mark.parametrize("argv", [(), ("--reason", "  ")])
def test_a_dismissal_needs_a_reason(box, tenant, argv):
    before = snapshot()
    refused(dismiss, "demo", excepted(box, "invalid_bill"), *argv)
    assert snapshot() == before


def test_a_bill_that_moves_meanwhile_is_not_dismissed(box, tenant, monkeypatch):
    bill_id = excepted(box, "invalid_bill")

    def stale(tenant, bill_id):
        posting = Posting.objects.get(bill_id=bill_id)
        Posting.objects.filter(pk=posting.pk).update(state="in_flight")
        return posting

    monkeypatch.setattr(dismiss, "find_posting", stale)
    assert "changed meanwhile; look at it again. Nothing was changed." in refused(
        dismiss, "demo", bill_id, "--reason", "No."
    )
    assert Posting.objects.get(bill_id=bill_id).state == "in_flight"


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_sync_only_nothing_does_nothing(mapped, text):
    before = Job.objects.count()
    code, out, err = shell(sync, "demo", "--only", text)
    assert (code, out) == (2, "")
    assert "--only names nothing" in err
    assert Job.objects.count() == before


def test_replay_of_a_subject_without_a_name_does_nothing(mapped):
    argv = ("demo", "--reason", "vendor_unmapped", "--subject", "")
    code, out, err = shell(replay, *argv)
    assert (code, out) == (2, "")
    assert "--subject needs a name" in err
