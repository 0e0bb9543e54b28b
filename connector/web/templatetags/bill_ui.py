"""What only the pages of bills write: names of people, moments, what a mapping settles."""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from django import template

from audit.ledger.models import Blocker
from connector.web.exceptions.texts import settled_by_mapping

register = template.Library()


@register.filter
def named(people: Mapping[str, str], username: str) -> str:
    """What to call an actor of the trail."""
    return people.get(username, username)


@register.filter
def isomoment(at: datetime) -> str:
    """A moment as part of an address, to the microsecond."""
    return quote(at.astimezone(UTC).isoformat(), safe="")


@register.filter
def is_mapped_here(blocker: Blocker) -> bool:
    """Whether a mapping takes away what blocks the bill."""
    return settled_by_mapping(blocker.reason, blocker.kind, blocker.ramp_id)
