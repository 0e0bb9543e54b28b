"""Every act: that it works, says first what it will do, and leaves alone what it must not touch."""

import html
import re
import zoneinfo
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.ledger.triage import seen
from audit.trail import log
from audit.trail.models import AuditEntry
from connector.actions import bill_jobs as jobs
from connector.actions.duplicates import mark_not_duplicate
from connector.actions.job_results import result_text
from connector.domain.errors import Hold, Reason
from connector.jobs import runner
from connector.jobs.models import Job
from connector.tenants.models import FinanceCalendar, Tenant
from connector.web.actions import many
from mappings.models import CatalogRefresh
from tests import builders
from tests.web.rows import block, make_posting

HTMX = {"HX-Request": "true"}
ACTS = ["replay", "dismiss", "keep", "different", "assign", "snooze", "note", "ours/0"]
ACTS += ["remove", "again", "map"]
TWIN = {
    "company": "EPIC06",
    "vendor_num": 7,
    "vendor_id": "ACME",
    "invoice_num": "TYPED-1",
    "invoice_date": "2026-11-01",
    "total": "120.00",
    "currency": "USD",
    "entry_person": "jsmith",
    "group_id": "HAND01",
    "posted": False,
    "stamp": "",
    "same_key": False,
}


@pytest.fixture
def client(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(builders.make_user("ann", tenant, "accountant"))
    return client


def post(client: Client, act: str, status: int = 200, **values: Any) -> str:
    answer = client.post(f"/t/acme/acts/{act}/", values, headers=HTMX)
    assert answer.status_code == status, answer.content.decode()[:2000]
    return html.unescape(answer.content.decode())


def chosen(page: str) -> str:
    found = re.search(r'name="chosen" value="([^"]+)"', page)
    assert found is not None, page
    return found[1]


def confirm(client: Client, act: str, first: dict[str, Any], **more: Any) -> str:
    page = post(client, act, **first)
    return post(client, act, sure="1", chosen=chosen(page), place="exceptions", **more)


def trail(action: str) -> list[tuple[str, str, Any]]:
    rows = AuditEntry.objects.filter(action=action).order_by("at")
    return list(rows.values_list("subject_id", "actor", "body"))


def state(posting: Posting) -> tuple[str, str]:
    posting.refresh_from_db()
    return posting.state, posting.hold_reason


def twin_posting(tenant: Tenant, bill_id: str = "b", **changes: Any) -> Posting:
    detail = {"twins": [{**TWIN, **changes}]}
    return make_posting(tenant, bill_id, hold_reason="duplicate_suspected", hold_detail=detail)


# -- what will happen is said first ----------------------------------------------------------------


def test_the_plan_counts_bills_and_money_per_currency_and_changes_nothing(
    client: Client, tenant: Tenant
) -> None:
    a = make_posting(tenant, "a", hold_reason="refused", amount=Decimal(1000))
    b = make_posting(tenant, "b", hold_reason="refused", amount=Decimal(200))
    c = make_posting(tenant, "c", hold_reason="refused", amount=Decimal(40), currency="EUR")
    d = make_posting(tenant, "d", state="in_flight")
    before = list(Posting.objects.values())
    page = post(client, "replay", ids=[a.pk, b.pk, c.pk, d.pk])
    assert "<strong>3 bills, 40.00 EUR and 1,200.00 USD</strong>, will be tried again now" in page
    assert "<strong>INV-d</strong> is being entered right now." in page
    assert chosen(page).count(":") == 3
    assert list(Posting.objects.values()) == before
    assert not Job.objects.exists()


def test_when_nothing_can_be_done_there_is_nothing_to_confirm(
    client: Client, tenant: Tenant
) -> None:
    gone = make_posting(tenant, "x", state="dismissed")
    page = post(client, "replay", ids=[gone.pk])
    assert "Nothing can be done." in page
    assert "<form" not in page


def test_a_whole_cause_and_a_whole_filter_can_be_meant(client: Client, tenant: Tenant) -> None:
    for number in range(3):
        posting = make_posting(tenant, f"v{number}", hold_reason="vendor_unmapped")
        block(posting, "v-1", "Acme")
    make_posting(tenant, "r", hold_reason="refused", assignee="ann")
    cause = {"cause": "vendor_unmapped", "kind": "vendors", "ref": "v-1", "at": "EPIC06"}
    assert "3 bills, 360.00 USD" in post(client, "replay", whole="cause", **cause)
    assert "4 bills, 480.00 USD" in post(client, "replay", whole="filter")
    assert "1 bill, 120.00 USD" in post(client, "replay", whole="filter", who="mine")
    assert "3 bills, 360.00 USD" in post(client, "assign", whole="filter", why="vendor_unmapped")


def test_more_than_fits_is_left_for_the_next_time(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from connector.web.actions import selection

    monkeypatch.setattr(selection, "MOST", 2)
    ids = [make_posting(tenant, f"r{n}", hold_reason="refused").pk for n in range(3)]
    page = post(client, "replay", whole="filter")
    assert "2 bills, 240.00 USD" in page
    assert "1 more fit, too." in page
    assert "Pick fewer" in post(client, "replay", status=422, ids=ids)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "No bill is picked"),
        ({"ids": ["x"]}, "cannot be read"),
        ({"ids": ["²"]}, "cannot be read"),
        ({"ids": ["9" * 30]}, "cannot be read"),
        ({"chosen": "a:b,,"}, "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said_and_changes_nothing(
    client: Client, tenant: Tenant, values: dict[str, Any], said: str
) -> None:
    assert said in post(client, "replay", status=422, **values)


@pytest.mark.parametrize("act", [act for act in ACTS if act != "map"])
def test_another_tenants_bill_is_not_found(client: Client, act: str) -> None:
    foreign = make_posting(builders.make_tenant("other"), "f", hold_reason="refused")
    for values in ({"ids": [foreign.pk]}, {"only": foreign.pk}, {"chosen": f"{foreign.pk}:x"}):
        for sure in ({}, {"sure": "1", "reason": "x", "note": "x"}):
            answer = client.post(f"/t/acme/acts/{act}/", {**values, **sure}, headers=HTMX)
            assert answer.status_code == 404
    assert state(foreign) == ("queued", "refused")


@pytest.mark.parametrize("role", ["admin", "approver", "auditor", None])
@pytest.mark.parametrize("act", ACTS)
def test_only_accountants_may(tenant: Tenant, held: Posting, act: str, role: str | None) -> None:
    other = Client()
    user = builders.make_user("other", tenant, role) if role else builders.make_user("other")
    other.force_login(user)
    values = {"ids": [held.pk], "sure": "1", "reason": "x", "note": "x"}
    answer = other.post(f"/t/acme/acts/{act}/", values, headers=HTMX)
    assert answer.status_code == (403 if role else 404)
    assert state(held) == ("queued", "vendor_unmapped")


@pytest.mark.parametrize("act", ACTS)
def test_nothing_happens_on_get(client: Client, act: str) -> None:
    assert client.get(f"/t/acme/acts/{act}/").status_code == 405


@pytest.mark.parametrize("act", ["dismiss", "keep", "different", "note"])
def test_without_a_reason_nothing_is_done_and_the_field_says_so(
    client: Client, tenant: Tenant, act: str
) -> None:
    posting = twin_posting(tenant)
    if act == "keep":
        posting = make_posting(tenant, "k", state="entered", hold_reason="mismatch")
    before = state(posting)
    page = post(client, act, ids=[posting.pk])
    again = post(client, act, status=422, sure="1", chosen=chosen(page), reason="  ", note=" ")
    assert "kept on the record" in again or "Write what is to be noted" in again
    assert 'role="alert"' in again
    assert state(posting) == before


# -- replay ----------------------------------------------------------------------------------------


def test_replay_makes_them_due_and_shows_how_far_they_are(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    cause = {"cause": "vendor_unmapped", "kind": "vendors", "ref": "v-1", "at": "EPIC06"}
    done = confirm(client, "replay", {"ids": [held.pk], **cause}, **cause)
    held.refresh_from_db()
    assert (held.hold_reason, held.not_before is not None) == ("", True)
    job = Job.objects.exclude(actor="system").get()
    assert (job.kind, job.actor, job.subject) == ("replay", "ann", "b-held")
    assert f'id="job-{job.pk}"' in done
    assert 'hx-swap-oob="true"' in done  # the cause is shown anew
    assert trail("posting.replayed")[0][:2] == ("b-held", "ann")


@pytest.mark.parametrize("what", ["person", "setup", "access", "outage", "blackout"])
def test_replay_says_why_nothing_can_be_entered_and_keeps_the_causes(
    client: Client, tenant: Tenant, held: Posting, what: str
) -> None:
    if what == "blackout":
        today = timezone.localdate(timezone=zoneinfo.ZoneInfo(tenant.time_zone))
        FinanceCalendar.objects.update(blackout=[today.isoformat()])
    else:
        Tenant.objects.filter(pk=tenant.pk).update(paused_reason="Stopped.", paused_for=what)

    page = post(client, "replay", status=422, ids=[held.pk])
    post(client, "replay", status=422, ids=[held.pk], sure="1", chosen="x")

    assert "the bills still wait" in page
    assert state(held) == ("queued", "vendor_unmapped")
    assert not Job.objects.exists()


def test_replay_has_what_stops_the_bill_read_again(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    now = timezone.now()
    for company in ("EPIC06", "EPIC07"):
        for name in ("vendors", "terms", "accounts"):
            CatalogRefresh.objects.create(
                tenant=tenant, company=company, catalog=name, refreshed_at=now
            )

    confirm(client, "replay", {"ids": [held.pk]})

    asked = CatalogRefresh.objects.exclude(asked_at=None)
    assert set(asked.values_list("company", "catalog")) == {
        ("EPIC06", "vendors"),
        ("EPIC06", "terms"),
    }


def test_a_second_click_on_replay_finds_the_bill_changed(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    page = post(client, "replay", ids=[held.pk])
    post(client, "replay", sure="1", chosen=chosen(page))
    again = post(client, "replay", status=422, sure="1", chosen=chosen(page))
    assert "changed after you looked at it" in again
    assert len(trail("posting.replayed")) == 1
    assert Job.objects.exclude(actor="system").count() == 1


def test_what_changed_meanwhile_is_left_alone_and_named(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    other = make_posting(tenant, "other", hold_reason="refused")
    page = post(client, "replay", ids=[held.pk, other.pk])
    Posting.objects.filter(pk=other.pk).update(hold_version="another")
    done = post(client, "replay", sure="1", chosen=chosen(page), place="exceptions")
    assert "Left alone: INV-other changed after you looked at it" in done
    assert state(held) == ("queued", "")
    assert state(other) == ("queued", "refused")


# -- dismiss and keep ------------------------------------------------------------------------------


def test_dismiss_needs_one_reason_for_all_and_is_on_the_record(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    entered = make_posting(tenant, "e", state="entered", hold_reason="mismatch")
    page = post(client, "dismiss", ids=[held.pk, entered.pk])
    assert "INV-e</strong> is in Epicor: keep it as it is" in page
    done = post(
        client, "dismiss", sure="1", chosen=chosen(page), reason="paid by card", place="exceptions"
    )
    assert "1 bill, 120.00 USD: dismissed" in done
    assert state(held) == ("dismissed", "")
    assert state(entered) == ("entered", "mismatch")
    ((bill, actor, body),) = trail("posting.dismissed")
    assert (bill, actor, body["reason"]) == ("b-held", "ann", "paid by card")


@pytest.mark.parametrize("at", ["in_flight", "in_doubt", "removed", "dismissed", "confirmed"])
def test_what_may_not_be_dismissed_says_why(client: Client, tenant: Tenant, at: str) -> None:
    posting = make_posting(tenant, "x", state=at)
    assert "Nothing can be done." in post(client, "dismiss", ids=[posting.pk])
    assert state(posting) == (at, "")


def test_keep_accepts_what_is_in_epicor_and_only_that(client: Client, tenant: Tenant) -> None:
    entered = make_posting(tenant, "e", state="confirmed", hold_reason="changed")
    doubt = make_posting(tenant, "d", state="confirmed", hold_reason="in_doubt")
    queued = make_posting(tenant, "q", hold_reason="refused")
    page = post(client, "keep", ids=[entered.pk, doubt.pk, queued.pk])
    assert "INV-d</strong> an answer of Epicor is missing" in page
    assert "INV-q</strong> is not in Epicor" in page
    post(client, "keep", sure="1", chosen=chosen(page), reason="agreed with the vendor")
    assert state(entered) == ("confirmed", "")
    assert state(doubt) == ("confirmed", "in_doubt")
    assert trail("posting.kept")[0][1] == "ann"


def test_a_lost_race_names_the_bill(
    client: Client, tenant: Tenant, held: Posting, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = post(client, "dismiss", ids=[held.pk])

    dismiss = lifecycle.dismiss

    def claimed(posting: Posting, **given: Any) -> None:
        Posting.objects.filter(pk=posting.pk).update(state="in_flight", lease_owner="w")
        dismiss(posting, **given)

    monkeypatch.setattr(lifecycle, "dismiss", claimed)
    done = post(client, "dismiss", sure="1", chosen=chosen(page), reason="x", place="exceptions")
    assert "0 of 1 bills" in done
    assert "INV-b-held changed meanwhile" in done
    assert state(held) == ("in_flight", "vendor_unmapped")


def test_many_are_settled_by_a_worker_who_minds_what_the_person_saw(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "_AT_ONCE", 1)
    a, b = (make_posting(tenant, name, hold_reason="refused") for name in "ab")
    page = post(client, "dismiss", ids=[a.pk, b.pk])
    done = post(client, "dismiss", sure="1", chosen=chosen(page), reason="x", place="exceptions")
    job = Job.objects.exclude(actor="system").get()
    assert f'id="job-{job.pk}"' in done
    Posting.objects.filter(pk=b.pk).update(hold_reason="asked")
    assert runner.run(job.pk)
    job.refresh_from_db()
    assert (job.failed, state(a), state(b)) == (False, ("dismissed", ""), ("queued", "asked"))
    assert result_text(job).startswith("1 of 2 bills are dismissed. Left alone: INV-b changed")
    assert runner.run(job.pk) == "over"


# -- triage ----------------------------------------------------------------------------------------


def test_assign_to_a_member_or_to_nobody(client: Client, tenant: Tenant, held: Posting) -> None:
    builders.make_user("bob", tenant, "approver")
    builders.make_user("stranger")
    page = post(client, "assign", ids=[held.pk])
    assert '<option value="bob">' in page
    assert "stranger" not in page
    sure = {"sure": "1", "chosen": chosen(page), "place": "exceptions"}
    assert "no member here" in post(client, "assign", status=422, assignee="stranger", **sure)
    assert "assigned to bob" in post(client, "assign", assignee="bob", **sure)
    held.refresh_from_db()
    assert held.assignee == "bob"
    confirm(client, "assign", {"ids": [held.pk]}, assignee="")
    held.refresh_from_db()
    assert held.assignee == ""
    entries = AuditEntry.objects.filter(action="posting.assigned").order_by("at")
    assert [entry.changes["assignee"] for entry in entries] == [["", "bob"], ["bob", ""]]


def test_two_people_who_assign_at_once_do_not_overwrite_each_other(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    page = post(client, "assign", ids=[held.pk])
    Posting.objects.filter(pk=held.pk).update(assignee="eve")
    again = post(client, "assign", status=422, sure="1", chosen=chosen(page), assignee="ann")
    assert "changed after you looked at it" in again
    held.refresh_from_db()
    assert held.assignee == "eve"


@pytest.mark.parametrize(
    ("day", "said"),
    [(0, "after today"), (-3, "after today"), (400, "within a year"), ("zz", "This is no day")],
)
def test_a_snooze_must_end_on_a_day_to_come(
    client: Client, held: Posting, day: Any, said: str
) -> None:
    until = day if isinstance(day, str) else builders.today() + timedelta(days=day)
    page = post(client, "snooze", ids=[held.pk])
    assert said in post(
        client, "snooze", status=422, sure="1", chosen=chosen(page), until=str(until)
    )


def test_snoozed_bills_sleep_until_midnight_of_the_tenants_day_and_can_be_woken(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    with timezone.override("America/New_York"):
        day = builders.today() + timedelta(days=3)
    confirm(client, "snooze", {"ids": [held.pk]}, until=day.isoformat())
    held.refresh_from_db()
    with timezone.override("America/New_York"):
        local = timezone.localtime(held.snoozed_until)
        assert (local.date(), local.hour, local.minute) == (day, 0, 0)
    assert "Nothing waits for a person" in client.get("/t/acme/exceptions/").content.decode()
    confirm(client, "snooze", {"ids": [held.pk]}, until="")
    held.refresh_from_db()
    assert held.snoozed_until is None
    assert trail("posting.woken")[0][1] == "ann"


def test_a_snooze_ends_with_its_hold(tenant: Tenant, held: Posting) -> None:
    Posting.objects.filter(pk=held.pk).update(snoozed_until=timezone.now() + timedelta(days=9))
    held.refresh_from_db()
    lifecycle.replay([held], actor="ann")
    held.refresh_from_db()
    assert held.snoozed_until is None
    Posting.objects.filter(pk=held.pk).update(snoozed_until=timezone.now() + timedelta(days=9))
    held.refresh_from_db()
    lifecycle.hold(held, Hold(Reason.REFUSED, "Epicor says no."))
    held.refresh_from_db()
    assert held.snoozed_until is None


def test_what_does_not_wait_is_neither_assigned_nor_snoozed(client: Client, tenant: Tenant) -> None:
    calm = make_posting(tenant, "calm", state="confirmed")
    for act in ("assign", "snooze"):
        assert "does not wait for a person" in post(client, act, ids=[calm.pk])


def test_a_note_is_on_the_record_of_each_bill(client: Client, tenant: Tenant) -> None:
    ids = [make_posting(tenant, name, state="confirmed").pk for name in "ab"]
    done = confirm(client, "note", {"ids": ids}, note="Called <b>them</b>")
    assert "2 bills, 240.00 USD: noted." in done
    assert [(bill, actor, body) for bill, actor, body in trail("posting.noted")] == [
        ("a", "ann", {"note": "Called <b>them</b>"}),
        ("b", "ann", {"note": "Called <b>them</b>"}),
    ]


# -- suspected invoices ----------------------------------------------------------------------------


def test_different_needs_a_reason_and_enters_the_bill(client: Client, tenant: Tenant) -> None:
    posting = twin_posting(tenant)
    done = confirm(client, "different", {"only": posting.pk}, reason="another month")
    assert state(posting) == ("queued", "")
    assert posting.twins_cleared == [["EPIC06", 7, "TYPED-1"]]
    assert "entered now" in done
    assert trail("posting.twins_cleared")[0][1] == "ann"
    assert Job.objects.exclude(actor="system").get().kind == "replay"


def test_an_invoice_suspected_after_the_look_is_not_called_different(
    client: Client, tenant: Tenant
) -> None:
    posting = twin_posting(tenant)
    page = post(client, "different", only=posting.pk)
    more = {"twins": [TWIN, {**TWIN, "invoice_num": "TYPED-2"}]}
    Posting.objects.filter(pk=posting.pk).update(hold_detail=more, hold_version="more")
    sure = {"sure": "1", "chosen": chosen(page), "reason": "another month"}
    assert "changed after you looked at it" in post(client, "different", status=422, **sure)
    posting.refresh_from_db()
    assert (posting.twins_cleared, posting.hold_reason) == ([], "duplicate_suspected")


def test_an_invoice_suspected_just_before_the_answer_is_written_is_not_called_different(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    posting = twin_posting(tenant)
    page = post(client, "different", only=posting.pk)

    def late(seen: Posting, **given: Any) -> None:
        more = {"twins": [TWIN, {**TWIN, "invoice_num": "TYPED-2"}]}
        Posting.objects.filter(pk=posting.pk).update(hold_detail=more, hold_version="more")
        mark_not_duplicate(seen, **given)

    monkeypatch.setattr(jobs, "mark_one_not_duplicate", late)
    sure = {"sure": "1", "chosen": chosen(page), "reason": "another month"}
    assert "INV-b changed meanwhile" in post(client, "different", **sure, place="exceptions")
    posting.refresh_from_db()
    assert (posting.twins_cleared, posting.hold_reason) == ([], "duplicate_suspected")


def test_many_are_marked_not_duplicate_only_as_the_person_saw_them(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "_AT_ONCE", 1)
    a, b = (twin_posting(tenant, name) for name in "ab")
    page = post(client, "different", ids=[a.pk, b.pk])
    done = post(client, "different", sure="1", chosen=chosen(page), reason="x", place="exceptions")
    job = Job.objects.exclude(actor="system").get()
    assert f'id="job-{job.pk}"' in done
    assert (state(a), a.twins_cleared) == (("queued", "duplicate_suspected"), [])
    Posting.objects.filter(pk=b.pk).update(hold_detail={"twins": [TWIN, TWIN]}, hold_version="more")
    assert runner.run(job.pk)
    job.refresh_from_db()
    assert (job.failed, state(a)) == (False, ("queued", ""))
    assert state(b) == ("queued", "duplicate_suspected")
    assert result_text(job).startswith("1 of 2 bills have a different invoice")
    assert "Left alone: INV-b changed" in result_text(job)
    assert [bill for bill, _, _ in trail("posting.twins_cleared")] == ["a"]


def test_the_trail_is_sealed_once_for_many_bills(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed: list[int] = []
    monkeypatch.setattr(log, "seal", lambda tenant_id: sealed.append(tenant_id))
    ids = [twin_posting(tenant, name).pk for name in "abc"]
    confirm(client, "different", {"ids": ids}, reason="x")
    assert sealed == [tenant.pk]


def test_the_very_number_cannot_be_called_different(client: Client, tenant: Tenant) -> None:
    posting = twin_posting(tenant, same_key=True)
    assert "takes a number only once" in post(client, "different", only=posting.pk)
    other = make_posting(tenant, "o", hold_reason="refused")
    assert "does not wait because of an invoice" in post(client, "different", only=other.pk)


def test_ours_shows_both_and_asks_a_worker_once(client: Client, tenant: Tenant) -> None:
    posting = twin_posting(tenant)
    page = post(client, "ours/0", only=posting.pk)
    assert "TYPED-1" in page
    assert not Job.objects.exists()
    for _ in range(2):  # a double click
        done = post(client, "ours/0", sure="1", chosen=chosen(page), place="exceptions")
        job = Job.objects.exclude(actor="system").get()
        assert f'id="job-{job.pk}"' in done
    assert (job.kind, job.subject) == ("adopt", "b")
    assert job.arguments == {"key": ["EPIC06", 7, "TYPED-1"]}
    assert client.post("/t/acme/acts/ours/9/", {"only": posting.pk}).status_code == 404


def test_the_same_invoice_of_another_bill_is_dismissed_at_once(
    client: Client, tenant: Tenant
) -> None:
    make_posting(tenant, "first", state="entered", invoice_num="INV-2041")
    posting = twin_posting(
        tenant, invoice_num="INV-2041", bill="first", bill_state="entered", credit_beside=True
    )
    page = client.get("/t/acme/bills/b/").content.decode()
    assert "Another bill in Ramp" in page
    assert reverse("bill", args=["acme", "first"]) in page
    assert "same number, spelled otherwise" in page
    assert "one of the two is a credit" in page
    assert ">The same invoice<" in page
    page = post(client, "ours/0", only=posting.pk)
    assert "will be dismissed as the same invoice as bill <strong>INV-2041</strong>" in page
    assert state(posting) == ("queued", "duplicate_suspected")
    said = post(client, "ours/0", sure="1", chosen=chosen(page), place="exceptions")
    assert "dismissed, because bill first is the same" in said
    assert state(posting) == ("dismissed", "")
    assert trail("posting.dismissed")[0][1] == "ann"
    assert not Job.objects.exists()


def test_a_bill_is_not_dismissed_as_one_that_is_not_entered(client: Client, tenant: Tenant) -> None:
    make_posting(tenant, "first", state="dismissed")
    posting = twin_posting(tenant, bill="first", bill_state="entered")
    page = post(client, "ours/0", only=posting.pk)
    said = post(client, "ours/0", status=422, sure="1", chosen=chosen(page))
    assert "Bill first is not entered and will not be" in said
    assert state(posting) == ("queued", "duplicate_suspected")


def test_another_bill_is_marked_as_not_the_same(client: Client, tenant: Tenant) -> None:
    posting = twin_posting(tenant, bill="first", bill_state="entered")
    confirm(client, "different", {"ids": [posting.pk]}, reason="both are owed")
    posting.refresh_from_db()
    assert (posting.bills_cleared, posting.twins_cleared) == (["first"], [])


def test_ours_of_a_bill_that_suspects_nothing_says_so(client: Client, tenant: Tenant) -> None:
    posting = make_posting(tenant, "o", hold_reason="refused")
    said = post(client, "ours/0", status=422, only=posting.pk)
    assert "does not wait because of that invoice any more" in said
    two = [posting.pk, make_posting(tenant, "p", hold_reason="refused").pk]
    assert "one bill at a time" in post(client, "ours/0", status=422, ids=two)


def test_ours_of_a_bill_that_changed_meanwhile_is_refused(client: Client, tenant: Tenant) -> None:
    posting = twin_posting(tenant)
    page = post(client, "ours/0", only=posting.pk)
    Posting.objects.filter(pk=posting.pk).update(hold_version="another")
    said = post(client, "ours/0", status=422, sure="1", chosen=chosen(page))
    assert "changed after you looked at it" in said
    assert not Job.objects.exists()


# -- removal ---------------------------------------------------------------------------------------


def test_removal_is_planned_by_a_worker_first(client: Client, tenant: Tenant) -> None:
    posting = make_posting(tenant, "e", state="entered", hold_reason="mismatch")
    page = post(client, "again", only=posting.pk, place="exceptions", cause="mismatch")
    job = Job.objects.exclude(actor="system").get()
    assert (job.kind, job.arguments) == ("plan_removal", {"enter_again": True})
    assert f"/t/acme/acts/removal/{job.pk}/" in page
    assert "<form" not in page
    address = f"/t/acme/acts/removal/{job.pk}/?place=exceptions&cause=mismatch"
    assert "Epicor is asked" in client.get(address, headers=HTMX).content.decode()
    invoice = {"invoice_num": "INV-e", "vendor_id": "ACME", "company": "EPIC06", "group": "R1"}
    invoice |= {"total": "120.00", "currency": "USD", "entered_by": "us", "changed": True}
    invoice |= {"changed_by": "jsmith", "changed_on": "2026-11-20", "vendor_num": 7}
    invoice |= {"revision": 41}
    Job.objects.update(**builders.over("This.", refusal="", invoice=invoice))
    shown = client.get(address, headers=HTMX).content.decode()
    assert "deleted in Epicor" in shown
    assert "jsmith changed it after we entered it, on 2026-11-20" in shown
    assert 'name="place" value="exceptions"' in shown
    assert 'name="cause" value="mismatch"' in shown
    assert f'name="plan" value="{job.pk}"' in shown
    sure = {"sure": "1", "chosen": chosen(shown), "place": "exceptions", "plan": job.pk}
    blank = post(client, "again", status=422, reason=" ", **sure)
    assert "kept on the record" in blank
    assert "jsmith changed it after we entered it" in blank  # the invoice is still in view
    assert f'name="plan" value="{job.pk}"' in blank
    for reason in ("wrong vendor", "wrong vendor, too"):
        done = post(client, "again", reason=reason, **sure)
    removal = Job.objects.get(kind="remove")
    assert removal.arguments == {
        "reason": "wrong vendor",
        "enter_again": True,
        "shown": {"key": ["EPIC06", 7, "INV-e"], "revision": 41},
    }
    assert f'id="job-{removal.pk}"' in done


def planned(tenant: Tenant, posting: Posting, **changes: Any) -> Job:
    """A look-up that is over and found nothing in Epicor."""
    values: dict[str, Any] = {"subject": posting.bill_id, "arguments": {"enter_again": False}}
    values |= {"kind": "plan_removal", **builders.over(refusal="", invoice=None)}
    return builders.make_job(tenant, **{**values, **changes})


def test_nothing_is_removed_that_was_not_looked_up_and_shown(
    client: Client, tenant: Tenant
) -> None:
    posting = make_posting(tenant, "e", state="entered", hold_reason="mismatch")
    other = make_posting(tenant, "o", state="entered")
    elsewhere = make_posting(builders.make_tenant("other"), "e", state="entered")
    sure = {"sure": "1", "chosen": f"{posting.pk}:{seen(posting)}", "reason": "x"}
    for plan in (
        "",
        "x",
        "9" * 30,
        planned(tenant, posting, finished_at=None, state="open").pk,
        planned(tenant, posting, state=Job.State.FAILED).pk,
        planned(tenant, posting, details={"refusal": "It is posted.", "invoice": None}).pk,
        planned(tenant, posting, arguments={"enter_again": True}).pk,
        planned(tenant, other).pk,
        planned(elsewhere.tenant, elsewhere).pk,
        planned(tenant, posting, kind="look").pk,
    ):
        assert "was not looked up" in post(client, "remove", status=422, plan=plan, **sure)
    assert not Job.objects.filter(kind="remove").exists()
    post(client, "remove", plan=planned(tenant, posting).pk, **sure, place="exceptions")
    removal = Job.objects.get(kind="remove")
    assert removal.arguments == {"reason": "x", "enter_again": False, "shown": {}}


def test_what_a_colleague_asked_for_otherwise_is_said_and_nothing_is_asked(
    client: Client, tenant: Tenant
) -> None:
    posting = make_posting(tenant, "e", state="entered", hold_reason="mismatch")
    mark = {"sure": "1", "chosen": f"{posting.pk}:{seen(posting)}", "reason": "x"}
    post(client, "remove", plan=planned(tenant, posting).pk, **mark, place="exceptions")
    again = planned(tenant, posting, arguments={"enter_again": True})
    said = post(client, "again", status=422, plan=again.pk, **mark)
    assert 'ann asked for something else just now: "Remove bill INV-e from Epicor"' in said
    assert Job.objects.filter(kind="remove").count() == 1
    twin = twin_posting(tenant)
    detail = {"twins": [TWIN, {**TWIN, "invoice_num": "TYPED-2"}]}
    Posting.objects.filter(pk=twin.pk).update(hold_detail=detail)
    page = post(client, "ours/0", only=twin.pk)
    post(client, "ours/0", sure="1", chosen=chosen(page), place="exceptions")
    said = post(client, "ours/1", status=422, sure="1", chosen=chosen(page))
    assert "is invoice TYPED-1 in Epicor" in said
    assert Job.objects.filter(kind="adopt").count() == 1


def test_a_refused_plan_offers_nothing(client: Client, tenant: Tenant) -> None:
    posting = make_posting(tenant, "e", state="entered")
    post(client, "remove", only=posting.pk)
    Job.objects.update(**builders.over("It is posted.", refusal="It is posted."))
    pk = Job.objects.exclude(actor="system").get().pk
    shown = client.get(f"/t/acme/acts/removal/{pk}/", headers=HTMX).content.decode()
    assert "It is posted." in shown
    assert "<form" not in shown


def test_what_is_not_in_epicor_cannot_be_removed_but_the_removed_entered_again(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    assert "nothing to remove" in post(client, "remove", status=422, only=held.pk)
    removed = make_posting(tenant, "r", state="removed")
    assert "was removed already" in post(client, "remove", status=422, only=removed.pk)
    page = post(client, "again", only=removed.pk)
    assert not Job.objects.exists()
    post(client, "again", sure="1", chosen=chosen(page), reason="still owed")
    order = {"reason": "still owed", "enter_again": True, "shown": {}}
    assert Job.objects.exclude(actor="system").get().arguments == order


def test_anothers_plan_is_not_shown(client: Client, tenant: Tenant) -> None:
    other = builders.make_tenant("other")
    now = timezone.now()
    job = Job.objects.create(
        tenant=other, kind="plan_removal", title="x", subject="b", created_at=now, run_at=now
    )
    assert client.get(f"/t/acme/acts/removal/{job.pk}/").status_code == 404


# -- without scripts, and from the bill's page -----------------------------------------------------


def test_without_scripts_each_step_is_a_page(client: Client, tenant: Tenant, held: Posting) -> None:
    first = client.post("/t/acme/acts/dismiss/", {"ids": [held.pk]})
    page = first.content.decode()
    assert "<html" in page
    values = {"sure": "1", "chosen": chosen(page), "reason": "x", "to": "/t/acme/bills/b-held"}
    answer = client.post("/t/acme/acts/dismiss/", values)
    assert (answer.status_code, answer.url) == (302, "/t/acme/bills/b-held")
    assert "dismissed" in client.get(answer.url).content.decode()


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "javascript:x", ""])
def test_redirects_stay_on_this_site(client: Client, held: Posting, to: str) -> None:
    page = post(client, "note", ids=[held.pk])
    values = {"sure": "1", "chosen": chosen(page), "note": "x", "to": to}
    answer = client.post("/t/acme/acts/note/", values)
    assert answer.url == "/t/acme/exceptions/"


def test_on_the_bills_page_an_act_shows_the_page_anew_or_its_job_in_place(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    page = post(client, "note", only=held.pk, place="bill", to="/t/acme/bills/b-held")
    values = {"sure": "1", "place": "bill", "to": "/t/acme/bills/b-held"}
    noted = client.post(
        "/t/acme/acts/note/", {**values, "chosen": chosen(page), "note": "x"}, headers=HTMX
    )
    assert noted.headers["HX-Redirect"] == "/t/acme/bills/b-held"
    page = post(client, "replay", only=held.pk, place="bill")
    tried = client.post("/t/acme/acts/replay/", {**values, "chosen": chosen(page)}, headers=HTMX)
    assert tried.headers["HX-Retarget"] == "#outcome"
    assert b"Show the bill as it is now" in tried.content
    assert b"job-" in tried.content


def test_from_another_list_one_goes_to_the_job(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    page = post(client, "replay", ids=[held.pk], to="/t/acme/bills/")
    values = {"sure": "1", "chosen": chosen(page), "to": "/t/acme/bills/"}
    tried = client.post("/t/acme/acts/replay/", values, headers=HTMX)
    assert (
        tried.headers["HX-Redirect"]
        == f"/t/acme/activity/{Job.objects.exclude(actor='system').get().pk}/"
    )


def test_csrf_is_asked_for(tenant: Tenant, held: Posting) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(builders.make_user("ann", tenant, "accountant"))
    values = {"ids": [held.pk], "sure": "1", "reason": "x"}
    assert strict.post("/t/acme/acts/dismiss/", values).status_code == 403
    assert state(held) == ("queued", "vendor_unmapped")
