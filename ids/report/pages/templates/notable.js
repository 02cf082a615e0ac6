// Worst, best and most disagreed-on cases of a metric.
const SHOWN = 6;

function fillNotable() {
  const group = view.group;
  const metrics = group.metrics.filter((index) => !group.columns[index].measured);
  fill(byId("notable-metric"), metrics.map((index) => [index, group.columns[index].title]), mainMetric(group));
  fill(byId("notable-method"), [["", "mean of all methods"], ...group.methods.map((index) => [index, group.labels[index]])]);
  showNotable();
}

function showNotable() {
  const group = view.group;
  const column = Number(byId("notable-metric").value);
  const chosen = byId("notable-method").value;
  const labels = chosen === "" ? group.methods : [Number(chosen)];
  if (!group.columns[column]) return byId("notable-rows").replaceChildren(el("p", { class: "quiet" }, "No metric has values."));
  const { better, digits, title } = group.columns[column];
  const scored = group.cases.map((_, index) => {
    const all = group.methods.map((label) => valueOf(group, index, label, column)).filter(Number.isFinite);
    const values = labels.map((label) => valueOf(group, index, label, column)).filter(Number.isFinite);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    return { index, mean, spread: all.length > 1 ? Math.max(...all) - Math.min(...all) : NaN };
  });
  const by = (key, sign) => scored.filter((one) => Number.isFinite(one[key])).sort((a, b) => sign * (a[key] - b[key]) || a.index - b.index).slice(0, SHOWN);
  const sign = better || 1;
  const part = (name, cases, text) => cases.length ? [el("h2", {}, name), el("div", { class: "rows" }, ...cases.map((one) => caseRow(group, one.index, column, text(one))))] : [];
  byId("notable-rows").replaceChildren(
    ...part(better ? "Worst" : "Lowest", by("mean", sign), (one) => `${title} ${one.mean.toFixed(digits)}`),
    ...part(better ? "Best" : "Highest", by("mean", -sign), (one) => `${title} ${one.mean.toFixed(digits)}`),
    ...part("Methods disagree most", by("spread", -1), (one) => `${title} differs by ${one.spread.toFixed(digits)}`),
  );
}

for (const name of ["notable-metric", "notable-method"]) byId(name).addEventListener("change", showNotable);
