"""Filters: `$filter` of OData 4 and 3 and the where clauses of GetRows, compiled and evaluated.

`parse` checks names and types against a table's columns and gives a `Query`; `Query.select` finds
its rows, through the table's indexes where equality allows.
"""

from collections.abc import Callable
from typing import Any

from sandbox.epicor.tables import Row, fold
from sandbox.epicor.where_lex import SQL, V1, V2, Token, WhereError, tokenize
from sandbox.epicor.where_query import (
    Query,
    Test,
    Value,
    calculate,
    compare,
    converted,
    fixed,
    like_pattern,
    sort_rows,
)

__all__ = ["SQL", "V1", "V2", "Query", "WhereError", "parse", "sort_rows"]

_WORD_OPS = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_SQL_OPS = {"=": "=", "<>": "<>", "!=": "<>", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
_WORD_ADD, _WORD_MUL = {"add": "+", "sub": "-"}, {"mul": "*", "div": "/", "mod": "%"}
_FAMILY = {"s": "s", "i": "n", "i8": "n", "d": "n", "b": "b", "t": "t", "g": "g"}
_EDM = {"s": "Edm.String", "n": "Edm.Decimal", "b": "Edm.Boolean", "t": "Edm.DateTimeOffset",
        "g": "Edm.Guid"}  # fmt: skip
_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
}
_TEXT_CHANGES: dict[str, Callable[[str], str]] = {
    "tolower": str.lower,
    "toupper": str.upper,
    "trim": str.strip,
}


def parse(text: str, columns: dict[str, str], defaults: Row, dialect: str) -> Query:
    """Compile a filter over these columns. Raises WhereError."""
    parser = _Parser(tokenize(text, dialect), columns, defaults, dialect)
    test = None if parser.at_end() or parser.at_order() else parser.disjunction()
    order = parser.order_by() if dialect == SQL else ()
    parser.finish()
    return Query(test, order)


