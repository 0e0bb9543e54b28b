"""Reads Epicor's master data and hands it to the mirrors of `mappings`.

Reading asks Epicor only, so that several catalogs can be read at the same time; storing uses the
database only. Every table is read to its end before anything of it is stored. Source:
docs/epicor.md, "Master data".
"""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from threading import Lock
from typing import Any, NamedTuple

from connector.domain.errors import TransientError
from connector.epicor import contract
from connector.epicor.client import EpicorClient, quote
from connector.epicor.methods import Row
from connector.epicor.side_by_side import side_by_side
from connector.epicor.values import day as _day
from connector.epicor.values import flag as _flag
from connector.epicor.values import number as _number
from connector.epicor.values import text as _text
from mappings import catalog
from mappings.periods import PERIODS

Book = Callable[[], Row]  # the company's main book, read when first needed
Rows = Any  # what `read` of a catalog gives and `store` of the same takes
_LONGEST = 255


class Books:
    """The main book of each company, read once however many threads need it at the same time."""

    def __init__(self, client: EpicorClient) -> None:
        self._client = client
        self._found: dict[str, Row] = {}
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)

    def of(self, company: str) -> Row:
        """The company's main book. Raises what `main_book` raises."""
        with self._locks[company]:
            if company not in self._found:
                self._found[company] = main_book(self._client, company)
            return self._found[company]


def read_catalog(client: EpicorClient, company: str, name: str, books: Books) -> Rows:
    """All of one catalog; asks Epicor only. Raises what the client raises, and TransientError when
    Epicor gives something that cannot be a catalog."""
    return _CATALOGS[name].read(client, company, partial(books.of, company))


def store_catalog(tenant_id: int, company: str, name: str, rows: Rows) -> int:
    """Mirror what was read; how many rows it has."""
    return _CATALOGS[name].store(tenant_id, company, rows)


def refresh_catalog(
    client: EpicorClient, tenant_id: int, company: str, name: str, books: Books | None = None
) -> int:
    """Mirror one catalog in this thread; how many rows it has. Raises what `read_catalog` does."""
    asked = catalog.asked_at(tenant_id, company, name)
    rows = read_catalog(client, company, name, books or Books(client))
    count = store_catalog(tenant_id, company, name, rows)
    catalog.was_read(tenant_id, company, name, asked)
    return count


def refresh_catalogs(
    client: EpicorClient, tenant_id: int, wanted: Sequence[tuple[str, str]], *, at_once: int
) -> Generator[None, None, None]:
    """Mirror these catalogs, (company, name) each, `at_once` of them read at the same time.

    Stops before each is stored, in their order, so that the caller may do something or leave the
    rest as it is. Raises what `read_catalog` raises; what is stored by then stays.
    """
    asked = [catalog.asked_at(tenant_id, company, name) for company, name in wanted]
    books = Books(client)
    reads = [partial(read_catalog, client, company, name, books) for company, name in wanted]
    found = side_by_side(client, reads, at_once=at_once)
    for (company, name), when, rows in zip(wanted, asked, found, strict=True):
        yield
        store_catalog(tenant_id, company, name, rows)
        catalog.was_read(tenant_id, company, name, when)


# -- one function a catalog ------------------------------------------------------------------------


def _vendors(client: EpicorClient, company: str, book: Book) -> list[catalog.VendorRow]:
    columns = ("VendorNum", "VendorID", "Name", "TermsCode", "CurrencyCode", "Inactive")
    rows = client.rows(
        company, contract.VENDOR, "Vendors", "Vendor", select=columns, order_by="VendorNum"
    )
    return [
        catalog.VendorRow(
            vendor_num=_number(row["VendorNum"]),
            vendor_id=_text(row["VendorID"]),
            name=_text(row["Name"])[:_LONGEST],
            terms_code=_text(row["TermsCode"]),
            currency_code=_text(row["CurrencyCode"]),
            inactive=_flag(row["Inactive"]),
        )
        for row in rows
    ]


def _accounts(client: EpicorClient, company: str, book: Book) -> list[catalog.AccountRow]:
    chart = _text(book()["COACode"])
    columns = ("GLAccount1", "AccountDesc", "Active", "EffFrom", "EffTo")
    rows = client.rows(
        company,
        contract.GL_ACCOUNT,
        "GLAccounts",
        "GLAccount",
        select=columns,
        filter=f"COACode eq {quote(chart)}",
        order_by="GLAccount1",
    )
    return [
        catalog.AccountRow(
            account=_text(row["GLAccount1"]),
            description=_text(row["AccountDesc"])[:_LONGEST],
            active=_flag(row["Active"]),
            effective_from=_day(row["EffFrom"]),
            effective_to=_day(row["EffTo"]),
        )
        for row in rows
    ]


def _segments(client: EpicorClient, company: str, book: Book) -> list[catalog.SegmentRow]:
    chart = _text(book()["COACode"])
    rows = client.rows(
        company,
        contract.CHART,
        "COASegments",
        "COASegment",
        select=("SegmentNbr", "SegmentName", "Dynamic"),
        filter=f"COACode eq {quote(chart)}",
        order_by="SegmentNbr",
    )
    return [
        catalog.SegmentRow(
            _number(row["SegmentNbr"]), _text(row["SegmentName"])[:64], _flag(row["Dynamic"])
        )
        for row in rows
    ]


