"""What an empty list of exceptions may say: that no money is at risk, or what stands against it."""

from dataclasses import dataclass

from django.db.models import Q

from audit.ledger.exceptions import Overview
from audit.ledger.models import Posting
from connector.jobs.models import Job
from connector.sync.bills.run import RUNS
from connector.tenants import pauses
from connector.tenants.models import Tenant
from connector.web.money import Pile, piles
from connector.web.sync_status import is_connected


@dataclass(frozen=True, slots=True)
class Empty:
    """Why nothing is listed. `stopped`: a person or a fault has stopped all entering."""

    connected: bool
    read: bool  # a sync came to its end, or a bill is known
    stopped: bool
    waiting: Pile  # to be entered by themselves
    doubt: Pile  # perhaps entered

    @property
    def calm(self) -> bool:
        """Whether it means that no money is at risk."""
        return self.read and not self.stopped and not self.doubt.bills


def empty_of(tenant: Tenant, found: Overview) -> Empty | None:
    """What is to be said; None while something is listed. A few queries."""
    if found.total.bills:
        return None
    states = Posting.State
    open_ones = Q(state__in=[states.QUEUED, states.IN_FLIGHT], hold_reason="")
    rows = Posting.objects.filter(open_ones | Q(state=states.IN_DOUBT), tenant=tenant)
    by_state = piles(rows, "state")
    waiting = Pile()
    for state in (states.QUEUED, states.IN_FLIGHT):
        waiting.join(by_state.get(state, Pile()))
    doubt = by_state.get(states.IN_DOUBT, Pile())
    ended = Job.objects.filter(tenant=tenant, kind__in=RUNS, state=Job.State.DONE)
    read = ended.exists() or Posting.objects.filter(tenant=tenant).exists()
    return Empty(read or is_connected(tenant), read, pauses.stops(tenant), waiting, doubt)
