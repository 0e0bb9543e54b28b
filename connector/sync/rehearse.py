"""Which bills could be entered now and what stops the others; claims, holds and sends nothing."""

from collections.abc import Sequence
from typing import Any

from audit.failures import Hold
from audit.models import Posting
from connector.models import Bill
from connector.sync.context import Cycle
from connector.sync.prepare import Prepared, prepare
from connector.sync.readiness import stops

AT_ONCE = 200


def rehearse(
    cycle: Cycle, postings: Sequence[Posting]
) -> tuple[list[Prepared], list[tuple[Posting, Hold]]]:
    """Those that could be entered now, and the hold that each of the others would get.

    Looks at Ramp's side and the mappings, not at what Epicor already has. Raises NotFoundError
    for a bill that is neither mirrored nor in Ramp, AccessError, TransientError.
    """
    ready: list[Prepared] = []
    held: list[tuple[Posting, Hold]] = []
    for start in range(0, len(postings), AT_ONCE):
        slice_ = postings[start : start + AT_ONCE]
        payloads = _payloads(cycle, slice_)
        stopped = stops(cycle.tenant.pk, slice_, payloads)
        held += [(p, stopped[p.bill_id].hold) for p in slice_ if p.bill_id in stopped]
        good, bad = prepare(cycle, [p for p in slice_ if p.bill_id not in stopped], payloads)
        ready += good
        held += bad
    return ready, held


def _payloads(cycle: Cycle, postings: Sequence[Posting]) -> dict[str, dict[str, Any]]:
    """The mirrored bills; what is not mirrored is read from Ramp and not kept."""
    ids = [posting.bill_id for posting in postings]
    rows = Bill.objects.filter(tenant=cycle.tenant, bill_id__in=ids)
    payloads: dict[str, dict[str, Any]] = dict(rows.values_list("bill_id", "payload"))
    for bill_id in ids:
        if bill_id not in payloads:
            payloads[bill_id] = cycle.ramp.bill(bill_id)
    return payloads