def _segment_values(
    client: EpicorClient, company: str, book: Book
) -> list[catalog.SegmentValueRow]:
    chart = _text(book()["COACode"])
    columns = (
        "SegmentNbr",
        "SegmentCode",
        "SegmentName",
        "ActiveFlag",
        "EffectiveFrom",
        "EffectiveTo",
    )
    rows = client.rows(
        company,
        contract.SEGMENT_VALUE,
        "COASegValues",
        "COASegValues",
        select=columns,
        filter=f"COACode eq {quote(chart)}",
        order_by="SegmentNbr,SegmentCode",
    )
    return [
        catalog.SegmentValueRow(
            number=_number(row["SegmentNbr"]),
            code=_text(row["SegmentCode"]),
            name=_text(row["SegmentName"])[:_LONGEST],
            active=_flag(row["ActiveFlag"]),
            effective_from=_day(row["EffectiveFrom"]),
            effective_to=_day(row["EffectiveTo"]),
        )
        for row in rows
    ]


def _terms(client: EpicorClient, company: str, book: Book) -> list[catalog.TermsRow]:
    columns = ("TermsCode", "Description")
    rows = client.rows(
        company, contract.TERMS, "PurTerms", "PurTerms", select=columns, order_by="TermsCode"
    )
    return [
        catalog.TermsRow(_text(row["TermsCode"]), _text(row["Description"])[:_LONGEST])
        for row in rows
    ]


def _currencies(client: EpicorClient, company: str, book: Book) -> list[catalog.CurrencyRow]:
    columns = ("CurrencyCode", "DecimalsGeneral", "BaseCurr", "Inactive")
    rows = client.rows(
        company,
        contract.CURRENCY,
        "Currencies",
        "Currency",
        select=columns,
        order_by="CurrencyCode",
    )
    return [
        catalog.CurrencyRow(
            code=_text(row["CurrencyCode"]),
            decimals=_number(row["DecimalsGeneral"]),
            is_base=_flag(row["BaseCurr"]),
            inactive=_flag(row["Inactive"]),
        )
        for row in rows
    ]


def _periods(
    client: EpicorClient, company: str, book: Book
) -> tuple[list[catalog.PeriodRow], date | None]:
    main = book()
    columns = (
        "FiscalYear",
        "FiscalYearSuffix",
        "FiscalPeriod",
        "StartDate",
        "EndDate",
        "ClosedPeriod",
    )
    rows = client.rows(
        company,
        contract.PERIOD,
        "GLBookPerSearches",
        "GLBookPer",
        select=columns,
        filter=f"BookID eq {quote(_text(main['BookID']))} "
        f"and FiscalCalendarID eq {quote(_text(main['FiscalCalendarID']))}",
        order_by="FiscalYear,FiscalYearSuffix,FiscalPeriod",
    )
    return list(_period_rows(rows)), earliest_apply_on(client, company)


def _store_periods(
    tenant_id: int, company: str, read: tuple[list[catalog.PeriodRow], date | None]
) -> int:
    rows, earliest = read
    return catalog.replace_periods(tenant_id, company, rows, earliest_apply_on=earliest)


def _period_rows(rows: Iterable[Row]) -> Iterator[catalog.PeriodRow]:
    for row in rows:
        starts, ends = _day(row["StartDate"]), _day(row["EndDate"])
        if starts is None or ends is None:
            continue  # a closing period has no days of its own, so no bill can fall into it
        yield catalog.PeriodRow(
            fiscal_year=_number(row["FiscalYear"]),
            year_suffix=_text(row["FiscalYearSuffix"]),
            period=_number(row["FiscalPeriod"]),
            starts_on=starts,
            ends_on=ends,
            closed=_flag(row["ClosedPeriod"]),
        )


# -- the company's own settings --------------------------------------------------------------------


def main_book(client: EpicorClient, company: str) -> Row:
    """The company's main general ledger book: BookID, COACode, FiscalCalendarID.

    Raises TransientError when there is none: without it no account or period can be checked.
    """
    columns = ("BookID", "COACode", "FiscalCalendarID", "MainBook", "Inactive")
    rows = list(
        client.rows(company, contract.BOOK, "GLBooks", "GLBook", select=columns, order_by="BookID")
    )
    usable = [row for row in rows if not _flag(row["Inactive"])]
    for row in usable:
        if _flag(row["MainBook"]):
            return row
    if len(usable) == 1:
        return usable[0]
    raise TransientError(
        f"The Epicor company {company} shows no main general ledger book, so accounts and periods "
        "cannot be checked. Nothing was sent; let the integration user read GL books."
    )


def earliest_apply_on(client: EpicorClient, company: str) -> date | None:
    """The first day on which the company lets entries be made, if it names one."""
    rows = client.rows(
        company,
        contract.EARLIEST_DATE,
        "EADs",
        "EADComp",
        select=("Company", "EarliestApplyDate"),
        order_by="Company",
    )
    days = [_day(row["EarliestApplyDate"]) for row in rows]
    return max((day for day in days if day is not None), default=None)


class _Catalog(NamedTuple):
    read: Callable[[EpicorClient, str, Book], Rows]
    store: Callable[[int, str, Rows], int]


_CATALOGS: Mapping[str, _Catalog] = {
    catalog.VENDORS: _Catalog(_vendors, catalog.replace_vendors),
    catalog.ACCOUNTS: _Catalog(_accounts, catalog.replace_accounts),
    catalog.SEGMENTS: _Catalog(_segments, catalog.replace_segments),
    catalog.SEGMENT_VALUES: _Catalog(_segment_values, catalog.replace_segment_values),
    catalog.TERMS: _Catalog(_terms, catalog.replace_terms),
    catalog.CURRENCIES: _Catalog(_currencies, catalog.replace_currencies),
    PERIODS: _Catalog(_periods, _store_periods),
}
