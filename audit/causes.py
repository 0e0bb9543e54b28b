"""What waits for a person, grouped by cause in the database: how many bills, how much, how urgent.

A constant number of queries, however many bills wait. The sums are exact and per currency. The
biggest risk comes first: what is overdue, then the most money.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, Exists, Max, Min, OuterRef, Q, QuerySet, Value, When

from audit.failures import NEXT_STEP, Reason
from audit.models import Blocker, Posting
from audit.sums import ExactSum

Key = tuple[str, str, str, str]  # reason, kind, ramp_id, company
_MEASURES = ("bills", "total", "overdue", "earliest")


def name_of(key: Key) -> str:
    """A short name that is the same for the same cause, for addresses and pages."""
    return hashlib.sha256("\x1f".join(key).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the waiting bills: by reason, by who looks after them, of one Epicor company.

    `assignee`: None = whoever, "" = nobody. `company` with the Ramp `entities` that go there.
    `snoozed`: those, False = the others, None = both. `text`: in a vendor's name, or the beginning
    of a number.
    """

    reason: str = ""
    assignee: str | None = None
    snoozed: bool | None = False
    company: str = ""
    entities: tuple[str, ...] = ()
    text: str = ""


@dataclass(slots=True)
class Money:
    """Some bills and their amounts, per currency in major units."""

    bills: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)

    def add(self, bills: int, currency: str, amount: Decimal | None) -> None:
        """More bills of one currency; unreadable amounts count as bills only."""
        self.bills += bills
        if amount is not None:
            self.sums[currency] = self.sums.get(currency, Decimal(0)) + amount


@dataclass(slots=True)
class CauseGroup:
    """One thing to fix and what waits for it. `key` names it in an address; days as in the bills.

    `kind`, `ramp_id` and `company` say where to fix it; all are "" where the reason itself is the
    cause.
    """

    reason: str
    kind: str = ""
    ramp_id: str = ""
    company: str = ""
    name: str = ""
    money: Money = field(default_factory=Money)
    overdue: int = 0
    earliest_due: date | None = None

    @property
    def key(self) -> str:
        """A short name that is the same for the same cause."""
        return name_of((self.reason, self.kind, self.ramp_id, self.company))

    @property
    def subject(self) -> str:
        """What a person calls it."""
        return self.name or self.ramp_id

    @property
    def next_step(self) -> str:
        """What the person should do, in a sentence."""
        return NEXT_STEP[Reason(self.reason)]

    @property
    def bills(self) -> int:
        """How many wait for it."""
        return self.money.bills

    @property
    def sums(self) -> dict[str, Decimal]:
        """Their money per currency."""
        return self.money.sums


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that waits; `total` counts each bill once, `snoozed` those put off until a day."""

    causes: list[CauseGroup]
    total: Money
    snoozed: int = 0


def waiting(tenant_id: int, wanted: Wanted, now: datetime) -> QuerySet[Posting]:
    """The postings with an open hold that are wanted."""
    found = Posting.objects.filter(_held(tenant_id, wanted), _awake(wanted, now))
    if wanted.reason:
        because = Blocker.objects.filter(posting=OuterRef("pk"), reason=wanted.reason)
        plain = Q(hold_reason=wanted.reason) & ~Exists(_blockers())
        found = found.filter(Exists(because) | plain)
    return found


def of_cause(postings: QuerySet[Posting], key: Key) -> QuerySet[Posting]:
    """Those of the postings that wait because of this cause."""
    reason, kind, ramp_id, company = key
    if kind or ramp_id or company:
        these = Blocker.objects.filter(
            reason=reason, kind=kind, ramp_id=ramp_id, company=company
        ).values("posting_id")
        return postings.filter(pk__in=these)
    return postings.filter(~Exists(_blockers()), hold_reason=reason)


def overview(tenant_id: int, wanted: Wanted, *, now: datetime, today: date) -> Overview:
    """Everything that waits, biggest risk first, in three queries. `today`: the tenant's day."""
    either = waiting(tenant_id, replace(wanted, snoozed=None), now).order_by()
    asleep = Case(When(snoozed_until__gt=now, then=Value(1)), default=Value(0))
    total, snoozed = Money(), 0
    for sleeps, currency, bills, amount in either.values_list(asleep, "currency").annotate(
        Count("pk"), ExactSum("amount")
    ):
        if wanted.snoozed is None or bool(sleeps) == wanted.snoozed:
            total.add(bills, currency, amount)
        snoozed += bills if sleeps else 0
    groups: dict[Key, CauseGroup] = {}
    _collect(groups, _blocked(tenant_id, wanted, now, today))
    _collect(groups, _plain(tenant_id, wanted, now, today))
    return Overview(by_risk(groups.values(), total), total, snoozed)


