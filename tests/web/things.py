"""What the addresses of tests/web/permissions.py are about, and forms that succeed.

Whatever can hide a secret has SECRET in it.
"""

import itertools
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from audit.ledger.models import Posting
from audit.trail import log
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.actions import bill_jobs, mapping_import, mapping_what_if, questions, tenant_setup
from connector.jobs import runner
from connector.jobs.models import Job
from connector.tenants import sections
from connector.tenants.models import Membership, Tenant
from connector.web.actions.selection import as_seen
from connector.web.models import SavedView
from mappings.files import MappingRow
from mappings.models import EpicorVendor, ProposedMapping
from tests import builders
from tests.web.factors import give_app
from tests.web.rows import SECRET, block, make_asked, make_posting

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


def an_job(tenant: Tenant, person: User | None = None) -> Arguments:
    """Something that somebody asked for and that is done."""
    posting = make_posting(tenant, f"e-{next(_numbers)}")
    return {"pk": _job(tenant, "replay", {"ids": [posting.pk]}).pk}


def a_test(tenant: Tenant, person: User | None = None) -> Arguments:
    """A test of both connections that is done."""
    return {"pk": _job(tenant, tenant_setup.TEST, {}).pk}


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


def a_member_with_a_factor(tenant: Tenant, person: User | None = None) -> Arguments:
    """Somebody of the tenant who logs in with an app."""
    member = Membership.objects.get(**a_member(tenant))
    give_app(member.user)
    return {"pk": member.pk}


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


