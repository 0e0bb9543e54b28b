"""The bill's page while a hold says that Epicor has something else: it never says otherwise."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.ledger.lifecycle import hold as put_hold
from audit.ledger.models import Posting
from audit.trail import log
from connector.domain.difference import NOT_THERE, Difference, stored
from connector.domain.errors import Hold, Reason
from connector.tenants.models import Tenant
from connector.web.bills.comparison import NO_LINE, NOT_AS_SENT
from connector.web.bills.disputed import as_disputed, disputes, points_of, unnamed
from connector.web.bills.sides import sent_side
from mappings import models as maps
from tests import builders
from tests.web.test_bill import PAGE, entered, looked, mirror, queries, text
from tests.web.test_compare import DRAFT, SEEN

WRONG = [
    Difference("total", "120", "1119"),
    Difference("due_date", "2026-12-02", "2026-12-09"),
    Difference("pay_hold", expected=True, actual=False),
    Difference("line_account", "6100|01|000", ("6200|01|000",), 2),
]
SEVERAL = Difference("several", actual=("A", "B"))


@pytest.fixture
def client(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(builders.make_user("ann", tenant, "accountant"))
    return client


def hold(posting: Posting, reason: Reason, *differences: Difference, **detail: Any) -> None:
    """Hold it as the readings of Epicor do."""
    said = {"differences": stored(differences), **detail}
    put_hold(posting, Hold(reason, "The invoice is in Epicor but differs.", said))


def sides(page: str) -> str:
    """The part of the page with the three sides."""
    return page.split('id="bill-sides"')[1].split("</section>")[0]


def test_a_mismatch_is_shown_where_the_values_stand(client: Client, tenant: Tenant) -> None:
    posting = entered(tenant)
    mirror(tenant)
    hold(posting, Reason.MISMATCH, *WRONG)
    page = text(client, PAGE)
    shown = sides(page)
    for expected in ["Differs from what was sent", "1,119.00 USD", "2026-12-09", "6200|01|000"]:
        assert expected in shown
    assert shown.count(f"</span> {NOT_AS_SENT}") == len(WRONG)
    assert "compared to the cent" not in page
    assert "No difference" not in page
    banner = page.split('aria-label="What waits"')[1].split("</section>")[0]
    for expected in ["1,119.00 USD", "120.00 USD", "Line 2 account"]:
        assert expected in banner


def test_nothing_says_no_difference_while_the_hold_is_open(client: Client, tenant: Tenant) -> None:
    posting = entered(tenant)
    mirror(tenant)
    hold(posting, Reason.MISMATCH, Difference("lines_total", "120", "119"))
    page = text(client, PAGE)
    assert "No difference" not in page
    assert "compare again once it is put right" in page
    looked(tenant, SEEN)
    page = text(client, PAGE)
    assert "As it was when bob looked." in page
    assert "No difference" not in page


def test_a_look_from_before_the_hold_does_not_hide_it(client: Client, tenant: Tenant) -> None:
    posting = entered(tenant)
    mirror(tenant)
    looked(tenant, SEEN, at=timezone.now())
    hold(posting, Reason.MISMATCH, *WRONG)
    assert "1,119.00 USD" in sides(text(client, PAGE))


def test_what_epicors_changes_say_later_goes_over_the_hold(client: Client, tenant: Tenant) -> None:
    posting = entered(tenant)
    mirror(tenant)
    hold(posting, Reason.MISMATCH, *WRONG)
    maps.TargetInvoice.objects.create(
        tenant=tenant, company="EPIC06", vendor_num=7, invoice_num="INV-1", currency_code="USD",
        total="1118.00", seen_at=timezone.now() + timedelta(minutes=1),
    )  # fmt: skip
    shown = sides(text(client, PAGE))
    assert "1,118.00 USD" in shown
    assert "the rest as the hold says" in shown
    assert "2026-12-09" in shown


@pytest.mark.parametrize(
    ("reason", "differences", "detail", "expected"),
    [
        (Reason.MISMATCH, [NOT_THERE], {"gone": True}, "was not found there"),
        (Reason.MISMATCH, [SEVERAL], {}, "stamp: A, B."),
        (Reason.MISMATCH, [], {}, "was not compared with the bill yet"),
        (Reason.CHANGED, [], {"moved": "EPIC06 INV-1"}, "the bill was changed in Ramp since"),
        (Reason.CHANGED, WRONG[:1], {}, "the bill was changed in Ramp since"),
        (Reason.REFUSED, WRONG[:1], {}, "Differs from what was sent"),
    ],
)
def test_every_such_hold_says_what_is_known(
    client: Client, tenant: Tenant, reason: Reason, differences: list[Difference], detail: Any,
    expected: str,
) -> None:  # fmt: skip
    posting = entered(tenant)
    mirror(tenant)
    hold(posting, reason, *differences, **detail)
    page = text(client, PAGE)
    assert expected in sides(page)
    assert "No difference" not in page
    assert "compared to the cent" not in page


def test_a_refusal_of_ramp_says_nothing_about_epicor(client: Client, tenant: Tenant) -> None:
    posting = entered(tenant)
    mirror(tenant)
    hold(posting, Reason.REFUSED, Difference("not_taken", actual="no such bill"))
    page = text(client, PAGE)
    assert "Ramp does not take it as synced" in page
    assert "compared to the cent" in page


def test_a_hold_that_is_over_hides_nothing(client: Client, tenant: Tenant) -> None:
    posting = entered(tenant)
    mirror(tenant)
    hold(posting, Reason.MISMATCH, *WRONG)
    Posting.objects.update(hold_reason="", hold_detail={}, hold_opened_at=None)
    log.record(tenant.pk, "posting.rechecked", subject_kind="posting", subject_id="b1")
    page = text(client, PAGE)
    assert "No difference" in page
    assert "compared to the cent" in page


def test_the_hold_costs_no_query(client: Client, tenant: Tenant) -> None:
    posting = entered(tenant)
    mirror(tenant)
    before = queries(lambda: client.get(PAGE))
    hold(posting, Reason.MISMATCH, *WRONG)
    assert queries(lambda: client.get(PAGE)) <= before


# -- the values, one by one ----------------------------------------------------------------------


def disputed(*differences: Difference, reason: str = Reason.MISMATCH) -> Any:
    posting = Posting(
        hold_reason=reason, hold_detail={"differences": stored(differences)}, currency="USD"
    )
    assert disputes(posting)
    return as_disputed(posting, sent_side(DRAFT, "G", "USD"))


def test_lines_that_are_missing_or_too_many() -> None:
    side = disputed(Difference("line_numbers", ("1", "2"), ("1", "3")))
    assert set(side.lines) == {1, 3}
    assert side.lines[3].amount.text == "a line more"
    assert side.lines[3].amount.means != NO_LINE.means
    assert disputed(Difference("line_numbers", ("1", "2"), ())).lines == {}


@pytest.mark.parametrize(
    ("point", "name", "means"),
    [
        (Difference("vendor", "7", "8"), "Vendor", 8),
        (Difference("vendor", "7", ""), "Vendor", ""),
        (Difference("number", "INV-1", "inv-9"), "Invoice number", "inv-9"),
        (Difference("terms", "N30", ""), "Terms", ""),
        (Difference("due_date", "2026-12-02", ""), "Due date", ""),
        (Difference("due_date", "2026-12-02", "2026-13-99"), "Due date", "2026-13-99"),
        (Difference("total", "120", ""), "Total", ""),
        (Difference("pay_hold", expected=True, actual=False), "Payment hold", False),
    ],
)
def test_values_of_the_header(point: Difference, name: str, means: object) -> None:
    assert disputed(point).fields[name].means == means


def test_lines_with_other_amounts_and_accounts() -> None:
    side = disputed(
        Difference("line_amount", "100", "99", 1),
        Difference("line_account", "6000|01|000", ("1|2", "3|4"), 1),
        Difference("line_account", "6100|01|000", (), 2),
    )
    assert side.lines[1].amount.text == "99.00 USD"
    assert side.lines[1].account.means == ("1|2", "3|4")
    assert side.lines[2].account.means == ()


def test_only_the_key_is_shown_of_what_was_never_compared() -> None:
    assert set(disputed().fields) == {"Epicor company", "Vendor", "Invoice number", "Group"}


def test_words_that_belong_to_no_point() -> None:
    posting = Posting(hold_detail={"differences": stored([SEVERAL, WRONG[0]])}, currency="USD")
    assert unnamed(points_of(posting)) == "2 invoices carry this bill's stamp: A, B."
