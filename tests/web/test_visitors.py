"""Who is not logged in leaves no rows behind: no session without need, none for long."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from connector.accounts import sessions
from connector.jobs import schedule
from connector.tenants.models import Tenant
from tests import builders
from tests.web.factors import give_password, log_in

pytestmark = pytest.mark.django_db

_PAGES = (
    "/",
    "/admin/",
    "/admin/login/",
    "/admin/login/?next=/t/acme/",
    "/account/",
    "/account/code/",
    "/account/again/",
    "/account/forgotten/",
    "/account/passkey/",
    "/account/reset/x/y/",
    "/account/reset/x/new/",
    "/account/sso/",
    "/account/sso/back/",
    "/password/x/y/",
    "/t/acme/",
    "/nothing/",
)


@pytest.mark.parametrize("page", _PAGES)
def test_a_visitor_has_no_session(tenant: Tenant, page: str) -> None:
    browser = Client()
    browser.get(page)
    browser.post(page, {"username": "ann", "password": "wrong", "address": "x@example.com"})
    assert Session.objects.count() == 0


def test_a_passkey_is_asked_for_in_a_session_of_some_minutes(tenant: Tenant) -> None:
    browser = Client()
    browser.get("/account/passkey/", headers={"X-Requested-With": "XMLHttpRequest"})
    soon = timezone.now() + timedelta(minutes=10)
    assert Session.objects.get().expire_date <= soon
    ann = give_password(builders.make_user("ann", tenant, "accountant"))
    assert log_in(browser, ann).status_code == 302
    assert Session.objects.get().expire_date > soon  # who is logged in stays so


def test_passkey_requests_are_limited(tenant: Tenant, settings: Any) -> None:
    settings.MFA_RATE_LIMITS = {"webauthn_login": "2/h/ip"}
    ajax = {"X-Requested-With": "XMLHttpRequest"}
    answers = [Client().get("/account/passkey/", headers=ajax).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    assert Session.objects.count() == 2


def test_the_tick_deletes_sessions_that_are_over(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_MOST", 2)
    now = timezone.now()
    keys = []
    for hours in (-3, -2, -1, 1):
        store = SessionStore()
        store["kept"] = True
        store.create()
        keys.append(store.session_key)
        Session.objects.filter(pk=store.session_key).update(
            expire_date=now + timedelta(hours=hours)
        )
    schedule.tick()
    assert set(Session.objects.values_list("pk", flat=True)) == set(keys[2:])
    schedule.tick()
    assert set(Session.objects.values_list("pk", flat=True)) == {keys[3]}
