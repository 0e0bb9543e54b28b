"""Bills that left the ready list are looked at again: edited, archived, rejected, and back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.epicor.ap_invoice.conversation import EpicorProfile
from connector.epicor.ap_invoice.draft import PostingPolicy
from connector.sync.bills import detect_changes
from connector.sync.bills.run import run_cycle
from connector.sync.context import open_cycle
from connector.tenants.models import LearnedFact, Tenant
from tests import builders
from tests.journeys import truth

State = Posting.State


def ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")


@pytest.fixture
def ready(start) -> tuple[Any, Tenant]:
    """Twelve bills that came into Ramp yesterday, nothing entered yet."""
    box, tenant = start(bills=12)
    for row in list(box.ramp.app.bills):
        box.ramp.app.edit_bill(row["id"], {"created_at": ago(1)})
    return box, tenant


def confirmed(tenant: Tenant) -> Posting:
    posting = Posting.objects.filter(tenant=tenant, state=State.CONFIRMED).first()
    assert posting is not None
    return posting


def events(posting: Posting, action: str) -> int:
    rows = AuditEntry.objects.filter(subject_id=posting.bill_id, action=action)
    return rows.filter(tenant=posting.tenant).count()


def again(posting: Posting, tenant: Tenant) -> Posting:
    run_cycle(tenant)
    posting.refresh_from_db()
    return posting


def test_an_edit_of_a_confirmed_bill_is_seen_and_brought_to_epicor(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = confirmed(tenant)
    old = posting.entered_hash
    box.ramp.app.edit_bill(posting.bill_id, {"due_at": "2026-12-24T00:00:00+00:00"})

    again(posting, tenant)

    assert posting.seen_hash != old
    assert events(posting, "posting.recheck_asked") == 1
    assert posting.not_before is None
    assert posting.entered_hash == posting.seen_hash
    (invoice,) = truth.ledger(box)[posting.bill_id]
    assert truth.seen(invoice)["due_date"] == "2026-12-24"
    again(posting, tenant)
    assert events(posting, "posting.recheck_asked") == 1


def test_memos_and_payments_are_no_edits(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = confirmed(tenant)
    box.ramp.app.edit_bill(posting.bill_id, {"memo": "something else"})
    box.ramp.app.pay_bill(posting.bill_id)

    again(posting, tenant)

    assert events(posting, "posting.recheck_asked") == 0
    assert posting.hold_reason == ""


def test_an_entered_bill_that_is_archived_is_held_once_with_what_to_do(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = confirmed(tenant)
    box.ramp.app.archive_bill(posting.bill_id)

    again(posting, tenant)

    assert (posting.state, posting.hold_reason) == (State.CONFIRMED, "archived")
    assert "its invoice is in Epicor" in posting.hold_message
    assert "remove" in posting.hold_message
    again(posting, tenant)
    again(posting, tenant)
    assert events(posting, "posting.held") == 1
    assert len(truth.ledger(box)[posting.bill_id]) == 1


def test_a_person_who_keeps_the_invoice_is_not_asked_again_until_the_bill_changes(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = confirmed(tenant)
    box.ramp.app.archive_bill(posting.bill_id)
    again(posting, tenant)
    lifecycle.keep(posting, actor="clerk", reason="It was paid by hand.")

    again(posting, tenant)
    again(posting, tenant)

    assert posting.hold_reason == ""
    assert events(posting, "posting.held") == 1
    box.ramp.app.edit_bill(posting.bill_id, {"due_at": "2026-12-24T00:00:00+00:00"})
    again(posting, tenant)
    assert posting.hold_reason == "archived"


def test_a_bill_that_is_restored_after_it_was_entered_is_only_verified(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = confirmed(tenant)
    before = posting.entered_hash
    box.ramp.app.archive_bill(posting.bill_id)
    assert again(posting, tenant).hold_reason == "archived"
    box.ramp.app.edit_bill(posting.bill_id, {"archived_at": None})

    again(posting, tenant)

    assert (posting.state, posting.hold_reason) == (State.CONFIRMED, "")
    assert posting.entered_hash == posting.seen_hash == before
    assert len(truth.ledger(box)[posting.bill_id]) == 1


@pytest.mark.parametrize("approval", ["REJECTED", "TERMINATED"])
def test_an_entered_bill_that_is_rejected_is_held(ready, approval):
    box, tenant = ready
    run_cycle(tenant)
    posting = confirmed(tenant)
    box.ramp.app.edit_bill(posting.bill_id, {"approval_status": approval})

    again(posting, tenant)

    assert posting.hold_reason == "archived"
    assert f"was {approval.lower()} in Ramp" in posting.hold_message


def test_what_the_posting_waited_for_before_is_still_told(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = confirmed(tenant)
    lifecycle.hold(posting, sweep_hold("The totals differ."))
    box.ramp.app.archive_bill(posting.bill_id)

    again(posting, tenant)

    assert posting.hold_reason == "archived"
    assert "The totals differ." in posting.hold_message


def sweep_hold(message: str) -> Any:
    from connector.domain.errors import Hold, Reason

    return Hold(Reason.MISMATCH, message)


def held_for_vendor(box: Any, tenant: Tenant) -> Posting:
    """A bill that waits for the mapping of its vendor."""
    bill = next(row for row in box.ramp.app.bills if row["sync_status"] == "NOT_SYNCED")
    vendor = {**bill["vendor"], "id": "00000000-0000-4000-8000-000000000001", "remote_id": None}
    box.ramp.app.edit_bill(bill["id"], {"vendor": vendor})
    run_cycle(tenant)
    posting = Posting.objects.get(tenant=tenant, bill_id=bill["id"])
    assert posting.hold_reason == "vendor_unmapped"
    return posting


def test_a_waiting_bill_that_is_archived_is_held_at_once_and_tried_again_when_restored(ready):
    box, tenant = ready
    posting = held_for_vendor(box, tenant)
    box.ramp.app.archive_bill(posting.bill_id)

    again(posting, tenant)

    assert (posting.state, posting.hold_reason) == (State.QUEUED, "archived")
    assert "so it is not entered" in posting.hold_message
    held = events(posting, "posting.held")
    again(posting, tenant)
    assert events(posting, "posting.held") == held
    box.ramp.app.edit_bill(posting.bill_id, {"archived_at": None})
    again(posting, tenant)
    assert posting.hold_reason == "vendor_unmapped"
    assert posting.bill_id not in truth.ledger(box)


def test_a_bill_held_as_archived_by_the_entering_is_tried_again_when_it_is_back(ready):
    box, tenant = ready
    run_cycle(tenant, dry_run=True)
    posting = Posting.objects.filter(tenant=tenant, hold_reason="").first()
    assert posting is not None
    seen = posting.seen_hash
    box.ramp.app.archive_bill(posting.bill_id)
    run_cycle(tenant, only_ids=[posting.pk])
    posting.refresh_from_db()
    assert posting.hold_reason == "archived"
    Posting.objects.filter(pk=posting.pk).update(seen_hash=seen)  # Ramp did not show it (404)
    box.ramp.app.edit_bill(posting.bill_id, {"archived_at": None})

    again(posting, tenant)

    assert posting.state == State.CONFIRMED


def test_a_bill_in_doubt_is_left_to_the_look_up(ready):
    box, tenant = ready
    box.epicor.fail_next("UpdateMaster", "reset_after", times=1)
    run_cycle(tenant)
    posting = Posting.objects.get(tenant=tenant, state=State.IN_DOUBT)
    box.ramp.app.archive_bill(posting.bill_id)

    again(posting, tenant)
    assert (posting.state, posting.hold_reason) == (State.IN_DOUBT, "")
    Posting.objects.filter(pk=posting.pk).update(not_before=None)
    again(posting, tenant)
    again(posting, tenant)

    assert posting.in_epicor
    assert posting.hold_reason == "archived"


def test_a_change_that_came_while_the_bill_was_being_entered_is_not_lost(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = confirmed(tenant)
    box.ramp.app.edit_bill(posting.bill_id, {"due_at": "2026-12-24T00:00:00+00:00"})
    cycle = open_cycle(tenant)
    Posting.objects.filter(pk=posting.pk).update(
        lease_owner="somebody", lease_until=datetime.now(UTC) + timedelta(hours=1)
    )
    detect_changes.look_again(cycle, [box.ramp.app.bills.get(posting.bill_id)])
    cycle.close()
    posting.refresh_from_db()
    assert posting.seen_hash != posting.entered_hash
    assert events(posting, "posting.recheck_asked") == 0

    Posting.objects.filter(pk=posting.pk).update(lease_owner="", lease_until=None)
    again(posting, tenant)

    assert events(posting, "posting.recheck_asked") == 1


def test_dismissed_and_removed_bills_and_those_without_posting_stay_as_they_are(ready):
    box, tenant = ready
    posting = held_for_vendor(box, tenant)
    lifecycle.dismiss(posting, actor="clerk", reason="Paid by card.")
    gone = confirmed(tenant)
    box.epicor.app.delete_invoice(gone.company, gone.vendor_num, gone.invoice_num)
    lifecycle.mark_removed(gone, actor="clerk", reason="wrong")
    count = Posting.objects.count()
    for bill_id in (posting.bill_id, gone.bill_id):
        box.ramp.app.archive_bill(bill_id)
    box.ramp.app.add_bill(builders.bill_payload(created_at=ago(1), archived_at=ago(0.5)))

    run_cycle(tenant)

    assert Posting.objects.count() == count
    for row in (posting, gone):
        row.refresh_from_db()
        assert row.hold_reason == ""
    assert (posting.state, gone.state) == (State.DISMISSED, State.REMOVED)


def test_another_tenant_with_the_same_bill_is_not_touched(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = confirmed(tenant)
    other = builders.make_tenant("other")
    twin = Posting.objects.create(tenant=other, bill_id=posting.bill_id, state="confirmed")
    box.ramp.app.archive_bill(posting.bill_id)

    run_cycle(tenant)

    twin.refresh_from_db()
    assert (twin.hold_reason, twin.seen_hash) == ("", "")


# -- rotation ------------------------------------------------------------------------------------


class Ramp:
    """Gives pages of two of its bills; says which were asked for."""

    calls = 0

    def __init__(self, bills: list[dict[str, Any]]) -> None:
        self.bills = bills
        self.seen: list[list[str]] = []

    def bill_page(self, start: str = "", **filters: Any) -> tuple[list[dict[str, Any]], str]:
        archived = bool(filters.get("is_archived"))
        end = filters.get("to_created_at")
        rows = [
            row
            for row in self.bills
            if bool(row["archived_at"]) is archived
            and row["created_at"][:10] >= filters["from_created_at"].isoformat()
            and (end is None or row["created_at"][:10] < end.isoformat())
        ]
        ids = [row["id"] for row in rows]
        first = ids.index(start) + 1 if start else 0
        page = rows[first : first + 2]
        self.seen.append([row["id"] for row in page])
        return page, page[-1]["id"] if first + 2 < len(rows) else ""


def run_sweep(cycle: Any) -> int:
    cursor: dict[str, Any] = {}
    pages = 0
    while True:
        pages += 1
        cursor = detect_changes.detect_page(cycle, cursor)
        if not cursor:
            return pages


class Swept:
    """As much of a cycle as the sweep needs."""

    def __init__(self, tenant: Tenant, ramp: Ramp) -> None:
        self.tenant, self.ramp = tenant, ramp
        self.policy = PostingPolicy()
        self.profile, self.companies = EpicorProfile(), ()


def a_bill(name: str, days: float, *, archived: bool = False) -> dict[str, Any]:
    return builders.bill_payload(
        id=name, created_at=ago(days), archived_at=ago(0) if archived else None
    )


def test_all_of_ninety_days_comes_round_and_the_newest_at_every_run(db):
    tenant = builders.make_tenant()
    new = [a_bill(f"new-{n}", n) for n in range(5)]
    old = [a_bill(f"old-{n}", 10 + n) for n in range(30)]
    archived = [a_bill(f"arch-{n}", 3 * n, archived=True) for n in range(20)]
    ramp = Ramp([*old, *new, *archived, a_bill("ancient", 91.5)])
    cycle = Swept(tenant, ramp)

    counts: dict[str, int] = {}
    for _ in range(4):
        assert run_sweep(cycle) <= sum(track.pages for track in detect_changes.TRACKS)
        for name in (name for page in ramp.seen for name in page):
            counts[name] = counts.get(name, 0) + 1
        ramp.seen.clear()

    assert {row["id"] for row in (*new, *old, *archived)} == set(counts)
    assert min(counts[row["id"]] for row in new) >= 4
    assert max(counts[row["id"]] for row in old) <= 2


def test_a_place_that_ramp_does_not_know_any_more_begins_anew(ready):
    _, tenant = ready
    run_cycle(tenant)
    places = dict.fromkeys(
        ["recent", "archived", "history"], "00000000-0000-4000-8000-00000000dead"
    )
    LearnedFact.objects.update_or_create(
        tenant=tenant, name=detect_changes.FACT, defaults={"value": places}
    )

    run_cycle(tenant)

    value = LearnedFact.objects.get(tenant=tenant, name=detect_changes.FACT).value
    assert set(value.values()) == {""}


def test_rows_that_the_filters_do_not_mean_are_left_alone(ready):
    box, tenant = ready
    run_cycle(tenant)
    posting = confirmed(tenant)
    row = {**box.ramp.app.bills.get(posting.bill_id), "due_at": "2026-12-24T00:00:00+00:00"}

    class Careless(Ramp):
        """Ignores every filter."""

        def bill_page(self, start: str = "", **filters: Any) -> tuple[list[dict[str, Any]], str]:
            return self.bills, ""

    run_sweep(Swept(tenant, Careless([{**row, "created_at": ago(200)}])))
    posting.refresh_from_db()
    assert posting.seen_hash == posting.entered_hash
    run_sweep(Swept(tenant, Careless([row])))
    posting.refresh_from_db()
    assert posting.seen_hash != posting.entered_hash
