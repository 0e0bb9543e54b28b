/* What the pages do in the browser, by data attributes; the list of them is in docs/web.md.

   Everything is heard on the document, so that pieces which htmx swaps in work at once. Nothing
   here decides anything: the server does, and every act is a form or a link of the page. */
"use strict";

(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const shown = (element) => element.getClientRects().length > 0;
  const near = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);
  const make = (tag, values, ...inside) => {
    const element = Object.assign(document.createElement(tag), values);
    element.append(...inside);
    return element;
  };

  // -- what is said: a passing remark, or trouble that stays until something works again ----------
  const voices = $("#voices") ?? document.createElement("div"); // kept here, should a swap remove it
  let quiet = 0;

  function speak(as, sentence) {
    const home = $$("dialog[open]").at(-1) ?? document.body; // an open dialog covers all the rest
    if (voices.parentElement !== home) home.append(voices);
    const part = $(as, voices);
    if (part && part.textContent !== sentence) part.textContent = sentence;
  }

  function say(sentence) {
    speak("[role=status]", sentence);
    clearTimeout(quiet);
    quiet = setTimeout(() => speak("[role=status]", ""), 6000);
  }

  const trouble = (sentence) => speak("[role=alert]", sentence);

  // -- lists: j and k walk the rows ----------------------------------------------------------------
  let place = 0; // where the current row was, should it be swapped away

  /* What keys may reach: an open dialog hides everything behind it. */
  const reach = () => $$("dialog[open]").at(-1) ?? document;
  const rows = () => $$("[data-list] [data-row]", reach()).filter(shown);
  const current = () => rows().find((row) => row.hasAttribute("data-current"));

  function choose(row) {
    $$("[data-row][data-current]").forEach((other) => other.removeAttribute("data-current"));
    row.setAttribute("data-current", "");
    place = rows().indexOf(row);
  }

  function walk(step) {
    const all = rows();
    const here = current();
    const at = here ? all.indexOf(here) + step : place;
    const row = all[Math.max(0, Math.min(all.length - 1, at))];
    if (!row) return;
    choose(row);
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("focusin", (event) => {
    const row = near(event, "[data-row]");
    if (row && !row.hasAttribute("data-current")) choose(row);
  });

  // -- keys ----------------------------------------------------------------------------------------
  const TYPING = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";

  /* A key acts on the current row, else on what belongs to no row: never on another row's thing. */
  function press(key) {
    const able = $$(`[data-key="${CSS.escape(key)}"]`, reach()).filter((one) => shown(one) && !one.disabled);
    const row = current();
    const box = row?.closest("[data-keys]");
    const free = able.filter((one) => !one.closest("[data-row]"));
    const found = able.find((one) => row?.contains(one)) ?? free.find((one) => box?.contains(one)) ?? free.find((one) => !one.closest("[data-keys]"))
      ?? (!row && able.length === 1 ? able[0] : undefined); // nothing else on the page can be meant
    if (!found && able.length) say(row ? "This row has nothing for that key." : "Choose a row first: j and k walk the list.");
    if (found?.matches(TYPING)) found.focus();
    else found?.click();
    return able.length > 0;
  }

  const inRow = (selector) => { const row = current(); return row && $(selector, row); };

  function search() {
    const field = $$("[data-search]", reach()).find(shown);
    field?.focus();
    field?.select?.();
    return field;
  }

  /* The list of keys has those that do something on this page. */
  function fit(keys) {
    $$("[data-when]", keys).forEach((one) => { one.hidden = !$(one.dataset.when); });
  }

  function help() {
    const keys = $("#keys");
    if (keys?.open) keys.close();
    else if (keys) { fit(keys); keys.showModal(); }
    return keys;
  }

  document.addEventListener("click", (event) => {
    if (near(event, '[data-confirm="#keys"]')) fit($("#keys"));
  }, true);

  /* Each says by what it returns whether there was something to do. */
  const KEYS = {
    j: () => (walk(1), true),
    k: () => (walk(-1), true),
    x: () => { const box = inRow("[data-pick]"); box?.click(); return box; },
    Enter: (event) => { const link = event.target === current() && inRow("[data-open]"); if (link) link.click(); return link; },
    "/": search,
    "?": help,
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    if (near(event, TYPING) || (event.repeat && !"jk".includes(event.key))) return;
    const done = Object.hasOwn(KEYS, event.key) ? KEYS[event.key](event) : event.key.length === 1 && press(event.key);
    if (done) event.preventDefault();
  });

  // -- picking many: how many bills, and how much money --------------------------------------------
  /* Adds decimal texts exactly: as whole numbers of the smallest digit. */
  function sum(texts) {
    const digits = Math.max(...texts.map((text) => (text.split(".")[1] ?? "").length));
    let whole = 0n;
    for (const text of texts) {
      const [, sign, before, after = ""] = /^(-?)(\d*)(?:\.(\d*))?$/.exec(text) ?? [];
      if (before === undefined) continue; // not an amount: it counts as a bill only
      const units = BigInt(before + after.padEnd(digits, "0") || "0");
      whole += sign ? -units : units;
    }
    const plain = String(whole < 0n ? -whole : whole).padStart(digits + 1, "0");
    const head = plain.slice(0, plain.length - digits).replace(/\B(?=(\d{3})+$)/g, ",");
    return (whole < 0n ? "-" : "") + head + (digits ? `.${plain.slice(-digits)}` : "");
  }

  function counted(form, picks) {
    const thing = form.dataset.bulk || "bill";
    const money = new Map();
    let unreadable = 0;
    for (const { dataset: { amount, currency } } of picks) {
      if (amount && currency) money.set(currency, [...(money.get(currency) ?? []), amount]);
      else if (amount !== undefined) unreadable += 1; // a bill without a readable amount is in no sum
    }
    const sums = [...money].sort().map(([currency, texts]) => `${sum(texts)} ${currency}`);
    if (unreadable) sums.push(`${unreadable.toLocaleString("en-US")} amount${unreadable === 1 ? "" : "s"} unreadable`);
    const count = `${picks.length.toLocaleString("en-US")} ${thing}${picks.length === 1 ? "" : "s"}`;
    return [count, sums.join(" + ")].filter(Boolean).join(", ");
  }

  const picksOf = (form) => $$("[data-pick]").filter((box) => box.form === form);

  function count(form) {
    const all = picksOf(form);
    const picked = all.filter((box) => box.checked);
    const of = (name) => $$(`[${name}]`).filter((part) => part.closest("form") === form || (form.id && part.getAttribute(name) === form.id));
    for (const part of of("data-bulk-count")) part.textContent = counted(form, picked);
    for (const part of of("data-bulk-bar")) part.hidden = !picked.length;
    for (const box of $$("[data-pick-all]").filter((one) => one.form === form)) {
      box.checked = all.length > 0 && picked.length === all.length;
      box.indeterminate = picked.length > 0 && !box.checked;
    }
  }

  const countAll = () => $$("form[data-bulk]").forEach(count);

  document.addEventListener("change", (event) => {
    const box = near(event, "[data-pick], [data-pick-all]");
    if (!box?.form) return;
    if (box.matches("[data-pick-all]")) {
      for (const one of picksOf(box.form)) if (!one.disabled) one.checked = box.checked;
    }
    count(box.form);
  });

  // -- forms: sent once ----------------------------------------------------------------------------
  const buttonsOf = (form) => [...form.elements].filter((one) => one.matches("button, [type=submit]"));

  function release(form) {
    delete form.dataset.sent;
    for (const button of buttonsOf(form).filter((one) => one.dataset.waits)) { button.disabled = false; delete button.dataset.waits; }
  }

  document.addEventListener("submit", (event) => {
    const form = near(event, "form[data-submit-once]");
    if (!form) return;
    if (form.dataset.sent) { event.preventDefault(); event.stopImmediatePropagation(); return; }
    form.dataset.sent = "yes";
    // Later, because a disabled button would not be sent along.
    setTimeout(() => {
      for (const button of buttonsOf(form).filter((one) => !one.disabled)) { button.disabled = true; button.dataset.waits = "yes"; }
    });
  }, true);

  // -- a calendar: what is chosen fills the field with its expression -----------------------------
  const DAILY = /^(\d{1,2}) (\d{1,2}) \* \* \*$/;
  const two = (number) => String(number).padStart(2, "0");

  function readCron(block) {
    const written = $(`#${block.dataset.cron}`).value.trim().replace(/\s+/g, " ");
    const [select, time, daily] = [$("select", block), $("input", block), DAILY.exec(written)];
    const known = [...select.options].map((one) => one.value).find((one) => one === written);
    select.value = daily ? "M H * * *" : known ?? "";
    if (daily) time.value = `${two(daily[2])}:${two(daily[1])}`;
    time.hidden = !daily;
    block.hidden = false;
  }

  addEventListener("input", (event) => {
    const block = near(event, "[data-cron]");
    if (!block) return $$("[data-cron]").forEach((one) => one.dataset.cron === event.target.id && readCron(one));
    const [select, time, field] = [$("select", block), $("input", block), $(`#${block.dataset.cron}`)];
    time.hidden = select.value !== "M H * * *";
    if (!select.value) return field.focus();
    const [hour, minute] = (time.value || "07:00").split(":").map(Number);
    field.value = select.value.replace("M", minute).replace("H", hour);
  });

  $$("[data-cron]").forEach(readCron);

  addEventListener("pageshow", (event) => {
    if (event.persisted) $$("form[data-sent]").forEach(release);
    countAll(); // the browser may have kept what was ticked
  });

  // -- dialogs and copying -------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const asks = near(event, "[data-confirm]");
    if (asks) {
      event.preventDefault();
      const dialog = $(asks.dataset.confirm);
      if (dialog && !dialog.open) dialog.showModal();
    }
    near(event, "[data-close]")?.closest("dialog")?.close();
    const copies = near(event, "[data-copy]");
    if (copies) copy(copies.dataset.copy);
  });

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied.");
    } catch {
      say(`Your browser does not let us copy. Here it is: ${text}`);
    }
  }

  function fill(box) {
    if (!box.open) box.showModal();
    $("[autofocus], input:not([type=hidden]), select, textarea, button:not([data-close])", box)?.focus();
    box.onclose = () => box.replaceChildren();
  }

  // -- htmx: what comes back, and what does not ----------------------------------------------------
  const LOOK = "Load the page again and look whether it was done before you try once more.";
  const ENDS = {
    401: "You were logged out. Nothing was changed. Load the page again to log in.",
    403: "You may not do this, or you were logged out meanwhile. Nothing was changed. Load the page again.",
    404: "This is no longer here. Nothing was changed. Load the page again.",
    409: "Somebody was faster. Nothing was changed. Load the page again.",
  };

  function ended(status, changes) {
    if (ENDS[status]) return ENDS[status];
    if (!status) return changes ? `The server did not answer. ${LOOK}` : "The server does not answer. What you see may be old; nothing was changed.";
    if (status >= 500) return changes ? `Something went wrong on our side. ${LOOK}` : "Something went wrong on our side. Nothing was changed. Try again in a moment.";
    return `The server did not accept this (${status}). Nothing was changed. Load the page again.`;
  }

  const failed = ({ detail }) => trouble(ended(detail.xhr?.status ?? 0, detail.requestConfig?.verb !== "get"));
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) document.addEventListener(name, failed);
  document.addEventListener("htmx:swapError", () => trouble("The answer could not be shown. Load the page again."));

  document.addEventListener("htmx:beforeRequest", (event) => {
    // Nobody looks: what fetches itself again and again waits until somebody does.
    const polls = event.detail.elt.getAttribute("hx-trigger")?.includes("every ");
    if (polls && document.hidden) event.preventDefault();
  });

  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    const form = detail.elt.closest?.("form[data-sent]");
    if (form) release(form);
    if (detail.successful) trouble("");
    // A dialog's work is done when its answer goes elsewhere.
    const box = detail.successful && detail.elt.closest?.("#dialog");
    if (box && !box.contains(detail.target)) box.close();
  });

  document.addEventListener("htmx:afterSwap", ({ detail }) => { if (detail.target.id === "dialog") fill(detail.target); });
  document.addEventListener("htmx:afterSettle", countAll);
  document.addEventListener("htmx:load", (event) => setUp(event.target));

  // -- choosing from a long list: the combobox pattern ---------------------------------------------
  let boxes = 0;

  function combobox(wrap) {
    const input = $("input[type=text], input[type=search]", wrap);
    const hidden = $("input[type=hidden]", wrap);
    if (!input || !hidden || wrap.dataset.ready) return;
    wrap.dataset.ready = "yes";
    const id = `options-${++boxes}`;
    const name = input.labels?.[0]?.textContent.trim() || input.getAttribute("aria-label") || "Choices";
    const list = make("ul", { id, className: "mc-options", hidden: true, role: "listbox", ariaLabel: name });
    const said = make("p", { className: "mc-hears", role: "status" });
    wrap.append(list, said);
    const set = (values) => Object.entries(values).forEach(([name, value]) => input.setAttribute(name, value));
    set({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": id, autocomplete: "off" });
    const state = { input, hidden, list, said, items: [], at: -1, asked: 0, timer: 0 };
    input.addEventListener("input", () => {
      hidden.value = "";
      mind(state);
      clearTimeout(state.timer);
      state.timer = setTimeout(() => ask(wrap, state), 150);
    });
    input.addEventListener("keydown", (event) => steer(event, wrap, state));
    input.addEventListener("click", () => { if (list.hidden) ask(wrap, state); });
    input.addEventListener("blur", () => shut(state));
    list.addEventListener("mousedown", (event) => {
      event.preventDefault(); // the cursor stays in the field
      const at = [...list.children].indexOf(near(event, "[role=option]"));
      if (state.items[at]) take(state, at);
    });
  }

  /* A text that is no choice is not sent. */
  function mind({ input, hidden }) {
    input.setCustomValidity(input.value.trim() && !hidden.value ? "Choose one from the list." : "");
  }

  function shut(state) {
    clearTimeout(state.timer);
    state.asked += 1; // an answer that is still under way comes too late
    state.list.hidden = true;
    state.input.setAttribute("aria-expanded", "false");
    state.input.removeAttribute("aria-activedescendant");
    state.at = -1;
  }

  async function ask(wrap, state) {
    const turn = ++state.asked;
    const address = new URL(wrap.dataset.typeahead, location.href);
    address.searchParams.set("q", state.input.value.trim());
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" }, redirect: "manual" });
      if (!answer.ok) throw new Error(String(answer.status));
      const { items } = await answer.json();
      if (turn === state.asked) show(state, items, "Nothing fits.");
    } catch {
      if (turn === state.asked) show(state, [], "The list could not be fetched. Type again, or load the page again.");
    }
  }

  function show(state, items, nothing) {
    state.items = items;
    const line = (item, at) =>
      make("li", { id: `${state.list.id}-${at}`, role: "option", ariaSelected: "false" }, make("span", { textContent: item.name }), make("small", { textContent: item.note ?? "" }));
    const none = make("li", { className: "mc-nothing", role: "option", ariaDisabled: "true", textContent: nothing });
    state.list.replaceChildren(...(items.length ? items.map(line) : [none]));
    state.list.hidden = false;
    state.said.textContent = items.length ? `${items.length} choice${items.length === 1 ? "" : "s"}` : nothing;
    state.input.setAttribute("aria-expanded", "true");
    light(state, items.length && state.input.value.trim() ? 0 : -1);
  }

  function light(state, at) {
    state.at = at;
    state.items.forEach((_, n) => { state.list.children[n].ariaSelected = String(n === at); });
    const option = state.items[at] && state.list.children[at];
    if (option) state.input.setAttribute("aria-activedescendant", option.id);
    else state.input.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  function take(state, at) {
    const item = state.items[at];
    state.input.value = item.name;
    state.hidden.value = item.id;
    mind(state);
    shut(state);
    state.hidden.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function steer(event, wrap, state) {
    const last = state.items.length - 1;
    const isOpen = !state.list.hidden;
    const moves = {
      ArrowDown: () => { if (isOpen) light(state, state.at < last ? state.at + 1 : 0); else ask(wrap, state); },
      ArrowUp: () => { if (isOpen) light(state, state.at > 0 ? state.at - 1 : last); },
      Enter: () => { if (isOpen && state.at >= 0) take(state, state.at); },
      Escape: () => { if (isOpen) shut(state); },
    };
    if (event.isComposing || !Object.hasOwn(moves, event.key)) return;
    if (isOpen || event.key === "ArrowDown") event.preventDefault();
    moves[event.key]();
  }

  // -- charts: bars in the shell's colours ---------------------------------------------------------
  /* `data-series`: {"labels": [...], "series": [{"name": "...", "values": [...]}]} */
  function chart(canvas) {
    if (!window.Chart) return;
    window.Chart.getChart(canvas)?.destroy();
    const dark = document.documentElement.classList.contains("dark");
    const names = dark ? ["primary-400", "base-700", "base-400"] : ["primary-600", "base-200", "base-500"];
    const [bars, lines, text] = names.map((name) => getComputedStyle(document.documentElement).getPropertyValue(`--color-${name}`).trim());
    const { labels, series } = JSON.parse(canvas.dataset.series);
    const axis = { grid: { color: lines }, border: { display: false }, ticks: { color: text, maxRotation: 0 } };
    new window.Chart(canvas, {
      type: "bar",
      data: { labels, datasets: series.map(({ name, values }) => ({ label: name, data: values, backgroundColor: bars, borderRadius: 3, maxBarThickness: 28 })) },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false, plugins: { legend: { display: series.length > 1, labels: { color: text } } },
        scales: { x: { ...axis, grid: { display: false } }, y: { ...axis, beginAtZero: true, ticks: { ...axis.ticks, precision: 0 } } },
      },
    });
  }

  new MutationObserver(() => $$("canvas[data-chart]").forEach(chart)).observe(document.documentElement, { attributeFilter: ["class"] });

  // -- what is new on the page ---------------------------------------------------------------------
  function setUp(root) {
    const all = (selector) => [...(root.matches?.(selector) ? [root] : []), ...$$(selector, root)];
    all("[data-typeahead]").forEach(combobox);
    all("canvas[data-chart]").forEach(chart);
    all("[data-then-next]").forEach((row) => { choose(row); walk(1); }); // done with this one
    if (root !== document && root !== document.body) all("[data-announce]").forEach((part) => say(part.dataset.announce));
  }

  if (window.htmx) {
    window.htmx.config.allowEval = false; // no code in attributes
    // What came in works at once: in between, a key would send its form as a whole page.
    window.htmx.config.defaultSettleDelay = 0;
    // A form that is not right comes back with 422 and shows why.
    window.htmx.config.responseHandling = [
      { code: "204", swap: false }, { code: "[23]..", swap: true }, { code: "422", swap: true }, { code: "[45]..", swap: false, error: true },
    ];
  }
  setUp(document);
})();
