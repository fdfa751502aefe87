// Lists all cases where the page holds only those to look at first: filtered, sorted, opened when asked for. The address is the state.
const STEP = 50;
const data = JSON.parse(document.getElementById("index").textContent);
const list = document.getElementById("list");
const form = document.getElementById("controls");
const more = document.getElementById("more");
const ERROR = 1, AGAINST = 2, BETTER = 4, WORSE = 8;
const needles = data.ids.map((id, row) => `${id}\n${data.questions[row]}`.toLowerCase());
const opened = new Map();
let rows = [], shown = 0;

function make(name, kind, text) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}

// The fragments of one chunk; their text is escaped, and the page's policy lets nothing in them run.
function fragments(number) {
  if (!opened.has(number)) {
    const packed = atob(document.getElementById(`chunk-${number}`).textContent);
    const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    opened.set(number, new Response(stream).json());
  }
  return opened.get(number);
}

async function fill(details, row) {
  const box = details.querySelector(".detail");
  if (box.dataset.filled) return;
  box.dataset.filled = "yes";
  const found = await fragments(Math.floor(row / data.chunk));
  box.innerHTML = found[row % data.chunk];
}

function item(row) {
  const state = data.states[row];
  const marks = make("span", "marks");
  if (state & ERROR) marks.append(make("span", "word fail", "! error"));
  if (state & AGAINST) marks.append(make("span", "word fail", "✕ against"));
  if (state & BETTER) marks.append(make("span", "word better", "▲ better"));
  if (state & WORSE) marks.append(make("span", "word worse", "▼ worse"));
  const summary = make("summary");
  summary.append(marks, make("bdi", "id", data.ids[row]), make("bdi", "asked", data.questions[row]));
  const by = form.elements.sort.value;
  if (by !== "") {
    const value = data.values[by.slice(1)][row];
    summary.append(make("span", "number at-value", value === null ? "none" : String(value)));
  }
  if (data.suites.length > 1) summary.append(make("span", "at-value", data.suites[data.suite[row]]));
  const details = make("details");
  details.append(summary, make("div", "detail"));
  details.addEventListener("toggle", () => { if (details.open) fill(details, row); });
  const made = make("li");
  made.append(details);
  return made;
}

function grow() {
  const next = rows.slice(shown, shown + STEP);
  list.append(...next.map(item));
  shown += next.length;
  more.hidden = shown >= rows.length;
}

function show() {
  const words = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
  const state = Number(form.elements.state.value || 0);
  const tag = form.elements.tag.value === "" ? -1 : Number(form.elements.tag.value);
  rows = [];
  for (let row = 0; row < needles.length; row++) {
    if (state && !(data.states[row] & state)) continue;
    if (tag >= 0 && !data.tag[row].includes(tag)) continue;
    if (words.every((word) => needles[row].includes(word))) rows.push(row);
  }
  const by = form.elements.sort.value;
  if (by !== "") {
    const column = data.values[by.slice(1)];
    const sign = by[0] === "-" ? -1 : 1;
    // Cases without the measure stand last either way.
    rows.sort((one, other) => (column[one] === null) - (column[other] === null) || sign * (column[one] - column[other]) || one - other);
  }
  list.replaceChildren();
  shown = 0;
  grow();
  document.getElementById("count").textContent = `${rows.length.toLocaleString("en")} of ${needles.length.toLocaleString("en")} cases`;
}

function remember() {
  const said = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  history.replaceState(null, "", said.size ? `#${said}` : location.pathname + location.search);
}

function recall() {
  const said = new URLSearchParams(location.hash.slice(1));
  for (const field of form.elements) if (field.name) field.value = said.get(field.name) ?? "";
}

for (const [number, name] of data.tags.entries()) form.elements.tag.append(new Option(name, number));
for (const [number, name] of data.measures.entries()) {
  form.elements.sort.append(new Option(`${name}, least first`, `+${number}`), new Option(`${name}, most first`, `-${number}`));
}
if (!data.tags.length) form.elements.tag.parentElement.hidden = true;
form.addEventListener("input", () => { remember(); show(); });
form.addEventListener("submit", (event) => event.preventDefault());
more.addEventListener("click", () => {
  const last = list.lastElementChild;
  grow();
  last?.nextElementSibling?.querySelector("summary")?.focus();
});
addEventListener("hashchange", () => { if (location.hash !== "#cases") { recall(); show(); } });
addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.closest("input, select, textarea")) {
    event.preventDefault();
    form.elements.q.focus();
  }
});
document.getElementById("partly")?.remove();
form.hidden = false;
recall();
show();
