"""The last 30 days: what was entered on each, and how much of it went in by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.db.models import Case, Exists, IntegerField, OuterRef, Value, When
from django.utils import timezone

from audit.models import AuditEntry, Posting
from connector.models import Tenant
from connector.web.money import Pile, piles

DAYS = 30


@dataclass(frozen=True, slots=True)
class Month:
    """What was entered in the last 30 days, today included; oldest day first.

    `straight`: how many of `bills` no person ever had to look at: no hold was opened for them, from
    the day they were first seen until now.
    """

    days: list[tuple[date, Pile]]
    bills: int
    straight: int

    @property
    def rate(self) -> Decimal | None:
        """The share of bills that nobody had to touch, in percent; never rounded up to 100."""
        if not self.bills:
            return None
        share = Decimal(100 * self.straight) / self.bills
        return share.quantize(Decimal("0.1"), ROUND_DOWN)

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


def month(tenant: Tenant) -> Month:
    """The last 30 days in the zone that is active, in two queries."""
    days = last_days(timezone.localdate())
    entered = Posting.objects.filter(tenant=tenant, entered_at__gte=midnight(days[0]))
    # Compared with each day's end instead of cut to days: a day may have 23 or 25 hours.
    ends = [
        When(entered_at__lt=midnight(day + timedelta(days=1)), then=Value(place))
        for place, day in enumerate(days)
    ]
    last = Value(len(days) - 1)
    found = piles(entered, Case(*ends, default=last, output_field=IntegerField()))
    held = AuditEntry.objects.filter(
        tenant=tenant,
        subject_kind="posting",
        subject_id=OuterRef("bill_id"),
        action="posting.held",
    )
    # A moment is not asked about: SQLite would then look through the trail by time.
    touched = entered.filter(Exists(held)).count()
    bills = sum(pile.bills for pile in found.values())
    by_day = [(day, found.get(place, Pile())) for place, day in enumerate(days)]
    return Month(by_day, bills, max(0, bills - touched))


def last_days(today: date) -> list[date]:
    """The last 30 days, oldest first."""
    return [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]


def midnight(day: date) -> datetime:
    """When the day begins in the zone that is active."""
    return datetime.combine(day, time(), tzinfo=timezone.get_current_timezone())
