"""The demo tenant on stand-ins, ready for its first sync."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

import sandbox
from connector.management import demo_data
from connector.sync.bills.run import run_cycle
from connector.tenants.models import Tenant

Start = Callable[..., tuple[Any, Tenant]]
Later = Callable[..., None]


@pytest.fixture
def start(transactional_db: None) -> Iterator[Start]:
    """start(bills=…, update_master=…) -> (the stand-ins, the tenant with catalogs and mappings)."""
    boxes = []

    def begin(**options: Any) -> tuple[Any, Tenant]:
        box = sandbox.start(**options)
        boxes.append(box)
        box.ramp.app.set_rate_limit(None)
        tenant = demo_data.install(box.world, box.ramp.url, box.epicor.url)
        run_cycle(tenant, kinds=frozenset({"accounts", "vendors"}))
        return box, tenant

    yield begin
    for box in boxes:
        box.stop()


@pytest.fixture
def ready(start: Start) -> tuple[Any, Tenant]:
    """Twelve bills that came into Ramp yesterday, nothing entered yet."""
    box, tenant = start(bills=12)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="seconds")
    for row in list(box.ramp.app.bills):
        box.ramp.app.edit_bill(row["id"], {"created_at": yesterday})
    return box, tenant


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """later(minutes=3): our clock, and only ours, moves on."""
    moved = timedelta(0)

    def move(**by: float) -> None:
        nonlocal moved
        moved += timedelta(**by)

    monkeypatch.setattr(timezone, "now", lambda: datetime.now(UTC) + moved)
    return move
