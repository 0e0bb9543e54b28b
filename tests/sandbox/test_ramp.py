"""The Ramp stand-in over real HTTP: strict where Ramp is strict, and stricter on unknown input."""

import hashlib
import hmac
import queue
import uuid
from collections.abc import Iterator

import httpx
import pytest

from sandbox.ramp import Ramp
from sandbox.server import Request, Response, StandIn
from sandbox.world import World

API = "/developer/v1"
FORM = {"grant_type": "client_credentials"}
ALL = " ".join(World(1, 1).config.ramp_scopes)


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Client:
    """A logged-in caller with the stand-in behind it."""

    def __init__(self, bills: int = 200) -> None:
        self.world = World(1, bills)
        self.clock = Clock()
        self.app = Ramp(self.world, clock=self.clock)
        self.app.set_rate_limit(None)
        self.server = StandIn.of("ramp", self.app).start()
        self.http = httpx.Client(base_url=self.server.url + API)
        self.login()

    def token(self, scope: str = ALL) -> dict:
        config = self.world.config
        answer = self.http.post(
            "/token",
            data=FORM | {"scope": scope},
            auth=(config.ramp_client_id, config.ramp_client_secret),
        )
        assert answer.status_code == 200
        return answer.json()

    def login(self, scope: str = ALL) -> None:
        self.http.headers["authorization"] = f"Bearer {self.token(scope)['access_token']}"

    def get(self, path: str, **params) -> httpx.Response:
        return self.http.get(path, params=params)

    def ids(self, path: str, **params) -> list[str]:
        """All ids of a list, page by page."""
        answer = self.get(path, **params).json()
        found = answer["data"]
        while answer["page"]["next"]:
            answer = self.http.get(answer["page"]["next"]).json()
            found += answer["data"]
        return [row["id"] for row in found]

    def sync(self, sync_type: str = "BILL_SYNC", key: str | None = None, **lists) -> httpx.Response:
        body = {"idempotency_key": key or str(uuid.uuid4()), "sync_type": sync_type, **lists}
        return self.http.post("/accounting/syncs", json=body)

    def some(self, **wanted) -> dict:
        """The first ready bill with these fields."""
        for bill in self.world.ramp["bills"]:
            if bill["approval_status"] == "APPROVED" and wanted.items() <= bill.items():
                return bill
        raise AssertionError(wanted)


@pytest.fixture
def ramp() -> Iterator[Client]:
    client = Client()
    yield client
    client.http.close()
    client.server.stop()


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error_v2"]["error_code"]


def done(bill: dict, reference: str = "EPIC06/101/INV-1") -> list[dict]:
    return [{"id": bill["id"], "reference_id": reference, "deep_link_url": "https://x.example/1"}]


# -- logging in ------------------------------------------------------------------------------------


def test_token_answer(ramp):
    answer = ramp.token("bills:read accounting:read")
    assert answer["token_type"] == "bearer"
    assert answer["expires_in"] == 864_000
    assert answer["scope"] == "bills:read accounting:read"


