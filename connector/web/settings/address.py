"""What an address of Epicor, as it is typed, means: host, instance, version, company. Pure."""

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from connector.epicor import address

_SERVICE, _SET = "Erp.BO.APInvoiceSvc", "APInvoices"


@dataclass(frozen=True, slots=True)
class Explained:
    """`base` is the address as it should be; `version` and `company` are those named in it."""

    host: str
    instance: str
    base: str
    version: str
    company: str
    call: str
    verdict: str
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def explain(
    *, base_url: str, deployment: str, api_version: str, auth_method: str, company: str
) -> Explained | None:
    """None while nothing readable is typed."""
    try:
        parts = urlsplit(base_url.strip())
        host = parts.hostname or ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    steps = [step for step in parts.path.split("/") if step]
    lower = [step.lower() for step in steps]
    api = next((n for n, step in enumerate(lower) if n and step in ("api", "apps")), len(steps))
    instance = "/".join(steps[:api])
    version = next((step for step in lower[api + 1 : api + 2] if step in ("v1", "v2")), "")
    named = steps[api + 3] if lower[api + 2 : api + 3] == ["odata"] and api + 3 < len(steps) else ""
    base = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], f"/{instance}", "", ""))
    given = {
        "deployment": deployment,
        "api_version": api_version,
        "auth_method": auth_method,
    }
    return Explained(
        host=host,
        instance=instance,
        base=base.rstrip("/"),
        version=version,
        company=named,
        call=address.service_url(base, api_version, named or company or "COMPANY", _SERVICE, _SET),
        verdict=_verdict(api_version, version, named, company),
        problems=tuple(
            f"The address {problem}."
            for problem in address.check(base_url=base_url.strip(), **given)
        ),
        warnings=tuple(address.warnings(base_url=base_url.strip(), **given)),
    )


def _verdict(api_version: str, version: str, named: str, company: str) -> str:
    if version and version != api_version:
        return ""  # the problems say it
    if api_version == address.V1:
        return "v1: the Epicor company travels in a header, and the API key is ignored."
    where = f"here {named or company}" if named or company else "named by the entity routes"
    return (
        f"v2: the Epicor company is part of every address ({where}), and the API key is required."
    )
