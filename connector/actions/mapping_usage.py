"""Counts which references the bills of the last year name, and for how much money.

It reads what is mirrored of Ramp's bills, a few seconds at a time; the last part replaces the
whole count at once, so that a page never shows half of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from audit.canonical_json import text
from audit.ledger.models import Posting
from audit.trail.log import SYSTEM
from connector.actions import mirrored_bills
from connector.actions.mirrored_bills import Mirrored
from connector.domain.bill import BillLine
from connector.epicor.ap_invoice.draft import PostingPolicy, coding_request
from connector.jobs import queue
from connector.jobs.models import Job
from connector.jobs.registry import Continue, Done, every_minute, job
from connector.sync.narrow import narrow
from connector.tenants.models import Tenant
from mappings import choose
from mappings.coding import GL_ACCOUNTS, VENDORS, DimensionRule, LineRequest, Ref
from mappings.models import Dimension, ReferenceUse, UseCount

COUNT = "count_uses"
DAYS = 365
OLD_AFTER = timedelta(hours=6)
AGAIN_AFTER = timedelta(minutes=10)  # where there was nothing to count, or it went wrong
_BATCH = 1000
_Key = tuple[str, str, str]  # kind, company, reference


@dataclass(slots=True)
class _Use:
    """One reference so far; sums in major units per currency."""

    name: str = ""
    issued_id: str = ""
    bills: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """What was counted so far."""

    bills: int = 0
    unreadable: int = 0
    uses: dict[_Key, _Use] = field(default_factory=dict)

    def add(
        self, kind: str, company: str, ref: Ref, issued_id: str, money: Iterable[tuple[str, Any]]
    ) -> None:
        """One more bill that names `ref`, with its amounts."""
        use = self.uses.setdefault((kind, company, ref.ramp_id[:255]), _Use())
        use.bills += 1
        use.name, use.issued_id = ref.name or use.name, issued_id or use.issued_id
        for currency, amount in money:
            if amount is not None:
                use.sums[currency] = use.sums.get(currency, Decimal(0)) + amount

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, to go on with in the next part."""
        rows = [
            [*key, use.name, use.issued_id, use.bills, _texts(use.sums)]
            for key, use in self.uses.items()
        ]
        return {"bills": self.bills, "unreadable": self.unreadable, "uses": rows}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Tally":
        """What `as_json` wrote."""
        uses = {
            (kind, company, ramp_id): _Use(
                name,
                issued,
                bills,
                {currency: Decimal(amount) for currency, amount in sums.items()},
            )
            for kind, company, ramp_id, name, issued, bills, sums in value.get("uses", [])
        }
        return cls(value.get("bills", 0), value.get("unreadable", 0), uses)


def request_count(tenant: Tenant, *, actor: str = SYSTEM) -> Job | None:
    """Have the tenant's references counted; None when that is under way already."""
    job, new = queue.request(tenant, COUNT, actor=actor, key=COUNT)
    return job if new else None


@every_minute
def request_old_counts(now: datetime) -> None:
    """Have the tenants counted that have bills and no count of the last hours."""
    fresh = UseCount.objects.filter(counted_at__gte=now - OLD_AFTER, bills__gt=0)
    tried = Job.objects.filter(kind=COUNT).filter(
        Q(state=Job.State.OPEN) | Q(created_at__gte=now - AGAIN_AFTER)
    )
    due = Tenant.objects.filter(Exists(Posting.objects.filter(tenant=OuterRef("pk"))))
    due = due.exclude(pk__in=fresh.values("tenant_id")).exclude(pk__in=tried.values("tenant_id"))
    for tenant in due:
        request_count(tenant)


@job(COUNT, title="Count how often each reference is used")
def count_usage(job: Job) -> Done | Continue:
    """Count for a few seconds, or end with the new count in place."""
    tenant, place = job.tenant, job.cursor
    first = date.fromisoformat(place["since"]) if place else mirrored_bills.since(tenant, DAYS)
    job.total = job.total or mirrored_bills.count(tenant, first)
    tally = Tally.from_json(place)
    rules = _rules(tenant)
    rest = mirrored_bills.walk(
        tenant, first, place.get("after", 0), lambda found: tally_up(tally, found, rules)
    )
    job.done = tally.bills
    since = first.isoformat()
    if rest is not None:
        return Continue({"since": since, "after": rest, **tally.as_json()})
    job.total, job.cursor = tally.bills, {}
    done = {"bills": tally.bills, "since": since}
    return Done("uses_counted", done, commit=lambda: _replace(tenant, first, tally))


