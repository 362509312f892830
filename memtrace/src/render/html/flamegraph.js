// Draws the flame graph from the JSON in #data: callers above, what they called below, as wide as the bytes
// asked for from there on. Knows nothing of captures; loads nothing.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const KINDS = { peak: "At the peak", leaked: "Never given back", temporary: "Temporary" };
const ROW = 24; // pixels, with the gap
const THIN = 26; // a frame narrower than this has no label
const INVISIBLE = 0.4; // pixels; narrower frames are left out with all below them

const state = { kind: "peak", zoom: 0, query: "", imports: false };

// The tree comes as columns; a parent always has a smaller index than its children.
const count = data.parent.length;
const children = Array.from({ length: count }, () => []);
for (let node = 1; node < count; node++) children[data.parent[node]].push(node);

/** What a node called, passing over the frames of the import system unless they are wanted. */
function below(node) {
  if (state.imports) return children[node];
  const shown = [];
  const pending = [...children[node]];
  while (pending.length) {
    const child = pending.pop();
    if (place(child).imports) pending.push(...children[child]);
    else shown.push(child);
  }
  return shown;
}

function callerOf(node) {
  do node = data.parent[node]; while (!state.imports && node !== 0 && place(node).imports);
  return node;
}

const bytesOf = (node) => data.kinds[state.kind].bytes[node];
const blocksOf = (node) => data.kinds[state.kind].blocks[node];

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1023.95 && unit < units.length - 1) { value /= 1024; unit++; }
  return `${unit ? value.toFixed(1) : value} ${units[unit]}`;
}
const number = (value) => value.toLocaleString("en").replaceAll(",", "\u202f");
const percent = (part, whole) => `${(whole ? (100 * part) / whole : 0).toFixed(1)} %`;
const plural = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

function element(tag, properties = {}, ...inside) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...inside);
  return made;
}

function place(node) {
  const index = data.location[node];
  if (index < 0) return { name: data.command.at(-1) ?? "all allocations", file: "", line: 0, where: "", group: "root", hue: 0 };
  return places[index];
}

// One hue a file: warm for the user's own code, cool for libraries, none for the interpreter's own.
const places = data.locations.map(([name, file, line]) => {
  let group = "mine";
  if (file.startsWith("<frozen")) group = "grey";
  else if (/\/(site|dist)-packages\/|\/lib\/python\d/.test(file)) group = "library";
  let hash = 7;
  for (const character of file) hash = (hash * 31 + character.codePointAt(0)) >>> 0;
  const hue = group === "library" ? 190 + (hash % 80) : 22 + (hash % 68);
  const base = file.split("/").slice(-2).join("/");
  const imports = file.startsWith("<frozen importlib");
  return { name, file, line, imports, where: file ? `${base}:${line}` : "", group, hue };
});

function matches(node) {
  if (!state.query || data.location[node] < 0) return false;
  const { name, file, line } = place(node);
  return `${name} ${file}:${line}`.toLowerCase().includes(state.query);
}

/** The frames to draw: [node, depth, left, width] with left and width as shares of the zoomed node. */
function layout(width) {
  const frames = [];
  const above = [];
  for (let node = state.zoom; node !== 0; node = callerOf(node)) above.push(callerOf(node));
  above.reverse().forEach((node, depth) => frames.push([node, depth, 0, 1]));
  const whole = bytesOf(state.zoom);
  const pending = whole > 0 ? [[state.zoom, above.length, 0]] : [];
  while (pending.length) {
    const [node, depth, left] = pending.pop();
    const share = bytesOf(node) / whole;
    if (share * width < INVISIBLE) continue;
    frames.push([node, depth, left, share]);
    let from = left;
    for (const child of [...below(node)].sort((a, b) => bytesOf(b) - bytesOf(a))) {
      pending.push([child, depth + 1, from]);
      from += bytesOf(child) / whole;
    }
  }
  return { frames, above: above.length };
}

function draw() {
  const graph = byId("graph");
  const width = graph.clientWidth;
  const { frames, above } = layout(width);
  const drawn = document.createDocumentFragment();
  let deepest = 0;
  for (const [node, depth, left, share] of frames) {
    const { name, where, group, hue } = place(node);
    const wide = share * width;
    const frame = element("div", { className: "frame" });
    frame.dataset.node = node;
    frame.setAttribute("role", "treeitem");
    if (group === "grey" || group === "root") frame.classList.add(group);
    frame.style.setProperty("--hue", hue);
    frame.style.left = `${left * 100}%`;
    frame.style.width = `${Math.max(wide - 1, 0.4)}px`;
    frame.style.top = `${depth * ROW}px`;
    if (wide < THIN) frame.classList.add("thin");
    else frame.append(name, element("small", {}, `${where}  ${wide > 260 ? bytes(bytesOf(node)) : ""}`));
    if (depth < above) frame.classList.add("above");
    if (matches(node)) frame.classList.add("match");
    deepest = Math.max(deepest, depth);
    drawn.append(frame);
  }
  graph.replaceChildren(drawn);
  graph.style.height = `${(deepest + 1) * ROW}px`;
  graph.classList.toggle("searching", state.query !== "");
  byId("empty").hidden = bytesOf(0) > 0;
  graph.hidden = bytesOf(0) === 0;
  byId("reset").disabled = state.zoom === 0;
  drawPath();
  drawFound();
  drawLines();
}

