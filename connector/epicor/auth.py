"""Logs in to Epicor: identity provider, Epicor's own token service, or user and password.

Source: docs/epicor.md, "Logging in". The API key goes with every request besides.
"""

import base64
from dataclasses import dataclass
from typing import Any

import httpx

from connector.domain.errors import AccessError
from connector.epicor.address import token_resource_url
from connector.epicor.errors import describe, raise_for
from connector.http_client.client import Api, make_client
from connector.http_client.outcomes import Answer
from connector.http_client.tokens import TokenHolder, lifetime_s

NAME = "Epicor's login"


@dataclass(slots=True)
class Login:
    """What makes the Authorization header: a bearer token, or a fixed user and password."""

    holder: TokenHolder | None = None
    basic: str = ""

    @classmethod
    def with_password(cls, username: str, password: str) -> "Login":
        """Basic authentication."""
        pair = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
        return cls(basic=f"Basic {pair}")

    @property
    def renewable(self) -> bool:
        """Whether a refused login can be made anew."""
        return self.holder is not None

    def ensure(self) -> None:
        """Have a token in memory; uses the database, so only in the job's own thread."""
        if self.holder is not None:
            self.holder.ensure()

    def authorization(self) -> str:
        """The header, for any thread. Raises TokenExpiredError when there is no token."""
        return self.basic if self.holder is None else f"Bearer {self.holder.current}"

    def renew(self, refused: str) -> str:
        """Replace a refused header by a new one; only in the job's own thread."""
        if self.holder is None:
            return self.basic
        return f"Bearer {self.holder.renew(refused.removeprefix('Bearer '))}"


def fetch_oauth2(
    token_url: str, client_id: str, client_secret: str, scope: str, *, ca_file: str = ""
) -> tuple[str, float]:
    """A token of the identity provider and its life in seconds.

    Raises AccessError when the login is refused, TransientError when nobody is there.
    """
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": client_secret,
        **({"scope": scope} if scope else {}),
    }
    answer = _ask(token_url, ca_file, form=form)
    body = answer.json if isinstance(answer.json, dict) else {}
    return _checked(body.get("access_token"), body.get("expires_in"), "epicor.auth.token_url")


def fetch_token_resource(
    base_url: str, username: str, password: str, *, api_key: str = "", ca_file: str = ""
) -> tuple[str, float]:
    """A token of Epicor's own service and its life in seconds. Raises like fetch_oauth2.

    The service answers XML unless JSON is accepted, which every request of ours does.
    """
    if not (username + password).isascii():
        raise AccessError(
            "TokenResource.svc takes user and password with plain English letters, digits and "
            "signs only. Nothing was sent; change epicor.auth.password, or use another method."
        )
    headers = {
        "username": username,
        "password": password,
        "Content-Type": "application/x-www-form-urlencoded",
        **({"x-api-key": api_key} if api_key else {}),
    }
    answer = _ask(token_resource_url(base_url), ca_file, headers=headers)
    body = answer.json if isinstance(answer.json, dict) else {}
    return _checked(body.get("AccessToken"), body.get("ExpiresIn"), "epicor.base_url")


def _ask(url: str, ca_file: str, **options: Any) -> Answer:
    client = make_client(_origin(url), ca_file=ca_file, connections=1)
    api = Api(client, NAME)
    try:
        answer = api.send("POST", url, repeatable=True, deadline_s=30.0, **options)
    finally:
        api.close()
    if 400 <= answer.status < 500:
        why = describe(answer).said
        raise AccessError(
            f"Epicor refused our login ({why}). No bill is lost; check epicor.auth: the address, "
            "the user or client, its secret and the scope.",
            detail={"status": answer.status, "said": why},
        )
    raise_for(answer, writing=False, what="log in")
    return answer


def _origin(url: str) -> str:
    parts = httpx.URL(url)
    return f"{parts.scheme}://{parts.netloc.decode('ascii')}"


def _checked(token: Any, lives_s: Any, setting: str) -> tuple[str, float]:
    seconds = lifetime_s(lives_s)
    if not isinstance(token, str) or not token or not seconds:
        raise AccessError(
            f"The answer to our login at Epicor has no token. Nothing was sent; check {setting}."
        )
    return token, seconds
