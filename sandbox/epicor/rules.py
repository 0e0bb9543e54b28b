"""The rules of one company's books: periods, suppliers, terms, currencies and rates, accounts."""

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.epicor.errors import business
from sandbox.epicor.tables import Row, Store, Table, fold


def day_of(text: str) -> dt.date:
    """The calendar day of a stored date."""
    return dt.date.fromisoformat(text[:10])


def day_text(day: dt.date) -> str:
    """A calendar day as rows hold it."""
    return f"{day.isoformat()}T00:00:00"


class Rules:
    """Look-ups and checks in one company."""

    def __init__(self, store: Store, company: str) -> None:
        self.store = store
        self.company = company

    def table(self, name: str) -> Table:
        """A table of this company."""
        return self.store.table(self.company, name)

    # -- books and periods -----------------------------------------------------------------------

    def main_book(self) -> Row:
        """The main book: its chart and calendar rule AP."""
        return next(row for row in self.table("GLBook").rows.values() if row.get("MainBook"))

    def period_of(self, day: str) -> Row:
        """The main book's period around a day. Raises 400 when there is none."""
        book = self.main_book()["BookID"]
        for row in self.table("GLBookPer").rows.values():
            if row["BookID"] == book and row["StartDate"] <= day <= row["EndDate"]:
                return row
        raise business(f"No fiscal period exists for {day[:10]}.", "APInvHed", "ApplyDate")

    def open_period(self, day: str) -> Row:
        """The open period around a day, not before the earliest apply date. Raises 400."""
        period = self.period_of(day)
        if period.get("ClosedPeriod"):
            raise business(
                f"Fiscal period {period['FiscalPeriod']} of {period['FiscalYear']} is closed.",
                "APInvHed",
                "ApplyDate",
            )
        earliest = next(iter(self.table("EADComp").rows.values()), {}).get("EarliestApplyDate")
        if earliest and day < earliest:
            raise business(
                f"Apply Date must be on or after the Earliest Apply Date {earliest[:10]}.",
                "APInvHed",
                "ApplyDate",
            )
        return period

    # -- suppliers, terms ------------------------------------------------------------------------

    def vendor(self, row: Row) -> Row:
        """The supplier a row names by VendorNum or VendorNumVendorID. Raises 400."""
        number, code = row.get("VendorNum", 0), row.get("VendorNumVendorID", "")
        table = self.table("Vendor")
        found = table.where("VendorNum", number) if number else table.where("VendorID", code)
        if not found or (not number and not code):
            raise business("Supplier is invalid.", "APInvHed", "VendorNum")
        vendor = found[0]
        if code and fold(code) != fold(vendor.get("VendorID", "")):
            raise business("VendorNum and VendorNumVendorID disagree.", "APInvHed", "VendorNum")
        if vendor.get("Inactive"):
            raise business(f"Supplier {vendor['VendorID']} is inactive.", "APInvHed", "VendorNum")
        return vendor

    def terms(self, code: str) -> Row:
        """Payment terms by code; blank or unknown raises 400."""
        found = self.table("PurTerms").find(self.company, code) if code.strip() else None
        if found is None:
            raise business("Terms code is invalid.", "APInvHed", "TermsCode")
        return found

    def due_date(self, terms: str, invoice_date: str) -> str:
        """The day that terms give."""
        days = int(self.terms(terms).get("DueDays", 0))
        first = day_of(invoice_date)
        left = (dt.date.max - first).days  # a bill spoiled by a test is due at the end of time
        return day_text(first + dt.timedelta(days=min(days, left)))

    # -- currencies ------------------------------------------------------------------------------

    def base_currency(self) -> str:
        """The company's own currency."""
        rows = self.table("Currency").rows.values()
        return str(next(row["CurrencyCode"] for row in rows if row.get("BaseCurr")))

    def currency(self, code: str) -> Row:
        """A currency by code; unknown or inactive raises 400."""
        found = self.table("Currency").find(self.company, code) if code else None
        if found is None or found.get("Inactive"):
            raise business(f"Currency '{code}' is invalid.", "APInvHed", "CurrencyCode")
        return found

    def rate(self, currency: str, group: str, day: str) -> Decimal:
        """Base money for one unit of `currency`: the last rate on or before the day. Raises 400."""
        base = self.base_currency()
        if fold(currency) == fold(base):
            return Decimal(1)
        rates = [
            row
            for row in self.table("CurrExRate").rows.values()
            if fold(row["SourceCurrCode"]) == fold(currency)
            and row["TargetCurrCode"] == base
            and row.get("RateGrpCode", "") == (group or "MAIN")
            and row["EffectiveDate"] <= day
        ]
        if not rates:
            raise business(
                f"No exchange rate from {currency} to {base} exists for {day[:10]}.",
                "APInvHed",
                "CurrencyCode",
            )
        return Decimal(max(rates, key=lambda row: str(row["EffectiveDate"]))["CurrentRate"])

    def rounded(self, amount: Any, currency: str) -> Decimal:
        """An amount with the currency's number of decimals."""
        digits = int(self.currency(currency).get("DecimalsGeneral", 0))
        step = Decimal(1).scaleb(-digits)
        return Decimal(amount).quantize(step, rounding=ROUND_HALF_UP)

    # -- accounts --------------------------------------------------------------------------------

    def segments(self) -> list[Row]:
        """The chart's segments, in order."""
        chart = self.main_book()["COACode"]
        rows = [row for row in self.table("COASegment").rows.values() if row["COACode"] == chart]
        return sorted(rows, key=lambda row: int(row["SegmentNbr"]))

    def default_account(self) -> str:
        """The account a distribution gets when nobody names one."""
        rows = self.table("GLAccount").rows.values()
        return str(next((row["GLAccount1"] for row in rows if row.get("Active")), ""))

    def check_account(self, account: str, day: str) -> Row | None:
        """The chart's row of an account in use on a day; None for a dynamic one. Raises 400."""
        chart = self.main_book()["COACode"]
        found = self.table("GLAccount").find(self.company, chart, account)
        if found is not None:
            if not found.get("Active") or not _in_force(found, "EffFrom", "EffTo", day):
                raise _bad_account(account, "is not active")
            return found
        if not self._may_be_composed(account, day):
            raise _bad_account(account, "is not valid")
        return None

    def _may_be_composed(self, account: str, day: str) -> bool:
        segments, values = self.segments(), account.split("|")
        if len(segments) != len(values) or not any(row.get("Dynamic") for row in segments):
            return False
        table = self.table("COASegValues")
        for segment, code in zip(segments, values, strict=True):
            value = table.find(self.company, segment["COACode"], segment["SegmentNbr"], code)
            if value is None or not value.get("ActiveFlag"):
                return False
            if not _in_force(value, "EffectiveFrom", "EffectiveTo", day):
                return False
        return True


def _in_force(row: Row, start: str, end: str, day: str) -> bool:
    first, last = row.get(start), row.get(end)
    return not (first and day < first) and not (last and day > last)


def _bad_account(account: str, why: str) -> Exception:
    return business(f"GL Account '{account}' {why}.", "APInvExpTGLC", "GLAccount")
