"""Ending the open sessions of a person."""

from typing import TYPE_CHECKING

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def end_others(request: HttpRequest, user: "User") -> None:
    """End every session of this person but the one of this request."""
    others = Session.objects.filter(expire_date__gt=timezone.now())
    others = others.exclude(session_key=request.session.session_key or "")
    mine = str(user.pk)
    ended = [one.pk for one in others.iterator() if one.get_decoded().get(SESSION_KEY) == mine]
    Session.objects.filter(pk__in=ended).delete()
