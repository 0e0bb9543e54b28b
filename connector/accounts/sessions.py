"""Sessions: ending those of a person, and keeping no row of a visitor longer than it is needed."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
from allauth.account.utils import user_pk_to_url_str
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from connector.jobs.registry import every_minute

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_VISIT_S = 600  # as long as a login may take
_MOST = 5000  # rows that one clean-up deletes; what is left waits for the next


def briefly(request: HttpRequest) -> None:
    """Let the session of who is not logged in end soon, if something is kept in it."""
    if request.session.modified and not request.user.is_authenticated:
        request.session.set_expiry(_VISIT_S)


@receiver(user_logged_in, dispatch_uid="connector.accounts.sessions")
def stay(request: HttpRequest, **_: Any) -> None:
    """Let the session of who has logged in last as long as the settings say."""
    request.session.set_expiry(None)


@every_minute
def forget_expired(now: datetime) -> None:
    """Delete the rows of sessions that are over, some at a time."""
    over = Session.objects.filter(expire_date__lt=now).order_by("expire_date")
    keys = list(over.values_list("pk", flat=True)[:_MOST])
    Session.objects.filter(pk__in=keys, expire_date__lt=now).delete()


def end_others(request: HttpRequest, user: "User") -> None:
    """End every session of this person but the one of this request."""
    _end(user, but=request.session.session_key or "")


def end_all(user: "User") -> None:
    """End every session of this person."""
    _end(user, but="")


def _end(user: "User", *, but: str) -> None:
    others = Session.objects.filter(expire_date__gt=timezone.now()).exclude(session_key=but)
    ended = [one.pk for one in others.iterator() if _is_of(user, one.get_decoded())]
    Session.objects.filter(pk__in=ended).delete()


def _is_of(user: "User", kept: dict[str, Any]) -> bool:
    """Whether a session is the person's, or of who has yet to give the code after the password."""
    stashed = kept.get(LOGIN_SESSION_KEY)
    half_way = isinstance(stashed, dict) and stashed.get("user_pk") == user_pk_to_url_str(user)
    return half_way or kept.get(SESSION_KEY) == str(user.pk)
