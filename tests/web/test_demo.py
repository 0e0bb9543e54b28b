"""The demo's people: an accountant who is nothing more, and an administrator."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.test import Client

from connector.management import demo_data
from connector.tenants.models import Membership, Tenant
from tests import builders


@pytest.fixture(autouse=True)
def kept_elsewhere(settings: LazySettings, tmp_path: Path) -> None:
    """The password is not the one of the tester's own demo."""
    settings.BASE_DIR = tmp_path


def log_in(name: str) -> Client:
    client = Client()
    form: dict[str, Any] = {"username": name, "password": demo_data.password(), "next": "/"}
    assert client.post("/admin/login/", form).status_code == 302
    return client


def test_both_log_in_with_the_kept_password(tenant: Tenant) -> None:
    assert demo_data.install_members(tenant) == [("demo", "accountant"), ("admin", "administrator")]
    assert log_in("demo").get("/t/acme/").wsgi_request.role == "accountant"
    assert log_in("demo").get("/admin/auth/user/").status_code == 403
    assert log_in("admin").get("/t/acme/").wsgi_request.role == "admin"
    assert log_in("admin").get("/admin/auth/user/").status_code == 200


def test_a_second_start_ends_no_session_and_makes_nobody_twice(tenant: Tenant) -> None:
    demo_data.install_members(tenant)
    client = log_in("demo")
    demo_data.install_members(tenant)
    assert client.get("/t/acme/").status_code == 200
    assert User.objects.count() == 2
    assert Membership.objects.count() == 1


def test_an_older_demos_superuser_becomes_an_accountant(tenant: Tenant) -> None:
    User.objects.create_superuser("demo", password="old")
    demo_data.install_members(tenant)
    assert log_in("demo").get("/admin/auth/user/").status_code == 403


def test_somebody_else_called_admin_keeps_password_and_rights(tenant: Tenant) -> None:
    other = builders.make_user("admin", tenant, "auditor")
    assert demo_data.install_members(tenant) == [("demo", "accountant")]
    other.refresh_from_db()
    assert other.check_password("admin")
    assert not other.is_superuser
