"""The rows of the grid: what is mapped and what bills name without target, in which order."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from audit.ledger.models import Blocker, Posting
from connector.tenants.models import Tenant
from mappings import grid as grids
from mappings.catalog import AccountRow, VendorRow, add_issued, replace_accounts, replace_vendors
from mappings.decisions import decide, require_approval
from mappings.grid import UNMAPPED, UNUSABLE, WAITING, grid, row_of
from mappings.listing import ALL, Place, Wanted
from mappings.models import GLAccountMapping, ReferenceUse, UseCount, VendorMapping
from mappings.references import IDENTITY

pytestmark = pytest.mark.django_db
CO, CO2 = "EPIC06", "EPIC07"


@pytest.fixture
def tenant():
    return Tenant.objects.create(slug="acme", name="Acme", time_zone="UTC")


def used(
    tenant,
    ramp_id,
    bills=1,
    *,
    company=CO,
    kind="vendors",
    name="",
    issued="",
    total=0,
    first=True,
    **sums,
):
    return ReferenceUse.objects.create(
        tenant=tenant,
        kind=kind,
        company=company,
        ramp_id=ramp_id,
        name=name,
        issued_id=issued,
        bills=bills,
        sums=sums or {"USD": str(100 * bills)},
        total=total or bills,
        first=first,
    )


def mapped(tenant, ramp_id, target="A", *, company="", name="", source="manual"):
    return VendorMapping.objects.create(
        tenant=tenant,
        ramp_id=ramp_id,
        ramp_name=name,
        epicor_id=target,
        company=company,
        source=source,
        updated_by="ann",
    )


def held(tenant, bill_id, *refs, company=CO, kind="vendors", reason="vendor_unmapped", amount="10"):
    posting = Posting.objects.create(
        tenant=tenant,
        bill_id=bill_id,
        hold_reason=reason,
        hold_opened_at=timezone.now(),
        amount=Decimal(amount),
        currency="USD",
        company=company,
    )
    for ref in refs:
        Blocker.objects.create(
            posting=posting,
            reason=reason,
            kind=kind,
            company=company,
            ramp_id=ref,
            name=f"Name {ref}",
            message="x",
        )
    return posting


def shown(tenant, kind="vendors", **wanted):
    return [
        (row.ramp_id, row.company, row.target)
        for row in grid(tenant.pk, kind, Wanted(**wanted)).rows
    ]


def test_without_target_first_then_by_use(tenant):
    for ref, bills in (("few", 1), ("many", 9), ("loose", 2), ("looser", 5)):
        used(tenant, ref, bills)
    mapped(tenant, "few")
    mapped(tenant, "many")
    mapped(tenant, "never")
    held(tenant, "b1", "new")
    assert [ref for ref, _, _ in shown(tenant)] == [
        "new",
        "looser",
        "loose",
        "many",
        "few",
        "never",
    ]


def test_a_row_says_everything(tenant):
    replace_vendors(tenant.pk, CO, [VendorRow(1, "A", "Acme Inc")])
    used(tenant, "v-1", 3, name="Acme", USD="12.30", JPY="5000")
    mapped(tenant, "v-1")
    held(tenant, "b1", "v-1", reason="vendor_unusable", amount="7.50")
    held(tenant, "b2", "v-1", "v-1", reason="vendor_unusable", amount="1")
    row = row_of(tenant.pk, "vendors", "v-1", "")
    assert (row.name, row.target, row.target_name, row.by) == ("Acme", "A", "Acme Inc", "ann")
    assert (row.bills, row.sums) == (3, {"USD": Decimal("12.30"), "JPY": Decimal(5000)})
    assert (row.waiting, row.waiting_money.sums) == (2, {"USD": Decimal("8.50")})
    assert len(row.held) == 2
    assert (row.problem, row.source, row.companies) == ("", "manual", (CO,))


def test_a_companys_own_mapping_has_its_own_uses(tenant):
    used(tenant, "v", 3, company=CO, total=8, first=False)
    used(tenant, "v", 5, company=CO2, total=8)
    mapped(tenant, "v", "A")
    mapped(tenant, "v", "B", company=CO2)
    rows = {row.company: row.bills for row in grid(tenant.pk, "vendors", Wanted()).rows}
    assert rows == {"": 3, CO2: 5}


def test_where_only_one_company_is_mapped_the_others_are_listed(tenant):
    used(tenant, "v", 3, company=CO, total=8, first=False)
    used(tenant, "v", 5, company=CO2, total=8)
    mapped(tenant, "v", "B", company=CO2)
    held(tenant, "b", "v", company=CO)
    assert shown(tenant) == [("v", CO, ""), ("v", CO2, "B")]
    row = row_of(tenant.pk, "vendors", "v", CO)
    assert (row.bills, row.waiting) == (3, 1)


def test_a_reference_for_all_companies_is_one_row(tenant):
    used(tenant, "v", 3, company=CO, total=8, first=False)
    used(tenant, "v", 5, company=CO2, total=8)
    used(tenant, "v", 1, company="", first=False)  # an entity without route
    assert shown(tenant) == [("v", "", "")]
    assert row_of(tenant.pk, "vendors", "v", "").bills == 9


def test_our_own_upload_stands_for_itself_unless_it_is_held(tenant):
    add_issued(tenant.pk, "vendors", ["ACME"])
    used(tenant, "v-1", issued="ACME")
    used(tenant, "v-2", issued="THEIRS")
    row = row_of(tenant.pk, "vendors", "v-1", "")
    assert (row.target, row.source) == ("ACME", IDENTITY)
    assert row_of(tenant.pk, "vendors", "v-2", "").target == ""
    held(tenant, "b", "v-1")
    assert row_of(tenant.pk, "vendors", "v-1", "").target == ""


def test_a_mapping_wins_over_our_own_upload(tenant):
    add_issued(tenant.pk, "vendors", ["ACME"])
    used(tenant, "v-1", issued="ACME")
    mapped(tenant, "v-1", "OTHER")
    assert shown(tenant) == [("v-1", "", "OTHER")]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"start": "acm"}, ["v-1"]),
        ({"start": "V-"}, ["v-3", "v-2", "v-1"]),
        ({"start": "bet"}, ["v-2"]),
        ({"start": "cme"}, []),
        ({"show": UNMAPPED}, ["v-3"]),
        ({"show": WAITING}, ["v-3"]),
        ({"show": UNUSABLE}, ["v-2"]),
        ({"company": CO2}, ["v-2"]),
        ({"company": CO}, ["v-3"]),  # where it is used without target
        ({"company": ALL}, ["v-3", "v-1"]),
        ({"source": "import"}, ["v-2"]),
        ({"source": "identity"}, []),
        ({"start": "v", "source": "manual"}, ["v-1"]),
    ],
)
def test_it_is_filtered(tenant, wanted, found):
    replace_vendors(tenant.pk, CO, [VendorRow(1, "A", "Acme Inc")])
    replace_vendors(tenant.pk, CO2, [VendorRow(1, "BETA", "Beta", inactive=True)])
    mapped(tenant, "v-1", "A", name="Acme")
    mapped(tenant, "v-2", "BETA", company=CO2, source="import")
    used(tenant, "v-3")
    held(tenant, "b", "v-3")
    assert [ref for ref, _, _ in shown(tenant, **wanted)] == found


@pytest.mark.parametrize(
    ("company", "companies", "target", "problem"),
    [
        (CO, [], "GONE", "not in EPIC06"),
        (CO, [], "OFF", "inactive in EPIC06"),
        (CO, [], "OK", ""),
        ("", [CO, CO2], "OK", "not in EPIC07"),
        ("", [CO], "OK", ""),
        ("", [], "OK", ""),  # usable somewhere
        ("", [], "GONE", "not in EPIC06, not in EPIC07"),
    ],
)
def test_a_target_that_cannot_be_used_is_marked(tenant, company, companies, target, problem):
    replace_vendors(
        tenant.pk, CO, [VendorRow(1, "OK", "Ok"), VendorRow(2, "OFF", "Off", inactive=True)]
    )
    replace_vendors(tenant.pk, CO2, [VendorRow(1, "ELSE", "Else")])
    for one in companies:
        used(tenant, "v", company=one)
    mapped(tenant, "v", target, company=company)
    assert row_of(tenant.pk, "vendors", "v", company).problem == problem


def test_an_account_that_is_closed_by_now_is_marked(tenant):
    ended = AccountRow("6000|01", "Rent", effective_to=date(2020, 1, 1))
    replace_accounts(tenant.pk, CO, [ended, AccountRow("6100|01", "Ink")])
    for ref in "abc":
        decide(
            tenant.pk,
            "gl_accounts",
            company=CO,
            ramp_id=ref,
            ramp_name="",
            epicor_id="6100|01",
            actor="ann",
        )
    for ref, account in (("a", "6000|01"), ("c", "7|7")):
        GLAccountMapping.objects.filter(ramp_id=ref).update(epicor_id=account)
    rows = {row.ramp_id: row for row in grid(tenant.pk, "gl_accounts", Wanted()).rows}
    assert rows["a"].problem == "not effective after 2020-01-01 in EPIC06"
    assert (rows["b"].problem, rows["b"].target_name) == ("", "Ink")
    assert rows["c"].problem == "not in EPIC06"


def test_a_proposal_is_shown_with_its_row(tenant):
    require_approval(tenant.pk, needed=True, actor="boss")
    used(tenant, "v")
    decide(tenant.pk, "vendors", company="", ramp_id="v", ramp_name="", epicor_id="A", actor="ann")
    row = row_of(tenant.pk, "vendors", "v", "")
    assert (row.target, row.proposed.epicor_id) == ("", "A")


def test_pages_are_bounded_and_go_through_all_three_lists(tenant, monkeypatch):
    monkeypatch.setattr(grids, "A_PAGE", 3)
    for n in range(4):
        used(tenant, f"loose-{n}", 9 - n)
        used(tenant, f"used-{n}", 9 - n)
        mapped(tenant, f"used-{n}")
        mapped(tenant, f"idle-{n}", name=f"Idle {n}")
    held(tenant, "b", "held")
    seen, at = [], Place()
    while at is not None:
        found = grid(tenant.pk, "vendors", Wanted(), at)
        assert len(found.rows) <= 3
        assert found.unmapped == (5 if at == Place() else 0)
        assert found.mapped == 8
        seen += [row.ramp_id for row in found.rows]
        at = found.next
    assert seen == [
        "held",
        *[f"loose-{n}" for n in range(4)],
        *[f"used-{n}" for n in range(4)],
        *[f"idle-{n}" for n in range(4)],
    ]


@pytest.mark.parametrize("text", ["", "x3", "a", "b-1", "b1e3", "c99999999", "a\u00b2", "b0;"])
def test_an_odd_place_is_the_start(text):
    assert Place.read(text) == Place()
    assert Place.read("b12") == Place("b", 12)
    assert str(Place("c", 7)) == "c7"


def test_a_place_behind_the_end_is_empty(tenant):
    mapped(tenant, "v")
    found = grid(tenant.pk, "vendors", Wanted(), Place("c", 50))
    assert (found.rows, found.next) == ([], None)


def test_very_many_without_target_are_not_counted_to_the_end(tenant, monkeypatch):
    monkeypatch.setattr(grids, "COUNTED", 3)
    for n in range(9):
        used(tenant, f"v-{n}")
    assert grid(tenant.pk, "vendors", Wanted()).unmapped == 4


def test_a_mapping_whose_bills_were_not_replayed_yet_is_no_gap(tenant):
    held(tenant, "b", "v")
    mapped(tenant, "v")
    found = grid(tenant.pk, "vendors", Wanted())
    assert [(row.ramp_id, row.target, row.waiting) for row in found.rows] == [("v", "A", 1)]
    assert found.unmapped == 0


def test_another_tenants_rows_are_not_there(tenant):
    other = Tenant.objects.create(slug="other", name="Other", time_zone="UTC")
    used(other, "theirs")
    mapped(other, "theirs-too")
    held(other, "b", "held")
    UseCount.objects.create(
        tenant=other, since=date(2026, 1, 1), counted_at=timezone.now(), bills=1
    )
    found = grid(tenant.pk, "vendors", Wanted())
    assert (found.rows, found.mapped, found.unmapped, found.counted) == ([], 0, 0, None)
    assert row_of(tenant.pk, "vendors", "theirs", "").bills == 0
