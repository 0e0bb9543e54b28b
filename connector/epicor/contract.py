"""Epicor's services as data: which tables each has, and how values are written in its filters.

Pure. GetRows wants a clause for every table of its service. The lists are those of one release;
the client learns a name that a newer one adds. Source: docs/epicor.md, "Reading".
"""

import re
from collections.abc import Mapping
from datetime import date

from connector.epicor.address import V1

AP_INVOICE = "Erp.BO.APInvoiceSvc"
AP_GROUP = "Erp.BO.APInvGrpSvc"
VENDOR = "Erp.BO.VendorSvc"
GL_ACCOUNT = "Erp.BO.GLAccountSvc"
CHART = "Erp.BO.COASvc"
SEGMENT_VALUE = "Erp.BO.COASegValuesSvc"
TERMS = "Erp.BO.PurTermsSvc"
CURRENCY = "Erp.BO.CurrencySvc"
BOOK = "Erp.BO.GLBookSvc"
PERIOD = "Erp.BO.GLBookPerSearchSvc"
EARLIEST_DATE = "Erp.BO.EADSvc"
COMPANY = "Erp.BO.CompanySvc"
PURCHASE_ORDER = "Erp.BO.POSvc"
PAYMENT = "Erp.BO.PaymentEntrySvc"
PAID = "Erp.BO.APTranSearchSvc"
USER = "Ice.BO.UserFileSvc"

# A service, then its tables; the first one is the main table.
_TABLES = """
Erp.BO.APInvGrpSvc: APInvGrp
Erp.BO.APInvoiceSvc: APInvHed APInvHedAttch APIHAPInvExp APIHAPInvExpTGLC APIHAPInvMsc
    RcvMisc APIHAPLnTax APInvDtl APInvDtlAttch APInvDtlDEASch APInvExp APInvExpTGLC GlbAPIETGLC
    APInvJob APInvMsc APInvLnMscTax APInvPB APLnTax APInvDtlTGLC APInvHedMscTax APInvSched
    APInvTax PESUNATDtl EntityGLC PEAPInvTax AdditionalForms_ParametersView LegalNumGenOpts
    SupplierXRef TaxConnectStatus
Erp.BO.VendorSvc: Vendor VendorAttch EntityGLC TaxExempt Partner PEVendWhldHist
    VendRestriction VendBank VendBankAttch VendCntMain VenMFBill VendorPP VenPPMFBill
    VenPPUPSEmail VendPPRestriction VendCnt VendCntAttch VenUPSEmail VendRemitTo
Erp.BO.GLAccountSvc: GLAccount
Erp.BO.COASvc: COA COASegment COASegmentNotCreated
Erp.BO.COASegValuesSvc: COASegValues COASegAcct COASegOpt COASegRes
Erp.BO.PurTermsSvc: PurTerms PurTermsAttch PurTermsDtl PurTermsSched
Erp.BO.CurrencySvc: Currency CurrencyAttch EntityGLC
Erp.BO.GLBookSvc: GLBook GLBookAttch GLAccountMasks BVRule COASegmentNameList MapBook
    MapACTType GLBookPackageSegmentMap
Erp.BO.GLBookPerSearchSvc: GLBookPer
Erp.BO.EADSvc: EADComp EADType
Erp.BO.CompanySvc: Company CompanyAttch AGCompany APSyst ARSyst BMSyst BorderPct CRSyst
    CSFSyst Currency CurrRateGrp EQSyst ExtPRSyst FsSyst GLSyst ISSyst JCSyst MMSyst PDMSyst
    PECompWhldHist PRSyst TaxSvcConfig XaSyst XbSyst EntityGLC
Erp.BO.POSvc: POHeader POHeaderAttch PODetail PODetailAttch PORel PORelAttch PORelTax
    PORelTGLC PODetailInsp PODetailTax POMisc PODetailMiscTax POHeadMisc POHeaderMiscTax
    POHeaderTax
Erp.BO.PaymentEntrySvc: CheckHed CheckHedAttch APTran APTranTGLC APTTaxDtl BankTran
    BankTranTaxDtl BankTranTGLC TaxDtl LegalNumGenOpts
Erp.BO.APTranSearchSvc: APTranSearch PaymentTotals
"""
TABLES: Mapping[str, tuple[str, ...]] = {
    service: tuple(tables.split())
    for service, _, tables in (
        line.partition(": ") for line in _TABLES.strip().replace("\n    ", " ").split("\n")
    )
}

_WORDS = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_PART = re.compile(
    r"(?P<moment>datetime'(?P<v1>\d{4}-\d\d-\d\d)[^']*'|(?P<v2>\d{4}-\d\d-\d\d)T[\d:.]+(?:Z|[+-][\d:]+)?)"
    r"|(?P<text>'(?:[^']|'')*')|(?P<word>\b(?:eq|ne|gt|ge|lt|le)\b)"
)


def quote(text: str) -> str:
    """A text as OData filters and where clauses want it: in single quotes, inner ones doubled."""
    return "'" + text.replace("'", "''") + "'"


def odata_day(day: date, api_version: str) -> str:
    """The start of a day in a `$filter`."""
    if api_version == V1:
        return f"datetime'{day.isoformat()}T00:00:00'"
    return f"{day.isoformat()}T00:00:00Z"


def where_of(odata_filter: str) -> str:
    """A `$filter` of comparisons, and, or, brackets as a where clause. Functions are not known."""
    return _PART.sub(_translated, odata_filter)


def _translated(match: re.Match[str]) -> str:
    if match["word"]:
        return _WORDS[match["word"]]
    if match["moment"]:
        return quote(match["v1"] or match["v2"])
    return match[0]
