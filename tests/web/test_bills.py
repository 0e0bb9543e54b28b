"""The list of bills: its order and pages, its money, saved views, exports, and who may what."""

import csv
import io
import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.tenants.models import Membership, Tenant
from connector.web import exports
from connector.web.bills import saved_views
from connector.web.bills.rows import SORTS, page_of
from connector.web.models import SavedView
from connector.web.money import pile_of
from tests import builders
from tests.web.rows import SECRET, block, make_posting

LIST = "/t/acme/bills/"


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


# -- order and pages -------------------------------------------------------------------------


@pytest.fixture
def many(tenant: Tenant) -> Tenant:
    """60 bills whose amounts and days repeat and are missing now and then."""
    rnd = random.Random(7)
    for number in range(60):
        make_posting(
            tenant,
            f"b{number}",
            amount=rnd.choice([None, Decimal("1.10"), Decimal(20), Decimal("-3.5")]),
            due_on=rnd.choice([None, date(2026, 11, 1), date(2026, 11, 2)]),
            entered_at=rnd.choice([None, datetime(2026, 11, 1, tzinfo=UTC)]),
        )
    return tenant


def in_order(tenant: Tenant, name: str) -> list[int]:
    """The ids as they must come, worked out in Python."""
    sort = SORTS[name]
    rows = [(getattr(p, sort.column), p.pk) for p in Posting.objects.filter(tenant=tenant)]
    valued = sorted((row for row in rows if row[0] is not None), reverse=sort.falls)
    blank = sorted((pk for value, pk in rows if value is None), reverse=sort.falls)
    return [pk for _, pk in valued] + blank


@pytest.mark.parametrize("size", [1, 7, 59, 60, 61])
@pytest.mark.parametrize("name", SORTS)
def test_pages_show_every_bill_once_there_and_back(many: Tenant, name: str, size: int) -> None:
    rows, sort = Posting.objects.filter(tenant=many), SORTS[name]
    expected = in_order(many, name)
    page = page_of(rows, many.pk, sort, size=size)
    assert page.before is None
    pages = [page]
    while pages[-1].after is not None:
        pages.append(page_of(rows, many.pk, sort, after=pages[-1].after, size=size))
    assert [row.pk for one in pages for row in one.rows] == expected
    back = pages[-1]
    for earlier in reversed(pages[:-1]):
        back = page_of(rows, many.pk, sort, before=back.before, size=size)
        assert [row.pk for row in back.rows] == [row.pk for row in earlier.rows]
        assert back.after == earlier.after
    assert back.before is None


def test_a_page_before_the_first_whole_one_is_the_first(many: Tenant) -> None:
    rows = Posting.objects.filter(tenant=many)
    first = page_of(rows, many.pk, SORTS["-id"], size=10)
    again = page_of(rows, many.pk, SORTS["-id"], before=first.rows[3].pk, size=10)
    assert again == first


def test_a_place_that_is_gone_or_another_tenants_is_the_beginning(many: Tenant) -> None:
    rows = Posting.objects.filter(tenant=many)
    foreign = make_posting(builders.make_tenant("other"), "x")
    first = page_of(rows, many.pk, SORTS["due"], size=10)
    for place in (foreign.pk, 10**12):
        assert page_of(rows, many.pk, SORTS["due"], after=place, size=10) == first
        assert page_of(rows, many.pk, SORTS["due"], before=place, size=10) == first


def test_a_bill_that_left_the_filter_is_still_a_place(many: Tenant) -> None:
    rows = Posting.objects.filter(tenant=many, state="queued")
    first = page_of(rows, many.pk, SORTS["-id"], size=10)
    expected = page_of(rows, many.pk, SORTS["-id"], after=first.after, size=10)
    Posting.objects.filter(pk=first.after).update(state="confirmed")
    after = page_of(rows, many.pk, SORTS["-id"], after=first.after, size=10)
    assert [row.pk for row in after.rows] == [row.pk for row in expected.rows]


