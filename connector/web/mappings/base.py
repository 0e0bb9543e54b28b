"""What the pages of mappings share: which kind the address names, its tabs, and who waits."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from django.http import Http404, HttpRequest
from django.urls import reverse

from connector.jobs.models import Job
from connector.tenants.models import EntityRoute, Tenant
from connector.web import layout
from mappings import effective
from mappings.changes import needs_approval
from mappings.kinds import known_kinds, label_of
from mappings.models import ProposedMapping

_SHOWN = 8
SOURCES = {
    "identity": "mapped by Ramp (our ID)",
    "manual": "by hand",
    "import": "import",
    "suggestion": "accepted suggestion",
}
WHY = {  # why a target applies to a reference
    effective.OWN: "the mapping of this Epicor company",
    effective.EVERY: "the mapping for every Epicor company",
    effective.IDENTITY: "its own id, which our upload gave to Ramp",
}


@dataclass(frozen=True, slots=True)
class Tab:
    """One kind of mappings in the row of tabs."""

    kind: str
    label: str


def kind_in(request: HttpRequest, kind: str) -> str:
    """The kind of the address, if the tenant has it. Raises Http404."""
    if kind not in known_kinds(layout.tenant_of(request).pk):
        raise Http404("No such kind of mappings.")
    return kind


def frame(request: HttpRequest, kind: str) -> dict[str, Any]:
    """What every page of mappings shows around itself; raises Http404 for an unknown kind."""
    tenant = layout.tenant_of(request)
    kinds = known_kinds(tenant.pk)
    if kind and kind not in kinds:
        raise Http404("No such kind of mappings.")
    waiting = ProposedMapping.objects.filter(tenant=tenant, approved=None).count()
    return {
        "kind": kind,
        "label": label_of(kind) if kind else "",
        "tabs": [Tab(one, label_of(one)) for one in kinds],
        "approval": needs_approval(tenant.pk),
        "proposals": waiting,
        "sources": SOURCES,
    }


def companies_of(tenant: Tenant, seen: Iterable[str] = ()) -> list[str]:
    """The Epicor companies that bills go to, and those that are named already."""
    routed = EntityRoute.objects.filter(tenant=tenant).values_list("company", flat=True)
    return sorted({*routed, *seen} - {""})


def recent_jobs(tenant: Tenant, *kinds: str) -> list[Job]:
    """The last jobs of these kinds, newest first, without what they carry."""
    found = Job.objects.filter(tenant=tenant, kind__in=kinds)
    return list(found.only("kind", "title", "actor", "created_at", "finished_at", "state")[:_SHOWN])


def targets_address(tenant: Tenant, kind: str, company: str) -> str:
    """Where the browser asks for Epicor targets of a kind."""
    rest = f"?{urlencode({'company': company})}" if company else ""
    return f"{reverse('today', args=[tenant.slug])}targets/{quote(kind, safe='')}/{rest}"
