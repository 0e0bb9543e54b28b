"""Real clusters: on a fresh database, on Redis, before both are there, without supervisor."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from tests.jobs.test_worker import members, until

pytestmark = pytest.mark.slow
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
NOWHERE = "redis://127.0.0.1:1/0"


@dataclass
class Installation:
    """A migrated database in a folder of its own, and the processes that were started on it."""

    path: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def environment(self, **more: str) -> dict[str, str]:
        own = {"DEBUG": "1", "DATABASE_URL": f"sqlite:///{self.path}", "LOG_LEVEL": "WARNING"}
        return {**os.environ, **own, **more}

    def start(self, command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a command in a session of its own, as a service manager would."""
        process = subprocess.Popen(
            [sys.executable, "manage.py", command],
            cwd=settings.BASE_DIR,
            env=self.environment(**environment),
            stderr=(self.path.parent / "stderr").open("ab"),
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def said(self) -> str:
        return (self.path.parent / "stderr").read_text(encoding="utf-8")

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(self.path, timeout=10) as database:
            return database.execute(query).fetchall()

    def sessions(self) -> list[int]:
        """The clusters that were heard of."""
        rows = self.rows("SELECT name FROM connector_heartbeat WHERE name LIKE 'worker:%'")
        return [int(str(name).rsplit(":", 1)[1]) for (name,) in rows]

    def end(self) -> None:
        sessions = {*self.sessions(), *(process.pid for process in self.started)}
        for number in [one for session in sessions for one in members(session)]:
            try:
                os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for process in self.started:
            process.wait(10)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "db.sqlite3")
    run = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
    subprocess.run(run, cwd=settings.BASE_DIR, env=made.environment(), check=True)
    yield made
    made.end()


@pytest.fixture
def redis() -> Iterator[Redis]:
    """An empty Redis database of the tests' own."""
    client: Redis = Redis.from_url(REDIS)
    try:
        client.flushdb()
    except RedisError:
        pytest.skip("no Redis answers")
    yield client
    client.flushdb()


def test_a_cluster_alone_on_a_fresh_database_has_its_minute_tick(
    installation: Installation,
) -> None:
    cluster = installation.start("qcluster")
    until(installation.sessions, 60)
    functions = installation.rows("SELECT func FROM django_q_schedule")
    assert functions == [("connector.jobs.schedule.tick",)]
    cluster.terminate()
    cluster.wait(25)


def test_a_cluster_ends_when_its_supervisor_is_killed(installation: Installation) -> None:
    supervisor = installation.start("worker")
    until(installation.sessions, 30)
    (session,) = installation.sessions()
    assert members(session)
    supervisor.kill()
    supervisor.wait(10)
    until(lambda: members(session) == {}, 30)


def test_redis_carries_the_tasks(installation: Installation, redis: Redis) -> None:
    worker = installation.start("worker", QUEUE_BROKER=REDIS)
    until(installation.sessions, 30)  # it answered a beat that came through Redis
    assert installation.rows("SELECT id FROM django_q_ormq") == []
    worker.terminate()
    assert worker.wait(25) == 0


def test_a_worker_waits_for_a_queue_that_is_not_there_yet(installation: Installation) -> None:
    worker = installation.start("worker", QUEUE_BROKER=NOWHERE)
    until(lambda: "QUEUE_BROKER" in installation.said(), 30)
    assert worker.poll() is None
    worker.terminate()
    assert worker.wait(25) == 0
    assert "Traceback" not in installation.said()


def test_a_worker_waits_for_its_database_and_begins_when_it_is_there(
    installation: Installation,
) -> None:
    away = installation.path.with_name("away.sqlite3")
    installation.path.rename(away)
    installation.start("worker")
    until(lambda: "manage.py migrate" in installation.said(), 30)
    away.rename(installation.path)
    until(installation.sessions, 30)
    assert "Traceback" not in installation.said()
