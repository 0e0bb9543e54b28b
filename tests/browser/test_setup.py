"""From an empty installation through the setup to an entered bill, on real stand-ins."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

import sandbox
from audit.ledger.models import Posting
from audit.writes.models import Attempt
from connector.jobs.models import Job
from connector.sync.bills.run import RUNS
from connector.tenants.models import FinanceCalendar, Membership, Tenant
from mappings.files import MappingRow
from mappings.preview import preview
from tests.browser.conftest import NEVER
from tests.browser.looking import WAIT_MS, Watch, axe, dark, fits, log_in, narrow, wait_text
from tests.browser.running import Site, running

HEADINGS = ("company", "ramp_id", "ramp_name", "epicor_id", "epicor_name")


@pytest.fixture
def box() -> Iterator[Any]:
    with sandbox.start(bills=30) as started:
        started.ramp.app.set_rate_limit(None)
        yield started


@pytest.fixture
def empty(browser: Browser) -> Iterator[Site]:
    """An installation right after `migrate` and `createsuperuser`: another database and server."""
    with running() as site:
        password = PBKDF2PasswordHasher().encode("root password 7", "salt", iterations=1000)
        User.objects.create(username="root", password=password, is_staff=True, is_superuser=True)
        yield site


def person(browser: Browser, site: Site, watch: Watch) -> Page:
    """Somebody's browser at this installation."""
    settings = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
    context = browser.new_context(base_url=site.url, **settings)
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    watch.on(page)
    return page


def fill(page: Page, values: dict[str, Any]) -> None:
    for name, value in values.items():
        page.fill(f'[name="{name}"]', str(value))


def go_on(page: Page) -> None:
    page.get_by_role("button", name="Save and go on").click()


def ask(page: Page, name: str, said: str) -> None:
    """Press the step's button and wait for what a worker says."""
    page.get_by_role("button", name=name).click()
    wait_text(page, re.compile(said), within=".mc-job")
    expect(page.locator(".mc-spin")).to_have_count(0)


def sign_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def connect(page: Page, file: dict[str, Any]) -> None:
    """The Ramp app and the Epicor connection, with what goes wrong on the way."""
    fill(page, {"ramp.base_url": "ftp://x", "ramp.client_id": file["ramp"]["client_id"]})
    go_on(page)
    wait_text(page, "Address of Ramp must be an address such as")
    fill(page, {f"ramp.{k}": file["ramp"][k] for k in ("base_url", "client_id", "client_secret")})
    go_on(page)
    page.wait_for_url("**/setup/epicor/")
    page.fill('[name="epicor.base_url"]', "https://acme.epicorsaas.com/live/api/v1/odata/EPIC06")
    wait_text(page, "names v1, but the API version is v2", within="#address")
    wait_text(page, "epicorsaas.com/live with Epicor company EPIC06", within="#address")
    page.select_option('[name="epicor.auth.method"]', "basic")
    expect(page.locator('[name="epicor.auth.username"]')).to_be_visible()
    page.select_option('[name="epicor.auth.method"]', "oauth2")
    expect(page.locator('[name="epicor.auth.token_url"]')).to_be_visible()
    auth = {k: v for k, v in file["epicor"]["auth"].items() if k != "method"}
    fill(page, {f"epicor.auth.{name}": value for name, value in auth.items()})
    fill(page, {f"epicor.{k}": file["epicor"][k] for k in ("base_url", "api_key", "rate_group")})
    fill(page, {"company": "EPIC06"})
    wait_text(page, "v2: the Epicor company is part of every address", within="#address")
    go_on(page)
    page.wait_for_url("**/setup/test/")


