"""AP invoices that people typed into Epicor by hand: they carry no stamp of ours."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from sandbox.world_catalog import RATES, TERMS, Row, mapped_account

Tables = dict[str, list[Row]]
COA = BOOK = CALENDAR = "MAIN"
RATE_GROUP = "MAIN"
DAY_FORMAT = "%Y-%m-%dT00:00:00"


@dataclass(frozen=True, slots=True)
class TypedInvoice:
    """An AP invoice that a person typed into Epicor by hand: no stamp of ours."""

    company: str
    vendor_num: int
    vendor_id: str
    invoice_num: str
    day: dt.date
    currency: str
    total: Decimal
    account: str
    terms: str
    posted: bool


def day_text(day: dt.date) -> str:
    """A calendar day as Epicor writes it."""
    return day.strftime(DAY_FORMAT)


MakeRow = Callable[..., Row]  # (company, table, **columns) -> a row with its SysRevID


class TypedRows:
    """Turns typed invoices into rows of the AP tables."""

    def __init__(self, row: MakeRow) -> None:
        self._row = row

    def tables(self, company: str, typed: list[TypedInvoice]) -> Tables:
        """The rows of every AP table, and the batch people typed into."""
        tables: Tables = {"APInvHed": [], "APInvDtl": [], "APInvExp": [], "APInvExpTGLC": []}
        for invoice in typed:
            key = {"VendorNum": invoice.vendor_num, "InvoiceNum": invoice.invoice_num}
            line = {**key, "InvoiceLine": 1}
            shared = {
                "GroupID": "HAND01",
                "Posted": invoice.posted,
                "CurrencyCode": invoice.currency,
                "DebitMemo": invoice.total < 0,
            }
            tables["APInvHed"].append(self._header(invoice, key, shared))
            tables["APInvDtl"].append(self._line(invoice, line, shared))
            tables["APInvExp"].append(
                self._row(
                    company,
                    "APInvExp",
                    **line,
                    InvExpSeq=1,
                    DocExpAmt=invoice.total,
                    DocScrExpAmt=abs(invoice.total),
                    GLAccount=invoice.account,
                    **shared,
                )
            )
            tables["APInvExpTGLC"].append(self._account(invoice, line))
        groups = [
            self._row(
                company,
                "APInvGrp",
                GroupID="HAND01",
                CreatedBy="jsmith",
                FiscalYear=2026,
                FiscalPeriod=11,
                FiscalCalendarID=CALENDAR,
                ApplyDate=day_text(dt.date(2026, 11, 2)),
                ActiveUserID="",
                PostInProcess=False,
            )
        ]
        return {**tables, "APInvGrp": groups}

    def _header(self, invoice: TypedInvoice, key: Row, shared: Row) -> Row:
        rate = Decimal(RATES[invoice.company].get(invoice.currency, "1"))
        base = (invoice.total * rate).quantize(Decimal("0.01"))
        due = invoice.day + dt.timedelta(days=TERMS[invoice.terms][1])
        changed = invoice.day + dt.timedelta(days=2)
        return self._row(
            invoice.company,
            "APInvHed",
            **key,
            **shared,
            InvoiceDate=day_text(invoice.day),
            ApplyDate=day_text(invoice.day),
            DueDate=day_text(due),
            FiscalCalendarID=CALENDAR,
            FiscalYear=invoice.day.year,
            FiscalYearSuffix="",
            FiscalPeriod=invoice.day.month,
            TermsCode=invoice.terms,
            RateGrpCode=RATE_GROUP,
            ExchangeRate=rate,
            InvoiceVendorAmt=base,
            DocInvoiceVendorAmt=invoice.total,
            ScrDocInvoiceVendorAmt=abs(invoice.total),
            InvoiceAmt=base,
            DocInvoiceAmt=invoice.total,
            DocInvoiceVariance=Decimal("0.00"),
            DocInvoiceBal=invoice.total,
            Description="Typed from paper",
            ExternalID="",
            OpenPayable=True,
            GLPosted=invoice.posted,
            PayHold=False,
            VendorNumVendorID=invoice.vendor_id,
            EntryPerson="jsmith",
            ChangedBy="jsmith",
            ChangeDate=day_text(changed),
        )

    def _line(self, invoice: TypedInvoice, line: Row, shared: Row) -> Row:
        return self._row(
            invoice.company,
            "APInvDtl",
            **line,
            **shared,
            LineType="M",
            Description="Typed from paper",
            VendorQty=Decimal(1),
            ScrVendorQty=Decimal(1),
            DocUnitCost=invoice.total,
            DocExtCost=invoice.total,
            ScrDocExtCost=abs(invoice.total),
            DocLineTotal=invoice.total,
            DocTotDistribAmt=invoice.total,
            DocVariance=Decimal("0.00"),
            ChangedBy="jsmith",
            ChangeDate=day_text(invoice.day + dt.timedelta(days=2)),
        )

    def _account(self, invoice: TypedInvoice, line: Row) -> Row:
        natural, division, department = invoice.account.split("|")
        return self._row(
            invoice.company,
            "APInvExpTGLC",
            **line,
            InvExpSeq=1,
            COACode=COA,
            BookID=BOOK,
            GLAccount=invoice.account,
            SegValue1=natural,
            SegValue2=division,
            SegValue3=department,
            IsExternalCompany=False,
            GroupID="HAND01",
            CreateDate=day_text(invoice.day),
        )


def office_account(company: str) -> str:
    """The account people use when they type an invoice by hand."""
    return mapped_account(company, "6100")
