"""A Ramp bill as accounting sees it: who is owed what, for which coded lines. Pure."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Selection:
    """One accounting field's chosen option, on a bill or a line.

    `field_type` is Ramp's category type (GL_ACCOUNT, OTHER, …), `field_id` the external id of the
    field, `option_id` the external id of the option.
    """

    field_type: str
    field_id: str
    option_id: str
    option_name: str

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

    Dates are calendar days as Ramp gave them, never shifted by a time zone.
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
    created_on: date | None
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
    payment_method: str = ""
    purchase_order_ids: tuple[str, ...] = ()

    @property
    def invoice_num(self) -> str:
        """The number to enter, unless a person gives another: the vendor's, else one of ours."""
        return self.invoice_number or number_of(self.id)


def number_of(bill_id: str) -> str:
    """The number of a bill that has none in Ramp: RAMP- and the first 8 hex digits of its id."""
    return f"RAMP-{bill_id.replace('-', '')[:8]}"