def test_the_page_keeps_filter_and_order_and_leads_on(client: Client, tenant: Tenant) -> None:
    for number in range(51):
        make_posting(tenant, f"b{number}", hold_reason="refused", amount=Decimal(number))
    page = text(client, f"{LIST}?reason=refused&sort=amount")
    last = Posting.objects.get(bill_id="b49")
    assert f'href="?reason=refused&amp;sort=amount&amp;after={last.pk}"' in page
    assert ">Previous<" not in page
    assert 'aria-sort="ascending"' in page
    following = text(client, f"{LIST}?reason=refused&sort=amount&after={last.pk}")
    assert "/t/acme/bills/b50" in following
    assert ">Previous<" in following
    assert ">Next<" not in following
    assert "<strong>51 bills</strong>" in following


def test_odd_places_and_orders_show_the_first_page(client: Client, tenant: Tenant) -> None:
    make_posting(tenant, "b")
    for query in (
        "after=x",
        "before=%FF",
        "after=-1",
        "after=" + "9" * 40,
        "sort=id%3B--",
        "view=a",
    ):
        assert "/t/acme/bills/b" in text(client, f"{LIST}?{query}")


# -- money -----------------------------------------------------------------------------------


def test_totals_are_exact_where_floats_are_not(tenant: Tenant) -> None:
    for number in range(1000):
        make_posting(tenant, f"c{number}", amount=Decimal("0.10"))
    make_posting(tenant, "k1", amount=Decimal("0.0001"), currency="KWD")
    make_posting(tenant, "k2", amount=Decimal("123456789012.345"), currency="KWD")
    make_posting(tenant, "k3", amount=Decimal("-123456789012.344"), currency="KWD")
    make_posting(tenant, "y", amount=Decimal(9_999_999_999_999), currency="JPY")
    make_posting(tenant, "z", amount=Decimal(9_999_999_999_999), currency="JPY")
    make_posting(tenant, "n", amount=None, currency="EUR")
    pile = pile_of(Posting.objects.filter(tenant=tenant))
    assert pile.bills == 1006
    assert pile.sums == {
        "USD": Decimal(100),
        "KWD": Decimal("0.0011"),
        "JPY": Decimal(19_999_999_999_998),
    }


def test_totals_of_random_amounts_are_their_sum(tenant: Tenant) -> None:
    rnd = random.Random(3)
    amounts = [Decimal(rnd.randrange(-(10**11), 10**11)).scaleb(-2) for _ in range(500)]
    for number, amount in enumerate(amounts):
        make_posting(tenant, f"r{number}", amount=amount)
    assert pile_of(Posting.objects.filter(tenant=tenant)).sums == {"USD": sum(amounts)}


def test_an_absurd_amount_breaks_no_sum(tenant: Tenant) -> None:
    for number in range(3):
        make_posting(tenant, f"h{number}", amount=Decimal(9_000_000_000_000_000))
    assert pile_of(Posting.objects.filter(tenant=tenant)).sums == {"USD": 27 * Decimal(10) ** 15}


def test_the_list_says_what_all_that_fits_is_worth(client: Client, tenant: Tenant) -> None:
    for number in range(60):
        make_posting(tenant, f"b{number}", amount=Decimal("0.10"), state="confirmed")
    make_posting(tenant, "yen", amount=Decimal(5000), currency="JPY", state="confirmed")
    make_posting(tenant, "other")
    page = text(client, f"{LIST}?state=confirmed")
    assert "<strong>61 bills</strong>" in page
    assert "6.00 USD" in page
    assert "5,000 JPY" in page


# -- the page and its piece --------------------------------------------------------------------


