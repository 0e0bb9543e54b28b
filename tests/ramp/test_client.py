import datetime as dt

import pytest

from connector.domain.errors import (
    AccessError,
    RejectedError,
    TransientError,
    UncertainOutcomeError,
)
from connector.http_client.models import AccessToken, RequestSlot
from connector.ramp.bills import parse_bill
from connector.ramp.client import api_base
from connector.ramp.errors import NotFoundError, NotOfferedError, NotReadyError
from connector.tenants.ramp_connection import address_hint, connect_ramp
from sandbox.wire import json_response
from tests.builders import bill_payload, connect, make_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant(box):
    return connect(make_tenant(), box)


@pytest.fixture
def ramp(tenant):
    client = connect_ramp(tenant)
    yield client
    client.close()


def ready(box):
    return [bill["id"] for bill in box.ramp.app.bills if bill["approval_status"] == "APPROVED"]


def test_every_bill_is_read_in_pages_of_at_most_a_hundred(box, ramp):
    for number in range(160):
        box.ramp.app.add_bill(bill_payload(invoice_number=f"N{number}"))
    pages = list(ramp.bills())
    assert [len(page) for page in pages] == [100, 100, 10]
    assert len({bill["id"] for page in pages for bill in page}) == 210


def test_the_list_can_be_gone_on_with_after_any_page(box, ramp):
    for number in range(160):
        box.ramp.app.add_bill(bill_payload(invoice_number=f"N{number}"))
    first, start = ramp.bill_page()
    second, start = ramp.bill_page(start)
    third, end = ramp.bill_page(start)
    assert [len(first), len(second), len(third), end] == [100, 100, 10, ""]
    assert [*first, *second, *third] == [row for page in ramp.bills() for row in page]


def test_filters_are_written_the_way_ramp_wants_them(box, ramp):
    archived = ready(box)[0]
    box.ramp.app.archive_bill(archived)
    (page,) = ramp.bills(
        is_archived=True, from_created_at=dt.date(2026, 1, 1), sync_status="NOT_SYNCED"
    )
    assert [bill["id"] for bill in page] == [archived]


def test_one_bill_is_read_whole_and_parsed(box, ramp):
    bill_id = ready(box)[0]
    assert parse_bill(ramp.bill(bill_id)).id == bill_id


@pytest.mark.parametrize("bill_id", ["00000000-0000-0000-0000-000000000000", "../entities", ""])
def test_an_absent_bill_is_not_found(ramp, bill_id):
    with pytest.raises(NotFoundError):
        ramp.bill(bill_id)


def test_the_coding_lists_are_read(box, ramp):
    field = ramp.fields()[0]
    assert field["id"] == "cost_center"
    options = {row["id"] for row in ramp.field_options(field["ramp_id"])}
    assert options == {row["id"] for row in box.world.ramp["field_options"]}
    assert len(ramp.gl_accounts()) == len(box.world.ramp["gl_accounts"])
    assert len(ramp.accounting_vendors()) == len(box.world.ramp["accounting_vendors"])
    assert ramp.entities() == box.world.ramp["entities"]
    assert ramp.business()["id"] == box.world.ramp["business"]["id"]
    assert [row["is_active"] for row in ramp.connections()] == [True]


def test_the_bearer_never_follows_the_host_of_the_next_page(box, ramp):
    """The first page claims that the next one is elsewhere; it is asked for at our own address."""
    bills = list(box.ramp.app.bills)
    elsewhere = f"https://evil.example/developer/v1/bills?page_size=100&start={bills[1]['id']}"
    body = {"data": bills[:2], "page": {"next": elsewhere}}
    answer = json_response(200, body)
    box.ramp.fail_next("GET /developer/v1/bills", "status", status=200, body=answer.body)
    first, second = ramp.bills()
    assert [bill["id"] for bill in first + second] == [bill["id"] for bill in bills]


@pytest.mark.parametrize("page", [{}, {"page": None}, {"page": {"next": 7}}, {"page": "last"}])
def test_a_page_that_does_not_say_what_follows_is_not_taken_for_the_last(box, ramp, page):
    body = {"data": list(box.ramp.app.bills)[:1], **page}
    box.ramp.fail_next("GET /developer/v1/bills", "status", status=200, body=body)
    with pytest.raises(TransientError, match="whether another page follows"):
        list(ramp.bills())


def test_without_rows_there_is_nothing_to_go_on_with(box, ramp):
    body = {"data": []}
    box.ramp.fail_next("GET /developer/v1/bills", "status", status=200, body=body)
    assert list(ramp.bills()) == [[]]


def test_pages_that_repeat_themselves_end_in_an_error(box, ramp):
    start = next(iter(box.ramp.app.bills))["id"]
    body = {"data": [], "page": {"next": f"http://x/y?start={start}"}}
    text = json_response(200, body).body
    box.ramp.fail_next("GET /developer/v1/bills", "status", 3, status=200, body=text)
    with pytest.raises(TransientError, match="repeat"):
        list(ramp.bills())
    with pytest.raises(TransientError, match="repeat"):
        ramp.bill_page(start)


def test_results_are_told_and_the_same_key_has_no_second_effect(box, ramp):
    done, failed = ready(box)[:2]
    success = {"id": done, "reference_id": "EPIC06/1", "deep_link_url": "https://x.example/1"}
    failure = {"id": failed, "error": {"message": "Map the vendor."}}
    first = ramp.sync("BILL_SYNC", "key-1", [success], [failure])
    assert first == ramp.sync("BILL_SYNC", "key-1", [success], [failure])
    state = box.ramp.state()
    assert state["bills"][done]["sync_status"] == "BILL_SYNCED"
    assert state["bills"][failed]["export_errors"] == ["Map the vendor."]
    assert [call["repeated"] for call in state["syncs"]] == [False, True]


