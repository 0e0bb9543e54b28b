"""Finds invoices in Epicor: by every key ever sent and by our stamp, many in one request."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from connector.epicor.ap_invoice.rows import ACCOUNT, EXPENSE, HEADER, LINE, Row, SavedInvoice
from connector.epicor.client import EpicorClient, quote
from connector.epicor.contract import AP_INVOICE

AT_ONCE = 100  # terms in one where clause


def find(
    client: EpicorClient,
    company: str,
    *,
    keys: Iterable[tuple[int, str]],
    stamps: Iterable[str],
    stamp_column: str,
) -> list[SavedInvoice]:
    """The invoices of `company` with one of these (VendorNum, InvoiceNum) keys or stamps.

    With their lines, distributions and accounts. Raises AccessError, TransientError.
    Source: docs/epicor.md, "Looking up before writing".
    """
    terms = [f"{stamp_column} = {quote(stamp)}" for stamp in sorted(set(stamps))]
    terms += [
        f"(VendorNum = {vendor_num} and InvoiceNum = {quote(number.strip())})"
        for vendor_num, number in sorted(set(keys))
    ]
    found: dict[tuple[int, str], SavedInvoice] = {}
    for chunk in _chunks(terms):
        where = {HEADER: " or ".join(chunk), LINE: "", EXPENSE: "", ACCOUNT: ""}
        for page in client.get_rows(company, AP_INVOICE, where, tables=(HEADER, *_CHILDREN)):
            for header in page.get(HEADER) or ():
                key = (int(header["VendorNum"]), str(header["InvoiceNum"]))
                found.setdefault(key, SavedInvoice()).see(page, *key)
    return list(found.values())


_CHILDREN = (LINE, EXPENSE, ACCOUNT)


def stamp_of(header: Row, stamp_column: str, bill_ids: Collection[str] = ()) -> str:
    """The bill id stamped on an invoice, "" when a person typed it.

    One of `bill_ids` counts in whatever column it stands, also as the end of our page's address:
    the tenant may have chosen another column since, and a person may have emptied it.
    """
    stamp = str(header.get(stamp_column) or "").strip()
    if stamp in bill_ids or not bill_ids:
        return stamp
    ends = (str(value or "").strip().rsplit("/", 1)[-1] for value in header.values())
    return next((end for end in ends if end in bill_ids), stamp)


def _chunks(terms: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(terms), AT_ONCE):
        yield terms[start : start + AT_ONCE]
