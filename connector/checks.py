"""System checks: what is wrong with the environment, said before anything is sent."""

import pkgutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register, run_checks
from django.db import DatabaseError, connections
from django.db.migrations.recorder import MigrationRecorder

from audit.trail import trail_key
from connector.secrets import key_check
from connector.secrets.private_files import is_open_to_others

TAG = "connector"
AUDIT_KEY_DOES_NOT_FIT = "connector.E031"
SHORTEST_KEY, LEAST_VARIETY = 32, 10  # characters; 32 random bytes have 44 and about 30
_OURS = ("audit", "connector", "mappings")  # the apps that have migrations of ours
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@register(TAG)
def environment(**_: Any) -> list[CheckMessage]:
    """Every problem that reading the environment found."""
    return [
        Error(message, hint=hint, id=check_id)
        for check_id, message, hint in settings.ENVIRONMENT_PROBLEMS
    ]


@register(TAG)
def debug_mode(**_: Any) -> list[CheckMessage]:
    """DEBUG shows settings to visitors and keeps generated keys beside the database."""
    if settings.DEBUG and urlsplit(settings.PUBLIC_URL).hostname not in _LOOPBACK:
        return [
            Warning(
                f"DEBUG is on although PUBLIC_URL is {settings.PUBLIC_URL}.",
                hint="Unset DEBUG where other people can reach the pages.",
                id="connector.W001",
            )
        ]
    return []


@register(TAG)
def separate_keys(**_: Any) -> list[CheckMessage]:
    """The audit chain is worth something only if its key is not another one, too."""
    if settings.AUDIT_KEY in (settings.SECRET_KEY, *settings.FIELD_ENCRYPTION_KEY):
        return [
            Error(
                "AUDIT_KEY is the same as another key.",
                hint="Give AUDIT_KEY a value of its own, kept apart from the database.",
                id="connector.E030",
            )
        ]
    return []


@register(TAG)
def private_database(**_: Any) -> list[CheckMessage]:
    """A database file holds every bill; on a machine with more people they must not read it."""
    database = settings.DATABASES["default"]
    path = str(database["NAME"])
    if "sqlite" not in database["ENGINE"] or not is_open_to_others(Path(path)):
        return []
    return [
        Warning(
            f"Other users of this machine can read the database {path}.",
            hint=f"Take that away: chmod 600 {path}",
            id="connector.W003",
        )
    ]


@register(TAG)
def strong_keys(**_: Any) -> list[CheckMessage]:
    """What can be guessed protects nothing."""
    keys = {
        "SECRET_KEY": settings.SECRET_KEY,
        "AUDIT_KEY": settings.AUDIT_KEY,
        "FIELD_ENCRYPTION_KEY": min(settings.FIELD_ENCRYPTION_KEY, key=_variety),
    }
    return [
        Error(
            f"{name} can be guessed: it is too short, or repeats itself.",
            hint="docs/configuration.md says how to make one.",
            id="connector.E032",
        )
        for name, key in keys.items()
        if len(key) < SHORTEST_KEY or _variety(key) < LEAST_VARIETY
    ]


def _variety(key: str) -> int:
    """How many different characters there are, 0 when the key is a shorter one, repeated."""
    repeated = (key + key).find(key, 1) < len(key)
    return 0 if repeated else len(set(key))


@register(TAG)
def closed_doors(**_: Any) -> list[CheckMessage]:
    """A name that stands for every host lets anybody's page speak in our name."""
    if settings.DEBUG:
        return []
    origins = [origin.partition("://")[2] for origin in settings.CSRF_TRUSTED_ORIGINS]
    lists = {"ALLOWED_HOSTS": settings.ALLOWED_HOSTS, "CSRF_TRUSTED_ORIGINS": origins}
    return [
        Error(
            f"{name} has an entry that stands for every host.",
            hint="Name the hosts that people reach this installation by.",
            id="connector.E033",
        )
        for name, hosts in lists.items()
        if any(host and not host.strip("*./") for host in hosts)
    ]


@register(Tags.database)
def made_by_these_migrations(
    *, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """The database must know no migration of ours that is not here: its tables would be others.

    Migrations were made fresh before the first release, so an earlier checkout's count as applied.
    """
    if not databases or "default" not in databases:
        return []
    try:
        applied = set(MigrationRecorder(connections["default"]).applied_migrations())
    except DatabaseError:
        return []  # out of reach: said by whoever needs it
    ours = {(app, name) for app in _OURS for name in _on_disk(app)}
    strange = sorted(f"{app}.{name}" for app, name in applied - ours if app in _OURS)
    if not strange:
        return []
    more = f" and {len(strange) - 1} more" if strange[1:] else ""
    return [
        Error(
            "This database was made by an earlier checkout, or by a later one: it holds migrations "
            f"that are not here ({strange[0]}{more}).",
            hint="Make a new one; nothing was changed.",
            id="connector.E034",
        )
    ]


def _on_disk(app: str) -> list[str]:
    """The names of an app's migrations."""
    folder = import_module(f"{app}.migrations").__path__
    return [module.name for module in pkgutil.iter_modules(folder)]


@register(Tags.database)
def keys_fit(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Both keys must be those that this database was written with."""
    if not databases or "default" not in databases:
        return []
    try:
        secrets_fit, trail_fits = key_check.fits(), trail_key.fits()
    except DatabaseError:
        return []  # not migrated yet: there is nothing to read wrongly
    found: list[CheckMessage] = []
    if not secrets_fit:
        found.append(Error(key_check.PROBLEM, hint=key_check.HINT, id="connector.E008"))
    if trail_fits is False:
        found.append(Error(trail_key.PROBLEM, hint=trail_key.HINT, id=AUDIT_KEY_DOES_NOT_FIT))
    return found


def problems() -> list[tuple[str, str, str]]:
    """All that forbids to work here, as (id, message, hint): environment, keys, database."""
    found = run_checks(tags=[TAG, Tags.database], databases=["default"])
    serious = sorted((item for item in found if item.is_serious()), key=lambda item: str(item.id))
    return [(str(item.id), item.msg, item.hint or "") for item in serious]


def refusal(problems: Sequence[tuple[str, str, str]]) -> str:
    """One sentence of the web server that names everything wrong, or "" when all is right."""
    if not problems:
        return ""
    text = " ".join(f"{message} {hint}" for _, message, hint in problems)
    return f"The web server did not start; nothing was touched. {text}"
