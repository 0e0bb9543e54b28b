"""The small worlds in which workers die: both stand-ins, one ready bill, one tenant's database."""

import contextlib
import copy
import copyreg
import itertools
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sandbox import Sandbox
from sandbox.epicor.app import Epicor
from sandbox.ramp import Ramp
from sandbox.server import StandIn
from sandbox.world import World
from sandbox.world_sketch import Expectation
from tests.simulation.processes import Child, Outcome, Witness, Zygote, copy_database, drop_database

SEED, BILLS = 1, 200
BEGIN = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
INSIDE = "tests.simulation.crashes_inside"
_LOCKS = (type(threading.Lock()), type(threading.RLock()))

Choose = Callable[[Expectation], bool]


class Scene:
    """Both stand-ins with one ready bill, and a tenant's database; it can be put back.

    Times (`at_s`) are seconds after BEGIN, for us and for Epicor, whatever the real time is.
    """

    def __init__(self, zygote: Zygote, case: "Case", planted: str = "") -> None:
        self.zygote = zygote
        self.planted = planted
        self.case = case
        self.world = World(SEED, BILLS)
        self.bill_id, self.expected = _chosen(self.world, case.choose)
        bills = self.world.ramp["bills"]
        self.world.ramp["bills"] = [bill for bill in bills if bill["id"] == self.bill_id]
        self._offset_s = 0.0
        self.box = _started(self.world, case, self._now)
        self.witness = Witness(self.box)
        self._folder = tempfile.TemporaryDirectory(prefix="crashes-")
        self.folder = Path(self._folder.name)
        self.database = zygote.new_database(self.folder / "live.sqlite3")
        self._numbers = itertools.count(1)
        urls = {"ramp_url": self.box.ramp.url, "epicor_url": self.box.epicor.url}
        self.slug = self.call("set_up", seed=SEED, bills=BILLS, **urls)
        self.invoices = len(self.box.epicor.state()["invoices"])

    def call(self, function: str, *, at_s: float = 0.0, **args: Any) -> Any:
        """What this function of `crashes_inside` says, in a child."""
        return self.zygote.call(
            f"{INSIDE}:{function}",
            database=self.database,
            clock_offset_s=self._set_clock(at_s),
            **args,
        )

    def _set_clock(self, at_s: float) -> float:
        self._offset_s = (BEGIN - datetime.now(UTC)).total_seconds() + at_s
        return self._offset_s

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._offset_s)

    def work(self, at_s: float, plan: dict[str, Any] | None = None) -> Outcome:
        """A worker rings, ticks and does what is due; killed by its own hand as the plan says."""
        return self._worker(at_s, plan).wait()

    def work_killed_outside(self, at_s: float, number: int, moment: str) -> Outcome:
        """The same, killed from the stand-in's side at this request, before the answer goes out."""
        born = threading.Event()
        children: list[Child] = []

        def kill() -> None:
            born.wait(30)
            children[0].kill()

        self.witness.forget()
        self.witness.at(number, moment, kill)
        children.append(self._worker(at_s, None))
        born.set()
        outcome = children[0].wait()
        self.witness.forget()
        return outcome

    def _worker(self, at_s: float, plan: dict[str, Any] | None) -> Child:
        return self.zygote.run(
            {"do": "call", "function": f"{INSIDE}:work", "args": {"slug": self.slug}},
            database=self.database,
            clock_offset_s=self._set_clock(at_s),
            plan={**(plan or {}), "planted": self.planted},
        )

    def keep(self) -> "Kept":
        """How everything is now."""
        name = self.folder / f"kept-{next(self._numbers)}.sqlite3"
        return Kept(
            copy_database(self.database, name),
            _copied(self.box.ramp.app),
            _copied(self.box.epicor.app),
        )

    def put_back(self, kept: "Kept") -> None:
        """Everything as it was then."""
        drop_database(self.database)
        copy_database(kept.database, self.database)
        for standin, app in ((self.box.ramp, kept.ramp), (self.box.epicor, kept.epicor)):
            standin.clear_faults()
            _use(standin, _copied(app))

    def stop(self) -> None:
        self.box.stop()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


@dataclass(frozen=True, slots=True)
class Kept:
    """A moment of a scene."""

    database: Path
    ramp: Ramp
    epicor: Epicor


@dataclass(frozen=True, slots=True)
class Step:
    """One cycle of a bill's way: when it runs, and what happens in the world just before it."""

    at_s: float = 0.0
    first: Callable[[Scene], None] | None = None
    deadly: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """One canonical bill and its undisturbed way."""

    name: str
    choose: Choose
    steps: tuple[Step, ...] = (Step(),)
    update_master: str = "all"
    auto_lock: bool = False
    becomes: Callable[[Expectation], Expectation] = lambda expected: expected


def _chosen(world: World, choose: Choose) -> tuple[str, Expectation]:
    for bill_id, expected in world.expected().items():
        if expected.outcome == "entered" and choose(expected):
            return bill_id, expected
    raise LookupError("The world has no such bill.")


def _started(world: World, case: Case, now: Callable[[], datetime]) -> Sandbox:
    # A function, because a copied system copies everything that it has but functions.
    epicor = Epicor(world, clock=lambda: now(), update_master=case.update_master)
    ramp = Ramp(world)
    ramp.set_rate_limit(None)
    if case.auto_lock:
        for company in world.epicor:
            epicor.auto_lock(company)
    standins = [StandIn.of("ramp", ramp), StandIn.of("epicor", epicor)]
    return Sandbox(world, *(standin.start() for standin in standins))


def _use(standin: StandIn, app: Any) -> None:
    """This system answers from now on."""
    standin.app, standin._handler = app, app.handle
    standin._label, standin._state = app.label, app.state


def _copied(app: Any) -> Any:
    """A system with all it remembers; its locks are new ones."""
    with _locks_can_be_copied():
        return copy.deepcopy(app)


_copying = threading.Lock()


@contextlib.contextmanager
def _locks_can_be_copied() -> Iterator[None]:
    with _copying:
        for kind, make in zip(_LOCKS, (threading.Lock, threading.RLock), strict=True):
            copyreg.dispatch_table[kind] = lambda _, make=make: (make, ())
        try:
            yield
        finally:
            for kind in _LOCKS:
                del copyreg.dispatch_table[kind]
