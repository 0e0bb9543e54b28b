"""Logging in: the password, then the second factor of those who have one; or a passkey alone."""

from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.core.internal.ratelimit import consume, respond_429
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.webauthn.views import LoginWebAuthnView
from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from unfold.forms import AuthenticationForm

from connector.accounts import sessions
from connector.web.account import outside


@method_decorator(never_cache, name="dispatch")
class Password(LoginView):
    """The login page of everything, the administration too. `next` stays within this site."""

    form_class = AuthenticationForm
    template_name = "connector/login.html"
    next_page = "/"

    def form_valid(self, form: Any) -> HttpResponse:
        """The password is right: go on to the second factor, or in."""
        user = form.get_user()
        login = Login(user=user, redirect_url=self.get_success_url())
        credentials = {"username": user.get_username()}
        answer: HttpResponse = perform_password_login(self.request, credentials, login)
        return answer

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """What the shell's login page needs, and the other ways in."""
        request = self.request
        shell = admin.site.each_context(request) | {"title": "Log in"}
        return {
            **super().get_context_data(**more),
            **shell,
            "app_path": request.get_full_path(),
            "next": self.get_redirect_url(),
            **outside.ways(request),
        }


class Code(outside.Page, AuthenticateView):  # type: ignore[misc]  # not at type-checking time
    """After the password: the code of an app, a recovery code, or a passkey."""

    title = "Second factor"
    template_name = "connector/account_code.html"


class Passkey(LoginWebAuthnView):  # type: ignore[misc]  # not at type-checking time
    """Logging in with a passkey alone: it proves the device and the person."""

    def get(self, request: HttpRequest, *args: Any, **more: Any) -> HttpResponse:
        """What the browser is to ask the device for; the session keeps it for some minutes."""
        if not consume(request, app="allauth.mfa", action="webauthn_login", limit_get=True):
            refused: HttpResponse = respond_429(request)
            return refused
        answer: HttpResponse = super().get(request, *args, **more)
        sessions.briefly(request)
        return answer


urlpatterns = [
    path("admin/login/", Password.as_view(), name="account_login"),
    path("account/code/", Code.as_view(), name="mfa_authenticate"),
    path("account/passkey/", Passkey.as_view(), name="mfa_login_webauthn"),
]
