"""The smaller services: suppliers, account checks, payments, attachments, and the cheap probes."""

from sandbox.epicor.call import Answer, Call, Handler, new_row, with_ds
from sandbox.epicor.errors import bad_call, business, duplicate, not_found
from sandbox.epicor.reads import assemble, page_of
from sandbox.epicor.tables import Row

VENDOR = "Vendor"
VERSION = "11.3.100.8"

# -- suppliers -----------------------------------------------------------------------------------


def _new_vendor(call: Call) -> Answer:
    row = new_row(call, VENDOR, CurrencyCode=call.rules.base_currency())
    return with_ds(call, {VENDOR: [*call.ds.get(VENDOR, []), row]})


def _update_vendors(call: Call) -> Answer:
    saved = []
    for sent in call.ds.get(VENDOR, []):
        if sent.get("RowMod") == "A":
            saved.append(_add_vendor(call, sent))
        elif sent.get("RowMod") == "U":
            saved.append(_change_vendor(call, sent))
        elif sent.get("RowMod") == "D":
            raise business("Suppliers are not deleted here.", VENDOR)
    table = call.table(VENDOR)
    return with_ds(call, {VENDOR: [table.full(row) for row in saved]})


def _checked_vendor(call: Call, sent: Row) -> Row:
    if not str(sent.get("VendorID", "")).strip() or not str(sent.get("Name", "")).strip():
        raise business("Supplier ID and Name are required.", VENDOR, "VendorID")
    if sent.get("TermsCode"):
        call.rules.terms(sent["TermsCode"])
    if sent.get("CurrencyCode"):
        call.rules.currency(sent["CurrencyCode"])
    fixed = {"SysRevID": call.store.next_revision(), "RowMod": "", "Company": call.company}
    return {**sent, **fixed}


def _add_vendor(call: Call, sent: Row) -> Row:
    table = call.table(VENDOR)
    row = _checked_vendor(call, sent)
    if table.where("VendorID", row["VendorID"]):
        raise duplicate(VENDOR)
    row["VendorNum"] = max((int(each["VendorNum"]) for each in table.rows.values()), default=0) + 1
    return table.add({**row, "SysRowID": call.store.next_row_id()})


def _change_vendor(call: Call, sent: Row) -> Row:
    table = call.table(VENDOR)
    old = table.find(call.company, sent.get("VendorNum", 0))
    if old is None or sent.get("SysRevID") != old["SysRevID"]:
        raise business("Row has been modified by another user and couldn't be updated.", VENDOR)
    missing = table.defaults.keys() - sent.keys()
    if missing and call.switches.complete_rows:
        raise bad_call(f"The row of Vendor is incomplete: column {min(missing)} is missing.")
    if any(row is not old for row in table.where("VendorID", sent["VendorID"])):
        raise duplicate(VENDOR)
    return table.put({**old, **_checked_vendor(call, sent), "SysRowID": old["SysRowID"]})


def _vendor_by_code(call: Call) -> Answer:
    found = call.table(VENDOR).where("VendorID", call.params["vendorID"])
    if not found:
        raise not_found(table=VENDOR)
    return assemble(call, found, dict.fromkeys(call.service.tables[1:])), {}


def _change_country(call: Call) -> Answer:
    rows = [{**row, "CountryNum": call.params["i_CountryNum"]} for row in call.ds.get(VENDOR, [])]
    return with_ds(call, {**call.ds, VENDOR: rows})


# -- accounts ------------------------------------------------------------------------------------


def _account_exists(call: Call) -> Answer:
    chart, account = call.params["ipCOACode"], call.params["ipGLAccount"]
    return call.table("GLAccount").find(call.company, chart, account) is not None, {}


def _validate_account(call: Call) -> Answer:
    """Silent when the account may be used on the day. Raises 400."""
    account = call.params["GLAccount"]
    found = call.rules.check_account(account, call.params["EffectiveDate"] or call.today)
    if found is None and not call.params["ValidateDynamicSegment"]:
        raise business(f"GL Account '{account}' is not valid.", "GLAccount", "GLAccount")
    return None, {}


