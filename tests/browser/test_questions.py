"""What Epicor asks, answered in a real browser: for one bill, for all, and taken back."""

import re

from playwright.sync_api import Page, expect

from audit.ledger.models import Posting
from connector.sync.bills.run import run_cycle
from connector.sync.models import AcceptedQuestion
from connector.tenants.models import PostingSettings
from tests.browser.conftest import Acme, NewTenant
from tests.browser.looking import axe, dark, fits, log_in, narrow, wait_text
from tests.browser.test_exceptions import cause, open_exceptions
from tests.journeys import truth

TEXT = "Invoice {InvoiceNum} of {VendorNumVendorID} is dated in the future. Continue?"
ONCE, ALWAYS = "Accept and continue", "Accept for every bill"


def asking(new_tenant: NewTenant, text: str, *where: str) -> tuple[Acme, list[Posting]]:
    """A tenant whose Epicor asks in each bill, and the bills that wait for it."""
    acme = new_tenant(bills=12, synced=False)
    PostingSettings.objects.filter(tenant=acme.tenant).update(writer="by_the_book", lanes=1)
    acme.box.epicor.app.ask_next(text, *where, always=True)
    run_cycle(acme.tenant)
    held = Posting.objects.filter(tenant=acme.tenant, hold_reason="asked")
    return acme, list(held.order_by("due_on", "pk"))


def test_a_question_is_answered_for_a_bill_then_for_all_and_then_taken_back(
    page: Page, new_tenant: NewTenant
) -> None:
    acme, held = asking(new_tenant, TEXT, "ChangeInvoiceDateWithDateCheck")
    first, rest = held[0], len(held) - 1
    assert rest > 1
    open_exceptions(page, acme)
    box = cause(page, "Epicor asked a question")
    box.locator("summary").click()
    row = box.locator(".mc-bill").filter(has_text=first.invoice_num).first
    expect(row).to_contain_text(f"“Invoice {first.invoice_num} of")
    expect(row).to_contain_text("when the invoice date was put in")
    axe(page)
    row.get_by_role("button", name=ONCE).click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("1 bill")
    expect(dialog).to_contain_text(f"“Invoice {first.invoice_num} of")
    axe(page, "#dialog")
    dialog.get_by_role("button", name="Pass over and replay").click()
    wait_text(page, re.compile(r"Done\.\s+1 entered"))
    assert len(truth.ledger(acme.box)[first.bill_id]) == 1
    assert Posting.objects.filter(tenant=acme.tenant, hold_reason="asked").count() == rest

    box.locator(".mc-bill").first.get_by_role("button", name=ALWAYS).click()
    expect(dialog).to_contain_text(f"{rest} bills")
    expect(dialog).to_contain_text("From now on this question stops no bill")
    axe(page, "#dialog")
    dialog.get_by_role("button", name=f"Remember and replay {rest} bills").click()
    wait_text(page, re.compile(rf"Done\.\s+{rest} entered"))
    expect(box.locator(".mc-cause")).to_be_hidden()
    truth.check(acme.box)

    log_in(page, "admin")
    page.goto(f"/t/{acme.slug}/settings/")
    known = page.locator(".mc-questions li")
    expect(known).to_contain_text("is dated in the future. Continue?”")
    expect(known).to_contain_text("accountant")
    axe(page)
    known.get_by_role("button", name="Ask again").click()
    wait_text(page, "stops bills again")
    expect(page.locator("#questions ~ .mc-empty")).to_contain_text("None")
    assert not AcceptedQuestion.objects.filter(tenant=acme.tenant, bill_id="").exists()


def test_what_only_epicor_can_settle_says_so_and_is_replayed_once_it_is(
    page: Page, new_tenant: NewTenant
) -> None:
    acme, held = asking(new_tenant, "A legal number is required for {InvoiceNum}.")
    open_exceptions(page, acme)
    box = cause(page, "Epicor asked a question")
    box.locator("summary").click()
    row = box.locator(".mc-bill").first
    expect(row).to_contain_text("This can only be settled in Epicor")
    expect(row.get_by_role("button", name=ONCE)).to_have_count(0)
    with dark(page):
        box.locator("summary").click()
        axe(page)
    with narrow(page):
        box.locator("summary").click()
        expect(row).to_be_visible()
        fits(page)
    acme.box.epicor.app.ask_no_more()
    box.locator("summary").click()
    box.get_by_role("button", name="Replay", exact=True).click()
    page.locator("#dialog").get_by_role("button", name="Replay").click()
    wait_text(page, re.compile(rf"Done\.\s+{len(held)} entered"))
    truth.check(acme.box)
