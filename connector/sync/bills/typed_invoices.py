"""Reads a company's recent AP invoices, whoever entered them, into the mirror of `mappings`.

By the day of the last change, because invoices have no better column. Source: docs/epicor.md,
"Looking up before writing".
"""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from connector.domain.chunks import chunks
from connector.domain.search_days import moved
from connector.epicor import contract
from connector.epicor.client import PAGE, EpicorClient
from connector.epicor.methods import Row
from connector.epicor.side_by_side import side_by_side
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


class Span(NamedTuple):
    """Days of last changes in a company, from `begin` until before `end` (None: until now), of a
    mirror that is then whole since the day `since`."""

    company: str
    since: date
    begin: date
    end: date | None


def spans(
    company: str, window: InvoiceWindow | None, start_date: date | None, now: datetime
) -> list[Span]:
    """What is to be read: what changed since the last time, or everything recent, by months."""
    since = moved(start_date, -BEFORE_START) if start_date else now.date() - WITHOUT_START
    begin = since
    if window is not None and covers(window, start_date):
        since, begin = window.since, min(window.read_at, now).date() - OVERLAP
    found = []
    while begin + AT_ONCE <= now.date():
        found.append(Span(company, since, begin, begin + AT_ONCE))
        begin += AT_ONCE
    return [*found, Span(company, since, begin, None)]


def refresh_invoices(
    client: EpicorClient,
    tenant_id: int,
    some: Sequence[Span],
    *,
    stamp_column: str,
    now: datetime,
    at_once: int = 1,
) -> int:
    """Mirror these spans, `at_once` of them read at the same time; returns how many invoices.

    Each span is noted once it is stored, in their order, so that a reading that is cut short goes
    on from there. Raises what the client raises.
    """
    count = 0
    # The open spans come last: what somebody saves while a month is read moves into them.
    for part in ([s for s in some if s.end is not None], [s for s in some if s.end is None]):
        reads = [partial(_read, client, span, stamp_column) for span in part]
        with closing(side_by_side(client, reads, at_once=at_once)) as found:
            for span, rows in zip(part, found, strict=True):
                _store(tenant_id, span.company, rows, stamp_column, now)
                until = now if span.end is None else datetime.combine(span.end, time(), UTC)
                invoices.note_window(tenant_id, span.company, since=span.since, read_at=until)
                count += len(rows)
    return count


def _read(client: EpicorClient, span: Span, stamp_column: str) -> list[Row]:
    """The headers of a span; asks Epicor only."""
    changed = f"ChangeDate ge {contract.odata_day(span.begin, client.api_version)}"
    if span.end is not None:
        changed += f" and ChangeDate lt {contract.odata_day(span.end, client.api_version)}"
    rows = client.rows(
        span.company,
        contract.AP_INVOICE,
        "APInvoices",
        "APInvHed",
        select=(*_COLUMNS, stamp_column),
        filter=changed,
        order_by="VendorNum,InvoiceNum",
    )
    return list(rows)


def _store(
    tenant_id: int, company: str, rows: Sequence[Row], stamp_column: str, now: datetime
) -> None:
    def store(some: Sequence[Row]) -> None:
        found = [invoice_row(row, stamp_column) for row in some]
        invoices.store(tenant_id, company, found, seen_at=now)

    def bare(row: Row, error: Exception) -> None:
        """Of one that cannot be kept its number is: the same number is noticed all the same."""
        invoices.store(tenant_id, company, [_number_of(row)], seen_at=now)

    for page in chunks(rows, PAGE):
        narrow(page, store, bare)


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
