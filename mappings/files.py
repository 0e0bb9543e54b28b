"""Mapping files, CSV or Excel: read with the row numbers that a person sees, written safely.

A cell that a spreadsheet would run as a formula is written with a quote in front, and the quote
is taken away when the file comes back.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TextIO

import openpyxl
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.utils.exceptions import InvalidFileException

from mappings.cells import Cell
from mappings.cells import read as read_cell
from mappings.workbook_limits import WorkbookTooLargeError, check_workbook

REQUIRED = ("ramp_id", "ramp_name", "epicor_id", "epicor_name")
COLUMNS = (*REQUIRED, "company")
IDS = ("ramp_id", "epicor_id", "company")
MAX_BYTES = 20_000_000
MAX_ROWS = 200_000
_UNPACKED = 10  # times as many bytes as the file may have: a small archive may unpack to a flood
_MOST_COLUMNS = 50  # of a workbook; its last column would be the 16,384th
_MOST_CELLS = 1000  # of a row in a CSV file
_LONGEST_CELL = 2000  # characters; every id and name is shorter

# Where a spreadsheet may see a cell begin: at its beginning, and after what separates cells
# in the files of another country. Full-width signs begin a formula in East Asian versions.
_SIGNS = "=+\\-@＝＋－＠"
_BLANKS = "[ \u00a0\u200b\u3000\ufeff]{0,9}"
_FORMULA = re.compile(rf"(^|[;\t\r\n])({_BLANKS})('{{0,99}}[{_SIGNS}])")
_HIDDEN_FORMULA = re.compile(rf"(^|[;\t\r\n])({_BLANKS})'('{{0,99}}[{_SIGNS}])")
_SKIPPED = re.compile(r"'{0,99}[\t\r\n]")  # at the beginning, before a formula


class MappingFileError(ValueError):
    """The file cannot be used at all; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One row of a mapping file; `number` counts as in the file, the header being row 1.

    `flaw`: why an id of it is not what a person wrote, as a sentence, "" when it may be.
    """

    number: int
    ramp_id: str
    ramp_name: str
    epicor_id: str
    epicor_name: str
    company: str = ""
    flaw: str = ""

    def cells(self) -> tuple[str, ...]:
        """The cells in the order of COLUMNS."""
        return self.ramp_id, self.ramp_name, self.epicor_id, self.epicor_name, self.company


def read_rows(path: Path) -> list[MappingRow]:
    """The rows of a .csv or .xlsx file. Raises MappingFileError when it cannot be used."""
    try:
        with path.open("rb") as stream:
            return parse_rows(path.name, stream)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise MappingFileError(f"{path} cannot be read ({why}); nothing was changed.") from error


def parse_rows(
    name: str, stream: IO[bytes], *, most_bytes: int | None = None, most_rows: int | None = None
) -> list[MappingRow]:
    """The rows of an open file; its name's ending says whether it is CSV or Excel.

    At most `most_bytes` long and with `most_rows` rows. Raises MappingFileError.
    """
    limit = MAX_BYTES if most_bytes is None else most_bytes
    content = stream.read(limit + 1)
    if len(content) > limit:
        raise MappingFileError(
            f"{name} is larger than {limit // 1_000_000} MB; split it and import the parts."
        )
    rows = MAX_ROWS if most_rows is None else most_rows
    ending = Path(name).suffix.lower()
    if ending == ".csv":
        return list(_rows(name, _csv_records(name, content), rows))
    if ending == ".xlsx":
        _refuse_a_flood(name, content, limit * _UNPACKED, rows)
        return list(_rows(name, _xlsx_records(name, content, rows), rows))
    raise MappingFileError(f"{name} is neither .csv nor .xlsx; save it as one of these.")


def write_csv(rows: Iterable[MappingRow], stream: TextIO) -> None:
    """The rows as CSV with a header, every cell safe to open in a spreadsheet."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([escaped(cell) for cell in row.cells()])


