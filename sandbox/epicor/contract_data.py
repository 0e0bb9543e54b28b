"""What Epicor offers over REST, as data: services, sets with their keys, methods with parameters.

Generated once from the public service descriptions; see contract.py for the notation.
"""

SERVICES = """
Erp.BO.APInvGrpSvc
    tableset APInvGrp: APInvGrp
    set APInvGrps APInvGrp: Company GroupID
    list APInvGrpList
    get GetByID: groupID:s
    rows
    getlist
    post DeleteByID: groupID:s
    post GetNewAPInvGrp: ds:ds -> ds
    post GetNewAPInvGrpNoLock: ds:ds -> ds
    post GetRowsUseLockSetting: whereClauseAPInvGrp:s pageSize:i absolutePage:i -> morePages
    post LockAPGroup: groupID:s ds:ds -> ds
    post OnChangeofApplyDate: GroupID:s NewApplyDate:t ds:ds -> DateMessage ds
    post UnlockAPGroup: groupID:s ds:ds -> ds
    post UnlockGroup: InGroupID:s
    post Update: ds:ds -> ds
    post UpdateExt: ds:ds continueProcessingOnError:b rollbackParentOnChildError:b -> ds
      errorsOccurred
Erp.BO.APInvoiceSvc
    tableset APInvoice: APInvHed APInvHedAttch APIHAPInvExp APIHAPInvExpTGLC APIHAPInvMsc RcvMisc
      APIHAPLnTax APInvDtl APInvDtlAttch APInvDtlDEASch APInvExp APInvExpTGLC GlbAPIETGLC APInvJob
      APInvMsc APInvLnMscTax APInvPB APLnTax APInvDtlTGLC APInvHedMscTax APInvSched APInvTax
      PESUNATDtl EntityGLC PEAPInvTax AdditionalForms_ParametersView LegalNumGenOpts SupplierXRef
      TaxConnectStatus
    set APInvoices APInvHed: Company VendorNum InvoiceNum
    set APIHAPInvExps APIHAPInvExp: Company VendorNum InvoiceNum InvoiceLine InvExpSeq
    set APIHAPInvMscs APIHAPInvMsc: Company VendorNum InvoiceNum InvoiceLine MscNum
    set APInvDtls APInvDtl: Company VendorNum InvoiceNum InvoiceLine
    set APInvExps APInvExp: Company VendorNum InvoiceNum InvoiceLine InvExpSeq
    set APInvExpTGLCs APInvExpTGLC: Company VendorNum InvoiceNum InvoiceLine InvExpSeq SysRowID
    set APInvMscs APInvMsc: Company VendorNum InvoiceNum InvoiceLine MscNum
    set APInvScheds APInvSched: Company VendorNum InvoiceNum PaySeq
    set APInvTaxes APInvTax: Company VendorNum InvoiceNum TaxCode RateCode ECAcquisitionSeq
    set APInvHedAttches APInvHedAttch: Company VendorNum InvoiceNum DrawingSeq
    list APInvHedList
    get GetByID: vendorNum:i invoiceNum:s
    rows
    getlist
    post ChangeCurrencyMaster: ProposedCurrencyCode:s vRateGrpCode:s ds:ds -> vExchangeRate
      vXRateLabel ds
    post ChangeDueDate: ProposedDueDate:t ds:ds -> ds
    post ChangeExpLineAmt: ProposedAmt:d ds:ds -> ds
    post ChangeExtCost: ProposedExtCost:d ds:ds -> ds
    post ChangeInvoiceDateWithDateCheck: ProposedInvoiceDate:t recalcAmts:s ds:ds -> cMessageText
      DateMessage ds
    post ChangeInvoiceNumber: vendorNum:i originalInvoiceNum:s newInvoiceNum:s
    post ChangeInvoiceVendorAmt: ProposedInvoiceVendorAmt:d ds:ds -> ds
    post ChangePartNum: ProposedPartNum:s ds:ds -> ds
    post ChangeTermsCode: ProposedTermsCode:s ds:ds -> ds
    post ChangeUnitCost: ProposedUnitCost:d ds:ds -> ds
    post ChangeVendorID: ProposedVendorID:s confirmCheck:b ds:ds -> confirmMsg ds
    post ChangeVendorQty: ProposedVendorQty:d ds:ds -> ds
    post CheckDocumentIsLocked: keyValue:s keyValue2:s
    post DeleteByID: vendorNum:i invoiceNum:s
    post DeleteMaster: ds:ds cGroupID:s keyValue:s keyValue2:s -> ds grpTotalInvAmt
      lEnableGenLegalNum
    post GetNewAPInvDtlMiscellaneous: ds:ds iVendorNum:i cInvoiceNum:s -> ds
    post GetNewAPInvExp: ds:ds vendorNum:i invoiceNum:s invoiceLine:i -> ds
    post GetNewAPInvExpTGLC: ds:ds vendorNum:i invoiceNum:s invoiceLine:i invExpSeq:i -> ds
    post GetNewAPInvHed: ds:ds vendorNum:i -> ds
    post GetNewAPInvHedDebitMemo: ds:ds cGroupID:s -> ds
    post GetNewAPInvHedInvoice: ds:ds cGroupID:s -> ds
    post InvokeLocateGroupID: ipLocGrpInvoiceNum:s ipLocGrpVendorID:s -> outLocGrpVendorID GroupID
    post OnChangeofApplyDateWithDateCheck: VendorNum:i InvoiceNum:s recalcAmts:s NewApplyDate:t
      ds:ds -> DateMessage ds
    post PreUpdate: ds:ds -> ds requiresUserInput
    post TransferInvoiceToGroup: TransferToGroupID:s XferInvVendorNum:i XferInvInvoiceNum:s
      XferApplyDate:t cGroupID:s -> grpTotalInvAmt lEnableGenLegalNum
    post Update: ds:ds -> ds
    post UpdateExt: ds:ds continueProcessingOnError:b rollbackParentOnChildError:b -> ds
      errorsOccurred
    post UpdateMaster: ds:ds cGroupID:s cTableName:s runChkCPay:b runChkBankRef:b runChkRevChrg:b
      suppressUserPrompts:b -> ds grpTotalInvAmt requiresUserInput opMessage opMsgChkBankRef
      opChkRevMsg lEnableGenLegalNum lUpdateRan opDUAMsg
Erp.BO.APInvSearchSvc
    tableset APInvSearch: APInvHed
    set APInvSearches APInvHed: Company VendorNum InvoiceNum
    list APInvHedList
    rows
    getlist
Erp.BO.APTranSearchSvc
    tableset APTranSearch: APTranSearch PaymentTotals
    set APTranSearches APTranSearch: Company HeadNum APTranNo InvoiceNum Voided
    set PaymentTotals PaymentTotals: SysRowID
    list APTranSearchList
    rows
    getlist
    post GetPaymentData: vendorNum:i invoiceNum:s
Erp.BO.COASegValuesSvc
    tableset COASegValues: COASegValues COASegAcct COASegOpt COASegRes
    set COASegValues COASegValues: Company COACode SegmentNbr SegmentCode
    list COASegValuesList
    get GetByID: coACode:s segmentNbr:i segmentCode:s
    rows
    getlist
Erp.BO.COASvc
    tableset COA: COA COASegment COASegmentNotCreated
    set COAs COA: Company COACode
    set COASegments COASegment: Company COACode SegmentNbr
    list COAList
    get GetByID: coACode:s
    rows
    getlist
Erp.BO.ClosePeriodSvc
    tableset ClosePeriod: GLBookPer GLBookPerParameters
    set ClosePeriods GLBookPer: Company BookID FiscalCalendarID FiscalYear FiscalYearSuffix
      FiscalPeriod
    list GLBookPerList
    rows
    getlist
Erp.BO.CompanySvc
    tableset Company: Company CompanyAttch AGCompany APSyst ARSyst BMSyst BorderPct CRSyst CSFSyst
      Currency CurrRateGrp EQSyst ExtPRSyst FsSyst GLSyst ISSyst JCSyst MMSyst PDMSyst
      PECompWhldHist PRSyst TaxSvcConfig XaSyst XbSyst EntityGLC
    set Companies Company: Company1
    set APSysts APSyst: Company
    set GLSysts GLSyst: Company
    set XbSysts XbSyst: Company
    list CompanyList
    get GetByID: company:s
    rows
    getlist
Erp.BO.CurrExRateSvc
    tableset CurrExRate: CurrExRate
    set CurrExRates CurrExRate: Company RateGrpCode SourceCurrCode TargetCurrCode EffectiveDate
    list CurrExRateList
    rows
    getlist
Erp.BO.CurrencySvc
    tableset Currency: Currency CurrencyAttch EntityGLC
    set Currencies Currency: Company CurrencyCode
    list CurrencyList
    get GetByID: currencyCode:s
    rows
    getlist
Erp.BO.EADSvc
    tableset EAD: EADComp EADType
    set EADs EADComp: Company
    set EADTypes EADType: Company EADType1
    list EADCompList
    get GetByID:
    rows
    getlist
Erp.BO.FiscalCalSvc
    tableset FiscalCal: FiscalCal FiscalYr FiscalPer
    set FiscalCals FiscalCal: Company FiscalCalendarID
    set FiscalYrs FiscalYr: Company FiscalCalendarID FiscalYear FiscalYearSuffix
    set FiscalPers FiscalPer: Company FiscalCalendarID FiscalYear FiscalYearSuffix FiscalPeriod
    list FiscalCalList
    get GetByID: fiscalCalendarID:s
    rows
    getlist
Erp.BO.FiscalPerSearchSvc
    tableset FiscalPerSearch: FiscalPer
    set FiscalPerSearches FiscalPer: Company FiscalCalendarID FiscalYear FiscalYearSuffix
      FiscalPeriod
    list FiscalPerList
    rows
    getlist
Erp.BO.GLAccountSvc
    tableset GLAccount: GLAccount
    set GLAccounts GLAccount: Company COACode GLAccount1
    list GLAccountList
    get GetByID: coACode:s glAccount:s
    rows
    getlist
    post GlAccountExists: ipCOACode:s ipGLAccount:s
    post ValidateGLAccount: COACode:s GLAccount:s ExtCompanyID:s RestrictID:s EffectiveDate:t
      ValidateDynamicSegment:b
Erp.BO.GLBookPerSearchSvc
    tableset GLBookPerSearch: GLBookPer
    set GLBookPerSearches GLBookPer: Company BookID FiscalCalendarID FiscalYear FiscalYearSuffix
      FiscalPeriod
    list GLBookPerList
    rows
    getlist
Erp.BO.GLBookSvc
    tableset GLBook: GLBook GLBookAttch GLAccountMasks BVRule COASegmentNameList MapBook
      MapACTType GLBookPackageSegmentMap
    set GLBooks GLBook: Company BookID
    list GLBookList
    rows
    getlist
Erp.BO.POSvc
    tableset PO: POHeader POHeaderAttch PODetail PODetailAttch PORel PORelAttch PORelTax PORelTGLC
      PODetailInsp PODetailTax POMisc PODetailMiscTax POHeadMisc POHeaderMiscTax POHeaderTax
    set POes POHeader: Company PONum
    set PODetails PODetail: Company PONUM POLine
    set PORels PORel: Company PONum POLine PORelNum
    list POHeaderList
    get GetByID: poNum:i
    rows
    getlist
Erp.BO.PaymentEntrySvc
    tableset PaymentEntry: CheckHed CheckHedAttch APTran APTranTGLC APTTaxDtl BankTran
      BankTranTaxDtl BankTranTGLC TaxDtl LegalNumGenOpts
    set PaymentEntries CheckHed: Company HeadNum
    set APTrans APTran: Company HeadNum APTranNo InvoiceNum Voided
    list CheckHedList
    get GetByID: headNum:i
    rows
    getlist
Erp.BO.PurTermsSvc
    tableset PurTerms: PurTerms PurTermsAttch PurTermsDtl PurTermsSched
    set PurTerms PurTerms: Company TermsCode
    set PurTermsDtls PurTermsDtl: Company TermsCode TermsSeq
    list PurTermsList
    get GetByID: termsCode:s
    rows
    getlist
Erp.BO.VendGrupSvc
    tableset VendGrup: VendGrup VendGrupAttch
    set VendGrups VendGrup: Company GroupCode
    list VendGrupList
    rows
    getlist
Erp.BO.VendorSvc
    tableset Vendor: Vendor VendorAttch EntityGLC TaxExempt Partner PEVendWhldHist VendRestriction
      VendBank VendBankAttch VendCntMain VenMFBill VendorPP VenPPMFBill VenPPUPSEmail
      VendPPRestriction VendCnt VendCntAttch VenUPSEmail VendRemitTo
    set Vendors Vendor: Company VendorNum
    set VendBanks VendBank: Company VendorNum BankID
    set VendCntMains VendCntMain: Company VendorNum PurPoint ConNum
    set VendorPPs VendorPP: Company VendorNum PurPoint
    set VendCnts VendCnt: Company VendorNum PurPoint ConNum
    set VendRemitToes VendRemitTo: Company VendorNum RemitToSeq
    list VendorList
    get GetByID: vendorNum:i
    rows
    getlist
    post GetByVendID: vendorID:s
    post GetNewVendor: ds:ds -> ds
    post Update: ds:ds -> ds
    post ChangeVendCountry: i_CountryNum:i ds:ds -> ds
Ice.BO.AttachmentSvc
    tableset Attachment: XFileAttch AttachmentCredentials
    list XFileAttchList
    post UploadFile: docTypeID:s parentTable:s fileName:s data:s
    post FileExists: docTypeID:s parentTable:s fileName:s
Ice.BO.CompanySvc
    tableset Company: Company
    set Companies Company: Company1
    list CompanyList
    get GetByID: company:s
    rows
    getlist
Ice.BO.HealthCheckSvc
    post DatabaseAlive:
    post ErpAlive:
    post ListCompanies:
Ice.BO.UserFileSvc
    list UserFileList
    post GetCurrentUserId:
    post GetCompanyListForUser: userID:s whereClause:s pageSize:i absolutePage:i -> morePages
Ice.LIB.SessionModSvc
    post GetBaseLevel:
    post GetPatchLevelApp:
"""
