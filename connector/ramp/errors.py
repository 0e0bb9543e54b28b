"""What Ramp's refusals mean. Source: docs/ramp.md, "Errors"."""

import re
from collections.abc import Mapping
from typing import Any, NoReturn

from connector.domain.errors import (
    AccessError,
    RejectedError,
    TransientError,
    UncertainOutcomeError,
)
from connector.http_client.outcomes import Answer
from connector.http_client.redaction import redact_text

NOT_READY = "DEVELOPER_7062"
NO_CONNECTION = "DEVELOPER_7089"
_TAGS = re.compile(r"<[^<>]*>")
_MOST_TEXT = 2000
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class NotReadyError(RejectedError):
    """Ramp refused a whole call because of these ids: not ready for sync, or synced already."""

    def __init__(self, ids: tuple[str, ...], message: str, detail: Mapping[str, Any]) -> None:
        super().__init__(message, detail=detail)
        self.ids = ids


class NotFoundError(RejectedError):
    """The object does not exist, or it is archived and this call does not show such."""


class NotOfferedError(RejectedError):
    """This Ramp account's plan or version does not have the feature."""


def raise_for(answer: Answer, what: str, *, scope: str = "", writing: bool = False) -> None:
    """Raise the error that an answer other than success means; `what` is "read bills".

    `scope` is the permission the call needs; `writing`: it may have changed something. Raises
    AccessError, RejectedError and its subclasses, TransientError, or UncertainOutcomeError
    (writes only: a refusal that is not Ramp's).
    """
    if answer.ok:
        return
    if writing and not _is_own(answer):
        _refuse_unsigned(answer, what)
    _refuse(answer, what, scope)


def error_parts(answer: Answer) -> tuple[str, str, str]:
    """Ramp's error code, message and further text of an answer, each "" when absent."""
    body = answer.json if isinstance(answer.json, Mapping) else {}
    error = body.get("error_v2")
    if isinstance(error, Mapping):
        message = str(error.get("message") or "")
        return str(error.get("error_code") or ""), message, str(error.get("additional_info") or "")
    plain = body.get("error_description") or body.get("error") or body.get("message") or ""
    return str(body.get("error") or ""), str(plain) or answer.text[:200], ""


def _is_own(answer: Answer) -> bool:
    """Whether the refusal is Ramp's, or says nothing about what was done (login, server trouble).

    What stands in front of Ramp answers in other forms, perhaps after Ramp has done it.
    """
    if answer.status == 401 or answer.status >= 500:
        return True
    body = answer.json if isinstance(answer.json, Mapping) else {}
    return bool(body.get("error_v2") or body.get("error"))


def _refuse_unsigned(answer: Answer, what: str) -> NoReturn:
    text = " ".join(_TAGS.sub(" ", answer.text[:2000]).split())
    shown = redact_text(text)[:200].rstrip(".") or f"status {answer.status}"
    large = " The request is too large for it." if answer.status in (413, 414, 431) else ""
    elsewhere = " It sends us elsewhere; check ramp.base_url." if answer.status < 400 else ""
    raise UncertainOutcomeError(
        f"Something in front of Ramp answered {answer.status} when asked to {what}: {shown}. Ramp "
        f"may have noted it all the same; each bill is read before it is told again."
        f"{large}{elsewhere}",
        detail={"status": answer.status, "trace_id": answer.trace_id, "said": shown},
    )


def _refuse(answer: Answer, what: str, scope: str) -> NoReturn:
    code, message, more = error_parts(answer)
    text = redact_text(message[:_MOST_TEXT]).strip().rstrip(".") or f"status {answer.status}"
    detail = {"status": answer.status, "code": code, "trace_id": answer.trace_id, "said": text}
    if code == NOT_READY:
        ids = tuple(dict.fromkeys(_UUID.findall(f"{message} {more}")))
        raise NotReadyError(ids, f"Ramp says: {text}. Nothing was marked.", detail)
    if code == NO_CONNECTION:
        raise AccessError(
            "Ramp has no accounting connection made through the API, so nothing can be reported "
            "to it. No bill is lost; connect Epicor Kinetic in Ramp's accounting settings.",
            detail=detail,
        )
    _refuse_access(answer.status, what, scope, text, detail)
    if answer.status == 404:
        raise NotFoundError(
            f"Ramp does not have what we asked for ({what}): {text}.", detail=detail
        )
    if answer.status == 405:
        raise NotOfferedError(f"This Ramp account cannot {what}: {text}.", detail=detail)
    if answer.status >= 500:
        raise TransientError(
            f"Ramp failed ({answer.status}) when asked to {what}. "
            "Trying again is harmless and happens by itself.",
            detail=detail,
        )
    raise RejectedError(
        f"Ramp refused to {what}: {text}. Nothing was changed by this call.", detail=detail
    )


def _refuse_access(
    status: int, what: str, scope: str, said: str, detail: Mapping[str, Any]
) -> None:
    if status == 401:
        raise AccessError(
            f"Ramp does not accept our login ({said}). No bill is lost; check the client id and "
            "secret in the settings.",
            detail=detail,
        )
    if status == 403:
        needed = f"the permission {scope}" if scope else "a permission"
        raise AccessError(
            f"Ramp does not let us {what}: {needed} is missing ({said}). No bill is lost; "
            "grant it to the app in Ramp's developer settings.",
            detail={**detail, "scope": scope},
        )
    if 300 <= status < 400:
        raise AccessError(
            f"The address of Ramp sends us elsewhere ({status}). Nothing was changed; "
            "check ramp.base_url.",
            detail=detail,
        )
