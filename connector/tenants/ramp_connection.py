"""Makes the client for a tenant's Ramp business from its stored credentials."""

import hashlib
from collections.abc import Callable
from urllib.parse import urlsplit

from connector.domain.errors import AccessError
from connector.http_client.client import Api, make_client
from connector.http_client.rate_limit import wait_for_slot
from connector.http_client.tokens import TokenHolder
from connector.ramp.auth import Login, RampAuth, log_in
from connector.ramp.client import RampClient, api_base
from connector.tenants.models import RampCredentials, Tenant

_OLD_SANDBOX, _SANDBOX = "sandbox-api.ramp.com", "demo-api.ramp.com"


def connect_ramp(tenant: Tenant) -> RampClient:
    """A client that logs in on its first request. Raises AccessError without credentials."""
    base, stored, log_in_again = _login_of(tenant)

    def fetch() -> tuple[str, float]:
        login = log_in_again()
        return login.token, login.lives_s

    made_of = "\n".join((base, stored.client_id, stored.client_secret or ""))
    fingerprint = hashlib.sha256(made_of.encode()).hexdigest()
    holder = TokenHolder(tenant.pk, "ramp", fingerprint, fetch)
    client = make_client(base, auth=RampAuth(holder))
    return RampClient(Api(client, "Ramp", on_request=_turn(base)))


def granted_scopes(tenant: Tenant) -> frozenset[str] | None:
    """What a new login may do; None when Ramp does not say. The stored token stays in use.

    Raises AccessError when the login is refused or there are no credentials, TransientError when
    Ramp is not there.
    """
    return _login_of(tenant)[2]().scopes


def _login_of(tenant: Tenant) -> tuple[str, RampCredentials, Callable[[], Login]]:
    """The API's address, the credentials, and what logs in with them."""
    try:
        stored = RampCredentials.objects.get(tenant=tenant)
    except RampCredentials.DoesNotExist:
        raise AccessError(
            f"{tenant.name} has no Ramp connection yet. Nothing was sent; "
            "an administrator gives one (settings page, or configure_tenant)."
        ) from None
    base, secret = api_base(stored.base_url), stored.client_secret or ""
    return base, stored, lambda: log_in(base, stored.client_id, secret, on_request=_turn(base))


def _turn(base: str) -> Callable[[], None]:
    budget = f"ramp {urlsplit(base).netloc}"[:100]
    return lambda: wait_for_slot(budget)


def address_hint(base_url: str) -> str:
    """A better address to try when this one does not answer, or ""."""
    if urlsplit(base_url).hostname == _OLD_SANDBOX:
        return f"Ramp's sandbox is at https://{_SANDBOX}; try that as ramp.base_url."
    return ""
