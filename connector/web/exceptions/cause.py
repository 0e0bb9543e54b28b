"""One cause, opened: how to fix it, and the bills that wait for it, fifty at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import DateField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from audit.ledger import exceptions, triage
from audit.ledger.exceptions import CauseGroup, Key
from audit.ledger.holds import suspects
from audit.ledger.models import Blocker, Posting
from audit.ledger.waiting import blocked_by
from audit.trail.models import AuditEntry
from connector.domain.difference import Point
from connector.domain.money import format_amount
from connector.sync.models import Bill
from connector.tenants.entities import name_entities
from connector.tenants.models import Tenant
from connector.web import layout
from connector.web.actions.available import available_actions
from connector.web.actions.selection import cause_values
from connector.web.bills.disputed import points_of
from connector.web.exceptions.filters import ExceptionFilter
from connector.web.exceptions.questions import Shown, shown
from connector.web.exceptions.texts import CauseText, can_be_mapped, cause_text
from connector.web.money import Pile, pile_of
from mappings import effective
from mappings.coding import VENDORS
from mappings.suggest import tied
from mappings.suggestions import Reference, Suggestion, mapped_now, suggestions

AT_ONCE = 50
_NO_DAY = date(9999, 12, 31)


@dataclass(frozen=True, slots=True)
class CauseHead:
    """A cause as a line of the list: its words, and the address that opens it."""

    group: CauseGroup
    words: CauseText
    query: str
    mappable: bool
    today: date

    @property
    def values(self) -> dict[str, str]:
        """What names the cause in a form."""
        return cause_values(_key(self.group))

    @property
    def late(self) -> bool:
        """Whether the earliest bill is overdue."""
        due = self.group.earliest_due
        return due is not None and due < self.today


@dataclass(frozen=True, slots=True)
class BillRow:
    """A waiting bill in the list of its cause, with what a person needs to decide about it."""

    posting: Posting
    offers: dict[str, bool]
    points: list[Point]
    question: Shown | None
    twins: list[dict[str, Any]]
    note: AuditEntry | None
    overdue: bool
    amount: str  # major units as plain text, for adding up in the browser


@dataclass(frozen=True, slots=True)
class MapFix:
    """What is needed to map the cause's reference in place."""

    suggestions: Sequence[Suggestion]
    mapped: str  # what it is mapped to now, "" for nothing
    frees: Pile  # the bills that are tried again once it is mapped for the company
    frees_all: int  # as many bills … for every company
    still: int  # as many of those of the company wait for something else, too
    seen_one: str  # what it is mapped to for the company itself, "" for nothing
    seen_all: str  # … for every company
    companies: Sequence[str]

    @property
    def tied(self) -> int:
        """As many suggestions fit about equally well; 0 when one is clearly the best."""
        return tied(self.suggestions)


@dataclass(frozen=True, slots=True)
class Bills:
    """Some bills of a cause; `after` is where the next ones begin, "" at the end."""

    rows: list[BillRow] = field(default_factory=list)
    after: str = ""
    ids: str = ""  # of the rows, so that the page can ask which of them are gone

    @property
    def fits(self) -> dict[str, bool]:
        """The acts that can be done to at least one of them."""
        return {name: True for row in self.rows for name in row.offers}


def head_of(group: CauseGroup, filter_query: dict[str, str], today: date) -> CauseHead:
    """The line of a cause under a filter."""
    query = urlencode({**filter_query, **cause_values(_key(group))})
    return CauseHead(group, cause_text(group), query, can_be_mapped(group), today)


def cause_context(request: HttpRequest, key: Key, data: QueryDict) -> dict[str, Any]:
    """What `_cause.html` needs to show a cause opened, with its first bills."""
    tenant, today = layout.tenant_of(request), timezone.localdate()
    chosen = ExceptionFilter(data, tenant)
    rows = exceptions.waiting(tenant.pk, chosen.wanted(layout.actor(request)), timezone.now())
    group = exceptions.cause_of(rows, key, today=today)
    name_entities(tenant, [group])
    head = head_of(group, chosen.asked(), today)
    found = bills(tenant, exceptions.of_cause(rows, key), after="", today=today)
    fix = None
    if head.mappable and found.rows:
        fix = _map_fix(tenant, head.group, found.rows, chosen.companies, today)
    context = {"head": head, "listed": found, "fix": fix, "open": True, "filter": chosen}
    return context | {"asked": chosen.asked()}


