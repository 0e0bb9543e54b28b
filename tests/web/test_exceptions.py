"""The exceptions page: causes, their bills and fixes, filters, and how it refreshes itself."""

import html
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import strip_tags

from audit.ledger import triage
from audit.ledger.exceptions import CauseGroup, name_of
from audit.ledger.models import Posting
from audit.trail import log
from audit.trail.models import AuditEntry
from connector.domain.difference import Difference, stored
from connector.domain.errors import Reason
from connector.jobs.models import Job
from connector.sync.bills.run import SYNC
from connector.sync.models import Bill
from connector.tenants import entities
from connector.tenants.models import EntityRoute, Tenant
from connector.web.exceptions.texts import cause_text
from mappings.models import EpicorVendor, VendorMapping
from tests import builders
from tests.web.rows import block, make_posting

PAGE = "/t/acme/exceptions/"
CAUSE = f"{PAGE}cause/?cause=vendor_unmapped&kind=vendors&ref=v-1&at=EPIC06"
KEY = name_of(("vendor_unmapped", "vendors", "v-1", "EPIC06"))
HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(builders.make_user("ann", tenant, "accountant"))
    return client


def text(client: Client, address: str, **headers: str) -> str:
    answer = client.get(address, headers=headers or None)
    assert answer.status_code == 200
    return answer.content.decode()


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


