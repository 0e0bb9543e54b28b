"""The rows of one AP invoice in the database: header, lines, distributions, accounts."""

from sandbox.epicor.call import Call
from sandbox.epicor.tables import Row

HEAD, LINE, EXPENSE, ACCOUNT = "APInvHed", "APInvDtl", "APInvExp", "APInvExpTGLC"
FILE = "APInvHedAttch"
TABLES = (HEAD, LINE, EXPENSE, ACCOUNT)


class InvoiceRows:
    """Finds the rows below a row, in key order, and deletes a row with everything below it."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def lines(self, head: Row) -> list[Row]:
        """The invoice's lines."""
        return self._below(LINE, head)

    def expenses(self, line: Row) -> list[Row]:
        """A line's distributions."""
        return self._below(EXPENSE, line, "InvoiceLine")

    def accounts(self, expense: Row) -> list[Row]:
        """A distribution's account rows."""
        return self._below(ACCOUNT, expense, "InvoiceLine", "InvExpSeq")

    def delete(self, table: str, row: Row) -> None:
        """Delete a row with everything below it."""
        for name, child in self._children(table, row):
            self.delete(name, child)
        self._call.table(table).remove(row)

    def _children(self, table: str, row: Row) -> list[tuple[str, Row]]:
        if table == HEAD:
            files = self._call.table(FILE).where("InvoiceNum", row["InvoiceNum"])
            mine = [(FILE, file) for file in files if file["VendorNum"] == row["VendorNum"]]
            return [*mine, *((LINE, line) for line in self.lines(row))]
        if table == LINE:
            return [(EXPENSE, expense) for expense in self.expenses(row)]
        return [(ACCOUNT, each) for each in self.accounts(row)] if table == EXPENSE else []

    def _below(self, table: str, parent: Row, *columns: str) -> list[Row]:
        ties = ("VendorNum", *columns)
        found = self._call.table(table)
        if "InvoiceLine" in columns:
            place = (parent["InvoiceNum"], parent.get("InvoiceLine", 0))
            rows = found.where(("InvoiceNum", "InvoiceLine"), place)
        else:
            rows = found.where("InvoiceNum", parent["InvoiceNum"])
        mine = [row for row in rows if all(row.get(tie, 0) == parent.get(tie, 0) for tie in ties)]
        return sorted(mine, key=lambda row: (row["InvoiceLine"], row.get("InvExpSeq", 0)))
