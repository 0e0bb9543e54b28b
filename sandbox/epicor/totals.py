"""Amounts of an AP invoice: what was typed becomes document and base amounts, sums, variances.

Typed (`Scr…`) amounts of a debit memo are positive and stored negated.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sandbox.epicor.rules import Rules
from sandbox.epicor.tables import Row

INVOICE = ("VendorNum", "InvoiceNum")


class Money:
    """Rounding, sign and rate of one invoice."""

    def __init__(self, rules: Rules, header: Row) -> None:
        self.currency: str = header["CurrencyCode"]
        self.credit = bool(header.get("DebitMemo"))
        self._rate = Decimal(header.get("ExchangeRate", 1))
        self._rules = rules
        self._base = rules.base_currency()

    def typed(self, amount: Any) -> Decimal:
        """A typed amount with the currency's decimals."""
        return self._rules.rounded(amount, self.currency)

    def signed(self, amount: Any) -> Decimal:
        """The stored amount behind a typed one, and back."""
        return -Decimal(amount) if self.credit and amount else Decimal(amount)

    def base(self, amount: Decimal) -> Decimal:
        """A document amount in the company's currency."""
        return self._rules.rounded(amount * self._rate, self._base)


def line_amounts(money: Money, row: Row, old: Row | None) -> Row:
    """The amount columns of a line. What was typed last wins: the amount, or quantity and cost."""
    cost, quantity = Decimal(row.get("DocUnitCost", 0)), Decimal(row.get("ScrVendorQty", 0))
    amount = Decimal(row.get("ScrDocExtCost", 0))
    before = old or {}
    if amount != before.get("ScrDocExtCost", 0):
        quantity = quantity or Decimal(1)
        cost = cost if cost * quantity == amount else amount / quantity
    elif cost != before.get("DocUnitCost", 0) or quantity != before.get("ScrVendorQty", 0):
        amount = cost * quantity
    amount = money.typed(amount)
    stored = money.signed(amount)
    base = money.base(stored)
    return {
        "ScrVendorQty": quantity,
        "VendorQty": quantity,
        "DocUnitCost": cost,
        "DocScrUnitCost": cost,
        "UnitCost": money.base(cost),
        "ScrDocExtCost": amount,
        "DocExtCost": stored,
        "DocLineTotal": stored,
        "ScrExtCost": money.signed(base),
        "ExtCost": base,
        "LineTotal": base,
    }


def distribution_amounts(money: Money, typed: Any) -> Row:
    """The amount columns of a distribution."""
    amount = money.typed(typed)
    stored = money.signed(amount)
    base = money.base(stored)
    return {
        "DocScrExpAmt": amount,
        "DocExpAmt": stored,
        "ScrExpAmt": money.signed(base),
        "ExpAmt": base,
    }


def line_totals(line: Row, distributions: Iterable[Row]) -> Row:
    """What is distributed of a line, and what is left."""
    rows = list(distributions)
    document = sum((Decimal(row.get("DocExpAmt", 0)) for row in rows), Decimal(0))
    base = sum((Decimal(row.get("ExpAmt", 0)) for row in rows), Decimal(0))
    return {
        "DocTotDistribAmt": document,
        "TotDistribAmt": base,
        "DocVariance": Decimal(line.get("DocExtCost", 0)) - document,
        "Variance": Decimal(line.get("ExtCost", 0)) - base,
    }


def header_totals(money: Money, header: Row, lines: Iterable[Row]) -> Row:
    """The control total, the sum of the lines, the difference, the balance."""
    rows = list(lines)
    typed = money.typed(header.get("ScrDocInvoiceVendorAmt", 0))
    control = money.signed(typed)
    control_base = money.base(control)
    document = sum((Decimal(row.get("DocExtCost", 0)) for row in rows), Decimal(0))
    base = sum((Decimal(row.get("ExtCost", 0)) for row in rows), Decimal(0))
    return {
        "ScrDocInvoiceVendorAmt": typed,
        "DocInvoiceVendorAmt": control,
        "InvoiceVendorAmt": control_base,
        "ScrInvoiceVendorAmt": money.signed(control_base),
        "DocInvoiceAmt": document,
        "ScrDocInvoiceAmt": money.signed(document),
        "InvoiceAmt": base,
        "DocInvoiceVariance": control - document,
        "InvoiceVariance": control_base - base,
        "DocInvoiceBal": control,
        "InvoiceBal": control_base,
        "DocUnpostedBal": control,
        "UnpostedBal": control_base,
        "LineOrMscChrgExists": bool(rows),
    }