def cause_of(rows: QuerySet[Posting], key: Key, *, today: date) -> CauseGroup:
    """One cause with those of the postings that wait for it; perhaps with none. Two queries."""
    reason, kind, ramp_id, company = key
    these = {"reason": reason, "kind": kind, "ramp_id": ramp_id, "company": company}
    names = Blocker.objects.filter(**these, posting__in=rows).values_list("name", flat=True)
    name = (names.order_by("-name").first() or "") if any(key[1:]) else ""
    found = {key: CauseGroup(*key, name=name)}
    grouped = of_cause(rows, key).order_by().values("currency").annotate(**_measures("", today))
    for currency, *measures in grouped.values_list("currency", *_MEASURES):
        _collect(found, [(*key, currency, name, *measures)])
    return found[key]


def by_risk(causes: Iterable[CauseGroup], total: Money) -> list[CauseGroup]:
    """Overdue ones first, then by money. Amounts are compared within one currency at a time:

    the one with the most money waiting in all comes first; nothing is added across currencies.
    """
    currencies = sorted(total.sums, key=lambda currency: (-total.sums[currency], currency))

    def risk(cause: CauseGroup) -> tuple[Any, ...]:
        amounts = tuple(-cause.sums.get(currency, Decimal(0)) for currency in currencies)
        return (not cause.overdue, *amounts, -cause.bills, cause.reason, cause.subject, cause.key)

    return sorted(causes, key=risk)


def _held(tenant_id: int, wanted: Wanted, prefix: str = "") -> Q:
    """Open holds that are wanted, snoozed or not; all states are named so that an index fits."""
    asked: dict[str, Any] = {
        "tenant_id": tenant_id,
        "state__in": Posting.State.values,
        "hold_reason__gt": "",
    }
    if wanted.assignee is not None:
        asked["assignee"] = wanted.assignee
    found = Q(**{prefix + name: value for name, value in asked.items()})
    if wanted.company:
        # The company is only written on a posting once it is entered.
        here = Q(**{f"{prefix}company": wanted.company})
        found &= here | Q(**{f"{prefix}company": "", f"{prefix}entity_id__in": wanted.entities})
    if wanted.text:
        number = Q(**{f"{prefix}invoice_num__istartswith": wanted.text})
        number |= Q(**{f"{prefix}given_num__istartswith": wanted.text})
        found &= number | Q(**{f"{prefix}vendor_name__icontains": wanted.text})
    return found


def _awake(wanted: Wanted, now: datetime, prefix: str = "") -> Q:
    if wanted.snoozed is None:
        return Q()
    until = f"{prefix}snoozed_until"
    if wanted.snoozed:
        return Q(**{f"{until}__gt": now})
    return Q(**{until: None}) | Q(**{f"{until}__lte": now})


def _blockers() -> QuerySet[Blocker]:
    return Blocker.objects.filter(posting=OuterRef("pk"))


def _measures(prefix: str, today: date) -> Mapping[str, Any]:
    return {
        "bills": Count("pk"),
        "total": ExactSum(f"{prefix}amount"),
        "overdue": Count("pk", filter=Q(**{f"{prefix}due_on__lt": today})),
        "earliest": Min(f"{prefix}due_on"),
    }


def _blocked(
    tenant_id: int, wanted: Wanted, now: datetime, today: date
) -> Iterable[tuple[Any, ...]]:
    """Groups of what a named thing blocks; a bill that names it on several lines counts once."""
    again = Blocker.objects.filter(
        posting=OuterRef("posting"),
        reason=OuterRef("reason"),
        kind=OuterRef("kind"),
        ramp_id=OuterRef("ramp_id"),
        company=OuterRef("company"),
        pk__lt=OuterRef("pk"),
    )
    its = "posting__"
    rows = Blocker.objects.filter(
        ~Exists(again), _held(tenant_id, wanted, its), _awake(wanted, now, its)
    ).order_by()
    if wanted.reason:
        rows = rows.filter(reason=wanted.reason)
    names = ("reason", "kind", "ramp_id", "company", f"{its}currency")
    grouped = rows.values(*names).annotate(label=Max("name"), **_measures(its, today))
    found: Iterable[tuple[Any, ...]] = grouped.values_list(*names, "label", *_MEASURES)
    return found


def _plain(tenant_id: int, wanted: Wanted, now: datetime, today: date) -> Iterable[tuple[Any, ...]]:
    """Groups of what no named thing blocks: the reason itself is the cause."""
    rows = Posting.objects.filter(
        ~Exists(_blockers()), _held(tenant_id, wanted), _awake(wanted, now)
    ).order_by()
    if wanted.reason:
        rows = rows.filter(hold_reason=wanted.reason)
    names = ("hold_reason", "currency")
    grouped = rows.values(*names).annotate(**_measures("", today))
    for reason, currency, *measures in grouped.values_list(*names, *_MEASURES):
        yield (reason, "", "", "", currency, "", *measures)


def _collect(groups: dict[Key, CauseGroup], rows: Iterable[tuple[Any, ...]]) -> None:
    for *key_of, currency, name, bills, amount, overdue, earliest in rows:
        key = (key_of[0], key_of[1], key_of[2], key_of[3])
        group = groups.setdefault(key, CauseGroup(*key, name=name))
        group.money.add(bills, currency, amount)
        group.overdue += overdue
        days = [day for day in (group.earliest_due, earliest) if day is not None]
        group.earliest_due = min(days, default=None)
