"""Causes grouped in the database: the same as counting by hand, exact to the last digit."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F

from audit.ledger import exceptions, lifecycle, waiting
from audit.ledger.exceptions import Wanted
from audit.ledger.models import Posting
from audit.ledger.sums import ExactSum, Money
from connector.domain.errors import Gap, Hold, Reason
from connector.tenants.models import Tenant
from tests.audit.build import make_tenant, opened, unmapped, vendor_gap

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)
ACCOUNT = Gap(Reason.ACCOUNT_UNMAPPED, "gl_accounts", "acc-1", "", "acc-1 is unmapped.", "EPIC06")


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def look(tenant: Tenant, **wanted: Any) -> exceptions.Overview:
    return exceptions.overview(tenant.pk, Wanted(**wanted), now=NOW, today=TODAY)


def test_the_groups_are_those_of_the_exceptions_command(tenant: Tenant) -> None:
    a, b = opened(tenant, "a", "b", amount=Decimal("1200.10"))
    (c,) = opened(tenant, "c", amount=Decimal(900), currency="JPY")
    d, e = opened(tenant, "d", "e", amount=None)
    lifecycle.hold(a, unmapped())
    lifecycle.hold(b, unmapped(vendor_gap(), ACCOUNT, ACCOUNT))
    lifecycle.hold(c, unmapped())
    lifecycle.hold(d, Hold(Reason.INVALID_BILL, "The amount cannot be read."))
    lifecycle.hold(e, Hold(Reason.REFUSED, "No."))
    opened(tenant, "calm")
    (foreign,) = opened(make_tenant("other"), "a")
    lifecycle.hold(foreign, unmapped())

    found = look(tenant)
    named = {(g.reason, g.kind, g.ramp_id, g.company): (g.bills, g.sums) for g in found.causes}
    wanted = waiting.exceptions(tenant.pk)
    assert named == {
        (g.reason, g.kind, g.ramp_id, g.company): (g.bills, g.sums) for g in wanted.causes
    }
    assert found.total.bills == wanted.count == 5
    assert found.total.sums == {"USD": Decimal("2400.20"), "JPY": Decimal(900)}
    assert {g.subject for g in found.causes} == {"Nordwind Paper", "acc-1", ""}


def test_each_group_finds_exactly_the_bills_it_counted(tenant: Tenant) -> None:
    a, b, c = opened(tenant, "a", "b", "c")
    lifecycle.hold(a, unmapped())
    lifecycle.hold(b, unmapped(vendor_gap(), ACCOUNT))
    lifecycle.hold(c, Hold(Reason.ACCOUNT_UNMAPPED, "No gap is known."))
    rows = exceptions.waiting(tenant.pk, Wanted(), NOW)
    found = look(tenant).causes
    assert len(found) == 3
    for group in found:
        key = (group.reason, group.kind, group.ramp_id, group.company)
        assert exceptions.of_cause(rows, key).count() == group.bills
        alone = exceptions.cause_of(rows, key, today=TODAY)
        assert (alone.name, alone.money, alone.overdue) == (group.name, group.money, group.overdue)
    assert exceptions.cause_of(rows, ("bug", "", "", ""), today=TODAY).bills == 0


def test_the_biggest_risk_comes_first(tenant: Tenant) -> None:
    late, before = TODAY - timedelta(days=1), TODAY - timedelta(days=2)
    rows = [
        ("few", "refused", "USD", 900, before),
        ("many1", "bug", "USD", 1, late),
        ("many2", "bug", "USD", 1, late),
        ("today", "asked", "USD", 1, TODAY),
        ("yen", "changed", "JPY", 1_119_898, None),
        ("two1", "archived", "USD", 1, None),
        ("two2", "archived", "USD", 1, None),
    ]
    for bill, reason, currency, amount, due in rows:
        (posting,) = opened(tenant, bill, amount=Decimal(amount), currency=currency, due_on=due)
        lifecycle.hold(posting, Hold(Reason(reason), "x"))
    found = look(tenant)
    # Overdue bills, then the day, then how many; figures of two currencies are never compared.
    assert [g.reason for g in found.causes] == ["bug", "refused", "asked", "archived", "changed"]
    assert [(g.overdue, g.earliest_due) for g in found.causes[:3]] == [
        (2, late),
        (1, before),
        (0, TODAY),
    ]
    assert (found.causes[0].late.sums, found.overdue.sums) == (
        {"USD": Decimal(2)},
        {"USD": Decimal(902)},
    )
    assert (found.soon.bills, found.soon.sums) == (1, {"USD": Decimal(1)})


def test_the_total_says_what_is_in_epicor_and_what_is_not(tenant: Tenant) -> None:
    a, b, c, d = opened(tenant, "a", "b", "c", "d", due_on=TODAY - timedelta(days=1))
    for posting in (a, b, c, d):
        lifecycle.hold(posting, Hold(Reason.REFUSED, "x"))
    Posting.objects.filter(pk=b.pk).update(state="confirmed")
    Posting.objects.filter(pk=c.pk).update(state="in_doubt")
    Posting.objects.filter(pk=d.pk).update(snoozed_until=NOW + timedelta(days=1))
    found = look(tenant)
    assert (found.outside.bills, found.inside.bills, found.doubt.bills) == (1, 1, 1)
    assert (found.total.bills, found.overdue.bills) == (3, 3)
    assert (found.snoozed.bills, found.snoozed_overdue) == (1, 1)
    assert found.snoozed.sums == {"USD": Decimal("120.5")}


def test_what_is_in_no_sum_and_what_takes_off_it_is_counted(tenant: Tenant) -> None:
    made = {"a": "100", "b": "-30.50", "c": "-1", "d": None}
    for bill, amount in made.items():
        (posting,) = opened(tenant, bill, amount=None if amount is None else Decimal(amount))
        lifecycle.hold(posting, unmapped())
    found = look(tenant)
    rows = exceptions.waiting(tenant.pk, Wanted(), NOW)
    (one,) = found.causes
    key = (one.reason, one.kind, one.ramp_id, one.company)
    alone = exceptions.cause_of(rows, key, today=TODAY)
    for money in (found.total, found.outside, one.money, alone.money):
        assert (money.bills, money.unreadable, money.credits) == (4, 1, {"USD": 2})
        assert money.sums == {"USD": Decimal("68.5")}
        assert money.credited == money.netted == {"USD": Decimal("31.5")}
        assert money.netting == 2


def test_credits_that_can_be_seen_are_not_told_again() -> None:
    money = Money()
    money.add(1, "EUR", Decimal(-5))
    money.add(2, "JPY", Decimal(700))
    assert (money.credits, money.netted, money.netting) == ({"EUR": 1}, {}, 0)
    more = Money()
    more.add(1, "EUR", Decimal(8))
    more.add(1, "USD", Decimal(-1))
    more.add(3, "", None)
    money.join(more)
    assert (money.bills, money.unreadable, money.netting) == (8, 3, 1)
    assert money.sums == {"EUR": Decimal(3), "JPY": Decimal(700), "USD": Decimal(-1)}
    assert money.credits == {"EUR": 1, "USD": 1}
    assert money.netted == {"EUR": Decimal(5)}


def test_filters_narrow_groups_and_totals_alike(tenant: Tenant) -> None:
    a, b, c = opened(tenant, "a", "b", "c")
    lifecycle.hold(a, unmapped())
    lifecycle.hold(b, unmapped(vendor_gap(), ACCOUNT))
    lifecycle.hold(c, Hold(Reason.REFUSED, "x"))
    Posting.objects.filter(pk=a.pk).update(assignee="ann", entity_id="e-1")
    Posting.objects.filter(pk=b.pk).update(snoozed_until=NOW + timedelta(hours=1))
    Posting.objects.filter(pk=c.pk).update(
        company="EPIC07", snoozed_until=NOW, vendor_name="Zeta Oil", invoice_num="Z-1"
    )

    def counted(**wanted: Any) -> tuple[int, int, int]:
        found = look(tenant, **wanted)
        return found.total.bills, sum(group.bills for group in found.causes), found.snoozed.bills

    assert counted() == (2, 2, 1)
    assert counted(snoozed=True) == (1, 2, 1)  # two causes of one bill
    assert counted(snoozed=None) == (3, 4, 1)
    assert counted(assignee="ann") == (1, 1, 0)
    assert counted(assignee="") == (1, 1, 1)
    assert counted(reason="account_unmapped", snoozed=True) == (1, 1, 1)
    assert counted(reason="refused") == (1, 1, 0)
    assert counted(company="EPIC07") == (1, 1, 0)
    assert counted(company="EPIC06", entities=("e-1",)) == (1, 1, 0)
    assert counted(text="zeta") == (1, 1, 0)
    assert counted(text="z-") == (1, 1, 0)
    assert counted(text="nothing") == (0, 0, 0)


def test_it_takes_three_queries_however_many_wait(
    tenant: Tenant, django_assert_num_queries: Any
) -> None:
    for number in range(30):
        (posting,) = opened(tenant, f"b{number}")
        lifecycle.hold(posting, unmapped(vendor_gap(f"v{number % 7}")))
    with django_assert_num_queries(3):
        assert len(look(tenant).causes) == 7


@pytest.mark.parametrize(
    "amounts",
    [
        ["0.10"] * 1000,
        ["0.0001", "99999999.9999", "100000000", "-0.0001"],
        ["-123456789.1234", "987654321.4321"],
        ["9e14", "9e14", "-1", "0.5"],
        ["-100000000.0001", "0.0001"],
        ["999999999999999"] * 3,
        [],
    ],
)
def test_sums_are_exact(tenant: Tenant, amounts: list[str]) -> None:
    exact = [Decimal(amount) for amount in amounts]
    for number, amount in enumerate(exact):
        opened(tenant, f"b{number}", amount=amount)
    rows = Posting.objects.filter(tenant=tenant).order_by().values_list("currency")
    totals = dict(rows.annotate(total=ExactSum("amount")))
    stored = sum(Posting.objects.values_list("amount", flat=True), Decimal(0))
    assert totals.get("USD", Decimal(0)) == stored
    if all(abs(amount) < 10**11 for amount in exact):  # what SQLite keeps to the last digit
        assert stored == sum(exact, Decimal(0))


def test_a_sum_of_nothing_readable_is_none(tenant: Tenant) -> None:
    opened(tenant, "a", amount=None)
    rows = Posting.objects.filter(tenant=tenant).order_by().values_list("currency")
    assert dict(rows.annotate(total=ExactSum(F("amount")))) == {"USD": None}
