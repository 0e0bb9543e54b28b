"""An OpenID provider on a real socket: discovery, authorization code with PKCE, token, userinfo.

It obeys OpenID Connect Core 1.0 and RFC 7636 and knows nothing of the application. Whoever comes
to its authorization address is `person` and has agreed.
"""

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.server import StandIn
from sandbox.wire import Request, Response

CLIENT_ID, CLIENT_SECRET = "ml-connector", "the-client-s-secret"
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Provider:
    """What the provider knows and how it behaves."""

    person: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)  # over those of the id token
    userinfo: dict[str, Any] = field(default_factory=dict)  # over those of the user information
    in_token: tuple[str, ...] = ("sub", "email", "email_verified")
    configuration: dict[str, Any] = field(default_factory=dict)  # over the true one
    without_id_token: bool = False
    answer: Response | None = None  # of the token endpoint, instead of the true one
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    url: str = ""
    asked: int = 0  # how often for its configuration
    told: Any = None  # instead of the configuration

    def handle(self, request: Request) -> Response:
        """Answer by path."""
        return {
            "/.well-known/openid-configuration": self._configuration,
            "/authorize": self._authorize,
            "/token": self._token,
            "/userinfo": self._userinfo,
            "/jwks": lambda _: Response(200, {"keys": []}),
        }.get(request.path, lambda _: Response(404, {"error": "not_found"}))(request)

    def _configuration(self, request: Request) -> Response:
        self.asked += 1
        names = ("authorize", "token", "userinfo", "jwks")
        authorize, token, userinfo, jwks = (f"{self.url}/{name}" for name in names)
        true = {
            "issuer": self.url,
            "authorization_endpoint": authorize,
            "token_endpoint": token,
            "userinfo_endpoint": userinfo,
            "jwks_uri": jwks,
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }
        return Response(200, self.told or {**true, **self.configuration})

    def _authorize(self, request: Request) -> Response:
        asked = dict(request.query)
        right = asked.get("client_id") == CLIENT_ID and asked.get("response_type") == "code"
        right = right and "openid" in asked.get("scope", "").split()
        right = right and asked.get("code_challenge_method") == "S256"
        if not right:
            return Response(400, {"error": "invalid_request"})
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        query = urlencode({"code": code, "state": asked.get("state", "")})
        return Response(302, None, headers={"Location": f"{asked['redirect_uri']}?{query}"})

    def _token(self, request: Request) -> Response:
        if self.answer is not None:
            return self.answer
        form = request.form()
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        known = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        if asked is None or not known:
            return Response(400, {"error": "invalid_grant"})
        if (challenge, form.get("redirect_uri")) != (
            asked["code_challenge"],
            asked["redirect_uri"],
        ):
            return Response(400, {"error": "invalid_grant"})
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300}
        claims |= {name: self.person[name] for name in self.in_token if name in self.person}
        token = jwt.encode({**claims, **self.claims}, _KEY, algorithm="RS256")
        answer = {"access_token": "at", "token_type": "Bearer", "expires_in": 300}
        return Response(200, answer if self.without_id_token else {**answer, "id_token": token})

    def _userinfo(self, request: Request) -> Response:
        if request.headers.get("Authorization") != "Bearer at":
            return Response(401, {"error": "invalid_token"})
        return Response(200, {**self.person, **self.userinfo})


def start(provider: Provider) -> StandIn:
    """Serve it on a free port; stop it afterwards."""
    served = StandIn("openid", provider.handle)
    provider.url = served.url
    return served.start()
