"""Where django-allauth asks this installation: who may come in, how secrets are kept."""

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from connector.accounts.stages import SecondFactorStage
from connector.http_server.client_address import throttled_as
from connector.secrets import fields

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_WAYS = {  # to say again who one is
    "reauthenticate": "Use the password",
    "mfa_reauthenticate": "Use a code",
    "mfa_reauthenticate:webauthn": "Use a passkey",
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # not at type-checking time
    """Nobody signs up, and what follows a login stays within this site."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """No: administrators make accounts."""
        return False

    def is_safe_url(self, url: str | None) -> bool:
        """Only pages of this installation, and only by path."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def get_client_ip(self, request: HttpRequest) -> str:
        """The same address that failed logins are counted for."""
        return throttled_as(str(request.META.get("REMOTE_ADDR") or ""))

    def get_login_stages(self) -> list[str]:
        """The steps after the password, with ours for the second factor."""
        theirs, ours = "allauth.mfa.stages.AuthenticateStage", SecondFactorStage
        path = f"{ours.__module__}.{ours.__name__}"
        return [path if one == theirs else one for one in super().get_login_stages()]

    def pre_login(self, request: HttpRequest, user: "User", **more: Any) -> HttpResponse | None:
        """Refuse, whatever was proved, who may not log in."""
        if not (user.is_active and user.is_staff):
            return self.respond_user_inactive(request, user)
        return None

    def respond_user_inactive(self, request: HttpRequest, user: "User") -> HttpResponse:
        """The login page; whoever comes here has proved who they are, and may be told."""
        messages.error(request, "This account may not log in here. Ask your administrator.")
        return redirect("account_login")

    def is_reauthentication_required(self, *, app: str, **more: Any) -> bool:
        """Whether the last proof of who this is, the login itself too, is some minutes old."""
        request = self.request
        latest = max(
            (one["at"] for one in get_authentication_records(request, request.user)), default=0.0
        )
        return bool(time.time() - latest > settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)

    def get_reauthentication_methods(self, user: "User") -> list[dict[str, Any]]:
        """The ways to say again who one is; without password and factor it is the login page."""
        found: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        for one in found:
            one["description"] = _WAYS.get(one["id"], one["description"])
        again = {"id": "login", "description": "Log in again", "url": reverse("account_login")}
        return found or [again]

    def add_message(self, *args: Any, message: str | None = None, **more: Any) -> None:
        """Only what is said in our words: the library's own sentences come beside our pages'."""
        if message:
            super().add_message(*args, message=message, **more)

    def send_notification_mail(
        self, template_prefix: str, user: "User", context: Any = None, email: str | None = None
    ) -> None:
        """Nothing: our pages say it in their own words, on the record too, in the transaction."""


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # not at type-checking time
    """Seeds are encrypted like every other secret; passkeys belong to PUBLIC_URL's host."""

    def encrypt(self, text: str) -> str:
        """The ciphertext, with the newest key of FIELD_ENCRYPTION_KEY."""
        return fields.encrypted(text)

    def decrypt(self, encrypted_text: str) -> str:
        """The seed. Raises SecretUnreadableError when no key fits."""
        return fields.decrypted(encrypted_text, "a second factor")

    def get_totp_label(self, user: "User") -> str:
        """The username, and where it is one: a person may have several installations."""
        return f"{user.get_username()}@{_host()}"

    def generate_authenticator_name(self, user: "User", type: str) -> str:
        """What a passkey is called until its owner names it."""
        return "Passkey"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """The host that passkeys are made for: the public one, whatever a request calls us."""
        return {"id": _host(), "name": "ml-connector"}


def _host() -> str:
    return urlsplit(settings.PUBLIC_URL).hostname or "localhost"
