"""Makes the rows that tests start from: a tenant with its connections, people, and Ramp bills."""

import itertools
import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.utils import timezone

from audit.trail import log
from audit.writes.models import Attempt
from connector.jobs.models import Job
from connector.sync.models import Bill
from connector.tenants import sections, tenant_file
from connector.tenants.models import (
    EntityRoute,
    EpicorCredentials,
    FinanceCalendar,
    Membership,
    PostingSettings,
    RampCredentials,
    Tenant,
)

ZONE = "America/New_York"  # of every tenant made here, unless a test says otherwise
_numbers = itertools.count(1)
ENTITY = "6f4e6d25-28e2-507b-9275-eea4c100eabf"


def today(tenant: Tenant | None = None) -> date:
    """The day that it is now for `tenant`, or for the tenants made here: never the day in UTC."""
    return timezone.localdate(timezone=ZoneInfo(tenant.time_zone if tenant else ZONE))


def make_tenant(slug: str | None = None, **values: Any) -> Tenant:
    """A tenant with posting settings, a calendar and one route (ENTITY → EPIC06)."""
    slug = slug or f"tenant-{next(_numbers)}"
    defaults = {"name": slug.title(), "time_zone": ZONE}
    tenant = Tenant.objects.create(slug=slug, **{**defaults, **values})
    PostingSettings.objects.create(tenant=tenant)
    FinanceCalendar.objects.create(tenant=tenant)
    EntityRoute.objects.create(
        tenant=tenant, ramp_entity_id=ENTITY, company="EPIC06", site="MfgSys"
    )
    return tenant


def connect(tenant: Tenant, box: Any) -> Tenant:
    """Give the tenant the credentials of running stand-ins."""
    file = box.world.tenant_file(box.ramp.url, box.epicor.url)
    make_ramp_credentials(tenant, **file["ramp"])
    epicor = dict(file["epicor"])
    login = epicor.pop("auth")
    epicor["auth_method"] = login.pop("method")
    epicor["ca_file"] = epicor["ca_file"] or ""
    make_epicor_credentials(tenant, **epicor, **login)
    return tenant


def make_ramp_credentials(tenant: Tenant, **values: Any) -> RampCredentials:
    """Credentials for Ramp; by default for an address where nobody listens."""
    defaults = {
        "base_url": "http://127.0.0.1:9",
        "client_id": "id",
        "client_secret": "secret",
        "webhook_secret": "hook",
    }
    return RampCredentials.objects.create(tenant=tenant, **{**defaults, **values})


def make_epicor_credentials(tenant: Tenant, **values: Any) -> EpicorCredentials:
    """Credentials for Epicor in the cloud; by default for an address where nobody listens."""
    defaults = {
        "base_url": "http://127.0.0.1:9/kinetic",
        "deployment": "cloud",
        "api_version": "v2",
        "api_key": "key",
        "auth_method": "oauth2",
        "token_url": "http://127.0.0.1:9/connect/token",
        "client_id": "id",
        "client_secret": "secret",
        "scope": "epicor_erp",
        "rate_group": "MAIN",
    }
    return EpicorCredentials.objects.create(tenant=tenant, **{**defaults, **values})


def make_user(name: str, tenant: Tenant | None = None, role: str = "accountant") -> User:
    """A user, a member of the tenant if one is given. The password is the name."""
    user = User.objects.create_user(name, password=name, is_staff=True)
    if tenant is not None:
        Membership.objects.create(tenant=tenant, user=user, role=role)
    return user


def make_people(tenant: Tenant) -> dict[str, User]:
    """One user for each role, and `stranger`, who is no member."""
    people = {role: make_user(role, tenant, role) for role in Membership.Role.values}
    return {**people, "stranger": make_user("stranger")}


def money(minor: int, currency: str = "USD", **extra: Any) -> dict[str, Any]:
    """An amount as Ramp writes it."""
    return {"amount": minor, "currency_code": currency, **extra}


def choice(option: str, *, field: str = "Category", kind: str = "GL_ACCOUNT") -> dict[str, Any]:
    """One chosen accounting option."""
    return {
        "id": str(uuid.uuid4()),
        "name": f"Option {option}",
        "external_id": option,
        "external_code": option,
        "category_info": {
            "id": str(uuid.uuid4()),
            "external_id": field,
            "name": field,
            "type": kind,
        },
    }


