"""The pages of mappings: what they say, who may do what, and that nobody is overrun."""

import io
from collections.abc import Callable
from decimal import Decimal

import openpyxl
import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.actions import mapping_import
from connector.jobs import runner
from connector.jobs.models import Job
from connector.tenants.models import Membership, Tenant
from mappings.catalog import VendorRow, add_issued, replace_vendors
from mappings.decisions import decide, require_approval
from mappings.models import (
    Dimension,
    MappingRules,
    ProposedMapping,
    ReferenceUse,
    UseCount,
    VendorMapping,
)
from tests import builders
from tests.web.rows import block, make_posting

BASE = "/t/acme/mappings/"
CO = "EPIC06"
HX = {"HX-Request": "true"}
Login = Callable[[str], Client]


@pytest.fixture
def people(tenant: Tenant) -> Login:
    """people("accountant") -> a client of a person with that role, or of the stranger."""
    users = builders.make_people(tenant)

    def login(role: str) -> Client:
        client = Client()
        client.force_login(users[role])
        return client

    return login


@pytest.fixture
def ann(people: Login) -> Client:
    return people("accountant")


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def use(tenant: Tenant, ramp_id: str, bills: int = 2, **values: object) -> ReferenceUse:
    defaults: dict[str, object] = {"kind": "vendors", "company": CO, "name": f"Vendor {ramp_id}"}
    defaults |= {"sums": {"USD": str(100 * bills)}}
    return ReferenceUse.objects.create(
        tenant=tenant,
        ramp_id=ramp_id,
        bills=bills,
        total=bills,
        **{**defaults, **values},
    )


def target(ramp_id: str, company: str = "") -> str:
    mapping = VendorMapping.objects.filter(ramp_id=ramp_id, company=company).first()
    return mapping.epicor_id if mapping else ""


def save(
    client: Client, *, part: bool = True, kind: str = "vendors", **values: str
) -> HttpResponse:
    sent = {"ramp_id": "v-1", "company": "", "epicor_id": "ACME", "seen": "", **values}
    return client.post(f"{BASE}{kind}/save/", sent, headers=HX if part else {})


def upload(client: Client, content: str, name: str = "m.csv", **values: str) -> HttpResponse:
    file = io.BytesIO(content.encode())
    file.name = name
    return client.post(f"{BASE}vendors/import/upload/", {"file": file, **values})


CSV = "ramp_id,ramp_name,epicor_id,epicor_name,company\n"


def test_a_long_file_name_is_not_in_the_title_of_its_preview(ann: Client) -> None:
    row = f"{CSV}v-1,Acme,ACME,Acme,\n"
    shown = ann.get(upload(ann, row, name=f"{'vendors-' * 9}.csv").url)
    assert shown.context["title"] == "Import: Vendors"
    assert "vendors-vendors-" in shown.content.decode()


# The grid ---------------------------------------------------------------------------------------


def test_the_start_is_the_vendors(ann: Client) -> None:
    assert ann.get(BASE).url == f"{BASE}vendors/"


def test_an_empty_grid_says_what_will_appear(ann: Client) -> None:
    page = text(ann, f"{BASE}vendors/")
    assert "After the first sync, what bills name appears here by itself." in page
    assert "has not been counted yet" in page


def test_a_row_shows_use_money_source_and_what_waits(ann: Client, tenant: Tenant) -> None:
    replace_vendors(tenant.pk, CO, [VendorRow(1, "ACME", "Acme Inc", inactive=True)])
    use(tenant, "v-1", 14, name="Acme <b>Corp</b>")
    UseCount.objects.create(
        tenant=tenant, since=builders.today(), counted_at=timezone.now(), bills=14
    )
    VendorMapping.objects.create(
        tenant=tenant, ramp_id="v-1", epicor_id="ACME", updated_by="zoe", source="import"
    )
    use(tenant, "v-2")
    block(make_posting(tenant, "b", hold_reason="vendor_unmapped"), "v-2", "Beta")
    page = text(ann, f"{BASE}vendors/")
    for words in [
        "Acme &lt;b&gt;Corp&lt;/b&gt;",
        "Acme Inc",
        "inactive in EPIC06",
        "14 bills",
        "1,400.00 USD",
        "import<br>",
        "zoe",
        "Not mapped",
        "1 bill waits",
        "120.00 USD",
        "<strong>1</strong> not mapped; <strong>1</strong> mapping.",
        "counts the 14 bills issued since",
    ]:
        assert words in page, words
    assert page.index("Vendor v-2") < page.index("Acme Inc")


def test_not_counted_is_another_thing_than_used_by_no_bill(ann: Client, tenant: Tenant) -> None:
    VendorMapping.objects.create(tenant=tenant, ramp_id="v-1", epicor_id="ACME")
    page = text(ann, f"{BASE}vendors/")
    assert "not counted</span>" in page
    assert page.index("identity (our id), appears after the count") < page.index("<table")
    assert "not counted" in text(ann, f"{BASE}vendors/row/?ramp_id=v-1")
    UseCount.objects.create(tenant=tenant, since="2026-01-01", counted_at=timezone.now(), bills=9)
    for page in (text(ann, f"{BASE}vendors/"), text(ann, f"{BASE}vendors/row/?ramp_id=v-1")):
        assert "no bill</span>" in page
        assert "not counted" not in page
        assert "after the count" not in page
    block(make_posting(tenant, "b", hold_reason="vendor_unmapped"), "v-1", "Acme")
    assert "not counted" in text(ann, f"{BASE}vendors/row/?ramp_id=v-1")  # came since


