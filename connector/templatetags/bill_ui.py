"""What only the pages of bills write: names of people, moments in addresses, kinds of mappings."""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from django import template

from mappings.coding import COST_CENTERS, DIMENSION_PREFIX, GL_ACCOUNTS, VENDORS

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
def is_mapping(kind: str) -> bool:
    """Whether this kind of reference is mapped by people."""
    return kind in (VENDORS, GL_ACCOUNTS, COST_CENTERS) or kind.startswith(DIMENSION_PREFIX)
