"""Epicor's side of the world: what the finance team had set up and typed before we came.

Rows carry Epicor's real column names. Every row gets a SysRevID from one rising sequence per
world and a SysRowID, as the database would give them.
"""

import calendar
import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any

from sandbox.world_catalog import (
    BASE_CURRENCY,
    COMPANIES,
    COMPANY_NAMES,
    CURRENCIES,
    DEPARTMENTS,
    DIGITS,
    DIVISIONS,
    IN_EPICOR,
    INACTIVE_NATURAL,
    NATURALS,
    RATES,
    TERMS,
    UNLISTED_DEPARTMENT,
    UNUSABLE_ACCOUNTS,
    US,
    Row,
    period_closed,
    vendor_num,
)
from sandbox.world_typed import (
    BOOK,
    CALENDAR,
    COA,
    RATE_GROUP,
    Tables,
    TypedInvoice,
    TypedRows,
    day_text,
)

NAMESPACE = uuid.UUID("6f2d1f0a-6a53-4c1e-9c7f-0d4f5b1c2e3a")


class EpicorTables:
    """Builds company -> table -> rows."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._revisions = count(10_001, 7)

    def build(self, typed: list[TypedInvoice]) -> dict[str, Tables]:
        """Every table of both companies, with the invoices that people typed."""
        return {
            company: {
                **self._setup(company),
                **self._vendors(company),
                **self._money(company),
                **self._chart(company),
                **self._calendar(company),
                **TypedRows(self._row).tables(company, [t for t in typed if t.company == company]),
            }
            for company in COMPANIES
        }

    def _row(self, company: str, table: str, **columns: Any) -> Row:
        revision = next(self._revisions)
        key = uuid.uuid5(NAMESPACE, f"{self._seed}:{company}:{table}:{revision}")
        return {"Company": company, **columns, "SysRevID": revision, "SysRowID": str(key)}

    def _setup(self, company: str) -> Tables:
        def row(table: str, **columns: Any) -> Row:
            return self._row(company, table, **columns)

        company_row = row(
            "Company",
            Company1=company,
            Name=COMPANY_NAMES[company],
            LegalName=COMPANY_NAMES[company],
            CurrentFiscalYear=2026,
            FiscalCalendarID=CALENDAR,
            BaseCurrCode=BASE_CURRENCY[company],
            ExternalID="",
        )
        del company_row["Company"]  # the one table whose key column is called Company1
        return {
            "Company": [company_row],
            "APSyst": [
                row(
                    "APSyst",
                    InvcReadyToCalcDflt=False,
                    FutureDateAction="N",
                    FutureDateDaysHorizon=0,
                    LNReqForInvc=False,
                    ExchangeDateToUse=1,
                    APAmdApplyDate=True,
                    RoundTolerance=Decimal("0.00"),
                )
            ],
            "GLSyst": [row("GLSyst", MasterCOA=COA, APInterfaced=True, APVoucherInvoices=True)],
            "XbSyst": [
                row("XbSyst", AutoLockFinGroups=False, APTaxLnLevel=False, SiteIsLegalEntity=False)
            ],
        }

    def _vendors(self, company: str) -> Tables:
        vendors = [
            self._row(
                company,
                "Vendor",
                VendorNum=vendor_num(company, vendor.vendor_id),
                VendorID=vendor.vendor_id,
                Name=vendor.name,
                LegalName=vendor.name,
                Inactive=vendor.inactive,
                Approved=True,
                PayHold=False,
                GroupCode="GEN",
                TermsCode=vendor.terms,
                CurrencyCode=vendor.currency,
                PurPoint="",
                Address1="1 Main Street",
                City="Springfield",
                State="IL" if vendor.country == "US" else "",
                ZIP="62701",
                Country=vendor.country,
                PhoneNum="",
                EMailAddress=f"ar@{vendor.vendor_id.lower()}.example",
                TaxPayerID="",
                ExternalId="",
            )
            for vendor in IN_EPICOR
            if company in vendor.companies
        ]
        terms = [
            self._row(
                company,
                "PurTerms",
                TermsCode=code,
                Description=text,
                DueDays=days,
                TermsType="D",
                NumberOfPayments=1,
                IsDefault=code == "N30",
            )
            for code, (text, days) in TERMS.items()
        ]
        return {"Vendor": vendors, "PurTerms": terms}

    def _money(self, company: str) -> Tables:
        base = BASE_CURRENCY[company]
        currencies = [
            self._row(
                company,
                "Currency",
                CurrencyCode=code,
                CurrencyID=code,
                CurrDesc=code,
                BaseCurr=code == base,
                Inactive=False,
                DecimalsGeneral=DIGITS[code],
                ISOCurrCode=code,
            )
            for code in CURRENCIES
        ]
        rates = [
            self._row(
                company,
                "CurrExRate",
                RateGrpCode=RATE_GROUP,
                SourceCurrCode=code,
                TargetCurrCode=base,
                EffectiveDate=day_text(dt.date(2025, 1, 1)),
                CurrentRate=Decimal(rate),
                EntryPerson="treasury",
            )
            for code, rate in RATES[company].items()
        ]
        return {"Currency": currencies, "CurrExRate": rates}

    # -- chart of accounts -----------------------------------------------------------------------

    def _chart(self, company: str) -> Tables:
        segments = (("Natural account", 4), ("Division", 2), ("Department", 3))
        rows = [
            self._row(
                company,
                "COASegment",
                COACode=COA,
                SegmentNbr=number,
                SegmentName=name,
                MinLength=length,
                MaxLength=length,
                Dynamic=number == 3 and company != US,
                EntryControl="M",
                DisplayOrder=number,
            )
            for number, (name, length) in enumerate(segments, start=1)
        ]
        return {
            "COA": [
                self._row(
                    company,
                    "COA",
                    COACode=COA,
                    Description="Main chart",
                    SeparatorChar="-",
                    NbrSegments=3,
                    MasterCOA=True,
                )
            ],
            "COASegment": rows,
            "COASegValues": list(self._segment_values(company)),
            "GLAccount": list(self._accounts(company)),
        }

    def _segment_values(self, company: str) -> Iterator[Row]:
        naturals = {code: name for code, (name, _) in NATURALS.items()}
        naturals[INACTIVE_NATURAL] = UNUSABLE_ACCOUNTS[INACTIVE_NATURAL]
        values = (naturals, DIVISIONS, DEPARTMENTS | {"900": "Closed department"})
        for number, codes in enumerate(values, start=1):
            for code, name in codes.items():
                yield self._row(
                    company,
                    "COASegValues",
                    COACode=COA,
                    SegmentNbr=number,
                    SegmentCode=code,
                    SegmentName=name,
                    SegmentDesc=name,
                    ActiveFlag=code not in (INACTIVE_NATURAL, "900"),
                    EffectiveFrom=None,
                    EffectiveTo=None,
                )

    def _accounts(self, company: str) -> Iterator[Row]:
        names = {code: name for code, (name, _) in NATURALS.items()}
        names[INACTIVE_NATURAL] = UNUSABLE_ACCOUNTS[INACTIVE_NATURAL]
        for natural, name in names.items():
            for division in DIVISIONS:
                for department, label in DEPARTMENTS.items():
                    active = natural != INACTIVE_NATURAL
                    if active and department == UNLISTED_DEPARTMENT[company]:
                        continue
                    yield self._row(
                        company,
                        "GLAccount",
                        COACode=COA,
                        GLAccount1=f"{natural}|{division}|{department}",
                        AccountDesc=f"{name}, {label}" if department != "000" else name,
                        GLAcctDispGLAcctDisp=f"{natural}-{division}-{department}",
                        Active=active,
                        EffFrom=None,
                        EffTo=None,
                        SegValue1=natural,
                        SegValue2=division,
                        SegValue3=department,
                    )

    # -- calendar --------------------------------------------------------------------------------

    def _calendar(self, company: str) -> Tables:
        tables: Tables = {
            "GLBook": [
                self._row(
                    company,
                    "GLBook",
                    BookID=BOOK,
                    Description="Main book",
                    MainBook=True,
                    Inactive=False,
                    COACode=COA,
                    FiscalCalendarID=CALENDAR,
                    CurrencyCode=BASE_CURRENCY[company],
                )
            ],
            "EADComp": [
                self._row(
                    company,
                    "EADComp",
                    DefineBy="D",
                    EarliestApplyDate=day_text(dt.date(2026, 1, 1)),
                )
            ],
            "GLBookPer": [],
            "FiscalPer": [],
        }
        for year in (2025, 2026, 2027):
            for month in range(1, 13):
                first = dt.date(year, month, 1)
                period = {
                    "FiscalCalendarID": CALENDAR,
                    "FiscalYear": year,
                    "FiscalYearSuffix": "",
                    "FiscalPeriod": month,
                    "StartDate": day_text(first),
                    "EndDate": day_text(first.replace(day=calendar.monthrange(year, month)[1])),
                }
                closed = period_closed(company, first)
                tables["FiscalPer"].append(
                    self._row(company, "FiscalPer", **period, FAClosedPeriod=False)
                )
                tables["GLBookPer"].append(
                    self._row(
                        company,
                        "GLBookPer",
                        BookID=BOOK,
                        **period,
                        CloseFiscalPeriod=0,
                        ClosedPeriod=closed,
                    )
                )
        return tables
