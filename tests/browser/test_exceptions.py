"""Exceptions in a real browser: fixed in place, in few clicks, by several people, by keys alone."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from playwright.sync_api import Locator, Page, expect

from audit.ledger.exceptions import name_of as cause_name
from audit.ledger.models import Blocker, Posting
from audit.trail.models import AuditEntry
from connector.domain.difference import Difference, stored
from connector.sync.bills.run import run_cycle
from connector.tenants.models import Tenant
from connector.web.templatetags.connector_ui import money as format_money
from mappings.models import DimensionMapping, GLAccountMapping, VendorMapping
from tests.browser.conftest import Acme, NewTenant
from tests.browser.looking import Watch, axe, dark, fits, log_in, narrow, wait_text
from tests.journeys import truth

Model = type[VendorMapping] | type[GLAccountMapping] | type[DimensionMapping]


def forget(acme: Acme, model: Model, ramp_ids: list[str]) -> None:
    """These references are not mapped."""
    model._default_manager.filter(tenant=acme.tenant, ramp_id__in=ramp_ids).delete()


def vendors_by_use(acme: Acme) -> list[str]:
    """The mapped Ramp vendors, the one with the most bills that could be entered first."""
    mapped = set(VendorMapping.objects.filter(tenant=acme.tenant).values_list("ramp_id", flat=True))
    fine = {b for b, p in acme.box.world.expected().items() if p.outcome == "entered"}
    bills = [bill for bill in acme.box.world.ramp["bills"] if bill["id"] in fine]
    used = Counter(bill["vendor"]["id"] for bill in bills)
    return [vendor for vendor, _ in used.most_common() if vendor in mapped]


def unmapped(new_tenant: NewTenant, *, bills: int, vendors: int) -> tuple[Acme, list[str]]:
    """A tenant whose most used vendors are not mapped, after its first cycle."""
    acme = new_tenant(bills=bills, synced=False)
    chosen = vendors_by_use(acme)[:vendors]
    forget(acme, VendorMapping, chosen)
    run_cycle(acme.tenant)
    return acme, chosen


def waiting(tenant: Tenant, **wanted: Any) -> list[Posting]:
    """The bills that wait."""
    return list(Posting.objects.filter(tenant=tenant, hold_reason__gt="", **wanted))


def money(postings: list[Posting]) -> list[str]:
    """Their totals per currency, as the page writes them."""
    sums: dict[str, Decimal] = {}
    for posting in postings:
        sums[posting.currency] = sums.get(posting.currency, Decimal(0)) + Decimal(
            posting.amount or 0
        )
    return [format_money(total, currency) for currency, total in sums.items()]


def cause(page: Page, text: str | re.Pattern[str]) -> Locator:
    """The first cause with this in its title."""
    title = page.locator("h2").filter(has_text=text)
    return page.locator(".mc-causebox").filter(has=title).first


def no_reload(page: Page) -> Callable[[], None]:
    """Call it now, and what it returns at the end: the page was not loaded again."""
    page.evaluate("window.notReloaded = true")
    return lambda: expect_true(page.evaluate("window.notReloaded === true"))


def expect_true(value: bool) -> None:
    assert value


def open_exceptions(page: Page, acme: Acme, who: str = "accountant") -> None:
    log_in(page, who)
    page.goto(f"/t/{acme.slug}/exceptions/")


def test_an_unmapped_vendor_is_fixed_in_one_click_and_its_bills_seen_entered(
    page: Page, new_tenant: NewTenant
) -> None:
    acme, (vendor,) = unmapped(new_tenant, bills=20, vendors=1)
    held = waiting(acme.tenant, vendor_ramp_id=vendor)
    assert len(held) >= 1
    open_exceptions(page, acme)
    still_here = no_reload(page)
    box = cause(page, held[0].vendor_name)
    expect(box).to_contain_text(f"{len(held)} bill")
    box.locator("summary").click()
    best = box.locator(".mc-suggestions button").first
    expect(best).to_have_text(re.compile(rf"^\s*Map and replay {len(held)} · .*\d "))
    expect(box.locator(".mc-suggestions")).to_contain_text("same name")

    best.click()

    wait_text(page, re.compile(rf"Done\.\s+{len(held)} entered"))
    for total in money(held):
        expect(box).to_contain_text(total)
    expect(box.locator(".mc-cause")).to_be_hidden()  # nothing waits for it any more
    still_here()
    assert waiting(acme.tenant, vendor_ramp_id=vendor) == []
    mapping = VendorMapping.objects.get(tenant=acme.tenant, ramp_id=vendor)
    assert mapping.updated_by == "accountant"
    truth.check(acme.box)


def test_fifty_exceptions_of_six_causes_take_at_most_twenty_clicks(
    page: Page, new_tenant: NewTenant
) -> None:
    acme = new_tenant(bills=150, synced=False)
    forget(acme, VendorMapping, vendors_by_use(acme)[:4])
    accounts = GLAccountMapping.objects.filter(tenant=acme.tenant).values_list("ramp_id", flat=True)
    used = Counter(
        choice["external_id"]
        for bill in acme.box.world.ramp["bills"]
        for line in bill["line_items"]
        for choice in line["accounting_field_selections"]
    )
    busy = [code for code, _ in used.most_common() if code in set(accounts)][:1]
    forget(acme, GLAccountMapping, busy)
    centers = DimensionMapping.objects.filter(tenant=acme.tenant)
    center = next(c for c, _ in used.most_common() if centers.filter(ramp_id=c).exists())
    forget(acme, DimensionMapping, [center])
    run_cycle(acme.tenant)
    planned = {b for b, p in acme.box.world.expected().items() if p.outcome != "entered"}
    ours = [p for p in waiting(acme.tenant) if p.bill_id not in planned]
    assert len(ours) >= 50
    rows = Blocker.objects.filter(posting__in=ours).order_by("kind", "ramp_id", "company")
    names = ("reason", "kind", "ramp_id", "company")
    keys = list(dict.fromkeys(cause_name(key) for key in rows.values_list(*names)))
    assert len(keys) >= 6
    clicks = 0

    def click(what: Locator) -> None:
        nonlocal clicks
        clicks += 1
        what.click()

    open_exceptions(page, acme)
    still_here = no_reload(page)
    for key in keys:
        box = page.locator(f"#box-{key}")
        click(box.locator("summary"))
        click(box.locator(".mc-suggestions button").first)
        wait_text(page, "Done.", within=f"#box-{key}")
    still_here()
    left = [p for p in waiting(acme.tenant) if p.bill_id not in planned]
    assert left == []
    assert clicks <= 20
    truth.check(acme.box)


def test_two_accountants_and_a_double_click_enter_nothing_twice(
    new_page: Callable[..., Page], new_tenant: NewTenant
) -> None:
    acme, (vendor,) = unmapped(new_tenant, bills=20, vendors=1)
    held = waiting(acme.tenant, vendor_ramp_id=vendor)
    pages = [new_page(), new_page()]
    buttons = []
    for page in pages:
        open_exceptions(page, acme)
        box = cause(page, held[0].vendor_name)
        box.locator("summary").click()
        buttons.append(box.locator(".mc-suggestions button").first)
        expect(buttons[-1]).to_be_visible()

    # Both at once, each with a double click: no waiting in between.
    for button in buttons:
        button.evaluate("(one) => { one.click(); one.click(); }")

    for page in pages:
        wait_text(page, re.compile(rf"Done\.\s+{len(held)} entered"))
    ledger = truth.ledger(acme.box)
    assert all(len(ledger[posting.bill_id]) == 1 for posting in held)
    trail = AuditEntry.objects.filter(tenant=acme.tenant, actor="accountant")
    ids = [posting.bill_id for posting in held]
    assert trail.filter(action="posting.replayed", subject_id__in=ids).count() == len(held)
    assert trail.filter(action="mapping_created").count() == 1


def test_the_list_refreshes_itself_when_somebody_else_settles_a_bill(
    page: Page, new_tenant: NewTenant
) -> None:
    acme, (vendor,) = unmapped(new_tenant, bills=20, vendors=1)
    held = waiting(acme.tenant, vendor_ramp_id=vendor)
    open_exceptions(page, acme)
    still_here = no_reload(page)
    box = cause(page, held[0].vendor_name)
    box.locator("summary").click()
    rows = box.locator(".mc-bill")
    expect(rows).to_have_count(len(held))
    typed = box.get_by_role("combobox", name="Epicor vendor")
    typed.fill("half a na")
    Posting.objects.filter(pk=held[0].pk).update(hold_reason="", state="dismissed")
    page.evaluate("htmx.trigger('body', 'bills-changed')")
    if len(held) > 1:
        expect(rows).to_have_count(len(held) - 1)
        assert typed.input_value() == "half a na"
    else:
        expect(box.locator(".mc-cause")).to_be_hidden()
    still_here()


def test_keys_alone_are_enough(page: Page, new_tenant: NewTenant) -> None:
    acme, (vendor,) = unmapped(new_tenant, bills=20, vendors=1)
    held = waiting(acme.tenant, vendor_ramp_id=vendor)
    target = "same name"
    open_exceptions(page, acme)
    keys = page.keyboard

    keys.press("/")
    expect(page.get_by_label("Vendor or number")).to_be_focused()
    keys.type(held[0].vendor_name[:6])
    keys.press("Enter")
    page.wait_for_url("**q=**")
    keys.press("j")
    expect(page.locator("[data-current]")).to_contain_text(held[0].vendor_name)
    keys.press("Enter")  # opens the cause
    expect(page.locator(".mc-causebody")).to_contain_text(target)
    keys.press("j")
    expect(page.locator("[data-current]")).to_have_class(re.compile("mc-bill"))
    keys.press("x")
    expect(page.locator("[data-bulk-count]")).to_have_text(re.compile("^1 bill, "))

    keys.press("a")
    expect(page.locator("#dialog")).to_contain_text("Assign")
    expect(page.get_by_label("Who looks after it")).to_be_focused()
    keys.type("acc")
    keys.press("Tab")
    keys.press("Enter")
    expect(page.locator(".mc-bill .mc-label").first).to_have_text("accountant")

    keys.press("j")
    keys.press("r")
    expect(page.locator("#dialog")).to_contain_text("tried again now")
    keys.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()

    keys.press("m")
    typed = page.get_by_role("combobox", name="Epicor vendor")
    expect(typed).to_be_focused()
    keys.type(held[0].vendor_name.split()[0])
    expect(page.locator("[role=option]").first).to_be_visible()
    keys.press("Enter")  # takes the first one
    expect(page.locator("[role=option]").first).to_be_hidden()
    keys.press("Enter")  # sends it
    wait_text(page, re.compile(rf"Done\.\s+{len(held)} entered"))


def test_an_invoice_typed_by_hand_is_called_ours(page: Page, new_tenant: NewTenant) -> None:
    acme = new_tenant(bills=12, synced=False)
    rows = acme.box.world.expected().items()
    bill_id, plan = next((b, p) for b, p in rows if p.outcome == "entered")
    acme.box.epicor.app.type_invoice(
        plan.company,
        plan.vendor_num,
        f"inv {plan.invoice_num.lower()}.",
        plan.total,
        day=plan.invoice_date,
        apply_day=plan.apply_date,
        currency=plan.currency,
    )
    run_cycle(acme.tenant)
    open_exceptions(page, acme)
    box = cause(page, "Possible duplicate")
    box.locator("summary").click()
    expect(box.locator(".mc-pair")).to_contain_text(f"inv {plan.invoice_num.lower()}.")
    box.get_by_role("button", name="This is the same invoice").click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("Nothing is entered or changed in Epicor")
    dialog.get_by_role("button", name="This is the same invoice").click()
    wait_text(page, "Ramp is told with the next run.")
    expect(box.locator(".mc-cause")).to_be_hidden()
    assert bill_id not in truth.ledger(acme.box)
    assert Posting.objects.get(tenant=acme.tenant, bill_id=bill_id).adopted


def test_an_entered_invoice_is_removed_after_its_plan_was_seen(
    page: Page, new_tenant: NewTenant
) -> None:
    acme = new_tenant(bills=12)
    posting = Posting.objects.filter(tenant=acme.tenant, state="confirmed").first()
    assert posting is not None
    Posting.objects.filter(pk=posting.pk).update(
        hold_reason="mismatch",
        hold_message="It differs.",
        hold_detail={"differences": stored([Difference("total", "2", "1")])},
    )
    open_exceptions(page, acme)
    box = cause(page, "In Epicor, but not as in Ramp")
    box.locator("summary").click()
    expect(box.locator(".mc-pair")).to_contain_text(re.compile(r"total1(\.0+)? [A-Z]{3}"))
    box.get_by_role("button", name="Remove and enter again").click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("deleted in Epicor", timeout=20_000)
    expect(dialog).to_contain_text(posting.invoice_num)
    axe(page, "#dialog")
    dialog.get_by_label("Why").fill("entered with a wrong total")
    dialog.get_by_role("button", name="Remove and enter again").click()
    wait_text(page, "was deleted in Epicor")
    expect(box.locator(".mc-cause")).to_be_hidden()


def test_the_page_of_a_bill_follows_it_out_of_epicor_and_in_again(
    page: Page, new_tenant: NewTenant
) -> None:
    acme = new_tenant(bills=12)
    posting = Posting.objects.filter(tenant=acme.tenant, state="confirmed").first()
    assert posting is not None
    log_in(page, "accountant")
    page.goto(f"/t/{acme.slug}/bills/{posting.bill_id}")
    still_here = no_reload(page)
    page.get_by_role("button", name="Remove and enter again").click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("deleted in Epicor", timeout=20_000)
    dialog.get_by_label("Why").fill("entered with a wrong total")
    dialog.get_by_role("button", name="Remove and enter again").click()
    wait_text(page, "was deleted in Epicor", within="#outcome")
    state = page.locator(".mc-billhead")
    expect(state).not_to_contain_text("Entered, marked as synced", timeout=20_000)
    run_cycle(acme.tenant)  # the worker may do it first: it is done once
    expect(state).to_contain_text("Entered", timeout=20_000)
    wait_text(page, "was deleted in Epicor", within="#outcome")  # what was said stays
    still_here()


def test_exceptions_are_accessible_light_dark_and_on_a_phone(
    page: Page, new_tenant: NewTenant
) -> None:
    acme, _ = unmapped(new_tenant, bills=60, vendors=2)
    open_exceptions(page, acme)
    axe(page)
    for box in page.locator(".mc-causebox").all()[:4]:
        box.locator("summary").click()
        expect(box.locator(".mc-causebody")).to_be_visible()
    page.locator("[data-pick]").first.check()
    axe(page)
    page.get_by_role("button", name="Snooze").first.click()
    expect(page.get_by_label("Show again on")).to_be_focused()
    axe(page)
    page.keyboard.press("Escape")
    with dark(page):
        page.locator(".mc-causebox summary").first.click()
        expect(page.locator(".mc-causebody").first).to_be_visible()
        axe(page)
    with narrow(page):
        for box in page.locator(".mc-causebox").all()[:3]:
            box.locator("summary").click()
            expect(box.locator(".mc-causebody")).to_be_visible()
        fits(page)


def test_nothing_waits(page: Page, new_tenant: NewTenant) -> None:
    acme = new_tenant(bills=12)
    open_exceptions(page, acme, "auditor")
    wait_text(page, "Nothing waits for a person")
    axe(page)


def test_a_bill_whose_number_is_taken_is_entered_under_another_one(
    page: Page, new_tenant: NewTenant, watch: Watch
) -> None:
    watch.expect("422")  # the number that it has already
    acme = new_tenant(bills=12, synced=False)
    fine = [item for item in acme.box.world.expected().items() if item[1].outcome == "entered"]
    bill_id, plan = fine[0]
    acme.box.epicor.app.type_invoice(
        plan.company,
        plan.vendor_num,
        plan.invoice_num,
        plan.total + 1,
        day=plan.invoice_date - timedelta(days=60),
        apply_day=plan.apply_date,
        currency=plan.currency,
    )
    run_cycle(acme.tenant)
    open_exceptions(page, acme)
    still_here = no_reload(page)
    box = cause(page, "Possible duplicate")
    box.locator("summary").first.click()
    row = box.locator(".mc-bill").filter(has_text=plan.invoice_num).first
    row.get_by_role("button", name="Change invoice number").click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("same number")
    expect(dialog).to_contain_text("jsmith")
    axe(page)
    page.set_viewport_size({"width": 390, "height": 844})  # an open dialog does not live a reload
    fits(page)
    number = dialog.get_by_label("Number in Epicor")
    expect(number).to_have_value("")
    number.fill(plan.invoice_num.lower())
    dialog.get_by_label("Why").fill("They write it on every bill.")
    dialog.get_by_role("button", name="Enter it under this number").click()
    expect(dialog).to_contain_text("the number that it has already")
    fits(page)
    number.fill("RENT 2026-11")

    dialog.get_by_role("button", name="Enter it under this number").click()

    wait_text(page, re.compile(r"Done\.\s+1 entered"))
    still_here()
    posting = Posting.objects.get(tenant=acme.tenant, bill_id=bill_id)
    assert (posting.invoice_num, posting.given_by) == ("RENT 2026-11", "accountant")
    (invoice,) = truth.ledger(acme.box)[bill_id]
    assert truth.seen(invoice) == {**truth.planned(plan), "invoice_num": "RENT 2026-11"}
    page.goto(f"/t/{acme.slug}/bills/{bill_id}")
    wait_text(page, f"Number in Ramp {plan.invoice_num}, entered as RENT 2026-11")
    axe(page)
    with narrow(page):
        fits(page)
