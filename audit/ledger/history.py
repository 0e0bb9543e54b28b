"""What the trail says of bills as a whole: rules that look back further than the present row."""

from collections.abc import Collection

from django.db.models import Exists, OuterRef

from audit.trail.models import AuditEntry
from connector.domain.chunks import chunks


def was_confirmed() -> Exists:
    """Of postings, as a condition: whether we once told Ramp that the bill is entered."""
    return Exists(
        AuditEntry.objects.filter(
            tenant_id=OuterRef("tenant_id"),
            subject_kind="posting",
            subject_id=OuterRef("bill_id"),
            action="posting.confirmed",
        )
    )


def confirmed_before(tenant_id: int, bill_ids: Collection[str]) -> set[str]:
    """The bills among these that we once told Ramp as entered.

    That Ramp has one of them as synced is our own doing, also after its invoice was removed and
    it is to be entered anew.
    """
    found: set[str] = set()
    for chunk in chunks(bill_ids):
        rows = AuditEntry.objects.filter(
            tenant_id=tenant_id,
            subject_kind="posting",
            subject_id__in=chunk,
            action="posting.confirmed",
        )
        found.update(rows.values_list("subject_id", flat=True))
    return found
