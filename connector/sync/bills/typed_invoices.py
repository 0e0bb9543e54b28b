"""Reads a company's recent AP invoices, whoever entered them, into the mirror of `mappings`.

By the day of the last change, because invoices have no better column. Source: docs/epicor.md,
"Looking up before writing".
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from connector.domain.chunks import chunks
from connector.domain.search_days import moved
from connector.epicor import contract
from connector.epicor.client import PAGE, EpicorClient
from connector.epicor.methods import Row
from connector.epicor.values import amount, day, flag, number, text
from connector.sync.narrow import narrow
from mappings import invoices
from mappings.models import InvoiceWindow

BEFORE_START = timedelta(days=30)  # what was typed shortly before bills became ours to enter
WITHOUT_START = timedelta(days=180)
AT_ONCE = timedelta(days=30)
OVERLAP = timedelta(days=2)  # a change has a day only, and Epicor's day may differ from ours
_COLUMNS = (
    "VendorNum",
    "InvoiceNum",
    "InvoiceDate",
    "CurrencyCode",
    "DocInvoiceVendorAmt",
    "Posted",
    "GroupID",
    "EntryPerson",
    "PayHold",
    "SysRevID",
)


def covers(window: InvoiceWindow | None, start_date: date | None) -> bool:
    """Whether everything since the tenant's start date was read at least once."""
    return window is not None and (
        start_date is None or window.since <= moved(start_date, -BEFORE_START)
    )


def refresh_invoices(
    client: EpicorClient,
    tenant_id: int,
    company: str,
    *,
    window: InvoiceWindow | None,
    start_date: date | None,
    stamp_column: str,
    now: datetime,
) -> int:
    """Read what changed since the last time, or everything recent; returns how many invoices.

    Holds about one page in memory. What is read is noted month by month, so that a first reading
    that is cut short goes on from there. Raises what the client raises.
    """
    since = moved(start_date, -BEFORE_START) if start_date else now.date() - WITHOUT_START
    begin = since
    if window is not None and covers(window, start_date):
        since, begin = window.since, min(window.read_at, now).date() - OVERLAP
    read = 0
    while begin + AT_ONCE <= now.date():
        end = begin + AT_ONCE
        read += _read(client, tenant_id, company, begin, end, stamp_column, now)
        until = datetime.combine(end, time(), UTC)
        invoices.note_window(tenant_id, company, since=since, read_at=until)
        begin = end
    read += _read(client, tenant_id, company, begin, None, stamp_column, now)
    invoices.note_window(tenant_id, company, since=since, read_at=now)
    return read


def _read(
    client: EpicorClient,
    tenant_id: int,
    company: str,
    begin: date,
    end: date | None,
    stamp_column: str,
    now: datetime,
) -> int:
    """Mirror what was changed from the day `begin` on, before the day `end` if there is one."""
    changed = f"ChangeDate ge {contract.odata_day(begin, client.api_version)}"
    if end is not None:
        changed += f" and ChangeDate lt {contract.odata_day(end, client.api_version)}"
    rows = client.rows(
        company,
        contract.AP_INVOICE,
        "APInvoices",
        "APInvHed",
        select=(*_COLUMNS, stamp_column),
        filter=changed,
        order_by="VendorNum,InvoiceNum",
    )

    def store(some: Sequence[Row]) -> int:
        found = [invoice_row(row, stamp_column) for row in some]
        return invoices.store(tenant_id, company, found, seen_at=now)

    def bare(row: Row, error: Exception) -> None:
        """Of one that cannot be kept its number is: the same number is noticed all the same."""
        invoices.store(tenant_id, company, [_number_of(row)], seen_at=now)

    return sum(sum(narrow(page, store, bare)) for page in chunks(rows, PAGE))


def _number_of(header: Row) -> invoices.InvoiceRow:
    return invoices.InvoiceRow(
        vendor_num=number(header.get("VendorNum")),
        invoice_num=text(header.get("InvoiceNum")),
        invoice_date=None,
        currency_code="",
        total=Decimal(0),
    )


def invoice_row(header: Row, stamp_column: str) -> invoices.InvoiceRow:
    """A header of Epicor's as the mirror keeps it. Raises TransientError when it is unreadable."""
    return invoices.InvoiceRow(
        vendor_num=number(header.get("VendorNum")),
        invoice_num=text(header.get("InvoiceNum")),
        invoice_date=day(header.get("InvoiceDate")),
        currency_code=text(header.get("CurrencyCode")),
        total=amount(header.get("DocInvoiceVendorAmt")),
        stamp=text(header.get(stamp_column)),
        posted=flag(header.get("Posted")),
        group_id=text(header.get("GroupID")),
        entry_person=text(header.get("EntryPerson")),
        sys_rev_id=number(header.get("SysRevID") or 0),
        pay_hold=flag(header.get("PayHold")),
    )
