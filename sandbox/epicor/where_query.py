"""The parts of a compiled filter: values, tests, and finding rows through a table's indexes."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.epicor.tables import Row, Table, fold
from sandbox.epicor.where_lex import Token, WhereError, day_time

Getter = Callable[[Row], Any]


@dataclass(frozen=True, slots=True)
class Value:
    """Something with a value: its type family, how to get it, and what it is when fixed."""

    kind: str
    get: Getter
    column: str = ""
    literal: Any = None
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Test:
    """A yes/no part; `shape` (eq, and, or) lets the indexes find its rows."""

    holds: Callable[[Row], bool]
    shape: str = ""
    parts: tuple["Test", ...] = ()
    column: str = ""
    value: Any = None

    def candidates(self, table: Table) -> list[Row] | None:
        """Rows that may pass, from indexes; None = only a full scan knows."""
        if self.shape == "eq":
            return table.where(self.column, self.value) if table.indexed(self.column) else None
        found = [part.candidates(table) for part in self.parts]
        known = [rows for rows in found if rows is not None]
        if self.shape == "and" and known:
            return min(known, key=len)
        if self.shape == "or" and len(known) == len(found):
            return [row for rows in known for row in rows]
        return None

    def rows(self, table: Table) -> list[Row]:
        """The rows that pass."""
        if self.shape == "or" and self.candidates(table) is not None:
            union = {id(row): row for part in self.parts for row in part.rows(table)}
            return list(union.values())
        known = self.candidates(table)
        return [row for row in (table.rows.values() if known is None else known) if self.holds(row)]


@dataclass(frozen=True, slots=True)
class Query:
    """A compiled filter with its sorting; an empty one passes everything."""

    test: Test | None
    order: tuple[tuple[str, bool], ...] = ()  # (column, descending)

    def select(self, table: Table) -> list[Row]:
        """The table's rows that pass, sorted."""
        rows = list(table.rows.values()) if self.test is None else self.test.rows(table)
        return sort_rows(rows, self.order, table.defaults)

    def keep(self, rows: Iterable[Row]) -> list[Row]:
        """Those of the given rows that pass."""
        return [row for row in rows if self.test is None or self.test.holds(row)]


def sort_rows(rows: list[Row], order: Iterable[tuple[str, bool]], defaults: Row) -> list[Row]:
    """Rows in the wanted order; empty dates first."""
    for column, descending in reversed(tuple(order)):
        default = defaults[column]

        def key(row: Row, column: str = column, default: Any = default) -> tuple[bool, Any]:
            value = fold(row.get(column, default))
            return (value is not None, value)

        rows = sorted(rows, key=key, reverse=descending)
    return rows


def fixed(kind: str, value: Any) -> Value:
    """A value that is the same for every row."""
    return Value(kind, lambda row: value, literal=value, fixed=True)


def converted(value: Value, kind: str) -> Value:
    """A literal in the type of the column it is compared with (SQL). Raises WhereError."""
    literal = value.literal
    if kind == "t" and value.kind == "s" and re.fullmatch(r"\d{4}-\d\d-\d\d(T[\d:.]+)?", literal):
        return fixed("t", day_time(literal if "T" in literal else f"{literal}T00:00:00"))
    if kind == "b" and literal in (0, 1):
        return fixed("b", bool(literal))
    if kind == "g" and value.kind == "s":
        return fixed("g", literal.lower())
    if kind == "n" and value.kind == "s" and re.fullmatch(r"-?\d+", literal):
        return fixed("n", int(literal))
    raise WhereError(f"'{literal}' cannot be compared with this column.", clash=True)


def calculate(op: str, left: Value, right: Value) -> Value:
    """Arithmetic on numbers. Raises WhereError."""
    if left.kind != "n" or right.kind != "n":
        raise WhereError(f"The operator '{op}' works on numbers only.", clash=True)
    run: Callable[[Any, Any], Any] = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b,
        "%": lambda a, b: a % b,
    }[op]
    if left.fixed and right.fixed:
        return fixed("n", run(left.literal, right.literal))
    return Value("n", lambda row: run(left.get(row), right.get(row)))


_ORDERING: dict[str, Callable[[Any, Any], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


def compare(op: str, left: Value, right: Value) -> Test:
    """A comparison of two values of one type."""
    if right.column and left.fixed and op in ("=", "<>"):
        left, right = right, left
    if right.fixed and op == "=":
        wanted, get = fold(right.literal), left.get
        if left.kind == "s":
            same = lambda row: fold(get(row)) == wanted  # noqa: E731
        else:
            same = lambda row: get(row) == wanted  # noqa: E731
        shape = "eq" if left.column else ""
        return Test(same, shape, column=left.column, value=right.literal)
    if op == "=":
        return Test(lambda row: fold(left.get(row)) == fold(right.get(row)))
    if op == "<>":
        return Test(lambda row: fold(left.get(row)) != fold(right.get(row)))
    ordered = _ORDERING[op]

    def holds(row: Row) -> bool:
        a, b = fold(left.get(row)), fold(right.get(row))
        return a is not None and b is not None and ordered(a, b)

    return Test(holds)


def like_pattern(token: Token) -> re.Pattern[str]:
    """The pattern of a LIKE: % and _ as in SQL. Raises WhereError."""
    if token.kind != "s":
        raise WhereError(f"Syntax error at position {token.position}: like needs a text.")
    text = re.escape(fold(token.value)).replace("%", ".*").replace("_", ".")
    return re.compile(text, re.DOTALL)