def tally_up(tally: Tally, found: Iterable[Mirrored], rules: Iterable[DimensionRule]) -> None:
    """Count these bills: each once for every reference that it names."""
    for item in found:
        tally.bills += 1
        parts = narrow([item], lambda some: _named(some[0], rules), lambda *_: None)
        if item.bill is None or not parts:
            tally.unreadable += 1
        for use in parts[0] if parts else ():
            tally.add(*use)


_Named = tuple[str, str, Ref, str, list[tuple[str, Any]]]


def _named(item: Mirrored, rules: Iterable[DimensionRule]) -> list[_Named]:
    """The references that a bill names, as `Tally.add` takes them."""
    posting, bill = item.posting, item.bill
    found: list[_Named] = []
    if posting.vendor_ramp_id:
        ref = Ref(posting.vendor_ramp_id, posting.vendor_name)
        remote = bill.vendor_remote_id if bill is not None else ""
        money = [(posting.currency, posting.amount)]
        found.append((VENDORS, item.company, ref, text(remote, 255), money))
    for (kind, ref), amount in _lines(item, rules).items():
        money = [(posting.currency, amount)]
        found.append((kind, item.company, ref, ref.ramp_id[:255], money))
    return found


def _lines(item: Mirrored, rules: Iterable[DimensionRule]) -> dict[tuple[str, Ref], Decimal]:
    """What the bill's lines chose, with the sum of the lines that chose it."""
    if item.bill is None:
        return {}
    day = item.bill.issued_on
    request = coding_request(item.bill, item.company, day, PostingPolicy())
    found: dict[tuple[str, str], tuple[Ref, Decimal]] = {}
    for line, asked in zip(item.bill.lines, request.lines, strict=True):
        for kind, ref in _chosen(asked, rules):
            _add(found, kind, ref, line)
    return {(kind, ref): amount for (kind, _), (ref, amount) in found.items()}


def _chosen(asked: LineRequest, rules: Iterable[DimensionRule]) -> Iterable[tuple[str, Ref]]:
    for account in asked.accounts:
        if account.ramp_id:
            yield GL_ACCOUNTS, account
    for rule in rules:
        ref = choose.selected(asked, rule)
        if ref is not None:
            yield rule.kind, ref


def _add(
    found: dict[tuple[str, str], tuple[Ref, Decimal]], kind: str, ref: Ref, line: BillLine
) -> None:
    known, amount = found.get((kind, ref.ramp_id), (ref, Decimal(0)))
    found[kind, ref.ramp_id] = (known, amount + line.amount)


def _rules(tenant: Tenant) -> list[DimensionRule]:
    rows = Dimension.objects.filter(tenant=tenant).order_by("segment")
    return [DimensionRule(*row) for row in rows.values_list("ramp_field", "segment", "kind")]


def _replace(tenant: Tenant, first: date, tally: Tally) -> None:
    totals: dict[tuple[str, str], int] = {}
    stands: dict[tuple[str, str], tuple[int, str]] = {}
    for (kind, company, ramp_id), use in tally.uses.items():
        ref = (kind, ramp_id)
        totals[ref] = totals.get(ref, 0) + use.bills
        stands[ref] = max(stands.get(ref, (0, "")), (use.bills, company))
    rows = [
        ReferenceUse(
            tenant=tenant,
            kind=kind,
            company=company,
            ramp_id=text(ramp_id, 255),
            name=text(use.name, 255),
            issued_id=use.issued_id,
            bills=use.bills,
            sums=_texts(use.sums),
            total=totals[kind, ramp_id],
            first=stands[kind, ramp_id][1] == company,
        )
        for (kind, company, ramp_id), use in tally.uses.items()
    ]
    with transaction.atomic():
        UseCount.objects.update_or_create(
            tenant=tenant,
            defaults={
                "since": first,
                "counted_at": timezone.now(),
                "bills": tally.bills,
                "unreadable": tally.unreadable,
            },
        )
        ReferenceUse.objects.filter(tenant=tenant).delete()
        ReferenceUse.objects.bulk_create(rows, batch_size=_BATCH)


def _texts(sums: Mapping[str, Decimal]) -> dict[str, str]:
    return {currency: str(amount) for currency, amount in sorted(sums.items())}
