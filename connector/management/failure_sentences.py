"""What to tell a person about an error that ends a command: one sentence, never a stack trace."""

import errno
from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, OperationalError, connection

from audit.trail.trail_key import WrongAuditKeyError
from connector.domain.errors import PostingError
from connector.http_client.redaction import redact_text
from connector.secrets.fields import SecretUnreadableError

_NOTHING_LOST = "Nothing is lost; what was under way is looked up before it is sent again."
_FULL = f"The disk of the database is full. {_NOTHING_LOST} Make room there, then run this again."
_READ_ONLY = (
    "The database cannot be written: it is read-only for this user. Nothing was changed by this "
    "step; let the user that runs this program write the file and its folder, or use the primary "
    "server."
)
_NOT_MIGRATED = (
    "The database is not prepared for this version. Nothing was sent to either system by this "
    "step; run: python manage.py migrate"
)
_UNREACHABLE = (
    "The database cannot be reached ({detail}). Nothing was sent to either system by this step; "
    "start it, or check DATABASE_URL."
)
_BUSY = (
    f"The database was busy for too long ({{detail}}). {_NOTHING_LOST} Run this again; if it "
    "stays busy, look for another program that has it open."
)
_DAMAGED = (
    "The file that DATABASE_URL names is damaged or no database ({detail}). Nothing was sent to "
    "either system by this step; restore a backup, or correct the name."
)
_OTHER = (
    "The database cannot do this ({detail}). Nothing was sent to either system by this step; "
    "check DATABASE_URL and run: python manage.py migrate"
)
# SQLite's own names of errors, and the first characters of PostgreSQL's SQLSTATE.
_SQLITE: Mapping[str, str] = {
    "SQLITE_CANTOPEN": _UNREACHABLE,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_FULL": _FULL,
    "SQLITE_BUSY": _BUSY,
    "SQLITE_LOCKED": _BUSY,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_NOTADB": _DAMAGED,
}
_SQLSTATE: Mapping[str, str] = {
    "25006": _READ_ONLY,
    "42501": _READ_ONLY,
    "42P01": _NOT_MIGRATED,
    "42703": _NOT_MIGRATED,
    "53100": _FULL,
    "53300": _BUSY,
    "55P03": _BUSY,
    "08": _UNREACHABLE,
    "28": _UNREACHABLE,
    "3D": _UNREACHABLE,
    "57": _UNREACHABLE,
}


def sentence(error: BaseException) -> str:
    """What happened, whether money is at risk, and what to do, on one line, without secrets."""
    if isinstance(error, PostingError):
        return error.message
    if isinstance(error, SecretUnreadableError | WrongAuditKeyError | ImproperlyConfigured):
        return one_line(str(error))
    if isinstance(error, DatabaseError):
        return _of_database(error).format(detail=one_line(str(error)))
    from redis.exceptions import RedisError  # takes as long as the rest of a command's start

    if isinstance(error, RedisError):
        return (
            f"The queue cannot be reached ({one_line(str(error))}). {_NOTHING_LOST} Start Redis, "
            "or check QUEUE_BROKER."
        )
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"The disk is full. {_NOTHING_LOST} Make room, then run this again."
    return (
        f"An unexpected error happened ({type(error).__name__}: "
        f"{one_line(str(error))}). No bill is entered twice by it; run the command again with "
        "--traceback and report what it prints."
    )


def one_line(text: str) -> str:
    """The text on one line, with what looks like a credential taken out."""
    return " ".join(redact_text(text).removeprefix("Error: ").split())


def _of_database(error: DatabaseError) -> str:
    cause = error.__cause__
    name = str(getattr(cause, "sqlite_errorname", None) or "")
    # SQLite adds the kind to some names: SQLITE_READONLY_DBMOVED, SQLITE_BUSY_SNAPSHOT.
    for key, text in _SQLITE.items():
        if name == key or name.startswith(f"{key}_"):
            return text
    if str(error).startswith(("no such table", "no such column", "table ")):
        return _NOT_MIGRATED
    state = str(getattr(cause, "sqlstate", None) or "")
    if found := _SQLSTATE.get(state) or _SQLSTATE.get(state[:2]):
        return found
    if isinstance(error, OperationalError) and not state and connection.vendor == "postgresql":
        return _UNREACHABLE  # the server was never reached, so it could give no SQLSTATE
    return _OTHER