def write_xlsx(rows: Iterable[MappingRow], stream: IO[bytes]) -> None:
    """The rows as a workbook with a header, every cell a text."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("mappings")
    sheet.append(COLUMNS)
    for row in rows:
        sheet.append([ILLEGAL_CHARACTERS_RE.sub("", escaped(cell)) for cell in row.cells()])
    book.save(stream)


def escaped(cell: str) -> str:
    """The text so that no spreadsheet runs it, or a part of it."""
    safe = _FORMULA.sub(r"\1\2'\3", cell)
    return f"'{safe}" if _SKIPPED.match(safe) else safe


def _unescaped(cell: str) -> str:
    plain = cell[1:] if cell.startswith("'") and _SKIPPED.match(cell) else cell
    return _HIDDEN_FORMULA.sub(r"\1\2\3", plain)


def _rows(name: str, records: Iterator[Sequence[Cell]], most: int) -> Iterator[MappingRow]:
    columns = _columns(name, [cell.text for cell in next(records, ())])
    for number, record in enumerate(records, start=2):
        cells = [cell.text for cell in record]
        if number > most + 1:  # empty ones count: a file of a few bytes can have millions of them
            raise MappingFileError(
                f"{name} has more than {most:,} rows, empty ones included; delete those, or split "
                "the file."
            )
        if not any(cells):
            continue
        if any(cells[len(columns) :]):
            raise MappingFileError(
                f"Row {number} of {name} has more cells than the header; nothing was changed."
            )
        if any(len(cell) > _LONGEST_CELL for cell in cells):
            raise MappingFileError(
                f"Row {number} of {name} has a cell with more than {_LONGEST_CELL:,} characters; "
                "nothing was changed."
            )
        values = dict(zip(columns, cells, strict=False))
        flaws = {column: cell.flaw for column, cell in zip(columns, record, strict=False)}
        flaw = next((f"{name} {flaws[name]}" for name in IDS if flaws.get(name)), "")
        yield MappingRow(number, **{key: values.get(key, "") for key in COLUMNS}, flaw=flaw)


def _columns(name: str, header: Sequence[str]) -> list[str]:
    """The header's column names, checked."""
    columns = [cell.lower() for cell in header]
    while columns and not columns[-1]:
        columns.pop()
    missing = [column for column in REQUIRED if column not in columns]
    unknown = [repr(column) for column in columns if column not in COLUMNS]
    if missing or unknown or len(set(columns)) < len(columns):
        what = [f"lacks {', '.join(missing)}"] if missing else []
        what += [f"has unknown columns {', '.join(unknown)}"] if unknown else []
        raise MappingFileError(
            f"The first row of {name} {' and '.join(what) or 'names a column twice'}; "
            f"it must name {', '.join(REQUIRED)} and may name company. Nothing was changed."
        )
    return columns


def _csv_records(name: str, content: bytes) -> Iterator[Sequence[Cell]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MappingFileError(f"{name} is not UTF-8; save it as 'CSV UTF-8'.") from error
    first = text.partition("\n")[0]
    # Spreadsheets in countries with a decimal comma separate the cells by semicolons.
    separator = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if len(cells) > _MOST_CELLS:
                raise MappingFileError(
                    f"Line {reader.line_num} of {name} has more than {_MOST_CELLS:,} cells; "
                    "nothing was changed."
                )
            yield [Cell(_unescaped(cell.strip())) for cell in cells]
    except csv.Error as error:
        raise MappingFileError(f"{name} is not valid CSV at line {reader.line_num}.") from error


_BROKEN = (
    zipfile.BadZipFile,
    InvalidFileException,
    LookupError,
    ValueError,
    TypeError,
    SyntaxError,  # what the XML parser raises
    RuntimeError,  # an encrypted archive
    EOFError,
    zlib.error,
)


def _xlsx_records(name: str, content: bytes, most: int) -> Iterator[Sequence[Cell]]:
    """The rows as a person sees them, the header and one more than `most` at the utmost.

    Rows that the file leaves out come as empty ones, so both ends are given: a file may say that
    its only row is the millionth, and that its only cell is in the last column.
    """
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        # What a file says of its own size is not believed: rows beyond it would be left out.
        sheet.reset_dimensions()
        rows = sheet.iter_rows(max_row=most + 2, max_col=_MOST_COLUMNS)
        for cells in rows:
            read = [read_cell(cell) for cell in cells]
            yield [cell._replace(text=_unescaped(cell.text)) for cell in read]
    except _BROKEN as error:
        raise MappingFileError(_unreadable(name)) from error


def _refuse_a_flood(name: str, content: bytes, most_bytes: int, most_rows: int) -> None:
    try:
        check_workbook(content, most_bytes=most_bytes, most_rows=most_rows)
    except WorkbookTooLargeError as error:
        raise MappingFileError(
            f"{name} has far more in it than {most_rows:,} rows of mappings need, and was not "
            "read. Delete empty formatted rows and columns and other sheets, or save it as CSV."
        ) from error
    except _BROKEN as error:
        raise MappingFileError(_unreadable(name)) from error


def _unreadable(name: str) -> str:
    return f"{name} is not a readable Excel workbook; save it again as .xlsx."
