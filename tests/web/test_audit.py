"""The audit pages: searching, one entry, verifying, exporting, and a bill as it was."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail import log, trail_key
from audit.trail.models import AuditEntry, Chain
from connector.actions import verify_audit
from connector.actions.job_results import result_text
from connector.jobs import runner
from connector.jobs.models import Job
from connector.tenants.models import Tenant
from connector.web.audit import as_of
from connector.web.audit import export as audit_export
from connector.web.audit.trail import A_PAGE
from mappings.models import VendorMapping
from tests import builders
from tests.audit.build import seed, unmapped
from tests.web.rows import SECRET, make_posting

ADDRESS = "/t/acme/audit/"


@pytest.fixture
def client(tenant: Tenant) -> Client:
    return member(tenant, "auditor")


def member(tenant: Tenant, role: str) -> Client:
    client = Client()
    client.force_login(builders.make_user(f"the-{role}", tenant, role))
    return client


def text(client: Client, address: str = ADDRESS, **query: str) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200
    return answer.content.decode()


def tell(tenant: Tenant, action: str = "posting.dismissed", **values: Any) -> AuditEntry:
    told = {"subject_kind": "posting", "subject_id": "b-1", "actor": "ann", "body": {}} | values
    at = told.pop("at", None)
    entry = log.record(tenant.pk, action, **told)
    if at is not None:
        entry.at = at
        entry.own_mac = trail_key.own_mac(entry)
        entry.save()
    return entry


# Searching


def test_entries_are_told_in_sentences_with_the_bill_by_its_number(
    client: Client, tenant: Tenant
) -> None:
    make_posting(tenant, "b-1", invoice_num="INV-7", vendor_name="Acme <b>Corp")
    tell(tenant, body={"reason": "Paid by hand", "api_key": SECRET, "said": f"Bearer {SECRET}"})
    page = text(client)
    assert "ann dismissed bill INV-7 of Acme &lt;b&gt;Corp: Paid by hand." in page
    assert "1 entry" in page
    assert "/t/acme/bills/b-1" in page
    assert SECRET not in page


def test_a_secret_in_a_reason_is_hidden_in_the_sentence(client: Client, tenant: Tenant) -> None:
    tell(tenant, body={"reason": f"Bearer {SECRET}"})
    page = text(client)
    assert "ann dismissed bill b-1: Bearer [hidden]" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "one two three four five"),
        ({"who": "ann"}, "one three"),
        ({"people": "on"}, "one three four"),
        ({"what": "posting.dismissed"}, "one two four"),
        ({"what": "kind:group"}, "five"),
        ({"what": "kind:mapping", "who": "ann"}, "three"),
        ({"about": "bill", "subject": "INV-1"}, "one"),
        ({"about": "bill", "subject": "b-1"}, "one"),
        ({"subject": "b-1"}, "one"),
        ({"about": "bill", "subject": "NOPE"}, ""),
        ({"about": "mapping", "subject": "v-1"}, "three"),
        ({"about": "mapping", "subject": "acme corp"}, "three"),
        ({"about": "vendor", "subject": "Acme Corp"}, "three"),
        ({"about": "vendor", "subject": "ACME1"}, "three"),
        ({"about": "group", "subject": "EPIC06 R1"}, "five"),
        ({"since": "2026-11-21"}, "two three four five"),
        ({"until": "2026-11-20"}, "one"),
        ({"since": "2026-11-21", "until": "2026-11-21"}, "two"),
    ],
    ids=str,
)
def test_each_filter_shows_its_entries(
    client: Client, tenant: Tenant, query: dict[str, str], expected: str
) -> None:
    make_posting(tenant, "b-1", invoice_num="INV-1")
    make_posting(builders.make_tenant("other"), "b-2", invoice_num="INV-1")
    VendorMapping.objects.create(
        tenant=tenant, ramp_id="v-1", ramp_name="Acme Corp", epicor_id="ACME1"
    )
    # New York is five hours behind: the 21st begins at 05:00 UTC.
    tell(tenant, at=datetime(2026, 11, 21, 4, 59, tzinfo=UTC), body={"reason": "one"})
    late = datetime(2026, 11, 22, 4, 59, tzinfo=UTC)
    tell(tenant, at=late, actor="system", subject_id="b-2", body={"reason": "two"})
    after = {"ramp_name": "three", "epicor_id": "A"}
    tell(
        tenant,
        "mapping_created",
        subject_kind="mapping",
        subject_id="vendors:v-1",
        body={"after": after},
    )
    tell(tenant, actor="bob", subject_id="b-3", body={"reason": "four"})
    tell(
        tenant,
        "group.lost",
        actor="system",
        subject_kind="group",
        subject_id="EPIC06 R1",
        body={"message": "five"},
    )
    page = text(client, **query)
    words = {"one", "two", "three", "four", "five"}
    shown = {word for word in words if f": {word}." in page or f"vendor {word} " in page}
    assert shown == set(expected.split())


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"since": "yesterday"}, "Enter a valid date."),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "This day is before the first one."),
        ({"until": "9999-12-31"}, "Choose a day between 2000 and 2199."),
        ({"since": "0001-01-01"}, "Choose a day between 2000 and 2199."),
        ({"what": "nonsense"}, "Select a valid choice"),
    ],
    ids=str,
)
def test_a_search_that_cannot_be_read_says_why_at_its_field(
    client: Client, tenant: Tenant, query: dict[str, str], message: str
) -> None:
    tell(tenant, body={"reason": "unseen"})
    page = text(client, **query)
    assert message in page
    assert "unseen" not in page


def test_both_days_stand_side_by_side_and_the_switches_at_the_end(client: Client) -> None:
    page = text(client)
    names = ("who", "what", "about", "subject", "since", "until", "people", "singles")
    places = [page.index(f'id="id_{name}"') for name in names]
    assert places == sorted(places)


def test_an_odd_place_shows_the_newest(client: Client, tenant: Tenant) -> None:
    tell(tenant, body={"reason": "here"})
    assert ": here." in text(client, after="x' OR 1=1")


def test_pages_lead_to_older_entries_and_keep_the_filter(client: Client, tenant: Tenant) -> None:
    for number in range(A_PAGE + 1):
        tell(tenant, body={"reason": f"number {number}"})
    first = client.get(ADDRESS, {"who": "ann", "after": ""})
    older = first.context["older"]
    assert f"?who=ann&amp;after={older}" in first.content.decode()
    assert f": number {A_PAGE}." in first.content.decode()
    second = text(client, who="ann", after=str(older))
    assert ": number 0." in second
    assert ": number 1." not in second
    assert 'href="?who=ann"' in second


def test_more_than_ten_thousand_are_not_counted(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(tenant)
    monkeypatch.setattr("audit.trail.search.how_many", lambda entries: 10_001)
    assert "More than 10,000 entries" in text(client)


def test_an_empty_trail_says_what_will_be_here(client: Client) -> None:
    assert "Nothing has happened yet." in text(client)
    assert "Nothing fits." in text(client, who="nobody")


def test_one_entry_is_shown_whole_with_its_place(client: Client, tenant: Tenant) -> None:
    entry = tell(tenant, body={"reason": "x" * 3000, "password": SECRET})
    log.seal(tenant.pk)
    page = text(client, f"{ADDRESS}entries/{entry.pk}/")
    assert "number 1" in page
    assert "x" * 3000 in page
    assert SECRET not in page


CHANGES = {
    "state": ["queued", "dismissed"],
    "vendor_name": ["Old <b>", f"Bearer {SECRET}"],
    "assignee": ["bob", ""],
    "hold_reason": ["vendor_unmapped", ""],
}


def test_changes_are_shown_in_words_with_secrets_hidden(client: Client, tenant: Tenant) -> None:
    entry = tell(tenant, changes=CHANGES)
    for address in (f"{ADDRESS}entries/{entry.pk}/", ADDRESS):
        page = text(client, address)
        for label, before, after in [
            ("State", "Waiting", "Dismissed"),
            ("Vendor", "Old &lt;b&gt;", "Bearer [hidden]"),
            ("Assigned to", "bob", "none"),
            ("Reason of the hold", "Vendor not mapped", "none"),
        ]:
            cells = f'<td data-name="Before">{before}</td><td data-name="After">{after}</td>'
            assert f'<th scope="row">{label}</th>{cells}' in page
        assert SECRET not in page


@pytest.mark.parametrize(
    "address",
    [ADDRESS, f"{ADDRESS}?who=ann&what=posting.held", "/t/acme/bills/b-1/as-of"],
)
def test_the_number_of_queries_does_not_grow(client: Client, tenant: Tenant, address: str) -> None:
    posting = make_posting(tenant, "b-1")
    lifecycle.hold(posting, unmapped())
    tell(tenant, "posting.held")

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(address).status_code == 200
        return len(seen)

    few = queries()
    for number in range(120):
        make_posting(tenant, f"q{number}")
        tell(tenant, "posting.held", subject_id=f"q{number}")
        tell(tenant, "posting.held")
    assert queries() == few
    assert few <= 15


# Verifying


def ask(client: Client) -> Job:
    answer = client.post(f"{ADDRESS}verify/")
    assert (answer.status_code, answer.url) == (302, f"{ADDRESS}#chain")
    return Job.objects.get(kind=verify_audit.KIND, finished_at=None)


def test_a_worker_verifies_and_the_result_stays(client: Client, tenant: Tenant) -> None:
    tell(tenant)
    log.seal(tenant.pk)
    job = ask(client)
    assert ask(client).pk == job.pk  # a double click
    page = text(client)
    assert "Verify the audit chain" in page
    assert "Verify now" not in page
    assert runner.run(job.pk)
    job.refresh_from_db()
    assert (job.failed, result_text(job)) == (False, "The audit chain fits: 1 entries.")
    assert job.data == {"entries": 1, "ok": True, "first_bad": None, "unsealed": 0}
    page = text(client)
    assert "Every one of the 1 entries is where and what it was." in page
    assert "by the-auditor" in page
    assert "had the audit chain verified: all 1 entries fit." in page
    assert "Verify now" in page


def test_a_changed_entry_is_found_and_named(client: Client, tenant: Tenant) -> None:
    entry = tell(tenant)
    log.seal(tenant.pk)
    AuditEntry.objects.filter(pk=entry.pk).update(actor="mallory")
    job = ask(client)
    runner.run(job.pk)
    job.refresh_from_db()
    assert job.failed
    assert "Entry number 1 (posting.dismissed) was changed" in result_text(job)
    page = text(client)
    assert "Does not fit" in page
    assert "Restore the database from a backup" in page


def test_a_chain_too_long_for_a_worker_is_left_with_a_way_on(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        tell(tenant)
    log.seal(tenant.pk)
    monkeypatch.setattr("audit.trail.verification._PROGRESS_EVERY", 1)
    monkeypatch.setattr(verify_audit, "_MOST_S", -1)
    job = ask(client)
    runner.run(job.pk)
    job.refresh_from_db()
    assert job.failed
    assert "verify_audit acme" in result_text(job)
    assert "Nobody has verified it yet." in text(client)


def test_only_those_who_may_export_are_offered_to(tenant: Tenant) -> None:
    tell(tenant)
    page = text(member(tenant, "accountant"))
    assert "Export CSV" not in page
    assert "Verify now" not in page
    assert "Export CSV" in text(member(tenant, "admin"))


# Exporting


def export(client: Client, kind: str = "csv", **query: str) -> bytes:
    answer = client.post(f"{ADDRESS}export/", {"format": kind, **query})
    assert answer.status_code == 200
    assert f'.{kind}"' in answer.headers["Content-Disposition"]
    return b"".join(answer.streaming_content)


def csv_rows(content: bytes) -> tuple[dict[str, str], list[dict[str, str]]]:
    assert content.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    blank = lines.index([])
    header, *rest = lines[blank + 1 :]
    return dict(lines[:blank]), [dict(zip(header, row, strict=True)) for row in rest]


def xlsx_rows(content: bytes) -> tuple[dict[str, str], list[dict[str, str]]]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["Entries", "Verification"]
    header, *rest = book["Entries"].iter_rows(values_only=True)
    assert not any(
        cell.data_type == "f" for sheet in book for row in sheet.iter_rows() for cell in row
    )
    head = dict(book["Verification"].iter_rows(values_only=True))
    return head, [dict(zip(header, row, strict=True)) for row in rest]


Reader = Callable[[bytes], tuple[dict[str, str], list[dict[str, str]]]]
FORMATS = [("csv", csv_rows), ("xlsx", xlsx_rows)]


@pytest.mark.parametrize(("kind", "read"), FORMATS, ids=["csv", "xlsx"])
def test_a_file_has_the_filtered_entries_and_the_verifiers_result(
    client: Client, tenant: Tenant, kind: str, read: Reader
) -> None:
    make_posting(tenant, "b-1", invoice_num="INV-7", vendor_name="Größe & Söhne")
    entry = tell(tenant, at=datetime(2026, 11, 20, 17, 0, tzinfo=UTC), body={"reason": "日本"})
    tell(tenant, actor="bob")
    log.seal(tenant.pk)
    head, rows = read(export(client, kind, who="ann"))
    assert head["Audit trail of"] == "Acme"
    assert head["Filter"] == "by ann, without single requests"
    assert head["Entries"] == "1"
    assert head["Audit chain"] == "Every one of the 2 entries is where and what it was."
    sealed = Chain.objects.get()
    assert head["Chain head"] == f"2:{sealed.last_mac}"
    assert "by the-auditor" in head["Exported"]
    (row,) = rows
    assert row["number"] == str(AuditEntry.objects.get(pk=entry.pk).seq)
    assert row["at"] == "2026-11-20 12:00:00-05:00"  # the tenant's zone
    assert row["at_utc"] == "2026-11-20T17:00:00.000000+00:00"
    assert (row["who"], row["what"]) == ("ann", "Dismissed")
    assert row["sentence"] == "ann dismissed bill INV-7 of Größe & Söhne: 日本."
    assert row["details"] == '{"reason": "日本"}'
    assert row["entry_id"] == str(entry.pk)


@pytest.mark.parametrize(("kind", "read"), FORMATS, ids=["csv", "xlsx"])
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\n=", "'="])
def test_no_cell_is_a_formula(
    client: Client, tenant: Tenant, kind: str, read: Reader, start: str
) -> None:
    name = f"{start}HYPERLINK(1)"
    tell(tenant, subject_id=name, actor=name, body={"reason": "\x0b"})
    query = {} if start[0] in "\t\n" else {"who": name}  # a form strips what is white
    head, (row,) = read(export(client, kind, **query))
    shown = [*head.values(), *row.values()]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\n")) for cell in shown if cell)
    assert row["who"].startswith("'")


@pytest.mark.parametrize(("kind", "read"), FORMATS, ids=["csv", "xlsx"])
def test_a_file_says_what_changed_in_words(
    client: Client, tenant: Tenant, kind: str, read: Reader
) -> None:
    tell(tenant, changes=CHANGES)
    _, (row,) = read(export(client, kind, who="ann"))
    assert row["changes"] == (
        "assigned to bob → none; reason of the hold Vendor not mapped → none; "
        "state Waiting → Dismissed; vendor Old <b> → Bearer [hidden]"
    )


def test_secrets_stay_out_of_the_file(client: Client, tenant: Tenant) -> None:
    tell(tenant, body={"reason": f"Bearer {SECRET}", "password": SECRET})
    assert SECRET.encode() not in export(client)


def test_single_requests_are_shown_when_asked_for(client: Client, tenant: Tenant) -> None:
    tell(tenant, action="posting.entered")
    tell(tenant, action="attempt.begun")
    page = text(client)
    assert "1 entry" in page
    assert "Single requests to Ramp and Epicor are not shown." in page
    for query in ("singles=on", "singles=on&what=kind:posting"):
        page = client.get(f"/t/acme/audit/?{query}").content.decode()
        assert "2 entries" in page
        assert "are not shown" not in page
        assert '<input type="hidden" name="singles" value="on">' in page  # of the export
    assert "1 entry" in client.get("/t/acme/audit/?what=attempt.begun").content.decode()
    _, rows = csv_rows(export(client, "csv", singles="on"))
    assert len(rows) == 2


def test_exporting_is_on_the_record_and_not_in_its_own_file(client: Client, tenant: Tenant) -> None:
    tell(tenant)
    _, rows = csv_rows(export(client, about="bill"))
    assert len(rows) == 1
    entry = AuditEntry.objects.get(action="audit.exported")
    assert (entry.actor, entry.subject_kind) == ("the-auditor", "audit")
    said = "everything, without single requests"
    assert entry.body == {"format": "csv", "filter": said, "entries": 1, "chain_ok": True}
    assert f"the-auditor exported 1 entries as CSV: {said}." in text(client)


def test_a_chain_that_does_not_fit_is_said_in_the_file(client: Client, tenant: Tenant) -> None:
    entry = tell(tenant)
    log.seal(tenant.pk)
    AuditEntry.objects.filter(pk=entry.pk).update(actor="mallory")
    head, _ = csv_rows(export(client))
    assert head["Audit chain"].startswith("The chain does not fit. Entry number 1")


def test_of_a_long_chain_the_last_result_counts(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_export, "VERIFIED_AT_ONCE", 0)
    tell(tenant)
    head, _ = csv_rows(export(client))
    assert (head["Audit chain"], head["Chain verified"]) == (
        "Nobody has verified the chain yet.",
        "never",
    )
    runner.run(ask(client).pk)
    head, _ = csv_rows(export(client))
    assert head["Audit chain"].startswith("Every one of the")
    assert "by the-auditor" in head["Chain verified"]


@pytest.mark.parametrize("form", [{"format": "pdf"}, {"format": "csv", "since": "x"}, {}])
def test_what_cannot_be_read_is_not_exported(
    client: Client, tenant: Tenant, form: dict[str, str]
) -> None:
    tell(tenant)
    answer = client.post(f"{ADDRESS}export/", form, follow=True)
    assert "Nothing was exported" in answer.content.decode()
    assert not AuditEntry.objects.filter(action="audit.exported").exists()


def test_too_many_entries_are_refused_with_a_way_on(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(audit_export.MOST, "csv", 1)
    tell(tenant)
    tell(tenant)
    answer = client.post(f"{ADDRESS}export/", {"format": "csv", "who": "ann"}, follow=True)
    assert answer.redirect_chain[0][0] == f"{ADDRESS}?who=ann"
    assert "more than 1 entries fit" in answer.content.decode()
    assert "Export CSV, which" not in answer.content.decode()
    monkeypatch.setitem(audit_export.MOST, "xlsx", 1)
    answer = client.post(f"{ADDRESS}export/", {"format": "xlsx", "who": "ann"}, follow=True)
    assert (
        "the most for XLSX. Export CSV, which may have 1. Choose fewer" in answer.content.decode()
    )
    assert not AuditEntry.objects.filter(action="audit.exported").exists()


def test_a_file_is_read_in_pieces(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_export, "_CHUNK", 2)
    for number in range(5):
        tell(tenant, body={"reason": f"n{number}"})
    _, rows = csv_rows(export(client))
    assert [row["sentence"][-3:-1] for row in rows] == ["n4", "n3", "n2", "n1", "n0"]


# As of


@pytest.fixture
def history(tenant: Tenant) -> Posting:
    """Opened at one o'clock in New York, changed at two, dismissed at three."""
    lifecycle.open_many(tenant.pk, [seed("b-9", invoice_num="INV-9", vendor_name="Old <b>")])
    lifecycle.update_values(tenant.pk, [seed("b-9", invoice_num="INV-9", amount=Decimal(99))])
    lifecycle.dismiss(Posting.objects.get(), actor="ann", reason=f"By hand, Bearer {SECRET}")
    entries = AuditEntry.objects.filter(subject_id="b-9").order_by("at")
    for hour, entry in enumerate(entries, start=18):
        at = datetime(2026, 11, 20, hour, 0, 0, 500_000, tzinfo=UTC)
        AuditEntry.objects.filter(pk=entry.pk).update(at=at)
    return Posting.objects.get()


