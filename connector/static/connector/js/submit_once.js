/* Forms that are sent once: until an answer comes, or the browser shows the page again. */
import { $$, near } from "./dom.js";

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

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const form = detail.elt.closest?.("form[data-sent]");
  if (form) release(form);
});

addEventListener("pageshow", (event) => { if (event.persisted) $$("form[data-sent]").forEach(release); });
