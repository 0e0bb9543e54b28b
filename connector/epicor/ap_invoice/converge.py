"""Completes or changes an unposted invoice until it is the draft. Pure.

Each pass compares and sends what is missing: everything in one UpdateMaster at first, unless this
Epicor saves only the table that is named, then table by table. Rows that are changed carry their
own revision; where something was saved since they were read, they are read again first.
"""

from connector.domain.errors import HeldError, Reason
from connector.epicor.ap_invoice.changes import pending, touched
from connector.epicor.ap_invoice.conversation import Conversation, Entry, Rows, look, save
from connector.epicor.ap_invoice.rows import ACCOUNT, EXPENSE, HEADER, LINE, Row


def converge(entry: Entry, *, created: bool) -> Conversation:
    """Send what is missing or different; a table that does not become right is left after one try.

    `created`: this conversation made the invoice, so that nothing is deleted. What stays different
    is for the verification to name. Raises HeldError before it touches what is posted, has another
    sign or is not ours; QuestionError, UncertainOutcomeError. At most four writes.
    """
    tried: set[str] = set()
    at_once = not entry.named
    while rows := _next(entry, tried, at_once=at_once, created=created):
        _may_touch(entry, rows)
        if _outdated(entry, rows):
            yield from look(entry)
            continue
        table = next(iter(rows))
        header = [touched(entry.saved.header or {})]
        # Beside the header's own revision: a late copy of this call is refused.
        yield from save(entry, table, rows, {HEADER: header, **rows})
        tried.add(table)
        at_once = False
    return entry.saved


def _next(entry: Entry, tried: set[str], *, at_once: bool, created: bool) -> Rows:
    """The rows of the next UpdateMaster; the first table is the one that is named."""
    column, saved = entry.profile.stamp_column, entry.saved
    found = pending(entry.draft, saved, entry.group_id, column, created=created)
    lines = {row["InvoiceLine"]: row["RowMod"] for row in found.get(LINE, ())}
    together = lines if at_once else {}
    for table in (EXPENSE, ACCOUNT):
        rows = [row for row in found.get(table, ()) if _fits(entry, table, row, together)]
        found[table] = rows
    left = {table: rows for table, rows in found.items() if rows and table not in tried}
    if at_once:
        return left
    return dict(list(left.items())[:1])


def _fits(entry: Entry, table: str, row: Row, together: dict[int, str]) -> bool:
    """Whether a distribution or account can be sent now.

    Its line must be there or go along. A distribution usually follows its line's new amount by
    itself, which takes its revision away: it waits until the line is saved.
    """
    mark = together.get(row["InvoiceLine"])
    if mark == "U" and table == EXPENSE:
        return False
    return mark == "A" or row["InvoiceLine"] in entry.saved.lines


def _outdated(entry: Entry, rows: Rows) -> bool:
    """Whether what we know is too old to send these rows."""
    saved = entry.saved
    if saved.stale and (HEADER in rows or not entry.named):
        return True
    for table in rows:
        for row in rows[table]:
            if row["RowMod"] != "A" and not saved.shows(table, row):
                return True
            # The server makes distributions and accounts: only a look tells that there is none.
            made = table in (EXPENSE, ACCOUNT) and row["InvoiceLine"] in saved.lines
            if row["RowMod"] == "A" and made and not saved.whole:
                return True
    return False


def _may_touch(entry: Entry, rows: Rows) -> None:
    header = entry.saved.header or {}
    draft, column = entry.draft, entry.profile.stamp_column
    name = f"Invoice {draft.invoice_num} of vendor {draft.vendor_id}"
    if header.get("Posted"):
        raise HeldError(
            f"{name} is posted in Epicor and differs from the bill. Nothing was changed. Correct "
            "it by a credit in Epicor, or undo the edit in Ramp, then replay.",
            reason=Reason.CHANGED,
            detail={"why": "posted"},
        )
    if "DebitMemo" in header and header["DebitMemo"] is not draft.credit:
        raise HeldError(
            f"{name} is {'an invoice' if draft.credit else 'a credit'} in Epicor and "
            f"{'a credit' if draft.credit else 'an invoice'} in Ramp; its type cannot change. "
            "Nothing was changed. Remove it in Epicor, then enter the bill again.",
            reason=Reason.CHANGED,
            detail={"why": "credit", "credit": draft.credit},
        )
    stamp = str(header.get(column) or "").strip()
    if stamp not in ("", draft.stamp):
        raise HeldError(
            f"{name} in Epicor carries the stamp of something else ({stamp}). Nothing was "
            "changed. Compare the two: if it is the same bill, dismiss this one; if not, give it "
            "another number, here or in Ramp.",
            reason=Reason.DUPLICATE_SUSPECTED,
            detail={"why": "stamp", "stamp": stamp},
        )
    _may_delete(name, header, rows.get(LINE, []))


def _may_delete(name: str, header: Row, lines: list[Row]) -> None:
    """Only lines that the maker of the invoice saved are taken away, never a person's work."""
    for row in lines:
        hands = {str(header.get(column) or "").strip().casefold() for column in _HANDS}
        hands.add(str(row.get("ChangedBy") or "").strip().casefold())
        if row["RowMod"] == "D" and len(hands - {""}) > 1:
            raise HeldError(
                f"{name} has line {row['InvoiceLine']}, which is not on the bill and was perhaps "
                f"added by a person ({row.get('ChangedBy') or 'unknown'}). Nothing was changed. "
                "Take the line out in Epicor or correct the bill in Ramp, then replay.",
                reason=Reason.CHANGED,
                detail={"why": "line", "line": row["InvoiceLine"]},
            )


_HANDS = ("EntryPerson", "ChangedBy")