def facts(page: as_of.AsOf) -> dict[str, tuple[str, str]]:
    return {fact.name: (fact.then, fact.now) for fact in page.facts}


def test_an_earlier_moment_is_shown_beside_now(history: Posting) -> None:
    then = as_of.as_of(history, datetime(2026, 11, 20, 18, 30, tzinfo=UTC))
    shown = facts(then)
    assert shown["Amount"] == ("120.50 USD", "99.00 USD")
    assert shown["Vendor"] == ("Old <b>", "Nordwind Paper")
    assert shown["State"] == ("Waiting", "Dismissed")
    assert shown["Due"] == ("2026-12-02", "2026-12-02")
    assert then.earlier is None
    assert then.later is not None
    assert then.later.sentence.startswith("Bill INV-9 changed in Ramp: amount 120.50 → 99")


def test_the_page_reads_the_moment_in_the_tenants_zone(client: Client, history: Posting) -> None:
    page = text(client, "/t/acme/bills/b-9/as-of", at="2026-11-20T13:30")
    assert "Old &lt;b&gt;" in page
    assert "120.50 USD" in page
    assert "What led there" in page
    assert "dismissed" not in page
    before = text(client, "/t/acme/bills/b-9/as-of", at="2026-11-20T12:59:59")
    assert "Nothing was known of this bill" in before


