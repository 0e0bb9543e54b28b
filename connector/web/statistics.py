"""The last 30 days: what was entered on each, and how much of what was seen went in by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Value, When
from django.utils import timezone

from audit.ledger.models import IN_EPICOR, Posting
from audit.trail.models import AuditEntry
from connector.tenants.models import Tenant
from connector.web.money import Pile, pile_of, piles

DAYS = 30
_SETTLED = (Posting.State.REMOVED, Posting.State.DISMISSED)


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of the bills that were first seen ready in those days; together they are all.

    `straight`: in Epicor, and no hold was ever opened for them, so that no person had to look.
    """

    straight: int = 0
    looked_at: int = 0  # in Epicor, after a person had to look or with something to be corrected
    waiting: int = 0  # for a person, and not in Epicor
    settled: int = 0  # dismissed, or removed from Epicor
    moving: int = 0  # going in by themselves just now

    @property
    def bills(self) -> int:
        """All of them."""
        return self.straight + self.looked_at + self.waiting + self.settled + self.moving

    @property
    def known(self) -> int:
        """Those of which it is known whether a person was needed: all that are not on the way."""
        return self.bills - self.moving

    @property
    def rate(self) -> Decimal | None:
        """The share that nobody had to touch, of those, in percent; never rounded up to 100."""
        if not self.known:
            return None
        share = Decimal(100 * self.straight) / self.known
        return share.quantize(Decimal("0.1"), ROUND_DOWN)


@dataclass(frozen=True, slots=True)
class Statistics:
    """The last 30 days, today included, oldest day first: what was entered, and what was seen."""

    days: list[tuple[date, Pile]]
    total: Pile
    seen: Seen

    @property
    def entered(self) -> list[tuple[date, Pile]]:
        """The days on which something was entered, newest first."""
        return [(day, pile) for day, pile in reversed(self.days) if pile.bills]

    @property
    def series(self) -> Mapping[str, Any]:
        """The bars of the chart."""
        labels = [f"{day:%b} {day.day}" for day, _ in self.days]
        values = [pile.bills for _, pile in self.days]
        return {"labels": labels, "series": [{"name": "Bills entered", "values": values}]}


def last_30_days(tenant: Tenant) -> Statistics:
    """The last 30 days in the zone that is active, in four queries."""
    days = last_days(timezone.localdate())
    entered = Posting.objects.filter(tenant=tenant, entered_at__gte=midnight(days[0]))
    # Compared with each day's end instead of cut to days: a day may have 23 or 25 hours.
    ends = [
        When(entered_at__lt=midnight(day + timedelta(days=1)), then=Value(place))
        for place, day in enumerate(days)
    ]
    last = Value(len(days) - 1)
    found = piles(entered, Case(*ends, default=last, output_field=IntegerField()))
    by_day = [(day, found.get(place, Pile())) for place, day in enumerate(days)]
    return Statistics(by_day, pile_of(entered), seen(tenant, midnight(days[0])))


def seen(tenant: Tenant, since: datetime) -> Seen:
    """What became of the bills that were first seen ready since then, in two queries."""
    opened = Posting.objects.filter(tenant=tenant, created_at__gte=since)
    place = Case(
        When(state__in=IN_EPICOR, then=Value("entered")),
        When(state__in=_SETTLED, then=Value("settled")),
        When(hold_reason__gt="", then=Value("waiting")),
        default=Value("moving"),
    )
    counts = dict(opened.order_by().values_list(place).annotate(Count("pk")))
    held = AuditEntry.objects.filter(
        tenant=tenant,
        subject_kind="posting",
        subject_id=OuterRef("bill_id"),
        action="posting.held",
    )
    # A moment is not asked about: SQLite would then look through the trail by time.
    touched = opened.filter(Exists(held), state__in=IN_EPICOR).count()
    entered = counts.pop("entered", 0)
    looked_at = min(touched, entered)  # one may have gone in between the two queries
    return Seen(entered - looked_at, looked_at, **counts)


def last_days(today: date) -> list[date]:
    """The last 30 days, oldest first."""
    return [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]


def midnight(day: date) -> datetime:
    """When the day begins in the zone that is active."""
    return datetime.combine(day, time(), tzinfo=timezone.get_current_timezone())
