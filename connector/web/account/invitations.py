"""The page behind an invitation's link: a person sets the first password. Works without login."""

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from connector.tenants import members
from connector.web.account import outside

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def set_password(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Show the form, or set the password; the link is worth nothing afterwards."""
    if request.method != "POST":
        user = members.invited(uid, token)
        form = None if user is None else SetPasswordForm(user)
        return _page(request, form, status=200 if form else 410)
    with transaction.atomic():
        user = members.invited(uid, token, lock=True)
        if user is None:
            return _page(request, None, status=410)
        form = SetPasswordForm(user, request.POST)
        if not form.is_valid():
            return _page(request, form, status=422)
        form.save()
        members.password_was_set(user)
    messages.success(request, f"The password of {user} is set. Log in with it.")
    return redirect("admin:login")


def _page(
    request: HttpRequest, form: "SetPasswordForm[User] | None", *, status: int
) -> HttpResponse:
    title = "Set your password" if form else outside.DEAD_LINK
    context = {"form": form, "invitation": True}
    return outside.page(request, "connector/account_reset.html", title, context, status)


urlpatterns = [path("password/<str:uid>/<str:token>/", set_password, name="set-password")]
