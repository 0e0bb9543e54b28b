"""Require the second factor of every member who must have one."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from allauth.account.adapter import get_adapter
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from connector.accounts import factors

if TYPE_CHECKING:
    pass

_Next = Callable[[HttpRequest], HttpResponse]
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


class SecondFactor:
    """Refuse every page, the administration too, to members who lack a required second factor.

    Checked at each request, so that a rule binds sessions that began before it.
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
