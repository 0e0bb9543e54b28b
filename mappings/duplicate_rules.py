"""When two AP invoices are probably the same one, typed twice by different hands. Pure.

The same vendor and the same number in another spelling, or the same vendor, total and currency
within a week. It is a suspicion: a person decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from connector.domain.invoice_key import Key as Key
from connector.domain.invoice_key import normalised as normalised
from connector.domain.invoice_key import same

NEAR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Facts:
    """What makes an invoice recognisable. `total` is in major units, negative for a credit."""

    company: str
    vendor_num: int
    invoice_num: str
    invoice_date: date | None
    currency_code: str
    total: Decimal

    @property
    def key(self) -> Key:
        """The natural key as Epicor compares it."""
        return same_key((self.company, self.vendor_num, self.invoice_num))


@dataclass(frozen=True, slots=True)
class IncomingBill:
    """A bill about to be entered: its facts, and what a person said is a different invoice."""

    bill_id: str
    facts: Facts
    cleared: frozenset[Key] = field(default_factory=frozenset)

    @property
    def number_key(self) -> str:
        """Its normalised number."""
        return normalised(self.facts.invoice_num)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is probably the same as a bill about to be entered: an invoice, or a bill of ours."""

    facts: Facts
    stamp: str = ""
    posted: bool = False
    group_id: str = ""
    entry_person: str = ""
    pay_hold: bool | None = None  # whether Epicor is kept from paying it; None: not known
    bill: str = ""  # the id of our own bill that it is
    state: str = ""  # of that bill's posting

    @property
    def company(self) -> str:
        """The company it is in."""
        return self.facts.company

    @property
    def vendor_num(self) -> int:
        """The vendor's number there."""
        return self.facts.vendor_num

    @property
    def invoice_num(self) -> str:
        """The number as it is written in Epicor."""
        return self.facts.invoice_num

    @property
    def key(self) -> Key:
        """The natural key as Epicor compares it."""
        return self.facts.key


def same_key(key: Sequence[object]) -> Key:
    """The natural key as Epicor compares it: the number trimmed and caseless."""
    company, vendor_num, number = key
    return same((str(company), int(str(vendor_num)), str(number)))


def is_duplicate(asked: Facts, other: Facts) -> bool:
    """Whether `other` is probably the invoice that `asked` is."""
    if (asked.company, asked.vendor_num) != (other.company, other.vendor_num):
        return False
    return _same_number(asked.invoice_num, other.invoice_num) or _same_money(asked, other)


def _same_number(one: str, other: str) -> bool:
    number = normalised(one)
    return bool(number) and number == normalised(other)


def _same_money(one: Facts, other: Facts) -> bool:
    if (one.total, one.currency_code) != (other.total, other.currency_code):
        return False
    if one.invoice_date is None or other.invoice_date is None:
        return False
    return abs(one.invoice_date - other.invoice_date) <= NEAR
