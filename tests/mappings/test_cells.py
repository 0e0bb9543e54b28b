"""Ids that spreadsheets damage: what a person sees counts, and what was lost is refused by row."""

import io
import re
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from django.core.management import call_command

from connector.tenants.models import Tenant
from mappings.cells import damage
from mappings.files import MappingRow, parse_rows
from mappings.import_export import import_mappings
from mappings.models import EpicorVendor, GLAccountMapping, ReferenceUse, VendorMapping
from mappings.preview import preview
from tests.builders import make_tenant

UUID = "0acb780e-6914-4d87-908d-d62d38b6fb0b"
HEADER = ("ramp_id", "ramp_name", "epicor_id", "epicor_name")


def read(value: Any, number_format: str = "General") -> MappingRow:
    """A workbook's row whose Ramp id is this cell."""
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    book.active.append([value, "Name", "6100", "Epicor's"])
    book.active["A2"].number_format = number_format
    content = io.BytesIO()
    book.save(content)
    (row,) = parse_rows("m.xlsx", io.BytesIO(content.getvalue()))
    return row


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        ("06100", "General", "06100"),
        ("6000.10", "@", "6000.10"),
        (6100, "General", "6100"),
        (6100, "@", "6100"),
        (6100, "0", "6100"),
        (6100, "#", "6100"),
        (-6100, "0000", "-6100"),
        (123456, "00000", "123456"),
        (610, "#,##0", "610"),
        (12345678901, "General", "12345678901"),
        (123456789012345, "0", "123456789012345"),
        ("6.1E+03", "General", "6.1E+03"),  # a text: whether it is an id is asked later
    ],
)
def test_what_a_person_sees_is_the_id(value: Any, number_format: str, text: str) -> None:
    row = read(value, number_format)
    assert (row.ramp_id, row.flaw) == (text, "")


@pytest.mark.parametrize(
    ("value", "number_format", "said"),
    [
        (6100, "00000", "ramp_id is the number 6100 and is shown 06100"),
        (-61, "0000", "is shown -0061"),
        (6000.1, "General", "is the number 6000.1, of which zeros at the end are lost"),
        (6000.1, "0.00", "zeros at the end are lost"),
        (6100, "#,##0", "is shown 6,100"),
        (6100, "0%", "is shown otherwise"),
        (123456789012, "General", "is shown as 1.23E\\+11"),
        (123456789012345678, "0", "is a number of 18 digits, the last ones rounded"),
        (True, "General", "is a truth value \\(TRUE\\)"),
        (datetime(2026, 11, 1), "d-mmm", "is a day or time \\(2026-11-01"),
        (date(2026, 11, 1), "yyyy-mm-dd", "is a day or time"),
        ("#N/A", "General", "shows the error #N/A. Correct the formula"),
    ],
)
def test_what_a_spreadsheet_made_of_an_id_is_refused_with_the_cure(
    value: Any, number_format: str, said: str
) -> None:
    row = read(value, number_format)
    with pytest.raises(AssertionError, match=said):
        assert not row.flaw, row.flaw
    assert "shows the error" in row.flaw or "Format the column as text" in row.flaw


def test_a_name_may_be_anything_and_every_id_is_looked_at() -> None:
    book = openpyxl.Workbook()
    book.active.append((*HEADER, "company"))
    book.active.append(["v-1", 1.5, 6000.5, True, "EPIC06"])
    book.active.append(["v-2", "x", "y", "z", 6.5])
    content = io.BytesIO()
    book.save(content)
    first, second = parse_rows("m.xlsx", io.BytesIO(content.getvalue()))
    assert first.flaw.startswith("epicor_id is the number 6000.5")
    assert (first.ramp_name, first.epicor_name) == ("1.5", "TRUE")
    assert second.flaw.startswith("company is the number 6.5")


@pytest.mark.parametrize(
    "text",
    [
        *("6.1E+03", "1,23457E+17", "1e5", "TRUE", "false", "#N/A", "#REF!"),
        *("2026-11-01", "2026-11-01 00:00:00", "11/1/2026", "01.11.2026", "1-Nov", "Nov-26"),
        "123456789012345000",
    ],
)
def test_text_that_a_spreadsheet_made_of_an_id_is_recognised(text: str) -> None:
    assert damage(text)


@pytest.mark.parametrize(
    "text",
    [
        *("06100", "6100", "6000.10", "6100|01|000", "E100", "1E", "TRUE-1", "v-1", UUID),
        *("10.20.1000", "99.12.2026", "MAR", "NOV-2026-A", "123456789012345", "12/2026", ""),
    ],
)
def test_other_ids_are_left_alone(text: str) -> None:
    assert damage(text) == ""


# -- with what is known ----------------------------------------------------------------------------


@pytest.fixture
def tenant(db: None) -> Tenant:
    return make_tenant()


