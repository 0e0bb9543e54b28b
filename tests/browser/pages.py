"""Every page that a person can open: what it is called, where it is, and who looks at it.

`test_every_page.py` examines each, `screenshots.py` takes its picture. A new page is a new row.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.actions import mapping_import, mapping_usage, questions, requests
from connector.actions.mapping_what_if import request_what_if
from connector.domain.difference import Difference, listed, stored
from connector.domain.errors import Hold, Reason
from connector.jobs import runner
from connector.jobs.models import Job
from connector.tenants.models import Membership, Tenant
from connector.tenants.sections import SECTIONS
from connector.web.settings.steps import STEPS
from mappings import changes
from mappings.coding import VENDORS
from mappings.files import MappingRow
from mappings.models import VendorMapping
from mappings.proposals import propose
from mappings.targets import targets_for
from mappings.usage import is_counted
from tests import builders
from tests.web.rows import make_asked

EMPTY = "empty"  # the slug of a tenant that is connected to nothing
ASKED = "asked"  # of one whose bills wait for questions of Epicor


@dataclass(frozen=True, slots=True)
class Row:
    """One page. `address` may be made from the demo's tenant; `role` None = nobody logged in."""

    name: str
    address: str | Callable[[Tenant], str]
    role: str | None = "accountant"
    status: int = 200

    def path(self, tenant: Tenant) -> str:
        """The address in this tenant."""
        return self.address if isinstance(self.address, str) else self.address(tenant)


def bill(**like: object) -> Callable[[Tenant], str]:
    """The page of the first bill that is like this."""

    def of(tenant: Tenant) -> str:
        posting = Posting.objects.filter(tenant=tenant, **like).first()
        assert posting is not None, f"The demo has no bill with {like}."
        return f"/t/demo/bills/{posting.bill_id}"

    return of


def job(tenant: Tenant) -> str:
    """The page of something that was asked for and is done."""
    entered = list(Posting.objects.filter(tenant=tenant, state=Posting.State.CONFIRMED)[:3])
    made = requests.request_replay(tenant, entered, "Replay 3 bills", actor="accountant")
    return f"/t/demo/activity/{made.pk}/"


def preview(tenant: Tenant) -> str:
    """The page of a mapping file that was looked at: one target changes, one is new."""
    counted(tenant)
    known = list(VendorMapping.objects.filter(tenant=tenant, company="").order_by("pk")[:2])
    rows = [
        MappingRow(2, known[0].ramp_id, known[0].ramp_name, known[1].epicor_id, "Other Name", ""),
        MappingRow(3, "new", "New Vendor", known[1].epicor_id, "", ""),
        MappingRow(4, known[1].ramp_id, "", known[1].epicor_id, "", ""),
    ]
    made = mapping_import.request_preview(tenant, VENDORS, "vendors.csv", rows, actor="accountant")
    runner.run(made.pk)
    return f"/t/demo/mappings/imports/{made.pk}/"


def what_if(tenant: Tenant) -> str:
    """The page of a what-if that is over."""
    known = list(VendorMapping.objects.filter(tenant=tenant, company="").order_by("pk")[:2])
    wish = MappingRow(0, known[0].ramp_id, known[0].ramp_name, known[1].epicor_id, "", "")
    made = request_what_if(tenant, VENDORS, [wish], 365, actor="accountant")
    while not Job.objects.filter(pk=made.pk).exclude(state="open").exists():
        runner.run(made.pk)
    return f"/t/demo/mappings/what-if/{made.pk}/"


def approval(tenant: Tenant) -> str:
    """The approvals with a change that waits: a vendor's target becomes another."""
    counted(tenant)
    known = list(VendorMapping.objects.filter(tenant=tenant, company="").order_by("pk")[:2])
    wish = MappingRow(0, known[0].ramp_id, known[0].ramp_name, known[1].epicor_id, "", "")
    with transaction.atomic():
        changes.lock(tenant.pk)
        found = changes.compare(
            tenant.pk,
            VENDORS,
            [wish],
            changes.stored(tenant.pk, VENDORS, [wish]),
            targets_for(tenant.pk, VENDORS, [wish]),
        )
        propose(tenant.pk, VENDORS, found, source="manual", actor="accountant")
    return "/t/demo/mappings/approvals/"


