"""Makes the client for a tenant's Epicor from its stored credentials and what it taught us."""

import hashlib

from connector.domain.errors import AccessError
from connector.epicor import address
from connector.epicor.auth import Login, fetch_oauth2, fetch_token_resource
from connector.epicor.client import EpicorClient
from connector.epicor.metadata import EpicorApi
from connector.http_client.client import make_client
from connector.http_client.tokens import TokenHolder
from connector.tenants.models import EntityRoute, EpicorCredentials, LearnedFact, Tenant

FACTS = "client."  # names of the learned facts that belong to the client


def credentials(tenant: Tenant) -> EpicorCredentials:
    """The tenant's stored credentials. Raises AccessError when there are none."""
    try:
        return EpicorCredentials.objects.get(tenant=tenant)
    except EpicorCredentials.DoesNotExist:
        raise AccessError(
            f"{tenant.name} has no Epicor connection yet. Nothing was sent; "
            "an administrator gives one (settings page, or configure_tenant)."
        ) from None


def connect_epicor(tenant: Tenant) -> EpicorClient:
    """A client that logs in on its first request.

    Raises AccessError without credentials, or when address, version and login method contradict
    each other: then nothing is sent at all, because a call could reach another service.
    """
    stored = credentials(tenant)
    problems = address.check(
        base_url=stored.base_url,
        deployment=stored.deployment,
        api_version=stored.api_version,
        auth_method=stored.auth_method,
    )
    if problems:
        raise AccessError(
            f"The address of Epicor of {tenant.name} {'; it '.join(problems)}. "
            "Nothing was sent; correct it on the settings page or with configure_tenant."
        )
    lanes = 9  # more than posting.lanes allows; idle ones cost nothing
    http = make_client(stored.base_url.rstrip("/"), ca_file=stored.ca_file, connections=lanes)
    sites = EntityRoute.objects.filter(tenant=tenant).exclude(site="")
    return EpicorClient(
        EpicorApi(http, "Epicor"),
        base_url=stored.base_url.rstrip("/"),
        api_version=stored.api_version,
        login=login_of(stored),
        api_key=stored.api_key or "",
        site_by_company=dict(sites.values_list("company", "site")),
        facts=_facts(tenant),
    )


def login_of(stored: EpicorCredentials) -> Login:
    """How these credentials log in. Sends nothing."""
    if stored.auth_method == address.BASIC:
        return Login.with_password(stored.username, stored.password or "")

    def fetch() -> tuple[str, float]:
        if stored.auth_method == address.OAUTH2:
            return fetch_oauth2(
                stored.token_url,
                stored.client_id,
                stored.client_secret or "",
                stored.scope,
                ca_file=stored.ca_file,
            )
        return fetch_token_resource(
            stored.base_url,
            stored.username,
            stored.password or "",
            api_key=stored.api_key or "",
            ca_file=stored.ca_file,
        )

    return Login(TokenHolder(stored.tenant_id, "epicor", _fingerprint(stored), fetch))


def keep_facts(tenant: Tenant, client: EpicorClient) -> None:
    """Store what the environment taught the client, for the next one; in the job's own thread."""
    known = _facts(tenant)
    for name, value in client.facts.items():
        if known.get(name) != value:
            LearnedFact.objects.update_or_create(
                tenant=tenant, name=f"{FACTS}{name}", defaults={"value": value}
            )


def _facts(tenant: Tenant) -> dict[str, object]:
    rows = LearnedFact.objects.filter(tenant=tenant, name__startswith=FACTS)
    return {name.removeprefix(FACTS): value for name, value in rows.values_list("name", "value")}


def _fingerprint(stored: EpicorCredentials) -> str:
    """Tells tokens of other credentials apart. Holds no secret itself."""
    made_of = "\n".join(
        str(value or "")
        for value in (
            stored.base_url,
            stored.auth_method,
            stored.token_url,
            stored.client_id,
            stored.client_secret,
            stored.scope,
            stored.username,
            stored.password,
        )
    )
    return hashlib.sha256(made_of.encode()).hexdigest()
