"""What the scripts do by data attributes, each tried on a small page in a real browser."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from connector.http_server.middleware import _POLICY

_HEAD = """<!doctype html><html lang="en"><head><title>Try</title>
<link rel="icon" href="/static/connector/icon.svg">
<link rel="stylesheet" href="/static/connector/app.css">
<script src="/static/unfold/js/htmx/htmx.js"></script>
<script src="/static/unfold/js/chart/chart.js"></script>
<script type="module" src="/static/connector/js/app.js"></script></head>
<body><div class="mc" hx-headers='{"X-CSRFToken": "token"}'>"""
_TAIL = """<dialog id="dialog"></dialog>
<dialog id="keys"><h2>Keys</h2><button data-close>Close</button></dialog>
<div id="voices" class="mc-voices"><p role="status"></p><p role="alert"></p></div></div></body>"""
Try = Callable[[str], Page]
Answer = Callable[..., None]


@pytest.fixture
def answer(page: Page) -> Answer:
    """answer("/address", body, status=…) -> what the server says there."""

    def put(path: str, body: str = "", **options: Any) -> None:
        page.route(f"**{path}", lambda route: route.fulfill(body=body, **options))

    return put


@pytest.fixture
def try_page(page: Page, answer: Answer) -> Try:
    """A page with this in it, under the policy of the real ones."""

    def show(html: str) -> Page:
        headers = {"Content-Type": "text/html", "Content-Security-Policy": _POLICY}
        answer("/try", _HEAD + html + _TAIL, headers=headers)
        page.goto("/try")
        return page

    return show


ROW = """<li data-row tabindex="-1" id="{id}"><label><input type="checkbox" data-pick
 data-amount="{amount}" data-currency="{currency}"> {id}</label>{more}</li>"""
FIRST = """<a href="#opened-1" data-open>open</a>
<button type="button" data-key="r" id="r1">r</button>"""
THIRD = "<details><summary data-open>more</summary>there</details>"
LIST = f"""
<input data-search aria-label="Search">
<form id="many" data-bulk>
 <div data-bulk-bar hidden><span data-bulk-count></span></div>
 <label><input type="checkbox" data-pick-all> all</label>
 <ul data-list>
  {ROW.format(id="one", amount="0.1", currency="USD", more=FIRST)}
  {ROW.format(id="two", amount="1200.2", currency="USD", more=FIRST.replace("1", "2"))}
  {ROW.format(id="three", amount="-5000", currency="JPY", more=THIRD)}
 </ul>
</form>
<i id="pressed"></i>
"""


def note_clicks(page: Page) -> None:
    page.evaluate(
        """() => document.addEventListener("click", ({ target }) => {
          if (target.matches("button")) document.querySelector("#pressed").append(target.id + " ");
        })"""
    )


def test_keys_walk_the_rows_open_and_pick_them(try_page: Try) -> None:
    page = try_page(LIST)
    page.keyboard.press("j")
    expect(page.locator("#one")).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator("#one")).to_have_attribute("data-current", "")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_label("two", exact=True)).to_be_checked()
    page.keyboard.press("Enter")
    page.wait_for_url("**/try#opened-2")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_text("there")).to_be_visible()


def test_a_row_that_was_swapped_away_leaves_its_place(try_page: Try) -> None:
    page = try_page(LIST)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.evaluate("document.querySelector('#two').remove()")
    page.keyboard.press("j")
    expect(page.locator("#three")).to_be_focused()


def test_a_key_presses_the_button_of_the_current_row_and_of_no_other(try_page: Try) -> None:
    page = try_page(LIST)
    note_clicks(page)
    page.keyboard.press("r")  # no row was chosen
    expect(page.get_by_text("Choose a row first")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("r")
    page.keyboard.press("j")
    page.keyboard.press("r")  # the third row has none
    expect(page.get_by_text("This row has nothing for that key.")).to_be_visible()
    expect(page.locator("#pressed")).to_have_text("r2")


BOXES = """
<div data-list>
 <section data-keys>
  <div data-row id="head-1" tabindex="-1"><button id="all-1" data-key="r">all</button></div>
  <button id="map-1" data-key="m">m</button>
  <div data-row id="bill-1" tabindex="-1">one</div></section>
 <section data-keys><div data-row id="head-2" tabindex="-1">two</div>
  <div data-row id="bill-2" tabindex="-1">two</div></section>
