"""Journeys: the list is filtered by keys, a view saved, a bill looked at in Epicor, a file made."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.web.models import SavedView
from tests.browser.looking import WAIT_MS, axe, dark, fits, log_in, narrow, wait_text

RESULTS = "#bill-results"


def test_filter_by_keys_save_a_view_look_in_epicor_and_export(page: Page, new_tenant) -> None:
    acme = new_tenant(bills=20)
    log_in(page, "accountant")
    page.goto(f"/t/{acme.slug}/bills/")
    all_of_them = Posting.objects.filter(tenant=acme.tenant).count()
    wait_text(page, f"{all_of_them} bills", within=RESULTS)

    # The filter replaces the results alone, as one types, and the address follows.
    page.get_by_label("State", exact=True).focus()
    page.keyboard.type("Entered, marked as synced")
    confirmed = Posting.objects.filter(tenant=acme.tenant, state="confirmed")
    wait_text(page, f"{confirmed.count()} bills", within=RESULTS)
    page.wait_for_url("**/bills/?state=confirmed")
    chosen = confirmed.latest("pk")
    page.get_by_label("Number begins with").focus()
    page.keyboard.type(chosen.invoice_num[:3].lower())
    page.wait_for_url("**/bills/?state=confirmed&number=*")
    expect(page.get_by_label("Number begins with")).to_be_focused()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.press("Delete")
    page.wait_for_url(re.compile(r"state=confirmed$"))

    # A mistake is said beside its field, and forgotten when it is corrected.
    page.get_by_text("More filters").click()
    page.get_by_label("Amount from").fill("10")
    expect(page.locator("#id_currency-error")).to_have_text("Say in which currency the amount is.")
    page.get_by_label("Currency").fill("usd")
    expect(page.locator("#id_currency-error")).to_be_empty()
    page.get_by_label("Amount from").fill("")
    page.get_by_label("Currency").fill("")
    page.wait_for_url(re.compile(r"state=confirmed$"))

    # Sorted, and the order stays when the filter changes.
    page.get_by_role("link", name="Amount").click()
    page.wait_for_url("**/bills/?state=confirmed&sort=-amount")
    expect(page.get_by_role("columnheader", name="Amount")).to_have_attribute(
        "aria-sort", "descending"
    )

    page.get_by_text("Save this view").click()
    page.get_by_label("Name of the view").fill("Largest first")
    page.get_by_role("button", name="Save", exact=True).click()
    wait_text(page, "The view “Largest first” is saved.")
    (view,) = SavedView.objects.filter(tenant=acme.tenant)
    assert view.query == "state=confirmed&sort=-amount"

    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == confirmed.count()
    assert AuditEntry.objects.filter(tenant=acme.tenant, action="bills.exported").exists()

    # Back to the whole list by the browser's own button, then into a bill by keys.
    page.goto(f"/t/{acme.slug}/bills/?number={chosen.invoice_num}")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/bills/{chosen.bill_id}")
    wait_text(page, "As it was read back and compared to the cent.")
    page.get_by_role("button", name="Look in Epicor now").press("Enter")
    wait_text(page, "As it was when accountant looked.")
    wait_text(page, "No difference in the")
    wait_text(page, f"Epicor has invoice {chosen.invoice_num}")

    page.get_by_text("Request and answer").first.click()
    wait_text(page, "UpdateMaster")


def test_the_browsers_back_button_brings_the_list_as_it_was(page: Page, demo_tenant) -> None:
    log_in(page, "auditor")
    page.goto("/t/demo/bills/")
    page.get_by_label("State", exact=True).select_option("confirmed")
    page.wait_for_url("**/bills/?state=confirmed")
    page.locator(f"{RESULTS} a[data-open]").first.click()
    page.wait_for_url(re.compile(r"/bills/[0-9a-f-]{36}$"))
    page.go_back()
    page.wait_for_url("**/bills/?state=confirmed")
    expect(page.get_by_label("State", exact=True)).to_have_value("confirmed")
    wait_text(page, "bills", within=RESULTS)
    page.go_back()
    page.wait_for_url(re.compile(r"/bills/$"), timeout=WAIT_MS)
    expect(page.get_by_label("State", exact=True)).to_have_value("")
    expect(page.locator("nav.mc-views")).to_have_count(1)


@pytest.mark.parametrize("state", ["confirmed", "queued"])
def test_list_and_bill_are_readable_for_everybody_on_every_screen(
    page: Page, demo_tenant, state: str
) -> None:
    log_in(page, "accountant")
    page.goto(f"/t/demo/bills/?state={state}&sort=-id")
    look_at(page)
    page.locator(f"{RESULTS} a[data-open]").first.click()
    page.wait_for_url(re.compile(r"/bills/[0-9a-f-]{36}$"))
    look_at(page)


def look_at(page: Page) -> None:
    axe(page)
    with dark(page):
        axe(page)
    with narrow(page):
        fits(page)
        axe(page)


def test_the_list_of_keys_has_what_the_page_has(page: Page, new_tenant) -> None:
    acme = new_tenant(bills=4)
    log_in(page, "accountant")
    page.goto(f"/t/{acme.slug}/bills/")
    page.keyboard.press("?")
    keys = page.locator("#keys")
    for there in ["pick the row", "replay", "search"]:
        expect(keys.get_by_text(there, exact=True)).to_be_visible()
    for elsewhere in ["map", "assign", "add a mapping", "history"]:
        expect(keys.get_by_text(elsewhere, exact=True)).to_be_hidden()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_label("Number begins with")).to_be_focused()
    page.goto(f"/t/{acme.slug}/mappings/vendors/")
    page.get_by_role("button", name="Shortcuts").click()
    expect(keys.get_by_text("add a mapping", exact=True)).to_be_visible()
    expect(keys.get_by_text("replay", exact=True)).to_be_hidden()


def test_the_filter_is_folded_on_a_phone_only(page: Page, new_tenant) -> None:
    acme = new_tenant(bills=4)
    log_in(page, "accountant")
    page.goto(f"/t/{acme.slug}/bills/")
    field = page.get_by_label("Number begins with")
    expect(field).to_be_visible()
    with narrow(page):
        expect(field).to_be_hidden()
        page.locator(".mc-phonefold > summary").click()
        expect(field).to_be_visible()
        fits(page)
