// Sorting by a column, and the provenance of a cell.
function sortBy(button) {
  const header = button.closest("th");
  const row = header.parentElement;
  const index = [...row.children].indexOf(header);
  const body = header.closest("table").tBodies[0];
  const ascending = header.getAttribute("aria-sort") !== "ascending";
  for (const other of row.children) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const key = (line) => line.children[index].dataset.sort ?? line.children[index].textContent;
  const lines = [...body.rows].map((line, place) => ({ line, key: key(line), place }));
  lines.sort((a, b) => compareKeys(a.key, b.key, ascending ? 1 : -1) || a.place - b.place);
  body.append(...lines.map((one) => one.line));
}

// Numbers by value, text by letters; what is missing stays last.
function compareKeys(a, b, sign) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const [x, y] = [a, b].map((text) => Number(text.replace(/^(-?)inf$/, "$1Infinity")));
  if (!Number.isNaN(x) && !Number.isNaN(y)) return sign * (x === y ? 0 : x < y ? -1 : 1);
  return sign * a.localeCompare(b);
}

function prove(cell) {
  const group = DATA.groups.find((one) => one.id === cell.closest("table").dataset.group);
  const { label, against, column: key, n, left, spread } = cell.dataset;
  const column = group.columns.find((one) => one.key === key);
  const place = group.columns.indexOf(column);
  const [ours, theirs] = [label, against].map((name) => group.labels.indexOf(name));
  const unit = column.unit ? ` ${column.unit}` : "";
  const facts = [
    ["value", `${cell.textContent}${unit} ${spread}`],
    ["n", `${n} ${column.measured ? "batches" : "cases"}${left ? `; left out: ${left}` : ""}`],
    ["data set", group.title],
    ["weights", column.weights.join(", ") || "no network"],
  ];
  const commands = [...new Set([ours, theirs].filter((index) => index >= 0).map((index) => group.commands[index]).filter(Boolean))];
  if (!commands.length) facts.push(["made by", "the run of this setting is not in the store"]);
  commands.forEach((command) => facts.push(["made by", el("code", {}, command)]));
  facts.push(["shown by", el("code", {}, `ids table --output-dir ${quoted(DATA.store)} --dataset ${quoted(group.dataset)} --column ${quoted(key.split(" | ")[0])}`)]);
  facts.push(["cases", caseLinks(group, place, ours, theirs)]);
  const title = `${label}${against ? ` against ${against}` : ""}: ${column.title}`;
  const list = el("dl", { class: "prove" }, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  const close = el("button", { type: "button", onclick: () => byId("source").close() }, "Close");
  byId("source").replaceChildren(el("h2", {}, title), list, close);
  byId("source").showModal();
}

const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);

// Every case of a cell with its number, the worst first.
function caseLinks(group, column, ours, theirs) {
  const found = [];
  group.cases.forEach((one, index) => {
    const value = valueOf(group, index, ours, column) - (theirs >= 0 ? valueOf(group, index, theirs, column) : 0);
    if (Number.isFinite(value)) found.push([value, index]);
  });
  const sign = group.columns[column].better || 1;
  found.sort((a, b) => sign * (a[0] - b[0]) || a[1] - b[1]);
  const digits = group.columns[column].digits;
  const links = found.slice(0, 400).map(([value, index]) =>
    el("a", { href: caseLink(group, index), onclick: () => byId("source").close() }, `${group.cases[index].id} ${value.toFixed(digits)}`),
  );
  if (found.length > 400) links.push(`and ${found.length - 400} more`);
  return el("div", { class: "links" }, ...(links.length ? links : ["no single values are stored"]));
}

document.addEventListener("click", (event) => {
  const target = event.target.closest(".sort, .cell");
  if (target) (target.classList.contains("sort") ? sortBy : prove)(target);
});
