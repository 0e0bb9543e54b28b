"""An AP invoice as Epicor's dataset rows, and back: drafts to rows, rows to what is saved. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from connector.domain.difference import NOT_THERE, PAY_HOLD, Difference
from connector.domain.invoice_key import trimmed
from connector.epicor.ap_invoice.draft import APInvoiceDraft, DraftLine

Row = dict[str, Any]
Dataset = Mapping[str, Any]

HEADER, LINE, EXPENSE, ACCOUNT = "APInvHed", "APInvDtl", "APInvExp", "APInvExpTGLC"
TABLES = (HEADER, LINE, EXPENSE, ACCOUNT)


def day(value: date) -> str:
    """A calendar day in Epicor's form; the time means nothing and no zone is named."""
    return f"{value.isoformat()}T00:00:00"


def header_row(skeleton: Row, draft: APInvoiceDraft, stamp_column: str) -> Row:
    """The new header: the skeleton's row with the draft's values. Credits are typed positive."""
    values = header_values(draft, stamp_column)
    return {
        **skeleton,
        "Company": draft.company,
        "VendorNum": draft.vendor_num,
        "VendorNumVendorID": draft.vendor_id,
        "InvoiceNum": draft.invoice_num,
        **{name: as_sent(value) for name, value in values.items()},
        "RowMod": "A",
    }


def header_values(draft: APInvoiceDraft, stamp_column: str) -> dict[str, Any]:
    """The header's columns that a bill decides, beside the key; amounts as they are typed."""
    values: dict[str, Any] = {
        "InvoiceDate": draft.invoice_date,
        "ApplyDate": draft.apply_date,
        "TermsCode": draft.terms_code,
        "DueDate": draft.due_date,
        "CurrencyCode": draft.currency_code,
        "ScrDocInvoiceVendorAmt": typed(draft.total, draft),
        "Description": draft.description,
        "ExtSysURL": draft.url,
        "PayHold": draft.pay_hold,
        stamp_column: draft.stamp,
    }
    if draft.rate_group:
        values["RateGrpCode"] = draft.rate_group
    return values


def as_sent(value: Any) -> Any:
    """A value in the form that rows carry: days as text."""
    return day(value) if isinstance(value, date) else value


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
        EXPENSE: {**key, "InvExpSeq": 1, "DocScrExpAmt": typed(line.amount, draft), "RowMod": "A"},
        ACCOUNT: {
            **key,
            "InvExpSeq": 1,
            "IsExternalCompany": False,
            "GLAccount": line.account,
            "RowMod": "A",
        },
    }


def _line(line: DraftLine, draft: APInvoiceDraft, group_id: str) -> Row:
    amount = typed(line.amount, draft)
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


def typed(amount: Decimal, draft: APInvoiceDraft) -> Decimal:
    """An amount as a person types it: a credit's amounts are positive."""
    return -amount if draft.credit else amount


# The header's amounts that must be the bill's total.
TOTALS = (("total", "DocInvoiceVendorAmt"), ("lines_total", "DocInvoiceAmt"))

Place = tuple[str, int, int]  # table, line, distribution


@dataclass(slots=True)
class SavedInvoice:
    """What Epicor has saved of one invoice: only rows with RowMod "" and a SysRevID.

    `shown` names the rows that the latest answer showed as saved. `whole` says that the invoice
    was read and nothing was saved since: what is not here is not there.
    """

    header: Row | None = None
    lines: dict[int, Row] = field(default_factory=dict)
    expenses: dict[tuple[int, int], Row] = field(default_factory=dict)
    accounts: dict[tuple[int, int], Row] = field(default_factory=dict)
    shown: set[Place] = field(default_factory=set)
    whole: bool = False

    def take(self, ds: Dataset, vendor_num: int, invoice_num: str) -> None:
        """Add the saved rows of this invoice that the answer to a save carries.

        Echoed unsaved rows are not, and a row at a revision already known is no news.
        """
        before = self._revisions()
        self._add(ds, vendor_num, invoice_num)
        self.shown = {p for p, revision in self._revisions().items() if before.get(p) != revision}
        self.whole = False

    def see(self, ds: Dataset, vendor_num: int, invoice_num: str) -> None:
        """Replace everything by what was just read: the whole invoice, or nothing of it."""
        self.header = None
        for rows in (self.lines, self.expenses, self.accounts):
            rows.clear()
        self._add(ds, vendor_num, invoice_num)
        self.shown = set(self._revisions())
        self.whole = True

    def shows(self, table: str, row: Row) -> bool:
        """Whether the latest answer showed the row in this place as saved."""
        return place_of(table, row) in self.shown

    def _add(self, ds: Dataset, vendor_num: int, invoice_num: str) -> None:
        for row in saved_rows(ds, HEADER, vendor_num, invoice_num):
            self.header = row
        for row in saved_rows(ds, LINE, vendor_num, invoice_num):
            self.lines[int(row["InvoiceLine"])] = row
        for row in saved_rows(ds, EXPENSE, vendor_num, invoice_num):
            self.expenses[int(row["InvoiceLine"]), int(row["InvExpSeq"])] = row
        for row in saved_rows(ds, ACCOUNT, vendor_num, invoice_num):
            self.accounts[int(row["InvoiceLine"]), int(row["InvExpSeq"])] = row

    def _revisions(self) -> dict[Place, Any]:
        found: dict[Place, Any] = {}
        if self.header is not None:
            found[HEADER, 0, 0] = self.header.get("SysRevID")
        for number, row in self.lines.items():
            found[LINE, number, 0] = row.get("SysRevID")
        for table, rows in ((EXPENSE, self.expenses), (ACCOUNT, self.accounts)):
            for (number, sequence), row in rows.items():
                found[table, number, sequence] = row.get("SysRevID")
        return found

    @property
    def stale(self) -> bool:
        """Whether something was saved after the header was last seen: its totals prove nothing."""
        return (HEADER, 0, 0) not in self.shown

    @property
    def group_id(self) -> str:
        """The group it lies in."""
        return str((self.header or {}).get("GroupID", ""))


