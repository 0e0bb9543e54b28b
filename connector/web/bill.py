"""One bill, whole. Its address is permanent: Ramp links to it."""

from dataclasses import dataclass
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from audit.access import requires
from audit.failures import InvalidBillError
from audit.models import Attempt, AuditEntry, Blocker, Posting
from connector.domain.bill import Bill as RampBill
from connector.models import Bill
from connector.ramp.parse import parse_bill
from connector.web import shell

_TIMELINE = 200


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str, bill_id: str) -> HttpResponse:
    """One bill, whole. Its address is permanent: Ramp links to it."""
    posting = posting_of(request, bill_id)
    name = posting.invoice_num or posting.bill_id
    context = {"bill": bill_page(posting)}
    return shell.page(request, "connector/bill.html", f"Bill {name}", context)


def posting_of(request: HttpRequest, bill_id: str) -> Posting:
    """The tenant's posting of a bill. Raises Http404."""
    posting = Posting.objects.filter(tenant=shell.tenant_of(request), bill_id=bill_id).first()
    if posting is None:
        raise Http404("No such bill.")
    return posting


@dataclass(frozen=True, slots=True)
class BillPage:
    """One bill, whole: Ramp's side, ours, every attempt and the trail."""

    posting: Posting
    ramp: RampBill | None
    ramp_problem: str  # why Ramp's side cannot be shown, "" when it can
    seen_at: datetime | None
    blockers: list[Blocker]
    attempts: list[Attempt]
    timeline: list[AuditEntry]


def bill_page(posting: Posting) -> BillPage:
    """Everything about one bill."""
    ours = {"tenant_id": posting.tenant_id, "subject_id": posting.bill_id}
    mirror = Bill.objects.filter(tenant_id=posting.tenant_id, bill_id=posting.bill_id).first()
    ramp, problem = _parsed(mirror)
    kinds = ["posting", "confirmation"]
    attempts = Attempt.objects.filter(**ours, subject_kind__in=kinds).order_by("-id")
    timeline = AuditEntry.objects.filter(**ours, subject_kind="posting").order_by("-at", "-id")
    return BillPage(
        posting=posting,
        ramp=ramp,
        ramp_problem=problem,
        seen_at=mirror.seen_at if mirror else None,
        blockers=list(posting.blockers.all()),
        attempts=list(attempts[:_TIMELINE]),
        timeline=list(timeline[:_TIMELINE]),
    )


def _parsed(mirror: Bill | None) -> tuple[RampBill | None, str]:
    if mirror is None:
        return None, "Ramp's copy of the bill is not here yet; the next cycle reads it."
    try:
        return parse_bill(mirror.payload), ""
    except InvalidBillError as error:
        return None, error.message


urlpatterns = [
    # Ramp keeps the address without a slash for ever; neither form costs a redirect.
    path("bills/<str:bill_id>", page, name="bill"),
    path("bills/<str:bill_id>/", page),
]
