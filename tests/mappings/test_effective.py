"""What applies to a reference today, and that every place which says so says the same."""

import pytest

from connector.tenants.models import Tenant
from mappings.catalog import (
    AccountRow,
    SegmentValueRow,
    VendorRow,
    add_issued,
    replace_accounts,
    replace_segment_values,
    replace_vendors,
)
from mappings.decisions import ChangedMeanwhileError, approve, decide, require_approval
from mappings.effective import EVERY, IDENTITY, NOTHING, OWN, Applied, Today, today
from mappings.files import MappingRow
from mappings.grid import UNMAPPED, UNUSABLE, grid, row_of
from mappings.history import history
from mappings.import_export import export_mappings, import_mappings
from mappings.listing import Wanted
from mappings.models import Dimension, ProposedMapping, ReferenceUse, VendorMapping
from mappings.preview import preview

pytestmark = pytest.mark.django_db
CO, CO2 = "EPIC06", "EPIC07"
WHOLE = "6000|01|000"


@pytest.fixture
def tenant():
    """A tenant whose vendor v-1 stands for DELOS by our own upload; two companies are read."""
    tenant = Tenant.objects.create(slug="acme", name="Acme", time_zone="UTC")
    rows = [VendorRow(1, "DELOS", "Delos Inc"), VendorRow(2, "GLOBEX", "Globex Corp")]
    replace_vendors(tenant.pk, CO, rows)
    replace_vendors(tenant.pk, CO2, rows)
    use(tenant, "vendors", "v-1", issued="DELOS")
    add_issued(tenant.pk, "vendors", ["DELOS"])
    return tenant


def use(tenant, kind, ref, *, company=CO, issued="", first=True, bills=1):
    ReferenceUse.objects.create(
        tenant=tenant,
        kind=kind,
        ramp_id=ref,
        company=company,
        issued_id=issued,
        bills=bills,
        sums={"USD": "100.00"},
        total=1,
        first=first,
    )


def decided(tenant, target, *, company="", ref="v-1", actor="ann"):
    return decide(
        tenant.pk,
        "vendors",
        company=company,
        ramp_id=ref,
        ramp_name="Acme",
        epicor_id=target,
        actor=actor,
    )


def at(tenant, company="", ref="v-1", kind="vendors"):
    return today(tenant.pk, kind, [(company, ref)])[company, ref]


def test_the_own_mapping_comes_before_the_general_one_before_the_reference_itself(tenant):
    itself = Applied("DELOS", IDENTITY)
    assert at(tenant, CO) == Today(itself, itself)
    assert at(tenant) == Today(itself, itself)
    decided(tenant, "GLOBEX")
    every = Applied("GLOBEX", EVERY)
    assert at(tenant, CO) == Today(every, every)
    assert at(tenant) == Today(every, itself)
    decided(tenant, "DELOS", company=CO)
    assert at(tenant, CO) == Today(Applied("DELOS", OWN), every)
    assert at(tenant, ref="nobody") == Today(NOTHING, NOTHING)


def test_the_change_of_what_a_vendor_stands_for_is_no_new_mapping(tenant):
    file = [MappingRow(2, "v-1", "Acme", "GLOBEX", "", "")]
    found = preview(tenant.pk, "vendors", file)
    assert [(effect.what, effect.old) for effect in found.effects] == [("changed", "DELOS")]
    assert (found.used.bills, found.counts["new"]) == (1, 0)
    require_approval(tenant.pk, needed=True, actor="boss")
    assert decided(tenant, "GLOBEX").before == "DELOS"
    assert ProposedMapping.objects.get().before == "DELOS"
    (event,) = history(tenant.pk, "vendors", "v-1")
    assert ("Epicor", "DELOS", "GLOBEX") in [
        (one.name, one.before, one.after) for one in event.differences
    ]


def test_a_company_that_leaves_the_general_mapping_changes_it(tenant):
    decided(tenant, "GLOBEX")
    found = preview(tenant.pk, "vendors", [MappingRow(2, "v-1", "Acme", "DELOS", "", CO)])
    assert [(effect.what, effect.old) for effect in found.effects] == [("changed", "GLOBEX")]


def test_what_is_stored_and_was_so_before_is_neither_new_nor_changed(tenant):
    file = [MappingRow(2, "v-1", "Acme", "DELOS", "", "")]
    found = preview(tenant.pk, "vendors", file)
    assert [(effect.what, effect.old) for effect in found.effects] == [("kept", "DELOS")]
    assert found.used.bills == 0
    result = import_mappings(tenant.pk, "vendors", file, actor="ann", seen=found.effects)
    assert (result.created, result.errors) == (1, ())


