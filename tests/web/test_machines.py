"""Health, readiness, metrics and the start of the web server."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.conf import LazySettings
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisConnectionError

from connector.checks import refusal
from connector.jobs import heartbeat
from connector.jobs.models import Heartbeat
from connector.settings import BASE_DIR
from connector.sync.bills.run import DRY_RUN, SOME, SYNC
from connector.tenants.models import Tenant
from tests import builders
from tests.tenants.test_tenant_file import WHOLE
from tests.web.rows import make_posting


def test_alive_needs_no_database() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_machines_come_by_any_host_name(db: None, settings: LazySettings, path: str) -> None:
    settings.METRICS_TOKEN = "letmein"
    headers = {"host": "10.1.2.3:8000", "authorization": "Bearer letmein"}
    assert Client().get(path, headers=headers).status_code in {200, 503}
    assert Client().get("/", headers=headers).status_code == 400


def test_without_the_database_there_are_no_numbers_and_no_trace(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN = "letmein"

    def fail(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("connector.health.Tenant.objects.values_list", fail)
    answer = Client().get("/metrics", headers={"authorization": "Bearer letmein"})
    assert answer.status_code == 503
    assert b"database" in answer.content


def test_a_queue_that_cannot_be_reached_is_not_ready(
    db: None, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN = "letmein"

    def fail() -> None:
        raise RedisConnectionError("refused")

    monkeypatch.setattr("django_q.brokers.get_broker", fail)
    assert Client().get("/readyz").json() == {"database": True, "queue": False, "workers": False}
    answer = Client().get("/metrics", headers={"authorization": "Bearer letmein"})
    assert answer.status_code == 200
    assert b"connector_queue_length" not in answer.content


def test_ready_only_when_a_worker_was_seen_lately(db: None) -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"database": True, "queue": True, "workers": False}
    heartbeat.beat()
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["workers"] is True
    Heartbeat.objects.update(at=timezone.now() - heartbeat.SEEN_WITHIN - timedelta(seconds=1))
    assert Client().get("/readyz").status_code == 503


def test_a_worker_busy_with_a_long_job_counts_as_seen(db: None) -> None:
    with heartbeat.busy(200):
        Heartbeat.objects.filter(name__startswith="worker:").delete()
        assert Client().get("/readyz").status_code == 200
    Heartbeat.objects.filter(name__startswith="worker:").delete()
    assert Client().get("/readyz").status_code == 503


def test_metrics_are_off_without_a_token(db: None) -> None:
    assert Client().get("/metrics").status_code == 404


@pytest.mark.parametrize("header", ["", "Bearer wrong", "token", "Bearer tokenx", "Bearer tökén"])
def test_metrics_need_the_token(db: None, settings: LazySettings, header: str) -> None:
    settings.METRICS_TOKEN = "token"
    answer = Client().get("/metrics", headers={"authorization": header})
    assert answer.status_code == 401
    assert b"connector_" not in answer.content


def test_metrics_count_bills_holds_and_pauses(tenant: Tenant, settings: LazySettings) -> None:
    settings.METRICS_TOKEN = "token"
    make_posting(tenant, "a")
    make_posting(tenant, "b", hold_reason="refused")
    make_posting(tenant, "c", hold_reason="refused")
    heartbeat.beat()
    answer = Client().get("/metrics", headers={"authorization": "Bearer token"})
    lines = answer.content.decode().splitlines()
    assert 'connector_postings{tenant="acme",state="queued",hold="refused"} 2' in lines
    assert 'connector_postings{tenant="acme",state="queued",hold=""} 1' in lines
    assert 'connector_paused{tenant="acme"} 0' in lines
    assert any(line.startswith("connector_worker_beat_timestamp_seconds{") for line in lines)


def test_only_a_whole_cycle_counts_as_the_last_one(tenant: Tenant, settings: LazySettings) -> None:
    settings.METRICS_TOKEN = "token"
    ended = [timezone.now() + timedelta(minutes=number) for number in range(5)]
    others = ((SYNC, False), (DRY_RUN, False), (SOME, False), ("reprove", False), (SYNC, True))
    for finished_at, (kind, failed) in zip(ended, others, strict=True):
        values = {**builders.over(failed=failed), "finished_at": finished_at}
        builders.make_job(tenant, kind, **values)
    answer = Client().get("/metrics", headers={"authorization": "Bearer token"})
    told = f'connector_last_cycle_timestamp_seconds{{tenant="acme"}} {ended[0].timestamp():.0f}'
    assert told in answer.content.decode().splitlines()


def test_the_web_server_names_everything_wrong_in_one_go() -> None:
    assert refusal([]) == ""
    said = refusal([("E1", "A is not set.", "Set A."), ("E2", "B is wrong.", "Use 1.")])
    assert said == (
        "The web server did not start; nothing was touched. A is not set. Set A. B is wrong. Use 1."
    )


def test_the_web_server_refuses_a_wrong_environment_without_a_trace() -> None:
    wrong = {"PATH": os.environ["PATH"], "SECRET_KEY": "x", "LOG_LEVEL": "ERROR"}
    done = subprocess.run(
        [sys.executable, "-c", "import connector.wsgi"],
        cwd=BASE_DIR,
        env=wrong,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 4
    assert "AUDIT_KEY is not set." in done.stderr
    assert "Traceback" not in done.stderr


def test_the_web_server_refuses_the_keys_of_another_database(tmp_path: Path) -> None:
    """And does not answer with "unexpected error", nor writes a record that nobody can check."""

    def run(*code: str, **keys: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *code],
            cwd=BASE_DIR,
            env={
                "PATH": os.environ["PATH"],
                "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
                "LOG_LEVEL": "ERROR",
                "DJANGO_SETTINGS_MODULE": "connector.settings",
                **keys,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    names = ("SECRET_KEY", "FIELD_ENCRYPTION_KEY", "AUDIT_KEY")
    keys = {name: Fernet.generate_key().decode() for name in names}
    assert run("manage.py", "migrate", **keys).returncode == 0
    tenant = json.dumps({**WHOLE, "slug": "acme"})
    (tmp_path / "acme.json").write_text(tenant, encoding="utf-8")
    assert run("manage.py", "configure_tenant", f"{tmp_path}/acme.json", **keys).returncode == 0
    start = ("-c", "import connector.wsgi")
    assert run(*start, **keys).returncode == 0
    for name in names[1:]:
        done = run(*start, **keys | {name: Fernet.generate_key().decode()})
        assert done.returncode == 4
        assert f"{name} does not belong to this database" in done.stderr
        assert "Traceback" not in done.stderr