# -- payments, attachments -----------------------------------------------------------------------


def _payment_data(call: Call) -> Answer:
    number, invoice = call.params["vendorNum"], call.params["invoiceNum"]
    table = call.table("APTranSearch")
    rows = [
        table.full(row)
        for row in table.rows.values()
        if row["VendorNum"] == number and row["InvoiceNum"] == invoice
    ]
    paid = sum(row["DocTranAmt"] for row in rows if row["Posted"])
    return {"APTranSearch": rows, "PaymentTotals": [{"CashRcv": paid, "DocCashRcv": paid}]}, {}


def _upload(call: Call) -> Answer:
    if not call.params["fileName"] or not call.params["data"]:
        raise business("A file name and its content are required.")
    return f"\\\\files\\{call.company}\\{call.params['fileName']}", {}


def _file_exists(call: Call) -> Answer:
    files = call.table("APInvHedAttch").rows.values()
    return any(str(row["FileName"]).endswith(call.params["fileName"]) for row in files), {}


def add_attachment(call: Call, sent: Row) -> Row:
    """POST APInvHedAttches: tie an uploaded file to an invoice. Raises 400."""
    head = call.table("APInvHed").find(
        call.company, sent.get("VendorNum", 0), sent.get("InvoiceNum", "")
    )
    if head is None:
        raise business("Invoice does not exist.", "APInvHedAttch")
    table = call.table("APInvHedAttch")
    row = {
        **sent,
        "Company": call.company,
        "InvoiceNum": head["InvoiceNum"],
        "DrawingSeq": len(table.where("InvoiceNum", head["InvoiceNum"])) + 1,
        "SysRevID": call.store.next_revision(),
        "SysRowID": call.store.next_row_id(),
    }
    return table.full(table.add(row))


# -- probes --------------------------------------------------------------------------------------


def _current_user(call: Call) -> Answer:
    return call.user, {}


def _companies(call: Call) -> Answer:
    return "~".join(call.store.companies), {}


def _company_list(call: Call) -> Answer:
    rows = [
        {"Company": row["Company1"], "Name": row.get("Name", "")}
        for row in call.table("Ice.Company").rows.values()
    ]
    page, more = page_of(rows, call)
    return {"CompanyList": page}, {"morePages": more}


def _alive(call: Call) -> Answer:
    return (1 if call.method.name == "DatabaseAlive" else None), {}


def _version(call: Call) -> Answer:
    return VERSION, {}


METHODS: dict[tuple[str, str], Handler] = {
    ("Erp.BO.VendorSvc", "GetNewVendor"): _new_vendor,
    ("Erp.BO.VendorSvc", "Update"): _update_vendors,
    ("Erp.BO.VendorSvc", "GetByVendID"): _vendor_by_code,
    ("Erp.BO.VendorSvc", "ChangeVendCountry"): _change_country,
    ("Erp.BO.GLAccountSvc", "GlAccountExists"): _account_exists,
    ("Erp.BO.GLAccountSvc", "ValidateGLAccount"): _validate_account,
    ("Erp.BO.APTranSearchSvc", "GetPaymentData"): _payment_data,
    ("Ice.BO.AttachmentSvc", "UploadFile"): _upload,
    ("Ice.BO.AttachmentSvc", "FileExists"): _file_exists,
    ("Ice.BO.UserFileSvc", "GetCurrentUserId"): _current_user,
    ("Ice.BO.UserFileSvc", "GetCompanyListForUser"): _company_list,
    ("Ice.BO.HealthCheckSvc", "ListCompanies"): _companies,
    ("Ice.BO.HealthCheckSvc", "DatabaseAlive"): _alive,
    ("Ice.BO.HealthCheckSvc", "ErpAlive"): _alive,
    ("Ice.LIB.SessionModSvc", "GetPatchLevelApp"): _version,
    ("Ice.LIB.SessionModSvc", "GetBaseLevel"): _version,
}
