/* Lists: j and k walk the rows. */
import { $$, near, setUpEach, shown } from "./dom.js";

let place = 0; // where the current row was, should it be swapped away

/* What keys may reach: an open dialog hides everything behind it. */
export const reach = () => $$("dialog[open]").at(-1) ?? document;
const rows = () => $$("[data-list] [data-row]", reach()).filter(shown);
export const current = () => rows().find((row) => row.hasAttribute("data-current"));

function choose(row) {
  $$("[data-row][data-current]").forEach((other) => other.removeAttribute("data-current"));
  row.setAttribute("data-current", "");
  place = rows().indexOf(row);
}

export function walk(step) {
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

setUpEach("[data-then-next]", (row) => { choose(row); walk(1); }); // done with this one
