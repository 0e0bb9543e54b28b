"""What Ramp's refusals mean. Source: docs/ramp.md, "Errors"."""

import re
from collections.abc import Mapping
from typing import Any, NoReturn

from audit.failures import AccessError, RejectedError, TransientError
from connector.answers import Answer
from connector.redaction import redact_text

NOT_READY = "DEVELOPER_7062"
NO_CONNECTION = "DEVELOPER_7089"
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


def raise_for(answer: Answer, what: str, *, scope: str = "") -> None:
    """Raise the error that an answer other than success means; `what` is "read bills".

    `scope` is the permission the call needs. Raises AccessError, RejectedError and its
    subclasses, or TransientError.
    """
    if not answer.ok:
        _refuse(answer, what, scope)


def words(answer: Answer) -> tuple[str, str, str]:
    """Ramp's error code, message and further text of an answer, each "" when absent."""
    body = answer.json if isinstance(answer.json, Mapping) else {}
    error = body.get("error_v2")
    if isinstance(error, Mapping):
        message = str(error.get("message") or "")
        return str(error.get("error_code") or ""), message, str(error.get("additional_info") or "")
    plain = body.get("error_description") or body.get("error") or body.get("message") or ""
    return str(body.get("error") or ""), str(plain) or answer.text[:200], ""


def _refuse(answer: Answer, what: str, scope: str) -> NoReturn:
    code, message, more = words(answer)
    said = redact_text(message).strip().rstrip(".") or f"status {answer.status}"
    detail = {"status": answer.status, "code": code, "trace_id": answer.trace_id, "said": said}
    if code == NOT_READY:
        ids = tuple(dict.fromkeys(_UUID.findall(f"{message} {more}")))
        raise NotReadyError(ids, f"Ramp says: {said}. Nothing was marked.", detail)
    if code == NO_CONNECTION:
        raise AccessError(
            "Ramp has no accounting connection made through the API, so nothing can be reported "
            "to it. No bill is lost; connect Epicor Kinetic in Ramp's accounting settings.",
            detail=detail,
        )
    _refuse_access(answer.status, what, scope, said, detail)
    if answer.status == 404:
        raise NotFoundError(
            f"Ramp does not have what we asked for ({what}): {said}.", detail=detail
        )
    if answer.status == 405:
        raise NotOfferedError(f"This Ramp account cannot {what}: {said}.", detail=detail)
    if answer.status >= 500:
        raise TransientError(
            f"Ramp failed ({answer.status}) when asked to {what}. "
            "Trying again is harmless and happens by itself.",
            detail=detail,
        )
    raise RejectedError(
        f"Ramp refused to {what}: {said}. Nothing was changed by this call.", detail=detail
    )


def _refuse_access(
    status: int, what: str, scope: str, said: str, detail: Mapping[str, Any]
) -> None:
    if status == 401:
        raise AccessError(
            f"Ramp does not accept our login ({said}). No bill is lost; check the client id and "
            "secret in the tenant's settings.",
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
            f"The address of Ramp sends us elsewhere ({status}). Nothing was sent; "
            "check ramp.base_url.",
            detail=detail,
        )
