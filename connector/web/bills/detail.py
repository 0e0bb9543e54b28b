"""One bill, whole: what Ramp says, what is sent, what Epicor has, why, and all that happened.

Its address is permanent: Ramp links to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from audit.ledger.models import Blocker, Posting
from audit.permissions import requires
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.actions.live_lookup import request_look
from connector.domain.bill import called
from connector.ramp.bill_content import envelope
from connector.sync.bills.ramp_status import stopped
from connector.tenants.models import EpicorCredentials, RampCredentials, Tenant
from connector.web import layout
from connector.web.bills import timeline
from connector.web.bills.reading import (
    BillComparison,
    FromRamp,
    Seen,
    bill_comparison,
    read_ramp,
    read_sent,
)
from connector.web.exceptions.texts import settled_by_mapping

_RAMP_APPS = {"api.ramp.com": "https://app.ramp.com", "demo-api.ramp.com": "https://demo.ramp.com"}
_State = Posting.State
_STILL = timedelta(minutes=15)  # a bill of which nothing happened for so long may wait for days


# -- the page --------------------------------------------------------------------------------


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str, bill_id: str) -> HttpResponse:
    """One bill, whole; a bill that we never saw gets a page that says so."""
    tenant = layout.tenant_of(request)
    ramp = read_ramp(tenant, bill_id)
    posting = _posting(tenant, bill_id) or _only_in_ramp(tenant, bill_id, ramp)
    if posting is None:
        context: dict[str, Any] = {"bill_id": bill_id}
        return layout.page(request, "connector/bill_unknown.html", "Bill", context, status=404)
    mark = timeline.mark(tenant.pk, bill_id)
    if layout.is_part(request) and request.GET.get("seen") == mark.key:
        return HttpResponse(status=204)  # the page is as new as the bill: nothing is put anew
    before = timeline.moment(request.GET.get("before"))
    context = {"bill": bill_page(posting, ramp, before=before), "mark": mark}
    context["moves"] = _moves(posting, mark)
    name = called(posting.invoice_num, posting.bill_id)
    return layout.page(request, "connector/bill.html", f"Bill {name}", context)


def _moves(posting: Posting, mark: timeline.Mark) -> bool:
    """Whether the bill goes on by itself just now, so that the page looks again by itself."""
    on_its_way = posting.state in (_State.QUEUED, _State.IN_FLIGHT, _State.IN_DOUBT)
    if not on_its_way or (posting.hold_reason and posting.not_before is None):
        return False
    return mark.at is not None and timezone.now() - mark.at < _STILL


@dataclass(frozen=True, slots=True)
class BillPage:
    """One bill, whole."""

    posting: Posting
    sides: BillComparison
    left_out: str  # why a bill that is in Ramp is not ours to enter, "" when it is
    blockers: list[Blocker]
    holds: list[timeline.PastHold]
    story: timeline.Timeline
    people: dict[str, str]
    ramp_url: str
    epicor_url: str

    @property
    def map_first(self) -> bool:
        """Whether a mapping is what the bill waits for, so that a replay alone does nothing."""
        return any(settled_by_mapping(one.reason, one.kind, one.ramp_id) for one in self.blockers)


def bill_page(posting: Posting, ramp: FromRamp, *, before: datetime | None = None) -> BillPage:
    """Everything about one bill; a constant number of queries."""
    steps = timeline.milestones(posting.tenant_id, posting.bill_id)
    events = timeline.events_of(posting.tenant_id, posting.bill_id, before=before)
    holds = timeline.holds(steps)
    names = [event.actor for event in events.events] + [hold.ended_actor for hold in holds]
    return BillPage(
        posting=posting,
        sides=bill_comparison(posting, ramp, _seen(steps)),
        left_out="" if posting.pk else _left_out(ramp),
        blockers=list(posting.blockers.all()) if posting.pk else [],
        holds=holds,
        story=events,
        people=timeline.names_of([*names, posting.assignee, posting.given_by]),
        ramp_url=ramp_url(_base_url(RampCredentials, posting.tenant), posting.bill_id),
        epicor_url=epicor_url(_base_url(EpicorCredentials, posting.tenant)),
    )


def ramp_url(base_url: str, bill_id: str) -> str:
    """The bill in Ramp's application, "" where its address is not known."""
    app = _RAMP_APPS.get(urlsplit(base_url).hostname or "")
    return f"{app}/bills/{quote(bill_id, safe='')}" if app else ""


def epicor_url(base_url: str) -> str:
    """Epicor's start page, "" when there is none."""
    return base_url if urlsplit(base_url).scheme in ("http", "https") else ""


def _base_url(credentials: type[RampCredentials | EpicorCredentials], tenant: Tenant) -> str:
    rows = credentials.objects.filter(tenant=tenant)
    return rows.values_list("base_url", flat=True).first() or ""


def _posting(tenant: Tenant, bill_id: str) -> Posting | None:
    posting = Posting.objects.filter(tenant=tenant, bill_id=bill_id).first()
    if posting is not None:
        posting.tenant = tenant
    return posting


def _only_in_ramp(tenant: Tenant, bill_id: str, ramp: FromRamp) -> Posting | None:
    """A posting in memory for a bill that was read and is not ours to enter."""
    if ramp.payload is None:
        return None
    seed = envelope(ramp.payload, "")
    names = [field.name for field in fields(seed) if field.name not in ("bill_id", "seen_hash")]
    return Posting(tenant=tenant, bill_id=bill_id, **{name: getattr(seed, name) for name in names})


