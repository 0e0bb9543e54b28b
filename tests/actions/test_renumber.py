"""A changed invoice number: whose it is in Epicor, and that the draft and its checks follow."""

from datetime import date
from typing import Any

import pytest

from audit.ledger import invoice_number
from audit.ledger.invoice_number import NumberError, Place
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.actions.renumber import back_to_ramp, give_number, place_of
from connector.domain.errors import Hold, InvalidBillError, Reason
from connector.epicor.ap_invoice.draft import PostingPolicy, check_bill
from connector.ramp.bill_content import hash_of
from connector.ramp.bills import parse_bill
from connector.sync.bills.prepare import prepare
from connector.sync.context import open_rules
from connector.sync.models import Bill
from connector.tenants.models import EntityRoute, PostingSettings, Tenant
from tests import builders
from tests.web.rows import make_posting
from tests.web.test_bill import catalogs, mirror

pytestmark = pytest.mark.django_db
WHY = {"actor": "ann", "reason": "RENT is on each of their bills."}


@pytest.fixture
def tenant() -> Tenant:
    tenant = builders.make_tenant("acme")
    catalogs(tenant)
    return tenant


def waiting(tenant: Tenant, bill_id: str = "b1", **changes: Any) -> Posting:
    """A bill as it is read, with Ramp's copy; `changes` are of the bill in Ramp."""
    copy = mirror(tenant, bill_id, **changes)
    bill = parse_bill(copy.payload)
    return make_posting(
        tenant,
        bill_id,
        company="",
        entity_id=bill.entity_id,
        vendor_ramp_id=bill.vendor_id,
        invoice_num=bill.invoice_num[:255],
        issued_on=bill.issued_on,
    )


def drafted(tenant: Tenant, posting: Posting, **changes: Any) -> Any:
    """What would be entered now, or the hold."""
    payload = {**Bill.objects.get(bill_id=posting.bill_id).payload, **changes}
    ready, held = prepare(open_rules(tenant), [posting], {posting.bill_id: payload})
    return ready[0] if ready else held[0][1]


# -- the draft -------------------------------------------------------------------------------------


def test_the_draft_and_its_key_have_the_given_number_and_nothing_else_differs(
    tenant: Tenant,
) -> None:
    posting = waiting(tenant)
    before = drafted(tenant, posting)
    give_number(tenant, posting, "INV-1-B", **WHY)
    after = drafted(tenant, posting)
    assert after.draft.key == ("EPIC06", 7, "INV-1-B")
    differing = {
        name
        for name, value in after.draft.as_json().items()
        if value != before.draft.as_json()[name]
    }
    assert differing == {"invoice_num"}
    # The bill is still what Ramp says: a given number is no edit.
    assert after.content_hash == before.content_hash == hash_of(after.bill)
    back_to_ramp(tenant, posting, **WHY)
    assert drafted(tenant, posting).draft == before.draft


def test_a_number_that_is_too_long_is_replaced(tenant: Tenant) -> None:
    long = "X" * 60
    posting = waiting(tenant, invoice_number=long)
    hold = drafted(tenant, posting, invoice_number=long)
    assert isinstance(hold, Hold)
    assert hold.reason == Reason.INVALID_BILL
    assert "has 60 characters" in hold.message
    assert "another number here, or shorten it in Ramp" in hold.message
    give_number(tenant, posting, invoice_number.proposal(posting), **WHY)
    assert drafted(tenant, posting, invoice_number=long).draft.invoice_num == f"{long[:42]}-2026-11"


def test_a_bill_without_a_number_gets_one(tenant: Tenant) -> None:
    posting = waiting(tenant, "12345678-9abc-def0-1234-56789abcdef0", invoice_number=None)
    assert drafted(tenant, posting, invoice_number=None).draft.invoice_num == "RAMP-12345678"
    give_number(tenant, posting, "RENT 11/2026", **WHY)
    assert posting.given_for == "RAMP-12345678"
    assert drafted(tenant, posting, invoice_number=None).draft.invoice_num == "RENT 11/2026"


@pytest.mark.parametrize("state", ["queued", "in_flight"])
def test_a_third_number_in_ramp_waits_for_a_person(tenant: Tenant, state: str) -> None:
    posting = waiting(tenant)
    give_number(tenant, posting, "INV-1-B", **WHY)
    posting.state = state
    hold = drafted(tenant, posting, invoice_number="INV-2")
    assert hold.reason == Reason.INVALID_BILL
    assert "was INV-1 when it was replaced here by INV-1-B, and is INV-2 now" in hold.message
    assert drafted(tenant, posting, invoice_number="inv-1-b").draft.invoice_num == "INV-1-B"


@pytest.mark.parametrize("state", ["in_doubt", "entered"])
def test_what_may_be_in_epicor_is_looked_for_under_the_given_number(
    tenant: Tenant, state: str
) -> None:
    posting = waiting(tenant)
    give_number(tenant, posting, "INV-1-B", **WHY)
    posting.state = state
    assert drafted(tenant, posting, invoice_number="INV-2").draft.invoice_num == "INV-1-B"


def test_the_length_that_counts_is_that_of_the_number_to_be_entered() -> None:
    bill = parse_bill(builders.bill_payload(invoice_number="x" * 51))
    check_bill(bill, PostingPolicy(), given_num="x")
    with pytest.raises(InvalidBillError, match="has 51 characters"):
        check_bill(bill, PostingPolicy())


# -- whose number ----------------------------------------------------------------------------------


def test_where_a_bill_goes_is_known_once_it_can_be_coded(tenant: Tenant) -> None:
    posting = waiting(tenant)
    there = frozenset({builders.ENTITY})
    assert place_of(tenant, posting, "X") == Place("EPIC06", 7, there)
    EntityRoute.objects.create(tenant=tenant, ramp_entity_id="e2", company="EPIC06", site="S")
    EntityRoute.objects.create(tenant=tenant, ramp_entity_id="e3", company="EPIC07", site="S")
    assert place_of(tenant, posting, "X") == Place("EPIC06", 7, there | {"e2"})
    assert place_of(tenant, make_posting(tenant, "not-read"), "X") is None
    assert place_of(tenant, waiting(tenant, "b2", entity_id="unknown"), "X") is None


def test_rules_about_entering_do_not_hide_where_a_bill_goes(tenant: Tenant) -> None:
    PostingSettings.objects.filter(tenant=tenant).update(start_date=date(2030, 1, 1))
    posting = waiting(tenant, purchase_order_ids=["po-1"])
    assert drafted(tenant, posting).reason == Reason.NEEDS_REVIEW
    assert place_of(tenant, posting, "X") == Place("EPIC06", 7, frozenset({builders.ENTITY}))


def test_a_number_of_the_same_epicor_vendor_is_refused_whatever_it_is_called_in_ramp(
    tenant: Tenant,
) -> None:
    make_posting(
        tenant,
        "old",
        state="confirmed",
        company="EPIC06",
        vendor_num=7,
        invoice_num="inv-1-b",
        vendor_ramp_id="another-name-in-ramp",
    )
    posting = waiting(tenant)
    with pytest.raises(NumberError, match="bill old of the same vendor is entered under it"):
        give_number(tenant, posting, "INV-1-B", **WHY)
    give_number(tenant, posting, "INV-1-C", **WHY)
    told = AuditEntry.objects.get(action="posting.numbered")
    assert (told.actor, told.seq is not None) == ("ann", True)
    with pytest.raises(NumberError, match="51 characters"):
        give_number(tenant, posting, "x" * 51, **WHY)
