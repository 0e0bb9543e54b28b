"""The page of one bill in every state it can be in, its pieces, and what it must not show."""

import html
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.canonical_json import plain
from audit.ledger.models import Blocker, Posting
from audit.trail import log
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.actions.live_lookup import LOOK
from connector.domain.errors import Reason
from connector.jobs.models import Job
from connector.sync.models import Bill
from connector.tenants.models import EpicorCredentials, Membership, RampCredentials, Tenant
from connector.web.bills.comparison import NOT_AS_IN_RAMP, NOT_AS_SENT
from connector.web.bills.detail import epicor_url, ramp_url
from mappings import models as maps
from tests import builders
from tests.web.rows import SECRET, block, make_posting
from tests.web.test_compare import DRAFT, SEEN

PAGE = "/t/acme/bills/b1"


@pytest.fixture
def client(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(builders.make_user("ann", tenant, "accountant"))
    return client


def text(client: Client, address: str, **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def queries(ask: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert ask().status_code == 200
    return len(seen)


def mirror(tenant: Tenant, bill_id: str = "b1", **changes: Any) -> Bill:
    return Bill.objects.create(
        tenant=tenant,
        bill_id=bill_id,
        payload=builders.bill_payload(id=bill_id, **changes),
        content_hash="x",
        seen_at=timezone.now(),
    )


def catalogs(tenant: Tenant) -> None:
    """Everything that the plain bill of the builders needs to be coded."""
    ours: dict[str, Any] = {"tenant": tenant, "company": "EPIC06"}
    maps.EpicorVendor.objects.create(
        **ours, vendor_num=7, vendor_id="ACME", name="Acme Supplies", terms_code="N30"
    )
    maps.EpicorTerms.objects.create(**ours, code="N30")
    maps.EpicorCurrency.objects.create(**ours, code="USD", is_base=True)
    maps.CurrencyMapping.objects.create(tenant=tenant, iso="USD", epicor_code="USD")
    for account in ("6000", "6100"):
        maps.EpicorAccount.objects.create(**ours, account=f"{account}|01|000")
        maps.GLAccountMapping.objects.create(
            tenant=tenant, ramp_id=account, ramp_name=account, epicor_id=f"{account}|01|000"
        )
    maps.EpicorPeriod.objects.create(
        **ours,
        fiscal_year=2026,
        period=11,
        starts_on=date(2026, 11, 1),
        ends_on=date(2026, 11, 30),
    )
    maps.IssuedReference.objects.create(tenant=tenant, kind="vendors", ramp_id="ACME")


def entered(tenant: Tenant, **changes: Any) -> Posting:
    """The bill of DRAFT, entered and verified just now."""
    draft = replace(DRAFT, **changes)
    now = timezone.now()
    posting = make_posting(
        tenant,
        "b1",
        state="confirmed",
        company=draft.company,
        vendor_num=draft.vendor_num,
        invoice_num=draft.invoice_num,
        group_id="R261103A",
        entered_as=plain(asdict(draft)),
        entered_at=now,
    )
    log.record(tenant.pk, "posting.entered", subject_kind="posting", subject_id="b1")
    return posting


def looked(tenant: Tenant, *invoices: dict[str, Any], at: datetime | None = None) -> Job:
    now = at or timezone.now() + timedelta(seconds=1)
    details = {"seen_at": now.isoformat(), "companies": ["EPIC06"], "invoices": list(invoices)}
    moments = {"created_at": now, "run_at": now}
    return builders.make_job(
        tenant,
        LOOK,
        subject="b1",
        actor="bob",
        **{**builders.over("Seen.", **details), **moments, "finished_at": now},
    )


# -- what it shows -----------------------------------------------------------------------------


def test_a_bill_that_can_be_entered_shows_what_will_be_sent_and_why(
    client: Client, tenant: Tenant
) -> None:
    catalogs(tenant)
    make_posting(tenant, "b1")
    mirror(tenant)
    page = text(client, PAGE)
    for expected in [
        "What will be sent",
        "As it would be sent now.",
        "ACME (number 7)",
        "6000|01|000",
        "our own upload to Ramp",
        "Account 6100|01|000: the mapping of",
        "What will be sent is as Ramp says, in",
        "Nothing of this bill is known to be there.",
        "The exact request",
    ]:
        assert expected in page
    request = text(client, f"{PAGE}/request/", **{"HX-Request": "true"})
    assert "UpdateMaster" in request
    assert "<html" not in request
    assert "<html" in text(client, f"{PAGE}/request/")


def test_looking_at_the_page_asks_neither_system(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a page must not talk to Ramp or Epicor")

    for name in ("connector.sync.context", "connector.actions.live_lookup"):
        monkeypatch.setattr(f"{name}.connect_epicor", refuse)
    monkeypatch.setattr("connector.http_client.client.Api.send", refuse)
    catalogs(tenant)
    make_posting(tenant, "b1")
    mirror(tenant)
    for address in (PAGE, f"{PAGE}/request/"):
        text(client, address)
    text(client, f"{PAGE}/sides/", **{"HX-Request": "true"})


def test_a_held_bill_says_why_what_next_and_what_blocks_it(client: Client, held: Posting) -> None:
    page = text(client, "/t/acme/bills/b-held")
    for expected in [
        "Acme &lt;b&gt;Supplies&lt;/b&gt; has no Epicor vendor. Nothing was sent.",
        Reason.VENDOR_UNMAPPED.words.next_step,
        "bills/?reason=vendor_unmapped&amp;kind=vendors&amp;ref=v-1&amp;company=EPIC06",
        "Nothing can be sent as the bill and the mappings are.",
        "Paper",  # Ramp's side
        "GL account: Option 6000",
        "Epicor refused the invoice.",  # the attempt
        "[hidden]",
    ]:
        assert expected in page
    assert SECRET not in page
    assert "signature=secret" not in page
    assert "<b>Supplies" not in page


def test_map_leads_to_the_row_that_is_missing(client: Client, tenant: Tenant) -> None:
    posting = make_posting(tenant, "b-9", hold_reason="vendor_unmapped")
    other = make_posting(tenant, "b-8", hold_reason="vendor_unmapped")
    block(other, "v-8", "Bolt Ltd")
    blocker = block(posting, "v+9/ä", "Acme Supplies")
    page = text(client, "/t/acme/bills/b-9")
    found = re.search(r'<a class="([^"]+)" data-key="m" href="([^"]+)"', page)
    assert found is not None
    assert "mc-primary" in found[1]
    grid = text(client, html.unescape(found[2]))
    assert "Acme Supplies" in grid
    assert "Bolt Ltd" not in grid
    assert "mc-primary" not in page.split('aria-label="What you can do"')[1].split("</form>")[0]
    # What no mapping settles is replayed.
    Blocker.objects.filter(pk=blocker.pk).update(kind="terms")
    page = text(client, "/t/acme/bills/b-9")
    assert 'data-key="m"' not in page
    assert "mc-primary" in page.split('aria-label="What you can do"')[1].split("</form>")[0]


def test_who_may_not_map_sees_the_mapping(tenant: Tenant) -> None:
    client = Client()
    client.force_login(builders.make_user("eve", tenant, "auditor"))
    block(make_posting(tenant, "b-9", hold_reason="vendor_unmapped"), "v-9", "Acme Supplies")
    page = text(client, "/t/acme/bills/b-9")
    assert "See its mapping" in page
    assert 'data-key="m"' not in page


def test_an_entered_bill_shows_what_was_sent_and_read_back(client: Client, tenant: Tenant) -> None:
    posting = entered(tenant)
    mirror(tenant)
    Attempt.objects.create(
        tenant=tenant,
        subject_kind="posting",
        subject_id="b1",
        action="enter_invoice",
        request_hash="x",
        outcome="done",
        started_at=timezone.now(),
        coding={
            "vendor_id": "ACME",
            "terms_code": "N30",
            "currency_code": "USD",
            "lines": [{"account": "6000|01|000", "why": ["Account 6000|01|000: because."]}],
            "why": ["Vendor ACME: our own upload to Ramp."],
        },
    )
    page = text(client, PAGE)
    for expected in ["What was sent", "As it was sent.", "compared to the cent", "because."]:
        assert expected in page
    assert "The exact request" not in page
    assert NOT_AS_SENT not in page
    assert "differ" not in page.split('id="bill-sides"')[1].split("</section>")[0].replace(
        "No difference", ""
    )
    Posting.objects.filter(pk=posting.pk).update(entered_as={})
    assert "Only the key and the total of what was sent are kept." in text(client, PAGE)


def test_an_edit_in_ramp_after_entering_is_marked_in_words(client: Client, tenant: Tenant) -> None:
    entered(tenant)
    mirror(tenant, due_at="2026-12-24T00:00:00Z")
    page = text(client, PAGE)
    assert f"</span> {NOT_AS_IN_RAMP}</span>" in page
    assert "1 point differs" in page


def test_what_epicors_changes_say_later_goes_over_what_was_verified(
    client: Client, tenant: Tenant
) -> None:
    posting = entered(tenant)
    mirror(tenant)
    row = maps.TargetInvoice.objects.create(
        tenant=tenant,
        company="EPIC06",
        vendor_num=7,
        invoice_num="INV-1",
        currency_code="USD",
        total=Decimal("120.01"),
        posted=True,
        group_id="R261103A",
        entry_person="carla",
        pay_hold=False,
        seen_at=timezone.now() + timedelta(minutes=1),
    )
    page = text(client, PAGE)
    assert "120.01 USD" in page
    assert f"</span> {NOT_AS_SENT}</span>" in page
    assert "carla" in page
    assert "2 points differ" in page  # the payment hold was taken away, too
    # What is older than the verification says nothing.
    maps.TargetInvoice.objects.update(seen_at=posting.entered_at - timedelta(days=1))
    assert "120.01 USD" not in text(client, PAGE)
    assert row.posted


def test_the_last_look_is_shown_beside_the_others(client: Client, tenant: Tenant) -> None:
    entered(tenant)
    mirror(tenant)
    looked(tenant, {**SEEN, "due_date": "2026-12-09", "posted": True})
    page = text(client, PAGE)
    for expected in ["As it was when bob looked.", "2026-12-09", NOT_AS_SENT, "Seen."]:
        assert expected in page
    looked(tenant)
    assert "said to be in Epicor, but was not found there" in text(client, PAGE)
    looked(tenant, {**SEEN, "ours": False}, {**SEEN, "invoice_num": "INV-1B"})
    page = text(client, PAGE)
    assert "a person typed it" in page
    assert "There are more: EPIC06 INV-1B. Only one can be right." in page


def test_a_look_older_than_the_verification_says_nothing(client: Client, tenant: Tenant) -> None:
    looked(tenant, {**SEEN, "total": "1"}, at=timezone.now() - timedelta(days=1))
    entered(tenant)
    mirror(tenant)
    page = text(client, PAGE)
    assert "when bob looked" not in page
    assert NOT_AS_SENT not in page


def test_what_a_person_took_over_is_shown_as_that(client: Client, tenant: Tenant) -> None:
    known = {"company": "EPIC06", "vendor_num": 7, "invoice_num": "TYPED-1"}
    adopted = {"adopted": True, **known, "total": "120.00", "currency_code": "USD"}
    make_posting(tenant, "b1", state="entered", entered_as=adopted, **known)
    mirror(tenant)
    page = text(client, PAGE)
    assert "an invoice typed by hand is this bill" in page
    assert "TYPED-1" in page


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"state": "dismissed"}, "The bill is dismissed, so nothing is sent for it."),
        ({"state": "removed"}, "Not there any more: it was removed."),
        ({"state": "in_doubt"}, "Perhaps there: the answer to a write is missing"),
        ({"state": "in_flight"}, "Being entered"),
        ({"not_before": timezone.now()}, "Not before"),
        ({"assignee": "ann"}, "Assigned to ann"),
        ({"amount": None, "currency": ""}, "Amount unreadable"),
    ],
)
def test_every_state_says_what_it_is(
    client: Client, tenant: Tenant, values: dict[str, Any], expected: str
) -> None:
    make_posting(tenant, "b1", **values)
    mirror(tenant)
    assert expected in text(client, PAGE)