def test_token_needs_basic_and_a_form(ramp):
    auth = (ramp.world.config.ramp_client_id, ramp.world.config.ramp_client_secret)
    post = ramp.http.post
    form = FORM | {"scope": ALL}
    del ramp.http.headers["authorization"]
    assert post("/token", json=form, auth=auth).json()["error"] == "invalid_request"
    assert post("/token", data=form).json()["error"] == "invalid_client"
    wrong = post("/token", data=form, auth=(auth[0], "no"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert post("/token", data=FORM, auth=auth).json()["error"] == "invalid_scope"
    grant = post("/token", data=form | {"grant_type": "password"}, auth=auth)
    assert grant.json()["error"] == "unsupported_grant_type"


def test_ungranted_scope_is_left_out_and_fails_at_the_call(ramp):
    assert ramp.token("bills:read bills:write")["scope"] == "bills:read"
    ramp.login("bills:read")
    assert ramp.get("/bills").status_code == 200
    assert code(ramp.get("/vendors")) == (403, "DEVELOPER_7100")


def test_dead_tokens_are_401(ramp):
    ramp.app.expire_tokens()
    assert ramp.get("/bills").status_code == 401
    ramp.app.set_token_lifetime(60)
    ramp.login()
    ramp.clock.now += 59
    assert ramp.get("/bills").status_code == 200
    ramp.clock.now += 2
    assert ramp.get("/bills").status_code == 401


def test_revoked_token_is_dead(ramp):
    config = ramp.world.config
    token = ramp.http.headers["authorization"].split()[1]
    auth = (config.ramp_client_id, config.ramp_client_secret)
    assert ramp.http.post("/token/revoke", data={"token": token}, auth=auth).status_code == 200
    ramp.http.headers["authorization"] = f"Bearer {token}"
    assert ramp.get("/bills").status_code == 401


def test_revoked_scope_hits_the_token_in_use(ramp):
    ramp.app.revoke_scope("vendors:read")
    assert code(ramp.get("/vendors")) == (403, "DEVELOPER_7100")
    ramp.app.grant_scope("vendors:read")
    assert ramp.get("/vendors").status_code == 403
    ramp.login()
    assert ramp.get("/vendors").status_code == 200


def test_rate_limit_is_a_rolling_window(ramp):
    ramp.app.set_rate_limit(3, window_s=10)
    assert [ramp.get("/business").status_code for _ in range(4)] == [200, 200, 200, 429]
    limited = ramp.get("/business")
    assert "retry-after" not in limited.headers
    assert limited.headers["x-trace-id"]
    ramp.app.set_rate_limit(3, retry_after_s=7)
    assert ramp.get("/business").headers["retry-after"] == "7"
    ramp.clock.now += 10.1
    assert ramp.get("/business").status_code == 200


def test_every_answer_has_a_trace_id(ramp):
    traces = {ramp.get(path).headers["x-trace-id"] for path in ("/bills", "/nope", "/vendors")}
    assert len(traces) == 3


# -- bills -----------------------------------------------------------------------------------------


def test_unknown_or_malformed_parameters_are_refused(ramp):
    for params in (
        {"from_date": "2026-01-01T00:00:00Z"},
        {"sync_ready": "yes"},
        {"page_size": 1},
        {"page_size": 101},
        {"entity_id": "abc"},
        {"approval_status": "DONE"},
        {"from_created_at": "2026-01-01"},
        {"min_amount": "much"},
        {"start": str(uuid.uuid4())},
    ):
        assert code(ramp.get("/bills", **params)) == (422, "DEVELOPER_7001"), params


def test_pages_hold_every_bill_once(ramp):
    first = ramp.get("/bills").json()
    assert len(first["data"]) == 20
    assert first["page"]["next"].startswith(ramp.server.url + API + "/bills?")
    ids = ramp.ids("/bills", page_size=33)
    assert sorted(ids) == sorted(bill["id"] for bill in ramp.world.ramp["bills"])


def test_page_after_a_bill_that_no_longer_matches(ramp):
    page = ramp.get("/bills", sync_ready=True, page_size=5).json()
    for bill in page["data"]:
        ramp.app.mark_synced_elsewhere(bill["id"])
    following = ramp.http.get(page["page"]["next"]).json()
    assert not {b["id"] for b in page["data"]} & {b["id"] for b in following["data"]}
    assert len(following["data"]) == 5


def test_sync_ready_leaves_out_what_is_not_approved(ramp):
    ready = set(ramp.ids("/bills", sync_ready=True, page_size=100))
    for bill in ramp.world.ramp["bills"]:
        assert (bill["id"] in ready) == (bill["approval_status"] == "APPROVED")
    early = ramp.ids("/bills", sync_ready=True, to_created_at="2026-01-01T00:00:00Z")
    assert early


def test_sync_ready_follows_the_state(ramp):
    bill = ramp.some(status="OPEN")

    def ready():
        return bill["id"] in ramp.ids("/bills", sync_ready=True, page_size=100)

    assert ready()
    ramp.app.mark_synced_elsewhere(bill["id"])
    assert not ready()
    ramp.app.pay_bill(bill["id"])
    assert ready()
    ramp.app.archive_bill(bill["id"])
    assert not ready()
    assert ramp.ids("/bills", is_archived=True) == [bill["id"]]
    assert bill["id"] not in ramp.ids("/bills", page_size=100)


def test_approving_a_bill_makes_it_ready(ramp):
    bill = next(b for b in ramp.world.ramp["bills"] if b["approval_status"] == "PENDING")
    assert bill["id"] not in ramp.ids("/bills", sync_ready=True, page_size=100)
    ramp.app.approve_bill(bill["id"])
    assert bill["id"] in ramp.ids("/bills", sync_ready=True, page_size=100)


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"payment_status": "PAID"}, lambda b: b["status"] == "PAID"),
        (
            {"payment_method": "CARD"},
            lambda b: (b["payment"] or {}).get("payment_method") == "CARD",
        ),
        ({"approval_status": "PENDING"}, lambda b: b["approval_status"] == "PENDING"),
        ({"from_issued_date": "2026-09-01T00:00:00Z"}, lambda b: b["issued_at"] >= "2026-09-01"),
        (
            {"to_due_date": "2026-05-01T00:00:00Z"},
            lambda b: b["due_at"] <= "2026-05-01T00:00:00+00",
        ),
        (
            {"is_accounting_sync_enabled": "false"},
            lambda b: b.get("enable_accounting_sync") is False,
        ),
        ({"invoice_number": "INV-000003"}, lambda b: b.get("invoice_number") == "INV-000003"),
        (
            {"min_amount": "5000", "max_amount": "6000.50"},
            lambda b: 5000 <= b["amount"]["amount"] / ramp_units(b) <= 6000.5,
        ),
    ],
)
def test_filters(ramp, params, wanted):
    found = ramp.ids("/bills", page_size=100, **params)
    expected = [bill["id"] for bill in ramp.world.ramp["bills"] if wanted(bill)]
    assert found == expected
    assert 0 < len(found) < 200


