"""Every page that a person can open: what it is called, where it is, and who looks at it.

`test_every_page.py` examines each, `screenshots.py` takes its picture. A new page is a new row.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.models import User

from audit.models import Posting
from connector import questions
from connector.errands import asking
from connector.models import Membership, Tenant
from connector.sections import SECTIONS
from connector.web.setup.steps import STEPS
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


def errand(tenant: Tenant) -> str:
    """The page of something that was asked for and is done."""
    entered = list(Posting.objects.filter(tenant=tenant, state=Posting.State.CONFIRMED)[:3])
    made = asking.ask_replay(tenant, entered, "Replay 3 bills", actor="accountant")
    return f"/t/demo/errands/{made.pk}/"


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


PAGES = [
    Row("login", "/admin/login/", None),
    Row("chooser", "/", "superuser"),
    Row("today", "/t/demo/"),
    Row("today-auditor", "/t/demo/", "auditor"),
    Row("today-unconnected", f"/t/{EMPTY}/", "superuser"),
    Row("exceptions", "/t/demo/exceptions/"),
    Row("exceptions-none", f"/t/{EMPTY}/exceptions/", "superuser"),
    Row("bills", "/t/demo/bills/"),
    Row("bills-none", f"/t/{EMPTY}/bills/", "superuser"),
    Row("bill-held", bill(hold_reason="vendor_unmapped")),
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
    Row("audit", "/t/demo/audit/", "auditor"),
    Row("audit-none", f"/t/{EMPTY}/audit/", "superuser"),
    Row("errand", errand),
    Row("errands", "/t/demo/errands/"),
    *[Row(f"setup-{key}", f"/t/{EMPTY}/setup/{key}/", "superuser") for key in STEPS],
    Row("setup", f"/t/{EMPTY}/setup/", "superuser"),
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
