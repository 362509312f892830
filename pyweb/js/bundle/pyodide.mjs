// Pyodide in a bundle made with --snapshot: it begins with the memory image of its own start, where that makes no
// difference but in time.
import { loadPyodide as start } from "./pyodide-published.mjs";

export * from "./pyodide-published.mjs";

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
// Every page begins with the same image, and is to draw other numbers at random than the rest.
const SEED = 'import sys\nif "random" in sys.modules:\n    sys.modules["random"].seed()\ndel sys';

export async function loadPyodide(options = {}) {
    const given = Object.keys(options).filter((name) => options[name] !== undefined);
    const late = given.every((name) => LATE.has(name));
    const response = late ? await fetch(new URL("pyodide-image.bin", import.meta.url)) : null;
    if (!response?.ok) return start(options);
    const pyodide = await start({ ...options, _loadSnapshot: new Uint8Array(await response.arrayBuffer()) });
    pyodide.runPython(SEED, { globals: pyodide.toPy({}) });
    return pyodide;
}
