// Draws the flame graph: callers above, what they called below (or the other way round), as wide as the bytes
// asked for from there on. Knows nothing of captures; loads nothing.
"use strict";

const ROW = 24; // pixels, with the gap
const THIN = 26; // a frame narrower than this has no label
const INVISIBLE = 0.6; // pixels; narrower frames are left out with all below them
const LINES = 12;

const state = { kind: "peak", query: "", inverted: false, threads: false, hideImports: true, hideOwn: true, onlyNew: false, from: 0, to: 0, lines: LINES };
let calls;
let zoomed;
let plot;
let drawn = [];

const totalOf = () => calls.root.bytes;

function matches(what) {
  if (!state.query || what === 0) return false;
  const { name, full } = places[what];
  return `${name} ${full}`.toLowerCase().includes(state.query);
}

/** The frames to draw: [call, depth, left, width] with left and width as shares of the zoomed call. */
function layout(width) {
  const frames = [];
  const above = [];
  for (let call = zoomed.caller; call; call = call.caller) above.push(call);
  above.reverse().forEach((call, depth) => frames.push([call, depth, 0, 1]));
  const whole = zoomed.bytes;
  const pending = whole > 0 ? [[zoomed, above.length, 0]] : [];
  while (pending.length) {
    const [call, depth, left] = pending.pop();
    const share = call.bytes / whole;
    if (share * width < INVISIBLE) continue;
    frames.push([call, depth, left, share]);
    // The leftmost is drawn first, so that the keyboard goes from left to right.
    let from = left + call.callees.reduce((sum, callee) => sum + callee.bytes, 0) / whole;
    for (const callee of call.callees.toReversed()) {
      from -= callee.bytes / whole;
      pending.push([callee, depth + 1, from]);
    }
  }
  return { frames, above: above.length };
}

function draw() {
  const graph = byId("graph");
  const width = graph.clientWidth || byId("plot").clientWidth;
  const { frames, above } = layout(width);
  const fragment = document.createDocumentFragment();
  let deepest = 0;
  drawn = frames.map(([call]) => call);
  frames.forEach(([call, depth, left, share], index) => {
    const { name, where, group, hue } = places[call.what];
    const wide = share * width;
    let kind = "frame";
    if (group === "grey" || group === "root") kind += ` ${group}`;
    if (wide < THIN) kind += " thin";
    if (depth < above) kind += " above";
    if (matches(call.what)) kind += " match";
    const frame = element("div", { className: kind });
    frame.dataset.index = index;
    frame.setAttribute("role", "treeitem");
    frame.setAttribute("aria-level", depth + 1);
    frame.style.cssText = `--hue:${hue};left:${left * 100}%;width:${Math.max(wide - 1, 0.6)}px;top:${depth * ROW}px`;
    if (wide >= THIN) {
      frame.tabIndex = 0;
      frame.append(name, element("small", {}, `${where}  ${wide > 260 ? bytes(call.bytes) : ""}`));
    }
    deepest = Math.max(deepest, depth);
    fragment.append(frame);
  });
  graph.replaceChildren(fragment);
  graph.style.height = `${(deepest + 1) * ROW}px`;
  graph.classList.toggle("searching", state.query !== "");
  byId("empty").hidden = totalOf() > 0;
  graph.hidden = totalOf() === 0;
  byId("reset").disabled = zoomed === calls.root;
  drawPath();
  drawFound();
  drawLines();
  drawRange();
}

function drawPath() {
  const path = [];
  for (let call = zoomed; call.caller; call = call.caller) path.push(call);
  const shown = path.reverse().slice(-6);
  byId("path").replaceChildren(...shown.map((call) =>
    element("li", {}, element("button", { type: "button", onclick: () => zoom(call) }, places[call.what].name))));
}

function drawFound() {
  if (!state.query) { byId("found").value = ""; return; }
  const found = calls.found(matches);
  byId("found").value = found ? `${bytes(found)} · ${percent(found, totalOf())}` : "nothing found";
}

