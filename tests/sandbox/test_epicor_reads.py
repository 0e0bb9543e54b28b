"""Reading from the Epicor stand-in: OData sets, GetRows, GetList, GetByID, $metadata."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.epicor.app import Epicor
from sandbox.epicor.contract import SERVICES
from sandbox.server import StandIn
from sandbox.world import World
from tests.sandbox.epicor_client import Client

VENDORS = "Erp.BO.VendorSvc/Vendors"
ACCOUNTS = "Erp.BO.GLAccountSvc/GLAccounts"


@pytest.fixture(scope="module")
def shared() -> Iterator[Client]:
    app = Epicor(World(1, 200))
    server = StandIn.of("epicor", app).start()
    client = Client(server, app)
    yield client
    client.http.close()
    server.stop()


@pytest.fixture
def epicor(shared: Client) -> Client:
    shared.app.heavy([])
    shared.company = "EPIC06"
    return shared


def clauses(service: str, **given: str) -> dict[str, Any]:
    """Every parameter of a service's GetRows, blank where not given."""
    names = [name for name, _ in SERVICES[service].methods["GetRows"].params]
    return dict.fromkeys(names, "") | {"pageSize": 0, "absolutePage": 1} | given


def test_every_set_that_the_world_fills_answers(epicor: Client) -> None:
    filled = {
        "Erp.BO.VendorSvc/Vendors", "Erp.BO.PurTermsSvc/PurTerms",
        "Erp.BO.CurrencySvc/Currencies", "Erp.BO.CurrExRateSvc/CurrExRates",
        "Erp.BO.GLAccountSvc/GLAccounts", "Erp.BO.COASvc/COAs", "Erp.BO.COASvc/COASegments",
        "Erp.BO.COASegValuesSvc/COASegValues", "Erp.BO.GLBookSvc/GLBooks",
        "Erp.BO.GLBookPerSearchSvc/GLBookPerSearches", "Erp.BO.ClosePeriodSvc/ClosePeriods",
        "Erp.BO.FiscalCalSvc/FiscalPers", "Erp.BO.FiscalPerSearchSvc/FiscalPerSearches",
        "Erp.BO.EADSvc/EADs", "Erp.BO.CompanySvc/Companies", "Erp.BO.CompanySvc/APSysts",
        "Erp.BO.CompanySvc/GLSysts", "Erp.BO.CompanySvc/XbSysts", "Ice.BO.CompanySvc/Companies",
        "Erp.BO.APInvoiceSvc/APInvoices", "Erp.BO.APInvoiceSvc/APInvDtls",
        "Erp.BO.APInvoiceSvc/APInvExps", "Erp.BO.APInvoiceSvc/APInvExpTGLCs",
        "Erp.BO.APInvSearchSvc/APInvSearches", "Erp.BO.APInvGrpSvc/APInvGrps",
        "Erp.BO.APInvoiceSvc/List", "Erp.BO.VendorSvc/List",
    }  # fmt: skip
    for tail in sorted(filled):
        answer = epicor.get(tail)
        assert answer.status_code == 200, tail
        assert answer.json()["value"], tail


def test_a_page_is_100_rows_and_never_more_than_1000(epicor: Client) -> None:
    total = int(epicor.get(f"{ACCOUNTS}/$count").text)
    assert total > 100
    assert len(epicor.get(ACCOUNTS).json()["value"]) == 100
    assert len(epicor.get(ACCOUNTS, **{"$top": "5000"}).json()["value"]) == min(total, 1000)
    tail = epicor.get(ACCOUNTS, **{"$skip": str(total - 3), "$count": "true"}).json()
    assert (len(tail["value"]), tail["@odata.count"]) == (3, total)


def test_select_filter_and_order(epicor: Client) -> None:
    query = {
        "$select": "VendorID,SysRevID",
        "$filter": "Inactive eq false and startswith(VendorID,'A')",
        "$orderby": "VendorID desc",
    }
    rows = epicor.get(VENDORS, **query).json()["value"]
    ids = [row["VendorID"] for row in rows]
    assert ids == sorted(ids, reverse=True)
    assert {tuple(row) for row in rows} == {("VendorID", "SysRevID")}
    assert all(name.startswith("A") for name in ids)


def test_dates_need_a_zone_and_no_quotes(epicor: Client) -> None:
    invoices = "Erp.BO.APInvoiceSvc/APInvoices"
    good = epicor.get(invoices, **{"$filter": "InvoiceDate ge 2026-01-01T00:00:00Z"})
    assert good.status_code == 200
    for wrong in ("InvoiceDate ge 2026-01-01", "InvoiceDate ge '2026-01-01T00:00:00Z'"):
        refused = epicor.get(invoices, **{"$filter": wrong})
        assert refused.status_code == 400
        assert refused.json()["ErrorType"].endswith("ODataException")


@pytest.mark.parametrize(
    "query",
    [
        {"$filter": "Nothing eq 1"},
        {"$select": "vendorid"},
        {"$orderby": "Nothing"},
        {"$top": "-1"},
        {"$compute": "VendorNum as X"},
        {"filter": "VendorNum eq 1"},
        {"$expand": "VendCnts"},
    ],
)
def test_wrong_options_are_refused(epicor: Client, query: dict[str, str]) -> None:
    assert epicor.get(VENDORS, **query).status_code == 400


def test_a_row_by_key(epicor: Client) -> None:
    vendor = epicor.any_vendor()
    row = epicor.get(f"{VENDORS}('EPIC06',{vendor['VendorNum']})").json()
    assert row["VendorID"] == vendor["VendorID"]
    assert epicor.get(f"{VENDORS}('EPIC06',999999)").status_code == 404
    account = epicor.get(ACCOUNTS, **{"$top": "1"}).json()["value"][0]["GLAccount1"]
    encoded = account.replace("|", "%7C")
    found = epicor.get(f"{ACCOUNTS}('EPIC06','MAIN','{encoded}')").json()
    assert found["GLAccount1"] == account