def ramp_units(bill: dict) -> int:
    return {"JPY": 1, "KWD": 1000}.get(bill["amount"]["currency_code"], 100)


def test_filter_by_entity_vendor_and_coding(ramp):
    bill = ramp.world.ramp["bills"][0]
    chosen = bill["line_items"][-1]["accounting_field_selections"][0]
    for name, value in (
        ("entity_id", bill["entity_id"]),
        ("vendor_id", bill["vendor"]["id"]),
        ("accounting_field_selection_id", chosen["id"]),
    ):
        found = ramp.ids("/bills", page_size=100, **{name: value})
        assert bill["id"] in found
        assert len(found) < 200


def test_one_bill(ramp):
    bill = ramp.world.ramp["bills"][0]
    assert ramp.get(f"/bills/{bill['id']}").json() == bill
    assert ramp.get(f"/bills/{uuid.uuid4()}").status_code == 404
    assert ramp.http.delete(f"/bills/{bill['id']}").status_code == 405
    assert ramp.get("/nothing").status_code == 404


def test_edit_and_add_bills(ramp):
    bill = ramp.world.ramp["bills"][0]
    ramp.app.edit_bill(bill["id"], {"invoice_number": "NEW-1"}, remove=["memo"])
    edited = ramp.get(f"/bills/{bill['id']}").json()
    assert edited["invoice_number"] == "NEW-1"
    assert "memo" not in edited
    made = {**bill, "id": str(uuid.uuid4())}
    answer = httpx.post(ramp.server.url + "/_sandbox/do", json={"action": "add_bill", "bill": made})
    assert answer.status_code == 200
    assert ramp.get(f"/bills/{made['id']}").json() == made


# -- telling Ramp the result -----------------------------------------------------------------------


def test_success_marks_the_bill(ramp):
    bill = ramp.some(status="PAID")
    assert ramp.sync(successful_syncs=done(bill)).status_code == 201
    state = ramp.app.state()["bills"][bill["id"]]
    assert state["sync_status"] == "BILL_SYNCED"
    assert state["reference_id"] == "EPIC06/101/INV-1"
    assert state["deep_link_url"] == "https://x.example/1"
    assert ramp.sync("BILL_PAYMENT_SYNC", successful_syncs=done(bill)).status_code == 201
    status = ramp.app.state()["bills"][bill["id"]]["sync_status"]
    assert status == "BILL_AND_PAYMENT_SYNCED"


def test_failure_is_an_export_error_and_the_bill_stays_ready(ramp):
    bill = ramp.some()
    failed = [{"id": bill["id"], "error": {"message": "Period closed."}}]
    assert ramp.sync(failed_syncs=failed).status_code == 201
    assert ramp.app.state()["export_errors"] == {bill["id"]: ["Period closed."]}
    assert bill["id"] in ramp.ids("/bills", sync_ready=True, page_size=100)
    ramp.sync(successful_syncs=done(bill))
    assert ramp.app.state()["export_errors"] == {}


def test_same_key_twice_has_one_effect(ramp):
    bill = ramp.some()
    first = ramp.sync(key="k1", successful_syncs=done(bill))
    again = ramp.sync(key="k1", successful_syncs=done(bill))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert [call["repeated"] for call in ramp.app.state()["syncs"]] == [False, True]


