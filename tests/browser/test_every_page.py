"""What must hold on every page: for everybody, on every screen, under the policy, and fast."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.template.loader import render_to_string
from playwright.sync_api import Browser, BrowserContext, Page

from connector.http_server.middleware import _POLICY
from tests.browser.conftest import Acme
from tests.browser.looking import WAIT_MS, Watch, axe, fits, log_in
from tests.browser.pages import PAGES, Row, arrange
from tests.browser.running import Site

MOST_BYTES = 100_000  # of a page after the first
MOST_SHIFT = 0.02

_SHIFTS = """
window.shifted = 0;
window.shifts = [];
new PerformanceObserver((seen) => {
  for (const one of seen.getEntries().filter((entry) => !entry.hadRecentInput)) {
    window.shifted += one.value;
    for (const { node } of one.sources) window.shifts.push(node?.outerHTML?.slice(0, 120));
  }
}).observe({ type: "layout-shift", buffered: true });
"""
_BYTES = """() => [...performance.getEntriesByType("navigation"),
  ...performance.getEntriesByType("resource")].reduce((sum, one) => sum + one.transferSize, 0)"""
_STILL = "*, *::before, *::after { transition: none !important; animation: none !important; }"
_FIRST = {None: ["/admin/login/"], "superuser": ["/t/demo/", "/admin/connector/tenant/"]}
Visit = Callable[[Row], Page]


@pytest.fixture(scope="module")
def visit(site: Site, browser: Browser, demo_tenant: Acme) -> Iterator[Visit]:
    """visit(row) -> the page, in the browser of the row's person, who has been here before."""
    arrange()
    contexts: dict[str | None, BrowserContext] = {}

    def context_of(role: str | None) -> BrowserContext:
        if role not in contexts:
            contexts[role] = browser.new_context(base_url=site.url, reduced_motion="reduce")
            contexts[role].set_default_timeout(WAIT_MS)
            contexts[role].add_init_script(_SHIFTS)
            first = contexts[role].new_page()
            if role:
                log_in(first, role)
            # The first page of each kind fetches what all others then have.
            for address in _FIRST.get(role, ["/t/demo/"]):
                first.goto(address)
            first.close()
        return contexts[role]

    def go(row: Row) -> Page:
        page = context_of(row.role).new_page()
        page.set_viewport_size({"width": 1280, "height": 900})
        return page

    yield go
    for context in contexts.values():
        context.close()


def settle(page: Page) -> None:
    """Wait until nothing is fetched any more and the fonts are there."""
    page.wait_for_function("!document.querySelector('.htmx-request')")
    page.evaluate("document.fonts.ready.then(() => new Promise(requestAnimationFrame))")


@pytest.mark.parametrize("row", PAGES, ids=[row.name for row in PAGES])
def test_a_page(visit: Visit, demo_tenant: Acme, watch: Watch, row: Row) -> None:
    page = visit(row)
    watch.on(page)
    if row.status != 200:
        watch.expect(f"{row.status}")
    answer = page.goto(row.path(demo_tenant.tenant))
    assert answer is not None
    assert answer.status == row.status
    settle(page)
    if page.evaluate("window.shifted") >= MOST_SHIFT:
        # A busy machine paints half a table before the rest has come; that is no fault of the page.
        page.reload()
        settle(page)

    assert page.evaluate("window.shifted") < MOST_SHIFT, page.evaluate("window.shifts")
    assert page.evaluate(_BYTES) < MOST_BYTES
    assert page.title().strip(" |") != ""
    page.add_style_tag(content=_STILL)
    axe(page)
    page.evaluate("document.documentElement.classList.add('dark')")
    axe(page, only=["color-contrast"])
    page.set_viewport_size({"width": 390, "height": 844})
    fits(page)
    page.close()


@pytest.mark.parametrize("name", ["400.html", "500.html"])
def test_a_page_of_trouble_that_no_address_has(page: Page, watch: Watch, name: str) -> None:
    headers = {"Content-Security-Policy": _POLICY, "Content-Type": "text/html"}
    page.route(
        "**/trouble",
        lambda route: route.fulfill(body=render_to_string(name), headers=headers),
    )
    page.goto("/trouble")
    axe(page)
    page.emulate_media(color_scheme="dark")
    axe(page)
    page.set_viewport_size({"width": 390, "height": 844})
    fits(page)
    assert re.search(r"\w", page.title())