def test_a_changed_filter_brings_the_results_only_and_their_address(
    client: Client, held: Posting
) -> None:
    answer = client.get(f"{LIST}?state=queued&number=&sort=due", headers={"HX-Request": "true"})
    piece = answer.content.decode()
    assert "<html" not in piece
    assert "/t/acme/bills/b-held" in piece
    assert answer.headers["HX-Push-Url"] == f"{LIST}?state=queued&sort=due"
    assert "HX-Request" in answer.headers["Vary"]
    assert 'id="id_currency-error"' in piece  # a mistake that was corrected is forgotten


def test_going_back_in_the_browser_brings_the_whole_page(client: Client, held: Posting) -> None:
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<html" in client.get(LIST, headers=headers).content.decode()


def test_a_wrong_filter_lists_nothing_and_names_the_field(client: Client, held: Posting) -> None:
    page = text(client, f"{LIST}?state=nonsense&amount_from=5")
    assert "Nothing is listed, because the filter has a mistake" in page
    assert "State: Select a valid choice. nonsense is not one of the available choices." in page
    assert "Currency: Say in which currency the amount is." in page
    assert "b-held" not in page
    assert "Export" not in page
    piece = text(client, f"{LIST}?amount_from=5", **{"HX-Request": "true"})
    assert 'id="id_currency-error" role="alert" hx-swap-oob="true">Say in which' in piece


def test_a_cause_is_called_by_its_name(client: Client, held: Posting) -> None:
    page = text(client, f"{LIST}?kind=vendors&ref=v-1&company=EPIC06&reason=vendor_unmapped")
    assert "held by <strong" in page
    assert "Acme &lt;b&gt;Supplies&lt;/b&gt;" in page
    assert 'name="kind" value="vendors"' in page  # stays when the filter is changed
    assert SECRET not in page


def test_an_empty_list_says_what_will_be_there(client: Client, tenant: Tenant) -> None:
    assert "They appear once they are approved in Ramp" in text(client, LIST)
    assert "No bill fits." in text(client, f"{LIST}?state=entered")


def test_the_number_of_queries_is_the_same_for_500_bills(client: Client, tenant: Tenant) -> None:
    for number in range(51):
        make_posting(tenant, f"a{number}", hold_reason="refused", due_on=date(2026, 1, 2))
    block(Posting.objects.get(bill_id="a0"), "v-1", "Vendor")
    addresses = [
        LIST,
        f"{LIST}?sort=due",
        f"{LIST}?reason=refused&vendor=acme&sort=-amount",
        f"{LIST}?kind=vendors&ref=v-1&company=EPIC06",
    ]
    few = [queries(lambda a=a: client.get(a)) for a in addresses]  # type: ignore[misc]
    for number in range(450):
        posting = make_posting(tenant, f"q{number}", hold_reason="refused", due_on=date(2026, 1, 1))
        block(posting, "v-1", "Vendor")
    assert [queries(lambda a=a: client.get(a)) for a in addresses] == few  # type: ignore[misc]
    assert max(few) <= 19


# -- saved views -------------------------------------------------------------------------------


def save(client: Client, **values: str) -> str:
    """The sentence that comes of saving a view."""
    answer = client.post("/t/acme/bill-views/", values, follow=True)
    assert answer.status_code == 200
    return str(next(iter(answer.context["messages"])))


def test_a_view_is_saved_opened_renamed_and_deleted(client: Client, tenant: Tenant) -> None:
    make_posting(tenant, "b", state="confirmed")
    said = save(client, name="Mine <b>", query="state=confirmed&sort=-due&junk=1&after=3")
    assert said == "The view “Mine <b>” is saved."
    (view,) = SavedView.objects.all()
    assert (view.name, view.query) == ("Mine <b>", "state=confirmed&sort=-due")
    page = text(client, LIST)
    assert f'href="{LIST}?state=confirmed&amp;sort=-due&amp;view={view.pk}"' in page
    assert "Mine &lt;b&gt;" in page
    opened = text(client, f"{LIST}?state=confirmed&sort=-due&view={view.pk}")
    assert 'aria-current="page"' in opened
    save(client, name="Renamed", query="state=confirmed", view=str(view.pk))
    view.refresh_from_db()
    assert (view.name, view.query) == ("Renamed", "state=confirmed")
    save(client, name="Second", query="state=queued", view=str(view.pk), new="1")
    assert SavedView.objects.count() == 2
    answer = client.post(f"/t/acme/bill-views/{view.pk}/delete/", follow=True)
    assert "The view “Renamed” is deleted." in answer.content.decode()
    assert client.post(f"/t/acme/bill-views/{view.pk}/delete/").status_code == 404
    assert Posting.objects.filter(bill_id="b").exists()


