"""The natural key of an AP invoice, and when two numbers are the same one. Pure.

Two answers, for two questions: what Epicor would refuse as the same number (`same`, `trimmed`),
and what people would call the same number however it is spelled (`number_key`).
"""

import re
import unicodedata

from connector.domain import utf16

Key = tuple[str, int, str]  # company, vendor number, invoice number
LONGEST_NUMBER = 50  # docs/epicor.md: the key column's length
LONGEST_KEY = 255
# Words that people write or leave out before the number itself.
_PREFIXES = frozenset({"bill", "inv", "invoice", "no", "nr", "number"})
# Printable by name, and yet nothing to see; the last one stands for a character that was lost.
_IGNORED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0000-\U000e0fff\ufffd]"
)
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


def too_long(invoice_num: str) -> int:
    """How many characters Epicor would count in a number that it cannot take, 0 for a good one."""
    units = utf16.units(invoice_num)
    return units if units > LONGEST_NUMBER else 0


def unseen(invoice_num: str) -> str:
    """The first character of a number that nobody can see or compare, "" for none.

    Line breaks, spaces other than the plain one, marks that turn the direction of writing, what
    has no width, half characters and what replaced them; a number of nothing but such signs. As
    `U+202E RIGHT-TO-LEFT OVERRIDE`.
    """
    for sign in invoice_num:
        if not sign.isprintable() or _IGNORED.match(sign):
            return _named(sign)
    bare = all(sign == " " or unicodedata.combining(sign) for sign in invoice_num)
    return _named(invoice_num[0]) if invoice_num.strip() and bare else ""


def _named(sign: str) -> str:
    return f"U+{ord(sign):04X} {unicodedata.name(sign, '')}".rstrip()


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
