"""AP invoice groups (batches): made, dated, locked, released, deleted."""

from decimal import Decimal

from sandbox.epicor.call import Answer, Call, Handler, new_row, only_row, with_ds
from sandbox.epicor.errors import business, not_found
from sandbox.epicor.reads import get_by_id, get_rows
from sandbox.epicor.tables import Row, fold

GROUP = "APInvGrp"


def find_group(call: Call, group_id: str) -> Row:
    """A group by its code. Raises 400."""
    found = call.table(GROUP).find(call.company, group_id) if group_id.strip() else None
    if found is None:
        raise business(f"Group '{group_id}' does not exist.", GROUP, "GroupID")
    return found


def writable_group(call: Call, group_id: str) -> Row:
    """A group this user may write into: not posting, not held by somebody else. Raises 400."""
    group = find_group(call, group_id)
    holder = group.get("ActiveUserID", "")
    if holder and holder != call.user:
        raise business(f"Group {group['GroupID']} is in use by user {holder}.", GROUP)
    if group.get("PostInProcess"):
        raise business(f"Group {group['GroupID']} is being posted.", GROUP)
    return group


def auto_lock(call: Call) -> bool:
    """Whether groups lock to the user who opens them (XbSyst.AutoLockFinGroups)."""
    rows = call.table("XbSyst").rows.values()
    return any(row.get("AutoLockFinGroups") for row in rows)


def put_group(call: Call, group: Row, **changes: object) -> Row:
    """Store a changed group with a new row version."""
    merged = {**group, **changes, "SysRevID": call.store.next_revision(), "RowMod": ""}
    return call.table(GROUP).put(merged)


def group_total(call: Call, group_id: str) -> Decimal:
    """The sum of a group's invoices in base money."""
    return call.store.group_totals.get((call.company, fold(group_id)), Decimal(0))


def _new_group(call: Call) -> Answer:
    lock = call.method.name == "GetNewAPInvGrp" and auto_lock(call)
    period = _dated(call, call.today)
    row = new_row(
        call,
        GROUP,
        CreatedBy=call.user,
        ActiveUserID=call.user if lock else "",
        **period,
    )
    return with_ds(call, {GROUP: [*call.ds.get(GROUP, []), row]})


def _dated(call: Call, day: str) -> Row:
    period = call.rules.period_of(day)
    return {
        "ApplyDate": day,
        "FiscalYear": period["FiscalYear"],
        "FiscalPeriod": period["FiscalPeriod"],
        "FiscalCalendarID": period["FiscalCalendarID"],
    }


def _update(call: Call) -> Answer:
    saved = []
    for sent in call.ds.get(GROUP, []):
        mark = sent.get("RowMod")
        if mark == "A":
            saved.append(save_new_group(call, sent))
        elif mark in ("U", "D"):
            group = writable_group(call, sent.get("GroupID", ""))
            if sent.get("SysRevID") != group["SysRevID"]:
                text = "Row has been modified by another user and couldn't be updated."
                raise business(text, GROUP)
            if mark == "U":
                saved.append(put_group(call, group, **_dated(call, sent["ApplyDate"])))
            else:
                _remove(call, group)
    table = call.table(GROUP)
    return with_ds(call, {GROUP: [table.full(row) for row in saved]})


def save_new_group(call: Call, sent: Row) -> Row:
    """Store a new group. Raises 400 without a code, 409 when it exists."""
    code = str(sent.get("GroupID", "")).strip()
    if not code:
        raise business("Group ID is required.", GROUP, "GroupID")
    lock = bool(sent.get("ActiveUserID")) or auto_lock(call)
    row = {
        "Company": call.company,
        "GroupID": code,
        "CreatedBy": call.user,
        "ActiveUserID": call.user if lock else "",
        **_dated(call, sent.get("ApplyDate") or call.today),
        "SysRevID": call.store.next_revision(),
        "SysRowID": call.store.next_row_id(),
    }
    return call.table(GROUP).add(row)


def _update_ext(call: Call) -> Answer:
    for sent in call.ds.get(GROUP, []):
        found = call.table(GROUP).find(call.company, sent.get("GroupID", ""))
        if found is None:
            save_new_group(call, sent)
        elif sent.get("ApplyDate"):
            group = writable_group(call, found["GroupID"])
            put_group(call, group, **_dated(call, sent["ApplyDate"]))
    return {"BOUpdError": []}, {"ds": call.ds, "errorsOccurred": False}


def _change_apply_date(call: Call) -> Answer:
    row = only_row(call.ds.get(GROUP, []), GROUP)
    changed = {**row, **_dated(call, call.params["NewApplyDate"] or call.today)}
    rows = [changed if each is row else each for each in call.ds[GROUP]]
    return with_ds(call, {GROUP: rows}, DateMessage="")


def _get_by_id(call: Call) -> Answer:
    answer = get_by_id(call)
    if not auto_lock(call):
        return answer
    group = writable_group(call, call.params["groupID"])
    if not group.get("ActiveUserID"):
        put_group(call, group, ActiveUserID=call.user)
    return get_by_id(call)


def _lock(call: Call) -> Answer:
    group = writable_group(call, call.params["groupID"])
    locked = put_group(call, group, ActiveUserID=call.user)
    return with_ds(call, {GROUP: [call.table(GROUP).full(locked)]})


def _unlock(call: Call) -> Answer:
    group = find_group(call, call.params["groupID"])
    if group.get("ActiveUserID") == call.user:
        group = put_group(call, group, ActiveUserID="")
    return with_ds(call, {GROUP: [call.table(GROUP).full(group)]})


def _unlock_by_id(call: Call) -> Answer:
    put_group(call, find_group(call, call.params["InGroupID"]), ActiveUserID="")
    return None, {}


def _delete(call: Call) -> Answer:
    found = call.table(GROUP).find(call.company, call.params["groupID"])
    if found is None:
        raise not_found(table=GROUP)
    _remove(call, writable_group(call, found["GroupID"]))
    return None, {}


def _remove(call: Call, group: Row) -> None:
    invoices = call.table("APInvHed").where("GroupID", group["GroupID"])
    if any(not row.get("Posted") for row in invoices):
        raise business("The group has invoices and cannot be deleted.", GROUP)
    call.table(GROUP).remove(group)


METHODS: dict[str, Handler] = {
    "GetByID": _get_by_id,
    "GetRowsUseLockSetting": get_rows,
    "GetNewAPInvGrp": _new_group,
    "GetNewAPInvGrpNoLock": _new_group,
    "Update": _update,
    "UpdateExt": _update_ext,
    "OnChangeofApplyDate": _change_apply_date,
    "LockAPGroup": _lock,
    "UnlockAPGroup": _unlock,
    "UnlockGroup": _unlock_by_id,
    "DeleteByID": _delete,
}
