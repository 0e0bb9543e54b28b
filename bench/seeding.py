"""Writes one busy tenant: its people, catalogs, mappings, bills and their sealed trail."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from audit.ledger.models import Blocker, Posting
from audit.writes.models import Attempt
from bench.bulk import insert, next_pk, settle
from bench.stories import PEOPLE, Story, Storyteller, Told, vendor_name
from bench.trail import write_trail
from connector.jobs.models import Job
from connector.sync.models import Bill
from connector.tenants.models import (
    EntityRoute,
    EpicorCredentials,
    FinanceCalendar,
    Membership,
    PostingSettings,
    RampCredentials,
    Tenant,
)
from mappings import catalog
from mappings.models import (
    CatalogRefresh,
    DimensionMapping,
    EpicorAccount,
    EpicorVendor,
    GLAccountMapping,
    VendorMapping,
)
from tests.builders import bill_payload

VENDORS = 20_000
ACCOUNTS = 800
CENTERS = 300
_ROLES = ("accountant", "approver", "auditor", "admin")
_RECENT = 5000  # so many of the newest bills have Ramp's copy and attempts


def fill(slug: str, postings: int, entries: int) -> dict[str, int]:
    """Make the tenant with everything of it; says how many rows of each kind. ValueError when
    there is one already."""
    call_command("migrate", verbosity=0)
    if Tenant.objects.filter(slug=slug).exists():
        raise ValueError(f"There is a tenant {slug} already; choose another --tenant.")
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    tenant = make_tenant(slug, now)
    stories = list(Storyteller(postings, VENDORS, now).stories())
    written = {
        "postings": write_postings(tenant, stories),
        "attempts": write_attempts(tenant, stories),
        "mappings": write_mappings(tenant, now),
        "entries": write_trail(tenant, stories, entries, now, VENDORS),
    }
    settle(Posting, Blocker, Attempt, VendorMapping, GLAccountMapping, DimensionMapping)
    return written


@transaction.atomic
def make_tenant(slug: str, now: datetime) -> Tenant:
    """The tenant with its people (the password is the name), connections and last cycles."""
    tenant = Tenant.objects.create(slug=slug, name=slug.title(), time_zone="America/New_York")
    PostingSettings.objects.create(tenant=tenant)
    FinanceCalendar.objects.create(tenant=tenant, next_run_at=now + timedelta(minutes=15))
    nowhere = "http://127.0.0.1:9"
    RampCredentials.objects.create(
        tenant=tenant, base_url=nowhere, client_id="id", client_secret="secret"
    )
    EpicorCredentials.objects.create(
        tenant=tenant,
        base_url=f"{nowhere}/live",
        deployment="cloud",
        api_version="v2",
        api_key="key",
        auth_method="basic",
        username="u",
        password="p",
    )
    for number, company in enumerate(("EPIC06", "EPIC07", "EPIC06")):
        EntityRoute.objects.create(
            tenant=tenant, ramp_entity_id=f"entity-{number}", company=company, site="MfgSys"
        )
    for name, role in zip(PEOPLE, _ROLES, strict=True):
        user, new = User.objects.get_or_create(username=name, defaults={"is_staff": True})
        if new:
            user.set_password(name)
            user.save()
        Membership.objects.create(tenant=tenant, user=user, role=role)
    Job.objects.bulk_create(
        Job(
            tenant=tenant,
            kind="sync",
            state=Job.State.DONE,
            created_at=now - timedelta(minutes=15 * number),
            run_at=now - timedelta(minutes=15 * number),
            finished_at=now - timedelta(minutes=15 * number - 1),
            code="synced",
            data={"fetched": 120, "entered": 40, "exceptions": 12},
        )
        for number in range(2999, 0, -1)
    )
    return tenant


def write_postings(tenant: Tenant, stories: list[Story]) -> int:
    """The postings with what blocks them, and Ramp's copy of those that are looked at."""
    columns = ["id", "tenant_id", *stories[0].row] if stories else []
    ids = count(next_pk(Posting))
    for story in stories:
        story.row["id"] = next(ids)
    rows = ([s.row["id"], tenant.pk, *(s.row[name] for name in columns[2:])] for s in stories)
    number = insert(Posting, columns, rows) if stories else 0
    blocked = [(story.row["id"], it) for story in stories for it in story.blockers]
    names = ["reason", "kind", "company", "ramp_id", "name", "message"]
    insert(Blocker, ["posting_id", *names], ([pk, *(it[n] for n in names)] for pk, it in blocked))
    looked_at = [s for s in stories[:-_RECENT] if s.row["hold_reason"]] + stories[-_RECENT:]
    seen = (
        [
            tenant.pk,
            story.row["bill_id"],
            bill_payload(id=story.row["bill_id"], invoice_number=story.row["invoice_num"]),
            story.row["seen_hash"],
            story.row["updated_at"],
        ]
        for story in looked_at
    )
    insert(Bill, ["tenant_id", "bill_id", "payload", "content_hash", "seen_at"], seen)
    return number


