// Runs a Python file in the Pyodide of a folder, as a script for Node does: node node.mjs FOLDER [FILE]
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, file] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(join(folder, "pyodide.mjs")));
const pyodide = await loadPyodide({ indexURL: folder });
pyodide.runPython(file ? readFileSync(file, "utf8") : "print(1)");
