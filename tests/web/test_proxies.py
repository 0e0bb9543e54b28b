"""Behind a proxy: one attacker shuts out nobody else, and only a listed proxy is believed."""

import pytest
from axes.models import AccessAttempt
from django.test import Client
from pytest_django import Settings

from connector.environment import Environment
from connector.tenants.models import Tenant
from connector.web.account import logins
from tests import builders

LOGIN = "/admin/login/"
PROXY = "10.0.0.5"


@pytest.fixture(autouse=True)
def behind_a_proxy(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TRUSTED_PROXIES = [PROXY]
    monkeypatch.setattr(logins, "MOST_FROM_AN_ADDRESS", 8)


def log_in(client: str, name: str, password: str, *, peer: str = PROXY, chain: str = "") -> int:
    browser = Client(REMOTE_ADDR=peer)
    forwarded = {"X-Forwarded-For": chain or f"6.6.6.6, {client}"}
    form = {"username": name, "password": password}
    return browser.post(LOGIN, form, headers=forwarded).status_code


@pytest.fixture
def ann(tenant: Tenant) -> str:
    user = builders.make_user("ann", tenant)
    user.is_staff = True
    user.save()
    return "ann"


def test_who_guesses_shuts_out_only_the_own_address(ann: str) -> None:
    guesses = [log_in("203.0.113.9", f"n{n}", "wrong") for n in range(9)]
    assert guesses[-1] == 429
    assert log_in("203.0.113.9", ann, ann) == 429
    assert log_in("198.51.100.1", ann, ann) == 302
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {"203.0.113.9"}


def test_who_invents_addresses_stays_one_client(ann: str) -> None:
    for n in range(9):
        log_in("", f"n{n}", "wrong", chain=f"7.7.7.{n}, 203.0.113.9")
    assert log_in("", ann, ann, chain="8.8.8.8, 203.0.113.9") == 429


def test_another_peer_is_counted_by_its_own_address(ann: str) -> None:
    for n in range(9):
        log_in("", f"n{n}", "wrong", peer="203.0.113.9", chain=f"7.7.7.{n}")
    assert log_in("", ann, ann, peer="203.0.113.9", chain="8.8.8.8") == 429


def test_one_ipv6_site_counts_as_one_client(ann: str) -> None:
    for n in range(9):
        log_in(f"2001:db8:1:2::{n}", f"n{n}", "wrong")
    assert log_in("2001:db8:1:2::ffff", ann, ann) == 429
    assert log_in("2001:db8:1:3::1", ann, ann) == 302


@pytest.mark.parametrize(("peer", "secure"), [(PROXY, True), ("203.0.113.9", False), ("", False)])
def test_https_is_believed_of_listed_proxies_only(db: None, peer: str, *, secure: bool) -> None:
    browser = Client(REMOTE_ADDR=peer)
    answer = browser.get(LOGIN, headers={"X-Forwarded-Proto": "https"})
    assert answer.wsgi_request.is_secure() is secure
    assert ("Strict-Transport-Security" in answer.headers) is False  # PUBLIC_URL is not https


def test_trusted_proxies_are_addresses(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.5, proxy.example, fd00::/8")
    environment = Environment(settings.BASE_DIR)
    assert environment.proxies("TRUSTED_PROXIES") == ["10.0.0.5", "fd00::/8"]
    assert "'proxy.example'" in environment.problems[0][1]
