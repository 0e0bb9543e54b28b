"""The supervisor starts a deaf cluster again, leaves a busy one alone, and stops on request."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone
from django_q.models import OrmQ

from connector.jobs import heartbeat
from connector.jobs.models import Heartbeat
from connector.management.supervisor import Rhythm, Supervisor, pause_before_start

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
EAGER = Rhythm(look_s=0.01, beat_s=0.0, silence_s=0.0, stop_s=5.0)
PATIENT = Rhythm(look_s=0.01, beat_s=0.0, silence_s=60.0, stop_s=5.0)


@pytest.fixture
def supervise(transactional_db: None) -> Iterator[Callable[[Rhythm], Supervisor]]:
    """A supervisor over a process that only sleeps, started."""
    made: list[Supervisor] = []

    def start(rhythm: Rhythm) -> Supervisor:
        supervisor = Supervisor(SLEEPER, rhythm)
        made.append(supervisor)
        supervisor._start()
        return supervisor

    yield start
    for supervisor in made:
        supervisor._kill()


def pid(supervisor: Supervisor) -> int:
    assert supervisor._process is not None
    return supervisor._process.pid


def test_a_silent_cluster_is_replaced(supervise: Callable[[Rhythm], Supervisor]) -> None:
    supervisor = supervise(EAGER)
    first = pid(supervisor)
    supervisor._look()
    assert pid(supervisor) != first
    assert OrmQ.objects.count() == 1  # it was asked before


def test_a_cluster_within_its_time_is_left_alone(
    supervise: Callable[[Rhythm], Supervisor],
) -> None:
    supervisor = supervise(PATIENT)
    first = pid(supervisor)
    supervisor._look()
    assert pid(supervisor) == first


def test_a_busy_cluster_is_left_alone(supervise: Callable[[Rhythm], Supervisor]) -> None:
    supervisor = supervise(EAGER)
    first = pid(supervisor)
    name = f"busy:{heartbeat.cluster_name(first)}:{first}"
    heartbeat._write(name, timezone.now() + timedelta(seconds=100))
    supervisor._look()
    assert pid(supervisor) == first
    Heartbeat.objects.all().delete()
    supervisor._look()
    assert pid(supervisor) != first


def test_a_database_that_does_not_answer_is_not_the_workers_fault(
    supervise: Callable[[Rhythm], Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = supervise(EAGER)
    first = pid(supervisor)

    def fail(cluster: str) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(heartbeat, "last_beat", fail)
    supervisor._look()
    assert pid(supervisor) == first


def test_a_cluster_that_ended_is_started_again(
    supervise: Callable[[Rhythm], Supervisor],
) -> None:
    supervisor = supervise(PATIENT)
    first = pid(supervisor)
    supervisor._kill()
    supervisor._stopping.wait = lambda seconds: False  # type: ignore[method-assign]
    supervisor._look()
    assert pid(supervisor) != first
    assert supervisor._failed_starts == 1


def test_starts_that_fail_come_slower_and_slower() -> None:
    assert [pause_before_start(n) for n in range(8)] == [0, 1, 2, 4, 8, 16, 30, 30]


def until(found: Callable[[], object], seconds: float) -> None:
    """Look until something is found; fail when it is not there in time."""
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.2)


def members(session: int) -> dict[int, int]:
    """The processes of a session and their parents."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue  # it ended while we looked
        if int(fields[3]) == session and fields[0] != "Z":
            found[int(stat.parent.name)] = int(fields[1])
    return found


def workers(session: int) -> list[int]:
    """What the guard of a cluster started: neither the leader nor the guard itself."""
    return [pid for pid, parent in members(session).items() if session not in (pid, parent)]


@pytest.mark.slow
def test_a_real_cluster_whose_workers_were_killed_comes_back_and_stops(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    env = {**os.environ, "DEBUG": "1", "DATABASE_URL": f"sqlite:///{path}", "LOG_LEVEL": "ERROR"}
    env.setdefault("DJANGO_SETTINGS_MODULE", "connector.settings")
    run = [sys.executable, "-m", "django"]
    root = settings.BASE_DIR
    subprocess.run(
        [*run, "migrate", "--verbosity=0", "--run-syncdb"], cwd=root, env=env, check=True
    )
    code = (
        "import django; django.setup();"
        "from connector.management.supervisor import Supervisor, Rhythm;"
        "Supervisor(rhythm=Rhythm(beat_s=1, silence_s=8)).run()"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=root, env=env)

    def clusters() -> list[int]:
        with sqlite3.connect(path, timeout=10) as database:
            rows = database.execute(
                "SELECT name FROM connector_heartbeat WHERE name LIKE 'worker:%'"
            )
            return [int(name.rsplit(":", 1)[1]) for (name,) in rows]

    try:
        until(clusters, 30)
        first = clusters()[0]
        killed = workers(first)
        assert len(killed) >= 3
        for number in killed:
            os.kill(number, signal.SIGKILL)
        # The guard starts others, but they inherit a lock that nobody will ever give back.
        until(lambda: len(clusters()) == 2, 60)
        assert members(first) == {}
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(25) == 0
        assert all(members(session) == {} for session in clusters())
    finally:
        worker.kill()
        for session in clusters():
            for number in members(session):
                try:
                    os.kill(number, signal.SIGKILL)
                except ProcessLookupError:
                    continue
