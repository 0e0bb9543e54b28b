"""Your account: the second factor, recovery codes, passkeys, and the password."""

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import get_next_redirect_url
from allauth.account.views import ReauthenticateView
from allauth.core.internal.httpkit import authenticated_user
from allauth.mfa.base.views import IndexView
from allauth.mfa.base.views import ReauthenticateView as CodeAgainView
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.internal.auth import begin_registration
from allauth.mfa.webauthn.views import (
    AddWebAuthnView,
    EditWebAuthnView,
    ReauthenticateWebAuthnView,
    RemoveWebAuthnView,
)
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from connector.accounts import factors, mails
from connector.accounts.forms import ActivateForm
from connector.web import layout
from connector.web.account import outside

_NEXT = "account_next"  # session: the page that asked for a factor


class InLayout:
    """For class-based views: `template_name` in the shell of the other pages."""

    title = "Your account"
    template_name = ""
    request: HttpRequest

    def render_to_response(self, context: dict[str, Any], **more: Any) -> HttpResponse:
        """The page, with the person's sidebar."""
        form = context.get("form")
        wrong = self.request.method == "POST" and bool(getattr(form, "errors", None))
        status = 422 if wrong else 200
        # The shell takes an `object` for a row of the administration and links to its list.
        context = {**outside.with_options(context), "passkey": context.get("object")}
        context.pop("object", None)
        return layout.page(self.request, self.template_name, self.title, context, status=status)


@method_decorator(never_cache, name="dispatch")
class Index(InLayout, IndexView):  # type: ignore[misc]  # not at type-checking time
    """What protects the account, and what asks for more."""

    template_name = "connector/account.html"

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """The factors, and whether the person came here because a page asks for one."""
        request, user = self.request, authenticated_user(self.request)
        if wanted := get_next_redirect_url(request):
            request.session[_NEXT] = wanted
        mine = Authenticator.objects.filter(user=user)
        keys = mine.filter(type=Authenticator.Type.WEBAUTHN)
        codes = mine.filter(type=Authenticator.Type.RECOVERY_CODES).first()
        return {
            **super().get_context_data(**more),
            "passkeys": keys.order_by("pk"),
            "codes_left": len(codes.wrap().get_unused_codes()) if codes else None,
            "asked": bool(wanted) and not factors.has_factor(user),
            "has_password": user.has_usable_password(),
            "sends_mail": settings.SENDS_MAIL,
            "passkeys_work": outside.passkeys_work(request.get_host().partition(":")[0]),
        }


def _proved(request: HttpRequest, kind: str) -> None:
    """Who has just added a factor has used it: this session needs no second proof."""
    added = Authenticator.objects.filter(user=request.user, type=kind).order_by("-pk").first()
    record_authentication(request, request.user, "mfa", id=added.pk, type=kind)


class _Change(InLayout):
    """A form that changes a factor: done, recorded and mailed together; one at a time."""

    what = ""  # a key of mails.NOTICES

    def form_valid(self, form: Any) -> HttpResponse:
        """Do it, or nothing."""
        with transaction.atomic():
            rows = get_user_model().objects.select_for_update()
            user = rows.get(pk=authenticated_user(self.request).pk)
            answer: HttpResponse = super().form_valid(form)  # type: ignore[misc]
            factors.record_and_notify(user, self.what, actor=user.get_username())
        messages.success(self.request, mails.NOTICES[self.what][1])
        return answer


@method_decorator(never_cache, name="dispatch")
class AddApp(_Change, ActivateTOTPView):  # type: ignore[misc]
    """Add an authenticator app: the picture, the secret as text, and a code to prove it."""

    title = "Add an authenticator app"
    template_name = "connector/account_app.html"
    what = "app_added"
    form_class = ActivateForm

    def form_valid(self, form: Any) -> HttpResponse:
        """Keep it; the codes for the day it is lost are shown next."""
        try:
            answer = super().form_valid(form)
        except IntegrityError:  # it was sent twice, and the first one is kept
            return redirect("account")
        form.forget()
        _proved(self.request, Authenticator.Type.TOTP)
        return answer


class RemoveApp(_Change, DeactivateTOTPView):  # type: ignore[misc]
    """Remove the authenticator app, asked once more."""

    title = "Remove the authenticator app"
    template_name = "connector/account_remove.html"
    what = "app_removed"
    success_url = reverse_lazy("account")


