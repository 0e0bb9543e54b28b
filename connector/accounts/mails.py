"""Mails about a person's own account. A worker sends them, so that no page waits for a mail server.

A page that waited would tell by its time whether an address is known.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import send_mail
from django.utils import timezone
from django_q.tasks import async_task

from connector.accounts import resets
from connector.jobs import heartbeat

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_TIMEOUT_S = 120
# By what happened: the subject, and the sentence.
NOTICES: dict[str, tuple[str, str]] = {
    "app_added": ("Authenticator app added", "An authenticator app was added as second factor."),
    "app_removed": ("Authenticator app removed", "The authenticator app was removed."),
    "passkey_added": ("Passkey added", "A passkey was added."),
    "passkey_renamed": ("Passkey renamed", "A passkey was given another name."),
    "passkey_removed": ("Passkey removed", "A passkey was removed."),
    "codes_made": ("New recovery codes", "New recovery codes were made; the old ones are void."),
    "factors_reset": (
        "Second factor removed",
        "The second factor of your account was removed by an administrator. Every session was "
        "ended.",
    ),
    "password_changed": ("Password changed", "The password was changed."),
    "password_reset": (
        "Password set anew",
        "The password was set anew through a link sent to this address. Every session was ended.",
    ),
    "password_set": ("Password set", "A password was set; your account had none."),
    "sign_on_only": (
        "Single sign-on",
        "Your account at the single sign-on provider was used for the first time, and is tied to "
        "your account here. What opened your account before has ended: its password, passkeys, "
        "authenticator app, recovery codes, and every other session. Under Your account you can "
        "add a passkey or an app, and set a new password.",
    ),
    "sign_on_linked": (
        "Single sign-on",
        "Your account at the single sign-on provider was used for the first time, and is tied to "
        "your account here. Every other session was ended.",
    ),
}


def notify(user: "User", what: str, *, actor: str) -> None:
    """Have a worker mail the person what happened to the account; `what` is a key of NOTICES."""
    if settings.SENDS_MAIL and user.email:
        at = timezone.now().isoformat()
        _later("connector.accounts.mails.send_notice", user.pk, what, actor, at)


def send_notice(user_id: int, what: str, actor: str, at: str) -> bool:
    """In a worker: mail what happened; False when there is no such account."""
    user = get_user_model().objects.filter(pk=user_id).first()
    if user is None or not user.email:
        return False
    subject, sentence = NOTICES[what]
    lines = [
        f"Hello {user.get_username()},",
        "",
        sentence,
        "",
        f"When: {datetime.fromisoformat(at):%Y-%m-%d %H:%M} UTC",
        f"By: {actor}",
        f"Where: {settings.PUBLIC_URL}",
        "",
        "If this was not expected, tell your administrator at once and change your password.",
    ]
    with heartbeat.busy(_TIMEOUT_S):
        send_mail(f"{subject} – ml-connector", "\n".join(lines), None, [user.email])
    return True


def request_reset(address: str) -> None:
    """Have a worker send a link to this address's accounts; the same work if there is none."""
    if settings.SENDS_MAIL:
        _later("connector.accounts.mails.send_reset", address)


def send_reset(address: str) -> int:
    """In a worker: mail a link to each person with this address; returns how many."""
    found = resets.accounts_with(address)
    with heartbeat.busy(_TIMEOUT_S):
        for user in found:
            lines = [
                f"Hello {user.get_username()},",
                "",
                "Somebody asked for a new password for your account. With this link you set one:",
                "",
                resets.link_for(user),
                "",
                "It works once and for an hour. A second factor stays as it is.",
                "If it was not you, do nothing: your password stays what it is.",
            ]
            send_mail("A new password – ml-connector", "\n".join(lines), None, [user.email])
    return len(found)


def _later(function: str, *arguments: object) -> None:
    async_task(function, *arguments, timeout=_TIMEOUT_S, save=False, task_name="mail to a person")
