"""A thin client for the tests of the Epicor stand-in: login, calls, and the shortest invoice."""

from decimal import Decimal
from typing import Any

import httpx

from sandbox.epicor.app import Epicor
from sandbox.server import StandIn

AP = "Erp.BO.APInvoiceSvc"
GRP = "Erp.BO.APInvGrpSvc"
DAY = "2026-11-02T00:00:00"
CHECKS = {
    "runChkCPay": False,
    "runChkBankRef": False,
    "runChkRevChrg": False,
    "suppressUserPrompts": True,
}


class Client:
    """Calls one stand-in as the integration user, v2 with an API key."""

    def __init__(self, server: StandIn, app: Epicor, company: str = "EPIC06") -> None:
        self.app = app
        self.server = server
        self.company = company
        self.http = httpx.Client(timeout=10)
        token = self.http.post(
            f"{server.url}/connect/token",
            data={
                "grant_type": "client_credentials",
                "client_id": "sandbox-epicor-client",
                "client_secret": "sandbox-epicor-client-secret",
                "scope": "epicor_erp",
            },
        ).json()
        self.headers = {
            "Authorization": f"Bearer {token['access_token']}",
            "x-api-key": "sandbox-api-key",
            "Accept": "application/json",
        }

    def url(self, tail: str) -> str:
        return f"{self.server.url}/kinetic/api/v2/odata/{self.company}/{tail}"

    def get(self, tail: str, **query: Any) -> httpx.Response:
        return self.http.get(self.url(tail), params=query or None, headers=self.headers)

    def post(self, tail: str, body: Any = None) -> httpx.Response:
        return self.http.post(self.url(tail), json=body or {}, headers=self.headers)

    def call(self, service: str, method: str, **params: Any) -> dict[str, Any]:
        answer = self.post(f"{service}/{method}", params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def vendor(self, vendor_id: str = "ACME") -> dict[str, Any]:
        rows = self.get("Erp.BO.VendorSvc/Vendors", **{"$filter": f"VendorID eq '{vendor_id}'"})
        return rows.json()["value"][0]

    def any_vendor(self) -> dict[str, Any]:
        text = "Inactive eq false and TermsCode ne '' and CurrencyCode eq 'USD'"
        query = {"$filter": text, "$top": "1"}
        return self.get("Erp.BO.VendorSvc/Vendors", **query).json()["value"][0]

    def group(self, code: str = "R261102A", day: str = DAY) -> str:
        new = self.call(GRP, "GetNewAPInvGrpNoLock", ds={})["parameters"]["ds"]
        new["APInvGrp"][0] |= {"GroupID": code, "ApplyDate": day}
        answer = self.post(f"{GRP}/Update", {"ds": new})
        assert answer.status_code in (200, 409), answer.text
        return code

    def skeleton(self, group: str, *, credit: bool = False) -> dict[str, Any]:
        method = "GetNewAPInvHedDebitMemo" if credit else "GetNewAPInvHedInvoice"
        return self.call(AP, method, ds={}, cGroupID=group)["parameters"]["ds"]

    def invoice(
        self,
        number: str,
        lines: list[tuple[str, str]],
        *,
        group: str = "R261102A",
        credit: bool = False,
        **head: Any,
    ) -> dict[str, Any]:
        """The tableset of a new invoice with lines (amount, account)."""
        ds = self.skeleton(group, credit=credit)
        vendor = self.any_vendor()
        total = sum((Decimal(amount) for amount, _ in lines), Decimal(0))
        key = {"VendorNum": vendor["VendorNum"], "InvoiceNum": number}
        ds["APInvHed"][0] |= {
            **key,
            "InvoiceDate": DAY,
            "ApplyDate": DAY,
            "TermsCode": "N30",
            "CurrencyCode": "USD",
            "ScrDocInvoiceVendorAmt": float(total),
            "ExternalID": f"stamp-{number.strip()}",
            **head,
        }
        for index, (amount, account) in enumerate(lines, start=1):
            at = {**key, "InvoiceLine": index, "RowMod": "A"}
            ds["APInvDtl"].append(
                {**at, "LineType": "M", "ScrVendorQty": 1, "ScrDocExtCost": float(amount),
                 "DocUnitCost": float(amount), "Description": f"Line {index}"}
            )  # fmt: skip
            ds["APInvExp"].append({**at, "InvExpSeq": 1, "DocScrExpAmt": float(amount)})
            ds["APInvExpTGLC"].append({**at, "InvExpSeq": 1, "GLAccount": account})
        return ds

    def master(self, ds: Any, table: str = "APInvHed", group: str = "R261102A") -> httpx.Response:
        body = {"ds": ds, "cGroupID": group, "cTableName": table, **CHECKS}
        return self.post(f"{AP}/UpdateMaster", body)

    def by_id(self, vendor_num: int, number: str) -> httpx.Response:
        return self.post(f"{AP}/GetByID", {"vendorNum": vendor_num, "invoiceNum": number})
