"""What a bill asks for, what it gets, and the tables in between: values only, nothing is decided.

Pure: neither Django nor HTTP. mappings/resolve.py turns a CodingRequest into a Coding with the
help of Tables, which mappings/tables.py reads from the database for a whole slice of bills.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

VENDORS = "vendors"
GL_ACCOUNTS = "gl_accounts"
COST_CENTERS = "cost_centers"
DIMENSION_PREFIX = "dimension:"
FIELDS = "fields"  # the kind under which the ids of Ramp's accounting fields are kept
# Kinds of gaps that no mapping settles.
CHOICE = "choice"  # a choice in Ramp that contradicts itself, or that names no field
DECIMALS = "decimals"  # a currency of which Epicor keeps fewer decimals than a bill has
FIELD = "field"  # an accounting field that the settings do not name by its id
SEGMENT_SEPARATOR = "|"  # of Epicor's internal accounts (docs/epicor.md)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def dimension_field(kind: str) -> str:
    """The name under which the mappings of a dimension kind are stored.

    `dimension:project` is stored as `project`, `cost_centers` as it is.
    """
    return kind.removeprefix(DIMENSION_PREFIX)


@dataclass(frozen=True, slots=True)
class Ref:
    """Something that Ramp names: its id there, and the name for people."""

    ramp_id: str
    name: str

    def __str__(self) -> str:
        if not self.name or not self.ramp_id:
            return self.name or self.ramp_id
        # Nobody knows a thing by its UUID; a short id is what people see in Ramp, too.
        return self.name if _UUID.fullmatch(self.ramp_id) else f"{self.name} ({self.ramp_id})"


@dataclass(frozen=True, slots=True)
class Field:
    """An accounting field of Ramp: its external id, its name and its type; "" where not given."""

    id: str
    name: str = ""
    type: str = ""

    def __str__(self) -> str:
        return self.name or self.id or "without a name"


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """What was chosen for a field: one option, or several that contradict each other."""

    field: Field
    options: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class LineRequest:
    """What counts for one line: its GL account, and what was chosen for each other field.

    `accounts` are all GL accounts that were chosen; more than one contradict each other.
    """

    accounts: tuple[Ref, ...]
    chosen: tuple[FieldChoice, ...] = ()

    @property
    def gl_account(self) -> Ref | None:
        """The only GL account; None when there is none or more than one."""
        return self.accounts[0] if len(self.accounts) == 1 else None

    def choice(self, field_id: str) -> FieldChoice | None:
        """What was chosen for the field with this external id; None when nothing was."""
        return next((one for one in self.chosen if one.field.id == field_id), None)


@dataclass(frozen=True, slots=True)
class CodingRequest:
    """Everything about a bill that decides its codes; `lines` in bill order.

    `company` is the routed Epicor company, `vendor_remote_id` the accounting id that Ramp holds
    for the vendor ("" when none), `default_terms` the tenant's fallback ("" when none).
    """

    company: str
    vendor: Ref
    vendor_remote_id: str
    currency: str
    default_terms: str
    apply_on: date
    lines: tuple[LineRequest, ...]
    decimals: int = 0  # how many its amounts need


@dataclass(frozen=True, slots=True)
class LineCoding:
    """The whole internal account of one line, and why, in sentences.

    `unused` are the choices in Ramp that have no part in it.
    """

    account: str
    why: tuple[str, ...]
    unused: tuple[FieldChoice, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The line's coding as plain JSON values."""
        unused = [
            {
                "field": str(one.field),
                "type": one.field.type,
                "options": [str(ref) for ref in one.options],
            }
            for one in self.unused
        ]
        return {"account": self.account, "why": list(self.why), "unused": unused}


@dataclass(frozen=True, slots=True)
class Coding:
    """All Epicor codes of one bill; `lines` in bill order."""

    company: str
    vendor_id: str
    vendor_num: int
    vendor_name: str
    terms_code: str
    currency_code: str
    lines: tuple[LineCoding, ...]
    why: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The coding as plain JSON values, as an attempt stores it."""
        return {
            "company": self.company,
            "vendor_id": self.vendor_id,
            "vendor_num": self.vendor_num,
            "vendor_name": self.vendor_name,
            "terms_code": self.terms_code,
            "currency_code": self.currency_code,
            "lines": [line.as_json() for line in self.lines],
            "why": list(self.why),
        }


@dataclass(frozen=True, slots=True)
class DimensionRule:
    """A Ramp field overwrites segment `segment` (1 = first) of the account; "" = no default."""

    ramp_field: str
    segment: int
    kind: str
    default: str = ""


@dataclass(frozen=True, slots=True)
class VendorTarget:
    """A vendor of one Epicor company."""

    vendor_num: int
    vendor_id: str
    name: str
    terms_code: str = ""
    inactive: bool = False


@dataclass(frozen=True, slots=True)
class CurrencyTarget:
    """A currency of one Epicor company, and how many decimals its amounts have there."""

    decimals: int
    inactive: bool = False


@dataclass(frozen=True, slots=True)
class Validity:
    """Whether an account or a segment value may be used, and between which days (inclusive)."""

    active: bool = True
    effective_from: date | None = None
    effective_to: date | None = None

    def problem(self, day: date) -> str:
        """Why it cannot be used on `day`, as the end of a sentence; "" when it can."""
        if not self.active:
            return "is inactive"
        if self.effective_from is not None and day < self.effective_from:
            return f"is not effective before {self.effective_from.isoformat()}"
        if self.effective_to is not None and day > self.effective_to:
            return f"is not effective after {self.effective_to.isoformat()}"
        return ""


@dataclass(frozen=True, slots=True)
class Tables:
    """A snapshot of the decisions and catalogs that a slice of bills refers to.

    Mapping tables are keyed by company first, "" meaning every company. `issued` holds, by kind,
    the ids that our own accounting connection uploaded to Ramp.
    """

    # What users decided.
    vendor_mappings: Mapping[tuple[str, str], str] = field(default_factory=dict)
    account_mappings: Mapping[tuple[str, str], str] = field(default_factory=dict)
    dimension_mappings: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    currencies: Mapping[str, str] = field(default_factory=dict)
    dimensions: tuple[DimensionRule, ...] = ()
    issued: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ramp_fields: frozenset[str] = frozenset()  # the fields that Ramp has; empty = not known
    # What Epicor has.
    vendors: Mapping[tuple[str, str], VendorTarget] = field(default_factory=dict)
    accounts: Mapping[tuple[str, str], Validity] = field(default_factory=dict)
    segments: Mapping[tuple[str, int], bool] = field(default_factory=dict)  # True = dynamic
    segment_values: Mapping[tuple[str, int, str], Validity] = field(default_factory=dict)
    terms: frozenset[tuple[str, str]] = frozenset()
    epicor_currencies: Mapping[tuple[str, str], CurrencyTarget] = field(default_factory=dict)
