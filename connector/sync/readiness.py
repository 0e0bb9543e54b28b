"""What Ramp itself says against entering a bill: archived, synced, not approved, excluded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from audit.failures import Hold, Reason
from audit.history import confirmed_before
from audit.models import Posting

_ARCHIVED = (
    "The bill is archived in Ramp, so it is not entered. If it was tried before, look in Epicor "
    "for it. Then dismiss it, or restore it in Ramp and replay."
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
SYNCED = ("BILL_SYNCED", "BILL_AND_PAYMENT_SYNCED")


@dataclass(frozen=True, slots=True)
class Stop:
    """Why Ramp does not want a bill entered. `waits`: no person is needed, only time."""

    reason: Reason
    message: str
    waits: bool = False

    @property
    def hold(self) -> Hold:
        """The same as a hold."""
        return Hold(self.reason, self.message)


def stopped(payload: Mapping[str, Any], *, ours: bool) -> Stop | None:
    """What in this bill stops its entering. Pure.

    `ours`: it is, or was, entered and told to Ramp by us, so that "synced" is our own doing.
    """
    if payload.get("archived_at"):
        return Stop(Reason.ARCHIVED, _ARCHIVED)
    if not ours and str(payload.get("sync_status") or "NOT_SYNCED") != "NOT_SYNCED":
        return Stop(Reason.SYNCED_ELSEWHERE, _ELSEWHERE)
    if str(payload.get("approval_status") or "APPROVED") != "APPROVED":
        return Stop(Reason.NEEDS_REVIEW, _NOT_APPROVED, waits=True)
    if payload.get("enable_accounting_sync") is False:
        return Stop(Reason.NEEDS_REVIEW, _EXCLUDED, waits=True)
    return None


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
    told = confirmed_before(tenant_id, synced) if synced else set()
    found: dict[str, Stop] = {}
    for posting in asked:
        ours = posting.in_epicor or posting.bill_id in told
        stop = stopped(payloads[posting.bill_id], ours=ours)
        if stop is not None:
            found[posting.bill_id] = stop
    return found
