"""What waits for a person, grouped by cause in the database: how many bills, how much, how urgent.

A constant number of queries, however many bills wait. The sums are exact and per currency. The
biggest risk comes first: the most overdue bills, then the earliest due. Money does not decide,
because amounts of different currencies cannot be compared.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, Exists, Max, Min, OuterRef, Q, QuerySet, Value, When

from audit.ledger.models import IN_EPICOR, Blocker, Posting
from audit.ledger.sums import ExactSum, Money, sign
from connector.domain.errors import Reason

Key = tuple[str, str, str, str]  # reason, kind, ramp_id, company
SOON = timedelta(days=7)
_MEASURES = ("late", "bills", "total", "earliest")


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
    late: Money = field(default_factory=Money)  # those of them that were due before today
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
        return Reason(self.reason).words.next_step

    @property
    def bills(self) -> int:
        """How many wait for it."""
        return self.money.bills

    @property
    def sums(self) -> dict[str, Decimal]:
        """Their money per currency."""
        return self.money.sums

    @property
    def overdue(self) -> int:
        """How many were due before today."""
        return self.late.bills


@dataclass(slots=True)
class Overview:
    """Everything that waits, each bill counted once, whatever number of causes hold it.

    `total` is `outside` + `doubt` + `inside`: not in Epicor, perhaps there, and there but to be
    corrected. `overdue` and `soon` (due within 7 days) are parts of it. `snoozed` are those put off
    until a day; they are in none of the others unless they were asked for.
    """

    causes: list[CauseGroup] = field(default_factory=list)
    total: Money = field(default_factory=Money)
    outside: Money = field(default_factory=Money)
    doubt: Money = field(default_factory=Money)
    inside: Money = field(default_factory=Money)
    overdue: Money = field(default_factory=Money)
    soon: Money = field(default_factory=Money)
    snoozed: Money = field(default_factory=Money)
    snoozed_overdue: int = 0

    def part(self, name: str) -> Money:
        """The pile of what is not in Epicor, perhaps there, or there."""
        return {"doubt": self.doubt, "inside": self.inside}.get(name, self.outside)


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
    found = Overview()
    for asleep, due, part, currency, bills, amount in _counted(tenant_id, wanted, now, today):
        if asleep:
            found.snoozed.add(bills, currency, amount)
            found.snoozed_overdue += bills if due == "overdue" else 0
        if wanted.snoozed is not None and bool(asleep) != wanted.snoozed:
            continue
        piles = [found.total, found.part(part)]
        piles += {"overdue": [found.overdue], "soon": [found.soon]}.get(due, [])
        for pile in piles:
            pile.add(bills, currency, amount)
    groups: dict[Key, CauseGroup] = {}
    _collect(groups, _blocked(tenant_id, wanted, now, today))
    _collect(groups, _plain(tenant_id, wanted, now, today))
    found.causes = by_risk(groups.values())
    return found


def _counted(
    tenant_id: int, wanted: Wanted, now: datetime, today: date
) -> Iterable[tuple[Any, ...]]:
    """All that waits, snoozed or not: asleep, due, where it is, currency, bills, amount."""
    rows = waiting(tenant_id, replace(wanted, snoozed=None), now).order_by()
    asleep = Case(When(snoozed_until__gt=now, then=Value(1)), default=Value(0))
    due = Case(
        When(due_on__lt=today, then=Value("overdue")),
        When(due_on__lte=today + SOON, then=Value("soon")),
        default=Value(""),
    )
    part = Case(
        When(state__in=IN_EPICOR, then=Value("inside")),
        When(state=Posting.State.IN_DOUBT, then=Value("doubt")),
        default=Value("outside"),
    )
    grouped = rows.annotate(asleep=asleep, due=due, part=part, sign=sign("amount"))
    names = ("asleep", "due", "part", "currency")
    counted = grouped.values(*names, "sign").annotate(bills=Count("pk"), total=ExactSum("amount"))
    found: Iterable[tuple[Any, ...]] = counted.values_list(*names, "bills", "total")
    return found


def cause_of(rows: QuerySet[Posting], key: Key, *, today: date) -> CauseGroup:
    """One cause with those of the postings that wait for it; perhaps with none. Two queries."""
    reason, kind, ramp_id, company = key
    these = {"reason": reason, "kind": kind, "ramp_id": ramp_id, "company": company}
    names = Blocker.objects.filter(**these, posting__in=rows).values_list("name", flat=True)
    name = (names.order_by("-name").first() or "") if any(key[1:]) else ""
    found = {key: CauseGroup(*key, name=name)}
    grouped = _grouped(of_cause(rows, key).order_by(), ("currency",), "", today)
    for currency, *measures in grouped.values_list("currency", *_MEASURES):
        _collect(found, [(*key, currency, name, *measures)])
    return found[key]


def by_risk(causes: Iterable[CauseGroup]) -> list[CauseGroup]:
    """The most overdue bills first, then the earliest due, then the most bills."""

    def risk(cause: CauseGroup) -> tuple[Any, ...]:
        due = cause.earliest_due or date.max
        return (-cause.overdue, due, -cause.bills, cause.reason, cause.subject, cause.key)

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


def _grouped(rows: Any, names: tuple[str, ...], prefix: str, today: date, **more: Any) -> Any:
    """The rows by these columns, overdue or not, and by sign, with what is measured of each."""
    late = Case(When(**{f"{prefix}due_on__lt": today}, then=Value(1)), default=Value(0))
    apart = rows.annotate(late=late, sign=sign(f"{prefix}amount"))
    return apart.values(*names, "late", "sign").annotate(
        bills=Count("pk"),
        total=ExactSum(f"{prefix}amount"),
        earliest=Min(f"{prefix}due_on"),
        **more,
    )


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
    grouped = _grouped(rows, names, its, today, label=Max("name"))
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
    grouped = _grouped(rows, names, "", today)
    for reason, currency, *measures in grouped.values_list(*names, *_MEASURES):
        yield (reason, "", "", "", currency, "", *measures)


def _collect(groups: dict[Key, CauseGroup], rows: Iterable[tuple[Any, ...]]) -> None:
    for *key_of, currency, name, late, bills, amount, earliest in rows:
        key = (key_of[0], key_of[1], key_of[2], key_of[3])
        group = groups.setdefault(key, CauseGroup(*key, name=name))
        group.money.add(bills, currency, amount)
        if late:
            group.late.add(bills, currency, amount)
        days = [day for day in (group.earliest_due, earliest) if day is not None]
        group.earliest_due = min(days, default=None)
