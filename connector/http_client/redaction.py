"""Takes secrets out of whatever is logged, stored or shown. Pure."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

HIDDEN = "[hidden]"
_SECRET_KEYS = re.compile(
    r"(?i)(authorization|api[-_]?key|password|secret|access_?token|refresh_?token|^token$"
    r"|invoice_urls|account_number|routing_number|iban)"
)
# No pattern may look further than a fixed number of characters before it knows that a secret begins
# here: "ramp_ramp_ramp_…" of another system must not cost the square of its length.
_SECRET_TEXT = [
    re.compile(r"ramp_[a-z_]{0,40}(?:tok|jwt|sec|id)_[A-Za-z0-9_.\-]+"),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9_.\-~+/=]{8,}"),
    re.compile(r"(?i)(?<=basic )[A-Za-z0-9+/=]{8,}"),
    re.compile(r"(?i)(?<=[?&]api-key=)[^&\s\"']+"),
    re.compile(r"(?<=://)(?!user:password@)[^/\s:@\"']+:[^/\s@\"']+(?=@)"),  # not our examples
    re.compile(r"eyJ[A-Za-z0-9_\-]{8,600}\.[A-Za-z0-9_\-]{4,}(?:\.[A-Za-z0-9_\-]*)?"),
    # A link that lets somebody set a password (Django's form of such tokens).
    re.compile(r"(?<![0-9A-Za-z])[0-9a-z]{6,7}-[0-9a-f]{32}(?![0-9A-Za-z])"),
]
# A name and its value in running text: the value goes, the name stays. A sentence of ours about a
# setting ("epicor.api_key: must be a text") names no value.
_LABELLED = re.compile(
    r"(?i)((?<![a-z])(?:x-api-key|api[-_]?key|password|client_secret|access_?token)[\"']?"
    r"\s*[:=]\s*[\"']?)(?!(?<=: )(?:cannot|must|is|has|needs) [a-z])([^\"'\s,;&}<]+)"
)
_SHORTEST = len("://u:p@")  # no pattern fits a shorter text, and most columns are shorter


def redact_text(text: str) -> str:
    """The text with everything that looks like a credential replaced by `[hidden]`."""
    if len(text) < _SHORTEST:
        return text
    for pattern in _SECRET_TEXT:
        text = pattern.sub(HIDDEN, text)
    return _LABELLED.sub(lambda found: found[1] + HIDDEN, text)


def redact(value: Any) -> Any:
    """A copy of JSON-like data with the values of secret-sounding keys and tokens hidden."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if item and _is_secret(str(key)) else redact(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    """Cached, because the same few hundred columns come again with every bill."""
    return _SECRET_KEYS.search(name) is not None
