"""What a journey does over and over: log in, wait for words, and look with a critical eye."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

WAIT_MS = 20_000  # for a worker on a busy machine
GRAVE = ("serious", "critical")


class Watch:
    """What went wrong in the browser. A test fails for it unless it said that it expects it."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._expected: list[str] = []

    def expect(self, pattern: str) -> None:
        """A problem whose text contains this (a regular expression) is what the test is about."""
        self._expected.append(pattern)

    def on(self, page: Page) -> None:
        """Note console errors (violations of the policy among them), exceptions, lost requests."""
        page.on("console", lambda one: one.type == "error" and self.problems.append(one.text))
        page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))
        page.on("requestfailed", lambda one: self._lost(one.url, one.failure))
        page.on("response", lambda one: one.status >= 400 and self._refused(one.url, one.status))

    def check(self) -> None:
        """Fail with everything that was not expected."""
        found = [
            text
            for text in self.problems
            if not any(re.search(pattern, text) for pattern in self._expected)
        ]
        assert not found, "The browser complained:\n" + "\n".join(found)

    def _lost(self, url: str, failure: str | None) -> None:
        if failure != "net::ERR_ABORTED":  # a page was left while something was on its way
            self.problems.append(f"request failed ({failure}): {url}")

    def _refused(self, url: str, status: int) -> None:
        self.problems.append(f"answer {status}: {url}")


def log_in(page: Page, name: str) -> None:
    """Be this person from now on, in this page's browser context, without the login page."""
    user = User.objects.get(username=name)
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session.session_key}
    page.context.add_cookies([{**cookie, "domain": "127.0.0.1", "path": "/"}])  # type: ignore[list-item]


def wait_text(page: Page, text: str | re.Pattern[str], *, within: str = "body") -> None:
    """Until this text can be seen; a part of an element's text is enough."""
    expect(page.locator(within)).to_contain_text(text, timeout=WAIT_MS)


def axe(page: Page, context: str | None = None, *, only: Sequence[str] = ()) -> None:
    """No serious or critical fault for people who hear, see little, or use keys only.

    `only`: axe's names of the rules to look at, where the page was looked at by all of them before.
    """
    page.evaluate("document.fonts.ready.then(() => true)")
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(Axe().axe_script)
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if only:
        options["runOnly"] = list(only)
    looks = "([within, how]) => axe.run(within ?? document, how).then((all) => all.violations)"
    found = page.evaluate(looks, [context, options])
    grave = [fault for fault in found if fault["impact"] in GRAVE]
    assert not grave, f"{page.url}\n" + "\n".join(_told(fault) for fault in grave)


def _told(fault: dict[str, Any]) -> str:
    nodes = [
        f"    {node['html'][:200]}\n    {node['failureSummary']}" for node in fault["nodes"][:5]
    ]
    return "\n".join([f"{fault['impact']}: {fault['help']} ({fault['id']})", *nodes])


@contextmanager
def dark(page: Page) -> Iterator[None]:
    """The page again, as people with a dark screen see it."""
    page.emulate_media(color_scheme="dark")
    page.reload()
    expect(page.locator("html")).to_have_class(re.compile(r"\bdark\b"))
    yield
    page.emulate_media(color_scheme="light")
    page.reload()


@contextmanager
def narrow(page: Page) -> Iterator[None]:
    """The page again, on a telephone: 390 px wide."""
    usual = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    yield
    if usual:
        page.set_viewport_size(usual)


def fits(page: Page) -> None:
    """Nothing to scroll sideways for; the message names what sticks out."""
    wide = page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          return [...document.body.querySelectorAll("*")]
            .filter((one) => one.getBoundingClientRect().right > width + 1)
            .slice(0, 5).map((one) => one.outerHTML.slice(0, 150));
        }"""
    )
    assert wide == [], f"{page.url} is too wide: {wide}"
