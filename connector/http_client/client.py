"""Talks to the other systems: what to try again, how long to wait, and what "no answer" means.

The rule that everything rests on: a request that may change something is sent again only when it
certainly never arrived. Whatever else goes wrong after such a request is an uncertain outcome.
"""

import logging
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx
import stamina

from connector.domain.errors import AccessError, OutageError, TransientError
from connector.http_client.circuit_breaker import breaker_of
from connector.http_client.decimal_json import dump_json
from connector.http_client.decompress import ACCEPTED, PackingError, unpacked
from connector.http_client.outcomes import (
    Answer,
    LaterError,
    busy,
    decoded,
    no_answer,
    resting,
    retry_after,
    unavailable,
    unreachable,
)
from connector.http_client.redaction import redact_text

logger = logging.getLogger(__name__)

CONNECT_S = 5.0
MOST_TRIES = 4
MOST_BYTES = 64 * 1024 * 1024
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)
_GATEWAY = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    url: str
    options: Mapping[str, Any]
    repeatable: bool
    until: float  # time.monotonic()


def make_client(
    base_url: str,
    *,
    auth: httpx.Auth | None = None,
    ca_file: str = "",
    connections: int = 4,
    headers: Mapping[str, str] | None = None,
) -> httpx.Client:
    """A client for one system. Connections idle for 2 s are not used again, so that a write does
    not die on one that the other side has just closed. Raises AccessError for a bad `ca_file`.
    """
    return httpx.Client(
        base_url=base_url,
        auth=auth,
        verify=_trust(ca_file),
        trust_env=False,
        follow_redirects=False,
        limits=httpx.Limits(
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=2.0,
        ),
        headers={
            "Accept": "application/json",
            "Accept-Encoding": ACCEPTED,
            "User-Agent": "ml-connector",
            **(headers or {}),
        },
    )


@lru_cache(maxsize=16)
def _trust(ca_file: str) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise AccessError(
                f"The certificate file {ca_file} cannot be used ({error}). Nothing was sent. "
                "Name a readable PEM file."
            ) from error
    return context


