"""One posting taken for what a person asked, and given back as it was."""

from datetime import datetime, timedelta

from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import Posting

LEASE = timedelta(minutes=5)  # a minute for each request, and some


def take(posting: Posting, owner: str) -> None:
    """Lease it, whatever holds it; the posting given follows.

    Raises LostLeaseError when somebody works on it just now, or when it is at its end.
    """
    now = timezone.now()
    lifecycle.take(posting, owner=owner, until=now + LEASE, now=now)


def give_back(posting: Posting, owner: str, *, not_before: datetime | None, message: str) -> None:
    """Back to where it was; due again `not_before`."""
    if posting.state == Posting.State.IN_FLIGHT:
        lifecycle.release(
            posting, owner=owner, not_before=not_before, message=message, failed=False
        )
    else:
        lifecycle.postpone([posting], owner=owner, not_before=not_before, message=message)