def counted(tenant: Tenant) -> str:
    """The vendors after the bills were counted."""
    made = None if is_counted(tenant.pk) else mapping_usage.request_count(tenant)
    while made is not None and not Job.objects.filter(pk=made.pk).exclude(state="open"):
        runner.run(made.pk)
    return "/t/demo/mappings/vendors/"


def entry(tenant: Tenant) -> str:
    """One entry of the trail, whole."""
    found = AuditEntry.objects.filter(tenant=tenant, action="posting.entered").first()
    assert found is not None
    return f"/t/demo/audit/entries/{found.pk}/"


def chosen(tenant: Tenant) -> tuple[Posting, Posting]:
    """The bills of which `arrange` made one that differs and one that looks like a typed one."""
    held = Posting.objects.filter(tenant=tenant).exclude(hold_reason="").order_by("pk")
    mismatch, twin = (held.filter(assignee=name).first() for name in _ARRANGED)
    assert mismatch is not None
    assert twin is not None
    return mismatch, twin


_ARRANGED = ("pictured-mismatch", "pictured-twin")


def arrange() -> None:
    """What the rows need besides the demo's tenant."""
    builders.make_tenant(EMPTY, name="Fresh Start Ltd")
    asked = builders.make_tenant(ASKED, name="Many Questions Ltd")
    user = User.objects.get(username="accountant")
    Membership.objects.create(tenant=asked, user=user, role="accountant")
    for number in ("1042", "1043"):
        make_asked(asked, number)
    make_asked(
        asked, "1044", "A legal number is required.", method="UpdateMaster", answerable=False
    )
    known = make_asked(asked, "1041", "Supplier ACME is over its limit by 1,250.00 USD. Go on?")
    questions.go_on(asked, [known], always=True, actor="accountant")
    demo = Posting.objects.filter(tenant__slug="demo")
    entered = demo.filter(state=Posting.State.CONFIRMED, hold_reason="")
    mismatch = entered.order_by("-pk")[0]
    off = mismatch.amount + 10
    points = [
        Difference.of("total", mismatch.amount, off),
        Difference.of("line_amount", mismatch.amount, off, 1),
        Difference("due_date", "2026-12-24", "2026-12-31"),
        Difference("pay_hold", expected=True, actual=False),
    ]
    message = (
        "Read back, the invoice in Epicor is not what was entered: "
        f"{listed(points, mismatch.currency)}. Correct it in Epicor, or keep it as it is."
    )
    lifecycle.hold(mismatch, Hold(Reason.MISMATCH, message, {"differences": stored(points)}))
    waiting = demo.filter(state=Posting.State.QUEUED).exclude(hold_reason="")
    twin = waiting.exclude(hold_reason=Reason.VENDOR_UNMAPPED).order_by("pk")[0]
    suspect = {
        "company": "EPIC06",
        "vendor_num": 17,
        "vendor_id": "NORDWIND",
        "invoice_num": f"{twin.invoice_num}A",
        "invoice_date": "2026-11-20",
        "total": f"{twin.amount or 0:f}",
        "currency": twin.currency,
        "entry_person": "jsmith",
        "group_id": "HAND01",
        "posted": False,
        "stamp": "",
        "same_key": False,
    }
    message = (
        "Epicor has an invoice that may be this bill. Nothing was entered. Compare the two, then "
        "say that it is ours, or that it is different."
    )
    lifecycle.hold(twin, Hold(Reason.DUPLICATE_SUSPECTED, message, {"twins": [suspect]}))
    for posting, name in zip((mismatch, twin), _ARRANGED, strict=True):
        Posting.objects.filter(pk=posting.pk).update(assignee=name)


