// What all pages share: the data as it comes, numbers for people, elements, the theme.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

/** A column of whole numbers: seven bits a byte, the lowest first, the eighth says that more follow; base64. */
function column(packed) {
  const text = atob(packed);
  const numbers = [];
  for (let at = 0; at < text.length;) {
    let number = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = text.charCodeAt(at++);
      number += (byte & 127) * factor;
      if (byte < 128) break;
    }
    numbers.push(number);
  }
  return Float64Array.from(numbers);
}
/** In a column of differences of either sign the sign is the lowest bit. */
const signed = (number) => (number % 2 ? -(number + 1) / 2 : number / 2);

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

/** Buttons of which one is chosen. */
function segments(id, choices, choose) {
  byId(id).append(...Object.entries(choices).map(([value, words]) => {
    const button = element("button", { type: "button", onclick: () => choose(value) }, words);
    button.dataset.value = value;
    button.setAttribute("role", "tab");
    return button;
  }));
}
function chosen(id, value) {
  for (const button of byId(id).children) button.setAttribute("aria-selected", button.dataset.value === value);
}

/** The interpreter's own C code: its sources, or where those are not known, its program or library. */
const INTERPRETER = /(^|\/)((Include|Objects|Parser|Programs|Python)\/([a-z]+\/)?\w+|Modules\/(main|gcmodule|getpath))(\.c)?\.[ch]$|\/(lib)?python\d[\d.]*(\.so[\d.]*)?$/;
/** C code of the modules that come with Python. */
const MODULES = /(^|\/)Modules\/([\w-]+\/)*\w+(\.c)?\.[ch]$/;
/** What begins a program or a thread, before any of its code. */
const BEGINNING = /^(_start|__libc_start_\w+|start_thread|(__)?clone3?)$/;

/** One hue a file: warm for the user's own code, cool for libraries, none for the interpreter's own. */
function place(name, file, line) {
  // What starts a module or a script, and what runs Python code.
  const own = /^<frozen (runpy|zipimport)>/.test(file) || INTERPRETER.test(file)
    || (BEGINNING.test(name) && !/\.py$|^</.test(file));
  let group = "mine";
  if (!file || file.startsWith("<frozen") || own) group = "grey";
  else if (MODULES.test(file) || /\/(site|dist)-packages\/|\/lib\/python\d|^\/(usr\/)?lib(64)?\//.test(file)) group = "library";
  let hash = 7;
  for (const character of file) hash = (hash * 31 + character.codePointAt(0)) >>> 0;
  const hue = group === "library" ? 190 + (hash % 80) : 22 + (hash % 68);
  const base = file.split("/").slice(-2).join("/");
  const at = line ? `:${line}` : "";
  const imports = file.startsWith("<frozen importlib") || /\/importlib\/(_bootstrap|_bootstrap_external|__init__)\.py$/.test(file);
  return { name, file, line, imports, own, where: file ? base + at : "", full: file + at, group, hue };
}

/** Says what ran and how it went. */
function heading() {
  const { stats } = data;
  // The program's own name is enough; where it lies is told to who points there.
  const [program, ...rest] = data.command;
  byId("command").textContent = program ? [program.split("/").pop(), ...rest].join(" ") : "records from standard input";
  byId("command").title = data.command.join(" ");
  if (!stats.complete) {
    byId("warning").hidden = false;
    byId("warning").textContent = `Incomplete: ${stats.incomplete_because}`;
  }
  const numbers = [
    ["Peak", stats.peak_bytes, plural(stats.peak_allocations, "block")],
    ["Given out", stats.total_bytes, plural(stats.allocations, "allocation")],
    ["Never given back", stats.leaked_bytes, plural(stats.leaked_allocations, "block")],
  ];
  byId("numbers").append(...numbers.map(([name, size, blocks]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, `${bytes(size)} `, element("small", {}, blocks)))));
  byId("theme").onclick = () => {
    const root = document.documentElement;
    const dark = (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    root.dataset.theme = dark ? "light" : "dark";
  };
  addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== byId("search")) { event.preventDefault(); byId("search").focus(); }
  });
}

/** Shows a tip by the pointer, with these lines. */
function showTip(event, title, below, ...lines) {
  const tip = byId("tip");
  tip.replaceChildren(element("b", {}, title), element("span", {}, below), ...lines.map((line) => element("p", {}, line)));
  tip.hidden = false;
  const { offsetWidth: wide, offsetHeight: high } = tip;
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - wide - 8))}px`;
  tip.style.top = `${event.clientY + 18 + high > innerHeight ? event.clientY - high - 12 : event.clientY + 18}px`;
}
function hideTip() { byId("tip").hidden = true; }