def _left_out(ramp: FromRamp) -> str:
    stop = stopped(ramp.payload or {}, ours=False)
    if stop is not None:
        return stop.message
    return "The bill is older than the start date in the settings, or the next cycle takes it up."


# -- pieces ----------------------------------------------------------------------------------


@require_safe
@requires("view")
def sides(request: HttpRequest, slug: str, bill_id: str) -> HttpResponse:
    """The three sides again; the page asks for them while somebody's look is under way."""
    posting = posting_of(request, bill_id)
    if not layout.is_part(request):
        return HttpResponseRedirect(reverse("bill", args=[slug, bill_id]))
    return _sides(request, posting)


@require_POST
@requires("view")
def look(request: HttpRequest, slug: str, bill_id: str) -> HttpResponse:
    """Ask a worker to look in Epicor now; asked twice, it is done once."""
    posting = posting_of(request, bill_id)
    request_look(posting.tenant, posting, actor=layout.actor(request))
    if layout.is_part(request):
        return _sides(request, posting)
    return HttpResponseRedirect(reverse("bill", args=[slug, bill_id]))


@require_safe
@requires("view")
def older(request: HttpRequest, slug: str, bill_id: str) -> HttpResponse:
    """What happened before the moment `before`."""
    posting = posting_of(request, bill_id)
    before = timeline.moment(request.GET.get("before")) or timezone.now()
    if not layout.is_part(request):
        query = urlencode({"before": before.isoformat()})
        return HttpResponseRedirect(f"{reverse('bill', args=[slug, bill_id])}?{query}")
    events = timeline.events_of(posting.tenant_id, bill_id, before=before)
    people = timeline.names_of(event.actor for event in events.events)
    context = {"story": events, "people": people, "posting": posting}
    return layout.part(request, "connector/_bill_events.html", context)


@require_safe
@requires("view")
def exact_request(request: HttpRequest, slug: str, bill_id: str) -> HttpResponse:
    """The request that would enter the bill now, as JSON to read."""
    posting = posting_of(request, bill_id)
    sent = read_sent(posting, read_ramp(posting.tenant, bill_id))
    texts = [(sent.note, sent.request)]
    return _detail(request, posting, "The exact request", texts)


@require_safe
@requires("view")
def attempt(request: HttpRequest, slug: str, bill_id: str, pk: int) -> HttpResponse:
    """What was sent in one attempt, how it was coded, and the answer, all without secrets."""
    posting = posting_of(request, bill_id)
    ours = {"tenant_id": posting.tenant_id, "subject_kind": "posting", "subject_id": bill_id}
    found = Attempt.objects.filter(**ours, pk=pk).first()
    if found is None:
        raise Http404("No such attempt.")
    texts = [("Request", found.request), ("Coding", found.coding), ("Answer", found.answer)]
    return _detail(request, posting, "An attempt", [(name, text) for name, text in texts if text])


@require_safe
@requires("view")
def entry(request: HttpRequest, slug: str, bill_id: str, pk: str) -> HttpResponse:
    """All that one entry of the trail says."""
    posting = posting_of(request, bill_id)
    ours = {"tenant_id": posting.tenant_id, "subject_kind": "posting", "subject_id": bill_id}
    found = AuditEntry.objects.filter(**ours, pk=pk).first()
    if found is None:
        raise Http404("No such entry.")
    texts = [("", found.body)] if found.body else []
    return _detail(request, posting, "An entry of the trail", texts, changes=found.changes)


def posting_of(request: HttpRequest, bill_id: str) -> Posting:
    """The tenant's posting of a bill. Raises Http404."""
    posting = _posting(layout.tenant_of(request), bill_id)
    if posting is None:
        raise Http404("No such bill.")
    return posting


def _sides(request: HttpRequest, posting: Posting) -> HttpResponse:
    steps = timeline.milestones(posting.tenant_id, posting.bill_id)
    ramp = read_ramp(posting.tenant, posting.bill_id)
    found = bill_comparison(posting, ramp, _seen(steps))
    return layout.part(request, "connector/_bill_sides.html", {"sides": found, "posting": posting})


def _seen(steps: Sequence[AuditEntry]) -> Seen:
    return Seen(verified_at=timeline.verified_at(steps), held_at=timeline.held_at(steps))


def _detail(
    request: HttpRequest,
    posting: Posting,
    title: str,
    texts: Sequence[tuple[str, Any]],
    changes: Any = None,
) -> HttpResponse:
    context = {"texts": texts, "changes": changes, "posting": posting}
    if layout.is_part(request):
        return layout.part(request, "connector/_bill_detail.html", context)
    return layout.page(request, "connector/bill_detail.html", title, context)


urlpatterns = [
    # Ramp keeps the address without a slash for ever; neither form costs a redirect.
    path("bills/<str:bill_id>", page, name="bill"),
    path("bills/<str:bill_id>/", page),
    path("bills/<str:bill_id>/sides/", sides, name="bill-sides"),
    path("bills/<str:bill_id>/look/", look, name="bill-look"),
    path("bills/<str:bill_id>/older/", older, name="bill-older"),
    path("bills/<str:bill_id>/request/", exact_request, name="bill-request"),
    path("bills/<str:bill_id>/attempts/<int:pk>/", attempt, name="bill-attempt"),
    path("bills/<str:bill_id>/entries/<uuid:pk>/", entry, name="bill-entry"),
]