@method_decorator(never_cache, name="dispatch")
class Codes(InLayout, ViewRecoveryCodesView):  # type: ignore[misc]
    """The recovery codes, shown once after they were made."""

    title = "Recovery codes"
    template_name = "connector/account_codes.html"

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """The codes, a file of them, and where the person wanted to go."""
        found: dict[str, Any] = super().get_context_data(**more)
        to = self.request.session.get(_NEXT) or reverse("account")
        return {**found, "next": to, "file": "%0A".join(found["unused_codes"])}


class NewCodes(_Change, GenerateRecoveryCodesView):  # type: ignore[misc]
    """Make new recovery codes; the old ones are worth nothing then."""

    title = "Make new recovery codes"
    template_name = "connector/account_new_codes.html"
    what = "codes_made"

    def form_valid(self, form: Any) -> HttpResponse:
        """Make them; they are shown next, also to who came in by one of the old ones."""
        proved = factors.has_proved(self.request, authenticated_user(self.request))
        answer = super().form_valid(form)
        if proved:
            _proved(self.request, Authenticator.Type.RECOVERY_CODES)
        return answer


@method_decorator(never_cache, name="dispatch")
class AddPasskey(_Change, AddWebAuthnView):  # type: ignore[misc]
    """Add a passkey of this device or of a key that is plugged in."""

    title = "Add a passkey"
    template_name = "connector/account_passkey.html"
    what = "passkey_added"

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """One that the device itself finds, behind a PIN or finger: it stands for both factors."""
        found: dict[str, Any] = super().get_context_data(**more)
        options = begin_registration(self.request.user, passwordless=True)
        return {**found, "js_data": {"creation_options": options}}

    def form_valid(self, form: Any) -> HttpResponse:
        """Keep it."""
        answer = super().form_valid(form)
        _proved(self.request, Authenticator.Type.WEBAUTHN)
        return answer


class RenamePasskey(_Change, EditWebAuthnView):  # type: ignore[misc]
    """Give a passkey another name."""

    title = "Rename the passkey"
    template_name = "connector/account_rename.html"
    what = "passkey_renamed"
    success_url = reverse_lazy("account")


class RemovePasskey(_Change, RemoveWebAuthnView):  # type: ignore[misc]
    """Remove a passkey, asked once more."""

    title = "Remove the passkey"
    template_name = "connector/account_remove.html"
    what = "passkey_removed"
    success_url = reverse_lazy("account")


class _Again(InLayout):
    """Saying again who one is, before something that matters, or because a factor was not used."""

    title = "Is it you?"
    template_name = "connector/account_again.html"

    def get_reauthentication_alternatives(self) -> list[dict[str, Any]]:
        """The other ways; who has yet to prove the factor gets no further by the password."""
        found: list[dict[str, Any]] = super().get_reauthentication_alternatives()  # type: ignore[misc]
        if factors.has_proved(self.request, self.request.user):  # type: ignore[arg-type]
            return found
        if not factors.has_factor(self.request.user):  # type: ignore[arg-type]
            return found
        return [one for one in found if one["id"].startswith("mfa")]


@method_decorator(never_cache, name="dispatch")
class PasswordAgain(_Again, ReauthenticateView):  # type: ignore[misc]
    """By the password."""


@method_decorator(never_cache, name="dispatch")
class CodeAgain(_Again, CodeAgainView):  # type: ignore[misc]
    """By a code."""


@method_decorator(never_cache, name="dispatch")
class PasskeyAgain(_Again, ReauthenticateWebAuthnView):  # type: ignore[misc]
    """By a passkey."""


urlpatterns = [
    path("account/", Index.as_view(), name="account"),
    path("account/", Index.as_view(), name="mfa_index"),
    path("account/app/", AddApp.as_view(), name="mfa_activate_totp"),
    path("account/app/remove/", RemoveApp.as_view(), name="mfa_deactivate_totp"),
    path("account/codes/", Codes.as_view(), name="mfa_view_recovery_codes"),
    path("account/codes/new/", NewCodes.as_view(), name="mfa_generate_recovery_codes"),
    path("account/passkeys/add/", AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("account/passkeys/<int:pk>/", RenamePasskey.as_view(), name="mfa_edit_webauthn"),
    path("account/passkeys/<int:pk>/remove/", RemovePasskey.as_view(), name="mfa_remove_webauthn"),
    path("account/again/", PasswordAgain.as_view(), name="account_reauthenticate"),
    path("account/again/code/", CodeAgain.as_view(), name="mfa_reauthenticate"),
    path("account/again/passkey/", PasskeyAgain.as_view(), name="mfa_reauthenticate_webauthn"),
]