def test_the_grid_is_filtered_and_odd_queries_do_no_harm(ann: Client, tenant: Tenant) -> None:
    use(tenant, "v-1", name="Acme")
    use(tenant, "v-2", name="Beta")
    page = text(ann, f"{BASE}vendors/?start=ac")
    assert "v-1" in page
    assert "v-2" not in page
    for query in [
        "start=%01",
        "at=x",
        "at=b99999999999999999999",
        "at=c9999999",
        "at=b%C2%B2",
        "show=no",
        "company=%01",
        "source=' or 1=1",
    ]:
        text(ann, f"{BASE}vendors/?{query}")


@pytest.mark.parametrize("kind", ["gl_accounts", "cost_centers", "dimension:a/b c?"])
def test_every_kind_has_its_page(ann: Client, tenant: Tenant, kind: str) -> None:
    Dimension.objects.create(tenant=tenant, ramp_field="a/b c?", segment=2, kind="dimension:a/b c?")
    page = text(ann, f"{BASE}vendors/")
    link = f"{BASE}{kind.replace(' ', '%20').replace('?', '%3F')}/"
    assert f'href="{link}"' in page
    assert "After the first sync" in text(ann, link)
    assert save(ann, kind=kind.replace("?", "%3F"), epicor_id="01").status_code == 200


@pytest.mark.parametrize("page", ["colors/", "dimension:nothing/", "colors/edit/", "x/import/"])
def test_an_unknown_kind_is_not_found(ann: Client, page: str) -> None:
    assert ann.get(f"{BASE}{page}").status_code == 404


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


@pytest.mark.parametrize(
    "page",
    [
        "vendors/",
        "vendors/?show=unusable",
        "vendors/row/?ramp_id=v-1",
        "vendors/edit/?ramp_id=v-1",
        "vendors/history/?ramp_id=v-1",
        "vendors/references/?q=v",
        "vendors/what-if/",
        "vendors/import/",
        "approvals/",
    ],
)
def test_the_number_of_queries_does_not_grow(ann: Client, tenant: Tenant, page: str) -> None:
    replace_vendors(tenant.pk, CO, [VendorRow(n, f"T{n}", "x") for n in range(60)])
    require_approval(tenant.pk, needed=True, actor="boss")

    def add(first: int, last: int) -> None:
        for n in range(first, last):
            use(tenant, f"v-{n}", issued_id=f"T{n}")
            VendorMapping.objects.create(tenant=tenant, ramp_id=f"m-{n}", epicor_id=f"T{n}")
            block(make_posting(tenant, f"b{n}", hold_reason="vendor_unmapped"), f"w-{n}", "W")
            for ref in (f"v-{n}", f"m-{n}"):
                propose(tenant, ref, "T1" if n != 1 else "T2")

    add(1, 3)
    few = queries(ann, f"{BASE}{page}")
    add(3, 60)
    assert queries(ann, f"{BASE}{page}") <= few
    assert few <= 30  # two of them for every page: the second factor, the clock


def propose(
    tenant: Tenant, ramp_id: str, wanted: str, actor: str = "ann", company: str = ""
) -> int:
    said = decide(
        tenant.pk,
        "vendors",
        company=company,
        ramp_id=ramp_id,
        ramp_name="",
        epicor_id=wanted,
        actor=actor,
    )
    assert said.proposal is not None
    return said.proposal


def test_references_are_found_by_the_start_of_name_or_id(ann: Client, tenant: Tenant) -> None:
    use(tenant, "v-1", name="Acme")
    VendorMapping.objects.create(tenant=tenant, ramp_id="v-2", ramp_name="Alpha", epicor_id="A")
    items = ann.get(f"{BASE}vendors/references/?q=A").json()["items"]
    assert items == [
        {"id": "v-1", "name": "Acme", "note": "v-1 · not mapped"},
        {"id": "v-2", "name": "Alpha", "note": "v-2 · now → A"},
    ]


# Editing in place -------------------------------------------------------------------------------


def test_the_form_takes_the_place_of_the_row_and_the_row_comes_back(
    ann: Client, tenant: Tenant
) -> None:
    use(tenant, "v-1", name="Acme")
    form = text(ann, f"{BASE}vendors/edit/?ramp_id=v-1&company=")
    assert 'data-typeahead="/t/acme/targets/vendors/"' in form
    assert "autofocus" in form
    assert 'name="seen" value=""' in form
    answer = save(ann, ramp_name="Acme")
    assert answer.status_code == 200
    row = answer.content.decode()
    assert "data-then-next" in row
    assert 'data-announce="Saved: Acme → ACME."' in row
    mapping = VendorMapping.objects.get()
    assert (mapping.epicor_id, mapping.ramp_name, mapping.updated_by) == (
        "ACME",
        "Acme",
        "accountant",
    )
    assert "ACME" in text(ann, f"{BASE}vendors/row/?ramp_id=v-1")


