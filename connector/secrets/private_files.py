"""Files that nobody else on the machine may read: the database holds bills and people.

SQLite gives its journal files the permissions of the database.
"""

import os
from pathlib import Path

_OWNER = 0o600
_OTHERS = 0o077


def make_file(path: Path) -> None:
    """Make an empty file for its owner alone, unless it is there already. Raises OSError."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER))
    except FileExistsError:
        return


def close_to_others(path: Path) -> None:
    """Take all permissions of others from what is ours; somebody else's stays as it is."""
    found = path.stat()
    if found.st_uid == os.geteuid() and found.st_mode & _OTHERS:
        path.chmod(found.st_mode & ~_OTHERS)


def is_open_to_others(path: Path) -> bool:
    """Return whether anybody but the owner can read the file; False when there is none."""
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False
