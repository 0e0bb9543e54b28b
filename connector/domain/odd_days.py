"""Days of a bill that can hardly be right: a year misread, such as 0206, 1926 or 2206. Pure."""

from collections.abc import Iterator
from datetime import date

from connector.domain.bill import Bill

# How many years before and after the bill came into Ramp its days may lie.
BEFORE = 10
INVOICE_AFTER = 2
DUE_AFTER = 30


def odd_days(bill: Bill, today: date) -> list[tuple[str, date]]:
    """The days that a person must look at, each with its name, in the order of the bill.

    `today` stands for the day on which a bill came into Ramp that does not tell it.
    """
    came = bill.created_at.year if bill.created_at is not None else today.year
    return [
        (name, day)
        for name, day, after in _days(bill)
        if not came - BEFORE <= day.year <= came + after
    ]


def _days(bill: Bill) -> Iterator[tuple[str, date, int]]:
    yield "invoice date", bill.issued_on, INVOICE_AFTER
    yield "due date", bill.due_on, DUE_AFTER
    if bill.accounting_on is not None:
        yield "accounting date", bill.accounting_on, INVOICE_AFTER
