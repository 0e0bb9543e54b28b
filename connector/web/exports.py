"""A list of bills as a file, CSV or Excel, written row by row however many there are.

Amounts are in major units with the currency's own digits, moments in the tenant's zone. In CSV
days and moments are ISO 8601; in a workbook amounts, days and moments are what they are, so that
they can be added and sorted, and everything else is text. A cell that a spreadsheet would run as a
formula begins with a quote.
"""

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any
from zoneinfo import ZoneInfo

import openpyxl
from django.db.models import QuerySet
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, WriteOnlyCell

from audit.ledger.models import Posting
from connector.domain.money import format_amount
from connector.sync.narrow import bug, narrow
from mappings.files import escaped

XLSX_ROWS = 20_000  # a workbook is made while the person waits
_CHUNK = 2000
_BOM = "\ufeff"  # or Excel takes the text for that of the machine's country
_OLDEST = 1900  # the first year that a spreadsheet has days of
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


def read(found: QuerySet[Posting]) -> Iterator[dict[str, Any]]:
    """Each bill's values by the names of HEADER, newest first; holds a few bills at a time."""
    rows = found.order_by("-id").values_list(*_COLUMNS.values())
    for values in rows.iterator(chunk_size=_CHUNK):
        yield dict(zip(HEADER, values, strict=True))


def records(found: QuerySet[Posting], zone: ZoneInfo) -> Iterator[list[str]]:
    """The cells of each bill as texts in the order of HEADER."""
    for bill in read(found):
        yield _row(bill, lambda bill: _texts(bill, zone))


def _texts(bill: Mapping[str, Any], zone: ZoneInfo) -> list[str]:
    named = dict(bill)
    amount = named.pop("amount")
    cells = {name: escaped(_text(value, zone)) for name, value in named.items()}
    # A number with its sign is no formula, and must stay one that can be added.
    cells["amount"] = "" if amount is None else format_amount(amount, named["currency"])
    return [cells[name] for name in HEADER]


def _row(bill: Mapping[str, Any], cells: Callable[[Mapping[str, Any]], list[Any]]) -> list[Any]:
    """The cells of a bill; of one that breaks that only its id, and why."""
    broken: list[Any] = []

    def broke(_: Mapping[str, Any], error: Exception) -> None:
        known = {"bill": escaped(str(bill["bill"])), "hold_message": bug(error).message}
        broken.extend(known.get(name, "") for name in HEADER)

    parts = narrow([bill], lambda some: cells(some[0]), broke)
    return parts[0] if parts else broken


def as_csv(rows: Iterable[list[str]]) -> Iterator[str]:
    """The rows as CSV with a header, a piece at a time."""
    writer = csv.writer(Echo(), lineterminator="\r\n")
    yield _BOM + writer.writerow(HEADER)
    for row in rows:
        yield writer.writerow(row)


def as_xlsx(bills: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> IO[bytes]:
    """What `read` gives as a workbook in a file that is deleted when it is closed."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("bills")
    sheet.append(HEADER)
    cells = _Cells(sheet, zone)
    for bill in bills:
        sheet.append(_row(bill, cells.row))
    file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by whoever gets it)
    book.save(file)
    file.seek(0)
    return file


class Echo:
    """A file for the csv writer that gives each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


class _Cells:
    """Makes the cells of a workbook; a row is written at once, so the next one may reuse them."""

    def __init__(self, sheet: Any, zone: ZoneInfo) -> None:
        self._sheet, self._zone = sheet, zone
        self._made: dict[tuple[str, str], Any] = {}

    def row(self, bill: Mapping[str, Any]) -> list[Any]:
        """The cells of a bill in the order of HEADER."""
        return [self.of(name, bill) for name in HEADER]

    def of(self, name: str, bill: Mapping[str, Any]) -> Any:
        """A number or a day as what it is, all else (ids and numbers of bills, too) as text."""
        value = bill[name]
        if name == "amount" and value is not None:
            amount = Decimal(format_amount(value, bill["currency"]))
            digits = -int(amount.as_tuple().exponent)
            return self._formatted(name, amount, f"#,##0.{'0' * digits}" if digits else "#,##0")
        if isinstance(value, datetime):
            local = value.astimezone(self._zone).replace(microsecond=0, tzinfo=None)
            return self._formatted(name, local, "yyyy-mm-dd hh:mm:ss")
        if isinstance(value, date) and value.year >= _OLDEST:
            return self._formatted(name, value, "yyyy-mm-dd")
        return ILLEGAL_CHARACTERS_RE.sub("", escaped(_text(value, self._zone)))

    def _formatted(self, name: str, value: Any, number_format: str) -> Any:
        cell = self._made.get((name, number_format))
        if cell is None:
            cell = self._made[name, number_format] = WriteOnlyCell(self._sheet)
            cell.number_format = number_format
        cell.value = value
        return cell


def _text(value: Any, zone: ZoneInfo) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
