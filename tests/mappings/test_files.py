"""mappings.files: what is read is what a person typed; what is written is safe to open."""

import io
import re
import zipfile

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import files
from mappings.files import (
    MappingFileError,
    MappingRow,
    escaped,
    parse_rows,
    read_rows,
    write_csv,
    write_xlsx,
)

HEADER = "ramp_id,ramp_name,epicor_id,epicor_name"


def csv_rows(text, encoding="utf-8"):
    return parse_rows("m.csv", io.BytesIO(text.encode(encoding)))


def workbook(*rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def xlsx_rows(*rows):
    return parse_rows("m.XLSX", io.BytesIO(workbook(*rows)))


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\nv-1,Acmé,ACME,Acme Inc\n",
        f"\ufeff{HEADER}\r\nv-1,Acmé,ACME,Acme Inc\r\n",
        "ramp_id;ramp_name;epicor_id;epicor_name\nv-1;Acmé;ACME;Acme Inc",
        " Ramp_ID , ramp_name,EPICOR_ID,epicor_name,,\n v-1 ,Acmé, ACME ,Acme Inc,,\n",
        "epicor_name,epicor_id,ramp_name,ramp_id,company\nAcme Inc,ACME,Acmé,v-1,\n",
    ],
)
def test_a_csv_is_read_however_a_spreadsheet_wrote_it(text):
    assert csv_rows(text) == [MappingRow(2, "v-1", "Acmé", "ACME", "Acme Inc")]


def test_rows_are_numbered_as_in_the_file_and_blank_ones_are_skipped():
    rows = csv_rows(f'{HEADER}\na,"two\nlines",A\n\n,,,\nb,,B,,\n')
    assert [(row.number, row.ramp_id) for row in rows] == [(2, "a"), (5, "b")]
    assert rows[0].ramp_name == "two\nlines"


def test_a_workbook_gives_the_same_rows():
    rows = xlsx_rows(
        ["ramp_id", "ramp_name", "epicor_id", "epicor_name", "company", None],
        ["v-1", "Acmé", "ACME", None, "EPIC06"],
        [None, None, None, None],
        [12, 1.5, 6100.0, 1e20],
    )
    assert rows == [
        MappingRow(2, "v-1", "Acmé", "ACME", "", "EPIC06"),
        MappingRow(4, "12", "1.5", "6100", "1" + "0" * 20),
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.txt", b"", "neither .csv nor .xlsx"),
        ("m.csv", b"", "lacks ramp_id, ramp_name, epicor_id, epicor_name"),
        ("m.csv", b"ramp_id,epicor_id\n", "lacks ramp_name, epicor_name"),
        ("m.csv", f"{HEADER},color\n".encode(), "has unknown columns 'color'"),
        ("m.csv", b"ramp_id,color\n", "epicor_name and has unknown columns 'color'"),
        ("m.csv", f"{HEADER},ramp_id\n".encode(), "names a column twice"),
        ("m.csv", f"{HEADER}\na,b,c,d,e\n".encode(), "Row 2 of m.csv has more cells"),
        ("m.csv", f"{HEADER}\nM\xfcller,a,b,c\n".encode("latin-1"), "not UTF-8"),
        ("m.csv", f'{HEADER}\n"open,a,b,c\n'.encode(), "not valid CSV at line"),
        ("m.xlsx", b"not a zip", "not a readable Excel workbook"),
    ],
)
def test_a_file_that_cannot_be_used_is_explained(name, content, words):
    with pytest.raises(MappingFileError, match=words):
        parse_rows(name, io.BytesIO(content))


def test_a_zip_that_is_no_workbook_is_refused():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("hello.txt", "x")
    with pytest.raises(MappingFileError, match="not a readable Excel workbook"):
        parse_rows("m.xlsx", io.BytesIO(content.getvalue()))


@pytest.mark.parametrize(
    ("limit", "name", "words"),
    [
        ("MAX_BYTES", "m.csv", "larger than"),
        ("MAX_ROWS", "m.csv", "more than 1 rows"),
        ("MAX_ROWS", "m.xlsx", "more than 1 rows"),
        ("_UNPACKED", "m.xlsx", "far more in it"),
    ],
)
def test_a_file_that_is_too_big_is_refused(monkeypatch, limit, name, words):
    monkeypatch.setattr(files, limit, 0 if limit == "_UNPACKED" else 1)
    rows = [HEADER.split(","), list("abcd"), list("efgh")]
    text = "\n".join(",".join(row) for row in rows).encode()
    content = text if name == "m.csv" else workbook(*rows)
    with pytest.raises(MappingFileError, match=words):
        parse_rows(name, io.BytesIO(content))


def hostile(sheet, *, size="A1:E2"):
    """A workbook whose first sheet has this as its rows."""
    name = "xl/worksheets/sheet1.xml"
    content, source = io.BytesIO(), io.BytesIO(workbook(HEADER.split(",")))
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(content, "w") as new:
        for entry in old.namelist():
            new.writestr(entry, old.read(entry) if entry != name else _sheet(sheet, size))
    return content.getvalue()


