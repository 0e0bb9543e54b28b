"""Ramp's side of the world: entities, vendors and coding lists as the API's JSON objects.

Bills share the objects of their codings; whoever changes one must replace it, not edit it.
"""

import uuid
from typing import Any

from sandbox.world_catalog import (
    COST_CENTER_FIELD,
    COST_CENTERS,
    DEPARTMENTS,
    ENTITY_CURRENCY,
    ENTITY_NAMES,
    IN_RAMP,
    NATURALS,
    UNMAPPED_ACCOUNTS,
    UNMAPPED_COST_CENTERS,
    UNUSABLE_ACCOUNTS,
    WHOLE_ACCOUNTS,
    Row,
    Vendor,
)
from sandbox.world_epicor import NAMESPACE

SET_UP_AT = "2025-09-01T09:00:00+00:00"


class RampObjects:
    """Makes every Ramp object of one world; ids depend on the seed and the object's name."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.entity_ids = {company: self.id("entity", company) for company in ENTITY_NAMES}
        self.gl_accounts = [self._gl_account(code, name) for code, name in gl_options().items()]
        self.field = self._field()
        self.field_options = [
            self._option(code, name) for code, name in cost_center_options().items()
        ]
        self._gl_selections = {
            row["id"]: self._selection(row, row["name"], self._gl_category())
            for row in self.gl_accounts
        }
        self._cost_center_selections = {
            row["id"]: self._selection(row, row["value"], self._field_category())
            for row in self.field_options
        }

    def id(self, kind: str, name: str) -> str:
        """The uuid of a named object."""
        return str(uuid.uuid5(NAMESPACE, f"{self._seed}:ramp:{kind}:{name}"))

    def vendor_id(self, vendor: Vendor) -> str:
        """The uuid of a vendor."""
        return self.id("vendor", vendor.name)

    # -- lists -----------------------------------------------------------------------------------

    def masters(self) -> dict[str, Any]:
        """Everything but the bills, by name."""
        return {
            "business": {
                "id": self.id("business", ""),
                "business_name_legal": "Acme Consulting Inc.",
                "business_name_on_card": "Acme Consulting",
                "active": True,
                "created_time": SET_UP_AT,
                "is_reimbursements_enabled": False,
                "is_integrated_with_slack": False,
                "enforce_sso": False,
                "limit_locked": False,
            },
            "entities": [self._entity(company) for company in ENTITY_NAMES],
            "vendors": [self._vendor(vendor) for vendor in IN_RAMP],
            "connections": [
                {
                    "id": self.id("connection", "ours"),
                    "remote_provider_name": "Epicor Kinetic",
                    "is_active": True,
                    "status": "linked",
                    "created_at": SET_UP_AT,
                    "last_linked_at": SET_UP_AT,
                }
            ],
            "gl_accounts": self.gl_accounts,
            "fields": [self.field],
            "field_options": self.field_options,
            "accounting_vendors": [
                {
                    "ramp_id": self.id("accounting-vendor", vendor.vendor_id),
                    "id": vendor.vendor_id,
                    "name": vendor.name,
                    "code": vendor.vendor_id,
                    "is_active": True,
                    "is_synced": True,
                    "created_at": SET_UP_AT,
                    "updated_at": SET_UP_AT,
                }
                for vendor in IN_RAMP
                if linked(vendor)
            ],
        }

    def _entity(self, company: str) -> Row:
        return {
            "id": self.entity_ids[company],
            "entity_name": ENTITY_NAMES[company],
            "currency": ENTITY_CURRENCY[company],
            "is_primary": company == next(iter(ENTITY_NAMES)),
            "location_ids": [],
            "accounts": [],
        }

    def _vendor(self, vendor: Vendor) -> Row:
        nothing = {"amount": 0, "currency_code": "USD"}
        return {
            "id": self.vendor_id(vendor),
            "name": vendor.name,
            "name_legal": vendor.name,
            "accounting_vendor_remote_id": vendor.vendor_id if linked(vendor) else None,
            "contacts": [self.id("contact", vendor.name)],
            "country": vendor.country,
            "state": "IL" if vendor.country == "US" else None,
            "address": {
                "address_line_1": "1 Main Street",
                "city": "Springfield",
                "postal_code": "62701",
                "country": vendor.country,
            },
            "created_at": SET_UP_AT,
            "is_active": True,
            "is_deletable": False,
            "vendor_type": "BUSINESS",
            "total_spend_all_time": nothing,
            "total_spend_last_30_days": nothing,
            "total_spend_last_365_days": nothing,
            "total_spend_ytd": nothing,
        }

    def _gl_account(self, code: str, name: str) -> Row:
        return {
            "ramp_id": self.id("gl-account", code),
            "id": code,
            "name": name,
            "code": code,
            "classification": NATURALS.get(code[:4], ("", "EXPENSE"))[1],
            "is_active": True,
            "created_at": SET_UP_AT,
            "updated_at": SET_UP_AT,
        }

    def _field(self) -> Row:
        return {
            "ramp_id": self.id("field", COST_CENTER_FIELD),
            "id": COST_CENTER_FIELD,
            "name": "Cost Center",
            "display_name": None,
            "input_type": "SINGLE_CHOICE",
            "is_active": True,
            "is_required_for": [],
            "is_splittable": True,
            "created_at": SET_UP_AT,
            "updated_at": SET_UP_AT,
        }

    def _option(self, code: str, name: str) -> Row:
        return {
            "ramp_id": self.id("option", code),
            "field_id": self.id("field", COST_CENTER_FIELD),
            "id": code,
            "value": name,
            "code": code,
            "display_name": name,
            "visibility": "VISIBLE",
            "is_active": True,
            "created_at": SET_UP_AT,
            "updated_at": SET_UP_AT,
        }

    # -- codings ---------------------------------------------------------------------------------

    def _gl_category(self) -> Row:
        return {
            "id": self.id("field", "Category"),
            "external_id": "Category",
            "name": "GL Account",
            "type": "GL_ACCOUNT",
        }

    def _field_category(self) -> Row:
        # A field made through the API comes back typed OTHER, whatever it is called.
        return {
            "id": self.field["ramp_id"],
            "external_id": COST_CENTER_FIELD,
            "name": self.field["name"],
            "type": "OTHER",
        }

    def _selection(self, row: Row, name: str, category: Row) -> Row:
        return {
            "id": row["ramp_id"],
            "name": name,
            "external_id": row["id"],
            "external_code": row["code"],
            "category_info": category,
        }

    def selections(self, account: str | None, cost_center: str | None) -> list[Row]:
        """The coding of a bill or line; the objects are shared between bills."""
        found = [self._gl_selections[account]] if account else []
        if cost_center:
            found.append(self._cost_center_selections[cost_center])
        return found


def linked(vendor: Vendor) -> bool:
    """Whether Ramp's vendor carries a VendorID that our connection uploaded."""
    return vendor.link in ("linked", "override")


def gl_options() -> dict[str, str]:
    """Every GL account that Ramp knows: id -> name."""
    options = {code: name for code, (name, _) in NATURALS.items()}
    options |= {account: f"{NATURALS[account[:4]][0]} (direct)" for account in WHOLE_ACCOUNTS}
    return options | UNMAPPED_ACCOUNTS | UNUSABLE_ACCOUNTS


def cost_center_options() -> dict[str, str]:
    """Every cost center that Ramp knows: id -> name."""
    return {code: DEPARTMENTS[dept] for code, dept in COST_CENTERS.items()} | UNMAPPED_COST_CENTERS
