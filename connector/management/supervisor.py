"""The supervisor of a background worker: starts the cluster, and starts it again when it is deaf.

A cluster whose idle processes were killed looks alive and hears nothing for ever, so a beat goes
through the queue; a cluster that answers nothing and is not busy either is replaced. The cluster
holds the reading end of a pipe whose other end only its supervisor has: however the supervisor
ends, the pipe closes, and the cluster ends, too, instead of working on unwatched.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from connector.jobs import heartbeat, queue
from connector.jobs.models import Heartbeat
from connector.management.failure_sentences import sentence
from connector.sync import clock

logger = logging.getLogger(__name__)

LIFELINE = "--lifeline"  # the option that tells a cluster its end of the pipe
QCLUSTER = (sys.executable, "-m", "django", "qcluster")
_YOUNG_S = 10.0  # a cluster that ends younger than this failed to start
_LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often the supervisor looks and asks, and how long it waits; seconds."""

    look_s: float = 0.5
    beat_s: float = 5.0
    silence_s: float = 30.0
    stop_s: float = 20.0


def pause_before_start(failed_starts: int) -> float:
    """Seconds to wait before the next start: none after a good run, else 1, 2, 4 … 30."""
    return min(2.0 ** (failed_starts - 1), _LONGEST_PAUSE_S) if failed_starts else 0.0


def wait_until_ready(stopping: threading.Event, *, look_s: float = 1.0) -> bool:
    """Wait until the database answers and is prepared, and the queue answers, as after a boot.

    Says once what it waits for. Returns False when `stopping` was set before that.
    """
    reported = ""
    while not stopping.is_set():
        missing = _missing()
        if not missing:
            return True
        if missing != reported:
            logger.warning("The worker waits. %s", missing)
            reported = missing
        stopping.wait(look_s)
    return False


def _missing() -> str:
    """What a worker cannot begin without, in a sentence; "" when all is there."""
    connection.close()  # a new one: the file may have been put in place since
    try:
        Heartbeat.objects.exists()
        waiting = queue.length()
    except DatabaseError as error:
        return sentence(error)
    return queue.UNREACHABLE if waiting is None else ""


def end_without_supervisor(lifeline: int, *, stop_s: float = 20.0) -> threading.Thread:
    """Watch the supervisor's pipe in a thread; when it closes, end this process and its session.

    The cluster is asked first, so that what is under way can end, and killed after `stop_s`.
    """

    def watch() -> None:
        while os.read(lifeline, 1):
            pass
        logger.error("The supervisor is gone; this worker ends, too.")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(stop_s)
        os.killpg(os.getpgrp(), signal.SIGKILL)

    thread = threading.Thread(target=watch, name="lifeline", daemon=True)
    thread.start()
    return thread


class Supervisor:
    """Keeps one cluster of workers alive until it is told to stop."""

    def __init__(self, command: Sequence[str] = QCLUSTER, rhythm: Rhythm | None = None) -> None:
        self._command = list(command)
        self._rhythm = rhythm or Rhythm()
        self._stopping = threading.Event()
        self._failed_starts = 0
        self._lifeline: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started = self._asked = self._heard = 0.0

    def run(self, prepare: Callable[[], None] = lambda: None) -> None:
        """Supervise until SIGTERM or SIGINT; a second signal kills the cluster at once.

        Waits for database and queue first, then calls `prepare`; what that raises ends the run.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        if not wait_until_ready(self._stopping):
            return
        prepare()
        self._start()
        while not self._stopping.wait(self._rhythm.look_s):
            self._look()
        self._stop()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stopping.is_set():
            self._signal_group()  # no waiting here: the loop may hold the process's lock
        self._stopping.set()

    def _start(self) -> None:
        if self._stopping.wait(pause_before_start(self._failed_starts)):
            return
        reading, self._lifeline = self._new_lifeline()
        try:
            # Its own session: the group can be killed whole, and Ctrl-C reaches only us.
            self._process = subprocess.Popen(  # noqa: S603  (our own command line)
                [*self._command, f"{LIFELINE}={reading}"],
                cwd=settings.BASE_DIR,
                start_new_session=True,
                pass_fds=(reading,),
            )
        finally:
            os.close(reading)
        self._started = self._heard = time.monotonic()
        self._asked = 0.0

    def _new_lifeline(self) -> tuple[int, int]:
        """A new pipe in place of the last cluster's. The writing end goes to no child."""
        if self._lifeline is not None:
            os.close(self._lifeline)
        return os.pipe()

    def _look(self) -> None:
        process = self._process
        if process is None:
            return
        now = time.monotonic()
        if process.poll() is not None:
            young = now - self._started < _YOUNG_S
            self._failed_starts = self._failed_starts + 1 if young else 0
            logger.error("The worker ended with code %s; it is started again.", process.returncode)
            self._restart()
        elif now - self._asked >= self._rhythm.beat_s:
            self._asked = now
            if self._is_deaf(process.pid, now):
                logger.error(
                    "The worker has not answered for %.0f seconds; it is started again. Work in"
                    " progress is looked up before anything is sent again.",
                    now - self._heard,
                )
                self._restart()

    def _is_deaf(self, session: int, now: float) -> bool:
        """Ask for a beat, and say whether none has come for too long."""
        cluster = heartbeat.cluster_name(session)
        try:
            close_old_connections()
            clock.watch()  # the tick itself may wait for a time in the future
            at = heartbeat.last_beat(cluster)
            silent_s = now - self._started
            if at is not None:  # a beat in the future is as good as one just now
                silent_s = max(0.0, (timezone.now() - at).total_seconds())
            if heartbeat.is_busy(cluster, timezone.now()):
                silent_s = 0.0
            if not queue.send("connector.jobs.heartbeat.beat"):
                silent_s = 0.0  # nobody can hear without the queue; not the worker's fault
        except DatabaseError as error:
            # Nor can anybody answer without the database.
            logger.warning("The worker cannot be watched, the database does not answer: %s", error)
            silent_s = 0.0
        # A row may be older than this cluster when its session number was used before.
        self._heard = max(self._heard, now - silent_s)
        return now - self._heard > self._rhythm.silence_s

    def _restart(self) -> None:
        self._kill()
        self._start()

    def _stop(self) -> None:
        """Let the cluster finish what it holds, for a limited time."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(self._rhythm.stop_s)
        except subprocess.TimeoutExpired:
            logger.warning("The worker did not stop in time and was ended.")
        self._kill()

    def _kill(self) -> None:
        """End the whole group, orphans included, and wait for the leader."""
        if self._process is not None:
            self._signal_group()
            self._process.wait()

    def _signal_group(self) -> None:
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            logger.debug("The worker had gone already.")
