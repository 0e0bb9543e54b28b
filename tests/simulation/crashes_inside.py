"""What the crash matrix asks of its children: set a tenant up, run it, say how things stand."""

from typing import Any

from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from audit.ledger.models import Posting
from audit.trail import log
from audit.trail.verification import verify
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.http_client.models import AccessToken
from connector.jobs import schedule
from connector.jobs.models import Job
from connector.management import demo_data
from connector.sync.bills.run import enqueue_sync, run_cycle
from connector.sync.models import InvoiceGroup
from connector.tenants.models import Tenant
from sandbox.world import World

MOST_TASKS = 100


def set_up(seed: int, bills: int, ramp_url: str, epicor_url: str) -> str:
    """The demo tenant of this world with its mappings and catalogs; returns its slug."""
    tenant = demo_data.install(World(seed, bills), ramp_url, epicor_url)
    run_cycle(tenant, kinds=frozenset({"accounts", "vendors"}))
    return tenant.slug


def work(slug: str) -> list[dict[str, Any]]:
    """A run is requested, a minute's tick comes, and a worker does all that was asked for.

    Returns the postings after it. A task is taken off the queue when it is done, as the broker
    does, so that what a killed worker had begun comes once more.
    """
    tenant = Tenant.objects.get(slug=slug)
    enqueue_sync(tenant)
    schedule.tick()
    for _ in range(MOST_TASKS):
        task = OrmQ.objects.order_by("id").first()
        if task is None:
            return _postings(tenant)
        asked = SignedPackage.loads(task.payload)
        import_string(asked["func"])(*asked["args"], **asked["kwargs"])
        task.delete()
    raise AssertionError("The queue never gets empty.")


def facts(slug: str) -> dict[str, Any]:
    """How things stand in our database."""
    tenant = Tenant.objects.get(slug=slug)
    now = timezone.now()
    log.seal(tenant.pk)
    open_ones = Attempt.objects.filter(attempts.OPEN, tenant=tenant)
    leased = InvoiceGroup.objects.filter(tenant=tenant, lease_until__gt=now)
    tokens = AccessToken.objects.filter(tenant=tenant, lease_until__gt=now)
    return {
        "postings": _postings(tenant),
        "paused": tenant.paused_reason,
        "leases": [str(row) for row in (*leased, *tokens)],
        "doubts": [row.action for row in open_ones if row.subject_kind == "posting"],
        "loose": [
            *(row.action for row in open_ones if row.subject_kind != "posting"),
            *(f"run {row.pk}" for row in Job.objects.filter(tenant=tenant, state="open")),
        ],
        "broken": "" if verify(tenant.pk).ok else "the chain of the record",
    }


def _postings(tenant: Tenant) -> list[dict[str, Any]]:
    now = timezone.now()
    return [
        {
            "bill": row.bill_id,
            "state": row.state,
            "hold": row.hold_reason,
            "message": row.hold_message,
            "owner": row.lease_owner,
            "waits_s": max(0.0, (row.not_before - now).total_seconds() if row.not_before else 0),
        }
        for row in Posting.objects.filter(tenant=tenant)
    ]
