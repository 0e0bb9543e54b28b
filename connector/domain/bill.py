"""A Ramp bill as accounting sees it: who is owed what, for which coded lines. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

_OUTSIDE = "PAID_MANUALLY"  # Ramp's method for whatever is paid without Ramp
_OPEN = ("", "UNSPECIFIED")  # methods that say nothing
_CARDS = ("CARD", "ONE_TIME_CARD")  # and whatever begins so


class Payer(StrEnum):
    """Who pays a bill, as far as its payments say."""

    RAMP = "ramp"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of a bill: Ramp's method, and how it is paid outside Ramp; "" = not said."""

    method: str
    manual_method: str = ""

    @property
    def payer(self) -> Payer:
        """Who makes it; a method that we do not know is one of Ramp's."""
        if self.method == _OUTSIDE or (self.method in _OPEN and self.manual_method):
            return Payer.OTHER
        return Payer.UNKNOWN if self.method in _OPEN else Payer.RAMP


@dataclass(frozen=True, slots=True)
class Selection:
    """One accounting field's chosen option, on a bill or a line.

    `field_type` is Ramp's category type (GL_ACCOUNT, OTHER, …), `field_id` the external id of the
    field, `option_id` the external id of the option; each is "" where Ramp left it out.
    """

    field_type: str
    field_id: str
    option_id: str
    option_name: str
    field_name: str = ""

    @property
    def is_gl_account(self) -> bool:
        """Whether this selection names the GL account."""
        return self.field_type == "GL_ACCOUNT"


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line in bill order; `amount` in major units, signed as in Ramp.

    `source` is `expense`, `inventory` or `po_line`.
    """

    amount: Decimal
    memo: str
    selections: tuple[Selection, ...]
    source: str = "expense"


@dataclass(frozen=True, slots=True)
class Bill:
    """A parsed bill. `total` and line amounts are major units of `currency` (ISO 4217).

    Dates are calendar days as Ramp gave them, never shifted by a time zone; `created_at` is a
    moment, which is another day in another zone.
    """

    id: str
    entity_id: str
    vendor_id: str
    vendor_name: str
    vendor_remote_id: str
    invoice_number: str  # "" when Ramp has none
    issued_on: date
    due_on: date
    accounting_on: date | None
    created_at: datetime | None
    currency: str
    total: Decimal
    lines: tuple[BillLine, ...]
    selections: tuple[Selection, ...]
    memo: str = ""
    vendor_memo: str = ""
    approval_status: str = ""
    status: str = ""
    sync_status: str = ""
    archived: bool = False
    accounting_sync_enabled: bool = True
    payments: tuple[Payment, ...] = ()
    purchase_order_ids: tuple[str, ...] = ()

    @property
    def payer(self) -> Payer:
        """Who pays the bill."""
        return payer_of(self.payments)

    @property
    def paid_by_card(self) -> bool:
        """Whether any payment is made by one of Ramp's cards."""
        return any(payment.method.startswith(_CARDS) for payment in self.payments)

    @property
    def invoice_num(self) -> str:
        """The number to enter, unless a person gives another: the vendor's, else one of ours."""
        return self.invoice_number or number_of(self.id)


def payer_of(payments: Iterable[Payment]) -> Payer:
    """Who pays: Ramp if it makes any payment, another if all are made outside Ramp."""
    payers = {payment.payer for payment in payments}
    if Payer.RAMP in payers:
        return Payer.RAMP
    return Payer.OTHER if payers == {Payer.OTHER} else Payer.UNKNOWN


def called(invoice_num: str, bill_id: str) -> str:
    """What people call a bill: its number, else the number that it gets when it is entered."""
    return invoice_num or number_of(bill_id)


def number_of(bill_id: str) -> str:
    """The number of a bill that has none in Ramp: RAMP- and the first 8 hex digits of its id."""
    return f"RAMP-{bill_id.replace('-', '')[:8]}"
