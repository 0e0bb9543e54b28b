/* Choosing from a long list: the combobox pattern. */
import { $, make, near, setUpEach } from "./dom.js";

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

setUpEach("[data-typeahead]", combobox);
