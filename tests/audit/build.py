"""Small builders for the audit tests."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.domain.errors import Gap, Hold, Reason
from connector.tenants.models import Tenant

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
MUCH_LATER = datetime(2099, 1, 1, tzinfo=UTC)


def make_tenant(slug: str = "acme") -> Tenant:
    return Tenant.objects.create(slug=slug, name=slug.title(), time_zone="UTC")


def seed(bill_id: str = "bill-1", **values: Any) -> lifecycle.PostingSeed:
    return lifecycle.PostingSeed(
        **{
            "bill_id": bill_id,
            "seen_hash": "a" * 64,
            "entity_id": "entity-1",
            "vendor_ramp_id": "vendor-1",
            "vendor_name": "Nordwind Paper",
            "invoice_num": f"INV-{bill_id}",
            "amount": Decimal("120.50"),
            "currency": "USD",
            "issued_on": date(2026, 11, 2),
            "due_on": date(2026, 12, 2),
            "apply_on": date(2026, 11, 2),
            **values,
        }
    )


def opened(tenant: Tenant, *bill_ids: str, **values: Any) -> list[Posting]:
    lifecycle.open_many(tenant.pk, [seed(bill_id, **values) for bill_id in bill_ids])
    return list(Posting.objects.filter(tenant=tenant, bill_id__in=bill_ids).order_by("id"))


def claimed(tenant: Tenant, *bill_ids: str, owner: str = "w1") -> list[Posting]:
    ids = [posting.pk for posting in opened(tenant, *bill_ids)]
    return lifecycle.claim(tenant.pk, owner=owner, limit=100, lease_s=60, now=NOW, ids=ids)


def enter(posting: Posting, owner: str = "w1", **values: Any) -> None:
    facts: dict[str, Any] = {
        "company": "EPIC06",
        "vendor_num": 7,
        "invoice_num": posting.invoice_num,
        "group_id": "R261102A",
        "sys_rev_id": 4711,
        "entered_as": {"total": "1.00"},
        "entered_hash": posting.seen_hash,
        "apply_on": date(2026, 11, 2),
        "body": {"changed_by": "connector"},
    }
    lifecycle.mark_entered(posting, owner=owner, **{**facts, **values})


def vendor_gap(ramp_id: str = "vendor-1", name: str = "Nordwind Paper") -> Gap:
    message = f"{name} has no Epicor vendor."
    return Gap(Reason.VENDOR_UNMAPPED, "vendors", ramp_id, name, message, "EPIC06")


def unmapped(*gaps: Gap) -> Hold:
    gaps = gaps or (vendor_gap(),)
    return Hold(gaps[0].reason, " ".join(gap.message for gap in gaps), {"gaps": len(gaps)}, gaps)


def actions(tenant: Tenant, bill_id: str) -> list[str]:
    rows = AuditEntry.objects.filter(tenant=tenant, subject_id=bill_id).order_by("at")
    return list(rows.values_list("action", flat=True))