def test_a_bill_archived_in_ramp_says_so(client: Client, tenant: Tenant) -> None:
    catalogs(tenant)
    make_posting(tenant, "b1")
    mirror(tenant, archived_at="2026-11-20T00:00:00Z")
    page = text(client, PAGE)
    assert "Archived in Ramp" in page
    assert "The bill is archived in Ramp, so it is not entered." in page


def test_a_bill_whose_copy_is_not_here_says_when_it_will_be(client: Client, tenant: Tenant) -> None:
    make_posting(tenant, "b1")
    page = text(client, PAGE)
    assert "copy of the bill is not here yet" in page
    assert "INV-b1" in page


def test_a_bill_that_cannot_be_read_says_why(client: Client, tenant: Tenant) -> None:
    message = "The bill has no vendor. Nothing was sent; correct the bill in Ramp."
    make_posting(tenant, "odd", amount=None, hold_reason="invalid_bill", hold_message=message)
    Bill.objects.create(
        tenant=tenant,
        bill_id="odd",
        payload={"id": "odd"},
        content_hash="x",
        seen_at=timezone.now(),
    )
    page = text(client, "/t/acme/bills/odd")
    assert message in page
    assert Reason.INVALID_BILL.words.next_step in page
    assert "Acme Supplies" in page


def test_a_bill_that_is_in_ramp_only_says_why_it_is_not_entered(
    client: Client, tenant: Tenant
) -> None:
    mirror(tenant, approval_status="PENDING")
    page = text(client, PAGE)
    assert "This bill is in Ramp and is not entered" in page
    assert "The bill is not approved in Ramp" in page
    assert "120.00 USD" in page
    assert "Look in Epicor now" not in page
    assert not Posting.objects.exists()
    mirror(tenant, "old")
    assert "older than the start date in the settings" in text(client, "/t/acme/bills/old")


