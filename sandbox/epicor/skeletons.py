"""New rows and field changes of AP invoices: what a screen does before it saves. Saves nothing."""

from decimal import Decimal
from typing import Any

from sandbox.epicor.call import Answer, Call, Handler, new_row, only_row, with_ds, worded
from sandbox.epicor.errors import business
from sandbox.epicor.groups import writable_group
from sandbox.epicor.tables import Row

# The methods that can ask, and the out string in which they do.
ASKING = {
    "ChangeVendorID": "confirmMsg",
    "ChangeInvoiceDateWithDateCheck": "DateMessage",
    "OnChangeofApplyDateWithDateCheck": "DateMessage",
}
HEAD, LINE, EXPENSE, ACCOUNT = "APInvHed", "APInvDtl", "APInvExp", "APInvExpTGLC"


def _added(call: Call, table: str, row: Row) -> Answer:
    dataset = {**call.ds, table: [*call.ds.get(table, []), row]}
    return with_ds(call, dataset)


def _changed(call: Call, table: str, changes: Row, **outs: Any) -> Answer:
    row = only_row(call.ds.get(table, []), table)
    mark = row.get("RowMod") or "U"
    fresh = {**row, **changes, "RowMod": mark}
    rows = [fresh if each is row else each for each in call.ds[table]]
    return with_ds(call, {**call.ds, table: rows}, **{**outs, **_asked(call, fresh)})


def _asked(call: Call, row: Row) -> Row:
    """The question of the call, in the out string that the method has for it."""
    question = call.switches.question(call.method.name)
    return {ASKING[call.method.name]: worded(question.text, row)} if question else {}


# -- new rows ------------------------------------------------------------------------------------


def _new_head(call: Call) -> Answer:
    group = writable_group(call, call.params["cGroupID"])
    row = new_row(
        call,
        HEAD,
        GroupID=group["GroupID"],
        DebitMemo=call.method.name == "GetNewAPInvHedDebitMemo",
        InvoiceDate=call.today,
        ApplyDate=group.get("ApplyDate"),
        FiscalYear=group.get("FiscalYear", 0),
        FiscalPeriod=group.get("FiscalPeriod", 0),
        FiscalCalendarID=group.get("FiscalCalendarID", ""),
        RateGrpCode="MAIN",
        ExchangeRate=1,
        OpenPayable=True,
        EntryPerson=call.user,
    )
    return _added(call, HEAD, row)


def _new_plain_head(call: Call) -> Answer:
    number = call.params["vendorNum"]
    return _added(call, HEAD, new_row(call, HEAD, VendorNum=number, InvoiceDate=call.today))


def _saved_head(call: Call, vendor_num: int, invoice_num: str) -> Row:
    head = call.table(HEAD).find(call.company, vendor_num, invoice_num)
    if head is None:
        raise business("Invoice does not exist: save the header first.", HEAD)
    writable_group(call, head["GroupID"])
    return head


def _child_row(call: Call, table: str, vendor: str, invoice: str, **values: Any) -> Row:
    head = _saved_head(call, call.params[vendor], call.params[invoice])
    key = {"VendorNum": head["VendorNum"], "InvoiceNum": head["InvoiceNum"]}
    return new_row(call, table, **key, GroupID=head["GroupID"], **values)


def _new_line(call: Call) -> Answer:
    row = _child_row(
        call, LINE, "iVendorNum", "cInvoiceNum", LineType="M", ScrVendorQty=1, PUM="EA"
    )
    return _added(call, LINE, row)


def _new_expense(call: Call) -> Answer:
    line = call.params["invoiceLine"]
    row = _child_row(call, EXPENSE, "vendorNum", "invoiceNum", InvoiceLine=line, AllowUpdate=True)
    return _added(call, EXPENSE, row)


def _new_account(call: Call) -> Answer:
    row = _child_row(
        call,
        ACCOUNT,
        "vendorNum",
        "invoiceNum",
        InvoiceLine=call.params["invoiceLine"],
        InvExpSeq=call.params["invExpSeq"],
        UserCanModify=True,
        RelatedToFile=EXPENSE,
    )
    return _added(call, ACCOUNT, row)


# -- changes of the header -----------------------------------------------------------------------


def _change_vendor(call: Call) -> Answer:
    vendor = call.rules.vendor({"VendorNumVendorID": call.params["ProposedVendorID"]})
    currency = vendor.get("CurrencyCode") or call.rules.base_currency()
    changes = {
        "VendorNum": vendor["VendorNum"],
        "VendorNumVendorID": vendor["VendorID"],
        "VendorNumName": vendor.get("Name", ""),
        "TermsCode": vendor.get("TermsCode", ""),
        "CurrencyCode": currency,
        "CurrencyCodeCurrencyID": currency,
    }
    row = only_row(call.ds.get(HEAD, []), HEAD)
    if changes["TermsCode"] and row.get("InvoiceDate"):
        changes["DueDate"] = call.rules.due_date(changes["TermsCode"], row["InvoiceDate"])
    return _changed(call, HEAD, changes, confirmMsg="")