def test_a_name_that_is_taken_is_said_and_nothing_is_saved(client: Client, tenant: Tenant) -> None:
    save(client, name="Mine", query="state=confirmed")
    said = save(client, name="Mine", query="state=queued")
    assert said.startswith("You have a view named “Mine” already. Nothing was saved.")
    save(client, name="Other", query="")
    other = SavedView.objects.get(name="Other")
    assert "already" in save(client, name="Mine", query="", view=str(other.pk))
    assert set(SavedView.objects.values_list("name", "query")) == {
        ("Mine", "state=confirmed"),
        ("Other", ""),
    }


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"name": "", "query": ""}, "Give the view a name. Nothing was saved."),
        ({"name": "  ", "query": ""}, "Give the view a name. Nothing was saved."),
        ({"name": "x" * 61, "query": ""}, "The name has more than 60 characters."),
        ({"name": "a", "query": "state=nonsense"}, "This filter has a mistake."),
        ({"name": "a", "query": "number=" + "%C3%A9" * 200}, "This filter is too long"),
    ],
)
def test_what_cannot_be_saved_gets_a_sentence(
    client: Client, tenant: Tenant, values: dict[str, str], sentence: str
) -> None:
    assert sentence in save(client, **values)
    assert not SavedView.objects.exists()


def test_there_are_fifty_views_at_most(client: Client, tenant: Tenant) -> None:
    ann = User.objects.get(username="ann")
    for number in range(saved_views.MOST):
        SavedView.objects.create(tenant=tenant, user=ann, page="bills", name=f"v{number}")
    assert "There are 50 views already." in save(client, name="one more", query="")
    assert SavedView.objects.count() == saved_views.MOST


def test_views_belong_to_one_person_in_one_tenant(client: Client, tenant: Tenant) -> None:
    bob = builders.make_user("bob", tenant)
    theirs = SavedView.objects.create(tenant=tenant, user=bob, page="bills", name="Bob's")
    ann, other = User.objects.get(username="ann"), builders.make_tenant("other")
    Membership.objects.create(tenant=other, user=ann, role="accountant")
    elsewhere = SavedView.objects.create(tenant=other, user=ann, page="bills", name="Elsewhere")
    audits = SavedView.objects.create(tenant=tenant, user=ann, page="audit", name="Audit's")
    page = text(client, LIST)
    for view in (theirs, elsewhere, audits):
        assert view.name.replace("'", "&#x27;") not in page
        assert client.post(f"/t/acme/bill-views/{view.pk}/delete/").status_code == 404
        # Saving "over" one that is not there is saving a new one.
        save(client, name=f"new {view.pk}", query="", view=str(view.pk))
        view.refresh_from_db()
        assert not view.name.startswith("new")
    assert SavedView.objects.filter(user=ann, tenant=tenant, page="bills").count() == 3


# -- export ------------------------------------------------------------------------------------

NASTY = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "'=1", 'a "quoted", cell', "line\nbreak", "Ünï ☃"]


def body(answer: Any) -> bytes:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def export(client: Client, kind: str, query: str = "") -> list[dict[str, str]]:
    """The rows of an exported file, by column."""
    content = body(client.post("/t/acme/bills-export/", {"format": kind, "query": query}))
    if kind == "csv":
        return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    sheet = openpyxl.load_workbook(io.BytesIO(content), read_only=True).worksheets[0]
    header, *rows = sheet.iter_rows(values_only=True)
    return [
        {str(name): shown(cell) for name, cell in zip(header, row, strict=True)} for row in rows
    ]


