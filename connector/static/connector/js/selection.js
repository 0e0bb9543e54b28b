/* Picking many: how many bills, and how much money. */
import { $$, near } from "./dom.js";

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

document.addEventListener("htmx:afterSettle", countAll);
addEventListener("pageshow", countAll); // the browser may have kept what was ticked
