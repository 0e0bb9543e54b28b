"""The harness itself, and the least that must hold: a person logs in and finds Today."""

from playwright.sync_api import Page

from tests.browser.looking import axe, dark, fits, log_in, narrow, wait_text


def test_a_person_logs_in_with_a_password_and_finds_today(page: Page, demo_tenant) -> None:
    page.goto("/t/demo/")
    page.get_by_label("Username").fill("accountant")
    page.get_by_label("Password").fill("accountant")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/t/demo/")
    wait_text(page, "Entered today")


def test_today_is_readable_for_everybody_on_every_screen(page: Page, demo_tenant) -> None:
    log_in(page, "accountant")
    page.goto("/t/demo/")
    wait_text(page, "Entered today")
    axe(page)
    with dark(page):
        axe(page)
    with narrow(page):
        fits(page)
