"""Asking for an errand, and how far one is. The work itself is in work.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Case, Count, Q, Value, When
from django.utils import timezone

from audit.ledger.models import IN_EPICOR, Posting
from audit.ledger.sums import ExactSum, Money, sign
from audit.trail import log
from connector.actions.replay import replay
from connector.jobs import run_lease
from connector.jobs.models import Errand
from connector.sync.scheduling import ring_errand, ring_tenant
from connector.tenants.models import Tenant


class ErrandError(ValueError):
    """What was asked for cannot be done; the message is a sentence for the person who asked."""


AT_ONCE = 200  # as many bills are replayed while the person waits for the page
REPLAY = "replay"
_State = Posting.State


def ask(
    tenant: Tenant,
    kind: str,
    title: str,
    *,
    actor: str,
    arguments: Mapping[str, Any] | None = None,
    subject: str = "",
    total: int = 0,
) -> Errand:
    """Note what a person wants and ring a worker for it. `kind`: a key of work.WORK."""
    now = timezone.now()
    with transaction.atomic():
        errand = Errand.objects.create(
            tenant=tenant,
            kind=kind,
            title=title[:255],
            subject=subject,
            arguments=dict(arguments or {}),
            actor=actor,
            asked_at=now,
            rung_at=now,
            total=total,
        )
        ring_errand(errand)
    return errand


def ask_replay(
    tenant: Tenant, chosen: Sequence[Posting], title: str, *, actor: str, subject: str = ""
) -> Errand:
    """Replay these bills and have them entered now; the errand shows how far they are.

    Few are due at once, many are made due by a worker. Asking twice changes nothing.
    """
    ids = [posting.pk for posting in chosen]
    arguments = {"ids": ids}
    if len(ids) > AT_ONCE:
        return ask(
            tenant, REPLAY, title, actor=actor, arguments=arguments, subject=subject, total=len(ids)
        )
    now = timezone.now()
    with transaction.atomic():
        replay(chosen, actor=actor)
        errand = Errand.objects.create(
            tenant=tenant,
            kind=REPLAY,
            title=title[:255],
            subject=subject,
            arguments=arguments,
            actor=actor,
            asked_at=now,
            rung_at=now,
            finished_at=now,
            total=len(ids),
        )
        ring_tenant(tenant, due_only=True)
    return errand


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


def progress(errand: Errand) -> Progress:
    """How far the bills of a replay are, in one query."""
    ids = errand.arguments.get("ids", [])
    found = Progress(total=len(ids))
    at_rest = Q(not_before=None) | Q(state=_State.DISMISSED)
    how = Case(
        When(~Q(hold_reason="") & Q(not_before=None), then=Value("held")),
        When(Q(hold_reason="") & at_rest, then=Value("calm")),
        default=Value("moving"),
    )
    rows = Posting.objects.filter(tenant_id=errand.tenant_id, pk__in=ids).order_by()
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


def ask_sync(tenant: Tenant, *, actor: str) -> bool:
    """Have a whole cycle done now; False when one was under way already: another one follows it."""
    with transaction.atomic():
        new = run_lease.unfinished(tenant) is None
        ring_tenant(tenant)
        body = {"follows_another": not new}
        who: dict[str, Any] = {"subject_kind": "tenant", "subject_id": tenant.slug, "actor": actor}
        log.record(tenant.pk, "tenant.sync_asked", body=body, **who)
    return new


def open_errands(tenant: Tenant, *, actor: str) -> int:
    """How many of this person's errands a worker has not done yet; for every page, so it is cheap.

    How far the bills of a replay are is not asked.
    """
    return Errand.objects.filter(tenant=tenant, actor=actor, finished_at=None).count()


def recent(tenant: Tenant, *, actor: str, most: int = 20) -> list[Errand]:
    """What this person asked for lately, newest first, without what it carries."""
    found = Errand.objects.filter(tenant=tenant, actor=actor).defer("arguments", "result")
    return list(found[:most])