def _change_invoice_date(call: Call) -> Answer:
    day = _day(call.params["ProposedInvoiceDate"], "InvoiceDate")
    row = only_row(call.ds.get(HEAD, []), HEAD)
    changes = {"InvoiceDate": day}
    if row.get("TermsCode"):
        changes["DueDate"] = call.rules.due_date(row["TermsCode"], day)
    return _changed(call, HEAD, changes, cMessageText="", DateMessage="")


def _change_apply_date(call: Call) -> Answer:
    day = _day(call.params["NewApplyDate"], "ApplyDate")
    period = call.rules.open_period(day)
    changes = {
        "ApplyDate": day,
        "FiscalYear": period["FiscalYear"],
        "FiscalPeriod": period["FiscalPeriod"],
        "FiscalCalendarID": period["FiscalCalendarID"],
    }
    return _changed(call, HEAD, changes, DateMessage="")


def _change_currency(call: Call) -> Answer:
    row = only_row(call.ds.get(HEAD, []), HEAD)
    code = call.rules.currency(call.params["ProposedCurrencyCode"])["CurrencyCode"]
    group = call.params["vRateGrpCode"]
    rate = call.rules.rate(code, group, row.get("InvoiceDate") or call.today)
    changes = {
        "CurrencyCode": code,
        "CurrencyCodeCurrencyID": code,
        "RateGrpCode": group or "MAIN",
        "ExchangeRate": rate,
    }
    return _changed(call, HEAD, changes, vExchangeRate=rate, vXRateLabel="")


def _change_terms(call: Call) -> Answer:
    terms = call.rules.terms(call.params["ProposedTermsCode"])
    row = only_row(call.ds.get(HEAD, []), HEAD)
    day = row.get("InvoiceDate") or call.today
    changes = {
        "TermsCode": terms["TermsCode"],
        "TermsCodeDescription": terms.get("Description", ""),
        "DueDate": call.rules.due_date(terms["TermsCode"], day),
    }
    return _changed(call, HEAD, changes)


def _change_due_date(call: Call) -> Answer:
    return _changed(call, HEAD, {"DueDate": _day(call.params["ProposedDueDate"], "DueDate")})


def _change_total(call: Call) -> Answer:
    amount = call.params["ProposedInvoiceVendorAmt"]
    row = only_row(call.ds.get(HEAD, []), HEAD)
    stored = -Decimal(amount) if row.get("DebitMemo") else amount
    changes = {"ScrDocInvoiceVendorAmt": amount, "DocInvoiceVendorAmt": stored}
    return _changed(call, HEAD, changes)


def _day(value: str | None, column: str) -> str:
    if value is None:
        raise business(f"{column} is required.", HEAD, column)
    return value


# -- changes of lines and distributions ----------------------------------------------------------


def _change_amount(call: Call) -> Answer:
    amount = Decimal(call.params["ProposedExtCost"])
    row = only_row(call.ds.get(LINE, []), LINE)
    quantity = Decimal(row.get("ScrVendorQty") or 1)
    changes = {"ScrDocExtCost": amount, "ScrVendorQty": quantity, "DocUnitCost": amount / quantity}
    return _changed(call, LINE, changes)


def _change_quantity(call: Call) -> Answer:
    quantity = Decimal(call.params["ProposedVendorQty"])
    row = only_row(call.ds.get(LINE, []), LINE)
    amount = quantity * Decimal(row.get("DocUnitCost", 0))
    return _changed(call, LINE, {"ScrVendorQty": quantity, "ScrDocExtCost": amount})


def _change_cost(call: Call) -> Answer:
    cost = Decimal(call.params["ProposedUnitCost"])
    row = only_row(call.ds.get(LINE, []), LINE)
    amount = cost * Decimal(row.get("ScrVendorQty", 0))
    return _changed(call, LINE, {"DocUnitCost": cost, "ScrDocExtCost": amount})


def _change_part(call: Call) -> Answer:
    return _changed(call, LINE, {"PartNum": call.params["ProposedPartNum"]})


def _change_distribution(call: Call) -> Answer:
    return _changed(call, EXPENSE, {"DocScrExpAmt": call.params["ProposedAmt"]})


METHODS: dict[str, Handler] = {
    "GetNewAPInvHedInvoice": _new_head,
    "GetNewAPInvHedDebitMemo": _new_head,
    "GetNewAPInvHed": _new_plain_head,
    "GetNewAPInvDtlMiscellaneous": _new_line,
    "GetNewAPInvExp": _new_expense,
    "GetNewAPInvExpTGLC": _new_account,
    "ChangeVendorID": _change_vendor,
    "ChangeInvoiceDateWithDateCheck": _change_invoice_date,
    "OnChangeofApplyDateWithDateCheck": _change_apply_date,
    "ChangeCurrencyMaster": _change_currency,
    "ChangeTermsCode": _change_terms,
    "ChangeDueDate": _change_due_date,
    "ChangeInvoiceVendorAmt": _change_total,
    "ChangeExtCost": _change_amount,
    "ChangeVendorQty": _change_quantity,
    "ChangeUnitCost": _change_cost,
    "ChangePartNum": _change_part,
    "ChangeExpLineAmt": _change_distribution,
}
