/* The keys, and the list of them. */
import { $, $$, near, shown } from "./dom.js";
import { say } from "./announce.js";
import { current, reach, walk } from "./rows.js";

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
