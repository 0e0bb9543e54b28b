"""Map and replay in one click: validated like a row of a file, once, and every bill goes on."""

import html
from typing import Any

import pytest
from django.test import Client

from audit.ledger.models import Blocker, Posting
from audit.trail.models import AuditEntry
from connector.jobs.models import Job
from connector.tenants.models import EntityRoute, Tenant
from connector.web import layout
from connector.web.actions import map_and_replay as mapping_act
from mappings.models import EpicorVendor, MappingRules, VendorMapping
from tests import builders
from tests.web.rows import block, make_posting

HTMX = {"HX-Request": "true"}
CAUSE = {"cause": "vendor_unmapped", "kind": "vendors", "ref": "v-1", "at": "EPIC06"}


@pytest.fixture
def client(tenant: Tenant, held: Posting) -> Client:
    client = Client()
    client.force_login(builders.make_user("ann", tenant, "accountant"))
    EpicorVendor.objects.create(
        tenant=tenant, company="EPIC06", vendor_num=7, vendor_id="ACME", name="Acme Inc."
    )
    return client


def post(client: Client, status: int = 200, **values: Any) -> str:
    sent = {**CAUSE, "scope": "one", "place": "exceptions", "ramp_name": "Acme", **values}
    answer = client.post("/t/acme/acts/map/", sent, headers=HTMX)
    assert answer.status_code == status, answer.content.decode()[:2000]
    return html.unescape(answer.content.decode())


def test_the_mapping_counts_and_all_bills_of_the_cause_go_on(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    second = make_posting(tenant, "two", hold_reason="vendor_unmapped")
    block(second, "v-1", "Acme")
    block(second, "v-1", "Acme")
    other = make_posting(tenant, "other", hold_reason="vendor_unmapped")
    block(other, "v-2", "Other")
    done = post(client, target="ACME", source="suggestion")
    mapping = VendorMapping.objects.get()
    assert (mapping.company, mapping.ramp_id, mapping.epicor_id) == ("EPIC06", "v-1", "ACME")
    assert (mapping.epicor_name, mapping.updated_by) == ("Acme Inc.", "ann")
    assert mapping.source == "suggestion"
    assert AuditEntry.objects.filter(action="mapping_created", actor="ann").count() == 1
    job = Job.objects.exclude(actor="system").get()
    assert sorted(job.arguments["ids"]) == sorted([held.pk, second.pk])
    assert "2 bills, 240.00 USD, after mapping Acme" in job.title
    assert "Acme is now ACME in EPIC06." in done
    assert f'id="job-{job.pk}"' in done
    other.refresh_from_db()
    assert other.hold_reason == "vendor_unmapped"


def test_a_second_click_changes_nothing_and_shows_the_first_ones_bills(client: Client) -> None:
    post(client, target="ACME")
    again = post(client, target="ACME")
    job = Job.objects.exclude(actor="system").get()
    assert f'id="job-{job.pk}"' in again
    assert VendorMapping.objects.count() == 1
    assert AuditEntry.objects.filter(action="posting.replayed").count() == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"target": "NOBODY"}, "has no vendor 'NOBODY'"),
        ({"target": ""}, "Choose what it is in Epicor"),
        ({"target": "x" * 300}, "at most 255"),
        ({"target": "ACME", "scope": "zz"}, "Select a valid choice"),
        ({"target": "ACME", "cause": "refused", "kind": "", "ref": ""}, "not settled by a mapping"),
        ({"target": "ACME", "cause": "zz"}, "not settled by a mapping"),
        ({"target": "ACME", "ref": ""}, "not settled by a mapping"),
        ({"target": "X", "cause": "dimension_unmapped", "kind": "dimension:zz"}, "no mapping kind"),
    ],
)
def test_what_cannot_be_mapped_is_said_and_nothing_is_half_done(
    client: Client, held: Posting, values: dict[str, Any], said: str
) -> None:
    assert said in post(client, status=422, **values)
    assert not VendorMapping.objects.exists()
    assert not Job.objects.exists()
    held.refresh_from_db()
    assert held.hold_reason == "vendor_unmapped"


