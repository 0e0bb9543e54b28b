"""The filters of the Epicor stand-in: what they accept, refuse and find."""

from typing import Any

import pytest

from sandbox.epicor.contract import COLUMNS, DEFAULTS
from sandbox.epicor.tables import Store, Table
from sandbox.epicor.where import SQL, V1, V2, WhereError, parse

ROWS = [
    {"VendorNum": 1, "InvoiceNum": "A-1", "ExternalID": "x1", "Posted": True, "SysRevID": 11,
     "ApplyDate": "2026-03-01T00:00:00", "Description": "O'Brien"},
    {"VendorNum": 1, "InvoiceNum": "A-2", "ExternalID": "x2", "SysRevID": 12,
     "ApplyDate": "2026-03-02T00:00:00", "Description": "50% off"},
    {"VendorNum": 2, "InvoiceNum": "a-1", "ExternalID": "x3", "SysRevID": 13,
     "ApplyDate": None, "Description": ""},
]  # fmt: skip


@pytest.fixture(scope="module")
def invoices() -> Table:
    table = Store(["EPIC06"]).table("EPIC06", "APInvHed")
    for row in ROWS:
        table.put({"Company": "EPIC06", **row})
    return table


def found(table: Table, text: str, dialect: str = SQL) -> list[str]:
    query = parse(text, COLUMNS["APInvHed"], DEFAULTS["APInvHed"], dialect)
    return [row["ExternalID"] for row in query.select(table)]


@pytest.mark.parametrize(
    ("clause", "ids"),
    [
        ("", ["x1", "x2", "x3"]),
        ("1=0", []),
        ("VendorNum = 1 and InvoiceNum = 'a-1'", ["x1"]),
        ("InvoiceNum = 'A-1 '", ["x1", "x3"]),
        ("(VendorNum = 2 and InvoiceNum = 'A-1') or ExternalID = 'x2'", ["x3", "x2"]),
        ("Description = 'O''Brien'", ["x1"]),
        ("Description like '50~%%'", []),
        ("Description like '50% o%'", ["x2"]),
        ("Description not like '%o%'", ["x3"]),
        ("ApplyDate is null", ["x3"]),
        ("ApplyDate is not null and not Posted = true", ["x2"]),
        ("ApplyDate >= '2026-03-02'", ["x2"]),
        ("Posted = 1", ["x1"]),
        ("VendorNum in (2, 3)", ["x3"]),
        ("(VendorNum + 1) * 2 > 4", ["x3"]),
        ("SysRevID > 11 BY SysRevID DESC", ["x3", "x2"]),
        ("APInvHed.VendorNum = 1 BY InvoiceNum", ["x1", "x2"]),
        ("VendorNum <> 1", ["x3"]),
    ],
)
def test_where_clauses_find_their_rows(invoices: Table, clause: str, ids: list[str]) -> None:
    assert found(invoices, clause) == ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("VendorNum eq 1 and Posted eq false", ["x2"]),
        ("Posted", ["x1"]),
        ("contains(Description,'brien')", ["x1"]),
        ("contains(Description,'brien') eq false", ["x2", "x3"]),
        ("startswith(InvoiceNum,'A-') and not (VendorNum eq 2)", ["x1", "x2"]),
        ("ApplyDate ge 2026-03-02T00:00:00Z", ["x2"]),
        ("ApplyDate eq null", ["x3"]),
        ("VendorNum mul 2 gt 3", ["x3"]),
        ("tolower(InvoiceNum) eq 'a-2'", ["x2"]),
        ("SysRevID gt 12", ["x3"]),
    ],
)
def test_odata_4_filters_find_their_rows(invoices: Table, text: str, ids: list[str]) -> None:
    assert found(invoices, text, V2) == ids


def test_odata_3_has_its_own_dates_and_functions(invoices: Table) -> None:
    assert found(invoices, "ApplyDate lt datetime'2026-03-02T00:00:00'", V1) == ["x1"]
    assert found(invoices, "substringof('brien',Description) eq true", V1) == ["x1"]


@pytest.mark.parametrize(
    ("text", "dialect", "clash"),
    [
        ("ApplyDate ge 2026-03-02", V2, True),
        ("ApplyDate ge '2026-03-02'", V2, True),
        ("ApplyDate ge datetime'2026-03-02T00:00:00'", V2, False),
        ("ApplyDate ge 2026-03-02T00:00:00", V2, False),
        ("VendorNum eq '1'", V2, True),
        ("vendornum eq 1", V2, False),
        ("VendorNum eq 1 and", V2, False),
        ("VendorNum = 1", V2, False),
        ("ApplyDate >= 2026-03-02", SQL, True),
        ("VendorNum eq 1", SQL, False),
        ("Nothing = 1", SQL, False),
        ("InvoiceNum = 'A", SQL, False),
        ("VendorNum = 1 BY Nothing", SQL, False),
    ],
)
def test_wrong_filters_are_refused(invoices: Table, text: str, dialect: str, clash: bool) -> None:
    with pytest.raises(WhereError) as caught:
        found(invoices, text, dialect)
    assert caught.value.clash is clash


class Unscanned(dict[Any, Any]):
    """Rows that nobody may go through one by one."""

    def values(self) -> Any:
        raise AssertionError("every row was looked at")


def test_a_hundred_keys_are_found_without_a_full_scan() -> None:
    table = Store(["EPIC06"]).table("EPIC06", "APInvHed")
    for number in range(20_000):
        table.put(
            {"Company": "EPIC06", "VendorNum": number % 40 + 1, "InvoiceNum": f"INV-{number}",
             "ExternalID": f"bill-{number}"}
        )  # fmt: skip
    wanted = range(0, 20_000, 200)
    clauses = [
        " or ".join(f"ExternalID = 'bill-{n}'" for n in wanted),
        " or ".join(f"(VendorNum = {n % 40 + 1} and InvoiceNum = 'inv-{n}')" for n in wanted),
    ]
    table.rows = Unscanned(table.rows)
    for clause in clauses:
        assert found(table, clause) == [f"bill-{n}" for n in wanted]
    with pytest.raises(AssertionError, match="every row"):
        found(table, "Description = ''")
