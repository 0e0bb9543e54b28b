"""How failed logins are counted: a name from an address, and the address whatever the names."""

from datetime import datetime, timedelta
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_failure_limit
from axes.models import AccessAttempt
from django.http import HttpRequest

from connector.http_server.client_address import throttled_as

_LONGEST_NAME = 255  # characters
MOST_FROM_AN_ADDRESS = 100  # an office may share one; whoever tries many names needs far more


class Handler(AxesDatabaseHandler):  # type: ignore[misc]  # axes ships no types
    """Locks an address, too, after more failures than a handful of people make in an hour."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """The failures that count for this name, raised to the limit while the address is shut."""
        failures: int = super().get_failures(request, credentials)
        if address_opens(request, timedelta()) is None:
            return failures
        return max(failures, int(get_failure_limit(request, credentials)))


def client_of(request: HttpRequest) -> str:
    """Return the address under which the login counts; the middleware has looked past proxies."""
    return throttled_as(str(request.META.get("REMOTE_ADDR") or ""))


def name_of(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """Return the name that somebody tries, as long as the table of failures takes it."""
    typed = (credentials or {}).get("username") or request.POST.get("username") or ""
    return str(typed)[:_LONGEST_NAME]


def address_opens(request: HttpRequest, pause: timedelta) -> datetime | None:
    """When logins from the address of this request are tried again; None: they are now."""
    address = getattr(request, "axes_ip_address", None)
    if address is None:
        return None
    since = get_cool_off_threshold(request)
    tried = AccessAttempt.objects.filter(ip_address=address, attempt_time__gte=since)
    rows = list(tried.order_by("attempt_time").values_list("attempt_time", "failures_since_start"))
    left, last = sum(count for _, count in rows), None
    for at, count in rows:
        if left < MOST_FROM_AN_ADDRESS:
            break
        left, last = left - count, at
    return None if last is None else last + pause