def test_a_bill_never_seen_says_so_and_what_to_do(client: Client, tenant: Tenant) -> None:
    answer = client.get("/t/acme/bills/nothing<b>")
    assert answer.status_code == 404
    page = answer.content.decode()
    assert "nothing&lt;b&gt;" in page
    assert "once it is approved in Ramp" in page


# -- links out of here -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://api.ramp.com", "https://app.ramp.com/bills/b%2F1"),
        ("https://api.ramp.com/developer/v1", "https://app.ramp.com/bills/b%2F1"),
        ("https://demo-api.ramp.com", "https://demo.ramp.com/bills/b%2F1"),
        ("http://127.0.0.1:8701", ""),
        ("https://api.ramp.com.evil.example", ""),
        ("", ""),
    ],
)
def test_ramps_page_of_the_bill(base: str, expected: str) -> None:
    assert ramp_url(base, "b/1") == expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://acme.epicorsaas.com/live", "https://acme.epicorsaas.com/live"),
        ("javascript:alert(1)", ""),
        ("", ""),
    ],
)
def test_epicors_start_page(base: str, expected: str) -> None:
    assert epicor_url(base) == expected


def test_links_into_both_systems_open_beside_the_page(client: Client, held: Posting) -> None:
    RampCredentials.objects.update(base_url="https://demo-api.ramp.com")
    page = text(client, "/t/acme/bills/b-held")
    link = 'href="https://demo.ramp.com/bills/b-held" target="_blank" rel="noopener"'
    assert link in page
    assert 'href="http://127.0.0.1:9/kinetic" target="_blank" rel="noopener"' in page
    RampCredentials.objects.all().delete()
    EpicorCredentials.objects.all().delete()
    page = text(client, "/t/acme/bills/b-held")
    assert "Open in Ramp" not in page
    assert "Open Epicor" not in page


