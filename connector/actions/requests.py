"""Requesting replays and syncs, and how far what a person requested is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Case, Count, Q, Value, When
from django.utils import timezone

from audit.ledger.models import IN_EPICOR, Posting
from audit.ledger.sums import ExactSum, Money, sign
from audit.trail import log
from connector.actions.replay import CHUNK, replay
from connector.jobs import lease, queue
from connector.jobs.models import Job
from connector.jobs.registry import Done, job
from connector.sync.bills.run import enqueue_sync
from connector.tenants.models import Tenant

AT_ONCE = 200  # as many bills are replayed while the person waits for the page
REPLAY = "replay"
_State = Posting.State


def request_replay(
    tenant: Tenant, chosen: Sequence[Posting], title: str, *, actor: str, subject: str = ""
) -> Job:
    """Replay these bills and have them entered now; the job shows how far they are.

    Few are due at once, many are made due by a worker. Asking twice changes nothing.
    """
    ids = [posting.pk for posting in chosen]
    total = len(ids)
    if total > AT_ONCE:
        arguments = {"ids": ids}
        return queue.request(
            tenant,
            REPLAY,
            title=title,
            actor=actor,
            arguments=arguments,
            subject=subject,
            total=total,
        )[0]
    now = timezone.now()
    with transaction.atomic():
        replay(chosen, actor=actor)
        job = Job.objects.create(
            tenant=tenant,
            kind=REPLAY,
            title=title[:255],
            subject=subject,
            arguments={"ids": ids},
            actor=actor,
            created_at=now,
            run_at=now,
            finished_at=now,
            state=Job.State.DONE,
            code="made_due",
            data={"bills": total},
            total=total,
        )
        enqueue_sync(tenant, due_only=True)
    return job


@job(REPLAY)
def replay_many(job: Job, *, ids: Sequence[int]) -> Done:
    """Make many bills due, in chunks; how far they are is then read from their postings."""
    moved = 0
    for start in range(0, len(ids), CHUNK):
        chunk = Posting.objects.filter(tenant=job.tenant, pk__in=ids[start : start + CHUNK])
        moved += replay(list(chunk), actor=job.actor)
        lease.report(job, min(start + CHUNK, len(ids)))
    enqueue_sync(job.tenant, due_only=True)
    return Done("made_due", {"bills": moved})


@dataclass(slots=True)
class Progress:
    """How far the bills of a replay are; `money` is that of what is entered."""

    total: int = 0
    entered: int = 0
    held: int = 0
    waiting: int = 0
    left: int = 0  # dismissed or removed: nothing is done with them
    money: Money = field(default_factory=Money)

    @property
    def over_with(self) -> int:
        """How many are done, whatever came of them."""
        return self.total - self.waiting

    @property
    def over(self) -> bool:
        """Whether nothing moves any more."""
        return self.waiting == 0


def progress(job: Job) -> Progress:
    """How far the bills of a replay are, in one query."""
    ids = job.arguments.get("ids", [])
    found = Progress(total=len(ids))
    at_rest = Q(not_before=None) | Q(state=_State.DISMISSED)
    how = Case(
        When(~Q(hold_reason="") & Q(not_before=None), then=Value("held")),
        When(Q(hold_reason="") & at_rest, then=Value("calm")),
        default=Value("moving"),
    )
    rows = Posting.objects.filter(tenant_id=job.tenant_id, pk__in=ids).order_by()
    grouped = rows.values_list("state", how, "currency", sign("amount"))
    counted = grouped.annotate(Count("pk"), ExactSum("amount"))
    for state, is_so, currency, _, bills, money in counted:
        if is_so == "held":
            found.held += bills
        elif state in (_State.DISMISSED, _State.REMOVED):
            found.left += bills
        elif state in IN_EPICOR and is_so == "calm":
            found.entered += bills
            found.money.add(bills, currency, money)
        else:
            found.waiting += bills
    return found


def request_sync(tenant: Tenant, *, actor: str) -> bool:
    """Have a whole cycle done now; False when one was under way already: another one follows it."""
    with transaction.atomic():
        new = enqueue_sync(tenant)
        body = {"follows_another": not new}
        who: dict[str, Any] = {"subject_kind": "tenant", "subject_id": tenant.slug, "actor": actor}
        log.record(tenant.pk, "tenant.sync_asked", body=body, **who)
    return new


def open_jobs(tenant: Tenant, *, actor: str) -> int:
    """How many of this person's jobs a worker has not done yet; for every page, so it is cheap.

    How far the bills of a replay are is not asked.
    """
    return Job.objects.filter(tenant=tenant, actor=actor, state=Job.State.OPEN).count()


def recent(tenant: Tenant, *, actor: str, most: int = 20) -> list[Job]:
    """What this person requested lately, newest first, without what it carries."""
    found = Job.objects.filter(tenant=tenant, actor=actor).defer("arguments", "cursor", "details")
    return list(found[:most])
