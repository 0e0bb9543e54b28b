"""Saving, deleting, renaming and moving AP invoices through the service's methods."""

from typing import Any

from sandbox.epicor.call import Answer, Call, Dataset, Handler, whole_dataset, with_ds, worded
from sandbox.epicor.errors import ApiError, bad_call, business, not_found
from sandbox.epicor.groups import group_total, writable_group
from sandbox.epicor.invoice_rows import ACCOUNT, EXPENSE, HEAD, LINE, TABLES, InvoiceRows
from sandbox.epicor.reads import assemble
from sandbox.epicor.saving import Saver
from sandbox.epicor.tables import Row, fold

_CHILDREN = dict.fromkeys((LINE, EXPENSE, ACCOUNT, "APInvHedAttch"))


def _update(call: Call) -> Answer:
    saver = Saver(call)
    saver.save(call.ds)
    return with_ds(call, _whole_invoices(call, saver))


def _whole_invoices(call: Call, saver: Saver) -> Dataset:
    table = call.table(HEAD)
    heads = [table.rows[key] for key in saver.touched if key in table.rows]
    return assemble(call, heads, dict(_CHILDREN))


# -- UpdateMaster --------------------------------------------------------------------------------


def _update_master(call: Call) -> Answer:
    """Save as the entry screen does. Which tables are saved, and what comes back, is a switch."""
    table_name, group_id = call.params["cTableName"], call.params["cGroupID"]
    if table_name not in call.service.tables:
        raise business(f"Table '{table_name}' is not valid.", table_name)
    writable_group(call, group_id)
    for head in call.ds.get(HEAD, []):
        if head.get("RowMod") and fold(head.get("GroupID", "")) != fold(group_id):
            raise business("The invoice belongs to another group.", HEAD, "GroupID")
    question = call.switches.question("UpdateMaster")
    said = worded(question.text, (call.ds.get(HEAD) or [{}])[-1]) if question else ""
    if question and not question.saved:
        return _mastered(call, call.ds, group_id, said, saved=False)
    saver = Saver(call)
    if call.switches.update_master == "all":
        saver.save(call.ds)
        return _mastered(call, _whole_invoices(call, saver), group_id, said)
    saver.save({table_name: call.ds.get(table_name, [])})
    dataset = _saved_rows(call, saver)
    if call.switches.update_master == "echo":
        others = {name: rows for name, rows in call.ds.items() if name != table_name}
        dataset = {**others, **{name: rows for name, rows in dataset.items() if rows}}
    return _mastered(call, dataset, group_id, said)


def _saved_rows(call: Call, saver: Saver) -> Dataset:
    """The rows just saved or made by the server, as they are now."""
    dataset: Dataset = {}
    for name, row in [*saver.saved, *saver.made]:
        table = call.table(name)
        current = table.rows.get(table.key(row))
        if current is not None:
            dataset.setdefault(name, []).append(table.full(current))
    return dataset


def _mastered(
    call: Call, dataset: Dataset, group_id: str, said: str = "", *, saved: bool = True
) -> Answer:
    return None, {
        "ds": whole_dataset(call.service, dataset),
        "grpTotalInvAmt": group_total(call, group_id),
        "requiresUserInput": not saved,
        "opMessage": said,
        "opMsgChkBankRef": "",
        "opChkRevMsg": "",
        "lEnableGenLegalNum": False,
        "lUpdateRan": saved,
        "opDUAMsg": "",
    }


# -- UpdateExt -----------------------------------------------------------------------------------


class _RolledBack(Exception):  # noqa: N818  (a way out of the transaction, not an error)
    """A row failed and everything is to be undone."""


def _update_ext(call: Call) -> Answer:
    """Save rows by key without GetNew: each row is added or changed; errors come per row."""
    saver, errors = Saver(call), list[Row]()
    try:
        with call.store.transaction():
            _save_each(call, saver, errors)
            if errors and call.params["rollbackParentOnChildError"]:
                raise _RolledBack  # noqa: TRY301
    except _RolledBack:
        saver = Saver(call)
    dataset = _whole_invoices(call, saver) if saver.touched else call.ds
    outs = {"ds": whole_dataset(call.service, dataset), "errorsOccurred": bool(errors)}
    return {"BOUpdError": errors}, outs


def _save_each(call: Call, saver: Saver, errors: list[Row]) -> None:
    for name in TABLES:
        for sent in call.ds.get(name, []):
            try:
                with call.store.transaction():
                    saver.save({name: [_upsert(call, name, sent)]})
            except ApiError as error:
                errors.append(_row_error(name, error))
                if not call.params["continueProcessingOnError"]:
                    return


def _upsert(call: Call, name: str, sent: Row) -> Row:
    """The row as a change of the stored one with this key, or as a new one."""
    stored = _stored(call, name, sent)
    if stored is None:
        return {**sent, "RowMod": "A"}
    fixed = {"RowMod": "U", "SysRevID": stored["SysRevID"], "SysRowID": stored["SysRowID"]}
    return {**call.table(name).full(stored), **sent, **fixed}


