"""What people do with something entered: remove it, enter it again, or keep it as it is."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from audit.ledger import lifecycle
from audit.ledger.history import confirmed_before
from audit.ledger.lifecycle import LostLeaseError
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.domain.difference import Difference, stored
from connector.domain.errors import Hold, Reason
from connector.tenants.models import Tenant
from tests.audit.build import LATER, MUCH_LATER, NOW, actions, claimed, enter, make_tenant

pytestmark = pytest.mark.django_db
State = Posting.State
POINTS = stored([Difference("total", "1", "1.01")])
OFF = Hold(Reason.MISMATCH, "One cent off.", {"differences": POINTS})


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def fresh(posting: Posting) -> Posting:
    return Posting.objects.get(pk=posting.pk)


def entered(tenant: Tenant, bill_id: str = "b") -> Posting:
    (posting,) = claimed(tenant, bill_id)
    enter(posting)
    return posting


def taken(posting: Posting, owner: str = "ann") -> Posting:
    lifecycle.take(posting, owner=owner, until=LATER, now=NOW)
    return posting


def begun(posting: Posting, **values: Any) -> Attempt:
    key = ("EPIC06", 7, posting.invoice_num)
    given = {"request": {}, "key": key, **values}
    return attempts.begin(posting.tenant_id, "posting", posting.bill_id, "remove_invoice", **given)


# removing -----------------------------------------------------------------------------------


def test_only_the_owner_of_the_lease_removes(tenant: Tenant) -> None:
    posting = taken(entered(tenant))
    with pytest.raises(LostLeaseError):
        lifecycle.mark_removed(posting, actor="Bob", reason="Mine")
    with pytest.raises(LostLeaseError):
        lifecycle.mark_removed(posting, actor="Bob", reason="Mine", owner="bob")
    lifecycle.mark_removed(posting, actor="Ann", reason="Wrong vendor", owner="ann")
    row = fresh(posting)
    assert (row.state, row.lease_owner, row.lease_until) == (State.REMOVED, "", None)


@pytest.mark.django_db(transaction=True)
def test_nothing_of_a_removed_invoice_stays_in_doubt_and_its_key_is_remembered(
    tenant: Tenant,
) -> None:
    posting = taken(entered(tenant))
    begun(posting)
    assert attempts.doubts(tenant.pk, ["b"])
    lifecycle.mark_removed(posting, actor="Ann", reason="Wrong vendor", owner="ann")
    assert attempts.doubts(tenant.pk, ["b"]) == {}
    assert attempts.keys_of(tenant.pk, ["b"]) == {"b": {("EPIC06", 7, "INV-b")}}


def test_what_is_entered_again_knows_nothing_of_the_removed_invoice(tenant: Tenant) -> None:
    posting = entered(tenant)
    lifecycle.mark_removed(posting, actor="Ann", reason="Wrong vendor")
    lifecycle.enter_again(posting, actor="Ann", reason="Still owed")
    row = fresh(posting)
    assert (row.state, row.company, row.vendor_num, row.group_id) == ("queued", "", None, "")
    assert (row.entered_hash, row.entered_as, row.sys_rev_id) == ("", {}, None)
    (again,) = lifecycle.claim(tenant.pk, owner="w", limit=9, lease_s=9, now=NOW)
    assert again.bill_id == "b"


def test_a_bill_that_ramp_was_told_of_counts_as_ours_after_its_removal(tenant: Tenant) -> None:
    told, untold = entered(tenant, "told"), entered(tenant, "untold")
    foreign = entered(make_tenant("other"), "foreign")
    lifecycle.mark_confirmed_many([told, foreign], body={})
    for posting in (told, untold):
        lifecycle.mark_removed(posting, actor="Ann", reason="Wrong vendor")
        lifecycle.enter_again(posting, actor="Ann", reason="Still owed")
    assert confirmed_before(tenant.pk, ["told", "untold", "foreign", "nobody"]) == {"told"}
    assert confirmed_before(tenant.pk, []) == set()


# keeping ------------------------------------------------------------------------------------


@pytest.mark.parametrize("confirmed", [False, True])
def test_what_is_kept_has_no_hold_and_remembers_what_was_accepted(
    tenant: Tenant, confirmed: bool
) -> None:
    posting = entered(tenant)
    if confirmed:
        lifecycle.mark_confirmed_many([posting], body={})
    Posting.objects.filter(pk=posting.pk).update(seen_hash="n" * 64)
    posting.refresh_from_db()
    lifecycle.hold(posting, OFF)
    state = posting.state
    lifecycle.keep(posting, actor="Ann", reason=" The vendor credits it. ")
    row = fresh(posting)
    assert (row.state, row.hold_reason, row.not_before) == (state, "", None)
    assert row.entered_hash == "a" * 64  # a difference in Epicor settles no edit in Ramp
    assert row.kept == {"mismatch": POINTS}
    assert row.entered_as["total"] == "1.00"
    entry = AuditEntry.objects.get(action="posting.kept")
    assert (entry.actor, entry.body["reason"]) == ("Ann", "The vendor credits it.")
    assert entry.body["message"] == "One cent off."
    assert entry.changes["hold_reason"] == ["mismatch", ""]
    assert entry.changes["kept"] == [{}, row.kept]

    lifecycle.hold(posting, Hold(Reason.ARCHIVED, "Archived."))
    lifecycle.keep(posting, actor="Ann", reason="Paid anyway.")
    row = fresh(posting)
    assert row.kept == {"mismatch": POINTS, "archived": []}
    assert row.entered_hash == row.seen_hash == "n" * 64


def test_keeping_settles_the_content_that_the_hold_was_about_and_no_later_one(
    tenant: Tenant,
) -> None:
    posting = entered(tenant)
    lifecycle.hold(posting, Hold(Reason.CHANGED, "Edited.", {"content": "2" * 64}))
    Posting.objects.filter(pk=posting.pk).update(seen_hash="3" * 64)
    posting.refresh_from_db()
    lifecycle.keep(posting, actor="Ann", reason="Agreed.")
    assert fresh(posting).entered_hash == "2" * 64


def test_keeping_takes_no_pending_look_away(tenant: Tenant) -> None:
    posting = entered(tenant)
    before = posting.entered_hash
    lifecycle.hold(posting, Hold(Reason.CHANGED, "Edited."))
    Posting.objects.filter(pk=posting.pk).update(seen_hash="3" * 64, not_before=NOW)
    posting.refresh_from_db()
    lifecycle.keep(posting, actor="Ann", reason="Agreed.")
    row = fresh(posting)
    assert (row.entered_hash, row.not_before) == (before, NOW)


def test_there_is_nothing_to_keep_without_a_hold(tenant: Tenant) -> None:
    posting = entered(tenant)
    with pytest.raises(LostLeaseError):
        lifecycle.keep(posting, actor="Ann", reason="Fine")
    assert fresh(posting).kept == {}


def test_keeping_needs_a_reason(tenant: Tenant) -> None:
    posting = entered(tenant)
    lifecycle.hold(posting, OFF)
    with pytest.raises(ValueError, match="Say why bill b stays"):
        lifecycle.keep(posting, actor="Ann", reason=" ")
    assert fresh(posting).hold_reason == "mismatch"


@pytest.mark.parametrize(
    "meanwhile",
    [
        {"seen_hash": "edited again"},
        {"hold_version": "two cents off"},
        {"hold_reason": "changed"},
        {"lease_owner": "w9", "lease_until": LATER},
        {"state": "removed"},
    ],
)
def test_only_what_the_person_saw_is_kept(tenant: Tenant, meanwhile: dict[str, Any]) -> None:
    posting = entered(tenant)
    lifecycle.hold(posting, OFF)
    Posting.objects.filter(pk=posting.pk).update(**meanwhile)
    with pytest.raises(LostLeaseError):
        lifecycle.keep(posting, actor="Ann", reason="Fine")
    assert fresh(posting).hold_reason


# a worker, or a person's process, that died --------------------------------------------------


def test_what_a_dead_process_left_leased_is_verified_again(tenant: Tenant) -> None:
    calm, sent = entered(tenant, "calm"), entered(tenant, "sent")
    lifecycle.hold(calm, OFF)
    for posting in (calm, sent):
        taken(posting)
    Attempt.objects.create(
        tenant=tenant,
        subject_kind="posting",
        subject_id="sent",
        action="remove_invoice",
        request_hash="",
        started_at=NOW,
        deadline_at=MUCH_LATER,
    )
    moment = LATER + timedelta(seconds=1)
    assert lifecycle.reap(tenant.pk, NOW) == 0
    assert lifecycle.reap(tenant.pk, moment) == 2
    assert lifecycle.reap(tenant.pk, moment) == 0
    rows = {row.bill_id: row for row in Posting.objects.filter(lease_owner="", lease_until=None)}
    assert {row.state for row in rows.values()} == {State.ENTERED}
    assert (rows["calm"].not_before, rows["calm"].hold_reason) == (moment, "mismatch")
    assert rows["sent"].not_before == MUCH_LATER  # a delete may still be applied until then
    assert actions(tenant, "sent")[-1] == "posting.reaped"


def test_a_doubt_that_a_dead_process_left_leased_is_looked_up_again(tenant: Tenant) -> None:
    (posting,) = claimed(tenant, "b")
    lifecycle.mark_in_doubt(posting, owner="w1", message="", not_before=NOW)
    taken(posting)
    moment = LATER + timedelta(seconds=1)
    assert lifecycle.reap(tenant.pk, moment) == 1
    row = fresh(posting)
    assert (row.state, row.lease_owner, row.not_before) == (State.IN_DOUBT, "", moment)


def test_what_is_given_back_as_it_was_is_not_looked_at_by_itself(tenant: Tenant) -> None:
    posting = taken(entered(tenant))
    lifecycle.postpone([posting], owner="ann", not_before=None, message="Posted already.")
    row = fresh(posting)
    assert (row.lease_owner, row.not_before, row.failed_attempts) == ("", None, 0)


def test_what_was_changed_in_epicor_for_an_edit_is_what_the_next_proof_compares_with(
    tenant: Tenant,
) -> None:
    posting = taken(entered(tenant))
    lifecycle.mark_rechecked(
        posting,
        owner="ann",
        sys_rev_id=9,
        entered_hash="h",
        entered_as={"total": Decimal("2.00")},
        body={},
    )
    assert fresh(posting).entered_as == {"total": "2.00"}


@pytest.mark.parametrize(
    ("hold", "why"),
    [
        (Hold(Reason.IN_DOUBT, "Lost."), "an answer of Epicor is missing"),
        (Hold(Reason.BUG, "Odd."), "report it"),
        (Hold(Reason.MISMATCH, "Gone.", {"gone": True}), "record the removal"),
    ],
)
def test_keep_is_refused_for_unknown_and_missing_invoices(
    tenant: Tenant, hold: Hold, why: str
) -> None:
    posting = entered(tenant)
    lifecycle.hold(posting, hold)
    with pytest.raises(ValueError, match=why):
        lifecycle.keep(posting, actor="Ann", reason="Fine")
    assert fresh(posting).hold_reason == hold.reason


@pytest.mark.parametrize(("now", "hold_now"), [("other", True), ("unknown", False)])
def test_the_payment_hold_that_was_kept_lasts_until_another_one_or_payer_is_verified(
    tenant, now, hold_now
):
    (posting,) = claimed(tenant, "a")
    enter(posting)
    pays = {"payer": "other", "hold": False}
    lifecycle.hold(posting, Hold(Reason.CHANGED, "Who pays it changed.", {"pays": pays}))
    lifecycle.keep(posting, actor="Ann", reason="The treasurer pays it.")
    assert fresh(posting).kept == {"changed": [], "pays": pays}
    for payer, hold, left in (("other", False, True), (now, hold_now, False)):
        kept = {"changed": [], "pays": pays} if left else {"changed": []}
        lifecycle.take(posting, owner="w", until=LATER, now=NOW)
        lifecycle.mark_rechecked(
            posting,
            owner="w",
            sys_rev_id=2,
            entered_hash="h",
            entered_as={"pay_hold": hold, "payer": payer},
            body={},
        )
        assert fresh(posting).kept == kept
