"""Fixtures that every test may use: the database, both stand-ins, and no waiting between tries."""

import datetime
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import stamina
import time_machine
from django.conf import settings

import sandbox
from connector.http_client import circuit_breaker

# pytest-django reads the settings before this file; the children that tests start read these.
os.environ.setdefault("DEBUG", "1")
os.environ.setdefault("LOG_LEVEL", "WARNING")


def pytest_configure() -> None:
    """Settings that make tests quick and quiet; nothing that a test could be about."""
    move_clock(os.environ.get("TEST_CLOCK", ""))
    os.umask(0o077)  # test databases are private, as real ones are
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Between tests, too, a worker of the browser's journeys seals: never beside a real database.
    settings.AUDIT_HEADS = Path(tempfile.mkdtemp(prefix="ml-connector-heads-"))
    hypothesis.settings.register_profile("patient", deadline=None)  # no test measures time
    hypothesis.settings.load_profile("patient")
    settings.ENVIRONMENT_PROBLEMS.clear()  # of the tester's shell, not of the program


def move_clock(at: str) -> None:
    """Let the clock of the tests show `at` (HH:MM, UTC) of tomorrow and go on from there.

    Sleeps, timeouts and processes of their own (browsers, workers) go on as they do.
    """
    if at:
        tomorrow = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)
        moment = datetime.datetime.combine(tomorrow, datetime.time.fromisoformat(at), datetime.UTC)
        time_machine.travel(moment, tick=True).start()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
) -> None:
    """SQLite tests run on a file, because threads with connections of their own need one."""
    database = settings.DATABASES["default"]
    if "sqlite" in database["ENGINE"]:
        folder = Path(tempfile.mkdtemp(prefix="ml-connector-"))
        worker = os.environ.get("PYTEST_XDIST_WORKER", "one")
        database.setdefault("TEST", {})["NAME"] = str(folder / f"test-{worker}.sqlite3")


@pytest.fixture(autouse=True)
def closed_breakers() -> None:
    """No stand-in inherits the outage of another one that had the same port before."""
    circuit_breaker._breakers.clear()


@pytest.fixture(autouse=True)
def no_backoff() -> Iterator[None]:
    """Tries follow each other at once; how long a real one waits is tested by itself."""
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


@pytest.fixture(autouse=True)
def audit_heads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Each test has its own files of chain heads, because each has its own database."""
    folder = tmp_path / "audit-heads"
    monkeypatch.setattr(settings, "AUDIT_HEADS", folder)
    return folder


@pytest.fixture
def box() -> Iterator[sandbox.Sandbox]:
    """Both stand-ins with 50 bills, fresh for each test."""
    with sandbox.start(bills=50) as running:
        yield running
