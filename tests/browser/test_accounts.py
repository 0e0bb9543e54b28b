"""A second factor and passkeys in a real browser, with the authenticator that Chromium plays."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from connector.tenants.models import Membership, Tenant
from tests.browser.looking import WAIT_MS, Watch, axe, dark, fits, narrow, wait_text
from tests.browser.running import Site, running
from tests.web.factors import code_of

PASSWORD = "wonderful-weather-4711"
PICTURES = os.environ.get("PICTURES")  # a folder, for whoever wants to look


@pytest.fixture
def here(browser: Browser) -> Iterator[Site]:
    """An installation at a name, where browsers make passkeys, with one tenant and its admin."""
    with running("localhost") as site:
        hashed = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1000)
        ann = User.objects.create(
            username="ann", email="ann@example.com", password=hashed, is_staff=True
        )
        tenant = Tenant.objects.create(slug="acme", name="Acme", time_zone="UTC")
        Membership.objects.create(tenant=tenant, user=ann, role="admin")
        yield site


@pytest.fixture
def person(browser: Browser, here: Site, watch: Watch) -> Iterator[Page]:
    context = browser.new_context(base_url=here.url, accept_downloads=True, reduced_motion="reduce")
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    watch.on(page)
    yield page
    context.close()


def device(page: Page) -> None:
    """A finger sensor that always says yes."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options: dict[str, Any] = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def looked_at(page: Page, name: str) -> None:
    """Every look of a page: light, dark, on a telephone; nothing in anybody's way."""
    looks: list[tuple[str, Callable[[Page], Any] | None]] = [
        ("desktop", None),
        ("dark", dark),
        ("phone", narrow),
    ]
    for look, change in looks:
        if change is None:
            _look(page, name, look)
        else:
            with change(page):
                _look(page, name, look)


def _look(page: Page, name: str, look: str) -> None:
    axe(page)
    fits(page)
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}-{look}.png", full_page=True)


def log_in(page: Page, to: str) -> None:
    page.goto(to)
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name=re.compile("^Log in(?! with)")).click()


def log_out(page: Page) -> None:
    page.context.clear_cookies()


def test_factors_from_the_first_login_to_the_last(person: Page, watch: Watch) -> None:
    watch.expect("422")  # a wrong code
    page = person
    device(page)
    page.goto("/admin/login/?next=/t/acme/people/")
    looked_at(page, "login")

    # A rule leads to adding one.
    log_in(page, "/t/acme/people/")
    looked_at(page, "people")
    page.get_by_role("button", name="Require it of everybody here").click()
    wait_text(page, "needs a second factor")
    looked_at(page, "account-asked")
    page.get_by_role("link", name="Add an app").click()
    secret = page.locator("#secret").inner_text()
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "app-desktop.png", full_page=True)
    axe(page)
    fits(page)
    page.get_by_label("The code that the app shows now").fill("000")
    page.get_by_role("button", name="Add the app").click()
    wait_text(page, "Incorrect code")
    page.get_by_label("The code that the app shows now").fill(code_of(secret))
    page.get_by_role("button", name="Add the app").click()

    # The codes, once.
    codes = page.locator("#recovery-codes li").all_inner_texts()
    assert len(codes) == 10
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "codes-desktop.png", full_page=True)
    axe(page)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as a file").click()
    assert Path(saved.value.path()).read_text().split() == codes
    page.get_by_role("link", name="Done").click()
    wait_text(page, "No longer require it")

    # A passkey beside it.
    page.goto("/account/")
    page.get_by_role("link", name="Add a passkey").click()
    looked_at(page, "passkey")
    page.get_by_label("What you call it").fill("Laptop")
    page.get_by_role("button", name="Add the passkey").click()
    wait_text(page, "Laptop")
    looked_at(page, "account")

    # It lets in alone, and to where one wanted to go.
    log_out(page)
    page.goto("/t/acme/bills/")
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page).to_have_url(re.compile("^[^?]+/t/acme/bills/$"))

    # Beside the password, and a code too.
    log_out(page)
    log_in(page, "/t/acme/people/")
    wait_text(page, "Second factor")
    looked_at(page, "code")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(re.compile("^[^?]+/t/acme/people/$"))
    log_out(page)
    log_in(page, "/t/acme/people/")
    page.get_by_label("Code from your authenticator app").fill(codes[0])
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(re.compile("^[^?]+/t/acme/people/$"))

    # Another name, and gone.
    page.goto("/account/")
    page.get_by_role("link", name="Rename Laptop").click()
    page.get_by_label("Name").fill("Desk")
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("link", name="Remove Desk").click()
    looked_at(page, "remove")
    page.get_by_role("button", name="Remove").click()
    wait_text(page, "9 of 10 are left")
    expect(page.get_by_text("Desk")).to_have_count(0)


def test_a_forgotten_password_is_asked_for(person: Page) -> None:
    page = person
    page.goto("/admin/login/")
    page.get_by_role("link", name="Forgot your password?").click()
    wait_text(page, "sends no mail")
    looked_at(page, "forgotten")
