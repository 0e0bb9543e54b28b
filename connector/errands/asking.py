"""Asking for an errand, and how far one is. The work itself is in work.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils import timezone

from audit.models import IN_EPICOR, Posting
from connector.models import Errand, Tenant
from connector.ringing import ring_errand, ring_tenant
from connector.sync.replay import replay

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
    """How far the bills of a replay are; money in major units per currency."""

    total: int = 0
    entered: int = 0
    held: int = 0
    waiting: int = 0
    left: int = 0  # dismissed or removed: nothing is done with them
    sums: dict[str, Decimal] = field(default_factory=dict)  # of what is entered

    @property
    def over(self) -> bool:
        """Whether nothing moves any more."""
        return self.waiting == 0


def progress(errand: Errand) -> Progress:
    """How far the bills of a replay are, in one query."""
    ids = errand.arguments.get("ids", [])
    found = Progress(total=len(ids))
    calm = Q(hold_reason="") & (Q(not_before=None) | Q(state__in=[_State.DISMISSED]))
    rows = (
        Posting.objects.filter(tenant_id=errand.tenant_id, pk__in=ids)
        .order_by()
        .values_list("state", "currency")
        .annotate(
            bills=Count("pk"),
            held=Count("pk", filter=~Q(hold_reason="") & Q(not_before=None)),
            calm=Count("pk", filter=calm),
            money=Sum("amount", filter=calm),
        )
    )
    for state, currency, bills, held, at_rest, money in rows:
        found.held += held
        if state in IN_EPICOR:
            found.entered += at_rest
            found.waiting += bills - held - at_rest
            if money is not None:
                found.sums[currency] = found.sums.get(currency, Decimal(0)) + money
        elif state in (_State.DISMISSED, _State.REMOVED):
            found.left += bills - held
        else:
            found.waiting += bills - held
    return found


def recent(tenant: Tenant, *, actor: str, most: int = 20) -> list[Errand]:
    """What this person asked for lately, newest first."""
    return list(Errand.objects.filter(tenant=tenant, actor=actor)[:most])
