/* What htmx asks for: what comes back, and what does not. */
import { trouble } from "./announce.js";

if (window.htmx) {
  window.htmx.config.allowEval = false; // no code in attributes
  // What came in works at once: in between, a key would send its form as a whole page.
  window.htmx.config.defaultSettleDelay = 0;
  // A form that is not right comes back with 422 and shows why.
  window.htmx.config.responseHandling = [
    { code: "204", swap: false }, { code: "[23]..", swap: true }, { code: "422", swap: true }, { code: "[45]..", swap: false, error: true },
  ];
}

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

document.addEventListener("htmx:afterRequest", ({ detail }) => { if (detail.successful) trouble(""); });
