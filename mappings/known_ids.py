"""Which ids of Ramp are known: named by bills, mapped already, or given to Ramp by us.

An id that nothing knows is no error (a vendor without a bill yet), but often one that a
spreadsheet damaged; so people are told.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from audit.ledger.models import Blocker
from connector.domain.chunks import chunks
from mappings.files import MappingRow
from mappings.kinds import store_of
from mappings.models import IssuedReference, ReferenceUse

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def known_ids(tenant_id: int, kind: str, refs: Collection[str]) -> set[str]:
    """Those of the ids that are known; four queries for every 5,000."""
    found: set[str] = set()
    store = store_of(kind)
    mine = {"tenant_id": tenant_id, "kind": kind}
    for piece in chunks(sorted(refs)):
        sources = (
            ReferenceUse.objects.filter(**mine),
            IssuedReference.objects.filter(**mine),
            Blocker.objects.filter(posting__tenant_id=tenant_id, kind=kind),
            store.model._default_manager.filter(tenant_id=tenant_id, **store.extra),
        )
        for rows in sources:
            found.update(
                rows.filter(ramp_id__in=piece).order_by().values_list("ramp_id", flat=True)
            )
    return found


def folded(tenant_id: int, kind: str, rows: Sequence[MappingRow]) -> list[MappingRow]:
    """The rows with Ramp's ids as Ramp writes them: a UUID in small letters, unless it is known."""
    upper = {row.ramp_id for row in rows if _is_folded_by_case(row.ramp_id)}
    if not upper:
        return list(rows)
    kept = known_ids(tenant_id, kind, upper)
    return [
        replace(row, ramp_id=row.ramp_id.lower()) if row.ramp_id in upper - kept else row
        for row in rows
    ]


def unknown_rows(tenant_id: int, kind: str, rows: Sequence[MappingRow]) -> list[int]:
    """The numbers of the rows whose id nothing knows; none while nothing of a kind is known."""
    uses = ReferenceUse.objects.filter(tenant_id=tenant_id, kind=kind)
    waits = Blocker.objects.filter(posting__tenant_id=tenant_id, kind=kind)
    if not (uses.exists() or waits.exists()):
        return []  # no bill was read yet, so nobody can tell
    known = known_ids(tenant_id, kind, {row.ramp_id for row in rows})
    return [row.number for row in rows if row.ramp_id and row.ramp_id not in known]


def _is_folded_by_case(ref: str) -> bool:
    return ref != ref.lower() and _UUID.fullmatch(ref) is not None