PAGES = [
    Row("login", "/admin/login/", None),
    Row("forgotten", "/account/forgotten/", None),
    Row("account", "/account/", "accountant"),
    Row("account-again", "/account/again/", "accountant"),
    Row("chooser", "/", "superuser"),
    Row("today", "/t/demo/"),
    Row("today-auditor", "/t/demo/", "auditor"),
    Row("today-unconnected", f"/t/{EMPTY}/", "superuser"),
    Row("exceptions", "/t/demo/exceptions/"),
    Row("exceptions-none", f"/t/{EMPTY}/exceptions/", "superuser"),
    Row("bills", "/t/demo/bills/"),
    Row("bills-none", f"/t/{EMPTY}/bills/", "superuser"),
    Row("bill-held", bill(hold_reason="vendor_unmapped")),
    Row("bill-mismatch", lambda tenant: f"/t/demo/bills/{chosen(tenant)[0].bill_id}"),
    Row("bill-twin", lambda tenant: f"/t/demo/bills/{chosen(tenant)[1].bill_id}"),
    Row("bill-entered", bill(state=Posting.State.CONFIRMED)),
    Row("bill-as-of", lambda tenant: f"{bill(state=Posting.State.CONFIRMED)(tenant)}/as-of"),
    Row("exceptions-cause", "/t/demo/exceptions/cause/?cause=invalid_bill"),
    Row("exceptions-asked", f"/t/{ASKED}/exceptions/cause/?cause=asked"),
    Row("bill-asked", f"/t/{ASKED}/bills/1042"),
    Row("bill-asked-in-vain", f"/t/{ASKED}/bills/1044"),
    Row("mappings-vendors", "/t/demo/mappings/vendors/"),
    Row("mappings-gl-accounts", "/t/demo/mappings/gl_accounts/"),
    Row("mappings-cost-centers", "/t/demo/mappings/cost_centers/"),
    Row("mappings-auditor", "/t/demo/mappings/vendors/", "auditor"),
    Row("mapping-import", "/t/demo/mappings/vendors/import/"),
    Row("mapping-what-if", "/t/demo/mappings/vendors/what-if/"),
    Row("mapping-approvals", "/t/demo/mappings/approvals/", "approver"),
    Row("mappings-counted", counted),
    Row("mapping-preview", preview),
    Row("mapping-what-if-found", what_if),
    Row("mapping-approvals-waiting", approval, "approver"),
    Row("audit", "/t/demo/audit/", "auditor"),
    Row("audit-singles", "/t/demo/audit/?singles=on", "auditor"),
    Row("audit-entry", entry, "auditor"),
    Row("audit-none", f"/t/{EMPTY}/audit/", "superuser"),
    Row("job", job),
    Row("activity", "/t/demo/activity/"),
    *[Row(f"setup-{key}", f"/t/{EMPTY}/setup/{key}/", "superuser") for key in STEPS],
    Row("setup", f"/t/{EMPTY}/setup/", "superuser"),
    Row("setup-done", "/t/demo/setup/", "superuser"),
    Row("new-tenant", "/setup/", "superuser"),
    Row("settings", "/t/demo/settings/", "admin"),
    Row("settings-questions", f"/t/{ASKED}/settings/", "superuser"),
    Row("settings-auditor", "/t/demo/settings/", "auditor"),
    *[Row(f"settings-{key}", f"/t/demo/settings/{key}/", "admin") for key in SECTIONS],
    Row("people", "/t/demo/people/", "admin"),
    Row("not-found", "/t/demo/nothing-here/", status=404),
    Row("not-allowed", "/admin/auth/user/", status=403),
    Row("administration", "/admin/", "superuser"),
    Row("administration-users", "/admin/auth/user/", "superuser"),
    Row("administration-memberships", "/admin/connector/membership/", "superuser"),
]
