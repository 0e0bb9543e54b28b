"""Where a tenant's Epicor lives: the address of every call, and what is wrong with a given one.

Pure. Source: docs/epicor.md, "Addresses".
"""

from ipaddress import ip_address
from urllib.parse import quote, urlsplit

V1, V2 = "v1", "v2"
CLOUD, ON_PREMISES = "cloud", "on_premises"
OAUTH2, TOKEN_RESOURCE, BASIC = "oauth2", "token_resource", "basic"
_CLOUD_HOSTS = ("epicorsaas.com", "epicorsaas.cn")
_EXAMPLE = "https://erp.example.com/kinetic"


def check(*, base_url: str, deployment: str, api_version: str, auth_method: str) -> list[str]:
    """What must be changed before anything may be sent there; [] when fine.

    Each is the rest of a sentence that begins with the address. The base address ends at the
    instance: everything after it is ours to add, and an address that already names an API version
    would send calls to another version than chosen.
    """
    problems = []
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return [f"is not an address: {base_url!r}; give one like {_EXAMPLE}"]
    if parts.scheme not in ("https", "http") or not host:
        return [f"is not an address: {base_url!r}; give one like {_EXAMPLE}"]
    if parts.scheme == "http" and not is_loopback(host):
        problems.append("must begin with https: over http the login could be read on the way")
    if parts.username or parts.password:
        problems.append("must be without user and password; they belong to the login")
    if parts.query or parts.fragment:
        problems.append("must end at the instance, without everything from ? or # on")
    problems += _path_problems(parts.path, api_version)
    problems += _choice_problems(deployment, api_version, auth_method)
    return problems


def warnings(*, base_url: str, deployment: str, api_version: str, auth_method: str) -> list[str]:
    """What is unusual but may work, one sentence each."""
    found = []
    host = (urlsplit(base_url).hostname or "").lower()
    in_cloud = any(host == name or host.endswith(f".{name}") for name in _CLOUD_HOSTS)
    if deployment == CLOUD and api_version == V1:
        found.append("Epicor's cloud is usually called through v2; with v1 the API key is ignored.")
    if deployment == CLOUD and auth_method == BASIC:
        found.append(
            "Epicor's cloud usually wants oauth2; basic fails for identity-provider users."
        )
    if deployment == ON_PREMISES and auth_method == OAUTH2:
        found.append("Installations on premises usually have no identity provider of Epicor's.")
    if deployment == ON_PREMISES and in_cloud:
        found.append(f"{host} is Epicor's cloud, but deployment says on_premises.")
    if deployment == CLOUD and not in_cloud and not is_loopback(host):
        found.append(f"{host} does not look like Epicor's cloud, but deployment says cloud.")
    return found


def service_url(base_url: str, api_version: str, company: str, service: str, member: str) -> str:
    """The address of a set or method. In v1 the company goes into a header instead."""
    base = base_url.rstrip("/")
    if api_version == V2:
        return f"{base}/api/v2/odata/{quote(company, safe='')}/{service}/{member}"
    return f"{base}/api/v1/{service}/{member}"


def token_resource_url(base_url: str) -> str:
    """The address of the instance's own token service."""
    return f"{base_url.rstrip('/')}/TokenResource.svc/"


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _path_problems(path: str, api_version: str) -> list[str]:
    steps = [step.lower() for step in path.split("/") if step]
    if not steps:
        return [f"must name the instance, too, as in {_EXAMPLE}"]
    named = next((step for step in (V1, V2) if step in steps[1:] and "api" in steps), "")
    if named and named != api_version:
        return [
            f"names {named}, but the API version is {api_version}; it must end at the instance, "
            "before /api"
        ]
    if steps.count("api") or "odata" in steps or steps[-1].endswith(".svc"):
        return ["must end at the instance, before /api; the rest is added by itself"]
    return []


def _choice_problems(deployment: str, api_version: str, auth_method: str) -> list[str]:
    problems = []
    if deployment not in (CLOUD, ON_PREMISES):
        problems.append(f"has an unknown deployment, {deployment!r}; use cloud or on_premises")
    if api_version not in (V1, V2):
        problems.append(f"has an unknown API version, {api_version!r}; use v1 or v2")
    if auth_method not in (OAUTH2, TOKEN_RESOURCE, BASIC):
        problems.append(
            f"has an unknown auth method, {auth_method!r}; use oauth2, token_resource or basic"
        )
    return problems
