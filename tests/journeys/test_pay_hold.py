"""Who pays a bill decides whether Epicor is kept from paying it, over real HTTP."""

from typing import Any

import pytest

from connector.sync.bills.run import run_cycle
from connector.tenants.models import PostingSettings
from tests.journeys import truth

MANUAL = {"payment_method": "PAID_MANUALLY", "details": {"manual_payment_method": "PAID_IN_ERP"}}
CASES: tuple[tuple[dict[str, Any], bool | None], ...] = (
    ({"payment": None}, None),  # nobody knows: the setting decides
    ({"payment": {"payment_method": "UNSPECIFIED"}}, None),
    ({"payment": MANUAL}, False),
    ({"payment": None, "payments": [MANUAL]}, False),
    ({"payment": {"payment_method": "ACH"}}, True),
    ({"payment": None, "payments": [MANUAL, {"payment_method": "CHECK"}]}, True),
)


@pytest.mark.parametrize("setting", [True, False])
def test_epicor_is_kept_from_paying_what_ramp_pays_and_nothing_else(start, setting):
    box, tenant = start(bills=40)
    PostingSettings.objects.filter(tenant=tenant).update(pay_hold=setting)
    plans = box.world.expected().items()
    plain = [bill_id for bill_id, plan in plans if plan.outcome == "entered"][: len(CASES)]
    assert len(plain) == len(CASES)
    for bill_id, (change, _) in zip(plain, CASES, strict=True):
        box.ramp.app.edit_bill(bill_id, change)
    run_cycle(tenant)
    there = truth.ledger(box)
    held = [truth.seen(there[bill_id][0])["pay_hold"] for bill_id in plain]
    assert held == [setting if known is None else known for _, known in CASES]
