"""What a run has in hand of the bills that are due: to be claimed, to be entered, being entered."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.duplicates import IncomingBill
from audit.ledger.history import was_confirmed
from audit.ledger.models import Posting
from audit.transitions import due
from connector.epicor.ap_invoice.rows import SavedInvoice
from connector.sync.bills.invoice_groups import Groups
from connector.sync.bills.outcomes import Outcomes
from connector.sync.bills.prepare import Prepared
from connector.sync.bills.ramp_status import SYNCED
from connector.sync.context import Cycle
from connector.sync.models import Bill, InvoiceGroup
from mappings.fiscal import PeriodTable

LEASE_S = 300.0  # of a claimed posting; a living run renews it (Outcomes.keep)
SLICE = 50  # bills that are looked up together
CROWDED = 8
SAME_NUMBER = "Another bill of this vendor with this number is being entered."
_AHEAD_S = 1.5  # so long before the end nothing new is claimed
_MOST_SYNCED = 500

Claim = Callable[..., list[Posting]]
Place = tuple[str, str]  # company and group


def claim_synced(tenant_id: int, *, ids: Sequence[int] | None = None, **how: Any) -> list[Posting]:
    """Claims what is due and Ramp has as synced: perhaps ours, so that it is looked up first.

    Not what we told Ramp ourselves: it was removed since and is to be entered anew.
    """
    bills = Bill.objects.filter(tenant_id=tenant_id, payload__sync_status__in=SYNCED)
    waiting = Posting.objects.filter(
        due(how["now"]),
        ~was_confirmed(),
        tenant_id=tenant_id,
        state=Posting.State.QUEUED,
        hold_reason="",
        bill_id__in=bills.values("bill_id"),
    )
    if ids is not None:
        waiting = waiting.filter(pk__in=ids)
    some = list(waiting.order_by("pk").values_list("pk", flat=True)[:_MOST_SYNCED])
    return lifecycle.claim(tenant_id, ids=some, **how)


CLAIMS: tuple[Claim, ...] = (lifecycle.claim_rechecks, lifecycle.claim_doubtful, lifecycle.claim)
READS: tuple[Claim, ...] = (lifecycle.claim_rechecks, lifecycle.claim_doubtful, claim_synced)


@dataclass(slots=True, eq=False)
class ToEnter:
    """A bill to be entered, or to be completed or changed when something of it is there (`saved`).

    `period` is the company and fiscal period; `group` is the one it has while it is written.
    """

    prepared: Prepared
    saved: SavedInvoice | None
    period: tuple[str, str]
    group: InvoiceGroup | None = None

    @property
    def posting(self) -> Posting:
        """The bill's posting."""
        return self.prepared.posting

    @property
    def company(self) -> str:
        """The Epicor company."""
        return self.period[0]

    @property
    def place(self) -> Place | None:
        """The group that is written into, or that the invoice lies in; None while there is none."""
        if self.group is not None:
            return self.group.company, self.group.group_id
        return (self.company, self.saved.group_id) if self.saved is not None else None

    @classmethod
    def of(cls, prepared: Prepared, saved: SavedInvoice | None, table: PeriodTable) -> "ToEnter":
        """With the period that its group is for."""
        draft = prepared.draft
        return cls(prepared, saved, (draft.company, table.label(draft.company, draft.apply_date)))


def next_to_enter(
    waiting: Sequence[ToEnter], busy: Counter[tuple[str, str]], shut: Collection[Place | None]
) -> ToEnter | None:
    """The bill that a free lane takes: one whose period no lane works on, or of a crowded period.

    What lies in a group that a lane writes into (`shut`) waits: writes in one group are serial.

    Opening another group costs two calls and a name, so a second lane joins a period only when
    enough bills of it wait.
    """
    counted: Counter[tuple[str, str]] = Counter()
    for item in waiting:
        if item.place is not None and item.place in shut:
            continue
        counted[item.period] += 1
        if counted[item.period] > CROWDED * busy[item.period]:
            return item
    return None


