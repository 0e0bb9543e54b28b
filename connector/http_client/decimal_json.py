"""Turns amounts into JSON numbers and back without ever making a float of them. Pure."""

import json
import re
import secrets
from decimal import Decimal
from typing import Any

_MARK = secrets.token_hex(8)
_MOST_VALUES = 2_000_000
_LONGEST_NUMBER = 1000  # characters
_WIDEST = 400  # a power of ten; doubles end at 308
_MARKED = re.compile(rf'"{_MARK}(-?[0-9]+(?:\.[0-9]+)?)"')


def dump_json(value: Any) -> bytes:
    """JSON text in UTF-8; a Decimal becomes a number with exactly its digits.

    Raises ValueError for NaN or infinity and TypeError for what JSON does not know.
    """
    text = json.dumps(value, default=_marked, ensure_ascii=False, allow_nan=False)
    return _MARKED.sub(r"\1", text).encode("utf-8")


def load_json(text: str) -> Any:
    """The value of JSON text; numbers with a fraction become Decimal. Raises ValueError.

    Also for what would be too much work: more than two million values, or a number whose digits
    would fill a page (`1e999999999` is ten characters, and a gigabyte when it is written out).
    """
    if sum(text.count(sign) for sign in ",[{") > _MOST_VALUES:
        raise ValueError("The JSON text has too many values.")
    try:
        return json.loads(text, parse_float=_decimal, parse_constant=_refused)
    except RecursionError as error:
        raise ValueError("The JSON text is nested too deeply.") from error


def _decimal(text: str) -> Decimal:
    """An exact number within what any other program can hold. Raises ValueError."""
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("The JSON text has a number that is too long.")
    number = Decimal(text)
    if abs(number.adjusted()) <= _WIDEST:
        return number
    if number:
        raise ValueError("The JSON text has a number that is too long.")
    return Decimal(0)  # with a million places


def _marked(value: object) -> str:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not a number that JSON knows.")
        return f"{_MARK}{value:f}"
    raise TypeError(f"{type(value).__name__} has no form in JSON.")


def _refused(name: str) -> None:
    raise ValueError(f"{name} is not a number that JSON knows.")
