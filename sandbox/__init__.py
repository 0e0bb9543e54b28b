"""Stand-ins for both systems: real HTTP servers with memory, for the demo, tests and benchmarks.

with sandbox.start(bills=50) as box:
    box.ramp.url, box.epicor.url          where they answer
    box.ramp.app.archive_bill(bill_id)    what a person does in Ramp
    box.epicor.fail_next("POST", "reset_after")
    box.world.expected()                  what must become of each bill
"""

from types import TracebackType
from typing import Self

from sandbox.epicor.app import Epicor
from sandbox.ramp import Ramp
from sandbox.server import StandIn
from sandbox.world import World

__all__ = ["Sandbox", "start"]


class Sandbox:
    """Both stand-ins, running: `ramp` and `epicor` are servers, `.app` of each is the system."""

    def __init__(self, world: World, ramp: StandIn, epicor: StandIn) -> None:
        self.world = world
        self.ramp = ramp
        self.epicor = epicor

    def stop(self) -> None:
        """Stop both servers."""
        self.ramp.stop()
        self.epicor.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start(
    *,
    seed: int = 1,
    bills: int = 200,
    latency_ms: float = 0,
    ramp_port: int = 0,
    epicor_port: int = 0,
    update_master: str = "all",
) -> Sandbox:
    """Start both stand-ins on loopback, on daemon threads. Port 0 means any free one.

    An answer comes `latency_ms` after its request, or later when the work takes longer;
    `update_master` (all | named | echo) is how Epicor's UpdateMaster saves. Raises OSError when a
    port is in use.
    """
    world = World(seed, bills)
    ramp = StandIn.of("ramp", Ramp(world), port=ramp_port, latency_ms=latency_ms)
    try:
        app = Epicor(world, update_master=update_master)
        epicor = StandIn.of("epicor", app, port=epicor_port, latency_ms=latency_ms)
    except OSError:
        ramp.stop()
        raise
    return Sandbox(world, ramp.start(), epicor.start())
