"""Compares the stand-in's ledger with what the world says must become of each bill."""

from collections import Counter
from decimal import Decimal
from typing import Any


def ledger(box: Any) -> dict[str, list[dict[str, Any]]]:
    """The invoices in Epicor by stamp; those typed by people are under ""."""
    found: dict[str, list[dict[str, Any]]] = {}
    for invoice in box.epicor.state()["invoices"]:
        found.setdefault(invoice["header"].get("ExternalID") or "", []).append(invoice)
    return found


def seen(invoice: dict[str, Any]) -> dict[str, Any]:
    """What an auditor reads off one invoice."""
    header = invoice["header"]
    accounts = {row["InvoiceLine"]: row["GLAccount"] for row in invoice["distributions"]}
    return {
        "company": invoice["company"],
        "vendor_num": header["VendorNum"],
        "invoice_num": header["InvoiceNum"],
        "credit": bool(header.get("DebitMemo")),
        "invoice_date": str(header["InvoiceDate"])[:10],
        "apply_date": str(header["ApplyDate"])[:10],
        "due_date": str(header["DueDate"])[:10],
        "currency": header["CurrencyCode"],
        "terms": header["TermsCode"],
        "total": Decimal(str(header["DocInvoiceVendorAmt"])),
        "pay_hold": bool(header.get("PayHold")),
        "lines": [
            (accounts[row["InvoiceLine"]], Decimal(str(row["DocExtCost"])))
            for row in sorted(invoice["lines"], key=lambda row: row["InvoiceLine"])
        ],
    }


def planned(expected: Any) -> dict[str, Any]:
    """What the world says must be there."""
    return {
        "company": expected.company,
        "vendor_num": expected.vendor_num,
        "invoice_num": expected.invoice_num,
        "credit": expected.credit,
        "invoice_date": expected.invoice_date.isoformat(),
        "apply_date": expected.apply_date.isoformat(),
        "due_date": expected.due_date.isoformat(),
        "currency": expected.currency,
        "terms": expected.terms,
        "total": expected.total,
        "pay_hold": expected.pay_hold,
        "lines": [(account, amount) for account, amount in expected.lines],
    }


def check(box: Any) -> Counter[str]:
    """Assert that each bill is there exactly once, to the cent, or not at all; counts outcomes."""
    there = ledger(box)
    outcomes: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    for bill_id, expected in box.world.expected().items():
        invoices = there.get(bill_id, [])
        outcomes[expected.outcome] += 1
        if expected.outcome == "one_of":
            groups[expected.group] += len(invoices)
        else:
            assert len(invoices) == (1 if expected.outcome == "entered" else 0), bill_id
        for invoice in invoices:
            assert seen(invoice) == planned(expected), bill_id
    assert set(groups.values()) <= {1}
    return outcomes
