"""Reads Epicor's master data, company by company, and hands it to the mirrors of `mappings`.

Source: docs/epicor.md, "Master data". Every table is read to its end before anything is stored.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import cache

from connector.domain.errors import TransientError
from connector.epicor import contract
from connector.epicor.client import EpicorClient, quote
from connector.epicor.methods import Row
from connector.epicor.values import day as _day
from connector.epicor.values import flag as _flag
from connector.epicor.values import number as _number
from connector.epicor.values import text as _text
from mappings import catalog
from mappings.periods import PERIODS

Book = Callable[[], Row]  # the main book, read once when first needed
_LONGEST = 255


def refresh_catalogs(
    client: EpicorClient,
    tenant_id: int,
    company: str,
    *,
    catalogs: Iterable[str] = catalog.ALL_CATALOGS,
    now: datetime | None = None,
) -> dict[str, int]:
    """Mirror these catalogs of a company; returns how many rows each has.

    `now` is for the caller's clock only; the mirror notes its own time. Raises what the client
    raises, and TransientError when Epicor gives something that cannot be a catalog.
    """

    @cache
    def book() -> Row:
        return main_book(client, company)

    found = {}
    for name in dict.fromkeys(catalogs):
        asked = catalog.asked_at(tenant_id, company, name)
        found[name] = _REFRESH[name](client, tenant_id, company, book)
        catalog.was_read(tenant_id, company, name, asked)
    return found


# -- one function a catalog ------------------------------------------------------------------------


def _vendors(client: EpicorClient, tenant_id: int, company: str, book: Book) -> int:
    columns = ("VendorNum", "VendorID", "Name", "TermsCode", "CurrencyCode", "Inactive")
    rows = client.rows(
        company, contract.VENDOR, "Vendors", "Vendor", select=columns, order_by="VendorNum"
    )
    found = [
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
    return catalog.replace_vendors(tenant_id, company, found)


def _accounts(client: EpicorClient, tenant_id: int, company: str, book: Book) -> int:
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
    found = [
        catalog.AccountRow(
            account=_text(row["GLAccount1"]),
            description=_text(row["AccountDesc"])[:_LONGEST],
            active=_flag(row["Active"]),
            effective_from=_day(row["EffFrom"]),
            effective_to=_day(row["EffTo"]),
        )
        for row in rows
    ]
    return catalog.replace_accounts(tenant_id, company, found)


def _segments(client: EpicorClient, tenant_id: int, company: str, book: Book) -> int:
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
    found = [
        catalog.SegmentRow(
            _number(row["SegmentNbr"]), _text(row["SegmentName"])[:64], _flag(row["Dynamic"])
        )
        for row in rows
    ]
    return catalog.replace_segments(tenant_id, company, found)


def _segment_values(client: EpicorClient, tenant_id: int, company: str, book: Book) -> int:
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
    found = [
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
    return catalog.replace_segment_values(tenant_id, company, found)


def _terms(client: EpicorClient, tenant_id: int, company: str, book: Book) -> int:
    columns = ("TermsCode", "Description")
    rows = client.rows(
        company, contract.TERMS, "PurTerms", "PurTerms", select=columns, order_by="TermsCode"
    )
    found = [
        catalog.TermsRow(_text(row["TermsCode"]), _text(row["Description"])[:_LONGEST])
        for row in rows
    ]
    return catalog.replace_terms(tenant_id, company, found)


def _currencies(client: EpicorClient, tenant_id: int, company: str, book: Book) -> int:
    columns = ("CurrencyCode", "DecimalsGeneral", "BaseCurr", "Inactive")
    rows = client.rows(
        company,
        contract.CURRENCY,
        "Currencies",
        "Currency",
        select=columns,
        order_by="CurrencyCode",
    )
    found = [
        catalog.CurrencyRow(
            code=_text(row["CurrencyCode"]),
            decimals=_number(row["DecimalsGeneral"]),
            is_base=_flag(row["BaseCurr"]),
            inactive=_flag(row["Inactive"]),
        )
        for row in rows
    ]
    return catalog.replace_currencies(tenant_id, company, found)


def _periods(client: EpicorClient, tenant_id: int, company: str, book: Book) -> int:
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
    found = list(_period_rows(rows))
    earliest = earliest_apply_on(client, company)
    return catalog.replace_periods(tenant_id, company, found, earliest_apply_on=earliest)


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


_REFRESH: Mapping[str, Callable[[EpicorClient, int, str, Book], int]] = {
    catalog.VENDORS: _vendors,
    catalog.ACCOUNTS: _accounts,
    catalog.SEGMENTS: _segments,
    catalog.SEGMENT_VALUES: _segment_values,
    catalog.TERMS: _terms,
    catalog.CURRENCIES: _currencies,
    PERIODS: _periods,
}
