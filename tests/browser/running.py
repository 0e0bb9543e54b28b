"""The program as people use it: a web server, a worker, and a database of their own.

The tests talk to the same database, so that they may arrange rows and look at what came of an
act. Nothing is shared with the other tests' database.
"""

import itertools
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.core.management import call_command
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
_STOPS_S = 20.0
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the pages are, and what server and worker said."""

    url: str
    folder: Path

    def said(self) -> str:
        """The last lines of both processes, for whoever looks into a failure."""
        texts = [path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*.log")]
        return "\n".join(texts)


@contextmanager
def running(host: str = "127.0.0.1") -> Iterator[Site]:
    """Web server and worker on a fresh database, which is also that of this process meanwhile.

    `host` is what browsers call this machine; at "localhost" they make passkeys.
    """
    with tempfile.TemporaryDirectory(prefix="ml-connector-pages-") as name:
        folder = Path(name)
        with (
            database_of_our_own(folder) as database_url,
            socket.create_server(("127.0.0.1", 0)) as s,
        ):
            url = f"http://{host}:{s.getsockname()[1]}"
            environment = _environment(database_url, url)
            web = [sys.executable, "-m", "gunicorn", "connector.wsgi", "-b", f"fd://{s.fileno()}"]
            web += ["--worker-class", "gthread", "--threads", "6", "--log-level", "warning"]
            web += ["--limit-request-line", "8190"]
            worker = [sys.executable, "manage.py", "worker"]
            # The socket listens already: who comes before the server is up simply waits.
            with (
                _process("web", web, environment, folder, s.fileno()),
                _process("worker", worker, environment, folder),
            ):
                yield Site(url, folder)


def _environment(database_url: str, url: str) -> Mapping[str, str]:
    """As in production, with the keys of this process, so that both can read the same rows."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("COVERAGE", "PYTEST"))}
    return {
        **kept,
        "DEBUG": "0",
        "DJANGO_SETTINGS_MODULE": "connector.settings",
        "DATABASE_URL": database_url,
        "PUBLIC_URL": url,
        "SECRET_KEY": settings.SECRET_KEY,
        "FIELD_ENCRYPTION_KEY": ",".join(settings.FIELD_ENCRYPTION_KEY),
        "AUDIT_KEY": settings.AUDIT_KEY,
        "LOG_LEVEL": "WARNING",
    }


@contextmanager
def _process(
    name: str, command: list[str], environment: Mapping[str, str], folder: Path, *inherits: int
) -> Iterator[None]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            pass_fds=inherits,
            start_new_session=True,  # Ctrl-C reaches the tests, which stop it in order
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(_STOPS_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def database_of_our_own(folder: Path) -> Iterator[str]:
    """A migrated database; its address. Until the end this process uses it, too."""
    usual: dict[str, Any] = connection.settings_dict
    before = usual["NAME"]
    connection.close()
    with _fresh(folder, usual) as (name, url):
        usual["NAME"] = name
        try:
            call_command("migrate", verbosity=0, interactive=False)
            yield url
        finally:
            connection.close()
            usual["NAME"] = before


@contextmanager
def _fresh(folder: Path, usual: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if connection.vendor == "sqlite":
        path = str(folder / "pages.sqlite3")
        yield path, f"sqlite:///{path}"
        return
    worker = os.environ.get("PYTEST_XDIST_WORKER", "one")
    name = f"pages_{worker}_{os.getpid()}_{next(_numbers)}"
    address = urlsplit(os.environ["DATABASE_URL"])
    _maintain(f'CREATE DATABASE "{name}"')
    try:
        yield name, urlunsplit(address._replace(path=f"/{name}"))
    finally:
        _maintain(f'DROP DATABASE "{name}" WITH (FORCE)')


def _maintain(statement: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)