def write_attempts(tenant: Tenant, stories: list[Story]) -> int:
    """The writes to both systems of the newest bills; their entries name them."""
    ids = count(next_pk(Attempt))
    rows = []
    for story in stories[-_RECENT:]:
        begun = None
        for told in story.trail:
            if told.action == "attempt.begun":
                begun, told.body["attempt"] = told, next(ids)
            elif told.action == "attempt.finished" and begun is not None:
                told.body["attempt"] = begun.body["attempt"]
                rows.append(_attempt(tenant, story, begun, told))
    return insert(Attempt, list(rows[0]), (list(row.values()) for row in rows)) if rows else 0


def _attempt(tenant: Tenant, story: Story, begun: Told, ended: Told) -> dict[str, Any]:
    row = story.row
    header = {"Company": row["company"], "InvoiceNum": row["invoice_num"], "GroupID": "R"}
    return {
        "id": begun.body["attempt"],
        "tenant_id": tenant.pk,
        "subject_kind": begun.subject_kind,
        "subject_id": row["bill_id"],
        "action": begun.body["action"],
        "company": row["company"],
        "vendor_num": row["vendor_num"],
        "invoice_num": row["invoice_num"],
        "request": {"ds": {"APInvHed": [header], "APInvDtl": [header] * 3}},
        "request_hash": "0" * 64,
        "coding": _coding(row),
        "outcome": "done",
        "answer": {"revision": 1},
        "message": "",
        "started_at": begun.at,
        "finished_at": ended.at,
        "resolved": False,
    }


def _coding(row: dict[str, Any]) -> dict[str, Any]:
    """How an attempt of a bill was coded, as Coding.as_json writes it."""
    line = {"account": "6000|01|000", "why": ["Account 6000 is mapped by ann."]}
    return {
        "company": row["company"],
        "vendor_id": f"V{(row['vendor_num'] or 1) - 1:05d}",
        "vendor_num": row["vendor_num"],
        "vendor_name": row["vendor_name"],
        "terms_code": "N30",
        "currency_code": row["currency"],
        "lines": [line] * 3,
        "why": ["Vendor: mapped by ann.", "Terms: those of the vendor."],
    }


def write_mappings(tenant: Tenant, now: datetime) -> int:
    """Epicor's vendors and accounts, and what is mapped to them."""
    vendor = ["tenant_id", "company", "vendor_num", "vendor_id", "name", "terms_code"]
    vendor += ["currency_code", "inactive"]
    insert(
        EpicorVendor,
        vendor,
        (
            [tenant.pk, company, n + 1, f"V{n:05d}", vendor_name(n), "N30", "USD", n % 50 == 0]
            for company in ("EPIC06", "EPIC07")
            for n in range(VENDORS)
        ),
    )
    refreshed = [
        CatalogRefresh(tenant=tenant, company=company, catalog=name, refreshed_at=timezone.now())
        for company in ("EPIC06", "EPIC07")
        for name in (catalog.VENDORS, catalog.ACCOUNTS)
    ]
    CatalogRefresh.objects.bulk_create(refreshed)
    insert(
        EpicorAccount,
        ["tenant_id", "company", "account", "description", "active"],
        (
            [tenant.pk, "EPIC06", f"{6000 + n}|01|000", f"Account {n}", True]
            for n in range(ACCOUNTS)
        ),
    )
    columns = ["tenant_id", "company", "ramp_id", "ramp_name", "epicor_id", "epicor_name"]
    columns += ["updated_at", "updated_by", "source"]

    def mapped(prefix: str, number: int, name: str, target: str) -> list[Any]:
        person = PEOPLE[number % len(PEOPLE)]
        return [tenant.pk, "", f"{prefix}-{number}", name, target, name, now, person, "import"]

    total = insert(
        VendorMapping,
        columns,
        (mapped("v", n, vendor_name(n), f"V{n:05d}") for n in range(VENDORS - 200)),
    )
    accounts = range(ACCOUNTS - 60)
    total += insert(
        GLAccountMapping,
        columns,
        (mapped("a", n, f"Account {n}", f"{6000 + n}|01|000") for n in accounts),
    )
    total += insert(
        DimensionMapping,
        [*columns, "field"],
        ([*mapped("c", n, f"Center {n}", f"{n:03d}"), "cost_centers"] for n in range(CENTERS)),
    )
    return total
