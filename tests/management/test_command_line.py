"""What `manage.py` says, as a whole process, when it cannot run: one sentence and exit code 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.core.management.base import BaseCommand
from django.db import DatabaseError, OperationalError, connection

from connector.domain.errors import AccessError
from connector.management import command_line
from connector.management.failure_sentences import sentence
from connector.settings import BASE_DIR

NOWHERE = "postgres://nobody:nothing@127.0.0.1:1/books"


def shell(*argv: str, **environment: str) -> tuple[int, str]:
    """Run manage.py; gives its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "manage.py", *argv],
        cwd=BASE_DIR,
        env={**os.environ, "DEBUG": "1", "LOG_LEVEL": "ERROR", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def one_sentence(said: tuple[int, str], *parts: str) -> None:
    code, text = said
    assert code == 2
    assert text.count("\n") == 1, text
    for part in parts:
        assert part in text


def test_an_unknown_command_names_the_nearest() -> None:
    one_sentence(shell("exeptions"), "no command 'exeptions'", "Did you mean exceptions?")


@pytest.mark.parametrize("argv", [("sync", "acme"), ("qcluster",), ("migrate", "-v0")])
def test_a_database_that_is_down(argv: tuple[str, ...]) -> None:
    one_sentence(shell(*argv, DATABASE_URL=NOWHERE), "cannot be reached", "DATABASE_URL")


@pytest.mark.parametrize("argv", [("sync", "acme"), ("qcluster",), ("rotate_secrets",)])
def test_a_database_that_is_not_prepared(argv: tuple[str, ...], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.sqlite3"
    one_sentence(shell(*argv, DATABASE_URL=url), "manage.py migrate")


@pytest.mark.parametrize("argv", [("sync", "acme"), ("migrate", "-v0")])
def test_a_file_that_is_no_database(argv: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing of the kind, but longer than a header\n" * 9)
    url = f"sqlite:///{tmp_path}/notes.txt"
    one_sentence(shell(*argv, DATABASE_URL=url), "no database", "restore a backup")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgres://u:pa#ss@db/books"),
        ("EMAIL_URL", "garbage"),
        ("PUBLIC_URL", "bills.example.com"),
        ("QUEUE_BROKER", "rabbit"),
    ],
)
def test_a_malformed_setting_is_named(name: str, value: str) -> None:
    one_sentence(shell("sync", "acme", **{name: value}), name)


@pytest.mark.parametrize(
    "argv",
    [
        ("sandbox", "--ramp-port", "99999"),
        ("sandbox", "--epicor-port", "-1"),
        ("sandbox", "--bills", "many"),
        ("sandbox", "--latency-ms", "nan"),
        ("demo", "--port", "99999"),
        ("demo", "--bills", "-3"),
    ],
)
def test_a_port_or_number_that_cannot_be(argv: tuple[str, ...]) -> None:
    one_sentence(shell(*argv), argv[1])


class Failing(BaseCommand):
    """A command of somebody else's that raises."""

    error: Exception = RuntimeError("colour")

    def handle(self, *args: object, **options: object) -> None:
        raise self.error


def test_any_other_error_is_a_sentence_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {**get_commands(), "failing": Failing()}
    monkeypatch.setattr(command_line, "get_commands", lambda: known)
    monkeypatch.setattr("django.core.management.get_commands", lambda: known)
    with pytest.raises(SystemExit) as leaving:
        command_line.main(["manage.py", "failing"])
    assert leaving.value.code == 2
    assert "unexpected error happened (RuntimeError: colour)" in capsys.readouterr().err
    with pytest.raises(RuntimeError):
        command_line.main(["manage.py", "failing", "--traceback"])


class Sqlite(Exception):  # noqa: N818 (stands for the driver's error)
    def __init__(self, name: str) -> None:
        self.sqlite_errorname = name


class Postgres(Exception):  # noqa: N818 (stands for the driver's error)
    def __init__(self, state: str | None) -> None:
        self.sqlstate = state


@pytest.mark.parametrize(
    ("cause", "part"),
    [
        (Sqlite("SQLITE_FULL"), "disk of the database is full"),
        (Sqlite("SQLITE_READONLY_DBMOVED"), "read-only"),
        (Sqlite("SQLITE_BUSY_SNAPSHOT"), "busy"),
        (Sqlite("SQLITE_CANTOPEN"), "cannot be reached"),
        (Sqlite("SQLITE_CORRUPT"), "damaged"),
        (Sqlite("SQLITE_ERROR"), "cannot do this"),
        (Postgres("53100"), "disk of the database is full"),
        (Postgres("25006"), "read-only"),
        (Postgres("42P01"), "manage.py migrate"),
        (Postgres("57P03"), "cannot be reached"),
        (Postgres("28P01"), "cannot be reached"),
        (Postgres("3D000"), "cannot be reached"),
        (Postgres("53300"), "busy"),
        (Postgres("22003"), "cannot do this"),
    ],
)
def test_each_trouble_of_the_database_has_its_own_advice(cause: Exception, part: str) -> None:
    error = DatabaseError("so it says")
    error.__cause__ = cause
    assert part in sentence(error)
    assert "DATABASE_URL" not in sentence(error) or "full" not in part


def test_a_server_that_was_never_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(connection._connections["default"]), "vendor", "postgresql")  # type: ignore[attr-defined]
    error = OperationalError("connection refused")
    error.__cause__ = Postgres(None)
    assert "cannot be reached" in sentence(error)


def test_a_full_disk_is_not_blamed_on_the_address() -> None:
    assert "disk is full" in sentence(OSError(28, "No space left on device"))
    assert "unexpected error" in sentence(OSError(13, "Permission denied"))


def test_an_error_with_a_message_of_its_own_keeps_it() -> None:
    assert sentence(AccessError("Ramp refused us.")) == "Ramp refused us."
