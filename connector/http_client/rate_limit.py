"""One budget of requests for all workers of all tenants: each request reserves its moment first."""

import time

from django.db import transaction

from connector.http_client.models import RequestBudget, RequestSlot

LIMIT = 190  # Ramp allows 200 in 10 s; the rest is for people who use the same address
WINDOW_S = 10.0
_MARGIN_S = 0.02
_LONGEST_S = 600.0  # nobody ever waits so long for his turn


def reserve(budget: str, *, limit: int = LIMIT, window_s: float = WINDOW_S) -> float:
    """Reserve a moment for one request; says how many seconds to wait before sending it.

    No `window_s` seconds ever hold more than `limit` reserved moments, whoever reserved them.
    The budget's row is locked meanwhile, so this must not run inside another transaction.
    """
    with transaction.atomic(durable=True):
        if RequestBudget.objects.select_for_update().filter(name=budget).first() is None:
            RequestBudget.objects.get_or_create(name=budget)
            RequestBudget.objects.select_for_update().get(name=budget)
        now = time.time()
        slots = RequestSlot.objects.filter(budget=budget)
        slots.filter(at__gt=now + _LONGEST_S).delete()  # reserved while the clock was ahead
        earlier = slots.order_by("-at").values_list("at", flat=True)[limit - 1 : limit]
        at = max([now, *(moment + window_s + _MARGIN_S for moment in earlier)])
        RequestSlot.objects.create(budget=budget, at=at)
        slots.filter(at__lt=now - 2 * window_s).delete()
    return at - now


def wait_for_slot(budget: str) -> None:
    """Reserve a moment in `budget` and wait for it."""
    seconds = reserve(budget)
    if seconds > 0:
        time.sleep(seconds)
