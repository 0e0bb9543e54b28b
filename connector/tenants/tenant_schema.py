"""Every key of a tenant file: where it is kept and what it may be (docs/configuration.md)."""

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.epicor.address import is_loopback
from connector.tenants.schedule import BadScheduleError, next_run

Read = Callable[[Any], Any]  # the typed value; ValueError with "must be …" for a wrong one


@dataclass(frozen=True, slots=True)
class Key:
    """One key: `section` and `column` say where it is stored, `cleared` what null means."""

    path: str
    section: str
    column: str
    read: Read
    cleared: Any = ""
    required: bool = False


# -- kinds of values -------------------------------------------------------------------------------


def text(most: int) -> Read:
    """A text of 1 to `most` characters, trimmed."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValueError("must be a text that is not empty")
        if len(value.strip()) > most:
            raise ValueError(f"must have at most {most} characters")
        if not value.strip().isprintable():
            raise ValueError("must be one line without control characters")
        return value.strip()

    return read


def optional_text(most: int) -> Read:
    """A text of up to `most` characters, which may be empty."""
    filled = text(most)
    return lambda value: "" if value == "" else filled(value)


def matching(pattern: str, wanted: str) -> Read:
    """A text of a certain form, described by `wanted`."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"must be {wanted}")
        return value

    return read


def one_of(*choices: str) -> Read:
    """One of a few words."""

    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"must be one of: {', '.join(choices)}")
        return str(value)

    return read


def number(least: int, most: int) -> Read:
    """A whole number in a range."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return read


def yes_or_no(value: Any) -> bool:
    """True or false."""
    if value is not True and value is not False:
        raise ValueError("must be true or false")
    return bool(value)


def iso_day(value: Any) -> date:
    """A day such as 2026-01-31."""
    try:
        return date.fromisoformat(value if isinstance(value, str) and len(value) == 10 else "")
    except ValueError:
        raise ValueError("must be a day such as 2026-01-31") from None


def days(value: Any) -> list[str]:
    """A list of days, kept as text."""
    if type(value) is not list:
        raise ValueError("must be a list of days such as 2026-01-31")
    return sorted({iso_day(item).isoformat() for item in value})


def zone(value: Any) -> str:
    """The name of a time zone."""
    try:
        return ZoneInfo(text(64)(value)).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a time zone such as America/New_York") from None


def cron(value: Any) -> str:
    """Five cron fields."""
    line = str(text(100)(value))
    if len(line.split()) != 5:
        raise ValueError("must be five cron fields such as */15 * * * 1-5")
    try:
        next_run(line, "UTC", datetime.now(UTC))
    except BadScheduleError:
        raise ValueError(
            "must be five cron fields such as */15 * * * 1-5 that name some moment"
        ) from None
    return line


def address(value: Any) -> str:
    """A web address without login, query or fragment; a closing slash is dropped."""
    line = str(text(255)(value))
    try:
        parts = urlsplit(line)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
        good = good and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or re.search(r"\s", line):
        raise ValueError("must be an address such as https://host.example.com/path")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be an address without user, password, ? or #")
    return line.rstrip("/")


def https_address(value: Any) -> str:
    """An address to which secrets go; without https only on this machine."""
    line = address(value)
    parts = urlsplit(line)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError("must begin with https: over http the secrets could be read on the way")
    return line


def ramp_address(value: Any) -> str:
    """Ramp's address, kept without /developer/v1."""
    return https_address(value).removesuffix("/developer/v1")


def certificate_file(value: Any) -> str:
    """The path of a file with certificates on this machine.

    One sentence for every other path: whoever may fill in the settings must not learn from it
    which files there are.
    """
    line = str(text(255)(value))
    try:
        good = Path(line).is_file() and Path(line).stat().st_size <= _MOST_CERTIFICATES
        if good:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(line)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        good = False
    if not good:
        raise ValueError("must be the path of a file with certificates (PEM) on the server")
    return line


# -- the keys --------------------------------------------------------------------------------------

