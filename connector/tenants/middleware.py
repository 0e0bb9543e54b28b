"""Whose data a request may see: the tenant of its address, and what its user may do there."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from django.contrib.auth.middleware import get_user
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from connector.tenants.models import Membership, Tenant, zone_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_Next = Callable[[HttpRequest], HttpResponse]
_TENANT_PATH = re.compile(r"^/t/(?P<slug>[^/]+)(?:/|$)")


class TenantScope:
    """Sets `request.tenant` and `request.role` from /t/<slug>/; a stranger gets a 404.

    A superuser is what the membership says, and admin of every tenant without one. Times on a
    tenant's pages are shown in the tenant's zone. Who may no longer log in is not logged in any
    more, on every page.
    """

    def __init__(self, get_response: _Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.tenant, request.role = None, None  # type: ignore[attr-defined]
        request.user = SimpleLazyObject(lambda: _who(request))  # type: ignore[assignment]
        match = _TENANT_PATH.match(request.path_info)
        if match is None:
            return self.get_response(request)
        if not request.user.is_authenticated:
            # Before any look at the slug: nobody learns which tenants exist.
            return _to_login(request)
        tenant, role = _scope(request, match["slug"])
        request.tenant, request.role = tenant, role  # type: ignore[attr-defined]
        with timezone.override(zone_of(tenant)):
            return self.get_response(request)


def _who(request: HttpRequest) -> "User | AnonymousUser":
    user = get_user(request)
    return user if user.is_staff else AnonymousUser()


def _to_login(request: HttpRequest) -> HttpResponse:
    """The login page; a piece of a page (htmx) is only told so, or it would show the form."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponse("You are not logged in.", status=401, content_type="text/plain")
    return redirect_to_login(request.get_full_path())


def _scope(request: HttpRequest, slug: str) -> tuple[Tenant, str]:
    user = cast("User", request.user)
    found = Membership.objects.select_related("tenant").filter(tenant__slug=slug, user=user)
    member = found.first()
    if member is not None:
        return member.tenant, member.role
    tenant = Tenant.objects.filter(slug=slug).first() if user.is_superuser else None
    if tenant is None:
        raise Http404("No such page.")
    return tenant, str(Membership.Role.ADMIN)
