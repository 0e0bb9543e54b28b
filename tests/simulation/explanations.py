"""Whether the reason that a bill waits with is true, and which reasons would be."""

import json
from typing import Any

from tests.simulation import truth
from tests.simulation.life import BillLife, Life, Violation

Row = dict[str, Any]


def explained(life: Life, posting: Row, invoice: Row | None, *, healed: bool) -> None:
    bill_id, hold = posting["bill_id"], posting["hold_reason"]
    if not posting["hold_message"].strip():
        raise Violation("explained", f"bill {bill_id} is held as {hold} without a message")
    possible = reasons(life, life.bills[bill_id], posting, invoice, now_only=healed)
    if hold not in possible:
        raise Violation(
            "explained",
            f"bill {bill_id} is {posting['state']}, held as {hold} ({posting['hold_message']}), "
            f"true would be {sorted(possible)}",
        )


def reasons(
    life: Life, known: BillLife, posting: Row, invoice: Row | None, *, now_only: bool
) -> set[str]:
    """Every hold that would be true of this bill; with `now_only` what is true just now."""
    verdict = life.verdict(known.bill_id)
    true = set(verdict.reasons)
    row = life.bill(known.bill_id)
    true |= _about_others(life, known)
    true |= _about_ramp(life, known, row)
    if invoice is not None:
        true |= _about_invoice(life, known, posting, invoice)
    if posting["state"] == "entered" and not verdict.ready:
        true.add("refused")  # Ramp does not take the result of what it does not list as ready
    if invoice is not None and true and not json.loads(posting["entered_as"] or "{}"):
        true.add("mismatch")  # found there after a lost answer, and not to be compared yet
    if "vendor_unusable" in true or "period_closed" in true:
        true.add("refused")
    if posting["state"] == "in_doubt" and (true or not verdict.ready):
        true.add("in_doubt")
    if json.loads(posting["entered_as"] or "{}").get("adopted"):
        true |= {"changed", "mismatch"}
    if now_only:
        return true
    true |= known.reasons
    true |= {"changed"} if len(known.shown) > 1 else set()
    return true | _about_trouble(life)


def _about_ramp(life: Life, known: BillLife, row: Row) -> set[str]:
    true: set[str] = set()
    if row["archived_at"] is not None:
        true.add("archived")
    if known.elsewhere:
        true.add("synced_elsewhere")
    if known.bill_id in life.deleted | life.removed:
        true |= {"mismatch", "changed", "duplicate_suspected"}
    return true


def _about_others(life: Life, known: BillLife) -> set[str]:
    """Whether another bill or a person's invoice could be taken for this bill."""
    mine = {_name(one) for one in known.shown}
    totals = {(one.company, one.vendor_num, abs(one.total or 0)) for one in known.shown}
    for other in life.bills.values():
        if other is not known and any(_name(one) in mine for one in other.shown):
            return {"duplicate_suspected"}
        if other is not known and any(
            (one.company, one.vendor_num, abs(one.total or 0)) in totals for one in other.shown
        ):
            return {"duplicate_suspected"}
    for one in life.invoices():
        head = one["header"]
        if life.owners.get(head["SysRowID"]) == known.bill_id:
            continue
        name = (one["company"], head["VendorNum"], normal(head["InvoiceNum"]))
        total = (one["company"], head["VendorNum"], abs(head["DocInvoiceVendorAmt"]))
        if name in mine or total in totals:
            # Under a number that the bill had before it is "changed": perhaps we sent it.
            return {"duplicate_suspected"} | ({"changed"} if len(known.shown) > 1 else set())
    return set()


def _about_invoice(life: Life, known: BillLife, posting: Row, invoice: Row) -> set[str]:
    """What can be true of a bill that has an invoice in Epicor."""
    true: set[str] = set()
    head = invoice["header"]
    wanted = life.verdict(known.bill_id).invoice
    if wanted is None or not truth.same(invoice, wanted) or head["SysRowID"] in life.touched:
        true |= {"changed", "mismatch"}
    if posting["entered_hash"] and posting["seen_hash"] != posting["entered_hash"]:
        true.add("changed")
    return true


def _about_trouble(life: Life) -> set[str]:
    """Reasons that trouble of this world may have left behind until somebody replays."""
    had = life.trouble
    left = set()
    if had["refuse"]:
        left.add("refused")
    if had["ask"]:
        left.add("asked")
    if sum(had.values()) - had["refuse"] - had["ask"]:
        left |= {"in_doubt", "unavailable"}
    if had["lock"]:
        left.add("refused")
    return left


def normal(number: Any) -> str:
    """A number as a suspicious person compares it."""
    return "".join(sign for sign in str(number).casefold() if sign.isalnum())


def _name(one: Any) -> tuple[Any, ...]:
    return one.company, one.vendor_num, normal(one.invoice_num)
