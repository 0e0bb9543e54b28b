/* Charts: bars in the shell's colours. */
import { $$, setUpEach } from "./dom.js";

/* `data-series`: {"labels": [...], "series": [{"name": "...", "values": [...]}]} */
function chart(canvas) {
  if (!window.Chart) return;
  window.Chart.getChart(canvas)?.destroy();
  const dark = document.documentElement.classList.contains("dark");
  const names = dark ? ["primary-400", "base-700", "base-400"] : ["primary-600", "base-200", "base-500"];
  const [bars, lines, text] = names.map((name) => getComputedStyle(document.documentElement).getPropertyValue(`--color-${name}`).trim());
  const { labels, series } = JSON.parse(canvas.dataset.series);
  const axis = { grid: { color: lines }, border: { display: false }, ticks: { color: text, maxRotation: 0 } };
  new window.Chart(canvas, {
    type: "bar",
    data: { labels, datasets: series.map(({ name, values }) => ({ label: name, data: values, backgroundColor: bars, borderRadius: 3, maxBarThickness: 28 })) },
    options: {
      animation: false, responsive: true, maintainAspectRatio: false, plugins: { legend: { display: series.length > 1, labels: { color: text } } },
      scales: { x: { ...axis, grid: { display: false } }, y: { ...axis, beginAtZero: true, ticks: { ...axis.ticks, precision: 0 } } },
    },
  });
}

new MutationObserver(() => $$("canvas[data-chart]").forEach(chart)).observe(document.documentElement, { attributeFilter: ["class"] });
setUpEach("canvas[data-chart]", chart);
