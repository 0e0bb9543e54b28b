"""Adding an authenticator app, with the seed kept encrypted from its first moment."""

from typing import Any

from allauth.core import context
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django import forms

from connector import secretfields

_SESSION_KEY = "account_app_seed"


class ActivateForm(ActivateTOTPForm):  # type: ignore[misc]  # not at type-checking time
    """The code that proves the app; the seed waits in the session as ciphertext until then."""

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        forms.Form.__init__(self, *args, **kwargs)
        self.user = user
        session = context.request.session
        kept = session.get(_SESSION_KEY) if self.is_bound else None
        self.secret = secretfields.decrypted(kept, "a new app") if kept else generate_totp_secret()
        if not kept:
            session[_SESSION_KEY] = secretfields.encrypted(self.secret)

    def forget(self) -> None:
        """Drop the seed from the session once it is kept."""
        context.request.session.pop(_SESSION_KEY, None)
