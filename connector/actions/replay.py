"""A person has bills tried again: single ones, or all that wait for one cause. One mechanism.

Asking only closes holds and makes the bills due; entering them is the run's business, which reads
each bill anew from Ramp and codes it afresh.
"""

from collections.abc import Mapping, Sequence

from audit.ledger import lifecycle
from audit.ledger.allowed import Action, why_not
from audit.ledger.models import Posting
from connector.domain.money import format_money
from connector.sync.bills.rehearse import rehearse
from connector.sync.bills.stages import blacked_out
from connector.sync.context import Cycle
from connector.tenants import pauses
from connector.tenants.models import Tenant

CHUNK = 5000  # SQLite limits the values in one statement
_State = Posting.State
STILL_WAIT = "Nothing was changed, and the bills still wait."


def refusal(tenant: Tenant) -> str:
    """Why nothing can be tried again now, as a sentence for a person; "" when it can.

    Closing the holds then would only empty the list of what waits, and nothing would be entered.
    """
    row = Tenant.objects.get(pk=tenant.pk)
    if pauses.kind(row) in (*pauses.DECIDED, pauses.ACCESS, pauses.OUTAGE):
        return f"{row.paused_reason} {STILL_WAIT}"
    if blacked_out(row):
        return f"Today is a blackout day in the calendar, so nothing is entered. {STILL_WAIT}"
    return ""


def replay(chosen: Sequence[Posting], *, actor: str) -> int:
    """Make these due now; says how many that moved. What is in Epicor is only verified again.

    Nothing happens to what is dismissed, removed, or being entered.
    """
    moved = 0
    for start in range(0, len(chosen), CHUNK):
        chunk = chosen[start : start + CHUNK]
        moved += lifecycle.replay(chunk, actor=actor)
        there = [p for p in chunk if p.in_epicor and not p.hold_reason]
        moved += lifecycle.request_recheck(there, message="A person asked for it.", actor=actor)
    return moved


def results(before: Sequence[Posting]) -> dict[str, str]:
    """What became of each after the run, by bill id, as the rest of a sentence about it."""
    pks = [posting.pk for posting in before]
    now: dict[int, Posting] = {}
    for start in range(0, len(pks), CHUNK):
        now |= {p.pk: p for p in Posting.objects.filter(pk__in=pks[start : start + CHUNK])}
    return {p.bill_id: _result(p, now[p.pk]) for p in before}


def forecasts(
    cycle: Cycle, chosen: Sequence[Posting]
) -> tuple[dict[str, str], Mapping[str, Posting]]:
    """What a replay would do to each, by bill id; and those that would wait. Changes nothing.

    Raises NotFoundError, AccessError, TransientError.
    """
    tried = [posting for posting in chosen if posting.state in (_State.QUEUED, _State.IN_DOUBT)]
    results = {p.bill_id: _untried(p) for p in chosen if p not in tried}
    waits = {p.bill_id: p for p in chosen if p not in tried and p.hold_reason}
    ready, held = rehearse(cycle, tried)
    for job in ready:
        draft = job.draft
        name = f"{draft.invoice_num} of {draft.vendor_id} in {draft.company}"
        total = format_money(draft.total, draft.currency_code)
        doubt = job.posting.state == _State.IN_DOUBT
        first = "would be looked up first, then " if doubt else "would be "
        results[job.posting.bill_id] = f"{first}entered as {name} for {total}"
    for posting, hold in held:
        results[posting.bill_id] = f"would wait again ({hold.reason.value}): {hold.message}"
        waits[posting.bill_id] = posting
    return {posting.bill_id: results[posting.bill_id] for posting in chosen}, waits


def _result(before: Posting, now: Posting) -> str:
    if now.hold_reason:
        return f"waits again ({now.hold_reason}): {now.hold_message}"
    if now.in_epicor:
        return _there(before, now)
    if now.state == _State.QUEUED:
        due = now.not_before
        return "is queued" if due is None else f"waits until {due:%Y-%m-%d %H:%M} UTC"
    return why_not(now, Action.REPLAY)


def _there(before: Posting, now: Posting) -> str:
    if before.in_epicor:
        late = now.not_before is not None
        again = "is verified again by the next sync" if late else "verified again"
        return f"is already in Epicor: {again}"
    return f"entered as {now.invoice_num} of vendor {now.vendor_num} in {now.company}"


def _untried(posting: Posting) -> str:
    if posting.in_epicor:
        return "is already in Epicor: would be verified again"
    return why_not(posting, Action.REPLAY)
