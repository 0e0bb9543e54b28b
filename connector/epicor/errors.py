"""What Epicor's refusals mean, whichever of its many forms they come in.

Source: docs/epicor.md, "Errors". Nothing here decides by the wording of a business rule, which
differs by release and language: only types, statuses and the few texts that are known do.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from connector.domain.errors import (
    AccessError,
    DuplicateInvoiceError,
    RejectedError,
    TransientError,
    UncertainOutcomeError,
)
from connector.epicor.xml import load_xml
from connector.http_client.decimal_json import load_json
from connector.http_client.outcomes import Answer
from connector.http_client.redaction import redact_text

_MOST_TEXT = 500
_MOST_ROWS = 100  # of an error's details
_MOST_READ = 20_000  # characters of an error page; what it means stands at its beginning
_BUSINESS = ("BusinessObjectException", "BLException")
_DUPLICATE_TYPE = "DuplicateRecordException"
_RECORD_MISSING = "RecordNotFoundException"
_UPGRADING = "ConversionsPendingException"
_DUPLICATE_TEXT = re.compile(r"duplicate entry of an existing record", re.IGNORECASE)
_PARAMETER = re.compile(r"Parameter ([\w$]+) is not found in the input object", re.IGNORECASE)
_SEATS = re.compile(r"maximum users exceeded", re.IGNORECASE)
_STALE = re.compile(r"(modified|changed|updated) by another (user|session)", re.IGNORECASE)
_TAGS = re.compile(r"<[^<>]*>")
_TOO_LARGE = frozenset({413, 414, 431})
_IIS_TOO_LARGE = re.compile(r"\b404\.1[345]\b")  # content, address, query: longer than IIS allows


SMALLER = (
    "Raise the limit of the proxy in front of Epicor or of IIS (maxAllowedContentLength), or split "
    "the bill."
)


class HeavyServiceError(TransientError):
    """A plain read failed inside Epicor without a cause; another way of reading may work."""


class RecordMissingError(RejectedError):
    """There is no record with that key."""


class SeatsError(TransientError):
    """No licence seat is free: temporary, and nothing to do with what was sent."""


class StaleRowError(RejectedError):
    """Somebody saved the row since we read it; nothing of ours was saved."""


class ContractMismatchError(RejectedError):
    """This Epicor has other services, methods or parameters; `parameter` is the missing one."""

    def __init__(self, message: str, *, parameter: str = "", detail: Mapping[str, Any]) -> None:
        super().__init__(message, detail=detail)
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class EpicorFault:
    """A refusal in one form. `details` are the messages of single rows or fields.

    `own`: it has one of Epicor's forms; what stands in front of Epicor answers in others.
    """

    message: str
    error_type: str = ""
    correlation_id: str = ""
    details: tuple[str, ...] = ()
    own: bool = False

    def is_a(self, *names: str) -> bool:
        """Whether the error's type ends in one of these names."""
        return self.error_type.rsplit(".", 1)[-1] in names

    @property
    def said(self) -> str:
        """Everything Epicor said, once each, as one text without a full stop at its end."""
        parts = dict.fromkeys((self.message, *self.details))
        return "; ".join(part.strip().rstrip(".") for part in parts if part.strip())


def describe(answer: Answer) -> EpicorFault:
    """The refusal in an answer: JSON of any known shape, XML, HTML or plain text."""
    if isinstance(answer.json, Mapping):
        return _from_json(answer.json, answer.status)
    text = answer.text[:_MOST_READ].strip()
    if text.startswith("<"):
        found = _from_xml(text)
        if found is not None:
            return found
    return EpicorFault(_shown(_TAGS.sub(" ", text)) or _bare(answer.status))


def fault_of_detail(detail: Mapping[str, Any]) -> EpicorFault:
    """The refusal in the (redacted, perhaps cut) body that an uncertain outcome carries."""
    text = str(detail.get("body") or "")
    try:
        value = load_json(text)
    except ValueError:
        value = _cut_json(text)
    status = int(detail.get("status") or 0)
    return describe(Answer(status, {}, value, text, "", 0.0))