function drawLines() {
  const all = calls.lines();
  const most = all[0]?.bytes || 1;
  byId("lines").replaceChildren(...all.slice(0, state.lines).map(({ what, bytes: size, blocks }) => {
    const { name, full, group, hue } = places[what];
    const fill = element("i", { className: group === "grey" || group === "root" ? "interpreter" : "" });
    fill.style.width = `${(100 * size) / most}%`;
    fill.style.setProperty("--hue", hue);
    const file = what >= FIRST_PLACE ? full : "";
    return element("tr", { onclick: () => search(file || name) },
      element("td", {}, bytes(size)),
      element("td", {}, element("div", { className: "bar" }, fill)),
      element("td", {}, number(blocks)),
      element("td", { title: name }, name),
      // The mark keeps a path that is read from its end in order.
      element("td", { title: file }, file ? `\u200e${file}` : ""));
  }));
  byId("more").hidden = all.length <= state.lines;
}

function drawRange() {
  byId("range").hidden = state.kind !== "time";
  if (state.kind === "time") byId("range-words").textContent = plot.words();
  byId("timeline")?.classList.toggle("active", state.kind === "time");
}

function zoom(call) { zoomed = call; hideTip(); draw(); }

function search(words) {
  byId("search").value = words;
  state.query = words.trim().toLowerCase();
  draw();
}

/** Takes the options into account, and stays where the reader was if that place is still there. */
function rebuild() {
  const path = [];
  for (let call = zoomed; call?.caller; call = call.caller) path.push(call.what);
  calls = new Calls(state);
  zoomed = calls.at(path.reverse()) ?? calls.root;
  if (zoomed.bytes === 0) zoomed = calls.root;
  draw();
}

function showKind(kind) {
  state.kind = kind;
  chosen("kinds", kind);
  rebuild();
}

function callAt(event) {
  const frame = event.target.closest(".frame");
  return frame && drawn[Number(frame.dataset.index)];
}

function tip(event) {
  const call = callAt(event);
  if (!call) { hideTip(); return; }
  const { name, full } = places[call.what];
  let within = 0;
  for (const callee of call.callees) within += callee.bytes;
  const lines = [`${bytes(call.bytes)} · ${percent(call.bytes, totalOf())} · ${plural(call.blocks, "block")}`];
  if (call.what !== 0 && call.bytes > within && within > 0 && !state.inverted) lines.push(`${bytes(call.bytes - within)} of it itself`);
  showTip(event, name, full, ...lines);
}

function options() {
  for (const [id, name] of [["imports", "hideImports"], ["interpreter", "hideOwn"], ["threads", "threads"], ["inverted", "inverted"]]) {
    const box = byId(id);
    box.checked = state[name];
    box.onchange = () => { state[name] = box.checked; rebuild(); };
  }
  byId("imports-option").hidden = !places.some((place) => place.imports);
  byId("interpreter-option").hidden = !places.some((place) => place.own);
  byId("threads-option").hidden = data.threads.length < 2;
}

function begin() {
  heading();
  if (data.threshold > 0) KINDS.temporary = `Temporary (≤ ${data.threshold})`;
  const timed = history && history.most.length > 2;
  if (!timed) { delete KINDS.time; byId("timeline").hidden = true; }
  segments("kinds", KINDS, showKind);
  Object.assign(state, data.view);
  // A link may name what it shows: #leaked, #temporary.
  const asked = location.hash.slice(1);
  if (asked in KINDS) state.kind = asked;
  if (timed) {
    plot = new Plot(([from, to]) => { Object.assign(state, { from, to }); showKind("time"); });
    state.to = plot.moments - 1;
    segments("range-mode", { end: "in use at its end", new: "new in it" }, (mode) => {
      state.onlyNew = mode === "new";
      chosen("range-mode", mode);
      rebuild();
    });
    chosen("range-mode", "end");
  }
  options();
  const graph = byId("graph");
  graph.addEventListener("click", (event) => { const call = callAt(event); if (call) zoom(call); });
  graph.addEventListener("keydown", (event) => { const call = event.key === "Enter" && callAt(event); if (call) zoom(call); });
  graph.addEventListener("mousemove", tip);
  graph.addEventListener("mouseleave", hideTip);
  byId("reset").onclick = () => zoom(calls.root);
  byId("more").onclick = () => { state.lines *= 4; drawLines(); };
  byId("search").oninput = (event) => search(event.target.value);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") { if (state.query) search(""); else zoom(calls.root); }
  });
  addEventListener("resize", draw);
  showKind(state.kind);
}

begin();
