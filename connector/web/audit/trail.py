"""Audit: who did what and when, searched; the state of the chain; every entry whole."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from audit.permissions import requires
from audit.trail import chain, events, search
from audit.trail.models import AuditEntry
from connector.actions import verify_audit
from connector.http_client.redaction import redact_text
from connector.jobs import queue
from connector.jobs.models import Job
from connector.tenants.models import Membership, Tenant
from connector.web import activity, layout
from connector.web.audit import as_of, export
from connector.web.audit.forms import AuditForm
from connector.web.audit.subjects import is_bill, names_of

A_PAGE = 40  # with what each changed, as much as a page may weigh


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """The trail, newest first, by person, action, subject and day."""
    tenant = layout.tenant_of(request)
    form = AuditForm(request.GET)
    context = {"form": form, "people": people(tenant), **chain_of(tenant)}
    if form.is_valid():
        found = search.found(tenant.pk, form.wanted(tenant))
        after = search.Place.parse(request.GET.get("after", ""))
        shown = search.page(found, after, A_PAGE)
        context |= {
            "rows": rows(tenant, shown.entries),
            "older": shown.older,
            "newest": after is None,
            "count": search.how_many(found),
            "query": form.query(),
            "with_singles": form.with_singles(),
        }
    return layout.page(request, "connector/audit.html", "Audit", context)


@require_safe
@requires("view")
def entry(request: HttpRequest, slug: str, pk: uuid.UUID) -> HttpResponse:
    """One entry, whole, with its place in the chain."""
    tenant = layout.tenant_of(request)
    found = AuditEntry.objects.filter(tenant=tenant, pk=pk).first()
    if found is None:
        raise Http404("No such entry.")
    context = {"row": rows(tenant, [found])[0]}
    return layout.page(request, "connector/audit_entry.html", "Audit entry", context)


@require_POST
@requires("export_audit")
def verify_now(request: HttpRequest, slug: str) -> HttpResponse:
    """Have a worker verify the chain; a second click finds the first one under way."""
    tenant = layout.tenant_of(request)
    queue.request(
        tenant,
        verify_audit.KIND,
        actor=layout.actor(request),
        total=verify_audit.sealed(tenant),
        key=verify_audit.KIND,
    )
    return redirect(reverse("audit", args=[slug]) + "#chain")


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as the page shows it."""

    entry: AuditEntry
    sentence: str
    about_bill: bool


def rows(tenant: Tenant, entries: Sequence[AuditEntry]) -> list[Row]:
    """These entries in sentences, secrets hidden once more. One query."""
    names = names_of(tenant.pk, entries)
    return [
        Row(
            one,
            redact_text(
                events.sentence(one, names.get(one.subject_id, "") if is_bill(one) else "")
            ),
            is_bill(one) and one.subject_id in names,
        )
        for one in entries
    ]


def people(tenant: Tenant) -> list[str]:
    """The names that the search offers; those who left can be typed."""
    members = Membership.objects.filter(tenant=tenant)
    return list(members.order_by("user__username").values_list("user__username", flat=True))


def under_way(tenant: Tenant) -> Job | None:
    """The verification that a worker is at, or will be."""
    return queue.open_with(tenant, verify_audit.KIND)


def chain_of(tenant: Tenant) -> dict[str, Any]:
    """What `_audit_chain.html` needs."""
    job = under_way(tenant)
    context = {"chain": chain.state(tenant.pk), "job": job}
    return context | activity.context_of(job) if job else context


urlpatterns = [
    path("audit/", page, name="audit"),
    path("audit/entries/<uuid:pk>/", entry, name="audit-entry"),
    path("audit/verify/", verify_now, name="audit-verify"),
    *export.urlpatterns,
    *as_of.urlpatterns,
]
