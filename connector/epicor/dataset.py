"""An AP invoice as Epicor's dataset rows, and back: drafts to rows, rows to what is saved. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from connector.domain.draft import APInvoiceDraft, DraftLine

Row = dict[str, Any]
Dataset = Mapping[str, Any]

HEADER, LINE, EXPENSE, ACCOUNT = "APInvHed", "APInvDtl", "APInvExp", "APInvExpTGLC"
TABLES = (HEADER, LINE, EXPENSE, ACCOUNT)


def day(value: date) -> str:
    """A calendar day in Epicor's form; the time means nothing and no zone is named."""
    return f"{value.isoformat()}T00:00:00"


def header_row(skeleton: Row, draft: APInvoiceDraft, stamp_column: str) -> Row:
    """The new header: the skeleton's row with the draft's values. Credits are typed positive."""
    row = {
        **skeleton,
        "Company": draft.company,
        "VendorNum": draft.vendor_num,
        "VendorNumVendorID": draft.vendor_id,
        "InvoiceNum": draft.invoice_num,
        "InvoiceDate": day(draft.invoice_date),
        "ApplyDate": day(draft.apply_date),
        "TermsCode": draft.terms_code,
        "DueDate": day(draft.due_date),
        "CurrencyCode": draft.currency_code,
        "ScrDocInvoiceVendorAmt": _typed(draft.total, draft),
        "Description": draft.description,
        "ExtSysURL": draft.url,
        "PayHold": draft.pay_hold,
        stamp_column: draft.stamp,
        "RowMod": "A",
    }
    if draft.rate_group:
        row["RateGrpCode"] = draft.rate_group
    return row


def line_rows(draft: APInvoiceDraft, number: int, group_id: str) -> dict[str, Row]:
    """The rows of line `number` (1-based): the line, its distribution and its account."""
    line = draft.lines[number - 1]
    key = {
        "Company": draft.company,
        "VendorNum": draft.vendor_num,
        "InvoiceNum": draft.invoice_num,
        "InvoiceLine": number,
    }
    return {
        LINE: {**key, **_line(line, draft, group_id)},
        EXPENSE: {**key, "InvExpSeq": 1, "DocScrExpAmt": _typed(line.amount, draft), "RowMod": "A"},
        ACCOUNT: {
            **key,
            "InvExpSeq": 1,
            "IsExternalCompany": False,
            "GLAccount": line.account,
            "RowMod": "A",
        },
    }


def _line(line: DraftLine, draft: APInvoiceDraft, group_id: str) -> Row:
    amount = _typed(line.amount, draft)
    return {
        "LineType": "M",
        "Description": line.description,
        "ScrVendorQty": 1,  # quantity times price would round; one times the amount does not
        "DocUnitCost": amount,
        "ScrDocExtCost": amount,
        "DebitMemo": draft.credit,
        "GroupID": group_id,
        "RowMod": "A",
    }


def _typed(amount: Decimal, draft: APInvoiceDraft) -> Decimal:
    return -amount if draft.credit else amount


@dataclass(slots=True)
class SavedInvoice:
    """What Epicor has saved of one invoice: only rows with RowMod "" and a SysRevID.

    `stale` says that something was saved after the header row was last seen, so that its totals
    prove nothing.
    """

    header: Row | None = None
    stale: bool = False
    lines: dict[int, Row] = field(default_factory=dict)
    expenses: dict[tuple[int, int], Row] = field(default_factory=dict)
    accounts: dict[tuple[int, int], Row] = field(default_factory=dict)

    def take(self, ds: Dataset, vendor_num: int, invoice_num: str) -> None:
        """Add the saved rows of this invoice that `ds` carries; echoed unsaved rows are not."""
        self.stale = True
        for row in saved_rows(ds, HEADER, vendor_num, invoice_num):
            self.header, self.stale = row, False
        for row in saved_rows(ds, LINE, vendor_num, invoice_num):
            self.lines[int(row["InvoiceLine"])] = row
        for row in saved_rows(ds, EXPENSE, vendor_num, invoice_num):
            self.expenses[int(row["InvoiceLine"]), int(row["InvExpSeq"])] = row
        for row in saved_rows(ds, ACCOUNT, vendor_num, invoice_num):
            self.accounts[int(row["InvoiceLine"]), int(row["InvExpSeq"])] = row

    @property
    def group_id(self) -> str:
        """The group it lies in."""
        return str((self.header or {}).get("GroupID", ""))


