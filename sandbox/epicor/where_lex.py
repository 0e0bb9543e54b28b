"""The words of a filter: one tokenizer for OData 4, OData 3 and the SQL-like where clauses."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

V2, V1, SQL = "v2", "v1", "sql"  # OData 4, OData 3, GetRows/GetList


class WhereError(ValueError):
    """The filter cannot be understood. `clash`: it reads well but compares unlike types."""

    def __init__(self, message: str, *, clash: bool = False) -> None:
        super().__init__(message)
        self.clash = clash


@dataclass(frozen=True, slots=True)
class Token:
    """One word: `kind` is name, op, end, or a literal's type letter (s n b t g, null)."""

    kind: str
    value: Any
    position: int


_STRING = r"'(?:[^']|'')*'"
_GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_DAY_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
_NAME = r"[A-Za-z_]\w*"
_PATTERNS = {
    V2: rf"""(?P<g>{_GUID})|(?P<t>{_DAY_TIME}(?:Z|[+-]\d\d:\d\d))|(?P<n>-?\d+(?:\.\d+)?)
        |(?P<s>{_STRING})|(?P<name>{_NAME}(?:/{_NAME})*)|(?P<op>[(),])""",
    V1: rf"""guid'(?P<g>{_GUID})'|datetime'(?P<t>{_DAY_TIME})'|(?P<n>-?\d+(?:\.\d+)?)[mMlLdD]?\b
        |(?P<s>{_STRING})|(?P<name>{_NAME}(?:/{_NAME})*)|(?P<op>[(),])""",
    SQL: rf"""(?P<n>\d+(?:\.\d+)?)|(?P<s>{_STRING})|(?P<name>{_NAME}(?:\.{_NAME})?)
        |(?P<op><>|!=|<=|>=|[=<>+\-*/(),])""",
}
_LEXERS = {
    dialect: re.compile(rf"\s*(?:{pattern}|(?P<end>$))", re.VERBOSE)
    for dialect, pattern in _PATTERNS.items()
}
_CONSTANTS: dict[str, tuple[str, Any]] = {
    "true": ("b", True),
    "false": ("b", False),
    "null": ("null", None),
}


def day_time(text: str) -> str:
    """A moment as rows hold it: YYYY-MM-DDTHH:MM:SS, zone and fractions cut."""
    text = text[:19]
    return text + ":00" if len(text) == 16 else text


def _literal(kind: str, text: str) -> Any:
    if kind == "s":
        return text[1:-1].replace("''", "'")
    if kind == "n":
        return Decimal(text) if "." in text else int(text)
    if kind == "t":
        return day_time(text)
    return text.lower() if kind == "g" else text


def tokenize(text: str, dialect: str) -> list[Token]:
    """Split a filter into tokens, the last of kind `end`. Raises WhereError."""
    tokens: list[Token] = []
    lexer, position = _LEXERS[dialect], 0
    while not tokens or tokens[-1].kind != "end":
        match = lexer.match(text, position)
        if match is None:
            rest = text[position : position + 20]
            raise WhereError(f"Syntax error at position {position} in '{text}': '{rest}'.")
        kind = match.lastgroup or "end"
        raw = match.group(kind)
        value, start = _literal(kind, raw), match.start(kind)
        if kind == "name" and (dialect != SQL or raw.lower() in _CONSTANTS):
            constant = _CONSTANTS.get(raw.lower() if dialect == SQL else raw)
            if constant:
                kind, value = constant
        tokens.append(Token(kind, value, start))
        position = match.end()
    return tokens
