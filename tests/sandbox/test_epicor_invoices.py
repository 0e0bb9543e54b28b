"""Entering, changing and deleting AP invoices in the Epicor stand-in."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from sandbox.epicor.app import Epicor
from sandbox.server import StandIn
from sandbox.world import World
from tests.sandbox.epicor_client import AP, CHECKS, DAY, GRP, Client

RENT, TRAVEL = "6000|01|000", "6000|01|100"
TABLES = ("APInvHed", "APInvDtl", "APInvExp", "APInvExpTGLC")


@pytest.fixture(scope="module")
def world() -> World:
    return World(1, 40)


@pytest.fixture
def epicor(world: World) -> Iterator[Client]:
    app = Epicor(world)
    server = StandIn.of("epicor", app).start()
    client = Client(server, app)
    client.group()
    yield client
    client.http.close()
    server.stop()


def refused(answer: Any, status: int, text: str) -> None:
    assert answer.status_code == status, answer.text
    assert text in answer.json()["ErrorMessage"]


def counts(ds: dict[str, Any]) -> dict[str, int]:
    return {name: len(ds[name]) for name in TABLES}


def stored(epicor: Client, number: str) -> dict[str, Any]:
    return epicor.by_id(epicor.any_vendor()["VendorNum"], number).json()["returnObj"]


# -- the first entry -----------------------------------------------------------------------------


def test_a_skeleton_saves_nothing(epicor: Client) -> None:
    before = epicor.get(f"{AP}/APInvoices/$count").text
    row = epicor.skeleton("R261102A")["APInvHed"][0]
    assert (row["RowMod"], row["SysRevID"], row["GroupID"]) == ("A", 0, "R261102A")
    assert row["ApplyDate"] == DAY
    assert epicor.get(f"{AP}/APInvoices/$count").text == before
    unknown = epicor.post(f"{AP}/GetNewAPInvHedInvoice", {"ds": {}, "cGroupID": "NOPE"})
    refused(unknown, 400, "does not exist")


def test_one_call_saves_the_whole_invoice(epicor: Client) -> None:
    answer = epicor.master(epicor.invoice("INV-1", [("1000.10", RENT), ("-200.05", TRAVEL)]))
    out = answer.json()["parameters"]
    assert list(out) == [
        "ds", "grpTotalInvAmt", "requiresUserInput", "opMessage", "opMsgChkBankRef",
        "opChkRevMsg", "lEnableGenLegalNum", "lUpdateRan", "opDUAMsg",
    ]  # fmt: skip
    assert (out["lUpdateRan"], out["requiresUserInput"], out["grpTotalInvAmt"]) == (
        True, False, 800.05,
    )  # fmt: skip
    rows = [row for name in TABLES for row in out["ds"][name]]
    assert counts(out["ds"]) == dict(zip(TABLES, (1, 2, 2, 2), strict=True))
    assert {row["RowMod"] for row in rows} == {""}
    assert min(row["SysRevID"] for row in rows) > 0
    whole = stored(epicor, "INV-1")
    head = whole["APInvHed"][0]
    assert head["DocInvoiceVendorAmt"] == head["DocInvoiceAmt"] == 800.05
    assert head["DocInvoiceVariance"] == 0
    assert (head["ChangedBy"], head["ExternalID"]) == ("integration", "stamp-INV-1")
    assert [row["GLAccount"] for row in whole["APInvExpTGLC"]] == [RENT, TRAVEL]
    assert [row["DocExpAmt"] for row in whole["APInvExp"]] == [1000.10, -200.05]
    assert (head["FiscalYear"], head["FiscalPeriod"]) == (2026, 11)


def test_amounts_come_back_exactly(epicor: Client) -> None:
    epicor.master(epicor.invoice("INV-1", [("0.10", RENT), ("0.20", TRAVEL)]))
    text = epicor.by_id(epicor.any_vendor()["VendorNum"], "INV-1").text
    assert '"DocInvoiceVendorAmt":0.30' in text


def test_a_credit_is_entered_positive_and_stored_negative(epicor: Client) -> None:
    epicor.master(epicor.invoice("CR-1", [("50", RENT)], credit=True))
    whole = stored(epicor, "CR-1")
    head, line, expense = (whole[name][0] for name in TABLES[:3])
    assert head["DebitMemo"] is True
    assert (head["ScrDocInvoiceVendorAmt"], head["DocInvoiceVendorAmt"]) == (50.0, -50.0)
    assert (line["ScrDocExtCost"], line["DocExtCost"]) == (50.0, -50.0)
    assert (expense["DocScrExpAmt"], expense["DocExpAmt"]) == (50.0, -50.0)
    assert head["DocInvoiceVariance"] == line["DocVariance"] == 0


def test_a_foreign_currency_is_converted_at_its_rate(epicor: Client) -> None:
    epicor.master(epicor.invoice("EUR-1", [("100", RENT)], CurrencyCode="EUR"))
    head = stored(epicor, "EUR-1")["APInvHed"][0]
    assert head["ExchangeRate"] not in (0, 1)
    assert Decimal(str(head["InvoiceAmt"])) == Decimal(str(head["ExchangeRate"])) * 100


def test_lines_without_distribution_get_one_from_the_server(epicor: Client) -> None:
    ds = epicor.invoice("INV-1", [("10", RENT)])
    ds["APInvExp"], ds["APInvExpTGLC"] = [], []
    ds["APInvDtl"][0]["InvoiceLine"] = 0
    epicor.master(ds)
    whole = stored(epicor, "INV-1")
    assert whole["APInvDtl"][0]["InvoiceLine"] == 1
    assert (whole["APInvExp"][0]["InvExpSeq"], whole["APInvExp"][0]["DocExpAmt"]) == (1, 10.0)
    assert whole["APInvExpTGLC"][0]["GLAccount"].count("|") == 2


def test_unit_cost_times_quantity_gives_the_amount(epicor: Client) -> None:
    ds = epicor.invoice("INV-1", [("30", RENT)])
    ds["APInvDtl"][0] |= {"ScrDocExtCost": 0, "DocUnitCost": 10, "ScrVendorQty": 3}
    ds["APInvExp"] = []
    epicor.master(ds)
    assert stored(epicor, "INV-1")["APInvDtl"][0]["DocExtCost"] == 30.0


# -- refusals ------------------------------------------------------------------------------------


def test_a_number_is_unique_per_supplier_trimmed_and_caseless(epicor: Client) -> None:
    assert epicor.master(epicor.invoice("Inv-1", [("10", RENT)])).status_code == 200
    again = epicor.master(epicor.invoice(" INV-1 ", [("10", RENT)]))
    refused(again, 409, "This is a duplicate entry of an existing record")
    assert again.json()["ErrorType"].endswith("DuplicateRecordException")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"VendorNum": 999999}, "Supplier is invalid"),
        ({"InvoiceNum": "   "}, "Invoice Number is required"),
        ({"InvoiceNum": "N" * 51}, "at most 50"),
        ({"TermsCode": ""}, "Terms code is invalid"),
        ({"TermsCode": "ZZ"}, "Terms code is invalid"),
        ({"CurrencyCode": "XXQ"}, "Currency 'XXQ' is invalid"),
        ({"ApplyDate": "2026-06-15T00:00:00"}, "is closed"),
        ({"ApplyDate": "2031-06-15T00:00:00"}, "No fiscal period"),
        ({"InvoiceDate": None}, "Invoice Date is required"),
        ({"GroupID": "NOPE"}, "another group"),
        ({"InvoiceDate": "2026-11-02T00:00:00Z"}, "without zone"),
        ({"Nonsense": 1}, "no column Nonsense"),
        ({"ScrDocInvoiceVendorAmt": "10"}, "wrong type"),
    ],
)
def test_headers_epicor_would_refuse(epicor: Client, change: dict[str, Any], text: str) -> None:
    ds = epicor.invoice("INV-1", [("10", RENT)])
    ds["APInvHed"][0] |= change
    refused(epicor.master(ds), 400, text)


def test_an_inactive_supplier_is_refused(epicor: Client) -> None:
    ds = epicor.invoice("INV-1", [("10", RENT)])
    epicor.app.deactivate_vendor("EPIC06", ds["APInvHed"][0]["VendorNum"])
    refused(epicor.master(ds), 400, "is inactive")


def test_a_closed_period_is_refused(epicor: Client) -> None:
    ds = epicor.invoice("INV-1", [("10", RENT)])
    epicor.app.close_period("EPIC06", 2026, 11)
    refused(epicor.master(ds), 400, "is closed")


@pytest.mark.parametrize("account", ["9999|01|000", "6900|01|000", "6000-01-000", "6000|01|999"])
def test_accounts_not_in_the_chart_are_refused_and_nothing_is_saved(
    epicor: Client, account: str
) -> None:
    refused(epicor.master(epicor.invoice("INV-1", [("10", account)])), 400, "GL Account")
    vendor = epicor.any_vendor()["VendorNum"]
    assert epicor.by_id(vendor, "INV-1").status_code == 404
    assert epicor.get(f"{AP}/APInvDtls/$count", **{"$filter": "InvoiceNum eq 'INV-1'"}).text == "0"


def test_dynamic_segments_allow_accounts_that_are_not_listed(epicor: Client) -> None:
    epicor.company = "EPIC07"
    query = {"$filter": "SegValue3 eq '500' and Active"}
    assert epicor.get("Erp.BO.GLAccountSvc/GLAccounts", **query).json()["value"] == []
    body = {
        "COACode": "MAIN", "ExtCompanyID": "", "RestrictID": "", "EffectiveDate": DAY,
        "ValidateDynamicSegment": True,
    }  # fmt: skip
    check = "Erp.BO.GLAccountSvc/ValidateGLAccount"
    assert epicor.post(check, body | {"GLAccount": "6000|01|500"}).status_code == 200
    assert epicor.post(check, body | {"GLAccount": "6000|01|900"}).status_code == 400
    epicor.company = "EPIC06"
    assert epicor.post(check, body | {"GLAccount": "6000|01|900"}).status_code == 400


def test_duplicate_lines_and_foreign_line_types_are_refused(epicor: Client) -> None:
    ds = epicor.invoice("INV-1", [("10", RENT)])
    ds["APInvDtl"].append(dict(ds["APInvDtl"][0]))
    assert epicor.master(ds).status_code == 409
    ds = epicor.invoice("INV-1", [("10", RENT)])
    ds["APInvDtl"][0]["LineType"] = ""
    refused(epicor.master(ds), 400, "LineType M")


@pytest.mark.parametrize("name", ["ds", "cGroupID", "cTableName", *CHECKS])
def test_update_master_wants_all_seven_parameters(epicor: Client, name: str) -> None:
    body = {"ds": {}, "cGroupID": "R261102A", "cTableName": "APInvHed", **CHECKS}
    del body[name]
    text = f"Parameter {name} is not found in the input object"
    refused(epicor.post(f"{AP}/UpdateMaster", body), 400, text)


# -- what UpdateMaster saves ---------------------------------------------------------------------


def test_named_saves_one_table_at_a_time(epicor: Client) -> None:
    epicor.app.set_update_master("named")
    ds = epicor.invoice("INV-1", [("10", RENT), ("5", TRAVEL)])
    out = epicor.master(ds).json()["parameters"]["ds"]
    assert counts(out) == dict(zip(TABLES, (1, 0, 0, 0), strict=True))
    out = epicor.master(ds, "APInvDtl").json()["parameters"]["ds"]
    assert counts(out) == dict(zip(TABLES, (0, 2, 2, 2), strict=True))
    assert epicor.master(ds, "APInvExp").status_code == 409  # the server made them already
    accounts = [row | {"RowMod": "U", "GLAccount": TRAVEL} for row in out["APInvExpTGLC"]]
    done = epicor.master({"APInvExpTGLC": accounts}, "APInvExpTGLC").json()["parameters"]["ds"]
    assert {row["GLAccount"] for row in done["APInvExpTGLC"]} == {TRAVEL}
    assert {row["GLAccount"] for row in stored(epicor, "INV-1")["APInvExp"]} == {TRAVEL}


def test_echo_hands_back_what_it_did_not_save(epicor: Client) -> None:
    epicor.app.set_update_master("echo")
    out = epicor.master(epicor.invoice("INV-1", [("10", RENT)])).json()["parameters"]["ds"]
    assert (out["APInvHed"][0]["RowMod"], out["APInvHed"][0]["SysRevID"] > 0) == ("", True)
    line = out["APInvDtl"][0]
    assert (line["RowMod"], line.get("SysRevID", 0)) == ("A", 0)
    assert stored(epicor, "INV-1")["APInvDtl"] == []


def test_a_question_saves_nothing_and_is_asked_once(epicor: Client) -> None:
    epicor.app.ask_next("Legal number required?")
    ds = epicor.invoice("INV-1", [("10", RENT)])
    out = epicor.master(ds).json()["parameters"]
    assert (out["lUpdateRan"], out["requiresUserInput"]) == (False, True)
    assert out["opMessage"] == "Legal number required?"
    assert out["ds"]["APInvHed"][0]["RowMod"] == "A"
    assert epicor.by_id(ds["APInvHed"][0]["VendorNum"], "INV-1").status_code == 404
    assert epicor.master(ds).json()["parameters"]["lUpdateRan"] is True


def test_a_message_can_come_with_what_is_saved(epicor: Client) -> None:
    epicor.app.ask_next("Is {InvoiceNum} right?", saved=True)
    ds = epicor.invoice("INV-1", [("10", RENT)])
    out = epicor.master(ds).json()["parameters"]
    assert (out["lUpdateRan"], out["requiresUserInput"]) == (True, False)
    assert out["opMessage"] == "Is INV-1 right?"
    assert out["ds"]["APInvHed"][0]["RowMod"] == ""
    assert stored(epicor, "INV-1")["APInvDtl"]


@pytest.mark.parametrize("always", [True, False])
def test_a_change_can_ask_and_hands_its_row_on(epicor: Client, always: bool) -> None:
    epicor.app.ask_next("Vendor {VendorNumVendorID}?", "ChangeVendorID", always=always)
    vendor = epicor.any_vendor()["VendorID"]
    ds = epicor.skeleton("R261102A")
    body = {"ProposedVendorID": vendor, "confirmCheck": False, "ds": ds}
    for asked in (f"Vendor {vendor}?", f"Vendor {vendor}?" if always else ""):
        out = epicor.post(f"{AP}/ChangeVendorID", body).json()["parameters"]
        assert out["confirmMsg"] == asked
        assert out["ds"]["APInvHed"][0]["VendorNumVendorID"] == vendor
    epicor.app.ask_no_more()
    assert not epicor.post(f"{AP}/ChangeVendorID", body).json()["parameters"]["confirmMsg"]


@pytest.mark.parametrize(("method", "saved"), [("ChangeDueDate", False), ("ChangeVendorID", True)])
def test_only_what_can_ask_asks(epicor: Client, method: str, saved: bool) -> None:
    with pytest.raises(ValueError, match="cannot ask that"):
        epicor.app.ask_next("Really?", method, saved=saved)


def test_the_skeletons_name_can_differ(epicor: Client) -> None:
    body = {"ds": {}, "cGroupID": "R261102A"}
    assert epicor.post(f"{AP}/GetNewAPInvoice", body).status_code == 404
    epicor.app.rename_skeleton("GetNewAPInvoice")
    assert epicor.post(f"{AP}/GetNewAPInvoice", body).status_code == 200
    assert epicor.post(f"{AP}/GetNewAPInvHedInvoice", body).status_code == 404


# -- the entry screen's way, and the one-call way ------------------------------------------------


def test_by_the_book(epicor: Client) -> None:
    vendor = epicor.any_vendor()

    def change(method: str, ds: Any, **params: Any) -> Any:
        return epicor.call(AP, method, ds=ds, **params)["parameters"]["ds"]

    ds = epicor.skeleton("R261102A")
    ds = change("ChangeVendorID", ds, ProposedVendorID=vendor["VendorID"], confirmCheck=False)
    assert ds["APInvHed"][0]["TermsCode"] == vendor["TermsCode"]
    ds["APInvHed"][0]["InvoiceNum"] = "BOOK-1"
    ds = change(
        "ChangeInvoiceDateWithDateCheck", ds, ProposedInvoiceDate="2026-11-03", recalcAmts=""
    )
    ds = change(
        "OnChangeofApplyDateWithDateCheck", ds, VendorNum=vendor["VendorNum"],
        InvoiceNum="BOOK-1", recalcAmts="", NewApplyDate="2026-11-04",
    )  # fmt: skip
    ds = change("ChangeTermsCode", ds, ProposedTermsCode="N15")
    assert ds["APInvHed"][0]["DueDate"] == "2026-11-18T00:00:00"
    ds = change("ChangeDueDate", ds, ProposedDueDate="2026-11-20")
    ds = change("ChangeInvoiceVendorAmt", ds, ProposedInvoiceVendorAmt=25)
    ds = epicor.master(ds).json()["parameters"]["ds"]
    key = {"iVendorNum": vendor["VendorNum"], "cInvoiceNum": "BOOK-1"}
    ds = change("GetNewAPInvDtlMiscellaneous", ds, **key)
    ds = change("ChangeExtCost", ds, ProposedExtCost=25)
    ds = epicor.master(ds, "APInvDtl").json()["parameters"]["ds"]
    ds["APInvExpTGLC"][0] |= {"GLAccount": TRAVEL, "RowMod": "U"}
    assert epicor.post(f"{AP}/Update", {"ds": ds}).status_code == 200
    whole = stored(epicor, "BOOK-1")
    head = whole["APInvHed"][0]
    assert (head["ApplyDate"], head["DueDate"]) == ("2026-11-04T00:00:00", "2026-11-20T00:00:00")
    assert (head["DocInvoiceVariance"], whole["APInvExpTGLC"][0]["GLAccount"]) == (0, TRAVEL)


def ext(epicor: Client, ds: Any, *, go_on: bool = False, rollback: bool = True) -> Any:
    flags = {"continueProcessingOnError": go_on, "rollbackParentOnChildError": rollback}
    return epicor.call(AP, "UpdateExt", ds=ds, **flags)


def bare(ds: dict[str, Any]) -> dict[str, Any]:
    """Rows as UpdateExt takes them: no RowMod, no row version, and only typed columns."""
    head = ds["APInvHed"][0]
    kept = (
        "VendorNum", "InvoiceNum", "GroupID", "InvoiceDate", "ApplyDate", "TermsCode",
        "CurrencyCode", "ScrDocInvoiceVendorAmt", "ExternalID",
    )  # fmt: skip
    children = {
        name: [{key: row[key] for key in row if key != "RowMod"} for row in ds[name]]
        for name in TABLES[1:]
    }
    return {"APInvHed": [{name: head[name] for name in kept}], **children}


def test_update_ext_enters_everything_in_one_call(epicor: Client) -> None:
    out = ext(epicor, bare(epicor.invoice("EXT-1", [("7", RENT), ("3", TRAVEL)])))
    assert out["returnObj"] == {"BOUpdError": []}
    assert out["parameters"]["errorsOccurred"] is False
    whole = stored(epicor, "EXT-1")
    assert [row["GLAccount"] for row in whole["APInvExpTGLC"]] == [RENT, TRAVEL]
    assert whole["APInvHed"][0]["DocInvoiceVariance"] == 0


@pytest.mark.parametrize("rollback", [True, False])
def test_update_ext_reports_errors_per_row(epicor: Client, rollback: bool) -> None:
    ds = bare(epicor.invoice("EXT-1", [("7", RENT), ("3", "9999|01|000")]))
    out = ext(epicor, ds, rollback=rollback)
    error = out["returnObj"]["BOUpdError"][0]
    assert (error["TableName"], out["parameters"]["errorsOccurred"]) == ("APInvExpTGLC", True)
    assert "GL Account" in error["ErrorText"]
    there = epicor.by_id(epicor.any_vendor()["VendorNum"], "EXT-1").status_code
    assert there == (404 if rollback else 200)
    if not rollback:  # half an invoice: the second line has the server's own account
        assert counts(stored(epicor, "EXT-1"))["APInvDtl"] == 2


# -- changes -------------------------------------------------------------------------------------


def test_a_change_needs_the_current_row_version(epicor: Client) -> None:
    epicor.master(epicor.invoice("INV-1", [("10", RENT)]))
    first = stored(epicor, "INV-1")["APInvHed"][0] | {"RowMod": "U", "PayHold": True}
    assert epicor.master({"APInvHed": [first]}).status_code == 200
    refused(epicor.master({"APInvHed": [first]}), 400, "modified by another user")
    fresh = stored(epicor, "INV-1")["APInvHed"][0]
    assert (fresh["PayHold"], fresh["SysRevID"] > first["SysRevID"]) == (True, True)


def test_a_changed_row_must_be_whole(epicor: Client) -> None:
    epicor.master(epicor.invoice("INV-1", [("10", RENT)]))
    row = stored(epicor, "INV-1")["APInvHed"][0] | {"RowMod": "U"}
    del row["Description"]
    refused(epicor.master({"APInvHed": [row]}), 400, "column Description is missing")


def test_a_changed_line_carries_its_distribution_along(epicor: Client) -> None:
    epicor.master(epicor.invoice("INV-1", [("10", RENT)]))
    line = stored(epicor, "INV-1")["APInvDtl"][0] | {"RowMod": "U", "ScrDocExtCost": 12}
    epicor.master({"APInvDtl": [line]}, "APInvDtl")
    whole = stored(epicor, "INV-1")
    assert (whole["APInvExp"][0]["DocExpAmt"], whole["APInvDtl"][0]["DocVariance"]) == (12.0, 0)
    assert whole["APInvHed"][0]["DocInvoiceVariance"] == -2


def test_a_line_can_be_removed_with_all_below_it(epicor: Client) -> None:
    epicor.master(epicor.invoice("INV-1", [("10", RENT), ("5", TRAVEL)]))
    line = stored(epicor, "INV-1")["APInvDtl"][1] | {"RowMod": "D"}
    assert epicor.master({"APInvDtl": [line]}, "APInvDtl").status_code == 200
    assert counts(stored(epicor, "INV-1")) == dict.fromkeys(TABLES, 1)


def test_a_posted_invoice_cannot_be_changed(epicor: Client) -> None:
    epicor.master(epicor.invoice("INV-1", [("10", RENT)]))
    assert epicor.app.post_group("EPIC06", "R261102A") == 1
    head = stored(epicor, "INV-1")["APInvHed"][0]
    assert head["Posted"] is True
    epicor.group("R261102B")
    answer = epicor.post(f"{AP}/Update", {"ds": {"APInvHed": [head | {"RowMod": "U"}]}})
    refused(answer, 400, "posted")
    key = {"vendorNum": head["VendorNum"], "invoiceNum": "INV-1"}
    refused(epicor.post(f"{AP}/DeleteByID", key), 400, "posted")


def test_unposted_invoices_can_be_deleted_renamed_and_moved(epicor: Client) -> None:
    vendor = epicor.any_vendor()["VendorNum"]
    for number in ("INV-1", "INV-2", "INV-3"):
        epicor.master(epicor.invoice(number, [("10", RENT)]))
    epicor.call(AP, "DeleteByID", vendorNum=vendor, invoiceNum="INV-1")
    epicor.call(
        AP, "DeleteMaster", ds={}, cGroupID="R261102A", keyValue=str(vendor), keyValue2="INV-2"
    )
    renamed = epicor.call(
        AP, "ChangeInvoiceNumber", vendorNum=vendor, originalInvoiceNum="INV-3",
        newInvoiceNum="INV-9",
    )  # fmt: skip
    assert counts(renamed["returnObj"]) == dict.fromkeys(TABLES, 1)
    assert [epicor.by_id(vendor, f"INV-{n}").status_code for n in (1, 2, 3, 9)] == [
        404, 404, 404, 200,
    ]  # fmt: skip
    epicor.group("R261102B")
    moved = epicor.call(
        AP, "TransferInvoiceToGroup", TransferToGroupID="R261102B", XferInvVendorNum=vendor,
        XferInvInvoiceNum="INV-9", XferApplyDate=DAY, cGroupID="R261102A",
    )  # fmt: skip
    assert moved["parameters"]["grpTotalInvAmt"] == 0
    assert stored(epicor, "INV-9")["APInvHed"][0]["GroupID"] == "R261102B"


# -- groups --------------------------------------------------------------------------------------


def test_groups_are_made_once_and_take_their_period_from_the_date(epicor: Client) -> None:
    new = {"APInvGrp": [{"GroupID": "R261102A", "RowMod": "A"}]}
    assert epicor.post(f"{GRP}/Update", {"ds": new}).status_code == 409
    new["APInvGrp"][0]["GroupID"] = "R261102ABC"
    refused(epicor.post(f"{GRP}/Update", {"ds": new}), 400, "at most 9")
    one = epicor.post(f"{GRP}/APInvGrps", {"Company": "EPIC06", "GroupID": "R1", "ApplyDate": DAY})
    assert (one.status_code, one.json()["FiscalPeriod"]) == (201, 11)
    ds = {"APInvGrp": [one.json() | {"RowMod": "U"}]}
    params = {"GroupID": "R1", "NewApplyDate": "2026-10-05T00:00:00", "ds": ds}
    out = epicor.call(GRP, "OnChangeofApplyDate", **params)["parameters"]
    assert (out["ds"]["APInvGrp"][0]["FiscalPeriod"], out["DateMessage"]) == (10, "")
    epicor.call(GRP, "Update", ds=out["ds"])
    found = epicor.call(GRP, "GetByID", groupID="R1")["returnObj"]["APInvGrp"][0]
    assert found["FiscalPeriod"] == 10
    epicor.call(GRP, "DeleteByID", groupID="R1")
    assert epicor.post(f"{GRP}/GetByID", {"groupID": "R1"}).status_code == 404


def test_a_group_held_by_somebody_else_takes_no_writes(epicor: Client) -> None:
    ds = epicor.invoice("INV-1", [("10", RENT)])
    epicor.app.lock_group("EPIC06", "R261102A", "mjones")
    refused(epicor.master(ds), 400, "in use by user mjones")
    refused(epicor.post(f"{GRP}/LockAPGroup", {"groupID": "R261102A", "ds": {}}), 400, "in use")
    epicor.app.unlock_group("EPIC06", "R261102A")
    assert epicor.master(ds).status_code == 200


def test_auto_lock_holds_a_group_until_it_is_released(epicor: Client) -> None:
    epicor.app.auto_lock("EPIC06")
    epicor.group("R2")
    query = {"$filter": "GroupID eq 'R2'", "$select": "ActiveUserID"}
    held = epicor.get(f"{GRP}/APInvGrps", **query).json()["value"]
    assert held == [{"ActiveUserID": "integration"}]
    epicor.call(GRP, "UnlockGroup", InGroupID="R2")
    assert epicor.get(f"{GRP}/APInvGrps", **query).json()["value"] == [{"ActiveUserID": ""}]


# -- people, other services, the ledger ----------------------------------------------------------


def test_people_type_change_and_pay_invoices(epicor: Client) -> None:
    app, vendor = epicor.app, epicor.any_vendor()["VendorID"]
    typed = app.type_invoice("EPIC06", vendor, "HAND-1", "12.50", day="2026-11-02")
    assert (typed["ExternalID"], typed["EntryPerson"]) == ("", "jsmith")
    changed = app.edit_invoice("EPIC06", vendor, "HAND-1", {"PayHold": True})
    assert changed["SysRevID"] > typed["SysRevID"]
    app.pay_invoice("EPIC06", vendor, "HAND-1")
    paid = stored(epicor, "HAND-1")["APInvHed"][0]
    assert (paid["DocInvoiceBal"], paid["OpenPayable"]) == (0, False)
    trans = epicor.get(
        "Erp.BO.PaymentEntrySvc/APTrans", **{"$filter": "InvoiceNum eq 'HAND-1' and Posted"}
    )
    assert [row["DocTranAmt"] for row in trans.json()["value"]] == [12.5]
    app.delete_invoice("EPIC06", vendor, "HAND-1")
    assert epicor.by_id(paid["VendorNum"], "HAND-1").status_code == 404
    with pytest.raises(ValueError, match="is closed"):
        app.type_invoice("EPIC06", vendor, "HAND-2", 1, day="2026-06-02")


def test_suppliers_can_be_created_and_changed(epicor: Client) -> None:
    service = "Erp.BO.VendorSvc"
    ds = epicor.call(service, "GetNewVendor", ds={})["parameters"]["ds"]
    ds["Vendor"][0] |= {"VendorID": "NEWCO", "Name": "New Co", "TermsCode": "N30"}
    saved = epicor.call(service, "Update", ds=ds)["parameters"]["ds"]["Vendor"][0]
    assert saved["VendorNum"] > 0
    assert epicor.post(f"{service}/Update", {"ds": ds}).status_code == 409
    change = {"Vendor": [saved | {"City": "Chicago", "RowMod": "U"}]}
    epicor.call(service, "Update", ds=change)
    found = epicor.call(service, "GetByVendID", vendorID="newco")["returnObj"]["Vendor"][0]
    assert found["City"] == "Chicago"
    refused(epicor.post(f"{service}/Update", {"ds": change}), 400, "modified by another user")


def test_files_are_uploaded_and_tied_to_the_invoice(epicor: Client) -> None:
    epicor.master(epicor.invoice("INV-1", [("10", RENT)]))
    file = {"docTypeID": "", "parentTable": "APInvHed", "fileName": "a.pdf", "data": "UERG"}
    name = epicor.call("Ice.BO.AttachmentSvc", "UploadFile", **file)["returnObj"]
    vendor = epicor.any_vendor()["VendorNum"]
    row = {"Company": "EPIC06", "VendorNum": vendor, "InvoiceNum": "INV-1", "DrawDesc": "Bill",
           "FileName": name, "DocTypeID": ""}  # fmt: skip
    assert epicor.post(f"{AP}/APInvHedAttches", row).status_code == 201
    assert stored(epicor, "INV-1")["APInvHedAttch"][0]["FileName"] == name


def test_the_ledger_shows_every_invoice(epicor: Client) -> None:
    epicor.master(epicor.invoice("INV-1", [("10", RENT), ("5", TRAVEL)]))
    state = epicor.http.get(f"{epicor.server.url}/_sandbox/state").json()
    mine = [each for each in state["invoices"] if each["header"]["InvoiceNum"] == "INV-1"]
    assert len(mine) == 1
    assert [row["DocExtCost"] for row in mine[0]["lines"]] == [10.0, 5.0]
    assert [(row["GLAccount"], row["DocExpAmt"]) for row in mine[0]["distributions"]] == [
        (RENT, 10.0),
        (TRAVEL, 5.0),
    ]
    assert (mine[0]["company"], mine[0]["header"]["Posted"]) == ("EPIC06", False)


def test_writers_at_the_same_time_enter_one_number_once(epicor: Client) -> None:
    ds = epicor.invoice("RACE-1", [("10", RENT)])
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: epicor.master(ds).status_code, range(16)))
    assert sorted(answers) == [200] + [409] * 15
