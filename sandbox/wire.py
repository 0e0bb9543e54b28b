"""HTTP on the wire for the stand-ins: reading a request, writing an answer, exact JSON numbers.

Money must survive a round trip: JSON fractions are parsed as Decimal and Decimals are written as
plain JSON numbers with the digits they have (1200.00 stays 1200.00).
"""

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from io import BufferedReader
from typing import Any
from urllib.parse import parse_qsl, unquote

_MARK = f"decimal:{secrets.token_hex(8)}:"
_MARKED = re.compile(f'"{_MARK}([^"]*)"')
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class BadJson(ValueError):  # noqa: N818  (the name both stand-ins agreed on)
    """The body is not a JSON document."""


class BadRequest(ValueError):  # noqa: N818
    """The bytes received are not an HTTP request that the stand-ins understand."""


class Headers(dict[str, str]):
    """Request headers; names are compared without regard to case."""

    def __init__(self, items: dict[str, str] | None = None) -> None:
        super().__init__({name.lower(): value for name, value in (items or {}).items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __setitem__(self, name: str, value: str) -> None:
        super().__setitem__(name.lower(), value)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """The header's value, or `default`."""
        return super().get(name.lower(), default)


@dataclass(slots=True)
class Request:
    """One request. `path` is decoded and has no query; `target` is what stood on the wire."""

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    target: str = ""
    keep_alive: bool = True

    def json(self) -> Any:
        """The body as JSON, fractions as Decimal. Raises BadJson."""
        try:
            return json.loads(self.body, parse_float=Decimal)
        except ValueError as error:
            raise BadJson(f"The request body is not JSON: {error}") from error

    def form(self) -> dict[str, str]:
        """The body as form fields, the last one winning."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


@dataclass(slots=True)
class Response:
    """One answer. A dict or list is sent as JSON, a str as text, None as no body."""

    status: int
    body: bytes | str | dict[str, Any] | list[Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


def json_response(status: int, obj: Any, headers: dict[str, str] | None = None) -> Response:
    """An answer holding one JSON document, Decimals exact."""
    return Response(status, dumps(obj), {"Content-Type": "application/json", **(headers or {})})


def dumps(obj: Any) -> bytes:
    """JSON bytes; Decimals become plain numbers with exactly their digits."""
    text = json.dumps(obj, default=_encode, ensure_ascii=False, separators=(",", ":"))
    if _MARK in text:
        text = _MARKED.sub(r"\1", text)
    return text.encode("utf-8", "backslashreplace")  # half a surrogate pair goes out escaped


def _encode(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{_MARK}{value:f}"
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def read_request(reader: BufferedReader, go_on: Callable[[], None]) -> Request | None:
    """Read one request; None when the connection ended. Raises BadRequest.

    `go_on` is called when the client waits for "100 Continue" before it sends its body.
    """
    line = reader.readline(65536)
    if not line:
        return None
    try:
        method, target, version = line.decode("ascii").split()
    except ValueError as error:
        raise BadRequest("Not an HTTP request line.") from error
    headers = _read_headers(reader)
    if "transfer-encoding" in headers:
        body = _read_chunks(reader)
    else:
        size = int(headers.get("content-length", "0"))
        if size and headers.get("expect", "").lower() == "100-continue":
            go_on()
        body = reader.read(size) if size else b""
        if len(body) < size:
            return None
    path, _, query = target.partition("?")
    keep_alive = headers.get("connection", "").lower() != "close" and version == "HTTP/1.1"
    return Request(
        method,
        unquote(path),
        parse_qsl(query, keep_blank_values=True) if query else [],
        headers,
        body,
        target,
        keep_alive,
    )


def _read_headers(reader: BufferedReader) -> Headers:
    headers = Headers()
    while (line := reader.readline(65536)) not in (b"\r\n", b"\n", b""):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise BadRequest("Not an HTTP header.")
        headers[name.strip()] = value.strip()
    return headers


def _read_chunks(reader: BufferedReader) -> bytes:
    parts = []
    while size := int(reader.readline(1024).split(b";")[0] or b"0", 16):
        parts.append(reader.read(size))
        reader.readline(1024)
    while reader.readline(65536) not in (b"\r\n", b"\n", b""):
        pass
    return b"".join(parts)


def render(response: Response, *, keep_alive: bool, head: bool = False) -> bytes:
    """The bytes of an answer; `head` leaves the body out but keeps its length."""
    body, kind = _body(response.body)
    headers = {"Content-Type": kind, **response.headers} if kind else dict(response.headers)
    if response.status not in (204, 304):
        headers["Content-Length"] = str(len(body))
    headers["Connection"] = "keep-alive" if keep_alive else "close"
    lines = [f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head_bytes = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    return head_bytes if head or response.status in (204, 304) else head_bytes + body


def _body(body: bytes | str | dict[str, Any] | list[Any] | None) -> tuple[bytes, str]:
    if body is None:
        return b"", ""
    if isinstance(body, bytes):
        return body, "application/octet-stream"
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return dumps(body), "application/json"
