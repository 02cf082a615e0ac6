// The data of the page: groups of cases and results.
const DATA = JSON.parse(byId("data").textContent);
const [LABEL, CASE, SEED, STATUS, KEY, IMAGE, THUMB, VALUES] = [0, 1, 2, 3, 4, 5, 6, 7];
const CONTROLS = ["null_edit", "true_edit"];

for (const group of DATA.groups) {
  group.byCase = group.cases.map(() => []);
  group.cases.forEach((one, index) => { one.scene = group.scenes.cases[index]; });
  group.results.forEach((result, place) => {
    result.states = group.states[place];
    result.scene = group.scenes.results[place];
    group.byCase[result[CASE]].push(result);
  });
  group.seeds = [...new Set(group.results.map((result) => result[SEED]).filter((seed) => seed !== null))].sort((a, b) => a - b);
  group.tags = [...new Set(group.cases.flatMap((one) => one.tags))].sort();
  group.methods = group.labels.map((_, index) => index).filter((index) => !CONTROLS.includes(group.labels[index]));
  group.metrics = group.columns.map((_, index) => index).filter((index) => group.results.some((result) => result[VALUES][index] !== null));
}

const view = { group: DATA.groups[0], seed: null, hidden: new Set() };

const asNumber = (value) => (value === null ? NaN : typeof value === "string" ? (value === "inf" ? Infinity : -Infinity) : value);

function numberText(value, column) {
  if (value === null || value === undefined) return "–";
  return typeof value === "string" ? value.replace("inf", "∞") : value.toFixed(column.digits);
}

// The result of a case under a setting, at the chosen seed or without any.
function resultOf(group, caseIndex, label, seed = view.seed) {
  const found = group.byCase[caseIndex].filter((result) => result[LABEL] === label);
  return found.find((result) => result[SEED] === seed) ?? found.find((result) => result[SEED] === null) ?? found[0];
}

// Per case, the mean over the seeds of the finite values.
function valueOf(group, caseIndex, label, column) {
  const values = group.byCase[caseIndex]
    .filter((result) => result[LABEL] === label)
    .map((result) => asNumber(result[VALUES][column]))
    .filter(Number.isFinite);
  return values.length ? values.reduce((a, b) => a + b, 0) / values.length : NaN;
}

const caseLink = (group, caseIndex) => `#case=${group.cases[caseIndex].case}&set=${group.id}`;

function mainMetric(group) {
  const directed = group.metrics.find((index) => group.columns[index].better && !group.columns[index].measured);
  return directed ?? group.metrics[0];
}