def test_without_htmx_it_ends_on_the_grid(ann: Client, tenant: Tenant) -> None:
    answer = save(ann, part=False)
    assert (answer.status_code, answer.url) == (302, f"{BASE}vendors/")
    assert "Saved: v-1 → ACME." in text(ann, answer.url)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epicor_id": ""}, "Choose an Epicor target"),
        ({"epicor_id": "NOBODY"}, "No company has vendor &#x27;NOBODY&#x27;"),
        ({"company": "EPIC99"}, "Company &#x27;EPIC99&#x27; is not one of EPIC06"),
        ({"ramp_id": ""}, "The Ramp id (ramp_id) is blank"),
        ({"seen": "OLD"}, "is not mapped any more"),
    ],
)
def test_what_is_wrong_is_said_in_the_form(
    ann: Client, tenant: Tenant, values: dict[str, str], words: str
) -> None:
    replace_vendors(tenant.pk, CO, [VendorRow(1, "ACME", "Acme Inc")])
    for more in ({}, {"new": "1"}):
        answer = save(ann, **values, **more)
        assert answer.status_code == 422
        assert words in answer.content.decode()
    assert not VendorMapping.objects.exists()


def test_the_second_of_two_people_is_told_what_it_is_now(
    ann: Client, people: Login, tenant: Tenant
) -> None:
    assert save(ann, epicor_id="ONE").status_code == 200
    answer = save(ann, epicor_id="TWO")  # seen as not mapped
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "accountant changed the mapping of v-1 meanwhile: it is ONE now." in page
    assert 'name="seen" value="ONE"' in page
    assert target("v-1") == "ONE"


def test_a_double_click_changes_it_once(ann: Client, tenant: Tenant) -> None:
    assert save(ann).status_code == 200
    assert save(ann).status_code == 200
    assert AuditEntry.objects.filter(action="mapping_created").count() == 1


def test_saving_can_replay_what_waits_for_it(ann: Client, tenant: Tenant) -> None:
    waiting = make_posting(tenant, "b", hold_reason="vendor_unmapped")
    other = make_posting(tenant, "c", hold_reason="vendor_unmapped")
    block(waiting, "v-1", "Acme")
    block(other, "v-2", "Beta")
    form = text(ann, f"{BASE}vendors/edit/?ramp_id=v-1")
    assert "Save and replay 1 bill" in form
    answer = save(ann, replay="1")
    page = answer.content.decode()
    assert 'hx-swap-oob="afterbegin"' in page
    assert "Replay 1 bill that waited for Acme" in page
    waiting.refresh_from_db()
    other.refresh_from_db()
    assert (waiting.hold_reason, other.hold_reason) == ("", "vendor_unmapped")
    job = Job.objects.get(kind="replay")
    assert (job.actor, job.arguments) == ("accountant", {"ids": [waiting.pk]})


def test_saving_alone_leaves_the_bills(ann: Client, tenant: Tenant) -> None:
    block(make_posting(tenant, "b", hold_reason="vendor_unmapped"), "v-1", "Acme")
    save(ann)
    assert Posting.objects.get().hold_reason == "vendor_unmapped"
    assert not Job.objects.filter(kind="replay").exists()


def test_one_companys_mapping_replays_its_bills_only(ann: Client, tenant: Tenant) -> None:
    VendorMapping.objects.create(tenant=tenant, ramp_id="v-1", company="EPIC07", epicor_id="X")
    mine = make_posting(tenant, "b", hold_reason="vendor_unmapped")
    block(mine, "v-1", "Acme")
    theirs = make_posting(tenant, "c", hold_reason="vendor_unmapped", company="EPIC07")
    blocker = block(theirs, "v-1", "Acme")
    blocker.company = "EPIC07"
    blocker.save()
    save(ann, company=CO, replay="1")
    assert Job.objects.get(kind="replay").arguments == {"ids": [mine.pk]}


def test_a_reference_never_seen_is_added_in_a_dialog(ann: Client, tenant: Tenant) -> None:
    assert "Add a mapping" in text(ann, f"{BASE}vendors/edit/?new=1")
    answer = save(ann, new="1", ramp_id=" v-9 ", ramp_name="New Inc", company=CO)
    assert answer.headers["HX-Redirect"] == f"{BASE}vendors/"
    assert target("v-9", CO) == "ACME"
    again = save(ann, new="1", ramp_id="v-9", company=CO, epicor_id="OTHER")
    assert again.status_code == 422
    assert "it is ACME now" in again.content.decode()


def test_a_mapping_is_removed_after_asking(ann: Client, tenant: Tenant) -> None:
    save(ann)
    question = text(ann, f"{BASE}vendors/remove/?ramp_id=v-1")
    assert "Remove the mapping of v-1?" in question
    assert target("v-1") == "ACME"
    answer = save(ann, remove="1", epicor_id="", seen="ACME")
    assert "has no target any more" in answer.content.decode()
    assert target("v-1") == ""


def test_history_shows_who_when_and_the_difference(ann: Client, tenant: Tenant) -> None:
    save(ann, epicor_id="ONE")
    save(ann, epicor_id="TWO", seen="ONE")
    page = text(ann, f"{BASE}vendors/history/?ramp_id=v-1")
    assert "Changed</strong> by accountant" in page
    assert "<s>ONE</s> → <strong>TWO</strong>" in page
    assert page.index("TWO") < page.index("Mapped</strong>")
    assert "Nobody has mapped it yet" in text(ann, f"{BASE}vendors/history/?ramp_id=v-2")


# Who may do what --------------------------------------------------------------------------------

