"""What people do in Epicor. Each act tells the story and returns True when it could be done."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sandbox.world import Expectation
from sandbox.world_catalog import Row
from tests.simulation.life import OUR_USER, Life, pick


def _typable(life: Life) -> Expectation | None:
    """A bill whose paper lies on a desk: nobody has entered it yet."""
    ours = set(life.owners.values())
    wanted = []
    for row in life.ramp_bills():
        verdict = life.verdict(row["id"])
        invoice = verdict.invoice
        if invoice is None or row["id"] in ours or not invoice.total:
            continue
        if verdict.reasons & {"vendor_unusable", "period_closed", "invalid_bill", "no_route"}:
            continue
        wanted.append(invoice)
    found: Expectation | None = pick(life, wanted)
    return found


def _type(life: Life, how: str, bill: Expectation, number: str, total: Decimal) -> bool:
    assert bill.company
    assert bill.vendor_num
    try:
        life.box.epicor.app.type_invoice(
            bill.company,
            bill.vendor_num,
            number,
            total,
            day=bill.invoice_date,
            apply_day=bill.apply_date,
            currency=bill.currency,
        )
    except ValueError:
        return False  # Epicor refuses it, for instance because the number is there already
    life.typed.append(
        {
            "company": bill.company,
            "vendor_num": bill.vendor_num,
            "number": number,
            "total": total,
            "currency": bill.currency,
            "day": bill.invoice_date,
            "bill": bill.stamp,
            "at": life.now,
        }
    )
    life.tell(f"Epicor: somebody types bill {life.name(str(bill.stamp))} as {number!r} ({how})")
    return True


def type_same(life: Life) -> bool:
    bill = _typable(life)
    if bill is None:
        return False
    number = str(bill.invoice_num)
    number = life.rng.choice((number, number.upper(), f" {number}", number.swapcase()))
    return _type(life, "the same number", bill, number, bill.total or Decimal(0))


def type_bill(life: Life, bill_id: str) -> bool:
    """Somebody types just this bill, because it seems to be stuck."""
    bill = life.verdict(bill_id).invoice
    if bill is None:
        return False
    return _type(life, "the same number", bill, str(bill.invoice_num), bill.total or Decimal(0))


def type_other(life: Life) -> bool:
    """The vendor wrote the same number on another paper, which is typed by hand."""
    bill = _typable(life)
    if bill is None:
        return False
    other = replace(bill, invoice_date=bill.invoice_date - timedelta(days=40))
    total = (bill.total or Decimal(0)) + 1
    return _type(life, "the number of another paper", other, str(bill.invoice_num), total)


def type_spelling(life: Life) -> bool:
    bill = _typable(life)
    if bill is None:
        return False
    number = str(bill.invoice_num).replace("-", " ").replace("/", "-")
    if number == bill.invoice_num:
        return False
    return _type(life, "another spelling", bill, number, bill.total or Decimal(0))


def type_total(life: Life) -> bool:
    bill = _typable(life)
    if bill is None:
        return False
    number = f"HAND-{life.rng.randrange(10_000)}"
    return _type(life, "another number, same total", bill, number, bill.total or Decimal(0))


def our_groups(life: Life) -> list[Row]:
    """Groups in Epicor that we opened."""
    groups = life.box.epicor.state()["groups"]
    return [row for row in groups if row.get("CreatedBy") == OUR_USER]


def lock_group(life: Life) -> bool:
    row = pick(life, [row for row in our_groups(life) if not row["ActiveUserID"]])
    if row is None:
        return False
    life.box.epicor.app.lock_group(row["Company"], row["GroupID"], "jsmith")
    life.tell(f"Epicor: somebody opens group {row['GroupID']} of {row['Company']}")
    return True


def unlock_group(life: Life) -> bool:
    row = pick(life, [row for row in our_groups(life) if row["ActiveUserID"] == "jsmith"])
    if row is None:
        return False
    life.box.epicor.app.unlock_group(row["Company"], row["GroupID"])
    life.tell(f"Epicor: somebody leaves group {row['GroupID']} of {row['Company']}")
    return True


def post_group(life: Life) -> bool:
    row = pick(life, [row for row in our_groups(life) if not row["ActiveUserID"]])
    if row is None:
        return False
    posted = life.box.epicor.app.post_group(row["Company"], row["GroupID"])
    life.tell(f"Epicor: AP posts group {row['GroupID']} of {row['Company']}, {posted} invoices")
    return True


def turn_period(life: Life, *, closed: bool | None = None) -> bool:
    """Close an open period, or open a closed one."""
    shown = [bill.shown[-1] for bill in life.bills.values() if bill.shown]
    invoice = pick(life, shown)
    if invoice is None:
        return False
    day = invoice.apply_date
    now = life.books.closed(invoice.company, day)
    if day.year != 2026:
        return False
    set_period(life, invoice.company, day.year, day.month, closed=not now)
    return True


def set_period(life: Life, company: str, year: int, month: int, *, closed: bool) -> None:
    life.box.epicor.app.close_period(company, year, month, closed=closed)
    life.books.periods[company, year, month] = closed
    life.tell(f"Epicor: {year}-{month:02d} of {company} is {'closed' if closed else 'opened'}")


def turn_vendor(life: Life) -> bool:
    """A vendor is put on hold, or can be used again."""
    off = [key for key, inactive in life.books.inactive.items() if inactive]
    shown = [bill.shown[-1] for bill in life.bills.values() if bill.shown]
    invoice = pick(life, shown)
    if off and life.rng.random() < 0.6:
        set_vendor(life, *off[0], inactive=False)
        return True
    if invoice is None:
        return False
    set_vendor(life, invoice.company, invoice.vendor_id, inactive=True)
    return True


def set_vendor(life: Life, company: str, vendor_id: str, *, inactive: bool) -> None:
    life.box.epicor.app.deactivate_vendor(company, vendor_id, inactive=inactive)
    life.books.inactive[company, vendor_id] = inactive
    life.tell(f"Epicor: vendor {vendor_id} of {company} {'ends' if inactive else 'is back'}")


def _ours(life: Life, *, posted: bool = False) -> list[dict[str, Any]]:
    return [
        one
        for one in life.invoices()
        if one["header"].get("SysRowID") in life.owners and (posted or not one["header"]["Posted"])
    ]


def delete_invoice(life: Life) -> bool:
    one = pick(life, _ours(life))
    if one is None:
        return False
    head = one["header"]
    bill_id = life.owners[head["SysRowID"]]
    life.box.epicor.app.delete_invoice(one["company"], head["VendorNum"], head["InvoiceNum"])
    life.deleted.add(bill_id)
    life.tell(f"Epicor: somebody deletes our invoice of bill {life.name(bill_id)}")
    return True


def edit_invoice(life: Life) -> bool:
    one = pick(life, _ours(life))
    if one is None:
        return False
    head = one["header"]
    bill_id = life.owners[head["SysRowID"]]
    changes = life.rng.choice(({"Description": "mine"}, {"DueDate": "2026-12-31T00:00:00"}))
    life.box.epicor.app.edit_invoice(one["company"], head["VendorNum"], head["InvoiceNum"], changes)
    life.touched.add(head["SysRowID"])
    life.tell(f"Epicor: somebody changes {next(iter(changes))} of bill {life.name(bill_id)}")
    return True


def expire_tokens(life: Life) -> bool:
    system = life.rng.choice((life.box.ramp, life.box.epicor))
    system.app.expire_tokens()
    life.tell(f"{system.name}: every token expires")
    return True
