"""A forgotten password: asking for a link by mail, and setting another through it.

Whoever asks gets the same answer at the same speed, known or not. The token leaves the address
before the form is shown, so that it is in no Referer; and it is worth nothing after its first use.
"""

from typing import Any

from allauth.core import ratelimit
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordResetConfirmView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from connector.accounts import factors, mails, resets, sessions
from connector.web.account import outside


class AddressForm(forms.Form):
    """Whom to send a link."""

    address = forms.EmailField(label="Your e-mail address", max_length=254)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def request_link(request: HttpRequest) -> HttpResponse:
    """Take an address; the answer never says whether it is known, nor whether a mail went out."""
    form = AddressForm(request.POST if request.method == "POST" else None)
    asked = False
    if form.is_valid():
        address = form.cleaned_data["address"]
        if ratelimit.consume(request, action="reset_password", key=address.lower()):
            mails.request_reset(address)
        asked = True
    context = {"form": form, "asked": asked, "sends_mail": settings.SENDS_MAIL}
    status = 422 if form.errors else 200
    template = "connector/account_forgotten.html"
    return outside.page(request, template, "Forgotten password", context, status)


class Reset(outside.Page, PasswordResetConfirmView):
    """The page behind the link."""

    title = "Set a new password"
    template_name = "connector/account_reset.html"
    token_generator = resets.tokens
    reset_url_token = "new"  # noqa: S105 (what stands in the address in place of the token)

    def get_user(self, uidb64: str) -> User | None:
        """Whom the link is for; nobody who may not log in or never had a password."""
        user = super().get_user(uidb64)
        return user if user and user.is_active and user.has_usable_password() else None

    def render_to_response(self, context: dict[str, Any], **more: Any) -> HttpResponse:
        """The form, or that the link is worth nothing."""
        if not self.validlink:
            context = {**context, "form": None}
            return outside.page(self.request, self.template_name, outside.DEAD_LINK, context, 410)
        return super().render_to_response(context, **more)

    def form_valid(self, form: Any) -> HttpResponse:
        """Set it once, end all sessions, and say so. The second factor stays as it is."""
        token = self.request.session.pop(INTERNAL_RESET_SESSION_TOKEN, None)
        with transaction.atomic():
            user = get_user_model().objects.select_for_update().get(pk=form.user.pk)
            if not resets.tokens.check_token(user, token):  # somebody else was faster
                self.validlink = False
                return self.render_to_response(self.get_context_data(form=None))
            form.save()
            sessions.end_others(self.request, user)  # who waits at the code page, too
            factors.record_and_notify(user, "password_reset", actor=user.get_username())
        messages.success(self.request, "The new password is set. Log in with it.")
        return redirect("account_login")


urlpatterns = [
    path("account/forgotten/", request_link, name="forgotten"),
    path("account/reset/<str:uidb64>/<str:token>/", Reset.as_view(), name="reset-link"),
]