def used(tenant: Tenant, ramp_id: str, kind: str = "gl_accounts") -> None:
    ReferenceUse.objects.create(tenant=tenant, kind=kind, ramp_id=ramp_id, bills=1)


def row(ramp_id: str, epicor_id: str = "6100", number: int = 2, flaw: str = "") -> MappingRow:
    return MappingRow(number, ramp_id, "", epicor_id, "", flaw=flaw)


def bring_in(tenant: Tenant, *rows: MappingRow, kind: str = "gl_accounts") -> Any:
    return import_mappings(tenant.pk, kind, rows, actor="ann")


def test_a_damaged_cell_stops_the_file_and_overwrites_nothing(tenant: Tenant) -> None:
    bring_in(tenant, row("6100"))
    damaged = read(6100, "00000")
    result = bring_in(tenant, damaged)
    ((number, message),) = result.errors
    assert number == 2
    assert "is the number 6100 and is shown 06100" in message
    assert "Format the column as text" in message
    assert preview(tenant.pk, "gl_accounts", [damaged]).errors == {2: message}
    assert list(GLAccountMapping.objects.values_list("ramp_id", "epicor_id")) == [("6100", "6100")]


def test_a_csv_s_damaged_id_is_refused_unless_it_is_known(tenant: Tenant) -> None:
    text = "ramp_id,ramp_name,epicor_id,epicor_name\n6.1E+03,,6100,\n6200,,1-Nov,\n"
    rows = parse_rows("m.csv", io.BytesIO(text.encode()))
    first, second = bring_in(tenant, *rows).errors
    assert "ramp_id is '6.1E+03', which looks like a rounded number" in first[1]
    assert "epicor_id is '1-Nov', which looks like a day" in second[1]
    used(tenant, "6.1E+03")
    assert bring_in(tenant, rows[0]).created == 1


@pytest.mark.parametrize(
    ("ramp_id", "said"),
    [
        (
            "v-1\u200b",
            "ramp_id has a character that cannot be seen \\(U\\+200B",
        ),
        ("v\u202e1", "cannot be seen \\(U\\+202E"),
        ("v\xa01", "cannot be seen \\(U\\+00A0"),
        ("v-\ud83d", "ramp_id contains a character that cannot be stored"),
    ],
)
def test_an_id_that_nobody_can_see_whole_is_refused(
    tenant: Tenant, ramp_id: str, said: str
) -> None:
    ((_, message),) = bring_in(tenant, row(ramp_id)).errors
    assert re.search(said, message), message


def test_a_catalog_that_has_the_target_knows_better(tenant: Tenant) -> None:
    EpicorVendor.objects.create(
        tenant=tenant, company="EPIC06", vendor_num=1, vendor_id="TRUE", name="True"
    )
    assert bring_in(tenant, row("v-1", "TRUE"), kind="vendors").created == 1


def test_uuids_are_the_same_in_capitals(tenant: Tenant) -> None:
    used(tenant, UUID, "vendors")
    assert bring_in(tenant, row(UUID.upper(), "ACME"), kind="vendors").created == 1
    assert VendorMapping.objects.get().ramp_id == UUID
    again = [row(UUID.upper(), "ACME"), row(UUID, "ACME", 3)]
    assert "is in row 2 already" in bring_in(tenant, *again, kind="vendors").errors[0][1]
    (effect,) = preview(tenant.pk, "vendors", again[:1]).effects
    assert effect.what == "same"


def test_a_uuid_that_is_known_in_capitals_stays_so(tenant: Tenant) -> None:
    used(tenant, UUID.upper(), "vendors")
    bring_in(tenant, row(UUID.upper(), "ACME"), kind="vendors")
    assert VendorMapping.objects.get().ramp_id == UUID.upper()


def test_ids_that_nothing_knows_are_told(
    tenant: Tenant, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row("6100"), row("06100", number=3)]
    assert bring_in(tenant, rows[0]).unknown == ()  # no bill was read yet
    used(tenant, "6200")
    assert preview(tenant.pk, "gl_accounts", rows).unknown == (3,)
    file = tmp_path / "m.csv"
    file.write_text(
        "ramp_id,ramp_name,epicor_id,epicor_name\n6100,,6100,\n06100,,6100,\n", encoding="utf-8"
    )
    call_command("import_mappings", tenant.slug, "gl_accounts", str(file))
    said = capsys.readouterr()
    assert "no bill knows the ramp_id in row 3." in said.err
    assert "1 created" in said.out


@pytest.mark.parametrize(
    ("value", "number_format"), [(6100, "0" * 200), (True, "0" * 200), (0.5, "0" * 200)]
)
def test_what_is_said_of_a_cell_stays_short_however_long_it_is(
    value: Any, number_format: str
) -> None:
    row = read(value, number_format)
    assert row.flaw
    assert len(row.flaw) < 300
