"""Choices in Ramp that decide nothing, over real HTTP: told when they should have, else shown."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from django.test import Client

from audit.ledger.models import Blocker, Posting
from connector.domain.errors import Reason
from connector.sync.bills.preview import UNUSED, preview
from connector.sync.bills.run import run_cycle
from connector.tenants.connection_test import ping
from mappings.models import Dimension
from tests.builders import choice, make_user

Row = dict[str, Any]
Change = Callable[[list[Row]], None]
TAX = choice("T-8", field="sales_tax", kind="TAX_CODE")


def entered_line(box: Any) -> tuple[Row, int]:
    """A ready bill with a line that has an account and a cost center, and which line that is."""
    for bill in box.ramp.app.bills:
        for number, line in enumerate(bill["line_items"]):
            fields = {one["category_info"]["type"] for one in line["accounting_field_selections"]}
            if fields == {"GL_ACCOUNT", "OTHER"} and bill["sync_status"] == "NOT_SYNCED":
                return bill, number
    raise AssertionError("no such bill in this world")


def change(box: Any, how: Change) -> str:
    """Edit what was chosen on one line of one bill; its id."""
    bill, number = entered_line(box)
    lines = deepcopy(bill["line_items"])
    how(lines[number]["accounting_field_selections"])
    box.ramp.app.edit_bill(bill["id"], {"line_items": lines})
    return str(bill["id"])


def center(chosen: list[Row]) -> Row:
    return next(one for one in chosen if one["category_info"]["type"] == "OTHER")


def account(chosen: list[Row]) -> Row:
    return next(one for one in chosen if one["category_info"]["type"] == "GL_ACCOUNT")


def other_center(chosen: list[Row]) -> None:
    chosen.append({**center(chosen), "external_id": "another", "name": "Another"})


def other_account(chosen: list[Row]) -> None:
    chosen.append({**account(chosen), "external_id": "another", "name": "Another"})


@pytest.mark.parametrize(
    ("how", "reason", "kind"),
    [
        (
            lambda chosen: center(chosen).update(external_id=None),
            Reason.DIMENSION_UNMAPPED,
            "cost_centers",
        ),
        (lambda chosen: center(chosen).update(category_info=None), Reason.INVALID_BILL, "choice"),
        (
            lambda chosen: center(chosen)["category_info"].update(external_id=None),
            Reason.DIMENSION_UNMAPPED,
            "field",
        ),
        (
            lambda chosen: account(chosen).update(external_id=None),
            Reason.ACCOUNT_UNMAPPED,
            "gl_accounts",
        ),
        (other_center, Reason.INVALID_BILL, "choice"),
        (other_account, Reason.INVALID_BILL, "choice"),
    ],
)
def test_a_choice_that_cannot_decide_holds_its_bill_alone(start, how, reason, kind):
    box, tenant = start(bills=12)
    bill_id = change(box, how)
    run_cycle(tenant)
    posting = Posting.objects.get(tenant=tenant, bill_id=bill_id)
    assert (posting.hold_reason, posting.in_epicor) == (reason, False)
    assert Blocker.objects.get(posting=posting).kind == kind
    assert Posting.objects.filter(tenant=tenant, state=Posting.State.CONFIRMED).exists()


@pytest.mark.parametrize("wrong", ["Cost Center", "COST-CENTER", "department"])
def test_a_field_that_the_settings_name_wrongly_holds_what_was_chosen_for_it(start, wrong):
    box, tenant = start(bills=12)
    Dimension.objects.filter(tenant=tenant).update(ramp_field=wrong)
    bill, _ = entered_line(box)
    (checked,) = [one for one in ping(tenant)["ramp"]["checks"] if one["name"] == "fields"]
    assert not checked["ok"]
    assert "cost_center" in checked["message"]
    run_cycle(tenant)
    posting = Posting.objects.get(tenant=tenant, bill_id=bill["id"])
    assert (posting.hold_reason, posting.in_epicor) == (Reason.DIMENSION_UNMAPPED, False)
    assert Blocker.objects.filter(posting=posting, kind="field").exists()


def test_a_tax_code_stops_nothing_and_is_shown_on_the_bill(start, client: Client):
    box, tenant = start(bills=12)
    bill_id = change(box, lambda chosen: chosen.append(deepcopy(TAX)))
    coding = preview(tenant, bill_id).coding
    assert [one["why"] for one in coding if one["field"] == UNUSED and "T-8" in one["why"][0]]
    run_cycle(tenant)
    assert Posting.objects.get(bill_id=bill_id).state == Posting.State.CONFIRMED
    client.force_login(make_user("jane", tenant))
    page = client.get(f"/t/{tenant.slug}/bills/{bill_id}").content.decode()
    assert ", not used" in page
    assert "Tax code Option T-8" in page
