// Draws the table: one row for each line of code, thread and allocator. Knows nothing of captures; loads nothing.
"use strict";

const KINDS = { peak: "At the peak", leaked: "Never given back", temporary: "Temporary" };
const STEP = 200; // rows more each time

const columns = Object.fromEntries(Object.entries(data.rows).map(([name, packed]) => [name, column(packed)]));
const places = data.locations.map(([name, file, line]) => place(data.functions[name], data.files[file], line));
places.unshift({ name: "without Python frames", file: "", full: "", group: "grey", hue: 0 });

const rows = Array.from(columns.location, (location, index) => {
  const { id, name } = data.threads[columns.thread[index]];
  return {
    index,
    place: places[location],
    allocator: data.allocators[columns.allocator[index]],
    thread: name ?? (id ? String(id) : "others"),
  };
});
const state = { kind: "peak", query: "", by: "bytes", up: false, shown: STEP };

const amount = (name) => (row) => columns[`${state.kind}_${name}`][row.index];
const HEAD = {
  bytes: { words: "Bytes", value: amount("bytes"), style: "amount" },
  part: { words: "", style: "part" },
  blocks: { words: "Blocks", value: amount("blocks"), style: "amount" },
  allocator: { text: true, words: "Allocator", value: (row) => row.allocator, style: "word" },
  thread: { text: true, words: "Thread", value: (row) => row.thread, style: "word" },
  name: { text: true, words: "Function", value: (row) => row.place.name, style: "function" },
  full: { text: true, words: "Line", value: (row) => row.place.full, style: "file" },
};

function shownRows() {
  const words = ({ place, allocator, thread }) => `${place.name} ${place.full} ${allocator} ${thread}`.toLowerCase();
  const kept = rows.filter((row) => amount("blocks")(row) > 0 && (!state.query || words(row).includes(state.query)));
  const { value } = HEAD[state.by];
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
  return kept.sort((a, b) => (state.up ? 1 : -1) * compare(value(a), value(b)) || amount("bytes")(b) - amount("bytes")(a));
}

function draw() {
  const kept = shownRows();
  const size = kept.reduce((sum, row) => sum + amount("bytes")(row), 0);
  const whole = rows.reduce((sum, row) => sum + amount("bytes")(row), 0);
  byId("head").replaceChildren(element("tr", {}, ...Object.entries(HEAD).map(([name, { words, value, style }]) => {
    const head = element("th", { className: style });
    if (value) head.append(element("button", { type: "button", onclick: () => sort(name) }, words));
    if (name === state.by) head.setAttribute("aria-sort", state.up ? "ascending" : "descending");
    return head;
  })));
  byId("rows").replaceChildren(...kept.slice(0, state.shown).map((row) => {
    const { place, allocator, thread } = row;
    const fill = element("i", { className: place.group === "grey" ? "interpreter" : "" });
    fill.style.cssText = `width:${(100 * amount("bytes")(row)) / (whole || 1)}%;--hue:${place.hue}`;
    const cell = (style, text, title = "") => element("td", { className: style, title }, text);
    return element("tr", {},
      cell("amount", bytes(amount("bytes")(row))),
      cell("part", element("div", { className: "bar" }, fill), percent(amount("bytes")(row), whole)),
      cell("amount", number(amount("blocks")(row))),
      cell("word", allocator),
      cell("word", thread),
      cell("function", place.name, place.name),
      // The mark keeps a path that is read from its end in order.
      cell("file", place.full && `\u200e${place.full}`, place.full));
  }));
  byId("empty").hidden = kept.length > 0;
  byId("more").hidden = kept.length <= state.shown;
  byId("found").value = state.query ? `${plural(kept.length, "row")} · ${bytes(size)} · ${percent(size, whole)}` : plural(kept.length, "row");
}

function sort(name) {
  state.up = state.by === name ? !state.up : HEAD[name].text === true;
  state.by = name;
  draw();
}

function showKind(kind) {
  state.kind = kind;
  chosen("kinds", kind);
  draw();
}

function begin() {
  heading();
  if (data.left_out > 0) byId("left-out").textContent = `${plural(data.left_out, "small row")} left out`;
  segments("kinds", KINDS, showKind);
  byId("search").oninput = (event) => { state.query = event.target.value.trim().toLowerCase(); state.shown = STEP; draw(); };
  byId("more").onclick = () => { state.shown += STEP * 5; draw(); };
  const asked = location.hash.slice(1);
  showKind(asked in KINDS ? asked : data.view.kind);
}

begin();