def route(page: Page, file: dict[str, Any]) -> None:
    """Entities and the chart, read from both systems."""
    ask(page, "Read entities and companies", "3 entities in Ramp. 2 companies in Epicor")
    for entity in file["entities"]:
        row = page.locator(f'tr:has(input[value="{entity["ramp_entity_id"]}"])')
        row.locator('[name$="-company"]').fill(entity["company"])
        row.locator('[name$="-site"]').fill(entity["site"])
    go_on(page)
    page.wait_for_url("**/setup/coding/")
    ask(page, "Read the chart", "1 accounting field in Ramp, 6 segments")
    row = page.locator('tr:has(input[value="cost_center"])')
    row.locator("select").select_option("3")
    row.locator('[name$="-default"]').fill("000")
    expect(page.locator('[name$="-epicor_code"][value="USD"]')).to_have_count(1)
    go_on(page)
    page.wait_for_url("**/setup/rules/")


def import_all(page: Page, tenant: Tenant, world: Any, *, but: str) -> None:
    """The demo's mapping files, less one vendor and what the chart does not have."""
    for kind, rows in world.mapping_files().items():
        kept = [row for row in rows if row["ramp_name"] != but]
        numbered = [
            MappingRow(number=n, **{"company": "", **row}) for n, row in enumerate(kept, start=2)
        ]
        refused = preview(tenant.pk, kind, numbered).errors
        good = [row for row in numbered if row.number not in refused]
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(HEADINGS)
        writer.writerows([getattr(row, name) for name in HEADINGS] for row in good)
        page.goto(f"/t/acme/mappings/{kind}/import/")
        file = {"name": "m.csv", "mimeType": "text/csv", "buffer": text.getvalue().encode()}
        page.get_by_label("File").set_input_files(file)
        page.get_by_role("button", name="See what it does").click()
        page.get_by_role("button", name=f"Import {len(good)} rows").click()
        wait_text(page, f"{len(good)} new, 0 changed")


def test_from_nothing_to_an_entered_bill(
    browser: Browser, empty: Site, box: Any, watch: Watch
) -> None:
    watch.expect("422")
    file = box.world.tenant_file(box.ramp.url, box.epicor.url)
    page = person(browser, empty, watch)

    # An empty installation leads whoever made it to the first tenant.
    page.goto("/")
    sign_in(page, "root", "root password 7")
    page.wait_for_url("**/setup/")
    wait_text(page, "Nothing is connected yet")
    fill(page, {"name": "Acme Consulting", "slug": "acme", "time_zone": "America/New_York"})
    page.get_by_role("button", name="Add the company").click()
    page.wait_for_url("**/t/acme/setup/")
    page.locator(".mc-stage").get_by_role("link", name="Ramp app").click()
    connect(page, file)
    ask(page, "Test now", r"All \d+ checks passed")
    page.get_by_role("link", name="Go on", exact=True).click()
    route(page, file)

    # It is left, and resumed from the banner.
    page.goto("/t/acme/")
    wait_text(page, "Not live yet")
    page.get_by_role("link", name="Go on with the setup").click()
    page.locator(".mc-stage .mc-primary").click()
    page.wait_for_url("**/setup/rules/")
    fill(page, {"posting.start_date": "2026-01-01", "posting.default_terms": "N30"})
    go_on(page)
    page.wait_for_url("**/setup/calendar/")
    page.fill('[name="calendar.sync_cron"]', "0 9 * * 1-5")
    expect(page.locator("#runs li")).to_have_text([re.compile("09:00")] * 5)
    page.fill('[name="calendar.sync_cron"]', NEVER)
    expect(page.locator("#runs li").first).to_contain_text("1 Jan")
    go_on(page)
    page.wait_for_url("**/setup/twins/")
    ask(
        page,
        "Compare with Epicor",
        r"\d+ ready bills read, 0 compared, .* could not be compared yet",
    )
    page.goto("/t/acme/setup/rehearsal/")
    ask(page, "Rehearse ten bills", "Of 10 bills 0 would be entered")
    tenant = Tenant.objects.get(slug="acme")
    assert not Attempt.objects.exists()
    assert not FinanceCalendar.objects.exists()

    # An accountant is invited, and lets herself in.
    page.goto("/t/acme/people/")
    fill(page, {"username": "ann", "email": "ann@example.com"})
    page.get_by_role("button", name="Make the user").click()
    link = page.locator("#invitation").inner_text()
    ann = person(browser, empty, watch)
    ann.goto(link)
    ann.get_by_label("New password", exact=True).fill("ledger and pen 5")
    ann.get_by_label("New password confirmation").fill("ledger and pen 5")
    ann.get_by_role("button", name="Set the password").click()
    sign_in(ann, "ann", "ledger and pen 5")
    ann.wait_for_url("**/t/acme/")
    assert Membership.objects.get(user__username="ann").role == "accountant"

    # She imports mappings from files, all but one vendor; then most of the ten could go.
    bill_id, vendor = plain(tenant, box)
    import_all(ann, tenant, box.world, but=vendor)
    page.goto("/t/acme/setup/rehearsal/")
    ask(page, "Rehearse ten bills again", r"Of 10 bills [1-9]\d* would be entered")
    wait_text(page, "Would be entered in EPIC0")

    # Live: the first cycle enters what is mapped.
    page.goto("/t/acme/setup/live/")
    page.get_by_label("I have read this").check()
    page.get_by_label("Begin the first cycle now").check()
    page.get_by_role("button", name="Go live", exact=True).click()
    wait_text(page, "Acme Consulting is live. The first cycle begins now")
    until_over(page)
    assert Posting.objects.filter(state="confirmed").count() > 0

    # What one vendor still held is mapped where it stands, and seen entered.
    ann.goto("/t/acme/exceptions/")
    held = ann.locator(".mc-causebox").filter(has=ann.locator("h2", has_text=vendor)).first
    held.locator("summary").click()
    held.locator(".mc-suggestions button").first.click()
    wait_text(ann, re.compile(r"Done\.\s+\d+ entered"))
    ann.goto(f"/t/acme/bills/{bill_id}")
    wait_text(ann, "Entered, marked as synced")
    assert Posting.objects.get(bill_id=bill_id).state == "confirmed"


