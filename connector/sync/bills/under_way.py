"""Bills that a run has in hand just now, or had when it died: they appear in no other count."""

from django.db.models import Count, Max
from django.utils import timezone

from audit.ledger.models import Posting
from connector.tenants.models import Tenant


def notice(tenant: Tenant) -> str:
    """How many bills are leased, and by when they are taken back at the latest; "" for none."""
    rows = Posting.objects.filter(tenant=tenant).exclude(lease_owner="")
    found = rows.aggregate(Count("pk"), Max("lease_until"))
    count, until = found["pk__count"], found["lease_until__max"]
    if not count or until is None:
        return ""
    bills = "1 bill is" if count == 1 else f"{count} bills are"
    when = "at the next run" if until < timezone.now() else f"from {until:%H:%M} UTC on"
    return (
        f"{bills} in the hands of another worker, or of one that died; in the latter case it is "
        f"taken back {when} and looked up before anything is sent again."
    )
