"""The demo tenant: its made-up logins and the tenant file that connects it to the stand-ins."""

from dataclasses import dataclass

from sandbox.world_catalog import COMPANIES, CURRENCIES, DEFAULT_TERMS, Row
from sandbox.world_sketch import START_DATE
from sandbox.world_typed import RATE_GROUP


@dataclass(frozen=True, slots=True)
class Config:
    """The made-up logins of both stand-ins."""

    ramp_client_id: str = "sandbox-ramp-client"
    ramp_client_secret: str = "sandbox-ramp-client-secret"
    ramp_webhook_secret: str = "sandbox-webhook-secret"
    ramp_scopes: tuple[str, ...] = (
        "accounting:read",
        "accounting:write",
        "bills:read",
        "business:read",
        "entities:read",
        "purchase_orders:read",
        "purchase_orders:write",
        "transactions:read",
        "vendors:read",
        "vendors:write",
    )
    epicor_api_key: str = "sandbox-api-key"
    epicor_client_id: str = "sandbox-epicor-client"
    epicor_client_secret: str = "sandbox-epicor-client-secret"
    epicor_scope: str = "epicor_erp"
    epicor_user: str = "integration"
    epicor_password: str = "sandbox-password"


def tenant_file(config: Config, entity_ids: dict[str, str], ramp_url: str, epicor_url: str) -> Row:
    """The tenant file: `entity_ids` are Ramp's entities by Epicor company."""
    return {
        "slug": "demo",
        "name": "Acme Consulting",
        "time_zone": "America/New_York",
        "ramp": {
            "base_url": ramp_url,
            "client_id": config.ramp_client_id,
            "client_secret": config.ramp_client_secret,
            "webhook_secret": config.ramp_webhook_secret,
        },
        "epicor": _epicor(config, epicor_url),
        "entities": [
            {"ramp_entity_id": entity_ids[company], "company": company, "site": "MfgSys"}
            for company in COMPANIES
        ],
        "currencies": {code: code for code in CURRENCIES},
        "dimensions": [
            {"ramp_field": "cost_center", "segment": 3, "kind": "cost_centers", "default": "000"}
        ],
        "posting": _posting(),
        "calendar": {"sync_cron": "*/15 * * * 1-5", "closed_period": "hold", "blackout": []},
    }


def _epicor(config: Config, url: str) -> Row:
    return {
        "base_url": f"{url}/kinetic",
        "deployment": "cloud",
        "api_version": "v2",
        "api_key": config.epicor_api_key,
        "auth": {
            "method": "oauth2",
            "token_url": f"{url}/connect/token",
            "client_id": config.epicor_client_id,
            "client_secret": config.epicor_client_secret,
            "scope": config.epicor_scope,
        },
        "rate_group": RATE_GROUP,
        "ca_file": None,
    }


def _posting() -> Row:
    return {
        "start_date": START_DATE.isoformat(),
        "group_prefix": "R",
        "lanes": 2,
        "writer": "two_step",
        "skeleton_method": "auto",
        "stamp_column": "ExternalID",
        "pay_hold": True,
        "po_bills": "hold",
        "card_paid": "hold",
        "default_terms": DEFAULT_TERMS,
        "after_entry_edits": "update",
    }
