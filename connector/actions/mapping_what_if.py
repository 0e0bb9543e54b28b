"""Which of the last days' bills a change of mappings would have coded differently.

Each mirrored bill is coded twice from what is stored now: with the mappings as they are, and with
the change. Nothing is written but the job's own result.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from connector.actions import mirrored_bills
from connector.actions.mirrored_bills import Mirrored
from connector.epicor.ap_invoice.draft import PostingPolicy, apply_date, coding_request
from connector.jobs import queue
from connector.jobs.models import Job
from connector.jobs.registry import Continue, Done, job
from connector.sync.narrow import narrow
from connector.tenants.models import PostingSettings, Tenant
from mappings.changes import Key
from mappings.checks import check, size_error
from mappings.coding import CodingRequest
from mappings.files import MappingFileError, MappingRow
from mappings.fiscal import PeriodTable
from mappings.kinds import check_kind, label_of
from mappings.periods import periods
from mappings.tables import load_both
from mappings.what_if import Difference, differences, suppose

WHAT_IF = "what_if"
MOST_DAYS = 365
SHOWN = 200


@dataclass(slots=True)
class Found:
    """What was found so far; `examples` are the first 200 bills, sums in major units."""

    looked_at: int = 0
    left_out: int = 0  # not mirrored, unreadable, or without a company
    bills: int = 0
    entered: int = 0
    would_wait: int = 0  # coded now, would be held
    would_go: int = 0  # held now, would be coded
    sums: dict[str, Decimal] = field(default_factory=dict)
    unreadable: int = 0  # as many of the bills are in no sum
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, item: Mirrored, found: Sequence[Difference]) -> None:
        """One bill that would be coded differently."""
        posting = item.posting
        self.bills += 1
        self.entered += posting.in_epicor
        vendor = next((one for one in found if one.field == "vendor"), None)
        self.would_wait += vendor is not None and not vendor.after
        self.would_go += vendor is not None and not vendor.before
        if posting.amount is not None:
            known = self.sums.get(posting.currency, Decimal(0))
            self.sums[posting.currency] = known + posting.amount
        else:
            self.unreadable += 1
        if len(self.examples) < SHOWN:
            self.examples.append(_example(item, found))

    def as_json(self) -> dict[str, Any]:
        """Plain JSON for the job's result."""
        sums = {currency: str(amount) for currency, amount in sorted(self.sums.items())}
        return {**asdict(self), "sums": sums}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Found":
        """What `as_json` wrote; other keys are ignored."""
        known = {name: value[name] for name in cls.__slots__ if name in value}
        sums = {currency: Decimal(amount) for currency, amount in value.get("sums", {}).items()}
        return cls(**{**known, "sums": sums})


def request_what_if(
    tenant: Tenant, kind: str, rows: Sequence[MappingRow], days: int, *, actor: str
) -> Job:
    """Have it found out what these changes would have done; "" as target = the mapping goes.

    One at a time for each person: asking the same again gives the same. Raises UnknownKindError,
    and MappingFileError when days or a row is wrong, or when another one is under way.
    """
    check_kind(tenant.pk, kind)
    if not 1 <= days <= MOST_DAYS:
        raise MappingFileError(f"Choose between 1 and {MOST_DAYS} days.")
    wrong = _wrong(tenant.pk, kind, rows)
    if wrong:
        raise MappingFileError(wrong)
    first = mirrored_bills.since(tenant, days)
    wishes = [[row.company, row.ramp_id, row.epicor_id] for row in rows]
    arguments = {"kind": kind, "since": first.isoformat(), "wishes": wishes}
    job, new = queue.request(
        tenant,
        WHAT_IF,
        title=_title(kind, rows, days),
        actor=actor,
        arguments=arguments,
        total=mirrored_bills.count(tenant, first),
        key=f"{WHAT_IF} {actor}",
    )
    if not new and job.arguments != arguments:
        raise MappingFileError(
            f'You have another one under way: "{job.title}". Wait until it is over, then ask again.'
        )
    return job


