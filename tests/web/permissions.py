"""Every address of a tenant: who may use it. A new address is a new row in TABLE.

A row names the address (`name` in its `path(…)`), the method and the capability of
audit/access.py. `of` makes what the address is about in a tenant and returns the address's
arguments; it is called anew for each try, so what it makes must be new each time. A POST that is
allowed must succeed, so `data` gives a form that does: a dict, or a function of the tenant and of
what `of` returned.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from audit import log
from connector.models import Errand, Tenant
from tests import builders
from tests.web.rows import SECRET, block, make_posting

Arguments = Mapping[str, Any]
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Row:
    """One address with one method."""

    name: str
    method: str
    capability: str
    of: Callable[[Tenant], Arguments] | None = None
    data: Mapping[str, Any] | Callable[[Tenant, Arguments], Mapping[str, Any]] | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.name}"

    def arguments(self, tenant: Tenant) -> Arguments:
        return self.of(tenant) if self.of else {}

    def form(self, tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
        if callable(self.data):
            return self.data(tenant, arguments)
        return self.data or {}


def a_bill(tenant: Tenant) -> Arguments:
    """A bill held for its vendor, with Ramp's copy, an attempt and a trail."""
    bill_id = f"b-{tenant.slug}-{next(_numbers)}"
    posting = make_posting(
        tenant,
        bill_id,
        hold_reason="vendor_unmapped",
        hold_message="Acme Supplies has no Epicor vendor. Nothing was sent.",
        hold_detail={"api_key": SECRET, "path": "/ok"},
    )
    block(posting, f"v-{bill_id}", "Acme Supplies")
    builders.tell_bill(tenant, bill_id, secret=SECRET)
    return {"bill_id": bill_id}


def an_errand(tenant: Tenant) -> Arguments:
    """Something that somebody asked for and that is done."""
    now = timezone.now()
    errand = Errand.objects.create(
        tenant=tenant,
        kind="replay",
        title="Replay 1 bill",
        arguments={"ids": [make_posting(tenant, f"e-{next(_numbers)}").pk]},
        actor="ann",
        asked_at=now,
        rung_at=now,
        finished_at=now,
        total=1,
    )
    return {"pk": errand.pk}


def an_entry(tenant: Tenant) -> Arguments:
    """An entry of the trail, with something to hide in it."""
    found = log.record(
        tenant.pk,
        "posting.held",
        subject_kind="posting",
        subject_id=f"x-{next(_numbers)}",
        body={"reason": "refused", "message": f"Bearer {SECRET}", "said": f"api_key={SECRET}"},
    )
    return {"pk": found.pk}


TABLE = [
    Row("today", "GET", "view"),
    Row("exceptions", "GET", "view"),
    Row("bills", "GET", "view"),
    Row("bill", "GET", "view", a_bill),
    Row("errand", "GET", "view", an_errand),
    Row("audit", "GET", "view"),
    Row("audit-entry", "GET", "view", an_entry),
    Row("audit-verify", "POST", "export_audit"),
    Row("audit-export", "POST", "export_audit", data={"format": "csv"}),
    Row("bill-as-of", "GET", "view", a_bill),
]
