"""What another system answered, and how the ways of not answering are told to people. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from connector.domain.errors import OutageError, PostingError, TransientError, UncertainOutcomeError
from connector.http_client.decimal_json import load_json

LONGEST_WAIT_S = 20.0  # longer waits become the posting's not_before
LONGEST_ASKED_S = 86_400.0  # nobody is left alone for longer than a day, whatever is asked for
_CERTIFICATE = "its certificate is not trusted; name the authority's file as ca_file"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `json` is None for an empty body or one that is not JSON.

    `text` is as received and may hold secrets: redact before it is stored or shown.
    """

    status: int
    headers: Mapping[str, str]
    json: Any
    text: str
    trace_id: str
    elapsed_s: float

    @property
    def ok(self) -> bool:
        """Whether the status says success."""
        return 200 <= self.status < 300


class LaterError(Exception):
    """One try failed in a way that may be tried again; `error` is what to raise in the end."""

    def __init__(self, error: PostingError, wait_s: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.wait_s = wait_s


def decoded(raw: bytes) -> tuple[str, Any, bool]:
    """A body as text, its JSON value, and whether it could be read (an empty one can)."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace"), None, False
    if not text.strip():
        return text, None, True
    try:
        return text, load_json(text), True
    except ValueError:
        return text, None, False


def retry_after(value: str) -> float | None:
    """Seconds to wait according to a Retry-After header (number or date); None without.

    At most a day: a header with forty digits must not stop a tenant for ever.
    """
    value = value.strip()[:100]
    if value.isdecimal():
        return min(float(value), LONGEST_ASKED_S)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - datetime.now(UTC)).total_seconds()
    return min(max(0.0, seconds), LONGEST_ASKED_S)


def busy(name: str, wait_s: float | None, detail: Mapping[str, Any]) -> PostingError | LaterError:
    """For 429, which means that nothing was done, for reads and writes alike."""
    error = TransientError(
        f"{name} asks us to slow down. Trying again is harmless and happens by itself.",
        retry_after_s=wait_s,
        detail=detail,
    )
    return error if wait_s is not None and wait_s > LONGEST_WAIT_S else LaterError(error, wait_s)


def unavailable(name: str, wait_s: float | None, detail: Mapping[str, Any]) -> LaterError:
    """For a gateway's 502, 503 or 504 after something that may be asked again."""
    error = TransientError(
        f"{name} is not available just now ({detail['status']}). "
        "Trying again is harmless and happens by itself.",
        retry_after_s=wait_s,
        detail=detail,
    )
    return LaterError(error, wait_s)


def no_answer(
    name: str, why: str, detail: Mapping[str, Any], *, repeatable: bool
) -> PostingError | LaterError:
    """For no answer or an unusable one: try again, or an uncertain outcome."""
    if not repeatable:
        return UncertainOutcomeError(
            f"{name} gave no usable answer: {why}. The change may or may not have been made; "
            "it is looked up before anything is sent again.",
            detail=detail,
        )
    return LaterError(
        TransientError(
            f"{name} gave no usable answer: {why}. Trying again is harmless and happens by itself.",
            detail={"system": name, **detail},
        )
    )


def unreachable(name: str, origin: str, why: str) -> LaterError:
    """For a request that certainly never arrived."""
    hint = _CERTIFICATE if "CERTIFICATE_VERIFY_FAILED" in why else "check address and network"
    return LaterError(
        TransientError(
            f"{name} cannot be reached at {origin}: {why}. Nothing was sent; {hint}.",
            detail={"system": name},
        )
    )


def resting(name: str, seconds: float) -> OutageError:
    """For a system that failed several times in a row and is left alone for a while."""
    return OutageError(
        f"{name} did not answer several times in a row. Nothing was sent; "
        "it is tried again shortly.",
        retry_after_s=seconds,
        detail={"system": name},
    )
