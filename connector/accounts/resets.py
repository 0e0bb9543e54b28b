"""Forgotten passwords: who may set one anew by mail, and the link for it."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import base36_to_int, urlsafe_base64_encode

if TYPE_CHECKING:
    from django.contrib.auth.models import User

VALID_FOR_S = 3600
_MOST = 5  # accounts with one address; an address that more have is a mistake


class _Resets(PasswordResetTokenGenerator):
    """Links that end with their first use, with a login, with another address, after an hour."""

    key_salt = "connector.accounts.resets"

    def check_token(self, user: "User | None", token: str | None) -> bool:
        """Whether the link is this person's, unused, and young enough."""
        if not super().check_token(user, token):
            return False
        made = base36_to_int(str(token).split("-", 1)[0])
        return self._num_seconds(self._now()) - made <= VALID_FOR_S


tokens = _Resets()


def accounts_with(address: str) -> list["User"]:
    """Everybody who may set a password anew by mail to this address.

    Not people who never had a password: an invitation or the single sign-on is their way in.
    """
    found = get_user_model().objects.filter(email__iexact=address.strip(), is_active=True)
    ordered = found.exclude(email="").order_by("pk")[:_MOST]
    return [user for user in ordered if user.has_usable_password()]


def link_for(user: "User") -> str:
    """The address at which this person sets a password anew; works once and for an hour."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return f"{settings.PUBLIC_URL}{reverse('reset-link', args=[uid, tokens.make_token(user)])}"