def test_one_unready_bill_refuses_the_whole_batch(ramp):
    good = ramp.some()
    pending = next(b for b in ramp.world.ramp["bills"] if b["approval_status"] == "PENDING")
    answer = ramp.sync(successful_syncs=done(good) + done(pending))
    assert code(answer) == (422, "DEVELOPER_7062")
    message = answer.json()["error_v2"]["message"]
    assert pending["id"] in message
    assert good["id"] not in message
    assert ramp.app.state()["bills"][good["id"]]["sync_status"] == "NOT_SYNCED"


def test_synced_already_is_the_same_refusal(ramp):
    bill = ramp.some(status="OPEN")
    ramp.sync(successful_syncs=done(bill))
    assert code(ramp.sync(successful_syncs=done(bill))) == (422, "DEVELOPER_7062")
    unpaid = ramp.sync("BILL_PAYMENT_SYNC", successful_syncs=done(bill))
    assert code(unpaid) == (422, "DEVELOPER_7062")


def test_malformed_sync_bodies(ramp):
    bill = ramp.some()
    good = done(bill)
    for lists in (
        {},
        {"successful_syncs": []},
        {"successful_syncs": good, "failed_syncs": []},
        {"failed_syncs": [{"id": bill["id"], "message": "x"}]},
        {"failed_syncs": [{"id": bill["id"], "error": {"text": "x"}}]},
        {"successful_syncs": [{"id": bill["id"]}]},
        {"successful_syncs": [{**good[0], "amount": 1}]},
        {"successful_syncs": good + good},
        {"sync_failures": good},
        {"successful_syncs": [{"id": "x", "reference_id": "y"}]},
    ):
        assert code(ramp.sync(**lists)) == (422, "DEVELOPER_7001"), lists
    assert code(ramp.sync("BILLS", successful_syncs=good)) == (422, "DEVELOPER_7001")
    keyless = {"idempotency_key": "", "sync_type": "BILL_SYNC", "successful_syncs": good}
    assert code(ramp.http.post("/accounting/syncs", json=keyless)) == (422, "DEVELOPER_7001")
    assert ramp.http.post("/accounting/syncs", content=b"{").status_code == 415


def test_sync_without_an_api_connection(ramp):
    bill = ramp.some()
    ramp.app.disconnect()
    assert code(ramp.sync(successful_syncs=done(bill))) == (400, "DEVELOPER_7089")
    ramp.app.connect_direct()
    assert code(ramp.sync(successful_syncs=done(bill))) == (400, "DEVELOPER_7089")


# -- connection and coding lists -------------------------------------------------------------------


def test_connection_life(ramp):
    ours = ramp.get("/accounting/all-connections").json()["connections"]
    assert [(c["remote_provider_name"], c["is_active"]) for c in ours] == [("Epicor Kinetic", True)]
    second = ramp.http.post("/accounting/connection", json={"remote_provider_name": "Epicor"})
    assert second.status_code == 400
    assert ramp.http.delete("/accounting/connection").status_code == 204
    assert ramp.http.delete("/accounting/connection").status_code == 404
    assert ramp.get("/accounting/accounts").json()["data"] == []
    back = ramp.http.post(f"/accounting/connection/{ours[0]['id']}/reactivate")
    assert back.json()["is_active"] is True
    assert ramp.get("/accounting/accounts").json()["data"] != []


def test_direct_connection_is_not_ours_to_delete(ramp):
    ramp.app.connect_direct("NetSuite")
    assert ramp.http.delete("/accounting/connection").status_code == 404


def test_accounts_upload_is_all_or_nothing(ramp):
    new = {"id": "7000|01|000", "name": "Recruiting", "classification": "EXPENSE"}
    old = {"id": "6000", "name": "Cloud", "classification": "EXPENSE"}
    post = ramp.http.post
    assert post("/accounting/accounts", json={"gl_accounts": [new, old]}).status_code == 422
    assert ramp.get("/accounting/accounts", remote_id="7000|01|000").json()["data"] == []
    made = post("/accounting/accounts", json={"gl_accounts": [new]})
    assert made.status_code == 201
    assert made.json()["uploaded"] == [made.json()["gl_accounts"][0]["ramp_id"]]
    assert post("/accounting/accounts", json={"gl_accounts": []}).status_code == 422
    many = [{**new, "id": f"8{n:04d}"} for n in range(501)]
    assert post("/accounting/accounts", json={"gl_accounts": many}).status_code == 422
    extra = {**new, "id": "9000", "colour": "red"}
    refused = post("/accounting/accounts", json={"gl_accounts": [extra]})
    assert "Unknown field" in refused.json()["error_v2"]["message"]