LOOK = [
    "",
    "vendors/",
    "vendors/row/?ramp_id=v",
    "vendors/history/?ramp_id=v",
    "vendors/references/?q=v",
    "vendors/what-if/",
    "approvals/",
]
MAP_GET = ["vendors/edit/?ramp_id=v", "vendors/remove/?ramp_id=v", "vendors/import/"]
POSTS = {
    "vendors/save/": {"accountant"},
    "vendors/count/": {"accountant"},
    "vendors/import/upload/": {"accountant"},
    "vendors/export/": {"accountant", "auditor"},
    "vendors/what-if/ask/": {"accountant", "admin", "approver", "auditor"},
    "approvals/decide/": {"approver"},
    "approvals/rule/": {"admin"},
}
ROLES = ["admin", "accountant", "approver", "auditor"]


@pytest.mark.parametrize("page", [*LOOK, *MAP_GET])
@pytest.mark.parametrize("role", [*ROLES, "stranger"])
def test_who_may_look(people: Login, tenant: Tenant, role: str, page: str) -> None:
    status = people(role).get(f"{BASE}{page}").status_code
    if role == "stranger":
        assert status == 404
    elif page in MAP_GET and role != "accountant":
        assert status == 403
    else:
        assert status in (200, 302)


@pytest.mark.parametrize("page", POSTS)
@pytest.mark.parametrize("role", [*ROLES, "stranger"])
def test_who_may_act(people: Login, tenant: Tenant, role: str, page: str) -> None:
    answer = people(role).post(f"{BASE}{page}", {"ramp_id": "v", "epicor_id": "A", "days": "3"})
    if role == "stranger":
        assert answer.status_code == 404
    elif role in POSTS[page]:
        assert answer.status_code in (200, 302, 422)
    else:
        assert answer.status_code == 403
    assert people(role).get(f"{BASE}{page}").status_code in (404, 405)


@pytest.mark.parametrize("page", [*POSTS, "imports/1/import/", "imports/1/again/"])
def test_every_act_needs_the_forms_token(tenant: Tenant, page: str) -> None:
    user = builders.make_people(tenant)["accountant"]
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.post(f"{BASE}{page}").status_code == 403


def test_who_may_not_map_sees_the_grid_without_its_acts(people: Login, tenant: Tenant) -> None:
    use(tenant, "v-1")
    page = text(people("auditor"), f"{BASE}vendors/")
    assert "Vendor v-1" in page
    for act in ("/edit/", "/import/", "Add a mapping", "/count/"):
        assert act not in page
    assert "Export CSV" in page
    assert "Export CSV" not in text(people("approver"), f"{BASE}vendors/")


def test_looking_changes_nothing(ann: Client, tenant: Tenant) -> None:
    use(tenant, "v-1")
    job = mapping_import.request_preview(tenant, "vendors", "m.csv", [], actor="ann")
    before = [list(model.objects.values()) for model in (Job, AuditEntry, VendorMapping)]
    for page in [*LOOK, *MAP_GET, f"imports/{job.pk}/"]:
        assert ann.get(f"{BASE}{page}").status_code in (200, 302)
    assert before == [list(model.objects.values()) for model in (Job, AuditEntry, VendorMapping)]


# Files ------------------------------------------------------------------------------------------


def test_a_file_is_looked_at_and_then_imported(ann: Client, tenant: Tenant) -> None:
    posting = make_posting(tenant, "b", hold_reason="vendor_unmapped")
    block(posting, "v-2", "Beta")
    VendorMapping.objects.create(tenant=tenant, ramp_id="v-1", epicor_id="OLD")
    answer = upload(ann, f"{CSV}v-1,Acme,ACME,,\nv-2,Beta,BETA,,\n")
    page = text(ann, answer.url)
    assert "Clears 1 bill, " in page
    assert "120.00 USD" in page
    assert "Import 2 rows: 1 new, 1 changed; replay 1 bill<" in page
    assert target("v-1") == "OLD"
    assert '<s class="mc-id">OLD</s>' in page  # what changes comes first
    assert 'class="mc-id">v-1' not in page  # a name is shown without its id
    assert "clears 1 bill" in text(ann, f"{answer.url}?effect=new")
    done = ann.post(f"{answer.url}import/", {"replay": "1"})
    told = text(ann, done.url)
    assert "1 new, 1 changed, 0 as they were. 1 bill is tried again." in told
    assert (target("v-1"), target("v-2")) == ("ACME", "BETA")
    posting.refresh_from_db()
    assert posting.hold_reason == ""
    assert ann.post(f"{answer.url}import/").url == done.url  # the second click
    assert "imported already, and the file is not kept" in text(ann, answer.url)
    assert ann.post(f"{answer.url}again/").url == answer.url


def test_a_file_that_calls_a_target_otherwise_is_shown_epicors_name_and_the_money(
    ann: Client, tenant: Tenant
) -> None:
    vendors = [VendorRow(1, "WAYNE", "Wayne Logistics"), VendorRow(2, "ACME", "Acme Brick")]
    replace_vendors(tenant.pk, CO, vendors)
    VendorMapping.objects.create(tenant=tenant, ramp_id="v-1", epicor_id="WAYNE")
    use(tenant, "v-1", bills=12)
    use(tenant, "v-2", bills=5)
    lines = "v-1,Wayne,ACME,Wayne Logistics,\nv-2,Acme,ACME,ACME  brick,\n"
    answer = upload(ann, f"{CSV}{lines}")
    page = " ".join(text(ann, answer.url).split())
    assert "In 1 row the name differs from Epicor" in page
    assert "The targets that change were used by 12 bills, " in page
    assert "In Epicor it is <strong>Acme Brick</strong>; the file says Wayne Logistics." in page
    assert '<s class="mc-id">WAYNE</s> Wayne Logistics' in page
    assert "Used by 12 bills" in page
    assert "new ones go to <strong>Acme Brick</strong>" in page
    assert ">Import 2 rows: 1 new, 1 changed</button>" in page
    page = text(ann, f"{answer.url}?effect=new")
    assert "Name in Epicor" not in page  # but for capitals and spaces it is the same
    assert "Named by 5 bills" in page


