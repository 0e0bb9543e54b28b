"""The demo tenant on stand-ins, ready for its first sync."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import sandbox
from connector import demo
from connector.models import Tenant
from connector.sync.run import run_cycle

Start = Callable[..., tuple[Any, Tenant]]


@pytest.fixture
def start(transactional_db: None) -> Iterator[Start]:
    """start(bills=…, update_master=…) -> (the stand-ins, the tenant with catalogs and mappings)."""
    boxes = []

    def begin(**options: Any) -> tuple[Any, Tenant]:
        box = sandbox.start(**options)
        boxes.append(box)
        box.ramp.app.set_rate_limit(None)
        tenant = demo.install(box.world, box.ramp.url, box.epicor.url)
        run_cycle(tenant, kinds=frozenset({"accounts", "vendors"}))
        return box, tenant

    yield begin
    for box in boxes:
        box.stop()