def _wrong(tenant_id: int, kind: str, rows: Sequence[MappingRow]) -> str:
    """The first thing that is wrong with the rows, as a sentence; "" when nothing is."""
    kept = [row for row in rows if row.epicor_id or not row.ramp_id]
    gone = [(row.number, size_error(row)) for row in rows if row.ramp_id and not row.epicor_id]
    _, errors = check(tenant_id, kind, kept)
    found = sorted([*errors, *((number, text) for number, text in gone if text)])
    if not found:
        return "" if rows else "There is no change to look at; the file has no rows."
    number, text = found[0]
    return f"Row {number}: {text}" if number else f"{text[0].upper()}{text[1:]}"


def _title(kind: str, rows: Sequence[MappingRow], days: int) -> str:
    when = f"over the last {days} days"
    if len(rows) > 1:
        return f"What if {len(rows):,} mappings of {label_of(kind)} were changed, {when}"
    row = rows[0]
    name, where = row.ramp_name or row.ramp_id, f" in {row.company}" if row.company else ""
    if not row.epicor_id:
        return f"What if {name} had no target{where}, {when}"
    return f"What if {name} were mapped to {row.epicor_id}{where}, {when}"


@job(WHAT_IF)
def find_out(
    job: Job, *, kind: str, since: str, wishes: Sequence[tuple[str, str, str]]
) -> Done | Continue:
    """Code bills twice for a few seconds, or end with the last of them."""
    tenant = job.tenant
    changes = {(company, ramp_id): target for company, ramp_id, target in wishes}
    found = Found.from_json(job.details)
    look = partial(_look, tenant, _policy(tenant), kind, changes, found)
    first, after = date.fromisoformat(since), job.cursor.get("after", 0)
    rest = mirrored_bills.walk(tenant, first, after, look)
    job.done, job.total = found.looked_at, max(job.total, found.looked_at)
    if rest is not None:
        return Continue({"after": rest}, found.as_json())
    data = {"bills": found.bills, "looked_at": found.looked_at, "since": since}
    return Done("what_if_found", data, found.as_json())


def _look(
    tenant: Tenant,
    policy: PostingPolicy,
    kind: str,
    wishes: dict[Key, str],
    found: Found,
    items: list[Mirrored],
) -> None:
    """Take a slice in; a bill that breaks it is left out."""
    look = partial(_compared, tenant, policy, kind, wishes)
    parts = narrow(items, look, lambda *_: None)
    for item, different in (pair for part in parts for pair in part):
        if different:
            found.add(item, different)
    readable = sum(len(part) for part in parts)
    found.looked_at += len(items)
    found.left_out += len(items) - readable


def _compared(
    tenant: Tenant,
    policy: PostingPolicy,
    kind: str,
    wishes: dict[Key, str],
    items: Sequence[Mirrored],
) -> list[tuple[Mirrored, Sequence[Difference]]]:
    """What would be different of those that can be coded."""
    calendar = periods(tenant.pk, sorted({item.company for item in items if item.company}))
    asked = [(item, _request(item, policy, calendar)) for item in items]
    requests = [request for _, request in asked if request is not None]
    change = partial(suppose, kind=kind, wishes=wishes)
    now, then = load_both(tenant.pk, requests, change)
    return [
        (item, differences(request, now, then)) for item, request in asked if request is not None
    ]


def _request(item: Mirrored, policy: PostingPolicy, calendar: PeriodTable) -> CodingRequest | None:
    if item.bill is None or not item.company:
        return None
    apply_on, _ = apply_date(item.bill, item.company, calendar, policy)
    return coding_request(item.bill, item.company, apply_on, policy)


def _policy(tenant: Tenant) -> PostingPolicy:
    stored = PostingSettings.objects.filter(tenant=tenant).first() or PostingSettings()
    return PostingPolicy(default_terms=stored.default_terms, closed_period=stored.closed_period)


def _example(item: Mirrored, found: Sequence[Difference]) -> dict[str, Any]:
    posting = item.posting
    return {
        "bill_id": posting.bill_id,
        "number": posting.invoice_num,
        "vendor": posting.vendor_name,
        "issued_on": posting.issued_on.isoformat() if posting.issued_on else "",
        "amount": str(posting.amount) if posting.amount is not None else "",
        "currency": posting.currency,
        "entered": posting.in_epicor,
        "fields": [asdict(difference) for difference in found],
    }
