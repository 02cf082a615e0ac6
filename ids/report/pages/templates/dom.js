// Elements are made of text, never of markup.
const byId = (id) => document.getElementById(id);

function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "data") Object.assign(node.dataset, value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
  if (chosen !== undefined && options.some(([value]) => String(value) === String(chosen))) select.value = chosen;
}

// An image of a page: lazily loaded, its pixels not blurred where it is small.
function shownImage(name, alt, eager = false) {
  const image = el("img", { alt, loading: eager ? "eager" : "lazy", decoding: "async", draggable: "false" });
  image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth <= 128));
  image.src = `images/${name}`;
  return image;
}
