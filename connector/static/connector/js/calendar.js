/* A calendar: what is chosen fills the field with its expression. */
import { $, $$, near } from "./dom.js";

const DAILY = /^(\d{1,2}) (\d{1,2}) \* \* \*$/;
const two = (number) => String(number).padStart(2, "0");

function readCron(block) {
  const written = $(`#${block.dataset.cron}`).value.trim().replace(/\s+/g, " ");
  const [select, time, daily] = [$("select", block), $("input", block), DAILY.exec(written)];
  const known = [...select.options].map((one) => one.value).find((one) => one === written);
  select.value = daily ? "M H * * *" : known ?? "";
  if (daily) time.value = `${two(daily[2])}:${two(daily[1])}`;
  time.hidden = !daily;
  block.hidden = false;
}

addEventListener("input", (event) => {
  const block = near(event, "[data-cron]");
  if (!block) return $$("[data-cron]").forEach((one) => one.dataset.cron === event.target.id && readCron(one));
  const [select, time, field] = [$("select", block), $("input", block), $(`#${block.dataset.cron}`)];
  time.hidden = select.value !== "M H * * *";
  if (!select.value) return field.focus();
  const [hour, minute] = (time.value || "07:00").split(":").map(Number);
  field.value = select.value.replace("M", minute).replace("H", hour);
});

$$("[data-cron]").forEach(readCron);
