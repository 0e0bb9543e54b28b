"""The bills of a period as they are mirrored, in slices, for jobs that look at all of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from audit.ledger.models import Posting
from connector.domain.bill import Bill as RampBill
from connector.domain.errors import InvalidBillError
from connector.ramp.bills import parse_bill
from connector.sync.models import Bill
from connector.sync.narrow import narrow
from connector.tenants.models import EntityRoute, Tenant, zone_of

SLICE = 200
STEP_S = 4.0  # then others have their turn
_COLUMNS = (
    "pk",
    "bill_id",
    "state",
    "entity_id",
    "company",
    "vendor_ramp_id",
    "vendor_name",
    "invoice_num",
    "amount",
    "currency",
    "issued_on",
)


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A posting with its bill; None when that is not mirrored or cannot be read.

    `company` is the one it was entered in, else the one its entity goes to now, else "".
    """

    posting: Posting
    bill: RampBill | None
    company: str


def since(tenant: Tenant, days: int) -> date:
    """The first day of the last `days` days, in the tenant's zone."""
    return timezone.localdate(timezone=zone_of(tenant)) - timedelta(days=days)


def count(tenant: Tenant, first: date) -> int:
    """How many postings of bills issued since a day there are."""
    return _of(tenant, first).count()


def after(tenant: Tenant, first: date, pk: int) -> list[Mirrored]:
    """The next slice of bills issued since `first`, after the posting `pk`, in three queries."""
    postings = list(_of(tenant, first).filter(pk__gt=pk).order_by("pk").only(*_COLUMNS)[:SLICE])
    ids = [posting.bill_id for posting in postings]
    rows = Bill.objects.filter(tenant=tenant, bill_id__in=ids).values_list("bill_id", "payload")
    # One that breaks the reading counts as one that cannot be read.
    parts = narrow(list(rows), _parsed, lambda *_: None)
    bills = {bill_id: bill for part in parts for bill_id, bill in part}
    routes = dict(
        EntityRoute.objects.filter(tenant=tenant).values_list("ramp_entity_id", "company")
    )
    return [
        Mirrored(p, bills.get(p.bill_id), p.company or routes.get(p.entity_id, ""))
        for p in postings
    ]


def walk(
    tenant: Tenant, first: date, pk: int, look: Callable[[list[Mirrored]], None]
) -> int | None:
    """Look at slices for a few seconds; returns the posting to go on after, None at the end."""
    deadline = time.monotonic() + STEP_S
    while found := after(tenant, first, pk):
        look(found)
        pk = found[-1].posting.pk
        if time.monotonic() > deadline:
            return pk
    return None


def _of(tenant: Tenant, first: date) -> QuerySet[Posting]:
    return Posting.objects.filter(tenant=tenant, issued_on__gte=first)


def _parsed(rows: Sequence[tuple[str, object]]) -> list[tuple[str, RampBill | None]]:
    return [(bill_id, _bill(payload)) for bill_id, payload in rows]


def _bill(payload: object) -> RampBill | None:
    try:
        return parse_bill(payload) if isinstance(payload, dict) else None
    except InvalidBillError:
        return None