</div>
<i id="pressed"></i>
"""


def test_a_key_reaches_its_box_and_neither_another_row_nor_another_box(try_page: Try) -> None:
    page = try_page(BOXES)
    note_clicks(page)
    page.locator("#bill-1").focus()
    page.keyboard.press("r")  # would replay all bills of the box
    page.keyboard.press("m")
    page.locator("#bill-2").focus()
    page.keyboard.press("m")
    page.keyboard.press("r")
    expect(page.locator("#pressed")).to_have_text("map-1")


UNREAD = """
<form data-bulk><div data-bulk-bar hidden><span data-bulk-count></span></div>
<input type="checkbox" data-pick aria-label="one" data-amount="30108.91" data-currency="USD">
<input type="checkbox" data-pick aria-label="two" data-amount="" data-currency="USD"></form>
"""


def test_a_sum_says_which_amounts_are_not_in_it(try_page: Try) -> None:
    page = try_page(UNREAD)
    page.get_by_label("one").check()
    page.get_by_label("two").check()
    text = "2 bills, 30,108.91 USD + 1 amount unreadable"
    expect(page.locator("[data-bulk-bar]")).to_have_text(text)


@pytest.mark.parametrize("modifier", ["Control", "Alt", "Meta"])
def test_no_key_works_with_a_modifier_or_while_typing(try_page: Try, modifier: str) -> None:
    page = try_page(LIST)
    note_clicks(page)
    page.keyboard.press(f"{modifier}+j")
    expect(page.locator("[data-current]")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("jxr?")
    expect(page.locator("[data-search]")).to_have_value("jxr?")
    expect(page.locator("[data-current]")).to_have_count(0)
    expect(page.locator("#pressed")).to_have_text("")
    expect(page.locator("#keys")).to_be_hidden()


def test_what_is_picked_is_counted_and_added_exactly_per_currency(try_page: Try) -> None:
    page = try_page(LIST)
    bar = page.locator("[data-bulk-bar]")
    expect(bar).to_be_hidden()
    page.get_by_label("one", exact=True).check()
    expect(bar).to_have_text("1 bill, 0.1 USD")
    page.get_by_label("two", exact=True).check()
    expect(bar).to_have_text("2 bills, 1,200.3 USD")
    page.get_by_label("all").check()
    expect(bar).to_have_text("3 bills, -5,000 JPY + 1,200.3 USD")
    page.get_by_label("one", exact=True).uncheck()
    assert page.evaluate("document.querySelector('[data-pick-all]').indeterminate")
    page.get_by_label("all").check()
    page.get_by_label("all").uncheck()
    expect(bar).to_be_hidden()


def test_help_opens_and_closes_by_key_and_hides_what_is_behind(try_page: Try) -> None:
    page = try_page(LIST)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator("[data-current]")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("?")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#keys")).to_be_hidden()


COMBO = """
<form data-bulk><label for="v">Vendor</label>
<div data-typeahead="/choices?kind=vendors"><input id="v" type="text" name="text">
<input type="hidden" name="vendor"></div>
<button>Send</button></form>
"""


def choices(page: Page, fits: Callable[[str], list[dict[str, str]]]) -> list[str]:
    """Answer the type-ahead; the list of what was asked grows."""
    asked: list[str] = []

    def say(route: Route) -> None:
        query = route.request.url.partition("q=")[2]
        asked.append(query)
        route.fulfill(json={"items": fits(query)})

    page.route("**/choices?kind=vendors&q=*", say)
    return asked


def test_a_combobox_is_filled_with_keys_alone(try_page: Try, page: Page) -> None:
    vendors = [{"id": "7", "name": "Acme", "note": "92"}, {"id": "8", "name": "Acme & Co"}]
    asked = choices(page, lambda query: vendors)
    try_page(COMBO)
    field = page.get_by_role("combobox", name="Vendor")
    field.fill("ac")
    expect(page.get_by_role("option")).to_have_count(2)
    assert asked == ["ac"]
    expect(field).to_have_attribute("aria-expanded", "true")
    expect(field).to_have_attribute("aria-activedescendant", "options-1-0")
    field.press("ArrowDown")
    expect(page.get_by_role("option", name="Acme & Co")).to_have_attribute("aria-selected", "true")
    field.press("Enter")
    expect(field).to_have_value("Acme & Co")
    expect(page.locator("[name=vendor]")).to_have_value("8")
    expect(field).to_have_attribute("aria-expanded", "false")
    field.press_sequentially("x")
    expect(page.locator("[name=vendor]")).to_have_value("")  # no longer the choice


def test_a_combobox_says_when_nothing_fits_and_sends_no_text_that_is_no_choice(
    try_page: Try, page: Page
) -> None:
    choices(page, lambda query: [])
    try_page(COMBO)
    field = page.get_by_role("combobox", name="Vendor")
    field.press_sequentially("zzz")
    expect(page.get_by_role("option")).to_have_text("Nothing fits.")
    field.press("Escape")
    expect(page.get_by_role("option")).to_be_hidden()
    field.press("Enter")
    assert (
        page.evaluate("document.querySelector('#v').validationMessage")
        == "Choose one from the list."
    )
    assert page.url.endswith("/try")


def test_an_answer_that_comes_late_does_not_replace_a_newer_one(try_page: Try, page: Page) -> None:
    held: list[Route] = []

    def say(route: Route) -> None:
        if route.request.url.endswith("q=a"):
            held.append(route)
        else:
            route.fulfill(json={"items": [{"id": "2", "name": "New"}]})

    page.route("**/choices?kind=vendors&q=*", say)
    try_page(COMBO)
    field = page.get_by_role("combobox", name="Vendor")
    with page.expect_request("**/choices*q=a"):
        field.press_sequentially("a")
    field.press_sequentially("b")
    expect(page.get_by_role("option")).to_have_text("New")
    with page.expect_response("**/choices*q=a"):
        held[0].fulfill(json={"items": [{"id": "1", "name": "Old"}]})
    page.evaluate("new Promise(requestAnimationFrame)")
    expect(page.get_by_role("option")).to_have_text("New")


def test_a_list_that_cannot_be_fetched_is_said(try_page: Try, page: Page, watch, answer) -> None:
    watch.expect("500")
    answer("/choices?kind=vendors&q=*", status=500)
    try_page(COMBO)
    page.get_by_role("combobox", name="Vendor").press_sequentially("a")
    expect(page.get_by_role("option")).to_contain_text("could not be fetched")


def test_a_form_is_sent_once(try_page: Try, page: Page) -> None:
    sent: list[str | None] = []

    def take(route: Route) -> None:
        sent.append(route.request.post_data)
        route.fulfill(status=204)  # the page stays

    page.route("**/act", take)
    try_page(
        '<form method="post" action="/act" data-submit-once>'
        '<button name="do" value="it">Do</button></form>'
    )
    page.evaluate("() => { const b = document.querySelector('button'); b.click(); b.click(); }")
    expect(page.get_by_role("button", name="Do")).to_be_disabled()
    page.evaluate("document.querySelector('form').requestSubmit()")
    with page.expect_request("**/try"):
        page.reload()
    assert sent == ["do=it"]


def test_a_button_asks_before_it_acts(try_page: Try) -> None:
    page = try_page(
        '<form action="#gone"><button type="button" data-confirm="#sure">Remove</button>'
        '<dialog id="sure"><p>Sure?</p><button type="button" data-close>No</button>'
        "<button>Yes</button></dialog></form>"
    )
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="No").click()
    expect(page.locator("#sure")).to_be_hidden()


def test_copying_says_so(try_page: Try, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    try_page('<button data-copy="b-123">Copy</button>')
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "b-123"


def test_what_comes_into_the_dialog_opens_it_and_its_end_closes_it(
    try_page: Try, page: Page, answer: Answer
) -> None:
    answer(
        "/ask",
        '<form hx-post="/act" hx-target="#list"><label>Why <input name="why"></label>'
        "<button>Go</button></form>",
    )
    answer("/act", "<p>done</p>")
    try_page('<div id="list"></div><button hx-get="/ask" hx-target="#dialog">Ask</button>')
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_label("Why")).to_be_focused()
    with page.expect_request("**/act") as act:
        page.get_by_role("button", name="Go").click()
    assert act.value.headers["x-csrftoken"] == "token"
    expect(page.locator("#list")).to_have_text("done")
    expect(page.locator("#dialog")).to_be_hidden()


def test_a_form_that_is_not_right_comes_back_into_the_dialog(
    try_page: Try, page: Page, answer: Answer, watch
) -> None:
    watch.expect("422")
    answer("/ask", '<form hx-post="/act" hx-target="#dialog"><button>Go</button></form>')
    answer("/act", "<p>Say why.</p>", status=422)
    try_page('<button hx-get="/ask" hx-target="#dialog">Ask</button>')
    page.get_by_role("button", name="Ask").click()
    page.get_by_role("button", name="Go").click()
    expect(page.locator("#dialog")).to_contain_text("Say why.")
    expect(page.locator("[role=alert]")).to_have_text("")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (0, "The server did not answer. Load the page again and look"),
        (401, "You were logged out."),
        (403, "You may not do this"),
        (404, "This is no longer here."),
        (500, "Something went wrong on our side. Load the page again and look"),
        (418, "The server did not accept this (418)."),
    ],
)
@pytest.mark.parametrize("inside", ["", "dialog"])
def test_a_request_that_fails_says_what_to_do(
    try_page: Try, page: Page, watch, answer: Answer, status: int, sentence: str, inside: str
) -> None:
    watch.expect(str(status) if status else "ERR_FAILED|htmx:afterRequest|htmx:sendError")
    if status:
        answer("/act", "<p>no</p>", status=status)
    else:
        page.route("**/act", lambda route: route.abort())
    form = '<form hx-post="/act" data-submit-once><button>Go</button></form>'
    answer("/ask", form)
    try_page('<button hx-get="/ask" hx-target="#dialog">Ask</button>' if inside else form)
    if inside:
        page.get_by_role("button", name="Ask").click()
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_role("alert")).to_contain_text(sentence)
    expect(page.get_by_role("button", name="Go")).to_be_enabled()  # one may try again


def test_nothing_is_fetched_again_and_again_while_nobody_looks(try_page: Try, page: Page) -> None:
    asked: list[str] = []
    page.route(
        "**/poll*", lambda route: (asked.append(route.request.url), route.fulfill(body="x"))[1]
    )
    try_page('<i hx-get="/poll" hx-trigger="every 50ms"></i>')
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.evaluate("new Promise((done) => setTimeout(done, 100))")
    before = len(asked)
    page.evaluate("new Promise((done) => setTimeout(done, 200))")
    assert len(asked) == before
    page.evaluate("Object.defineProperty(document, 'hidden', {value: false})")
    with page.expect_request("**/poll"):
        pass


def test_a_chart_is_drawn_and_follows_the_colours(try_page: Try) -> None:
    series = json.dumps({"labels": ["1", "2"], "series": [{"name": "Bills", "values": [1, 3]}]})
    page = try_page(
        "<div class='mc-chart'><canvas data-chart role='img' aria-label='Bills' "
        f"data-series='{series}'></canvas></div>"
    )
    bars = "Chart.getChart(document.querySelector('canvas')).data.datasets[0].data"
    assert page.evaluate(bars) == [1, 3]
    page.evaluate("document.documentElement.classList.add('dark')")
    page.evaluate("new Promise(requestAnimationFrame)")
    assert page.evaluate(bars) == [1, 3]


def test_what_a_swapped_piece_announces_is_said_and_its_lists_work(
    try_page: Try, page: Page, answer: Answer
) -> None:
    answer("/piece", f'<div data-announce="3 bills entered.">{LIST}</div>')
    try_page('<div id="here"></div><button hx-get="/piece" hx-target="#here">More</button>')
    page.get_by_role("button", name="More").click()
    expect(page.get_by_role("status")).to_have_text("3 bills entered.")
    page.locator("#here").wait_for()
    page.keyboard.press("j")
    expect(page.locator("#one")).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator("[data-bulk-bar]")).to_have_text("1 bill, 0.1 USD")


def test_the_watch_sees_errors_exceptions_and_breaches_of_the_policy(try_page: Try, watch) -> None:
    page = try_page("<p>x</p>")
    page.evaluate("console.error('told')")
    page.evaluate("document.querySelector('p').setAttribute('onclick', 'alert(1)')")
    page.evaluate("setTimeout(() => { throw new Error('thrown') })")
    page.evaluate("new Promise((done) => setTimeout(done, 50))")
    seen = "\n".join(watch.problems)
    watch.expect(".")
    assert "told" in seen
    assert "thrown" in seen
    assert "Content Security Policy" in seen
