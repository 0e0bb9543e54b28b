"""What the parts of one run's entering share: what is to be written, and what is under way."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from audit.ledger import lifecycle
from audit.ledger.duplicates import Asked
from audit.ledger.history import was_confirmed
from audit.ledger.models import Posting
from audit.transitions import due
from connector.sync.bills.lanes import Job, Todo
from connector.sync.bills.outcomes import Endings
from connector.sync.bills.prepare import Prepared
from connector.sync.bills.ramp_status import SYNCED
from connector.sync.context import Cycle
from connector.sync.models import Bill

_MOST_SYNCED = 500
Claim = Callable[..., list[Posting]]
CLAIMS: tuple[Claim, ...] = (
    lifecycle.claim_rechecks,
    lifecycle.claim_doubtful,
    lifecycle.claim,
)


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


READS: tuple[Claim, ...] = (
    lifecycle.claim_rechecks,
    lifecycle.claim_doubtful,
    claim_synced,
)
LOOKERS = 2  # threads besides the lanes, for look-ups
SAME_NUMBER = "Another bill of this vendor with this number is being entered."


@dataclass(slots=True)
class Board:
    """One run's entering. Everything happens in one thread; only requests are in the pools."""

    cycle: Cycle
    stop_at: float  # monotonic
    ids: Sequence[int] | None
    ends: Endings
    lane_pool: ThreadPoolExecutor
    look_pool: ThreadPoolExecutor
    jobs: dict[Future[Any], Job] = field(default_factory=dict)
    asked: dict[Future[Any], Any] = field(default_factory=dict)
    todo: list[Todo] = field(default_factory=list)
    unproven: list[Prepared] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    gave_way: set[str] = field(default_factory=set)
    only_look: bool = False  # a blackout day: nothing is written

    def claim_again(self) -> None:
        """Something is due that was not before."""
        self.claims = list(READS if self.only_look else CLAIMS)

    def stopping(self) -> bool:
        """Whether nothing new is to be begun."""
        return self.ends.stopped is not None or time.monotonic() >= self.stop_at

    def going(self) -> list[Asked]:
        """The bills that are about to be written by this run."""
        items = [*self.todo, *(job.item for job in self.jobs.values())]
        return [item.prepared.asked for item in items]

    def take_out(self, period: tuple[str, str]) -> list[Posting]:
        """The bills of a fiscal period that were to be written, and are not now."""
        taken = [item.prepared.posting for item in self.todo if item.period == period]
        self.todo = [item for item in self.todo if item.period != period]
        return taken

    def again(self, some: Sequence[Posting], why: str) -> None:
        """Back to the queue and due at once: what stood in their way is gone."""
        for posting in some:
            self.ends.again(posting, why)
        if not self.claims:
            self.claim_again()

    def give_way(self, posting: Posting) -> None:
        """Another bill is being sent under the same number: look once more, then a minute later."""
        first = posting.bill_id not in self.gave_way
        self.gave_way.add(posting.bill_id)
        if first:
            self.again([posting], SAME_NUMBER)
        else:
            self.ends.wait(posting, SAME_NUMBER)
