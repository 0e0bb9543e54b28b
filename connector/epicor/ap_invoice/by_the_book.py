"""The writer `by_the_book`: a new invoice call by call, as the entry screen makes it. Pure."""

from collections.abc import Generator
from typing import Any

from connector.epicor.ap_invoice.converge import converge
from connector.epicor.ap_invoice.conversation import (
    Conversation,
    Entry,
    EpicorProfile,
    Reply,
    Rows,
    Step,
    look,
    new_row,
    save,
    skeleton,
)
from connector.epicor.ap_invoice.draft import APInvoiceDraft
from connector.epicor.ap_invoice.rows import (
    HEADER,
    LINE,
    Row,
    SavedInvoice,
    day,
    equal,
    header_row,
    line_rows,
    typed,
)


def by_the_book(
    draft: APInvoiceDraft, group_id: str, saved: SavedInvoice | None, profile: EpicorProfile
) -> Conversation:
    """Every Change… call of the screen, the header saved, each line saved, then the accounts.

    Always read back at its end. What was begun is completed without the screen's calls. Raises
    QuestionError for every question that a call asks, HeldError, UncertainOutcomeError.
    """
    entry = Entry.of(draft, group_id, saved, profile)
    if entry.saved.header is not None:
        return (yield from converge(entry, created=False))
    ds = yield from _enter_header(entry)
    for number in range(1, len(draft.lines) + 1):
        ds = yield from _enter_line(entry, number, ds)
    yield from converge(entry, created=True)
    if not entry.saved.whole:
        yield from look(entry)
    return entry.saved


def _enter_header(entry: Entry) -> Generator[Step, Reply, Rows]:
    draft = entry.draft
    ds, _ = yield from skeleton(entry)
    ds = yield from _change(
        entry, "ChangeVendorID", ds, ProposedVendorID=draft.vendor_id, confirmCheck=False
    )
    ds = _with(ds, HEADER, InvoiceNum=draft.invoice_num)
    invoice_day = day(draft.invoice_date)
    ds = yield from _change(
        entry, "ChangeInvoiceDateWithDateCheck", ds, ProposedInvoiceDate=invoice_day, recalcAmts=""
    )
    ds = yield from _change_defaults(entry, ds)
    amount = typed(draft.total, draft)
    ds = yield from _change(entry, "ChangeInvoiceVendorAmt", ds, ProposedInvoiceVendorAmt=amount)
    row = header_row(_newest(ds, HEADER), draft, entry.profile.stamp_column)
    return (yield from save(entry, HEADER, {HEADER: [row]}, _with(ds, HEADER, **row)))


def _change_defaults(entry: Entry, ds: Rows) -> Generator[Step, Reply, Rows]:
    """What the vendor and the dates brought along and the bill wants otherwise; terms before
    the due date, because they set it."""
    draft = entry.draft
    if not equal(_newest(ds, HEADER).get("ApplyDate"), draft.apply_date):
        ds = yield from _change(
            entry,
            "OnChangeofApplyDateWithDateCheck",
            ds,
            VendorNum=draft.vendor_num,
            InvoiceNum=draft.invoice_num,
            recalcAmts="",
            NewApplyDate=day(draft.apply_date),
        )
    row = _newest(ds, HEADER)
    rates = draft.rate_group or str(row.get("RateGrpCode") or "")
    if (row.get("CurrencyCode"), row.get("RateGrpCode") or "") != (draft.currency_code, rates):
        ds = yield from _change(
            entry,
            "ChangeCurrencyMaster",
            ds,
            ProposedCurrencyCode=draft.currency_code,
            vRateGrpCode=rates,
        )
    if not equal(_newest(ds, HEADER).get("TermsCode"), draft.terms_code):
        ds = yield from _change(entry, "ChangeTermsCode", ds, ProposedTermsCode=draft.terms_code)
    if not equal(_newest(ds, HEADER).get("DueDate"), draft.due_date):
        ds = yield from _change(entry, "ChangeDueDate", ds, ProposedDueDate=day(draft.due_date))
    return ds


def _enter_line(entry: Entry, number: int, ds: Rows) -> Generator[Step, Reply, Rows]:
    """One line with an explicit number, so that a late copy of this call is refused."""
    draft, method = entry.draft, "GetNewAPInvDtlMiscellaneous"
    asked = {"ds": ds, "iVendorNum": draft.vendor_num, "cInvoiceNum": draft.invoice_num}
    ds, _ = new_row(entry, method, (yield Step(method, asked, writes=False)), LINE)
    amount = typed(draft.lines[number - 1].amount, draft)
    ds = yield from _change(entry, "ChangeExtCost", ds, LINE, ProposedExtCost=amount)
    row = line_rows(draft, number, entry.group_id)[LINE]
    ds = _with(ds, LINE, **row)
    return (yield from save(entry, LINE, {LINE: [row]}, ds))


def _change(
    entry: Entry, method: str, ds: Rows, table: str = HEADER, **parameters: Any
) -> Generator[Step, Reply, Rows]:
    """One Change… call: the dataset it gives back goes into the next one. Raises QuestionError."""
    step = Step(method, {**parameters, "ds": ds}, writes=False)
    ds, _ = new_row(entry, method, (yield step), table)
    return ds


def _newest(ds: Rows, table: str) -> Row:
    """The row that is being entered."""
    return [row for row in ds[table] if row.get("RowMod") == "A"][-1]


def _with(ds: Rows, table: str, **values: Any) -> Rows:
    """The dataset with these values in the row that is being entered."""
    new = _newest(ds, table)
    others = [row for row in ds[table] if row is not new]
    return {**ds, table: [*others, {**new, **values}]}
