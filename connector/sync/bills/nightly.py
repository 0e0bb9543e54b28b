"""The nightly proof: a job in short steps, until all that was entered is read back.

Its subject is the day, in the tenant's zone; only at its end is that day proven.
"""

import logging
from datetime import date, datetime, timedelta

from connector.domain.errors import PostingError
from connector.jobs import queue
from connector.jobs.models import Job
from connector.jobs.registry import Continue, Done, job
from connector.sync.bills.verify import prove, record
from connector.sync.bills.verify_result import Place
from connector.sync.clock import DIFFER
from connector.tenants import pauses
from connector.tenants.models import Tenant

NIGHTLY = "reprove"
DAYS = 35
AGAIN = timedelta(minutes=10)  # after trouble
RECENT = timedelta(days=2)
logger = logging.getLogger(__name__)


def enqueue_proof(tenant: Tenant, day: date, now: datetime) -> bool:
    """Have the day proven unless it is, or is being proven; says whether that began now."""
    rows = Job.objects.filter(tenant=tenant, kind=NIGHTLY, subject=day.isoformat())
    failed = rows.filter(state=Job.State.FAILED, finished_at__gt=now - AGAIN)
    # Not one that a clock ahead of the time has done for a day that comes only now.
    done = rows.filter(state=Job.State.DONE, finished_at__range=(now - RECENT, now + DIFFER))
    if done.exists() or failed.exists():
        return False
    return queue.request(tenant, NIGHTLY, subject=day.isoformat(), key=NIGHTLY)[1]


@job(NIGHTLY, title="Nightly proof")
def prove_day(job: Job) -> Done | Continue:
    """Read invoices back until the time is over; after trouble it goes on in ten minutes."""
    tenant = job.tenant
    if pauses.stops(tenant):
        return Continue(job.cursor, wait=AGAIN)
    place = Place.restored(job.cursor) if job.cursor else Place(job.created_at - timedelta(DAYS))
    try:
        more = prove(tenant, place, stop_at=job.stop_at)
    except PostingError as error:
        logger.warning("The proof of %s stopped: %s", tenant.slug, error.message)
        return Continue(place.stored(), wait=AGAIN)
    if more:
        return Continue(place.stored())
    proof = place.proof
    counts = {"proven": proof.proven, "drifted": len(proof.drifted)}
    return Done("proven", counts, commit=lambda: record(tenant, proof, DAYS))
