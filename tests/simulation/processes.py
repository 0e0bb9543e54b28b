"""Workers as real processes, made quickly and killed for real.

A *zygote* is one Python process with Django set up and no threads. It forks a child for each
action; the child uses the SQLite file, the clock and the plan it is told, reports, and ends.

    with Zygote() as zygote:
        database = zygote.new_database(folder / "world.sqlite3")
        child = zygote.run({"do": "sync", "tenant": "demo"}, database=database)
        outcome = child.wait()              # Outcome(value=…, error=…, killed=…, requests=…)

Actions
  {"do": "sync", "tenant": slug}            one cycle; also kinds, dry_run, force, budget_s and
                                            only_bills (bill ids); the value is the summary
  {"do": "call", "function": "module:name", "args": {…}}   any function; the value as JSON
                                            (what JSON does not know becomes its str)
  {"do": "command", "name": "replay", "args": ["demo", …]}  {"stdout", "stderr", "exit"}
  {"do": "migrate"}                         make the tables

Plan (every key may be left out)
  real_lanes      True: lanes are threads; otherwise each request runs at once, in order
  seed            seeds `random`, so that waits between tries are the same each time
  die_at          [k, "before" | "after"]: SIGKILL itself before its k-th HTTP request goes out,
                  or once its answer has begun to arrive and nothing of it was seen (k from 1)
  die_after       text: the same once the first request whose path contains it was answered
  die_at_commit   [k, "before" | "after"]: the same at its k-th commit, of a transaction, of a
                  savepoint, or of a single statement that is its own transaction
  pause_at        [k, …]: stop before these requests until the parent says go on
  pause_before    text: the same before the first request whose path contains it
  planted         "module:name": called first; it plants a fault into the program

Time. `clock_offset_s` moves the child's clock; `time.sleep` does not sleep, it moves the child's
clocks on (also the monotonic one). `Outcome.slept_s` says how far.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
START_S = 60.0
LONGEST_S = 120.0
_NOT_PASSED_ON = ("DATABASE_URL", "QUEUE_BROKER", "PUBLIC_URL", "COVERAGE_PROCESS_CONFIG",
                  "COVERAGE_PROCESS_START")  # fmt: skip
_SERVE = "import sys; from tests.simulation.inside import serve; serve(*sys.argv[1:])"


class Channel:
    """JSON documents over a socket, one a line."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._rest = b""

    def send(self, document: Mapping[str, Any]) -> None:
        """Send one document. Raises OSError when the other side is gone."""
        self._end.sendall(json.dumps(document, default=str).encode() + b"\n")

    def receive(self, timeout_s: float | None = None) -> dict[str, Any] | None:
        """The next document; None when the other side is gone. Raises TimeoutError."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while b"\n" not in self._rest:
            if until is not None:
                self._end.settimeout(max(0.001, until - time.monotonic()))
            try:
                part = self._end.recv(1 << 16)
            except ConnectionResetError:
                part = b""
            if not part:
                return None
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        document: dict[str, Any] = json.loads(line)
        return document

    def close(self) -> None:
        """Let go of the other side."""
        self._end.close()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a child ended.

    `killed` is a death without a word. `error` is the class of what it raised, "" for none.
    `requests` ("POST /path") and `commits` (first words of the SQL) are in order; of a child
    that was killed they are unknown and empty.
    """

    killed: bool = False
    value: Any = None
    error: str = ""
    message: str = ""
    traceback: str = ""
    requests: list[str] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)
    slept_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the action returned."""
        return not self.killed and not self.error


class Child:
    """A running action. Use it from one thread, except `kill`, which any thread may call."""

    def __init__(self, pid: int, channel: Channel) -> None:
        self.pid = pid
        self.outcome: Outcome | None = None
        self._channel = channel
        self._stands = False  # at a pause

    def wait(self, timeout_s: float = LONGEST_S) -> Outcome:
        """Its end; each pause is answered with "go on". Raises TimeoutError."""
        while self.outcome is None:
            if self._stands:
                self.go_on()
            self.until_pause(timeout_s)
        return self.outcome

    def until_pause(self, timeout_s: float = LONGEST_S) -> int | None:
        """The number of the request before which it stands; None when it has ended.

        Raises TimeoutError.
        """
        if self.outcome is not None:
            return None
        document = self._channel.receive(timeout_s)
        if document is not None and "paused" in document:
            self._stands = True
            return int(document["paused"])
        self.outcome = Outcome(killed=True) if document is None else Outcome(**document["done"])
        self._channel.close()
        return None

    def go_on(self) -> None:
        """Let a child that stands at a pause go on."""
        self._stands = False
        self._channel.send({"go": "on"})

    def kill(self) -> None:
        """SIGKILL, from outside. Its process id is its own until `wait` has returned."""
        if self.outcome is None:
            os.kill(self.pid, signal.SIGKILL)


class Zygote:
    """The fork server. Start it whenever you like; it never shares this process's threads.

    `preload` names modules that its children will want, so that they are imported once.
    """

    def __init__(self, preload: Sequence[str] = ()) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="zygote-"))
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._children: list[Child] = []
        self._template: Path | None = None
        self._control, theirs = socket.socketpair()
        self._log = (self.folder / "log").open("wb")
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SERVE, str(theirs.fileno()), *preload],
                cwd=ROOT,
                env=_environment(self.folder / "nothing.sqlite3"),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,
            )
        self._control.settimeout(START_S)
        if self._control.recv(1) != b"r":
            said = self.log()
            self.stop()
            raise RuntimeError(f"The zygote did not start.\n{said}")

    def log(self) -> str:
        """What the zygote and its children printed."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def run(
        self,
        action: Mapping[str, Any],
        *,
        database: Path,
        clock_offset_s: float = 0.0,
        plan: Mapping[str, Any] | None = None,
    ) -> Child:
        """Start an action in a child of its own; see the module's text for both dictionaries."""
        ours, theirs = socket.socketpair()
        channel = Channel(ours)
        with theirs, self._lock:
            socket.send_fds(self._control, [b"f"], [theirs.fileno()])
        hello = channel.receive(START_S)
        if hello is None:
            raise RuntimeError(f"A child did not start.\n{self.log()}")
        channel.send(
            {
                "action": dict(action),
                "database": str(database),
                "clock_offset_s": clock_offset_s,
                "plan": dict(plan or {}),
            }
        )
        child = Child(int(hello["pid"]), channel)
        with self._lock:
            self._children = [one for one in self._children if one.outcome is None] + [child]
        return child

    def call(
        self, function: str, *, database: Path, clock_offset_s: float = 0.0, **args: Any
    ) -> Any:
        """What "module:name" returns for these arguments. Raises AssertionError with its fate."""
        action = {"do": "call", "function": function, "args": args}
        outcome = self.run(action, database=database, clock_offset_s=clock_offset_s).wait()
        assert outcome.ok, outcome.traceback or "killed"
        return outcome.value

    def new_database(self, path: Path) -> Path:
        """A migrated, empty database at `path`, copied from one that is made once."""
        with self._making:
            if self._template is None:
                template = self.folder / "template.sqlite3"
                outcome = self.run({"do": "migrate"}, database=template).wait()
                assert outcome.ok, outcome.traceback
                self._template = template
        return copy_database(self._template, path)

    def stop(self) -> None:
        """End every child and the zygote, and remove its files."""
        with self._lock:
            children, self._children = self._children, []
        for child in children:
            child.kill()
            child.wait()
        self._control.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class Witness:
    """Sees every request that both stand-ins get, numbered from 1, and may act at one of them."""

    def __init__(self, box: Any) -> None:
        self.seen: list[str] = []
        self._lock = threading.Lock()
        self._act: tuple[int, str, Any] | None = None
        for standin in (box.ramp, box.epicor):
            standin._perform = self._watched(standin)

    def forget(self) -> None:
        """Count from 1 again, and plan nothing."""
        with self._lock:
            self.seen, self._act = [], None

    def at(self, number: int, moment: str, act: Any) -> None:
        """Call `act()` when the request comes in ("before" its effect) or "after" its effect.

        It runs in the stand-in's thread; the answer goes out only when it has returned.
        """
        self._act = (number, moment, act)

    def _watched(self, standin: Any) -> Any:
        perform = standin._perform

        def watched(request: Any) -> Any:
            with self._lock:
                self.seen.append(f"{standin.name} {request.method} {request.path}")
                number, act = len(self.seen), self._act
            mine = act is not None and act[0] == number
            if act is not None and mine and act[1] == "before":
                act[2]()
            outcome = perform(request)
            if act is not None and mine and act[1] == "after":
                act[2]()
            return outcome

        return watched


def copy_database(source: Path, target: Path) -> Path:
    """Copy a SQLite file that nobody has open, with what lies beside it: the heads of its chains,
    and what a killed process left."""
    for ending in ("", "-wal"):
        part = Path(f"{source}{ending}")
        if part.exists():
            shutil.copyfile(part, f"{target}{ending}")
    heads = Path(f"{source}.heads")
    if heads.exists():
        shutil.copytree(heads, f"{target}.heads", dirs_exist_ok=True)
    return target


def drop_database(path: Path) -> None:
    """Remove a SQLite file and what lies beside it."""
    for ending in ("", "-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    shutil.rmtree(f"{path}.heads", ignore_errors=True)


def _environment(database: Path) -> dict[str, str]:
    passed = {name: text for name, text in os.environ.items() if name not in _NOT_PASSED_ON}
    own = {
        "DEBUG": "1",
        "DATABASE_URL": f"sqlite:///{database}",
        "DJANGO_SETTINGS_MODULE": "connector.settings",
        "LOG_LEVEL": "ERROR",
    }
    return {**passed, **own}


__all__: Sequence[str] = ["Child", "Outcome", "Witness", "Zygote", "copy_database", "drop_database"]