def _sheet(rows, size):
    cells = "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in HEADER.split(","))
    return (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f'<dimension ref="{size}"/>'
        f'<sheetData><row r="1">{cells}</row>{rows}</sheetData></worksheet>'
    )


@pytest.mark.parametrize(
    ("rows", "size"),
    [
        ('<row r="5000000"><c r="A5000000"><v>1</v></c></row>', "A1:E2"),
        ('<row r="5000000"/>', "A1:E5000000"),
        ("<row/>" * 200, "A1:A1"),
    ],
)
def test_a_file_of_a_few_bytes_with_millions_of_rows_is_refused(rows, size):
    content = io.BytesIO(hostile(rows, size=size))
    with pytest.raises(MappingFileError, match="more than 100 rows, empty ones included"):
        parse_rows("m.xlsx", content, most_rows=100)


_SHEET = "xl/worksheets/sheet1.xml"
_WIDE = "<row " + " ".join(f'a{n}=""' for n in range(60)) + "/>"
_PARTS = {
    "cells of one row": (_SHEET, "</sheetData>", "<row>{}</row></sheetData>", "<c/>"),
    "texts": (_SHEET, "</sheetData>", "{}</sheetData>", "<row><c><is/></c></row>"),
    "views": (_SHEET, "<sheetData>", "{}<sheetData>", "<sheetView/>"),
    "formats": ("xl/styles.xml", "</cellXfs>", "{}</cellXfs>", "<xf/>"),
    "names": ("xl/workbook.xml", "</sheets>", "</sheets>{}", "<definedName/>"),
    "types": ("[Content_Types].xml", "</Types>", "{}</Types>", "<Default/>"),
    "one element's attributes": (_SHEET, "<sheetData>", "<sheetData {}>", ' a{n}=""'),
    "attributes": (_SHEET, "</sheetData>", "{}</sheetData>", _WIDE),
}


def changed(part, change, *, beside=(), method=zipfile.ZIP_DEFLATED):
    """A workbook of which one part is another, and with more parts beside."""
    content, source = io.BytesIO(), io.BytesIO(workbook(HEADER.split(",")))
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(content, "w", method) as new:
        for name in old.namelist():
            text = old.read(name).decode()
            new.writestr(name, change(text) if name == part else text)
        for name in beside:
            new.writestr(name, "x")
    return content.getvalue()


@pytest.mark.parametrize("what", _PARTS)
def test_a_workbook_of_more_work_than_its_rows_need_is_refused_before_it_is_opened(
    monkeypatch, what
):
    """Measured: 6 million `<c/>` (28 KB) took openpyxl 36 s and 1.8 GB."""
    monkeypatch.setattr(files.openpyxl, "load_workbook", lambda *_, **__: pytest.fail("opened"))
    part, old, new, piece = _PARTS[what]
    flood = new.format("".join(piece.replace("{n}", str(n)) for n in range(60_000)))
    content = changed(part, lambda text: text.replace(old, flood, 1))
    assert len(content) < 500_000
    with pytest.raises(MappingFileError, match="far more in it than 100 rows"):
        parse_rows("m.xlsx", io.BytesIO(content), most_rows=100)


@pytest.mark.parametrize(
    "content",
    [
        changed("xl/workbook.xml", lambda t: re.sub(r"(<sheet .*?/>)", r"\1\1", t)),
        changed(
            "xl/_rels/workbook.xml.rels", lambda t: re.sub(r"(<Relationship .*?/>)", r"\1\1", t)
        ),
        changed("xl/styles.xml", lambda t: "<!DOCTYPE a [<!ENTITY b 'c'>]>" + t),
        changed("xl/styles.xml", lambda t: t + f"<!--{'x' * 400_000}-->"),
        changed("xl/workbook.xml", lambda t: t.replace("<sheets", f"<sheets a='{'x' * 400_000}'")),
        changed("", str, beside=[f"a{n}" for n in range(1001)]),
        changed("", str, method=zipfile.ZIP_BZIP2),  # a bomb that no limit stops half-way
        changed("", str, method=zipfile.ZIP_LZMA),
    ],
    ids=[
        "one sheet twice",
        "one part twice",
        "entities",
        "comment",
        "tag",
        "many parts",
        "bzip2",
        "lzma",
    ],
)
def test_an_archive_that_no_spreadsheet_writes_is_refused(content):
    with pytest.raises(MappingFileError, match="far more in it"):
        parse_rows("m.xlsx", io.BytesIO(content))