def shown(cell: Any) -> str:
    """A cell of a workbook as text; moments there have no zone."""
    if isinstance(cell, datetime):
        midnight = not (cell.hour or cell.minute or cell.second)
        return cell.date().isoformat() if midnight else cell.isoformat()
    return "" if cell is None else str(cell)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_file_has_what_the_list_has_to_the_cent(
    client: Client, tenant: Tenant, kind: str
) -> None:
    entered_at = datetime(2026, 11, 3, 4, 30, tzinfo=UTC)
    make_posting(
        tenant,
        "b1",
        state="confirmed",
        amount=Decimal("-1234.5"),
        issued_on=date(2026, 11, 2),
        entered_at=entered_at,
    )
    make_posting(tenant, "b2", amount=Decimal(5000), currency="JPY", state="confirmed")
    make_posting(tenant, "b3", amount=None, state="confirmed")
    make_posting(tenant, "left-out")
    rows = export(client, kind, "state=confirmed")
    assert [row["bill"] for row in rows] == ["b3", "b2", "b1"]
    assert [row["amount"] for row in rows] == ["", "5000", "-1234.5" + "0" * (kind == "csv")]
    assert [row["currency"] for row in rows] == ["USD", "JPY", "USD"]
    assert rows[2]["issued"] == "2026-11-02"
    zone = "-05:00" if kind == "csv" else ""
    assert rows[2]["entered"] == f"2026-11-02T23:30:00{zone}"  # in the tenant's zone
    assert tuple(rows[0]) == exports.HEADER


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_no_cell_of_the_file_is_a_formula(client: Client, tenant: Tenant, kind: str) -> None:
    for number, name in enumerate(NASTY):
        make_posting(tenant, f"b{number}", vendor_name=name, invoice_num=name)
    cells = {row["bill"]: row["vendor"] for row in export(client, kind)}
    for number, name in enumerate(NASTY):
        cell = cells[f"b{number}"]
        assert cell[:1] not in tuple("=+-@\t\r")
        dangerous = name.lstrip("'")[:1] in tuple("=+-@\t\r")
        assert cell.startswith("'") == (dangerous or name.startswith("'"))
        assert cell.replace("'", "") == name.replace("'", "")


def test_a_workbook_can_be_added_up_and_sorted(client: Client, tenant: Tenant) -> None:
    entered_at = datetime(2026, 11, 3, 4, 30, 1, 7, tzinfo=UTC)
    values = {"invoice_num": "0042", "vendor_num": 7, "entered_at": entered_at}
    make_posting(tenant, "b1", amount=Decimal("-1234.5"), issued_on=date(2026, 11, 2), **values)
    make_posting(tenant, "b2", amount=Decimal("5000.0000"), currency="JPY")
    make_posting(tenant, "b3", amount=Decimal("0.0005"), currency="KWD")
    make_posting(tenant, "b4", amount=None, issued_on=date(1066, 10, 14))
    content = body(client.post("/t/acme/bills-export/", {"format": "xlsx", "query": ""}))
    header, *rows = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].iter_rows()
    names = [cell.value for cell in header]
    four, three, two, one = (dict(zip(names, row, strict=True)) for row in rows)
    assert (one["amount"].value, one["amount"].number_format) == (-1234.5, "#,##0.00")
    assert (two["amount"].value, two["amount"].number_format) == (5000, "#,##0")
    assert (three["amount"].value, three["amount"].number_format) == (0.0005, "#,##0.0000")
    assert (four["amount"].value, four["issued"].value) == (None, "1066-10-14")
    assert one["issued"].value == datetime(2026, 11, 2)
    assert one["entered"].value == datetime(2026, 11, 2, 23, 30, 1)
    assert (one["invoice_number"].value, one["epicor_vendor_num"].value) == ("0042", "7")