class _Parser:
    """Recursive descent over the tokens, building closures."""

    def __init__(
        self, tokens: list[Token], columns: dict[str, str], defaults: Row, dialect: str
    ) -> None:
        self._tokens = tokens
        self._at = 0
        self._columns = columns
        self._defaults = defaults
        self._sql = dialect == SQL
        self._dialect = dialect

    # -- tokens ----------------------------------------------------------------------------------

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _is(self, *words: str) -> bool:
        """Whether the next token is one of these words or operators."""
        token = self._peek()
        if token.kind == "op":
            return token.value in words
        if token.kind != "name":
            return False
        return (token.value.lower() if self._sql else token.value) in words

    def _take(self, *words: str) -> bool:
        if self._is(*words):
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise self._syntax()

    def _syntax(self) -> WhereError:
        token = self._peek()
        return WhereError(f"Syntax error at position {token.position}: '{token.value}'.")

    def at_end(self) -> bool:
        return self._peek().kind == "end"

    def at_order(self) -> bool:
        return self._sql and self._is("by", "order")

    def finish(self) -> None:
        if not self.at_end():
            raise self._syntax()

    def order_by(self) -> tuple[tuple[str, bool], ...]:
        self._take("order")
        if not self._take("by"):
            return ()
        order = []
        while True:
            column = self._column_name(self._next())
            order.append((column, self._take("desc", "descending")))
            self._take("asc", "ascending")
            if not self._take(",", "by"):
                return tuple(order)

    # -- tests -----------------------------------------------------------------------------------

    def disjunction(self) -> Test:
        parts = [self._conjunction()]
        while self._take("or"):
            parts.append(self._conjunction())
        if len(parts) == 1:
            return parts[0]
        holds = [part.holds for part in parts]
        return Test(lambda row: any(test(row) for test in holds), "or", tuple(parts))

    def _conjunction(self) -> Test:
        parts = [self._negation()]
        while self._take("and"):
            parts.append(self._negation())
        if len(parts) == 1:
            return parts[0]
        holds = [part.holds for part in parts]
        return Test(lambda row: all(test(row) for test in holds), "and", tuple(parts))

    def _negation(self) -> Test:
        if self._take("not"):
            inner = self._negation().holds
            return Test(lambda row: not inner(row))
        if self._is("("):
            start = self._at
            try:
                self._at += 1
                inner_test = self.disjunction()
                self._expect(")")
            except WhereError as error:
                if error.clash:
                    raise
                self._at = start  # not a test in parentheses: a value, as in (A + B) > 1
            else:
                return inner_test
        return self._comparison()

    def _comparison(self) -> Test:
        if not self._sql and (test := self._text_test()) is not None:
            return test
        left = self._sum()
        if self._sql and (test := self._sql_test(left)) is not None:
            return test
        token = self._peek()
        operators = _SQL_OPS if self._sql else _WORD_OPS
        op = operators.get(token.value) if token.kind in ("op", "name") else None
        if op is None:
            if left.kind == "b" and not self._sql:
                get = left.get
                return Test(lambda row: bool(get(row)))
            raise self._syntax()
        self._at += 1
        left, right = self._same_kind(left, self._sum())
        return compare(op, left, right)

    def _text_test(self) -> Test | None:
        token = self._peek()
        names = {"substringof", "startswith", "endswith"} if self._dialect == V1 else _TEXT_TESTS
        if (
            token.kind != "name"
            or token.value not in names
            or self._tokens[self._at + 1].value != ("(")
        ):
            return None
        self._at += 2
        first = self._sum()
        self._expect(",")
        second = self._sum()
        self._expect(")")
        if first.kind != "s" or second.kind != "s":
            raise WhereError(f"No function signature for the function '{token.value}' matches.")
        if token.value == "substringof":
            first, second = second, first
        check = _TEXT_TESTS["contains" if token.value == "substringof" else token.value]
        wanted = True
        if self._is("eq") and self._tokens[self._at + 1].kind == "b":  # `contains(…) eq true`
            self._at += 1
            wanted = bool(self._next().value)
        return Test(lambda row: check(fold(first.get(row)), fold(second.get(row))) is wanted)

    def _sql_test(self, left: Value) -> Test | None:
        get = left.get
        if self._take("is"):
            wanted = not self._take("not")
            if self._next().kind != "null":
                raise self._syntax()
            return Test(lambda row: (get(row) is None) is wanted)
        negated = self._take("not")
        if self._take("like"):
            pattern = like_pattern(self._next())
            return Test(lambda row: bool(pattern.fullmatch(fold(get(row) or ""))) is not negated)
        if self._take("in"):
            values = self._in_list(left)
            return Test(lambda row: (fold(get(row)) in values) is not negated)
        if negated:
            raise self._syntax()
        return None

    def _in_list(self, left: Value) -> set[Any]:
        self._expect("(")
        values = set()
        while True:
            _, value = self._same_kind(left, self._sum())
            values.add(fold(value.literal))
            if not self._take(","):
                self._expect(")")
                return values

    # -- values ----------------------------------------------------------------------------------

    def _sum(self) -> Value:
        ops = {"+": "+", "-": "-"} if self._sql else _WORD_ADD
        return self._arithmetic(self._product, ops)

    def _product(self) -> Value:
        ops = {"*": "*", "/": "/"} if self._sql else _WORD_MUL
        return self._arithmetic(self._single, ops)

    def _arithmetic(self, part: Callable[[], Value], ops: dict[str, str]) -> Value:
        left = part()
        while self._is(*ops):
            op = ops[self._next().value]
            left = calculate(op, left, part())
        return left

    def _single(self) -> Value:
        if self._take("("):
            value = self._sum()
            self._expect(")")
            return value
        if self._sql and self._take("-"):
            return calculate("-", fixed("n", 0), self._single())
        token = self._next()
        if token.kind in ("end", "op"):
            self._at -= 1
            raise self._syntax()
        if token.kind != "name":
            return fixed(token.kind, token.value)
        if not self._sql and token.value in _TEXT_CHANGES and self._take("("):
            return self._changed_text(token)
        name = self._column_name(token)
        default = self._defaults[name]
        return Value(_FAMILY[self._columns[name]], lambda row: row.get(name, default), name)

    def _changed_text(self, token: Token) -> Value:
        inner = self._sum()
        self._expect(")")
        change = _TEXT_CHANGES[token.value]
        if inner.kind != "s":
            raise WhereError(f"No function signature for the function '{token.value}' matches.")
        return Value("s", lambda row: change(inner.get(row)))

    def _column_name(self, token: Token) -> str:
        name = str(token.value).rpartition(".")[2] if self._sql else str(token.value)
        if token.kind != "name" or name not in self._columns:
            raise WhereError(f"Could not find a property named '{token.value}'.")
        return name

    def _same_kind(self, left: Value, right: Value) -> tuple[Value, Value]:
        """Both sides comparable; SQL turns a literal into the column's type where it can."""
        if left.kind == right.kind or "null" in (left.kind, right.kind):
            return left, right
        if self._sql:
            if right.fixed:
                return left, converted(right, left.kind)
            if left.fixed:
                return converted(left, right.kind), right
        raise WhereError(
            "A binary operator with incompatible types was detected. Found operand types "
            f"'{_EDM[left.kind]}' and '{_EDM[right.kind]}'.",
            clash=True,
        )