_MOST_CERTIFICATES = 5_000_000  # bytes
_COLUMN_NAME = matching(r"[A-Za-z_][A-Za-z0-9_]{0,63}", "the name of a column or method")
AUTH_NEEDS: Mapping[str, tuple[str, ...]] = {
    "oauth2": ("epicor.auth.token_url", "epicor.auth.client_id", "epicor.auth.client_secret"),
    "token_resource": ("epicor.auth.username", "epicor.auth.password"),
    "basic": ("epicor.auth.username", "epicor.auth.password"),
}
_SLUG = matching(r"[A-Za-z0-9_-]{1,50}", "1 to 50 letters, digits, - or _")
KEYS: Mapping[str, Key] = {
    key.path: key
    for key in (
        Key("slug", "tenant", "slug", _SLUG, required=True),
        Key("name", "tenant", "name", text(200), required=True),
        Key("time_zone", "tenant", "time_zone", zone, required=True),
        Key("ramp.base_url", "ramp", "base_url", ramp_address, required=True),
        Key("ramp.client_id", "ramp", "client_id", text(255), required=True),
        Key("ramp.client_secret", "ramp", "client_secret", text(500), required=True),
        Key("ramp.webhook_secret", "ramp", "webhook_secret", text(500), None),
        Key("epicor.base_url", "epicor", "base_url", address, required=True),
        Key(
            "epicor.deployment",
            "epicor",
            "deployment",
            one_of("cloud", "on_premises"),
            required=True,
        ),
        Key("epicor.api_version", "epicor", "api_version", one_of("v1", "v2"), required=True),
        Key("epicor.api_key", "epicor", "api_key", text(500), required=True),
        Key("epicor.auth.method", "epicor", "auth_method", one_of(*AUTH_NEEDS), required=True),
        Key("epicor.auth.token_url", "epicor", "token_url", https_address),
        Key("epicor.auth.client_id", "epicor", "client_id", text(255)),
        Key("epicor.auth.client_secret", "epicor", "client_secret", text(500), None),
        Key("epicor.auth.scope", "epicor", "scope", optional_text(255)),
        Key("epicor.auth.username", "epicor", "username", text(150)),
        Key("epicor.auth.password", "epicor", "password", text(500), None),
        Key("epicor.rate_group", "epicor", "rate_group", optional_text(16)),
        Key("epicor.ca_file", "epicor", "ca_file", certificate_file),
        Key("posting.start_date", "posting", "start_date", iso_day, None),
        Key(
            "posting.group_prefix",
            "posting",
            "group_prefix",
            matching(r"[A-Za-z0-9]{1,2}", "1 or 2 letters or digits"),
            "R",
        ),
        Key("posting.lanes", "posting", "lanes", number(1, 8), 2),
        Key(
            "posting.writer",
            "posting",
            "writer",
            one_of("two_step", "update_ext", "by_the_book"),
            "two_step",
        ),
        Key("posting.skeleton_method", "posting", "skeleton_method", _COLUMN_NAME, "auto"),
        Key("posting.stamp_column", "posting", "stamp_column", _COLUMN_NAME, "ExternalID"),
        Key("posting.pay_hold", "posting", "pay_hold", yes_or_no, cleared=True),
        Key(
            "posting.po_bills", "posting", "po_bills", one_of("hold", "expense", "po_lines"), "hold"
        ),
        Key("posting.card_paid", "posting", "card_paid", one_of("hold", "enter"), "hold"),
        Key("posting.default_terms", "posting", "default_terms", optional_text(16)),
        Key(
            "posting.after_entry_edits",
            "posting",
            "after_entry_edits",
            one_of("update", "hold"),
            "update",
        ),
        Key("calendar.sync_cron", "calendar", "sync_cron", cron, "*/15 * * * *"),
        Key(
            "calendar.closed_period",
            "posting",
            "closed_period",
            one_of("hold", "next_open"),
            "hold",
        ),
        Key("calendar.blackout", "calendar", "blackout", days, []),
    )
}
SECTIONS = frozenset({"ramp", "epicor", "epicor.auth", "posting", "calendar"})
