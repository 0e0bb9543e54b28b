"""The exception queue: the postings with an open hold, and what causes them, biggest first."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from audit.ledger.models import Blocker, Posting
from connector.domain.errors import Reason

Format = Callable[[Decimal, str], str]  # amount, currency -> "1200.00"
_Key = tuple[str, str, str, str]  # reason, kind, ramp_id, company


@dataclass(frozen=True, slots=True)
class Item:
    """One posting that waits for a person; `amount` in major units, None when unreadable."""

    posting_id: int
    bill: str
    state: str
    reason: str
    message: str
    amount: Decimal | None
    currency: str
    vendor_name: str
    invoice_num: str
    opened_at: datetime | None

    @property
    def next_step(self) -> str:
        """What the person should do, in a sentence."""
        return Reason(self.reason).words.next_step


@dataclass(slots=True)
class Cause:
    """One thing to fix and all bills that wait for it; sums are per currency.

    `subject` is the name of the unmapped thing, "" where the reason itself is the cause; `kind`,
    `ramp_id` and `company` say where to fix it.
    """

    reason: str
    kind: str = ""
    ramp_id: str = ""
    company: str = ""
    name: str = ""
    bills: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    unreadable: int = 0  # as many of the bills are in no sum

    @property
    def subject(self) -> str:
        """What a person calls it."""
        return self.name or self.ramp_id

    @property
    def next_step(self) -> str:
        """What the person should do, in a sentence."""
        return Reason(self.reason).words.next_step

    def add(self, item: Item) -> None:
        """Counts one more bill that waits for this."""
        self.bills += 1
        if item.amount is not None:
            self.sums[item.currency] = self.sums.get(item.currency, Decimal(0)) + item.amount
        else:
            self.unreadable += 1


@dataclass(frozen=True, slots=True)
class ExceptionQueue:
    """Everything that waits for a person; a bill with several gaps counts in several causes."""

    causes: list[Cause]
    items: list[Item]

    @property
    def count(self) -> int:
        """How many bills wait."""
        return len(self.items)

    def as_json(self, format_amount: Format) -> dict[str, Any]:
        """The document of the `exceptions` command."""
        return {
            "count": self.count,
            "causes": [_cause_json(cause, format_amount) for cause in self.causes],
            "items": [_item_json(item, format_amount) for item in self.items],
        }


def open_holds(tenant_id: int) -> QuerySet[Posting]:
    """The postings with an open hold, whatever their state."""
    return Posting.objects.filter(tenant_id=tenant_id).exclude(hold_reason="")


def blocked_by(tenant_id: int, *, kind: str, ramp_id: str, company: str = "") -> QuerySet[Posting]:
    """The postings that this reference blocks (perhaps among others); "" = in every company."""
    these = Blocker.objects.filter(kind=kind, ramp_id=ramp_id)
    if company:
        these = these.filter(company=company)
    return open_holds(tenant_id).filter(pk__in=these.values("posting_id"))


def waiting_for(
    tenant_id: int,
    reason: str,
    *,
    kind: str | None = None,
    ramp_id: str | None = None,
    company: str | None = None,
) -> QuerySet[Posting]:
    """The postings that wait because of one cause, counted as `exceptions` counts them.

    With all four of a Cause exactly its bills; None = any. A bill with several gaps waits for
    each of them.
    """
    named = {"kind": kind, "ramp_id": ramp_id, "company": company}
    asked = {name: value for name, value in named.items() if value is not None}
    blockers = Blocker.objects.filter(posting__tenant_id=tenant_id)
    match = Q(pk__in=blockers.filter(reason=reason, **asked).values("posting_id"))
    if not any(asked.values()):  # the reason itself is the cause
        match |= Q(hold_reason=reason) & ~Q(pk__in=blockers.values("posting_id"))
    return open_holds(tenant_id).filter(match)


def exceptions(tenant_id: int) -> ExceptionQueue:
    """The whole queue in two queries; sums are exact, because they are made in Decimal."""
    items = [Item(*row) for row in _item_rows(tenant_id)]
    causes = _causes(items, _blocker_rows(tenant_id))
    return ExceptionQueue(causes, items)


def _item_rows(tenant_id: int) -> Iterable[tuple[Any, ...]]:
    return (
        open_holds(tenant_id)
        .order_by("hold_opened_at", "id")
        .values_list(
            "id",
            "bill_id",
            "state",
            "hold_reason",
            "hold_message",
            "amount",
            "currency",
            "vendor_name",
            "invoice_num",
            "hold_opened_at",
        )
    )


def _blocker_rows(tenant_id: int) -> Iterable[tuple[Any, ...]]:
    return (
        Blocker.objects.filter(posting__tenant_id=tenant_id)
        .exclude(posting__hold_reason="")
        .order_by("id")
        .values_list("posting_id", "reason", "kind", "ramp_id", "company", "name")
    )


def _causes(items: list[Item], blockers: Iterable[tuple[Any, ...]]) -> list[Cause]:
    causes: dict[_Key, Cause] = {}
    by_posting: dict[int, set[_Key]] = {}
    for posting_id, reason, kind, ramp_id, company, name in blockers:
        key = (reason, kind, ramp_id, company)
        causes.setdefault(key, Cause(*key, name=name))
        by_posting.setdefault(posting_id, set()).add(key)
    for item in items:
        for key in by_posting.get(item.posting_id, {(item.reason, "", "", "")}):
            causes.setdefault(key, Cause(*key)).add(item)
    # A hold opened between the two queries shows up completely the next time.
    known = [cause for cause in causes.values() if cause.bills]
    return sorted(known, key=lambda c: (-c.bills, c.reason, c.subject, c.company))


def _cause_json(cause: Cause, format_amount: Format) -> dict[str, Any]:
    sums = sorted(cause.sums.items())
    return {
        "reason": cause.reason,
        "subject": cause.subject,
        "bills": cause.bills,
        "sums": [{"currency": c, "amount": format_amount(amount, c)} for c, amount in sums],
    }


def _item_json(item: Item, format_amount: Format) -> dict[str, Any]:
    amount = None if item.amount is None else format_amount(item.amount, item.currency)
    return {
        "bill": item.bill,
        "reason": item.reason,
        "message": item.message,
        "amount": amount,
        "currency": item.currency,
    }