def test_heavy_services_fail_over_odata_only(epicor: Client) -> None:
    epicor.app.heavy(["Erp.BO.VendorSvc"])
    answer = epicor.get(VENDORS)
    assert answer.status_code == 500
    assert "internal problem" in answer.json()["ErrorMessage"]
    body = clauses("Erp.BO.VendorSvc", whereClauseVendor="VendorNum > 0")
    assert epicor.post("Erp.BO.VendorSvc/GetRows", body).status_code == 200


def test_get_rows_pages_and_says_when_more_is_to_come(epicor: Client) -> None:
    service, seen, page = "Erp.BO.VendorSvc", [], 1
    while True:
        body = clauses(service, whereClauseVendor="SysRevID > 0 BY SysRevID")
        body |= {"pageSize": 7, "absolutePage": page}
        answer = epicor.post(f"{service}/GetRows", body).json()
        seen += [row["SysRevID"] for row in answer["returnObj"]["Vendor"]]
        if not answer["parameters"]["morePages"]:
            break
        page += 1
    assert seen == sorted(seen)
    assert len(seen) == int(epicor.get(f"{VENDORS}/$count").text) > 7


def test_get_rows_gives_children_of_the_parents_it_found(epicor: Client) -> None:
    head = epicor.get("Erp.BO.APInvoiceSvc/APInvoices", **{"$top": "1"}).json()["value"][0]
    clause = f"VendorNum = {head['VendorNum']} and InvoiceNum = '{head['InvoiceNum']}'"
    service = "Erp.BO.APInvoiceSvc"
    body = clauses(service, whereClauseAPInvHed=clause, whereClauseAPInvExp="1=0")
    found = epicor.post(f"{service}/GetRows", body).json()["returnObj"]
    assert [row["InvoiceNum"] for row in found["APInvHed"]] == [head["InvoiceNum"]]
    assert {row["InvoiceNum"] for row in found["APInvDtl"]} == {head["InvoiceNum"]}
    assert (found["APInvExp"], found["APInvTax"]) == ([], [])


def test_parameters_must_be_all_there_and_no_more(epicor: Client) -> None:
    url = "Erp.BO.PurTermsSvc/GetList"
    whole = {"whereClause": "", "pageSize": 0, "absolutePage": 0}
    assert epicor.post(url, whole).status_code == 200
    missing = epicor.post(url, {"whereClause": "", "pageSize": 0})
    assert missing.status_code == 400
    text = "Parameter absolutePage is not found in the input object"
    assert missing.json()["ErrorMessage"] == text
    assert epicor.post(url, whole | {"extra": 1}).status_code == 400
    assert epicor.post(url, whole | {"pageSize": "0"}).status_code == 400
    assert epicor.get(url, **whole).status_code == 200


def test_list_rows_have_no_row_version_and_invoices_no_stamp(epicor: Client) -> None:
    whole = {"whereClause": "", "pageSize": 1, "absolutePage": 1}
    vendors = epicor.post("Erp.BO.VendorSvc/GetList", whole).json()["returnObj"]["VendorList"]
    heads = epicor.post("Erp.BO.APInvoiceSvc/GetList", whole).json()["returnObj"]["APInvHedList"]
    accounts = epicor.post("Erp.BO.GLAccountSvc/GetList", whole).json()["returnObj"]
    assert "SysRevID" not in vendors[0]
    assert not {"SysRevID", "ExternalID"} & heads[0].keys()
    assert accounts["GLAccountList"][0]["GLAccount"].count("|") == 2


def test_an_unquoted_date_in_a_clause_is_a_server_error(epicor: Client) -> None:
    url = "Erp.BO.APInvoiceSvc/GetList"
    body = {"whereClause": "InvoiceDate >= 2026-01-01", "pageSize": 1, "absolutePage": 1}
    assert epicor.post(url, body).status_code == 500
    body["whereClause"] = "InvoiceDate >= '2026-01-01'"
    assert epicor.post(url, body).status_code == 200


def test_get_by_id(epicor: Client) -> None:
    chart = epicor.post("Erp.BO.COASvc/GetByID", {"coACode": "MAIN"}).json()["returnObj"]
    assert [row["SegmentNbr"] for row in chart["COASegment"]] == [1, 2, 3]
    company = epicor.post("Erp.BO.CompanySvc/GetByID", {"company": "EPIC06"}).json()["returnObj"]
    assert company["APSyst"][0]["Company"] == "EPIC06"
    missing = epicor.post("Erp.BO.VendorSvc/GetByID", {"vendorNum": 999999})
    assert missing.status_code == 404
    assert missing.json()["ErrorType"].endswith("RecordNotFoundException")


def test_metadata_names_columns_and_lengths(epicor: Client) -> None:
    answer = epicor.get("Erp.BO.APInvoiceSvc/$metadata")
    assert answer.headers["content-type"].startswith("application/xml")
    assert '<Property Name="ExternalID" Type="Edm.String" MaxLength="50" />' in answer.text
    assert '<EntityType Name="APInvHed"><Key><PropertyRef Name="Company" />' in answer.text
    vendor = epicor.get("Erp.BO.VendorSvc/$metadata").text
    assert '<Property Name="Name" Type="Edm.String" MaxLength="50" />' in vendor


def test_companies_do_not_see_each_other(epicor: Client) -> None:
    text = {"$filter": "Company ne 'EPIC07'"}
    epicor.company = "EPIC07"
    assert epicor.get(VENDORS, **text).json()["value"] == []
