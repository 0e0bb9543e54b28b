"""Turns amounts into JSON numbers and back without ever making a float of them. Pure."""

import json
import re
import secrets
from decimal import Decimal
from typing import Any

_MARK = secrets.token_hex(8)
_MARKED = re.compile(rf'"{_MARK}(-?[0-9]+(?:\.[0-9]+)?)"')


def dump_json(value: Any) -> bytes:
    """JSON text in UTF-8; a Decimal becomes a number with exactly its digits.

    Raises ValueError for NaN or infinity and TypeError for what JSON does not know.
    """
    text = json.dumps(value, default=_marked, ensure_ascii=False, allow_nan=False)
    return _MARKED.sub(r"\1", text).encode("utf-8")


def load_json(text: str) -> Any:
    """The value of JSON text; numbers with a fraction become Decimal. Raises ValueError."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refused)
    except RecursionError as error:
        raise ValueError("The JSON text is nested too deeply.") from error


def _marked(value: object) -> str:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not a number that JSON knows.")
        return f"{_MARK}{value:f}"
    raise TypeError(f"{type(value).__name__} has no form in JSON.")


def _refused(name: str) -> None:
    raise ValueError(f"{name} is not a number that JSON knows.")