def bills(tenant: Tenant, rows: QuerySet[Posting], *, after: str, today: date) -> Bills:
    """The next bills of a cause, the ones due first; a bad `after` begins at the start."""
    due = Coalesce("due_on", Value(_NO_DAY), output_field=DateField())
    rows = rows.defer("entered_as").annotate(due=due).order_by("due", "pk")
    begin = _begin(after)
    if begin is not None:
        rows = rows.filter(Q(due__gt=begin[0]) | Q(due=begin[0], pk__gt=begin[1]))
    found = list(rows[: AT_ONCE + 1])
    shown = found[:AT_ONCE]
    notes = triage.notes(tenant.pk, [posting.bill_id for posting in shown])
    last = shown[-1] if len(found) > AT_ONCE else None
    return Bills(
        [_row(posting, notes.get(posting.bill_id, []), today) for posting in shown],
        f"{last.due_on or _NO_DAY}_{last.pk}" if last else "",
        ",".join(str(posting.pk) for posting in shown),
    )


def _begin(after: str) -> tuple[date, int] | None:
    day, _, pk = after.partition("_")
    try:
        return date.fromisoformat(day), int(pk[:18])
    except ValueError:
        return None


def _row(posting: Posting, notes: Sequence[AuditEntry], today: date) -> BillRow:
    return BillRow(
        posting,
        available_actions(posting),
        points_of(posting),
        shown(posting),
        suspects(posting),
        notes[0] if notes else None,
        overdue=posting.due_on is not None and posting.due_on < today,
        amount="" if posting.amount is None else format_amount(posting.amount, posting.currency),
    )


def _map_fix(
    tenant: Tenant,
    group: CauseGroup,
    rows: Sequence[BillRow],
    companies: Sequence[str],
    today: date,
) -> MapFix:
    numbers = _numbers(tenant, rows[0].posting) if group.kind == VENDORS else frozenset()
    known: list[tuple[str, Decimal | None]] = [
        (row.posting.invoice_num, row.posting.amount) for row in rows
    ]
    reference = Reference(group.kind, group.company, group.ramp_id, group.name, numbers, known)
    now = mapped_now(tenant.pk, group.kind, group.ramp_id)
    these = {"kind": group.kind, "ramp_id": group.ramp_id}
    freed = blocked_by(tenant.pk, **these, company=group.company)
    pile = pile_of(freed)
    everywhere = blocked_by(tenant.pk, **these).count() if len(companies) > 1 else pile.bills
    others = Blocker.objects.filter(posting=OuterRef("pk"))
    still = freed.filter(Exists(others.exclude(**these, company=group.company))).count()
    found = suggestions(tenant.pk, reference, today=today)
    own, general = now.get(group.company, ""), now.get("", "")
    key = (group.company, group.ramp_id)
    mapped = effective.today(tenant.pk, group.kind, [key])[key].now.target
    fitting = [one for one in found if one.id != mapped]
    return MapFix(fitting, mapped, pile, everywhere, still, own, general, companies)


def _numbers(tenant: Tenant, posting: Posting) -> frozenset[str]:
    """The number that Ramp holds for the bill's vendor; it is a hint, and never trusted alone."""
    rows = Bill.objects.filter(tenant=tenant, bill_id=posting.bill_id)
    vendor = (rows.values_list("payload__vendor", flat=True).first()) or {}
    remote = str(vendor.get("remote_id") or "") if isinstance(vendor, dict) else ""
    return frozenset({remote} - {""})


def _key(group: CauseGroup) -> Key:
    return group.reason, group.kind, group.ramp_id, group.company
