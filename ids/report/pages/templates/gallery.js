// Cases by methods; rows are built as they are scrolled to.
const CHUNK = 24;
const FEW_METHODS = 12; // more are folded away: they would fill the page
const gallery = { cases: [], built: 0 };

function fillGallery() {
  const group = view.group;
  fill(byId("tag"), [["", "all"], ...group.tags.map((tag) => [tag, tag])]);
  fill(byId("seed"), group.seeds.length ? group.seeds.map((seed) => [seed, seed]) : [["", "none"]]);
  view.seed = group.seeds[0] ?? null;
  const orders = group.metrics.filter((index) => group.columns[index].better).map((index) => [index, `worst ${group.columns[index].title} first`]);
  fill(byId("order"), [["", "as in the data set"], ...orders]);
  byId("masks").closest("label").hidden = !group.cases.some((one) => one.mask);
  byId("methods").replaceChildren(...group.labels.map((label, index) =>
    el("button", { type: "button", "aria-pressed": "true", onclick: (event) => toggleMethod(event.currentTarget, index) }, label),
  ));
  byId("choice").open = group.labels.length <= FEW_METHODS;
  showGallery();
}

function toggleMethod(button, index) {
  const pressed = button.getAttribute("aria-pressed") === "true";
  button.setAttribute("aria-pressed", String(!pressed));
  (pressed ? view.hidden.add(index) : view.hidden.delete(index));
  showGallery();
}

function chooseAll(shown) {
  view.hidden = new Set(shown ? [] : view.group.labels.keys());
  for (const button of byId("methods").children) button.setAttribute("aria-pressed", String(shown));
  showGallery();
}

function showGallery() {
  const group = view.group;
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const tag = byId("tag").value;
  gallery.cases = group.cases.map((_, index) => index).filter((index) => {
    const one = group.cases[index];
    const text = [one.id, ...one.prompts, one.instruction, ...one.tags].join(" ").toLowerCase();
    return (!tag || one.tags.includes(tag)) && words.every((word) => text.includes(word));
  });
  if (byId("order").value !== "") sortCases(group, Number(byId("order").value));
  byId("chosen").textContent = `${group.labels.length - view.hidden.size} of ${group.labels.length}`;
  gallery.built = 0;
  byId("rows").replaceChildren();
  const column = group.columns[galleryColumn()];
  byId("count").textContent = `${gallery.cases.length} of ${group.cases.length} cases${column ? `; below each image: ${column.title}` : ""}`;
  buildMore();
}

// By the mean over the methods on view, controls aside.
function sortCases(group, column) {
  const labels = shownLabels(group).filter((label) => group.methods.includes(label));
  const score = new Map(gallery.cases.map((index) => {
    const values = labels.map((label) => valueOf(group, index, label, column)).filter(Number.isFinite);
    return [index, values.length ? (values.reduce((a, b) => a + b, 0) / values.length) * group.columns[column].better : Infinity];
  }));
  gallery.cases.sort((a, b) => score.get(a) - score.get(b) || a - b);
}

function buildMore() {
  const next = gallery.cases.slice(gallery.built, gallery.built + CHUNK);
  gallery.built += next.length;
  byId("rows").append(...next.map((index) => caseRow(view.group, index, galleryColumn())));
}

// The metric below the images: the one that cases are sorted by.
function galleryColumn() {
  const order = byId("order").value;
  return order === "" ? mainMetric(view.group) : Number(order);
}

function caseRow(group, index, column, note = "") {
  const one = group.cases[index];
  const tags = one.tags.map((tag) => el("span", { class: "tag" }, tag));
  const who = el("div", { class: "who" },
    el("a", { href: caseLink(group, index) }, one.id), note ? el("p", {}, note) : null,
    el("p", { class: "from prompts" }, el("bdi", {}, one.prompts[0])), el("p", { class: "prompts" }, "→ ", el("bdi", {}, one.prompts[1])),
    one.instruction ? el("p", { class: "prompts" }, "“", el("bdi", {}, one.instruction), "”") : null, el("p", {}, ...tags));
  return el("article", { class: "case" }, who, strip(group, index, shownLabels(group), column, byId("masks").checked));
}

new IntersectionObserver((entries) => {
  if (entries.some((entry) => entry.isIntersecting)) buildMore();
}, { rootMargin: "1200px" }).observe(byId("more"));

let typing;
byId("search").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(showGallery, 120); });
for (const name of ["tag", "order", "masks"]) byId(name).addEventListener("change", showGallery);
byId("all").addEventListener("click", () => chooseAll(true));
byId("none").addEventListener("click", () => chooseAll(false));
byId("seed").addEventListener("change", () => { view.seed = byId("seed").value === "" ? null : Number(byId("seed").value); showGallery(); });
byId("size").addEventListener("input", () => byId("page-gallery").style.setProperty("--side", `${byId("size").value}px`));