def test_the_steps_lead_from_one_to_the_next(client: Client, history: Posting) -> None:
    answer = client.get("/t/acme/bills/b-9/as-of", {"at": "2026-11-20T18:00:00.500000Z"})
    view = answer.context["view"]
    assert [step.sentence[:13] for step in view.steps] == ["The connector"]
    later = client.get("/t/acme/bills/b-9/as-of", {"at": view.later.moment})
    assert len(later.context["view"].steps) == 2
    assert later.context["view"].earlier.at == view.steps[0].at
    # The input and the heading say the same second, and showing it again shows all of it.
    page = answer.content.decode()
    assert 'value="2026-11-20T13:00:00"' in page
    assert "On 20 Nov 2026, 13:00:00" in page
    again = client.get("/t/acme/bills/b-9/as-of", {"at": "2026-11-20T13:00:00"})
    assert len(again.context["view"].steps) == 1


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "9999-12-30", "0001-01-02"])
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_the_first_and_the_last_days_that_there_are(
    client: Client, history: Posting, day: str, zone: str
) -> None:
    Tenant.objects.update(time_zone=zone)
    for name in ("since", "until"):
        assert client.get(ADDRESS, {name: day}).status_code == 200


def test_without_a_moment_it_is_as_now_and_hides_secrets(client: Client, history: Posting) -> None:
    page = text(client, "/t/acme/bills/b-9/as-of")
    assert "ann dismissed bill INV-9: By hand, Bearer [hidden]" in page
    assert SECRET not in page