def test_a_lost_answer_to_a_sync_is_asked_for_again(box, ramp):
    box.ramp.fail_next("POST /developer/v1/accounting/syncs", "reset_after")
    bill_id = ready(box)[0]
    assert ramp.sync("BILL_SYNC", "key-1", [{"id": bill_id, "reference_id": "1"}])
    assert box.ramp.state()["bills"][bill_id]["sync_status"] == "BILL_SYNCED"


def test_bills_that_are_not_ready_are_named(box, ramp):
    good, bad = ready(box)[:2]
    box.ramp.app.mark_synced_elsewhere(bad)
    items = [{"id": bill_id, "reference_id": "1"} for bill_id in (good, bad)]
    with pytest.raises(NotReadyError) as caught:
        ramp.sync("BILL_SYNC", "key-1", items)
    assert caught.value.ids == (bad,)
    assert box.ramp.state()["bills"][good]["sync_status"] == "NOT_SYNCED"


def test_nothing_to_tell_is_not_sent(ramp):
    with pytest.raises(ValueError, match="nothing"):
        ramp.sync("BILL_SYNC", "key-1")
    assert ramp.calls == 0


def test_without_a_connection_results_cannot_be_told(box, ramp):
    box.ramp.app.disconnect()
    with pytest.raises(AccessError, match="connection"):
        ramp.sync("BILL_SYNC", "key-1", [{"id": ready(box)[0], "reference_id": "1"}])


def test_the_token_is_shared_and_renewed_once_when_it_is_refused(box, tenant, ramp):
    ramp.entities()
    connect_ramp(tenant).entities()
    assert box.ramp.state()["tokens_issued"] == 1
    box.ramp.app.expire_tokens()
    ramp.entities()
    ramp.entities()
    assert box.ramp.calls["POST /developer/v1/token"] == 2
    assert AccessToken.objects.get().token.startswith("ramp_")


def test_new_credentials_are_not_mixed_with_an_old_token(box, tenant, ramp):
    ramp.entities()
    tenant.ramp.client_secret = "wrong"
    tenant.ramp.save()
    with pytest.raises(AccessError, match="client_secret"):
        connect_ramp(tenant).entities()


def test_a_missing_scope_is_named(box, ramp):
    box.ramp.app.revoke_scope("entities:read")
    with pytest.raises(AccessError, match="entities:read"):
        ramp.entities()


def test_scopes_that_the_app_does_not_have_are_left_out_when_ramp_insists(box, ramp):
    body = json_response(400, {"error": "invalid_scope", "error_description": "no"}).body
    box.ramp.fail_next("POST /developer/v1/token", "status", status=400, body=body)
    assert ramp.entities()
    with pytest.raises(AccessError, match="transactions:read"):
        ramp.probe("transactions")


@pytest.mark.parametrize("name", ["bills", "business", "field_options", "purchase_orders"])
def test_probes_ask_and_answer(ramp, name):
    ramp.probe(name)
    assert ramp.calls <= 3


def test_a_feature_missing_from_the_plan_raises_not_offered(box, ramp):
    box.ramp.fail_next("GET /developer/v1/purchase-orders", "status", status=405)
    with pytest.raises(NotOfferedError):
        ramp.probe("purchase_orders")


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, RejectedError), (500, TransientError), (503, TransientError), (302, AccessError)],
)
def test_other_refusals_have_a_kind(box, ramp, status, error):
    box.ramp.fail_next("GET /developer/v1/entities", "status", 4, status=status)
    with pytest.raises(error):
        ramp.entities()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, "<html><body>Blocked</body></html>", "Blocked"),
        (403, "<html><body>Attention Required!</body></html>", "Attention"),
        (404, "", "status 404"),
        (413, "", "too large"),
        (302, "", "base_url"),
        (499, '{"message": "closed"}', "closed"),
    ],
)
def test_a_refusal_that_is_not_ramps_leaves_a_result_in_doubt(box, ramp, status, body, said):
    box.ramp.fail_next("accounting/syncs", "after", status=status, body=body)
    bill_id = ready(box)[0]
    with pytest.raises(UncertainOutcomeError, match=said):
        ramp.sync("BILL_SYNC", "key-1", [{"id": bill_id, "reference_id": "1"}])
    assert box.ramp.state()["bills"][bill_id]["sync_status"] == "BILL_SYNCED"


def test_every_request_takes_a_slot_of_the_shared_budget(ramp):
    ramp.entities()
    ramp.entities()
    assert RequestSlot.objects.count() == 3  # the login is a request, too


def test_a_tenant_without_connection_is_told_how_to_get_one():
    with pytest.raises(AccessError, match="configure_tenant"):
        connect_ramp(make_tenant())


@pytest.mark.parametrize("base", ["https://h", "https://h/", "https://h/developer/v1/"])
def test_the_address_may_have_the_prefix_or_not(base):
    assert api_base(base) == "https://h/developer/v1"


def test_the_retired_sandbox_address_leads_to_the_right_one():
    assert "demo-api.ramp.com" in address_hint("https://sandbox-api.ramp.com")
    assert address_hint("https://api.ramp.com") == ""
