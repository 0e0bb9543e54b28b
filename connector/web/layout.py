"""What every page shares: the shell around it, whose page it is, and how an act answers."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

from audit.permissions import CAPABILITIES, can
from connector.actions import requests
from connector.sync import clock
from connector.tenants.models import Tenant
from connector.web.navigation import sidebar


def tenant_of(request: HttpRequest) -> Tenant:
    """The tenant of the address; set by the middleware, and there wherever `requires` let in."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    return tenant


def may(request: HttpRequest, capability: str) -> bool:
    """Whether the person of this request has a capability in the tenant of the address."""
    return can(getattr(request, "role", None), capability)


def actor(request: HttpRequest) -> str:
    """The person's name as the trail keeps it."""
    return request.user.get_username()


def page(
    request: HttpRequest, template: str, title: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """The template in the shell, with the sidebar of this person; `may` tells it what to offer."""
    request.current_app = admin.site.name
    shell = admin.site.each_context(request)
    # It has the sidebar of people who may administer already.
    navigation = shell["sidebar_navigation"] or sidebar(request)
    shell |= {"title": title, "has_permission": True, "sidebar_navigation": navigation}
    if tenant := getattr(request, "tenant", None):
        shell["clock_notice"] = clock.notice()
        shell["open_jobs"] = requests.open_jobs(tenant, actor=actor(request))
    return _varied(render(request, template, shell | _whose(request) | context, status=status))


def part(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A piece of a page, for the browser to put in the place of another."""
    return _varied(render(request, template, _whose(request) | context, status=status))


def is_part(request: HttpRequest) -> bool:
    """Whether the browser asks for a piece of the page only (htmx)."""
    return request.headers.get("HX-Request") == "true"


def done(request: HttpRequest, sentence: str, to: str, *, good: bool = True) -> HttpResponse:
    """The end of an act: say what happened on the page at `to` (one of our own addresses)."""
    messages.add_message(request, messages.SUCCESS if good else messages.ERROR, sentence)
    if not url_has_allowed_host_and_scheme(to, None):
        to = "/"
    if is_part(request):
        return HttpResponse(headers={"HX-Redirect": to})
    return HttpResponseRedirect(to)


def _varied(response: HttpResponse) -> HttpResponse:
    """So that going back never shows a piece that was kept under the address of its page."""
    patch_vary_headers(response, ["HX-Request"])
    return response


def _whose(request: HttpRequest) -> dict[str, Any]:
    role = getattr(request, "role", None)
    return {
        "tenant": getattr(request, "tenant", None),
        "role": role,
        "may": dict.fromkeys(CAPABILITIES.get(role or "", ()), True),
    }
