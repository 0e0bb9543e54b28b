"""The database and var/ are for the user that runs the program, and for nobody else."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import run_checks

from connector.environment import Environment


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def everybody_reads() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("everybody_reads")
def test_a_new_database_and_its_folder_are_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    config = Environment(tmp_path).database()
    assert Path(config["NAME"]) == tmp_path / "var" / "db.sqlite3"
    assert mode(tmp_path / "var") == 0o700
    assert mode(tmp_path / "var" / "db.sqlite3") == 0o600


@pytest.mark.usefixtures("everybody_reads")
def test_what_an_earlier_version_made_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    old = tmp_path / "var" / "db.sqlite3"
    old.parent.mkdir()
    old.write_bytes(b"bills")
    Environment(tmp_path).database()
    assert (mode(old), mode(old.parent), old.read_bytes()) == (0o600, 0o700, b"bills")


@pytest.mark.usefixtures("everybody_reads")
def test_a_database_elsewhere_is_made_private_and_else_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "data" / "bills.sqlite3"
    elsewhere.parent.mkdir()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{elsewhere}")
    environment = Environment(tmp_path / "program")
    environment.database()
    assert (mode(elsewhere), environment.problems) == (0o600, [])
    elsewhere.chmod(0o644)  # on purpose, perhaps: it is not ours to change
    environment.database()
    assert mode(elsewhere) == 0o644
    monkeypatch.setitem(
        settings.DATABASES, "default", {"ENGINE": "sqlite3", "NAME": str(elsewhere)}
    )
    assert "connector.W003" in {found.id for found in run_checks(tags=["connector"])}
    elsewhere.chmod(0o600)
    assert "connector.W003" not in {found.id for found in run_checks(tags=["connector"])}