# -- pieces ------------------------------------------------------------------------------------


def test_attempts_and_entries_are_read_one_by_one_without_secrets(
    client: Client, held: Posting
) -> None:
    attempt = Attempt.objects.get()
    entry = AuditEntry.objects.get()
    piece = text(client, f"/t/acme/bills/b-held/attempts/{attempt.pk}/", **{"HX-Request": "true"})
    assert "InvoiceNum" in piece
    assert "[hidden]" in piece
    assert SECRET not in piece
    assert "vendor" in text(client, f"/t/acme/bills/b-held/entries/{entry.pk}/")
    # Under another bill's address there is no such thing.
    make_posting(held.tenant, "other")
    assert client.get(f"/t/acme/bills/other/attempts/{attempt.pk}/").status_code == 404
    assert client.get(f"/t/acme/bills/other/entries/{entry.pk}/").status_code == 404


PIECES = ["", "/", "/sides/", "/older/", "/request/", "/attempts/1/"]
PIECES += ["/entries/6f4e6d25-28e2-507b-9275-eea4c100eabf/"]


@pytest.mark.parametrize("piece", PIECES)
def test_another_tenants_bill_has_no_page_and_no_piece(held: Posting, piece: str) -> None:
    client = Client()
    client.force_login(builders.make_user("eve", builders.make_tenant("other"), "admin"))
    assert client.get(f"/t/acme/bills/b-held{piece}").status_code == 404
    assert client.get(f"/t/other/bills/b-held{piece}").status_code == 404
    assert Client().get(f"/t/acme/bills/b-held{piece}").status_code == 302


