"""What a connector is measured against: `python -m bench.one_after_the_other RAMP EPICOR`.

This script reads the bills that Ramp has ready, and for each one looks into Epicor, asks for an
empty invoice, saves it and tells Ramp, one call after the other. It codes nothing, checks
nothing and is safe against nothing: what it does is only what cannot be left out. It prints how
many invoices it saved. Nothing of the connector is imported.
"""

import sys
from typing import Any

import httpx

from sandbox.world import World

Row = dict[str, Any]
INVOICES = "Erp.BO.APInvoiceSvc"
GROUPS = "Erp.BO.APInvGrpSvc"
GROUP = "SCRIPT"


class Epicor:
    """One company's methods and sets."""

    def __init__(self, http: httpx.Client, settings: Row, company: str) -> None:
        self.name = company
        self._http = http
        self._root = f"{settings['base_url']}/api/v2/odata/{company}"

    def run(self, service: str, method: str, body: Row) -> Row:
        """Call a method; what it gave back by name."""
        answer = self._http.post(f"{self._root}/{service}/{method}", json=body)
        if answer.status_code == 400:
            return {"ds": {}}  # refused
        found: Row = answer.raise_for_status().json()
        return found.get("parameters") or {}

    def rows(self, service: str, entity_set: str, query: Row) -> list[Row]:
        """Rows of a set."""
        answer = self._http.get(f"{self._root}/{service}/{entity_set}", params=query)
        found: list[Row] = answer.raise_for_status().json()["value"]
        return found


def main(arguments: list[str]) -> int:
    """Enter every bill that Epicor takes; of a vendor without mapping under any one."""
    ramp_url, epicor_url = arguments
    world = World(bills=1)
    file: Row = world.tenant_file(ramp_url, epicor_url.removesuffix("/kinetic"))
    vendor_ids = {row["ramp_id"]: row["epicor_id"] for row in world.mapping_files()["vendors"]}
    accounts = {row["ramp_id"]: row["epicor_id"] for row in world.mapping_files()["gl_accounts"]}
    account = next(iter(accounts.values()))
    terms = file["posting"]["default_terms"]
    saved = 0
    with httpx.Client(timeout=60) as ramp, httpx.Client(timeout=60) as epicor:
        _log_in(ramp, f"{ramp_url}/developer/v1/token", file["ramp"])
        _log_in(epicor, file["epicor"]["auth"]["token_url"], file["epicor"]["auth"])
        epicor.headers["x-api-key"] = file["epicor"]["api_key"]
        for entity in file["entities"]:
            company = Epicor(epicor, file["epicor"], entity["company"])
            numbers = {
                row["VendorID"]: row["VendorNum"]
                for row in company.rows(
                    "Erp.BO.VendorSvc",
                    "Vendors",
                    {"$select": "VendorID,VendorNum", "$filter": "Inactive eq false"},
                )
            }
            any_vendor = next(iter(numbers.values()))
            _open_group(company)
            for bill in _bills(ramp, ramp_url, entity["ramp_entity_id"]):
                vendor_num = numbers.get(vendor_ids.get(bill["vendor"]["id"], ""), any_vendor)
                if _enter(company, bill, vendor_num, account, terms):
                    _report(ramp, ramp_url, bill["id"])
                    saved += 1
    print(saved)
    return 0


def _log_in(http: httpx.Client, url: str, login: Row) -> None:
    scope = login.get("scope", "bills:read accounting:write")
    form = {"grant_type": "client_credentials", "scope": scope}
    answer = http.post(url, data=form, auth=(login["client_id"], login["client_secret"]))
    http.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"


def _bills(http: httpx.Client, url: str, entity_id: str) -> list[Row]:
    query: Row | None = {"entity_id": entity_id, "sync_ready": "true", "page_size": 100}
    address, found = f"{url}/developer/v1/bills", []
    while address:
        answer = http.get(address, params=query).raise_for_status().json()
        found += answer["data"]
        address, query = answer["page"].get("next"), None
    return found


def _open_group(company: Epicor) -> None:
    row = company.run(GROUPS, "GetNewAPInvGrpNoLock", {"ds": {}})["ds"]["APInvGrp"][-1]
    rows = [{**row, "GroupID": GROUP, "ApplyDate": "2026-11-01T00:00:00"}]
    company.run(GROUPS, "Update", {"ds": {"APInvGrp": rows}})


def _enter(company: Epicor, bill: Row, vendor_num: int, account: str, terms: str) -> bool:
    """Look, ask for an empty invoice, save; whether it is there."""
    number = bill.get("invoice_number") or bill["id"][:20]
    wanted = f"VendorNum eq {vendor_num} and InvoiceNum eq '{number.replace(chr(39), chr(39) * 2)}'"
    query = {"$filter": wanted, "$select": "VendorNum,InvoiceNum"}
    if company.rows(INVOICES, "APInvoices", query):
        return False
    head = company.run(INVOICES, "GetNewAPInvHedInvoice", {"ds": {}, "cGroupID": GROUP})["ds"]
    total = bill["amount"]["amount"] / 100  # a script's way: the wire wants a number
    key = {"Company": company.name, "VendorNum": vendor_num, "InvoiceNum": number}
    header = {
        **head["APInvHed"][-1],
        **key,
        "InvoiceDate": bill["issued_at"][:10],
        "TermsCode": terms,
        "CurrencyCode": bill["amount"]["currency_code"],
        "ScrDocInvoiceVendorAmt": total,
        "ExternalID": bill["id"],
    }
    line = {**key, "InvoiceLine": 1, "RowMod": "A"}
    amounts = {"LineType": "M", "ScrVendorQty": 1, "DocUnitCost": total}
    saved = company.run(
        INVOICES,
        "UpdateMaster",
        {
            "ds": {
                "APInvHed": [header],
                "APInvDtl": [{**line, **amounts, "ScrDocExtCost": total, "GroupID": GROUP}],
                "APInvExp": [{**line, "InvExpSeq": 1, "DocScrExpAmt": total}],
                "APInvExpTGLC": [{**line, "InvExpSeq": 1, "GLAccount": account}],
            },
            "cGroupID": GROUP,
            "cTableName": "APInvHed",
            "runChkCPay": False,
            "runChkBankRef": False,
            "runChkRevChrg": False,
            "suppressUserPrompts": True,
        },
    )
    return any(row.get("SysRevID") for row in saved["ds"].get("APInvHed", ()))


def _report(http: httpx.Client, url: str, bill_id: str) -> None:
    body = {
        "idempotency_key": bill_id,
        "sync_type": "BILL_SYNC",
        "successful_syncs": [{"id": bill_id, "reference_id": bill_id}],
    }
    http.post(f"{url}/developer/v1/accounting/syncs", json=body).raise_for_status()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