def raise_for(answer: Answer, *, writing: bool, what: str = "do this") -> None:
    """Raise the error that an answer other than success means; `what` is "read Vendors".

    `writing`: whether the call may have changed something. Raises AccessError, RejectedError and
    its subclasses, TransientError, or UncertainOutcomeError (writes only).
    """
    if not answer.ok:
        refuse(answer.status, describe(answer), writing=writing, what=what)


def refuse(status: int, fault: EpicorFault, *, writing: bool, what: str) -> NoReturn:
    """Raise what this status and refusal mean."""
    said = fault.said or _bare(status)
    detail: dict[str, Any] = {
        "system": "Epicor",
        "status": status,
        "type": fault.error_type,
        "correlation_id": fault.correlation_id,
        "said": said,
    }
    if status in _TOO_LARGE or (status == 404 and _IIS_TOO_LARGE.search(said)):
        detail["too_large"] = True
    # What asks who we are asks it before anything is done; all else may be said afterwards.
    if writing and not fault.own and status < 500 and status != 401:
        _refuse_unsigned(status, said, what, detail)
    _refuse_request(status, said, what, detail)
    _refuse_record(status, fault, said, what, detail)
    if writing and status == 408:
        _refuse_server(status, said, detail, writing=True, what=what)
    if status in (408, 410, 503) and (not writing or status == 410 or fault.is_a(_UPGRADING)):
        raise TransientError(
            f"Epicor is not ready to {what}: {said}. Nothing was changed; "
            "trying again is harmless and happens by itself.",
            detail=detail,
        )
    # Words alone prove nothing on a server's failure: the text may echo what we sent.
    plain = status < 500 or fault.is_a(*_BUSINESS)
    if _SEATS.search(said) and (plain or not writing):
        raise SeatsError(
            f"Epicor has no licence free to {what}: {said}. Nothing was changed; "
            "it is tried again by itself.",
            detail=detail,
        )
    if status >= 500 and not fault.is_a(*_BUSINESS):
        _refuse_server(status, said, detail, writing=writing, what=what)
    kind = StaleRowError if _STALE.search(said) else RejectedError
    raise kind(f"Epicor refused to {what}: {said}. Nothing was saved.", detail=detail)


# -- cases -----------------------------------------------------------------------------------------


def _refuse_unsigned(status: int, said: str, what: str, detail: Mapping[str, Any]) -> NoReturn:
    """A refusal of a write that is not in Epicor's form: a proxy's, perhaps after the save."""
    hint = ""
    if detail.get("too_large"):
        hint = f" The request is too large for it. {SMALLER}"
    elif 300 <= status < 400:
        hint = " It sends us elsewhere; check epicor.base_url."
    raise UncertainOutcomeError(
        f"Something in front of Epicor answered {status} when asked to {what}: {said}. The change "
        f"may or may not have been made; it is looked up before anything is sent again.{hint}",
        detail=detail,
    )


def _refuse_request(status: int, said: str, what: str, detail: Mapping[str, Any]) -> None:
    """Who asks, where, and how much: nothing to do with what is written."""
    if status in (401, 403):
        raise AccessError(_access_sentence(status, said, what), detail=detail)
    if 300 <= status < 400:
        raise AccessError(
            f"The address of Epicor sends us elsewhere ({status}). Nothing was changed; "
            "check epicor.base_url.",
            detail=detail,
        )
    if detail.get("too_large"):
        raise RejectedError(
            f"The request to {what} is too large ({said}). Nothing was saved. {SMALLER}",
            detail=detail,
        )


def _refuse_record(
    status: int, fault: EpicorFault, said: str, what: str, detail: Mapping[str, Any]
) -> None:
    parameter = _PARAMETER.search(said)
    if parameter and (fault.own or status < 500):
        raise ContractMismatchError(
            f"This Epicor wants a parameter that we do not send ({parameter[1]}) to {what}. "
            "Nothing was saved; report it with the version of your Epicor.",
            parameter=parameter[1],
            detail=detail,
        )
    told = _DUPLICATE_TEXT.search(said) and (status < 500 or fault.is_a(*_BUSINESS))
    conflict = status == 409 and not _STALE.search(said)
    if conflict or fault.is_a(_DUPLICATE_TYPE) or told:
        raise DuplicateInvoiceError(
            f"Epicor already has this record ({said}). Nothing was saved.", detail=detail
        )
    if fault.is_a(_RECORD_MISSING):
        raise RecordMissingError(f"Epicor has no such record ({said}).", detail=detail)
    if status in (404, 405):
        raise ContractMismatchError(
            f"Epicor does not know the address used to {what}: {said}. Nothing was saved; "
            "check epicor.base_url and that epicor.api_version is the one your Epicor offers.",
            detail=detail,
        )


