"""Makes the client for a tenant's Ramp business from its stored credentials."""

import hashlib
from urllib.parse import urlsplit

from audit.failures import AccessError
from connector.http import Api, make_client
from connector.models import RampCredentials, Tenant
from connector.ramp.auth import RampAuth, fetch_token
from connector.ramp.client import RampClient, api_base
from connector.ratelimit import wait_turn
from connector.tokens import TokenHolder

_OLD_SANDBOX, _SANDBOX = "sandbox-api.ramp.com", "demo-api.ramp.com"


def connect_ramp(tenant: Tenant) -> RampClient:
    """A client that logs in on its first request. Raises AccessError without credentials."""
    try:
        stored = RampCredentials.objects.get(tenant=tenant)
    except RampCredentials.DoesNotExist:
        raise AccessError(
            f"{tenant.name} has no Ramp connection yet. Nothing was sent; "
            "an administrator gives one (settings page, or configure_tenant)."
        ) from None
    base, secret = api_base(stored.base_url), stored.client_secret or ""
    budget = f"ramp {urlsplit(base).netloc}"[:100]

    def turn() -> None:
        wait_turn(budget)

    def fetch() -> tuple[str, float]:
        return fetch_token(base, stored.client_id, secret, on_request=turn)

    made_of = "\n".join((base, stored.client_id, secret))
    fingerprint = hashlib.sha256(made_of.encode()).hexdigest()
    holder = TokenHolder(tenant.pk, "ramp", fingerprint, fetch)
    client = make_client(base, auth=RampAuth(holder))
    return RampClient(Api(client, "Ramp", on_request=turn))


def address_hint(base_url: str) -> str:
    """A better address to try when this one does not answer, or ""."""
    if urlsplit(base_url).hostname == _OLD_SANDBOX:
        return f"Ramp's sandbox is at https://{_SANDBOX}; try that as ramp.base_url."
    return ""
