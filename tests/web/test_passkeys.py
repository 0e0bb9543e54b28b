"""Passkeys from making to removing, and what a passkey must not do."""

import html
import json
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.test import Client

from connector.tenants.models import Tenant
from tests import builders
from tests.web.factors import give_password, kinds, log_in
from tests.web.passkeys import Device
from tests.web.test_second_factor import on_record

AJAX = {"X-Requested-With": "XMLHttpRequest"}


@pytest.fixture
def ann(tenant: Tenant, settings: Any) -> User:
    settings.PUBLIC_URL = "http://localhost:8000"
    user = give_password(builders.make_user("ann", tenant, "accountant"))
    user.is_staff = True
    user.save()
    return user


@pytest.fixture
def browser() -> Client:
    return Client()


def asked(page: bytes) -> dict[str, Any]:
    found = re.search(r'data-passkey-options="([^"]+)"', page.decode())
    assert found
    options: dict[str, Any] = json.loads(html.unescape(found.group(1)))
    return options


def add(browser: Client, device: Device, name: str = "Laptop") -> Any:
    options = asked(browser.get("/account/passkeys/add/").content)
    form = {"name": name, "passwordless": "on", "credential": device.make(options)}
    return browser.post("/account/passkeys/add/", form)


def alone(browser: Client, device: Device, to: str = "") -> Any:
    options = browser.get("/account/passkey/", headers=AJAX).json()["request_options"]
    form = {"credential": device.use(options), "next": to}
    return browser.post("/account/passkey/", form)


def test_make_use_rename_remove(browser: Client, ann: User) -> None:
    device = Device()
    log_in(browser, ann)
    assert add(browser, device).url == "/account/codes/"
    assert kinds(ann) == ["recovery_codes", "webauthn"]
    assert browser.get("/t/acme/").status_code == 200  # this session has proved it

    by_passkey = Client()
    assert alone(by_passkey, device, "/t/acme/bills/").url == "/t/acme/bills/"
    assert by_passkey.get("/t/acme/bills/").status_code == 200

    after_password = Client()
    assert log_in(after_password, ann).url == "/account/code/"
    options = asked(after_password.get("/account/code/").content)
    form = {"credential": device.use(options)}
    assert after_password.post("/account/code/", form).url == "/"
    assert after_password.get("/t/acme/").status_code == 200

    key = Authenticator.objects.get(user=ann, type="webauthn")
    assert b'value="Laptop"' in browser.get(f"/account/passkeys/{key.pk}/").content
    assert browser.post(f"/account/passkeys/{key.pk}/", {"name": ""}).status_code == 422
    assert browser.post(f"/account/passkeys/{key.pk}/", {"name": "Desk"}).url == "/account/"
    assert b"Desk" in browser.get("/account/").content
    asked_once_more = browser.get(f"/account/passkeys/{key.pk}/remove/").content
    assert b"Remove the passkey: Desk?" in asked_once_more
    assert browser.post(f"/account/passkeys/{key.pk}/remove/").url == "/account/"
    assert kinds(ann) == []
    assert alone(Client(), device).url == "/admin/login/"
    assert on_record() == [
        "ann added a passkey of user ann.",
        "ann renamed a passkey of user ann.",
        "ann removed a passkey of user ann.",
    ]


def test_an_older_session_proves_it_by_the_passkey(browser: Client, ann: User) -> None:
    device, older = Device(), Client()
    log_in(older, ann)
    log_in(browser, ann)
    add(browser, device)
    assert older.get("/t/acme/").url.startswith("/account/again/")
    page = older.get("/account/again/passkey/?next=/t/acme/")
    form = {"credential": device.use(asked(page.content)), "next": "/t/acme/"}
    assert older.post("/account/again/passkey/", form).url == "/t/acme/"
    assert older.get("/t/acme/").status_code == 200


@pytest.mark.parametrize(
    "device",
    [
        Device(origin="https://evil.example"),
        Device(rp_id="evil.example"),
        Device(verified=False),
    ],
    ids=["another origin", "another site", "nobody verified"],
)
def test_what_was_made_elsewhere_or_for_nobody_is_refused(
    browser: Client, ann: User, device: Device
) -> None:
    log_in(browser, ann)
    assert add(browser, device).status_code == 422
    assert kinds(ann) == []


@pytest.mark.parametrize("change", ["origin", "rp_id", "verified", "key", "handle"])
def test_a_passkey_lets_in_only_as_it_was_made(browser: Client, ann: User, change: str) -> None:
    device = Device()
    log_in(browser, ann)
    add(browser, device)
    other = User.objects.create(username="bea", is_staff=True)
    value = {
        "origin": "https://evil.example",
        "rp_id": "evil.example",
        "verified": False,
        "key": Device().key,
        "handle": "",
    }[change]
    setattr(device, change, value)
    guest = Client()
    assert alone(guest, device).url == "/admin/login/"
    assert guest.get("/t/acme/").status_code == 302
    assert not Authenticator.objects.filter(user=other).exists()


def test_an_answer_is_worth_nothing_a_second_time(browser: Client, ann: User) -> None:
    device, guest = Device(), Client()
    log_in(browser, ann)
    add(browser, device)
    options = guest.get("/account/passkey/", headers=AJAX).json()["request_options"]
    answer = device.use(options)
    other = Client()
    other.get("/account/passkey/", headers=AJAX)
    assert other.post("/account/passkey/", {"credential": answer}).url == "/admin/login/"
    assert guest.post("/account/passkey/", {"credential": answer}).url == "/"


def test_somebody_elses_passkey_is_not_found(browser: Client, ann: User, tenant: Tenant) -> None:
    log_in(browser, ann)
    add(browser, Device())
    key = Authenticator.objects.get(user=ann, type="webauthn")
    bea = give_password(builders.make_user("bea", tenant, "admin"))
    User.objects.filter(pk=bea.pk).update(is_staff=True)
    guest = Client()
    log_in(guest, bea)
    for address in (f"/account/passkeys/{key.pk}/", f"/account/passkeys/{key.pk}/remove/"):
        assert guest.get(address).status_code == 404
        assert guest.post(address, {"name": "mine"}).status_code == 404
    assert kinds(ann) == ["recovery_codes", "webauthn"]


def test_who_may_not_log_in_is_not_let_in_by_a_passkey(browser: Client, ann: User) -> None:
    device, guest = Device(), Client()
    log_in(browser, ann)
    add(browser, device)
    User.objects.filter(pk=ann.pk).update(is_active=False)
    alone(guest, device)
    assert guest.get("/t/acme/").url.startswith("/admin/login/")
