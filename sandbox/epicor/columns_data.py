"""The columns of every table that the stand-in keeps, with a letter for the type of each.

s text, i whole number, i8 row version, d amount, b yes/no, t date, g row identity.
"""

COLUMNS = """
APInvGrp: Company:s GroupID:s CreatedBy:s FiscalYear:i FiscalPeriod:i ActiveUserID:s
    PostErrorLog:s PostInProcess:b ApplyDate:t FiscalYearSuffix:s FiscalCalendarID:s SysRevID:i8
    SysRowID:g IsBOE:b BaseTotal:d DispPostErrorLog:s GenLegalNumsEnabled:b IsDocumentLocked:b
    LockStatus:s RvJrnUID:i RowMod:s
APInvHed: Company:s VendorNum:i InvoiceNum:s GroupID:s DebitMemo:b InvoiceType:s InvoiceDate:t
    ApplyDate:t DueDate:t DiscountDate:t ReceivedDate:t TaxPoint:t TaxRateDate:t
    FiscalCalendarID:s FiscalYear:i FiscalYearSuffix:s FiscalPeriod:i TermsCode:s
    TermsCodeDescription:s CurrencyCode:s CurrencyCodeCurrencyID:s BaseCurrencyID:s RateGrpCode:s
    ExchangeRate:d LockRate:b InvoiceVendorAmt:d DocInvoiceVendorAmt:d ScrInvoiceVendorAmt:d
    ScrDocInvoiceVendorAmt:d InvoiceAmt:d DocInvoiceAmt:d ScrDocInvoiceAmt:d InvoiceVariance:d
    DocInvoiceVariance:d TaxAmt:d DocTaxAmt:d WithholdAmt:d DocWithholdAmt:d DiscountAmt:d
    DocDiscountAmt:d InvoiceBal:d DocInvoiceBal:d UnpostedBal:d DocUnpostedBal:d PayDates:s
    PayAmounts:s DocPayAmounts:s REFPONum:i PurPoint:s InvoiceRef:s Description:s InvoiceComment:s
    ExternalID:s XRefInvoiceNum:s LegalNumber:s TranDocTypeID:s ClaimRef:s ExtSysType:s
    ExtSysURL:s EDIInvoice:b EmpID:s Posted:b OpenPayable:b GLPosted:b StartUp:b InvoiceHeld:b
    PayHold:b PrePayment:b CorrectionInv:b CancellationInv:b RefCancelledby:s GRNIClearing:b
    LockStatus:s IsLcked:b RvnJrnUID:i JournalNum:i JournalCode:s PMUID:i BankID:s TaxRegionCode:s
    ReadyToCalc:b RecalcAmts:s RecalcBeforePost:b UpdateTax:b InPrice:b LineOrMscChrgExists:b
    IsOnlyMiscRecords:b VendorInactive:b VendorPayHold:b VendorNumVendorID:s VendorNumName:s
    Plant:s SourcePlant:s GLControlType:s GLControlCode:s EntryPerson:s ChangedBy:s ChangeDate:t
    HeadNum:i IsRecurring:b SysRevID:i8 SysRowID:g RowMod:s
APInvDtl: Company:s VendorNum:i InvoiceNum:s InvoiceLine:i LineType:s Description:s LineComment:s
    PartNum:s VenPartNum:s VendorQty:d ScrVendorQty:d PUM:s OurQty:d ScrOurQty:d IUM:s
    CostPerCode:s UnitCost:d DocUnitCost:d DocScrUnitCost:d ExtCost:d DocExtCost:d ScrExtCost:d
    ScrDocExtCost:d LineDiscAmt:d DocLineDiscAmt:d TotalMiscChrg:d DocTotalMiscChrg:d LineTotal:d
    DocLineTotal:d TotDistribAmt:d DocTotDistribAmt:d Variance:d DocVariance:d PONum:i POLine:i
    PORelNum:i PurPoint:s PackSlip:s PackLine:i MatchDate:t FinalInvoice:b JobNum:s AssemblySeq:i
    JobSeq:i JobSeqType:s TaxCatID:s TaxExempt:s TaxRegionCode:s TotalTax:d DocTotalTax:d
    NoTaxRecal:b Code1099ID:s FormTypeID:s CommodityCode:s PurchCode:s MultiCompany:b GLAccount:s
    AllocationID:s AllocationAmount:d DeferredExp:b InvoiceRef:s InvoiceLineRef:i ExternalPONum:s
    UpdateExtCreateLineGL:b UpdateExtOverrideRcpts:b RelatedToRcvDtlSysRowID:g RecalcGLAcct:b
    DebitMemo:b GroupID:s Posted:b CurrencyCode:s ChangedBy:s ChangeDate:t VendorNumVendorID:s
    SysRevID:i8 SysRowID:g RowMod:s
APInvExp: Company:s VendorNum:i InvoiceNum:s InvoiceLine:i InvExpSeq:i ExpAmt:d DocExpAmt:d
    ScrExpAmt:d DocScrExpAmt:d RefType:s RefCode:s GLAccount:s GLAccountDesc:s ExpDispGLAcct:s
    COACode:s BookID:s NonDedTax:b MultiCompany:b ExtCompanyID:s ExtGLAccount:s Plant:s
    AllowUpdate:b CurrencyCode:s DebitMemo:b GroupID:s Posted:b SysRevID:i8 SysRowID:g RowMod:s
APInvExpTGLC: Company:s RelatedToFile:s Key1:s Key2:s Key3:s Key4:s Key5:s Key6:s TGLCTranNum:i
    VendorNum:i InvoiceNum:s APInvoiceNum:s InvoiceLine:i InvExpSeq:i GLAcctContext:s BookID:s
    COACode:s GLAccount:s GLAccountGLAcctDisp:s GLAccountAccountDesc:s GLAccountGLShortAcct:s
    SegValue1:s SegValue2:s SegValue3:s SegValue4:s SegValue5:s SegValue20:s UserCanModify:b
    IsModifiedByUser:b IsExternalCompany:b ExtCompanyID:s RecordType:s FiscalYear:i JournalCode:s
    JournalNum:i CreateDate:t GroupID:s SysRevID:i8 SysRowID:g RowMod:s
APIHAPInvMsc: Company:s VendorNum:i InvoiceNum:s InvoiceLine:i MscNum:i MiscCode:s Description:s
    MiscAmt:d DocMiscAmt:d ScrMiscAmt:d ScrDocMiscAmt:d Type:s Percentage:d PONum:i POLine:i
    LCFlag:b GroupID:s Posted:b SysRevID:i8 SysRowID:g RowMod:s
APInvMsc: Company:s VendorNum:i InvoiceNum:s InvoiceLine:i MscNum:i MiscCode:s Description:s
    MiscAmt:d DocMiscAmt:d ScrMiscAmt:d ScrDocMiscAmt:d Type:s Percentage:d SysRevID:i8 SysRowID:g
    RowMod:s
APInvTax: Company:s VendorNum:i InvoiceNum:s TaxCode:s RateCode:s ECAcquisitionSeq:i TaxableAmt:d
    DocTaxableAmt:d ReportableAmt:d DocReportableAmt:d Percent:d TaxAmt:d DocTaxAmt:d Manual:b
    CollectionType:i ChangedBy:s ChangeDate:t SysRevID:i8 SysRowID:g RowMod:s
APInvSched: Company:s VendorNum:i InvoiceNum:s PaySeq:i PayDays:i PayDueDate:t DocPayAmount:d
    PayAmount:d PayPercent:d CreatedBy:s CreatedOn:t ChangedBy:s ChangedOn:t SysRevID:i8
    SysRowID:g GlbCompany:s GlbVendorNum:i GlbInvoiceNum:s GlbPaySeq:i GroupID:s ScrPayAmount:d
    CurrencyCode:s DocScrPayAmount:d CurrencySwitch:b RowMod:s
APInvHedAttch: Company:s VendorNum:i InvoiceNum:s DrawingSeq:i XFileRefNum:i SysRevID:i8
    SysRowID:g ForeignSysRowID:g DrawDesc:s FileName:s PDMDocID:s DocTypeID:s RowMod:s
APInvHedList: Company:s OpenPayable:b VendorNum:i InvoiceNum:s DebitMemo:b InvoiceDate:t TaxAmt:d
    DueDate:t GroupID:s Posted:b FiscalYear:i FiscalPeriod:i InvoiceRef:s InvoiceAmt:d
    DocInvoiceAmt:d InvoiceHeld:b PayHold:b Description:s CurrencyCode:s LegalNumber:s CPay:b
    CPayInvoiceBal:d CPayDocInvoiceBal:d ApplyDate:t FiscalYearSuffix:s FiscalCalendarID:s
    CorrectionInv:b PrePayment:b APLOCID:s TranDocTypeID:s SysRowID:g TWDeclareYear:i
    TWDeclarePeriod:i InvoiceType:s PLInvoiceReference:s ScrInvoiceVendorAmt:d
    ScrDocInvoiceVendorAmt:d ScrInvoiceAmt:d ScrDocInvoiceAmt:d ScrInvoiceBal:d ScrDocInvoiceBal:d
    ScrUnpostedBal:d ScrDocUnpostedBal:d InvoiceVariance:d DocInvoiceVariance:d CPayOpenPayable:b
    VendorNumName:s VendorNumVendorID:s TranDocTypeDescription:s IsLcked:b RowMod:s
APTranSearch: Company:s HeadNum:i APTranNo:i TranType:s VendorNum:i InvoiceNum:s Posted:b Voided:b
    TranDate:t TranAmt:d DocTranAmt:d DiscAmt:d DocDiscAmt:d BankAcctID:s CheckNum:i CheckAmt:d
    CurrencyCode:s PaymentNumber:s PrePayment:b ChangeDate:t ChangedBy:s SysRevID:i8 SysRowID:g
    RowMod:s
PaymentTotals: CashRcv:d DocCashRcv:d DocDscTaken:d DocGainReal:d DocGainUnreal:d DscTaken:d
    GainReal:d GainUnreal:d RevalDate:t SysRowID:g RowMod:s
COASegValues: Company:s COACode:s SegmentNbr:i SegmentCode:s SegmentName:s SegmentDesc:s
    SegmentAbbrev:s ActiveFlag:b EffectiveFrom:t EffectiveTo:t Category:s NormalBalance:s
    RefEntityType:s SegNbrName:s LinkedPlant:s SegValInUse:b SysRevID:i8 UD_SysRevID:s SysRowID:g
    RowMod:s
COA: Company:s COACode:s Description:s SeparatorChar:s PerBalFmt:s TBBalFmt:s FmtChgDate:t
    FmtChgTime:i CtrlSegList:s SysRevID:i8 SysRowID:g GlobalCOA:b GlobalLock:b RebuildGLAccts:b
    PESunatCOA:s ChartInUse:b CreateDefCat:b EnableGlobalCOA:b EnableGlobalLock:b GlbFlag:b
    HasRefSegment:b MasterCOA:b NbrSegments:i RebuildBalances:b ChartLength:i ConsInUse:b RowMod:s
COASegment: Company:s COACode:s SegmentNbr:i SegmentName:s Abbreviation:s MinLength:i MaxLength:i
    Dynamic:b UseRefEntity:b RefEntity:s AllowAlpha:b EntryControl:s DisplayOrder:i SegSelfBal:b
    DetailBal:b SiteSegment:b SysRevID:i8 SysRowID:g RowMod:s
GLBookPer: Company:s BookID:s FiscalCalendarID:s FiscalYear:i FiscalYearSuffix:s FiscalPeriod:i
    CloseFiscalPeriod:i StartDate:t EndDate:t ClosedPeriod:b SysRevID:i8 SysRowID:g
    CloseFiscalPeriodDisp:s RowMod:s
Company: Company1:s Name:s LegalName:s CurrentFiscalYear:i FiscalCalendarID:s BaseCurrCode:s
    ExternalID:s SysRevID:i8 SysRowID:g RowMod:s
APSyst: Company:s InvcReadyToCalcDflt:b FutureDateAction:s FutureDateDaysHorizon:i LogInvAccting:s
    LogInvAutoAprv:b LNReqForInvc:b LNBasedOnDate:i ExchangeDateToUse:i AllowMultInvcReceipts:b
    ApplyAPPrePayAuto:b DatesSetUp:b APAmdApplyDate:b APDefApplyDate:s APLinkApplyDate:s
    RoundTolerance:d RoundInvoice:b UsePODtlTaxable:b CentralizedPayment:b SysRevID:i8 SysRowID:g
    RowMod:s
GLSyst: Company:s MasterCOA:s APInterfaced:b APVoucherInvoices:b SysRevID:i8 SysRowID:g RowMod:s
XbSyst: Company:s AutoLockFinGroups:b APTaxLnLevel:b SiteIsLegalEntity:b SysRevID:i8 SysRowID:g
    RowMod:s
CurrExRate: Company:s RateGrpCode:s SourceCurrCode:s TargetCurrCode:s EffectiveDate:t
    CurrentRate:d SysDate:t SysTime:i EntryPerson:s Reference:s SysRevID:i8 SysRowID:g RowMod:s
Currency: Company:s CurrencyCode:s CurrencyID:s CurrDesc:s CurrName:s CurrSymbol:s BaseCurr:b
    ReportCurr:b Inactive:b DecimalsGeneral:i DecimalsPrice:i DecimalsCost:i RoundTolerance:d
    ISOCurrCode:s ISONumber:i SysRevID:i8 SysRowID:g RowMod:s
EADComp: Company:s DefineBy:s EarliestApplyDate:t SysRevID:i8 SysRowID:g FiscalYear:i
    FiscalPeriod:i FiscalCalendarID:s FiscalYearSuffix:s RowMod:s
EADType: Company:s EADType1:s DefineBy:s EarliestApplyDate:t SysRevID:i8 SysRowID:g FiscalYear:i
    FiscalPeriod:i EffectiveDate:t TypeDescription:s FiscalCalendarID:s FiscalYearSuffix:s
    RowMod:s
FiscalCal: Company:s FiscalCalendarID:s Description:s StartDate:t EndDate:t GlobalCal:b
    SysRevID:i8 SysRowID:g RowMod:s
FiscalYr: Company:s FiscalCalendarID:s FiscalYear:i FiscalYearSuffix:s StartDate:t EndDate:t
    NumPeriods:i NumClosingPeriods:i SysRevID:i8 SysRowID:g RowMod:s
FiscalPer: Company:s FiscalCalendarID:s FiscalYear:i FiscalYearSuffix:s FiscalPeriod:i StartDate:t
    EndDate:t FAClosedPeriod:b SysRevID:i8 SysRowID:g RowMod:s
GLAccount: Company:s COACode:s GLAccount1:s AccountDesc:s GLAcctDispGLAcctDisp:s
    GLAcctDispAccountDesc:s GLAcctDispGLShortAcct:s Active:b EffFrom:t EffTo:t SegValue1:s
    SegValue2:s SegValue3:s SegValue4:s SegValue5:s SegValue20:s ParentGLAccount:s MultiCompany:b
    ExtCompID:s SysRevID:i8 UD_SysRevID:s SysRowID:g RowMod:s
GLAccountList: Company:s COACode:s GLAccount:s AccountDesc:s SegValue1:s SegValue2:s SegValue3:s
    SegValue4:s SegValue5:s SegValue6:s SegValue7:s SegValue8:s SegValue9:s SegValue10:s
    SegValue11:s SegValue12:s SegValue13:s SegValue14:s SegValue15:s SegValue16:s SegValue17:s
    SegValue18:s SegValue19:s SegValue20:s PreservDesc:b PreserveActivation:b Active:b EffFrom:t
    EffTo:t MultiCompany:b ParentGLAccount:s PntSegValue1:s PntSegValue2:s PntSegValue3:s
    PntSegValue4:s PntSegValue5:s PntSegValue6:s PntSegValue7:s PntSegValue8:s PntSegValue9:s
    PntSegValue10:s PntSegValue11:s PntSegValue12:s PntSegValue13:s PntSegValue14:s
    PntSegValue15:s PntSegValue16:s PntSegValue17:s PntSegValue18:s PntSegValue19:s
    PntSegValue20:s ExtCompID:s SysRevID:i8 SysRowID:g GLAcctDispGLAcctDisp:s
    GLAcctDispGLShortAcct:s GLAcctDispAccountDesc:s StatisticalDesc:s RowMod:s
GLBook: Company:s BookID:s Description:s MainBook:b Inactive:b COACode:s FiscalCalendarID:s
    CurrencyCode:s SysRevID:i8 SysRowID:g RowMod:s
POHeader: Company:s PONum:i OpenOrder:b VoidOrder:b OrderHeld:b Approve:b ApprovalStatus:s
    ApprovedDate:t ApprovedBy:s Confirmed:b OrderDate:t DueDate:t PromiseDate:t VendorNum:i
    VendorVendorID:s VendorName:s PurPoint:s BuyerID:s TermsCode:s CurrencyCode:s RateGrpCode:s
    ExchangeRate:d LockRate:b DocTotalCharges:d DocTotalMisc:d DocTotalTax:d DocTotalOrder:d
    TotalOrder:d POType:s ContractOrder:b ReadyToPrint:b CommentText:s XRefPONum:s VendorRefNum:s
    TaxRegionCode:s EntryPerson:s ChangedBy:s ChangeDate:t SysRevID:i8 UD_SysRevID:s SysRowID:g
    RowMod:s
PODetail: Company:s PONUM:i POLine:i OpenLine:b VoidLine:b PartNum:s VenPartNum:s LineDesc:s
    RevisionNum:s OrderQty:d PUM:s XOrderQty:d IUM:s CostPerCode:s UnitCost:d DocUnitCost:d
    ExtCost:d DocExtCost:d Taxable:b TaxCatID:s ClassID:s RcvInspectionReq:b VendorNum:i
    AdvancePayBal:d DocAdvancePayBal:d DueDate:t TotalTax:d DocTotalTax:d ChangedBy:s ChangeDate:t
    SysRevID:i8 UD_SysRevID:s SysRowID:g RowMod:s
PORel: Company:s PONum:i POLine:i PORelNum:i OpenRelease:b VoidRelease:b Status:s DueDate:t
    PromiseDt:s RelQty:d XRelQty:d ReceivedQty:d ArrivedQty:d InvoicedQty:d ShippedQty:d
    TranType:s JobNum:s AssemblySeq:i JobSeqType:s JobSeq:i Plant:s WarehouseCode:s ReqNum:i
    ReqLine:i DispGLAcct:s Taxable:b SysRevID:i8 SysRowID:g RowMod:s
POHeaderList: Company:s OpenOrder:b VoidOrder:b PONum:i EntryPerson:s OrderDate:t FOB:s
    ShipViaCode:s TermsCode:s ShipName:s ShipAddress1:s ShipAddress2:s ShipAddress3:s ShipCity:s
    ShipState:s ShipCountry:s BuyerID:s VendorNum:i PurPoint:s OrderHeld:b ShipToConName:s
    ReadyToPrint:b VendorVendorID:s VendorName:s BuyerIDName:s FOBDescription:s ApprovedDate:t
    ApprovedBy:s ShipViaCodeDescription:s TermsCodeDescription:s Approve:b ApprovalStatus:s
    OrderNum:i POType:s SysRowID:g RowMod:s
CheckHed: Company:s GroupID:s HeadNum:i BankAcctID:s CheckNum:i CheckDate:t Posted:b Voided:b
    VoidDate:t VoidedReason:s ManualPrint:b VendorNum:i VendorID:s Name:s CurrencyCode:s
    ExchangeRate:d RateGrpCode:s CheckAmt:d DocCheckAmt:d PaymentTotal:d DocPaymentTotal:d
    CheckInvAmt:d DocCheckInvAmt:d PMUID:i PMUIDName:s ElecPayment:b PaymentNumber:s LegalNumber:s
    ClearedCheck:b ClearedDate:t ClearedAmt:d ApplyingPayment:b FiscalYear:i FiscalPeriod:i
    EntryPerson:s Description:s ChangedBy:s ChangeDate:t SysRevID:i8 SysRowID:g RowMod:s
APTran: Company:s HeadNum:i APTranNo:i TranType:s VendorNum:i InvoiceNum:s InvoiceRef:s Posted:b
    GLPosted:b Voided:b TranDate:t TranAmt:d DocTranAmt:d DiscAmt:d DocDiscAmt:d TaxAmt:d
    DocTaxAmt:d WithholdAmt:d DocWithholdAmt:d RoundDiff:d CurrencyCode:s BankAcctID:s CheckNum:i
    PrePayment:b RefPONum:i MiscPayment:b FullyPaid:b InvoiceBal:d DocInvoiceBal:d NewBalance:d
    DocNewBalance:d Description:s Comment:s FiscalYear:i FiscalPeriod:i EntryPerson:s
    PaymentNumber:s GroupID:s ChangedBy:s ChangeDate:t SysRevID:i8 SysRowID:g RowMod:s
CheckHedList: Company:s Posted:b GroupID:s HeadNum:i BankAcctID:s CheckNum:i CheckDate:t
    FiscalYear:i FiscalPeriod:i Voided:b ClearedCheck:b ClearedAmt:d ClearedDate:t CheckAmt:d
    DocCheckAmt:d ManualPrint:b EntryPerson:s VendorNum:i Name:s CurrencyCode:s ExchangeRate:d
    ElecPayment:b RateGrpCode:s PaymentTotal:d DocPaymentTotal:d ApplyingPayment:b PMUID:i
    SysRevID:i8 SysRowID:g LegalNumber:s VoidDate:t VendorID:s RowMod:s
PurTerms: Company:s TermsCode:s SysDefault:b TermsType:s Description:s DueDays:i DiscountDays:i
    DiscountPercent:d NumberOfPayments:i Monthly:b NumberOfDays:i MinimumDays:i DueOnDay:i
    NumberOfMonths:i DiscountType:s PartPayment:b ReqLOC:b GlobalPurTerms:b GlobalLock:b
    SysRevID:i8 SysRowID:g COIFRSCalculation:b COIFRSNumberOfPeriods:i MonthsInFuture:i
    DueDayOfMonth:i IsDefault:b RowMod:s
PurTermsDtl: Company:s TermsCode:s TermsSeq:i DueOnDay:i DiscountPercent:d NumberOfMonths:i
    NumberOfDays:i MinimumDays:i SysRevID:i8 SysRowID:g RowMod:s
VendGrup: Company:s GroupCode:s GroupDesc:s SysRevID:i8 SysRowID:g RowMod:s
Vendor: Company:s VendorNum:i VendorID:s Name:s LegalName:s Inactive:b Approved:b PayHold:b
    GroupCode:s TermsCode:s CurrencyCode:s PurPoint:s PMUID:i PayMethodName:s PrimaryBankID:s
    HasBank:b ElecPayment:b OneCheck:b TaxRegionCode:s TaxPayerID:s TIN:s TINType:s Print1099:b
    Code1099ID:s FormTypeID:s Reporting1099Name:s Reporting1099Name2:s NonUS:b FATCA:b
    TaxEntityType:s Address1:s Address2:s Address3:s City:s State:s ZIP:s Country:s CountryNum:i
    CountryNumISOCode:s PhoneNum:s FaxNum:s EMailAddress:s VendURL:s PrimPCon:i AccountRef:s
    AccountNum:s Comment:s ExternalId:s ExternalPurchasing:b GlobalVendor:b ICVend:b DefaultFOB:s
    ShipViaCode:s LangNameID:s OrgRegCode:s MinOrderValue:d SysRevID:i8 UD_SysRevID:s SysRowID:g
    RowMod:s
VendCnt: Company:s VendorNum:i PurPoint:s ConNum:i Name:s FirstName:s LastName:s Func:s
    ContactTitle:s EmailAddress:s PhoneNum:s CellPhoneNum:s FaxNum:s RoleCode:s Inactive:b
    NoContact:b PrimaryContact:b PerConID:i ExternalId:s CreateDate:t CreateDcdUserID:s
    ChangeDate:t ChangeDcdUserID:s SysRevID:i8 SysRowID:g RowMod:s
VendCntMain: Company:s VendorNum:i PurPoint:s ConNum:i Name:s EmailAddress:s PhoneNum:s
    PrimaryContact:b ChangeDate:t SysRevID:i8 SysRowID:g RowMod:s
VendorPP: Company:s VendorNum:i PurPoint:s Name:s Address1:s Address2:s Address3:s City:s State:s
    Zip:s Country:s CountryNum:i EMailAddress:s PhoneNum:s PrimPCon:i PrimaryPP:b ExternalId:s
    SysRevID:i8 SysRowID:g RowMod:s
VendRemitTo: Company:s VendorNum:i RemitToSeq:i RemitToType:s RemitCustNum:i RemitEmpID:s
    RemitVendorNum:i RemitToName:s DefaultRemitTo:b Inactive:b OneCheck:b Comments:s
    RemitToAddress1:s RemitToAddress2:s RemitToAddress3:s RemitToCity:s RemitToState:s
    RemitToZip:s RemitToCountry:i RemitToPhoneNum:s RemitToFaxNum:s RemitToEmail:s TermsCode:s
    CurrencyCode:s PMUID:i SysRevID:i8 SysRowID:g RemitToID:s CurrencyCodeDocumentDesc:s
    CurrencyCodeCurrDesc:s CurrencyCodeCurrName:s CurrencyCodeCurrSymbol:s
    CurrencyCodeCurrencyID:s TermsCodeDescription:s RowMod:s
VendBank: Company:s VendorNum:i BankID:s BankName:s BankAcctNumber:s NameOnAccount:s SwiftNum:s
    IBANCode:s PMUID:i DFIIdentification:s PrimaryBank:b SysRevID:i8 SysRowID:g RowMod:s
VendorList: Inactive:b Company:s VendorID:s Name:s VendorNum:i Address1:s Address2:s Address3:s
    City:s State:s ZIP:s Country:s TaxPayerID:s CurrDesc:s GroupCode:s PhoneNum:s PayHold:b
    CurrencyCode:s SysRowID:g TIN:s INTaxRegistrationID:s RowMod:s
Ice.Company: Company1:s Name:s Address1:s City:s State:s Zip:s Country:s TenantID:s TimeZoneID:s
    IsLive:b InstallationID:s SysRevID:i8 SysRowID:g RowMod:s
"""
