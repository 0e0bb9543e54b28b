/* Finding and making elements; what is done to those of the page and to those that htmx brings in. */
export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
export const shown = (element) => element.getClientRects().length > 0;
export const near = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);
export const make = (tag, values, ...inside) => {
  const element = Object.assign(document.createElement(tag), values);
  element.append(...inside);
  return element;
};

/* Does it to each such element: at once, and whenever htmx brings one in. Hears what was swapped in as `root`. */
export function setUpEach(selector, setUp) {
  const each = (root) => [...(root.matches?.(selector) ? [root] : []), ...$$(selector, root)].forEach((one) => setUp(one, root));
  each(document);
  document.addEventListener("htmx:load", (event) => each(event.target));
}