function drawPath() {
  const path = [];
  for (let node = state.zoom; node !== 0; node = callerOf(node)) path.push(node);
  const shown = path.reverse().slice(-6);
  byId("path").replaceChildren(...shown.map((node) => {
    const button = element("button", { type: "button", onclick: () => zoom(node) }, place(node).name);
    return element("li", {}, button);
  }));
}

/** What the frames that match ask for, each byte once: frames below a match are part of it. */
function drawFound() {
  if (!state.query) { byId("found").value = ""; return; }
  let found = 0;
  let frames = 0;
  const pending = [0];
  while (pending.length) {
    const node = pending.pop();
    if (bytesOf(node) === 0) continue;
    if (matches(node)) { found += bytesOf(node); frames++; } else pending.push(...below(node));
  }
  byId("found").value = frames ? `${bytes(found)} · ${percent(found, bytesOf(0))}` : "nothing found";
}

function drawLines() {
  const own = new Map();
  for (let node = 0; node < count; node++) {
    let rest = bytesOf(node);
    let blocks = blocksOf(node);
    for (const child of children[node]) { rest -= bytesOf(child); blocks -= blocksOf(child); }
    if (rest <= 0) continue;
    const at = data.location[node];
    const before = own.get(at) ?? { rest: 0, blocks: 0, node };
    own.set(at, { rest: before.rest + rest, blocks: before.blocks + blocks, node });
  }
  const largest = [...own.values()].sort((a, b) => b.rest - a.rest).slice(0, 12);
  const most = largest[0]?.rest ?? 1;
  byId("lines").replaceChildren(...largest.map(({ rest, blocks, node }) => {
    const { file, line, group, hue } = place(node);
    const name = group === "root" ? "(without Python frames)" : place(node).name;
    const fill = element("i", { className: group === "grey" || group === "root" ? "interpreter" : "" });
    fill.style.width = `${(100 * rest) / most}%`;
    fill.style.setProperty("--hue", hue);
    // The mark keeps a path that is read from its end in order.
    const where = element("td", { title: file }, file ? `\u200e${file}:${line}` : "");
    const row = element("tr", { onclick: () => file && search(`${file}:${line}`) },
      element("td", {}, bytes(rest)),
      element("td", {}, element("div", { className: "bar" }, fill)),
      element("td", {}, number(blocks)),
      element("td", { title: name }, name),
      where);
    return row;
  }));
}

function zoom(node) { state.zoom = node; hideTip(); draw(); }

function search(words) {
  byId("search").value = words;
  state.query = words.trim().toLowerCase();
  draw();
}

function showKind(kind) {
  state.kind = kind;
  if (bytesOf(state.zoom) === 0) state.zoom = 0;
  for (const button of byId("kinds").children) button.setAttribute("aria-selected", button.dataset.kind === kind);
  draw();
}

function showTip(event) {
  const frame = event.target.closest(".frame");
  if (!frame) { hideTip(); return; }
  const node = Number(frame.dataset.node);
  const { name, file, line } = place(node);
  const tip = byId("tip");
  const whole = bytesOf(0);
  tip.replaceChildren(
    element("b", {}, name),
    element("span", {}, file ? `${file}:${line}` : "everything"),
    element("p", {}, `${bytes(bytesOf(node))} · ${percent(bytesOf(node), whole)} · ${plural(blocksOf(node), "block")}`));
  tip.hidden = false;
  const { offsetWidth: wide, offsetHeight: high } = tip;
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - wide - 8))}px`;
  tip.style.top = `${event.clientY + 18 + high > innerHeight ? event.clientY - high - 12 : event.clientY + 18}px`;
}
function hideTip() { byId("tip").hidden = true; }

function begin() {
  const { stats } = data;
  byId("command").textContent = data.command.join(" ") || "records from standard input";
  if (!stats.complete) {
    byId("warning").hidden = false;
    byId("warning").textContent = `Incomplete: ${stats.incomplete_because}`;
  }
  const numbers = [
    ["Peak", bytes(stats.peak_bytes), plural(stats.peak_allocations, "block")],
    ["Given out", bytes(stats.total_bytes), plural(stats.allocations, "allocation")],
    ["Never given back", bytes(stats.leaked_bytes), plural(stats.leaked_allocations, "block")],
  ];
  byId("numbers").append(...numbers.map(([name, size, blocks]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, `${size} `, element("small", {}, blocks)))));
  byId("kinds").append(...Object.entries(KINDS).map(([kind, words]) => {
    const button = element("button", { type: "button", onclick: () => showKind(kind) }, words);
    button.dataset.kind = kind;
    button.setAttribute("role", "tab");
    return button;
  }));
  byId("graph").addEventListener("click", (event) => {
    const frame = event.target.closest(".frame");
    if (frame) zoom(Number(frame.dataset.node));
  });
  byId("graph").addEventListener("mousemove", showTip);
  byId("graph").addEventListener("mouseleave", hideTip);
  byId("reset").onclick = () => zoom(0);
  byId("search").oninput = (event) => search(event.target.value);
  byId("imports").onchange = (event) => { state.imports = event.target.checked; zoom(0); };
  byId("theme").onclick = () => {
    const root = document.documentElement;
    const dark = (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    root.dataset.theme = dark ? "light" : "dark";
  };
  addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== byId("search")) { event.preventDefault(); byId("search").focus(); }
    if (event.key === "Escape") { if (state.query) search(""); else zoom(0); }
  });
  addEventListener("resize", draw);
  // A link may name what it shows: #leaked, #temporary.
  const asked = location.hash.slice(1);
  showKind(asked in KINDS ? asked : "peak");
}

begin();
