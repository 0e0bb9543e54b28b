"""Whether an id came through a spreadsheet unharmed: what a person sees in a cell is what counts.

A spreadsheet takes an id for a number, a day or a truth value as soon as it looks like one: 06100
becomes 6100, 6000.10 becomes 6000.1, 11-1 becomes a day, the end of a long number becomes zeros.
What was lost cannot be seen in the file, so such a cell is refused where an id is meant. Pure.
"""

import re
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

_EXACT = 10**15  # a spreadsheet keeps 15 digits of a number and makes zeros of the others
_SHOWN = 10**11  # and shows longer ones as 1.23E+11, unless their format says otherwise
_PLAIN = ("", "general", "@")
_CURE = "Format the column as text, write the ids again, and import the file once more."
_ERRORS = ("#n/a", "#ref!", "#value!", "#name?", "#div/0!", "#null!", "#num!", "#spill!", "#calc!")
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_MADE_OF_IT: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a rounded number", re.compile(r"[+-]?\d+(?:[.,]\d+)?e[+-]?\d+", re.IGNORECASE)),
    ("a truth value", re.compile(r"true|false", re.IGNORECASE)),
    ("a day", re.compile(r"(?:19|20)\d\d-\d\d-\d\d(?:[ t]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?", re.I)),
    ("a day", re.compile(r"(?:[0-2]?\d|3[01])([./])(?:0?\d|1[0-2])\1(?:19|20)\d\d")),
    ("a day", re.compile(r"(?:0?\d|1[0-2])/(?:[0-2]?\d|3[01])/(?:19|20)\d\d")),
    ("a day", re.compile(rf"\d\d?-{_MONTH}(?:-\d\d(?:\d\d)?)?|{_MONTH}-\d\d", re.IGNORECASE)),
    ("a number with its end cut off", re.compile(r"[1-9]\d{14}0+")),
)
_MOST_ZEROS = 30  # of a number's format; a longer one is no id's, and would fill the memory
_QUOTED = 60  # characters of a damaged text that its sentence repeats


class Cell(NamedTuple):
    """A cell as text; `flaw` says as the end of a sentence why it cannot be an id, "" if it can."""

    text: str
    flaw: str = ""


def read(cell: Any) -> Cell:
    """A cell of a workbook (openpyxl) as a person sees it, as far as that is known."""
    value = cell.value
    if value is None:
        return Cell("")
    if cell.data_type == "e":
        return Cell(
            str(value).strip(),
            f"shows the error {str(value)[:_QUOTED]}. Correct the formula behind it.",
        )
    if isinstance(value, bool):
        return Cell(str(value).upper(), f"is a truth value ({str(value).upper()}). {_CURE}")
    if isinstance(value, date | datetime | time | timedelta):
        return Cell(str(value), f"is a day or time ({value}). {_CURE}")
    if isinstance(value, int | float):
        return _number(value, str(cell.number_format or ""))
    return Cell(str(value).strip())


def damage(text: str) -> str:
    """What a spreadsheet has probably made of an id, as the end of a sentence; "" for nothing.

    A guess from the text alone: an id that is known may look so all the same.
    """
    if text.casefold() in _ERRORS:
        return f"shows the error {text}. Correct the formula behind it."
    for what, pattern in _MADE_OF_IT:
        if pattern.fullmatch(text):
            seen = f"is {text[:_QUOTED]!r}, which looks like {what}"
            return f"{seen} that a spreadsheet made of the id. {_CURE}"
    return ""


def _number(value: float, number_format: str) -> Cell:
    whole = isinstance(value, int) or value.is_integer()
    text = str(int(value)) if whole else str(value)
    if not whole:
        return Cell(text, f"is the number {text}, of which zeros at the end are lost. {_CURE}")
    if abs(value) >= _EXACT:
        return Cell(text, f"is a number of {len(text)} digits, the last ones rounded. {_CURE}")
    shown = _shown(int(value), number_format.strip().lower())
    if shown != text:
        return Cell(text, f"is the number {text} and is shown {shown or 'otherwise'}. {_CURE}")
    return Cell(text)


def _shown(value: int, number_format: str) -> str:
    """A whole number as the spreadsheet shows it, "" for a format that we do not know."""
    if number_format in _PLAIN:
        return str(value) if abs(value) < _SHOWN else f"as {value:.2E}"
    if re.fullmatch(f"0{{1,{_MOST_ZEROS}}}", number_format):
        digits = f"{abs(value):0{len(number_format)}d}"
        return f"-{digits}" if value < 0 else digits
    if number_format == "#,##0":
        return f"{value:,}"
    return str(value) if number_format == "#" else ""
