"""What a blackout day of the finance calendar stops, as a number and as a sentence."""

from django.db.models import Q
from django.utils import timezone

from audit.ledger.models import Posting
from connector.sync.bills.stages import blacked_out
from connector.tenants.models import Tenant


def stopped_bills(tenant: Tenant) -> int:
    """How many bills would be tried now if today were no blackout day; 0 on every other day."""
    if not blacked_out(tenant):
        return 0
    due = Q(not_before=None) | Q(not_before__lte=timezone.now())
    waiting = Posting.objects.filter(due, tenant=tenant, state=Posting.State.QUEUED, hold_reason="")
    return waiting.count()


def notice(tenant: Tenant) -> str:
    """That nothing is entered today and how to do it all the same; "" on every other day."""
    if not blacked_out(tenant):
        return ""
    return (
        f"Today is a blackout day in the calendar of {tenant.name}, so nothing is entered; with "
        "--force it is."
    )
