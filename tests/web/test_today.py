"""Today: exact figures, how urgent, the last 30 days, what a cycle does, and asking for one."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import strip_tags
from django_q.models import OrmQ

from audit.ledger.models import Posting
from audit.trail import log
from audit.trail.models import AuditEntry
from connector.jobs import heartbeat
from connector.jobs.models import Job
from connector.sync.bills.run import SOME, SYNC
from connector.tenants.models import FinanceCalendar, Tenant
from connector.web.money import pile_of, piles
from connector.web.statistics import Seen, last_30_days
from connector.web.sync_status import sync_status
from tests import builders
from tests.web.rows import block, make_posting

NOON = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """It is noon on 24 November 2026 in New York."""
    monkeypatch.setattr(timezone, "now", lambda: NOON)
    return NOON


def client_of(tenant: Tenant, role: str = "accountant") -> Client:
    client = Client()
    client.force_login(builders.make_user(f"{role}-of-{tenant.slug}", tenant, role))
    return client


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_sums_are_exact_where_floating_point_numbers_are_not(tenant: Tenant) -> None:
    for number in range(300):
        make_posting(tenant, f"c{number}", amount=Decimal("0.1"))
    make_posting(tenant, "big", amount=Decimal("98765432109.8765"))
    make_posting(tenant, "credit", amount=Decimal("-0.0003"))
    make_posting(tenant, "unreadable", amount=None)
    pile = pile_of(Posting.objects.filter(tenant=tenant))
    assert (pile.bills, pile.sums) == (303, {"USD": Decimal("98765432139.8762")})


def test_piles_are_kept_apart_by_what_one_asks_and_by_currency(tenant: Tenant) -> None:
    make_posting(tenant, "a", state="entered")
    make_posting(tenant, "b", state="entered", currency="JPY", amount=Decimal(5000))
    make_posting(tenant, "c", state="removed")
    found = piles(Posting.objects.filter(tenant=tenant), "state")
    assert found["entered"].sums == {"USD": Decimal(120), "JPY": Decimal(5000)}
    assert (found["removed"].bills, set(found)) == (1, {"entered", "removed"})


def test_the_risk_is_what_is_due_before_today_and_within_a_week_with_its_money(
    tenant: Tenant, noon
) -> None:
    day = date(2026, 11, 24)
    for days in (-1, 0, 7, 8):
        due = day + timedelta(days=days)
        make_posting(tenant, f"d{days}", hold_reason="refused", due_on=due)
    make_posting(tenant, "yen", hold_reason="refused", due_on=day - timedelta(days=3),
                 currency="JPY", amount=Decimal(900))  # fmt: skip
    make_posting(tenant, "none", hold_reason="refused")
    make_posting(tenant, "fine", due_on=day)
    card = said(card_of(tenant, "Exceptions"))
    assert "2 overdue 900 JPY + 120.00 USD" in card
    assert "2 due within 7 days 240.00 USD" in card


def test_the_exceptions_say_what_is_in_epicor_and_what_is_not(tenant: Tenant) -> None:
    for number in range(3):
        make_posting(tenant, f"out{number}", hold_reason="refused")
    make_posting(tenant, "wrong", state="confirmed", hold_reason="mismatch",
                 entered_at=timezone.now())  # fmt: skip
    make_posting(tenant, "lost", state="in_doubt", hold_reason="in_doubt")
    make_posting(tenant, "looked-up", state="in_doubt")
    card = said(card_of(tenant, "Exceptions"))
    assert "3 not in Epicor : 360.00 USD" in card
    assert "1 in Epicor, to be corrected : 120.00 USD" in card
    assert "1 perhaps in Epicor : 120.00 USD" in card
    doubt = said(card_of(tenant, "Checking with Epicor"))
    assert doubt.startswith("Checking with Epicor 2 240.00 USD")
    assert "1 of them among the exceptions" in doubt


def test_amounts_in_no_sum_and_credits_in_one_are_said(tenant: Tenant) -> None:
    for name, amount in {"a": "100", "b": "-24.50", "c": None}.items():
        value = None if amount is None else Decimal(amount)
        make_posting(tenant, name, hold_reason="refused", amount=value)
    expected = "75.50 USD + 1 amount unreadable (net of 1 credit, 24.50 USD)"
    page = said(text(client_of(tenant), "/t/acme/today/figures/"))
    assert page.count(expected) == 2  # the card and the cause
    client = client_of(tenant, "auditor")
    assert f"3 bills · {expected}" in said(text(client, "/t/acme/exceptions/"))
    assert "3 bills : 75.50 USD + 1 amount unreadable" in said(text(client, "/t/acme/bills/"))


def said(page: str) -> str:
    """The words of a page, one space between them."""
    return " ".join(strip_tags(page.replace("<", " <")).split())


def card_of(tenant: Tenant, name: str) -> str:
    client = Client()
    client.force_login(builders.make_user(f"a{name}", tenant, "auditor"))
    page = text(client, "/t/acme/today/figures/")
    return page.split(f'aria-label="{name}">')[1].split("</section>")[0]


def test_causes_show_their_earliest_due_day_and_how_urgent_it_is(tenant: Tenant, noon) -> None:
    due = {"late": date(2026, 11, 20), "later": date(2026, 12, 24), "soon": date(2026, 11, 30)}
    for number, (name, day) in enumerate(due.items()):
        posting = make_posting(tenant, name, hold_reason="vendor_unmapped", due_on=day)
        block(posting, f"v{number}", name)
    page = text(client_of(tenant), "/t/acme/today/figures/")
    assert page.index(">late<") < page.index(">soon<")
    assert "2026-11-20" in page
    assert page.count("1 overdue") == 2  # the card and the cause
    assert page.count("within 7 days</span>") == 2
    assert "/t/acme/exceptions/cause/?cause=vendor_unmapped&amp;kind=vendors&amp;ref=v0" in page


def test_what_is_put_off_is_counted_apart_with_its_money(tenant: Tenant) -> None:
    later = timezone.now() + timedelta(days=3)
    make_posting(tenant, "a", hold_reason="refused", snoozed_until=later, due_on=date(2020, 1, 1))
    make_posting(tenant, "b", hold_reason="refused", snoozed_until=later)
    card = card_of(tenant, "Exceptions")
    assert said(card).startswith("Exceptions 0 wait for a person 2 snoozed")
    assert "2 snoozed (1 overdue) , 240.00 USD" in said(card)
    assert 'href="/t/acme/exceptions/?snoozed=1"' in card


def at(local: str) -> datetime:
    """A moment written as the clock in New York shows it."""
    naive = datetime.fromisoformat(local)
    return timezone.make_aware(naive, timezone.get_current_timezone())


def test_the_month_has_thirty_days_of_the_tenants_zone(tenant: Tenant, noon) -> None:
    with timezone.override("America/New_York"):
        moments = {
            "before": at("2026-10-25T23:59"),
            "first": at("2026-10-26T00:00"),
            "clock-change": at("2026-11-01T23:30"),  # a day of 25 hours
            "today": at("2026-11-24T11:00"),
        }
        for name, moment in moments.items():
            make_posting(tenant, name, state="confirmed", entered_at=moment)
        make_posting(tenant, "yen", state="entered", entered_at=at("2026-11-24T00:00"),
                     currency="JPY", amount=Decimal(7))  # fmt: skip
        found = last_30_days(tenant)
    assert [day for day, _ in found.days] == [
        date(2026, 10, 26) + timedelta(days=n) for n in range(30)
    ]
    entered = {day.isoformat(): (pile.bills, pile.sums) for day, pile in found.entered}
    assert entered == {
        "2026-11-24": (2, {"USD": Decimal(120), "JPY": Decimal(7)}),
        "2026-11-01": (1, {"USD": Decimal(120)}),
        "2026-10-26": (1, {"USD": Decimal(120)}),
    }
    assert (found.total.bills, found.total.sums["JPY"]) == (4, Decimal(7))
    assert found.series["labels"][0] == "Oct 26"
    assert sum(found.series["series"][0]["values"]) == 4


def test_straight_through_is_counted_of_all_bills_that_were_seen(tenant: Tenant) -> None:
    other = builders.make_tenant("other")
    now = timezone.now()
    for number in range(1000):
        make_posting(tenant, f"b{number}", state="confirmed", entered_at=now)
    make_posting(tenant, "waits", hold_reason="refused")
    make_posting(tenant, "gone", state="dismissed")
    make_posting(tenant, "moves")
    old = make_posting(tenant, "old", hold_reason="refused")
    Posting.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=31))

    def held(owner: Tenant, bill: str, action: str = "posting.held") -> None:
        log.record(owner.pk, action, subject_kind="posting", subject_id=bill)

    held(tenant, "b1")
    held(tenant, "b1")
    held(tenant, "waits")
    held(tenant, "b2", "posting.postponed")  # a retry is no hold
    held(other, "b3")  # somebody else's bill of the same name
    found = last_30_days(tenant)
    assert found.seen == Seen(straight=999, looked_at=1, waiting=1, settled=1, moving=1)
    assert (found.total.bills, found.seen.bills, found.seen.rate) == (1000, 1003, Decimal("99.7"))
    page = said(text(client_of(tenant), "/t/acme/today/month/"))
    assert (
        "999 of the 1,002 bills first seen in the last 30 days, today included, went in without a "
        "person; 1 is in Epicor with a person’s help; 1 waits for a person; 1 was dismissed or "
        "removed; 1 more is on the way and not counted yet."
    ) in page
    assert "Total 1,000 120,000.00 USD" in page


def test_a_rate_is_never_rounded_up_to_all() -> None:
    assert Seen().rate is None
    assert Seen(moving=3).rate is None
    assert Seen(straight=1, moving=99).rate == Decimal("100.0")
    assert Seen(straight=2999, waiting=1).rate == Decimal("99.9")


def test_bills_under_way_have_no_rate_yet(tenant: Tenant) -> None:
    make_posting(tenant, "a")
    page = said(text(client_of(tenant), "/t/acme/today/month/"))
    assert "straight through is known once they are in" in page
    assert "%" not in page


@pytest.mark.parametrize(
    ("paused_for", "said_next"), [("person", False), ("setup", False), ("outage", True)]
)
def test_a_tenant_that_people_paused_has_no_next_sync(
    tenant: Tenant, paused_for: str, said_next: bool
) -> None:
    calendar = FinanceCalendar.objects.get_or_create(tenant=tenant)[0]
    calendar.next_run_at = timezone.now()
    calendar.save()
    Tenant.objects.filter(pk=tenant.pk).update(
        paused_reason="The auditors are here.", paused_for=paused_for, paused_at=timezone.now()
    )
    page = said(text(client_of(tenant), "/t/acme/today/cycle/"))
    assert ("Next sync" in page) is said_next
    assert ("No sync runs by itself" in page) is not said_next


def test_bills_that_only_wait_have_a_rate_but_no_chart(tenant: Tenant) -> None:
    make_posting(tenant, "a", hold_reason="refused")
    page = said(text(client_of(tenant), "/t/acme/today/month/"))
    assert "0 % straight through 0 of the 1 bill first seen" in page
    assert "No bill was entered in the last 30 days." in page


def test_a_month_without_bills_says_what_will_be_there(tenant: Tenant) -> None:
    assert "No bill was entered in the last 30 days." in text(
        client_of(tenant), "/t/acme/today/month/"
    )


# -- cycles --


def test_without_connections_the_next_step_is_to_connect(tenant: Tenant) -> None:
    bare = builders.make_tenant("bare")
    page = text(client_of(bare, "admin"), "/t/bare/")
    assert "Ramp and Epicor are not connected yet." in page
    assert "Sync now" not in page
    for piece in (page, text(client_of(bare), "/t/bare/today/figures/")):
        assert "Nothing waits for a person." not in piece
        assert "mc-card" not in piece
    listed = text(client_of(bare, "auditor"), "/t/bare/bills/")
    assert "next cycle" not in listed
    assert "ask an admin of this tenant to connect Ramp and Epicor" in listed


def test_before_the_first_sync_the_next_step_is_to_sync(tenant: Tenant) -> None:
    heartbeat.beat()
    assert "Next step: press “Sync now”." in text(client_of(tenant), "/t/acme/")
    page = text(client_of(tenant, "auditor"), "/t/acme/")
    assert "The first sync comes by itself once a worker runs." in page
    assert "Next step: press" not in page


def test_no_worker_is_said_with_the_command_that_starts_one(tenant: Tenant) -> None:
    assert "python manage.py worker" in text(client_of(tenant), "/t/acme/")
    heartbeat.beat()
    assert "python manage.py worker" not in text(client_of(tenant, "admin"), "/t/acme/")


def synced(**summary: object) -> dict[str, object]:
    return {**builders.over(), "code": "synced", "data": summary}


def make_run(tenant: Tenant, kind: str = SYNC, **values: object) -> Job:
    return builders.make_job(tenant, kind, **values)


def test_a_cycle_under_way_says_what_it_does_and_how_far_it_is(tenant: Tenant) -> None:
    run = make_run(tenant, cursor={"phase": "enter"}, step=3, counts={"fetched": 41, "entered": 7})
    page = text(client_of(tenant), "/t/acme/today/cycle/")
    assert "Entering bills into Epicor" in page
    assert "step 5 of 7" in page
    assert "41 read from Ramp, 7 entered so far." in page
    assert f"?run={run.pk}" in page
    assert "every 2s" in page
    auditor = client_of(tenant, "auditor")
    answer = auditor.get(f"/t/acme/today/cycle/?run={run.pk}&seen=4")
    assert answer.headers["HX-Trigger"] == "cycle-moved"
    assert "Sync now" not in answer.content.decode()
    for seen in ("", "3", "x", "²", "9" * 5000):
        answer = auditor.get("/t/acme/today/cycle/", {"run": run.pk, "seen": seen})
        assert "HX-Trigger" not in answer.headers


def test_the_end_of_a_shown_cycle_is_announced_once(tenant: Tenant) -> None:
    client = client_of(tenant)
    run = make_run(tenant, **synced(fetched=41, entered=7))
    answer = client.get(f"/t/acme/today/cycle/?run={run.pk}")
    assert answer.headers["HX-Trigger"] == "cycle-ended"
    said = 'data-announce="The sync is done. 41 read from Ramp, 7 entered."'
    assert said in answer.content.decode()
    again = client.get("/t/acme/today/cycle/")
    assert "HX-Trigger" not in again.headers
    assert "data-announce" not in again.content.decode()


def test_what_was_read_is_told_by_what_became_of_it(tenant: Tenant) -> None:
    make_run(
        tenant,
        counts={"fetched": 50, "opened": 46, "left_out": 1},
        **synced(fetched=50, entered=42, confirmed=42, exceptions=7),
    )
    page = said(text(client_of(tenant), "/t/acme/"))
    assert (
        "50 read from Ramp (46 new + 3 known before + 1 left out: before the start date, or not to "
        "be entered as Ramp says), 42 entered, 42 confirmed to Ramp. 7 waited for a person at its "
        "end."
    ) in page


def test_a_cycle_that_stopped_says_why(tenant: Tenant) -> None:
    make_run(tenant, **builders.over("Epicor does not answer.", failed=True))
    page = text(client_of(tenant), "/t/acme/")
    assert "The last sync stopped" in page
    assert "Epicor does not answer." in page


def test_retries_and_dead_runs_are_not_the_last_sync(tenant: Tenant) -> None:
    whole = make_run(tenant, **synced(fetched=3))
    make_run(tenant, SOME, **synced())
    make_run(tenant, in_process=True)  # its process was killed: no lease
    found = sync_status(tenant)
    assert (found.last, found.run) == (whole, None)


def test_a_blackout_day_is_said(tenant: Tenant) -> None:
    days = [builders.today(tenant).isoformat()]
    FinanceCalendar.objects.filter(tenant=tenant).update(blackout=days)
    assert "Today is a blackout day" in text(client_of(tenant), "/t/acme/")


def test_an_accountant_asks_for_a_sync_and_it_is_on_the_record(tenant: Tenant) -> None:
    client = client_of(tenant)
    answer = client.post("/t/acme/sync/", headers={"HX-Request": "true"})
    assert "Waiting for a worker" in answer.content.decode()
    assert 'data-announce="A sync begins."' in answer.content.decode()
    assert not Job.objects.get(tenant=tenant).in_process
    assert OrmQ.objects.count() == 1
    entry = AuditEntry.objects.get(tenant=tenant, action="tenant.sync_asked")
    assert (entry.actor, entry.body) == ("accountant-of-acme", {"follows_another": False})


def test_a_second_ask_makes_another_sync_follow(tenant: Tenant) -> None:
    client = client_of(tenant)
    client.post("/t/acme/sync/")
    answer = client.post("/t/acme/sync/", follow=True)
    assert "another one follows it." in answer.content.decode()
    assert Job.objects.get(tenant=tenant).follow_up
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize("role", ["admin", "approver", "auditor"])
def test_only_accountants_ask_for_a_sync_and_only_by_post(tenant: Tenant, role: str) -> None:
    assert client_of(tenant, role).post("/t/acme/sync/").status_code == 403
    assert client_of(tenant).get("/t/acme/sync/").status_code == 405
    assert not Job.objects.exists()


# -- what it costs --


@pytest.mark.parametrize("piece", ["", "today/figures/", "today/cycle/", "today/month/"])
def test_the_number_of_queries_is_constant(tenant: Tenant, piece: str) -> None:
    client = client_of(tenant)
    make_run(tenant, **synced())

    def count() -> int:
        with CaptureQueriesContext(connection) as seen:
            text(client, f"/t/acme/{piece}")
        return len(seen)

    few = count()
    for number in range(40):
        posting = make_posting(tenant, f"h{number}", hold_reason="vendor_unmapped")
        block(posting, f"v{number}", f"Vendor {number}")
        make_posting(tenant, f"e{number}", state="entered", entered_at=timezone.now(),
                     currency=["USD", "EUR", "JPY"][number % 3])  # fmt: skip
        make_run(tenant, **synced())
    assert count() == few
    assert few <= 19


def test_going_back_never_shows_a_piece_as_a_page(tenant: Tenant) -> None:
    client = client_of(tenant)
    for piece in ("", "today/figures/"):
        assert "HX-Request" in client.get(f"/t/acme/{piece}").headers["Vary"]
