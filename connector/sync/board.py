"""What the parts of one run's entering share: what is to be written, and what is under way."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from audit import postings
from audit.duplicates import Asked
from audit.models import Posting
from connector.sync.context import Cycle
from connector.sync.endings import Endings
from connector.sync.lanes import Job, Todo
from connector.sync.prepare import Prepared

Claim = Callable[..., list[Posting]]
CLAIMS: tuple[Claim, ...] = (
    postings.claim_rechecks,
    postings.claim_doubtful,
    postings.claim,
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
    claims: list[Claim] = field(default_factory=lambda: list(CLAIMS))
    gave_way: set[str] = field(default_factory=set)

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
        self.claims = self.claims or list(CLAIMS)

    def give_way(self, posting: Posting) -> None:
        """Another bill is being sent under the same number: look once more, then a minute later."""
        first = posting.bill_id not in self.gave_way
        self.gave_way.add(posting.bill_id)
        if first:
            self.again([posting], SAME_NUMBER)
        else:
            self.ends.wait(posting, SAME_NUMBER)
