"""What Epicor's own master data says cannot be entered is held before the first write."""

from typing import Any

import pytest

from audit.ledger.models import Blocker, Posting
from audit.writes.models import Attempt
from connector.domain.errors import Reason
from connector.sync.bills.run import run_cycle
from connector.sync.context import open_rules
from connector.tenants.models import LearnedFact, Tenant
from mappings.models import CatalogRefresh, CurrencyMapping, EpicorCurrency
from sandbox.epicor import contract, odata
from tests.builders import money
from tests.journeys import truth


def plain(box: Any) -> str:
    """A bill that would be entered."""
    expected = box.world.expected()
    return next(bill_id for bill_id, one in expected.items() if one.outcome == "entered")


def in_currency(box: Any, bill_id: str, minor: int, currency: str, rate: int) -> None:
    """The bill is of one line and one amount in another currency."""
    amount = money(minor, currency, minor_unit_conversion_rate=rate)
    (row,) = [bill for bill in box.ramp.app.bills if bill["id"] == bill_id]
    account = next(
        one
        for line in [*row["line_items"], row]
        for one in line["accounting_field_selections"]
        if one["category_info"]["type"] == "GL_ACCOUNT"
    )
    line = {"amount": amount, "memo": "", "accounting_field_selections": [account]}
    changes = {"amount": amount, "line_items": [line], "inventory_line_items": []}
    box.ramp.app.edit_bill(bill_id, changes)


def learn(tenant: Tenant) -> None:
    """The catalogs are read again."""
    CatalogRefresh.objects.filter(tenant=tenant).delete()
    run_cycle(tenant, kinds=frozenset({"accounts", "vendors"}))


@pytest.mark.parametrize(
    ("minor", "currency", "rate", "kept", "held"),
    [
        (1234, "KWD", 1000, 2, True),
        (1230, "KWD", 1000, 2, False),
        (1234, "KWD", 1000, 3, False),
        (12050, "JPY", 100, 0, True),
        (12000, "JPY", 100, 0, False),
    ],
)
def test_amounts_with_more_decimals_than_epicor_keeps(start, minor, currency, rate, kept, held):
    box, tenant = start(bills=12)
    bill_id = plain(box)
    company = box.world.expected()[bill_id].company
    table = box.epicor.app.store.table(company, "Currency")
    usual = next(iter(table.rows.values()))
    with box.epicor.app.store.transaction():
        table.put({**usual, "CurrencyCode": currency, "DecimalsGeneral": kept, "BaseCurr": False})
    CurrencyMapping.objects.update_or_create(
        tenant=tenant, iso=currency, defaults={"epicor_code": currency}
    )
    in_currency(box, bill_id, minor, currency, rate)
    learn(tenant)
    assert EpicorCurrency.objects.filter(tenant=tenant, code=currency, decimals=kept).exists()
    run_cycle(tenant)
    posting = Posting.objects.get(tenant=tenant, bill_id=bill_id)
    blockers = Blocker.objects.filter(posting=posting, kind="decimals")
    assert blockers.exists() is held
    if held:
        assert posting.hold_reason == Reason.INVALID_BILL
        assert not Attempt.objects.filter(subject_id=bill_id).exists()
        assert bill_id not in truth.ledger(box)


def test_texts_fit_the_columns_as_this_epicor_describes_them(start, monkeypatch):
    lengths = {
        **contract.MAX_LENGTH,
        ("APInvHed", "Description"): 12,
        ("APInvDtl", "Description"): 20,
    }
    monkeypatch.setattr("sandbox.epicor.odata.MAX_LENGTH", lengths)
    monkeypatch.setattr("sandbox.epicor.call.MAX_LENGTH", lengths)
    assert odata.MAX_LENGTH is lengths
    box, tenant = start(bills=12)
    run_cycle(tenant)
    assert truth.check(box)["entered"] > 5
    seen = LearnedFact.objects.get(tenant=tenant, name="lengths").value
    assert seen["APInvHed"]["Description"] == 12
    ours = {bill_id: there for bill_id, there in truth.ledger(box).items() if bill_id}
    for (invoice,) in ours.values():
        assert len(invoice["header"]["Description"]) <= 12
        assert all(len(row["Description"]) <= 20 for row in invoice["lines"])


def test_an_epicor_that_does_not_describe_itself_stops_nothing(start):
    box, tenant = start(bills=12)
    before = open_rules(tenant).policy.lengths
    box.epicor.fail_next("$metadata", "status", times=99, status=403, body="{}")
    learn(tenant)
    assert box.epicor.failed["status"] == 1
    assert open_rules(tenant).policy.lengths == before
    run_cycle(tenant)
    assert truth.check(box)["entered"] > 5


def test_a_column_too_short_for_the_bill_s_id_is_told_before_anything_is_written(
    start, monkeypatch
):
    monkeypatch.setitem(odata.MAX_LENGTH, ("APInvHed", "ExternalID"), 20)
    box, tenant = start(bills=12)
    run_cycle(tenant)
    held = Posting.objects.filter(tenant=tenant, hold_reason=Reason.UNAVAILABLE)
    assert held.exists()
    assert not Attempt.objects.filter(tenant=tenant, action="enter_invoice").exists()
    assert set(truth.ledger(box)) <= {""}  # what people typed, without our stamp
