"""The Epicor stand-in's front door: tokens, keys, scopes, companies, wrong addresses."""

import datetime as dt
from collections.abc import Iterator

import httpx
import pytest

from sandbox.epicor.app import Epicor
from sandbox.server import StandIn
from sandbox.world import World
from tests.sandbox.epicor_client import Client

USER, PASSWORD = "integration", "sandbox-password"
WHO = "Ice.BO.UserFileSvc/GetCurrentUserId"
VENDORS = "Erp.BO.VendorSvc/Vendors"


class Clock:
    def __init__(self) -> None:
        self.now = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def epicor(clock: Clock) -> Iterator[Client]:
    app = Epicor(World(1, 1), clock=clock)
    server = StandIn.of("epicor", app).start()
    client = Client(server, app)
    yield client
    client.http.close()
    server.stop()


def without(client: Client, name: str) -> dict[str, str]:
    return {key: value for key, value in client.headers.items() if key != name}


def test_a_token_and_the_key_open_the_door(epicor: Client) -> None:
    answer = epicor.post(WHO)
    assert answer.json() == {"returnObj": USER, "parameters": {}}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_the_token_endpoint_refuses(epicor: Client, change: dict[str, str], error: str) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": "sandbox-epicor-client",
        "client_secret": "sandbox-epicor-client-secret",
        "scope": "epicor_erp",
    }
    url = f"{epicor.server.url}/connect/token"
    answer = epicor.http.post(url, data=form | change)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert epicor.http.post(url, json=form).status_code == 400


def test_tokens_end(epicor: Client, clock: Clock) -> None:
    clock.now += dt.timedelta(seconds=3599)
    assert epicor.post(WHO).status_code == 200
    clock.now += dt.timedelta(seconds=2)
    assert epicor.post(WHO).status_code == 401


def test_all_tokens_can_be_ended_at_once(epicor: Client) -> None:
    epicor.app.expire_tokens()
    assert epicor.post(WHO).status_code == 401


def test_epicors_own_tokens_come_as_json_or_xml(epicor: Client) -> None:
    url = f"{epicor.server.url}/kinetic/TokenResource.svc/"
    login = {"username": USER, "password": PASSWORD}
    token = epicor.http.post(url, headers={**login, "Accept": "application/json"}).json()
    assert (token["ExpiresIn"], token["TokenType"]) == (3600, "Bearer")
    epicor.headers["Authorization"] = f"Bearer {token['AccessToken']}"
    assert epicor.post(WHO).status_code == 200
    assert epicor.http.post(url, headers=login).text.startswith("<Token><AccessToken>")
    refused = epicor.http.post(url, headers={**login, "password": "wrong"})
    assert refused.status_code == 401
    assert "<ErrorMessage>Invalid username or password.</ErrorMessage>" in refused.text


def test_basic_works_and_a_wrong_password_does_not(epicor: Client) -> None:
    headers = without(epicor, "Authorization")
    good = epicor.http.post(epicor.url(WHO), json={}, headers=headers, auth=(USER, PASSWORD))
    bad = epicor.http.post(epicor.url(WHO), json={}, headers=headers, auth=(USER, "wrong"))
    assert (good.status_code, bad.status_code) == (200, 401)
    assert bad.json()["ErrorType"] == "System.UnauthorizedAccessException"


def test_v2_needs_the_api_key(epicor: Client) -> None:
    missing = epicor.http.post(epicor.url(WHO), json={}, headers=without(epicor, "x-api-key"))
    wrong = epicor.http.post(
        epicor.url(WHO), json={}, headers={**epicor.headers, "x-api-key": "other"}
    )
    assert (missing.status_code, wrong.status_code) == (401, 401)
    epicor.app.revoke_key()
    assert epicor.post(WHO).status_code == 401


def test_a_refusal_is_xml_unless_json_is_asked_for(epicor: Client) -> None:
    plain = epicor.http.post(epicor.url(WHO), headers={"Accept": "*/*"})
    assert plain.status_code == 401
    assert "<ApiExceptionResponse>" in plain.text


def test_a_narrow_scope_closes_single_services(epicor: Client) -> None:
    epicor.app.narrow_scope(["Erp.BO.VendorSvc"])
    assert epicor.get(VENDORS).status_code == 403
    assert epicor.get("Erp.BO.PurTermsSvc/PurTerms").status_code == 200


@pytest.mark.parametrize(("company", "status"), [("EPIC01", 403), ("NOWHERE", 400)])
def test_companies_out_of_reach(epicor: Client, company: str, status: int) -> None:
    epicor.company = company
    assert epicor.get(VENDORS).status_code == status


def test_v1_takes_the_company_from_the_header_and_ignores_the_key(epicor: Client) -> None:
    url = f"{epicor.server.url}/kinetic/api/v1/Erp.BO.CompanySvc/Companies"
    headers = without(epicor, "x-api-key")
    for company in ("EPIC06", "EPIC07"):
        settings = {"CallSettings": f'{{"Company":"{company}"}}'}
        answer = epicor.http.get(url, headers=headers | settings).json()
        assert [row["Company1"] for row in answer["value"]] == [company]
        assert isinstance(answer["value"][0]["SysRevID"], str)
    assert epicor.http.get(url, headers=headers | {"CallSettings": "EPIC06"}).status_code == 400


@pytest.mark.parametrize(
    "tail",
    [
        "api/v2/Erp.BO.VendorSvc/Vendors",
        "api/v2/odata/Erp.BO.VendorSvc/Vendors",
        "api/v1/odata/EPIC06/Erp.BO.VendorSvc/Vendors",
        "api/v2/odata/EPIC06/Erp.Bo.VendorSvc/Vendors",
        "api/v2/odata/EPIC06/Erp.BO.VendorSvc/vendors",
        "api/v2/odata/EPIC06/Erp.BO.APInvoiceSvc/GetNewAPInvoice",
        "api/v3/x",
    ],
)
def test_wrong_addresses_are_404(epicor: Client, tail: str) -> None:
    answer = epicor.http.get(f"{epicor.server.url}/kinetic/{tail}", headers=epicor.headers)
    assert answer.status_code == 404
    assert answer.json()["ErrorType"] == "Epicor.RESTApi.ErrorHandling.ApiException"


def test_probes(epicor: Client) -> None:
    assert epicor.post("Ice.BO.HealthCheckSvc/ListCompanies").json()["returnObj"] == "EPIC06~EPIC07"
    query = {"$select": "Company1,Name", "$top": "1", "$filter": "Company1 eq 'EPIC06'"}
    rows = epicor.get("Erp.BO.CompanySvc/Companies", **query).json()["value"]
    assert [list(row) for row in rows] == [["Company1", "Name"]]


def test_calls_are_counted_by_service_and_method(epicor: Client) -> None:
    epicor.server.reset_calls()
    epicor.get(VENDORS)
    epicor.get(f"{VENDORS}('EPIC06',101)")
    epicor.post(WHO)
    assert dict(epicor.server.calls) == {
        f"GET /{VENDORS}": 1,
        f"GET /{VENDORS}(key)": 1,
        f"POST /{WHO}": 1,
    }


def test_actions_run_over_the_control_plane(epicor: Client) -> None:
    control = f"{epicor.server.url}/_sandbox/do"
    done = epicor.http.post(control, json={"action": "revoke_key"})
    assert done.status_code == 200
    assert epicor.post(WHO).status_code == 401
    unknown: httpx.Response = epicor.http.post(control, json={"action": "handle"})
    assert unknown.status_code == 400
