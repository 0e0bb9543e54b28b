"""The natural key of an AP invoice, and when two of them are the same for Epicor. Pure."""

Key = tuple[str, int, str]  # company, vendor number, invoice number
LONGEST_NUMBER = 50  # docs/epicor.md: the key column's length


def same(key: Key) -> Key:
    """A key as Epicor compares it: the number trimmed and caseless."""
    company, vendor_num, number = key
    return company, vendor_num, trimmed(number)


def trimmed(invoice_num: str) -> str:
    """A number as Epicor compares it: without spaces around it, caseless."""
    return invoice_num.strip().casefold()
