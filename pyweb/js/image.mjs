// Makes Pyodide's memory image: started, with the modules imported that PyScript always imports, and not yet
// touched by any page. The entry module of an engine of its own (page/image.rs).
import { openDocument } from "pyweb://js/document.mjs";

const native = globalThis.__native;
// Only what draws nothing at random while it is imported: every page that begins with the image has it alike.
const MODULES = "asyncio, collections, contextlib, dataclasses, functools, inspect, io, json, re, textwrap, typing";

openDocument("", "http://localhost/");
// Not before: Pyodide looks about for a window as it is imported.
const { loadPyodide } = await import("https://cdn.jsdelivr.net/npm/pyodide/pyodide.mjs?as-published");
const pyodide = await loadPyodide({ indexURL: "https://cdn.jsdelivr.net/npm/pyodide/", _makeSnapshot: true });
pyodide.runPython(`import ${MODULES}`);
native.give("image", pyodide.makeMemorySnapshot());
native.exit(0);