def test_an_import_leaves_the_bills_if_the_person_wants_that(ann: Client, tenant: Tenant) -> None:
    posting = make_posting(tenant, "b", hold_reason="vendor_unmapped")
    block(posting, "v-2", "Beta")
    answer = upload(ann, f"{CSV}v-2,Beta,BETA,,\n")
    assert "Import without the replay" in text(ann, answer.url)
    assert "tried again" not in text(ann, ann.post(f"{answer.url}import/").url)
    assert "frees" not in text(ann, answer.url)  # it is done


def test_the_queries_of_a_preview_do_not_grow(ann: Client, tenant: Tenant) -> None:
    replace_vendors(tenant.pk, CO, [VendorRow(n, f"T{n}", "x") for n in range(60)])

    def queries_of(first: int, last: int) -> int:
        for n in range(first, last):
            use(tenant, f"v-{n}")
            block(make_posting(tenant, f"b{n}", hold_reason="vendor_unmapped"), f"v-{n}", "W")
            VendorMapping.objects.create(tenant=tenant, ramp_id=f"v-{n}", epicor_id="T0")
        lines = "".join(f"v-{n},,T{n},,\n" for n in range(1, last))
        return queries(ann, upload(ann, CSV + lines).url)

    few = queries_of(1, 3)
    assert queries_of(3, 60) == few
    assert few <= 25


def test_wrong_rows_are_named_and_nothing_can_be_imported(ann: Client, tenant: Tenant) -> None:
    answer = upload(ann, f"{CSV}v-1,Acme,ACME,,\n,Beta,BETA,,\nv-3,,,,\n")
    page = text(ann, answer.url)
    assert "2 rows are wrong, so nothing can be imported." in page
    assert "The Ramp id (ramp_id) is blank" in page
    assert "The Epicor target (epicor_id) is blank" in page
    assert '/import/"' not in page.replace("vendors/import/", "")
    told = ann.post(f"{answer.url}import/", follow=True).content.decode()
    assert "cannot be imported as they are; nothing was changed" in told
    assert not VendorMapping.objects.exists()


def test_what_changed_meanwhile_is_told_and_can_be_looked_at_again(
    ann: Client, tenant: Tenant
) -> None:
    answer = upload(ann, f"{CSV}v-1,Acme,ACME,,\n")
    save(ann, epicor_id="OTHER")
    done = ann.post(f"{answer.url}import/")
    page = text(ann, done.url)
    assert "row 2 (v-1: was not mapped, is OTHER)" in page
    assert target("v-1") == "OTHER"
    again = ann.post(f"{answer.url}again/")
    assert '<s class="mc-id">OTHER</s>' in text(ann, again.url)
    ann.post(f"{again.url}import/")
    assert target("v-1") == "ACME"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.txt", CSV, "neither .csv nor .xlsx"),
        ("m.csv", "a,b\n", "lacks ramp_id"),
        ("m.csv", CSV, "has a header and no rows"),
        ("m.xlsx", "nonsense", "not a readable Excel workbook"),
        ("m.csv", f"{CSV}{'x' * 5_000_000}", "larger than 5 MB"),
        ("m.csv", CSV + "v,,A,,\n" * 20_001, "more than 20,000 rows"),
    ],
)
def test_a_file_that_cannot_be_used_is_explained(
    ann: Client, tenant: Tenant, name: str, content: str, words: str
) -> None:
    answer = upload(ann, content, name)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Job.objects.exists()


def test_no_file_at_all_is_explained(ann: Client, tenant: Tenant) -> None:
    answer = ann.post(f"{BASE}vendors/import/upload/")
    assert (answer.status_code, "Choose a file first" in answer.content.decode()) == (422, True)


def test_a_big_file_is_looked_at_by_a_worker(ann: Client, tenant: Tenant) -> None:
    lines = "".join(f"v-{n},,A,,\n" for n in range(1001))
    answer = upload(ann, f"{CSV}{lines}")
    page = text(ann, answer.url)
    assert 'hx-trigger="every 1s"' in page
    job = Job.objects.get()
    assert runner.run(job.pk)
    page = ann.get(answer.url, headers=HX).content.decode()
    assert "<html" not in page
    assert "Import 1,001 rows" in page
    assert "page=2" in page
    assert len(page) < 100_000
    done = ann.post(f"{answer.url}import/")
    assert "being imported" in text(ann, done.url)
    assert runner.run(Job.objects.get(kind=mapping_import.IMPORT).pk)
    assert "1,001 new" in text(ann, done.url)


@pytest.mark.parametrize("page", ["imports/{}/", "imported/{}/", "what-if/{}/"])
def test_another_tenants_jobs_are_not_found(ann: Client, tenant: Tenant, page: str) -> None:
    other = builders.make_tenant("other")
    kind = {"i": mapping_import.PREVIEW, "w": "what_if"}.get(page[0], mapping_import.IMPORT)
    now = timezone.now()
    theirs = Job.objects.create(
        tenant=other, kind=kind, title="x", actor="x", created_at=now, run_at=now
    )
    assert ann.get(f"{BASE}{page.format(theirs.pk)}").status_code == 404
    assert ann.get(f"{BASE}{page.format(10**30)}").status_code == 404
    assert ann.post(f"{BASE}imports/{theirs.pk}/import/").status_code == 404


