"""`make screenshots`: a picture of every page, to be looked at: screenshots/<page>-<screen>.png."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Acme
from tests.browser.looking import log_in
from tests.browser.pages import PAGES, Row, arrange

FOLDER = Path(__file__).resolve().parents[2] / "screenshots"
_WIDE, _NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SCREENS = {"desktop": ("light", _WIDE), "phone": ("light", _NARROW), "dark": ("dark", _WIDE)}


@pytest.fixture(scope="module")
def world(demo_tenant: Acme) -> Acme:
    """The demo and what the pages need besides it."""
    arrange()
    FOLDER.mkdir(exist_ok=True)
    return demo_tenant


@pytest.mark.parametrize("row", PAGES, ids=[row.name for row in PAGES])
def test_picture(world: Acme, new_page: Callable[..., Page], watch, row: Row) -> None:
    watch.expect(".")
    page = new_page()
    if row.role:
        log_in(page, row.role)
    address = row.path(world.tenant)
    for screen, (colours, size) in SCREENS.items():
        page.emulate_media(color_scheme=colours)
        page.set_viewport_size(size)
        page.goto(address)
        page.wait_for_function("!document.querySelector('.htmx-request')")
        page.evaluate("document.fonts.ready.then(() => new Promise(requestAnimationFrame))")
        page.screenshot(path=FOLDER / f"{row.name}-{screen}.png", full_page=True)
