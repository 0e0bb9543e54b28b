"""The forms of second factors where django-allauth's own are not enough.

The seed of an app is ciphertext from its first moment, and what a browser sends as a passkey is
looked at before the library that reads it: it may be anything.
"""

import json
import struct
from collections.abc import Callable
from typing import Any

from allauth.core import context
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.core.exceptions import ValidationError
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from connector.secrets import fields

_SESSION_KEY = "account_app_seed"


class ActivateForm(ActivateTOTPForm):  # type: ignore[misc]  # not at type-checking time
    """The code that proves the app; the seed waits in the session as ciphertext until then."""

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        forms.Form.__init__(self, *args, **kwargs)
        self.user = user
        session = context.request.session
        kept = session.get(_SESSION_KEY) if self.is_bound else None
        self.secret = fields.decrypted(kept, "a new app") if kept else generate_totp_secret()
        if not kept:
            session[_SESSION_KEY] = fields.encrypted(self.secret)

    def forget(self) -> None:
        """Drop the seed from the session once it is kept."""
        context.request.session.pop(_SESSION_KEY, None)


_LONGEST = 60_000  # characters; attestations of some devices carry a chain of certificates
_UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError, struct.error)


class PasskeyField(forms.Field):
    """What a browser answers for a passkey, as a dict that `reads` can read."""

    widget = forms.HiddenInput

    def __init__(self, reads: Callable[[Any], Any]) -> None:
        super().__init__(required=True)
        self.reads = reads

    def to_python(self, value: Any) -> Any:
        """The answer. Raises ValidationError, whatever else was sent."""
        if not isinstance(value, str) or not value or len(value) > _LONGEST:
            raise ValidationError("The browser sent no passkey. Try again.")
        try:
            found = json.loads(value)
            self.reads(found)
        except (*_UNREADABLE, RecursionError):
            raise ValidationError("The browser sent no passkey. Try again.") from None
        return found


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A new passkey and its name."""

    name = forms.CharField(required=False, max_length=60)
    credential = PasskeyField(RegistrationResponse.from_dict)


class PasskeyForm(AuthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey after the password."""

    credential = PasskeyField(AuthenticationResponse.from_dict)


class PasskeyAloneForm(LoginWebAuthnForm):  # type: ignore[misc]
    """A passkey instead of a password."""

    credential = PasskeyField(AuthenticationResponse.from_dict)


class PasskeyAgainForm(ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey to say again who one is."""

    credential = PasskeyField(AuthenticationResponse.from_dict)
