"""Journeys: mapping by keys alone, a file with mistakes corrected, a change somebody approves."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from audit.ledger.models import Blocker, Posting
from connector.actions import mapping_usage
from connector.jobs import runner
from connector.tenants.models import Tenant
from mappings.decisions import decide
from mappings.models import EpicorVendor, ProposedMapping, VendorMapping
from tests.browser.looking import WAIT_MS, axe, dark, fits, log_in, narrow, wait_text

HEADER = "ramp_id,ramp_name,epicor_id,epicor_name,company\n"


def blocked_vendor(tenant: Tenant) -> tuple[str, Posting]:
    """A vendor without target and a bill that waits for nothing else."""
    for blocker in Blocker.objects.filter(posting__tenant=tenant, reason="vendor_unmapped"):
        if blocker.posting.blockers.count() == 1:
            return blocker.ramp_id, blocker.posting
    raise AssertionError("The world has no unmapped vendor.")


def vendor_for(posting: Posting) -> EpicorVendor:
    """An Epicor vendor that the bill can be entered under."""
    company = Blocker.objects.get(posting=posting).company
    found = EpicorVendor.objects.filter(tenant=posting.tenant, company=company, inactive=False)
    vendor = found.exclude(terms_code="").first()
    assert vendor is not None
    return vendor


def count(tenant: Tenant) -> None:
    job = mapping_usage.request_count(tenant)
    assert job is not None
    runner.run(job.pk)


def current(page: Page) -> Locator:
    return page.locator("tr[data-current]")


def choose(page: Page, code: str) -> None:
    """Type into the field that has the cursor, and take the first choice."""
    page.keyboard.type(code)
    page.locator(".mc-options:visible [role=option]").first.wait_for(timeout=WAIT_MS)
    expect(page.locator(".mc-options:visible")).to_contain_text(code)
    page.keyboard.press("Enter")


def test_vendors_are_mapped_by_keys_alone_and_a_bill_is_entered(page: Page, new_tenant) -> None:
    acme = new_tenant(bills=50)
    count(acme.tenant)
    ramp_id, posting = blocked_vendor(acme.tenant)
    vendor = vendor_for(posting)
    log_in(page, "accountant")
    page.goto(f"/t/{acme.slug}/mappings/vendors/?show=unmapped&start={ramp_id[:20]}")
    page.keyboard.press("j")
    expect(current(page)).to_contain_text("1 bill waits")
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Epicor target")).to_be_focused()
    choose(page, vendor.vendor_id)
    page.keyboard.press("Tab")  # the company
    page.keyboard.press("Tab")  # Save
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Save and replay 1 bill")).to_be_focused()
    page.keyboard.press("Enter")
    wait_text(page, f"Saved: {posting.vendor_name} → {vendor.vendor_id}.", within="#voices")
    wait_text(page, "1 entered", within="#jobs")
    posting.refresh_from_db()
    assert posting.in_epicor
    mapping = VendorMapping.objects.get(tenant=acme.tenant, ramp_id=ramp_id)
    assert (mapping.epicor_id, mapping.updated_by) == (vendor.vendor_id, "accountant")


def test_after_saving_the_next_row_has_the_focus(page: Page, new_tenant) -> None:
    acme = new_tenant(bills=20)
    count(acme.tenant)
    log_in(page, "accountant")
    page.goto(f"/t/{acme.slug}/mappings/vendors/?source=identity")
    rows = page.locator("tr[data-row]")
    first, second = (rows.nth(n).get_attribute("id") for n in (0, 1))
    target = rows.nth(0).locator("td").nth(1).locator(".mc-id").inner_text()
    page.keyboard.press("j")
    page.keyboard.press("m")
    expect(page.get_by_role("combobox", name="Epicor target")).to_be_focused()
    choose(page, target)
    page.keyboard.press("Enter")  # saves
    expect(page.locator(f"#{second}")).to_be_focused()
    expect(page.locator(f"#{first}")).to_contain_text("by hand")
    page.keyboard.press("Enter")  # and on with the next one
    expect(page.locator(f"#{second}").get_by_role("combobox", name="Epicor target")).to_be_focused()
    page.keyboard.press("Enter")  # nothing was chosen: the browser asks for it, nothing is sent
    expect(page.locator(f"#{second}").get_by_role("combobox", name="Epicor target")).to_be_focused()
    assert VendorMapping.objects.filter(tenant=acme.tenant, source="manual").count() == 1

    # History, and taking it away again, after asking.
    page.locator(f"#{first}").get_by_role("button", name=re.compile("History")).focus()
    page.keyboard.press("Enter")
    wait_text(page, "Mapped by accountant", within="#dialog")
    page.keyboard.press("Escape")
    page.locator(f"#{first}").get_by_role("button", name=re.compile("Change")).press("Enter")
    expect(page.locator(f"#{first}").get_by_role("combobox")).to_be_focused()
    page.get_by_role("button", name="Remove mapping …").press("Enter")
    wait_text(page, "Remove the mapping of", within="#dialog")
    axe(page)
    page.get_by_role("button", name="Remove mapping", exact=True).press("Enter")
    expect(page.locator(f"#{first}")).to_contain_text("mapped by Ramp (our ID)")
    assert not VendorMapping.objects.filter(tenant=acme.tenant, source="manual").exists()


def test_a_file_with_mistakes_is_corrected_and_imported(page: Page, new_tenant) -> None:
    acme = new_tenant(bills=50)
    ramp_id, posting = blocked_vendor(acme.tenant)
    vendor = vendor_for(posting)
    log_in(page, "accountant")
    page.goto(f"/t/{acme.slug}/mappings/vendors/")
    page.get_by_role("link", name="Import").click()

    def upload(text: str) -> None:
        file = {"name": "vendors.csv", "mimeType": "text/csv", "buffer": text.encode()}
        page.get_by_label("File").set_input_files(file)
        page.get_by_role("button", name="See what it does").click()

    upload(f"{HEADER}{ramp_id},,NOBODY,,\nnew-1,New Inc,,,\n")
    wait_text(page, "2 rows are wrong, so nothing can be imported.")
    wait_text(page, "No company has vendor 'NOBODY'")
    axe(page)
    with narrow(page):
        fits(page)
    assert not VendorMapping.objects.filter(tenant=acme.tenant, ramp_id=ramp_id).exists()

    page.get_by_role("link", name="Upload the corrected file").click()
    upload(f"{HEADER}{ramp_id},,{vendor.vendor_id},,\nnew-1,New Inc,{vendor.vendor_id},,\n")
    wait_text(page, "Clears 1 bill, ")
    wait_text(page, "New 2")
    page.get_by_role("button", name="Import 2 rows").click()
    wait_text(page, "2 new, 0 changed, 0 as they were. 1 bill is tried again.")
    wait_text(page, "1 entered")
    posting.refresh_from_db()
    assert posting.in_epicor
    assert VendorMapping.objects.filter(tenant=acme.tenant, source="import").count() >= 2


def test_a_change_counts_once_a_second_person_has_approved_it(new_page, new_tenant) -> None:
    acme = new_tenant(bills=20)
    base = f"/t/{acme.slug}/mappings/"
    boss, ann, pat = new_page(), new_page(), new_page()
    log_in(boss, "admin")
    boss.goto(f"{base}approvals/")
    boss.get_by_role("button", name="Have changes approved").click()
    wait_text(boss, "once somebody else has approved it")

    log_in(ann, "accountant")
    ann.goto(f"{base}vendors/")
    ann.keyboard.press("n")
    ann.get_by_label("Id in Ramp").fill("v-new")
    ann.get_by_label("Name in Ramp").fill("Newcomer")
    ann.get_by_role("combobox", name="Epicor target").focus()
    choose(ann, EpicorVendor.objects.filter(tenant=acme.tenant, inactive=False)[0].vendor_id)
    ann.get_by_role("button", name="Propose").press("Enter")
    wait_text(ann, "It counts once somebody else has approved it.")
    assert not VendorMapping.objects.filter(tenant=acme.tenant, ramp_id="v-new").exists()
    ann.goto(f"{base}approvals/")
    wait_text(ann, "An approver decides about these.")
    expect(ann.get_by_role("button", name="Approve")).to_have_count(0)

    # What the approver proposed while still an accountant cannot be picked.
    decide(
        acme.tenant.pk,
        "vendors",
        company="",
        ramp_id="v-own",
        ramp_name="Own",
        epicor_id=EpicorVendor.objects.filter(tenant=acme.tenant)[0].vendor_id,
        actor="approver",
    )
    log_in(pat, "approver")
    pat.goto(f"{base}approvals/")
    axe(pat)
    expect(pat.get_by_label("Pick Own")).to_be_disabled()
    wait_text(pat, "You proposed this yourself.")
    pat.keyboard.press("j")
    pat.keyboard.press("x")
    wait_text(pat, "1 change", within="[data-bulk-bar]")
    pat.get_by_role("button", name="Approve").press("Enter")
    wait_text(pat, "1 change approved.")
    mapping = VendorMapping.objects.get(tenant=acme.tenant, ramp_id="v-new")
    assert mapping.updated_by == "accountant"
    assert ProposedMapping.objects.get(tenant=acme.tenant, approved=None).ramp_id == "v-own"


def test_a_what_if_is_asked_by_typing_and_changes_nothing(page: Page, new_tenant) -> None:
    acme = new_tenant(bills=20)
    count(acme.tenant)
    entered = Posting.objects.filter(tenant=acme.tenant, state="confirmed", company="EPIC06")
    posting = entered.latest("pk")
    other = EpicorVendor.objects.filter(tenant=acme.tenant, company="EPIC06", inactive=False)
    other = other.exclude(vendor_num=posting.vendor_num).exclude(terms_code="")[0]
    before = VendorMapping.objects.filter(tenant=acme.tenant).count()
    log_in(page, "auditor")
    page.goto(f"/t/{acme.slug}/mappings/vendors/what-if/")
    page.get_by_role("combobox", name="Reference in Ramp").focus()
    choose(page, posting.vendor_name)
    page.get_by_role("combobox", name="Epicor target instead").focus()
    choose(page, other.vendor_id)
    page.get_by_label("Bills issued in the last").fill("365")
    page.get_by_role("button", name="Find out").press("Enter")
    wait_text(page, "would have been coded differently")
    wait_text(page, re.compile(r"Nothing was changed\. Asked by auditor"))
    expect(page.get_by_role("link", name=posting.invoice_num)).to_be_visible(timeout=WAIT_MS)
    wait_text(page, f"→ {other.vendor_id}")
    axe(page)
    with narrow(page):
        fits(page)
    assert VendorMapping.objects.filter(tenant=acme.tenant).count() == before


@pytest.mark.parametrize(
    "address",
    ["vendors/", "gl_accounts/", "vendors/import/", "vendors/what-if/", "approvals/"],
)
def test_readable_for_everybody_on_every_screen(page: Page, demo_tenant, address: str) -> None:
    count(demo_tenant.tenant)
    log_in(page, "accountant")
    page.goto(f"/t/demo/mappings/{address}")
    axe(page)
    with dark(page):
        axe(page)
    with narrow(page):
        fits(page)
        axe(page)
