"""What happens inside the processes that `processes.Zygote` starts."""

import gc
import importlib
import io
import os
import random
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django

django.setup()  # before the program's modules can be imported

import httpx  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: E402
from django.utils import timezone  # noqa: E402

from audit.ledger.models import Posting  # noqa: E402
from connector.epicor import side_by_side  # noqa: E402
from connector.http_client.client import make_client  # noqa: E402
from connector.jobs import registry  # noqa: E402
from connector.sync.bills import enter, run  # noqa: E402
from connector.tenants.models import Tenant  # noqa: E402
from tests.simulation.processes import Channel  # noqa: E402

registry.load()  # once, for all children

_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


def serve(control_fd: str, *preload: str) -> None:
    """Fork a child for each socket that arrives, until the parent is gone."""
    for name in preload:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries dead children
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ENVIRONMENT_PROBLEMS.clear()
    make_client("http://127.0.0.1").close()  # reads the certificates once
    assert threading.active_count() == 1
    gc.freeze()
    with socket.socket(fileno=int(control_fd)) as control:
        control.send(b"r")
        while True:
            message, fds, _, _ = socket.recv_fds(control, 1, 1)
            if not message:
                return
            if os.fork() == 0:
                control.close()
                _live(Channel(socket.socket(fileno=fds[0])))
            os.close(fds[0])


def _live(channel: Channel) -> None:
    """A child's whole life; never returns."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        channel.send({"pid": os.getpid()})
        spec = channel.receive()
        if spec is not None:
            channel.send({"done": _outcome(spec, channel)})
            channel.receive()  # our process id stays ours until the parent has read this
    finally:
        os._exit(0)


def _outcome(spec: dict[str, Any], channel: Channel) -> dict[str, Any]:
    clock = _Clock(float(spec["clock_offset_s"]))
    hooks = _Hooks(spec["plan"], channel)
    outcome: dict[str, Any] = {}
    try:
        _use(spec["database"])
        clock.install()
        hooks.install()
        _plan(spec["plan"])
        action = dict(spec["action"])
        outcome["value"] = _ACTIONS[action.pop("do")](**action)
    except BaseException as error:  # noqa: BLE001  (the parent judges it)
        outcome["error"] = type(error).__name__
        outcome["message"] = str(getattr(error, "message", error))
        outcome["traceback"] = traceback.format_exc()
    finally:
        connections.close_all()
    return {
        **outcome,
        "requests": hooks.requests.seen,
        "commits": hooks.commits.seen,
        "slept_s": clock.slept_s,
    }


def _use(path: str) -> None:
    """This SQLite file. Nothing outlives a power cut here, only a SIGKILL, so no fsync."""
    database = connections.settings["default"]
    database["NAME"] = path
    settings.AUDIT_HEADS = Path(f"{path}.heads")  # beside the database, as in an installation
    database["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"


def _plan(plan: dict[str, Any]) -> None:
    random.seed(plan.get("seed", 0))
    if not plan.get("real_lanes"):
        _no_threads()
    if plan.get("planted"):
        _named(plan["planted"])()


# -- actions ---------------------------------------------------------------------------------


def _sync(tenant: str, **options: Any) -> dict[str, object]:
    row = Tenant.objects.get(slug=tenant)
    if options.get("kinds") is not None:
        options["kinds"] = frozenset(options["kinds"])
    bills = options.pop("only_bills", None)
    if bills is not None:
        found = Posting.objects.filter(tenant=row, bill_id__in=bills)
        options["only_ids"] = list(found.values_list("pk", flat=True))
    return run.run_cycle(row, **options).as_json()


def _call(function: str, args: dict[str, Any] | None = None) -> Any:
    return _named(function)(**(args or {}))


def _command(name: str, args: list[str] | None = None) -> dict[str, object]:
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    try:
        call_command(name, *(args or []), stdout=out, stderr=err)
    except SystemExit as end:
        code = end.code or 0
    return {"stdout": out.getvalue(), "stderr": err.getvalue(), "exit": code}


def _migrate() -> None:
    call_command("migrate", verbosity=0)


_ACTIONS: dict[str, Callable[..., Any]] = {
    "sync": _sync,
    "call": _call,
    "command": _command,
    "migrate": _migrate,
}


def _named(function: str) -> Callable[..., Any]:
    module, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


# -- time and threads ------------------------------------------------------------------------


class _Clock:
    """The child's clocks: moved by the offset, and by every sleep instead of sleeping."""

    def __init__(self, offset_s: float) -> None:
        self.offset_s = offset_s
        self.slept_s = 0.0
        self._time, self._monotonic = time.time, time.monotonic

    def install(self) -> None:
        time.sleep = self._sleep
        time.time = lambda: self._time() + self.offset_s + self.slept_s
        time.monotonic = lambda: self._monotonic() + self.slept_s
        timezone.now = self._now

    def _sleep(self, seconds: float) -> None:
        self.slept_s += seconds

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.offset_s + self.slept_s)


