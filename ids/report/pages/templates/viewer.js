// One case: its images under every method, compared.
const viewer = { group: null, index: 0, mode: "grid", a: 0, b: 0, flipped: false, step: null, viewpoint: 0, shown: "render" };
const SOURCE = -1;
const TRUTH = -2;

const sourceName = () => (viewer.group.cases[viewer.index].decoded ? "source (null edit)" : "source");
const sideName = (side) => (side === SOURCE ? sourceName() : side === TRUTH ? "true edit" : viewer.group.labels[side]);

function sides() {
  const one = viewer.group.cases[viewer.index];
  const found = [SOURCE, ...viewer.group.labels.map((_, index) => index).filter((index) => resultOf(viewer.group, viewer.index, index))];
  return one.truth[0] && !viewer.group.labels.includes("true_edit") ? [...found, TRUTH] : found;
}

const statesOf = (result) => result?.states ?? result?.scene?.states;

// The number of a kept state of a result at the slider's place; null for the final edit.
function stateAt(result) {
  if (viewer.step === null || !statesOf(result)) return null;
  const { steps } = statesOf(result);
  let best = 0;
  steps.forEach((step, index) => { if (step <= viewer.step) best = index; });
  return best;
}

// What a scene shows, and what its greys are.
const SCENE_SHOWS = {
  render: ["renders", ""],
  distance: ["distances", "near is bright"],
  error: ["errors", "distance of colours from the true edit; white: half of their range or more"],
  video: ["video", "left before, right after the edit"],
};

function imageOfScene(side, scene) {
  const result = side >= 0 ? resultOf(viewer.group, viewer.index, side) : null;
  const state = stateAt(result);
  if (state !== null) return result.scene.states.images[state][viewer.viewpoint] ?? "";
  const found = side === TRUTH ? { render: scene.truth } : side === SOURCE ? scene : result?.scene;
  const names = found?.[viewer.shown];
  return (viewer.shown === "video" ? names : names?.[viewer.viewpoint]) ?? "";
}

function imageOf(side) {
  const one = viewer.group.cases[viewer.index];
  if (one.scene) return imageOfScene(side, one.scene);
  if (side === SOURCE) return one.source[0];
  if (side === TRUTH) return one.truth[0];
  const result = resultOf(viewer.group, viewer.index, side);
  const state = stateAt(result);
  return state === null ? (result?.[IMAGE] ?? "") : result.states.images[state];
}

// A case's mask is of its image; a scene may have one per viewpoint.
function maskOf(one) {
  if (!one.scene) return one.mask;
  if (viewer.shown === "video") return "";
  return one.scene.mask?.[viewer.viewpoint] || (viewer.viewpoint === 0 ? one.mask : "");
}

function valueAt(side, column) {
  const result = resultOf(viewer.group, viewer.index, side);
  if (!result) return null;
  const state = stateAt(result);
  if (state !== null && result.scene) return null; // states of scenes are not judged
  const along = result.states?.along[column];
  return state !== null && along ? along[state] : result[VALUES][column];
}

function captionOf(side) {
  const { group } = viewer;
  const metrics = side >= 0 ? group.metrics.filter((index) => !group.columns[index].measured).slice(0, 3) : [];
  return [el("b", {}, sideName(side)), ...metrics.map((index) => el("span", {}, `${group.columns[index].title} ${numberText(valueAt(side, index), group.columns[index])}`))];
}

function openCase(group, index, label) {
  const first = !byId("viewer").open;
  if (first || viewer.group !== group) Object.assign(viewer, { a: SOURCE, b: label ?? group.methods.at(-1) ?? SOURCE, flipped: false, step: null });
  else if (label !== undefined) viewer.b = label;
  Object.assign(viewer, { group, index });
  const available = sides();
  if (!available.includes(viewer.a)) viewer.a = available[0];
  if (!available.includes(viewer.b)) viewer.b = available.at(-1);
  if (first) { resetZoom(); byId("viewer").showModal(); }
  const link = caseLink(group, index);
  if (location.hash !== link) history.replaceState(null, "", link);
  document.title = `${group.cases[index].id} · ${group.title}`;
  showCase();
}

function closeCase() {
  byId("viewer").close();
}

function showCase() {
  const { group, index } = viewer;
  const one = group.cases[index];
  byId("viewer-title").textContent = one.id;
  byId("viewer-prompts").replaceChildren(el("bdi", { class: "from" }, one.prompts[0]), " → ", el("bdi", {}, one.prompts[1]), " ", ...one.tags.map((tag) => el("span", { class: "tag" }, tag)));
  const options = sides().map((side) => [side, sideName(side)]);
  fill(byId("side-a"), options, viewer.a);
  fill(byId("side-b"), options, viewer.b);
  byId("mask").closest("label").hidden = !one.mask && !one.scene?.mask;
  showSteps();
  showViewpoints();
  showPanes();
}

function showViewpoints() {
  const { scene } = viewer.group.cases[viewer.index];
  byId("viewpoints").hidden = !scene;
  if (!scene) return;
  const kept = viewer.step === null ? [] : viewer.group.byCase[viewer.index].flatMap((result) => statesOf(result)?.images ?? []);
  const last = Math.min(scene.views.length, ...kept.map((names) => names.length)) - 1; // states have the first viewpoints
  viewer.viewpoint = Math.min(viewer.viewpoint, last);
  if (viewer.shown === "error" && !scene.error) viewer.shown = "render";
  Object.assign(byId("viewpoint"), { max: last, value: viewer.viewpoint, disabled: viewer.shown === "video" });
  byId("viewpoint-text").textContent = scene.views[viewer.viewpoint];
  fill(byId("shown"), Object.keys(SCENE_SHOWS).filter((kind) => kind !== "error" || scene.error).map((kind) => [kind, SCENE_SHOWS[kind][0]]), viewer.shown);
  byId("shown-text").textContent = SCENE_SHOWS[viewer.shown][1];
}

