"""What can go wrong with a bill: the errors that everyone raises, and the hold that follows. Pure.

PostingError
├── UnmappedError            mappings.resolve: every gap of a bill at once
├── InvalidBillError         the bill contradicts itself
├── HeldError                a rule of ours or a person's decision is needed
├── RejectedError            the other system said no, nothing was saved
│   └── DuplicateInvoiceError
├── QuestionError               the other system asked a question, nothing was saved
├── AccessError              credentials or permissions; pauses the tenant
├── TransientError           not applied; trying again is harmless
│   └── OutageError          the whole system does not answer; pauses the tenant
└── UncertainOutcomeError    perhaps applied; look up first
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.domain.reasons import Reason as Reason


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that stops a bill: a reference without target, or with an unusable one.

    `kind` is vendors, gl_accounts, cost_centers, dimension:FIELD, entity, period, … ; `ramp_id`
    and `name` are Ramp's; `company` the routed Epicor company ("" when unknown); `lines` those of
    the bill that name it, () for the bill as a whole; `facts` what the message says besides.
    """

    reason: Reason
    kind: str
    ramp_id: str
    name: str
    message: str
    company: str = ""
    lines: tuple[int, ...] = ()
    facts: tuple[str, ...] = ()


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


class QuestionError(PostingError):
    """The other system asked a question that needs a person; look up before sending again."""

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