def bill_payload(**changes: Any) -> dict[str, Any]:
    """A plain bill of 120.00 USD in two lines, as GET /bills/{id} gives it."""
    bill = {
        "id": str(uuid.uuid4()),
        "status": "OPEN",
        "approval_status": "APPROVED",
        "sync_status": "NOT_SYNCED",
        "invoice_number": "INV-1",
        "amount": money(12000),
        "fx_conversion_rate": "1.0",
        "issued_at": "2026-11-02T00:00:00+00:00",
        "due_at": "2026-12-02T00:00:00+00:00",
        "accounting_date": "2026-11-03T00:00:00+00:00",
        "created_at": "2026-11-02T21:30:00+00:00",
        "archived_at": None,
        "entity_id": ENTITY,
        "vendor": {"id": str(uuid.uuid4()), "name": "Acme Supplies", "remote_id": "ACME"},
        "vendor_contact_id": None,
        "bill_owner": {"id": str(uuid.uuid4())},
        "line_items": [
            {
                "amount": money(10000),
                "memo": "Paper",
                "accounting_field_selections": [choice("6000")],
            },
            {"amount": money(2000), "accounting_field_selections": [choice("6100")]},
        ],
        "inventory_line_items": [],
        "accounting_field_selections": [],
        "invoice_urls": ["https://files.example/a.pdf?signature=secret"],
        "payment": None,
    }
    return {**bill, **changes}


def tell_bill(tenant: Tenant, bill_id: str, *, secret: str) -> None:
    """What surrounds a held bill: Ramp's copy, a refused attempt and a trail, all with `secret`."""
    now = timezone.now()
    hidden = {"headers": {"Authorization": f"Bearer {secret}"}, "InvoiceNum": "INV-1"}
    Bill.objects.create(
        tenant=tenant,
        bill_id=bill_id,
        payload=bill_payload(id=bill_id, invoice_urls=[f"https://files.example/?s={secret}"]),
        content_hash="x",
        seen_at=now,
    )
    Attempt.objects.create(
        tenant=tenant,
        subject_kind="posting",
        subject_id=bill_id,
        action="enter_invoice",
        request=hidden,
        answer=hidden,
        request_hash="x",
        outcome="refused",
        message="Epicor refused the invoice.",
        started_at=now,
        finished_at=now,
    )
    log.record(
        tenant.pk,
        "posting.held",
        subject_kind="posting",
        subject_id=bill_id,
        body={"reason": "vendor_unmapped", "message": "Nothing was sent.", **hidden},
    )


def store_settings(tenant: Tenant, document: Mapping[str, Any], *, actor: str = "ann") -> list[str]:
    """Store sections of a tenant that may be in the making, named as in a tenant file."""
    reader = tenant_file.Reader()
    reader.walk(document, "")
    bound: list[sections.Bound] = [
        form(reader.given, instance=sections.row_of(tenant, form))
        for form in sections.FORMS
        if reader.given.keys() & form.columns()
    ]
    bound += [one.of(reader.rows[one.path]) for one in sections.LISTS if one.path in reader.rows]
    return sections.store(tenant, bound, actor=actor, problems=reader.problems)


def lines(path: str, **columns: list[str]) -> dict[str, str]:
    """What a page sends of a list of the settings: the lines, column by column."""
    count = max(map(len, columns.values()))
    sent = {f"{path}-TOTAL_FORMS": str(count), f"{path}-INITIAL_FORMS": "0"}
    for name, texts in columns.items():
        sent |= {f"{path}-{number}-{name}": text for number, text in enumerate(texts)}
    return sent


def make_job(tenant: Tenant, kind: str, **values: Any) -> Job:
    """A job of a kind as it stands; with `over(…)` among the values it is over."""
    now = timezone.now()
    defaults = {"title": "Title", "actor": "ann", "created_at": now, "run_at": now}
    return Job.objects.create(tenant=tenant, kind=kind, **{**defaults, **values})


def over(message: str = "Done.", *, failed: bool = False, **details: Any) -> dict[str, Any]:
    """What a job has that is over: its sentence, and the details that its page shows."""
    return {
        "state": Job.State.FAILED if failed else Job.State.DONE,
        "finished_at": timezone.now(),
        "code": "message",
        "data": {"message": message},
        "details": details,
    }