@pytest.mark.parametrize(
    "at",
    [
        "noon",
        "2026-13-01T00:00",
        "2026-03-08T02:30",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59.9",
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00",
    ],
)
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_a_moment_that_cannot_be_read_says_so(
    client: Client, history: Posting, at: str, zone: str
) -> None:
    if "2026-03-08" not in at:  # an hour that there is in Tokyo
        Tenant.objects.update(time_zone=zone)
    page = text(client, "/t/acme/bills/b-9/as-of", at=at)
    assert "Nothing is shown, because the moment cannot be read." in page
    assert "mc-bad" in page


def test_what_nothing_had_changed_by_then_is_shown_as_empty(history: Posting) -> None:
    Posting.objects.update(company="EPIC06")
    then = as_of.as_of(history, datetime(2026, 11, 20, 18, 30, tzinfo=UTC))
    history.refresh_from_db()
    assert {fact.name: fact.then for fact in as_of.facts(then.then, history)}[
        "Epicor company"
    ] == "–"


def test_a_bill_nobody_knows_is_not_found(client: Client) -> None:
    assert client.get("/t/acme/bills/nothing/as-of").status_code == 404


def test_a_very_long_history_is_cut_for_the_page_only(
    client: Client, history: Posting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(as_of, "_SHOWN", 2)
    view = as_of.as_of(history, timezone.now() + timedelta(days=9000))
    assert (len(view.steps), view.left_out, view.then.state) == (2, 1, "dismissed")
