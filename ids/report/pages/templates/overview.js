// A line of images: the source, each setting, and the true edit where it is known.
function strip(group, caseIndex, labels, column, masks = false) {
  const one = group.cases[caseIndex];
  const figures = [thumb(one.source, one.decoded ? "source (null edit)" : "source", "", () => openCase(group, caseIndex), masks ? one.mask : "")];
  for (const label of labels) {
    const result = resultOf(group, caseIndex, label);
    const name = group.labels[label];
    const text = result && column !== undefined ? numberText(result[VALUES][column], group.columns[column]) : "";
    const pair = result ? [result[IMAGE], result[THUMB]] : ["", ""];
    const status = result ? result[STATUS] : "not run";
    figures.push(thumb(pair, name, text, () => openCase(group, caseIndex, label), masks ? one.mask : "", status));
  }
  if (one.truth[0] && !labels.some((label) => group.labels[label] === "true_edit")) {
    figures.push(thumb(one.truth, "true edit", "", () => openCase(group, caseIndex)));
  }
  return el("div", { class: "strip" }, ...figures);
}

function thumb([image, small], name, text, open, mask = "", status = "no image") {
  const caption = el("figcaption", {}, name, text ? el("span", {}, text) : null);
  if (!image) return el("figure", {}, el("div", { class: "thumb none", title: status }, status.slice(0, 60)), caption);
  const button = el("button", { type: "button", class: "thumb", onclick: open }, shownImage(small, name));
  if (mask) button.append(Object.assign(shownImage(mask, ""), { className: "mask" }));
  return el("figure", {}, button, caption);
}

function showSets() {
  const shown = DATA.groups.map((group) => {
    const metric = mainMetric(group);
    const methods = group.methods.map((index) => group.labels[index]);
    const facts = [`${group.cases.length} cases`, `${group.results.length} edits`, group.seeds.length ? `${group.seeds.length} seed${group.seeds.length > 1 ? "s" : ""}` : "no seeds", methods.slice(0, 8).join(", ") + (methods.length > 8 ? ` and ${methods.length - 8} more` : "")];
    const column = group.columns[metric];
    const title = el("h3", {}, el("a", { href: "#gallery", onclick: () => chooseGroup(group) }, group.title));
    const about = el("p", {}, facts.join(" · ") + (column ? `. Below each image: ${column.title}.` : "."));
    const rows = sample(group, 6).map((index) => el("div", {}, promptsOf(group.cases[index]), strip(group, index, shownLabels(group).slice(0, 10), metric)));
    return el("div", { class: "set-summary" }, title, about, el("div", { class: "sample" }, ...rows));
  });
  byId("sets").replaceChildren(...shown);
}

// Each prompt keeps its own direction: two in Hebrew would swap their places around the arrow.
const promptsOf = (one) => el("p", { class: "prompts" }, el("bdi", {}, one.prompts[0]), " → ", el("bdi", {}, one.prompts[1]));

// Evenly chosen cases, the first among them.
function sample(group, count) {
  const step = Math.max(1, Math.floor(group.cases.length / count));
  return group.cases.map((_, index) => index).filter((index) => index % step === 0).slice(0, count);
}

const shownLabels = (group) => group.labels.map((_, index) => index).filter((index) => group !== view.group || !view.hidden.has(index));
