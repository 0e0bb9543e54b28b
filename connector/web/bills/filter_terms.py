"""What single filters mean in the database: how a text begins, a fiscal period, a day."""

import re
from datetime import date, datetime, time, timedelta

from django import forms
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from connector.tenants.models import Tenant
from mappings.models import EpicorPeriod

_LAST = "\U0010ffff"
_MONTH = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})")


def begins(column: str, text: str) -> Q:
    """Rows whose text begins like this, found by the column's index on both databases.

    As typed, and with small, capital or title letters: "acme" finds Acme and ACME.
    """
    match = Q()
    for spelling in sorted({text, text.lower(), text.upper(), text.capitalize(), text.title()}):
        if connection.vendor == "sqlite":
            # LIKE would read every row there; the order of the bytes is that of the index.
            match |= Q(**{f"{column}__gte": spelling, f"{column}__lt": spelling + _LAST})
        else:
            match |= Q(**{f"{column}__startswith": spelling})
    return match


class Periods:
    """The days of fiscal periods by their label; a month where Epicor's periods are not known."""

    def __init__(self, tenant: Tenant) -> None:
        self._by_label: dict[str, dict[str, tuple[date, date]]] = {}
        self.companies: set[str] = set()
        rows = EpicorPeriod.objects.filter(tenant=tenant).order_by("-starts_on", "-period")
        names = ("company", "fiscal_year", "year_suffix", "period", "starts_on", "ends_on")
        for company, year, suffix, number, first, last in rows.values_list(*names):
            spans = self._by_label.setdefault(f"{year}{suffix}-{number:02d}", {})
            spans[company] = (first, last)
            self.companies.add(company)

    @property
    def labels(self) -> list[str]:
        """Every period there is, newest first."""
        return list(self._by_label)

    def spans(self, label: str) -> dict[str, tuple[date, date]]:
        """First and last day by company; {} for what is neither a period nor a month."""
        if label in self._by_label:
            return self._by_label[label]
        match = _MONTH.fullmatch(label)
        if self._by_label or match is None:
            return {}
        year, month = int(match["year"]), int(match["month"])
        if not (1 <= month <= 12 and 1 <= year < 9999):
            return {}
        first = date(year, month, 1)
        following = date(year + month // 12, month % 12 + 1, 1)
        return {"": (first, following - timedelta(days=1))}

    def check(self, label: str) -> None:
        """Raises ValidationError for what is neither a fiscal period nor a month."""
        if not self.spans(label):
            raise forms.ValidationError(
                "There is no such period. Write it like 2026-11 (year and number of the period)."
            )


_FIRST_DAY, _LAST_DAY = date(1, 1, 2), date(9999, 12, 30)


def midnight(day: date) -> datetime:
    """When a day begins in the zone of the page; a day at an end of the calendar is clipped."""
    inside = min(max(day, _FIRST_DAY), _LAST_DAY)  # UTC must be able to name the moment, too
    return timezone.make_aware(datetime.combine(inside, time()))
