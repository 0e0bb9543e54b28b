"""What the trail says of bills as a whole: rules that look back further than the present row."""

from collections.abc import Collection

from audit.models import AuditEntry

_CHUNK = 5000  # SQLite limits the values in one statement


def confirmed_before(tenant_id: int, bill_ids: Collection[str]) -> set[str]:
    """The bills among these that we once told Ramp as entered.

    That Ramp has one of them as synced is our own doing, also after its invoice was removed and
    it is to be entered anew.
    """
    found: set[str] = set()
    wanted = list(bill_ids)
    for start in range(0, len(wanted), _CHUNK):
        rows = AuditEntry.objects.filter(
            tenant_id=tenant_id,
            subject_kind="posting",
            subject_id__in=wanted[start : start + _CHUNK],
            action="posting.confirmed",
        )
        found.update(rows.values_list("subject_id", flat=True))
    return found
