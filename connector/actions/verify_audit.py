"""Verifying the audit chain because a person asked for it: minutes for millions of entries."""

import time

from audit.trail import chain
from audit.trail.models import Chain
from audit.trail.verification import verify as check
from connector.jobs import lease
from connector.jobs.models import Job
from connector.jobs.queue import JOB_TIMEOUT_S
from connector.jobs.registry import Done, JobError, job
from connector.tenants.models import Tenant

KIND = "verify_audit"
_MOST_S = JOB_TIMEOUT_S - 30  # the queue ends a job at JOB_TIMEOUT_S without a word


@job(KIND, title="Verify the audit chain")
def verify(job: Job) -> Done:
    """Recompute the chain, keep the result, and put it on the record.

    Raises JobError when the chain does not fit, or when it is too long.
    """
    tenant = job.tenant
    total = sealed(tenant)
    lease.report(job, 0, total)
    ends = time.monotonic() + _MOST_S

    def report(done: int) -> None:
        if time.monotonic() > ends:
            raise JobError("chain_too_long", done=done, total=total, slug=tenant.slug)
        lease.report(job, min(done, total))

    found = check(tenant.pk, report)
    job.done = total
    chain.record(tenant.pk, tenant.slug, found, actor=job.actor)
    data = {"entries": found.entries, "ok": found.ok, "first_bad": found.first_bad}
    if not found.ok:
        raise JobError("chain_broken", **data, message=found.message)
    return Done("chain_fits", {**data, "unsealed": found.unsealed})


def sealed(tenant: Tenant) -> int:
    """How many entries there are to verify."""
    row = Chain.objects.filter(tenant=tenant).values_list("last_seq", flat=True).first()
    return row or 0