@pytest.mark.parametrize("role", Membership.Role.values)
def test_every_role_reads_the_bill_and_its_pieces(held: Posting, role: str) -> None:
    client = Client()
    client.force_login(builders.make_user("member", held.tenant, role))
    for piece in ("", "/request/", f"/attempts/{Attempt.objects.get().pk}/"):
        assert client.get(f"/t/acme/bills/b-held{piece}").status_code == 200
    headers = {"HX-Request": "true"}
    for piece in ("/sides/", "/older/"):
        assert client.get(f"/t/acme/bills/b-held{piece}", headers=headers).status_code == 200


def test_pieces_without_script_lead_to_the_page(client: Client, held: Posting) -> None:
    there = "/t/acme/bills/b-held"
    assert client.get(f"{there}/sides/").url == there
    at = "2026-11-24T12:00:00+00:00"
    moved = client.get(f"{there}/older/", {"before": at}).url
    assert moved == f"{there}?before=2026-11-24T12%3A00%3A00%2B00%3A00"
    assert "Nothing has happened yet." in text(client, moved)


def test_older_events_come_when_asked_for(client: Client, held: Posting) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    AuditEntry.objects.bulk_create(
        AuditEntry(
            tenant=held.tenant,
            at=begin + timedelta(minutes=number),
            action="posting.rechecked",
            subject_kind="posting",
            subject_id="b-held",
            actor="system",
            body={"message": f"Number {number}."},
            body_digest="x",
        )
        for number in range(300)
    )
    page = text(client, "/t/acme/bills/b-held")
    assert page.count("<time ") == 200
    address = page.split('hx-get="/t/acme/bills/b-held/older/')[1].split('"')[0]
    piece = text(client, f"/t/acme/bills/b-held/older/{address}", **{"HX-Request": "true"})
    assert "Number 0." in piece
    assert piece.count("<time ") == 302 - 200
    assert "Show older" not in piece


# -- looking in Epicor now ---------------------------------------------------------------------


def test_asking_twice_for_a_look_is_one_job(client: Client, held: Posting) -> None:
    there = "/t/acme/bills/b-held"
    assert client.post(f"{there}/look/").url == there
    piece = client.post(f"{there}/look/", headers={"HX-Request": "true"}).content.decode()
    (job,) = Job.objects.all()
    assert (job.kind, job.subject, job.actor) == (LOOK, "b-held", "ann")
    assert 'hx-trigger="every 1s"' in piece
    assert "Looking, asked by ann" in piece
    Job.objects.update(**builders.over("Epicor refused the key.", failed=True))
    piece = text(client, f"{there}/sides/", **{"HX-Request": "true"})
    assert 'hx-trigger="every 1s"' not in piece
    assert "Epicor refused the key." in piece
    client.post(f"{there}/look/")
    assert Job.objects.count() == 2
    assert client.post("/t/acme/bills/unknown/look/").status_code == 404


# -- as much work for a long bill as for a short one -------------------------------------------


def test_the_number_of_queries_does_not_grow(client: Client, tenant: Tenant) -> None:
    catalogs(tenant)
    posting = make_posting(tenant, "b1", hold_reason="vendor_unmapped")
    copy = mirror(tenant)
    log.record(tenant.pk, "posting.held", subject_kind="posting", subject_id="b1", actor="ann")
    block(posting, "v", "V")
    few = queries(lambda: client.get(PAGE))
    line = copy.payload["line_items"][0]
    copy.payload["line_items"] = [line] * 60
    copy.payload["amount"] = builders.money(60 * 10000)
    copy.save()
    for number in range(300):
        who = f"person{number % 20}"
        log.record(tenant.pk, "posting.held", subject_kind="posting", subject_id="b1", actor=who)
        block(posting, f"v{number}", "V")
    for number in range(20):
        looked(tenant)
        Attempt.objects.create(
            tenant=tenant,
            subject_kind="posting",
            subject_id="b1",
            action="enter_invoice",
            request_hash="x",
            started_at=timezone.now() - timedelta(minutes=number),
        )
    assert "Line 60" in text(client, PAGE)
    assert queries(lambda: client.get(PAGE)) == few
    assert few <= 45