def place_of(table: str, row: Row) -> Place:
    """Where a row belongs in its invoice."""
    if table == HEADER:
        return table, 0, 0
    return table, int(row["InvoiceLine"]), 0 if table == LINE else int(row["InvExpSeq"])


def totals(saved: SavedInvoice) -> Decimal:
    """The sum of the distributions, signed as stored, in the invoice's currency."""
    return sum((_number(row.get("DocExpAmt")) for row in saved.expenses.values()), Decimal(0))


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
    return trimmed(one) == trimmed(other)


def differences(draft: APInvoiceDraft, saved: SavedInvoice, stamp_column: str) -> list[Difference]:
    """Every point in which the saved invoice is not the draft; [] when it is, to the cent."""
    header = saved.header
    if header is None:
        return [NOT_THERE]
    found = [
        Difference.of(field, expected, _like(header.get(name), expected))
        for field, name, expected in _expected_header(draft)
        if not equal(header.get(name), expected)
    ]
    if not any(equal(value, draft.stamp) for value in header.values()):
        # In whatever column: the tenant may have chosen another one since it was written.
        found.append(Difference.of_stamp(stamp_column, draft.stamp, header.get(stamp_column)))
    numbers = list(range(1, len(draft.lines) + 1))
    if sorted(saved.lines) != numbers:
        found.append(Difference.of("line_numbers", numbers, sorted(saved.lines)))
    accounts: defaultdict[int, list[Any]] = defaultdict(list)
    for (number, _), row in saved.accounts.items():
        accounts[number].append(row.get("GLAccount"))
    for number, line in enumerate(draft.lines, start=1):
        if number in saved.lines:  # else the numbers of the lines say it
            found += _line_differences(number, line, saved.lines[number], accounts[number])
    booked = totals(saved)
    if booked != draft.total:
        found.append(Difference.of("distributions_total", draft.total, booked))
    return found


def _expected_header(draft: APInvoiceDraft) -> list[tuple[str, str, Any]]:
    return [
        ("credit", "DebitMemo", draft.credit),
        ("invoice_date", "InvoiceDate", draft.invoice_date),
        ("apply_date", "ApplyDate", draft.apply_date),
        ("due_date", "DueDate", draft.due_date),
        ("terms", "TermsCode", draft.terms_code),
        ("currency", "CurrencyCode", draft.currency_code),
        *((field, name, draft.total) for field, name in TOTALS),
        ("variance", "DocInvoiceVariance", Decimal(0)),
        (PAY_HOLD, "PayHold", draft.pay_hold),
    ]


def _line_differences(
    number: int, line: DraftLine, row: Row, accounts: Sequence[Any]
) -> list[Difference]:
    found = []
    amount = row.get("DocExtCost")
    if not equal(amount, line.amount):
        there = _like(amount, line.amount)
        found.append(Difference.of("line_amount", line.amount, there, number))
    if accounts != [line.account]:
        found.append(Difference.of("line_account", line.account, _texts(accounts), number))
    return found


def equal(actual: Any, expected: Any) -> bool:
    """Whether a stored value means the expected one: days by the calendar, amounts by value,
    texts without regard to the spaces in and around them."""
    if isinstance(expected, bool):
        return actual is expected
    if isinstance(expected, date):
        return str(actual or "")[:10] == expected.isoformat()
    if isinstance(expected, Decimal):
        return actual is not None and _number(actual) == expected
    return _plain(actual) == _plain(expected)


def _number(value: Any) -> Decimal:
    return Decimal(str(value)) if value is not None else Decimal(0)


def _like(value: Any, expected: Any) -> Any:
    """A value of a row in the form of what it should have been."""
    if isinstance(expected, date):
        return str(value or "")[:10]
    if isinstance(expected, Decimal) and value is not None:
        return _number(value)
    return value


def _texts(values: Sequence[Any]) -> list[str]:
    return ["" if value is None else str(value) for value in values]


def _plain(value: Any) -> str:
    return " ".join(str(value).split()) if value is not None else ""
