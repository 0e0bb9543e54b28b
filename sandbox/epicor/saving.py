"""Saving AP invoices: rows marked A, U or D are checked, stored and completed by the server.

The invoice's header, lines (APInvDtl), distributions (APInvExp) and their accounts (APInvExpTGLC)
are saved together; whatever nobody sent, the server makes: a distribution of the whole line and
its default account.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.epicor.call import Call, Dataset
from sandbox.epicor.contract import COLUMNS, DEFAULTS
from sandbox.epicor.errors import bad_call, business, duplicate
from sandbox.epicor.groups import writable_group
from sandbox.epicor.invoice_rows import ACCOUNT, EXPENSE, HEAD, LINE, TABLES, InvoiceRows
from sandbox.epicor.tables import Row, Table, fold
from sandbox.epicor.totals import (
    Money,
    distribution_amounts,
    header_totals,
    line_amounts,
    line_totals,
)

_TYPED_HEAD = {
    "Company", "VendorNum", "InvoiceNum", "GroupID", "DebitMemo", "InvoiceDate", "ApplyDate",
    "DueDate", "TermsCode", "CurrencyCode", "RateGrpCode", "ScrDocInvoiceVendorAmt", "InvoiceRef",
    "Description", "InvoiceComment", "ExternalID", "XRefInvoiceNum", "ExtSysURL", "InvoiceHeld",
    "PayHold", "PMUID", "BankID", "TaxRegionCode", "ReadyToCalc", "LockRate", "ReceivedDate",
    "DiscountDate", "TaxPoint", "TaxRateDate", "REFPONum", "PurPoint", "LegalNumber",
    "TranDocTypeID", "Plant", "GRNIClearing", "PrePayment", "EmpID", "ClaimRef",
}  # fmt: skip
_FROM_HEAD = ("GroupID", "DebitMemo", "CurrencyCode", "Posted")
_SERVER_SET = {
    LINE: {"SysRevID", "SysRowID", "RowMod", "ChangedBy", "ChangeDate"},
    EXPENSE: {"SysRevID", "SysRowID", "RowMod", "GLAccount", "BookID", "COACode"},
    ACCOUNT: {"SysRevID", "SysRowID", "RowMod", "BookID", "COACode", "CreateDate"},
}


class Saver:
    """One save. `made` collects the rows the server added; `touched` the invoices concerned."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.rules = call.rules
        self.rows = InvoiceRows(call)
        self.saved: list[tuple[str, Row]] = []
        self.made: list[tuple[str, Row]] = []
        self.touched: dict[tuple[Any, ...], Row] = {}
        self._old_amounts: dict[tuple[Any, ...], Any] = {}

    def table(self, name: str) -> Table:
        """A table of the company."""
        return self.call.table(name)

    def save(self, dataset: Dataset) -> None:
        """Store every marked row. Raises ApiError; the caller's transaction undoes."""
        _check_tables(dataset)
        for table in reversed(TABLES):
            for row in _marked(dataset, table, "D"):
                self._delete(table, row)
        for row in _marked(dataset, HEAD, "A", "U"):
            self._save_head(row)
        for table, save in (
            (LINE, self._save_line),
            (EXPENSE, self._save_expense),
            (ACCOUNT, self._save_account),
        ):
            for row in _marked(dataset, table, "A", "U"):
                save(row)
        for head in list(self.touched.values()):
            self._complete(head)

    # -- header ----------------------------------------------------------------------------------

    def _save_head(self, sent: Row) -> None:
        old = self._changed_row(HEAD, sent) if sent["RowMod"] == "U" else None
        if old is not None:
            self._check_open(old)
            if sent.get("DebitMemo", False) != old.get("DebitMemo", False):
                raise business("The invoice type cannot be changed.", HEAD, "DebitMemo")
            if fold(sent["GroupID"]) != fold(old["GroupID"]):
                raise business("Use a transfer to move an invoice.", HEAD, "GroupID")
        typed = {name: sent[name] for name in _TYPED_HEAD & sent.keys()}
        row = {**(old or {}), **typed, "Company": self.call.company}
        vendor = self.rules.vendor({**sent, **row})
        number = str(row.get("InvoiceNum", "")).strip()
        if not number:
            raise business("Invoice Number is required.", HEAD, "InvoiceNum")
        if old is None and self.table(HEAD).find(self.call.company, vendor["VendorNum"], number):
            raise duplicate(HEAD)
        row |= {
            "InvoiceNum": number if old is None else old["InvoiceNum"],
            "VendorNum": vendor["VendorNum"],
            "VendorNumVendorID": vendor["VendorID"],
            "VendorNumName": vendor.get("Name", ""),
            "EntryPerson": row.get("EntryPerson") or self.call.user,
            "OpenPayable": True,
        }
        row |= self._head_defaults(row, vendor)
        row |= header_totals(Money(self.rules, row), row, self.rows.lines(row))
        stored = self._put(HEAD, row, old)
        self._touch(stored)

    def _head_defaults(self, row: Row, vendor: Row) -> Row:
        """Group, dates, terms, period, currency and rate, each checked."""
        group = writable_group(self.call, str(row.get("GroupID", "")))
        invoice_date = row.get("InvoiceDate")
        if not invoice_date:
            raise business("Invoice Date is required.", HEAD, "InvoiceDate")
        terms = self.rules.terms(row.get("TermsCode", ""))
        apply_date = row.get("ApplyDate") or group.get("ApplyDate") or invoice_date
        period = self.rules.open_period(apply_date)
        currency = row.get("CurrencyCode") or vendor.get("CurrencyCode")
        currency = str(currency or self.rules.base_currency())
        code = self.rules.currency(currency)["CurrencyCode"]
        return {
            "GroupID": group["GroupID"],
            "TermsCode": terms["TermsCode"],
            "TermsCodeDescription": terms.get("Description", ""),
            "ApplyDate": apply_date,
            "FiscalYear": period["FiscalYear"],
            "FiscalPeriod": period["FiscalPeriod"],
            "FiscalCalendarID": period["FiscalCalendarID"],
            "DueDate": row.get("DueDate") or self.rules.due_date(terms["TermsCode"], invoice_date),
            "CurrencyCode": code,
            "CurrencyCodeCurrencyID": code,
            "BaseCurrencyID": self.rules.base_currency(),
            "RateGrpCode": row.get("RateGrpCode") or "MAIN",
            "ExchangeRate": self.rules.rate(code, row.get("RateGrpCode", ""), apply_date),
        }

    # -- lines, distributions, accounts ----------------------------------------------------------

    def _save_line(self, sent: Row) -> None:
        head = self._head_of(sent, LINE)
        old = self._changed_row(LINE, sent) if sent["RowMod"] == "U" else None
        row = self._merged(LINE, sent, old, head)
        if row.get("LineType") != "M":
            raise business("Only miscellaneous lines (LineType M) are supported.", LINE, "LineType")
        if not row.get("InvoiceLine"):
            numbers = [int(line["InvoiceLine"]) for line in self.rows.lines(head)]
            row["InvoiceLine"] = max(numbers, default=0) + 1
        row |= line_amounts(Money(self.rules, head), row, old)
        row["VendorNumVendorID"] = head["VendorNumVendorID"]
        stored = self._put(LINE, row, old)
        if old is not None:
            self._old_amounts[self.table(LINE).key(stored)] = old.get("ScrDocExtCost", 0)

    def _save_expense(self, sent: Row) -> None:
        head = self._head_of(sent, EXPENSE)
        line = self._line_of(sent, head, EXPENSE)
        old = self._changed_row(EXPENSE, sent) if sent["RowMod"] == "U" else None
        row = self._merged(EXPENSE, sent, old, head)
        if not row.get("InvExpSeq"):
            numbers = [int(each["InvExpSeq"]) for each in self.rows.expenses(line)]
            row["InvExpSeq"] = max(numbers, default=0) + 1
        amount = row.get("DocScrExpAmt", 0)
        if old is None and not amount:
            amount = line.get("ScrDocExtCost", 0)
        row |= distribution_amounts(Money(self.rules, head), amount)
        self._put(EXPENSE, row, old)
        self._old_amounts.pop(self.table(LINE).key(line), None)  # the client distributes itself

    def _save_account(self, sent: Row) -> None:
        head = self._head_of(sent, ACCOUNT)
        line = self._line_of(sent, head, ACCOUNT)
        expense = self._expense_of(sent, head, line)
        old = self._changed_row(ACCOUNT, sent) if sent["RowMod"] == "U" else None
        if old is None and self.rows.accounts(expense):
            raise duplicate(ACCOUNT)
        if sent.get("IsExternalCompany"):
            raise business("An external company is not supported here.", ACCOUNT)
        row = self._merged(ACCOUNT, sent, old, head)
        row["InvExpSeq"] = expense["InvExpSeq"]
        account = self._account_text(sent, old)
        self._put(ACCOUNT, {**row, **self._account_columns(head, account)}, old)

    def _account_text(self, sent: Row, old: Row | None) -> str:
        """The account meant: GLAccount, or the segment values when only they were changed."""
        account = str(sent.get("GLAccount", "")).strip()
        before = old or {}
        values = [sent.get(f"SegValue{n}", "") for n in range(1, len(self.rules.segments()) + 1)]
        changed = any(
            value != before.get(f"SegValue{n}", "") for n, value in enumerate(values, start=1)
        )
        if changed and account == before.get("GLAccount", ""):
            account = "|".join(values)
        return account or self.rules.default_account()

    def _account_columns(self, head: Row, account: str) -> Row:
        chart = self.rules.check_account(account, head["ApplyDate"])
        values = account.split("|")
        book = self.rules.main_book()
        return {
            **{f"SegValue{n}": value for n, value in enumerate(values, start=1) if n <= 5},
            "GLAccount": account,
            "GLAccountAccountDesc": (chart or {}).get("AccountDesc", ""),
            "GLAccountGLAcctDisp": "-".join(values),
            "COACode": book["COACode"],
            "BookID": book["BookID"],
            "RelatedToFile": EXPENSE,
            "CreateDate": self.call.today,
        }

    # -- completion ------------------------------------------------------------------------------

    def _complete(self, head: Row) -> None:
        """What the server adds and sums up after a save."""
        money = Money(self.rules, head)
        for line in self.rows.lines(head):
            expenses = self.rows.expenses(line) or [self._make_expense(money, head, line)]
            expenses = [self._follow_line(money, line, expense, expenses) for expense in expenses]
            for expense in expenses:
                accounts = self.rows.accounts(expense) or [self._make_account(head, expense)]
                self._refresh(EXPENSE, expense, {"GLAccount": accounts[0]["GLAccount"]})
            amounts = line_amounts(money, line, line)
            from_head = {name: head.get(name, DEFAULTS[LINE][name]) for name in _FROM_HEAD}
            totals = line_totals({**line, **amounts}, self.rows.expenses(line))
            self._refresh(LINE, line, {**amounts, **from_head, **totals})
        self._refresh(HEAD, head, header_totals(money, head, self.rows.lines(head)))

    def _make_expense(self, money: Money, head: Row, line: Row) -> Row:
        row = {
            **self._child_key(head, line["InvoiceLine"]),
            "InvExpSeq": 1,
            "AllowUpdate": True,
            **distribution_amounts(money, line.get("ScrDocExtCost", 0)),
        }
        return self._put(EXPENSE, row, None, made=True)

    def _make_account(self, head: Row, expense: Row) -> Row:
        row = {
            **self._child_key(head, expense["InvoiceLine"]),
            "InvExpSeq": expense["InvExpSeq"],
            "UserCanModify": True,
            **self._account_columns(head, self.rules.default_account()),
        }
        return self._put(ACCOUNT, row, None, made=True)

    def _follow_line(self, money: Money, line: Row, expense: Row, expenses: list[Row]) -> Row:
        """The only distribution follows a line whose amount was changed; base amounts refresh."""
        before = self._old_amounts.get(self.table(LINE).key(line))
        amount = expense.get("DocScrExpAmt", 0)
        if before is not None and len(expenses) == 1 and amount == before:
            amount = line.get("ScrDocExtCost", 0)
        return self._refresh(EXPENSE, expense, distribution_amounts(money, amount))

    def _refresh(self, table: str, row: Row, values: Row) -> Row:
        """Store computed columns when they differ."""
        defaults = DEFAULTS[table]
        if all(row.get(name, defaults[name]) == value for name, value in values.items()):
            return row
        merged = {**row, **values, "SysRevID": self.call.store.next_revision()}
        return self.table(table).put(merged)

    # -- deletion --------------------------------------------------------------------------------

    def _delete(self, table: str, sent: Row) -> None:
        old = self._changed_row(table, sent, whole=False)
        head = old if table == HEAD else self._head_of(sent, table)
        if table == HEAD:
            self._check_open(head)
        self.rows.delete(table, old)
        if table == HEAD:
            self.touched.pop(self.table(HEAD).key(head), None)

    # -- finding and storing ---------------------------------------------------------------------

    def _changed_row(self, table: str, sent: Row, *, whole: bool = True) -> Row:
        """The stored row a U or D row means; its row version must be the current one."""
        missing = DEFAULTS[table].keys() - sent.keys()
        if whole and missing and self.call.switches.complete_rows:
            raise bad_call(f"The row of {table} is incomplete: column {min(missing)} is missing.")
        stored = self.table(table)
        found = stored.rows.get(stored.key({**sent, "Company": self.call.company}))
        if found is None or sent.get("SysRevID") != found["SysRevID"]:
            raise business("Row has been modified by another user and couldn't be updated.", table)
        return found

    def _head_of(self, sent: Row, table: str) -> Row:
        """The header a child row belongs to; it may be changed. Raises 400."""
        number = sent.get("InvoiceNum", "")
        head = self.table(HEAD).find(self.call.company, sent.get("VendorNum", 0), number)
        if head is None:
            raise business("Invoice does not exist: save the header first.", table)
        self._check_open(head)
        self._touch(head)
        return head

    def _check_open(self, head: Row) -> None:
        if head.get("Posted"):
            raise business("Invoice has been posted and cannot be changed.", HEAD)
        writable_group(self.call, head["GroupID"])

    def _line_of(self, sent: Row, head: Row, table: str) -> Row:
        key = (self.call.company, head["VendorNum"], head["InvoiceNum"], sent.get("InvoiceLine", 0))
        line = self.table(LINE).find(*key)
        if line is None:
            raise business(f"Invoice line {key[-1]} does not exist.", table, "InvoiceLine")
        return line

    def _expense_of(self, sent: Row, head: Row, line: Row) -> Row:
        """The distribution of an account row; the first one is made when the line has none."""
        sequence = sent.get("InvExpSeq") or 1
        for expense in self.rows.expenses(line):
            if expense["InvExpSeq"] == sequence:
                return expense
        if sequence != 1:
            raise business(f"Distribution {sequence} does not exist.", ACCOUNT, "InvExpSeq")
        return self._make_expense(Money(self.rules, head), head, line)

    def _merged(self, table: str, sent: Row, old: Row | None, head: Row) -> Row:
        """The row to store: what was there, what was sent, and what the header rules."""
        hidden, columns = _SERVER_SET[table], COLUMNS[table]
        typed = {name: value for name, value in sent.items() if name not in hidden}
        from_head = {name: head[name] for name in _FROM_HEAD if name in columns and name in head}
        key = self._child_key(head, sent.get("InvoiceLine", 0))
        return {**(old or {}), **typed, **key, **from_head}

    def _child_key(self, head: Row, line: int) -> Row:
        return {
            "Company": self.call.company,
            "VendorNum": head["VendorNum"],
            "InvoiceNum": head["InvoiceNum"],
            "InvoiceLine": line,
        }

    def _put(self, table: str, row: Row, old: Row | None, *, made: bool = False) -> Row:
        store = self.call.store
        stamped = {**row, "SysRevID": store.next_revision(), "RowMod": ""}
        stamped["SysRowID"] = old["SysRowID"] if old else store.next_row_id()
        if "ChangedBy" in COLUMNS[table]:
            stamped |= {"ChangedBy": self.call.user, "ChangeDate": self.call.today}
        stored = self.table(table).put(stamped) if old else self.table(table).add(stamped)
        (self.made if made else self.saved).append((table, stored))
        return stored

    def _touch(self, head: Row) -> None:
        self.touched[self.table(HEAD).key(head)] = head


def _check_tables(dataset: Dataset) -> None:
    for table, rows in dataset.items():
        if table not in TABLES and any(row.get("RowMod") for row in rows):
            raise business(f"Rows of {table} are not supported here.", table)


def _marked(dataset: Dataset, table: str, *marks: str) -> Iterator[Row]:
    rows: Iterable[Row] = dataset.get(table, [])
    return (row for row in rows if row.get("RowMod") in marks)
