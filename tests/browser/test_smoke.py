"""The harness itself, and the least that must hold: a person logs in and finds Today."""

from playwright.sync_api import Page, expect

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


def test_the_shells_own_keys_go_on_working(page: Page, demo_tenant) -> None:
    log_in(page, "superuser")
    page.goto("/t/demo/")
    page.keyboard.press("Control+k")
    expect(page.locator("#search-input-command")).to_be_focused()
    page.keyboard.type("jx?")
    expect(page.locator("#search-input-command")).to_have_value("jx?")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("#search-input-command")).to_be_hidden()
    for colours in ("light", "dark"):  # it begins with what the machine prefers
        page.keyboard.press("Control+e")
        expect(page.locator("html")).to_have_class(colours)


def test_a_session_that_ended_is_said_by_what_fetches_itself(
    page: Page, demo_tenant, watch
) -> None:
    watch.expect("401")
    log_in(page, "accountant")
    page.goto("/t/demo/")
    page.context.clear_cookies()
    page.evaluate("htmx.trigger(document.body, 'cycle-ended')")
    expect(page.get_by_role("alert")).to_contain_text("You were logged out.")
