"""Verifying the audit chain because a person asked for it: minutes for millions of entries."""

import time
from typing import TYPE_CHECKING

from audit.trail import chain
from audit.trail.models import Chain
from audit.trail.verification import verify as check
from connector.actions.requests import ErrandError
from connector.jobs.models import Errand
from connector.sync.scheduling import RUN_TIMEOUT_S
from connector.tenants.models import Tenant

if TYPE_CHECKING:
    from connector.actions.runner import Report

KIND = "verify"
_MOST_S = RUN_TIMEOUT_S - 30  # the queue ends a job at RUN_TIMEOUT_S without a word


def verify(errand: Errand, report: "Report") -> str:
    """Recompute the chain, keep the result, and put it on the record.

    Raises ErrandError with a sentence when the chain does not fit, or when it is too long.
    """
    tenant = errand.tenant
    total = sealed(tenant)
    report.at(0, total)
    ends = time.monotonic() + _MOST_S

    def tell(done: int) -> None:
        if time.monotonic() > ends:
            raise ErrandError(_TOO_LONG.format(done=done, total=total, slug=tenant.slug))
        report.at(min(done, total))

    found = check(tenant.pk, tell)
    report.at(total, total)
    chain.record(tenant.pk, tenant.slug, found, actor=errand.actor)
    report.keep({"entries": found.entries, "ok": found.ok, "first_bad": found.first_bad})
    if not found.ok:
        raise ErrandError(f"The audit chain does not fit. {found.message} {_WHAT_NOW}")
    waiting = f" {found.unsealed:,} of them wait to be sealed." if found.unsealed else ""
    return f"The audit chain fits: {found.entries:,} entries.{waiting}"


def sealed(tenant: Tenant) -> int:
    """How many entries there are to verify."""
    row = Chain.objects.filter(tenant=tenant).values_list("last_seq", flat=True).first()
    return row or 0


_WHAT_NOW = (
    "Restore the database from a backup and compare, and find out who could change it; no bill is "
    "affected by this check."
)
_TOO_LONG = (
    "{done:,} of {total:,} entries fit so far, but the rest takes longer than a worker may work "
    "on one thing. Nothing is wrong. Have the command `verify_audit {slug}` run on the server."
)
