"""Numbers that people give: which ones, when, on the record, and never two hands at once."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from audit.ledger import invoice_number, lifecycle
from audit.ledger.invoice_number import NotNowError, NumberError, Place
from audit.ledger.models import Blocker, Posting
from audit.trail import log
from audit.trail.models import AuditEntry
from audit.trail.verification import verify
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.domain.errors import Hold, InvalidBillError, Reason
from connector.domain.invoice_key import number_key
from connector.tenants.models import Tenant
from tests.audit.build import NOW, actions, claimed, enter, make_tenant, opened, seed, unmapped
from tests.audit.test_concurrency import together

ANN: dict[str, Any] = {"actor": "ann", "reason": "The vendor writes RENT on every bill."}
KEY = ("EPIC06", 7, "INV-a")


# -- the number itself -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("INV-1-B", "INV-1-B"),
        ("  INV 1 / B ", "INV 1 / B"),
        ("x" * 50, "x" * 50),
        (" " + "x" * 50 + "\n", "x" * 50),
        ("№ 7-é", "№ 7-é"),
    ],
)
def test_a_good_number_is_kept_without_spaces_around_it(number: str, kept: str) -> None:
    assert invoice_number.cleaned(number) == kept


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("", "Write the number"),
        (" \t ", "Write the number"),
        ("x" * 51, "has 51 characters and Epicor takes 50"),
        ("A\nB", "cannot be seen"),
        ("A\x00B", "cannot be seen"),
        ("A\u200bB", "cannot be seen"),
        ("A\u202eB", "cannot be seen"),
        ("A\xa0B", "cannot be seen"),
        ("A\ud800", "cannot be seen"),
    ],
)
def test_a_bad_number_is_refused_with_a_sentence(number: str, said: str) -> None:
    with pytest.raises(NumberError, match=said):
        invoice_number.cleaned(number)


@given(st.text(max_size=70))
def test_whatever_is_taken_fits_is_seen_and_stays_the_same(number: str) -> None:
    try:
        kept = invoice_number.cleaned(number)
    except NumberError:
        return
    assert 0 < len(kept) <= 50
    assert kept.isprintable()
    assert invoice_number.cleaned(kept) == kept == number.strip()


@given(st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=255))
def test_what_is_proposed_could_be_given(number: str) -> None:
    posting = Posting(invoice_num=number, issued_on=date(2026, 11, 2))
    assert invoice_number.cleaned(invoice_number.proposal(posting)).endswith("-2026-11")
    assert invoice_number.proposal(Posting(invoice_num=number)) == ""


@pytest.mark.parametrize(
    ("state", "ramp"),
    [("queued", "NOW"), ("in_doubt", "NOW"), ("confirmed", "THEN"), ("removed", "THEN")],
)
def test_the_number_in_ramp_is_told_apart_from_that_in_epicor(state: str, ramp: str) -> None:
    posting = Posting(state=state, invoice_num="NOW", given_for="THEN", given_num="GIVEN")
    assert invoice_number.ramp_num(posting) == ramp


@pytest.mark.parametrize(
    ("values", "now", "third"),
    [
        ({}, "A", False),
        ({"given_num": "B", "given_for": "A"}, "A", False),
        ({"given_num": "B", "given_for": "A"}, "b", False),  # Ramp follows what was given here
        ({"given_num": "B", "given_for": "A"}, "C", True),
        ({"given_num": "B", "given_for": "A"}, "a", True),
    ],
)
def test_a_third_number_in_ramp_is_for_a_person(
    values: dict[str, str], now: str, third: bool
) -> None:
    posting = Posting(invoice_num=now, **values)
    assert invoice_number.is_outdated(posting) is third
    if third:
        with pytest.raises(InvalidBillError, match=f"was A when .* by B, and is {now} now") as hold:
            invoice_number.check_given(posting, now)
        same = Hold.of(hold.value)
        assert invoice_number.with_both(posting, same) == same  # it names both already
    else:
        invoice_number.check_given(posting, now)


def test_a_hold_names_both_numbers() -> None:
    hold = Hold(Reason.REFUSED, "No.", {"a": 1})
    assert invoice_number.with_both(Posting(invoice_num="A"), hold) == hold
    both = invoice_number.with_both(Posting(invoice_num="A", given_num="B", given_for="A"), hold)
    assert both.message == "No. The bill has number A in Ramp and was given B here."
    assert both.reason == hold.reason
    assert both.detail == {"a": 1, "numbers": {"in_ramp": "A", "given": "B"}}


# -- giving it -------------------------------------------------------------------------------------


@pytest.fixture
def tenant(db: None) -> Tenant:
    return make_tenant()


def columns(posting: Posting) -> dict[str, Any]:
    return Posting.objects.filter(pk=posting.pk).values().get()


def refused(posting: Posting, error: type[Exception], said: str, number: str = "B-1") -> None:
    """It is refused with these words, and nothing changes and nothing is told."""
    before, told = columns(posting), AuditEntry.objects.count()
    with pytest.raises(error, match=said):
        invoice_number.give(posting, number, **ANN)
    assert columns(posting) == before
    assert AuditEntry.objects.count() == told


def test_a_given_number_frees_the_bill_and_is_on_the_record(tenant: Tenant) -> None:
    (posting,) = opened(tenant, "a")
    lifecycle.hold(posting, unmapped())
    invoice_number.give(posting, " B-1 ", **ANN)
    row = Posting.objects.get()
    given = (row.given_num, row.given_for, row.given_by, row.given_why)
    assert given == ("B-1", "INV-a", "ann", ANN["reason"])
    assert posting.given_num == "B-1"
    assert row.given_at is not None
    assert (row.state, row.hold_reason, row.not_before, row.invoice_num) == (
        "queued",
        "",
        None,
        "INV-a",
    )
    assert not Blocker.objects.exists()
    told = AuditEntry.objects.get(action="posting.numbered")
    assert told.actor == "ann"
    assert told.body == {"in_ramp": "INV-a", "given": "B-1", "reason": ANN["reason"]}
    assert told.changes["given_num"] == ["", "B-1"]
    assert told.changes["given_for"] == ["", "INV-a"]
    assert told.changes["hold_reason"] == ["vendor_unmapped", ""]
    log.seal(tenant.pk)
    assert verify(tenant.pk).ok


def test_it_can_be_changed_and_taken_back(tenant: Tenant) -> None:
    (posting,) = opened(tenant, "a")
    with pytest.raises(NotNowError, match="its number from Ramp already"):
        invoice_number.take_back(posting, **ANN)
    invoice_number.give(posting, "B-1", **ANN)
    invoice_number.give(posting, "B-2", **ANN)
    invoice_number.take_back(posting, actor="bea", reason="Epicor's was deleted.")
    row = Posting.objects.get()
    assert (row.given_num, row.given_for, row.given_by, row.given_at, row.given_why) == (
        "",
        "",
        "",
        None,
        "",
    )
    told = AuditEntry.objects.filter(action="posting.numbered").order_by("at")
    steps = [(one.actor, *one.changes["given_num"]) for one in told]
    assert steps == [("ann", "", "B-1"), ("ann", "B-1", "B-2"), ("bea", "B-2", "")]
    assert {one.body["in_ramp"] for one in told} == {"INV-a"}


@pytest.mark.parametrize(
    ("number", "said"),
    [("INV-a", "that it has already"), (" inv-A", "that it has already"), ("x" * 51, "51")],
)
def test_its_own_number_is_no_other_number(tenant: Tenant, number: str, said: str) -> None:
    (posting,) = opened(tenant, "a")
    refused(posting, NumberError, said, number)


def test_the_number_in_ramp_is_not_given_but_gone_back_to(tenant: Tenant) -> None:
    (posting,) = opened(tenant, "a")
    invoice_number.give(posting, "B-1", **ANN)
    refused(posting, NumberError, "go back to that", "inv-a")
    refused(posting, NumberError, "that it has already", "b-1")


def test_a_number_can_be_given_once_more_when_ramp_has_a_third_one(tenant: Tenant) -> None:
    (posting,) = opened(tenant, "a")
    invoice_number.give(posting, "B-1", **ANN)
    lifecycle.update_values(tenant.pk, [seed("a", invoice_num="C-1", seen_hash="n")])
    posting.refresh_from_db()
    assert invoice_number.is_outdated(posting)
    refused(posting, NumberError, "that it has already", "b-1")
    invoice_number.give(posting, "B-1", **ANN)
    assert (posting.given_num, posting.given_for) == ("B-1", "C-1")
    assert not invoice_number.is_outdated(posting)


def test_without_a_reason_nothing_is_given(tenant: Tenant) -> None:
    (posting,) = opened(tenant, "a")
    with pytest.raises(NotNowError, match="Say why"):
        invoice_number.give(posting, "B-1", actor="ann", reason=" ")
    assert not Posting.objects.get().given_num


# -- when ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("in_flight", "being entered right now"),
        ("in_doubt", "may be in Epicor already"),
        ("entered", "is entered in Epicor already"),
        ("confirmed", "is entered in Epicor already"),
        ("removed", "entered again first"),
        ("dismissed", "is dismissed"),
    ],
)
def test_only_a_waiting_bill_gets_another_number(tenant: Tenant, state: str, said: str) -> None:
    (posting,) = opened(tenant, "a")
    Posting.objects.filter(pk=posting.pk).update(state=state)
    refused(posting, lifecycle.LostLeaseError, f"is {state} by now")  # it moved on meanwhile
    posting.refresh_from_db()
    refused(posting, NotNowError, said)


def test_give_number_is_refused_while_the_bill_is_leased(tenant: Tenant) -> None:
    (posting,) = opened(tenant, "a")
    Posting.objects.filter(pk=posting.pk).update(lease_owner="w")
    refused(posting, lifecycle.LostLeaseError, "look at it again")
    posting.refresh_from_db()
    refused(posting, NotNowError, "being worked on just now")


@pytest.mark.parametrize(
    "change",
    [
        {"given_num": "B-0", "given_for": "INV-a"},
        {"invoice_num": "C-1"},
        {"seen_hash": "n"},
        {"hold_reason": "refused", "hold_message": "No.", "hold_opened_at": NOW},
    ],
)
def test_what_changed_since_the_person_looked_is_looked_at_again(
    tenant: Tenant, change: dict[str, Any]
) -> None:
    (posting,) = opened(tenant, "a")
    Posting.objects.filter(pk=posting.pk).update(**change)
    refused(posting, lifecycle.LostLeaseError, "Nothing was changed")


def sent(tenant: Tenant, outcome: Attempt.Outcome | None, action: str = "enter_invoice") -> Attempt:
    attempt = attempts.begin(tenant.pk, "posting", "a", action, request={}, key=KEY)
    if outcome is not None:
        attempts.finish(attempt, outcome)
    return attempt


Outcome = Attempt.Outcome


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("outcome", [None, Outcome.UNKNOWN])
def test_a_write_without_answer_binds_the_bill_until_it_is_looked_up(
    outcome: Attempt.Outcome | None,
) -> None:
    tenant = make_tenant()
    (posting,) = opened(tenant, "a")
    attempt = sent(tenant, outcome)
    refused(posting, NotNowError, "has no answer from Epicor yet")
    attempts.resolve([attempt])
    invoice_number.give(posting, "B-1", **ANN)
    assert attempts.keys_of(tenant.pk, ["a"]) == {"a": {KEY}}  # and it stays remembered


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.NOT_SENT])
def test_what_left_nothing_in_epicor_does_not_bind(outcome: Attempt.Outcome) -> None:
    tenant = make_tenant()
    (posting,) = opened(tenant, "a")
    sent(tenant, outcome)
    invoice_number.give(posting, "B-1", **ANN)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("undone", ["deleted", "recorded", "different"])
def test_what_epicor_saved_binds_until_it_is_gone(undone: str) -> None:
    tenant = make_tenant()
    (posting,) = opened(tenant, "a")
    sent(tenant, Outcome.DONE)  # a worker died before it noted that the bill is entered
    refused(posting, NotNowError, "said that it saved bill INV-a as INV-a")
    if undone == "deleted":
        sent(tenant, Outcome.DONE, "remove_invoice")
    elif undone == "recorded":
        log.record(tenant.pk, "posting.removed", subject_kind="posting", subject_id="a")
    else:
        lifecycle.clear_duplicates(posting, [("EPIC06", 7, "inv-a ")], **ANN)
    invoice_number.give(posting, "B-1", **ANN)


# -- whose -----------------------------------------------------------------------------------------


def other(tenant: Tenant, **values: Any) -> Posting:
    """Another bill with the number, or with what is given."""
    (posting,) = opened(tenant, "o", invoice_num="b-1")
    Posting.objects.filter(pk=posting.pk).update(**values)
    posting.refresh_from_db()
    posting.number_key = number_key(posting.given_num or posting.invoice_num)
    posting.save()
    return posting


HERE = Place("EPIC06", 7, frozenset({"entity-1", "entity-2"}))


@pytest.mark.parametrize(
    ("values", "place", "said"),
    [
        ({}, None, "bill o of the same vendor waits to be entered under it"),
        ({"state": "in_doubt"}, None, "waits to be entered"),
        ({"invoice_num": "X", "given_num": "B-1"}, None, "waits to be entered"),
        ({"entity_id": "entity-2"}, HERE, "waits to be entered"),
        ({"invoice_num": "Invoice B 01"}, None, "under Invoice B 01, the same number. Give"),
        ({"state": "entered"}, None, "bill o of the same vendor is entered under it already"),
        (
            {"state": "confirmed", "company": "EPIC06", "vendor_num": 7, "vendor_ramp_id": "v2"},
            HERE,
            "is entered under it already",
        ),
    ],
)
def test_a_number_of_another_bill_of_the_vendor_is_refused(
    tenant: Tenant, values: dict[str, Any], place: Place | None, said: str
) -> None:
    other(tenant, **values)
    (posting,) = opened(tenant, "a")
    with pytest.raises(NumberError, match=said):
        invoice_number.give(posting, "B-1", **ANN, place=place)
    assert not Posting.objects.get(bill_id="a").given_num


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"vendor_ramp_id": "v2"}, None),
        ({"entity_id": "entity-2"}, None),
        ({"entity_id": "entity-3"}, HERE),
        ({"given_num": "X"}, None),
        ({"invoice_num": "Invoice B 01", "bills_cleared": ["a"]}, None),
        ({"state": "dismissed"}, None),
        ({"state": "removed"}, None),
        ({"state": "entered", "company": "EPIC06", "vendor_num": 8}, HERE),
        ({"state": "entered", "company": "EPIC07", "vendor_num": 7}, HERE),
        ({"state": "entered", "company": "EPIC06", "vendor_num": 7, "invoice_num": "B-10"}, HERE),
    ],
)
def test_a_number_used_elsewhere_is_free(
    tenant: Tenant, values: dict[str, Any], place: Place | None
) -> None:
    other(tenant, **values)
    other_tenant = make_tenant("other")
    opened(other_tenant, "a", invoice_num="B-1")
    (posting,) = opened(tenant, "a")
    invoice_number.give(posting, "B-1", **ANN, place=place)
    assert Posting.objects.get(tenant=tenant, bill_id="a").given_num == "B-1"


def test_a_bill_without_a_known_vendor_is_compared_with_nobody(tenant: Tenant) -> None:
    other(tenant, vendor_ramp_id="")
    (posting,) = opened(tenant, "a", vendor_ramp_id="")
    invoice_number.give(posting, "B-1", **ANN)


# -- what Ramp says afterwards ---------------------------------------------------------------------


def test_an_edit_in_ramp_leaves_the_given_number(tenant: Tenant) -> None:
    (posting,) = opened(tenant, "a")
    invoice_number.give(posting, "B-1", **ANN)
    lifecycle.update_values(tenant.pk, [seed("a", vendor_name="New", seen_hash="n")])
    row = Posting.objects.get()
    assert (row.given_num, row.given_for, row.invoice_num) == ("B-1", "INV-a", "INV-a")


def changed(tenant: Tenant, number: str) -> dict[str, Any]:
    """What the record says of an entered bill whose number is another one in Ramp."""
    before = Posting.objects.get()
    lifecycle.update_values(tenant.pk, [seed("a", invoice_num=number, seen_hash=number)])
    row = Posting.objects.get()
    names = ("given_num", "given_for", "invoice_num")
    assert [getattr(row, name) for name in names] == [getattr(before, name) for name in names]
    entry = AuditEntry.objects.filter(action="posting.seen_changed").order_by("at").last()
    assert entry is not None
    return dict(entry.body)


def test_a_third_number_in_ramp_is_on_the_record_and_does_not_rename_the_invoice(
    tenant: Tenant,
) -> None:
    (posting,) = opened(tenant, "a")
    invoice_number.give(posting, "B-1", **ANN)
    (posting,) = lifecycle.claim(tenant.pk, owner="w1", limit=1, lease_s=60, now=NOW)
    enter(posting, invoice_num="B-1")
    assert changed(tenant, "C-1")["message"] == (
        "The number in Ramp is C-1 now; the invoice in Epicor stays B-1. A person gave it B-1."
    )
    assert "message" not in changed(tenant, "b-1")
    assert "message" not in changed(tenant, "INV-a")


def test_without_a_given_number_nothing_more_is_said(tenant: Tenant) -> None:
    (posting,) = claimed(tenant, "a")
    enter(posting)
    assert "message" not in changed(tenant, "C-1")


# -- two at once -----------------------------------------------------------------------------------


def one_of(work: Callable[[str], None]) -> Callable[[str], bool]:
    def tried(name: str) -> bool:
        try:
            work(name)
        except (NumberError, NotNowError, lifecycle.LostLeaseError):
            return False
        return True

    return tried


@pytest.mark.django_db(transaction=True)
def test_of_several_people_one_gives_the_number() -> None:
    tenant = make_tenant()
    (posting,) = opened(tenant, "a")

    seen = [Posting.objects.get(pk=posting.pk) for _ in range(3)]

    def as_seen(name: str) -> None:
        invoice_number.give(seen[int(name[1])], f"B-{name}", actor=name, reason="x")

    assert sorted(together(one_of(as_seen))) == [False, False, True]
    assert actions(tenant, "a") == ["posting.opened", "posting.numbered"]


@pytest.mark.django_db(transaction=True)
def test_one_number_is_given_to_one_of_several_bills() -> None:
    tenant = make_tenant()
    rows = opened(tenant, "a", "b", "c")

    def work(name: str) -> None:
        invoice_number.give(rows[int(name[1])], "B-1", actor=name, reason="x")

    assert sorted(together(one_of(work))) == [False, False, True]
    assert Posting.objects.filter(given_num="B-1").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_run_that_takes_the_bill_and_a_person_never_both_win() -> None:
    tenant = make_tenant()
    (posting,) = opened(tenant, "a")

    def work(name: str) -> bool:
        if name == "w0":
            invoice_number.give(posting, "B-1", actor=name, reason="x")
            return True
        later = timezone.now() + timedelta(seconds=1)
        got = lifecycle.claim(tenant.pk, owner=name, limit=1, lease_s=60, now=later)
        # Whoever takes it enters it under what was given by then, and never later.
        assert all(one.given_num == Posting.objects.get().given_num for one in got)
        return bool(got)

    given, *_ = together(one_of(work))
    row = Posting.objects.get()
    assert row.given_num == ("B-1" if given else "")
