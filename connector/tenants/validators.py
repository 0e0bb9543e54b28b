"""What a setting may be. Each message is the rest of a sentence that begins with its name."""

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from connector.epicor.address import is_loopback
from connector.tenants.schedule import BadScheduleError, next_run

_MOST_CERTIFICATES = 5_000_000  # bytes
SLUG = RegexValidator(r"\A[A-Za-z0-9_-]{1,50}\Z", "must be 1 to 50 letters, digits, - or _")
GROUP_PREFIX = RegexValidator(r"\A[A-Za-z0-9]{1,2}\Z", "must be 1 or 2 letters or digits")
COLUMN_NAME = RegexValidator(
    r"\A[A-Za-z_][A-Za-z0-9_]{0,63}\Z", "must be the name of a column or method"
)


def one_line(value: str) -> None:
    """Refuse control characters."""
    if not value.isprintable():
        raise ValidationError("must be one line without control characters")


def time_zone(value: str) -> None:
    """Refuse what names no time zone on this machine."""
    try:
        known = ZoneInfo(value).key == value
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = False
    if not known:
        raise ValidationError("must be a time zone such as America/New_York")


def cron(value: str) -> None:
    """Refuse what is not five cron fields that name some moment."""
    if len(value.split()) != 5:
        raise ValidationError("must be five cron fields such as */15 * * * 1-5")
    try:
        next_run(value, "UTC", datetime.now(UTC))
    except BadScheduleError:
        raise ValidationError(
            "must be five cron fields such as */15 * * * 1-5 that name some moment"
        ) from None


def address(value: str) -> None:
    """Refuse what is no web address, or one with login, query or fragment."""
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
        good = good and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or re.search(r"\s", value):
        raise ValidationError("must be an address such as https://host.example.com/path")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValidationError("must be an address without user, password, ? or #")


def https_address(value: str) -> None:
    """Refuse an address to which secrets would go unencrypted, other than on this machine."""
    address(value)
    parts = urlsplit(value)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValidationError(
            "must begin with https: over http the secrets could be read on the way"
        )


def certificate_file(value: str) -> None:
    """Refuse what is not the path of a file with certificates on this machine.

    One sentence for every other path: whoever may fill in the settings must not learn from it
    which files there are.
    """
    try:
        good = Path(value).is_file() and Path(value).stat().st_size <= _MOST_CERTIFICATES
        if good:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        good = False
    if not good:
        raise ValidationError("must be the path of a file with certificates (PEM) on the server")