def test_characters_that_excel_refuses_are_left_out(client: Client, tenant: Tenant) -> None:
    make_posting(tenant, "b", vendor_name="bell\x07")
    assert export(client, "xlsx")[0]["vendor"] == "bell"
    assert export(client, "csv")[0]["vendor"] == "bell\x07"


def test_an_export_is_on_the_record(client: Client, tenant: Tenant) -> None:
    make_posting(tenant, "b1", state="confirmed")
    make_posting(tenant, "b2")
    export(client, "csv", "state=confirmed&number=INV&sort=due")
    (entry,) = AuditEntry.objects.filter(action="bills.exported")
    assert (entry.tenant, entry.actor, entry.subject_id) == (tenant, "ann", "acme")
    assert entry.body == {"filter": "state=confirmed, number=INV", "rows": 1, "format": "csv"}


@pytest.mark.parametrize(
    ("kind", "query", "sentence"),
    [
        ("pdf", "", "Choose CSV or Excel."),
        ("", "", "Choose CSV or Excel."),
        ("csv", "state=nonsense", "This filter has a mistake"),
        ("xlsx", "", "2 bills are too many for an Excel file (1 at most)."),
    ],
)
def test_what_cannot_be_exported_gets_a_sentence(
    client: Client,
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    query: str,
    sentence: str,
) -> None:
    monkeypatch.setattr(exports, "XLSX_ROWS", 1)
    make_posting(tenant, "b1")
    make_posting(tenant, "b2")
    answer = client.post("/t/acme/bills-export/", {"format": kind, "query": query}, follow=True)
    assert sentence in answer.content.decode()
    assert not AuditEntry.objects.filter(action="bills.exported").exists()


def test_csv_holds_a_few_bills_at_a_time(tenant: Tenant) -> None:
    for number in range(3):
        make_posting(tenant, f"b{number}")
    rows = exports.records(Posting.objects.filter(tenant=tenant), UTC)  # type: ignore[arg-type]
    pieces = exports.as_csv(rows)
    assert next(pieces).startswith("\ufeffbill,")
    assert next(pieces).startswith("b2,")  # before the others were asked for
    assert len(list(pieces)) == 2


def test_another_tenants_bills_are_never_exported(client: Client, tenant: Tenant) -> None:
    make_posting(builders.make_tenant("other"), "theirs")
    assert export(client, "csv") == []


# -- who may what ------------------------------------------------------------------------------

POSTS = ["bills-export/", "bill-views/", "bill-views/1/delete/", "bills/b-held/look/"]


@pytest.mark.parametrize("address", POSTS)
def test_strangers_find_nothing_and_looking_changes_nothing(held: Posting, address: str) -> None:
    eve, there = Client(), f"/t/acme/{address}"
    eve.force_login(builders.make_user("eve", builders.make_tenant("other"), "admin"))
    assert eve.post(there).status_code == 404
    assert Client().post(there).status_code == 302
    ann = Client()
    ann.force_login(builders.make_user("ann", held.tenant, "auditor"))
    assert ann.get(there).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="ann"))
    assert strict.post(there).status_code == 403


@pytest.mark.parametrize("role", Membership.Role.values)
def test_every_role_may_export_and_keep_views(held: Posting, role: str) -> None:
    client = Client()
    client.force_login(builders.make_user("member", held.tenant, role))
    assert [row["bill"] for row in export(client, "csv")] == ["b-held"]
    assert "is saved" in save(client, name="Mine", query="")


def test_sorting_by_an_old_address_is_harmless(client: Client, held: Posting) -> None:
    """A saved view whose filter is not known any more still opens."""
    query = urlencode({"assignee": "gone", "view": 1})
    assert "Nothing is listed" in text(client, f"{LIST}?{query}")
