/* Copying. */
import { near } from "./dom.js";
import { say } from "./announce.js";

document.addEventListener("click", (event) => {
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