@dataclass(slots=True)
class Due:
    """One run's bills that are due. With `only_look` (a blackout day) nothing is written."""

    cycle: Cycle
    stop_at: float  # monotonic
    ids: Sequence[int] | None
    outcomes: Outcomes
    groups: Groups
    only_look: bool = False
    to_enter: list[ToEnter] = field(default_factory=list)
    under_way: list[ToEnter] = field(default_factory=list)
    unproven: list[Prepared] = field(default_factory=list)  # saved, and its totals not seen yet
    claims: list[Claim] = field(default_factory=list)
    looking: bool = False  # a slice is being looked up
    seats_short: int = 0  # refusals in a row because no licence was free
    gave_way: set[str] = field(default_factory=set)  # bill ids, as in the next two
    looked_once_more: set[str] = field(default_factory=set)
    accepted_meanwhile: set[str] = field(default_factory=set)
    _claimed: bool = False

    def claim_again(self) -> None:
        """Something is due that was not before."""
        self.claims = list(READS if self.only_look else CLAIMS)

    def claim(self) -> list[Posting]:
        """Claim the next slice; near the end of the time only when there was none before."""
        early = time.monotonic() >= self.stop_at - _AHEAD_S
        while self.claims and not self.stopping() and not (early and self._claimed):
            slice_ = self.claims[0](
                self.cycle.tenant.pk,
                owner=self.cycle.owner,
                limit=SLICE,
                lease_s=LEASE_S,
                now=timezone.now(),
                ids=self.ids,
            )
            if slice_:
                self._claimed = True
                return slice_
            self.claims.pop(0)
        return []

    def stopping(self) -> bool:
        """Whether nothing new is to be begun."""
        return self.outcomes.stopped is not None or time.monotonic() >= self.stop_at

    def take(self) -> ToEnter | None:
        """Take the next bill for a free lane. A few more than lanes are under way, so that a lane
        that is done finds the next request waiting for it."""
        lanes = self.cycle.lanes
        if self.only_look or self.stopping() or len(self.under_way) >= lanes + lanes // 2:
            return None
        busy = Counter(item.period for item in self.under_way)
        item = next_to_enter(self.to_enter, busy, {item.place for item in self.under_way})
        if item is not None:
            self.to_enter.remove(item)
            self.under_way.append(item)
        return item

    def take_group(self, item: ToEnter) -> InvoiceGroup | None:
        """Take the group that a bill is written into; None when it lies in one that is not ours.

        Raises NoGroupError, and what asking Epicor raises.
        """
        if item.place is not None:
            item.group = self.groups.borrow(*item.place)
        else:
            item.group = self.groups.take(*item.period)
        return item.group

    def end(self, item: ToEnter) -> None:
        """It is not under way any more, and another lane may write into its group."""
        self.under_way.remove(item)
        group, item.group = item.group, None
        if group is not None:
            self.groups.give_back(group)

    def must_prove(self) -> bool:
        """Whether to read back what was saved and not shown: a slice, or at last all of it."""
        if self.looking or not self.unproven or self.outcomes.stopped is not None:
            return False
        return len(self.unproven) >= SLICE or not (self.under_way or self.to_enter)

    def in_hand(self) -> list[IncomingBill]:
        """The bills that this run is about to write, or writes."""
        return [item.prepared.incoming for item in (*self.to_enter, *self.under_way)]

    def take_out(self, period: tuple[str, str]) -> list[Posting]:
        """The bills of a fiscal period that were to be entered, and are not now."""
        taken = [item.posting for item in self.to_enter if item.period == period]
        self.to_enter = [item for item in self.to_enter if item.period != period]
        return taken

    def again(self, some: Sequence[Posting], why: str) -> None:
        """Back to the queue and due at once: what stood in their way is gone."""
        for posting in some:
            self.outcomes.again(posting, why)
        if not self.claims:
            self.claim_again()

    def give_way(self, posting: Posting) -> None:
        """Another bill is being sent under the same number: look once more, then a minute later."""
        first = posting.bill_id not in self.gave_way
        self.gave_way.add(posting.bill_id)
        if first:
            self.again([posting], SAME_NUMBER)
        else:
            self.outcomes.wait(posting, SAME_NUMBER)
