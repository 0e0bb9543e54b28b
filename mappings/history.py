"""What happened to the mapping of one reference, newest first, with the differences."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.trail.as_of import before_and_after
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
    return [
        _event(one, one.body)
        for one in entries[:MOST]
        if isinstance(body := one.body, dict) and body.get("ramp_id", ramp_id) == ramp_id
    ]


def _event(entry: AuditEntry, body: Mapping[str, Any]) -> Event:
    by = str(body.get("by") or "")
    before, after = before_and_after(entry.changes)
    without = body.get("without") or {}
    return Event(
        at=entry.at,
        actor=entry.actor,
        did=_DID.get(entry.action, entry.action.removeprefix("mapping_")),
        company=str(body.get("company") or ""),
        by="" if by == entry.actor else by,
        source=str(body.get("source") or ""),
        differences=differences(
            before or body.get("before") or without,
            after or body.get("after") or without,
        ),
    )


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """What differs, in the order in which people look."""
    return tuple(
        Difference(name, str(before.get(key) or ""), str(after.get(key) or ""))
        for key, name in _NAMES.items()
        if (before.get(key) or "") != (after.get(key) or "")
    )