def test_patch_and_deactivate_an_account(ramp):
    row = ramp.get("/accounting/accounts", remote_id="6000").json()["data"][0]
    path = f"/accounting/accounts/{row['ramp_id']}"
    assert ramp.http.patch(path, json={"name": "Hosting"}).json()["name"] == "Hosting"
    assert ramp.http.patch(path, json={"classification": "ASSET"}).status_code == 422
    assert ramp.http.patch(path, json={}).status_code == 422
    assert ramp.http.delete(path).status_code == 204
    assert ramp.get(path).json()["is_active"] is False
    again = {"id": "6000", "name": "Cloud", "classification": "EXPENSE"}
    refused = ramp.http.post("/accounting/accounts", json={"gl_accounts": [again]})
    assert refused.status_code == 422
    assert ramp.http.patch(path, json={"reactivate": True}).json()["is_active"] is True


def test_fields_and_options(ramp):
    found = ramp.get("/accounting/fields", remote_id="cost_center").json()["data"]
    assert [row["name"] for row in found] == ["Cost Center"]
    spec = {"id": "project", "name": "Project", "input_type": "SINGLE_CHOICE"}
    made = ramp.http.post("/accounting/fields", json=spec)
    assert made.status_code == 201
    same = ramp.http.post("/accounting/fields", json=spec)
    assert same.json()["ramp_id"] == made.json()["ramp_id"]
    body = {"field_id": made.json()["ramp_id"], "options": [{"id": "P1", "value": "One"}]}
    assert ramp.http.post("/accounting/field-options", json=body).status_code == 201
    assert ramp.http.post("/accounting/field-options", json=body).status_code == 422
    listed = ramp.get("/accounting/field-options", field_id=body["field_id"]).json()["data"]
    assert [row["id"] for row in listed] == ["P1"]
    assert "field_id" not in listed[0]
    assert ramp.get("/accounting/field-options").status_code == 422
    hidden = ramp.http.patch(
        f"/accounting/field-options/{listed[0]['ramp_id']}", json={"visibility": "HIDDEN"}
    )
    assert hidden.json()["visibility"] == "HIDDEN"


def test_coding_lists_page_by_ramp_id(ramp):
    first = ramp.get("/accounting/vendors", page_size=7).json()
    second = ramp.http.get(first["page"]["next"]).json()
    assert len(first["data"]) == len(second["data"]) == 7
    assert not {r["id"] for r in first["data"]} & {r["id"] for r in second["data"]}


# -- vendors, entities, the rest -------------------------------------------------------------------


def test_linking_a_vendor_shows_on_its_bills(ramp):
    vendor = next(v for v in ramp.world.ramp["vendors"] if not v["accounting_vendor_remote_id"])
    path = f"/vendors/{vendor['id']}"
    unknown = ramp.http.patch(path, json={"accounting_vendor_remote_id": "NOBODY"})
    assert unknown.status_code == 422
    linked = ramp.http.patch(path, json={"accounting_vendor_remote_id": "ACME"})
    assert linked.json()["accounting_vendor_remote_id"] == "ACME"
    bills = ramp.get("/bills", vendor_id=vendor["id"]).json()["data"]
    assert {bill["vendor"]["remote_id"] for bill in bills} == {"ACME"}


def test_vendor_patch_is_checked(ramp):
    path = f"/vendors/{ramp.world.ramp['vendors'][0]['id']}"
    assert ramp.http.patch(path, json={"email": "x"}).status_code == 422
    assert ramp.http.patch(path, json={"address": {"city": "Rome"}}).status_code == 422
    assert ramp.http.patch(path, json={"name": "New"}).json()["name"] == "New"
    ramp.app.set_features(vendor_name=False)
    assert ramp.http.patch(path, json={"name": "Newer"}).status_code == 422
    both = {"accounting_vendor_remote_id": "ACME", "vendor_tracking_category_option_id": "x"}
    assert ramp.http.patch(path, json=both).status_code == 422