def plain(tenant: Tenant, box: Any) -> tuple[str, str]:
    """A bill that nothing but its vendor's mapping may hold: its id and the vendor's name."""
    mapped = {row["ramp_name"] for row in box.world.mapping_files()["vendors"]}
    good = {key for key, plan in box.world.expected().items() if plan.outcome == "entered"}
    rows = Posting.objects.filter(tenant=tenant, bill_id__in=good, vendor_name__in=mapped)
    found = rows.order_by("bill_id").first()
    assert found is not None
    return found.bill_id, found.vendor_name


def until_over(page: Page) -> None:
    """Until no cycle is under way any more, as Today tells it."""
    for _ in range(60):
        page.goto("/t/acme/")
        if not Job.objects.filter(kind__in=RUNS, state="open").exists():
            return
        page.wait_for_timeout(500)
    raise AssertionError("The cycle did not end.")


def test_the_page_behind_an_invitation_is_readable(page: Page, new_tenant) -> None:
    acme = new_tenant(bills=1, synced=False, mapped=False)
    log_in(page, "admin")
    page.goto(f"/t/{acme.slug}/people/")
    fill(page, {"username": f"new-{acme.slug}", "email": f"{acme.slug}@example.com"})
    page.get_by_role("button", name="Make the user").click()
    axe(page)
    link = page.locator("#invitation").inner_text()
    page.context.clear_cookies()
    page.goto(link)
    axe(page)
    with dark(page):
        axe(page)
    with narrow(page):
        fits(page)


def test_a_pause_is_put_up_and_taken_down(page: Page, new_tenant) -> None:
    acme = new_tenant(bills=1, synced=False)
    log_in(page, "admin")
    page.goto(f"/t/{acme.slug}/settings/")
    page.get_by_label("Pause it, because").fill("Month end is being closed")
    page.get_by_role("button", name="Pause", exact=True).click()
    wait_text(page, "admin paused this company: Month end is being closed")
    page.get_by_role("button", name="Resume").click()
    wait_text(page, "Resumed. A cycle begins now.")
    expect(page.locator(".mc-banner.mc-danger")).to_have_count(0)
