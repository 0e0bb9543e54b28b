"""Bills that wait for a setting which is there now: what trying them again is worth."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from audit.ledger.models import Blocker, Posting
from audit.ledger.waiting import open_holds
from connector.domain.errors import Reason
from connector.tenants.models import EntityRoute, Tenant
from mappings.models import CurrencyMapping, Dimension


@dataclass(frozen=True, slots=True)
class Waiting:
    """Bills that wait for one kind of setting, and of how many of them that is settled now."""

    key: str
    title: str
    waiting: int
    freed: int


@dataclass(frozen=True, slots=True)
class _Kind:
    title: str
    these: Q  # its blockers
    still: Callable[[Tenant], Q]  # those of them that are not settled
    mostly_settings: bool = True  # else most of them wait for a mapping, which is told elsewhere


def _without_route(tenant: Tenant) -> Q:
    routes = EntityRoute.objects.filter(tenant=tenant)
    return ~Q(ramp_id__in=routes.values("ramp_entity_id"))


def _without_code(tenant: Tenant) -> Q:
    return ~Q(ramp_id__in=CurrencyMapping.objects.filter(tenant=tenant).values("iso"))


def _of_a_dimension(tenant: Tenant) -> Q:
    return Q(kind__in=Dimension.objects.filter(tenant=tenant).values("kind"))


_KINDS: Mapping[str, _Kind] = {
    "routes": _Kind("an entity route", Q(kind="entity"), _without_route),
    "currencies": _Kind("a currency", Q(kind="currency"), _without_code),
    "dimensions": _Kind(
        "a dimension",
        Q(reason=Reason.DIMENSION_UNMAPPED.value),
        _of_a_dimension,
        mostly_settings=False,
    ),
}


def waiting(tenant: Tenant) -> list[Waiting]:
    """What waits for settings, one query a kind; empty kinds are left out."""
    found = []
    for key, kind in _KINDS.items():
        open_ones = Blocker.objects.filter(kind.these, posting__tenant=tenant)
        counts = open_ones.exclude(posting__hold_reason="").aggregate(
            held=Count("posting", distinct=True),
            still=Count("posting", distinct=True, filter=kind.still(tenant)),
        )
        freed_ones = counts["held"] - counts["still"]
        if freed_ones or (counts["held"] and kind.mostly_settings):
            found.append(Waiting(key, kind.title, counts["held"], freed_ones))
    return found


def freed(tenant: Tenant, key: str) -> QuerySet[Posting]:
    """The bills that this kind of setting stops no more, oldest first.

    Something else may stop them still. Raises KeyError for an unknown kind.
    """
    kind = _KINDS[key]
    still = Blocker.objects.filter(kind.these, kind.still(tenant), posting__tenant=tenant)
    return _held(tenant, kind.these).exclude(pk__in=still.values("posting_id")).order_by("pk")


def _held(tenant: Tenant, these: Q) -> QuerySet[Posting]:
    blockers = Blocker.objects.filter(these, posting__tenant=tenant)
    return open_holds(tenant.pk).filter(pk__in=blockers.values("posting_id"))
