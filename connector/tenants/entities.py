"""What Ramp's entities are called: kept whenever they are read, so that no page shows a bare id."""

from collections.abc import Iterable, Mapping
from typing import Any

from audit.ledger.exceptions import CauseGroup
from connector.tenants.models import LearnedFact, Tenant

FACT = "ramp_entities"
KIND = "entity"  # of a cause that is an entity


def remember(tenant: Tenant, rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Keep the names of all entities as Ramp just told them; returns all that are known by id.

    An entity that Ramp does not show any more keeps its name: old bills are still of it.
    """
    from_ramp = {str(row.get("id") or ""): name_in(row) for row in rows}
    known = names_of(tenant)
    names = known | {id_: name for id_, name in from_ramp.items() if id_ and name}
    if names != known:
        LearnedFact.objects.update_or_create(tenant=tenant, name=FACT, defaults={"value": names})
    return names


def name_in(row: Mapping[str, Any]) -> str:
    """What an entity is called in Ramp's own words."""
    return str(row.get("entity_name") or row.get("name") or "")


def names_of(tenant: Tenant) -> dict[str, str]:
    """The names by id, as they were read last."""
    rows = LearnedFact.objects.filter(tenant=tenant, name=FACT)
    found: dict[str, str] = rows.values_list("value", flat=True).first() or {}
    return found


def name_entities(tenant: Tenant, causes: Iterable[CauseGroup]) -> None:
    """Give the causes that are entities their names; one query if there is such a cause."""
    entities = [cause for cause in causes if cause.kind == KIND and cause.ramp_id]
    names = names_of(tenant) if entities else {}
    for cause in entities:
        cause.name = names.get(cause.ramp_id) or cause.name
