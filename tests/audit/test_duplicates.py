"""audit.ledger.duplicates: which other bills of ours are probably the same invoice."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.duplicates import IncomingBill, OvertakenError, among, check_alone, others
from audit.ledger.models import Posting
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.domain.invoice_key import Key, number_key, too_long, unseen
from connector.tenants.models import Tenant
from tests.audit.build import claimed, enter, make_tenant, opened

KEY: Key = ("EPIC06", 7, "INV 1")


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    return make_tenant()


def asked(tenant: Tenant, bill_id: str = "new", key: Key = KEY, **values: Any) -> IncomingBill:
    (posting,) = opened(tenant, bill_id, **{"invoice_num": key[2], **values})
    return IncomingBill(posting, key)


def sent(
    tenant: Tenant, bill_id: str, outcome: str = "done", key: Key = ("EPIC06", 7, "INV-1")
) -> Posting:
    """A bill in flight that was sent under the key, with this outcome."""
    opened(tenant, bill_id, invoice_num=key[2])
    (posting,) = claimed(tenant, bill_id)
    attempt = attempts.begin(tenant.pk, "posting", bill_id, "enter_invoice", request={}, key=key)
    if outcome != "intent":
        attempts.finish(attempt, Attempt.Outcome(outcome))
    return posting


def names(tenant: Tenant, one: IncomingBill) -> list[str]:
    return [other.posting.bill_id for other in others(tenant.pk, [one]).get("new", [])]


@pytest.mark.parametrize(
    ("outcome", "found"),
    [
        ("intent", True),
        ("done", True),
        ("unknown", True),
        ("refused", False),
        ("not_sent", False),
    ],
)
def test_what_was_sent_counts_unless_it_left_nothing(
    tenant: Tenant, outcome: str, found: bool
) -> None:
    sent(tenant, "old", outcome)
    assert bool(names(tenant, asked(tenant))) is found


@pytest.mark.parametrize(
    ("state", "outcome", "resolved", "found"),
    [
        ("in_flight", "done", False, True),
        ("in_doubt", "unknown", False, True),
        ("queued", "done", False, True),
        ("queued", "unknown", True, True),  # not there, and sent again soon
        ("removed", "done", False, False),
        ("dismissed", "done", False, False),
        ("dismissed", "unknown", False, True),  # may still arrive
        ("dismissed", "unknown", True, False),
        ("entered", "done", False, False),  # its record says under which number it is
    ],
)
def test_it_counts_while_it_is_or_may_get_into_epicor(
    tenant: Tenant, state: str, outcome: str, resolved: bool, found: bool
) -> None:
    sent(tenant, "old", outcome)
    Attempt.objects.update(resolved=resolved)
    Posting.objects.filter(bill_id="old").update(state=state)
    assert bool(names(tenant, asked(tenant))) is found


def test_what_was_not_there_under_a_number_that_it_has_no_more_does_not_count(
    tenant: Tenant,
) -> None:
    sent(tenant, "old", "unknown")
    Attempt.objects.update(resolved=True)
    Posting.objects.filter(bill_id="old").update(state="queued", number_key="another")
    assert names(tenant, asked(tenant)) == []


def test_what_is_entered_counts_under_the_number_that_it_has_there(tenant: Tenant) -> None:
    enter(*claimed(tenant, "old"), invoice_num="inv-01")
    one = asked(tenant)
    (other,) = others(tenant.pk, [one])["new"]
    assert (other.posting.bill_id, other.key) == ("old", ("EPIC06", 7, "inv-01"))
    assert not other.is_undecided


@pytest.mark.parametrize(
    ("state", "hold", "undecided"),
    [("in_flight", "", True), ("in_doubt", "", True), ("in_doubt", "in_doubt", False)],
)
def test_is_undecided_by_state_and_hold(
    tenant: Tenant, state: str, hold: str, undecided: bool
) -> None:
    sent(tenant, "old", "unknown")
    Posting.objects.filter(bill_id="old").update(state=state, hold_reason=hold)
    (other,) = others(tenant.pk, [asked(tenant)])["new"]
    assert other.is_undecided is undecided


@pytest.mark.parametrize(
    ("key", "changes", "found"),
    [
        (("EPIC06", 7, "INV-2"), {}, False),
        (("EPIC06", 8, "INV-1"), {"vendor_ramp_id": "other"}, False),
        (("EPIC07", 7, "INV-1"), {"vendor_ramp_id": "other"}, False),
        (("EPIC07", 9, "INV-1"), {}, True),  # the same vendor of Ramp and the same money
        (("EPIC07", 9, "INV-1"), {"amount": "1.00"}, False),
        (("EPIC07", 9, "INV-1"), {"currency": "EUR"}, False),
        (("EPIC07", 9, "INV-1"), {"vendor_ramp_id": ""}, False),
        (("EPIC06", 7, "INV-1"), {"amount": "1.00", "vendor_ramp_id": "other"}, True),
    ],
)
def test_whose_number_it_is(tenant: Tenant, key: Key, changes: dict[str, Any], found: bool) -> None:
    sent(tenant, "old", key=key)
    Posting.objects.filter(bill_id="old").update(**changes)
    assert bool(names(tenant, asked(tenant))) is found


def test_without_vendor_or_money_nothing_is_compared_across_companies(tenant: Tenant) -> None:
    sent(tenant, "old", key=("EPIC07", 9, "INV-1"))
    assert names(tenant, asked(tenant, amount=None)) == []
    Posting.objects.filter(bill_id="new").update(vendor_ramp_id="")
    one = IncomingBill(Posting.objects.get(bill_id="new"), KEY)
    assert names(tenant, one) == []


@pytest.mark.parametrize("who", ["old", "new"])
def test_a_cleared_bill_is_no_duplicate_unless_epicor_would_refuse_it(
    tenant: Tenant, who: str
) -> None:
    sent(tenant, "old")
    asked(tenant)
    other = {"old": "new", "new": "old"}[who]
    Posting.objects.filter(bill_id=who).update(bills_cleared=[other])
    posting = Posting.objects.get(bill_id="new")
    assert names(tenant, IncomingBill(posting, KEY)) == []
    assert names(tenant, IncomingBill(posting, ("EPIC06", 7, "inv-1 "))) == ["old"]


def test_of_a_bill_under_several_keys_the_one_is_told_that_epicor_would_refuse(
    tenant: Tenant,
) -> None:
    sent(tenant, "old")
    for number in ("inv 1", "INV/1"):
        attempts.begin(
            tenant.pk, "posting", "old", "enter_invoice", request={}, key=("EPIC06", 7, number)
        )
    (other,) = others(tenant.pk, [asked(tenant)])["new"]
    assert other.key == ("EPIC06", 7, "inv 1")


def test_another_tenant_and_the_bill_itself_are_no_others(tenant: Tenant) -> None:
    sent(make_tenant("else"), "old")
    sent(tenant, "new")
    assert names(tenant, IncomingBill(Posting.objects.get(tenant=tenant, bill_id="new"), KEY)) == []


def test_an_attempt_without_its_bill_is_passed_over(tenant: Tenant) -> None:
    attempts.begin(tenant.pk, "posting", "gone", "enter_invoice", request={}, key=KEY)
    assert names(tenant, asked(tenant)) == []


def test_two_queries_however_many_bills(tenant: Tenant) -> None:
    for number in range(5):
        sent(tenant, f"old-{number}", key=("EPIC06", 7, f"INV-{number}"))
    many = [asked(tenant, f"new-{n}", ("EPIC06", 7, f"INV {n}")) for n in range(5)]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert len(others(tenant.pk, many)) == 5
    assert len(queries) == 2


def test_of_one_slice_the_first_goes_on(tenant: Tenant) -> None:
    first, second, third = (
        asked(tenant, name, ("EPIC06", 7, number))
        for name, number in (("a", "INV-1"), ("b", "inv 1"), ("c", "INV-2"))
    )
    waits = among([first, second, third], [])
    assert {bill: other.posting.bill_id for bill, other in waits.items()} == {"b": "a"}
    assert set(among([third, first], [second])) == {"a"}


def test_the_intent_of_the_second_of_two_leaves_nothing(tenant: Tenant) -> None:
    one = asked(tenant)
    sent(tenant, "old")
    with pytest.raises(OvertakenError):
        attempts.begin(
            tenant.pk,
            "posting",
            "new",
            "enter_invoice",
            request={},
            key=KEY,
            check=lambda: check_alone(tenant.pk, one),
        )
    assert not Attempt.objects.filter(subject_id="new").exists()


def test_a_step_keeps_the_number_key_true(tenant: Tenant) -> None:
    one = asked(tenant).posting
    assert one.number_key == "1"
    enter(*claimed(tenant, "new"), invoice_num="Invoice 0002")
    assert Posting.objects.get(bill_id="new").number_key == "2"
    lifecycle.mark_removed(Posting.objects.get(bill_id="new"), actor="Ann", reason="Not owed")
    assert Posting.objects.get(bill_id="new").number_key == "2"
    assert timezone.now()


def test_what_has_no_letter_and_no_digit_is_compared_as_it_is() -> None:
    assert number_key(" #/# ") == "#/#"
    assert number_key("-") != number_key("#")
    assert (too_long("x" * 50), too_long("x" * 51)) == (0, 51)
    assert unseen(" ") == ""
