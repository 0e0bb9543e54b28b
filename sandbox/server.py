"""The HTTP plumbing under both stand-in systems: real sockets, faults on demand, and a record.

A system gives a `handler(Request) -> Response`; `StandIn` serves it on a loopback port with one
thread per connection. The handler runs on many threads at once: locking is the system's business.
A handler that raises closes the connection and shows its traceback: a bug stays loud.

Faults (`StandIn.fail_next`), matched by a substring of "METHOD /path":
  status        answer `status`, `body`, `headers` instead; the handler does not run
  after         the handler runs, then `status`, `body`, `headers` are answered instead
  reset_before  connection reset, the handler does not run
  reset_after   the handler runs, then the connection is reset
  truncate      the handler runs, half of its body is sent, the connection closes
  html          200 with an HTML page, the handler does not run
  slow          the handler runs, its answer comes `seconds` later
  late          504 at once, the handler runs `seconds` later, or, with detail
                {"until_told": true}, when `apply_late` is called

Control plane (never counted, logged, delayed or failed):
  GET  /_sandbox/calls          {"METHOD /label": n}
  GET  /_sandbox/state          the system's ledger
  POST /_sandbox/reset-calls
  POST /_sandbox/fail           {"match", "kind", "times", "skip", "detail": {...}}
  POST /_sandbox/clear-faults
  POST /_sandbox/apply-late     what waits "until told" happens now; answers {"applied": n}
  POST /_sandbox/latency        {"ms": n}
  POST /_sandbox/do             {"action": name, ...}: see the system's module
"""

import contextlib
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from typing import Any, Protocol

from sandbox.faults import FAULT_KINDS, Fault
from sandbox.wire import (
    BadJson,
    Request,
    Response,
    json_response,
    read_request,
    render,
)

__all__ = [
    "App",
    "BadJson",
    "Handler",
    "Request",
    "Response",
    "StandIn",
    "json_response",
]

