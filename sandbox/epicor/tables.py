"""The database: tables of rows with keys, look-ups by indexed column, and undo.

Rows are kept sparse (only what differs from the column's default) and never changed in place: a
change puts a new row. Text keys are compared trimmed and without regard to case, as SQL Server
does.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID

from sandbox.epicor.contract import COLUMNS, DEFAULTS, keys_of
from sandbox.epicor.errors import duplicate

Row = dict[str, Any]
Key = tuple[Any, ...]

Column = str | tuple[str, ...]  # several together

INDEXED: dict[str, tuple[Column, ...]] = {
    "APInvHed": ("InvoiceNum", "ExternalID", "GroupID"),
    "APInvDtl": ("InvoiceNum",),
    "APInvExp": ("InvoiceNum", ("InvoiceNum", "InvoiceLine")),
    "APInvExpTGLC": ("InvoiceNum", ("InvoiceNum", "InvoiceLine")),
    "APInvHedAttch": ("InvoiceNum",),
    "APTran": ("InvoiceNum",),
    "Vendor": ("VendorID", "VendorNum"),
    "GLAccount": ("GLAccount1",),
}


def fold(value: Any) -> Any:
    """A value as the database compares it: text trimmed and caseless."""
    if isinstance(value, tuple):
        return tuple(fold(each) for each in value)
    return value.strip().casefold() if isinstance(value, str) else value


class Table:
    """One company's rows of one table."""

    def __init__(self, name: str, undo: list[Callable[[], None]]) -> None:
        self.name = name
        self.rows: dict[Key, Row] = {}
        self.defaults = DEFAULTS[name]
        self.keys = keys_of(name)
        self.watch: Callable[[Row | None, Row | None], None] | None = None
        self._undo = undo
        self._index: dict[Column, dict[Any, dict[Key, Row]]] = {
            column: {} for column in INDEXED.get(name, ())
        }

    def key(self, row: Row) -> Key:
        """The row's key, as the database compares it."""
        return tuple(fold(row.get(name, self.defaults[name])) for name in self.keys)

    def find(self, *values: Any) -> Row | None:
        """The row with these key values (in key order), or None."""
        return self.rows.get(tuple(fold(value) for value in values))

    def full(self, row: Row) -> Row:
        """The row with every column of its table."""
        return {**self.defaults, **row}

    def indexed(self, column: str) -> bool:
        """Whether `where` is cheap for this column."""
        return column in self._index

    def where(self, column: Column, value: Any) -> list[Row]:
        """The rows whose indexed column has this value; several columns together a tuple."""
        return list(self._index[column].get(fold(value), {}).values())

    def put(self, row: Row) -> Row:
        """Store a row under its key, in place of one that was there. Returns the stored row."""
        kept = {
            name: value for name, value in row.items() if value != self.defaults[name]
        }  # sparse
        key = self.key(kept)
        old = self.rows.get(key)
        self._set(key, old, kept)
        self._undo.append(lambda: self._set(key, kept, old))
        return kept

    def add(self, row: Row) -> Row:
        """Store a new row. Raises ApiError 409 when its key exists."""
        if self.key(row) in self.rows:
            raise duplicate(self.name)
        return self.put(row)

    def remove(self, row: Row) -> None:
        """Forget a row."""
        key = self.key(row)
        old = self.rows[key]
        self._set(key, old, None)
        self._undo.append(lambda: self._set(key, None, old))

    def _value(self, row: Row, column: Column) -> Any:
        if isinstance(column, tuple):
            return tuple(row.get(each, self.defaults[each]) for each in column)
        return row.get(column, self.defaults[column])

    def _set(self, key: Key, old: Row | None, new: Row | None) -> None:
        for column, index in self._index.items():
            if old is not None:
                value = fold(self._value(old, column))
                bucket = index[value]
                bucket.pop(key)
                if not bucket:
                    del index[value]
            if new is not None:
                index.setdefault(fold(self._value(new, column)), {})[key] = new
        if new is None:
            del self.rows[key]
        else:
            self.rows[key] = new
        if self.watch is not None:
            self.watch(old, new)


class Store:
    """Every table of every company, one row-version sequence, all-or-nothing transactions."""

    def __init__(self, companies: Iterable[str]) -> None:
        self.companies = tuple(companies)
        self._undo: list[Callable[[], None]] = []
        self._tables: dict[tuple[str, str], Table] = {}
        self._revision = 0
        self._depth = 0
        self._row_ids = count(1)
        self.group_totals: dict[tuple[str, str], Decimal] = {}  # (company, group) -> base money

    def table(self, company: str, name: str) -> Table:
        """A company's table, made when first asked for."""
        found = self._tables.get((company, name))
        if found is None:
            found = self._tables[company, name] = Table(name, self._undo)
            if name == "APInvHed":
                found.watch = partial(self._add_up, company)
        return found

    def _add_up(self, company: str, old: Row | None, new: Row | None) -> None:
        """Keep the sum of each group in step with its invoices."""
        for row, sign in ((old, -1), (new, 1)):
            if row is not None:
                key = (company, fold(row.get("GroupID", "")))
                amount = sign * Decimal(row.get("InvoiceVendorAmt", 0))
                self.group_totals[key] = self.group_totals.get(key, Decimal(0)) + amount

    def load(self, company: str, name: str, row: Row) -> Row:
        """Put a row from the world, with the row version and identity it brings or new ones."""
        unknown = row.keys() - COLUMNS[name].keys()
        if unknown:
            raise ValueError(f"{name} has no column {', '.join(sorted(unknown))}.")
        self._revision = max(self._revision, int(row.get("SysRevID", 0)))
        stamped = row if row.get("SysRevID") else {**row, "SysRevID": self.next_revision()}
        if "SysRowID" not in stamped:
            stamped = {**stamped, "SysRowID": self.next_row_id()}
        return self.table(company, name).put(stamped)

    def next_revision(self) -> int:
        """The next row version; rising over the whole database."""
        self._revision += 1
        return self._revision

    def next_row_id(self) -> str:
        """A new row identity."""
        return str(UUID(int=(0x5A << 120) + next(self._row_ids)))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: an error undoes every change made inside. May be nested."""
        mark = len(self._undo)
        self._depth += 1
        try:
            yield
        except BaseException:
            while len(self._undo) > mark:
                self._undo.pop()()
            raise
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._undo.clear()
