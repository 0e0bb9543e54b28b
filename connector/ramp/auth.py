"""Logs in to Ramp with the app's client id and secret. Source: docs/ramp.md, "Logging in"."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import httpx

from connector.domain.errors import AccessError
from connector.http_client.client import Api, make_client
from connector.http_client.outcomes import Answer
from connector.http_client.tokens import TokenHolder, lifetime_s
from connector.ramp.errors import error_parts, raise_for

NEEDED_SCOPES = (
    "accounting:read",
    "accounting:write",
    "bills:read",
    "vendors:read",
    "entities:read",
    "business:read",
)
# Asked for when the app has them; each belongs to a feature that can be off.
OPTIONAL_SCOPES = (
    "vendors:write",
    "purchase_orders:read",
    "purchase_orders:write",
    "transactions:read",
)


@dataclass(frozen=True, slots=True)
class Login:
    """What Ramp gave for our login. `lives_s` in seconds; `scopes` is None when Ramp named none."""

    token: str = field(repr=False)
    lives_s: float
    scopes: frozenset[str] | None


class RampAuth(httpx.Auth):
    """Puts the bearer on each request; after one 401 it is renewed and the request repeated.

    Renewing uses the database, so requests to Ramp are made in the job's own thread only.
    """

    def __init__(self, holder: TokenHolder) -> None:
        self._holder = holder

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send with the cached token, and once more with a new one if it was refused."""
        used = self._holder.ensure()
        request.headers["Authorization"] = f"Bearer {used}"
        response = yield request
        if response.status_code == 401:
            request.headers["Authorization"] = f"Bearer {self._holder.renew(used)}"
            yield request


def log_in(
    base_url: str, client_id: str, client_secret: str, *, on_request: Callable[[], None]
) -> Login:
    """A new token, with all optional scopes that the app has.

    Raises AccessError when the login is refused, TransientError when Ramp is not there.
    """
    api = Api(
        make_client(base_url, auth=httpx.BasicAuth(client_id, client_secret), connections=1),
        "Ramp",
        on_request=on_request,
    )
    try:
        answer = _ask(api, (*NEEDED_SCOPES, *OPTIONAL_SCOPES))
        if error_parts(answer)[0] == "invalid_scope":
            answer = _ask(api, NEEDED_SCOPES)
    finally:
        api.close()
    if 400 <= answer.status < 500:
        raise AccessError(
            f"Ramp refused our login ({error_parts(answer)[1]}). No bill is lost; check "
            "ramp.client_id, ramp.client_secret and the scopes of the app.",
            detail={"status": answer.status, "trace_id": answer.trace_id},
        )
    raise_for(answer, "log in")
    return _read(answer)


def _ask(api: Api, scopes: tuple[str, ...]) -> Answer:
    form = {"grant_type": "client_credentials", "scope": " ".join(scopes)}
    return api.send("POST", "/token", form=form, repeatable=True)


def _read(answer: Answer) -> Login:
    body = answer.json if isinstance(answer.json, dict) else {}
    token, scopes = body.get("access_token"), body.get("scope")
    lives_s = lifetime_s(body.get("expires_in"))
    if not isinstance(token, str) or not token or not lives_s:
        raise AccessError(
            "Ramp's answer to our login has no token. Nothing was sent; check ramp.base_url."
        )
    granted = frozenset(scopes.split()) if isinstance(scopes, str) else None
    return Login(token, lives_s, granted)
