"""Turns values into plain JSON that every database keeps unchanged, and fingerprints it. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date
from enum import Enum
from functools import lru_cache
from typing import Any

HIDDEN = "[hidden]"
LOST = "\ufffd"
_REFUSED = re.compile("[\x00\ud800-\udfff]")
_SECRET_KEY = re.compile(
    r"(?i)(password|secret|authorization|api[-_]?key|access_?token|refresh_?token|^token$)"
)
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Compact(json.JSONEncoder):
    """Writes what the trail stores without spaces; five entries a bill are kept for ever."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "separators": (",", ":"), "ensure_ascii": False})


def plain(value: Any) -> Any:
    """A copy of `value` made of dicts, lists, strings, whole numbers, booleans and None.

    Decimals and floats become strings, because PostgreSQL and SQLite would write them
    differently and a fingerprint must survive the way through the database. Days and moments
    become ISO 8601. Values of keys that are named like secrets are hidden: callers redact
    before, this is the second lock.
    """
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {
            text(str(key)): HIDDEN if item and _is_secret(str(key)) else plain(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [plain(item) for item in items]
    return _scalar(value)


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    """Cached, because the same few hundred columns come again with every bill."""
    return _SECRET_KEY.search(name) is not None


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _scalar(value.value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, date):  # a datetime is one, too
        return value.isoformat()
    return text(str(value))


def text(value: str, limit: int | None = None) -> str:
    """`value` as every database takes it, cut to `limit`.

    What it refuses (NUL, half a surrogate pair) becomes U+FFFD, so that it shows that something
    was lost.
    """
    clean = _REFUSED.sub(LOST, value)
    return clean if limit is None else clean[:limit]


def canonical(value: Any) -> bytes:
    """The one way to write plain JSON `value` as bytes: sorted keys, no spaces, UTF-8."""
    return _CANONICAL.encode(value).encode("utf-8")


def digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical form of plain JSON `value`."""
    return hashlib.sha256(canonical(value)).hexdigest()