def _stored(call: Call, name: str, sent: Row) -> Row | None:
    table = call.table(name)
    keys = [key for key in table.keys if key not in ("Company", "SysRowID")]
    wanted = [fold(sent.get(key, table.defaults[key])) for key in keys]
    for row in table.where("InvoiceNum", str(sent.get("InvoiceNum", ""))):
        if [fold(row.get(key, table.defaults[key])) for key in keys] == wanted:
            return row
    return None


def _row_error(table: str, error: ApiError) -> Row:
    return {
        "TableName": table,
        "ErrorLevel": "Error",
        "ErrorType": error.kind,
        "ErrorText": error.message,
        "ErrorSysRowID": "00000000-0000-0000-0000-000000000000",
    }


# -- deleting, renaming, moving ------------------------------------------------------------------


def _open_invoice(call: Call, vendor_num: int, invoice_num: str) -> Row:
    """An unposted invoice in a group this user may write. Raises 404 or 400."""
    head = call.table(HEAD).find(call.company, vendor_num, invoice_num)
    if head is None:
        raise not_found(table=HEAD)
    if head.get("Posted"):
        raise business("Invoice has been posted and cannot be changed.", HEAD)
    writable_group(call, head["GroupID"])
    return head


def _delete_by_id(call: Call) -> Answer:
    head = _open_invoice(call, call.params["vendorNum"], call.params["invoiceNum"])
    InvoiceRows(call).delete(HEAD, head)
    return None, {}


def _delete_master(call: Call) -> Answer:
    number = call.params["keyValue"]
    if not number.isdecimal():
        raise bad_call("keyValue must be the supplier's number.")
    head = _open_invoice(call, int(number), call.params["keyValue2"])
    if fold(head["GroupID"]) != fold(call.params["cGroupID"]):
        raise business("The invoice belongs to another group.", HEAD, "GroupID")
    InvoiceRows(call).delete(HEAD, head)
    total = group_total(call, head["GroupID"])
    return with_ds(call, {}, grpTotalInvAmt=total, lEnableGenLegalNum=False)


def _rename(call: Call) -> Answer:
    vendor, new = call.params["vendorNum"], call.params["newInvoiceNum"].strip()
    head = _open_invoice(call, vendor, call.params["originalInvoiceNum"])
    if not 1 <= len(new) <= 50:
        raise business("Invoice Number is required, at most 50 characters.", HEAD, "InvoiceNum")
    whole = assemble(call, [head], dict(_CHILDREN))
    InvoiceRows(call).delete(HEAD, head)
    for name, rows in whole.items():
        for row in rows:
            revision = call.store.next_revision()
            call.table(name).add({**row, "InvoiceNum": new, "SysRevID": revision})
    renamed = call.table(HEAD).find(call.company, vendor, new)
    assert renamed is not None
    return assemble(call, [renamed], dict(_CHILDREN)), {}


def _transfer(call: Call) -> Answer:
    params = call.params
    head = _open_invoice(call, params["XferInvVendorNum"], params["XferInvInvoiceNum"])
    group = writable_group(call, params["TransferToGroupID"])
    day = params["XferApplyDate"] or head["ApplyDate"]
    period = call.rules.open_period(day)
    moved = {
        **head,
        "GroupID": group["GroupID"],
        "ApplyDate": day,
        "FiscalYear": period["FiscalYear"],
        "FiscalPeriod": period["FiscalPeriod"],
        "SysRevID": call.store.next_revision(),
    }
    call.table(HEAD).put(moved)
    total = group_total(call, params["cGroupID"])
    return None, {"grpTotalInvAmt": total, "lEnableGenLegalNum": False}


def _pre_update(call: Call) -> Answer:
    asked = any(one.method == "UpdateMaster" and not one.saved for one in call.switches.questions)
    return with_ds(call, call.ds, requiresUserInput=asked)


def _check_locked(call: Call) -> Answer:
    number = call.params["keyValue"]
    head = call.table(HEAD).find(
        call.company, int(number) if number.isdecimal() else 0, call.params["keyValue2"]
    )
    if head is not None and head.get("IsLcked"):
        raise business("The invoice is locked by the review journal.", HEAD)
    return None, {}


def _locate_group(call: Call) -> Answer:
    wanted = fold(call.params["ipLocGrpVendorID"])
    found: dict[str, Any] = {"outLocGrpVendorID": "", "GroupID": ""}
    for row in call.table(HEAD).where("InvoiceNum", call.params["ipLocGrpInvoiceNum"]):
        if wanted in ("", fold(row.get("VendorNumVendorID", ""))) and not row.get("Posted"):
            found = {"outLocGrpVendorID": row["VendorNumVendorID"], "GroupID": row["GroupID"]}
    return None, found


METHODS: dict[str, Handler] = {
    "Update": _update,
    "UpdateMaster": _update_master,
    "UpdateExt": _update_ext,
    "DeleteByID": _delete_by_id,
    "DeleteMaster": _delete_master,
    "ChangeInvoiceNumber": _rename,
    "TransferInvoiceToGroup": _transfer,
    "PreUpdate": _pre_update,
    "CheckDocumentIsLocked": _check_locked,
    "InvokeLocateGroupID": _locate_group,
}