def a_ticked_bill(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    posting = make_posting(tenant, f"t-{next(_numbers)}", hold_reason="refused")
    return {"ids": posting.pk}


def an_asked_bill(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    """A bill that Epicor asked something about."""
    return {"only": make_asked(tenant, f"q-{next(_numbers)}").pk}


def an_accepted_question(tenant: Tenant, person: User | None = None) -> Arguments:
    """A question that stops no bill."""
    posting = make_asked(tenant, f"q-{next(_numbers)}", text=f"Is it vendor V{next(_numbers)}X?")
    questions.go_on(tenant, [posting], always=True, actor="ann")
    return {"pk": questions.remembered(tenant)[0].pk}


def a_suspected_bill(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    """A bill that waits because somebody may have typed it."""
    twin = {
        "company": "EPIC06",
        "vendor_num": 7,
        "vendor_id": "ACME",
        "invoice_num": "INV-7",
        "invoice_date": "2026-11-02",
        "total": "120.00",
        "currency": "USD",
        "entry_person": "jsmith",
        "group_id": "G1",
        "posted": False,
        "stamp": "",
        "same_key": False,
    }
    posting = make_posting(
        tenant,
        f"s-{next(_numbers)}",
        hold_reason="duplicate_suspected",
        hold_detail={"twins": [twin]},
    )
    return {"only": posting.pk}


def a_bill_to_be_numbered(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    number = next(_numbers)
    return {"only": make_posting(tenant, f"n-{number}", hold_reason="duplicate_suspected").pk}


def sure(posting: Posting, **more: Any) -> Mapping[str, Any]:
    """The second step of an act on a bill: it was seen as it is now, and is to be done."""
    mark = as_seen([Posting.objects.get(pk=posting.pk)])
    return {"sure": "1", "chosen": mark, "reason": "Agreed", "note": "Agreed", **more}


def a_sure_bill(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    return sure(Posting.objects.get(tenant=tenant, bill_id=a_bill(tenant)["bill_id"]))


def a_sure_assignment(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    """Somebody looks after a bill, and nobody is to."""
    found = a_bill(tenant)["bill_id"]
    Posting.objects.filter(tenant=tenant, bill_id=found).update(assignee="ann")
    return sure(Posting.objects.get(tenant=tenant, bill_id=found), assignee="")


def a_sure_snooze(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    day = builders.today() + timedelta(days=3)
    return {**a_sure_bill(tenant, arguments), "until": day.isoformat()}


def a_sure_keep(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    """What is in Epicor differs, and stays."""
    name = f"k-{next(_numbers)}"
    return sure(make_posting(tenant, name, state="confirmed", hold_reason="mismatch"))


def a_sure_question(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    """What Epicor asked of a bill is answered."""
    return sure(make_asked(tenant, f"q-{next(_numbers)}", text=f"Is it V{next(_numbers)}Y?"))


def a_sure_number(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    """A bill gets another number."""
    posting = Posting.objects.get(pk=a_bill_to_be_numbered(tenant, arguments)["only"])
    return sure(posting, number=f"INV-{next(_numbers)}-B")


def a_sure_answer(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    """What somebody says of a suspected invoice."""
    return sure(Posting.objects.get(pk=a_suspected_bill(tenant, arguments)["only"]))


def an_entered_bill(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    return {"only": make_posting(tenant, f"r-{next(_numbers)}", state="confirmed").pk}


def a_removed_bill(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    """A bill that was taken out of Epicor, and that one is sure."""
    return sure(make_posting(tenant, f"r-{next(_numbers)}", state="removed"))


def a_looked_up_bill(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    """An entered bill, what removing it would delete, and that one is sure."""
    posting = make_posting(tenant, f"r-{next(_numbers)}", state="confirmed")
    plan = _job(tenant, bill_jobs.PLAN_REMOVAL, {"enter_again": False})
    shown = {"refusal": "", "invoice": None}
    Job.objects.filter(pk=plan.pk).update(subject=posting.bill_id, details=shown)
    return {**sure(posting), "plan": plan.pk}


def a_plan_of_removal(tenant: Tenant, person: User | None = None) -> Arguments:
    """What would be deleted with a bill, looked up."""
    posting = make_posting(tenant, f"r-{next(_numbers)}", state="confirmed")
    job = _job(tenant, bill_jobs.PLAN_REMOVAL, {"enter_again": False})
    Job.objects.filter(pk=job.pk).update(subject=posting.bill_id)
    return {"pk": job.pk}


def _vendor(tenant: Tenant) -> str:
    """A vendor of Epicor."""
    values = {"vendor_id": "ACME", "name": "Acme", "terms_code": "N30"}
    EpicorVendor.objects.get_or_create(
        tenant=tenant, company="EPIC06", vendor_num=7, defaults=values
    )
    return "ACME"


def a_mapping_for_a_cause(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    """A bill's vendor, and what it is in Epicor."""
    bill = a_bill(tenant)
    cause = {"cause": "vendor_unmapped", "kind": "vendors", "at": "EPIC06"}
    return {**cause, "ref": f"v-{bill['bill_id']}", "target": _vendor(tenant), "scope": "one"}


def a_mapping(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    return {"ramp_id": f"v-{next(_numbers)}", "epicor_id": _vendor(tenant), "company": ""}


def a_mapping_file(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    content = f"ramp_id,ramp_name,epicor_id,epicor_name\nv-{next(_numbers)},A,{_vendor(tenant)},\n"
    return {"file": SimpleUploadedFile("vendors.csv", content.encode())}


def a_preview(tenant: Tenant, person: User | None = None) -> Arguments:
    """A file whose effect was looked at."""
    row = MappingRow(2, f"v-{next(_numbers)}", "A", _vendor(tenant), "", "")
    job = mapping_import.request_preview(tenant, "vendors", "vendors.csv", [row], actor="ann")
    runner.run(job.pk)
    return {"pk": job.pk}


def an_import(tenant: Tenant, person: User | None = None) -> Arguments:
    """A file that was imported."""
    looked = Job.objects.get(**a_preview(tenant))
    job = mapping_import.request_import(looked, actor="ann", with_replay=False)
    runner.run(job.pk)
    return {"pk": job.pk}


def a_decision(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    """No to a change that somebody else proposed."""
    proposal = ProposedMapping.objects.create(
        tenant=tenant,
        kind="vendors",
        ramp_id=f"v-{next(_numbers)}",
        epicor_id=_vendor(tenant),
        proposed_by="somebody",
        proposed_at=timezone.now(),
    )
    return {"pick": proposal.pk, "decision": "reject"}


def a_question(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    return {"ramp_id": f"v-{next(_numbers)}", "epicor_id": _vendor(tenant), "days": "30"}


def a_question_with_a_file(tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
    return {**a_mapping_file(tenant, arguments), "days": "30"}


def an_answer(tenant: Tenant, person: User | None = None) -> Arguments:
    """What a change would have done, found out."""
    row = MappingRow(0, f"v-{next(_numbers)}", "A", _vendor(tenant), "", "")
    job = mapping_what_if.request_what_if(tenant, "vendors", [row], 30, actor="ann")
    runner.run(job.pk)
    return {"pk": job.pk}


def _mark(tenant: Tenant, key: str) -> str:
    """What the form says of the state that the person saw."""
    return sections.mark(sections.SECTIONS[key], sections.values(tenant))


def _job(tenant: Tenant, kind: str, arguments: Mapping[str, Any]) -> Job:
    return builders.make_job(
        tenant, kind, arguments=dict(arguments), total=1, **builders.over("Done.")
    )
