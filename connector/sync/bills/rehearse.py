"""Which bills could be entered now and what stops the others; claims, holds and sends nothing."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from audit.ledger.models import Posting
from connector.domain.errors import Hold
from connector.sync.bills.prepare import Payloads, Prepared, prepare
from connector.sync.bills.ramp_status import stops
from connector.sync.context import Cycle, Rules
from connector.sync.models import Bill
from connector.sync.narrow import sort_out

AT_ONCE = 200


Rehearsed = tuple[list[Prepared], list[tuple[Posting, Hold]]]


def rehearse(cycle: Cycle, postings: Sequence[Posting]) -> Rehearsed:
    """Those that could be entered now, and the hold that each of the others would get.

    Looks at Ramp's side and the mappings, not at what Epicor already has. Raises NotFoundError
    for a bill that is neither mirrored nor in Ramp, AccessError, TransientError.
    """
    ready: list[Prepared] = []
    held: list[tuple[Posting, Hold]] = []
    for start in range(0, len(postings), AT_ONCE):
        slice_ = postings[start : start + AT_ONCE]
        good, bad = rehearse_as(cycle, slice_, _payloads(cycle, slice_))
        ready += good
        held += bad
    return ready, held


def rehearse_as(rules: Rules, postings: Sequence[Posting], payloads: Payloads) -> Rehearsed:
    """The same for bills that look like this in Ramp (every one's payload is given).

    Asks neither system anything; a constant number of queries.
    """
    return sort_out(postings, partial(_rehearse, rules, payloads))


def _rehearse(rules: Rules, payloads: Payloads, postings: Sequence[Posting]) -> Rehearsed:
    stopped = stops(rules.tenant.pk, postings, payloads)
    held = [(p, stopped[p.bill_id].hold) for p in postings if p.bill_id in stopped]
    left = [posting for posting in postings if posting.bill_id not in stopped]
    ready, bad = prepare(rules, left, payloads)
    return ready, held + bad


def _payloads(cycle: Cycle, postings: Sequence[Posting]) -> dict[str, dict[str, Any]]:
    """The mirrored bills; what is not mirrored is read from Ramp and not kept."""
    ids = [posting.bill_id for posting in postings]
    rows = Bill.objects.filter(tenant=cycle.tenant, bill_id__in=ids)
    payloads: dict[str, dict[str, Any]] = dict(rows.values_list("bill_id", "payload"))
    for bill_id in ids:
        if bill_id not in payloads:
            payloads[bill_id] = cycle.ramp.bill(bill_id)
    return payloads