Handler = Callable[[Request], Response]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class App(Protocol):
    """What a stand-in system offers: its answers, its ledger, and its actions by name.

    `ACTIONS` names the methods that POST /_sandbox/do may call; the other keys of the request
    become keyword arguments, and what the method returns is the answer.
    """

    ACTIONS: frozenset[str]

    def handle(self, request: Request) -> Response: ...
    def label(self, request: Request) -> str: ...
    def state(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What goes out on the wire: a response, whole or cut, or (None) a reset connection."""

    response: Response | None
    cut: bool = False


class StandIn:
    """One system on one loopback port. `calls` and `log` record what was asked of it."""

    def __init__(
        self,
        name: str,
        handler: Handler,
        *,
        port: int = 0,
        latency_ms: float = 0,
        label: Callable[[Request], str] | None = None,
        state: Callable[[], Any] | None = None,
        app: Any = None,
    ) -> None:
        self.name = name
        self.app = app
        self.latency_ms = latency_ms
        self.calls: Counter[str] = Counter()
        self.log: deque[tuple[str, str, int]] = deque(maxlen=2000)
        self._handler = handler
        self._label = label or (lambda request: request.path)
        self._state = state or dict
        self.failed: Counter[str] = Counter()  # faults that happened, by kind
        self._faults: list[Fault] = []
        self._late: deque[Request] = deque()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._listener = _listen(port)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @classmethod
    def of(cls, name: str, app: App, *, port: int = 0, latency_ms: float = 0) -> "StandIn":
        """Serve a whole system: its handler, ledger, labels and actions."""
        return cls(
            name,
            app.handle,
            port=port,
            latency_ms=latency_ms,
            label=getattr(app, "label", None),
            state=app.state,
            app=app,
        )

    def start(self) -> "StandIn":
        """Begin to answer, on daemon threads. The port is already taken when the object exists."""
        self._thread = threading.Thread(target=self._accept, name=self.name, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering and close every connection."""
        with self._lock:
            self._stopping = True
            connections = list(self._connections)
        _shut(self._listener)
        if self._thread is not None:
            self._thread.join(timeout=5)
        for connection in connections:
            _shut(connection, close=False)

    def state(self) -> Any:
        """The system's ledger, as GET /_sandbox/state gives it."""
        return self._state()

    def fail_next(
        self, match: str, kind: str, times: int = 1, *, skip: int = 0, **detail: Any
    ) -> None:
        """Plan a failure for the next `times` calls whose "METHOD /path" contains `match`.

        `skip` matching calls are let through first. Raises ValueError for an unknown kind.
        """
        if kind not in FAULT_KINDS:
            raise ValueError(f"Unknown fault {kind!r}; known: {', '.join(sorted(FAULT_KINDS))}.")
        with self._lock:
            self._faults.append(Fault(match, kind, times, skip, detail))

    def clear_faults(self) -> None:
        """Forget every planned failure."""
        with self._lock:
            self._faults.clear()

    def waiting(self) -> list[Request]:
        """The requests whose effect waits until told, oldest first."""
        with self._lock:
            return list(self._late)

    def apply_late(self) -> int:
        """Let every effect that waits until told happen now, in order; says how many."""
        done = 0
        while True:
            with self._lock:
                if not self._late:
                    return done
                request = self._late.popleft()
            self._run(request)
            done += 1

    def reset_calls(self) -> None:
        """Start counting anew."""
        with self._lock:
            self.calls.clear()
            self.log.clear()

    # -- connections ---------------------------------------------------------------------------

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # stopped
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                stopping = self._stopping
                self._connections.add(connection)
            if stopping:
                connection.close()
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        try:
            while self._exchange(connection, reader):
                pass
        except OSError:
            pass  # the other side went away, or a planned reset
        finally:
            with self._lock:
                self._connections.discard(connection)
            reader.close()
            connection.close()

    def _exchange(self, connection: socket.socket, reader: BufferedReader) -> bool:
        """One request and its answer; False when the connection is over."""
        try:
            request = read_request(reader, lambda: connection.sendall(CONTINUE))
        except ValueError as error:
            connection.sendall(render(Response(400, str(error)), keep_alive=False))
            return False
        if request is None:
            return False
        if request.path.startswith("/_sandbox/"):
            outcome = _Outcome(self._control(request))
        else:
            outcome = self._perform(request)
        if outcome.response is None:
            # A linger time of zero turns close() into a TCP reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        keep_alive = not outcome.cut and request.keep_alive
        payload = render(outcome.response, keep_alive=keep_alive, head=request.method == "HEAD")
        if outcome.cut:
            head_size = payload.index(b"\r\n\r\n") + 4
            payload = payload[: head_size + (len(payload) - head_size) // 2]
        connection.sendall(payload)
        return keep_alive

    # -- requests ------------------------------------------------------------------------------

    def _perform(self, request: Request) -> _Outcome:
        key = f"{request.method} {self._label(request)}"
        with self._lock:
            self.calls[key] += 1
            fault = self._take_fault(f"{request.method} {request.path}")
        answers_at = time.monotonic() + self.latency_ms / 1000
        outcome = self._faulty(request, fault) if fault else _Outcome(self._run(request))
        # The work of answering is a part of the latency, as it is in a real server.
        if (left := answers_at - time.monotonic()) > 0:
            time.sleep(left)
        status = outcome.response.status if outcome.response else 0
        with self._lock:
            self.log.append((request.method, request.path, status))
        return outcome

    def _run(self, request: Request) -> Response:
        try:
            return self._handler(request)
        except BadJson as error:
            return Response(400, str(error))

    def _take_fault(self, line: str) -> Fault | None:
        for fault in self._faults:
            if fault.match not in line:
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            self.failed[fault.kind] += 1
            fault.times -= 1
            if fault.times <= 0:
                self._faults.remove(fault)
            return fault
        return None

    def _faulty(self, request: Request, fault: Fault) -> _Outcome:
        if fault.kind == "reset_before":
            return _Outcome(None)
        if fault.kind in {"status", "html"}:
            return _Outcome(fault.response())
        seconds = float(fault.detail.get("seconds", 1))
        if fault.kind == "late":
            self._postpone(request, None if fault.detail.get("until_told") else seconds)
            return _Outcome(fault.response())
        response = self._run(request)
        if fault.kind == "slow":
            time.sleep(seconds)
        if fault.kind == "after":
            response = fault.response()
        return _Outcome(
            None if fault.kind == "reset_after" else response, cut=fault.kind == "truncate"
        )

    def _postpone(self, request: Request, seconds: float | None) -> None:
        """Run the request `seconds` later; None = when told."""
        if seconds is None:
            with self._lock:
                self._late.append(request)
            return
        timer = threading.Timer(seconds, self._run, args=(request,))
        timer.daemon = True
        timer.start()

    # -- control plane -------------------------------------------------------------------------

    def _control(self, request: Request) -> Response:
        routes: dict[str, Callable[[Request], Any]] = {
            "GET /_sandbox/calls": lambda _: self._counted(),
            "GET /_sandbox/state": lambda _: self.state(),
            "POST /_sandbox/reset-calls": lambda _: self.reset_calls(),
            "POST /_sandbox/clear-faults": lambda _: self.clear_faults(),
            "POST /_sandbox/apply-late": lambda _: {"applied": self.apply_late()},
            "POST /_sandbox/latency": self._set_latency,
            "POST /_sandbox/fail": self._plan_fault,
            "POST /_sandbox/do": self._do,
        }
        route = routes.get(f"{request.method} {request.path}")
        if route is None:
            return json_response(404, {"error": f"No control call {request.method} {request.path}"})
        try:
            return json_response(200, {"ok": True} if (out := route(request)) is None else out)
        except (BadJson, KeyError, TypeError, ValueError) as error:
            return json_response(400, {"error": f"{type(error).__name__}: {error}"})

    def _counted(self) -> dict[str, int]:
        with self._lock:
            return dict(self.calls)

    def _set_latency(self, request: Request) -> None:
        self.latency_ms = float(request.json()["ms"])

    def _plan_fault(self, request: Request) -> None:
        plan = request.json()
        self.fail_next(
            plan["match"],
            plan["kind"],
            int(plan.get("times", 1)),
            skip=int(plan.get("skip", 0)),
            **plan.get("detail", {}),
        )

    def _do(self, request: Request) -> Any:
        arguments = dict(request.json())
        action = arguments.pop("action")
        if action not in getattr(self.app, "ACTIONS", ()):
            raise ValueError(f"{self.name} has no action {action!r}.")
        return getattr(self.app, action)(**arguments)


def _listen(port: int) -> socket.socket:
    """A listening socket on loopback. Raises OSError that names the port."""
    try:
        return socket.create_server(("127.0.0.1", port), backlog=256)
    except OSError as error:
        raise OSError(error.errno, f"port {port} is in use or not allowed") from error


def _shut(connection: socket.socket, *, close: bool = True) -> None:
    """Wake whoever waits on a socket; the serving thread closes its own connection."""
    with contextlib.suppress(OSError):  # never connected, or already gone
        connection.shutdown(socket.SHUT_RDWR)
    if close:
        connection.close()
