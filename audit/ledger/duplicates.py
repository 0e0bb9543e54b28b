"""Other bills of ours that are probably the same invoice: one number, in whatever spelling.

Between our own bills the number decides, never the money alone: two bills of one vendor over the
same amount are two invoices as long as their numbers differ. The number counts within a company
and vendor of Epicor; across companies only with the same vendor of Ramp and the same money, since
one paper that was uploaded for two entities is paid twice.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from audit.ledger.models import IN_EPICOR, Posting
from audit.writes.attempts import LEFT_NOTHING, OPEN_OUTCOMES
from audit.writes.models import Attempt
from connector.domain.invoice_key import Key, number_key, same

_State = Posting.State
_WAITS = (_State.QUEUED, _State.IN_FLIGHT, _State.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class IncomingBill:
    """A bill about to be entered under this key."""

    posting: Posting
    key: Key


@dataclass(frozen=True, slots=True)
class Other:
    """Another bill that is, perhaps is, or is about to be in Epicor under this key."""

    posting: Posting
    key: Key

    @property
    def is_undecided(self) -> bool:
        """Whether a worker has it in hand, or looks it up, so that its end is known shortly."""
        looked_up = self.posting.state == _State.IN_DOUBT and not self.posting.hold_reason
        return looked_up or self.posting.state == _State.IN_FLIGHT


class OvertakenError(RuntimeError):
    """Another bill with the same number was sent meanwhile; nothing of this one was."""


def others(tenant_id: int, asked: Sequence[IncomingBill]) -> dict[str, list[Other]]:
    """What of other bills was sent or is entered under the number of one of these, by bill id.

    Only bills that have some. Two queries, however many bills.
    """
    known = _Known.of(tenant_id, {number_key(one.key[2]) for one in asked})
    found = {one.posting.bill_id: known.like(one) for one in asked}
    return {bill_id: some for bill_id, some in found.items() if some}


def check_alone(tenant_id: int, asked: IncomingBill) -> None:
    """Raises OvertakenError when another bill was sent or entered under this bill's number.

    For the moment in which the intent is written (`attempts.begin`): asked under the tenant's
    turn, so that of two that begin at the same time the second sees the first.
    """
    if others(tenant_id, [asked]):
        raise OvertakenError(f"Another bill has the number {asked.key[2]} by now.")


def among(asked: Sequence[IncomingBill], going: Sequence[IncomingBill]) -> dict[str, Other]:
    """Which of these bills wait for one before them, or for one that is `going` already.

    By bill id. The first one of each number goes on.
    """
    first: dict[str, list[IncomingBill]] = defaultdict(list)
    for one in going:
        first[number_key(one.key[2])].append(one)
    waits: dict[str, Other] = {}
    for one in asked:
        rivals = first[number_key(one.key[2])]
        before = next((r for r in rivals if _is_other(one, Other(r.posting, r.key))), None)
        if before is None:
            rivals.append(one)
        else:
            waits[one.posting.bill_id] = Other(before.posting, before.key)
    return waits


# -- inside ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """What is on the record under some numbers, by number."""

    by_number: Mapping[str, Sequence[Other]]

    @classmethod
    def of(cls, tenant_id: int, numbers: Collection[str]) -> "_Known":
        mine = Attempt.objects.filter(tenant_id=tenant_id, subject_kind="posting")
        rows = mine.filter(number_key__in=numbers).exclude(vendor_num=None)
        sent = list(rows.exclude(outcome__in=LEFT_NOTHING).defer("request", "answer", "coding"))
        entered = Q(number_key__in=numbers, state__in=IN_EPICOR)
        subjects = Q(bill_id__in={attempt.subject_id for attempt in sent})
        postings = {
            posting.bill_id: posting
            for posting in Posting.objects.filter(entered | subjects, tenant_id=tenant_id)
        }
        found: dict[str, dict[tuple[str, Key], Other]] = defaultdict(dict)
        for other in (*_entered(postings.values()), *_sent(sent, postings)):
            found[number_key(other.key[2])][other.posting.bill_id, same(other.key)] = other
        return cls({number: list(some.values()) for number, some in found.items()})

    def like(self, one: IncomingBill) -> list[Other]:
        found: dict[str, Other] = {}
        for other in self.by_number.get(number_key(one.key[2]), ()):
            # Of a bill under several keys the one is shown that Epicor would refuse.
            is_first = other.posting.bill_id not in found or same(other.key) == same(one.key)
            if is_first and _is_other(one, other):
                found[other.posting.bill_id] = other
        return list(found.values())


def _entered(postings: Iterable[Posting]) -> Iterable[Other]:
    for posting in postings:
        if posting.in_epicor and posting.vendor_num is not None:
            yield Other(posting, (posting.company, posting.vendor_num, posting.invoice_num))


def _sent(attempts: Iterable[Attempt], postings: Mapping[str, Posting]) -> Iterable[Other]:
    for attempt in attempts:
        posting = postings.get(attempt.subject_id)
        if posting is not None and _counts(attempt, posting):
            yield Other(posting, (attempt.company, attempt.vendor_num or 0, attempt.invoice_num))


def _counts(attempt: Attempt, posting: Posting) -> bool:
    """Whether what was sent may be in Epicor, or will be sent again."""
    if attempt.outcome in OPEN_OUTCOMES and not attempt.resolved:
        return True
    if posting.state not in _WAITS:
        return False  # it is entered as its record says, or taken out, or not wanted
    return attempt.outcome == Attempt.Outcome.DONE or attempt.number_key == posting.number_key


def _is_other(one: IncomingBill, other: Other) -> bool:
    """Whether `other`, which has the same number, is another bill and probably the same invoice."""
    mine, theirs = one.posting, other.posting
    if mine.bill_id == theirs.bill_id:
        return False
    if same(one.key) == same(other.key):
        return True  # Epicor takes it only once, whatever a person says
    if theirs.bill_id in mine.bills_cleared or mine.bill_id in theirs.bills_cleared:
        return False
    return one.key[:2] == other.key[:2] or _one_paper(mine, theirs)


def _one_paper(mine: Posting, theirs: Posting) -> bool:
    """The same vendor of Ramp and the same money, perhaps for another company."""
    if not mine.vendor_ramp_id or mine.amount is None:
        return False
    facts = (mine.vendor_ramp_id, mine.amount, mine.currency)
    return facts == (theirs.vendor_ramp_id, theirs.amount, theirs.currency)
