"""A little Epicor for the writers' tests: rules like the big one's, habits to choose from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from connector.domain.errors import RejectedError
from connector.epicor.ap_invoice.conversation import EpicorProfile, Step, Writer
from connector.epicor.ap_invoice.draft import APInvoiceDraft, DraftLine
from connector.epicor.ap_invoice.rows import ACCOUNT, EXPENSE, HEADER, LINE, TABLES, SavedInvoice
from connector.epicor.ap_invoice.writers import two_step

GROUP = "RAMP0001"
DEFAULT = "1|2|3|4"
DONE = {"lUpdateRan": True, "requiresUserInput": False, "opMessage": ""}
Rows = dict[str, list[dict[str, Any]]]
MOST = 14  # requests that any conversation may take, apart from the screen's


@dataclass
class Said:
    """An answer as the client gives it."""

    ds: Rows = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=lambda: dict(DONE))
    return_obj: Any = None


def make_draft(*amounts: str | Decimal, **changes: Any) -> APInvoiceDraft:
    lines = tuple(
        DraftLine(Decimal(amount), f"61{place:02d}|01|100", f"Line {place}", "expense")
        for place, amount in enumerate(amounts or ("100.10", "20.05"), start=1)
    )
    lines = changes.pop("lines", lines)
    plain: dict[str, Any] = {
        "company": "EPIC06",
        "site": "MfgSys",
        "vendor_num": 42,
        "vendor_id": "ACME",
        "invoice_num": "INV-1",
        "invoice_date": date(2026, 3, 10),
        "apply_date": date(2026, 3, 31),
        "due_date": date(2026, 4, 9),
        "terms_code": "N30",
        "currency_code": "USD",
        "rate_group": "",
        "total": sum((line.amount for line in lines), Decimal(0)),
        "lines": lines,
        "description": "Acme",
        "stamp": "bill-1",
        "url": "https://ramp.example/bills/bill-1",
        "pay_hold": True,
    }
    return APInvoiceDraft(**{**plain, **changes})


class Epicor:
    """`saves` all tables or the named one; `says` is how much it returns:

    whole (the invoice), saved (only rows just saved or made), echo (those, and the rest as it was
    sent), header (nothing else), nothing. `follows`: a distribution follows its line's amount.
    Refuses rows that are not new or not current, and counts what was added.
    """

    def __init__(self, saves: str = "all", says: str = "whole", *, follows: bool = True) -> None:
        self.saves, self.says, self.follows = saves, says, follows
        self.rows: Rows = {table: [] for table in TABLES}
        self.revision = 0
        self.added: list[tuple[str, Any]] = []
        self.person = ""

    # -- calls -----------------------------------------------------------------------------------

    def answer(self, step: Step) -> Said:
        sent = step.parameters.get("ds") or {}
        if step.method == "GetByID":
            return Said(self.whole())
        if step.method == "GetList":
            return Said({"APInvHedList": self.whole()[HEADER]}, {"morePages": False})
        if step.method.startswith("GetNew"):
            return self._new(step, sent)
        if step.method == "UpdateExt":
            return self._update_ext(sent)
        if step.method == "UpdateMaster":
            return self._update(step.parameters["cTableName"], sent)
        return Said(sent, {"confirmMsg": "", "DateMessage": "", "vXRateLabel": "1 to 1"})

    def whole(self) -> Rows:
        return {table: [dict(row) for row in rows] for table, rows in self.rows.items()}

    def found(self, draft: APInvoiceDraft) -> SavedInvoice:
        """What a look-up gives."""
        saved = SavedInvoice()
        saved.see(self.whole(), draft.vendor_num, draft.invoice_num)
        return saved

    def _new(self, step: Step, sent: Rows) -> Said:
        table = LINE if "Dtl" in step.method else HEADER
        credit = step.method.endswith("DebitMemo")
        new = {"RowMod": "A", "SysRevID": 0, "GroupID": GROUP, "DebitMemo": credit}
        older = [] if table == LINE else [{"RowMod": "", "InvoiceNum": "older"}]
        return Said({**sent, table: [*older, *sent.get(table, []), new]}, {})

    def _update(self, named: str, sent: Rows) -> Said:
        before = self.revision
        tables = [table for table in TABLES if self.saves == "all" or table == named]
        for table in reversed(tables):
            for row in sent.get(table, []):
                if row.get("RowMod") == "D":
                    self._delete(table, row)
        for table in tables:
            for row in sent.get(table, []):
                if row.get("RowMod") in ("A", "U"):
                    self._save(table, row)
        self._complete()
        return Said(self._told(before, sent, named))

    def _told(self, before: int, sent: Rows, named: str) -> Rows:
        if self.says in ("whole", "header", "nothing"):
            kept = {"whole": TABLES, "header": (HEADER,), "nothing": ()}[self.says]
            return {table: rows for table, rows in self.whole().items() if table in kept}
        news = {t: [r for r in rows if r["SysRevID"] > before] for t, rows in self.whole().items()}
        if self.saves == "named" and named != HEADER:
            news[HEADER] = []  # its totals moved, and nobody is told
        told = {table: rows for table, rows in news.items() if rows}
        return {**sent, **told} if self.says == "echo" else told

    def _update_ext(self, sent: Rows) -> Said:
        for table in TABLES:
            for row in sent.get(table, []):
                there = self._there(table, row)
                mark = {"RowMod": "U", "SysRevID": there["SysRevID"]} if there else {"RowMod": "A"}
                self._save(table, {**(there or {}), **row, **mark})
        self._complete()
        self.says, says = self.says.replace("echo", "whole"), self.says
        told = self._told(0, sent, HEADER)
        self.says = says
        return Said(told, {"errorsOccurred": False}, {"BOUpdError": []})

    # -- rows ------------------------------------------------------------------------------------

    def _there(self, table: str, row: dict[str, Any]) -> dict[str, Any] | None:
        return next((old for old in self.rows[table] if _place(old) == _place(row)), None)

    def _save(self, table: str, row: dict[str, Any]) -> None:
        old = self._there(table, row)
        if row["RowMod"] == "A":
            assert old is None, f"{table} {_place(row)} was sent twice"
            self.added.append((table, _place(row)))
        elif old is None or old["SysRevID"] != row["SysRevID"]:
            raise RejectedError("Row has been modified by another user. Nothing was saved.")
        if table == LINE and old and self.follows and old["ScrDocExtCost"] != row["ScrDocExtCost"]:
            for each in self.rows[EXPENSE]:
                if each["InvoiceLine"] == row["InvoiceLine"]:
                    self._put(EXPENSE, {**each, "DocScrExpAmt": row["ScrDocExtCost"]})
        who = {"EntryPerson": (old or {}).get("EntryPerson", "us")} if table == HEADER else {}
        self._put(table, {**row, **who, "ChangedBy": "us"})

    def _put(self, table: str, row: dict[str, Any]) -> None:
        self.revision += 1
        old = self._there(table, row)
        rows = self.rows[table]
        new = {**row, "RowMod": "", "SysRevID": self.revision}
        if old is None:
            rows.append(new)
        else:
            rows[rows.index(old)] = new

    def _delete(self, table: str, row: dict[str, Any]) -> None:
        old = self._there(table, row)
        assert old is not None, "deleted what is not there"
        assert old["SysRevID"] == row["SysRevID"], "deleted what somebody changed"
        for name in TABLES[TABLES.index(table) :]:
            self.rows[name] = [r for r in self.rows[name] if r["InvoiceLine"] != row["InvoiceLine"]]

    def _complete(self) -> None:
        """What the server makes of the rows: distributions, accounts, stored amounts, totals."""
        for line in self.rows[LINE]:
            key = {name: line[name] for name in ("VendorNum", "InvoiceNum", "InvoiceLine")}
            made = {**key, "InvExpSeq": 1}
            if self._there(EXPENSE, made) is None:
                self._put(EXPENSE, {**made, "DocScrExpAmt": line["ScrDocExtCost"]})
            if self._there(ACCOUNT, made) is None:
                self._put(ACCOUNT, {**made, "GLAccount": DEFAULT, "SegValue4": "4"})
        for head in self.rows[HEADER]:
            sign = -1 if head["DebitMemo"] else 1
            for row in self.rows[LINE]:
                row["DocExtCost"] = sign * row["ScrDocExtCost"]
            for row in self.rows[EXPENSE]:
                row["DocExpAmt"] = sign * row["DocScrExpAmt"]
            total = sum((row["DocExtCost"] for row in self.rows[LINE]), Decimal(0))
            control = sign * head["ScrDocInvoiceVendorAmt"]
            sums = {
                "DocInvoiceVendorAmt": control,
                "DocInvoiceAmt": total,
                "DocInvoiceVariance": control - total,
            }
            if any(head.get(name) != value for name, value in sums.items()):
                self._put(HEADER, {**head, **sums})


def _place(row: dict[str, Any]) -> tuple[Any, Any]:
    return row.get("InvoiceLine"), row.get("InvExpSeq")


def play(
    answer: Callable[[Step], Said],
    draft: APInvoiceDraft,
    saved: SavedInvoice | None = None,
    profile: EpicorProfile | None = None,
    writer: Writer = two_step,
) -> tuple[list[Step], SavedInvoice]:
    """The whole conversation: the steps it took and what it says is saved."""
    talk = writer(draft, GROUP, saved, profile or EpicorProfile())
    steps: list[Step] = []
    try:
        step = next(talk)
        while True:
            steps.append(step)
            step = talk.send(answer(step))
    except StopIteration as end:
        return steps, end.value


def names(steps: list[Step]) -> list[str]:
    return [f"{s.method} {s.parameters.get('cTableName', '')}".strip() for s in steps]


def booked(saved: SavedInvoice) -> dict[int, str]:
    return {line: row["GLAccount"] for (line, _), row in saved.accounts.items()}


def wanted(draft: APInvoiceDraft) -> dict[int, str]:
    return {number: line.account for number, line in enumerate(draft.lines, start=1)}