def test_for_every_company_frees_the_bills_of_all(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    EntityRoute.objects.create(tenant=tenant, ramp_entity_id="e-7", company="EPIC07")
    seven = make_posting(tenant, "seven", hold_reason="vendor_unmapped")
    block(seven, "v-1", "Acme")
    Blocker.objects.filter(posting=seven).update(company="EPIC07")
    post(client, target="ACME", scope="one")
    seven.refresh_from_db()
    assert seven.hold_reason == "vendor_unmapped"
    said = post(client, status=422, target="ACME", scope="all")
    assert "EPIC06 has a mapping of its own" in said
    VendorMapping.objects.all().delete()
    post(client, target="ACME", scope="all")
    assert VendorMapping.objects.get().company == ""
    seven.refresh_from_db()
    assert seven.hold_reason == ""


def test_a_colleagues_mapping_is_not_overwritten_unseen(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    EntityRoute.objects.create(tenant=tenant, ramp_entity_id="e-7", company="EPIC07")
    values = {"company": "EPIC06", "vendor_num": 8, "vendor_id": "BETA", "name": "Beta"}
    EpicorVendor.objects.create(tenant=tenant, **values)
    shown = client.get("/t/acme/exceptions/cause/", CAUSE).content.decode()
    assert 'name="seen_one" value=""' in shown
    mapping = VendorMapping.objects.create(
        tenant=tenant, company="EPIC06", ramp_id="v-1", epicor_id="BETA", updated_by="bob"
    )
    said = post(client, status=422, target="ACME", seen_one="", seen_all="ACME")
    assert "bob changed the mapping of Acme meanwhile: it is BETA now." in said
    mapping.refresh_from_db()
    assert mapping.epicor_id == "BETA"
    held.refresh_from_db()
    assert held.hold_reason == "vendor_unmapped"
    shown = client.get("/t/acme/exceptions/cause/", CAUSE).content.decode()
    assert 'name="seen_one" value="BETA"' in shown
    post(client, target="ACME", seen_one="BETA")
    mapping.refresh_from_db()
    assert mapping.epicor_id == "ACME"


def test_a_colleagues_mapping_for_every_company_is_not_overwritten_unseen(
    client: Client, tenant: Tenant
) -> None:
    mapping = VendorMapping.objects.create(
        tenant=tenant, company="", ramp_id="v-1", epicor_id="BETA", updated_by="bob"
    )
    said = post(client, status=422, target="ACME", scope="all", seen_one="BETA")
    assert "it is BETA now" in said
    post(client, target="ACME", scope="all", seen_all="BETA")
    mapping.refresh_from_db()
    assert mapping.epicor_id == "ACME"


def test_each_scope_says_how_many_bills_it_frees(
    client: Client, tenant: Tenant, held: Posting, monkeypatch: pytest.MonkeyPatch
) -> None:
    EntityRoute.objects.create(tenant=tenant, ramp_entity_id="e-6", company="EPIC06")
    EntityRoute.objects.create(tenant=tenant, ramp_entity_id="e-7", company="EPIC07")
    for number in range(2):
        posting = make_posting(tenant, f"s{number}", hold_reason="vendor_unmapped")
        block(posting, "v-1", "Acme")
        Blocker.objects.filter(posting=posting).update(company="EPIC07")
    shown = client.get("/t/acme/exceptions/cause/", CAUSE).content.decode()
    assert "EPIC06 only: 1 bill</option>" in shown
    assert "every Epicor company: 3 bills</option>" in shown
    monkeypatch.setattr(mapping_act, "MOST", 2)
    said = post(client, target="ACME", scope="all")
    assert "2 bills are tried again at once; 1 more wait for it" in said
    assert len(Job.objects.exclude(actor="system").get().arguments["ids"]) == 2


def test_who_may_map_but_not_replay_is_told_what_is_left(
    client: Client, held: Posting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "may", lambda request, capability: capability != "replay")
    assert "Replay the bills that waited for it." in post(client, target="ACME")
    held.refresh_from_db()
    assert held.hold_reason == "vendor_unmapped"


def test_where_mappings_need_approval_nothing_counts_at_once(
    client: Client, tenant: Tenant, held: Posting
) -> None:
    MappingRules.objects.create(tenant=tenant, needs_approval=True)
    said = client.post("/t/acme/acts/map/", {**CAUSE, "scope": "one", "target": "ACME"})
    assert "approval" in client.get(said.url).content.decode()
    assert not VendorMapping.objects.exists()
    held.refresh_from_db()
    assert held.hold_reason == "vendor_unmapped"


def test_without_scripts_the_page_comes_back_with_the_sentence(client: Client) -> None:
    sent = {**CAUSE, "scope": "one", "target": "NOBODY", "to": "/t/acme/exceptions/?who=mine"}
    answer = client.post("/t/acme/acts/map/", sent)
    assert (answer.status_code, answer.url) == (302, "/t/acme/exceptions/?who=mine")
    assert "has no vendor" in client.get(answer.url).content.decode()
    answer = client.post("/t/acme/acts/map/", {**sent, "target": "ACME"})
    assert answer.url == f"/t/acme/activity/{Job.objects.exclude(actor='system').get().pk}/"
