// Panes of images that zoom and pan together.
const zoom = { k: 1, x: 0, y: 0 };

function applyZoom() {
  const panes = byId("panes").style;
  panes.setProperty("--k", zoom.k);
  panes.setProperty("--x", `${zoom.x}px`);
  panes.setProperty("--y", `${zoom.y}px`);
}

function resetZoom() {
  Object.assign(zoom, { k: 1, x: 0, y: 0 });
  applyZoom();
}

// Zoom by a factor; the point (x, y) of a stage stays where it is.
function zoomAt(stage, x, y, factor) {
  const k = Math.min(32, Math.max(1, zoom.k * factor));
  const { width, height } = stage.getBoundingClientRect();
  zoom.x = x - (x - zoom.x) * (k / zoom.k);
  zoom.y = y - (y - zoom.y) * (k / zoom.k);
  zoom.k = k;
  clampZoom(width, height);
}

function clampZoom(width, height) {
  zoom.x = Math.min(0, Math.max(width * (1 - zoom.k), zoom.x));
  zoom.y = Math.min(0, Math.max(height * (1 - zoom.k), zoom.y));
  applyZoom();
}

function watchStage(stage) {
  const pointers = new Map();
  let distance = 0;
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = stage.getBoundingClientRect();
    zoomAt(stage, event.clientX - box.left, event.clientY - box.top, Math.exp(-event.deltaY / 400));
  }, { passive: false });
  stage.addEventListener("pointerdown", (event) => { stage.setPointerCapture(event.pointerId); pointers.set(event.pointerId, event); distance = 0; });
  stage.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return;
    const before = pointers.get(event.pointerId);
    pointers.set(event.pointerId, event);
    const box = stage.getBoundingClientRect();
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()];
      const now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
      if (distance) zoomAt(stage, (a.clientX + b.clientX) / 2 - box.left, (a.clientY + b.clientY) / 2 - box.top, now / distance);
      distance = now;
      return;
    }
    zoom.x += event.clientX - before.clientX;
    zoom.y += event.clientY - before.clientY;
    clampZoom(box.width, box.height);
  });
  for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => { pointers.delete(event.pointerId); distance = 0; });
  stage.addEventListener("dblclick", resetZoom);
}

// Images on top of each other, and a caption below.
function pane(names, mask, caption, flag = "") {
  const images = names.map((name) => shownImage(name, "", true));
  const layer = el("div", { class: "zoom" }, ...images);
  if (mask) layer.append(Object.assign(shownImage(mask, "", true), { className: "mask" }));
  const stage = el("div", { class: "stage" }, names.every(Boolean) ? layer : el("div", { class: "thumb none" }, "no image"));
  if (flag) stage.append(el("div", { class: "flag" }, flag));
  watchStage(stage);
  return el("figure", {}, stage, el("figcaption", {}, ...caption));
}