class _AtOnce:
    """A ThreadPoolExecutor's stand-in that runs each call when it is submitted."""

    def __init__(self, *args: Any, **options: Any) -> None:
        pass

    def __enter__(self) -> "_AtOnce":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def submit(self, call: Callable[..., Any], *args: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args, **options))
        except Exception as error:  # noqa: BLE001  (kept for whoever asks for the result)
            future.set_exception(error)
        return future

    def shutdown(self, *args: Any, **options: Any) -> None:
        pass


def _no_threads() -> None:
    for module in (enter, side_by_side):
        module.ThreadPoolExecutor = _AtOnce  # type: ignore[attr-defined]


# -- deaths and pauses -----------------------------------------------------------------------


class _Counter:
    """Counts what happens and kills this process at the planned one."""

    def __init__(self, die_at: list[Any] | None) -> None:
        self.seen: list[str] = []
        self._die_at = (int(die_at[0]), str(die_at[1])) if die_at else None
        self._lock = threading.Lock()

    def begin(self, what: str) -> int:
        with self._lock:
            self.seen.append(what)
            number = len(self.seen)
        self._perhaps_die(number, "before")
        return number

    def end(self, number: int) -> None:
        self._perhaps_die(number, "after")

    def _perhaps_die(self, number: int, moment: str) -> None:
        if self._die_at == (number, moment):
            os.kill(os.getpid(), signal.SIGKILL)


class _Hooks:
    """Sees each request as it leaves and each commit as it happens."""

    def __init__(self, plan: dict[str, Any], channel: Channel) -> None:
        self.requests = _Counter(plan.get("die_at"))
        self.commits = _Counter(plan.get("die_at_commit"))
        self._pauses = set(plan.get("pause_at") or ())
        self._pause_before = str(plan.get("pause_before") or "")
        self._die_after = str(plan.get("die_after") or "")
        self._channel = channel

    def install(self) -> None:
        self._watch_requests()
        for name in ("_commit", "_savepoint_commit"):
            self._watch_commits(name)
        connections["default"].execute_wrappers.append(self._statement)

    def _watch_requests(self) -> None:
        send = httpx.HTTPTransport.handle_request

        def watched(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            self._perhaps_pause(request.url.path)
            number = self.requests.begin(f"{request.method} {request.url.path}")
            response = send(transport, request)
            self.requests.end(number)
            if self._die_after and self._die_after in request.url.path:
                os.kill(os.getpid(), signal.SIGKILL)
            return response

        httpx.HTTPTransport.handle_request = watched

    def _perhaps_pause(self, path: str) -> None:
        number = len(self.requests.seen) + 1
        named = bool(self._pause_before) and self._pause_before in path
        if not named and number not in self._pauses:
            return
        if named:
            self._pause_before = ""
        self._channel.send({"paused": number})
        if self._channel.receive() is None:
            os._exit(1)  # nobody is left who could say "go on"

    def _watch_commits(self, name: str) -> None:
        commit = getattr(BaseDatabaseWrapper, name)

        def watched(wrapper: BaseDatabaseWrapper, *args: Any) -> Any:
            number = self.commits.begin(name.strip("_"))
            result = commit(wrapper, *args)
            self.commits.end(number)
            return result

        setattr(BaseDatabaseWrapper, name, watched)

    def _statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        alone = not context["connection"].in_atomic_block
        if not alone or not sql.lstrip().upper().startswith(_WRITES):
            return execute(sql, params, many, context)
        number = self.commits.begin(" ".join(sql.split()[:3]))
        result = execute(sql, params, many, context)
        self.commits.end(number)
        return result
