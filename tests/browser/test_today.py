"""Today in the browser: a sync is asked for, seen moving, and its figures come by themselves."""

import re

from playwright.sync_api import Page, expect

from audit.ledger.models import Posting
from tests.browser.conftest import NewTenant
from tests.browser.looking import axe, log_in, wait_text


def test_a_sync_is_seen_to_its_end_without_loading_the_page_again(
    page: Page, new_tenant: NewTenant
) -> None:
    acme = new_tenant(bills=12, synced=False)
    log_in(page, "accountant")
    page.goto(f"/t/{acme.slug}/")
    wait_text(page, "Nothing was read from Ramp yet.")
    axe(page)
    page.evaluate("window.stays = true")
    page.get_by_role("button", name="Sync now").dblclick()
    expect(page.locator("progress")).to_be_visible()
    told = re.compile(r"Last sync .*: \d+ read from Ramp \(.*\d+ new.*\), \d+ entered")
    wait_text(page, told, within="#cycle")
    entered = Posting.objects.filter(tenant=acme.tenant, entered_at__isnull=False).count()
    assert entered
    card = page.get_by_role("region", name="Entered today")
    expect(card.locator(".mc-count")).to_have_text(str(entered))
    seen = Posting.objects.filter(tenant=acme.tenant).count()
    wait_text(page, f"{entered} of the {seen} bills", within="#month")
    assert page.evaluate("window.stays")
    axe(page)


def test_the_chart_and_its_table_say_the_same(page: Page, demo_tenant) -> None:
    log_in(page, "auditor")
    page.goto("/t/demo/")
    table = page.get_by_role("region", name="Entered by day")
    expect(table).to_be_visible()
    today = table.get_by_role("row").nth(2).get_by_role("cell")
    bars = page.evaluate("Chart.getChart(document.querySelector('canvas')).data.datasets[0].data")
    assert str(bars[-1]) == today.nth(1).inner_text()
    assert page.get_by_role("button", name="Sync now").count() == 0
