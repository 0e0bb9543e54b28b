"""The filters of the list of bills: what each finds, and what a wrong one says."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict
from django.utils import timezone

from audit.ledger.models import Blocker, Posting
from connector.tenants.models import EntityRoute, Tenant
from connector.web.bills.amounts import plain_number
from connector.web.bills.filter_terms import begins
from connector.web.bills.filters import BillFilter
from mappings.models import EpicorPeriod
from tests import builders
from tests.web.rows import block, make_posting

pytestmark = pytest.mark.django_db


def found(tenant: Tenant, query: str) -> set[str]:
    chosen = BillFilter(QueryDict(query), tenant)
    assert chosen.form.is_valid(), chosen.form.errors
    return set(chosen.found.values_list("bill_id", flat=True))


def errors(tenant: Tenant, query: str) -> dict[str, Any]:
    """The errors by field; a wrong filter finds nothing."""
    chosen = BillFilter(QueryDict(query), tenant)
    assert not chosen.form.is_valid()
    assert not chosen.found.exists()
    return {name: list(texts) for name, texts in chosen.form.errors.items()}


@pytest.fixture
def some(tenant: Tenant) -> Tenant:
    """Four bills that differ in everything."""
    builders.make_user("ann", tenant)
    EntityRoute.objects.create(tenant=tenant, ramp_entity_id="e-7", company="EPIC07")
    new_york = ZoneInfo("America/New_York")
    make_posting(
        tenant,
        "usd",
        state="confirmed",
        vendor_ramp_id="v-1",
        vendor_name="Acme Supplies",
        invoice_num="INV-1",
        entity_id=builders.ENTITY,
        company="EPIC06",
        group_id="R261102A",
        amount=Decimal("100.10"),
        issued_on=date(2026, 10, 31),
        due_on=date(2026, 11, 30),
        apply_on=date(2026, 11, 1),
        entered_at=datetime(2026, 11, 2, 23, 59, tzinfo=new_york),
        assignee="ann",
    )
    make_posting(
        tenant,
        "eur",
        vendor_ramp_id="v-2",
        vendor_name="ACME Europe",
        invoice_num="inv-2",
        entity_id="e-7",
        company="",
        currency="EUR",
        amount=Decimal("100.20"),
        issued_on=date(2026, 11, 1),
        due_on=date(2026, 12, 1),
        apply_on=date(2026, 11, 30),
        hold_reason="vendor_unmapped",
    )
    make_posting(
        tenant,
        "credit",
        vendor_ramp_id="v-3",
        vendor_name="Zeta 100%_",
        invoice_num="Z",
        entity_id="e-9",
        company="",
        amount=Decimal("-5.00"),
        apply_on=date(2026, 12, 1),
        hold_reason="refused",
    )
    make_posting(
        tenant, "odd", amount=None, currency="", company="", vendor_name="", invoice_num=""
    )
    return tenant


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"usd", "eur", "credit", "odd"}),
        ("state=confirmed", {"usd"}),
        ("state=queued", {"eur", "credit", "odd"}),
        ("reason=refused", {"credit"}),
        ("reason=none", {"usd", "odd"}),
        ("vendor=v-2", {"eur"}),
        ("vendor=acme", {"usd", "eur"}),
        ("vendor=Acme S", {"usd"}),
        ("vendor=cme", set()),
        ("vendor=%", set()),
        ("vendor=Zeta 100%25", {"credit"}),
        ("number=INV", {"usd", "eur"}),
        ("number=inv-2", {"eur"}),
        ("number=NV", set()),
        ("entity=e-7", {"eur"}),
        ("entity=none", {"credit", "odd"}),
        ("company=EPIC06", {"usd"}),
        ("company=EPIC07", {"eur"}),  # on its way there
        ("group=R261102A", {"usd"}),
        ("group=R26", set()),
        ("period=2026-11", {"usd", "eur"}),
        ("period=2026-12", {"credit"}),
        ("currency=eur", {"eur"}),
        ("currency=USD", {"usd", "credit"}),
        ("currency=USD&amount_from=100.10", {"usd"}),
        ("currency=USD&amount_from=100.11", set()),
        ("currency=USD&amount_to=1,000.50&amount_from=50", {"usd"}),
        ("currency=USD&amount_from=100,10&amount_to=100,10", {"usd"}),
        ("currency=USD&amount_to=0", {"credit"}),
        ("currency=USD&amount_from=-5&amount_to=100.10", {"usd", "credit"}),
        ("issued_from=2026-11-01", {"eur"}),
        ("issued_to=2026-10-31", {"usd"}),
        ("due_from=2026-11-30&due_to=2026-11-30", {"usd"}),
        ("due_from=2026-12-01", {"eur"}),
        ("entered_from=2026-11-02&entered_to=2026-11-02", {"usd"}),
        ("entered_from=2026-11-03", set()),
        ("entered_to=2026-11-01", set()),
        ("entered_to=9999-12-31", {"usd"}),
        ("assignee=ann", {"usd"}),
        ("assignee=none", {"eur", "credit", "odd"}),
        ("state=queued&currency=EUR&number=inv", {"eur"}),
        ("page=zzz&unknown=1&sort=nonsense&after=x", {"usd", "eur", "credit", "odd"}),
    ],
)
def test_each_filter_finds_what_it_says(some: Tenant, query: str, expected: set[str]) -> None:
    with timezone.override("America/New_York"):
        assert found(some, query) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=nonsense", "state"),
        ("reason=nonsense", "reason"),
        ("number=%00", "number"),
        ("vendor=" + "x" * 256, "vendor"),
        ("entity=unknown", "entity"),
        ("company=OTHER", "company"),
        ("group=" + "x" * 17, "group"),
        ("period=2026-13", "period"),
        ("period=last", "period"),
        ("period=0000-01", "period"),
        ("currency=USDOLLARS", "currency"),
        ("amount_from=1", "currency"),
        ("currency=USD&amount_from=abc", "amount_from"),
        ("currency=USD&amount_from=NaN", "amount_from"),
        ("currency=USD&amount_to=1e400", "amount_to"),
        ("currency=USD&amount_to=0.00001", "amount_to"),
        ("currency=USD&amount_to=1,00,5", "amount_to"),
        ("currency=USD&amount_to=1,00.5", "amount_to"),
        ("currency=USD&amount_to=1.2.3", "amount_to"),
        ("currency=USD&amount_to=1,2,345", "amount_to"),
        ("currency=USD&amount_from=2&amount_to=1", "amount_to"),
        ("issued_from=yesterday", "issued_from"),
        ("issued_from=2026-11-02&issued_to=2026-11-01", "issued_to"),
        ("due_to=2026-02-30", "due_to"),
        ("entered_from=2026-11-02&entered_to=2026-11-01", "entered_to"),
        ("assignee=stranger", "assignee"),
        ("kind=" + "x" * 65, "kind"),
        ("kind=vendors&company=" + "x" * 17, "company"),
    ],
)
def test_a_wrong_filter_finds_nothing_and_says_so_by_its_field(
    some: Tenant, query: str, field: str
) -> None:
    assert set(errors(some, query)) == {field}


def test_an_amount_asks_for_its_currency_in_words(some: Tenant) -> None:
    assert errors(some, "amount_to=5") == {"currency": ["Say in which currency the amount is."]}


def test_a_cause_is_its_kind_reference_company_and_reason(some: Tenant) -> None:
    held = Posting.objects.get(bill_id="eur")
    block(held, "v-2", "ACME Europe")
    Blocker.objects.create(
        posting=held, reason="account_unmapped", kind="gl_accounts", ramp_id="", message="none"
    )
    assert found(some, "kind=vendors&ref=v-2&company=EPIC06") == {"eur"}
    assert found(some, "kind=vendors&ref=v-2&company=EPIC06&reason=vendor_unmapped") == {"eur"}
    assert found(some, "kind=vendors&ref=v-2&company=EPIC06&reason=refused") == set()
    # The second gap of a bill, whose hold names the first one.
    assert found(some, "kind=gl_accounts&reason=account_unmapped") == {"eur"}
    assert found(some, "kind=vendors&ref=v-2&company=OTHER") == set()
    assert found(some, "kind=vendors&ref=v-2") == set()
    Posting.objects.filter(bill_id="eur").update(hold_reason="")
    assert found(some, "kind=vendors&ref=v-2&company=EPIC06") == set()


def test_another_tenants_bills_are_never_found(some: Tenant) -> None:
    other = builders.make_tenant("other")
    make_posting(other, "theirs", vendor_name="Acme")
    assert "theirs" not in found(some, "vendor=acme")
    assert found(other, "") == {"theirs"}


def period(tenant: Tenant, company: str, label: str, first: date, last: date) -> None:
    year, number = label.split("-")
    EpicorPeriod.objects.create(
        tenant=tenant,
        company=company,
        fiscal_year=int(year),
        period=int(number),
        starts_on=first,
        ends_on=last,
    )


def test_a_fiscal_period_is_the_companys_own(some: Tenant) -> None:
    period(some, "EPIC06", "2027-01", date(2026, 11, 1), date(2026, 11, 30))
    period(some, "EPIC07", "2027-01", date(2026, 12, 1), date(2026, 12, 31))
    period(some, "EPIC07", "2026-13", date(2026, 11, 1), date(2026, 11, 30))
    assert found(some, "period=2027-01") == {"usd"}
    assert found(some, "period=2026-13") == {"eur"}
    assert set(errors(some, "period=2026-11")) == {"period"}  # a month is no period here
    assert BillFilter(QueryDict(""), some).periods.labels == ["2027-01", "2026-13"]


def test_companies_that_share_their_periods_need_no_company(some: Tenant) -> None:
    for company in ("EPIC06", "EPIC07"):
        period(some, company, "2026-11", date(2026, 11, 1), date(2026, 11, 30))
    make_posting(some, "nowhere", company="", entity_id="?", apply_on=date(2026, 11, 5))
    assert found(some, "period=2026-11") == {"usd", "eur", "nowhere"}


def test_days_of_entering_are_the_tenants(tenant: Tenant) -> None:
    make_posting(tenant, "late", entered_at=datetime(2026, 11, 3, 4, 30, tzinfo=UTC))
    with timezone.override("America/New_York"):
        assert found(tenant, "entered_to=2026-11-02") == {"late"}
    with timezone.override("Europe/Berlin"):
        assert found(tenant, "entered_to=2026-11-02") == set()


def test_the_query_keeps_what_says_something_and_nothing_else(some: Tenant) -> None:
    given = "state=queued&reason=&number=a%26b&sort=-due&after=7&junk=1&view=3"
    chosen = BillFilter(QueryDict(given), some)
    assert chosen.query == "state=queued&number=a%26b&sort=-due&view=3"
    assert chosen.query_with(sort="-id") == "state=queued&number=a%26b&view=3"
    assert BillFilter(QueryDict("view=x&sort=; drop"), some).query == ""
    assert chosen.chosen == {"state": "queued", "number": "a&b"}


def test_text_that_looks_like_a_pattern_is_only_text(tenant: Tenant) -> None:
    make_posting(tenant, "a", vendor_name="50% off")
    make_posting(tenant, "b", vendor_name="500 off")
    make_posting(tenant, "c", vendor_name="Ünïcode 🦄")
    rows = Posting.objects.filter(tenant=tenant)
    assert list(rows.filter(begins("vendor_name", "50%")).values_list("bill_id")) == [("a",)]
    assert list(rows.filter(begins("vendor_name", "ünï")).values_list("bill_id")) == [("c",)]
    assert list(rows.filter(begins("vendor_name", "Ünïcode 🦄")).values_list("bill_id")) == [("c",)]


@pytest.mark.parametrize("zone", ["Australia/Sydney", "America/Los_Angeles"])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_days_at_the_ends_of_the_calendar_are_days(some: Tenant, zone: str, day: str) -> None:
    with timezone.override(ZoneInfo(zone)):
        for name in ("entered_from", "entered_to", "issued_from", "issued_to"):
            found(some, f"{name}={day}")


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("6,117.72", "6117.72"),
        ("6117.72", "6117.72"),
        ("6.117,72", "6117.72"),
        ("6117,72", "6117.72"),
        ("6 117,72", "6117.72"),
        ("6’117.72", "6117.72"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("1,234,567.8", "1234567.8"),
        ("−6,117", "-6117"),
        ("6,117", "6117"),
        ("1.234", "1.234"),
        ("0,5", "0.5"),
    ],
)
def test_an_amount_is_read_as_people_type_it(typed: str, number: str) -> None:
    assert plain_number(typed) == number
