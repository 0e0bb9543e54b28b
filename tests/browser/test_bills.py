"""Journey: bills are filtered, a view is saved, a bill is looked at in Epicor, the list exported."""

from playwright.sync_api import Page

from tests.browser.looking import log_in, wait_text


def test_look(page: Page, demo_tenant) -> None:
    log_in(page, "accountant")
    page.goto("/t/demo/bills/")
    page.screenshot(path="/tmp/billsdev/list.png", full_page=True)
    for state, name in [("confirmed", "entered"), ("queued", "held")]:
        page.goto(f"/t/demo/bills/?state={state}")
        page.locator("a[data-open]").nth(2).click()
        page.screenshot(path=f"/tmp/billsdev/bill-{name}.png", full_page=True)
        page.set_viewport_size({"width": 390, "height": 844})
        page.screenshot(path=f"/tmp/billsdev/bill-{name}-m.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 844})
