"""The vocabulary of what can go wrong with a bill: the hold reasons and the errors everyone raises.

Pure: neither Django nor HTTP. docs/errors.md has the same table for people; a test keeps it true.

    PostingError
    ├── UnmappedError            mappings.resolve: every gap of a bill at once
    ├── InvalidBillError         the bill contradicts itself
    ├── HeldError                a rule of ours or a person's decision is needed
    ├── RejectedError            the other system said no, nothing was saved
    │   └── DuplicateInvoiceError
    ├── AskedError               the other system asked a question, nothing was saved
    ├── AccessError              credentials or permissions; pauses the tenant
    ├── TransientError           not applied; trying again is harmless
    │   └── OutageError          the whole system does not answer; pauses the tenant
    └── UncertainOutcomeError    perhaps applied; look up first
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Why a posting waits for a person."""

    VENDOR_UNMAPPED = "vendor_unmapped"
    VENDOR_UNUSABLE = "vendor_unusable"
    ACCOUNT_UNMAPPED = "account_unmapped"
    ACCOUNT_UNUSABLE = "account_unusable"
    DIMENSION_UNMAPPED = "dimension_unmapped"
    NO_ROUTE = "no_route"
    INVALID_BILL = "invalid_bill"
    PERIOD_CLOSED = "period_closed"
    DUPLICATE_SUSPECTED = "duplicate_suspected"
    REFUSED = "refused"
    ASKED = "asked"
    IN_DOUBT = "in_doubt"
    MISMATCH = "mismatch"
    CHANGED = "changed"
    ARCHIVED = "archived"
    SYNCED_ELSEWHERE = "synced_elsewhere"
    NEEDS_REVIEW = "needs_review"
    UNAVAILABLE = "unavailable"
    BUG = "bug"


NEXT_STEP: Mapping[Reason, str] = {
    Reason.VENDOR_UNMAPPED: "Map the vendor to an Epicor vendor, then replay.",
    Reason.VENDOR_UNUSABLE: "Make the vendor usable in Epicor or map another one, then replay.",
    Reason.ACCOUNT_UNMAPPED: "Map the account to an Epicor GL account, then replay.",
    Reason.ACCOUNT_UNUSABLE: "Open the account in Epicor or map another one, then replay.",
    Reason.DIMENSION_UNMAPPED: "Map the value to an Epicor segment value, then replay.",
    Reason.NO_ROUTE: "Say which Epicor company the Ramp entity belongs to, then replay.",
    Reason.INVALID_BILL: "Correct the bill in Ramp, then replay.",
    Reason.PERIOD_CLOSED: "Open the period in Epicor or change the accounting date, then replay.",
    Reason.DUPLICATE_SUSPECTED: (
        "Compare both invoices: say that it is ours, that they differ, or give the bill another "
        "number."
    ),
    Reason.REFUSED: "Correct what Epicor (or Ramp) names, then replay.",
    Reason.ASKED: "Accept the prompt, or settle it in Epicor and replay.",
    Reason.IN_DOUBT: "Wait for the look-up, or check the invoice in Epicor before you replay.",
    Reason.MISMATCH: "Compare the invoice in Epicor with the bill and correct one, then replay.",
    Reason.CHANGED: "Compare the bill with the invoice field by field and correct one.",
    Reason.ARCHIVED: "Remove the unposted invoice in Epicor, or dismiss with a reason.",
    Reason.SYNCED_ELSEWHERE: "Find out who marked the bill as synced; dismiss it or un-sync it.",
    Reason.NEEDS_REVIEW: "Decide how such bills are entered (settings), or dismiss the bill.",
    Reason.UNAVAILABLE: "Ask the administrator to check the connection, then replay.",
    Reason.BUG: "Report it with the bill's number; nothing was sent twice.",
}

# Told to Ramp as a failed sync: only what a person must fix. Never for doubt or access trouble,
# because somebody who reads "failed" types the bill by hand.
TOLD_TO_RAMP: frozenset[Reason] = frozenset(Reason) - {
    Reason.IN_DOUBT,
    Reason.UNAVAILABLE,
    Reason.BUG,
    Reason.CHANGED,
    Reason.MISMATCH,
    Reason.ARCHIVED,
    Reason.SYNCED_ELSEWHERE,
}


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that stops a bill: a reference without target, or with an unusable one.

    `kind` is vendors, gl_accounts, cost_centers, dimension:FIELD, entity, period, … ; `ramp_id`
    and `name` are Ramp's; `company` the routed Epicor company ("" when unknown); `lines` those of
    the bill that name it, () for the bill as a whole.
    """

    reason: Reason
    kind: str
    ramp_id: str
    name: str
    message: str
    company: str = ""
    lines: tuple[int, ...] = ()


class PostingError(Exception):
    """Base of everything that can happen to a bill on its way.

    `message` is for people; `detail` has its facts, and only these are ever compared.
    """

    reason: Reason = Reason.BUG

    def __init__(
        self,
        message: str,
        *,
        reason: Reason | None = None,
        gaps: tuple[Gap, ...] = (),
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.gaps = gaps
        self.detail: dict[str, Any] = dict(detail or {})
        if reason is not None:
            self.reason = reason


class UnmappedError(PostingError):
    """One or more references have no usable target; `gaps` lists all of them."""

    reason = Reason.VENDOR_UNMAPPED

    @classmethod
    def of(cls, gaps: tuple[Gap, ...]) -> "UnmappedError":
        """The error for these gaps: the first one's reason, everyone's message."""
        return cls(" ".join(gap.message for gap in gaps), reason=gaps[0].reason, gaps=gaps)


class InvalidBillError(PostingError):
    """The bill contradicts itself or cannot be read; nothing was sent."""

    reason = Reason.INVALID_BILL


class HeldError(PostingError):
    """A rule says that a person must look; nothing was sent."""

    reason = Reason.NEEDS_REVIEW


class RejectedError(PostingError):
    """The other system refused and saved nothing."""

    reason = Reason.REFUSED


class DuplicateInvoiceError(RejectedError):
    """The vendor already has an invoice with this number."""

    reason = Reason.DUPLICATE_SUSPECTED


class AskedError(PostingError):
    """The other system asked a question nobody is there to answer; look before sending again."""

    reason = Reason.ASKED


class AccessError(PostingError):
    """Credentials, key, scope or company are refused."""

    reason = Reason.UNAVAILABLE


class TransientError(PostingError):
    """Not applied; `retry_after_s` is what the other side asked for, if it did."""

    reason = Reason.UNAVAILABLE

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, detail=detail)
        self.retry_after_s = retry_after_s


class OutageError(TransientError):
    """The other system failed several times in a row: the run stops instead of trying each bill."""


class UncertainOutcomeError(PostingError):
    """The request may have been applied although no usable answer came."""

    reason = Reason.IN_DOUBT


@dataclass(frozen=True, slots=True)
class Hold:
    """What is written on a posting that waits for a person: reason and facts, and words for it."""

    reason: Reason
    message: str
    detail: dict[str, Any] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def of(cls, error: PostingError) -> "Hold":
        """The hold that an error asks for."""
        return cls(error.reason, error.message, error.detail, error.gaps)