def test_an_export_is_on_the_record_and_comes_back(people: Login, tenant: Tenant) -> None:
    VendorMapping.objects.create(tenant=tenant, ramp_id="v-1", ramp_name="=1+1", epicor_id="A")
    auditor = people("auditor")
    answer = auditor.post(f"{BASE}vendors/export/", {"format": "csv"})
    assert answer.content.decode("utf-8-sig") == f"{CSV}v-1,'=1+1,A,,\n"
    assert 'attachment; filename="acme-vendors-' in answer.headers["Content-Disposition"]
    book = auditor.post(f"{BASE}vendors/export/", {"format": "xlsx"})
    sheet = openpyxl.load_workbook(io.BytesIO(book.content)).active
    assert [cell.value for cell in sheet[2]][:3] == ["v-1", "'=1+1", "A"]
    entries = AuditEntry.objects.filter(action="mapping_exported")
    assert [(one.actor, one.body["rows"]) for one in entries] == [("auditor", 1)] * 2
    assert upload(people("accountant"), answer.content.decode("utf-8-sig")).status_code == 302


# Approvals --------------------------------------------------------------------------------------


@pytest.fixture
def strict(tenant: Tenant) -> Tenant:
    require_approval(tenant.pk, needed=True, actor="boss")
    return tenant


def test_a_change_waits_and_another_person_approves_it(
    people: Login, ann: Client, strict: Tenant
) -> None:
    posting = make_posting(strict, "b", hold_reason="vendor_unmapped")
    block(posting, "v-1", "Acme")
    form = text(ann, f"{BASE}vendors/edit/?ramp_id=v-1")
    assert "Propose" in form
    assert "Save and replay" not in form
    assert "Proposed: Acme → ACME" in save(ann, replay="1").content.decode()
    assert target("v-1") == ""
    assert "Waits for approval" in text(ann, f"{BASE}vendors/")
    pat = people("approver")
    page = text(pat, f"{BASE}approvals/")
    assert "clears 1 bill" in page
    assert "not mapped" in page
    pk = ProposedMapping.objects.get().pk
    said = pat.post(
        f"{BASE}approvals/decide/", {"pick": pk, "decision": "approve"}, follow=True
    ).content.decode()
    assert "1 change approved." in said
    assert target("v-1") == "ACME"
    assert "Decided lately" in said


def test_a_changed_target_shows_both_names_and_what_went_through_it(
    people: Login, ann: Client, strict: Tenant
) -> None:
    replace_vendors(
        strict.pk, CO, [VendorRow(1, "HAAS", "Haas Robotics"), VendorRow(2, "ACME", "Acme Brick")]
    )
    VendorMapping.objects.create(tenant=strict, ramp_id="v-1", epicor_id="HAAS")
    propose(strict, "v-1", "ACME")
    pat = people("approver")
    page = text(pat, f"{BASE}approvals/")
    assert "How many bills used it is not counted yet." in page
    UseCount.objects.create(tenant=strict, since="2026-01-01", counted_at=timezone.now(), bills=20)
    assert "Used by no bill in the last year." in text(pat, f"{BASE}approvals/")
    use(strict, "v-1", bills=12, sums={"EUR": "41200.00"})
    page = " ".join(text(pat, f"{BASE}approvals/").split())
    assert "Used by 12 bills</strong>" in page
    assert "41,200.00 EUR" in page
    assert "in the last year; new ones go to <strong>Acme Brick</strong>" in page
    assert '<s class="mc-id">HAAS</s> Haas Robotics' in page
    asked = f"{BASE}vendors/what-if/?ramp_id=v-1&amp;company=&amp;epicor_id=ACME"
    assert f'href="{asked}">What would it have changed?' in page
    form = text(pat, asked.replace("&amp;", "&"))
    assert 'value="ACME Acme Brick"' in form
    assert '<input type="hidden" name="epicor_id" value="ACME">' in form


def test_a_company_with_a_mapping_of_its_own_is_not_counted_for_all(
    people: Login, ann: Client, strict: Tenant
) -> None:
    VendorMapping.objects.create(tenant=strict, ramp_id="v-1", epicor_id="HAAS")
    VendorMapping.objects.create(tenant=strict, company="B", ramp_id="v-1", epicor_id="OWN")
    use(strict, "v-1", bills=3)
    use(strict, "v-1", bills=4, company="B")
    propose(strict, "v-1", "")
    page = " ".join(text(people("approver"), f"{BASE}approvals/").split())
    assert "Used by 3 bills" in page
    assert "new ones will wait" in page
    form = text(ann, f"{BASE}vendors/what-if/?ramp_id=v-1&remove=1")
    assert 'name="remove" value="1" checked' in form