def _refuse_server(
    status: int, said: str, detail: Mapping[str, Any], *, writing: bool, what: str
) -> NoReturn:
    if writing:
        raise UncertainOutcomeError(
            f"Epicor failed ({status}) when asked to {what}: {said}. The change may or may not "
            "have been made; it is looked up before anything is sent again.",
            detail=detail,
        )
    kind = HeavyServiceError if status == 500 else TransientError
    raise kind(
        f"Epicor failed ({status}) when asked to {what}: {said}. Nothing was changed; "
        "trying again is harmless and happens by itself.",
        detail=detail,
    )


def _access_sentence(status: int, said: str, what: str) -> str:
    """Which of login, key, scope and company is refused, as far as the answer tells."""
    lower = said.lower()
    end = f"({said}). No bill is lost;"
    if "api key" in lower or "apikey" in lower or "api-key" in lower:
        return f"Epicor does not accept the API key {end} check epicor.api_key and its expiry."
    if status == 401:
        known = "password" in lower or "token" in lower
        hint = "check user, password or client in epicor.auth"
        hint += "." if known else ", and epicor.api_key (its environment and expiry)."
        return f"Epicor does not accept our login {end} {hint}"
    if "company" in lower:
        return (
            f"Epicor does not let us into the company to {what} {end} allow it for the "
            "integration user and for the API key."
        )
    return (
        f"Epicor does not let us {what} {end} add it to the API key's access scope and to the "
        "integration user's rights."
    )


# -- forms -----------------------------------------------------------------------------------------


def _from_json(body: Mapping[str, Any], status: int) -> EpicorFault:
    inner = body.get("error")
    if isinstance(inner, Mapping):
        message = inner.get("message")
        if isinstance(message, Mapping):  # OData 3 wraps the text with its language
            message = message.get("value")
        return EpicorFault(_shown(message) or _bare(status), _shown(inner.get("code")))
    details = body.get("ErrorDetails")
    rows = details[:_MOST_ROWS] if isinstance(details, list) else []
    message = (
        body.get("ErrorMessage") or inner or body.get("Message") or body.get("ReasonPhrase") or ""
    )
    return EpicorFault(
        _shown(message) or _bare(status),
        _shown(body.get("ErrorType")),
        _shown(body.get("CorrelationId")),
        tuple(filter(None, (_detail(row) for row in rows))),
        own=any(body.get(name) for name in ("ErrorMessage", "ErrorType", "ReasonPhrase")),
    )


def _detail(row: Any) -> str:
    return _shown(row.get("Message")) if isinstance(row, Mapping) else ""


def _from_xml(text: str) -> EpicorFault | None:
    try:
        root = load_xml(text)
    except ValueError:
        return None
    values = {
        element.tag.rsplit("}", 1)[-1]: (element.text or "").strip() for element in root.iter()
    }
    message = values.get("ErrorMessage") or values.get("ReasonPhrase") or ""
    if not message:
        return None
    return EpicorFault(
        _shown(message),
        _shown(values.get("ErrorType")),
        _shown(values.get("CorrelationId")),
        own=True,
    )


def _cut_json(text: str) -> dict[str, str] | None:
    """The plain text properties of a JSON object whose end is missing."""
    names = ("ErrorMessage", "ErrorType", "CorrelationId")
    found = {}
    for name in names:
        match = re.search(rf'"{name}"\s*:\s*("(?:[^"\\]|\\.)*")', text)
        if match:
            found[name] = str(load_json(match[1]))
    return found or None


def _shown(value: object) -> str:
    """A text of Epicor's, on one line, short, without secrets."""
    return redact_text(" ".join(str(value or "")[:_MOST_READ].split()))[:_MOST_TEXT]


def _bare(status: int) -> str:
    return f"status {status}"
