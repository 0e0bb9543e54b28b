"""What people do in Epicor while we are not looking: type, change, post, pay, lock, delete."""

from decimal import Decimal
from typing import Any

from sandbox.epicor import groups
from sandbox.epicor.call import Call
from sandbox.epicor.contract import COLUMNS
from sandbox.epicor.invoice_rows import ACCOUNT, EXPENSE, HEAD, LINE, InvoiceRows
from sandbox.epicor.saving import Saver
from sandbox.epicor.tables import Row, fold

ALWAYS = (
    "Company", "VendorNum", "VendorNumVendorID", "InvoiceNum", "GroupID", "DebitMemo",
    "InvoiceDate", "ApplyDate", "DueDate", "TermsCode", "CurrencyCode", "DocInvoiceVendorAmt",
    "DocInvoiceAmt", "DocInvoiceVariance", "Description", "ExternalID", "ExtSysURL", "PayHold",
    "InvoiceHeld", "Posted", "EntryPerson", "ChangedBy", "SysRevID",
)  # fmt: skip


def vendor_of(call: Call, vendor: int | str) -> Row:
    """A supplier by number or code. Raises ValueError."""
    column = "VendorNum" if isinstance(vendor, int) else "VendorID"
    found = call.table("Vendor").where(column, vendor)
    if not found:
        raise ValueError(f"No supplier {vendor!r} in {call.company}.")
    return found[0]


def invoice_of(call: Call, vendor: int | str, number: str) -> Row:
    """An invoice's header. Raises ValueError."""
    head = call.table(HEAD).find(call.company, vendor_of(call, vendor)["VendorNum"], number)
    if head is None:
        raise ValueError(f"No invoice {number!r} of {vendor!r} in {call.company}.")
    return head


def type_invoice(call: Call, vendor: int | str, number: str, total: Decimal, **given: Any) -> Row:
    """Enter an invoice as a person does: header, one line, one account, no stamp."""
    supplier = vendor_of(call, vendor)
    day = str(given.get("day") or call.today)[:10] + "T00:00:00"
    group = str(given.get("group") or "HAND01")
    if call.table("APInvGrp").find(call.company, group) is None:
        groups.save_new_group(call, {"GroupID": group, "ApplyDate": day})
    key = {"VendorNum": supplier["VendorNum"], "InvoiceNum": number}
    head = {
        **key,
        "RowMod": "A",
        "GroupID": group,
        "DebitMemo": total < 0,
        "InvoiceDate": day,
        "ApplyDate": str(given.get("apply_day") or day)[:10] + "T00:00:00",
        "TermsCode": supplier.get("TermsCode") or "N30",
        "CurrencyCode": given.get("currency") or supplier.get("CurrencyCode", ""),
        "ScrDocInvoiceVendorAmt": abs(total),
        "Description": given.get("description", "Typed from paper"),
        "ExternalID": given.get("external_id", ""),
    }
    line = {**key, "InvoiceLine": 1, "LineType": "M", "RowMod": "A", "ScrDocExtCost": abs(total)}
    account = {**key, "InvoiceLine": 1, "InvExpSeq": 1, "RowMod": "A"}
    account["GLAccount"] = given.get("account") or call.rules.default_account()
    Saver(call).save({HEAD: [head], LINE: [line], ACCOUNT: [account]})
    return call.table(HEAD).full(invoice_of(call, supplier["VendorNum"], number))


def edit_invoice(call: Call, vendor: int | str, number: str, changes: Row) -> Row:
    """Change header columns by hand. Raises ValueError for an unknown column."""
    unknown = changes.keys() - COLUMNS[HEAD].keys()
    if unknown:
        raise ValueError(f"APInvHed has no column {min(unknown)}.")
    head = invoice_of(call, vendor, number)
    by = {"ChangedBy": call.user, "ChangeDate": call.today}
    changed = {**head, **changes, **by, "SysRevID": call.store.next_revision()}
    if changed["InvoiceNum"] != head["InvoiceNum"]:
        raise ValueError("Rename through ChangeInvoiceNumber.")
    return call.table(HEAD).full(call.table(HEAD).put(changed))


def delete_invoice(call: Call, vendor: int | str, number: str) -> None:
    """Delete an invoice with all its rows."""
    InvoiceRows(call).delete(HEAD, invoice_of(call, vendor, number))


