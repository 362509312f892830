// What a page gets as `pyodide.mjs`: Pyodide as published, which begins with the memory image of its own start
// (image.mjs) where that makes no difference but in time; and in `hash("a")`: every text in the image carries its hash,
// and every dictionary and set there is laid out by them, so that who loads it can no longer choose another seed. With
// `PYTHONHASHSEED` set, to `random` or to a number, Python starts anew.
import { hashSeed, readImage, SEED } from "pyweb://js/python.mjs";
import { loadPyodide as start } from "./pyodide.mjs?as-published";

export * from "./pyodide.mjs?as-published";

// The options that take effect after the start. With any other, such as `env`, Python starts anew.
const LATE = new Set([
    "checkAPIVersion",
    "convertNullToNone",
    "indexURL",
    "lockFileContents",
    "lockFileURL",
    "packageBaseUrl",
    "packages",
    "stderr",
    "stdin",
    "stdout",
]);

export async function loadPyodide(options = {}) {
    const indexURL = options.indexURL ?? new URL(".", import.meta.url).href;
    if (hashSeed) return start({ ...options, indexURL, env: { PYTHONHASHSEED: hashSeed, ...options.env } });
    const given = Object.keys(options).filter((name) => options[name] !== undefined);
    const image = given.every((name) => LATE.has(name)) ? readImage() : null;
    if (!image) return start({ ...options, indexURL });
    const pyodide = await start({ ...options, indexURL, _loadSnapshot: new Uint8Array(image) });
    // Pyodide keeps its options; the image is as big as its memory.
    image.transfer?.(0);
    pyodide.runPython(SEED);
    return pyodide;
}
