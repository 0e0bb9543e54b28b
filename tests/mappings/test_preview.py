"""What a file would do is what it then does, and which bills it frees."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.ledger.models import Blocker, Posting
from audit.trail.models import AuditEntry
from connector.tenants.models import Tenant
from mappings.catalog import VendorRow, replace_vendors
from mappings.decisions import require_approval
from mappings.files import MappingFileError, MappingRow
from mappings.impact import open_holds
from mappings.import_export import Effect, import_mappings
from mappings.kinds import UnknownKindError
from mappings.models import ProposedMapping, VendorMapping
from mappings.preview import preview

pytestmark = pytest.mark.django_db
CO = "EPIC06"


@pytest.fixture
def tenant():
    tenant = Tenant.objects.create(slug="acme", name="Acme", time_zone="UTC")
    vendors = [VendorRow(1, "A", "Acme"), VendorRow(2, "B", "Beta", inactive=True)]
    replace_vendors(tenant.pk, CO, vendors)
    replace_vendors(tenant.pk, "EPIC07", [VendorRow(1, "C", "Cee")])
    return tenant


def row(ramp_id, epicor_id, number=2, *, ramp_name="", company=""):
    return MappingRow(number, ramp_id, ramp_name, epicor_id, "", company)


def held(tenant, bill_id, *gaps, amount="10", currency="USD"):
    posting = Posting.objects.create(
        tenant=tenant,
        bill_id=bill_id,
        hold_reason="vendor_unmapped",
        hold_opened_at=timezone.now(),
        amount=None if amount is None else Decimal(amount),
        currency=currency,
    )
    for kind, ref, company in gaps:
        Blocker.objects.create(
            posting=posting,
            reason="vendor_unmapped",
            kind=kind,
            company=company,
            ramp_id=ref,
            message="x",
        )
    return posting.pk


def test_each_row_has_its_effect(tenant):
    VendorMapping.objects.create(tenant=tenant, ramp_id="same", epicor_id="A", epicor_name="Acme")
    VendorMapping.objects.create(tenant=tenant, ramp_id="other", epicor_id="C", epicor_name="Cee")
    rows = [row("same", "A", 2), row("other", "A", 3), row("new", "B", 4), row("bad", "X", 5)]
    found = preview(tenant.pk, "vendors", rows)
    assert found.effects == (
        Effect("same", "A"),
        Effect("changed", "C"),
        Effect("new", ""),
        Effect("error", ""),
    )
    assert list(found.errors) == [5]
    assert "No company has vendor 'X'" in found.errors[5]
    assert found.unusable == 1  # B is inactive where it is, and nowhere else
    assert not AuditEntry.objects.exists()


def test_a_target_that_is_there_but_closed_is_counted(tenant):
    assert preview(tenant.pk, "vendors", [row("v", "B", company=CO)]).unusable == 1
    assert preview(tenant.pk, "vendors", [row("v", "A", company=CO)]).unusable == 0


def test_an_unknown_kind_is_refused(tenant):
    with pytest.raises(UnknownKindError):
        preview(tenant.pk, "colors", [])


@pytest.mark.parametrize(
    ("gaps", "keys", "others", "free", "partly"),
    [
        ([("vendors", "v", CO)], {(CO, "v")}, (), True, 0),
        ([("vendors", "v", CO)], {("", "v")}, (), True, 0),
        ([("vendors", "v", CO)], {("EPIC07", "v")}, (), False, 0),
        ([("vendors", "v", CO)], {("", "w")}, (), False, 0),
        ([("vendors", "v", CO)], {("", "v")}, {(CO, "v")}, False, 0),  # its own mapping stays
        ([("vendors", "v", CO)], {("", "v"), (CO, "v")}, {(CO, "v")}, True, 0),
        ([("vendors", "v", CO), ("gl_accounts", "a", CO)], {("", "v")}, (), False, 1),
        ([("vendors", "v", CO), ("vendors", "w", CO)], {("", "v"), ("", "w")}, (), True, 0),
        ([("gl_accounts", "v", CO)], {("", "v")}, (), False, 0),
    ],
)
def test_what_a_change_frees(tenant, gaps, keys, others, free, partly):
    pk = held(tenant, "b", *gaps)
    found = open_holds(tenant.pk).impact_of("vendors", keys, others)
    assert found.postings == ((pk,) if free else ())
    assert found.money.sums == ({"USD": Decimal(10)} if free else {})
    assert found.partly == partly


def test_money_is_summed_per_currency_and_each_bill_once(tenant):
    held(tenant, "1", ("vendors", "v", CO), ("vendors", "v", CO), amount="0.10")
    held(tenant, "2", ("vendors", "v", CO), amount="0.20")
    held(tenant, "3", ("vendors", "v", CO), amount="500", currency="JPY")
    held(tenant, "4", ("vendors", "v", CO), amount=None)
    found = preview(tenant.pk, "vendors", [row("v", "A")]).freed
    assert (found.bills, found.money.unreadable) == (4, 1)
    assert found.money.sums == {"USD": Decimal("0.30"), "JPY": Decimal(500)}


def test_a_row_that_changes_nothing_frees_nothing(tenant):
    VendorMapping.objects.create(tenant=tenant, ramp_id="v", epicor_id="A", epicor_name="Acme")
    held(tenant, "1", ("vendors", "v", CO))
    assert preview(tenant.pk, "vendors", [row("v", "A")]).freed.bills == 0


def test_another_tenants_bills_are_not_freed(tenant):
    other = Tenant.objects.create(slug="other", name="Other", time_zone="UTC")
    held(other, "1", ("vendors", "v", CO))
    assert preview(tenant.pk, "vendors", [row("v", "A")]).freed.bills == 0


def test_what_changed_between_looking_and_importing_is_told(tenant):
    rows = [row("v", "A", 2, ramp_name="V"), row("w", "A", 3)]
    seen = preview(tenant.pk, "vendors", rows).effects
    VendorMapping.objects.create(tenant=tenant, ramp_id="w", epicor_id="C")
    with pytest.raises(MappingFileError, match=r"1 of these .* row 3 \(w: was not mapped, is C\)"):
        import_mappings(tenant.pk, "vendors", rows, actor="ann", seen=seen)
    assert not VendorMapping.objects.filter(ramp_id="v").exists()
    assert not AuditEntry.objects.exists()


def test_a_thousand_rows_cost_as_many_queries_as_ten(tenant):
    def queries(many):
        rows = [row(f"v-{n}", "A", n + 2) for n in range(many)]
        with CaptureQueriesContext(connection) as seen:
            preview(tenant.pk, "vendors", rows)
        return len(seen)

    assert queries(1000) == queries(10)


NAMES = st.sampled_from(["", "v", "w", "x", "y" * 256, "\x00"])
FILES = st.lists(
    st.builds(
        MappingRow,
        st.just(0),
        NAMES,
        st.sampled_from(["", "Acme", "z" * 300]),
        st.sampled_from(["", "A", "B", "C", "NOBODY"]),
        st.sampled_from(["", "Name"]),
        st.sampled_from(["", CO, "EPIC07", "EPIC99"]),
    ),
    max_size=6,
).map(lambda rows: [MappingRow(number, *one.cells()) for number, one in enumerate(rows, start=2)])


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(before=FILES, file=FILES, strict=st.booleans())
def test_any_file_does_what_its_preview_said(tenant, before, file, strict):
    VendorMapping.objects.all().delete()
    ProposedMapping.objects.all().delete()
    require_approval(tenant.pk, needed=False, actor="boss")
    import_mappings(tenant.pk, "vendors", before, actor="ann")
    stored = sorted(VendorMapping.objects.values_list("company", "ramp_id", "epicor_id"))
    require_approval(tenant.pk, needed=strict, actor="boss")
    found = preview(tenant.pk, "vendors", file)
    counts = found.counts
    assert sorted(VendorMapping.objects.values_list("company", "ramp_id", "epicor_id")) == stored
    result = import_mappings(tenant.pk, "vendors", file, actor="ann", seen=found.effects)
    assert dict(result.errors) == found.errors
    if found.errors:
        assert (result.created, result.updated, result.unchanged, result.proposed) == (0, 0, 0, 0)
    elif strict:
        assert (result.created, result.updated) == (0, 0)
        assert result.proposed == counts["new"] + counts["changed"]
        assert ProposedMapping.objects.filter(approved=None).count() == result.proposed
    else:
        assert (result.created, result.updated) == (counts["new"], counts["changed"])
    if not found.errors:
        assert result.unchanged == counts["same"]
    if strict or found.errors:
        now = sorted(VendorMapping.objects.values_list("company", "ramp_id", "epicor_id"))
        assert now == stored
