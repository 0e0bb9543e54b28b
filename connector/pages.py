"""What the pages show, read from the database in a constant number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from urllib.parse import urlencode

from django.db.models import Case, Count, F, Q, Sum, Value, When, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from audit.failures import InvalidBillError
from audit.models import Attempt, AuditEntry, Blocker, Posting
from audit.queue import Cause, ExceptionQueue, Item
from connector.domain.bill import Bill as RampBill
from connector.models import Bill, FinanceCalendar, SyncRun, Tenant
from connector.ramp.parse import parse_bill

_EXAMPLES = 5
_TIMELINE = 200
_State = Posting.State


@dataclass(slots=True)
class Pile:
    """Some bills and their money, per currency in major units."""

    bills: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)

    def add(self, bills: int, currency: str, amount: Decimal | None) -> None:
        """Put more bills of one currency on the pile; unreadable amounts count as bills only."""
        self.bills += bills
        if amount is not None:
            self.sums[currency] = self.sums.get(currency, Decimal(0)) + amount


@dataclass(frozen=True, slots=True)
class Today:
    """The numbers of the first page; bills with a hold are on the exceptions pile only."""

    entered: Pile  # today, in the tenant's zone
    waiting: Pile  # queued or being entered
    doubt: Pile  # perhaps entered, being looked up
    unconfirmed: Pile  # entered, Ramp not told yet


@dataclass(frozen=True, slots=True)
class CauseRow:
    """A cause on the exceptions page with its first bills and the way to all of them."""

    cause: Cause
    examples: list[Item]
    query: str

    @property
    def more(self) -> int:
        """How many bills are not among the examples."""
        return self.cause.bills - len(self.examples)


@dataclass(frozen=True, slots=True)
class BillPage:
    """One bill, whole: Ramp's side, ours, every attempt and the trail."""

    posting: Posting
    ramp: RampBill | None
    ramp_problem: str  # why Ramp's side cannot be shown, "" when it can
    seen_at: datetime | None
    blockers: list[Blocker]
    attempts: list[Attempt]
    timeline: list[AuditEntry]


def today(tenant: Tenant) -> Today:
    """The piles of the first page, in two queries."""
    piles = {name: Pile() for name in ("waiting", "doubt", "unconfirmed")}
    pile = Case(
        When(state__in=[_State.QUEUED, _State.IN_FLIGHT], then=Value("waiting")),
        When(state=_State.IN_DOUBT, then=Value("doubt")),
        default=Value("unconfirmed"),
    )
    open_states = [_State.QUEUED, _State.IN_FLIGHT, _State.IN_DOUBT, _State.ENTERED]
    ours = Posting.objects.filter(tenant=tenant).order_by()
    grouped = ours.filter(state__in=open_states, hold_reason="").values_list(pile, "currency")
    for name, currency, bills, amount in grouped.annotate(Count("pk"), Sum("amount")):
        piles[name].add(bills, currency, amount)
    entered = Pile()
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    for currency, bills, amount in (
        ours.filter(entered_at__gte=midnight)
        .values_list("currency")
        .annotate(Count("pk"), Sum("amount"))
    ):
        entered.add(bills, currency, amount)
    return Today(entered, piles["waiting"], piles["doubt"], piles["unconfirmed"])


def total(queue: ExceptionQueue) -> Pile:
    """All exceptions; each bill once, however many causes hold it."""
    pile = Pile()
    for item in queue.items:
        pile.add(1, item.currency, item.amount)
    return pile


def last_run(tenant: Tenant) -> SyncRun | None:
    """The newest cycle, running or ended."""
    return SyncRun.objects.filter(tenant=tenant).first()


def next_run_at(tenant: Tenant) -> datetime | None:
    """When the tenant's clock rings next; None without a calendar."""
    rows = FinanceCalendar.objects.filter(tenant=tenant)
    return rows.values_list("next_run_at", flat=True).first()


def cause_rows(tenant: Tenant, queue: ExceptionQueue, causes: Sequence[Cause]) -> list[CauseRow]:
    """These causes with examples; one query however many there are."""
    items = {item.posting_id: item for item in queue.items}
    blocked = _first_blocked(tenant, [cause for cause in causes if cause.kind])
    rows = []
    for cause in causes:
        if cause.kind:
            ids = blocked.get(_key(cause), [])
            examples = [items[pk] for pk in ids if pk in items]
        else:
            same = (item for item in queue.items if item.reason == cause.reason)
            examples = [item for item, _ in zip(same, range(_EXAMPLES), strict=False)]
        rows.append(CauseRow(cause, examples, cause_query(cause)))
    return rows


def cause_query(cause: Cause) -> str:
    """The query string that lists all bills of a cause."""
    if not cause.kind:
        return urlencode({"reason": cause.reason})
    return urlencode({"kind": cause.kind, "ref": cause.ramp_id, "company": cause.company})


def bill_page(posting: Posting) -> BillPage:
    """Everything about one bill."""
    ours = {"tenant_id": posting.tenant_id, "subject_id": posting.bill_id}
    mirror = Bill.objects.filter(tenant_id=posting.tenant_id, bill_id=posting.bill_id).first()
    ramp, problem = _parsed(mirror)
    kinds = ["posting", "confirmation"]
    attempts = Attempt.objects.filter(**ours, subject_kind__in=kinds).order_by("-id")
    timeline = AuditEntry.objects.filter(**ours, subject_kind="posting").order_by("-at", "-id")
    return BillPage(
        posting=posting,
        ramp=ramp,
        ramp_problem=problem,
        seen_at=mirror.seen_at if mirror else None,
        blockers=list(posting.blockers.all()),
        attempts=list(attempts[:_TIMELINE]),
        timeline=list(timeline[:_TIMELINE]),
    )


def _parsed(mirror: Bill | None) -> tuple[RampBill | None, str]:
    if mirror is None:
        return None, "Ramp's copy of the bill is not here yet; the next cycle reads it."
    try:
        return parse_bill(mirror.payload), ""
    except InvalidBillError as error:
        return None, error.message


def _key(cause: Cause) -> tuple[str, str, str, str]:
    return cause.reason, cause.kind, cause.ramp_id, cause.company


def _first_blocked(
    tenant: Tenant, causes: Sequence[Cause]
) -> dict[tuple[str, str, str, str], list[int]]:
    """The first few postings of each cause."""
    if not causes:
        return {}
    these = reduce(
        or_,
        (Q(reason=c.reason, kind=c.kind, ramp_id=c.ramp_id, company=c.company) for c in causes),
    )
    numbered = Blocker.objects.filter(these, posting__tenant=tenant).exclude(
        posting__hold_reason=""
    )
    place = Window(
        RowNumber(),
        partition_by=[F("reason"), F("kind"), F("ramp_id"), F("company")],
        order_by=F("id").asc(),
    )
    found: dict[tuple[str, str, str, str], list[int]] = {}
    for reason, kind, ramp_id, company, posting_id in (
        numbered.annotate(place=place)
        .filter(place__lte=_EXAMPLES)
        .order_by("id")
        .values_list("reason", "kind", "ramp_id", "company", "posting_id")
    ):
        ids = found.setdefault((reason, kind, ramp_id, company), [])
        if posting_id not in ids:  # a bill may name the same thing on several lines
            ids.append(posting_id)
    return found