def test_a_workbook_with_the_most_rows_and_some_empty_columns_is_read():
    rows = [[*(f"{name}-{n}" for name in "abcd"), "EPIC06", None, ""] for n in range(500)]
    content = workbook([*HEADER.split(","), "company"], *rows)
    assert len(parse_rows("m.xlsx", io.BytesIO(content), most_rows=500)) == 500


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{HEADER}\n{',' * 2_000_000}\n", "Line 2 of m.csv has more than 1,000 cells"),
        (f"{HEADER}\na,{'b' * 2001},c,d\n", "Row 2 of m.csv has a cell with more than 2,000"),
        (f"{HEADER}\na,{'b' * 200_000},c,d\n", "not valid CSV at line"),
    ],
    ids=["cells", "long", "longer than csv takes"],
)
def test_a_csv_of_more_work_than_its_rows_need_is_refused(text, words):
    with pytest.raises(MappingFileError, match=words):
        parse_rows("m.csv", io.BytesIO(text.encode()))


def test_empty_rows_of_a_csv_count_too():
    with pytest.raises(MappingFileError, match="more than 100 rows, empty ones included"):
        parse_rows("m.csv", io.BytesIO(f"{HEADER}\n{',,,' * 9}\n".encode() * 101), most_rows=100)


def test_rows_that_end_in_the_last_column_are_not_that_wide(monkeypatch):
    widths = []
    known = files.read_cell
    monkeypatch.setattr(files, "read_cell", lambda cell: widths.append(cell) or known(cell))
    rows = "".join(
        f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="ZZZ{n}"><v>1</v></c></row>'
        for n in range(2, 12)
    )
    found = parse_rows("m.xlsx", io.BytesIO(hostile(rows)))
    assert [row.ramp_id for row in found] == [str(n) for n in range(2, 12)]
    assert len(widths) <= 11 * 50


def test_rows_beyond_what_a_workbook_says_of_its_size_are_read():
    rows = '<row r="4"><c r="A4"><v>7</v></c></row>'
    (row,) = parse_rows("m.xlsx", io.BytesIO(hostile(rows, size="A1:B2")))
    assert (row.number, row.ramp_id) == (4, "7")


def test_a_missing_file_is_explained(tmp_path):
    with pytest.raises(MappingFileError, match="cannot be read"):
        read_rows(tmp_path / "none.csv")


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_no_cell_is_written_as_a_formula(start):
    dangerous = f"{start}cmd|' /C calc'!A0"
    text = io.StringIO()
    write_csv([MappingRow(2, "v-1", dangerous, "A", "")], text)
    assert text.getvalue().splitlines()[1].split(",")[1] == f"'{dangerous}"
    content = io.BytesIO()
    write_xlsx([MappingRow(2, "v-1", dangerous, "A", "")], content)
    cell = openpyxl.load_workbook(content).active["B2"]
    assert (cell.data_type, cell.value) == ("s", f"'{dangerous}")


@pytest.mark.parametrize("sign", "=+-@＝＋－＠")
@pytest.mark.parametrize("before", ["", ";", "\t", "\r", "\n", "; ", ";\u00a0", " ", ";'"])
def test_no_cell_is_a_formula_wherever_a_spreadsheet_sees_it_begin(before, sign):
    """Of "x;=1+1" a spreadsheet that separates cells by semicolons makes two."""
    for cell in (f"{before}{sign}1+1", f"x{before}{sign}1+1" if before.strip(" \u3000") else "x"):
        safe = escaped(cell)
        assert not re.search(r"(^|[;\t\r\n])[ \u00a0\u3000]*[=+\-@＝＋－＠]", safe)
        assert not re.match(r"[\t\r\n]", safe)
        assert files._unescaped(safe) == cell


@pytest.mark.parametrize("cell", ["a-b", "a; b", "1;2", "INV=7", "a'=b", "’s", "a,-5"])
def test_what_begins_no_cell_stays_as_it_is(cell):
    assert escaped(cell) == cell


# Text as it can be stored: trimmed, and without what neither format can carry.
CELLS = st.text(
    st.sampled_from("=+-@＝＠'\"a,;\n0ü ") | st.characters(exclude_categories=["Cs", "Cc"]),
    max_size=8,
).map(str.strip)
ROWS = st.lists(st.tuples(*[CELLS] * 5).filter(any), max_size=5).map(
    lambda rows: [MappingRow(number, *cells) for number, cells in enumerate(rows, start=2)]
)


@given(ROWS)
def test_what_is_exported_comes_back_as_it_was(rows):
    text, book = io.StringIO(newline=""), io.BytesIO()
    write_csv(rows, text)
    write_xlsx(rows, book)
    assert csv_rows(text.getvalue()) == rows
    assert parse_rows("m.xlsx", io.BytesIO(book.getvalue())) == rows


def test_a_quote_that_hides_no_formula_stays():
    (row,) = csv_rows(f"{HEADER}\nv-1,'s-Hertogenbosch,'=A,''-B\n")
    assert (row.ramp_name, row.epicor_id, row.epicor_name) == ("'s-Hertogenbosch", "=A", "'-B")
