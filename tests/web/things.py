"""What the addresses of tests/web/permissions.py are about, and forms that succeed.

Whatever can hide a secret has SECRET in it.
"""

import itertools
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from audit import log
from audit.models import Attempt, AuditEntry
from connector import sections
from connector.errands import setup
from connector.models import Errand, Membership, SavedView, Tenant
from tests import builders
from tests.web.rows import SECRET, block, make_posting

Arguments = Mapping[str, Any]
_numbers = itertools.count(1)


def a_bill(tenant: Tenant, person: User | None = None) -> Arguments:
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


def an_attempt(tenant: Tenant, person: User | None = None) -> Arguments:
    bill = a_bill(tenant)
    return {**bill, "pk": Attempt.objects.get(subject_id=bill["bill_id"]).pk}


def an_entry_of_a_bill(tenant: Tenant, person: User | None = None) -> Arguments:
    bill = a_bill(tenant)
    return {**bill, "pk": AuditEntry.objects.get(subject_id=bill["bill_id"]).pk}


def an_entry(tenant: Tenant, person: User | None = None) -> Arguments:
    """An entry of the trail, with something to hide in it."""
    found = log.record(
        tenant.pk,
        "posting.held",
        subject_kind="posting",
        subject_id=f"x-{next(_numbers)}",
        body={"reason": "refused", "message": f"Bearer {SECRET}", "said": f"api_key={SECRET}"},
    )
    return {"pk": found.pk}


def an_errand(tenant: Tenant, person: User | None = None) -> Arguments:
    """Something that somebody asked for and that is done."""
    posting = make_posting(tenant, f"e-{next(_numbers)}")
    return {"pk": _errand(tenant, "replay", {"ids": [posting.pk]}).pk}


def a_test(tenant: Tenant, person: User | None = None) -> Arguments:
    """A test of both connections that is done."""
    return {"pk": _errand(tenant, setup.TEST, {}).pk}


def a_saved_view(tenant: Tenant, person: User | None = None) -> Arguments:
    """A filter that this person gave a name."""
    number = next(_numbers)
    owner = person or builders.make_user(f"viewer-{number}", tenant)
    view = SavedView.objects.create(
        tenant=tenant, user=owner, page="bills", name=f"View {number}", query="state=queued"
    )
    return {"pk": view.pk}


def a_member(tenant: Tenant, person: User | None = None) -> Arguments:
    """Somebody of the tenant who is no admin."""
    user = builders.make_user(f"member-{next(_numbers)}", tenant, "accountant")
    return {"pk": Membership.objects.get(user=user).pk}


def an_invited_member(tenant: Tenant, person: User | None = None) -> Arguments:
    """Somebody who never set a password."""
    member = Membership.objects.get(**a_member(tenant))
    member.user.set_unusable_password()
    member.user.save()
    return {"pk": member.pk}


def a_name(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    return {"name": f"View {next(_numbers)}", "query": "state=queued"}


def another_role(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    return {"role": "approver", "before": "accountant"}


def a_known_person(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    return {"who": builders.make_user(f"known-{next(_numbers)}").username, "role": "auditor"}


def a_new_person(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    return {"username": f"new-{next(_numbers)}", "email": "new@example.com", "role": "auditor"}


def names(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    return {"name": "Another", "time_zone": "UTC", "seen": _mark(tenant, "tenant")}


def ramp(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    return {
        "ramp.base_url": "https://demo-api.ramp.com",
        "ramp.client_id": "another",
        "ramp.client_secret": SECRET,
        "ramp.webhook_secret": "",
        "seen": _mark(tenant, "ramp"),
    }


def calendar(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    return {
        "calendar.sync_cron": "0 9 * * 1-5",
        "calendar.blackout": "2026-12-31",
        "seen": _mark(tenant, "calendar"),
    }


def _mark(tenant: Tenant, key: str) -> str:
    """What the form says of the state that the person saw."""
    return sections.mark(sections.SECTIONS[key], sections.everything(tenant))


def _errand(tenant: Tenant, kind: str, arguments: Mapping[str, Any]) -> Errand:
    now = timezone.now()
    return Errand.objects.create(
        tenant=tenant,
        kind=kind,
        title="What was asked",
        arguments=dict(arguments),
        actor="ann",
        asked_at=now,
        rung_at=now,
        finished_at=now,
        total=1,
        said="Done.",
    )
