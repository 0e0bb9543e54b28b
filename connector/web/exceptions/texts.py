"""What each cause is called and what a person is told about it. Pure words, no reading."""

from collections.abc import Mapping
from dataclasses import dataclass

from audit.ledger.exceptions import CauseGroup
from connector.domain.errors import Reason
from mappings.coding import (
    COST_CENTERS,
    DECIMALS,
    DIMENSION_PREFIX,
    FIELD,
    GL_ACCOUNTS,
    VENDORS,
)


@dataclass(frozen=True, slots=True)
class CauseText:
    """A cause for people: its title around the name of the thing, and what happened.

    `step` is the next step; `where` says where it is taken when that is not on this page.
    """

    before: str
    subject: str
    after: str
    what: str
    step: str
    where: str = ""


def cause_text(cause: CauseGroup) -> CauseText:
    """The words of a cause."""
    reason = Reason(cause.reason)
    subject = cause.subject
    before, after = _THING.get(cause.kind, ""), reason.words.of_thing
    if cause.kind.startswith(DIMENSION_PREFIX):
        before = cause.kind.removeprefix(DIMENSION_PREFIX).replace("_", " ").capitalize()
    kind = "dimension" if _is_dimension(cause.kind) else cause.kind
    case = reason.words.case(kind, has_id=bool(cause.ramp_id))
    if not subject:
        before, after = case.title, ""
    return CauseText(before, subject, after, case.explanation, case.next_step, reason.words.where)


def can_be_mapped(cause: CauseGroup) -> bool:
    """Whether a mapping settles the cause: a named reference of a kind that has mappings."""
    return settled_by_mapping(cause.reason, cause.kind, cause.ramp_id)


def settled_by_mapping(reason: str, kind: str, ramp_id: str) -> bool:
    """The same of one thing that blocks a bill."""
    known = kind in (VENDORS, GL_ACCOUNTS) or _is_dimension(kind)
    return known and bool(ramp_id) and Reason(reason).words.settled_by_mapping


def _is_dimension(kind: str) -> bool:
    return kind == COST_CENTERS or kind.startswith(DIMENSION_PREFIX)


_THING: Mapping[str, str] = {
    VENDORS: "Vendor",
    GL_ACCOUNTS: "Account",
    COST_CENTERS: "Cost center",
    "terms": "The terms of vendor",
    "currency": "Currency",
    "entity": "Ramp entity",
    "period": "Period",
    FIELD: "Accounting field",
    DECIMALS: "Decimals of",
}
