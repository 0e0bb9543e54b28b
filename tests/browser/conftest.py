"""Journeys in a real browser: real web server, real worker, both stand-ins, a database of its own.

One server and one worker serve all journeys of a run; each journey has tenants of its own:

    def test_a_bill_is_replayed(page, new_tenant):
        acme = new_tenant(bills=20)          # its stand-ins, mapped, first sync done
        log_in(page, "accountant")
        page.goto(f"/t/{acme.slug}/")

The people are admin, accountant, approver, auditor (of every tenant made here), stranger and
superuser. A journey fails for any console error, breach of the policy or failed request unless it
says `watch.expect("…")`. Helpers are in looking.py. Do not use the fixtures `db` and
`transactional_db` here: they are for the other tests' database.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.plugin import DjangoDbBlocker

import sandbox
from connector.actions.mapping_usage import COUNT
from connector.management import demo_data
from connector.sync.bills.nightly import NIGHTLY
from connector.sync.bills.run import run_cycle
from connector.tenants import tenant_file
from connector.tenants.models import FinanceCalendar, Membership, Tenant
from tests import builders
from tests.browser.looking import WAIT_MS, Watch
from tests.browser.running import Site, running

CHROMIUM = Path("/usr/bin/chromium")
NEVER = "0 0 1 1 *"  # the calendar of a journey's tenant: nothing happens by itself
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_FLAGS += ["--disable-component-update", "--disable-sync"]
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here needs a browser; all of them run in one process, for one server."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@dataclass(frozen=True, slots=True)
class Acme:
    """A tenant of a journey and the systems behind it."""

    tenant: Tenant
    box: Any

    @property
    def slug(self) -> str:
        """Its part of every address."""
        return self.tenant.slug


NewTenant = Callable[..., Acme]


@pytest.fixture(scope="package")
def site(django_db_blocker: DjangoDbBlocker) -> Iterator[Site]:
    """Server, worker and database for all journeys."""
    if not CHROMIUM.exists():
        pytest.skip("There is no Chromium on this machine")
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        # Playwright keeps an event loop in this thread; our queries are no part of it.
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        with running() as site:
            make_people()
            yield site


@pytest.fixture(scope="package")
def browser(site: Site) -> Iterator[Browser]:
    """One Chromium for all journeys."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """What the browser complains about; checked at the end of the journey."""
    seen = Watch()
    yield seen
    seen.check()


@pytest.fixture
def new_page(site: Site, browser: Browser, watch: Watch) -> Iterator[Callable[..., Page]]:
    """new_page() -> a page in a browser context of its own: another person's machine."""
    contexts = []

    def make(**options: Any) -> Page:
        settings = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
        context = browser.new_context(base_url=site.url, **{**settings, **options})
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        watch.on(page)
        return page

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A desktop browser that watches for trouble."""
    return new_page()


@pytest.fixture
def new_tenant(site: Site) -> Iterator[NewTenant]:
    """new_tenant(bills=20, synced=True, mapped=True, **world) -> a tenant with its stand-ins."""
    boxes = []

    def make(
        *, bills: int = 20, synced: bool = True, mapped: bool = True, slug: str = "", **world: Any
    ) -> Acme:
        box = sandbox.start(bills=bills, **world)
        boxes.append(box)
        return settle(box, slug or f"acme-{next(_numbers)}", synced=synced, mapped=mapped)

    yield make
    for box in boxes:
        box.stop()


@pytest.fixture(scope="package")
def demo_tenant(site: Site) -> Iterator[Acme]:
    """The demo's tenant with 50 bills after its first sync: to look at, not to change."""
    with sandbox.start(bills=50) as box:
        yield settle(box, "demo")


def settle(box: Any, slug: str, *, synced: bool = True, mapped: bool = True) -> Acme:
    """The tenant of these stand-ins with its people, and its first cycle done."""
    box.ramp.app.set_rate_limit(None)
    file = box.world.tenant_file(box.ramp.url, box.epicor.url)
    config = {**file, "slug": slug}
    tenant, _, _ = tenant_file.apply(config, actor="demo")
    # Neither a cycle, the nightly proof nor a count of references comes by itself.
    today = builders.today(tenant)
    FinanceCalendar.objects.filter(tenant=tenant).update(sync_cron=NEVER)
    builders.make_job(tenant, NIGHTLY, subject=today.isoformat(), **builders.over())
    builders.make_job(tenant, COUNT, actor="nobody", **builders.over())
    for role in Membership.Role.values:
        user = User.objects.get(username=role)
        Membership.objects.create(tenant=tenant, user=user, role=role)
    if mapped:
        demo_data.install_mappings(tenant, box.world)
    if synced:
        run_cycle(tenant)
    tenant.refresh_from_db()
    return Acme(tenant, box)


def make_people() -> None:
    """One person for each role, a stranger and a superuser; the password is the name."""
    hasher = PBKDF2PasswordHasher()
    for name in [*Membership.Role.values, "stranger", "superuser"]:
        # Few rounds: what is tested is the way in, not how long guessing takes.
        password = hasher.encode(name, "salt", iterations=1000)
        root = name == "superuser"
        User.objects.create(username=name, password=password, is_staff=True, is_superuser=root)
