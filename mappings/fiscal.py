"""Fiscal periods as values: which one a day belongs to, and whether it takes an entry. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class PeriodState:
    """The period of a day: `label` such as 2026-11, and what speaks against an entry."""

    label: str
    closed: bool
    before_earliest: bool

    @property
    def open(self) -> bool:
        """Whether an entry on that day would be taken."""
        return not (self.closed or self.before_earliest)


@dataclass(frozen=True, slots=True)
class Period:
    """A fiscal period, first to last day, both inclusive."""

    label: str
    starts_on: date
    ends_on: date
    closed: bool


@dataclass(frozen=True, slots=True)
class PeriodTable:
    """The periods of some companies, earliest first, loaded once per slice of bills."""

    by_company: Mapping[str, tuple[Period, ...]] = field(default_factory=dict)
    earliest: Mapping[str, date] = field(default_factory=dict)

    def find(self, company: str, day: date) -> PeriodState | None:
        """The period of a day, None when the fiscal calendar has none.

        Where periods overlap (an adjusting period at year end) the one that starts first counts.
        """
        for period in self.by_company.get(company, ()):
            if period.starts_on <= day <= period.ends_on:
                earliest = self.earliest.get(company)
                early = earliest is not None and day < earliest
                return PeriodState(period.label, period.closed, early)
        return None

    def label(self, company: str, day: date) -> str:
        """The name of a day's period; its calendar month where the fiscal calendar has none."""
        state = self.find(company, day)
        return f"{day:%Y-%m}" if state is None else state.label

    def may_have_moved(self, company: str, wanted: date, there: date) -> bool:
        """Whether `next_open` can have answered `there` for `wanted`, now or when less was closed.

        Only where `wanted` itself takes nothing, and no open day lies between the two.
        """
        state = self.find(company, wanted)
        if there <= wanted or (state is not None and state.open):
            return False
        now = self.next_open(company, wanted)
        first = any(period.starts_on == there for period in self.by_company.get(company, ()))
        return there == now or (first and (now is None or there < now))

    def next_open(self, company: str, day: date) -> date | None:
        """The first day from `day` on that Epicor would take an entry for; None when unknown."""
        floor = max(day, self.earliest.get(company, day))
        for period in self.by_company.get(company, ()):
            candidate = max(period.starts_on, floor)
            state = self.find(company, candidate)
            if state is not None and state.open:
                return candidate
        return None
