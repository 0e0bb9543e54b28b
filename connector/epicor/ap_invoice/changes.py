"""What of a draft is not in Epicor yet, as rows to be sent: added, changed or deleted. Pure."""

import re
from collections.abc import Iterator
from typing import Any

from connector.epicor.ap_invoice.draft import APInvoiceDraft
from connector.epicor.ap_invoice.rows import (
    ACCOUNT,
    EXPENSE,
    HEADER,
    LINE,
    Row,
    SavedInvoice,
    as_sent,
    equal,
    header_values,
    line_rows,
    typed,
)

_SEGMENT = re.compile(r"SegValue(\d+)")
# A wording that Epicor keeps otherwise than it was sent is no reason to write again.
_WORDING = ("Description", "ExtSysURL")


def pending(
    draft: APInvoiceDraft, saved: SavedInvoice, group_id: str, stamp_column: str, *, created: bool
) -> dict[str, list[Row]]:
    """The rows that make the saved invoice the draft, by table in the order of saving.

    `created`: it was made just now, so that its wording is not looked at and nothing is deleted.
    Columns that Epicor does not show are not compared. Accounts and distributions beyond one for
    each line are left alone; the comparison at the end names them.
    """
    rows = {
        HEADER: list(_header(draft, saved, stamp_column, created=created)),
        LINE: [
            *_lines(draft, saved, group_id, created=created),
            *([] if created else _surplus(draft, saved)),
        ],
        EXPENSE: list(_expenses(draft, saved, group_id)),
        ACCOUNT: list(_accounts(draft, saved, group_id)),
    }
    return {table: found for table, found in rows.items() if found}


def touched(row: Row, **changes: Any) -> Row:
    """A saved row, whole and with its revision, as a change."""
    return {**row, **changes, "RowMod": "U"}


def _header(
    draft: APInvoiceDraft, saved: SavedInvoice, stamp_column: str, *, created: bool
) -> Iterator[Row]:
    header = saved.header or {}
    changes = {}
    for name, value in header_values(draft, stamp_column).items():
        wording = created and name in _WORDING
        foreign = name == stamp_column and header.get(name)
        if not wording and not foreign and _differs(header, name, value, draft):
            changes[name] = as_sent(value)
    if changes:
        yield touched(header, **changes)


def _differs(header: Row, name: str, value: Any, draft: APInvoiceDraft) -> bool:
    if name == "ScrDocInvoiceVendorAmt" and "DocInvoiceVendorAmt" in header:
        return not equal(header["DocInvoiceVendorAmt"], draft.total)
    return name in header and not equal(header[name], value)


def _lines(
    draft: APInvoiceDraft, saved: SavedInvoice, group_id: str, *, created: bool
) -> Iterator[Row]:
    for number, line in enumerate(draft.lines, start=1):
        wanted = line_rows(draft, number, group_id)[LINE]
        row = saved.lines.get(number)
        if row is None:
            yield wanted
            continue
        reworded = not created and _off(row, "Description", line.description)
        if reworded or _off(row, "DocExtCost", line.amount):
            columns = ("Description", "ScrVendorQty", "DocUnitCost", "ScrDocExtCost")
            yield touched(row, **{name: wanted[name] for name in columns})


def _surplus(draft: APInvoiceDraft, saved: SavedInvoice) -> Iterator[Row]:
    for number, row in sorted(saved.lines.items()):
        if not 1 <= number <= len(draft.lines):
            yield {**row, "RowMod": "D"}


def _expenses(draft: APInvoiceDraft, saved: SavedInvoice, group_id: str) -> Iterator[Row]:
    for number, line in enumerate(draft.lines, start=1):
        row = saved.expenses.get((number, 1))
        if row is None:
            if not _any_of(number, saved.expenses):
                yield line_rows(draft, number, group_id)[EXPENSE]
        elif _off(row, "DocExpAmt", line.amount):
            yield touched(row, DocScrExpAmt=typed(line.amount, draft))


def _accounts(draft: APInvoiceDraft, saved: SavedInvoice, group_id: str) -> Iterator[Row]:
    for number, line in enumerate(draft.lines, start=1):
        row = saved.accounts.get((number, 1))
        if row is None:
            if not _any_of(number, saved.accounts):
                yield line_rows(draft, number, group_id)[ACCOUNT]
        elif row.get("GLAccount") != line.account:
            yield touched(row, GLAccount=line.account, **_segments(row, line.account))


def _segments(row: Row, account: str) -> Row:
    """The account's segment values; those that the account does not have are blanked."""
    blank = {name: "" for name in row if _SEGMENT.fullmatch(name)}
    values = enumerate(account.split("|"), start=1)
    return {**blank, **{f"SegValue{place}": value for place, value in values}}


def _any_of(number: int, rows: dict[tuple[int, int], Row]) -> bool:
    """Whether a line has such rows under other numbers: one more would book it twice."""
    return any(line == number for line, _ in rows)


def _off(row: Row, column: str, expected: Any) -> bool:
    return column in row and not equal(row[column], expected)