def saved_rows(ds: Dataset, table: str, vendor_num: int, invoice_num: str) -> Iterator[Row]:
    """The rows of `table` in `ds` that belong to this invoice and are really saved."""
    for row in ds.get(table) or ():
        ours = row.get("VendorNum") == vendor_num and same_number(
            str(row.get("InvoiceNum", "")), invoice_num
        )
        if ours and not row.get("RowMod") and int(row.get("SysRevID") or 0) > 0:
            yield row


def same_number(one: str, other: str) -> bool:
    """Whether two invoice numbers are the same key: trimmed and caseless, as Epicor compares."""
    return one.strip().casefold() == other.strip().casefold()


def differences(draft: APInvoiceDraft, saved: SavedInvoice, stamp_column: str) -> list[str]:
    """Every point in which the saved invoice is not the draft, as short sentences."""
    header = saved.header
    if header is None:
        return ["The invoice is not there."]
    found = [
        f"{name} is {header.get(name)!r}, expected {expected!r}"
        for name, expected in _expected_header(draft, stamp_column)
        if not _equal(header.get(name), expected)
    ]
    numbers = set(range(1, len(draft.lines) + 1))
    if set(saved.lines) != numbers:
        there = ", ".join(map(str, sorted(saved.lines))) or "none"
        found.append(f"It has the lines {there}, expected 1 to {len(numbers)}")
    for number, line in enumerate(draft.lines, start=1):
        found += _line_differences(number, line, saved)
    booked = sum((_number(row.get("DocExpAmt")) for row in saved.expenses.values()), Decimal(0))
    if booked != draft.total:
        found.append(f"The distributions add up to {booked}, expected {draft.total}")
    return found


def _expected_header(draft: APInvoiceDraft, stamp_column: str) -> list[tuple[str, Any]]:
    return [
        ("DebitMemo", draft.credit),
        ("InvoiceDate", draft.invoice_date),
        ("ApplyDate", draft.apply_date),
        ("DueDate", draft.due_date),
        ("TermsCode", draft.terms_code),
        ("CurrencyCode", draft.currency_code),
        ("DocInvoiceVendorAmt", draft.total),
        ("DocInvoiceAmt", draft.total),
        ("DocInvoiceVariance", Decimal(0)),
        ("PayHold", draft.pay_hold),
        (stamp_column, draft.stamp),
    ]


def _line_differences(number: int, line: DraftLine, saved: SavedInvoice) -> list[str]:
    row = saved.lines.get(number)
    if row is None:
        return []  # the line count says it
    found = []
    if not _equal(row.get("DocExtCost"), line.amount):
        found.append(f"Line {number} is {row.get('DocExtCost')}, expected {line.amount}")
    accounts = [acc.get("GLAccount") for (n, _), acc in saved.accounts.items() if n == number]
    if accounts != [line.account]:
        found.append(f"Line {number} is booked on {accounts}, expected {line.account}")
    return found


def _equal(actual: Any, expected: Any) -> bool:
    if isinstance(expected, bool):
        return actual is expected
    if isinstance(expected, date):
        return str(actual or "")[:10] == expected.isoformat()
    if isinstance(expected, Decimal):
        return actual is not None and _number(actual) == expected
    return bool(str(actual if actual is not None else "").strip() == expected)


def _number(value: Any) -> Decimal:
    return Decimal(str(value)) if value is not None else Decimal(0)