function showSteps() {
  const steps = [...new Set(viewer.group.byCase[viewer.index].flatMap((result) => statesOf(result)?.steps ?? []))].sort((a, b) => a - b);
  const finals = viewer.group.cases[viewer.index].scene && viewer.shown !== "render"; // of these, states are not kept
  if (finals) viewer.step = null;
  byId("steps").hidden = steps.length < 2 || Boolean(finals);
  const slider = byId("step");
  slider.max = steps.length;
  slider.value = viewer.step === null ? steps.length : Math.max(0, steps.indexOf(viewer.step));
  viewer.steps = steps;
  byId("step-text").textContent = viewer.step === null ? "final edit" : `state after ${viewer.step} steps`;
}

function showPanes() {
  const { mode, a, b, group, index } = viewer;
  const panes = byId("panes");
  const mask = byId("mask").checked ? maskOf(group.cases[index]) : "";
  for (const button of document.querySelectorAll(".modes button")) button.setAttribute("aria-checked", String(button.dataset.mode === mode));
  panes.className = `panes ${mode === "grid" ? "" : "one"} ${mode === "difference" ? "difference" : ""}`;
  byId("gain-pick").hidden = mode !== "difference";
  panes.style.setProperty("--gain", byId("gain").value);
  if (mode === "grid") panes.replaceChildren(...sides().filter((side) => !group.cases[index].scene || imageOf(side)).map((side) => pane([imageOf(side)], mask, captionOf(side))));
  else if (mode === "flip") {
    const side = viewer.flipped ? b : a;
    const hint = el("span", {}, `space shows ${sideName(viewer.flipped ? a : b)}`);
    panes.replaceChildren(pane([imageOf(side)], mask, [...captionOf(side), hint], `${viewer.flipped ? "B" : "A"}: ${sideName(side)}`));
  } else panes.replaceChildren(pane([imageOf(a), imageOf(b)], mask, [el("b", {}, `|${sideName(a)} − ${sideName(b)}|`), el("span", {}, `× ${byId("gain").value}`)]));
  showNumbers();
}

function showNumbers() {
  const { group, index } = viewer;
  const labels = group.labels.map((_, label) => label).filter((label) => resultOf(group, index, label));
  const head = el("tr", {}, el("th", { scope: "col" }, el("button", { type: "button", class: "sort" }, "method")), ...group.metrics.map((column) =>
    el("th", { scope: "col", class: "num" }, el("button", { type: "button", class: "sort" }, group.columns[column].title + ({ 1: " ↑", "-1": " ↓" }[group.columns[column].better] ?? "")))));
  const rows = labels.map((label) => el("tr", {}, el("th", { scope: "row" }, group.labels[label]), ...group.metrics.map((column) => {
    const value = valueAt(label, column);
    return el("td", { class: "num", data: { sort: value ?? "" } }, numberText(value, group.columns[column]));
  })));
  const seed = group.seeds.length ? `, seed ${view.seed}` : "";
  const keys = labels.map((label) => `${group.labels[label]} ${resultOf(group, index, label)[KEY]}`).join(", ");
  byId("case-numbers").replaceChildren(
    el("table", { class: "grid" }, el("caption", {}, `Metrics of this case${seed}${viewer.step === null ? "" : `, ${byId("step-text").textContent}`}`), el("thead", {}, head), el("tbody", {}, ...rows)),
    el("p", { class: "quiet" }, el("small", {}, `Results: ${keys}`)));
}

// The next case in the order of the gallery.
function stepCase(by) {
  const order = viewer.group === view.group && gallery.cases.includes(viewer.index) ? gallery.cases : viewer.group.cases.map((_, index) => index);
  const at = order.indexOf(viewer.index);
  openCase(viewer.group, order[(at + by + order.length) % order.length]);
}

function setMode(mode) {
  Object.assign(viewer, { mode, flipped: false });
  showPanes();
}

async function shareCase() {
  const button = byId("share");
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = "Copied";
  } catch {
    button.textContent = "See the address bar";
  }
  setTimeout(() => { button.textContent = "Copy link"; }, 1600);
}

for (const button of document.querySelectorAll(".modes button")) button.addEventListener("click", () => setMode(button.dataset.mode));
for (const [id, key] of [["side-a", "a"], ["side-b", "b"]]) byId(id).addEventListener("change", () => { viewer[key] = Number(byId(id).value); showPanes(); });
byId("mask").addEventListener("change", showPanes);
byId("gain").addEventListener("input", showPanes);
byId("step").addEventListener("input", () => { viewer.step = viewer.steps[Number(byId("step").value)] ?? null; showSteps(); showViewpoints(); showPanes(); });
byId("viewpoint").addEventListener("input", () => { viewer.viewpoint = Number(byId("viewpoint").value); showViewpoints(); showPanes(); });
byId("shown").addEventListener("change", () => { viewer.shown = byId("shown").value; showSteps(); showViewpoints(); showPanes(); });
byId("reset").addEventListener("click", resetZoom);
byId("previous").addEventListener("click", () => stepCase(-1));
byId("next").addEventListener("click", () => stepCase(1));
byId("close").addEventListener("click", closeCase);
byId("share").addEventListener("click", shareCase);
byId("viewer").addEventListener("close", () => { history.replaceState(null, "", `#${view.page}`); document.title = view.title; });
