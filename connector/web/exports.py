"""A list of bills as a file, CSV or Excel, written row by row however many there are.

Amounts are texts in major units with the currency's own digits, days are ISO 8601, moments are in
the tenant's zone. A cell that a spreadsheet would run as a formula begins with a quote.
"""

import csv
import re
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import IO, Any
from zoneinfo import ZoneInfo

import openpyxl
from django.db.models import QuerySet
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from audit.models import Posting
from connector.domain.money import format_amount

XLSX_ROWS = 100_000
_CHUNK = 2000
_BOM = "\ufeff"  # or Excel takes the text for that of the machine's country
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_COLUMNS = {
    "bill": "bill_id",
    "invoice_number": "invoice_num",
    "vendor": "vendor_name",
    "ramp_vendor_id": "vendor_ramp_id",
    "epicor_vendor_num": "vendor_num",
    "ramp_entity_id": "entity_id",
    "epicor_company": "company",
    "epicor_group": "group_id",
    "state": "state",
    "hold": "hold_reason",
    "hold_message": "hold_message",
    "amount": "amount",
    "currency": "currency",
    "issued": "issued_on",
    "due": "due_on",
    "apply_date": "apply_on",
    "entered": "entered_at",
    "ramp_told": "confirmed_at",
    "assignee": "assignee",
    "number_given": "given_num",
    "number_replaced": "given_for",
}
HEADER = tuple(_COLUMNS)


def records(found: QuerySet[Posting], zone: ZoneInfo) -> Iterator[list[str]]:
    """The cells of each bill in the order of HEADER, newest first; holds a few bills at a time."""
    rows = found.order_by("-id").values_list(*_COLUMNS.values())
    for values in rows.iterator(chunk_size=_CHUNK):
        named = dict(zip(HEADER, values, strict=True))
        amount = named.pop("amount")
        cells = {name: safe(_text(value, zone)) for name, value in named.items()}
        # A number with its sign is no formula, and must stay one that can be added.
        cells["amount"] = "" if amount is None else format_amount(amount, named["currency"])
        yield [cells[name] for name in HEADER]


def as_csv(rows: Iterable[list[str]]) -> Iterator[str]:
    """The rows as CSV with a header, a piece at a time."""
    writer = csv.writer(Echo(), lineterminator="\r\n")
    yield _BOM + writer.writerow(HEADER)
    for row in rows:
        yield writer.writerow(row)


def as_xlsx(rows: Iterable[list[str]]) -> IO[bytes]:
    """The rows as a workbook in a file that is deleted when it is closed; every cell a text."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("bills")
    sheet.append(HEADER)
    for row in rows:
        sheet.append([ILLEGAL_CHARACTERS_RE.sub("", cell) for cell in row])
    file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by whoever gets it)
    book.save(file)
    file.seek(0)
    return file


def safe(cell: str) -> str:
    """The text so that no spreadsheet runs it."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


class Echo:
    """A file for the csv writer that gives each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _text(value: Any, zone: ZoneInfo) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
