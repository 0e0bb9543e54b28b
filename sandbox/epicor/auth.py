"""Who may ask what: tokens, passwords, API keys and their scopes, and the companies of the user."""

import base64
import binascii
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from sandbox.epicor.errors import UNAUTHORIZED, ApiError
from sandbox.server import Request, Response, json_response

REFUSED = "Invalid username or password."


def refused(message: str = REFUSED) -> ApiError:
    """Nobody we know (401)."""
    return ApiError(401, UNAUTHORIZED, message)


def forbidden(message: str) -> ApiError:
    """Known, but not allowed (403)."""
    return ApiError(403, UNAUTHORIZED, message)


def xml_refusal(error: ApiError, correlation_id: str) -> Response:
    """The XML form of a 401, given when the caller did not ask for JSON."""
    return Response(
        error.status,
        '<?xml version="1.0" encoding="utf-8"?><ApiExceptionResponse>'
        "<HttpStatus>Unauthorized</HttpStatus><ReasonPhrase>REST API Exception</ReasonPhrase>"
        f"<ErrorMessage>{escape(error.message)}</ErrorMessage><ErrorType>{error.kind}</ErrorType>"
        f"<CorrelationId>{correlation_id}</CorrelationId></ApiExceptionResponse>",
        {"Content-Type": "application/xml; charset=utf-8"},
    )


@dataclass(slots=True)
class ApiKey:
    """One API key. `companies` None = all; `denied` = services outside its access scope."""

    companies: frozenset[str] | None = None
    denied: set[str] = field(default_factory=set)
    enabled: bool = True


@dataclass(slots=True)
class Token:
    """One access token, its user and its end (seconds since 1970)."""

    user: str
    expires: float


class Logins:
    """Users, OAuth clients, API keys and the tokens given out."""

    def __init__(self, config: Any, clock: Callable[[], dt.datetime]) -> None:
        self.users: dict[str, str] = {config.epicor_user: config.epicor_password}
        self.clients: dict[str, tuple[str, str]] = {
            config.epicor_client_id: (config.epicor_client_secret, config.epicor_user)
        }
        self.keys: dict[str, ApiKey] = {config.epicor_api_key: ApiKey()}
        self.scope: str = config.epicor_scope
        self.token_seconds = 3600
        self.denied_companies: set[str] = set()
        self.tokens: dict[str, Token] = {}
        self._clock = clock
        self._numbers = count(1)

    def expire_all(self) -> None:
        """Every token given out so far is worthless now."""
        self.tokens.clear()

    # -- tokens ----------------------------------------------------------------------------------

    def oauth_token(self, request: Request) -> Response:
        """POST /connect/token of the identity provider: form, client credentials."""
        if request.method != "POST":
            return Response(405)
        kind = request.headers.get("content-type", "")
        if not kind.startswith("application/x-www-form-urlencoded"):
            return json_response(400, {"error": "invalid_request"})
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        if form.get("grant_type") != "client_credentials":
            return json_response(400, {"error": "unsupported_grant_type"})
        client = form.get("client_id", ""), form.get("client_secret", "")
        basic = _basic(request.headers.get("authorization", ""))
        name, secret = basic or client
        known = self.clients.get(name)
        if known is None or known[0] != secret:
            return json_response(400, {"error": "invalid_client"})
        if form.get("scope") != self.scope:
            return json_response(400, {"error": "invalid_scope"})
        return json_response(
            200,
            {
                "access_token": self._issue(known[1]),
                "expires_in": self.token_seconds,
                "token_type": "Bearer",
                "scope": self.scope,
            },
        )

    def own_token(self, request: Request) -> Response:
        """POST TokenResource.svc/: user and password in headers, JSON or XML by Accept."""
        if request.method != "POST":
            return Response(405)
        user = request.headers.get("username", "")
        if not user or self.users.get(user) != request.headers.get("password"):
            raise refused()
        token = self._issue(user)
        if wants_json(request):
            answer = {
                "AccessToken": token,
                "ExpiresIn": self.token_seconds,
                "RefreshToken": "",
                "TokenType": "Bearer",
            }
            return json_response(200, answer)
        return Response(
            200,
            f"<Token><AccessToken>{token}</AccessToken><ExpiresIn>{self.token_seconds}</ExpiresIn>"
            "<RefreshToken /><TokenType>Bearer</TokenType></Token>",
            {"Content-Type": "application/xml; charset=utf-8"},
        )

    def _issue(self, user: str) -> str:
        token = f"sandbox-token-{next(self._numbers)}"
        self.tokens[token] = Token(user, self._clock().timestamp() + self.token_seconds)
        return token

    # -- checks ----------------------------------------------------------------------------------

    def user_of(self, request: Request) -> str:
        """The user behind the Authorization header. Raises 401."""
        header = request.headers.get("authorization", "")
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "bearer":
            token = self.tokens.get(value.strip())
            if token is None or token.expires <= self._clock().timestamp():
                raise refused("Invalid or expired token.")
            return token.user
        basic = _basic(header)
        if basic is None or basic[0] not in self.users or self.users[basic[0]] != basic[1]:
            raise refused()
        return basic[0]

    def key_of(self, request: Request) -> ApiKey:
        """The API key of a v2 request, in the header or the query. Raises 401."""
        sent = request.headers.get("x-api-key") or dict(request.query).get("api-key")
        if not sent:
            raise refused("The API key is missing.")
        key = self.keys.get(sent)
        if key is None or not key.enabled:
            raise refused("The API key is invalid.")
        return key

    def check_company(self, company: str, key: ApiKey | None) -> None:
        """Raises 403 when user or key may not enter the company."""
        foreign = key is not None and key.companies is not None and company not in key.companies
        if company in self.denied_companies or foreign:
            raise forbidden(f"Access to company {company} is denied.")

    @staticmethod
    def check_scope(service: str, key: ApiKey | None) -> None:
        """Raises 403 when the key's access scope leaves the service out."""
        if key is not None and service in key.denied:
            raise forbidden(f"Access to service {service} is denied by the access scope.")


def wants_json(request: Request) -> bool:
    """Whether the Accept header names JSON."""
    return "json" in str(request.headers.get("accept", "")).lower()


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    user, _, password = text.partition(":")
    return user, password
