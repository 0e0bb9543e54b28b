"""Too many wrong passwords: when the next try is possible, and what to do until then."""

from datetime import datetime, timedelta
from typing import Any

from axes.helpers import get_client_username, get_cool_off
from axes.models import AccessAttempt
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from connector.web.account.logins import address_opens


def locked_out(
    request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """The answer to a login after too many failures; it does not show whether the name exists."""
    now = timezone.now()
    until = opens_again(request, credentials, now)
    minutes = max(1, -(-int((until - now).total_seconds()) // 60))
    context = {"until": until, "minutes": minutes}
    answer = render(request, "429.html", context, status=429)
    answer.headers["Retry-After"] = str(minutes * 60)
    return answer


def too_many(request: HttpRequest) -> HttpResponse:
    """The answer to who typed codes or asked for links too often; the counts end within an hour."""
    answer = render(request, "429.html", {"minutes": 60}, status=429)
    answer.headers["Retry-After"] = "3600"
    return answer


def opens_again(
    request: HttpRequest, credentials: dict[str, Any] | None, now: datetime
) -> datetime:
    """When this name may be tried from this address again."""
    pause: timedelta = get_cool_off(request) or timedelta()
    whole = address_opens(request, pause)
    if whole is not None:
        return whole
    tried = AccessAttempt.objects.filter(
        username=get_client_username(request, credentials),
        ip_address=getattr(request, "axes_ip_address", None),
    )
    last = tried.order_by("-attempt_time").values_list("attempt_time", flat=True).first()
    return (last or now) + pause
