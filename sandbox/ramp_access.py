"""Who may call Ramp's API, and how often: tokens, scopes and the rate limit."""

import base64
import binascii
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from sandbox.ramp_http import ACCESS, RampError
from sandbox.wire import Request, Response, json_response

FORM = "application/x-www-form-urlencoded"
DEFAULT_LIFETIME_S = 864_000


@dataclass(slots=True)
class Token:
    """One issued token; its scopes do not grow afterwards."""

    scopes: frozenset[str]
    expires_at: float


@dataclass(slots=True)
class Access:
    """The one app of the demo business: its secret, its scopes, its tokens."""

    client_id: str
    client_secret: str
    clock: Callable[[], float]
    scopes: set[str]
    lifetime_s: int = DEFAULT_LIFETIME_S
    tokens: dict[str, Token] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def issue(self, request: Request) -> Response:
        """POST /token: HTTP Basic and a form body only. Source: docs/ramp.md, "Logging in"."""
        form = self._client_form(request)
        if isinstance(form, Response):
            return form
        if form.get("grant_type") != "client_credentials":
            return refused(400, "unsupported_grant_type", "grant_type must be client_credentials")
        asked = form.get("scope", "").split()
        if not asked:
            return refused(400, "invalid_scope", "scope is required")
        granted = [scope for scope in asked if scope in self.scopes]
        text = f"ramp_business_tok_sandbox{next(self._numbers):08d}"
        self.tokens[text] = Token(frozenset(granted), self.clock() + self.lifetime_s)
        body = {
            "access_token": text,
            "token_type": "bearer",
            "expires_in": self.lifetime_s,
            "scope": " ".join(granted),
        }
        return json_response(200, body, {"Cache-Control": "no-store"})

    def revoke(self, request: Request) -> Response:
        """POST /token/revoke; an unknown token is no error."""
        form = self._client_form(request)
        if isinstance(form, Response):
            return form
        if not form.get("token"):
            return refused(400, "invalid_request", "token is required")
        self.tokens.pop(form["token"], None)
        return Response(200)

    def _client_form(self, request: Request) -> dict[str, str] | Response:
        if not request.headers.get("content-type", "").startswith(FORM):
            return refused(400, "invalid_request", f"The body must be {FORM}")
        if basic(request) != (self.client_id, self.client_secret):
            return refused(401, "invalid_client", "Unknown client or wrong secret")
        return request.form()

    def check(self, request: Request, scope: str) -> None:
        """Let a call through or raise RampError: 401 without a live token, 403 without scope."""
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        token = self.tokens.get(text) if kind.lower() == "bearer" else None
        if token is None or token.expires_at <= self.clock():
            raise RampError(401, "DEVELOPER_7101", "The access token is missing, wrong or expired")
        if scope and scope not in token.scopes:
            raise RampError(403, ACCESS, f"The access token lacks the scope {scope}")

    def revoke_scope(self, scope: str) -> None:
        """The customer takes a scope away, from the app and from the tokens it holds."""
        self.scopes.discard(scope)
        for token in self.tokens.values():
            token.scopes -= {scope}


def basic(request: Request) -> tuple[str, str] | None:
    """The user and password of HTTP Basic, or None."""
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return unquote_plus(user), unquote_plus(password)


def refused(status: int, error: str, text: str) -> Response:
    """An OAuth error."""
    return json_response(status, {"error": error, "error_description": text})


@dataclass(slots=True)
class RateLimit:
    """At most `most` calls in any `window_s` seconds; None switches it off."""

    clock: Callable[[], float]
    most: int | None = 200
    window_s: float = 10.0
    retry_after_s: int | None = None
    _times: deque[float] = field(default_factory=deque)

    def refuse(self) -> Response | None:
        """The 429 for this call, or None when it may pass."""
        if self.most is None:
            return None
        now = self.clock()
        while self._times and self._times[0] <= now - self.window_s:
            self._times.popleft()
        if len(self._times) < self.most:
            self._times.append(now)
            return None
        response = RampError(429, "DEVELOPER_7429", "Too many requests").response()
        if self.retry_after_s is not None:
            response.headers["Retry-After"] = str(self.retry_after_s)
        return response
