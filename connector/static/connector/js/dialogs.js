/* Dialogs: those of the page, and #dialog, into which htmx puts what the server says. */
import { $, near } from "./dom.js";

document.addEventListener("click", (event) => {
  const asks = near(event, "[data-confirm]");
  if (asks) {
    event.preventDefault();
    const dialog = $(asks.dataset.confirm);
    if (dialog && !dialog.open) dialog.showModal();
  }
  near(event, "[data-close]")?.closest("dialog")?.close();
});

function fill(box) {
  if (!box.open) box.showModal();
  $("[autofocus], input:not([type=hidden]), select, textarea, button:not([data-close])", box)?.focus();
  box.onclose = () => box.replaceChildren();
}

document.addEventListener("htmx:afterSwap", ({ detail }) => { if (detail.target.id === "dialog") fill(detail.target); });

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  // A dialog's work is done when its answer goes elsewhere.
  const box = detail.successful && detail.elt.closest?.("#dialog");
  if (box && !box.contains(detail.target)) box.close();
});