def test_a_change_of_what_a_vendor_stands_for_shows_both(
    people: Login, ann: Client, strict: Tenant
) -> None:
    rows = [VendorRow(1, "DELOS", "Delos Inc"), VendorRow(2, "ACME", "Acme Brick")]
    replace_vendors(strict.pk, CO, rows)
    add_issued(strict.pk, "vendors", ["DELOS"])
    use(strict, "v-1", issued_id="DELOS")
    VendorMapping.objects.create(tenant=strict, company=CO, ramp_id="v-1", epicor_id="ACME")
    propose(strict, "v-1", "ACME")
    propose(strict, "v-1", "", company=CO)
    page = " ".join(text(people("approver"), f"{BASE}approvals/").split())
    assert "not mapped" not in page
    assert '<s class="mc-id">DELOS</s> Delos Inc <span class="mc-note">its own id' in page
    assert '<strong class="mc-id">DELOS</strong> <strong>Delos Inc</strong>' in page
    assert "its own id, which our upload gave to Ramp, once its mapping is removed" in page
    add_issued(strict.pk, "vendors", ["OTHER"])
    ReferenceUse.objects.update(issued_id="OTHER")
    page = text(people("approver"), f"{BASE}approvals/")
    assert "By now OTHER: reject it and propose it again." in page
    form = text(ann, f"{BASE}vendors/what-if/?ramp_id=v-1&company=EPIC07")
    assert "now → OTHER" in form
    assert "its own id, which our upload gave to Ramp" in form
    dialog = text(ann, f"{BASE}vendors/remove/?ramp_id=v-1&company={CO}")
    assert "New bills that name it then get" in dialog


def test_approval_needs_somebody_who_approves(people: Login, tenant: Tenant) -> None:
    admin = people("admin")
    Membership.objects.filter(role="approver").delete()
    said = admin.post(f"{BASE}approvals/rule/", {"needed": "yes"}, follow=True).content.decode()
    assert "Nobody in Acme is an approver" in said
    assert not MappingRules.objects.filter(needs_approval=True).exists()


def test_the_last_approver_stays_while_changes_need_one(people: Login, tenant: Tenant) -> None:
    admin = people("admin")
    admin.post(f"{BASE}approvals/rule/", {"needed": "yes"})
    only = Membership.objects.get(tenant=tenant, role="approver")
    said = admin.post(f"/t/acme/people/{only.pk}/remove", follow=True).content.decode()
    assert "is the last approver of Acme and cannot be removed while" in said
    assert Membership.objects.filter(pk=only.pk).exists()
    admin.post(f"{BASE}approvals/rule/", {"needed": "no"})
    admin.post(f"/t/acme/people/{only.pk}/remove", follow=True)
    assert not Membership.objects.filter(pk=only.pk).exists()


def test_an_approver_is_told_that_changes_of_others_wait(
    people: Login, ann: Client, strict: Tenant
) -> None:
    pat = people("approver")
    assert "for you</a>" not in text(pat, "/t/acme/")
    propose(strict, "v-1", "ACME")
    propose(strict, "v-2", "ACME")
    propose(strict, "v-3", "ACME", actor="approver")  # cannot approve it
    page = text(pat, "/t/acme/")
    assert "<strong>2</strong> mapping changes wait for you</a>" in page
    assert "for you</a>" not in text(ann, "/t/acme/")
    with CaptureQueriesContext(connection) as seen:
        text(pat, "/t/acme/bills/")
    assert sum("proposedmapping" in one["sql"] for one in seen) == 1


def test_ones_own_proposal_is_shown_and_cannot_be_picked(people: Login, strict: Tenant) -> None:
    pk = propose(strict, "v-1", "A", actor="approver")
    pat = people("approver")
    page = text(pat, f"{BASE}approvals/")
    assert "You proposed this yourself." in page
    assert f'value="{pk}" data-pick aria-label="Pick v-1" disabled' in page
    said = pat.post(f"{BASE}approvals/decide/", {"pick": pk, "decision": "approve"}, follow=True)
    assert "You proposed this yourself. Nothing was changed" in said.content.decode()
    assert target("v-1") == ""


def test_several_are_decided_and_the_refused_are_told(people: Login, strict: Tenant) -> None:
    VendorMapping.objects.create(tenant=strict, ramp_id="v-1", epicor_id="A", updated_by="approver")
    picks = [propose(strict, "v-1", "B"), propose(strict, "v-2", "B"), 999_999, "x", 10**30]
    said = people("approver").post(
        f"{BASE}approvals/decide/", {"pick": picks, "decision": "reject"}, follow=True
    )
    page = said.content.decode()
    assert "1 change rejected." in page
    assert "3 not rejected: You were the last to edit this mapping." in page
    assert ProposedMapping.objects.filter(approved=False).count() == 1


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"pick": "1"},
        {"pick": "1", "decision": "burn"},
        {"pick": "²", "decision": "approve"},
    ],
)
def test_nothing_picked_decides_nothing(people: Login, strict: Tenant, sent: dict) -> None:
    propose(strict, "v-1", "A")
    said = people("approver").post(f"{BASE}approvals/decide/", sent, follow=True)
    assert "Pick what you want to decide first." in said.content.decode()
    assert ProposedMapping.objects.get().approved is None


@pytest.mark.parametrize("digits", [19, 30, 5000])
def test_a_number_that_no_proposal_has_is_told_as_gone(
    people: Login, strict: Tenant, digits: int
) -> None:
    sent = {"pick": "9" * digits, "decision": "approve"}
    said = people("approver").post(f"{BASE}approvals/decide/", sent, follow=True)
    assert "1 not approved: " in said.content.decode()


def test_another_tenants_proposal_cannot_be_decided(people: Login, tenant: Tenant) -> None:
    other = builders.make_tenant("other")
    require_approval(other.pk, needed=True, actor="boss")
    pk = propose(other, "v-1", "A")
    pat = people("approver")
    assert "v-1" not in text(pat, f"{BASE}approvals/")
    pat.post(f"{BASE}approvals/decide/", {"pick": pk, "decision": "approve"})
    assert ProposedMapping.objects.get().approved is None


