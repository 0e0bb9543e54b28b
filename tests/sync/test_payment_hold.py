"""What follows from who pays an invoice that is entered, without database and HTTP."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from audit.ledger.models import Posting
from connector.domain.bill import Payer
from connector.domain.difference import Difference, in_words, restored, stored
from connector.domain.errors import Hold
from connector.sync.bills import payment_hold
from connector.sync.bills.decide import Ours, Verdict, Verify, Write, decide, is_settled
from connector.sync.bills.find_invoices import Found
from connector.sync.bills.payment_hold import Pays
from connector.sync.bills.prepare import Prepared
from tests.epicor.little_epicor import Epicor, make_draft, play

RAMP, OTHER, UNKNOWN = Payer.RAMP, Payer.OTHER, Payer.UNKNOWN
NO = Difference("pay_hold", expected=True, actual=False)
YES = Difference("pay_hold", expected=False, actual=True)
TERMS = Difference("terms", "N30", "N10")
DRAFT = make_draft()


class Job(Prepared):
    """Not parsed: whether it is as it was entered is said."""

    content_hash = "as entered"  # type: ignore[assignment]


def posting(payer: str = UNKNOWN, held: bool = True, **more: Any) -> Posting:
    """Entered while this one paid it."""
    values: dict[str, Any] = {
        "bill_id": "bill-1",
        "state": "entered",
        "company": "EPIC06",
        "vendor_num": 42,
        "invoice_num": "INV-1",
        "currency": "USD",
        "entered_hash": "as entered",
        "entered_as": {**DRAFT.as_json(), "pay_hold": held, "payer": payer},
    }
    return Posting(**{**values, **more})


def judged(one: Posting, payer: Payer, there: bool, *, begun: bool = False, **how: Any) -> Verdict:
    """What follows when this one pays it and Epicor has it `there` held from payment, or not."""
    epicor = Epicor()
    _, saved = play(epicor.answer, DRAFT)
    assert saved.header is not None
    saved.header["PayHold"] = there
    if begun:
        for rows in (saved.lines, saved.expenses, saved.accounts):
            rows.clear()
    draft = replace(DRAFT, pay_hold=how.pop("held", payer != OTHER))
    bill: Any = SimpleNamespace(payer=payer)
    found = Found("ExternalID", {})
    found.by_stamp["bill-1"] = [("EPIC06", saved)]
    found.by_key["EPIC06", 42, "inv-1"] = saved
    revisions = Ours({"bill-1": range(100)}) if how.pop("ours", False) else Ours()
    return decide(Job(one, bill, None, draft), found, revisions, update_edits=True, **how)


def kept(payer: str, held: bool, **points: list[str]) -> dict[str, Any]:
    return {**points, "pays": {"payer": payer, "hold": held}}


@pytest.mark.parametrize(
    ("one", "payer", "news"),
    [
        (posting(UNKNOWN, True), RAMP, True),  # held as it should be, but by a setting alone
        (posting("", True), RAMP, True),
        (posting(RAMP, True), RAMP, False),
        (posting(RAMP, True), UNKNOWN, False),
        (posting(RAMP, True), OTHER, True),
        (posting(UNKNOWN, False), OTHER, True),
        (posting(UNKNOWN, False), UNKNOWN, False),
        (posting(OTHER, False), UNKNOWN, True),
        (posting(OTHER, False, kept=kept(UNKNOWN, True)), UNKNOWN, False),
        (posting(OTHER, False, kept=kept(UNKNOWN, True)), RAMP, True),
        (posting(UNKNOWN, True, hold_reason="mismatch"), RAMP, False),
        (posting(entered_as={}), RAMP, True),
        (posting(entered_as={}), UNKNOWN, False),
        (posting(entered_as={}, hold_reason="changed"), RAMP, False),
        (posting(entered_as={}, kept={"asked_for": "ramp"}), RAMP, False),
        (posting(entered_as={}, kept={"asked_for": "ramp"}), OTHER, True),
        (posting(UNKNOWN, True, hold_reason="changed", hold_detail=kept(RAMP, True)), RAMP, False),
        (posting(UNKNOWN, True, hold_reason="changed", hold_detail=kept(RAMP, True)), OTHER, True),
    ],
)
def test_another_payer_is_news_also_where_the_hold_is_the_same(one, payer, news):
    assert payment_hold.is_news(one, payer, setting=True) is news


@pytest.mark.parametrize("kept_before", [{}, {"mismatch": stored([NO])}, kept(UNKNOWN, True)])
def test_a_hold_that_was_taken_off_while_nobody_knew_who_pays_is_asked_about_when_ramp_pays(
    kept_before,
):
    one = posting(UNKNOWN, True, kept=kept_before)
    verdict = judged(one, RAMP, there=False)
    assert isinstance(verdict, Hold)
    assert (verdict.reason, verdict.detail["differences"]) == ("changed", stored([NO]))
    assert verdict.detail["pays"] == {"payer": "ramp", "hold": True}
    assert "paid twice" in verdict.message
    assert isinstance(judged(one, RAMP, there=True), Verify)
    one.kept = {**kept_before, **kept(RAMP, True)}
    assert isinstance(judged(one, RAMP, there=False), Verify)
    assert is_settled(one, [NO], RAMP)
    assert not is_settled(one, [NO], OTHER)


def test_a_hold_that_was_set_while_nobody_knew_who_pays_is_asked_about_when_another_pays():
    verdict = judged(posting(UNKNOWN, False, kept={"mismatch": stored([YES])}), OTHER, there=True)
    assert isinstance(verdict, Hold)
    assert (verdict.reason, verdict.detail["differences"]) == ("changed", stored([YES]))
    assert "never be paid" in verdict.message


def test_a_mere_difference_that_was_kept_covers_no_payment_hold():
    one = posting(kept={"mismatch": stored([TERMS, NO])})
    assert is_settled(one, [TERMS], UNKNOWN)
    assert not is_settled(one, [TERMS, NO], UNKNOWN)
    one.kept |= kept(UNKNOWN, True)
    assert is_settled(one, [TERMS, NO], UNKNOWN)
    assert not is_settled(one, [TERMS, NO], RAMP)


@pytest.mark.parametrize("adopted", [False, True])
def test_what_else_differs_is_in_the_question_about_another_payer(adopted):
    one = posting(RAMP, True)
    if adopted:
        one.entered_as |= {"adopted": True, "total": "9.00"}
    verdict = judged(one, OTHER, there=True, begun=True, ours=True)
    assert isinstance(verdict, Hold)
    assert verdict.reason == "mismatch"
    *others, last = restored(verdict.detail["differences"])
    assert last == YES
    assert others
    assert all(str(in_words(point, "USD")) in verdict.message for point in [*others, last])
    assert "never be paid" in verdict.message
    assert verdict.detail["pays"] == {"payer": "other", "hold": False}
    if adopted:
        return
    one.kept = {"mismatch": stored(others)}  # what a person accepted already is not shown anew
    alone = judged(one, OTHER, there=True, begun=True, ours=True)
    assert isinstance(alone, Hold)
    assert (alone.reason, alone.detail["differences"]) == ("changed", stored([YES]))
    one.kept = {"mismatch": verdict.detail["differences"], **kept(OTHER, False)}
    assert isinstance(judged(one, OTHER, there=True, begun=True, ours=True), Verify)


def test_what_was_only_begun_is_completed_while_the_same_one_pays():
    one = posting(RAMP, True, entered_hash="before")
    assert isinstance(judged(one, RAMP, there=True, begun=True, ours=True), Write)


def test_the_point_of_a_hold_says_for_whom_it_may_be_kept():
    pays = Pays(RAMP, True)
    assert payment_hold.named([NO], pays) == {"pays": {"payer": "ramp", "hold": True}}
    assert payment_hold.named([TERMS], pays) == {}
    assert payment_hold.named([NO], None) == {}


def test_what_was_entered_as_found_and_is_moved_names_a_payment_hold_that_is_wrong():
    one = posting(entered_as={}, vendor_num=43)
    epicor = Epicor()
    moved = replace(DRAFT, vendor_num=43)
    _, saved = play(epicor.answer, moved)
    found = Found("ExternalID", {})
    found.by_stamp["bill-1"] = [("EPIC06", saved)]
    bill: Any = SimpleNamespace(payer=RAMP)
    for there in (True, False):
        assert saved.header is not None
        saved.header["PayHold"] = there
        verdict = decide(Job(one, bill, None, DRAFT), found, Ours(), update_edits=True)
        assert isinstance(verdict, Hold)
        assert verdict.reason == "changed"
        assert verdict.detail.get("differences") == (None if there else stored([NO]))
        assert ("paid twice" in verdict.message) is not there


def test_nothing_is_asked_where_nothing_says_whether_it_was_held():
    one = posting(entered_as={"adopted": True, "total": "120.15", "currency_code": "USD"})
    assert not payment_hold.is_news(one, RAMP, setting=True)
    assert payment_hold.with_hold(one, DRAFT, OTHER, setting=True) is DRAFT
    assert isinstance(judged(one, RAMP, there=False), Verify)


def test_a_setting_of_today_decides_only_once_a_payment_was_taken_back():
    for payer, held in ((UNKNOWN, True), (RAMP, False)):
        draft = payment_hold.with_hold(posting(payer, True), DRAFT, UNKNOWN, setting=False)
        assert draft.pay_hold is held
    verdict = judged(posting(RAMP, True), UNKNOWN, there=True, held=False)
    assert isinstance(verdict, Hold)
    assert "Ramp does not say any more who pays it" in verdict.message
