// The call tree and what each call asked for, as the options want them seen: frames left out, threads apart or
// together, callers or callees first. A call's callees are found when they are looked at. Draws nothing.
"use strict";

const KINDS = { peak: "At the peak", leaked: "Never given back", temporary: "Temporary", time: "Over time" };

// Nodes come as columns; a caller always has a smaller index than what it called.
const count = data.nodes.count;
const parents = column(data.nodes.up).map((up, node) => node - up);
const whats = column(data.nodes.what);
const callees = Array.from({ length: count }, () => []);
for (let node = 1; node < count; node++) callees[parents[node]].push(node);

const OUTSIDE = 1; // 0 is everything
const SMALL = 2;
const FIRST_THREAD = 3;
const FIRST_PLACE = FIRST_THREAD + data.threads.length;

/** What a node stands for; by the numbers in `whats`. */
const places = (() => {
  const grey = (name, below, group = "grey") => ({ name, file: "", line: 0, where: "", full: below, group, hue: 0 });
  const all = [
    grey(data.command.at(-1) ?? "everything", "everything", "root"),
    grey("without Python frames", "asked for where no Python code was running"),
    grey("many small ones", "calls too small to be told apart"),
  ];
  for (const { id, name } of data.threads) {
    const words = id === 0 ? "other threads" : `thread ${id}`;
    // From 2³¹ on it is no thread of the kernel's but a task.
    all.push(grey(!name ? words : id < 2 ** 31 ? `${name} (${id})` : name, words, "root"));
  }
  const [functions, files, lines] = ["function", "file", "line"].map((name) => column(data.locations[name]));
  functions.forEach((name, index) => all.push(place(data.functions[name], data.files[files[index]], lines[index])));
  return all;
})();
const isThread = (what) => what >= FIRST_THREAD && what < FIRST_PLACE;

const own = {};
for (const [kind, { bytes, blocks }] of Object.entries(data.own)) own[kind] = { bytes: column(bytes), blocks: column(blocks) };

const lives = data.lives && (() => {
  const [node, born, lived, bytes, blocks] = ["node", "born", "lived", "bytes", "blocks"].map((name) => column(data.lives[name]));
  for (let index = 1; index < node.length; index++) node[index] += node[index - 1];
  return { node, born, died: lived.map((moments, index) => (moments ? born[index] + moments : Infinity)), bytes, blocks: blocks.map(signed) };
})();

/** What each node itself had in use at the end of moment `to`; only what came since `from`, if that is wanted. */
function livedAt(from, to, onlyNew) {
  const sums = { bytes: new Float64Array(count), blocks: new Float64Array(count) };
  const earliest = onlyNew ? from : 0;
  for (let index = 0; index < lives.node.length; index++) {
    if (lives.born[index] < earliest || lives.born[index] > to || lives.died[index] <= to) continue;
    sums.bytes[lives.node[index]] += lives.bytes[index];
    sums.blocks[lives.node[index]] += lives.blocks[index];
  }
  return sums;
}

function withCallees(own) {
  const sums = Float64Array.from(own);
  for (let node = count - 1; node > 0; node--) sums[parents[node]] += sums[node];
  return sums;
}

/** The tree to look at. */
class Calls {
  constructor(options) {
    this.options = options;
    this.own = options.kind === "time" ? livedAt(options.from, options.to, options.onlyNew) : own[options.kind];
    this.bytes = withCallees(this.own.bytes);
    this.blocks = withCallees(this.own.blocks);
    this.root = options.inverted ? this.invertedRoot() : new Call(this, 0, null, [0]);
  }

  hidden(what) {
    const place = places[what];
    return what === 0
      || (isThread(what) && !this.options.threads)
      || (this.options.hideImports && place.imports)
      || (this.options.hideOwn && place.own);
  }

  invertedRoot() {
    const spots = [];
    for (let node = 0; node < count; node++) if (this.own.bytes[node] > 0 || this.own.blocks[node] > 0) spots.push([node, node]);
    return new Inverted(this, 0, null, spots);
  }

  /** The shown frame at `node` or nearest above it; 0 where there is none. */
  shown(node) {
    while (node !== 0 && this.hidden(whats[node])) node = parents[node];
    return node;
  }

  /** What each place asked for itself, largest first. */
  lines() {
    const sums = new Map();
    for (let node = 0; node < count; node++) {
      if (this.own.bytes[node] === 0 && this.own.blocks[node] === 0) continue;
      const sum = sums.get(whats[node]) ?? { what: whats[node], bytes: 0, blocks: 0 };
      sum.bytes += this.own.bytes[node];
      sum.blocks += this.own.blocks[node];
      sums.set(whats[node], sum);
    }
    return [...sums.values()].sort((a, b) => b.bytes - a.bytes);
  }

  /** Bytes of all stacks in which `matches` finds something, as they are shown. */
  found(matches) {
    const inside = new Uint8Array(count);
    let sum = 0;
    for (let node = 0; node < count; node++) {
      inside[node] = inside[parents[node]] || (!this.hidden(whats[node]) && matches(whats[node])) ? 1 : 0;
      if (inside[node]) sum += this.own.bytes[node];
    }
    return sum;
  }

  /** The call that is reached from the root by these places; none where there is no such one. */
  at(path) {
    let call = this.root;
    for (const what of path) {
      call = call?.callees.find((callee) => callee.what === what);
    }
    return call;
  }
}

/** Nodes that stand for the same place under the same shown caller. */
class Call {
  constructor(calls, what, caller, nodes) {
    Object.assign(this, { calls, what, caller, nodes, bytes: 0, blocks: 0 });
    for (const node of nodes) { this.bytes += calls.bytes[node]; this.blocks += calls.blocks[node]; }
  }

  get callees() {
    const groups = new Map();
    const pending = this.nodes.flatMap((node) => callees[node]);
    while (pending.length) {
      const node = pending.pop();
      if (this.calls.bytes[node] === 0) continue;
      if (this.calls.hidden(whats[node])) { for (const callee of callees[node]) pending.push(callee); continue; }
      const group = groups.get(whats[node]);
      if (group) group.push(node);
      else groups.set(whats[node], [node]);
    }
    const found = [...groups].map(([what, nodes]) => new Call(this.calls, what, this, nodes));
    return remembered(this, found);
  }
}

/** Nodes that asked for memory, each with the node that a caller's caller is next sought from. */
class Inverted {
  constructor(calls, what, caller, spots) {
    Object.assign(this, { calls, what, caller, spots, bytes: 0, blocks: 0 });
    for (const [node] of spots) { this.bytes += calls.own.bytes[node]; this.blocks += calls.own.blocks[node]; }
  }

  get callees() {
    const groups = new Map();
    for (const [node, from] of this.spots) {
      const above = this.calls.shown(from);
      if (above === 0) continue;
      const spot = [node, parents[above]];
      const group = groups.get(whats[above]);
      if (group) group.push(spot);
      else groups.set(whats[above], [spot]);
    }
    return remembered(this, [...groups].map(([what, spots]) => new Inverted(this.calls, what, this, spots)));
  }
}

function remembered(call, callees) {
  callees.sort((a, b) => b.bytes - a.bytes || a.what - b.what);
  Object.defineProperty(call, "callees", { value: callees });
  return callees;
}