class Api:
    """One system over HTTP; lanes may share it between threads.

    `name` is for messages ("Ramp"); `calls` counts requests that went out; `on_request` runs
    before each of them, in the caller's thread.
    """

    def __init__(
        self, client: httpx.Client, name: str, *, on_request: Callable[[], None] | None = None
    ) -> None:
        self.name = name
        self.calls = 0
        self._client = client
        self._on_request = on_request
        self._lock = threading.Lock()
        self._breaker = breaker_of(str(client.base_url))
        client.event_hooks = {"request": [self._count]}

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        repeatable: bool,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        deadline_s: float = 60.0,
    ) -> Answer:
        """Send a request and return the answer, whatever its status, except the cases below.

        `url` is a path below the base address, or an absolute address of the same host.
        `repeatable` says whether sending twice is harmless: such requests are tried up to four
        times within `deadline_s` seconds; others only while they certainly never arrived.
        Raises OutageError (nothing was sent: the system failed several times in a row),
        TransientError (not applied: unreachable, 429, and for repeatable requests 502,
        503, 504 or no readable answer) and UncertainOutcomeError (not repeatable: no answer,
        5xx or an unreadable success).
        """
        self._same_host(url)
        extra = dict(headers or {})
        options: dict[str, Any] = {"params": params, "data": form, "headers": extra}
        if json is not None:
            options["content"] = dump_json(json)
            extra.setdefault("Content-Type", "application/json")
        call = _Call(method, url, options, repeatable, time.monotonic() + deadline_s)
        if rests := self._breaker.rests():
            raise resting(self.name, rests)
        failed: bool | None = None
        try:
            answer = self._tries(call)
            failed = False
        except OutageError:
            raise  # of the login, which asks the same breaker
        except TransientError as error:
            failed = error.detail.get("status") != 429  # who asks us to slow down is there
            raise
        finally:
            self._breaker.record(failed=failed)
        return answer

    # -- tries -------------------------------------------------------------------------------

    def _tries(self, call: _Call) -> Answer:
        tries = 0

        def again(error: Exception) -> bool | float:
            nonlocal tries
            tries += 1
            if not isinstance(error, LaterError):
                return False
            cap = min(8.0, 0.5 * 2**tries)
            wait = error.wait_s if error.wait_s is not None else random.uniform(0, cap)  # noqa: S311
            return wait if time.monotonic() + wait < call.until else False

        try:
            for attempt in stamina.retry_context(on=again, attempts=MOST_TRIES, timeout=None):
                with attempt:
                    return self._once(call)
        except LaterError as later:
            raise later.error from later.__cause__
        raise AssertionError("unreachable")  # pragma: no cover

    def _once(self, call: _Call) -> Answer:
        left = call.until - time.monotonic()
        if left <= 0:
            raise TransientError(f"There was no time left to ask {self.name}; nothing was sent.")
        timeout = httpx.Timeout(left, connect=min(CONNECT_S, left), pool=min(CONNECT_S, left))
        started = time.monotonic()
        try:
            with self._client.stream(
                call.method, call.url, timeout=timeout, **call.options
            ) as response:
                raw = self._body(response, call)
        except _NEVER_SENT as error:
            raise unreachable(self.name, self._origin(), _error_text(error)) from error
        except (httpx.TransportError, httpx.DecodingError, httpx.StreamError) as error:
            detail = {"method": call.method, "path": call.url.split("?")[0]}
            repeatable = call.repeatable
            raise no_answer(self.name, _error_text(error), detail, repeatable=repeatable) from error
        return self._classified(call, response, raw, time.monotonic() - started)

    def _body(self, response: httpx.Response, call: _Call) -> bytes:
        """The whole body. The time limit and the size limit hold for all of it together."""
        parts: list[bytes] = []
        size = 0
        packing = response.headers.get("content-encoding", "")
        try:
            for part in unpacked(response.iter_raw(), packing):
                parts.append(part)
                size += len(part)
                if time.monotonic() > call.until:
                    raise httpx.ReadTimeout("the answer took too long", request=response.request)
                if size > MOST_BYTES:
                    raise httpx.DecodingError("the answer is too long", request=response.request)
        except PackingError as error:
            raise httpx.DecodingError(str(error), request=response.request) from error
        return b"".join(parts)

    def _classified(
        self, call: _Call, response: httpx.Response, raw: bytes, elapsed_s: float
    ) -> Answer:
        status, headers = response.status_code, response.headers
        text, value, readable = decoded(raw)
        answer = Answer(status, headers, value, text, headers.get("x-trace-id", ""), elapsed_s)
        detail = {
            "system": self.name,
            "method": call.method,
            "path": response.request.url.path,
            "status": status,
            "trace_id": answer.trace_id,
        }
        level = logging.DEBUG if answer.ok else logging.WARNING
        logger.log(level, "request", extra={"data": {**detail, "s": round(elapsed_s, 3)}})
        if answer.ok and readable:
            return answer
        detail["body"] = redact_text(text[:2000])
        wait = retry_after(headers.get("retry-after", ""))
        if status == 429:
            raise busy(self.name, wait, detail)
        if status in _GATEWAY and call.repeatable:
            raise unavailable(self.name, wait, detail)
        if status >= 500 and not call.repeatable:
            raise no_answer(self.name, f"it answered {status}", detail, repeatable=False)
        if answer.ok:
            why = "its answer is not JSON"
            raise no_answer(self.name, why, detail, repeatable=call.repeatable)
        return answer

    # -- small things --------------------------------------------------------------------------

    def _count(self, request: httpx.Request) -> None:
        with self._lock:
            self.calls += 1
        if self._on_request is not None:
            self._on_request()

    def _origin(self) -> str:
        base = self._client.base_url
        return f"{base.scheme}://{base.netloc.decode('ascii')}"

    def _same_host(self, url: str) -> None:
        """Credentials go to the configured host only. Raises ValueError for another one."""
        target = httpx.URL(url)
        base = self._client.base_url
        if target.is_absolute_url and (target.scheme, target.netloc) != (base.scheme, base.netloc):
            raise ValueError(f"{self.name}: {target.host} is not the configured host.")


def _error_text(error: Exception) -> str:
    """What happened, in words without the class's name where it has any."""
    if isinstance(error, httpx.TimeoutException):
        return "it took too long"
    return redact_text(str(error)) or type(error).__name__
