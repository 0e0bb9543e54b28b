"""Supposing a change codes bills exactly as really making it would."""

from datetime import date

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.domain.errors import UnmappedError
from connector.tenants.models import Tenant
from mappings.catalog import (
    AccountRow,
    CurrencyRow,
    SegmentRow,
    SegmentValueRow,
    TermsRow,
    VendorRow,
    add_issued,
    replace_accounts,
    replace_currencies,
    replace_segment_values,
    replace_segments,
    replace_terms,
    replace_vendors,
)
from mappings.coding import CodingRequest, Field, FieldChoice, LineRequest, Ref, Tables
from mappings.decisions import decide
from mappings.models import CurrencyMapping, Dimension
from mappings.resolve import resolve
from mappings.tables import load_both, load_tables
from mappings.what_if import differences, suppose

pytestmark = pytest.mark.django_db
CO = "EPIC06"
KINDS = ("vendors", "gl_accounts", "cost_centers")
TARGETS = {
    "vendors": ["", "V1", "V2", "V3"],
    "gl_accounts": ["", "6000|000", "6100|000", "6200|000"],
    "cost_centers": ["", "000", "410", "420"],
}


@pytest.fixture
def tenant():
    tenant = Tenant.objects.create(slug="acme", name="Acme", time_zone="UTC")
    vendors = [
        VendorRow(1, "V1", "One", "N30"),
        VendorRow(2, "V2", "Two", "N60"),
        VendorRow(3, "V3", "Three", inactive=True),
    ]
    replace_vendors(tenant.pk, CO, vendors)
    accounts = [
        AccountRow("6000|000"),
        AccountRow("6100|000"),
        AccountRow("6200|000", active=False),
    ]
    replace_accounts(tenant.pk, CO, accounts)
    replace_segments(tenant.pk, CO, [SegmentRow(1, "Natural"), SegmentRow(2, "CC", dynamic=True)])
    values = [SegmentValueRow(1, code) for code in ("6000", "6100", "6200")]
    values += [SegmentValueRow(2, "000"), SegmentValueRow(2, "410")]
    values += [SegmentValueRow(2, "420", active=False)]
    replace_segment_values(tenant.pk, CO, values)
    replace_terms(tenant.pk, CO, [TermsRow("N30"), TermsRow("N60")])
    replace_currencies(tenant.pk, CO, [CurrencyRow("USD", is_base=True)])
    CurrencyMapping.objects.create(tenant=tenant, iso="USD", epicor_code="USD")
    Dimension.objects.create(
        tenant=tenant, ramp_field="cc", segment=2, kind="cost_centers", default="000"
    )
    add_issued(tenant.pk, "vendors", ["V1"])
    return tenant


def request(vendor="r1", account="r1", center="r1", remote=""):
    dimensions = (FieldChoice(Field("cc"), (Ref(center, ""),)),) if center else ()
    return CodingRequest(
        company=CO,
        vendor=Ref(vendor, ""),
        vendor_remote_id=remote,
        currency="USD",
        default_terms="",
        apply_on=date(2026, 11, 3),
        lines=(LineRequest((Ref(account, ""),), dimensions),),
    )


REFS = st.sampled_from(["r1", "r2"])
WISHES = st.sampled_from(KINDS).flatmap(
    lambda kind: st.tuples(
        st.just(kind), st.sampled_from(["", CO]), REFS, st.sampled_from(TARGETS[kind])
    )
)
REQUESTS = st.builds(request, REFS, REFS, st.sampled_from(["", "r1", "r2"]), st.just("V1"))


def set_to(tenant, kind, company, ramp_id, target):
    decide(
        tenant.pk,
        kind,
        company=company,
        ramp_id=ramp_id,
        ramp_name="",
        epicor_id=target,
        actor="ann",
    )


def coded(asked, tables):
    """The codes of a bill, or what stops it; not why."""
    try:
        found = resolve(asked, tables)
    except UnmappedError as error:
        return [gap.message for gap in error.gaps]
    lines = [line.account for line in found.lines]
    return found.vendor_id, found.terms_code, found.currency_code, lines


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(stored=st.lists(WISHES, max_size=6), wish=WISHES, asked=st.lists(REQUESTS, max_size=4))
def test_supposing_is_as_good_as_doing(tenant, stored, wish, asked):
    kind, company, ramp_id, target = wish
    with transaction.atomic():
        for one in stored:
            set_to(tenant, *one)
        now, then = load_both(
            tenant.pk, asked, lambda tables: suppose(tables, kind, {(company, ramp_id): target})
        )
        assert [coded(one, now) for one in asked] == [
            coded(one, load_tables(tenant.pk, asked)) for one in asked
        ]
        supposed = [differences(one, now, then) for one in asked]
        set_to(tenant, kind, company, ramp_id, target)
        really = load_tables(tenant.pk, asked)
        assert [coded(one, then) for one in asked] == [coded(one, really) for one in asked]
        for one, found in zip(asked, supposed, strict=True):
            before, after = coded(one, now), coded(one, really)
            both_stopped = isinstance(before, list) and isinstance(after, list)
            assert bool(found) == (before != after and not both_stopped)
        transaction.set_rollback(True)


def test_the_differences_are_named_field_by_field(tenant):
    set_to(tenant, "vendors", "", "r1", "V1")
    set_to(tenant, "gl_accounts", "", "r1", "6000|000")
    set_to(tenant, "cost_centers", "", "r1", "410")
    asked = request()

    def found(kind, target):
        now, then = load_both(
            tenant.pk, [asked], lambda tables: suppose(tables, kind, {("", "r1"): target})
        )
        return [(one.field, one.before, one.after) for one in differences(asked, now, then)]

    assert found("vendors", "V2") == [("vendor", "V1", "V2"), ("terms", "N30", "N60")]
    assert found("gl_accounts", "6100|000") == [("line 1 account", "6000|410", "6100|410")]
    assert found("cost_centers", "000") == [("line 1 account", "6000|410", "6000|000")]
    assert found("vendors", "V1") == []
    gone = found("vendors", "")
    assert gone[:2] == [("vendor", "V1", ""), ("terms", "N30", "")]
    assert gone[-1][0] == "what stops it"
    assert "Vendor r1 has no Epicor vendor" in gone[-1][2]


def test_nothing_to_look_at_needs_no_tables(tenant):
    assert load_both(tenant.pk, [], lambda tables: tables) == (Tables(), Tables())