def test_causes_are_in_words_with_money_per_currency(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    second = make_posting(
        tenant, "b-yen", hold_reason="vendor_unmapped", amount=Decimal(5000), currency="JPY"
    )
    block(second, "v-1", "Acme <b>Supplies</b>")
    block(second, "6100", "Cloud", kind="gl_accounts")
    page = text(client, PAGE)
    assert "<strong>2 bills</strong> wait for a person" in page
    assert "Vendor <em>Acme &lt;b&gt;Supplies&lt;/b&gt;</em> is not mapped" in page
    assert "Account <em>Cloud</em> is not mapped" in page
    assert "120.00 USD" in page
    assert "5,000 JPY" in page
    assert "<b>Supplies" not in page


def test_overdue_causes_come_first_then_the_most_money(client: Client, tenant: Tenant) -> None:
    today = builders.today()
    make_posting(tenant, "late", hold_reason="refused", due_on=today - timedelta(days=1))
    make_posting(tenant, "small", hold_reason="bug", amount=Decimal(1))
    make_posting(tenant, "big", hold_reason="asked", amount=Decimal(9000))
    page = text(client, PAGE)
    titles = re.findall(r'<h2 id="t-[^>]*>(Epicor \w+|Something)', page)
    assert titles == ["Epicor refused", "Epicor asked", "Something"]
    assert "1 overdue" in page


def synced(tenant: Tenant) -> None:
    """A sync came to its end."""
    builders.make_job(tenant, SYNC, **builders.over())


def test_nothing_waits_is_said_with_what_will_appear(client: Client, tenant: Tenant) -> None:
    synced(tenant)
    page = text(client, PAGE)
    assert "Nothing waits for a person." in page
    assert "appears here with its cause and its fix" in page


CALM = "No money is at risk while this list is empty."


def test_an_empty_list_comforts_only_when_nothing_stands_against_it(
    client: Client, tenant: Tenant
) -> None:
    bare = builders.make_tenant("bare")
    client.force_login(builders.make_user("auditor", bare, "auditor"))
    page = text(client, "/t/bare/exceptions/")
    assert "Nothing has been read yet." in page
    assert "ask an admin of this tenant to connect both systems" in page
    client.force_login(User.objects.get(username="ann"))
    page = text(client, PAGE)
    assert "Nothing has been read yet." in page
    assert "The first sync is not done yet." in page
    assert CALM not in page
    synced(tenant)
    assert CALM in text(client, PAGE)
    assert CALM in pulse(client)
    assert CALM not in text(client, f"{PAGE}?who=mine")
    lost = make_posting(tenant, "lost", state="in_doubt")
    page = said(text(client, PAGE))
    assert "1 bill in doubt is being looked up: 120.00 USD" in page
    assert CALM not in page
    lost.delete()
    for number in range(2):
        make_posting(tenant, f"q{number}")
    assert CALM in text(client, PAGE)  # they go in by themselves
    since = timezone.make_aware(datetime(2026, 11, 3, 8, 0))
    values = {"paused_reason": "Stopped.", "paused_for": "person", "paused_at": since}
    Tenant.objects.filter(pk=tenant.pk).update(**values)
    page = said(text(client, PAGE))
    assert "Paused since 3 Nov 2026" in page
    assert ": 2 bills, 240.00 USD , are not entered." in page
    assert CALM not in page


def test_what_is_asleep_takes_the_comfort_away(client: Client, tenant: Tenant) -> None:
    synced(tenant)
    later = timezone.now() + timedelta(days=2)
    make_posting(tenant, "asleep", hold_reason="refused", snoozed_until=later)
    page = text(client, PAGE)
    assert "1 snoozed , 120.00 USD" in said(page)
    assert CALM not in page


def test_what_is_in_epicor_already_is_told_apart(client: Client, tenant: Tenant) -> None:
    late = builders.today() - timedelta(days=1)
    make_posting(tenant, "a", hold_reason="refused", due_on=late)
    make_posting(tenant, "b", hold_reason="mismatch", state="entered")
    page = said(text(client, PAGE))
    assert "2 bills wait for a person · 1 not in Epicor : 120.00 USD" in page
    assert "1 in Epicor, to be corrected : 120.00 USD" in page
    assert "1 overdue : 120.00 USD" in page
    assert "Replay everything listed: try 1 again, only compare 1 in Epicor" in page
    assert f"1 overdue, since {late:%a} {late.day} {late:%b %Y}" in page
    assert page.count("Replay") > 2
    assert "again (after" not in page


def test_only_acts_that_fit_a_shown_bill_are_in_the_bar(client: Client, tenant: Tenant) -> None:
    make_posting(tenant, "a", hold_reason="refused")
    make_posting(tenant, "b", hold_reason="mismatch", state="entered")

    def bar(cause: str) -> str:
        page = text(client, f"{PAGE}cause/?cause={cause}")
        return page.split("data-bulk-bar")[1].split("</div>")[0]

    assert ("acts/keep/" in bar("refused"), "acts/dismiss/" in bar("refused")) == (False, True)
    assert ("acts/keep/" in bar("mismatch"), "acts/dismiss/" in bar("mismatch")) == (True, False)
    for cause in ("refused", "mismatch"):
        for act in ("replay", "assign", "snooze", "note"):
            assert f"acts/{act}/" in bar(cause)
        assert "acts/different/" not in bar(cause)


def test_a_mapping_says_what_money_it_frees_and_what_waits_on(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    second = make_posting(
        tenant, "b-yen", hold_reason="vendor_unmapped", amount=Decimal(5000), currency="JPY"
    )
    block(second, "v-1", "Acme")
    block(second, "6100", "Cloud", kind="gl_accounts")
    page = said(text(client, CAUSE))
    assert "Map and replay 2 · 5,000 JPY + 120.00 USD" in page
    assert "1 of the 2 waits for something else, too, and still waits afterwards." in page


def test_a_coin_toss_is_no_answer(client: Client, tenant: Tenant, held: Posting) -> None:
    values = {"tenant": tenant, "company": "EPIC06", "name": "Acme B Supplies"}
    EpicorVendor.objects.create(**values, vendor_num=7, vendor_id="ACME01")
    one = text(client, CAUSE).split("mc-suggestions")[1].split("</ul>")[0]
    assert "mc-primary" in one
    EpicorVendor.objects.create(**values, vendor_num=8, vendor_id="ACME02")
    page = text(client, CAUSE)
    assert "Two fit equally: choose." in page
    assert "mc-primary" not in page.split("mc-suggestions")[1].split("</ul>")[0]
    EpicorVendor.objects.create(**values, vendor_num=9, vendor_id="ACME03")
    assert "3 fit equally: choose." in text(client, CAUSE)


def test_an_entity_has_its_name_where_it_is_known(client: Client, tenant: Tenant) -> None:
    posting = make_posting(tenant, "b", hold_reason="no_route")
    block(posting, "a6f12f1d", "a6f12f1d", kind="entity")
    address = f"{PAGE}cause/?cause=no_route&kind=entity&ref=a6f12f1d&at=EPIC06"
    assert "Ramp entity <em>a6f12f1d</em>" in text(client, PAGE)
    entities.remember(tenant, [{"id": "a6f12f1d", "entity_name": "Acme US"}, {"id": "nameless"}])
    assert entities.names_of(tenant) == {"a6f12f1d": "Acme US"}
    for page in (text(client, PAGE), text(client, address), pulse(client)):
        assert "Ramp entity <em>Acme US</em> goes to no Epicor company" in page
    assert "Acme US" in text(client, "/t/acme/today/figures/")


def test_the_sidebars_number_follows(client: Client, tenant: Tenant, held: Posting) -> None:
    assert '<span id="badge-exceptions">1</span>' in text(client, PAGE)
    badge = '<span id="badge-exceptions" hx-swap-oob="true">'
    assert f"{badge}1</span>" in pulse(client, who="mine", alone="1")
    Posting.objects.filter(pk=held.pk).update(hold_reason="")
    assert f"{badge}</span>" in pulse(client)
    assert '<span id="badge-exceptions"></span>' in text(client, PAGE)
    assert f"{badge}</span>" in text(client, "/t/acme/today/figures/")


def said(page: str) -> str:
    """The words of a page, one space between them."""
    return " ".join(strip_tags(page.replace("<", " <")).split())


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_its_words_and_its_next_step(
    client: Client, tenant: Tenant, reason: Reason
) -> None:
    make_posting(tenant, "one", hold_reason=reason, hold_message="What happened.")
    page = html.unescape(text(client, f"{PAGE}cause/?cause={reason}"))
    words = cause_text(CauseGroup(reason))
    for expected in [
        words.before,
        words.what,
        reason.words.next_step,
        words.where,
        "What happened.",
    ]:
        assert expected in page


def test_a_cause_opens_as_a_piece_and_as_a_page(client: Client, held: Posting) -> None:
    piece, page = text(client, CAUSE, **HTMX), text(client, CAUSE)
    assert "<html" not in piece
    assert "<html" in page
    for shown in (piece, page):
        assert "Map and replay 1" in shown
        assert "/t/acme/bills/b-held" in shown
        assert "/t/acme/targets/vendors/?company=EPIC06" in shown


def test_a_cause_without_name_or_bills_does_no_harm(client: Client, tenant: Tenant) -> None:
    assert client.get(f"{PAGE}cause/").status_code == 404
    assert client.get(f"{PAGE}cause/more/").status_code == 404
    assert "Nothing waits for this any more" in text(client, CAUSE)
    assert client.get(f"{PAGE}cause/?cause=%01nonsense&kind=x").status_code == 404
    strange = f"{PAGE}cause/more/?cause=bug&kind=%01x&after=9999-99-99_x&who=zz"
    assert client.get(strange).status_code == 200


def test_fifty_bills_at_a_time_and_none_twice(client: Client, tenant: Tenant) -> None:
    today = builders.today()
    for number in range(120):
        due = today + timedelta(days=number % 7) if number % 5 else None
        make_posting(tenant, f"m{number:03}", hold_reason="refused", due_on=due)
    seen: list[str] = []
    address = f"{PAGE}cause/?cause=refused"
    for wanted in (50, 50, 20):
        page = text(client, address, **HTMX)
        seen += [part.split('"')[0] for part in page.split("/t/acme/bills/")[1:]]
        assert page.count('name="ids"') == wanted
        if "more/?" in page:
            address = page.split('hx-get="')[-1].split('"')[0].replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == 120
    assert "more/?" not in page


def test_the_filter_narrows_by_person_reason_company_text_and_sleep(
    client: Client, tenant: Tenant
) -> None:
    EntityRoute.objects.create(tenant=tenant, ramp_entity_id="e-7", company="EPIC07")
    later = timezone.now() + timedelta(days=2)
    make_posting(tenant, "mine", hold_reason="refused", assignee="ann")
    make_posting(tenant, "hers", hold_reason="asked", assignee="eve", vendor_name="Zeta Oil")
    make_posting(tenant, "seven", hold_reason="bug", company="", entity_id="e-7")
    make_posting(tenant, "asleep", hold_reason="mismatch", snoozed_until=later)

    def shown(query: str) -> set[str]:
        page = text(client, f"{PAGE}?{query}")
        titles = {"mine": "Epicor refused", "hers": "Epicor asked", "seven": "Something unexp"}
        titles["asleep"] = "In Epicor, but not as in Ramp"
        return {
            name for name, title in titles.items() if re.search(f'<h2 id="t-[^>]*>{title}', page)
        }

    assert shown("") == {"mine", "hers", "seven"}
    assert shown("who=mine") == {"mine"}
    assert shown("who=nobody") == {"seven"}
    assert shown("why=asked") == {"hers"}
    assert shown("company=EPIC07") == {"seven"}
    assert shown("company=EPIC06") == {"mine", "hers"}
    assert shown("q=zeta") == {"hers"}
    assert shown("q=inv-m") == {"mine"}
    assert shown("snoozed=1") == {"asleep"}
    assert shown("why=nonsense&company=%01&page=zz") == {"mine", "hers", "seven"}
    assert "1 snoozed" in text(client, PAGE)
    assert "that fits this filter" in text(client, f"{PAGE}?q=nobody-is-called-so")


def test_suspected_invoices_are_shown_beside_the_bill(client: Client, tenant: Tenant) -> None:
    twin = {
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
    detail = {"twins": [twin, {**twin, "invoice_num": "OTHER", "stamp": "another-bill"}]}
    make_posting(tenant, "b", hold_reason="duplicate_suspected", hold_detail=detail)
    page = text(client, f"{PAGE}cause/?cause=duplicate_suspected")
    assert "TYPED-1" in page
    assert "jsmith" in page
    assert "/t/acme/acts/ours/0/" in page
    assert "/t/acme/acts/ours/1/" not in page  # it was entered for another bill
    assert 'href="/t/acme/bills/another-bill"' in page
    assert "/t/acme/acts/different/" in page


def test_differences_are_a_table_of_fields(client: Client, tenant: Tenant) -> None:
    wrong = stored([Difference("total", "13", "12"), Difference("several", actual=("A", "B"))])
    make_posting(
        tenant, "b", state="entered", hold_reason="mismatch", hold_detail={"differences": wrong}
    )
    page = text(client, f"{PAGE}cause/?cause=mismatch")
    assert '<th scope="row">Invoice total</th><td>12.00 USD</td><td>13.00 USD</td>' in page
    assert "2 invoices carry this bill&#x27;s stamp: A, B" in page
    for act in ("keep", "again", "remove", "replay"):
        assert f"/t/acme/acts/{act}/" in page


def test_notes_and_who_looks_after_it_are_shown_escaped(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    triage.note([held], "Asked <i>Bob</i>", actor="eve")
    Posting.objects.filter(pk=held.pk).update(assignee="bob")
    page = text(client, CAUSE)
    assert "Asked &lt;i&gt;Bob&lt;/i&gt;" in page
    assert '<span class="mc-label">bob</span>' in page


def test_suggestions_carry_score_and_evidence(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    EpicorVendor.objects.create(
        tenant=tenant, company="EPIC06", vendor_num=7, vendor_id="ACME01", name="Acme B Supplies"
    )
    VendorMapping.objects.create(tenant=tenant, company="EPIC07", ramp_id="v-1", epicor_id="ACME01")
    page = text(client, CAUSE)
    assert 'name="target" value="ACME01"' in page
    assert "mapped so in company EPIC07" in page


@pytest.mark.parametrize("role", ["admin", "approver", "auditor"])
def test_who_may_only_look_sees_no_buttons(tenant: Tenant, held: Posting, role: str) -> None:
    other = Client()
    other.force_login(builders.make_user(role, tenant, role))
    page = text(other, CAUSE)
    assert "b-held" in page
    assert "/acts/" not in page
    assert 'name="ids"' not in page


@pytest.mark.parametrize("address", [PAGE, CAUSE])
def test_the_number_of_queries_does_not_grow(
    client: Client, tenant: Tenant, held: Posting, address: str
) -> None:
    make_posting(tenant, "first", hold_reason="period_closed")
    log.record(tenant.pk, "posting.noted", subject_kind="posting", subject_id="b-held")
    few = queries(client, address)
    for number in range(60):
        posting = make_posting(tenant, f"q{number}", hold_reason="vendor_unmapped")
        block(posting, f"v-{number % 30}", f"Vendor {number % 30}")
        EpicorVendor.objects.create(
            tenant=tenant, company="EPIC06", vendor_num=number, vendor_id=f"V{number}", name="Acme"
        )
        Bill.objects.create(
            tenant=tenant,
            bill_id=f"q{number}",
            payload=builders.bill_payload(),
            content_hash="x",
            seen_at=timezone.now(),
        )
    assert queries(client, address) == few
    assert few <= 24  # two of them for every page: the second factor, the clock


# -- it refreshes itself ---------------------------------------------------------------------------


def pulse(client: Client, **values: Any) -> str:
    answer = client.post(f"{PAGE}pulse/", values, headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_pulse_follows_counts_and_removes_what_left(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    second = make_posting(tenant, "two", hold_reason="vendor_unmapped")
    block(second, "v-1", "Acme")
    rows = f"{KEY}:{held.pk},{second.pk}"
    same = pulse(client, shown=KEY, rows=rows)
    assert f'id="n-{KEY}" hx-swap-oob="true">EPIC06 · 2 bills' in same
    assert "delete" not in same
    Posting.objects.filter(pk=held.pk).update(hold_reason="")
    one_left = pulse(client, shown=KEY, rows=rows)
    assert f'id="n-{KEY}" hx-swap-oob="true">EPIC06 · 1 bill' in one_left
    assert f'id="row-{KEY}-{held.pk}" hx-swap-oob="delete"' in one_left
    assert f"row-{KEY}-{second.pk}" not in one_left


def test_the_pulse_ends_causes_and_brings_new_ones_and_old_ones_back(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    other = name_of(("refused", "", "", ""))
    new = pulse(client)
    assert 'hx-swap-oob="beforeend:#causes"' in new
    assert f'id="box-{KEY}"' in new
    over = pulse(client, shown=[KEY, other])
    assert f'<section id="cause-{other}" hidden hx-swap-oob="true">' in over
    back = pulse(client, shown=[], ended=[KEY])
    assert f'<section id="cause-{KEY}" class="mc-section mc-cause"' in back
    assert "beforeend" not in back
    assert "beforeend" not in pulse(client, alone="1")


def test_a_bill_that_waits_for_something_else_now_leaves_its_old_cause(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    held.blockers.all().delete()
    Posting.objects.filter(pk=held.pk).update(hold_reason="refused")
    plain = name_of(("refused", "", "", ""))
    said = pulse(client, rows=[f"{KEY}:{held.pk}", f"{plain}:{held.pk}"])
    assert f"row-{KEY}-{held.pk}" in said
    assert f"row-{plain}-{held.pk}" not in said


def test_nonsense_and_foreign_rows_do_no_harm(client: Client, held: Posting) -> None:
    foreign = make_posting(builders.make_tenant("other"), "f", hold_reason="refused")
    rows = [f"{KEY}:{foreign.pk},x,-1,{2**70}", "<b>:1", ":::", f"{KEY}:"]
    before = AuditEntry.objects.count()
    said = pulse(client, rows=rows, shown=["<script>", "x"], page="zz")
    assert "<script>" not in said
    assert "<b>" not in said.replace("&lt;b&gt;", "")
    assert AuditEntry.objects.count() == before
    assert client.get(f"{PAGE}pulse/").status_code == 405


def test_a_job_that_is_over_has_the_list_look_once_more(client: Client, tenant: Tenant) -> None:
    job = builders.make_job(tenant, "adopt")
    address = f"/t/acme/activity/{job.pk}/"
    assert "HX-Trigger" not in client.get(address, headers=HTMX).headers
    Job.objects.update(**builders.over())
    assert client.get(address, headers=HTMX).headers["HX-Trigger"] == "bills-changed"
