"""What Ramp itself says against entering a bill: archived, synced, not approved, excluded.

The one answer to "does Ramp want it entered": for the first sight, each run and every rehearsal.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from audit.ledger.history import confirmed_before
from audit.ledger.models import Posting
from connector.domain.errors import Hold, Reason
from connector.ramp.bill_content import is_gone

_GONE = (
    "The bill is {what} in Ramp, so it is not entered. If it was tried before, look in Epicor for "
    "it. Then dismiss it, or restore it in Ramp: it is entered then."
)
_ELSEWHERE = (
    "Ramp says that the bill was marked as synced, but not by us, so it is not entered. Find out "
    "who entered it, then dismiss it here."
)
_NOT_APPROVED = "The bill is not approved in Ramp, so it is not entered; it is once it is approved."
_EXCLUDED = (
    "The bill is excluded from accounting sync in Ramp, so it is not entered; it is once that is "
    "undone."
)
_GONE_IN_EPICOR = (
    "The bill was {what} in Ramp, but its invoice is in Epicor. Nothing was changed there. If it "
    "is not posted yet, remove it; or keep it and dismiss this with a reason."
)
SYNCED = ("BILL_SYNCED", "BILL_AND_PAYMENT_SYNCED")


@dataclass(frozen=True, slots=True)
class Stop:
    """Why Ramp does not want a bill entered. `waits`: no person is needed, only time."""

    reason: Reason
    message: str
    why: str  # a code for what Ramp says
    waits: bool = False

    @property
    def hold(self) -> Hold:
        """The same as a hold."""
        return Hold(self.reason, self.message, {"why": self.why})


def stopped(payload: Mapping[str, Any], *, ours: bool) -> Stop | None:
    """What in this bill stops its entering. Pure.

    `ours`: it is, or was, entered and told to Ramp by us, so that "synced" is our own doing.
    """
    if is_gone(payload):
        return Stop(Reason.ARCHIVED, _GONE.format(what=gone_how(payload)), gone_how(payload))
    if not ours and str(payload.get("sync_status") or "NOT_SYNCED") != "NOT_SYNCED":
        return Stop(Reason.SYNCED_ELSEWHERE, _ELSEWHERE, "synced")
    if str(payload.get("approval_status") or "APPROVED").upper() != "APPROVED":
        return Stop(Reason.NEEDS_REVIEW, _NOT_APPROVED, "not_approved", waits=True)
    if payload.get("enable_accounting_sync") is False:
        return Stop(Reason.NEEDS_REVIEW, _EXCLUDED, "excluded", waits=True)
    return None


def is_synced(payload: Mapping[str, Any]) -> bool:
    """Whether Ramp has the bill as synced, whoever told it."""
    return str(payload.get("sync_status")) in SYNCED


def gone_how(payload: Mapping[str, Any]) -> str:
    """What happened in Ramp to a bill that is gone, in a word."""
    if payload.get("archived_at"):
        return "archived"
    return str(payload.get("approval_status") or "").lower() or "withdrawn"


def gone_in_epicor(payload: Mapping[str, Any], before: str = "") -> Hold:
    """For a bill that Ramp does not want any more and that is in Epicor; `before`: its hold."""
    message = _GONE_IN_EPICOR.format(what=gone_how(payload))
    sentence = f"{message} It waited before because: {before}" if before else message
    return Hold(Reason.ARCHIVED, sentence, {"why": gone_how(payload), "entered": True})


def stops(
    tenant_id: int, postings: Iterable[Posting], payloads: Mapping[str, Mapping[str, Any]]
) -> dict[str, Stop]:
    """`stopped` for many postings, by bill id; one query, and only where Ramp says "synced"."""
    asked = list(postings)
    synced = [
        posting.bill_id
        for posting in asked
        if not posting.in_epicor and payloads[posting.bill_id].get("sync_status") in SYNCED
    ]
    confirmed = confirmed_before(tenant_id, synced) if synced else set()
    found: dict[str, Stop] = {}
    for posting in asked:
        ours = posting.in_epicor or posting.bill_id in confirmed
        stop = stopped(payloads[posting.bill_id], ours=ours)
        if stop is not None:
            found[posting.bill_id] = stop
    return found