# -- what follows once it is entered -----------------------------------------------------------


def test_an_entered_bill_says_what_is_left_to_do_in_epicor(client: Client, tenant: Tenant) -> None:
    posting = entered(tenant)
    mirror(tenant)
    page = text(client, PAGE)
    assert (
        "Entered unposted in group R261103A of EPIC06. "
        "Next: review and post the group in Epicor." in page
    )
    assert "Ramp does not say who pays" in page
    looked(tenant, SEEN)
    assert "Unposted in group R261103A of EPIC06. Next: review" in text(client, PAGE)
    looked(tenant, {**SEEN, "posted": True}, at=timezone.now() + timedelta(seconds=5))
    page = text(client, PAGE)
    assert "Posted in Epicor, in group R261103A of EPIC06." in page
    assert "Next: review" not in page
    Posting.objects.filter(pk=posting.pk).update(group_id="")
    looked(tenant, SEEN, at=timezone.now() + timedelta(seconds=9))
    assert "Unposted in EPIC06. Next: review and post the invoice" in text(client, PAGE)


def test_nothing_is_left_to_do_while_it_waits_or_is_not_there(
    client: Client, tenant: Tenant
) -> None:
    entered(tenant)
    mirror(tenant)
    looked(tenant)
    assert "Next: review" not in text(client, PAGE)
    make_posting(tenant, "b2")
    assert "mc-nextstep" not in text(client, "/t/acme/bills/b2")


def test_a_page_that_is_as_new_as_the_bill_is_not_put_anew(client: Client, tenant: Tenant) -> None:
    make_posting(tenant, "b1")
    mirror(tenant)
    log.record(tenant.pk, "posting.opened", subject_kind="posting", subject_id="b1")
    page = text(client, PAGE)
    assert "bills-changed from:body, every 5s" in page
    (seen,) = re.findall(r"\?seen=([0-9a-f-]+)", page)
    part = {"HX-Request": "true"}
    assert client.get(PAGE, {"seen": seen}, headers=part).status_code == 204
    assert client.get(PAGE, {"seen": seen}).status_code == 200
    log.record(tenant.pk, "posting.noted", subject_kind="posting", subject_id="b1")
    assert client.get(PAGE, {"seen": seen}, headers=part).status_code == 200


LATER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "looks"),
    [
        ({"state": "in_flight"}, True),
        (
            {
                "state": "in_doubt",
                "hold_reason": "in_doubt",
                "not_before": datetime(2030, 1, 1, tzinfo=UTC),
            },
            True,
        ),
        ({"hold_reason": "refused"}, False),
        ({"state": "confirmed"}, False),
    ],
)
def test_only_a_bill_that_moves_is_looked_at_again_and_again(
    client: Client, tenant: Tenant, values: dict[str, Any], looks: bool
) -> None:
    make_posting(tenant, "b1", **values)
    mirror(tenant)
    entry = log.record(tenant.pk, "posting.opened", subject_kind="posting", subject_id="b1")
    assert ("every 5s" in text(client, PAGE)) is looks
    AuditEntry.objects.filter(pk=entry.pk).update(at=timezone.now() - timedelta(minutes=16))
    assert "every 5s" not in text(client, PAGE)


def test_nothing_is_said_to_agree_where_epicor_has_nothing(client: Client, tenant: Tenant) -> None:
    catalogs(tenant)
    make_posting(tenant, "b1")
    mirror(tenant)
    page = text(client, PAGE)
    assert "in Epicor there is nothing to compare." in page
    Posting.objects.update(state="entered", entered_as={})
    looked = builders.over("Seen.", invoices=[], seen_at=timezone.now().isoformat())
    builders.make_job(tenant, LOOK, subject="b1", **looked)
    page = text(client, PAGE)
    assert "No difference" not in page
    assert "was not found there" in page


def test_vendors_and_bills_have_names_on_the_page(client: Client, tenant: Tenant) -> None:
    catalogs(tenant)
    make_posting(tenant, "b1", invoice_num="")
    mirror(tenant)
    page = text(client, PAGE)
    vendor = maps.EpicorVendor.objects.get(tenant=tenant, vendor_num=7)
    assert f"{vendor.name} · ACME (number 7)" in page
    assert "Bill RAMP-b1" in page
