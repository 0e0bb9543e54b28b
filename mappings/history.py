"""What happened to the mapping of one reference, newest first, with the differences."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.trail.models import AuditEntry
from mappings.changes import subject_of

MOST = 100
_NAMES = {"epicor_id": "Epicor", "epicor_name": "Epicor name", "ramp_name": "Ramp name"}
_DID = {
    "mapping_created": "mapped",
    "mapping_changed": "changed",
    "mapping_deleted": "removed",
    "mapping_proposed": "proposed",
    "mapping_withdrawn": "proposal withdrawn",
    "mapping_approved": "approved",
    "mapping_rejected": "rejected",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One value before and after, "" for none."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that was done; `by` proposed what `actor` decided about ("" = the same person)."""

    at: datetime
    actor: str
    did: str
    company: str
    by: str
    source: str
    differences: tuple[Difference, ...]


def history(tenant_id: int, kind: str, ramp_id: str) -> list[Event]:
    """The last hundred things done to the mappings of a reference, in any company."""
    entries = AuditEntry.objects.filter(
        tenant_id=tenant_id, subject_kind="mapping", subject_id=subject_of(kind, ramp_id)
    ).order_by("-at", "-id")
    rows = entries.values_list("at", "actor", "action", "body")[:MOST]
    return [
        _event(at, actor, action, body)
        for at, actor, action, body in rows
        if isinstance(body, dict) and body.get("ramp_id", ramp_id) == ramp_id
    ]


def _event(at: datetime, actor: str, action: str, body: Mapping[str, Any]) -> Event:
    by = str(body.get("by") or "")
    return Event(
        at=at,
        actor=actor,
        did=_DID.get(action, action.removeprefix("mapping_")),
        company=str(body.get("company") or ""),
        by="" if by == actor else by,
        source=str(body.get("source") or ""),
        differences=differences(
            body.get("before") or body.get("without") or {},
            body.get("after") or body.get("without") or {},
        ),
    )


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """What differs, in the order in which people look."""
    return tuple(
        Difference(name, str(before.get(key) or ""), str(after.get(key) or ""))
        for key, name in _NAMES.items()
        if (before.get(key) or "") != (after.get(key) or "")
    )