def test_an_administrator_switches_approval(people: Login, tenant: Tenant) -> None:
    boss = people("admin")
    on = boss.post(f"{BASE}approvals/rule/", {"needed": "yes"}, follow=True).content.decode()
    assert "once somebody else has approved it" in on
    assert MappingRules.objects.get().needs_approval
    propose(tenant, "v-1", "A")
    assert "1 change that waits stays on this list" in text(boss, f"{BASE}approvals/")
    off = boss.post(f"{BASE}approvals/rule/", {"needed": "no"}, follow=True).content.decode()
    assert "1 change that waits stays on the list" in off
    entry = AuditEntry.objects.filter(action="mapping_rules").latest("at")
    assert (entry.actor, entry.changes) == ("admin", {"needs_approval": [True, False]})


# What if ----------------------------------------------------------------------------------------


def test_a_what_if_is_asked_and_shown(ann: Client, tenant: Tenant) -> None:
    use(tenant, "v-1", name="Acme")
    answer = ann.post(
        f"{BASE}vendors/what-if/ask/", {"ramp_id": "v-1", "epicor_id": "B", "days": "30"}
    )
    page = text(ann, answer.url)
    assert "What if Acme were mapped to B, over the last 30 days" in page
    assert 'hx-trigger="every 1s"' in page
    job = Job.objects.get()
    assert runner.run(job.pk)
    result = {
        "looked_at": 3,
        "bills": 1,
        "entered": 1,
        "sums": {"USD": "120.00"},
        "examples": [
            {
                "bill_id": "b1",
                "number": "INV-1",
                "vendor": "Acme <b>",
                "issued_on": "2026-11-02",
                "amount": "120.00",
                "currency": "USD",
                "entered": True,
                "fields": [{"field": "vendor", "before": "A", "after": "B"}],
            }
        ],
    }
    Job.objects.update(details=result)
    page = ann.get(answer.url, headers=HX).content.decode()
    for words in ["1 bill<", "120.00 USD", "Acme &lt;b&gt;", "<s>A</s> → <strong>B</strong>"]:
        assert words in page, words
    assert "is in Epicor already and would stay as it is" in page
    assert "every 1s" not in page


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"days": "30"}, "Say which reference"),
        ({"ramp_id": "v-1", "days": "30"}, "Choose an Epicor target"),
        ({"ramp_id": "v-1", "epicor_id": "B", "days": "0"}, "between 1 and 365"),
        ({"ramp_id": "v-1", "epicor_id": "B", "days": "-3"}, "between 1 and 365"),
        ({"ramp_id": "v-1", "epicor_id": "B", "days": "x"}, "between 1 and 365"),
        ({"ramp_id": "v-1", "epicor_id": "B", "company": "C" * 17, "days": "3"}, "longer than 16"),
    ],
)
def test_a_what_if_that_makes_no_sense_is_refused(
    ann: Client, tenant: Tenant, sent: dict[str, str], words: str
) -> None:
    answer = ann.post(f"{BASE}vendors/what-if/ask/", sent)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Job.objects.exists()


def test_what_was_asked_before_can_be_come_back_to(ann: Client, tenant: Tenant) -> None:
    other = builders.make_tenant("other")
    now = timezone.now()
    Job.objects.create(
        tenant=other, kind="what_if", title="Theirs", actor="x", created_at=now, run_at=now
    )
    asked = ann.post(
        f"{BASE}vendors/what-if/ask/", {"ramp_id": "v-1", "epicor_id": "B", "days": "30"}
    )
    looked = upload(ann, f"{CSV}v-1,Acme,ACME,,\n")
    done = ann.post(f"{looked.url}import/")
    page = text(ann, f"{BASE}vendors/what-if/")
    assert f'href="{asked.url}"' in page
    assert "under way" in page
    assert "Theirs" not in page
    page = text(ann, f"{BASE}vendors/import/")
    assert f'href="{looked.url}"' in page
    assert f'href="{done.url}"' in page


def test_a_what_if_takes_a_whole_file_and_a_removal(ann: Client, tenant: Tenant) -> None:
    file = io.BytesIO(f"{CSV}v-1,,A,,\nv-2,,B,,\n".encode())
    file.name = "m.csv"
    ann.post(f"{BASE}vendors/what-if/ask/", {"file": file, "days": "30"})
    second = {"ramp_id": "v-2", "remove": "1", "days": "30"}
    told = ann.post(f"{BASE}vendors/what-if/ask/", second).content.decode()
    assert "You have another one under way" in told
    assert runner.run(Job.objects.get().pk)
    ann.post(f"{BASE}vendors/what-if/ask/", {"ramp_id": "v-1", "remove": "1", "days": "30"})
    gone, many = Job.objects.all()
    assert many.arguments["wishes"] == [["", "v-1", "A"], ["", "v-2", "B"]]
    assert gone.arguments["wishes"] == [["", "v-1", ""]]
    assert gone.title == "What if v-1 had no target, over the last 30 days"


def test_counting_can_be_asked_for(ann: Client, tenant: Tenant) -> None:
    make_posting(tenant, "b", issued_on=builders.today(), amount=Decimal(5))
    ann.post(f"{BASE}vendors/count/")
    assert Job.objects.get().kind == "count_uses"
    assert "Being counted now." in text(ann, f"{BASE}vendors/")