def test_other_lists(ramp):
    assert len(ramp.ids("/vendors", page_size=100)) == len(ramp.world.ramp["vendors"])
    assert len(ramp.ids("/entities")) == 3
    assert len(ramp.ids("/entities", currency="EUR")) == 1
    assert ramp.get("/entities", location="x").status_code == 422
    assert ramp.get("/business").json()["business_name_legal"] == "Acme Consulting Inc."
    orders = ramp.get("/purchase-orders").json()["data"]
    with_orders = [b["id"] for b in ramp.world.ramp["bills"] if b.get("purchase_order_ids")]
    assert [order["bill_ids"] for order in orders] == [[bill_id] for bill_id in with_orders]
    memo = ramp.http.patch(f"/purchase-orders/{orders[0]['id']}", json={"memo": "Invoiced"})
    assert memo.json()["memo"] == "Invoiced"
    assert ramp.get("/transactions", sync_status="SYNC_READY").json()["data"] == []
    assert ramp.get("/transactions", from_day="x").status_code == 422


def test_calls_are_counted_by_shape(ramp):
    for bill in ramp.world.ramp["bills"][:3]:
        ramp.get(f"/bills/{bill['id']}")
    assert ramp.server.calls["GET /developer/v1/bills/{id}"] == 3


def test_actions_over_http(ramp):
    bill = ramp.some()
    url = ramp.server.url + "/_sandbox/do"
    httpx.post(url, json={"action": "archive_bill", "bill_id": bill["id"]})
    state = httpx.get(ramp.server.url + "/_sandbox/state").json()
    assert state["bills"][bill["id"]]["archived"] is True


# -- webhooks --------------------------------------------------------------------------------------


class Subscriber:
    """Somebody who receives deliveries and tells when one has come."""

    def __init__(self) -> None:
        self.received: queue.Queue[Request] = queue.Queue()
        self.server = StandIn("subscriber", self.handle).start()

    def handle(self, request: Request) -> Response:
        self.received.put(request)
        return Response(204)


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    made = Subscriber()
    yield made
    made.server.stop()


def signature(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_subscription_handshake_and_signed_delivery(ramp, subscriber):
    body = {
        "endpoint_url": subscriber.server.url + "/webhooks/ramp/abc",
        "event_types": ["bills.ready_to_sync"],
        "additional_headers": {"X-Mine": "1"},
    }
    made = ramp.http.post("/webhooks", json=body)
    assert made.status_code == 201
    hook = made.json()
    assert hook["status"] == "pending_verification"
    challenge = subscriber.received.get(timeout=5).json()["challenge"]
    assert ramp.app.send_webhook("bills.ready_to_sync", "b1") == []
    wrong = ramp.http.post(f"/webhooks/{hook['id']}/verify", json={"challenge": "no"})
    assert wrong.status_code == 422
    right = ramp.http.post(f"/webhooks/{hook['id']}/verify", json={"challenge": challenge})
    assert right.json() == {"success": True}
    assert ramp.app.send_webhook("bills.ready_to_sync", "b1", times=2) == [204, 204]
    first, second = (subscriber.received.get(timeout=5) for _ in range(2))
    assert first.body == second.body
    assert first.json()["object"] == {"id": "b1"}
    assert first.headers["x-ramp-webhook-id"] == first.json()["id"]
    assert first.headers["x-ramp-signature"] == signature(hook["secret"], first.body)
    assert first.headers["x-mine"] == "1"
    listed = ramp.get("/webhooks").json()
    assert [row["status"] for row in listed] == ["active"]
    assert "secret" not in listed[0]
    assert ramp.http.delete(f"/webhooks/{hook['id']}").status_code == 204
    assert ramp.get("/webhooks").json() == []


def test_delivery_to_an_address_uses_the_tenants_secret(ramp, subscriber):
    url = subscriber.server.url + "/hook"
    assert ramp.app.send_webhook("bills.paid", "b2", url=url) == [204]
    request = subscriber.received.get(timeout=5)
    secret = ramp.world.config.ramp_webhook_secret
    assert request.headers["x-ramp-signature"] == signature(secret, request.body)
    assert request.path == "/hook"


def test_bad_subscriptions_are_refused(ramp):
    good = {"endpoint_url": "http://127.0.0.1:9/x", "event_types": ["bills.paid"]}
    for change in (
        {"event_types": []},
        {"event_types": ["bills.exploded"]},
        {"additional_headers": {"Host": "x"}},
        {"additional_headers": {f"X-{n}": "1" for n in range(6)}},
        {"colour": "red"},
    ):
        assert code(ramp.http.post("/webhooks", json=good | change)) == (422, "DEVELOPER_7001")
