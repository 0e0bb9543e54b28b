"""What follows when Ramp shows a bill again that has a posting: changed, archived, or back.

Everything is decided from what is, not from what just happened: a step that was lost is made the
next time the bill is seen. `entered_hash` is the content a person or Epicor has settled; the hash
of a bill that is archived or rejected differs from the one it had before.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from connector.domain.bill import payer_of
from connector.domain.errors import Hold, Reason
from connector.ramp.bill_content import is_gone
from connector.ramp.bills import payments_of
from connector.sync.bills import payment_hold
from connector.sync.bills.ramp_status import gone_in_epicor, stopped

_State = Posting.State
_WITHOUT_DRAFT = "Who pays the bill is known in Ramp, and it was entered as it was found."
_Row = Mapping[str, Any]


def follow_up(
    rows: Sequence[_Row],
    known: Mapping[str, Posting],
    hashes: Mapping[str, str],
    *,
    pay_hold: bool,
) -> None:
    """Settle these bills' postings, as they were read before `seen_hash` was brought up to date.

    `pay_hold`: the tenant's setting for bills of which nobody knows who pays. Postings that
    somebody works on just now are left to them, and to the next look.
    """
    waiting: list[tuple[_Row, Posting]] = []
    entered: list[tuple[_Row, Posting]] = []
    for row in rows:
        posting = known[str(row["id"])]
        if posting.lease_owner:
            continue
        if posting.in_epicor:
            entered.append((row, posting))
        elif posting.state == _State.QUEUED:
            waiting.append((row, posting))
    _waiting(waiting, hashes)
    _entered(entered, hashes, pay_hold=pay_hold)


def _waiting(pairs: Sequence[tuple[_Row, Posting]], hashes: Mapping[str, str]) -> None:
    gone = [
        (posting, stop.hold)
        for row, posting in pairs
        if is_gone(row) and posting.hold_reason != Reason.ARCHIVED
        if (stop := stopped(row, ours=True)) is not None
    ]
    _hold(gone)
    lifecycle.requeue_changed(
        [
            posting
            for row, posting in pairs
            if not is_gone(row)
            and (posting.seen_hash != hashes[posting.bill_id] or _is_back(row, posting))
        ]
    )


def _entered(
    pairs: Sequence[tuple[_Row, Posting]], hashes: Mapping[str, str], *, pay_hold: bool
) -> None:
    gone, changed, paid = [], [], []
    for row, posting in pairs:
        now = hashes[posting.bill_id]
        if is_gone(row):
            if posting.entered_hash != now and posting.hold_reason != Reason.ARCHIVED:
                gone.append((posting, gone_in_epicor(row, posting.hold_message)))
        elif _needs_a_look(posting, now):
            changed.append(posting)
        elif payment_hold.is_news(posting, payer := payer_of(payments_of(row)), setting=pay_hold):
            paid.append((posting, payer))
    _hold(gone)
    noted = [posting for posting, _ in paid if posting.entered_as]
    lifecycle.request_recheck(
        noted, message="Who pays the bill changed in Ramp after it was entered."
    )
    for posting, payer in paid:
        if not posting.entered_as:
            lifecycle.request_recheck_for(posting, payer, message=_WITHOUT_DRAFT)
    lifecycle.request_recheck(changed, message="The bill was changed in Ramp after it was entered.")


def _needs_a_look(posting: Posting, now: str) -> bool:
    """Whether Epicor must be compared with the bill again.

    A difference that a hold shows already is not asked about at every sight, a new one is; and so
    is one that was changed back while a hold waits for it.
    """
    news = posting.seen_hash != now or posting.hold_reason in ("", Reason.ARCHIVED)
    if posting.entered_hash != now:
        return news
    return bool(posting.hold_reason) and (
        posting.seen_hash != now or posting.hold_reason == Reason.ARCHIVED
    )


def _is_back(row: _Row, posting: Posting) -> bool:
    """Whether a bill that was archived can be entered after all."""
    return posting.hold_reason == Reason.ARCHIVED and stopped(row, ours=True) is None


def _hold(pairs: Sequence[tuple[Posting, Hold]]) -> None:
    """Hold them at once; one that somebody has just taken does not keep the others from it."""
    try:
        lifecycle.hold_many(pairs)
    except lifecycle.LostLeaseError:
        for posting, hold in pairs:
            _hold_one(posting, hold)


def _hold_one(posting: Posting, hold: Hold) -> None:
    posting.refresh_from_db()
    if posting.lease_owner:
        return
    try:
        lifecycle.hold(posting, hold)
    except lifecycle.LostLeaseError:
        return  # taken meanwhile: whoever has it sees for himself, or the next look does
