// Pages, the chosen data set, dark mode and the keyboard.
const PAGES = ["overview", "tables", "gallery", "notable", "curves", "provenance"];
view.title = document.title;
view.page = "overview";

function showPage(name) {
  view.page = name;
  for (const page of PAGES) byId(`page-${page}`).hidden = page !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const nav = document.querySelector("nav"), chosen = nav.querySelector("[aria-current]");
  nav.scrollLeft = chosen.offsetLeft - nav.offsetLeft - (nav.clientWidth - chosen.offsetWidth) / 2; // a phone shows a part
  byId("group-pick").hidden = DATA.groups.length < 2 || name === "overview";
}

function chooseGroup(group) {
  if (group === view.group && gallery.built) return;
  Object.assign(view, { group, hidden: new Set() });
  byId("group").value = group.id;
  for (const set of document.querySelectorAll(".set")) set.hidden = set.dataset.group !== group.id;
  fillGallery();
  fillNotable();
}

// #case=DIGEST&set=GROUP opens a case, #NAME a page; anything else the overview.
function followHash() {
  if (location.hash === "#main") return undefined;
  const words = new URLSearchParams(location.hash.slice(1));
  if (words.has("case")) {
    const named = DATA.groups.filter((group) => group.id === words.get("set"));
    for (const group of [...named, ...DATA.groups]) {
      const index = group.cases.findIndex((one) => one.case === words.get("case"));
      if (index < 0) continue;
      showPage(view.page);
      chooseGroup(group);
      return openCase(group, index);
    }
  }
  if (byId("viewer").open) byId("viewer").close();
  const name = location.hash.slice(1);
  const page = PAGES.includes(name) ? name : "overview";
  if (page !== view.page) window.scrollTo(0, 0);
  return showPage(page);
}

const KEYS = {
  "1 … 6": "pages", "/": "search the gallery", "t": "dark or light", "?": "these shortcuts",
  "← →": "previous, next case", "↑ ↓": "choose B", "g": "all methods", "f": "flip between A and B", "space": "show the other of A and B",
  "d": "difference of A and B", "m": "mask", ", .": "earlier, later state", "+ − 0": "zoom in, out, reset", "l": "copy link", "Esc": "close",
};

function showKeys() {
  const list = el("dl", {}, ...Object.entries(KEYS).flatMap(([key, text]) => [el("dt", {}, key), el("dd", {}, text)]));
  byId("help").replaceChildren(el("h2", {}, "Keyboard"), list, el("p", { class: "quiet" }, "In a case: wheel or pinch zooms, drag moves, double click resets."), el("button", { type: "button", onclick: () => byId("help").close() }, "Close"));
  byId("help").showModal();
}

function switchTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
  try { localStorage.setItem("ids-theme", document.documentElement.dataset.theme); } catch { /* no storage: for this visit */ }
}

function chooseB(by) {
  const all = sides();
  viewer.b = all[(all.indexOf(viewer.b) + by + all.length) % all.length];
  showCase();
}

function moveStep(by) {
  const slider = byId("step");
  slider.value = Number(slider.value) + by;
  slider.dispatchEvent(new Event("input"));
}

function zoomMiddle(factor) {
  const stage = document.querySelector("#panes .stage");
  const { width, height } = stage.getBoundingClientRect();
  zoomAt(stage, width / 2, height / 2, factor);
}

const tick = (box) => { if (!box.closest("label").hidden) box.click(); };
const IN_CASE = {
  ArrowLeft: () => stepCase(-1), ArrowRight: () => stepCase(1), ArrowUp: () => chooseB(-1), ArrowDown: () => chooseB(1),
  g: () => setMode("grid"), f: () => setMode("flip"), d: () => setMode("difference"), m: () => tick(byId("mask")),
  " ": () => { viewer.flipped = !viewer.flipped; showPanes(); }, ",": () => moveStep(-1), ".": () => moveStep(1),
  "+": () => zoomMiddle(1.5), "=": () => zoomMiddle(1.5), "-": () => zoomMiddle(1 / 1.5), 0: resetZoom, l: shareCase,
};
const ANYWHERE = { "?": showKeys, t: switchTheme, "/": () => { location.hash = "gallery"; followHash(); byId("search").focus(); } };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), select")) return;
  if (byId("help").open || byId("source").open) return;
  const open = byId("viewer").open;
  const onButton = event.key === " " && event.target.matches("button, summary, input");
  const act = open ? (IN_CASE[event.key] ?? (event.key === "?" || event.key === "t" ? ANYWHERE[event.key] : undefined)) : ANYWHERE[event.key];
  if (act && !(onButton && viewer.mode !== "flip")) { event.preventDefault(); act(); }
  else if (!open && PAGES[Number(event.key) - 1]) location.hash = PAGES[Number(event.key) - 1];
});

try {
  const kept = localStorage.getItem("ids-theme");
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
} catch { /* no storage */ }
fill(byId("group"), DATA.groups.map((group) => [group.id, group.title]));
byId("group").addEventListener("change", () => chooseGroup(DATA.groups.find((group) => group.id === byId("group").value)));
byId("theme").addEventListener("click", switchTheme);
byId("keys").addEventListener("click", showKeys);
window.addEventListener("hashchange", followHash);
showSets();
chooseGroup(DATA.groups[0]);
followHash();