def post_group(call: Call, group: str) -> int:
    """Post a group to the ledger: its invoices become final, its record goes. Returns how many."""
    found = groups.find_group(call, group)
    heads = call.table(HEAD).where("GroupID", group)
    for head in heads:
        posted = {"Posted": True, "GLPosted": True, "SysRevID": call.store.next_revision()}
        call.table(HEAD).put({**head, **posted})
        for name in (LINE, EXPENSE):
            for row in call.table(name).where("InvoiceNum", head["InvoiceNum"]):
                if row["VendorNum"] == head["VendorNum"]:
                    call.table(name).put({**row, "Posted": True})
    call.table("APInvGrp").remove(found)
    return len(heads)


def pay_invoice(call: Call, vendor: int | str, number: str, amount: Decimal | None) -> Row:
    """A posted payment of an invoice (the whole balance when no amount is given)."""
    head = invoice_of(call, vendor, number)
    balance = Decimal(head.get("DocInvoiceBal", 0))
    paid = balance if amount is None else amount
    number_of_payments = len(call.table("CheckHed").rows) + 1
    shared = {
        "Company": call.company,
        "HeadNum": number_of_payments,
        "VendorNum": head["VendorNum"],
        "CurrencyCode": head["CurrencyCode"],
        "Posted": True,
        "SysRowID": call.store.next_row_id(),
        "SysRevID": call.store.next_revision(),
    }
    tran = {
        **shared,
        "APTranNo": 1,
        "TranType": "Pay",
        "InvoiceNum": head["InvoiceNum"],
        "TranDate": call.today,
        "DocTranAmt": paid,
        "TranAmt": paid,
        "ChangedBy": call.user,
        "ChangeDate": call.today,
    }
    call.table("CheckHed").add(
        {**shared, "CheckDate": call.today, "DocCheckAmt": paid, "CheckNum": number_of_payments}
    )
    call.table("APTran").add({**tran, "GLPosted": True})
    call.table("APTranSearch").add(tran)
    left = balance - paid
    changes = {"DocInvoiceBal": left, "InvoiceBal": left, "OpenPayable": left != 0}
    revision = {"SysRevID": call.store.next_revision()}
    call.table(HEAD).put({**head, **changes, **revision})
    return tran


def close_period(call: Call, year: int, period: int, *, closed: bool) -> None:
    """Close or open a period of the main book. Raises ValueError."""
    table = call.table("GLBookPer")
    for row in list(table.rows.values()):
        if (row["FiscalYear"], row["FiscalPeriod"]) == (year, period):
            revision = call.store.next_revision()
            table.put({**row, "ClosedPeriod": closed, "SysRevID": revision})
            return
    raise ValueError(f"No period {period} of {year}.")


def ledger(call: Call) -> list[Row]:
    """Every invoice of the company: header, lines, distributions with their accounts."""
    accounts: dict[tuple[Any, ...], str] = {}
    for row in call.table(ACCOUNT).rows.values():
        accounts[_place(row)] = row.get("GLAccount", "")
    lines: dict[tuple[Any, ...], list[Row]] = {}
    for row in call.table(LINE).rows.values():
        lines.setdefault(_place(row)[:2], []).append(dict(row))
    distributions: dict[tuple[Any, ...], list[Row]] = {}
    for row in call.table(EXPENSE).rows.values():
        shown = {
            "InvoiceLine": row["InvoiceLine"],
            "InvExpSeq": row["InvExpSeq"],
            "DocExpAmt": row.get("DocExpAmt", 0),
            "GLAccount": accounts.get(_place(row), ""),
        }
        distributions.setdefault(_place(row)[:2], []).append(shown)
    table = call.table(HEAD)
    return [
        {
            "header": {**{name: table.defaults[name] for name in ALWAYS}, **head},
            "lines": sorted(lines.get(_place(head)[:2], []), key=_in_order),
            "distributions": sorted(distributions.get(_place(head)[:2], []), key=_in_order),
        }
        for head in table.rows.values()
    ]


def _place(row: Row) -> tuple[Any, ...]:
    number = fold(row["InvoiceNum"])
    return row["VendorNum"], number, row.get("InvoiceLine", 0), row.get("InvExpSeq", 0)


def _in_order(row: Row) -> tuple[int, int]:
    return row["InvoiceLine"], row.get("InvExpSeq", 0)
