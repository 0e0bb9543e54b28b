/* What is said: a passing remark, or trouble that stays until something works again. */
import { $, $$, setUpEach } from "./dom.js";

const voices = $("#voices") ?? document.createElement("div"); // kept here, should a swap remove it
let quiet = 0;

function speak(as, sentence) {
  const home = $$("dialog[open]").at(-1) ?? document.body; // an open dialog covers all the rest
  if (voices.parentElement !== home) home.append(voices);
  const part = $(as, voices);
  if (part && part.textContent !== sentence) part.textContent = sentence;
}

export function say(sentence) {
  speak("[role=status]", sentence);
  clearTimeout(quiet);
  quiet = setTimeout(() => speak("[role=status]", ""), 6000);
}

export const trouble = (sentence) => speak("[role=alert]", sentence);

setUpEach("[data-announce]", (part, root) => { if (root !== document && root !== document.body) say(part.dataset.announce); });