def test_a_proposal_is_not_approved_once_something_else_applies(tenant):
    require_approval(tenant.pk, needed=True, actor="boss")
    proposal = decided(tenant, "GLOBEX", company=CO).proposal
    require_approval(tenant.pk, needed=False, actor="boss")
    decided(tenant, "GLOBEX")  # for every company
    with pytest.raises(ChangedMeanwhileError, match=r"it gets GLOBEX now\. It was DELOS when"):
        approve(tenant.pk, proposal, actor="bob")
    assert not VendorMapping.objects.filter(company=CO).exists()


def test_a_mapping_that_is_taken_away_leaves_what_lies_under_it(tenant):
    decided(tenant, "GLOBEX")
    decision = decided(tenant, "")
    assert (decision.after, decision.then) == ("", Applied("DELOS", IDENTITY))
    assert row_of(tenant.pk, "vendors", "v-1", CO).today.now == Applied("DELOS", IDENTITY)


# Accounts and values of segments ------------------------------------------------------------------


def test_an_account_stands_for_itself_only_where_epicor_has_it(tenant):
    add_issued(tenant.pk, "gl_accounts", ["6000", WHOLE])
    replace_accounts(tenant.pk, CO, [AccountRow(WHOLE, "Hosting", active=True)])
    for ref in ("6000", WHOLE):
        use(tenant, "gl_accounts", ref, issued=ref)
        use(tenant, "gl_accounts", ref, issued=ref, company=CO2, first=False)
    for company in (CO, CO2, ""):
        assert at(tenant, company, "6000", "gl_accounts") == Today()
    assert at(tenant, CO, WHOLE, "gl_accounts").now == Applied(WHOLE, IDENTITY)
    assert at(tenant, CO2, WHOLE, "gl_accounts").now == NOTHING
    found = grid(tenant.pk, "gl_accounts", Wanted())
    rows = {(row.ramp_id, row.company): (row.target, row.problem) for row in found.rows}
    assert rows == {("6000", ""): ("", ""), (WHOLE, CO2): ("", ""), (WHOLE, CO): (WHOLE, "")}
    assert found.unmapped == 2
    shown = grid(tenant.pk, "gl_accounts", Wanted(show=UNMAPPED)).rows
    assert [(row.ramp_id, row.company) for row in shown] == [("6000", ""), (WHOLE, CO2)]


def test_a_cost_center_that_our_upload_named_otherwise_is_not_mapped(tenant):
    Dimension.objects.create(tenant=tenant, ramp_field="cc", segment=3, kind="cost_centers")
    replace_segment_values(tenant.pk, CO, [SegmentValueRow(3, "100", "Sales", active=True)])
    add_issued(tenant.pk, "cost_centers", ["CC-SAL", "100"])
    use(tenant, "cost_centers", "CC-SAL", issued="CC-SAL")
    use(tenant, "cost_centers", "100", issued="100")
    found = grid(tenant.pk, "cost_centers", Wanted())
    assert found.unmapped == 1
    assert [(row.ramp_id, row.target, row.problem) for row in found.rows] == [
        ("CC-SAL", "", ""),
        ("100", "100", ""),
    ]


@pytest.mark.parametrize("kind", ["vendors", "gl_accounts"])
def test_what_stands_for_itself_and_cannot_be_used_is_found_by_the_filter(tenant, kind):
    replace_vendors(tenant.pk, CO, [VendorRow(1, "DELOS", "Delos Inc", inactive=True)])
    replace_accounts(tenant.pk, CO, [AccountRow(WHOLE, "Hosting", active=False)])
    add_issued(tenant.pk, "gl_accounts", [WHOLE])
    use(tenant, "gl_accounts", WHOLE, issued=WHOLE)
    (row,) = grid(tenant.pk, kind, Wanted(show=UNUSABLE)).rows
    assert (row.source, row.problem) == (IDENTITY, "inactive in EPIC06")


def test_what_stands_for_itself_is_found_by_its_company(tenant):
    assert [row.target for row in grid(tenant.pk, "vendors", Wanted(company=CO)).rows] == ["DELOS"]
    assert not grid(tenant.pk, "vendors", Wanted(company=CO2)).rows


# A file of our own --------------------------------------------------------------------------------


def test_an_export_can_be_imported_though_a_target_vanished(tenant):
    decided(tenant, "GLOBEX")
    replace_vendors(tenant.pk, CO, [VendorRow(1, "DELOS", "Delos Inc")])
    replace_vendors(tenant.pk, CO2, [VendorRow(1, "DELOS", "Delos Inc")])
    file = export_mappings(tenant.pk, "vendors")
    assert preview(tenant.pk, "vendors", file).counts == {"same": 1}
    result = import_mappings(tenant.pk, "vendors", file, actor="ann")
    assert (result.unchanged, result.errors) == (1, ())
    other = [MappingRow(2, "v-2", "", "GLOBEX", "", "")]
    assert import_mappings(tenant.pk, "vendors", other, actor="ann").errors
