"""How much work a workbook may be, counted before it is opened.

A workbook is a ZIP archive of XML, so a few kilobytes can hold millions of elements, each of which
costs openpyxl some ten microseconds and some hundred bytes. Here each part is run through a parser
that keeps nothing, and that stops as soon as there is more than a mapping file needs.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others cannot be unpacked in pieces
_MOST_PARTS = 1000
_CHUNK = 65_536
_A_ROW = 25  # elements: five cells with their texts, shared or not, and some empty columns beside
_BESIDE = 20_000  # elements of styles, names and settings; a rich workbook has some thousand
_ATTRIBUTES = 4  # times as many as elements may there be
_AN_ELEMENT = 64  # attributes of one element
_LONGEST_TAG = 2 * _CHUNK  # bytes, also of a comment
_ROWS = ("worksheets/", "sharedstrings")  # in the names of parts that grow with the rows


class WorkbookTooLargeError(ValueError):
    """The workbook would be too much work; nothing of it was read."""


@dataclass(slots=True)
class _Count:
    """What was counted over all parts, and how much of it there may be."""

    most_in_rows: int
    in_rows: int = 0
    beside: int = 0
    attributes: int = 0
    sheets: set[str] = field(default_factory=set)

    def element(self, name: str, attributes: Mapping[str, str], *, of_rows: bool) -> None:
        """Count one more element. Raises WorkbookTooLargeError."""
        self._sheet(name.rpartition(":")[2], attributes)
        if of_rows:
            self.in_rows += 1
        else:
            self.beside += 1
        self.attributes += len(attributes)
        if (
            self.in_rows > self.most_in_rows
            or self.beside > _BESIDE
            or len(attributes) > _AN_ELEMENT
            or self.attributes > _ATTRIBUTES * (self.most_in_rows + _BESIDE)
        ):
            raise WorkbookTooLargeError

    def _sheet(self, name: str, attributes: Mapping[str, str]) -> None:
        """Refuse a sheet that is named twice: it would be opened once for each of its names."""
        named = ""
        if name == "sheet":
            named = next((attributes[key] for key in attributes if key.endswith(":id")), "")
        elif name == "Relationship" and attributes.get("Type", "").endswith("sheet"):
            named = attributes.get("Target", "").rpartition("/")[2]
        if named in self.sheets:
            raise WorkbookTooLargeError
        if named:
            self.sheets.add(named)


def check_workbook(content: bytes, *, most_bytes: int, most_rows: int) -> None:
    """Raise WorkbookTooLargeError when reading it would cost more than `most_rows` rows need.

    `most_bytes`: of all parts together, unpacked. Raises zipfile.BadZipFile and what zlib raises
    for what is no archive.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
        if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > most_bytes:
            raise WorkbookTooLargeError
        if any(part.compress_type not in _METHODS for part in parts):
            raise WorkbookTooLargeError
        count = _Count(most_in_rows=_A_ROW * most_rows + _BESIDE)
        for part in parts:
            of_rows = any(name in part.filename.lower() for name in _ROWS)
            _count_part(_pieces(archive, part), count, of_rows=of_rows)


def _count_part(pieces: Iterator[bytes], count: _Count, *, of_rows: bool) -> None:
    def element(name: str, attributes: Mapping[str, str]) -> None:
        count.element(name, attributes, of_rows=of_rows)

    read = 0
    parser = expat.ParserCreate()
    parser.StartElementHandler = element
    parser.StartDoctypeDeclHandler = _refuse_document_type
    try:
        for piece in pieces:
            read += len(piece)
            parser.Parse(piece, False)  # noqa: FBT003
            # A parser begins a tag anew with each piece until it is whole: that is quadratic.
            if read - parser.CurrentByteIndex > _LONGEST_TAG:
                raise WorkbookTooLargeError
    except expat.ExpatError:
        return  # a picture, or XML at which every reader stops here


def _pieces(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(part) as stream:
        while piece := stream.read(_CHUNK):
            yield piece


def _refuse_document_type(*_: object) -> None:
    raise WorkbookTooLargeError
