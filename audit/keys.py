"""The natural key of an AP invoice, and when two numbers are the same one. Pure.

Two answers, for two questions: what Epicor would refuse as the same number (`same`, `trimmed`),
and what people would call the same number however it is spelled (`number_key`).
"""

import re
import unicodedata

Key = tuple[str, int, str]  # company, vendor number, invoice number
LONGEST_NUMBER = 50  # docs/epicor.md: the key column's length
LONGEST_KEY = 255
# Words that people write or leave out before the number itself.
_PREFIXES = frozenset({"bill", "inv", "invoice", "no", "nr", "number"})
_RUN = re.compile(r"[0-9]+|[^\W0-9_]+")


def same(key: Key) -> Key:
    """A key as Epicor compares it: the number trimmed and caseless."""
    company, vendor_num, number = key
    return company, vendor_num, trimmed(number)


def trimmed(invoice_num: str) -> str:
    """A number as Epicor compares it: without spaces around it, caseless."""
    return invoice_num.strip().casefold()


def number_key(invoice_num: str) -> str:
    """What two spellings of one number share: `normalised`, and the number itself without any."""
    return normalised(invoice_num) or trimmed(invoice_num)[:LONGEST_KEY]


def normalised(invoice_num: str) -> str:
    """The number without what people write differently: "INV-00123", "inv 123", "00123" are one.

    Caseless, without spaces, punctuation, leading zeros of a run of digits, and words such as
    "Invoice No." before the number. "" when no letter and no digit is left.
    """
    short = _plain_letters(invoice_num)
    while (shorter := _once(short)) != short:
        short = shorter
    return short[:LONGEST_KEY]


def _plain_letters(text: str) -> str:
    """Lower case, full-width and foreign digits as plain ones."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in folded)


def _once(text: str) -> str:
    runs = _RUN.findall(text)
    while runs[:1] and runs[0] in _PREFIXES and any(run.isdecimal() for run in runs[1:]):
        runs = runs[1:]
    # What punctuation separated is one run now: 2026-01 is written 202601, too.
    return re.sub(r"[0-9]+", lambda run: run[0].lstrip("0") or "0", "".join(runs))
