"""What happens to every request: the browser's rules, and whose data it may see."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.middleware import get_user
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode

from connector import health
from connector.accounts import factors
from connector.addresses import client_address, is_trusted
from connector.models import Membership, Tenant

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_Next = Callable[[HttpRequest], HttpResponse]

# 'unsafe-eval' is for the shell's Alpine; inline scripts stay forbidden.
_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
_NO_DEVICES = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")
_ADDING = "/account/"  # where a factor is added
# Where a factor is used, and what shows nothing of anybody.
_OPEN = (
    "/account/again/",
    "/account/code/",
    "/account/forgotten/",
    "/account/passkey/",
    "/account/reset/",
    "/account/sso/",
    "/admin/login/",
    "/admin/logout/",
    "/admin/jsi18n/",
    "/password/",
    "/static/",
    "/healthz",
    "/readyz",
    "/metrics",
)
_TENANT_PATH = re.compile(r"^/t/(?P<slug>[^/]+)(?:/|$)")


class TrustedProxies:
    """Sets REMOTE_ADDR to the client's address, and forgets what others than our proxies claim.

    The first middleware, so that everything that reads an address, or asks whether the request
    came by HTTPS, gets what is true.
    """

    def __init__(self, get_response: _Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer = str(request.META.get("REMOTE_ADDR") or "")
        if is_trusted(peer, settings.TRUSTED_PROXIES):
            chain = str(request.META.get("HTTP_X_FORWARDED_FOR") or "")
            client = client_address(peer, chain, settings.TRUSTED_PROXIES)
            request.META["REMOTE_ADDR"] = client
        else:
            for name in _FORWARDED:
                request.META.pop(name, None)
        return self.get_response(request)


class ContentSecurityPolicy:
    """Tells the browser to run nothing that we did not serve, and to keep nothing that we did.

    Whoever comes to the same machine later finds no bill in its cache or behind its back button.
    """

    def __init__(self, get_response: _Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers.setdefault("Permissions-Policy", _NO_DEVICES)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class MachineAddresses:
    """Answers load balancers and monitors before the host is looked at.

    They come by the machine's address, which is in no ALLOWED_HOSTS; what they are told does not
    depend on the host and sets no cookie.
    """

    def __init__(self, get_response: _Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = health.VIEWS.get(request.path_info)
        return view(request) if view else self.get_response(request)


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


class SecondFactor:
    """Lets nobody in who lacks the second factor: every page, the administration too.

    Asked at each request, so that a rule binds sessions that began before it.
    """

    def __init__(self, get_response: _Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(_OPEN) or not request.user.is_authenticated:
            return self.get_response(request)
        lacking = factors.missing(request, request.tenant)  # type: ignore[attr-defined]
        adding = request.path_info.startswith(_ADDING) and lacking is factors.Missing.FACTOR
        if lacking is None or adding:
            return self.get_response(request)
        return _to_factor(request, lacking)


def _who(request: HttpRequest) -> "User | AnonymousUser":
    user = get_user(request)
    return user if user.is_staff else AnonymousUser()


def _to_factor(request: HttpRequest, lacking: factors.Missing) -> HttpResponse:
    """Where a factor is added or used; a page that can be opened again is opened afterwards."""
    to = reverse("account")
    if lacking is factors.Missing.PROOF:
        methods = get_adapter().get_reauthentication_methods(request.user)
        to = next(one["url"] for one in methods if one["id"].startswith("mfa"))
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(headers={"HX-Redirect": to})
    back = request.get_full_path() if request.method == "GET" else "/"
    return redirect(f"{to}?{urlencode({REDIRECT_FIELD_NAME: back})}")


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


def zone_of(tenant: Tenant) -> ZoneInfo:
    """The tenant's time zone; UTC when its name is unknown on this machine."""
    try:
        return ZoneInfo(tenant.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
